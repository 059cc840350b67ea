"""Distances between named places, against published ones."""

import pytest

from inventory.errors import InputRejected
from inventory.geography import Point, great_circle_km

BERLIN, HAMBURG = Point(52.5200, 13.4050), Point(53.5511, 9.9937)
MUNICH, COLOGNE = Point(48.1351, 11.5820), Point(50.9375, 6.9603)


@pytest.mark.parametrize(
    ("one", "other", "km", "within_km"),
    [
        # Rosetta Code, "Haversine formula": Nashville to Los Angeles, 2886.45 km for R = 6371 km.
        (Point(36.12, -86.67), Point(33.94, -118.40), 2886.45, 0.1),
        # As the crow flies, in any table of German cities.
        (BERLIN, HAMBURG, 255, 1),
        (BERLIN, MUNICH, 504, 1),
        (BERLIN, COLOGNE, 477, 1),
        # Half the way around: π · R.
        (Point(90, 0), Point(-90, 77), 20015.1, 0.1),
        (BERLIN, BERLIN, 0, 1e-9),
    ],
)
def test_distance(one, other, km, within_km):
    assert great_circle_km(one, other) == pytest.approx(km, abs=within_km)
    assert great_circle_km(other, one) == pytest.approx(km, abs=within_km)


def test_a_latitude_beyond_the_pole_is_refused():
    with pytest.raises(InputRejected, match="latitude"):
        Point(91, 0)
