"""Bodies of what planners and buyers set: targets, prices by quantity, budgets, hubs."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from serving.messages import Day, Id, Message, Money, Number, Text, Units
from serving.messages_catalogue import CatalogueItem, Currency, Days, LocationType

Share = Annotated[Number, Field(gt=0, lt=1)]
Cost = Annotated[Number, Field(gt=0, le=1e12)]


class PolicyRule(CatalogueItem):
    """A target or value; selectors not given fit everything. At most one kind of target."""

    sku: Id | None = None
    category: Text | None = None
    vendor: Id | None = None
    location: Id | None = None
    location_type: LocationType | None = None
    abc: Literal["A", "B", "C"] | None = None
    """Class by yearly value."""
    xyz: Literal["X", "Y", "Z"] | None = None
    """Class by variation of weekly sales."""
    cycle_service: Share | None = None
    """Chance that a replenishment cycle goes without stockout."""
    fill_rate: Share | None = None
    """Share of demand met from the shelf."""
    shortage_cost: Cost | None = None
    overage_cost: Cost | None = None
    """Money per unit short and left over; given together they are a target."""
    demand_law: Literal["path", "normal", "negative_binomial", "empirical"] | None = None
    """Not given: the one that past windows speak for."""
    order_cost: Money | None = None
    """Per order line."""
    holding_cost: Money | None = None
    """Per unit and year."""
    max_order_quantity: Units | None = None
    change_factor_max: Annotated[Number, Field(gt=1, le=1e6)] | None = None
    """A policy that changes by more than this factor waits for a planner."""


class PriceBreak(Message):
    """A price from a quantity on."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    from_units: Annotated[Units, Field(alias="from")]
    to_units: Annotated[Units | None, Field(alias="to")] = None
    """Not given: up to the next break."""
    unit_cost: Number


class PriceTable(CatalogueItem):
    """What a vendor asks for a SKU by quantity."""

    discount: Literal["all_units", "incremental"] = "all_units"
    """Whether the price reached counts for every unit of the order, or for those above it only."""
    breaks: Annotated[list[PriceBreak], Field(min_length=1, max_length=100)]


class Budget(CatalogueItem):
    """Money that orders created in some days may bind; without a selector, all orders."""

    amount: Money
    starts_on: Day
    ends_on: Day
    currency: Currency | None = None
    vendor: Id | None = None
    location: Id | None = None
    category: Text | None = None


class SupplyLane(CatalogueItem):
    """A place that is supplied from a hub of the house."""

    hub: Id
    location: Id
    lead_time_days: Days
