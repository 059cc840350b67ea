"""Direct LightGBM quantile regression: one model per level, for all series.

One row per series, past origin and period ahead. Covariates known ahead are read on the forecast
period itself. Periods that a stock-out or a closed door cut short teach nothing, where `masked`
says so. It comes in two makes: as a data scientist would first write it, in units and with
LightGBM's own defaults; and `tuned`, the strongest peer: everything in units of the series' own
recent level, so that big and small series teach each other, each row counting as much as it does
in the scaled quantile loss, with settings searched on earlier windows of the same data.
"""

import warnings
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from inventory.demand import Floats
from models.metrics import SCORED_LEVELS
from serving.bench.accuracy_data import Split

TUNED: dict[str, Any] = {
    "n_estimators": 200, "learning_rate": 0.06, "num_leaves": 31, "min_child_samples": 100,
    "colsample_bytree": 0.5, "max_bin": 127, "subsample": 0.7, "subsample_freq": 1,
    "reg_lambda": 1.0,
}  # fmt: skip
ROWS_MAX = 120_000
"""Training rows, drawn at random: more cost time and change the third digit. Codes of what never
changes are numbers, not categories: those of a thousand products were learned by heart."""

LOOKS_BACK_PERIODS = {1: 560, 7: 120}
"""How far back past origins lie, by days per period."""

MEANS_OVER = {1: (3, 7, 14, 28, 56), 7: (2, 4, 8, 13, 26, 52)}
"""Periods of the rolling means."""

SEASON_PERIODS = {1: 7, 7: 1}
"""Periods after which lags repeat the same weekday; weeks have none."""
YEAR_PERIODS = {1: 364, 7: 52}

SEASONAL_LAGS = 4
SCALED_MAX = 1e3
"""Levels that a tuned row teaches at most."""


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """Arrays that every row is cut from; periods by columns, T known and H ahead."""

    units: Floats
    """(N, T), masked: NaN where demand was not seen in full."""
    raw_units: Floats
    usable: Floats
    level_units: Floats
    """(N, T): what each series sells per period, as known at the end of each period."""
    error_units: Floats
    """(N, T): seasonal naive error so far."""
    ahead: dict[str, Floats]
    static: list[np.ndarray]
    weekday: np.ndarray
    day_of_month: np.ndarray
    day_of_year: np.ndarray
    period_days: int
    horizon: int


def forecast(split: Split, *, masked: bool, tuned: bool, seed: int, threads: int) -> Floats:
    """Quantiles (N, H, Q) at `SCORED_LEVELS`."""
    seen = _seen(split, masked=masked)
    if not tuned:
        one = np.ones_like(seen.level_units)
        seen = replace(seen, level_units=one, error_units=one)
    given = {"random_state": seed, "n_jobs": threads, **(TUNED if tuned else {})}
    rng = np.random.default_rng(seed)
    inputs, target, weight = _training_rows(
        seen, rng=rng, ratio_max=SCALED_MAX if tuned else np.inf
    )
    T = seen.units.shape[1]
    ahead = np.concatenate([_row_block(seen, T - 1, h) for h in range(1, seen.horizon + 1)])
    said = np.stack(
        [
            _fit_predict(inputs, target, weight, ahead, given | {"alpha": level})
            for level in SCORED_LEVELS
        ],
        axis=-1,
    )  # fmt: skip
    N = len(seen.units)
    scaled = said.reshape(seen.horizon, N, -1).transpose(1, 0, 2)
    quantiles: Floats = scaled * seen.level_units[:, -1, None, None]
    return quantiles


