"""What a forecast is worth against what happened, and who was better: figures, no forecasts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from inventory.demand import Floats
from models import metrics
from models.metrics import SCORED_LEVELS
from serving.bench.accuracy_data import Split
from serving.bench.accuracy_peers import Said

OURS, MEMBER, PEER = "ours", "member", "peer"

SQL_PERCENT_MAX = -5.0
"""Our loss against the best peer's."""
COVERAGE_POINTS_MAX = 2.0

MEDIAN, Q95, Q99 = (SCORED_LEVELS.index(level) for level in (0.5, 0.95, 0.99))

FIGURES = (
    "sql", "sql_in_stock", "wape_median", "wape_mean", "mase", "bias", "coverage95", "coverage99",
    "coverage95_in_stock", "coverage99_in_stock", "ours_sql", "ours_sql_in_stock", "ours_wape",
)  # fmt: skip


def score(split: Split, said: Said, *, periods: int) -> dict[str, float | None]:
    """Loss, error and coverage over the first `periods` periods ahead.

    sql : scaled quantile loss, the mean over series; wape : of the median and of the mean;
    mase : absolute error of the median, scaled like the loss;
    coverage : share at or below the quantile; *_in_stock : on periods that were wholly on sale.
    """
    actual = split.actual_units[said.rows, :periods]
    on_sale = np.where(split.in_stock[said.rows, :periods], actual, np.nan)
    quantiles = said.quantiles_units[:, :periods]
    scale = split.scale_units[said.rows]
    mean = None if said.mean_units is None else said.mean_units[:, :periods]
    figures = {
        "sql": _sql(actual, quantiles, scale),
        "sql_in_stock": _sql(on_sale, quantiles, scale),
        "wape_median": metrics.wape(actual, quantiles[..., MEDIAN]),
        "wape_mean": None if mean is None else metrics.wape(actual, mean),
        "mase": metrics.mase(actual, quantiles[..., MEDIAN], scale_units=scale),
        "bias": None if mean is None else metrics.bias(actual, mean),
        "coverage95": metrics.coverage(actual, quantiles[..., Q95]),
        "coverage99": metrics.coverage(actual, quantiles[..., Q99]),
        "coverage95_in_stock": metrics.coverage(on_sale, quantiles[..., Q95]),
        "coverage99_in_stock": metrics.coverage(on_sale, quantiles[..., Q99]),
    }
    return {name: _known(figure) for name, figure in figures.items()}


def sum_coverage(split: Split, said: Said) -> dict[str, float | None]:
    """Coverage of quantiles of sums, over all series and those on sale throughout.

    The latter are few where stock-outs are many, and those that sell least.
    """
    found: dict[str, float | None] = {}
    for periods, quantiles in said.sums_units.items():
        actual = split.actual_units[said.rows, :periods].sum(axis=1)
        on_sale = split.in_stock[said.rows, :periods].all(axis=1)
        for name, kept in (("", np.ones(len(actual), dtype=bool)), ("_in_stock", on_sale)):
            for level, at in ((95, Q95), (99, Q99)):
                covered = metrics.coverage(actual[kept], quantiles[kept, at])
                found[f"sum{periods}_coverage{level}{name}"] = _known(covered)
        found[f"sum{periods}_series_in_stock"] = float(on_sale.sum())
    return found


def row(
    split: Split, said: Said, ours: Said, *, method: str, kind: str, periods: int
) -> dict[str, Any]:
    """One line of the table; `ours_*` is the ensemble on the same series."""
    same = Said(ours.rows[said.rows], ours.quantiles_units[said.rows],
                None if ours.mean_units is None else ours.mean_units[said.rows])  # fmt: skip
    beside = score(split, same, periods=periods)
    return {
        "data": split.data.name,
        "origin": split.origin.isoformat(),
        "untouched": split.back == 0,
        "method": method,
        "kind": kind,
        "periods": periods,
        "series": len(said.rows),
        **score(split, said, periods=periods),
        "ours_sql": beside["sql"],
        "ours_sql_in_stock": beside["sql_in_stock"],
        "ours_wape": beside["wape_median"],
        "seconds": round(said.seconds, 1),
    }


