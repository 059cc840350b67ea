"""Replays of order decisions over history, against a baseline that everybody can follow.

A window begins with the stock that the baseline would have left behind. From then on both policies
see the same demand, what was sold in each period, and neither sees a period before it ends. Cost is
counted from the first period that the window's first order can influence.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.frame import DATE, IN_STOCK, UNITS, Panel
from inventory.demand import LEVELS, DemandForecast, Floats
from inventory.policy.newsvendor import critical_ratio
from inventory.simulate import Decide, Outcome, StockState, play_period, simulate
from models.members import Preset
from pipelines.order_file import LEFTOVER_PERIODS, decide
from pipelines.predict import fit_ensemble

Weeks = NDArray[np.int64]

BASELINE_WEEKS = 13
"""Weeks of deseasonalised sales that the baseline averages, ..."""
BASELINE_COVER_WEEKS = 4
"""... and weeks of them that it orders up to: lead time and review, plus one for safety."""

WARM_UP_WEEKS = 16
"""Weeks of the baseline's own orders that make a window's starting stock."""

WEEKS_PER_YEAR = 52


@dataclass(frozen=True, slots=True)
class Costs:
    """Two policies over one window, in money."""

    origin: date
    ours: float
    ours_holding: float
    ours_shortage: float
    baseline: float
    baseline_holding: float
    baseline_shortage: float

    @property
    def saved(self) -> float:
        """Share of the baseline's cost that ours does not have."""
        return 1 - self.ours / self.baseline


@dataclass(frozen=True, slots=True, eq=False)
class WeeklySales:
    """History as arrays (N, T): what sold, not a number where the shelf was empty in between."""

    sold_units: Floats
    demand_units: Floats
    weeks: Sequence[date]

    @property
    def week_of_year(self) -> Weeks:
        """0..51 per period."""
        numbers = [week.isocalendar().week for week in self.weeks]
        index: Weeks = np.minimum(np.array(numbers), WEEKS_PER_YEAR) - 1
        return index


def weekly_sales(panel: Panel) -> WeeklySales:
    """The panel as arrays; every series must cover the same weeks."""
    weeks = sorted(panel.history.get_column(DATE).unique().to_list())
    N = len(panel.series)
    assert len(panel.history) == N * len(weeks), "every series must cover every week"
    sold = panel.history.get_column(UNITS).fill_null(0.0).to_numpy().reshape(N, -1)
    in_stock = panel.history.get_column(IN_STOCK).to_numpy().reshape(N, -1)
    return WeeklySales(sold, np.where(in_stock > 0, sold, np.nan), weeks)


def seasonal_order_up_to(sales: WeeklySales, *, origin: int) -> Decide:
    """The baseline: average the last 13 weeks without season, order up to four weeks of it.

    The season is the mean over all series per week of the year. The organiser of the VN2 challenge
    described the benchmark that every entry was compared with in these words; details may differ.
    """
    week_of_year = sales.week_of_year

    def order(t: int, state: StockState) -> Floats:
        known = origin + t + 2
        season = _season(sales.demand_units[:, :known], week_of_year[:known])
        level = sales.demand_units[:, :known] / season[week_of_year[:known]]
        recent = level[:, -BASELINE_WEEKS:]
        seen = np.isfinite(recent).sum(axis=1)
        mean = np.nansum(recent, axis=1) / np.maximum(seen, 1)
        ahead = (week_of_year[known - 1] + 1 + np.arange(BASELINE_COVER_WEEKS)) % len(season)
        units: Floats = np.maximum(np.round(mean * season[ahead].sum() - state.position_units), 0)
        return units

    return order


