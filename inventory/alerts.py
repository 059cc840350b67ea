"""Which positions, orders and feeds deserve somebody's attention, and what they should read.

Every alert of a position says what is there, from when on more is ordered, how much to order, when
it runs out, and the one act that would resolve it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from inventory.amounts import counted, money
from inventory.health import LOW, OUT, OVER, OVER_COVER_DAYS
from inventory.shelf import (
    AGES_DAYS,
    ENDLESS_DAYS,
    Lot,
    Supply,
    expiring_lots,
    stock_out_day,
    units_by_age,
)

OUT_OF_STOCK = "out_of_stock"
LOW_STOCK = "low_stock"
OVERSTOCK = "overstock"
EXPIRING = "expiring"
SLOW_MOVING = "slow_moving"
SYNC_FAILURE = "sync_failure"

POSITION_KINDS = (OUT_OF_STOCK, LOW_STOCK, OVERSTOCK, EXPIRING, SLOW_MOVING)
"""Alerts that follow from a position's stock: each run raises and resolves them anew."""

SEVERITIES = ("info", "warning", "critical")
"""From what may wait to what may not."""

API = "/api/v2"


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
class Thresholds:
    """From when on something is worth an alert, days. A SKU may have its own."""

    low_cover_days: float = 3.0
    """Stock that lasts less than this is a warning even when an order is on its way."""
    over_cover_days: float = OVER_COVER_DAYS
    slow_cover_days: float = 180.0
    expiring_days: float = 7.0


@dataclass(frozen=True, slots=True)
class Situation:
    """A position as an alert sees it; units, days, money."""

    sku: str
    location: str
    health: str
    today: date
    sellable_units: float
    on_order_units: float
    reorder_point_units: float
    order_up_to_units: float
    cover_days: float
    demand_per_day_units: float
    proposed_units: float
    """Units of orders and transfers to here that wait for somebody to accept them."""
    needed_units: float = 0.0
    """What an order up to the level of the policy would hold, in whole packs."""
    price: float = 0.0
    unit_cost: float = 0.0
    currency: str | None = None
    """Of the price and the cost; None: that of the house."""
    purchase_order: str | None = None
    """The proposal that would order it."""
    transfer_in: str | None = None
    transfer_out: str | None = None
    """Proposals that would bring it here, or take it away."""
    obstacle: str | None = None
    """What keeps planning from ordering it: the message of the exception."""
    low_mark_units: float | None = None
    """From how many units on a person calls it low; None: the reorder point says."""
    shelf_life_days: float | None = None
    out_since: date | None = None
    lots: Sequence[Lot] = ()
    supply: Sequence[Supply] = ()
    thresholds: Thresholds = Thresholds()
    planned: bool = True
    """Whether it has a policy: without one it has no reorder point, and no level to judge by."""

    @property
    def place(self) -> str:
        return f"{self.sku} at {self.location}"

    @property
    def stock_out_on(self) -> date | None:
        """The day on which mean demand has sold all there is by then; None: not in sight.

        Supply counts from its day on, where stock lasts so long.
        """
        return stock_out_day(
            self.sellable_units, self.demand_per_day_units, self.supply, today=self.today
        )

    @property
    def is_due(self) -> bool:
        """Whether the policy orders now: stock and what is on its way are at the reorder point."""
        position = self.sellable_units + self.on_order_units
        return self.planned and position <= self.reorder_point_units

    @property
    def is_marked(self) -> bool:
        """Whether it is low by what a person said."""
        return self.low_mark_units is not None and self.sellable_units <= self.low_mark_units

    @property
    def recommended_units(self) -> float:
        """What is proposed; where nothing is, what an order would hold if it were made now."""
        if self.proposed_units > 0:
            return self.proposed_units
        wanted = self.is_due or (self.is_marked and self.on_order_units <= 0)
        return self.needed_units if wanted else 0.0

    def detail(self, **more: object) -> dict[str, object]:
        """What a person needs to act."""
        endless = self.cover_days >= ENDLESS_DAYS
        out_on = self.stock_out_on
        return {
            "current_stock": round(self.sellable_units),
            "on_order": round(self.on_order_units),
            "reorder_point": round(self.reorder_point_units, 1) if self.planned else None,
            "recommended_quantity": round(self.recommended_units),
            "days_of_cover": None if endless else round(self.cover_days, 1),
            "expected_stock_out_on": None if out_on is None else out_on.isoformat(),
            **more,
        }


