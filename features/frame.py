"""The one table shape that features, models and metrics agree on.

One row per SKU, location and period (a day or a week), sorted, with no period missing: so the
seventh row back is the seventh day back. Column names are constants, not parameters: a name that
can vary at every call is a name that some join will forget to vary.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import polars as pl

SKU = "sku"
LOCATION = "location"
DATE = "date"
UNITS = "units"
"""Units sold in the period; null where nothing was recorded."""
IN_STOCK = "in_stock"
"""Share of the period on sale, 0..1. Below one, units are censored: demand was at least that."""
PRICE = "price"
PROMOTION = "promotion"
SERIES = (SKU, LOCATION)
KEY = (SKU, LOCATION, DATE)


class BadFrame(ValueError):
    """The table breaks the contract; the message names the first row that does."""


@dataclass(frozen=True, eq=False)
class Panel:
    """History of N series up to one origin, and what is known of the periods after it.

    history : columns `KEY`, `UNITS` (Float64, null if unrecorded), `IN_STOCK` (Float64), and any
        covariates. Every series ends at the origin; it may start at its own first period.
    future : columns `KEY` and the covariates known ahead, from the period after the origin on;
        may be empty (no rows), then models fall back to what the calendar says.
    period_days : 1 for daily data, 7 for weekly.
    """

    history: pl.DataFrame
    future: pl.DataFrame
    period_days: int = 1

    @property
    def origin(self) -> date:
        """Last period of the history: what is known."""
        last = self.history.get_column(DATE).max()
        assert isinstance(last, date)
        return last

    @property
    def first_recorded(self) -> date:
        """First period of the history, of whichever series began first."""
        first = self.history.get_column(DATE).min()
        assert isinstance(first, date)
        return first

    @property
    def first_day(self) -> date:
        """First period to forecast."""
        return self.origin + timedelta(days=self.period_days)

    def days_ahead(self, horizon: int) -> list[date]:
        """First day of each of the `horizon` periods after the origin."""
        step = timedelta(days=self.period_days)
        return [self.origin + (h + 1) * step for h in range(horizon)]

    @cached_property
    def series(self) -> pl.DataFrame:
        """The N series in row order: columns SKU and LOCATION. Every member asks, so kept."""
        return self.history.select(SERIES).unique(maintain_order=True)

    @property
    def known_ahead(self) -> tuple[str, ...]:
        """Covariates of the history of which the future says anything: an empty column is none."""
        told = (c for c in self.future.columns if c in self.history.columns and c not in KEY)
        return tuple(c for c in told if self.future[c].null_count() < len(self.future))

    def until(self, origin: date) -> "Panel":
        """The same panel as it stood at an earlier origin: later units are gone, covariates stay.

        Series that had not started by then are left out. Covariates of the dropped history rows
        move to `future` as far as they are known ahead now: else a file of the future that has
        run out would make the past look better foreseen than the days to come.
        """
        known_ahead = [*KEY, *self.known_ahead]
        history = self.history.filter(pl.col(DATE) <= origin)
        moved = self.history.filter(pl.col(DATE) > origin).select(known_ahead)
        future = pl.concat([moved, self.future.select(known_ahead)]).join(
            history.select(SERIES).unique(), on=SERIES, how="semi"
        )
        return Panel(history=history, future=future.sort(KEY), period_days=self.period_days)


def check(frame: pl.DataFrame, *, period_days: int) -> pl.DataFrame:
    """Return `frame` unchanged, or raise `BadFrame`. Call once, where data enters."""
    for column in (*KEY, UNITS, IN_STOCK):
        if column not in frame.columns:
            raise BadFrame(f"column '{column}' is missing; the columns are {frame.columns}")
    if frame.schema[DATE] != pl.Date:
        raise BadFrame(f"column '{DATE}' must hold dates, not {frame.schema[DATE]}")
    if not frame.select(KEY).equals(frame.select(KEY).sort(KEY)):
        raise BadFrame("rows must be sorted by sku, location and date")
    step = pl.col(DATE).diff().over(SERIES)
    wrong = frame.filter(step != pl.duration(days=period_days))
    if len(wrong):
        raise BadFrame(f"not exactly one period after the row before: {wrong.row(0, named=True)}")
    return frame
