"""How far apart two places are, and how long a parcel needs between them."""

import math
from dataclasses import dataclass

from inventory.errors import InputRejected

EARTH_RADIUS_KM = 6371.0088
"""The mean radius of the earth as the International Union of Geodesy and Geophysics gives it."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the globe, in degrees; north and east are positive."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        for name, most in (("latitude", 90), ("longitude", 180)):
            if not -most <= getattr(self, name) <= most:
                raise InputRejected(f"must lie between -{most} and {most}", field=name)


def great_circle_km(one: Point, other: Point) -> float:
    """The distance along the surface, in km, by the haversine formula.

        a = sin²(Δφ/2) + cos φ₁ · cos φ₂ · sin²(Δλ/2),     d = 2R · asin √a

    The earth is taken as a sphere: right to about half a percent. Roads are longer.

    Source
    ------
    Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984), 159.

    One degree along the equator is a 360th of the way around:

    >>> round(great_circle_km(Point(0, 0), Point(0, 1)), 2)
    111.2
    """
    phi_one, phi_other = math.radians(one.latitude), math.radians(other.latitude)
    d_lambda = math.radians(other.longitude - one.longitude)
    half_chord_squared = (
        math.sin((phi_other - phi_one) / 2) ** 2
        + math.cos(phi_one) * math.cos(phi_other) * math.sin(d_lambda / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * math.asin(math.sqrt(min(half_chord_squared, 1.0)))


def transit_days(distance_km: float, *, km_per_day: float) -> int:
    """Days a parcel is on its way: it arrives the day after it left at the earliest.

    >>> transit_days(12.0, km_per_day=600.0), transit_days(601.0, km_per_day=600.0)
    (1, 2)
    """
    assert km_per_day > 0
    return max(1, math.ceil(distance_km / km_per_day))
