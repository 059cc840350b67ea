"""Places, things and the rules that belong to them, checked once where they come in.

Every kind is a frozen dataclass with the fields of its HTTP body. One that exists is valid: making
one with a value that makes no sense raises `InputRejected`, which names the field.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from inventory.catalog_checks import (
    at_least,
    between,
    known_zone,
    one_of,
    period,
    sound_currency,
    sound_id,
)
from inventory.errors import InputRejected
from inventory.vendor_dispatch import check_address

LOCATION_TYPES = ("warehouse", "store", "hub", "vendor")
METHODS = ("ship", "sfs", "bopis", "same_day")
"""Shipped from a warehouse, shipped from a store, picked up, brought the same day."""

INTEGER_MAX = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Location:
    """A place that holds stock."""

    id: str
    name: str
    type: str
    latitude: float | None = None
    longitude: float | None = None
    timezone: str = "UTC"
    methods: tuple[str, ...] = ()
    daily_capacity: int | None = None
    cutoff: time | None = None
    """Local time after which a promise can no longer leave today; none: midnight."""
    put_away_lag_days: int = 0
    """From the dock to the shelf."""
    handling_days: int | None = None
    """From deciding that something is sent from here to the day it leaves for the customer. None:
    at once, but from a vendor after the lead time of the vendor of the SKU."""
    cost_per_parcel: float | None = None
    cost_per_unit: float | None = None
    cost_per_km: float | None = None
    """Money for sending a parcel from here; none: the defaults of `inventory.sourcing`."""
    km_per_day: float | None = None
    """How far a parcel from here gets in a day."""
    receipt_approval: bool = False
    """Whether goods that arrive wait in inspection until somebody approves them."""

    def __post_init__(self) -> None:
        sound_id(self.id)
        one_of("type", self.type, LOCATION_TYPES)
        between("latitude", self.latitude, -90, 90)
        between("longitude", self.longitude, -180, 180)
        known_zone(self.timezone)
        for method in self.methods:
            one_of("methods", method, METHODS)
        at_least("daily_capacity", self.daily_capacity, 0)
        at_least("put_away_lag_days", self.put_away_lag_days, 0)
        at_least("handling_days", self.handling_days, 0)
        for name in ("cost_per_parcel", "cost_per_unit", "cost_per_km"):
            at_least(name, getattr(self, name), 0)
        at_least("km_per_day", self.km_per_day, 1)


@dataclass(frozen=True, slots=True)
class Vendor:
    """Somebody we buy from."""

    id: str
    name: str = ""
    lead_time_days: float = 7.0
    lead_time_sd_days: float = 0.0
    review_period_days: float = 1.0
    email: str | None = None
    min_order_value: float = 0.0
    order_cost: float | None = None
    """Money per order, whatever is on it; none: items are ordered one by one."""
    currency: str | None = None
    truck_units: int | None = None
    """Units of a full truck: orders come in whole ones."""
    full_pallets: bool = False
    """Whether lines come in whole pallets."""
    lead_time_assumed: bool = False
    """Whether nobody said how long it takes, so that the default stands there."""

    def __post_init__(self) -> None:
        sound_id(self.id)
        for name in ("lead_time_days", "lead_time_sd_days", "review_period_days", "order_cost"):
            at_least(name, getattr(self, name), 0)
        at_least("min_order_value", self.min_order_value, 0)
        at_least("truck_units", self.truck_units, 1)
        sound_currency(self.currency)
        if self.email is not None:
            check_address(self.email, field="email")


@dataclass(frozen=True, slots=True)
class Sku:
    """A thing that is stocked and sold."""

    id: str
    name: str
    category: str = ""
    brand: str = ""
    vendor: str | None = None
    unit_cost: float = 0.0
    price: float = 0.0
    pack_size: int = 1
    min_order_quantity: int = 0
    shelf_life_days: int | None = None
    holding_cost: float | None = None
    """Money per unit and year; none: a share of unit cost."""
    order_cost: float | None = None
    """Money per order line placed; none: the default."""
    max_order_quantity: int | None = None
    """Most units that one order may hold; none: no maximum."""
    pallet_size: int | None = None
    """Units on a pallet."""
    currency: str | None = None
    """Of its cost and price; none: that of the house, `VOUCH_CURRENCY`."""

    def __post_init__(self) -> None:
        sound_id(self.id)
        at_least("pack_size", self.pack_size, 1)
        at_least("pallet_size", self.pallet_size, 1)
        at_least("max_order_quantity", self.max_order_quantity, 0)
        sound_currency(self.currency)
        for name in ("unit_cost", "price", "min_order_quantity", "shelf_life_days"):
            at_least(name, getattr(self, name), 0)
        at_least("holding_cost", self.holding_cost, 0)
        at_least("order_cost", self.order_cost, 0)


@dataclass(frozen=True, slots=True)
class Channel:
    """Where customers buy."""

    id: str
    name: str = ""
    soft_ttl_seconds: int = 900
    order_ttl_seconds: int = 172_800
    oversell_units: int = 0

    def __post_init__(self) -> None:
        sound_id(self.id)
        at_least("soft_ttl_seconds", self.soft_ttl_seconds, 1)
        at_least("order_ttl_seconds", self.order_ttl_seconds, 1)
        at_least("oversell_units", self.oversell_units, 0)


@dataclass(frozen=True, slots=True)
class Group:
    """Locations that serve a view together."""

    id: str
    locations: tuple[str, ...]
    name: str = ""

    def __post_init__(self) -> None:
        sound_id(self.id)
        if not self.locations and not is_built_in(self.id):
            raise InputRejected("a group needs at least one location", field="locations")


EVERYWHERE = "*"
"""The group of every location."""

TIER_PREFIX = "tier:"
"""What the ids of the groups of all locations of one type begin with, as in `tier:store`."""


def is_built_in(group_id: str) -> bool:
    """Whether a group is kept by the database itself, as locations come and go."""
    return group_id == EVERYWHERE or group_id.startswith(TIER_PREFIX)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A SKU that is sold as so many of others."""

    id: str
    components: Mapping[str, int]
    ship_together: bool = False
    """All of one bundle must leave from one location, also when it is asked of a group."""

    def __post_init__(self) -> None:
        sound_id(self.id)
        if not self.components:
            raise InputRejected("a bundle needs at least one component", field="components")
        for component, units in self.components.items():
            if component == self.id:
                raise InputRejected("a bundle cannot contain itself", field="components")
            if type(units) is not int or not 1 <= units <= INTEGER_MAX:
                raise InputRejected(
                    f"{units!r} of '{component}' is not a whole number of 1 or more",
                    field="components",
                )


