"""Covariates that are known of the periods ahead, as arrays that line up with the history.

A covariate is known ahead when the panel's `future` says anything of it. Where it says nothing (no
row, or null), the series' own median stands in: a price stays usual, a promotion stays off.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.demand import dense
from features.frame import DATE, IN_STOCK, KEY, SERIES, UNITS, Panel
from inventory.demand import Floats

CLOSED_BY_CHANCE_MAX = 1e-4
"""Periods that never sold are taken as closed when luck alone explains them more rarely than so."""

DAYS_MIN_FOR_SHARED = 365
"""History from which what moves for all series together can be told from the season."""

SHARED_MIN = 0.1
"""Share of a column's variance within series that the date alone explains, from which it is taken
to move for all together. FreshRetail: discounts 0.02, rain 0.19, wind 0.28, temperature 0.91."""

SERIES_LOOKED_AT = 2000
SERIES_MIN_TO_TELL = 10
"""Fewer series agree by chance."""

TWO_VALUES = 2


def covariate_names(panel: Panel) -> tuple[str, ...]:
    """Numeric and boolean columns that both the history and the future have, in name order.

    Left out on less than a year: columns that move for all series together and take more than two
    values, like the weather. They cannot be told from the season and the trend there. On 1,000
    FreshRetail series of 48 days, ARIMA's scaled quantile loss is 0.199 with them, 0.194 without.
    """
    schema = panel.history.schema
    usable = [
        name
        for name in panel.known_ahead
        if (schema[name].is_numeric() or schema[name] == pl.Boolean)
        and name not in (UNITS, IN_STOCK)
    ]
    if (panel.origin - first_period(panel)).days < DAYS_MIN_FOR_SHARED:
        usable = [name for name in usable if not _moves_together(panel, name)]
    return tuple(sorted(usable))


def _moves_together(panel: Panel, name: str) -> bool:
    """Whether a column of more than two values owes much of its variance to the date alone."""
    if len(panel.series) < SERIES_MIN_TO_TELL:
        return False
    every = -(-len(panel.series) // SERIES_LOOKED_AT)
    sample = panel.series.gather_every(every)
    rows = panel.history.select(*KEY, pl.col(name).cast(pl.Float64)).drop_nulls()
    rows = rows.filter(pl.col(name).is_finite()).join(sample, on=SERIES, how="semi")
    if rows[name].n_unique() <= TWO_VALUES:
        return False
    around = rows.select(DATE, v=pl.col(name) - pl.col(name).mean().over(SERIES))
    of_date = around.group_by(DATE).agg(pl.col("v").mean(), pl.len())
    total = float((around["v"] ** 2).to_numpy().sum())
    shared = float((of_date["v"] ** 2 * of_date["len"]).to_numpy().sum())
    return shared > (SHARED_MIN + 1 / len(sample)) * total > 0


def covariates(panel: Panel, names: tuple[str, ...], *, horizon: int) -> Floats:
    """Values over history and horizon, shape (N, T + horizon, K), single precision, never NaN.

    A name that the panel lacks is all zero: a model fitted with it then sees it at its usual.
    """
    T = int((panel.origin - first_period(panel)).days // panel.period_days) + 1
    N = len(panel.series)
    values = np.zeros((N, T + horizon, len(names)), dtype=np.float32)
    ahead = future_values(panel, names, horizon=horizon)
    for k, name in enumerate(names):
        if name not in panel.history.columns:
            continue
        past = dense(panel, name)
        both = np.concatenate([past, ahead[:, :, k]], axis=1)
        usual = _row_medians(past)
        values[:, :, k] = np.where(np.isnan(both), usual[:, None], both)
    return values


def first_period(panel: Panel) -> date:
    """Earliest period of any series."""
    first = panel.history.get_column(DATE).min()
    assert isinstance(first, date)
    return first


def all_dates(panel: Panel, *, horizon: int) -> list[date]:
    """First days of the T + horizon periods, oldest first."""
    start, step = first_period(panel), timedelta(days=panel.period_days)
    T = (panel.origin - start) // step + 1
    return [start + step * i for i in range(T + horizon)]


def future_values(panel: Panel, names: tuple[str, ...], *, horizon: int) -> Floats:
    """Columns of the future as an array (N, horizon, K), NaN where the future says nothing."""
    values = np.full((len(panel.series), horizon, len(names)), np.nan)
    told = [name for name in names if name in panel.future.columns]
    if not told or horizon == 0:
        return values
    ahead = (pl.col(DATE) - pl.lit(panel.first_day)).dt.total_days() // panel.period_days
    placed = (
        panel.future.select(*SERIES, ahead.alias("_ahead"), pl.col(told).cast(pl.Float64))
        .join(panel.series.with_row_index("_row"), on=SERIES, how="inner")
        .filter(pl.col("_ahead").is_between(0, horizon - 1))
    )
    at = placed["_row"].to_numpy(), placed["_ahead"].to_numpy()
    for name in told:
        values[*at, names.index(name)] = placed[name].fill_null(np.nan).to_numpy()
    return values


def closed_periods(demand_units: Floats, values: Floats) -> NDArray[np.bool_]:
    """Whether a period is closed to trade, (N, T + H) of bool, by the series' own covariates.

    A two-valued covariate (open or not, holiday or not) marks closure when under one of its values
    nothing ever sold, though under the other the series sells often enough that chance does not
    explain it.
    """
    T = demand_units.shape[1]
    known, sold = ~np.isnan(demand_units), demand_units > 0
    closed = np.zeros((len(values), values.shape[1]), dtype=np.bool_)
    for k in range(values.shape[2]):
        column = values[:, :, k]
        low, high = column.min(axis=1, keepdims=True), column.max(axis=1, keepdims=True)
        two_valued = ((column == low) | (column == high)).all(axis=1) & (low < high)[:, 0]
        for value in (low, high):
            here = column == value
            seen_here = (known & here[:, :T]).sum(axis=1)
            sold_here = (sold & here[:, :T]).sum(axis=1)
            seen_else = (known & ~here[:, :T]).sum(axis=1)
            sold_else = (sold & ~here[:, :T]).sum(axis=1)
            silent = 1 - sold_else / seen_else.clip(min=1)
            shut = (sold_here == 0) & (silent**seen_here < CLOSED_BY_CHANCE_MAX) & two_valued
            closed |= shut[:, None] & here
    return closed


def _row_medians(values: Floats) -> Floats:
    """Median of each row without NaN, shape (N,); zero for an empty row."""
    counted = (~np.isnan(values)).sum(axis=1)
    ordered = np.sort(values, axis=1)
    middle = ((counted - 1) // 2).clip(min=0)
    found = np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0]
    return np.where(counted > 0, found, 0.0)
