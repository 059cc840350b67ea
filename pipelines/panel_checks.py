"""What can be wrong with the rows of a history that each look sound: misdated, or absurdly large.

A row that breaks a rule is named in the report and left out; its period counts as unrecorded.
"""

from dataclasses import dataclass, field
from datetime import date

import polars as pl

from features.frame import DATE, KEY, SERIES, UNITS, Panel
from pipelines.phrases import phrase

ROW = "row"
REASON = "reason"

ISOLATED_GAP_DAYS = 366
"""Rows that follow a silence of a year ..."""
ISOLATED_SHARE_MAX = 0.01
"""... and are this few are misdated, and would otherwise move the origin for everyone."""

COMMON_END_SHARE = 0.8
"""Where this share of the series ends on one day ..."""
LATER_SHARE_MAX = 0.1
"""... and no more than this share goes on, what goes on is misdated."""

OUTLIER_TIMES_MEDIAN = 20
OUTLIER_TIMES_HIGH = 10
"""A slip of the keyboard exceeds the median sale this often, and what is high for the series (the
ninth decile of its sales) and usual around it (five rows) this often. Of 1.1 million rows of three
retailers, two do."""
OUTLIER_SALES_MIN = 8
"""Fewer sales than this do not say what is usual."""


@dataclass(slots=True)
class FileReport:
    """What was read, what was not, and what was decided on the way."""

    rows_read: int = 0
    rejected: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema={ROW: pl.Int64, REASON: pl.String})
    )
    """Columns row (1 is the first row of data) and reason."""
    notes: list[str] = field(default_factory=list)
    key_types: dict[str, pl.DataType] = field(default_factory=dict)
    """Types of sku, location and date in the history, for whoever joins our answer to it."""


def reject(
    frame: pl.DataFrame, wrong: pl.Expr, reason: str | pl.Expr, report: FileReport
) -> pl.DataFrame:
    """The rows that are not wrong; the wrong ones go to the report, each with its reason."""
    if not frame.select(wrong.any()).item():
        return frame
    flagged = frame.with_columns(wrong.alias("_wrong"))
    bad = flagged.filter("_wrong")
    told = pl.lit(reason) if isinstance(reason, str) else reason
    report.rejected = pl.concat([report.rejected, bad.select(ROW, told.alias(REASON))])
    return flagged.filter(~pl.col("_wrong")).drop("_wrong")


def reject_misdated(
    history: pl.DataFrame, report: FileReport, *, today: date | None
) -> pl.DataFrame:
    """Rows dated after today, a year from all others, or after the day on which the rest ends."""
    if today is not None:
        history = _reject_after(history, today, report)
    return _reject_later(_reject_isolated(history, report), report)


def _reject_after(history: pl.DataFrame, today: date, report: FileReport) -> pl.DataFrame:
    later = pl.col(DATE) > today
    share = history.select(later.mean()).item() or 0.0
    if share > 1 / 2:  # A simulation, or a clock that is wrong: no reason to refuse it all.
        report.notes.append(f"most rows are dated after {today}, so none is refused for that")
        return history
    return reject(history, later, f"dated after {today}", report)


def _reject_isolated(history: pl.DataFrame, report: FileReport) -> pl.DataFrame:
    """A handful of rows a year or more after (or before) all others are misdated."""
    days = history.group_by(DATE).len().sort(DATE)
    gap = pl.col(DATE).diff().dt.total_days()
    breaks = days.filter(gap > ISOLATED_GAP_DAYS).get_column(DATE).to_list()
    for day in breaks:
        few = ISOLATED_SHARE_MAX * len(history)
        after = int(history.select((pl.col(DATE) >= day).sum()).item())
        if 0 < after <= few:
            reason = "dated more than a year after all other rows"
            history = reject(history, pl.col(DATE) >= day, reason, report)
        elif 0 < len(history) - after <= few:
            reason = "dated more than a year before all other rows"
            history = reject(history, pl.col(DATE) < day, reason, report)
    return history


