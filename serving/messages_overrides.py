"""What a planner states over the forecast, and about which series."""

from typing import Annotated, Literal

from pydantic import Field

from inventory.overrides import NOTE_CHARS_MAX, REASON_CHARS_MAX, Scope
from serving.messages import Day, Id, Message, Moment, Number, Text

Reason = Annotated[str, Field(min_length=1, max_length=REASON_CHARS_MAX, pattern=r"^[^\x00]*$")]

Why = Annotated[str, Field(min_length=1, max_length=NOTE_CHARS_MAX, pattern=r"^[^\x00]*$")]


class SeriesOverride(Message):
    """What demand will be on some days, where a planner knows better than the statistics.

    Give `quantity` or `factor`. It acts from now on: on the forecast, and through it on promise
    buffers, policies and orders; no training and no new run loses it.
    """

    from_: Annotated[Day, Field(alias="from")]
    """The first day."""
    to: Day
    """The last day, included."""
    quantity: Number | None = None
    """Units of all series named, over all those days together; fractions are allowed. They are
    spread in proportion to the forecast, so the rhythm of the week stays."""
    quantity_basis: Literal["total", "per_day"] = "total"
    """`per_day`: the quantity is of each day by itself."""
    factor: Number | None = None
    """Times the statistical forecast: 1.2 is a fifth more, 0 is nothing at all."""
    reason: Reason
    """promotion, event, assortment-change, competitor, weather, data-error, new-item, discontinued
    or other; words of your own are kept, and summed up under other."""
    note: Annotated[Text, Field(max_length=NOTE_CHARS_MAX)] = ""
    expires_at: Moment | None = None
    """From then on it does not act, whatever its days. Without it, its days alone say when."""
    confirm: bool = False
    """A factor above 10 is meant, and no slip."""


class ScopedOverride(SeriesOverride):
    """The same of any level: all series that fit every name given."""

    sku: Id | None = None
    location: Id | None = None
    category: Id | None = None
    vendor: Id | None = None
    group: Id | None = None
    """A group of locations, as a region."""
    total: bool = False
    """All series: to be said, so that a forgotten name does not override everything."""

    @property
    def scope(self) -> Scope:
        """What it is about."""
        return Scope(self.sku, self.location, self.category, self.vendor, self.group)


class Withdrawal(Message):
    """What a request to withdraw an override says, so that its id stands for that alone."""

    reason: Why
