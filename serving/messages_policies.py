"""Bodies of questions about policies."""

from typing import Annotated

from pydantic import Field

from pipelines.tried_terms import BOUNDS
from pipelines.what_if import DAYS, DAYS_MAX
from serving.messages import Id, Message, Number


def _within(name: str) -> object:
    low, high = BOUNDS[name]
    return Field(ge=low, le=high)


Level = Annotated[Number, _within("service_level")]
Days = Annotated[Number, _within("lead_time_days")]
Review = Annotated[Number, _within("review_period_days")]
Least = Annotated[Number, _within("min_order_quantity")]
Pack = Annotated[Number, _within("pack_size")]
Most = Annotated[Number, _within("max_order_quantity")]
Cost = Annotated[Number, _within("order_cost")]


class WhatIf(Message):
    """A position, and what to try of its policy; what is left out is as it is."""

    sku: Id
    location: Id
    service_level: Level | None = None
    """Chance that a replenishment cycle goes without stockout."""
    fill_rate: Level | None = None
    """Share of demand met from the shelf; in place of a service level."""
    lead_time_days: Days | None = None
    lead_time_sd_days: Days | None = None
    review_period_days: Review | None = None
    min_order_quantity: Least | None = None
    pack_size: Pack | None = None
    max_order_quantity: Most | None = None
    order_cost: Cost | None = None
    """Per order line."""
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] = DAYS
    """That count, from when the first order can arrive."""
    lost_sales: bool = True
    """Whether demand that is not met is lost; otherwise it waits."""
