"""What a series' own past says: level, spread, trend and rhythm of its demand.

All of them read unconstrained demand (`features.demand`), skip what is unknown, and are known at
the end of the row that they read.
"""

import numpy as np

from features.block import Block
from features.catalog import Anchor, Feature, Values
from features.demand import DEMAND
from features.windows import lagged, ratio
from inventory.demand import Floats

UNITS_PER_PERIOD = "units/period"
"""The unit of every feature that is divided by the level of its series."""

TINY = 1e-9
"""Keeps quotients of positive values finite without moving any that matters."""


def level_windows(period_days: int) -> tuple[int, ...]:
    """Lengths of the rolling windows, in periods: a week to a year."""
    return (7, 14, 28, 56, 112, 364) if period_days == 1 else (4, 8, 13, 26, 52)


def level_window(period_days: int) -> int:
    """The window whose mean is the level of a series: 8 weeks of days, half a year of weeks."""
    return 56 if period_days == 1 else 26


def short_windows(period_days: int) -> tuple[int, int, int]:
    """A week, four and eight of them; of weekly data a month, a quarter and half a year."""
    return (7, 28, 56) if period_days == 1 else (4, 13, 26)


def history_features(period_days: int) -> tuple[Feature, ...]:
    """The features of own demand for daily (1) or weekly (7) data."""
    return (
        *_levels(period_days),
        *_spreads(period_days),
        *_quantiles(period_days),
        *_trends(period_days),
        *_recent(period_days),
        *_rhythm(period_days),
        *_lumps(period_days),
    )


def own(
    name: str,
    values: Values,
    why: str,
    *,
    unit: str = UNITS_PER_PERIOD,
    anchor: Anchor = Anchor.ORIGIN,
    default: bool = True,
    periods_min: int = 0,
) -> Feature:
    """A feature of the series' own demand: a period's sales arrive overnight."""
    return Feature(
        name, unit, "history", anchor, 0, why, values,
        scaled=unit == UNITS_PER_PERIOD, default=default, periods_min=periods_min,
    )  # fmt: skip


def restated(name: str, values: Values, why: str, *, unit: str = UNITS_PER_PERIOD) -> Feature:
    """A feature of own demand that other columns imply: see `Feature.default`."""
    return own(name, values, why, unit=unit, default=False)


