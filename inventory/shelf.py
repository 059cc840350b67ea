"""What lies on one shelf: its lots by age, the day it runs out, and what expires unsold."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

ENDLESS_DAYS = 10_000
"""Cover beyond this is told as none: it never runs out."""

AGES_DAYS = (30, 60, 90)
"""Bounds between the ages that stock is told by."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Units on the shelf that arrived on one day."""

    arrived_on: date
    units: int


@dataclass(frozen=True, slots=True)
class Supply:
    """Units that come on a day."""

    day: date
    units: int


def stock_out_day(
    units: float, per_day_units: float, supply: Iterable[Supply], *, today: date
) -> date | None:
    """The day on which stock is sold out at an even rate; None where nothing sells, or not in
    `ENDLESS_DAYS`.

    >>> soon = [Supply(date(2026, 3, 4), 10), Supply(date(2026, 3, 20), 10)]
    >>> stock_out_day(6, 2.0, soon, today=date(2026, 3, 2)).isoformat()
    '2026-03-10'
    """
    if per_day_units <= 0:
        return None
    lasts = max(units, 0.0) / per_day_units
    for coming in sorted(supply, key=lambda s: s.day):
        after = max((coming.day - today).days, 0)
        if after > lasts:
            break
        lasts += coming.units / per_day_units
    return None if lasts > ENDLESS_DAYS else today + timedelta(days=int(lasts))


def expiring_lots(
    lots: Iterable[Lot], *, shelf_life_days: float, per_day_units: float, today: date
) -> list[Lot]:
    """Units that even demand leaves behind, each with the day they expire in `arrived_on`.

    What came first is sold first. A lot that has expired is not sold any more.

    >>> [(lot.arrived_on.isoformat(), lot.units) for lot in expiring_lots(
    ...     [Lot(date(2026, 3, 1), 8), Lot(date(2026, 3, 3), 8)],
    ...     shelf_life_days=5, per_day_units=1.0, today=date(2026, 3, 4))]
    [('2026-03-06', 6), ('2026-03-08', 6)]
    """
    left, sold = [], 0.0
    for lot in sorted(lots, key=lambda lot: lot.arrived_on):
        expires_on = lot.arrived_on + timedelta(days=int(shelf_life_days))
        days = max((expires_on - today).days, 0)
        sells = max(min(lot.units, days * per_day_units - sold), 0.0)
        sold += sells
        if (rest := int(lot.units - sells)) > 0:
            left.append(Lot(expires_on, rest))
    return left


def units_by_age(lots: Iterable[Lot], *, today: date) -> dict[str, int]:
    """Units by days since they arrived: `0-29`, `30-59`, `60-89`, `90+`.

    >>> units_by_age([Lot(date(2026, 3, 1), 4), Lot(date(2026, 1, 1), 2)], today=date(2026, 3, 2))
    {'0-29': 4, '30-59': 0, '60-89': 2, '90+': 0}
    """
    names = [f"{low}-{high - 1}" for low, high in zip((0, *AGES_DAYS), AGES_DAYS, strict=False)]
    found = dict.fromkeys([*names, f"{AGES_DAYS[-1]}+"], 0)
    keys = list(found)
    for lot in lots:
        age = (today - lot.arrived_on).days
        found[keys[sum(age >= bound for bound in AGES_DAYS)]] += lot.units
    return found