@dataclass(frozen=True, slots=True)
class BufferRule:
    """Units withheld from a view. Empty selectors match everything; the most specific rule wins."""

    id: str
    sku: str | None = None
    category: str | None = None
    location: str | None = None
    location_type: str | None = None
    method: str | None = None
    channel: str | None = None
    quantity: int | None = None
    days_of_cover: float | None = None
    forecast: Mapping[str, object] | None = None
    lookahead_days: int | None = None

    def __post_init__(self) -> None:
        sound_id(self.id)
        if self.location_type is not None:
            one_of("location_type", self.location_type, LOCATION_TYPES)
        if self.method is not None:
            one_of("method", self.method, METHODS)
        for name in ("quantity", "days_of_cover", "lookahead_days"):
            at_least(name, getattr(self, name), 0)
        sizes = (self.quantity, self.days_of_cover, self.forecast)
        if sum(size is not None for size in sizes) != 1:
            raise InputRejected(
                "give exactly one of 'quantity', 'days_of_cover' and 'forecast'", field="quantity"
            )
        if self.forecast is not None:
            check_forecast_measure({k: v for k, v in self.forecast.items() if v is not None})


def check_forecast_measure(measure: Mapping[str, object]) -> None:
    """Raise `InputRejected` where a rule's `forecast` is one that no job could follow."""
    for name, value in measure.items():
        if name not in FORECAST_MEASURES:
            known = ", ".join(FORECAST_MEASURES)
            raise InputRejected(f"'{name}' is not one of {known}", field="forecast")
        least, most, bounds = FORECAST_MEASURES[name]
        kinds = int if name == "floor" else int | float
        number = isinstance(value, kinds) and not isinstance(value, bool)
        if not (number and least <= float(str(value)) <= most):
            raise InputRejected(f"'{name}' is {value!r}; it must be {bounds}", field="forecast")
    if "level" not in measure and "cancellation_cost" not in measure:
        raise InputRejected("give 'level' or 'cancellation_cost' in it", field="forecast")


ABOVE_ZERO, BELOW_ONE = math.nextafter(0, 1), math.nextafter(1, 0)

FORECAST_MEASURES = {
    "level": (ABOVE_ZERO, BELOW_ONE, "between 0 and 1"),
    "cancellation_cost": (ABOVE_ZERO, 1e12, "above 0"),
    "margin": (0, 1e12, "0 or more"),
    "exposure_days": (ABOVE_ZERO, 365, "above 0 and at most 365"),
    "competing_share": (ABOVE_ZERO, 1, "above 0 and at most 1"),
    "record_error_units": (0, 1e9, "0 or more"),
    "floor": (0, 1e9, "a whole number of 0 or more"),
}
"""What a rule's `forecast` may say, and from where to where."""


@dataclass(frozen=True, slots=True)
class SupplyLink:
    """What a channel may sell at a place. Without a method or SKU it speaks of all of them.

    See `inventory.channel_supply` for what several links together mean.
    """

    id: str
    channel: str
    location: str
    method: str | None = None
    ratio: float | None = None
    """Share of the stock there that the channel may sell, 0..1; none: all of it."""
    reserve: int = 0
    """Units per SKU set aside for the channel while the link is in force."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    sku: str | None = None

    def __post_init__(self) -> None:
        sound_id(self.id)
        if self.method is not None:
            one_of("method", self.method, METHODS)
        between("ratio", self.ratio, 0, 1)
        at_least("reserve", self.reserve, 0)
        period(self.starts_at, self.ends_at)


@dataclass(frozen=True, slots=True)
class PreSale:
    """Stock of one SKU that is sold before it is there, up to a cap."""

    id: str
    sku: str
    location: str
    available_on: date
    cap: int
    """Units over all channels."""
    channel_caps: Mapping[str, int] = field(default_factory=dict)
    """Units per channel; one that is not named is bound by `cap` alone."""
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def __post_init__(self) -> None:
        sound_id(self.id)
        at_least("cap", self.cap, 0)
        for units in self.channel_caps.values():
            at_least("channel_caps", units, 0)
        period(self.starts_at, self.ends_at)


Item = Location | Vendor | Sku | Channel | Group | Bundle | BufferRule | SupplyLink | PreSale
