"""Which positions and orders deserve somebody's attention, and what they should read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from inventory.health import LOW, OUT, OVER

OUT_OF_STOCK = "out_of_stock"
LOW_STOCK = "low_stock"
OVERSTOCK = "overstock"
LATE_PURCHASE_ORDER = "late_purchase_order"

POSITION_KINDS = (OUT_OF_STOCK, LOW_STOCK, OVERSTOCK)
"""Alerts that follow from a position's stock: each run raises and resolves them anew."""

URGENT_COVER_DAYS = 3.0
"""Stock that lasts less than this is a warning even when an order is on its way."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One cause for attention. Kind, SKU and location name the cause: it is open once."""

    kind: str
    severity: str
    """info, warning or critical."""
    message: str
    sku: str | None = None
    location: str | None = None
    detail: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Situation:
    """A position as an alert sees it; units, days."""

    sku: str
    location: str
    health: str
    sellable_units: float
    on_order_units: float
    reorder_point_units: float
    order_up_to_units: float
    cover_days: float
    demand_per_day_units: float
    proposed_units: float

    @property
    def detail(self) -> dict[str, object]:
        """What a person needs to act, with the recommended quantity."""
        return {
            "current_stock": round(self.sellable_units),
            "on_order": round(self.on_order_units),
            "reorder_point": round(self.reorder_point_units, 1),
            "recommended_quantity": round(self.proposed_units),
            "days_of_cover": round(self.cover_days, 1) if self.cover_days < 10_000 else None,  # noqa: PLR2004  beyond: never runs out
        }


def position_alerts(situations: Iterator[Situation]) -> list[Alert]:
    """At most one alert per position: the worst thing that is true of it."""
    return [alert for situation in situations if (alert := position_alert(situation))]


def position_alert(at: Situation) -> Alert | None:
    """The alert that a position deserves, or none.

    Stock at or below the reorder point with enough on order is how a healthy policy looks most of
    the time: it only becomes an alert when the shelf is about to be empty.
    """
    where = f"{at.sku} at {at.location}"
    covered = at.sellable_units + at.on_order_units > at.reorder_point_units
    if at.health == OUT:
        kind, severity = OUT_OF_STOCK, "critical"
        lost = f"about {at.demand_per_day_units:.1f} units a day are not sold"
        message = f"{where} is out of stock; {lost}, {at.on_order_units:.0f} are on order"
    elif at.health == LOW and (not covered or at.cover_days < URGENT_COVER_DAYS):
        kind, severity = LOW_STOCK, "warning"
        message = (
            f"{where} has {at.sellable_units:.0f} units, which last {at.cover_days:.1f} days; "
            f"the reorder point is {at.reorder_point_units:.0f}, {at.on_order_units:.0f} on order"
        )
    elif at.health == OVER:
        kind, severity = OVERSTOCK, "info"
        message = (
            f"{where} has {at.sellable_units:.0f} units, more than the {at.order_up_to_units:.0f} "
            "that policy would ever order up to"
        )
    else:
        return None
    return Alert(kind, severity, message, at.sku, at.location, at.detail)


def late_order_alert(
    *, order_id: str, vendor: str, location: str, expected_on: date, today: date, open_units: int
) -> Alert:
    """A purchase order that should have come. One alert per order: its id stands for the SKU."""
    late_days = (today - expected_on).days
    return Alert(
        kind=f"{LATE_PURCHASE_ORDER}:{order_id}",
        severity="warning",
        message=f"{order_id} from {vendor} is {late_days} days late: {open_units} units are open",
        location=location,
        detail={"purchase_order": order_id, "vendor": vendor, "days_late": late_days},
    )
