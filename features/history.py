"""What a series' own past says: level, spread, trend, season and rhythm of its demand.

All of them read unconstrained demand (`features.demand`), skip what is unknown, and are known at
the end of the row that they read.
"""

import polars as pl

from features.catalog import Anchor, Feature, year_periods
from features.demand import CENSORED, DEMAND
from features.frame import IN_STOCK

LEVEL = "level"
"""Name of the feature that scaled features are divided by."""

ROW_ID = "_series"
"""Integer row of the series; windows never run across it."""

PERIOD = "_period"
"""Rows of the series before this one."""


def level_windows(period_days: int) -> tuple[int, ...]:
    """Lengths of the rolling windows, in periods: a week to a year."""
    return (7, 14, 28, 56, 112, 364) if period_days == 1 else (4, 8, 13, 26, 52)


def level_window(period_days: int) -> int:
    """The window whose mean is the level of a series: 8 weeks of days, half a year of weeks."""
    return 56 if period_days == 1 else 26


def history_features(period_days: int) -> tuple[Feature, ...]:
    """The features of own demand for daily (1) or weekly (7) data."""
    return (
        *_levels(period_days),
        *_spreads(period_days),
        *_recent(period_days),
        *_seasons(period_days),
        *_rhythm(period_days),
    )


def _own(
    name: str,
    expr: pl.Expr,
    why: str,
    *,
    unit: str = "units/period",
    anchor: Anchor = Anchor.ORIGIN,
) -> Feature:
    return Feature(
        name=name,
        unit=unit,
        group="history",
        anchor=anchor,
        known_after_periods=0,  # A period's sales arrive overnight.
        why=why,
        expr=expr.over(ROW_ID),
        scaled=unit == "units/period",
    )


def _levels(period_days: int) -> list[Feature]:
    demand = pl.col(DEMAND)
    why = "Level over several memories: trees weigh a recent change against noise."
    means = [
        _own(f"demand_mean_{w}", demand.rolling_mean(w, min_samples=1), why)
        for w in level_windows(period_days)
    ]
    half_lives = (3, 10, 30) if period_days == 1 else (2, 6)
    smooth = [
        _own(
            f"demand_ewm_{h}",
            demand.ewm_mean(half_life=h, ignore_nulls=True),
            "Level that forgets gradually, so that no day drops out of a window at once.",
        )
        for h in half_lives
    ]
    ever = _own(
        "demand_mean_ever",
        demand.fill_null(0.0).cum_sum() / demand.is_not_null().cum_sum().clip(1),
        "Level of the whole life, which noisy series fall back to.",
    )
    return [*means, *smooth, ever]


def _spreads(period_days: int) -> list[Feature]:
    demand = pl.col(DEMAND)
    window = level_window(period_days)
    season = 7 if period_days == 1 else 1
    change = (demand - demand.shift(season)).abs()
    return [
        _own(f"demand_sd_{window // 2}", demand.rolling_std(window // 2, min_samples=4),
             "Spread of recent demand: sets the width of the quantiles."),
        _own(f"demand_sd_{window}", demand.rolling_std(window, min_samples=4),
             "Spread over the level's own window."),
        _own(f"demand_max_{window // 2}", demand.rolling_max(window // 2, min_samples=1),
             "Largest recent demand: the upper tail of lumpy items."),
        _own(f"demand_median_{window // 2}", demand.rolling_median(window // 2, min_samples=1),
             "Level that one outlier does not move."),
        _own("demand_season_change", change.rolling_mean(window, min_samples=2),
             "How well last season predicts this one; also the unit that errors are scored in."),
    ]  # fmt: skip


def _recent(period_days: int) -> list[Feature]:
    """The last periods one by one."""
    lags = range(7) if period_days == 1 else range(6)
    why = "The newest periods carry momentum that means smooth away."
    return [_own(f"demand_lag_{k}", pl.col(DEMAND).shift(k), why) for k in lags]


def _seasons(period_days: int) -> list[Feature]:
    """The same weekday (or week of the year) before, and the level then."""
    demand = pl.col(DEMAND)
    season = 7 if period_days == 1 else 52
    why = "Shopping repeats by weekday and by week of the year."
    back = range(4) if period_days == 1 else range(2)
    same = [demand.shift(season * k) for k in back]
    features = [
        _own(f"season_lag_{k + 1}", expr, why, anchor=Anchor.SEASON) for k, expr in enumerate(same)
    ]
    if period_days == 1:
        eight = [demand.shift(season * k) for k in range(8)]
        features += [
            _own("season_mean_4", pl.mean_horizontal(same), why, anchor=Anchor.SEASON),
            _own("season_mean_8", pl.mean_horizontal(eight), why, anchor=Anchor.SEASON),
        ]
    return features + _year(period_days)


def _year(period_days: int) -> list[Feature]:
    """Demand around this time last year, against the level just before the origin's last year."""
    demand = pl.col(DEMAND)
    half = 3 if period_days == 1 else 1
    around = demand.rolling_mean(2 * half + 1, min_samples=1).shift(-half).over(ROW_ID)
    window = level_window(period_days) // 2
    year = year_periods(period_days)
    level_then = demand.rolling_mean(window, min_samples=4).shift(year)
    why = "Last year's season: what came then, beside the level at the origin's date then."
    return [
        Feature("year_ago_around", "units/period", "history", Anchor.YEAR, half, why, around, True),
        Feature("year_ago_exact", "units/period", "history", Anchor.YEAR, 0, why, demand, True),
        _own("year_ago_level", level_then, why),
    ]


def _rhythm(period_days: int) -> list[Feature]:
    """How often it sells, how long since, how old, and how often it was out of stock."""
    demand = pl.col(DEMAND)
    window = level_window(period_days)
    sold_at = pl.when(demand > 0).then(pl.col(PERIOD)).forward_fill()
    share_selling = (demand > 0).cast(pl.Float32).rolling_mean(window, min_samples=1)
    on_sale = pl.col(IN_STOCK).cast(pl.Float32)
    return [
        _own("share_selling", share_selling, "Intermittent items keep their mass at zero.",
             unit="share"),
        _own("periods_since_sale", pl.col(PERIOD) - sold_at, "A long silence may be the end.",
             unit="periods"),
        _own("age", pl.col(PERIOD).clip(0, 2 * window), "New items still find their level.",
             unit="periods"),
        _own("on_sale_recent", on_sale.rolling_mean(window // 4, min_samples=1),
             "A level read through empty shelves is uncertain, and returns in a jump.",
             unit="share"),
        _own("censored_share", pl.col(CENSORED).cast(pl.Float32)
             .rolling_mean(window, min_samples=1),
             "How often the shelf ran empty: such items sell more than recorded.", unit="share"),
    ]  # fmt: skip
