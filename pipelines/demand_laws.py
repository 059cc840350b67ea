"""Which law demand over lead time and review period follows, chosen per position by past windows.

Windows foretold by the forecasts that were in force then count first; where too few of those have
passed, windows of the sales history foretold by the mean of the weeks before them: these judge the
shape of a law, while its spread stays that of the sample paths.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
import psycopg
from numpy.typing import NDArray

from inventory.base_stock import LEVEL, window_demand
from inventory.demand import Floats
from inventory.policy import demand_laws as rules
from inventory.policy.demand_laws import LAWS, Judged, PastWindows
from inventory.policy.window_quantiles import level_of, quantile_at
from inventory.store import demand_laws as store
from inventory.store.demand_windows import Windows
from inventory.store.forecasts import read_run
from pipelines.demand_windows import KEY

CHOSEN_FOR_DAYS = 7
"""A law is chosen anew once a week: one more window rarely changes it."""

RUNS_MAX = 16
"""Past forecasts that are judged: each costs as much as drawing today's."""

WINDOWS_MAX = 26
"""Windows of the history that are."""

TRAILING_DAYS = 28
"""The backtest foretells by the mean of the windows of so many days."""

POSITIONS_AT_ONCE = 20_000

BY_FORECASTS, BY_BACKTEST, BY_NOTHING = "stored forecasts", "backtest", "none"

SIGMA_LEVELS = (0.15865525393145707, 0.8413447460685429)
"""One standard deviation below and above the mean, of normal demand."""


def choose_laws(
    db: psycopg.Connection,
    table: pl.DataFrame,
    windows: Windows,
    *,
    today: date,
    seed: int,
    skus: Sequence[str] | None = None,
) -> int:
    """Choose the law of every position that has none of this week; returns how many.

    table : positions with sku, location, lead_time_days and review_period_days, in the order of
        their windows.
    """
    days = (pl.col("lead_time_days") + pl.col("review_period_days")).round().clip(1)
    asked = table.select(*KEY, days.alias("window_days")).with_row_index("row")
    since = today - timedelta(days=CHOSEN_FOR_DAYS - 1)
    fresh = store.judged_positions(db, since=since, skus=skus)
    due = asked.join(fresh, on=[*KEY, "window_days"], how="anti")
    for part in due.iter_slices(POSITIONS_AT_ONCE):
        quantiles = windows.quantiles_units[part["row"].to_numpy()]
        means = windows.demand.mean_units[part["row"].to_numpy()]
        store.write_laws(db, _chosen(db, part, quantiles, means, today=today, seed=seed))
    return len(due)


def _chosen(
    db: psycopg.Connection,
    part: pl.DataFrame,
    quantiles: Floats,
    means: Floats,
    *,
    today: date,
    seed: int,
) -> pl.DataFrame:
    """Rows of `demand_laws` for some positions."""
    foretold = _foretold(db, part, today=today, seed=seed)
    tested = _backtested(db, part, quantiles, means, today=today)
    by_forecasts, by_test = rules.judge(foretold), rules.judge(tested)
    stored = by_forecasts.windows >= rules.WINDOWS_MIN
    judged = Judged(
        {law: np.where(stored, by_forecasts.misfit[law], by_test.misfit[law]) for law in LAWS},
        np.where(stored, by_forecasts.windows, by_test.windows),
    )
    law, bad = rules.choose(judged)
    enough = judged.windows >= rules.WINDOWS_MIN
    by = np.select([stored, enough], [BY_FORECASTS, BY_BACKTEST], default=BY_NOTHING)
    # Of the backtest only the shape counts: its errors over their own spread, where there is any.
    spread = np.sqrt(np.where(tested.dispersion > 0, tested.dispersion, np.nan))
    shape = tested.residuals / spread[:, None]
    residuals = _side_by_side(stored, foretold.residuals, shape)
    return part.select(*KEY, "window_days").with_columns(
        pl.Series("law", law.tolist(), dtype=pl.String),
        pl.Series("reason", _reasons(law, bad, judged, by), dtype=pl.String),
        pl.Series("judged_by", by.tolist(), dtype=pl.String),
        pl.Series("windows", judged.windows),
        *(pl.Series(f"{name}_misfit", judged.misfit[name]).fill_nan(None) for name in LAWS),
        pl.Series("dispersion", np.where(stored, foretold.dispersion, np.nan)).fill_nan(None),
        pl.Series("residuals", _arrays(residuals), dtype=pl.String),
        pl.lit(store.as_text(today)).alias("chosen_on"),
    ).select(*store.LAW_SCHEMA)  # fmt: skip


