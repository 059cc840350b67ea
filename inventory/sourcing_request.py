"""What is asked of order sourcing: the orders, the view they are sold through, how to compare."""

from dataclasses import dataclass, field
from datetime import date

from inventory.errors import InputRejected
from inventory.geography import Point
from inventory.reservations import AskedLine
from inventory.sourcing import NEED_DISTANCE, SourcingRules

POOL = "*"
"""The group of every location."""

LINES_MAX = 100
ORDERS_MAX = 2_000
LOCATIONS_MAX = 500
PAIRS_MAX = 200_000
"""Orders times locations that one request may weigh against each other."""

UNITS_MAX = 100_000
"""Units per line: whole numbers stay far from where the solver's tolerance would blur them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One order to be sourced."""

    id: str
    lines: tuple[AskedLine, ...]
    destination: Point | None = None
    priority: int = 0
    exclude: frozenset[str] = frozenset()
    """Locations that may not send it."""


@dataclass(frozen=True, slots=True)
class SourcingTerms:
    """What all orders of one request share."""

    rules: SourcingRules = field(default_factory=SourcingRules)
    channel: str = ""
    method: str = "ship"
    group: str = POOL
    on: date | None = None
    splits_max: int | None = None
    allow_partial: bool = False

    @property
    def parcels_max(self) -> int | None:
        return None if self.splits_max is None else self.splits_max + 1


def check(wishes: tuple[Wish, ...], terms: SourcingTerms) -> None:
    """Raise `InputRejected` with the field and the row that is wrong."""
    if not 1 <= len(wishes) <= ORDERS_MAX:
        raise InputRejected(f"give from 1 to {ORDERS_MAX} orders", field="orders")
    if len({wish.id for wish in wishes}) < len(wishes):
        raise InputRejected("every order needs an id of its own", field="orders")
    if terms.splits_max is not None and terms.splits_max < 0:
        raise InputRejected("must be 0 or more", field="max_splits")
    for row, wish in enumerate(wishes):
        if not 1 <= len(wish.lines) <= LINES_MAX:
            raise InputRejected(f"give from 1 to {LINES_MAX} lines", field="lines", row=row)
        for number, line in enumerate(wish.lines):
            if not 1 <= line.quantity <= UNITS_MAX:
                problem = f"must be a whole number from 1 to {UNITS_MAX}"
                raise InputRejected(problem, field="quantity", row=number)
        if wish.destination is None and NEED_DISTANCE & set(terms.rules.emphasis):
            problem = f"strategy '{terms.rules.strategy}' needs the place the order goes to"
            raise InputRejected(problem, field="destination", row=row)
