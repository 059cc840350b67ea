"""Pegs: promises of goods that had not come yet, and who gets them when they do.

What stands on the shelf is dealt out in a stated order: by promised date, at the same date orders
before pegs, then by priority, the highest first, then by who came first. Everything promised takes
its share, whatever it is; a confirmed peg that gets units is **filled** by them: it becomes an
order that can be allocated now. So a peg is never filled over what exists, nor with units that an
earlier promise relies on, and goods that come early fill early. A peg may be filled in part; the
rest keeps its place at the head of the queue, and nobody behind it is served from the same shelf.

What was sold ahead of a launch (`inventory.pre_sales`) does not leave before it, and until then it
takes nothing that was on the shelf for sale: it gets what **came** since it was bought and no other
peg took, as much of that as no promise for the launch or later relies on. What it got is kept for
it, and counts for the day of the launch, not for today.
"""

from collections.abc import Iterable, Mapping
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
    pre_sale: str | None = None
    launch: date | None = None
    """Sold ahead of this day, which is today or still to come: nothing of it leaves before."""


def serving_order(claim: Claim) -> tuple[date, bool, int, int, int]:
    """Sort key: who is served before whom."""
    waits = claim.commitment_class == PEG
    return claim.promised_date, waits, -claim.priority, claim.sequence, claim.line_no


def filled(
    shelf: SkuSupply,
    claims: Iterable[Claim],
    *,
    ahead: SkuSupply | None = None,
    came_units: Mapping[str, int] | None = None,
) -> list[tuple[Claim, int]]:
    """The pegs that get units, with how many, in the order in which they are served.

    `shelf`: what is on hand, without any promise or any supply still to come. Claims are taken
    from it as they are served. `came_units`, by location: what came there that may be kept for a
    launch; `ahead`: the supply and the promises of the days to come, but without what waits for a
    launch. What is kept is taken from both.
    """
    fills = []
    came = dict(came_units or {})
    for claim in sorted(claims, key=serving_order):
        served = claim.units
        if claim.launch is not None:
            served = _kept(shelf, claim, ahead, came)
        elif claim.commitment_class == PEG:
            served = min(claim.units, max(0, _on_shelf(shelf, claim)))
            _use_up(came, claim, served)
        if served and claim.commitment_class == PEG and claim.confirmed:
            fills.append((claim, served))
        _serve(shelf, claim, served)
    return fills


def _kept(shelf: SkuSupply, claim: Claim, ahead: SkuSupply | None, came: dict[str, int]) -> int:
    """Units that came and are kept for a claim until its launch; a cart gets none."""
    location = claim.location
    if ahead is None or location is None or claim.launch is None or not claim.confirmed:
        return 0
    day = max(ahead.projection.index(claim.launch), ahead.projection.opens[ahead.rows[location]])
    if day >= ahead.projection.days:
        return 0
    free = min(_on_shelf(shelf, claim), int(ahead.at_location(location).raw[day]))
    units = max(0, min(claim.units, came.get(location, 0), free))
    came[location] = came.get(location, 0) - units
    ahead.commit_at(location, day, units)
    return units


def _use_up(came: dict[str, int], claim: Claim, units: int) -> None:
    """A peg that is filled is filled from what came; one on a group, from anywhere."""
    for location in came:
        if claim.location in (None, location):
            came[location] -= units


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
