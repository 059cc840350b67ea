"""Signals from outside, joined so that no row sees what was not yet known on its day.

A table of signals has a date, perhaps a location and a SKU, and a number per signal. Its lag says
when a number is known: that of period d at the end of period d + lag. On each row of the history
stands the newest number known by then, so monthly figures and late reports are right as they are. A
signal known ahead, such as a weather forecast or school breaks, stands on its own day instead.
"""

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

from features.frame import DATE, KEY, Panel
from inventory.errors import InputRejected

_ROW = "_row"
_BY = "_known_by"


@dataclass(frozen=True, slots=True)
class ExternalSignal:
    """One signal and when it is known.

    name : its column. unit : as its owner calls it.
    lag_periods : L ≥ 0; the value of period d is known at the end of period d + L.
    known_ahead : the table tells the days to come, too; then there is no lag.
    """

    name: str
    unit: str = "of column"
    lag_periods: int = 0
    known_ahead: bool = False

    def __post_init__(self) -> None:
        if self.lag_periods < 0:
            raise InputRejected("must not be negative; write :ahead for what is known ahead",
                                field="lag")  # fmt: skip
        if self.known_ahead and self.lag_periods:
            raise InputRejected("is either known ahead or late, not both", field=self.name)


def key_of(table: pl.DataFrame) -> tuple[str, ...]:
    """The columns that say what a row is about: date, and location or SKU where they are there."""
    return tuple(column for column in KEY if column in table.columns)


def checked(table: pl.DataFrame, *, name: str) -> pl.DataFrame:
    """The table with plain types, sorted by date.

    Raises
    ------
    InputRejected
        Names the first row and column that cannot be used, and what to write instead. Row 1 is the
        first row of data.
    """
    if DATE not in table.columns:
        raise InputRejected(f"{name} has no column 'date'; its columns are "
                            + ", ".join(table.columns), field=DATE)  # fmt: skip
    key = key_of(table)
    signals = [column for column in table.columns if column not in key]
    if not signals:
        raise InputRejected(
            f"{name} has no signal; add a column of numbers beside {', '.join(key)}"
        )
    day = pl.col(DATE).cast(pl.String).str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    frame = table.with_row_index(_ROW, offset=1).with_columns(
        day, *(pl.col(c).cast(pl.String) for c in key if c != DATE)
    )
    _refuse(frame, pl.col(DATE).is_null(), "is not a date like 2024-05-31", DATE, name)
    for column in key:
        _refuse(frame, pl.col(column).is_null(), "is empty", column, name)
    for column in signals:
        kind = table.schema[column]
        number = pl.col(column).cast(pl.Float64, strict=False)
        wrong = (number.is_null() | ~number.is_finite()) & pl.col(column).is_not_null()
        if kind.is_temporal() or kind.is_nested():
            raise InputRejected(f"of {name} holds {kind}; give numbers", field=column)
        _refuse(frame, wrong, "is not a number; leave it empty where unknown", column, name)
    repeated = pl.struct(key).is_first_distinct().not_()
    _refuse(frame, repeated, f"came before with the same {', '.join(key)}; keep one", DATE, name)
    return frame.select(*key, pl.col(signals).cast(pl.Float64)).sort(DATE)


def _refuse(frame: pl.DataFrame, wrong: pl.Expr, reason: str, field: str, name: str) -> None:
    bad = frame.filter(wrong)
    if len(bad):
        row = bad.row(0, named=True)
        raise InputRejected(f"'{row[field]}' of {name} {reason}", field=field, row=row[_ROW])


def with_signal(
    panel: Panel, table: pl.DataFrame, signals: tuple[ExternalSignal, ...], *, horizon: int
) -> Panel:
    """The panel with the signals of one checked table as covariates.

    Raises
    ------
    InputRejected
        A signal has the name of a column of the history, or is said to be known ahead and does not
        reach the end of the horizon.
    """
    late = [s for s in signals if not s.known_ahead]
    ahead = [s for s in signals if s.known_ahead]
    for signal in signals:
        if signal.name in (*panel.history.columns, *panel.future.columns):
            raise InputRejected("is in the history already; rename one of the two",
                                field=signal.name)  # fmt: skip
    for lag in sorted({s.lag_periods for s in late}):
        names = [s.name for s in late if s.lag_periods == lag]
        panel = _with_late(panel, table, names, lag_periods=lag)
    return _with_ahead(panel, table, [s.name for s in ahead], horizon=horizon) if ahead else panel


def _with_late(panel: Panel, table: pl.DataFrame, names: list[str], *, lag_periods: int) -> Panel:
    """On each row the newest value, each signal its own, whose lag has passed by its end."""
    key = key_of(table)
    by = [column for column in key if column != DATE]
    # The last day whose figures are known when the row's period ends.
    reach = timedelta(days=panel.period_days - 1 - lag_periods * panel.period_days)
    rows = panel.history.select(*by, DATE).unique().with_columns((pl.col(DATE) + reach).alias(_BY))
    rows = rows.sort(_BY)
    for name in names:
        known = table.select(*key, name).drop_nulls(name).rename({DATE: "_about"}).sort("_about")
        rows = rows.join_asof(
            known, left_on=_BY, right_on="_about", by=by or None, strategy="backward",
            check_sortedness=False,
        ).drop("_about", strict=False)  # fmt: skip
    history = panel.history.join(rows.drop(_BY), on=[*by, DATE], how="left", maintain_order="left")
    return Panel(history=history, future=panel.future, period_days=panel.period_days)


def _with_ahead(panel: Panel, table: pl.DataFrame, names: list[str], *, horizon: int) -> Panel:
    """On each row the mean of the values about its own period, in history and horizon alike."""
    key = key_of(table)
    days = panel.days_ahead(horizon)
    start = pl.col(DATE) - pl.duration(
        days=(pl.col(DATE) - panel.origin).dt.total_days() % panel.period_days
    )
    about = table.with_columns(start.alias(DATE)).group_by(key).agg(pl.col(names).mean())
    told = set(about.get_column(DATE))
    missing = [day for day in days if day not in told]
    if missing:
        raise InputRejected(
            f"has nothing for {missing[0]}; give it for all {horizon} periods ahead, "
            "or declare its lag instead, as :lag=1",
            field=names[0],
        )
    grid = panel.series.join(pl.DataFrame({DATE: days}), how="cross")
    future = grid.join(panel.future, on=KEY, how="full", coalesce=True)
    return Panel(
        history=panel.history.join(about, on=key, how="left", maintain_order="left"),
        future=future.join(about, on=key, how="left").sort(KEY),
        period_days=panel.period_days,
    )
