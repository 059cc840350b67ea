"""Standing in the past: forecasts from earlier origins, beside what then happened.

Members are fitted once, on what was known at the earliest origin, and predict from each later
origin without being fitted again: a booster costs one more fit, not one per window. Only demand
that is truly known counts as an actual; a period censored by a stock-out is left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.calendar import YEARS_MIN_FOR_SEASON
from features.demand import CENSORED, censored_expr, dense, dense_demand
from features.frame import Panel
from inventory.demand import LEVELS, DemandForecast, Floats
from models import metrics
from models.contract import Forecaster

WINDOWS = 6
"""Origins to look back from. Two or three give badly calibrated intervals."""

HISTORY_SHARE_KEPT = 0.55
"""Share of the history that stays before the earliest origin, to learn from."""

SEASONED_YEARS = 1.6
"""Where the history has seen a year, this much of it stays too: a model that has not seen the
season would be judged on it. One and a half horizons are looked back on in any case."""

PERIODS_MIN = 6
"""A history shorter than this has nothing to look back on."""

SERIES_KEPT_MAX = 4000
"""Series whose backtest forecasts are kept: enough for weights and calibration, bounds memory."""

SEGMENTS = ("smooth", "erratic", "intermittent")
SELLING_SHARE_MIN = 1 / 1.32
"""Selling less often than this is intermittent; Syntetos & Boylan (2005): interval over 1.32."""
CV2_MAX = 0.49
"""Squared coefficient of variation above which demand is erratic; same source."""
SEGMENT_PERIODS = 182
"""How far back a segment is told from."""

BLOCK_EDGES = {1: (7, 14, 28), 7: (4, 8, 13)}
"""Last period of each horizon block but the final one, by days per period."""


@dataclass(slots=True, eq=False)
class Window:
    """Forecasts from one origin, and the actuals: n series by h periods.

    actual_units : NaN where demand was not observed in full.
    sum_units : demand with partly censored periods unconstrained, for sums; NaN where unknown.
    """

    origin: date
    actual_units: Floats
    sum_units: Floats
    scale_units: Floats
    segment: np.ndarray
    forecasts: dict[str, DemandForecast]


def rolling_origins(
    panel: Panel, *, horizon: int, windows: int = WINDOWS
) -> tuple[list[date], int]:
    """Origins to look back from, oldest first, and how far ahead they can be checked.

    Windows overlap where history is short. No origins when there is too little to learn from.
    """
    first = panel.history["date"].min()
    assert isinstance(first, date)
    periods = (panel.origin - first).days // panel.period_days + 1
    if periods < PERIODS_MIN:
        return [], 0
    reach = int(periods * (1 - HISTORY_SHARE_KEPT))
    year = 365.25 / panel.period_days
    if periods > YEARS_MIN_FOR_SEASON * year:
        reach = min(reach, max(-(-3 * horizon // 2), int(periods - SEASONED_YEARS * year)))
    checked = min(horizon, max(1, reach * 2 // 3))
    step = max(1, min(-(-checked // 2), (reach - checked) // max(1, windows - 1)))
    back = [checked + k * step for k in range(windows) if checked + k * step <= reach]
    return [panel.origin - timedelta(days=b * panel.period_days) for b in reversed(back)], checked


def run(
    members: Sequence[Forecaster],
    panel: Panel,
    *,
    horizon: int,
    windows: int = WINDOWS,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[Window]:
    """Fit every member at the earliest origin and forecast from each; changes the members' fit."""
    origins, checked = rolling_origins(panel, horizon=horizon, windows=windows)
    if not origins:
        return []
    start = panel.until(origins[0])
    for member in members:
        _say(progress, f"fitting {member.name} as of {origins[0]}")
        member.fit(start, horizon=horizon)
    actuals = _Actuals.of(panel, seed=seed)
    found = []
    for origin in origins:
        _say(progress, f"looking back from {origin}")
        found.append(_window(members, panel, origin, checked, actuals))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Actuals:
    """What happened, (N, T), and the series that are kept."""

    demand_units: Floats
    observed_units: Floats
    kept: np.ndarray

    @classmethod
    def of(cls, panel: Panel, *, seed: int) -> "_Actuals":
        demand = dense_demand(panel)
        censored = dense(panel, censored_expr().alias(CENSORED))
        N = len(demand)
        kept = np.zeros(N, dtype=bool)
        drawn = np.random.default_rng(seed).permutation(N)[:SERIES_KEPT_MAX]
        kept[drawn] = True
        return cls(demand, np.where(censored == 1, np.nan, demand), kept)