def _fit_predict(
    inputs: Floats, target: Floats, weight: Floats, ahead: Floats, given: dict[str, Any]
) -> Floats:
    import lightgbm

    model = lightgbm.LGBMRegressor(
        objective="quantile", deterministic=True, force_row_wise=True, verbosity=-1, **given
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(inputs, target, sample_weight=weight)
        said: Floats = model.predict(ahead)
    return said


def _seen(split: Split, *, masked: bool) -> _Seen:
    units = split.past_units.astype(np.float32)
    usable = np.isfinite(units)
    if masked:
        usable &= split.past_usable
    if "open" in split.ahead:
        usable &= split.ahead["open"][:, : units.shape[1]] > 0
    dates = np.array(split.dates(), dtype="datetime64[D]")
    demand = np.where(usable, units, np.nan)
    month = dates.astype("datetime64[M]")
    return _Seen(
        units=demand,
        raw_units=units,
        usable=usable.astype(np.float32),
        level_units=_level(demand, units, split.data.period_days),
        error_units=_error(units, split.season),
        ahead={name: values.astype(np.float32) for name, values in split.ahead.items()},
        static=[codes.astype(np.float32) for codes in split.static.values()],
        weekday=(dates.astype(np.int64) + 3) % 7,
        day_of_month=(dates - month).astype(np.int64) + 1,
        day_of_year=(dates - dates.astype("datetime64[Y]")).astype(np.int64) + 1,
        period_days=split.data.period_days,
        horizon=split.horizon,
    )


def _level(demand: Floats, raw: Floats, period_days: int) -> Floats:
    """Mean of what was seen lately, leaning on everything seen so far; never zero."""
    lately = _rolling_mean(demand, MEANS_OVER[period_days][3])
    ever = _rolling_mean(raw, raw.shape[1])
    mean = np.where(np.isnan(lately), ever, 0.8 * lately + 0.2 * np.nan_to_num(ever))
    typical = np.nanmean(ever, axis=0)
    level: Floats = np.maximum(np.where(np.isnan(mean), typical, mean), 0.02 * typical)
    return level.astype(np.float32)


def _error(raw: Floats, season: int) -> Floats:
    """Mean absolute seasonal difference so far, (N, T)."""
    change = np.full(raw.shape, np.nan, dtype=np.float32)
    change[:, season:] = np.abs(raw[:, season:] - raw[:, :-season])
    return _rolling_mean(change, raw.shape[1])


def _rolling_mean(values: Floats, periods: int) -> Floats:
    """Mean of the known among the last `periods`, at each period; NaN where none is known."""
    known = np.isfinite(values)
    total = np.cumsum(np.where(known, values, 0.0), axis=1, dtype=np.float64)
    count = np.cumsum(known, axis=1)
    if periods < values.shape[1]:
        total[:, periods:] -= total[:, :-periods].copy()
        count[:, periods:] -= count[:, :-periods].copy()
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan).astype(np.float32)
    return mean


def _training_rows(
    seen: _Seen, *, rng: np.random.Generator, ratio_max: float
) -> tuple[Floats, Floats, Floats]:
    """Inputs, scaled target and weight of past origins, a random share of them all."""
    N, T = seen.units.shape
    step = SEASON_PERIODS[seen.period_days]
    first = max(step, T - LOOKS_BACK_PERIODS[seen.period_days])
    pairs = [
        (t, h) for t in range(first, T - 1) for h in range(1, min(seen.horizon, T - 1 - t) + 1)
    ]
    usable = np.mean(seen.usable[:, first:])
    share = min(1.0, ROWS_MAX / max(1.0, len(pairs) * N * usable))
    if share < 0.2:  # noqa: PLR2004 - fewer origins and horizons, each of them fuller.
        keep = rng.choice(len(pairs), max(1, int(len(pairs) * share / 0.2)), replace=False)
        pairs, share = [pairs[k] for k in sorted(keep)], 0.2
    inputs, targets, weights = [], [], []
    for t, h in pairs:
        rows = np.flatnonzero(np.isfinite(seen.units[:, t + h]) & (rng.random(N) < share))
        inputs.append(_row_block(seen, t, h, rows))
        level = seen.level_units[rows, t]
        targets.append(seen.units[rows, t + h] / level)
        error = np.fmax(seen.error_units[rows, -1], 0.1 * level)
        weights.append(level / np.where(np.isfinite(error), error, level))
    weight = np.concatenate(weights)
    target = np.concatenate(targets)
    target = np.minimum(target, ratio_max)
    return np.concatenate(inputs), target, weight / weight.mean()


def _row_block(seen: _Seen, t: int, h: int, rows: np.ndarray | None = None) -> Floats:
    """Inputs (n, F) of the rows' series, standing at the end of period t, for period t + h."""
    at = np.arange(len(seen.units)) if rows is None else rows
    level = seen.level_units[at, t][:, None]
    columns = [
        *_recent(seen, at, t, level),
        *_same_phase(seen, at, t, h, level),
        *_known_ahead(seen, at, t, h, level),
        *_calendar(seen, t + h, len(at)),
        np.full(len(at), h),
        np.log(level[:, 0]),
        (seen.error_units[at, t] / level[:, 0]),
        *(codes[at] for codes in seen.static),
    ]
    return np.column_stack(columns).astype(np.float32)


