"""Demand over lead time and review period under the law that each position follows."""

import math

import numpy as np
import polars as pl

from inventory.base_stock import LEVEL
from inventory.demand import Floats
from inventory.policy.demand_laws import (
    EMPIRICAL,
    NEGATIVE_BINOMIAL,
    NORMAL,
    PATH,
    count_quantiles,
    empirical_quantiles,
    normal_quantiles,
)
from inventory.store.demand_windows import Windows
from pipelines.demand_laws import BY_FORECASTS, path_sd
from pipelines.demand_windows import KEY

LAW_COLUMNS = ("law", "judged_by", "dispersion", "residuals")


def under_laws(
    table: pl.DataFrame, windows: Windows, laws: pl.DataFrame
) -> tuple[pl.DataFrame, Windows]:
    """`table` with `demand_law` settled, and its windows with the quantiles of that law.

    Parameters
    ----------
    table : positions in the order of the windows; `demand_law` is what a rule asks for, or null.
    laws : what past windows speak for: sku, location and `LAW_COLUMNS`. A position without is of
        the sample paths.

    A law that a rule asks for, and that nothing past is known of, has the spread of the sample
    paths; past errors that are not known fall back to the sample paths themselves.
    """
    both = table.join(laws.select(*KEY, *LAW_COLUMNS), on=KEY, how="left", maintain_order="left")
    asked = pl.coalesce("demand_law", "law", pl.lit(PATH))
    unknown = (asked == EMPIRICAL) & (pl.col("residuals").fill_null("{}") == "{}")
    settled = both.with_columns(
        pl.when(unknown).then(pl.lit(PATH)).otherwise(asked).alias("demand_law")
    )
    rows = np.flatnonzero((settled["demand_law"] != PATH).to_numpy())
    found = settled.drop(LAW_COLUMNS)
    if not len(rows):
        return found, windows
    quantiles = windows.quantiles_units.copy()
    quantiles[rows] = _quantiles(settled[rows], windows, rows)
    return found, Windows(windows.table, quantiles)


def _quantiles(chosen: pl.DataFrame, windows: Windows, rows: np.ndarray) -> Floats:
    """Quantiles of the positions whose law is not that of their sample paths."""
    mean = windows.demand.mean_units[rows]
    sd_of_paths = path_sd(windows.quantiles_units[rows])
    rate = windows.table["demand_rate"].to_numpy()[rows]
    late = np.square(rate * chosen["lead_time_sd_days"].to_numpy())
    dispersion = chosen["dispersion"].fill_null(math.nan).to_numpy()
    foretold = (chosen["judged_by"] == BY_FORECASTS).fill_null(value=False).to_numpy()
    own = np.where(np.isfinite(dispersion), dispersion * mean + late, np.square(sd_of_paths))
    found = windows.quantiles_units[rows].astype(float)
    law = chosen["demand_law"].to_numpy()
    if (here := np.flatnonzero(law == NORMAL)).size:
        found[here] = normal_quantiles(mean[here], own[here], LEVEL)
    if (here := np.flatnonzero(law == NEGATIVE_BINOMIAL)).size:
        found[here] = count_quantiles(mean[here], own[here], LEVEL)
    if (here := np.flatnonzero(law == EMPIRICAL)).size:
        # Errors of real forecasts stand as they were, but for what a varying lead time adds; those
        # of the backtest are of unit spread.
        root = np.sqrt(np.where(mean > 0, mean, 1.0))
        past_sd = np.sqrt(np.where(dispersion > 0, dispersion, 1.0)) * root
        stretch = np.where(foretold, np.sqrt(own) / past_sd, sd_of_paths / root)
        residuals = _residuals(chosen[here]["residuals"])
        found[here] = empirical_quantiles(mean[here], residuals, stretch[here], LEVEL)
    single: Floats = found.astype(np.float32)
    return single


def _residuals(texts: pl.Series) -> Floats:
    """The text of arrays as rows (n, K), padded with NaN."""
    lists = texts.str.strip_chars("{}").str.split(",").list.eval(pl.element().cast(pl.Float64))
    width = max(int(lists.list.len().max() or 1), 1)  # type: ignore[arg-type]
    padded = lists.list.to_struct(fields=[f"r{k}" for k in range(width)])
    rows: Floats = padded.struct.unnest().fill_null(math.nan).to_numpy()
    return rows
