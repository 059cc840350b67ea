"""What the calendar says of a day or week; known for ever ahead.

Features of the year's season are left out where the history is too short to have seen one: there
a model can only mistake them for a trend.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from features.catalog import KNOWN_AHEAD, Anchor, Feature
from features.frame import DATE

YEARS_MIN_FOR_SEASON = 1.3
"""Years of history from which features of the year's season mean anything."""

PAYDAYS = (1, 15, 25)
"""Days of the month on which wages commonly arrive."""


def calendar_features(*, years: float) -> tuple[Feature, ...]:
    """The calendar features that `years` of history can support."""
    within = [
        _known("weekday", pl.col(DATE).dt.weekday(), "day", "Each weekday has its own trade."),
        _known("weekend", pl.col(DATE).dt.weekday() >= 6, "flag", "Weekend trade differs."),  # noqa: PLR2004
        _known("day_of_month", pl.col(DATE).dt.day(), "day", "Wages and bills follow the month."),
        _known("days_since_payday", _days_since_payday(), "days", "Spending follows wages."),
        _known("holiday", pl.col("_holiday"), "flag", "Shops close or fill."),
        _known("days_to_holiday", pl.col("_to_holiday"), "days", "Stocking up before."),
        _known("days_from_holiday", pl.col("_from_holiday"), "days", "Quiet after."),
    ]
    if years < YEARS_MIN_FOR_SEASON:
        return tuple(within)
    turn = 2 * np.pi * pl.col(DATE).dt.ordinal_day() / 365.25
    seasonal = [
        _known("week_of_year", pl.col(DATE).dt.week(), "week", "Seasons of trade."),
        _known("month", pl.col(DATE).dt.month(), "month", "Seasons of trade, coarser."),
        _known("quarter_end", pl.col(DATE).dt.month() % 3 == 0, "flag", "Clearances."),
    ] + [
        _known(f"year_{name}_{k}", wave, "1", "Smooth yearly season (Fourier).")
        for k in (1, 2, 3)
        for name, wave in (("sin", (k * turn).sin()), ("cos", (k * turn).cos()))
    ]
    return tuple(within + seasonal)


def _known(name: str, expr: pl.Expr, unit: str, why: str) -> Feature:
    return Feature(name, unit, "external", Anchor.TARGET, KNOWN_AHEAD, why, expr)


def _days_since_payday() -> pl.Expr:
    day = pl.col(DATE).dt.day().cast(pl.Int32)
    since = [pl.when(day >= p).then(day - p).otherwise(31) for p in PAYDAYS]
    return pl.min_horizontal(since)


def with_holidays(frame: pl.DataFrame, *, country: str | None, period_days: int) -> pl.DataFrame:
    """Columns `_holiday`, `_to_holiday`, `_from_holiday` (days, at most 14) for every date."""
    days = frame.select(pl.col(DATE).unique()).sort(DATE)
    dates: list[date] = days.get_column(DATE).to_list()
    if not dates:
        return frame.with_columns(_holiday=None, _to_holiday=None, _from_holiday=None)
    known = sorted(holidays_between(dates[0], dates[-1], country=country))
    at = np.array([d.toordinal() for d in known] or [0])
    start = np.array([d.toordinal() for d in dates])
    end = start + period_days - 1
    following = np.searchsorted(at, start)
    ahead = np.append(at, 10**7)[following] - end
    behind = start - np.append(-(10**7), at)[following]
    calendar = days.with_columns(
        _holiday=pl.Series((ahead <= 0).astype(np.float32)),
        _to_holiday=pl.Series(ahead.clip(0, 14).astype(np.float32)),
        _from_holiday=pl.Series(behind.clip(0, 14).astype(np.float32)),
    )
    return frame.join(calendar, on=DATE, how="left", maintain_order="left")


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