def _recent(seen: _Seen, at: np.ndarray, t: int, level: Floats) -> list[Floats]:
    """Last values, rolling means and spreads, how much was on sale, and since when it sold."""
    means = MEANS_OVER[seen.period_days]
    back = max(means)
    demand = seen.units[at, max(0, t + 1 - back) : t + 1]
    raw = seen.raw_units[at, max(0, t + 1 - back) : t + 1]
    usable = seen.usable[at, max(0, t + 1 - back) : t + 1]
    columns: list[Floats] = [_column(raw, -k) / level[:, 0] for k in (1, 2, 3)]
    for periods in means:
        columns.append(_mean(demand[:, -periods:]) / level[:, 0])
        columns.append(_mean(raw[:, -periods:]) / level[:, 0])
    for periods in means[2:4]:
        lately = demand[:, -periods:]
        spread = np.sqrt(np.maximum(_mean(lately**2) - _mean(lately) ** 2, 0))
        columns += [spread / level[:, 0], _mean((raw[:, -periods:] > 0).astype(np.float32)),
                    np.nanmax(np.nan_to_num(raw[:, -periods:]), axis=1) / level[:, 0],
                    usable[:, -periods:].mean(axis=1)]  # fmt: skip
    sold = np.nan_to_num(raw)[:, ::-1] > 0
    columns.append(np.where(sold.any(axis=1), sold.argmax(axis=1), back))
    columns.append(usable[:, -1])
    return columns


def _same_phase(seen: _Seen, at: np.ndarray, t: int, h: int, level: Floats) -> list[Floats]:
    """The same weekday some weeks back, its mean, and around the same time a year ago."""
    step = SEASON_PERIODS[seen.period_days]
    legal = -(-h // step) * step
    lags = [
        _at(seen.units, at, t + h - legal - k * step) if t + h - legal - k * step >= 0
        else np.full(len(at), np.nan)
        for k in range(SEASONAL_LAGS * 2)
    ]  # fmt: skip
    raw = _at(seen.raw_units, at, t + h - legal)
    same = np.stack(lags, axis=1)
    columns: list[Floats] = [
        raw / level[:, 0],
        *(lag / level[:, 0] for lag in lags[:SEASONAL_LAGS]),
    ]
    columns += [_mean(same[:, :SEASONAL_LAGS]) / level[:, 0], _mean(same) / level[:, 0]]
    year = YEAR_PERIODS[seen.period_days]
    if seen.units.shape[1] > year:
        then = t + h - year
        columns += [
            _at(seen.units, at, then) / level[:, 0],
            _around(seen.units, at, then, 3 if step > 1 else 1) / level[:, 0],
            _around(seen.units, at, t - year, 14 if step > 1 else 4) / level[:, 0],
        ]
    return columns


def _known_ahead(seen: _Seen, at: np.ndarray, t: int, h: int, level: Floats) -> list[Floats]:
    """Covariates on the period itself, against lately, and what sold when they were like that."""
    columns: list[Floats] = []
    lately = slice(max(0, t + 1 - 56), t + 1)
    for values in seen.ahead.values():
        now = values[at, t + h]
        past = values[at, lately]
        columns += [now, now - _mean(past[:, -28:])]
        like = np.abs(past - now[:, None]) < 0.03 * np.maximum(1.0, np.abs(now))[:, None]
        columns.append(_mean(np.where(like, seen.units[at, lately], np.nan)) / level[:, 0])
        for near in (-1, 1):
            column = t + h + near
            columns.append(values[at, column] if column < values.shape[1]
                           else np.full(len(at), np.nan))  # fmt: skip
    return columns


def _calendar(seen: _Seen, column: int, rows: int) -> list[Floats]:
    return [
        np.full(rows, float(values[column]))
        for values in (seen.weekday, seen.day_of_month, seen.day_of_year)
    ]


def _at(values: Floats, at: np.ndarray, column: int) -> Floats:
    return values[at, column] if column >= 0 else np.full(len(at), np.nan)


def _around(values: Floats, at: np.ndarray, column: int, reach: int) -> Floats:
    """Mean of the known within `reach` periods of a column, NaN before the history began."""
    if column + reach < 0:
        return np.full(len(at), np.nan)
    return _mean(values[at, max(0, column - reach) : column + reach + 1])


def _column(values: Floats, place: int) -> Floats:
    return values[:, place] if values.shape[1] >= -place else np.full(len(values), np.nan)


def _mean(values: Floats) -> Floats:
    """Row means of what is known."""
    known = np.isfinite(values)
    total = np.where(known, values, 0.0).sum(axis=1)
    count = known.sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
