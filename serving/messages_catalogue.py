"""Bodies of the catalogue: places, things and the rules that belong to them."""

import re
from datetime import time
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    model_validator,
)

from serving.messages import (
    Day,
    Id,
    Message,
    Method,
    Moment,
    Money,
    Number,
    PositiveUnits,
    Text,
    Units,
)

LocationType = Literal["warehouse", "store", "hub", "vendor"]
Days = Annotated[float, Field(ge=0, le=3650, allow_inf_nan=False)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""Code of ISO 4217, as EUR."""
WholeDays = Annotated[StrictInt, Field(ge=0, le=3650)]
Seconds = Annotated[StrictInt, Field(gt=0, le=366 * 86400)]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"'{name}' is not a time zone, e.g. Europe/Amsterdam") from error
    return name


def _local_time(value: object) -> object:
    """A number would be taken for seconds since midnight, and an offset would move with summer."""
    if not isinstance(value, str) or not re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", value):
        raise ValueError("is not a time of day; send HH:MM in the location's own time")
    return value


class CatalogueItem(Message):
    """A body in which null says what leaving the field out says."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, body: object) -> object:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if value is not None}


class Location(CatalogueItem):
    """A place that holds stock. Without a name it is called by its id."""

    name: Text = ""
    type: LocationType
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    methods: tuple[Method, ...] = ()
    """Ways in which customers get things from here; none named: every way."""
    daily_capacity: Units | None = None
    """Units that can leave in a day, for sourcing."""
    cutoff: Annotated[time, BeforeValidator(_local_time)] | None = None
    """HH:MM in local time: what is promised later leaves tomorrow."""
    put_away_lag_days: WholeDays = 0
    """From the dock to the shelf."""
    handling_days: WholeDays | None = None
    """Until something can leave. Not given: none, but at a vendor's the vendor's lead time."""
    cost_per_parcel: Money | None = None
    cost_per_unit: Money | None = None
    cost_per_km: Money | None = None
    km_per_day: Annotated[Number, Field(ge=1, le=1e6)] | None = None
    """How far a parcel from here gets in a day."""
    receipt_approval: StrictBool = False
    """Whether goods that arrive wait in inspection until somebody approves them."""


class Sku(CatalogueItem):
    """A thing that is sold. Costs are money per unit, `holding_cost` per unit and year."""

    name: Text = ""
    category: Text = ""
    brand: Text = ""
    vendor: Id | None = None
    unit_cost: Money = 0.0
    price: Money = 0.0
    pack_size: PositiveUnits = 1
    min_order_quantity: Units = 0
    shelf_life_days: WholeDays | None = None
    holding_cost: Money | None = None
    order_cost: Money | None = None
    max_order_quantity: Units | None = None
    """Most units that one order may hold."""
    pallet_size: PositiveUnits | None = None
    currency: Currency | None = None
    """Of cost and price; not given: the vendor's."""


class Vendor(CatalogueItem):
    """Who delivers, and how long that takes."""

    name: Text = ""
    lead_time_days: Days = 7.0
    lead_time_sd_days: Days = 0.0
    review_period_days: Days = 1.0
    email: Text | None = None
    min_order_value: Money = 0.0
    order_cost: Money | None = None
    """Money per order, whatever is on it: then its items are ordered together."""
    currency: Currency | None = None
    truck_units: PositiveUnits | None = None
    """Units of a full truck: orders come in whole ones."""
    full_pallets: StrictBool = False
    """Whether lines come in whole pallets of the SKU's `pallet_size`."""


class Channel(CatalogueItem):
    """Where customers buy, and how long their holds live."""

    name: Text = ""
    soft_ttl_seconds: Seconds = 900
    """Life of a cart."""
    order_ttl_seconds: Seconds = 172_800
    """Life of an order that was placed and is not confirmed yet."""
    oversell_units: Units = 0
    """Of every SKU, carts may take so many more than there are."""


class Group(CatalogueItem):
    """A named set of locations that serve a view."""

    name: Text = ""
    locations: Annotated[list[Id], Field(min_length=1)]


class Bundle(Message):
    """A SKU that is sold as a set of others."""

    components: Annotated[dict[Id, PositiveUnits], Field(min_length=1)]
    """Units of each SKU in one bundle."""
    ship_together: StrictBool = False
    """Whether all of one bundle must leave from one location, also when a group is asked."""


class ForecastMeasure(CatalogueItem):
    """Withhold a quantile of competing demand: of this level, or of the one that costs imply."""

    level: Annotated[Number, Field(gt=0, lt=1)] | None = None
    cancellation_cost: Annotated[Number, Field(gt=0, le=1e12)] | None = None
    margin: Money | None = None
    exposure_days: Annotated[Number, Field(gt=0, le=365)] | None = None
    competing_share: Annotated[Number, Field(gt=0, le=1)] | None = None
    record_error_units: Annotated[Number, Field(ge=0, le=1e9)] | None = None
    floor: Units | None = None

    @model_validator(mode="after")
    def _one_level(self) -> Self:
        if self.level is None and self.cancellation_cost is None:
            raise ValueError("give level, between 0 and 1, or cancellation_cost")
        return self


class BufferRule(CatalogueItem):
    """Units withheld from a view: exactly one of quantity, days_of_cover and forecast."""

    sku: Id | None = None
    category: Text | None = None
    location: Id | None = None
    location_type: LocationType | None = None
    method: Method | None = None
    channel: Id | None = None
    quantity: Units | None = None
    days_of_cover: Days | None = None
    forecast: ForecastMeasure | None = None
    lookahead_days: WholeDays | None = None
    """How many days ahead the buffer is looked at; not given: over the whole horizon."""

    def measured(self) -> dict[str, Any]:
        """The fields; of a forecast measure only what was said, so that defaults may move."""
        measure = self.forecast and self.forecast.model_dump(exclude_none=True)
        return self.model_dump() | {"forecast": measure}

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        given = [self.quantity, self.days_of_cover, self.forecast]
        if sum(value is not None for value in given) != 1:
            raise ValueError("give exactly one of quantity, days_of_cover and forecast")
        return self


class SupplyLink(CatalogueItem):
    """What a channel may sell at a location: a share of the stock, units set aside, or both."""

    channel: Id
    location: Id
    method: Method | None = None
    """Not given: every method."""
    ratio: Annotated[Number, Field(ge=0, le=1)] | None = None
    """Share of the stock there, before commitments; not given: all of it."""
    reserve: Units = 0
    """Units of each SKU kept from all other channels while the link is in force."""
    starts_at: Moment | None = None
    """In force from this moment. With a start, the reserve is sold once; without, it is kept up."""
    ends_at: Moment | None = None
    """In force until just before this moment."""
    sku: Id | None = None
    """Not given: every SKU."""


class PreSale(CatalogueItem):
    """Units of a SKU that may be sold before they are there, over all channels and per channel."""

    sku: Id
    location: Id
    available_on: Day
    """Pre-orders are accepted for this day and later ones."""
    cap: Units
    """Units over all channels."""
    channel_caps: Annotated[dict[Id, Units], Field(default_factory=dict, max_length=1000)]
    """Units per channel; one that is not named is bound by `cap` alone."""
    starts_at: Moment | None = None
    ends_at: Moment | None = None