def position_alerts(situations: Iterable[Situation]) -> list[Alert]:
    """For each position the worst that is true of its level, and what expires."""
    found = []
    for at in situations:
        level = _level_alert(at) if at.planned else None
        found += [alert for alert in (level, _expiring(at)) if alert is not None]
    return found


def _level_alert(at: Situation) -> Alert | None:
    if at.health == OUT:
        return _out_of_stock(at)
    if _is_low(at):
        return _low_stock(at)
    if at.health == OVER:
        return _too_much(at)
    return None


def _is_low(at: Situation) -> bool:
    """A person's mark decides alone. Else stock at or below the reorder point with enough on order
    is how a healthy policy looks most of the time: it is an alert when the shelf is nearly empty.
    """
    if at.low_mark_units is not None:
        return at.is_marked
    covered = at.sellable_units + at.on_order_units > at.reorder_point_units
    return at.health == LOW and (not covered or at.cover_days < at.thresholds.low_cover_days)


def _out_of_stock(at: Situation) -> Alert:
    """With what it has cost and will cost, at the mean of the forecast.

    What is missed so far is not known where units are there and all of them committed.
    """
    rate = at.demand_per_day_units
    out_days = None if at.out_since is None else max((at.today - at.out_since).days, 0)
    until = min((s.day for s in at.supply if s.units > 0), default=None)
    waits = None if until is None else max((until - at.today).days, 0)
    price = at.price if at.price > 0 else None
    missed = {"per_day": rate, "so_far": None if out_days is None else rate * out_days,
              "until_supply": None if waits is None else rate * waits}  # fmt: skip
    lost = f"about {rate:,.1f} units a day are not sold"
    worth = "" if price is None else f", worth {money(rate * price, at.currency)}"
    coming = "nothing is on order" if until is None else f"supply is due on {until}"
    return Alert(
        OUT_OF_STOCK, "critical", f"{at.place} is out of stock; {lost}{worth}; {coming}",
        at.sku, at.location,
        at.detail(
            out_since=None if at.out_since is None else at.out_since.isoformat(),
            missed_units={name: _rounded(units) for name, units in missed.items()},
            missed_money={name: _rounded(None if units is None or price is None else units * price)
                          for name, units in missed.items()},
            currency=at.currency,
            action=_supply_action(at),
        ),
    )  # fmt: skip


def _low_stock(at: Situation) -> Alert:
    told = (
        f"the reorder point is {at.reorder_point_units:,.0f}"
        if at.low_mark_units is None
        else f"it is low from {at.low_mark_units:,.0f} on"
    )
    endless = at.cover_days >= ENDLESS_DAYS
    lasts = "" if endless else f", enough for {_days(at.cover_days, decimals=1)}"
    message = (
        f"{at.place} has {counted(round(at.sellable_units), 'unit')}{lasts}; {told}, "
        f"{at.on_order_units:,.0f} on order"
    )
    return Alert(LOW_STOCK, "warning", message, at.sku, at.location,
                 at.detail(action=_supply_action(at)))  # fmt: skip


def _too_much(at: Situation) -> Alert:
    """Overstock, by age; what hardly sells at all is slow moving."""
    by_age = units_by_age(at.lots, today=at.today)
    oldest = max(((at.today - lot.arrived_on).days for lot in at.lots), default=None)
    excess = max(at.sellable_units - at.order_up_to_units, 0.0)
    slow = at.cover_days > at.thresholds.slow_cover_days
    old = oldest is not None and oldest >= AGES_DAYS[-1]
    aged = "" if oldest is None else f"; the oldest came {counted(oldest, 'day')} ago"
    endless = at.cover_days >= ENDLESS_DAYS
    lasts = "and sells none" if endless else f"enough for {_days(at.cover_days)}"
    units = counted(round(at.sellable_units), "unit")
    message = (
        f"{at.place} has {units}, {lasts}{aged}"
        if slow
        else f"{at.place} has {units}, more than the {at.order_up_to_units:,.0f} that policy would "
        f"ever order up to{aged}"
    )
    return Alert(
        SLOW_MOVING if slow else OVERSTOCK, "warning" if old else "info", message,
        at.sku, at.location,
        at.detail(
            excess_units=round(excess),
            excess_value=_rounded(excess * at.unit_cost if at.unit_cost > 0 else None),
            currency=at.currency,
            units_by_age_days=by_age,
            oldest_days=oldest,
            action=_surplus_action(at),
        ),
    )  # fmt: skip


