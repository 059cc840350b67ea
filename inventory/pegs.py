"""Pegs: promises of goods that had not come yet, and who gets them when they do.

What stands on the shelf is dealt out in a stated order: by promised date, at the same date orders
before pegs, then by priority, the highest first, then by who came first. Everything promised takes
its share, whatever it is; a confirmed peg that gets units is **filled** by them: it becomes an
order that can be allocated now. So a peg is never filled over what exists, nor with units that an
earlier promise relies on, and goods that come early fill early. A peg may be filled in part; the
rest keeps its place at the head of the queue, and nobody behind it is served from the same shelf.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from inventory.projection import PEG
from inventory.supply import SkuSupply


@dataclass(frozen=True, slots=True)
class Claim:
    """An open line on goods of one SKU, at a location, or on a group until it is located."""

    reservation_id: str
    line_no: int
    commitment_class: str
    units: int
    promised_date: date
    priority: int
    sequence: int
    location: str | None = None
    group: str | None = None
    method: str | None = None
    excluded: tuple[str, ...] = ()
    confirmed: bool = True
    """An order; a hold that may still end takes its share and is not filled."""
    order_id: str | None = None


def serving_order(claim: Claim) -> tuple[date, bool, int, int, int]:
    """Sort key: who is served before whom."""
    waits = claim.commitment_class == PEG
    return claim.promised_date, waits, -claim.priority, claim.sequence, claim.line_no


def filled(shelf: SkuSupply, claims: Iterable[Claim]) -> list[tuple[Claim, int]]:
    """The pegs that get units, with how many, in the order in which they are served.

    `shelf`: what is on hand, without any promise or any supply still to come. Claims are taken
    from it as they are served.
    """
    fills = []
    for claim in sorted(claims, key=serving_order):
        served = claim.units
        if claim.commitment_class == PEG:
            served = min(claim.units, max(0, _on_shelf(shelf, claim)))
            if served and claim.confirmed:
                fills.append((claim, served))
        _serve(shelf, claim, served)
    return fills


def _on_shelf(shelf: SkuSupply, claim: Claim) -> int:
    if claim.location is not None:
        taking = shelf.at_location(claim.location)
    else:
        assert claim.group is not None
        taking = shelf.in_group(claim.group, claim.method, claim.excluded)
    # All of the shelf is there from the first day to the last.
    return int(taking.raw[-1])


def _serve(shelf: SkuSupply, claim: Claim, units: int) -> None:
    if claim.location is not None:
        shelf.commit_at(claim.location, 0, units)
    else:
        assert claim.group is not None
        shelf.commit_in(claim.group, claim.method, 0, units, claim.excluded)