def _levels(period_days: int) -> list[Feature]:
    why = "Level over several memories: trees weigh a recent change against noise."
    means = [
        own(f"demand_mean_{w}", lambda b, w=w: b.mean(DEMAND, w), why,  # type: ignore[misc]
            periods_min=0 if w <= level_window(period_days) else w // 2)
        for w in level_windows(period_days)
    ]  # fmt: skip
    half_lives = (3, 10, 30) if period_days == 1 else (2, 6)
    smooth = [
        own(
            f"demand_ewm_{h}",
            lambda b, h=h: b.smooth(DEMAND, h),  # type: ignore[misc]
            "Level that forgets gradually, so that no day drops out of a window at once.",
        )
        for h in half_lives
    ]
    ever = own(
        "demand_mean_ever",
        lambda b: b.mean(DEMAND, len(b.demand)),
        "Level of the whole life, which noisy series fall back to.",
    )
    return [*means, *smooth, ever]


def season_change(block: Block) -> Floats:
    """Size of the change from the same place of last week (or from last week), (T, n)."""
    season = 7 if block.period_days == 1 else 1
    return np.abs(block.demand - block.lag(DEMAND, season))


def _spreads(period_days: int) -> list[Feature]:
    short, half, window = short_windows(period_days)

    def change(block: Block) -> Floats:
        name = block.derive("season_change", lambda: season_change(block))
        return block.mean(name, window, known_min=2)

    def variation(block: Block) -> Floats:
        return ratio(block.spread(DEMAND, window), block.mean(DEMAND, window))

    return [
        own(f"demand_sd_{half}", lambda b: b.spread(DEMAND, half),
            "Spread of recent demand: sets the width of the quantiles."),
        own(f"demand_sd_{window}", lambda b: b.spread(DEMAND, window),
            "Spread over the level's own window."),
        restated(f"demand_sd_{short}", lambda b: b.spread(DEMAND, short),
                 "Spread just now: storms are short."),
        restated("demand_cv", variation, "Spread in levels: whether a series can be foreseen.",
                 unit="1"),
        own(f"demand_max_{half}", lambda b: b.highest(DEMAND, half),
            "Largest recent demand: the upper tail of lumpy items."),
        restated(f"demand_max_{window}", lambda b: b.highest(DEMAND, window),
                 "Largest demand of the level's window: how far a peak may reach."),
        restated(f"demand_min_{half}", lambda b: b.lowest(DEMAND, half),
                 "Smallest recent demand: a floor under the lower quantiles."),
        own("demand_season_change", change,
            "How well last season predicts this one; also the unit that errors are scored in."),
    ]  # fmt: skip


def _quantiles(period_days: int) -> list[Feature]:
    short, half, window = short_windows(period_days)

    def at(span: int, level: float) -> Values:
        return lambda b: b.quantile(DEMAND, span, level)

    def outlying(block: Block) -> Floats:
        name = block.derive("beyond", lambda: np.where(
            np.isnan(block.demand), np.nan,
            block.demand > 2 * lagged(block.quantile(DEMAND, half, 0.9), 1),
        ))  # fmt: skip
        return block.mean(name, window)

    return [
        own(f"demand_median_{half}", at(half, 0.5), "Level that one outlier does not move."),
        restated(f"demand_median_{short}", at(short, 0.5), "The same, of the last week or month."),
        restated(f"demand_q10_{half}", at(half, 0.1), "What a bad day sells."),
        restated(f"demand_q25_{half}", at(half, 0.25), "Lower half of recent demand."),
        restated(f"demand_q75_{half}", at(half, 0.75), "Upper half of recent demand."),
        restated(f"demand_q90_{half}", at(half, 0.9), "What a good day sells."),
        restated("outlier_share", outlying, "Series that jumped past twice their q90 will again.",
                 unit="share"),
    ]  # fmt: skip


def _trends(period_days: int) -> list[Feature]:
    short, half, window = short_windows(period_days)

    def step(block: Block) -> Floats:
        return block.mean(DEMAND, short) - lagged(block.mean(DEMAND, short), short)

    def bend(block: Block) -> Floats:
        return step(block) - lagged(step(block), short)

    def quotient(near: int, far: int) -> Values:
        return lambda b: ratio(b.mean(DEMAND, near), b.mean(DEMAND, far))

    def steady(block: Block) -> Floats:
        """Whether yesterday's surprise lasts: correlation of neighbouring periods."""
        return correlation(block, DEMAND, 1, window)

    why = "Straight line through the recent past: growth that a mean lags behind."
    return [
        restated(f"demand_slope_{half}", lambda b: b.slope(DEMAND, half), why),
        restated(f"demand_slope_{window}", lambda b: b.slope(DEMAND, window), why),
        restated(f"demand_ratio_{short}_{half}", quotient(short, half),
                 "Now against lately: where the level is going.", unit="1"),
        restated(f"demand_ratio_{half}_{window}", quotient(half, window),
                 "Lately against usual: a slower change.", unit="1"),
        restated("demand_step", step, "This week (or month) less the one before."),
        restated("demand_acceleration", bend, "Whether growth speeds up or fades: launches, fads."),
        restated("demand_autocorrelation", steady,
                 "High: follow the last period; near zero: follow the mean.", unit="1"),
    ]  # fmt: skip


def correlation(block: Block, name: str, lag: int, window: int) -> Floats:
    """Correlation of a column with itself `lag` periods earlier, over `window` rows, (T, n)."""
    product = block.derive(f"{name}*lag{lag}", lambda: block.column(name) * block.lag(name, lag))
    mean, spread = block.mean(name, window), block.spread(name, window)
    cov = block.mean(product, window, known_min=8) - mean * block.mean(name, window)
    return np.clip(cov / np.maximum(spread**2, TINY), -1.0, 1.0)


def _recent(period_days: int) -> list[Feature]:
    """The last periods one by one."""
    lags = range(7) if period_days == 1 else range(6)
    why = "The newest periods carry momentum that means smooth away."
    return [
        own(f"demand_lag_{k}", lambda b, k=k: b.lag(DEMAND, k), why)  # type: ignore[misc]
        for k in lags
    ]


def selling(block: Block) -> str:
    """Name of the column that is 1 where something sold, 0 where not, NaN where unknown."""
    return block.derive(
        "selling", lambda: np.where(np.isnan(block.demand), np.nan, block.demand > 0)
    )


def _rhythm(period_days: int) -> list[Feature]:
    """How often it sells, how long since, and how old it is."""
    short, half, window = short_windows(period_days)

    return [
        own("share_selling", lambda b: b.mean(selling(b), window),
            "Intermittent items keep their mass at zero.", unit="share"),
        restated(f"share_selling_{half}", lambda b: b.mean(selling(b), half),
                 "The same lately: an item falling asleep.", unit="share"),
        restated(f"share_selling_{short}", lambda b: b.mean(selling(b), short),
                 "The same just now: the newest weeks of a fading item.", unit="share"),
        own("periods_since_sale", lambda b: b.since(selling(b)),
            "A long silence may be the end.", unit="periods"),
        own("age", lambda b: b.age.clip(0, 2 * window), "New items still find their level.",
            unit="periods"),
    ]  # fmt: skip


def _lumps(period_days: int) -> list[Feature]:
    """Syntetos and Boylan's two numbers: how far sales lie apart, and how their sizes vary."""
    window = 2 * level_window(period_days)

    def sizes(block: Block) -> str:
        return block.derive("sizes", lambda: np.where(block.demand > 0, block.demand, np.nan))

    def interval(block: Block) -> Floats:
        return ratio(block.known(DEMAND, window), block.known(sizes(block), window))

    def size_variation(block: Block) -> Floats:
        spread = block.spread(sizes(block), window, known_min=3)
        return ratio(spread, block.mean(sizes(block), window)) ** 2

    source = "Syntetos, Boylan and Croston (2005) sort demand by it: smooth, erratic, lumpy."
    return [
        restated("demand_interval", interval, source, unit="periods"),
        restated("size_cv2", size_variation, source, unit="1"),
        restated("sale_size_mean", lambda b: b.mean(sizes(b), window), "How much one sale takes."),
        restated("sale_size_last", lambda b: b.once(("last size",), lambda: carried(
                 b.column(sizes(b)))), "The last sale before a silence."),
    ]  # fmt: skip


def carried(values: Floats) -> Floats:
    """The last known value by each row; NaN before the first."""
    row = np.arange(len(values))[:, None]
    latest = np.maximum.accumulate(np.where(np.isnan(values), -1, row), axis=0)
    found: Floats = np.take_along_axis(values, np.maximum(latest, 0), axis=0)
    return found
