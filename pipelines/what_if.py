"""What another policy of a position would come to in the weeks ahead, beside the present one.

Both are worked out by the functions of the daily job, from the forecast in force, and played
against sample paths of that forecast by the one simulator (`inventory.simulate`), from the stock
and the supply that there are. Nothing is written.
"""

import math
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import psycopg

from inventory.base_stock import (
    ProtectionDemand,
    WindowDemand,
    extended,
    lead_time_quantile_days,
    starting_on,
    stratified_levels,
    window_demand,
)
from inventory.demand import PATHS, DemandForecast, Floats
from inventory.errors import InputRejected, NotFound
from inventory.next_order import UnitCosts
from inventory.order_plan import Constraints, plan_orders, policy
from inventory.policy.lot_size import on_grid
from inventory.simulate import Outcome, StockState, simulate
from inventory.store import demand_laws
from inventory.store.buying import read_price_tables
from inventory.store.demand_windows import Windows
from inventory.store.effective_forecasts import read_effective
from inventory.store.policies import read_policy
from inventory.store.transfer_candidates import read_coming
from pipelines.buying_lots import Prices
from pipelines.demand_windows import KEY, RATE_DAYS
from pipelines.law_windows import under_laws
from pipelines.planned_orders import positions_of
from pipelines.policies import Decided, decided
from pipelines.replay_terms import MONEY, AskedTerms, terms_of, with_money
from pipelines.settings import Settings
from pipelines.tried_terms import TIME_DAYS_MAX, Changes

DAYS, DAYS_MAX = 56, 180
"""Days that count, unless asked otherwise, and at most: beyond nobody knows the assortment."""

SPAN_DAYS_MAX = 2 * TIME_DAYS_MAX
"""Of lead time, as late as it may be, and review period: more would cost memory for nothing."""

DAYS_AT_ONCE = 8_192
"""Days of windows that are drawn at once: with 1,024 paths they take 64 MB."""

SHELF_DAYS_MAX = 28
"""Goods that keep longer are played as if they kept for ever."""

Figures = dict[str, float]


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """Everything that the answer rests on, as it is now.

    table : the position's row with its settings. coming_units : by day from the first on.
    """

    table: pl.DataFrame
    forecast: DemandForecast
    laws: pl.DataFrame
    prices: Prices
    coming_units: Floats
    notes: tuple[str, ...]

    @property
    def first_day(self) -> date:
        """The first day that is played."""
        return self.forecast.first_day


@dataclass(frozen=True, slots=True)
class Outlook:
    """A policy of today, and what it comes to over the days that count, a mean over paths.

    policy : units, days, and the target. ahead : shares, units, orders, and money in all.
    """

    policy: dict[str, float | str]
    ahead: Figures


@dataclass(frozen=True, slots=True)
class WhatIf:
    """The present policy and the one that is tried, over the same days and the same demand."""

    sku: str
    location: str
    first_day: date
    counted_from: date
    days: int
    paths: int
    lost_sales: bool
    changes: Figures
    present: Outlook
    what_if: Outlook
    notes: tuple[str, ...]

    @property
    def headline(self) -> str:
        """What the figures are of."""
        span = f"{self.days} days from {self.counted_from} on"
        unmet = "lost" if self.lost_sales else "owed"
        told = f"the mean of {self.paths} paths of the forecast; unmet demand is {unmet}"
        return f"{self.sku} at {self.location}: {span}, {told}"

    def lines(self) -> list[str]:
        """For a person: both side by side."""
        pairs = [
            (name, getattr(self.present, part)[name], getattr(self.what_if, part)[name])
            for part in ("policy", "ahead")
            for name in getattr(self.present, part)
        ]
        return [
            *self.notes,
            self.headline,
            f"{'':<20}{'present':>16}{'what if':>16}",
            *(
                f"{name.replace('_', ' '):<20}{_shown(now, name):>16}{_shown(then, name):>16}"
                for name, now, then in pairs
            ),
        ]


