"""Two forecasters judged on the same days, of which neither has seen any.

Both stand on the same mornings, read the same sales up to then, and are told nothing of the days
that they are judged on. Figures are kept per series, so that chance can be told from difference by
drawing the series anew (`models.gate`).
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.demand import CENSORED, censored_expr, dense, dense_demand
from features.frame import KEY, PRICE, SERIES, UNITS, Panel
from inventory.base_stock import extended
from inventory.demand import LEVELS, DemandForecast, Floats
from inventory.periodic_review import order_up_to_costs, shortage_cost_of
from models import metrics
from models.contract import Forecaster

PERIODS_MIN = {1: 7, 7: 4}
"""A whole week of days, or a month of weeks: less than that is judged by chance."""

PERIODS_MAX = {1: 28, 7: 8}
"""Longer trials would only fit the challenger on older sales than it will be fitted on."""

ORIGINS_MAX = 4
"""Mornings on which both forecast and order."""

SERIES_MAX = 1000
"""Series that are judged, evenly from all: a coverage is then right to a point."""

START_PERIODS = 28
"""Both begin with stock for the mean demand of so many periods before the trial."""

COVERED_LEVELS = (0.95, 0.99)
COVERAGES = tuple(f"{kind} {level:g}" for kind in ("period", "window") for level in COVERED_LEVELS)
"""Names of the columns of `Sheet.covered`: the quantiles that stock decisions read."""

HOLDING_COST = 1.0
"""Money per unit (or per unit's price, where prices are known) and period: only ratios count."""


@dataclass(frozen=True, slots=True)
class Plan:
    """On which days two forecasters are judged, and by which policy their orders are placed.

    cutoff : last day that either may have seen.
    periods : how many periods after it are judged.
    """

    cutoff: date
    periods: int
    review_periods: int
    lead_time_periods: int

    @property
    def window_periods(self) -> int:
        """What an order must last for: lead time and review period."""
        return self.lead_time_periods + self.review_periods

    @property
    def offsets(self) -> list[int]:
        """Periods from the cutoff to each morning on which both forecast and order."""
        return list(range(0, self.periods, self.review_periods))


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What both are judged on: N series, T periods of truth.

    panel : the judged series with all their history.
    observed_units : (N, T); NaN where demand was not observed in full.
    demand_units : (N, T), unconstrained; NaN where nothing can be said.
    scale_units, start_units, value : (N,); in-sample naive error, stock to begin with, and the
        weight of a unit in money (its price where prices are known).
    """

    plan: Plan
    panel: Panel
    observed_units: Floats
    demand_units: Floats
    scale_units: Floats
    start_units: Floats
    value: Floats
    whole_units: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """What one forecaster scored, per series.

    losses : (N,), scaled quantile loss, NaN where there is no scale. costs : (N,), money.
    covered, counted : (N, 4), how many actuals stayed at or below the quantile, of how many; its
        columns are `COVERAGES`.
    """

    losses: Floats
    costs: Floats
    covered: Floats
    counted: Floats


def plan(panel: Panel, *, seen_until: date) -> Plan | None:
    """The trial that the panel allows after `seen_until`; None when too few periods have passed."""
    passed = (panel.origin - seen_until).days // panel.period_days
    if passed < PERIODS_MIN[panel.period_days]:
        return None
    periods = min(passed, PERIODS_MAX[panel.period_days])
    review = -(-periods // ORIGINS_MAX)
    cutoff = panel.origin - timedelta(days=periods * panel.period_days)
    return Plan(cutoff, periods, review_periods=review, lead_time_periods=max(1, review // 2))


def ground(panel: Panel, agreed: Plan) -> Ground | None:
    """The truth for a trial; None when no series had started by its cutoff."""
    started = panel.until(agreed.cutoff).series
    if started.is_empty():
        return None
    step = -(-len(started) // SERIES_MAX)
    judged = started.gather_every(step)
    history, future = (
        frame.join(judged, on=SERIES, how="semi").sort(KEY)
        for frame in (panel.history, panel.future)
    )
    own = replace(panel, history=history, future=future)
    demand = dense_demand(own)
    censored = dense(own, censored_expr().alias(CENSORED)) == 1
    past, ahead = demand[:, : -agreed.periods], demand[:, -agreed.periods :]
    whole = bool((history[UNITS].drop_nulls() % 1 == 0).all())
    usual = _mean_known(past[:, -START_PERIODS:])
    start = usual * agreed.window_periods
    return Ground(
        plan=agreed,
        panel=own,
        observed_units=np.where(censored[:, -agreed.periods :], np.nan, ahead),
        demand_units=ahead,
        scale_units=metrics.naive_error_units(
            past, metrics.seasonality(panel.period_days, past.shape[1])
        ),
        start_units=np.ceil(start) if whole else start,
        value=_value(own),
        whole_units=whole,
    )


def judge(
    forecaster: Forecaster, on: Ground, *, horizon: int, service_level: float, seed: int
) -> Sheet:
    """Forecast from every morning of the trial, and score it.

    horizon : most periods ahead that are scored; a forecaster is asked for no more.
    """
    agreed, period_days = on.plan, on.panel.period_days
    N, T = on.observed_units.shape
    losses, targets = [], []
    covered, counted = np.zeros((N, len(COVERAGES))), np.zeros((N, len(COVERAGES)))
    for offset in agreed.offsets:
        origin = agreed.cutoff + timedelta(days=offset * period_days)
        forecast = forecaster.predict(
            on.panel.until(origin), horizon=horizon, levels=np.array(LEVELS)
        )
        ahead = min(horizon, T - offset)
        actual = on.observed_units[:, offset : offset + ahead]
        losses.append(_losses(forecast, actual, on.scale_units))
        _count_periods(forecast, actual, covered, counted)
        reach = extended(forecast, horizon=agreed.window_periods)
        wanted = np.array([*COVERED_LEVELS, service_level])
        sums = reach.window_quantiles_units(wanted, periods=agreed.window_periods, seed=seed)
        targets.append(np.ceil(sums[:, 2]) if on.whole_units else sums[:, 2])
        _count_sums(sums, on.demand_units[:, offset : offset + agreed.window_periods],
                    agreed.window_periods, covered, counted)  # fmt: skip
    costs = _costs(on, np.stack(targets, axis=1), service_level)
    return Sheet(_mean_known(np.stack(losses, axis=1), none=np.nan), costs, covered, counted)


def _losses(forecast: DemandForecast, actual: Floats, scale: Floats) -> Floats:
    levels = np.array(metrics.SCORED_LEVELS)
    quantiles = _at(forecast, metrics.SCORED_LEVELS)[:, : actual.shape[1]]
    return metrics.scaled_quantile_losses(actual, quantiles, levels, scale_units=scale)


def _count_periods(
    forecast: DemandForecast, actual: Floats, covered: Floats, counted: Floats
) -> None:
    quantiles = _at(forecast, COVERED_LEVELS)[:, : actual.shape[1]]
    known = ~np.isnan(actual)
    below = known[..., None] & (actual[..., None] <= quantiles + metrics.SCALE_UNITS_MIN)
    covered[:, :2] += below.sum(axis=1)
    counted[:, :2] += known.sum(axis=1)[:, None]


def _count_sums(
    sums: Floats, demand: Floats, periods: int, covered: Floats, counted: Floats
) -> None:
    if demand.shape[1] < periods:
        return
    total = demand.sum(axis=1)
    known = ~np.isnan(total)
    below = known[:, None] & (total[:, None] <= sums[:, :2] + metrics.SCALE_UNITS_MIN)
    covered[:, 2:] += below
    counted[:, 2:] += known[:, None]


def _costs(on: Ground, targets: Floats, service_level: float) -> Floats:
    shortage = shortage_cost_of(
        service_level=service_level,
        holding_cost=HOLDING_COST,
        review_periods=on.plan.review_periods,
    )
    # What an empty shelf hid for a whole period cannot be charged to a forecast.
    demand = np.where(np.isnan(on.demand_units), 0.0, on.demand_units)
    units = order_up_to_costs(
        demand,
        targets,
        start_units=on.start_units,
        lead_time_periods=on.plan.lead_time_periods,
        review_periods=on.plan.review_periods,
        holding_cost=HOLDING_COST,
        shortage_cost=shortage,
    )
    return units * on.value


def _at(forecast: DemandForecast, levels: tuple[float, ...]) -> Floats:
    """Quantiles (N, H, len(levels)) at levels that every forecast carries."""
    picked = [int(np.argmin(np.abs(forecast.levels - level))) for level in levels]
    return forecast.quantiles_units[..., picked]


def _value(panel: Panel) -> Floats:
    """The usual price per series; one where no price is known."""
    if PRICE not in panel.history.columns:
        return np.ones(len(panel.series))
    price = panel.history.group_by(SERIES, maintain_order=True).agg(pl.col(PRICE).median())
    known = price.get_column(PRICE).drop_nulls().drop_nans()
    usual = known.median() if len(known) else 1.0
    value: Floats = price.get_column(PRICE).fill_nan(None).fill_null(usual).to_numpy()
    return value


def _mean_known(values: Floats, *, none: float = 0.0) -> Floats:
    """Mean along the last axis without NaN; `none` where there is nothing."""
    known = ~np.isnan(values)
    count = known.sum(axis=1)
    mean: Floats = np.where(
        count > 0, np.where(known, values, 0.0).sum(axis=1) / count.clip(min=1), none
    )
    return mean