def _side_by_side(first: NDArray[np.bool_], yes: Floats, no: Floats) -> Floats:
    """Rows of one or the other, each sorted, padded with NaN."""
    W = max(yes.shape[1], no.shape[1])
    padded = [
        np.pad(part, ((0, 0), (0, W - part.shape[1])), constant_values=np.nan) for part in (yes, no)
    ]
    rows: Floats = np.sort(np.where(first[:, None], *padded), axis=1)
    return rows


def _reasons(
    law: np.ndarray, bad: np.ndarray, judged: Judged, by: np.ndarray
) -> list[str]:  # fmt: skip
    """A sentence per position."""
    sentences = []
    for i, (name, windows) in enumerate(zip(law.tolist(), judged.windows.tolist(), strict=True)):
        told = ", ".join(f"{each} {judged.misfit[each][i]:.2f}" for each in LAWS)
        if by[i] == BY_NOTHING:
            sentence = (
                f"sample paths: {windows} past windows could be judged, "
                f"{rules.WINDOWS_MIN} are needed"
            )
        elif bad[i]:
            sentence = (
                f"fallback to past errors as they were: no law fits {windows} windows of the "
                f"{by[i]} (misfit {told}; {rules.MISFIT_BAD:g} is bad)"
            )
        else:
            sentence = f"{name} is preferred after {windows} windows of the {by[i]} (misfit {told})"
        sentences.append(sentence)
    return sentences


def _arrays(residuals: Floats) -> list[str]:
    """Rows without their NaN as the text of PostgreSQL's arrays."""
    return ["{" + ",".join(f"{x:.6g}" for x in row if math.isfinite(x)) + "}" for row in residuals]


def _foretold(db: psycopg.Connection, part: pl.DataFrame, *, today: date, seed: int) -> PastWindows:
    """Windows that forecasts in force foretold: the mean, the demand, and where it fell."""
    runs = store.past_runs(db, before=today, runs_max=RUNS_MAX)
    N, W = len(part), len(runs)
    mean, levels = np.full((N, W), np.nan), np.full((N, W), np.nan)
    if not runs:
        return PastWindows(np.zeros((N, 1)), np.full((N, 1), np.nan), np.full((N, 1), np.nan))
    days = part["window_days"].to_numpy()
    passed = np.array([[(today - first).days for _, first in runs]]) >= days[:, None]
    asked = _asked(part, [first for _, first in runs], passed)
    actual = _sums(db, part, asked, W, first=runs[0][1], until=today)
    place = part.select(*KEY).with_row_index("place")
    for k, (run_id, _) in enumerate(runs):
        forecast = read_run(db, run_id)
        if forecast is None or not np.isfinite(actual[:, k]).any():
            continue
        series = pl.DataFrame({
            "sku": forecast.skus, "location": forecast.locations,
            "series": np.arange(len(forecast.skus)),
        }).join(place, on=KEY)  # fmt: skip
        rows = series["place"].to_numpy()
        chosen = forecast.select(series["series"].to_numpy())
        span = days[rows]
        demand = window_demand(
            chosen, lead_time_days=span, lead_time_sd_days=np.zeros_like(span),
            review_period_days=np.zeros_like(span), seed=seed,
        )  # fmt: skip
        mean[rows, k] = demand.mean_units
        levels[rows, k] = level_of(demand.quantiles_units, LEVEL, np.nan_to_num(actual[rows, k]))
    known = np.isfinite(actual) & np.isfinite(mean)
    return PastWindows(
        np.nan_to_num(mean), np.where(known, actual, np.nan), np.where(known, levels, np.nan)
    )