def _shown(value: float | str, name: str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.1%}" if name in SHARES else f"{value:,.1f}"


SHARES = ("level", "fill_rate", "stock_out_days")


def read_question(
    db: psycopg.Connection, sku: str, location: str, settings: Settings, *, now: datetime
) -> Question:
    """Read what the answer rests on. Raises `NotFound` without a forecast."""
    found = read_effective(db, now=now, skus=[sku], locations=[location])
    if not found:
        raise NotFound("forecast", f"{sku} at {location}")
    forecast = starting_on(found[0], now.date())
    series = pl.DataFrame({"sku": [sku], "location": [location]})
    table = with_money(terms_of(db, series, settings, now=now), AskedTerms(), forecast.period_days)
    own = (pl.col("sku") == sku) & (pl.col("location") == location)
    coming = read_coming(db, now=now, skus=[sku]).filter(own)
    return Question(
        table=table.with_columns(pl.col(*MONEY, "on_hand", "committed").fill_null(0.0)),
        forecast=forecast,
        laws=demand_laws.read_laws(db, skus=[sku], every=True).filter(own),
        prices=Prices.of(read_price_tables(db, skus=[sku])),
        coming_units=_by_day(coming, forecast.first_day),
        notes=(*_notes(table), *_in_force(db, sku, location)),
    )


def _notes(table: pl.DataFrame) -> tuple[str, ...]:
    """What is taken otherwise than it is."""
    row = table.row(0, named=True)
    told = {
        "no unit cost is on record: stock is taken to cost nothing": not row["unit_cost"],
        f"hub {row['hub']} supplies it: played as bought from its vendor": row["hub"] is not None,
        "the vendor's minimum order value and trucks are of whole orders: not counted": (
            (row["min_order_value"] or 0) > 0 or row["truck_units"] is not None
        ),
    }
    return tuple(text for text, applies in told.items() if applies)


def _in_force(db: psycopg.Connection, sku: str, location: str) -> list[str]:
    """The policy as it was stored: sample paths that are drawn anew differ a little."""
    try:
        stored = read_policy(db, sku, location)
    except NotFound:
        return []
    levels = f"reorder point {stored['reorder_point']:.1f}, order up to {stored['order_up_to']:.1f}"
    return [f"in force: {levels}; here both sides are drawn anew, so that they compare"]


def _by_day(coming: pl.DataFrame, first_day: date) -> Floats:
    """Units by day from the first on; what is overdue is taken to come on the first."""
    units = np.zeros(TIME_DAYS_MAX + DAYS_MAX)
    for day, quantity in coming.select("day", "units").iter_rows():
        place = max(0, (day - first_day).days)
        if place < len(units):
            units[place] += quantity
    return units


def what_if(
    question: Question,
    changes: Changes,
    *,
    days: int = DAYS,
    lost_sales: bool = True,
    seed: int,
) -> WhatIf:
    """Both policies over the same days: from when either's first order can arrive."""
    changes.check()
    if not 1 <= days <= DAYS_MAX:
        raise InputRejected(f"must be between 1 and {DAYS_MAX}", field="days")
    changed = replace(question, table=changes.laid_over(question.table))
    for name in ("lead_time_days", "review_period_days"):
        if any(each.table[name].is_null().any() for each in (question, changed)):
            raise InputRejected("none is on record: give the SKU a vendor", field=name)
    longest = max(_whole_days(each.table, "lead_time_days") for each in (question, changed))
    present, tried = (
        _outlook(each, uncounted=longest, days=days, lost_sales=lost_sales, seed=seed)
        for each in (question, changed)
    )
    sku, location = question.table.select(KEY).row(0)
    return WhatIf(
        sku=sku, location=location, first_day=question.first_day,
        counted_from=question.first_day + timedelta(days=longest),
        days=days, paths=PATHS, lost_sales=lost_sales, changes=changes.given, present=present,
        what_if=tried, notes=question.notes,
    )  # fmt: skip


