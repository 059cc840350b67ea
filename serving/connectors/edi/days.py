"""When goods leave and come: what a vendor says, told from our own wish that it repeats."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class DayCodes:
    """Qualifiers of dates in one standard."""

    arrives: tuple[str, ...]
    ships: tuple[str, ...]
    wanted: tuple[str, ...]
    """Delivery as the buyer asked for it."""
    wanted_ships: tuple[str, ...]

    @property
    def known(self) -> tuple[str, ...]:
        return (*self.arrives, *self.ships, *self.wanted, *self.wanted_ships)


@dataclass(frozen=True, slots=True)
class Days:
    """The days that one level of a document gives; those it does not give are None."""

    arrives_on: date | None = None
    ships_on: date | None = None
    wanted_on: date | None = None
    wanted_ships_on: date | None = None

    @property
    def is_told(self) -> bool:
        """Whether the vendor itself says when, instead of repeating what we asked for."""
        return self.arrives_on is not None or self.ships_on is not None

    def within(self, outer: "Days") -> "Days":
        """These, closer to the goods, before those further out.

        A promise for the whole document goes before a wish that a line repeats.
        """
        told = self if self.is_told else outer
        wish = self if self.wanted_on or self.wanted_ships_on else outer
        return Days(told.arrives_on, told.ships_on, wish.wanted_on, wish.wanted_ships_on)

    @property
    def meant(self) -> tuple[date | None, date | None]:
        """(arrives_on, ships_on) to go by: a repeated wish only where nothing else is said."""
        if self.is_told:
            return self.arrives_on, self.ships_on
        return self.wanted_on, self.wanted_ships_on


def days_of(said: Iterable[tuple[str, date]], codes: DayCodes) -> Days:
    """From (qualifier, day) pairs; the latest of each kind.

    >>> codes = DayCodes(("067",), ("068",), ("002",), ("010",))
    >>> days_of([("002", date(2026, 12, 10)), ("067", date(2026, 12, 5))], codes).meant[0]
    datetime.date(2026, 12, 5)
    """
    pairs = list(said)

    def latest(kinds: tuple[str, ...]) -> date | None:
        return max((day for kind, day in pairs if kind in kinds), default=None)

    return Days(
        latest(codes.arrives), latest(codes.ships), latest(codes.wanted), latest(codes.wanted_ships)
    )
