"""Price, promotion and whatever else the user's file says of a period.

A covariate may be read at the target only when the future is given for it; else it speaks of the
past alone. What matters of a price is mostly its change, so a covariate also appears against its
recent mean; and of a promotion, what it did to this series before.
"""

from dataclasses import dataclass

import polars as pl

from features.catalog import KNOWN_AHEAD, Anchor, Feature
from features.demand import DEMAND
from features.history import ROW_ID, level_window

MEMORY_PERIODS = {1: 182, 7: 104}
"""How far back the effect of a promotion is learned, by days per period."""


@dataclass(frozen=True, slots=True)
class Covariate:
    """A numeric column of the file (text arrives as codes).

    known_ahead : the future file holds it.
    binary : takes the values 0 and 1 only.
    """

    name: str
    known_ahead: bool
    binary: bool


def covariate_features(covariate: Covariate, *, period_days: int) -> tuple[Feature, ...]:
    """The features of one covariate."""
    name, value = covariate.name, pl.col(covariate.name)
    window = level_window(period_days) // 2
    mean = value.rolling_mean(window, min_samples=1).over(ROW_ID)
    past = Feature(
        f"{name}_mean_{window}", "of column", "external", Anchor.ORIGIN, 0,
        "What was usual: history was sold under it.", mean,
    )  # fmt: skip
    if not covariate.known_ahead:
        return (past,)
    at_target = _ahead(name, value, "Drives demand of its own period.")
    change = _ahead(f"{name}_change", value, "A change moves demand more than a level.",
                    less=past.name)  # fmt: skip
    around = (
        _ahead(f"{name}_before", value.shift(1).over(ROW_ID), "Start of a promotion or change."),
        _ahead(f"{name}_after", value.shift(-1).over(ROW_ID), "End of a promotion; pull-forward."),
    )
    effects = _effects(covariate, period_days) if covariate.binary else ()
    return (past, at_target, change, *around, *effects)


def _ahead(name: str, expr: pl.Expr, why: str, *, less: str | None = None) -> Feature:
    return Feature(name, "of column", "external", Anchor.TARGET, KNOWN_AHEAD, why, expr, less=less)


def _effects(covariate: Covariate, period_days: int) -> tuple[Feature, ...]:
    """Mean past demand of the series under the state that the target will have."""
    on = pl.when(pl.col(covariate.name) == 1).then(pl.col(DEMAND))
    off = pl.when(pl.col(covariate.name) != 1).then(pl.col(DEMAND))
    memory = MEMORY_PERIODS[period_days]
    overall = Feature(
        f"demand_given_{covariate.name}", "units/period", "product", Anchor.ORIGIN, 0,
        "What this series sold when the promotion (or flag) stood as it will.",
        on.rolling_mean(memory, min_samples=1).over(ROW_ID), scaled=True, given=covariate.name,
        otherwise=off.rolling_mean(memory, min_samples=1).over(ROW_ID),
    )  # fmt: skip
    if period_days != 1:
        return (overall,)
    same = Feature(
        f"season_given_{covariate.name}", "units/period", "product", Anchor.SEASON, 0,
        "The same, on the same weekday.",
        _same_weekday(on), scaled=True, given=covariate.name, otherwise=_same_weekday(off),
    )  # fmt: skip
    return (overall, same)


def _same_weekday(demand: pl.Expr) -> pl.Expr:
    return pl.mean_horizontal([demand.shift(7 * k) for k in range(10)]).over(ROW_ID)
