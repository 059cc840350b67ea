"""What a series is: its attributes, and the stage of life and kind of demand it is in.

Attributes enter as numbers in the order of their names, which often puts kin side by side. Ordered
by how much their members sell they would tell a model what it is asked for, since an example's own
target is in that mean. A value not seen in training has no number.
"""

from dataclasses import dataclass, field

import numpy as np
import polars as pl

from features.block import Block
from features.catalog import KNOWN_AHEAD, Anchor, Feature
from features.demand import DEMAND
from features.history import correlation, level_window, selling, short_windows
from features.roles import Role, meaning_of
from features.windows import banded, ratio
from inventory.demand import Floats


@dataclass(slots=True)
class Codes:
    """Numbers for the values of text (and identity) columns, fixed when a model is fitted."""

    by_column: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def learn(cls, history: pl.DataFrame, columns: list[str]) -> "Codes":
        """Number the values of each column by name, as a share in (0, 1]."""
        codes = cls()
        for column in columns:
            values = history.get_column(column).drop_nulls().cast(pl.String).unique().sort()
            codes.by_column[column] = {v: (i + 1) / len(values) for i, v in enumerate(values)}
        return codes

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace each coded column by its number; unseen values become null."""
        return frame.with_columns(
            pl.col(column)
            .cast(pl.String)
            .replace_strict(codes, default=None, return_dtype=pl.Float32)
            .alias(column)
            for column, codes in self.by_column.items()
            if codes and column in frame.columns
        )


def attribute_features(columns: list[str], codes: Codes) -> tuple[Feature, ...]:
    """One feature per attribute column: the number itself, or the rank of a coded value."""
    why = "Items of one kind behave alike; lets new items borrow."
    supply = "How soon and how often the shelf is filled: who waits, and who turns elsewhere."
    late = {c for c in columns if meaning_of(c).role == Role.INVENTORY}
    return tuple(
        Feature(
            c, "code" if c in codes.by_column else "of column",
            "inventory" if c in late else "product",
            Anchor.TARGET, KNOWN_AHEAD, supply if c in late else why,
            lambda block, c=c: block.column(c),  # type: ignore[misc]
        )
        for c in columns
    )  # fmt: skip


NEW_PERIODS = {1: 28, 7: 8}
"""Until then an item is new, by days per period."""
GROWS, FADES = 1.15, 0.85
"""Four weeks against eight (or a quarter against half a year): growing above, fading below."""
RHYTHM_CUTS = (0.2, 0.5)
INTERVAL_CUT, VARIATION_CUT = 1.32, 0.49
"""Syntetos, Boylan and Croston, On the categorization of demand patterns, JORS 56 (2005)."""


def life_features(period_days: int) -> tuple[Feature, ...]:
    """Classes of the series, as of the origin."""
    _, half, window = short_windows(period_days)
    long = 2 * level_window(period_days)

    def stage(block: Block) -> Floats:
        """0 new, 1 growing, 2 steady, 3 fading, 4 asleep."""
        now = ratio(block.mean(DEMAND, half), block.mean(DEMAND, window))
        stages = np.select([now > GROWS, now >= FADES], [1.0, 2.0], 3.0)
        stages = np.where(block.mean(selling(block), half) == 0, 4.0, stages)
        return np.where(block.age < NEW_PERIODS[period_days], 0.0, stages)

    def kind(block: Block) -> Floats:
        """0 smooth, 1 erratic, 2 intermittent, 3 lumpy."""
        sizes = block.derive("sizes", lambda: np.where(block.demand > 0, block.demand, np.nan))
        interval = ratio(block.known(DEMAND, long), block.known(sizes, long))
        variation = ratio(block.spread(sizes, long, known_min=3), block.mean(sizes, long)) ** 2
        return np.where(
            np.isnan(interval),
            np.nan,
            2.0 * (interval > INTERVAL_CUT) + (variation > VARIATION_CUT),
        )

    def rhythm(block: Block) -> Floats:
        """0 none, 1 weak, 2 strong: correlation with last week (or with last period) in thirds."""
        lag = 7 if period_days == 1 else 1
        return banded(correlation(block, DEMAND, lag, window), RHYTHM_CUTS)

    return (
        Feature("season_class", "class", "product", Anchor.ORIGIN, 0,
                "No, weak or strong rhythm; the correlation itself says more to a tree.", rhythm,
                default=False),
        Feature("life_stage", "class", "product", Anchor.ORIGIN, 0,
                "New, growing, steady, fading or asleep: each moves on in its own way.", stage,
                default=False),
        Feature("demand_class", "class", "product", Anchor.ORIGIN, 0,
                "Smooth, erratic, intermittent or lumpy: which method suits.", kind,
                default=False),
    )  # fmt: skip
