"""How long planning takes no for an answer: until a need has clearly grown past what was refused.

A person who takes a line out of a proposal, or rejects it, has refused a need of so many units. The
same need tomorrow is no news. It is news once it is a quarter larger, or once the day has come on
which stock was to run out without the line; and after a term somebody should look again.
"""

from dataclasses import dataclass
from datetime import date
from math import ceil

GROWTH_SHARE = 0.25
"""By what share of the need that was refused a need must be larger to be proposed again."""

NOT_OF_THE_NEED = ("supplier minimum", "full trucks", "budget %", "changed by hand")
"""Terms of a line that fill an order up, cut it, or are a person's: the need was without them. The
% stands for the name of the budget."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was refused at one position, by whom and why."""

    id: int
    sku: str
    location: str
    needed_units: int
    stock_out_on: date | None
    """When stock was to run out without it, where that was still to come."""
    refused_on: date
    refused_by: str
    reason: str | None
    until: date
    """The first day on which it holds no more by itself."""


def units_that_end(refused_units: int) -> int:
    """From how many units on a need is news.

    >>> [units_that_end(units) for units in (0, 1, 50, 100)]
    [1, 2, 63, 125]
    """
    return max(ceil(refused_units * (1 + GROWTH_SHARE)), refused_units + 1)


def why_back(refusal: Refusal, *, needed_units: float, today: date) -> str | None:
    """Why a need is proposed again although it was refused; None where it is held back.

    >>> cup = Refusal(1, "CUP", "DC", 50, None, date(2026, 3, 2), "pia", "closed",
    ...               date(2026, 3, 9))
    >>> why_back(cup, needed_units=63, today=date(2026, 3, 4))
    'the need grew from 50 to 63 units'
    >>> why_back(cup, needed_units=62, today=date(2026, 3, 4))
    """
    if needed_units <= 0:
        return None
    if needed_units >= units_that_end(refusal.needed_units):
        return f"the need grew from {refusal.needed_units} to {needed_units:.0f} units"
    if refusal.stock_out_on is not None and today >= refusal.stock_out_on:
        return f"the day on which stock was to run out, {refusal.stock_out_on}, has come"
    return None


def held_message(refusal: Refusal, *, needed_units: float) -> str:
    """What a planner reads of a need that is held back."""
    why = f": {refusal.reason}" if refusal.reason else ", without a reason"
    before = f" or {refusal.stock_out_on}" if refusal.stock_out_on else ""
    return (
        f"{refusal.sku} at {refusal.location} needs {needed_units:.0f} units, and "
        f"{refusal.refused_by} refused {refusal.needed_units} on {refusal.refused_on}{why}; it is "
        f"held back until {refusal.until}{before}, or until "
        f"{units_that_end(refusal.needed_units)} are needed"
    )


def lift_remedy(refusal: Refusal) -> str:
    """How to have it proposed again at once."""
    return (
        f"to order it, lift the refusal with `vouch planning lift {refusal.id} --reason WHY` or "
        f"POST /api/v2/order-refusals/{refusal.id}/lift"
    )
