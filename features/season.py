"""The week's and the year's rhythm of a series: what the target's own place in the season sold.

Rows are read at the last same weekday (or week of the year) by the origin, so every value is known
at the origin however far ahead the target lies.
"""

import numpy as np

from features.block import Block
from features.catalog import Anchor, Feature, Values, season_periods, year_periods
from features.demand import DEMAND
from features.history import UNITS_PER_PERIOD, correlation, level_window, own, selling
from features.windows import Comb, lagged, ratio
from inventory.demand import Floats

WEEK = 7
PRIOR_WEEKS = 4.0
"""How many weeks of evidence the flat profile counts as, where own weekdays are few or noisy."""


def season_features(period_days: int) -> tuple[Feature, ...]:
    """Season features of own demand for daily (1) or weekly (7) data."""
    return (*_lags(period_days), *_profile(period_days), *_year(period_days))


def _lags(period_days: int) -> list[Feature]:
    season = season_periods(period_days)
    why = "Shopping repeats by weekday and by week of the year."
    features = [
        own(
            f"season_lag_{k + 1}",
            lambda b, k=k: b.lag(DEMAND, season * k),  # type: ignore[misc]
            why,
            anchor=Anchor.SEASON,
        )
        for k in range(4 if period_days == 1 else 2)
    ]
    if period_days == 1:
        features += [
            own(
                f"season_mean_{w}",
                lambda b, w=w: b.comb(DEMAND, stride=WEEK, count=w).mean,  # type: ignore[misc]
                why,
                anchor=Anchor.SEASON,
            )
            for w in (4, 8)
        ]
    return features


def _weeks(block: Block, count: int = 8) -> Comb:
    return block.comb(DEMAND, stride=WEEK, count=count)


def _spread(block: Block) -> Floats:
    square = block.derive("demand^2", lambda: block.demand**2)
    sums, squares = _weeks(block), block.comb(square, stride=WEEK, count=8)
    apart = np.maximum(squares.total - ratio(sums.total**2, sums.known), 0.0)
    return np.sqrt(ratio(apart, sums.known - 1))


def _highest(block: Block) -> Floats:
    best = block.demand.copy()
    for rows in range(WEEK, min(8 * WEEK, len(best)), WEEK):
        np.fmax(best[rows:], block.demand[:-rows], out=best[rows:])
    return best


def _index(block: Block) -> Floats:
    """Own weekday against all days of the same weeks, shrunk towards 1."""
    known = _weeks(block).known
    raw = ratio(_weeks(block).mean, block.mean(DEMAND, 8 * WEEK))
    return (known * raw + PRIOR_WEEKS) / (known + PRIOR_WEEKS)


def _drift(block: Block) -> Floats:
    near, every = _weeks(block, 3), _weeks(block)
    far = ratio(every.total - near.total, every.known - near.known)
    return near.mean - far


def _profile(period_days: int) -> list[Feature]:
    """The weekday profile of the last eight weeks."""
    if period_days != 1:
        return []

    def season(name: str, values: Values, why: str, unit: str = UNITS_PER_PERIOD) -> Feature:
        return own(name, values, why, unit=unit, anchor=Anchor.SEASON, default=False)

    return [
        season("season_sd_8", _spread, "Some weekdays are steady and some are not."),
        season("season_max_8", _highest, "Peak of the weekday: reach of the upper quantiles."),
        season("season_index", _index, "The weekday's share of the week, steadied.", "1"),
        season("season_drift", _drift, "Whether this weekday itself gains or loses."),
        season("season_share_selling", lambda b: b.comb(selling(b), stride=WEEK, count=8).mean,
               "Items that sell on certain weekdays only.", "share"),
        own("week_autocorrelation", lambda b: correlation(b, DEMAND, WEEK, 8 * WEEK),
            "How much of the demand the week explains.", unit="1", default=False),
    ]  # fmt: skip


def _year(period_days: int) -> list[Feature]:
    """Demand around this time last year, against the level just before the origin's last year."""
    half = 3 if period_days == 1 else 1
    window, year = level_window(period_days) // 2, year_periods(period_days)

    def around(block: Block) -> Floats:
        return lagged(block.mean(DEMAND, 2 * half + 1), -half)

    def level_then(block: Block) -> Floats:
        return lagged(block.mean(DEMAND, window, known_min=4), year)

    def growth(block: Block) -> Floats:
        return ratio(block.mean(DEMAND, window, known_min=4), level_then(block))

    why = "Last year's season: what came then, beside the level at the origin's date then."
    unit = UNITS_PER_PERIOD
    return [
        Feature("year_ago_around", unit, "history", Anchor.YEAR, half, why, around, scaled=True,
                periods_min=year),
        Feature("year_ago_exact", unit, "history", Anchor.YEAR, 0, why, lambda b: b.demand,
                scaled=True, periods_min=year),
        own("year_ago_level", level_then, why, periods_min=year),
        own("year_growth", growth, "Against a year ago: last year's season on this year's level.",
            unit="1", periods_min=year, default=False),
    ]  # fmt: skip
