"""Segments of a document, each knowing where it stood, so that what is wrong can be pointed at."""

import re
import string
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from inventory.errors import InputRejected

PRINTABLE_ASCII = frozenset(string.ascii_letters + string.digits + string.punctuation + " ")

UNITS_MAX = 1_000_000_000
MONEY_MAX = Decimal(10) ** 12
NUMBER = re.compile(r"[+-]?(?=[.,]?[0-9])[0-9]{0,18}(?:[.,][0-9]{0,12})?")
"""Digits as X12 and EDIFACT write them; an exponent, which X12 allows, is a mistake in an order."""
COUNT_DIGITS_MAX = 9
YEARS = range(1970, 2201)
DAY_CHARACTERS = 8


class Unclear(InputRejected):
    """What can be read, but says something that no order of ours can hold, or says it two ways.

    The vendor's system did nothing wrong that a functional acknowledgement could tell it.
    """


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its tag, and elements that may have components, both counted from 1."""

    tag: str
    elements: tuple[tuple[str, ...], ...]
    position: int
    """Which segment of the file it is, from 1."""

    def text(self, element: int, component: int = 1) -> str:
        """What stands there, without blanks around it; empty where nothing does."""
        if element > len(self.elements):
            return ""
        parts = self.elements[element - 1]
        return parts[component - 1].strip() if component <= len(parts) else ""

    def needed(self, element: int, what: str, component: int = 1) -> str:
        """What stands there; raises `InputRejected` where nothing does."""
        found = self.text(element, component)
        if not found:
            raise self.wrong(element, f"{what} is missing")
        return found

    def wrong(self, element: int, problem: str) -> InputRejected:
        """The refusal that names this segment and its element, as `PO102`."""
        return InputRejected(f"{self._where}: {problem}", field=f"{self.tag}{element:02d}")

    def unclear(self, element: int, problem: str) -> Unclear:
        """The same for what is well formed."""
        return Unclear(f"{self._where}: {problem}", field=f"{self.tag}{element:02d}")

    @property
    def _where(self) -> str:
        return f"segment {self.position} ({self.tag})"

    def decimal(self, element: int, what: str, component: int = 1) -> Decimal:
        """A number; EDIFACT may write its decimal mark as a comma."""
        said = self.needed(element, what, component)
        if not NUMBER.fullmatch(said) or abs(number := Decimal(said.replace(",", "."))) > MONEY_MAX:
            raise self.wrong(element, f"{what} is '{said[:50]}', which is no number")
        return number

    def units(self, element: int, component: int = 1) -> int:
        """Whole units from 0; `60.00` is 60."""
        number = self.decimal(element, "the quantity", component)
        if number != number.to_integral_value() or not 0 <= number <= UNITS_MAX:
            raise self.wrong(element, f"the quantity is {number}; send whole units from 0")
        return int(number)

    def price(self, element: int, component: int = 1) -> Decimal:
        """Money from 0."""
        number = self.decimal(element, "the price", component)
        if number < 0:
            raise self.wrong(element, f"the price is {number}; send 0 or more")
        return number

    def day(self, element: int, component: int = 1) -> date:
        """A day as CCYYMMDD; a time behind it does not matter."""
        said = self.needed(element, "the date", component)
        return self.as_day(said, element)

    def as_day(self, said: str, element: int) -> date:
        """Some text of this segment as a day."""
        try:
            found = datetime.strptime(said[:DAY_CHARACTERS], "%Y%m%d").date()  # noqa: DTZ007 - a day.
        except ValueError:
            found = date.min
        if found.year not in YEARS or not said[:DAY_CHARACTERS].isdigit():
            raise self.wrong(element, f"the date is '{said}'; send CCYYMMDD from 1970 to 2200")
        return found

    def counts(self, element: int, number: int) -> bool:
        """Whether it says that there are so many."""
        said = self.text(element)
        return said.isdecimal() and len(said) <= COUNT_DIGITS_MAX and int(said) == number

    def line_no(self, element: int) -> int | None:
        """The number of an order's line, where one is given and is a number."""
        said = self.text(element)
        return int(said) if said.isdecimal() and len(said) <= COUNT_DIGITS_MAX else None

    def pairs(self, first: int) -> dict[str, str]:
        """Qualifiers with what they qualify, from an element on: {"BP": "TEA", "UP": ...}."""
        found: dict[str, str] = {}
        for element in range(first, len(self.elements), 2):
            qualifier, value = self.text(element), self.text(element + 1)
            if qualifier and value:
                found.setdefault(qualifier, value)
        return found


@contextmanager
def of_line(called: str) -> Iterator[None]:
    """What is refused inside is refused as of that line of the document."""
    try:
        yield
    except InputRejected as refused:
        where = f"line {called}" if called else "a line without number and item"
        raise type(refused)(f"{where}, {refused.problem}", field=refused.field) from refused


def text_in(signs: Collection[str], text: str, *, characters_max: int) -> str:
    """Free text in the signs that a format has: accents dropped, the rest replaced by blanks.

    >>> text_in(string.ascii_letters + " ", "Crème brûlée * 6~", characters_max=80)
    'Creme brulee'
    """
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    plain = "".join(sign for sign in folded if not unicodedata.combining(sign))
    kept = "".join(sign if sign in signs else " " for sign in plain)
    return " ".join(kept.split())[:characters_max].strip()


def check_code(
    value: str,
    *,
    what: str,
    signs: Collection[str],
    characters_max: int,
    characters_min: int = 1,
) -> str:
    """An id that must arrive as it is; raises `InputRejected` where the format cannot carry it."""
    strange = sorted(set(value) - set(signs))
    if strange:
        raise InputRejected(
            f"'{value}' has '{strange[0]}', which this format cannot carry; use letters, digits, "
            "'-' and '.', or send this vendor's orders another way",
            field=what,
        )
    if not characters_min <= len(value) <= characters_max:
        raise InputRejected(
            f"'{value}' has {len(value)} characters and this format takes {characters_min} to "
            f"{characters_max}; send this vendor's orders another way",
            field=what,
        )
    return value


def first_of(segments: Sequence[Segment], tag: str) -> Segment | None:
    """The first segment with that tag."""
    return next((segment for segment in segments if segment.tag == tag), None)