def means(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The mean over windows, per data set, number of periods and method; order is kept."""
    by = ("data", "periods", "method", "kind", "series")
    table = pl.DataFrame(rows, infer_schema_length=None)
    figures = [pl.col(name).cast(pl.Float64).mean() for name in FIGURES]
    found = table.group_by(by, maintain_order=True).agg(*figures, pl.len().alias("windows"))
    return found.to_dicts()


def mean_sums(sums: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """The mean over windows of what `sum_coverage` found."""
    table = pl.DataFrame(sums, infer_schema_length=None)
    names = [name for name in table.columns if name.startswith("sum")]
    means = table.select(pl.col(names).cast(pl.Float64).mean())
    return dict(zip(names, means.row(0), strict=True))


def verdict(rows: Sequence[dict[str, Any]], sums: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How we stand on one data set and number of periods, by the means over windows.

    Each peer is compared on the series that it was asked about. The best peer is the one that
    leaves us the smallest lead; of its median and mean, the better point forecast counts.
    """
    ours = next(row for row in rows if row["kind"] == OURS)
    told: dict[str, Any] = {
        "data": ours["data"], "periods": ours["periods"], "sql": ours["sql"],
        "wape": ours["wape_median"],
    }  # fmt: skip
    for kind in (PEER, MEMBER):
        others = [row for row in rows if row["kind"] == kind]
        if others:
            best = max(others, key=lambda row: row["ours_sql"] / row["sql"])
            in_stock = [
                _percent(row["ours_sql_in_stock"], row["sql_in_stock"])
                for row in others
                if row["sql_in_stock"]
            ]
            nearest = max(others, key=lambda row: row["ours_wape"] / _point_error(row))
            told |= {
                f"best_{kind}": best["method"],
                f"sql_percent_of_best_{kind}": _percent(best["ours_sql"], best["sql"]),
                f"sql_in_stock_percent_of_best_{kind}": max(in_stock, default=None),
                f"best_{kind}_by_wape": nearest["method"],
                f"wape_percent_of_best_{kind}": _percent(
                    nearest["ours_wape"], _point_error(nearest)
                ),
            }
    covered = ours | mean_sums(sums)
    told |= {name: covered[name] for name in covered if "coverage" in name}
    return told | {"reached": _reached(told)}


def _reached(told: dict[str, Any]) -> dict[str, bool]:
    """Which of the aims hold."""
    reached = {
        name: abs(100 * figure - (95 if "coverage95" in name else 99)) <= COVERAGE_POINTS_MAX
        for name, figure in told.items()
        if "coverage" in name and figure is not None
    }
    if "best_peer" in told:
        reached["sql_5_percent_below_peers"] = told["sql_percent_of_best_peer"] <= SQL_PERCENT_MAX
        reached["wape_no_worse_than_peers"] = told["wape_percent_of_best_peer"] <= 0
    if "best_member" in told:
        reached["better_than_each_member"] = told["sql_percent_of_best_member"] < 0
    return reached


def _point_error(row: dict[str, Any]) -> float:
    errors = (row["wape_median"], row["wape_mean"])
    return min(float(error) for error in errors if error is not None)


def _percent(ours: float, theirs: float) -> float:
    """By how many per cent we are above (below: negative) somebody else."""
    return round(100 * (ours / theirs - 1), 2)


def _sql(actual: Floats, quantiles: Floats, scale: Floats) -> float:
    return metrics.scaled_quantile_loss(
        actual, quantiles, np.array(SCORED_LEVELS), scale_units=scale
    )


def _known(figure: float | None) -> float | None:
    """None where nothing could be counted: there is no NaN in JSON."""
    return None if figure is None or np.isnan(figure) else figure
