"""Words that all messages share: strict units, ids, moments with a zone."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
)

UNITS_MAX = 1_000_000_000
"""More units than any position holds: a larger figure is a mistake, and sums stay far from 2^63."""

IDS_PATTERN = r"^[^\x00-\x1f\x7f]+$"
"""Control characters, among them NUL which PostgreSQL cannot store, have no place in an id."""

TEXT_CHARS_MAX = 1000

Id = Annotated[str, Field(min_length=1, max_length=200, pattern=IDS_PATTERN)]
Text = Annotated[str, Field(max_length=TEXT_CHARS_MAX, pattern=r"^[^\x00]*$")]
Units = Annotated[StrictInt, Field(ge=0, le=UNITS_MAX)]
"""A count of units: an integer in JSON. `1.0`, `"1"` and `true` are refused, not rounded."""
PositiveUnits = Annotated[StrictInt, Field(gt=0, le=UNITS_MAX)]
SignedUnits = Annotated[StrictInt, Field(ge=-UNITS_MAX, le=UNITS_MAX)]
QueryUnits = Annotated[int, Field(gt=0, le=UNITS_MAX)]
"""Units in a query string, where everything is text."""
Method = Literal["ship", "sfs", "bopis", "same_day"]
"""How a customer gets it. Another word is a typo, which would slip past every buffer rule."""
PageLimit = Annotated[int, Field(ge=1, le=1000)]
Cursor = Annotated[str | None, Field(max_length=500)]


def _not_a_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("is a boolean; send a number")  # noqa: TRY004 - what pydantic catches.
    return value


Number = Annotated[float, BeforeValidator(_not_a_boolean), Field(allow_inf_nan=False)]
Money = Annotated[Number, Field(ge=0, le=1e12)]


def _iso_day(value: object) -> object:
    """A number would be taken for seconds since 1970, and a moment for the day it begins."""
    if type(value) is not date and not (
        isinstance(value, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value)
    ):
        raise ValueError("is not a day; send YYYY-MM-DD")
    return value


def _iso_moment(value: object) -> object:
    """A number would be taken for seconds or milliseconds since 1970, whichever looks likelier."""
    if not isinstance(value, datetime) and not (
        isinstance(value, str) and re.match(r"\d{4}-\d{2}-\d{2}[Tt ]", value)
    ):
        raise ValueError("is not a time; send RFC 3339 with a zone, e.g. 2026-03-01T06:00:00Z")
    return value


def _plausible(given: date) -> date:
    if not 1970 <= given.year <= 2200:  # noqa: PLR2004 - a wrong unit of time shows here.
        raise ValueError("the year must lie between 1970 and 2200")
    return given


Day = Annotated[date, BeforeValidator(_iso_day), AfterValidator(_plausible)]
"""`2026-03-01`, and nothing else."""

Moment = Annotated[AwareDatetime, BeforeValidator(_iso_moment), AfterValidator(_plausible)]
"""RFC 3339 with a zone: `2026-03-01T06:00:00+01:00` or `...Z`."""


class Message(BaseModel):
    """A request body. A field we do not know is refused: a typo must not pass for a default."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


def rows_of(lines: Sequence[Message] | None) -> list[dict[str, Any]] | None:
    """Lines of a body as the store takes them, with what they say alone; None where none came."""
    return [line.model_dump(exclude_none=True) for line in lines] if lines else None