def _window(
    members: Sequence[Forecaster], panel: Panel, origin: date, checked: int, actuals: _Actuals
) -> Window:
    then = panel.until(origin)
    back = (panel.origin - origin).days // panel.period_days
    split = actuals.demand_units.shape[1] - back
    names = panel.series.with_row_index("at").join(
        then.series, on=then.series.columns, how="semi", maintain_order="left"
    )
    at = names["at"].to_numpy()
    kept = actuals.kept[at]
    rows = at[kept]
    past = actuals.demand_units[rows, :split]
    levels = np.array(LEVELS)
    season = metrics.seasonality(panel.period_days, past.shape[1])
    chosen = np.flatnonzero(kept)
    return Window(
        origin=origin,
        actual_units=actuals.observed_units[rows, split : split + checked],
        sum_units=actuals.demand_units[rows, split : split + checked],
        scale_units=metrics.naive_error_units(past, season),
        segment=segments(past),
        forecasts={
            m.name: m.predict(then, horizon=checked, levels=levels).select(chosen) for m in members
        },
    )


def segments(demand_units: Floats) -> np.ndarray:
    """Index into `SEGMENTS` of each series (N,), from how often and how evenly it sells."""
    recent = demand_units[:, -SEGMENT_PERIODS:]
    known = ~np.isnan(recent)
    sold = known & (np.nan_to_num(recent) > 0)
    selling = sold.sum(axis=1) / known.sum(axis=1).clip(min=1)
    amount = np.where(sold, recent, 0.0)
    count = sold.sum(axis=1).clip(min=1)
    mean = amount.sum(axis=1) / count
    variance = (np.where(sold, amount - mean[:, None], 0.0) ** 2).sum(axis=1) / count
    cv2 = variance / np.maximum(mean, metrics.SCALE_UNITS_MIN) ** 2
    steady = np.where(cv2 > CV2_MAX, 1, 0)
    return np.where(selling < SELLING_SHARE_MIN, 2, steady)


def blocks(horizon: int, *, period_days: int) -> np.ndarray:
    """Horizon block of each period ahead, (H,): near, middle, far.

    >>> blocks(9, period_days=1)
    array([0, 0, 0, 0, 0, 0, 0, 1, 1])
    """
    return np.searchsorted(BLOCK_EDGES[period_days], np.arange(1, horizon + 1))


def scores(windows: Sequence[Window], *, period_days: int) -> pl.DataFrame:
    """Losses per member, segment, horizon block and window.

    Columns member, segment, horizon_block, window (its origin), sql, wape, bias, coverage95,
    coverage99, periods (how many were observed).
    """
    rows = [
        row
        for window in windows
        for name, forecast in window.forecasts.items()
        for row in _scores(name, window, forecast, period_days)
    ]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row")


SCORE_COLUMNS = {
    "member": pl.String, "segment": pl.String, "horizon_block": pl.Int64, "window": pl.Date,
    "sql": pl.Float64, "wape": pl.Float64, "bias": pl.Float64, "coverage95": pl.Float64,
    "coverage99": pl.Float64, "periods": pl.Int64,
}  # fmt: skip


def _scores(
    name: str, window: Window, forecast: DemandForecast, period_days: int
) -> list[tuple[object, ...]]:
    horizon = window.actual_units.shape[1]
    levels = np.array(metrics.SCORED_LEVELS)
    picked = [int(np.argmin(np.abs(forecast.levels - level))) for level in levels]
    found: list[tuple[object, ...]] = []
    block_of = blocks(horizon, period_days=period_days)
    for s, segment in enumerate(SEGMENTS):
        for block in np.unique(block_of):
            cell = np.ix_(window.segment == s, block_of == block)
            actual = window.actual_units[cell]
            if np.isnan(actual).all():
                continue
            quantiles = forecast.quantiles_units[cell][..., picked]
            mean = forecast.mean_units[cell]
            found.append((
                name, segment, int(block), window.origin,
                metrics.scaled_quantile_loss(
                    actual, quantiles, levels, scale_units=window.scale_units[window.segment == s]
                ),
                metrics.wape(actual, mean), metrics.bias(actual, mean),
                metrics.coverage(actual, quantiles[..., 3]),
                metrics.coverage(actual, quantiles[..., 4]),
                int((~np.isnan(actual)).sum()),
            ))  # fmt: skip
    return found


def _say(progress: Callable[[str], None] | None, what: str) -> None:
    if progress is not None:
        progress(what)
