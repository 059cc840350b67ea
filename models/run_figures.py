"""Pictures of a training run: calibration, importance, weights and losses.

Drawn without a window system, on white, in colours that the colour-blind tell apart (Okabe & Ito).
Each takes a table and returns None where that has no rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.reliability import KINDS, PERIOD, WINDOW_SUM, pit_shares

COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#7F7F7F", "#B8A900",
)  # fmt: skip
KIND_NAMES = {PERIOD: "single periods", WINDOW_SUM: "sums over a window"}
FEATURES_SHOWN = 25

OBSERVATIONS_MIN = 50
"""Fewer actuals than this draw a picture of chance."""


def calibration(reliability: pl.DataFrame) -> Figure | None:
    """Per segment: observed against nominal levels above, the PIT histogram below."""
    seen = reliability.filter(pl.col("observations") >= OBSERVATIONS_MIN)
    names = seen["segment"].unique(maintain_order=True).to_list()
    if not names:
        return None
    figure, axes = _grid(2, len(names), width=3.7, height=3.7)
    for column, segment in enumerate(names):
        upper, lower = axes[0, column], axes[1, column]
        upper.plot([0, 1], [0, 1], color="#999999", linewidth=1, linestyle="--", label="ideal")
        lower.axhline(0.1, color="#999999", linewidth=1, linestyle="--")
        for k, kind in enumerate(KINDS):
            rows = seen.filter(pl.col("segment") == segment, pl.col("kind") == kind)
            if rows.is_empty():
                continue
            count = int(rows["observations"][0])
            label = f"{KIND_NAMES[kind]} ({count:,})"
            upper.plot(rows["level"], rows["observed"], marker="o", markersize=3.5,
                       color=COLOURS[k], label=label)  # fmt: skip
            shares = pit_shares(seen, segment=segment, kind=kind)
            place = (np.arange(10) + 0.5) / 10 + (k - 0.5) * 0.04
            lower.bar(place, shares, width=0.04, color=COLOURS[k])
        upper.set(title=segment, xlim=(0, 1), ylim=(0, 1), xlabel="forecast level")
        lower.set(xlim=(0, 1), xlabel="where actuals fell in their forecast (PIT)")
        lower.yaxis.set_major_formatter(_percent())
        upper.legend(loc="upper left", frameon=False, fontsize=8)
    axes[0, 0].set_ylabel("share of actuals at or below")
    axes[1, 0].set_ylabel("share of actuals")
    figure.suptitle("Calibration of the ensemble on past windows, by kind of seller", fontsize=14)
    return figure


def importance(features: pl.DataFrame, groups: pl.DataFrame) -> Figure | None:
    """The features that reduced the loss most, by group, and the groups in all."""
    if features.is_empty():
        return None
    member = features["member"][0]
    own = features.filter(pl.col("member") == member).sort("gain", descending=True)
    shown = own.head(FEATURES_SHOWN).reverse()
    sums = groups.filter(pl.col("member") == member).reverse()
    names = sorted(own["group"].unique().to_list())
    colour = dict(zip(names, COLOURS * len(names), strict=False))
    height = 1.6 + 0.24 * len(shown)
    figure = Figure(figsize=(12, max(height, 4.0)), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    left.barh(shown["feature"], shown["gain"], color=[colour[g] for g in shown["group"]])
    left.set(title=f"Features that brought most ({len(shown)} of {len(own)} used)")
    right.barh(sums["group"], sums["gain"], color=[colour[g] for g in sums["group"]])
    for place, (gain, count) in enumerate(sums.select("gain", "features").iter_rows()):
        right.annotate(f" {gain:.1%}, {count} features", (gain, place), va="center", fontsize=9)
    widest = float(sums["gain"].to_numpy().max())
    right.set(title="By group", xlim=(0, widest * 1.7))
    right.set_xticks([tick / 5 for tick in range(6) if tick / 5 <= widest + 0.1])
    for axes in (left, right):
        axes.set_xlabel(f"share of the loss reduction in {member}")
        axes.xaxis.set_major_formatter(_percent())
        axes.tick_params(axis="y", labelsize=9)
        _bare(axes)
    return figure


def weights(table: pl.DataFrame, blocks: Sequence[str]) -> Figure | None:
    """How much each member counts, per segment and horizon block."""
    members = table["member"].unique(maintain_order=True).to_list()
    cells = table.select("segment", "horizon_block").unique(maintain_order=True)
    names = [f"{segment}\n{blocks[block]}" for segment, block in cells.iter_rows()]
    figure, axes = _grid(1, 1, width=max(6.0, 1.1 * len(names) + 2.5), height=4.2)
    bottom = np.zeros(len(names))
    for m, member in enumerate(members):
        own = table.filter(pl.col("member") == member)["weight"].to_numpy()
        colour = COLOURS[m % len(COLOURS)]
        axes[0, 0].bar(names, own, bottom=bottom, color=colour, label=member, width=0.7)
        bottom += own
    axes[0, 0].set(title="Weights of the members", ylim=(0, 1), ylabel="weight")
    axes[0, 0].yaxis.set_major_formatter(_percent())
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return figure


def losses(backtest: pl.DataFrame, blocks: Sequence[str]) -> Figure | None:
    """Scaled quantile loss of members and ensemble, per segment and horizon block."""
    known = backtest.filter(pl.col("sql").is_finite())
    if known.is_empty():
        return None
    weight = pl.col("periods")
    means = known.group_by("segment", "horizon_block", "member", maintain_order=True).agg(
        ((pl.col("sql") * weight).sum() / weight.sum()).alias("sql")
    )
    segments = means["segment"].unique(maintain_order=True).to_list()
    members = means["member"].unique(maintain_order=True).to_list()
    figure, axes = _grid(1, len(segments), width=4.0, height=4.2)
    for column, segment in enumerate(segments):
        panel = axes[0, column]
        own = means.filter(pl.col("segment") == segment)
        found = own["horizon_block"].unique().sort().to_list()
        width = 0.8 / len(members)
        for m, member in enumerate(members):
            bars = own.filter(pl.col("member") == member).sort("horizon_block")
            place = np.array([found.index(b) for b in bars["horizon_block"]]) - 0.4
            label = member if column == 0 else None
            colour = "black" if member == "ensemble" else COLOURS[m % len(COLOURS)]
            panel.bar(place + (m + 0.5) * width, bars["sql"], width, color=colour, label=label)
        panel.set_xticks(range(len(found)), [blocks[b] for b in found])
        panel.set(title=segment, xlabel="periods ahead")
    axes[0, 0].set_ylabel("scaled quantile loss")
    figure.suptitle("Backtest on past windows, by kind of seller: lower is better", fontsize=14)
    figure.legend(loc="outside right upper", frameon=False, fontsize=9)
    return figure


def _grid(rows: int, columns: int, *, width: float, height: float) -> tuple[Figure, Any]:
    """A figure of axes (rows, columns), each of that size in inches."""
    size = (max(width * columns, 6.0), height * rows)
    figure = Figure(figsize=size, layout="constrained", dpi=110)
    axes = figure.subplots(rows, columns, squeeze=False, sharey="row")
    for one in axes.flat:
        _bare(one)
    return figure, axes


def _bare(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)


def _percent() -> Any:  # noqa: ANN401  matplotlib's own formatter
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(xmax=1, decimals=0)
