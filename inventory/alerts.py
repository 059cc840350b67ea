"""Which positions, orders and feeds deserve somebody's attention, and what they should read.

Every alert of a position says what is there, from when on more is ordered, how much to order, when
it runs out, and the one act that would resolve it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from inventory.health import LOW, OUT, OVER, OVER_COVER_DAYS

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

ENDLESS_DAYS = 10_000
"""Cover beyond this is told as none: it never runs out."""

AGES_DAYS = (30, 60, 90)
"""Bounds between the ages that stock is told by."""

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
class Lot:
    """Units on the shelf that arrived on one day."""

    arrived_on: date
    units: int


@dataclass(frozen=True, slots=True)
class Supply:
    """Units that come on a day."""

    day: date
    units: int


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
    price: float = 0.0
    unit_cost: float = 0.0
    purchase_order: str | None = None
    """The proposal that would order it."""
    transfer_in: str | None = None
    transfer_out: str | None = None
    """Proposals that would bring it here, or take it away."""
    low_mark_units: float | None = None
    """From how many units on a person calls it low; None: the reorder point says."""
    shelf_life_days: float | None = None
    out_since: date | None = None
    lots: Sequence[Lot] = ()
    supply: Sequence[Supply] = ()
    thresholds: Thresholds = Thresholds()

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

    def detail(self, **more: object) -> dict[str, object]:
        """What a person needs to act, with the recommended quantity."""
        endless = self.cover_days >= ENDLESS_DAYS
        out_on = self.stock_out_on
        return {
            "current_stock": round(self.sellable_units),
            "on_order": round(self.on_order_units),
            "reorder_point": round(self.reorder_point_units, 1),
            "recommended_quantity": round(self.proposed_units),
            "days_of_cover": None if endless else round(self.cover_days, 1),
            "expected_stock_out_on": None if out_on is None else out_on.isoformat(),
            **more,
        }


def stock_out_day(
    units: float, per_day_units: float, supply: Iterable[Supply], *, today: date
) -> date | None:
    """The day on which stock is sold out at an even rate; None where nothing sells, or not in
    `ENDLESS_DAYS`.

    >>> soon = [Supply(date(2026, 3, 4), 10), Supply(date(2026, 3, 20), 10)]
    >>> stock_out_day(6, 2.0, soon, today=date(2026, 3, 2)).isoformat()
    '2026-03-10'
    """
    if per_day_units <= 0:
        return None
    lasts = max(units, 0.0) / per_day_units
    for coming in sorted(supply, key=lambda s: s.day):
        after = max((coming.day - today).days, 0)
        if after > lasts:
            break
        lasts += coming.units / per_day_units
    return None if lasts > ENDLESS_DAYS else today + timedelta(days=int(lasts))


def position_alerts(situations: Iterable[Situation]) -> list[Alert]:
    """For each position the worst that is true of its level, and what expires."""
    found = []
    for at in situations:
        found += [alert for alert in (_level_alert(at), _expiring(at)) if alert is not None]
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
        return at.sellable_units <= at.low_mark_units
    covered = at.sellable_units + at.on_order_units > at.reorder_point_units
    return at.health == LOW and (not covered or at.cover_days < at.thresholds.low_cover_days)


def _out_of_stock(at: Situation) -> Alert:
    """With what it has cost and will cost, at the mean of the forecast."""
    rate = at.demand_per_day_units
    out_days = 0 if at.out_since is None else max((at.today - at.out_since).days, 0)
    until = min((s.day for s in at.supply if s.units > 0), default=None)
    waits = None if until is None else max((until - at.today).days, 0)
    money = at.price if at.price > 0 else None
    missed = {"per_day": rate, "so_far": rate * out_days,
              "until_supply": None if waits is None else rate * waits}  # fmt: skip
    lost = f"about {rate:.1f} units a day are not sold"
    worth = "" if money is None else f", worth {rate * money:,.2f}"
    coming = "nothing is on order" if until is None else f"supply is due on {until}"
    return Alert(
        OUT_OF_STOCK, "critical", f"{at.place} is out of stock; {lost}{worth}; {coming}",
        at.sku, at.location,
        at.detail(
            out_since=None if at.out_since is None else at.out_since.isoformat(),
            missed_units={name: _rounded(units) for name, units in missed.items()},
            missed_money={name: _rounded(None if units is None or money is None else units * money)
                          for name, units in missed.items()},
            action=_supply_action(at),
        ),
    )  # fmt: skip


def _low_stock(at: Situation) -> Alert:
    told = (
        f"the reorder point is {at.reorder_point_units:.0f}"
        if at.low_mark_units is None
        else f"it is low from {at.low_mark_units:.0f} on"
    )
    lasts = "" if at.cover_days >= ENDLESS_DAYS else f", which last {at.cover_days:.1f} days"
    message = (
        f"{at.place} has {at.sellable_units:.0f} units{lasts}; {told}, "
        f"{at.on_order_units:.0f} on order"
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
    aged = "" if oldest is None else f"; the oldest came {oldest} days ago"
    lasts = "never sell" if at.cover_days >= ENDLESS_DAYS else f"last {at.cover_days:.0f} days"
    message = (
        f"{at.place} has {at.sellable_units:.0f} units that {lasts}{aged}"
        if slow
        else f"{at.place} has {at.sellable_units:.0f} units, more than the "
        f"{at.order_up_to_units:.0f} that policy would ever order up to{aged}"
    )
    return Alert(
        SLOW_MOVING if slow else OVERSTOCK, "warning" if old else "info", message,
        at.sku, at.location,
        at.detail(
            excess_units=round(excess),
            excess_value=_rounded(excess * at.unit_cost if at.unit_cost > 0 else None),
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
    over = first < at.today
    when = f"expired on {first}" if over else f"will not sell before {first}"
    return Alert(
        EXPIRING, "critical" if over else "warning", f"{units} units of {at.place} {when}",
        at.sku, at.location,
        at.detail(
            expiring_units=units,
            expiring_value=_rounded(units * at.unit_cost if at.unit_cost > 0 else None),
            expires_on=first.isoformat(),
            action=_surplus_action(at),
        ),
    )  # fmt: skip


def expiring_lots(
    lots: Iterable[Lot], *, shelf_life_days: float, per_day_units: float, today: date
) -> list[Lot]:
    """Units that even demand leaves behind, each with the day they expire in `arrived_on`.

    What came first is sold first. A lot that has expired is not sold any more.

    >>> [(lot.arrived_on.isoformat(), lot.units) for lot in expiring_lots(
    ...     [Lot(date(2026, 3, 1), 8), Lot(date(2026, 3, 3), 8)],
    ...     shelf_life_days=5, per_day_units=1.0, today=date(2026, 3, 4))]
    [('2026-03-06', 6), ('2026-03-08', 6)]
    """
    left, sold = [], 0.0
    for lot in sorted(lots, key=lambda lot: lot.arrived_on):
        expires_on = lot.arrived_on + timedelta(days=int(shelf_life_days))
        days = max((expires_on - today).days, 0)
        sells = max(min(lot.units, days * per_day_units - sold), 0.0)
        sold += sells
        if (rest := int(lot.units - sells)) > 0:
            left.append(Lot(expires_on, rest))
    return left


def units_by_age(lots: Iterable[Lot], *, today: date) -> dict[str, int]:
    """Units by days since they arrived: `0-29`, `30-59`, `60-89`, `90+`.

    >>> units_by_age([Lot(date(2026, 3, 1), 4), Lot(date(2026, 1, 1), 2)], today=date(2026, 3, 2))
    {'0-29': 4, '30-59': 0, '60-89': 2, '90+': 0}
    """
    names = [f"{low}-{high - 1}" for low, high in zip((0, *AGES_DAYS), AGES_DAYS, strict=False)]
    found = dict.fromkeys([*names, f"{AGES_DAYS[-1]}+"], 0)
    keys = list(found)
    for lot in lots:
        age = (today - lot.arrived_on).days
        found[keys[sum(age >= bound for bound in AGES_DAYS)]] += lot.units
    return found


def sync_alert(*, feed: str, message: str, **detail: object) -> Alert:
    """A feed that fails: rows that could not go in, or silence. One alert per feed."""
    mend = action("Look at the rows, mend and send them again", "GET",
                  f"/quarantine?feed={feed}")  # fmt: skip
    return Alert(f"{SYNC_FAILURE}:{feed}", "warning", message,
                 detail={"feed": feed, **detail, "action": mend})  # fmt: skip


def _supply_action(at: Situation) -> dict[str, str]:
    """What would bring stock soonest: a transfer, an order, or a look at what is on its way."""
    if at.transfer_in is not None:
        return action("Accept the transfer", "POST", f"/transfers/{at.transfer_in}/accept")
    if at.purchase_order is not None:
        return action("Accept the order", "POST", f"/purchase-orders/{at.purchase_order}/accept")
    if at.on_order_units > 0:
        return action("See when supply comes", "GET", f"/inventory/{at.sku}")
    return action("See the policy: nothing is proposed", "GET",
                   f"/policies/{at.sku}/{at.location}")  # fmt: skip


def _surplus_action(at: Situation) -> dict[str, str]:
    if at.transfer_out is not None:
        return action("Accept the transfer", "POST", f"/transfers/{at.transfer_out}/accept")
    return action("See what a lower price would sell", "GET",
                   f"/recommendations/prices?sku={at.sku}&location={at.location}")  # fmt: skip


def action(label: str, method: str, path: str) -> dict[str, str]:
    """The act that resolves an alert: what to call it, and how it is asked for."""
    return {"label": label, "method": method, "path": API + path}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
