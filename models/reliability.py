"""How often demand stayed at or below each forecast quantile, for periods and for sums of them.

Where quantiles coincide (mass at zero), an actual's level is drawn among those that coincide, as in
`models.calibration`: otherwise every intermittent item would look badly calibrated.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from inventory.demand import DemandForecast, Floats
from models.backtest import Window
from models.calibration import probability_of
from models.segments import SEGMENTS

PERIOD, WINDOW_SUM = "period", "window"
KINDS = (PERIOD, WINDOW_SUM)

SUM_PERIODS_MAX = 7
"""Periods that a sum runs over: a week of days, or all that was looked back on if that is less."""

SERIES_MAX = 400
"""Series per window whose sums are drawn: enough for a plot, and some seconds of work."""

COLUMNS = {
    "segment": pl.String, "kind": pl.String, "level": pl.Float64, "observed": pl.Float64,
    "observations": pl.Int64,
}  # fmt: skip


def reliability(
    windows: Sequence[Window], forecasts: Sequence[DemandForecast], *, seed: int
) -> pl.DataFrame:
    """One row per segment, kind and level: the share of actuals at or below that quantile.

    Columns segment, kind (`period` or `window`), level, observed (0..1), observations. Segments
    of which nothing was observed are left out. `forecasts` has one forecast per window.
    """
    rng = np.random.default_rng(seed)
    pairs = list(zip(windows, forecasts, strict=True))
    segment = {
        PERIOD: [np.repeat(w.segment, w.actual_units.shape[1]) for w, _ in pairs],
        WINDOW_SUM: [w.segment[:SERIES_MAX] for w, _ in pairs],
    }
    pit = {
        PERIOD: [_period_pit(w.actual_units, f, rng) for w, f in pairs],
        WINDOW_SUM: [_sum_pit(w.sum_units[:SERIES_MAX], f, rng, seed) for w, f in pairs],
    }
    rows = [
        row
        for kind in KINDS
        for s, name in enumerate(SEGMENTS)
        for row in _rows(
            name, kind, np.concatenate(pit[kind])[np.concatenate(segment[kind]) == s], forecasts[0]
        )
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def pit_shares(table: pl.DataFrame, *, segment: str, kind: str) -> Floats:
    """Share of actuals in each tenth of their forecast distribution, (10,); all 0.1 is ideal.

    Empty where the table has no such rows.
    """
    rows = table.filter((pl.col("segment") == segment) & (pl.col("kind") == kind))
    if rows.is_empty():
        return np.empty(0)
    at = np.interp(np.arange(1, 10) / 10, rows["level"].to_numpy(), rows["observed"].to_numpy())
    shares: Floats = np.diff(np.concatenate([[0.0], at, [1.0]]))
    return shares


def _period_pit(actual: Floats, forecast: DemandForecast, rng: np.random.Generator) -> Floats:
    flat = forecast.quantiles_units.reshape(-1, forecast.quantiles_units.shape[2])
    return probability_of(actual.ravel(), flat, forecast.levels, rng=rng)


def _sum_pit(
    actual: Floats, forecast: DemandForecast, rng: np.random.Generator, seed: int
) -> Floats:
    periods = min(SUM_PERIODS_MAX, actual.shape[1])
    chosen = forecast.select(slice(0, SERIES_MAX))
    sums = chosen.window_quantiles_units(forecast.levels, periods=periods, seed=seed)
    return probability_of(actual[:, :periods].sum(axis=1), sums, forecast.levels, rng=rng)


def _rows(
    segment: str, kind: str, pit: Floats, forecast: DemandForecast
) -> list[tuple[str, str, float, float, int]]:
    known = pit[~np.isnan(pit)]
    if len(known) == 0:
        return []
    return [
        (segment, kind, float(level), float((known <= level).mean()), len(known))
        for level in forecast.levels
    ]
