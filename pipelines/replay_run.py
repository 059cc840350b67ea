"""`vouch backtest policy`: a file's history or the database's, replayed under named policies."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import psycopg

from features.frame import KEY, PRICE, PROMOTION, SERIES, Panel
from inventory.errors import InputRejected
from inventory.next_order import UnitCosts
from inventory.periodic_review import shortage_cost_of
from models.backtest import sample
from models.members import Preset
from pipelines.forecast_orders import ForecastOrders, PastForecasts
from pipelines.history import load_panel
from pipelines.order_baselines import BASELINES, Case, Policy, SafetyFactor, Terms
from pipelines.panel_file import read_panel
from pipelines.policy_backtest import Figures, Plan, backtest, figures
from pipelines.replay_demand import Unseen, demand_to_replay
from pipelines.service_curve import AtEqualFill, at_equal_fill, service_curve
from pipelines.starting_stock import Start

OURS = "vouch"
ALL = "all"

LEAD_TIME, REVIEW = "lead_time_days", "review_period_days"
"""Columns of a history that say on what terms each series is bought."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to replay. Lead time and review period: None to take each series' own from the history.

    orders, settling_orders : of each window, those that count and those before; where review
        periods differ, of the series reviewed least often.
    policies : names, or `ALL`. series : so many, drawn with the seed; None for all.
    curve : also compare stock at equal fill rates, ours with the safety factor's.
    """

    holding: float
    shortage: float
    lead_time_periods: int | None = None
    review_periods: int | None = None
    waste: float = 0.0
    lost_sales: bool = False
    shelf_life_periods: int | None = None
    unseen: Unseen = "estimate"
    policies: tuple[str, ...] = (ALL,)
    windows: int = 3
    orders: int = 6
    settling_orders: int = 0
    start: Start = "seasonal"
    series: int | None = None
    curve: bool = False
    preset: Preset = "fast"
    seed: int = 7
    threads: int = 1

    def plan(self, cases: Sequence[Case]) -> Plan:
        """Periods enough for so many orders of the series that are reviewed least often."""
        review = max(case.terms.review_periods for case in cases)
        return Plan(self.windows, self.orders * review, self.settling_orders * review, self.start)

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the policies; refuses unknown ones."""
        known = (OURS, *BASELINES)
        names = known if self.policies == (ALL,) else self.policies
        for name in names:
            if name not in known:
                raise InputRejected(f"'{name}' is none of {', '.join(known)}", field="policies")
        return tuple(names)


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What the policies came to."""

    series: int
    windows: int
    periods: int
    """That count, in each window."""
    unseen: Unseen
    unseen_share: float
    policies: list[Figures]
    """Over all windows, cheapest first."""
    by_window: list[Figures]
    at_equal_fill: list[AtEqualFill]
    notes: list[str]

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        told = asdict(self)
        told["at_equal_fill"] = [
            asdict(point) | {"less": point.less} for point in self.at_equal_fill
        ]
        return told

    def lines(self) -> list[str]:
        """For a person."""
        hidden = "estimated" if self.unseen == "estimate" else "taken as sold"
        return [
            *self.notes,
            f"series: {self.series}; windows: {self.windows}; periods in each: {self.periods}",
            f"the shelf was empty in {self.unseen_share:.1%} of periods: demand then is {hidden}",
            HEADER,
            *(_line(row) for row in self.policies),
            *(f"{row.origin} {_line(row)}" for row in self.by_window if self.windows > 1),
            *(
                f"at a fill rate of {point.fill_rate:.1%}: {point.stock_units:.0f} units in stock, "
                f"safety_factor {point.other_stock_units:.0f} ({point.less:.1%} less)"
                for point in self.at_equal_fill
            ),
        ]


HEADER = (
    "policy               cost  fill rate  stock-outs    stock  turns   orders   wasted"
)  # fmt: skip


def _line(row: Figures) -> str:
    return (
        f"{row.policy:<14} {row.cost:10.0f} {row.fill_rate:10.1%} {row.stock_outs:11d} "
        f"{row.stock_units:8.0f} {row.turns:6.1f} {row.orders:8d} {row.expired_units:8.0f}"
    )


def replay_file(
    history: Path, asked: Asked, *, progress: Callable[[str], None] = lambda _: None
) -> ReplayReport:
    """Replay a file that `pipelines.panel_file` reads."""
    panel, read = read_panel(history)
    return replay(panel, asked, notes=read.notes, progress=progress)


def replay_database(
    db: psycopg.Connection, asked: Asked, *, progress: Callable[[str], None] = lambda _: None
) -> ReplayReport:
    """Replay the sales on record.

    Of days ahead, our policy knows the calendar, promotions and prices: they are planned. The
    weather on record is what came, not what was forecast, and would tell it too much.
    """
    panel = load_panel(db, horizon_days=1)
    planned = [column for column in (*KEY, PRICE, PROMOTION) if column in panel.future.columns]
    panel = replace(panel, future=panel.future.select(planned))
    return replay(panel, asked, progress=progress)


def replay(
    panel: Panel,
    asked: Asked,
    *,
    notes: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> ReplayReport:
    """Replay a panel under the policies asked for."""
    names = asked.chosen
    if asked.series is not None:
        panel = sample(panel, series=asked.series, seed=asked.seed)
    cases, told = cases_of(panel, asked)
    plan = asked.plan(cases)
    demand = cases[0].demand
    forecasts = PastForecasts(
        panel, longest_periods=max(case.terms.protected_periods for case in cases),
        preset=asked.preset, seed=asked.seed, threads=asked.threads, progress=progress,
    )  # fmt: skip
    named: dict[str, Policy] = {OURS: ForecastOrders(forecasts), **BASELINES}
    runs = backtest(cases, {name: named[name] for name in names}, plan)
    rows = figures(runs, period_days=panel.period_days)
    points = _compared(cases, forecasts, plan) if asked.curve else []
    return ReplayReport(
        series=sum(len(case.rows) for case in cases), windows=plan.windows, periods=plan.periods,
        unseen=asked.unseen, unseen_share=demand.unseen_share,
        policies=[row for row in rows if row.origin is None],
        by_window=[row for row in rows if row.origin is not None],
        at_equal_fill=points, notes=[*notes, *told],
    )  # fmt: skip


def cases_of(panel: Panel, asked: Asked) -> tuple[list[Case], list[str]]:
    """Series bought on the same terms, together; and a note on those whose terms nobody knows."""
    demand = demand_to_replay(panel, unseen=asked.unseen)
    lead = _periods(panel, LEAD_TIME, asked.lead_time_periods, field="lead_time")
    review = _periods(panel, REVIEW, asked.review_periods, field="review")
    known = np.isfinite(lead) & np.isfinite(review)
    pairs, kind = np.unique(np.stack([lead, review])[:, known], axis=1, return_inverse=True)
    every = np.flatnonzero(known)
    costs = UnitCosts(asked.holding, asked.shortage, asked.waste)
    cases = []
    for k, (lead_time, review_time) in enumerate(pairs.T):
        rows = every[kind.reshape(-1) == k]
        terms = Terms(
            int(lead_time), max(1, int(review_time)), costs, asked.lost_sales,
            asked.shelf_life_periods,
        )  # fmt: skip
        cases.append(Case(demand.select(rows), rows, terms))
    unknown = int((~known).sum())
    if not cases:
        raise InputRejected("no series has one on record; give it in periods", field="lead_time")
    return cases, [f"{unknown} series without lead time or review period: left out"] * (unknown > 0)


def _periods(panel: Panel, column: str, given: int | None, *, field: str) -> np.ndarray:
    """Of each series, (N,), in periods; NaN where it is not known."""
    N = len(panel.series)
    if given is not None:
        return np.full(N, float(given))
    if column not in panel.history.columns:
        raise InputRejected(f"give it: the history has no column '{column}'", field=field)
    own = panel.history.group_by(SERIES, maintain_order=True).agg(pl.col(column).last())
    days = own[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return np.ceil(days / panel.period_days)


def _compared(cases: Sequence[Case], forecasts: PastForecasts, plan: Plan) -> list[AtEqualFill]:
    """Ours beside the safety factor, over what fill rates both reach."""
    ours = service_curve(cases, partial(_at_level, forecasts, cases[0].terms.costs), plan)
    return at_equal_fill(ours, service_curve(cases, SafetyFactor, plan))


def _at_level(forecasts: PastForecasts, costs: UnitCosts, level: float) -> Policy:
    """Our orders with the shortage cost at which the level is best, a period between orders."""
    holding = costs.holding or 1.0
    shortage = shortage_cost_of(service_level=level, holding_cost=holding, review_periods=1)
    return ForecastOrders(forecasts, UnitCosts(holding, shortage, costs.waste))
