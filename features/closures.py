"""Days on which nothing can sell, told from the data: a shop that is shut sells zero by law.

Left in, such zeros pull every level down and blow every spread up. A covariate in one of whose
two states practically nothing ever sold is read as the sign on the door; history under it is then
unknown rather than zero, and the forecast under it is exactly zero.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from features.frame import IN_STOCK, KEY, UNITS, Panel

ZERO_SHARE_MIN = 0.998
"""Share of closed rows that sold nothing; the rest are slips of the pen."""
ROWS_MIN = 30
"""Fewer rows than this prove nothing."""
OPEN_SHARE_MIN = 0.5
"""In the other state at least this share of rows sells: else zeros are just rare demand."""


@dataclass(frozen=True, slots=True)
class Closure:
    """Closed when `column` equals `value`."""

    column: str
    value: float

    def expr(self) -> pl.Expr:
        """True on closed rows."""
        return (pl.col(self.column) == self.value).fill_null(value=False)


def find_closures(panel: Panel) -> tuple[Closure, ...]:
    """The covariates known ahead that say when nothing can sell."""
    known = [c for c in panel.known_ahead if panel.history.schema[c].is_numeric()]
    found = []
    sold = panel.history.filter(pl.col(UNITS).is_not_null())
    for column in known:
        states = sold.group_by(column).agg(pl.len().alias("rows"), (pl.col(UNITS) > 0).mean()
                                           .alias("selling"))  # fmt: skip
        if set(states[column].drop_nulls()) != {0.0, 1.0}:
            continue
        by_state = {row[0]: row[1:] for row in states.iter_rows() if row[0] is not None}
        for value in (0.0, 1.0):
            rows, selling = by_state[value]
            shut = rows >= ROWS_MIN and selling <= 1 - ZERO_SHARE_MIN
            if shut and by_state[1.0 - value][1] >= OPEN_SHARE_MIN:
                found.append(Closure(column, value))
    return tuple(found)


def without_closed(panel: Panel, closures: tuple[Closure, ...]) -> Panel:
    """The panel with closed periods counted as not on sale at all."""
    present = [c for c in closures if c.column in panel.history.columns]
    if not present:
        return panel
    shut = pl.any_horizontal([c.expr() for c in present])
    history = panel.history.with_columns(
        pl.when(shut).then(0.0).otherwise(pl.col(IN_STOCK)).alias(IN_STOCK)
    )
    return Panel(history=history, future=panel.future, period_days=panel.period_days)


def closed_ahead(panel: Panel, closures: tuple[Closure, ...], *, horizon: int) -> np.ndarray:
    """Which of the next periods are closed, (N, H); a period the future does not tell is open."""
    present = [c for c in closures if c.column in panel.future.columns]
    series = panel.series
    if not present or panel.future.is_empty():
        return np.zeros((len(series), horizon), dtype=bool)
    ahead = pl.DataFrame({KEY[2]: panel.days_ahead(horizon)})
    grid = series.join(ahead, how="cross").join(
        panel.future, on=KEY, how="left", maintain_order="left"
    )
    shut = grid.select(pl.any_horizontal([c.expr() for c in present]).alias("shut"))
    return shut.get_column("shut").to_numpy().reshape(len(series), horizon)
