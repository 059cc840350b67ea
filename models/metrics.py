"""How good a forecast was: losses per series, and their means.

Arrays are (N, H) for actuals and points, (N, H, Q) for quantiles; NaN in an actual means that the
period was not observed and is left out. Every loss comes per series first, so that a mean over
series can be taken, weighted or split by segment.
"""

import numpy as np

from inventory.demand import Floats

SCORED_LEVELS: tuple[float, ...] = (0.1, 0.5, 0.9, 0.95, 0.99)
"""Levels of the scaled quantile loss: one below the middle, and those that stock decisions read."""

SCALE_UNITS_MIN = 1e-9
"""A seasonal naive error at or below this means a series that never varied: it has no scale."""


def seasonality(period_days: int, periods: int) -> int:
    """Periods in the season that naive forecasts repeat: a week of days, a year of weeks.

    Weekly data shorter than two years falls back to one period, the plain naive forecast.
    """
    if period_days == 1:
        return 7
    return 52 if periods >= 104 else 1  # noqa: PLR2004  two years


def naive_error_units(history_units: Floats, season: int) -> Floats:
    """In-sample seasonal naive error per series, (N, T) -> (N,): mean of |y[t] - y[t - season]|.

    NaN where no pair of periods is a season apart, or where the series never varied.
    """
    if history_units.shape[1] <= season:
        return np.full(len(history_units), np.nan)
    error = _mean_known(np.abs(history_units[:, season:] - history_units[:, :-season]))
    return np.where(error > SCALE_UNITS_MIN, error, np.nan)


def pinball_units(actual_units: Floats, quantiles_units: Floats, levels: Floats) -> Floats:
    """Pinball loss (N, H, Q): p (y - q) when demand exceeded the quantile, (1 - p)(q - y) else.

    Source: Koenker & Bassett (1978). At p = 0.5 it is half the absolute error.

    >>> pinball_units(np.array([[10.0]]), np.array([[[8.0, 14.0]]]), np.array([0.5, 0.9]))
    array([[[1. , 0.4]]])
    """
    over = actual_units[..., None] - quantiles_units
    loss: Floats = np.maximum(levels * over, (levels - 1) * over)
    return loss


def scaled_quantile_losses(
    actual_units: Floats, quantiles_units: Floats, levels: Floats, *, scale_units: Floats
) -> Floats:
    """Per series (N,): mean pinball over periods and levels, divided by the naive error."""
    loss = pinball_units(actual_units, quantiles_units, levels).mean(axis=2)
    scaled: Floats = _mean_known(loss) / scale_units
    return scaled


def scaled_quantile_loss(
    actual_units: Floats, quantiles_units: Floats, levels: Floats, *, scale_units: Floats
) -> float:
    """SQL: the mean of `scaled_quantile_losses` over series that have a scale."""
    losses = scaled_quantile_losses(actual_units, quantiles_units, levels, scale_units=scale_units)
    return _mean_of(losses)


def wape(actual_units: Floats, point_units: Floats) -> float:
    """Weighted absolute percentage error: Σ|y - f| / Σ y, over all series and periods."""
    known = ~np.isnan(actual_units)
    total = float(actual_units[known].sum())
    if total <= 0:
        return float("nan")
    return float(np.abs(actual_units[known] - point_units[known]).sum() / total)


def mase(actual_units: Floats, point_units: Floats, *, scale_units: Floats) -> float:
    """Mean absolute scaled error: |y - f| over the naive error, mean over series."""
    return _mean_of(_mean_known(np.abs(actual_units - point_units)) / scale_units)


def bias(actual_units: Floats, point_units: Floats) -> float:
    """Σ(f - y) / Σ y: positive when the forecast is too high."""
    known = ~np.isnan(actual_units)
    total = float(actual_units[known].sum())
    if total <= 0:
        return float("nan")
    return float((point_units[known] - actual_units[known]).sum() / total)


def coverage(actual_units: Floats, quantile_units: Floats) -> float:
    """Share of observed periods at or below the quantile; equals its level when calibrated."""
    known = ~np.isnan(actual_units)
    if not known.any():
        return float("nan")
    return float((actual_units[known] <= quantile_units[known] + SCALE_UNITS_MIN).mean())


def _mean_known(values: Floats) -> Floats:
    """Mean along the last axis without NaN; NaN where there is nothing."""
    known = ~np.isnan(values)
    total = np.where(known, values, 0.0).sum(axis=-1)
    counted = known.sum(axis=-1)
    mean: Floats = np.where(counted > 0, total / np.maximum(counted, 1), np.nan)
    return mean


def _mean_of(values: Floats) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else float("nan")
