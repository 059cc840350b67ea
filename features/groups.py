"""What the neighbours do: series that share a SKU, a location, a category, or the assortment.

Each day's demand of a group is told against the usual demand of its members, each by its own usual
level and only while its demand is known: a stock-out of one does not look like a fall of all.
"""

import numpy as np
import polars as pl
from scipy import sparse

from features.block import Block, Groups
from features.catalog import Anchor, Feature, Group, Values, season_periods, year_periods
from features.demand import CENSORED, DEMAND
from features.frame import IN_STOCK, LOCATION, SERIES, SKU
from features.history import level_window, short_windows
from features.windows import Running, lagged, last, ratio
from inventory.demand import Floats

EVERY = "_every"
"""The group of all series."""

NEIGHBOURS = (SKU, LOCATION)
"""Neighbours: the same SKU elsewhere, and everything else at the same location."""

TAKEN = ("trend", "season")
"""What models take by default, of the nearest neighbours: wide groups say the same of everybody
on a day, and with a short history a tree learns the days by heart."""

GROUP_SERIES_MIN = 2
"""A group of one has no neighbours."""

CATEGORIES_MAX = 3
"""Levels of the category tree that count, finest first: coarser ones repeat them."""

SERIES_AT_ONCE = 2_000
"""Series whose level is made at once: bounds memory."""


def group_name(group: str) -> str:
    """How a group is called in the names of its features."""
    return "every" if group == EVERY else group


def price_name(column: str) -> str:
    """Name of a group's mean of a price."""
    return f"mean {column}"


def groups_of(series: pl.DataFrame, categories: pl.DataFrame) -> tuple[str, ...]:
    """The groups worth following: at least two members each on average.

    series : SKU and LOCATION of each; categories : text attributes, row by row the same series.
    """
    counted = len(series)
    if counted < GROUP_SERIES_MIN:
        return ()
    shared = {c: categories[c].n_unique() for c in categories.columns}
    finest = sorted(
        (c for c, n in shared.items() if n > 1 and n * GROUP_SERIES_MIN <= counted),
        key=lambda c: (-shared[c], c),
    )
    own = [g for g in NEIGHBOURS if series[g].n_unique() * GROUP_SERIES_MIN <= counted]
    return (*own, *finest[:CATEGORIES_MAX], EVERY)


def groups_table(
    member_of: np.ndarray,
    *,
    demand: Floats,
    usual: Floats,
    censored: Floats,
    prices: dict[str, Floats],
    period_days: int,
) -> Groups:
    """Sums over members; arrays are (N, T), and usual is the level that demand is held against."""
    counted = max(int(member_of.max()), 0) + 1
    inside = np.flatnonzero(member_of >= 0)
    members = sparse.csr_array(
        (np.ones(len(inside), dtype=np.float32), (member_of[inside], inside)),
        shape=(counted, len(member_of)),
    )

    def summed(values: Floats) -> Floats:
        return (members @ values).T.astype(np.float64)

    def mean(values: Floats) -> Floats:
        known = ~np.isnan(values)
        return ratio(
            summed(np.where(known, values, 0).astype(np.float32)),
            summed(known.astype(np.float32)),
        )

    known = ~np.isnan(demand) & (usual > 0)
    share = ratio(
        summed(np.where(known, demand, 0).astype(np.float32)),
        summed(np.where(known, usual, 0).astype(np.float32)),
    )
    columns = {DEMAND: share, CENSORED: mean(censored), IN_STOCK: np.ones_like(share)}
    columns |= {price_name(name): mean(values) for name, values in prices.items()}
    return Groups(
        {name: values.astype(np.float32) for name, values in columns.items()},
        member_of,
        period_days,
    )


def usual_demand(demand: Floats, period_days: int) -> Floats:
    """Rolling mean over the level's window, of arrays (N, T), as float32."""
    window = level_window(period_days)
    usual = np.empty(demand.shape, dtype=np.float32)
    for first in range(0, len(demand), SERIES_AT_ONCE):
        rows = slice(first, first + SERIES_AT_ONCE)
        running = Running.of(demand[rows].T.astype(np.float64))
        usual[rows] = ratio(last(running.total, window), last(running.known, window)).T
    return usual


def group_features(
    groups: tuple[str, ...], *, period_days: int, censored: bool
) -> tuple[Feature, ...]:
    """Trend, season and shocks of each group, as ratios to its members' usual demand."""
    return tuple(
        feature for group in groups for feature in _of_group(group, period_days, censored=censored)
    )


def _of_group(group: str, period_days: int, *, censored: bool) -> list[Feature]:
    short, half, _ = short_windows(period_days)
    name, kind = group_name(group), _kind(group)
    half_year = 3 if period_days == 1 else 1

    def of(make: Values) -> Values:
        return lambda block: block.of_group(group, make)

    def feature(
        suffix: str, why: str, make: Values, *, anchor: Anchor = Anchor.ORIGIN, known: int = 0,
        unit: str = "ratio", periods_min: int = 0,
    ) -> Feature:  # fmt: skip
        return Feature(
            f"{name}_{suffix}", unit, kind, anchor, known, why, of(make), periods_min=periods_min,
            default=group in NEIGHBOURS and suffix in TAKEN,
        )  # fmt: skip

    def season(block: Block) -> Floats:
        count = 4 if period_days == 1 else 2
        return block.comb(DEMAND, stride=season_periods(period_days), count=count).mean

    def around(block: Block) -> Floats:
        return lagged(block.mean(DEMAND, 2 * half_year + 1), -half_year)

    year = year_periods(period_days)
    features = [
        feature("trend", "Neighbours show a change of level before one noisy series can.",
                lambda g: g.mean(DEMAND, level_window(period_days) // 8)),
        feature("last", "What happened to all of them in the newest period.",
                lambda g: g.demand),
        feature("level", "Whether the whole group stands above its usual.",
                lambda g: g.mean(DEMAND, half)),
        feature("swing", "How much they all move together: width that pooling cannot shrink.",
                lambda g: g.spread(DEMAND, half)),
        feature("season", "Weekday pattern of the group: steadier than that of one item.",
                season, anchor=Anchor.SEASON),
        feature("year_around", "The group's season a year ago, for items too young for their own.",
                around, anchor=Anchor.YEAR, known=half_year, periods_min=year),
    ]  # fmt: skip
    if censored:
        features.append(
            feature("stockouts", "Where neighbours run dry, deliveries fail or shoppers switch.",
                    lambda g: g.mean(CENSORED, short), unit="share")
        )  # fmt: skip
    return features


def _kind(group: str) -> Group:
    return "history" if group in (LOCATION, EVERY) else "product"


def member_codes(series: pl.DataFrame, categories: pl.DataFrame, group: str) -> np.ndarray:
    """Group number of each series, in order of the group's name; -1 where it has none."""
    if group == EVERY:
        return np.zeros(len(series), dtype=np.int64)
    values = series[group] if group in SERIES else categories[group]
    codes = values.rank("dense").cast(pl.Int64) - 1
    return codes.fill_null(-1).to_numpy()
