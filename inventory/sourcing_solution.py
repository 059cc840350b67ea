"""What solutions of a batch take from stock and of the parcels of the day, and what they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from inventory.sourcing import (
    Candidate,
    Scores,
    SourcingOrder,
    Stock,
    Taken,
    most_units,
    units_taken,
)


def order_after(order: SourcingOrder, used: Mapping[str, int]) -> SourcingOrder:
    """The order as it looks after so many parcels were given to its candidates."""
    if not used:
        return order
    candidates: list[Candidate] = [
        replace(at, assigned_parcels=at.assigned_parcels + used.get(at.location, 0))
        for at in order.candidates
    ]
    return replace(order, candidates=tuple(candidates))


def scores_after(scores: Scores, left: Stock, used: Mapping[str, int]) -> Scores:
    """The scores of an order after other orders took their share; what they count is the same."""
    order = order_after(scores.order, used)
    more = [
        scores.slot_score(column, used.get(at.location, 0) + 1)
        for column, at in enumerate(order.candidates)
    ]
    most = most_units(order, left)
    return replace(scores, order=order, most=most, per_parcel=scores.per_parcel + more)


def book(
    scores: Scores,
    taken: Taken,
    left: dict[tuple[str, str], int],
    used: dict[str, int],
    taken_before: dict[tuple[str, str], int],
) -> None:
    """Book one order's units and parcels."""
    for key, units in units_taken(scores, taken).items():
        left[key] -= units
        taken_before[key] = taken_before.get(key, 0) + units
    for column in np.flatnonzero(taken.any(axis=0)):
        at = scores.order.candidates[column].location
        used[at] = used.get(at, 0) + 1


def is_whole(scores: Sequence[Scores], solution: Sequence[Taken]) -> bool:
    """Whether every order got what it asked for and no more, or nothing, or a part if it may."""
    for one, taken in zip(scores, solution, strict=True):
        order = one.order
        units = np.array([line.units for line in order.lines])
        sent = taken.sum(axis=1)
        if (taken > one.most).any() or (taken < 0).any() or (sent > units).any():
            return False
        if not order.allow_partial and sent.any() and (sent < units).any():
            return False
    return True


def sums_of(scores: Sequence[Scores], solution: Sequence[Taken]) -> dict[tuple[str, str], int]:
    """Units by (SKU, location) that a solution takes."""
    sums: dict[tuple[str, str], int] = {}
    for one, taken in zip(scores, solution, strict=True):
        for key, units in units_taken(one, taken).items():
            sums[key] = sums.get(key, 0) + units
    return sums


def parcels_of(scores: Sequence[Scores], solution: Sequence[Taken]) -> dict[str, int]:
    """Parcels by location that a solution sends."""
    counts: dict[str, int] = {}
    for one, taken in zip(scores, solution, strict=True):
        for column in np.flatnonzero(taken.any(axis=0)):
            at = one.order.candidates[column].location
            counts[at] = counts.get(at, 0) + 1
    return counts
