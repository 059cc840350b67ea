"""Accuracy from sums over judged days: how wrong, how one-sided, how sure, what each step added.

The three layers of a forecast are what a naive forecast would have said, what the models said, and
what planners made of that. Forecast value added is the error that each takes away from the one
before: read down the layers, it is Gilliland's "stairstep" report.

Source
------
Gilliland (2010), The Business Forecasting Deal, Wiley, chapter 4.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from models.monitoring import smoothed_tracking_signal, tracking_signal

LAYERS = ("naive", "statistical", "final")


def accuracy(days: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Figures per key of `by`, from days with the columns of `forecast_scores.SUMS`.

    Adds to the sums: days; wape, bias (Σ(f - y) / Σy, positive when too high) and mape (over cells
    that sold); bias_at_least, were demand on days out of stock as forecast or as sold, whichever is
    more: stock runs out on the days that sell most, so the others alone make any forecast look too
    high; tracking_signal and smoothed_tracking_signal of the daily totals; coverage95,
    coverage99; censored_share; and wape of each layer, over the cells where all three exist. Null
    where nothing can be said.
    """
    sums = [name for name in days.columns if name not in (*by, "day")]
    grouped = (
        days.sort(*by, "day")
        .group_by(by, maintain_order=True)
        .agg(
            pl.col(sums).sum(),
            pl.col("day").filter(pl.col("observed") > 0).n_unique().alias("days"),
            (pl.col("units") - pl.col("forecast_units"))
            .filter(pl.col("observed") > 0)
            .alias("errors"),
        )
    )
    signals = {
        measure.__name__: [
            float(measure(errors.to_numpy())) if len(errors) else None
            for errors in grouped["errors"]
        ]
        for measure in (tracking_signal, smoothed_tracking_signal)
    }
    return with_ratios(grouped.drop("errors")).with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in signals.items()
    )


def with_ratios(sums: pl.DataFrame) -> pl.DataFrame:
    """The figures that need no order of days, beside their sums."""
    return sums.with_columns(
        _ratio("absolute_units", "units", "wape"),
        _ratio(pl.col("forecast_units") - pl.col("units"), "units", "bias"),
        _ratio(
            pl.col("forecast_units")
            - pl.col("units")
            + pl.col("censored_forecast_units")
            - pl.col("censored_least_units"),
            pl.col("units") + pl.col("censored_least_units"),
            "bias_at_least",
        ),
        _ratio("percentages", "percented", "mape"),
        _ratio("covered95", "observed95", "coverage95"),
        _ratio("covered99", "observed99", "coverage99"),
        _ratio("censored", pl.col("observed") + pl.col("censored"), "censored_share"),
        *(_ratio(f"{layer}_absolute_units", "compared_units", f"{layer}_wape") for layer in LAYERS),
    )


def _ratio(above: str | pl.Expr, below: str | pl.Expr, name: str) -> pl.Expr:
    """Null where there is nothing to divide by."""
    over = pl.col(above) if isinstance(above, str) else above
    under = pl.col(below) if isinstance(below, str) else below
    return pl.when(under > 0).then(over / under).otherwise(None).cast(pl.Float64).alias(name)


def value_added(row: dict[str, object]) -> dict[str, object]:
    """The stairstep of one row of `accuracy`: WAPE and error per layer, and what each step added.

    Value added is positive where a step took error away, in units and in points of WAPE.
    """
    steps: dict[str, object] = {}
    before: str | None = None
    for layer in LAYERS:
        wape, units = row[f"{layer}_wape"], row[f"{layer}_absolute_units"]
        step: dict[str, object] = {"wape": rounded(wape), "error_units": rounded(units)}
        if before is not None:
            step["value_added"] = {
                "over": before,
                "wape": _gain(row[f"{before}_wape"], wape),
                "units": _gain(row[f"{before}_absolute_units"], units),
            }
        steps[layer] = step
        before = layer
    return steps


def _gain(before: object, after: object) -> float | None:
    if not isinstance(before, float) or not isinstance(after, float):
        return None
    return rounded(before - after)


def rounded(value: object) -> float | None:
    """Six digits after the point: sums in another order give the same figure."""
    if not isinstance(value, int | float | np.floating):
        return None
    return round(float(value), 6) + 0.0