def _reject_later(history: pl.DataFrame, report: FileReport) -> pl.DataFrame:
    """A few series that go on after the common end of all others would make those look unknown."""
    ends = history.group_by(SERIES).agg(pl.col(DATE).max().alias("end"))
    common = ends.group_by("end").len().sort("len", "end").tail(1)
    if common.is_empty() or common["len"].item() < COMMON_END_SHARE * len(ends):
        return history
    end = common["end"].item()
    later = int(ends.select((pl.col("end") > end).sum()).item())
    if not 0 < later <= LATER_SHARE_MAX * len(ends):
        return history
    return reject(
        history, pl.col(DATE) > end, f"dated after {end}, where the other series end", report
    )


def reject_outliers(history: pl.DataFrame, report: FileReport) -> pl.DataFrame:
    """Single sales that dwarf everything else the series sold; `history` is sorted by series.

    A lasting rise is none: where most rows around are as high, all of them stay.
    """
    units = pl.col(UNITS)
    sales = units.filter(units > 0)
    judged = history.with_columns(
        sales.len().over(SERIES).alias("_sales"),
        sales.median().over(SERIES).alias("_median"),
        sales.quantile(0.9, interpolation="lower").over(SERIES).alias("_high"),
        units.rolling_median(5, center=True, min_samples=1).over(SERIES).alias("_around"),
    )
    wrong = (
        (pl.col("_sales") >= OUTLIER_SALES_MIN)
        & (units > OUTLIER_TIMES_MEDIAN * pl.col("_median"))
        & (units > OUTLIER_TIMES_HIGH * pl.max_horizontal("_high", "_around"))
    )
    reason = phrase(
        "{} units, where the series usually sells {}: taken as unrecorded",
        _plain(units.round_sig_figs(6)), _plain(pl.col("_median").round_sig_figs(3)),
    )  # fmt: skip
    return reject(judged, wrong, reason, report).drop("_sales", "_median", "_high", "_around")


def _plain(number: pl.Expr) -> pl.Expr:
    """As people write it: 700, not 700.0."""
    return number.cast(pl.String).str.strip_suffix(".0")


def note_lost_series(raw: pl.DataFrame, history: pl.DataFrame, report: FileReport) -> None:
    """Say which series had no sound row, so that nobody waits for their forecast."""
    asked = raw.select(pl.col(SERIES).cast(pl.String)).drop_nulls().unique(maintain_order=True)
    lost = asked.join(history.select(SERIES).unique(), on=SERIES, how="anti", maintain_order="left")
    if len(lost):
        first = ", ".join(f"{sku} at {location}" for sku, location in lost.head(3).rows())
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""  # noqa: PLR2004
        report.notes.append(f"no usable row, so no forecast: {first}{more}")


def gaps_ahead(panel: Panel, *, horizon: int, name: str) -> list[str]:
    """What the file of the future, by that name, leaves out of the horizon: a note per column.

    A column counts as known ahead for all series once it says anything. Where it says nothing of a
    period, that is unknown to the models, which take what is usual for the series.
    """
    columns = [c for c in panel.future.columns if c in panel.history.columns and c not in KEY]
    if panel.future.is_empty() or not columns:
        return []
    periods = pl.DataFrame({DATE: panel.days_ahead(horizon)})
    wanted = panel.series.join(periods, how="cross", maintain_order="left_right")
    told = wanted.join(panel.future, on=KEY, how="left", maintain_order="left")
    notes = []
    for column in columns:
        lacking = told.filter(pl.col(column).is_null())
        if len(lacking):
            sku, location, day = lacking.select(KEY).row(0)
            notes.append(
                f"column '{column}' of {name} says nothing of {len(lacking)} of {len(told)} "
                f"periods ahead, the first of them {sku} at {location} on {day}: unknown there"
            )
    return notes
