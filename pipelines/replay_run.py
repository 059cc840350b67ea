"""`vouch backtest policy`: a file's history or the database's, replayed under named policies."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import psycopg

from features.frame import KEY, PRICE, PROMOTION, Panel
from models.backtest import sample
from models.members import Preset
from pipelines.forecast_orders import ForecastOrders, PastForecasts
from pipelines.history import load_panel
from pipelines.order_baselines import Case, Policy, SafetyFactor, Terms
from pipelines.panel_file import read_panel
from pipelines.planned_orders import PlannedOrders
from pipelines.policy_backtest import Figures, Plan, backtest, figures
from pipelines.policy_choice import ALL, OURS, PLANNED, Choice, choices
from pipelines.replay_demand import Unseen, demand_to_replay
from pipelines.replay_terms import AskedTerms, Bought, known_terms, of_catalogue, of_file
from pipelines.service_curve import AtEqualFill, at_equal_fill, service_curve
from pipelines.settings import Settings
from pipelines.starting_stock import Start

SHELF_PERIODS_MAX = 28
"""Goods that keep longer are replayed as if they kept for ever: windows are weeks."""


@dataclass(frozen=True, slots=True)
class Asked(AskedTerms):
    """What to replay, and on what terms where not on each series' own.

    orders, settling_orders : of each window, those that count and those before; where review
        periods differ, of the series reviewed least often.
    policies : names with parameters, as `policy_choice.choices` reads them.
    series : so many, drawn with the seed; None for all.
    curve : also compare stock at equal fill rates, ours with the safety factor's.
    """

    lost_sales: bool = False
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
                f"at a fill rate of {point.fill_rate:.1%}: {point.policy} {point.stock_units:.0f} "
                "units in stock, "
                f"safety_factor {point.other_stock_units:.0f} ({point.less:.1%} less)"
                for point in self.at_equal_fill
            ),
        ]


HEADER = (
    f"{'policy':<18} {'cost':>10} {'holding':>9} {'shortage':>9} {'ordering':>9} {'waste':>7} "
    f"{'fill rate':>9} {'stock-outs':>10} {'stock':>8} {'turns':>6} {'orders':>7} {'wasted':>7}"
)


def _line(row: Figures) -> str:
    return (
        f"{row.policy:<18} {row.cost:10.0f} {row.holding_cost:9.0f} {row.shortage_cost:9.0f} "
        f"{row.order_cost:9.0f} {row.waste_cost:7.0f} {row.fill_rate:9.1%} {row.stock_outs:10d} "
        f"{row.stock_units:8.0f} {row.turns:6.1f} {row.orders:7d} {row.expired_units:7.0f}"
    )


def replay_file(
    history: Path, asked: Asked, *, progress: Callable[[str], None] = lambda _: None
) -> ReplayReport:
    """Replay a file that `pipelines.panel_file` reads."""
    panel, read = read_panel(history)
    return replay(panel, asked, notes=read.notes, progress=progress)


def replay_database(
    db: psycopg.Connection,
    asked: Asked,
    settings: Settings,
    *,
    progress: Callable[[str], None] = lambda _: None,
) -> ReplayReport:
    """Replay the sales on record, on the terms of the catalogue.

    Of days ahead, our policies know the calendar, promotions and prices: they are planned. The
    weather on record is what came, not what was forecast, and would tell them too much.
    """
    asked.check()
    panel = load_panel(db, horizon_days=1)
    planned = [column for column in (*KEY, PRICE, PROMOTION) if column in panel.future.columns]
    panel = _drawn(replace(panel, future=panel.future.select(planned)), asked)
    bought, told = of_catalogue(db, panel, settings, asked)
    return replay(panel, asked, bought=bought, notes=told, progress=progress)


def _drawn(panel: Panel, asked: Asked) -> Panel:
    return panel if asked.series is None else sample(panel, series=asked.series, seed=asked.seed)


def replay(
    panel: Panel,
    asked: Asked,
    *,
    bought: Bought | None = None,
    notes: Sequence[str] = (),
    progress: Callable[[str], None] = lambda _: None,
) -> ReplayReport:
    """Replay a panel under the policies asked for.

    bought : how its series are bought; None: as columns of the history say.
    """
    chosen = choices(asked.policies)
    asked.check()
    if bought is None:
        panel = _drawn(panel, asked)
    cases, told = cases_of(panel, asked, bought)
    plan = asked.plan(cases)
    demand = cases[0].demand
    forecasts = PastForecasts(
        panel, longest_periods=max(case.terms.protected_periods for case in cases),
        preset=asked.preset, seed=asked.seed, threads=asked.threads, progress=progress,
    )  # fmt: skip
    runs = backtest(cases, {each.written: each.policy(forecasts) for each in chosen}, plan)
    rows = figures(runs, period_days=panel.period_days)
    points = _compared(chosen, cases, forecasts, plan) if asked.curve else []
    return ReplayReport(
        series=sum(len(case.rows) for case in cases), windows=plan.windows, periods=plan.periods,
        unseen=asked.unseen, unseen_share=demand.unseen_share,
        policies=[row for row in rows if row.origin is None],
        by_window=[row for row in rows if row.origin is not None],
        at_equal_fill=points, notes=[*notes, *told],
    )  # fmt: skip


def cases_of(
    panel: Panel, asked: Asked, bought: Bought | None = None
) -> tuple[list[Case], list[str]]:
    """Series bought on the same terms, together; and notes on those whose terms nobody knows."""
    told: list[str] = []
    if bought is None:
        bought, told = of_file(panel, asked)
    demand = demand_to_replay(panel, unseen=asked.unseen)
    known, notes = known_terms(bought)
    life = bought.periods("shelf_life_days")
    if (lasting := known & (life > SHELF_PERIODS_MAX)).any():
        told_of = f"{int(lasting.sum())} series keep longer than {SHELF_PERIODS_MAX} periods"
        notes.append(f"{told_of}: replayed as goods that keep")
    # No shelf life is none of them: zero stands for it, so that kinds can be told apart.
    life = np.where(life <= SHELF_PERIODS_MAX, np.maximum(life, 1), 0)
    lead, review = bought.periods("lead_time_days"), bought.periods("review_period_days")
    times = np.stack([lead, np.maximum(review, 1), life])
    kinds, kind = np.unique(times[:, known], axis=1, return_inverse=True)
    every = np.flatnonzero(known)
    cases = []
    for k, (lead_time, review_time, shelf) in enumerate(kinds.T.astype(int).tolist()):
        rows = every[kind.reshape(-1) == k]
        own = bought.select(rows)
        terms = Terms(lead_time, review_time, own.costs, asked.lost_sales, shelf or None)
        cases.append(Case(demand.select(rows), rows, terms, own))
    return cases, [*told, *notes]


def _compared(
    chosen: Sequence[Choice], cases: Sequence[Case], forecasts: PastForecasts, plan: Plan
) -> list[AtEqualFill]:
    """Ours beside the safety factor, each over what fill rates both reach."""
    families: dict[str, Callable[[PastForecasts, float], Policy]] = {
        PLANNED: PlannedOrders, OURS: ForecastOrders,
    }  # fmt: skip
    named = dict.fromkeys(each.name for each in chosen if each.name in families)
    theirs = service_curve(cases, SafetyFactor, plan)
    return [
        point
        for name in named or (OURS,)
        for point in at_equal_fill(
            service_curve(cases, partial(families[name], forecasts), plan), theirs, policy=name
        )
    ]