def _expiring(at: Situation) -> Alert | None:
    """Units that will not sell before they expire, where that is soon enough to tell."""
    if at.shelf_life_days is None:
        return None
    lots = expiring_lots(
        at.lots, shelf_life_days=at.shelf_life_days, per_day_units=at.demand_per_day_units,
        today=at.today,
    )  # fmt: skip
    near = [lot for lot in lots if (lot.arrived_on - at.today).days <= at.thresholds.expiring_days]
    units = sum(lot.units for lot in near)
    if not units:
        return None
    first = min(lot.arrived_on for lot in near)
    expired = sum(lot.units for lot in near if lot.arrived_on < at.today)
    over = expired > 0
    when = f"expired on {first}" if over else f"will not sell before {first}"
    return Alert(
        EXPIRING, "critical" if over else "warning",
        f"{counted(units, 'unit')} of {at.place} {when}",
        at.sku, at.location,
        at.detail(
            expiring_units=units,
            expired_units=expired,
            expiring_value=_rounded(units * at.unit_cost if at.unit_cost > 0 else None),
            currency=at.currency,
            expires_on=first.isoformat(),
            action=_removal(at, expired) if over else _surplus_action(at),
        ),
    )  # fmt: skip


def _supply_action(at: Situation) -> dict[str, object]:
    """What would bring stock soonest: a transfer, an order, or a look at what is on its way."""
    if at.transfer_in is not None:
        return action("Accept the transfer", "POST", f"/transfers/{at.transfer_in}/accept")
    if at.purchase_order is not None:
        return action("Accept the order", "POST", f"/purchase-orders/{at.purchase_order}/accept")
    if at.obstacle is not None:
        return action(f"Mend what keeps it from being ordered: {at.obstacle}", "GET",
                      f"/replenishment/exceptions?sku={at.sku}")  # fmt: skip
    if at.is_due:
        return action("Plan it now, which proposes the order", "POST",
                      "/policies/compute", body={"skus": [at.sku]})  # fmt: skip
    if at.on_order_units > 0:
        return action("See when supply comes", "GET", f"/inventory/{at.sku}")
    return action(f"See the policy: it orders from {at.reorder_point_units:,.0f} units on", "GET",
                  f"/policies/{at.sku}/{at.location}")  # fmt: skip


def _removal(at: Situation, units: int) -> dict[str, object]:
    """What has expired is taken off the shelf: one request a day, however often it is sent."""
    body = {
        "id": f"expired:{at.sku}:{at.location}:{at.today}"[:200], "sku": at.sku,
        "location": at.location, "quantity": units, "from_status": "available",
        "to_status": "scrap",
    }  # fmt: skip
    return action("Take what has expired off the shelf", "POST", "/inventory/move", body=body)


def _surplus_action(at: Situation) -> dict[str, object]:
    if at.transfer_out is not None:
        return action("Accept the transfer", "POST", f"/transfers/{at.transfer_out}/accept")
    if not at.planned:
        return action("See where else it lies; without a policy no price is recommended", "GET",
                      f"/inventory/{at.sku}")  # fmt: skip
    return action("See what a lower price would sell", "GET",
                   f"/recommendations/prices?sku={at.sku}&location={at.location}")  # fmt: skip


def action(
    label: str, method: str, path: str, *, body: Mapping[str, object] | None = None
) -> dict[str, object]:
    """The act that resolves an alert: what to call it, and how it is asked for."""
    told: dict[str, object] = {"label": label, "method": method, "path": API + path}
    return told if body is None else told | {"body": dict(body)}


def _days(days: float, *, decimals: int = 0) -> str:
    return f"{days:,.{decimals}f} " + ("day" if round(days, decimals) == 1 else "days")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
