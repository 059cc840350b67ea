"""Words that all messages share: strict units, ids, moments with a zone."""

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StrictInt

UNITS_MAX = 1_000_000_000
"""More units than any position holds: a larger figure is a mistake, and sums stay far from 2^63."""

IDS_PATTERN = r"^[^\x00-\x1f\x7f]+$"
"""Control characters, among them NUL which PostgreSQL cannot store, have no place in an id."""

Id = Annotated[str, Field(min_length=1, max_length=200, pattern=IDS_PATTERN)]
Text = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00]*$")]
Units = Annotated[StrictInt, Field(ge=0, le=UNITS_MAX)]
"""A count of units: an integer in JSON. `1.0`, `"1"` and `true` are refused, not rounded."""
PositiveUnits = Annotated[StrictInt, Field(gt=0, le=UNITS_MAX)]
SignedUnits = Annotated[StrictInt, Field(ge=-UNITS_MAX, le=UNITS_MAX)]
QueryUnits = Annotated[int, Field(gt=0, le=UNITS_MAX)]
"""Units in a query string, where everything is text."""
Money = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
PageLimit = Annotated[int, Field(ge=1, le=1000)]
Cursor = Annotated[str | None, Field(max_length=500)]


def _plausible(moment: datetime) -> datetime:
    if not 1970 <= moment.year <= 2200:  # noqa: PLR2004 - a wrong unit of time shows here.
        raise ValueError("the year must lie between 1970 and 2200")
    return moment


Moment = Annotated[AwareDatetime, AfterValidator(_plausible)]
"""RFC 3339 with a zone: `2026-03-01T06:00:00+01:00` or `...Z`."""


class Message(BaseModel):
    """A request body. A field we do not know is refused: a typo must not pass for a default."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)
