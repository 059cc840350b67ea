"""Where the synthetic retailer trades: two warehouses, a hub, five stores; who supplies it."""

import itertools
from dataclasses import dataclass

from inventory.geography import Point, great_circle_km
from inventory.transfers import Lane


@dataclass(frozen=True, slots=True)
class Place:
    """One location of the demo. `size` scales its demand, `assortment` the share of SKUs it has."""

    location: str
    name: str
    type: str
    latitude: float
    longitude: float
    methods: tuple[str, ...]
    size: float
    assortment: float
    cutoff: str
    weekend: float
    """How much more (or less) it sells on Saturdays, as a factor."""


SHOP = ("bopis", "same_day", "sfs")

PLACES = (
    # location, name, type, latitude, longitude, methods, size, assortment, cut-off, weekend
    Place("dc-east", "DC East", "warehouse", 52.48, 13.62, ("ship",), 2.6, 1.0, "18:00", 1.0),
    Place("dc-west", "DC West", "warehouse", 51.51, 7.12, ("ship",), 2.2, 1.0, "18:00", 1.0),
    Place("hub-berlin", "Hub Berlin", "hub", 52.51, 13.40, ("same_day",), 0.9, 0.5, "20:00", 1.2),
    Place("store-berlin", "Store Berlin", "store", 52.53, 13.38, SHOP, 1.6, 0.75, "17:00", 1.5),
    Place("store-hamburg", "Store Hamburg", "store", 53.55, 9.99, SHOP, 1.3, 0.7, "17:00", 1.45),
    Place("store-koeln", "Store Köln", "store", 50.94, 6.96, SHOP, 1.1, 0.65, "17:00", 1.4),
    Place("store-leipzig", "Store Leipzig", "store", 51.34, 12.37, SHOP, 0.8, 0.55, "16:00", 1.3),
    Place("store-muenchen", "Store München", "store", 48.14, 11.58, SHOP, 1.2, 0.65, "17:00", 1.5),
)  # fmt: skip

GROUPS = {
    "ship-to-home": ("Everything that ships to a home", ("dc-east", "dc-west")),
    "berlin": ("Same day in Berlin", ("hub-berlin", "store-berlin")),
}
"""Group -> its name and its locations."""

CHANNELS = {
    "web": ("Web shop", 900),
    "app": ("App", 900),
    "marketplace": ("Marketplace", 1800),
    "store": ("Till", 300),
}
"""Channel -> its name and how many seconds a cart holds."""

VENDORS = (
    # vendor, name, lead time (mean and spread, days), review (days), smallest order (money)
    ("acme", "Acme Foods", 3.0, 0.8, 1.0, 100.0),
    ("borealis", "Borealis Home", 7.0, 2.0, 2.0, 150.0),
    ("cobalt", "Cobalt Electronics", 10.0, 3.0, 7.0, 400.0),
    ("dahlia", "Dahlia Garden", 5.0, 1.5, 2.0, 120.0),
    ("ember", "Ember Apparel", 14.0, 4.0, 7.0, 500.0),
    ("fjord", "Fjord Care", 4.0, 1.0, 1.0, 80.0),
)

LANE_KM_MAX = 450
"""Vans of the demo go no further: to be back on the next morning."""

COUNTRY = "DE"
TIMEZONE = "Europe/Berlin"


def lanes() -> list[Lane]:
    """Vans between places that are near enough: dearer, and a day slower, the further they go."""
    found = []
    for one, other in itertools.permutations(PLACES, 2):
        ends = [Point(place.latitude, place.longitude) for place in (one, other)]
        km = great_circle_km(*ends)
        if km <= LANE_KM_MAX:
            found.append(
                Lane(
                    one.location, other.location, freight_per_unit=round(0.1 + 0.001 * km, 2),
                    lead_time_days=1 if km <= LANE_KM_MAX / 2 else 2, handling_per_unit=0.05,
                    capacity_units=300,
                )
            )  # fmt: skip
    return found
