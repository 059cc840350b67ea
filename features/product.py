"""What a series is, and what its neighbours do: attributes, and groups that share them.

Attributes enter as numbers ordered by how much their members sell, so that a tree can cut between
strong and weak groups with one split. A value not seen in training has no number.
"""

from dataclasses import dataclass, field

import polars as pl

from features.catalog import KNOWN_AHEAD, Anchor, Feature
from features.demand import DEMAND
from features.frame import DATE, LOCATION, SKU
from features.history import ROW_ID, level_window

GROUPS = (SKU, LOCATION)
"""Neighbours: the same SKU elsewhere, and everything else at the same location."""

GROUP_SERIES_MIN = 2
"""A group of one has no neighbours."""


@dataclass(slots=True)
class Codes:
    """Numbers for the values of text (and identity) columns, fixed when a model is fitted."""

    by_column: dict[str, dict[str, float]] = field(default_factory=dict)

    @classmethod
    def learn(cls, history: pl.DataFrame, columns: list[str]) -> "Codes":
        """Rank the values of each column by mean demand of their rows, as a share in (0, 1]."""
        codes = cls()
        for column in columns:
            ranked = (
                history.group_by(pl.col(column).cast(pl.String).alias("value"))
                .agg(pl.col(DEMAND).mean().alias("mean"))
                .drop_nulls("value")
                .sort(["mean", "value"], nulls_last=False)
            )
            values = ranked.get_column("value").to_list()
            codes.by_column[column] = {v: (i + 1) / len(values) for i, v in enumerate(values)}
        return codes

    def apply(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace each coded column by its number; unseen values become null."""
        return frame.with_columns(
            pl.col(column)
            .cast(pl.String)
            .replace_strict(codes, default=None, return_dtype=pl.Float32)
            .alias(f"{column}_code" if column in GROUPS else column)
            for column, codes in self.by_column.items()
            if codes and column in frame.columns
        )


def attribute_features(columns: list[str]) -> tuple[Feature, ...]:
    """One feature per attribute column, coded or numeric."""
    why = "Items of one kind behave alike; lets new items borrow."
    return tuple(
        Feature(c, "rank", "product", Anchor.TARGET, KNOWN_AHEAD, why, pl.col(c)) for c in columns
    )


def group_name(column: str) -> str:
    """Name of the group's demand column on the timeline."""
    return f"_group_{column}"


def with_group_demand(timeline: pl.DataFrame, *, groups: tuple[str, ...]) -> pl.DataFrame:
    """For each group, the demand of its members on the day against their usual demand.

    Each member counts by its own usual demand of that row, and only while its demand is known, so
    that a stock-out of one member does not look like a fall of the group.
    """
    known = pl.col(DEMAND).is_not_null() & (pl.col("_usual") > 0)
    for group in groups:
        share = (
            timeline.filter(known)
            .group_by(group, DATE)
            .agg((pl.col(DEMAND).sum() / pl.col("_usual").sum()).cast(pl.Float32)
                 .alias(group_name(group)))
        )  # fmt: skip
        timeline = timeline.join(share, on=[group, DATE], how="left", maintain_order="left")
    return timeline


def neighbour_features(groups: tuple[str, ...], *, period_days: int) -> tuple[Feature, ...]:
    """Trend and season of the group, as ratios to the members' usual demand."""
    window = level_window(period_days) // 8
    features: list[Feature] = []
    for group in groups:
        ratio = pl.col(group_name(group))
        trend = ratio.rolling_mean(window, min_samples=1).over(ROW_ID)
        features.append(Feature(
            f"{group}_trend", "ratio", "product", Anchor.ORIGIN, 0,
            "Neighbours show a change of level before one noisy series can.", trend,
        ))  # fmt: skip
        season = 7 if period_days == 1 else 52
        same = pl.mean_horizontal(
            [ratio.shift(season * k) for k in range(4 if period_days == 1 else 2)]
        ).over(ROW_ID)
        features.append(Feature(
            f"{group}_season", "ratio", "product", Anchor.SEASON, 0,
            "Weekday pattern of the group: steadier than that of one item.", same,
        ))  # fmt: skip
    return tuple(features)