def _whole_days(table: pl.DataFrame, name: str) -> int:
    return math.ceil(float(table[name][0]))


def _outlook(
    question: Question, *, uncounted: int, days: int, lost_sales: bool, seed: int
) -> Outlook:
    table = question.table
    review = max(1, _whole_days(table, "review_period_days"))
    found = policies_over(question, days=uncounted + days, review_days=review, seed=seed)
    outcome = _played(
        question, found, days=uncounted + days, review_days=review, lost_sales=lost_sales,
        seed=seed,
    )  # fmt: skip
    costs = UnitCosts(*(float(table[name][0]) for name in MONEY))
    counted = outcome.counted_from(uncounted, first_order=uncounted)
    return Outlook(_policy(found), _ahead(counted, costs, float(table["order_cost"][0])))


def policies_over(question: Question, *, days: int, review_days: int, seed: int) -> Decided:
    """The policy as the daily job would work it out at each review: one row per review."""
    table, forecast = question.table, question.forecast
    starts = np.arange(0, days, review_days)
    rated = min(RATE_DAYS, forecast.horizon)
    span = max(_span_days(table), rated)
    longer = extended(forecast, horizon=int(starts[-1]) + span)
    each = starts[:, None] + np.arange(span)
    shifted = replace(
        longer, skus=forecast.skus * len(starts), locations=forecast.locations * len(starts),
        quantiles_units=longer.quantiles_units[0][each], mean_units=longer.mean_units[0][each],
        dependence=np.repeat(longer.dependence, len(starts), axis=0),
    )  # fmt: skip
    at_once = max(1, DAYS_AT_ONCE // span)
    drawn = [
        _drawn(shifted.select(slice(first, first + at_once)), table, seed=seed)
        for first in range(0, len(starts), at_once)
    ]
    means = (
        np.concatenate([getattr(part, name) for part in drawn])
        for name in ("lead_time_mean_units", "review_mean_units")
    )
    rows = table[np.zeros(len(starts), dtype=int)]
    rate = shifted.mean_units[:, :rated].mean(axis=1) / forecast.period_days
    named = zip(
        ("lead_time_mean", "review_mean", "demand_rate"), (*means, on_grid(rate)), strict=True
    )
    windows = rows.select(*KEY).with_columns(pl.Series(name, units) for name, units in named)
    quantiles = np.concatenate([part.quantiles_units for part in drawn])
    lawful = under_laws(rows, Windows(windows, quantiles), question.laws)
    return decided(*lawful, question.prices)


def _span_days(table: pl.DataFrame) -> int:
    """Lead time, as late as it may be, and review period; refuses what nobody could cover."""
    lead, sd = (table[name].to_numpy() for name in ("lead_time_days", "lead_time_sd_days"))
    latest = float(lead_time_quantile_days(lead, np.nan_to_num(sd), np.array([1.0]))[0, 0])
    span = math.ceil(latest + float(table["review_period_days"][0])) + 1
    if span > SPAN_DAYS_MAX:
        raise InputRejected(
            f"with lead times of up to {latest:.0f} days an order would have to last {span - 1}; "
            f"{SPAN_DAYS_MAX} at most can be tried",
            field="lead_time_sd_days",
        )
    return span


def _drawn(forecast: DemandForecast, table: pl.DataFrame, *, seed: int) -> WindowDemand:
    """Windows of some reviews, all on the terms of the one position."""
    names = ("lead_time_days", "lead_time_sd_days", "review_period_days")
    lead, sd, review = (
        np.full(len(forecast.skus), float(table[name].fill_null(0.0)[0])) for name in names
    )
    return window_demand(
        forecast, lead_time_days=lead, lead_time_sd_days=sd, review_period_days=review, seed=seed
    )


def _at(found: Decided, review: int, copies: int) -> Decided:
    """The policy of one review, for as many paths."""
    rows = np.full(copies, review)
    demand, limits = found.policy.demand, found.constraints
    asks = Constraints(
        limits.min_order_units[rows], limits.pack_units[rows], limits.max_units[rows]
    )
    own = ProtectionDemand(
        demand.lead_time_mean_units[rows], demand.review_mean_units[rows],
        demand.target_units[rows],
    )  # fmt: skip
    chosen = policy(own, lot_units=found.policy.economic_lot_units[rows], constraints=asks)
    windows = Windows(found.windows.table[rows], found.windows.quantiles_units[rows])
    return Decided(found.table[rows], windows, chosen, asks, found.joint_days[rows], found.prices)


def _played(
    question: Question,
    found: Decided,
    *,
    days: int,
    review_days: int,
    lost_sales: bool,
    seed: int,
) -> Outcome:
    """The policy along every path (PATHS, days), each with a lead time of its own."""
    row = question.table.row(0, named=True)
    longer = extended(question.forecast, horizon=days)
    paths = next(longer.sample_paths_units(seed=seed, periods=days))[0].T
    lead = lead_time_quantile_days(
        np.array([row["lead_time_days"]]), np.array([row["lead_time_sd_days"] or 0.0]),
        stratified_levels(seed),
    )[0]  # fmt: skip
    free = row["on_hand"] - row["committed"]
    start = StockState(
        np.full(PATHS, max(free, 0.0) if lost_sales else free),
        np.tile(question.coming_units[:days], (PATHS, 1)),
    )
    may_order = np.ones(PATHS, dtype=bool)
    life = row["shelf_life_days"]

    def decide(t: int, state: StockState) -> Floats:
        chosen = _at(found, (t + 1) // review_days, PATHS)
        positions = positions_of(chosen, state, period_days=question.forecast.period_days)
        plan = plan_orders(chosen.policy, positions, chosen.constraints, may_order=may_order)
        return plan.quantity_units

    return simulate(
        paths, start, decide, lead_time_periods=np.round(lead).astype(np.intp),
        lost_sales=lost_sales, review_periods=review_days,
        shelf_life_periods=int(life) if life and life <= SHELF_DAYS_MAX else None,
    )  # fmt: skip


def _policy(found: Decided) -> dict[str, float | str]:
    """The policy of today, and the settings that it follows from."""
    row, chosen = found.table.row(0, named=True), found.policy
    return {
        "safety_stock": float(chosen.safety_stock_units[0]),
        "reorder_point": float(chosen.reorder_point_units[0]),
        "order_quantity": float(chosen.order_quantity_units[0]),
        "order_up_to": float(chosen.order_up_to_units[0]),
        "lead_time": float(row["lead_time_days"]),
        "lead_time_sd": float(row["lead_time_sd_days"] or 0.0),
        "review_period": float(row["review_period_days"]),
        "min_order_quantity": float(row["min_order_quantity"]),
        "pack_size": float(found.constraints.pack_units[0]),
        "order_cost": float(row["order_cost"]),
        "target": str(row["target_kind"]),
        "level": float(row["level"]),
    }


def _ahead(counted: Outcome, costs: UnitCosts, order_cost: float) -> Figures:
    """What it comes to over the days that count: money and orders in all, stock on average."""
    each = len(counted.left_units)
    orders = float((counted.ordered_units > 0).sum()) / each
    money = {
        "holding_cost": float(costs.holding * counted.left_units.sum()) / each,
        "shortage_cost": float(costs.shortage * counted.unmet_units.sum()) / each,
        "ordering_cost": order_cost * orders,
        "waste_cost": float(costs.waste * counted.expired_units.sum()) / each,
    }
    return {
        "fill_rate": counted.fill_rate,
        "stock_out_days": float((counted.unmet_units > 0).mean()),
        "stock": float(counted.left_units.mean()),
        "orders": orders,
        "units_ordered": float(counted.ordered_units.sum()) / each,
        **money,
        "cost": sum(money.values()),
    }
