"""What the calendar says of a day or week; known for ever ahead.

Features of the year's season are left out where the history is too short to have seen one: there
a model can only mistake them for a trend.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl

from features.catalog import KNOWN_AHEAD, Anchor, Feature
from features.frame import DATE

YEARS_MIN_FOR_SEASON = 1.3
"""Years of history from which features of the year's season mean anything."""

PAYDAYS = (1, 15, 25)
"""Days of the month on which wages commonly arrive."""


MARGIN = 3
"""Periods on each side of a period that its calendar features look at."""


@dataclass(frozen=True, slots=True)
class CalendarColumn:
    """One column of the calendar, told from the date and the holidays around it."""

    name: str
    unit: str
    why: str
    expr: pl.Expr
    only: int | None = None
    """Days per period of the only data that it says anything of; None: of all."""
    default: bool = True


@cache
def calendar_columns() -> tuple[CalendarColumn, ...]:
    """What is told of a period wherever it lies."""
    day = pl.col(DATE)
    left = day.dt.month_end().dt.day() - day.dt.day()
    holiday, ahead = pl.col("holiday"), pl.col("days_to_holiday")
    behind = pl.col("days_from_holiday")
    weekend = day.dt.weekday() >= 6  # noqa: PLR2004
    off = weekend | (holiday == 1)
    near = range(-MARGIN, MARGIN + 1)
    around = pl.sum_horizontal([off.shift(k, fill_value=False).cast(pl.Int32) for k in near])
    bridge = ~off & off.shift(1, fill_value=False) & off.shift(-1, fill_value=False)
    column = CalendarColumn
    return (
        column("weekday", "day", "Each weekday has its own trade.", day.dt.weekday(),
               only=1),
        column("weekend", "flag", "On weekends other people shop, for other things.", weekend,
               only=1),
        column("day_of_month", "day", "Wages and bills follow the month.", day.dt.day()),
        column("days_to_month_end", "days", "Money runs out towards the end of the month.", left,
               default=False),
        column("days_since_payday", "days", "Spending follows the day wages arrive.",
               _days_since_payday()),
        column("days_to_payday", "days", "Spending waits for the wages.", _days_to_payday(),
               default=False),
        column("payday", "flag", "Wages of the day are spent on the day.",
               _days_since_payday() == 0, only=1, default=False),
        column("holiday", "flag", "Shops close or fill.", holiday),
        column("days_to_holiday", "days", "People stock up before shops close.", ahead),
        column("days_from_holiday", "days", "Trade is quiet after a holiday.", behind),
        column("eve_of_holiday", "flag", "The last day to shop is the fullest.", ahead == 1,
               default=False),
        column("after_holiday", "flag", "Shelves are bare and fridges full.", behind == 1,
               default=False),
        column("days_off_around", "days", "Weekends and holidays of the week around: long ones "
               "are spent away.", around, only=1),
        column("bridge_day", "flag", "A working day between days off is taken off.", bridge,
               only=1),
        column("holidays_inside", "days", "Closed days of the period.", pl.col("_inside"), only=7),
    )  # fmt: skip


@cache
def season_columns() -> tuple[CalendarColumn, ...]:
    """What needs more than a year of history to mean anything."""
    day = pl.col(DATE)
    turn = 2 * np.pi * day.dt.ordinal_day() / 365.25
    waves = [
        CalendarColumn(f"year_{name}_{k}", "1", "Smooth yearly season (Fourier).", wave)
        for k in (1, 2, 3)
        for name, wave in (("sin", (k * turn).sin()), ("cos", (k * turn).cos()))
    ]
    return (
        CalendarColumn(
            "week_of_year", "week", "Seasons of trade come back every year.", day.dt.week()
        ),
        CalendarColumn("month", "month", "The same, coarser: less to learn from.", day.dt.month()),
        CalendarColumn(
            "quarter_end",
            "flag",
            "Budgets and clearances end with the quarter.",
            day.dt.month() % 3 == 0,
        ),
        *waves,
    )


