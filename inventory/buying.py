"""What buying is bound by: prices by quantity, budgets, and places supplied from a hub."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from inventory.catalog_checks import at_least, one_of, sound_currency, sound_id
from inventory.errors import InputRejected

DISCOUNTS = ("all_units", "incremental")

BREAKS_MAX = 100


@dataclass(frozen=True, slots=True)
class PriceTableOfSku:
    """A vendor's prices of a SKU by quantity, as they were sent.

    Whether they make sense is found when orders are planned: a vendor's table with a gap must not
    keep the rest of a file out. What does not is a planning exception.
    """

    id: str
    """The SKU."""
    discount: str
    """`all_units`: the price reached counts for every unit; `incremental`: for those above."""
    breaks: tuple[Mapping[str, float | None], ...]
    """`from` and `to` units (none: no end) and `unit_cost`."""

    def __post_init__(self) -> None:
        sound_id(self.id)
        one_of("discount", self.discount, DISCOUNTS)
        if not 1 <= len(self.breaks) <= BREAKS_MAX:
            raise InputRejected(f"give 1 to {BREAKS_MAX} breaks", field="breaks")
        for row, each in enumerate(self.breaks, start=1):
            if set(each) - {"from", "to", "unit_cost"} or None in (
                each.get("from"), each.get("unit_cost"),
            ):  # fmt: skip
                raise InputRejected(
                    "a break has 'from', 'unit_cost' and, if it ends, 'to'", field="breaks", row=row
                )


@dataclass(frozen=True, slots=True)
class Budget:
    """Money that may be bound in orders created within some days. It binds all that it names."""

    id: str
    amount: float
    starts_on: date
    ends_on: date
    currency: str | None = None
    vendor: str | None = None
    location: str | None = None
    category: str | None = None

    def __post_init__(self) -> None:
        sound_id(self.id)
        at_least("amount", self.amount, 0)
        sound_currency(self.currency)
        if self.ends_on < self.starts_on:
            raise InputRejected("must not be before starts_on", field="ends_on")


@dataclass(frozen=True, slots=True)
class SupplyLane:
    """A place that is supplied from a hub of ours instead of by vendors."""

    id: str
    hub: str
    location: str
    lead_time_days: float
    """From the hub's shelf to the place's."""

    def __post_init__(self) -> None:
        sound_id(self.id)
        at_least("lead_time_days", self.lead_time_days, 0)
        if self.hub == self.location:
            raise InputRejected("a place cannot supply itself", field="hub")