def _backtested(
    db: psycopg.Connection,
    part: pl.DataFrame,
    quantiles: Floats,
    means: Floats,
    *,
    today: date,
) -> PastWindows:
    """Windows of the history, each foretold by the mean of those before it."""
    days = part["window_days"].to_numpy()
    W = WINDOWS_MAX + math.ceil(TRAILING_DAYS / days.min(initial=TRAILING_DAYS))
    ends = [np.full(len(part), k) for k in range(W, 0, -1)]
    back = np.stack(ends, axis=1) * days[:, None]
    asked = pl.concat([
        part.select(*KEY).with_columns(
            pl.lit(k).alias("window_no"),
            pl.Series("first_day", [today - timedelta(days=int(n)) for n in back[:, k]],
                      dtype=pl.Date),
            pl.Series("days", days).cast(pl.Int64),
        )
        for k in range(W)
    ])  # fmt: skip
    earliest = today - timedelta(days=int(back.max(initial=1)))
    sold = _sums(db, part, asked, W, first=earliest, until=today)
    trailing = np.ceil(TRAILING_DAYS / days).astype(int)
    mean = _trailing_means(sold, trailing)
    past = PastWindows(np.nan_to_num(mean), np.where(np.isfinite(mean), sold, np.nan),
                       np.full_like(sold, np.nan))  # fmt: skip
    standard = past.residuals / np.sqrt(past.dispersion_before)
    sd = path_sd(quantiles)
    shape = (quantiles - means[:, None]) / np.where(sd > 0, sd, 1.0)[:, None]
    levels = np.stack([level_of(shape, LEVEL, np.nan_to_num(standard[:, k])) for k in range(W)], 1)
    return PastWindows(past.forecast_units, past.actual_units,
                       np.where(past.known, levels, np.nan))  # fmt: skip


def path_sd(quantiles: Floats) -> Floats:
    """Half of what lies between the 16th and 84th percentiles: the deviation, were it normal."""
    N = len(quantiles)
    low, high = (quantile_at(quantiles, LEVEL, np.full(N, level)) for level in SIGMA_LEVELS)
    sd: Floats = (high - low) / 2
    return sd


def _trailing_means(sold: Floats, trailing: np.ndarray) -> Floats:
    """Mean of the windows before each: (N, W); as many as `trailing` (N,) says, NaN with none."""
    N, W = sold.shape
    known = np.isfinite(sold)
    total = np.concatenate([np.zeros((N, 1)), np.cumsum(np.where(known, sold, 0), axis=1)], axis=1)
    count = np.concatenate([np.zeros((N, 1)), np.cumsum(known, axis=1)], axis=1)
    start = np.maximum(np.arange(W)[None] - trailing[:, None], 0)
    units = total[:, :W] - np.take_along_axis(total, start, axis=1)
    of = count[:, :W] - np.take_along_axis(count, start, axis=1)
    mean: Floats = np.where(of > 0, units / np.maximum(of, 1), np.nan)
    return mean


def _asked(part: pl.DataFrame, first_days: Sequence[date], wanted: np.ndarray) -> pl.DataFrame:
    """Each wanted window of each position."""
    frames = [
        part.select(
            *KEY, pl.lit(k).alias("window_no"), pl.lit(first).alias("first_day"),
            pl.col("window_days").cast(pl.Int64).alias("days"),
        ).filter(pl.Series(wanted[:, k]))
        for k, first in enumerate(first_days)
    ]  # fmt: skip
    return pl.concat(frames)


def _sums(
    db: psycopg.Connection, part: pl.DataFrame, asked: pl.DataFrame, W: int, *, first: date,
    until: date,
) -> Floats:  # fmt: skip
    """Units sold in each window (N, W), NaN where that is not known."""
    found = store.window_sums(db, asked, first=first, until=until).join(
        part.select(*KEY).with_row_index("place"), on=KEY
    )
    sold = np.full((len(part), W), np.nan)
    sold[found["place"].to_numpy(), found["window_no"].to_numpy()] = found["units"].to_numpy()
    return sold