def calendar_features(*, years: float, period_days: int) -> tuple[Feature, ...]:
    """The calendar features that `years` of history can support."""
    columns = calendar_columns()
    if years >= YEARS_MIN_FOR_SEASON:
        columns += season_columns()
    return tuple(
        Feature(
            c.name, c.unit, "external", Anchor.TARGET, KNOWN_AHEAD, c.why,
            lambda block, name=c.name: block.column(name),  # type: ignore[misc]
            default=c.default,
        )
        for c in columns
        if c.only in (None, period_days)
    )  # fmt: skip


def calendar_of(dates: list[date], *, country: str | None, period_days: int) -> pl.DataFrame:
    """A row per date, which follow one another, and a Float32 column per calendar feature."""
    margin = timedelta(days=MARGIN * period_days)
    step = timedelta(days=period_days)
    wider = pl.date_range(dates[0] - margin, dates[-1] + margin, step, eager=True).to_list()
    frame = _with_holidays(wider, country=country, period_days=period_days).select(
        c.expr.cast(pl.Float32).alias(c.name) for c in (*calendar_columns(), *season_columns())
    )
    return frame.slice(MARGIN, len(dates))


def _days_since_payday() -> pl.Expr:
    day = pl.col(DATE).dt.day().cast(pl.Int32)
    since = [pl.when(day >= p).then(day - p).otherwise(31) for p in PAYDAYS]
    return pl.min_horizontal(since)


def _days_to_payday() -> pl.Expr:
    day = pl.col(DATE).dt.day().cast(pl.Int32)
    left = pl.col(DATE).dt.month_end().dt.day().cast(pl.Int32) - day
    within = [pl.when(day <= p).then(p - day) for p in PAYDAYS]
    return pl.min_horizontal(*within, left + PAYDAYS[0])


def _with_holidays(dates: list[date], *, country: str | None, period_days: int) -> pl.DataFrame:
    """Columns date, holiday, days_to_holiday, days_from_holiday (at most 14) and _inside."""
    known = sorted(holidays_between(dates[0], dates[-1], country=country))
    at = np.array([d.toordinal() for d in known] or [0])
    start = np.array([d.toordinal() for d in dates])
    end = start + period_days - 1
    following = np.searchsorted(at, start)
    ahead = np.append(at, 10**7)[following] - end
    behind = start - np.append(-(10**7), at)[following]
    return pl.DataFrame({DATE: dates}).with_columns(
        _inside=pl.Series((np.searchsorted(at, end, side="right") - following).astype(np.float32)),
        holiday=pl.Series((ahead <= 0).astype(np.float32)),
        days_to_holiday=pl.Series(ahead.clip(0, 14).astype(np.float32)),
        days_from_holiday=pl.Series(behind.clip(0, 14).astype(np.float32)),
    )


def holidays_between(first: date, last: date, *, country: str | None) -> set[date]:
    """Public holidays of a country (ISO code), or those that most of retail feels.

    The window is widened by a month, so that days before and after a holiday outside it count.
    """
    first, last = first - timedelta(days=31), last + timedelta(days=31)
    years = range(first.year, last.year + 1)
    if country is not None:
        import holidays

        found = set(holidays.country_holidays(country, years=years))
    else:
        found = {day for year in years for day in _generic(year)}
    return {day for day in found if first <= day <= last}


def _generic(year: int) -> list[date]:
    """New Year, Easter, Black Friday and Christmas: felt by retail nearly everywhere."""
    november = date(year, 11, 1)
    thanksgiving = november + timedelta(days=(3 - november.weekday()) % 7 + 21)
    return [
        date(year, 1, 1),
        easter_sunday(year),
        thanksgiving + timedelta(days=1),
        date(year, 12, 24),
        date(year, 12, 25),
        date(year, 12, 31),
    ]


def easter_sunday(year: int) -> date:
    """Easter in the Gregorian calendar.

    Source: Meeus, Astronomical Algorithms (1991), chapter 8 (Butcher's rule).

    >>> easter_sunday(2024)
    datetime.date(2024, 3, 31)
    """
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