def replay(
    panel: Panel,
    *,
    origins: Sequence[date],
    lead_time_periods: int,
    orders: int,
    holding: float,
    shortage: float,
    preset: Preset = "fast",
    seed: int = 7,
    threads: int = 1,
    leftover_periods: float = LEFTOVER_PERIODS,
) -> list[Costs]:
    """Cost of our orders and of the baseline's, per window of `orders` orders with lost sales.

    Models are fitted once per window, at its origin, and then only told of later sales.
    """
    sales = weekly_sales(panel)
    found = []
    for origin in origins:
        at = sales.weeks.index(origin)
        start = warmed_up(sales, origin=at, lead_time_periods=lead_time_periods)
        periods = lead_time_periods + orders
        demand = sales.sold_units[:, at + 1 : at + 1 + periods]
        assert demand.shape[1] == periods, "the history ends before the window does"
        forecasts = _forecasts(
            panel, origin, orders=orders, horizon=lead_time_periods + 1, preset=preset, seed=seed,
            threads=threads,
        )  # fmt: skip
        ratio = critical_ratio(shortage_cost=shortage, holding_cost=holding * leftover_periods)
        ours = _forecast_orders(forecasts, lead_time_periods, float(ratio), seed)
        outcomes = [
            simulate(demand, start, policy, lead_time_periods=lead_time_periods,
                     lost_sales=True, orders=orders)
            for policy in (ours, seasonal_order_up_to(sales, origin=at))
        ]  # fmt: skip
        found.append(_costs(origin, outcomes, lead_time_periods, holding, shortage))
    return found


def warmed_up(sales: WeeklySales, *, origin: int, lead_time_periods: int) -> StockState:
    """Stock at the end of period `origin`, had the baseline ordered from empty shelves before."""
    first = origin - WARM_UP_WEEKS
    assert first >= BASELINE_WEEKS, "too little history before the window"
    N = len(sales.sold_units)
    state = StockState(np.zeros(N), np.zeros((N, lead_time_periods)))
    policy = seasonal_order_up_to(sales, origin=first)
    for t in range(WARM_UP_WEEKS):
        state = state.ordered(policy(t - 1, state), lead_time_periods=lead_time_periods)
        state = play_period(state, sales.sold_units[:, first + 1 + t], lost_sales=True).state
    return state


def _season(demand: Floats, week_of_year: Weeks) -> Floats:
    """Factor per week of the year, relative to the mean of those seen; one for the others."""
    seen = np.isfinite(demand)
    totals = np.nansum(demand, axis=0) / np.maximum(seen.sum(axis=0), 1)
    known = seen.any(axis=0)
    season = np.full(WEEKS_PER_YEAR, np.nan)
    for week in np.unique(week_of_year[known]):
        season[week] = totals[known & (week_of_year == week)].mean()
    relative = season / np.nanmean(season)
    factors: Floats = np.maximum(np.nan_to_num(relative, nan=1.0), 1e-6)
    return factors


def _forecasts(
    panel: Panel, origin: date, *, orders: int, horizon: int, preset: Preset, seed: int,
    threads: int,
) -> list[DemandForecast]:  # fmt: skip
    fitted = fit_ensemble(
        panel.until(origin), horizon=horizon, preset=preset, seed=seed, threads=threads
    )
    step = timedelta(days=panel.period_days)
    return [
        fitted.predict(panel.until(origin + k * step), horizon=horizon, levels=np.array(LEVELS))
        for k in range(orders)
    ]


def _forecast_orders(
    forecasts: Sequence[DemandForecast], lead_time_periods: int, ratio: float, seed: int
) -> Decide:
    def order(t: int, state: StockState) -> Floats:
        return decide(
            forecasts[t + 1], state, lead_time_periods=lead_time_periods, ratio=ratio,
            lost_sales=True, seed=seed,
        ).quantity_units  # fmt: skip

    return order


def _costs(
    origin: date, outcomes: Sequence[Outcome], lead: int, holding: float, shortage: float
) -> Costs:
    ours, baseline = (
        (
            float(holding * o.left_units[:, lead:].sum()),
            float(shortage * o.unmet_units[:, lead:].sum()),
        )
        for o in outcomes
    )
    return Costs(
        origin=origin,
        ours=sum(ours), ours_holding=ours[0], ours_shortage=ours[1],
        baseline=sum(baseline), baseline_holding=baseline[0], baseline_shortage=baseline[1],
    )  # fmt: skip


def table(costs: Sequence[Costs]) -> pl.DataFrame:
    """One row per window, and the share saved."""
    return pl.DataFrame([
        {"origin": c.origin, "ours": c.ours, "holding": c.ours_holding,
         "shortage": c.ours_shortage, "baseline": c.baseline, "saved": c.saved}
        for c in costs
    ])  # fmt: skip
