"""Which units go from where to where: one min-cost flow per family of SKUs.

What a location can spare flows over lanes to where it is wanted. A unit that moves costs freight,
handling and what its origin may miss by it, and gains what its destination may sell by it; it moves
where that pays. Units of several SKUs share the room of a lane.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from inventory.transfers import Lane

NOT_WORTH = 1e-6
"""Money: a move that saves no more than this is as well left."""


@dataclass(frozen=True, slots=True)
class Step:
    """So many units that are each worth so much money, where they are there within some days."""

    units: int
    worth: float
    within_days: float = math.inf


@dataclass(frozen=True, slots=True)
class Side:
    """What a location offers or wants of a SKU, unit by unit.

    steps : of an offer, what each further unit may be missed by, rising; of a want, what it gains,
        falling among those that come within as many days. Units beyond the last step are not
        offered, or not wanted.
    most_units : no more than this in all.
    """

    sku: str
    location: str
    family: str
    steps: tuple[Step, ...]
    most_units: int | None = None

    @property
    def units(self) -> int:
        units = sum(step.units for step in self.steps)
        return units if self.most_units is None else min(units, self.most_units)

    @property
    def within_days(self) -> float:
        """What takes longer than this is no use."""
        return max((step.within_days for step in self.steps), default=-math.inf)

    def worth(self, units: int) -> float:
        """Money of the first `units` units."""
        total, left = 0.0, units
        for step in self.steps:
            taken = min(left, step.units)
            total += taken * step.worth
            left -= taken
        return total


@dataclass(frozen=True, slots=True)
class Move:
    """Units of a SKU over a lane."""

    sku: str
    origin: str
    destination: str
    units: int


Refused = Collection[tuple[str, str, str]]
"""SKU, origin and destination of moves that are out of the question."""


def rebalance(
    offers: Sequence[Side],
    wants: Sequence[Side],
    lanes: Sequence[Lane],
    *,
    refused: Refused = frozenset(),
) -> tuple[list[Move], float]:
    """The moves that save most, and the money that they save together; none that was `refused`.

        max Σ gains − Σ losses − Σ (freight + handling)·x,   0 ≤ x whole,  Σ_sku x ≤ room of a lane

    A unit gains by steps that its lane is fast enough for: what comes over lanes of more than t
    days has to find room in the steps that wait for longer than t.

    Each family is solved by itself; those whose moves together overfill a lane are solved again as
    one. What is left then is best for all: families that were solved apart do not meet anywhere.

    Source
    ------
    Bradley, Hax & Magnanti, Applied Mathematical Programming, section 8.1: without room to share,
    the steps are parallel arcs of a min-cost flow, in order by themselves since gains fall and
    losses rise. Steps that wait longer serve fast lanes too: nested sets, still a network. HiGHS
    solves it as an integer program, so that shared room keeps units whole.
    """
    problems = _families(offers, wants)
    rooms = {(lane.origin, lane.destination): lane.capacity_units for lane in lanes}
    solved = [_solve(*problem, lanes, refused) for problem in problems]
    while overfull := _overfull((move for moves, _ in solved for move in moves), rooms):
        shared = [any((m.origin, m.destination) in overfull for m in moves) for moves, _ in solved]
        together = _merged([p for p, meets in zip(problems, shared, strict=True) if meets])
        problems = [p for p, meets in zip(problems, shared, strict=True) if not meets]
        solved = [s for s, meets in zip(solved, shared, strict=True) if not meets]
        problems.append(together)
        solved.append(_solve(*together, lanes, refused))
    moves = [move for found, _ in solved for move in found]
    moves.sort(key=lambda move: (move.sku, move.origin, move.destination))
    return moves, sum(saved for _, saved in solved)


_Problem = tuple[list[Side], list[Side]]


def _families(offers: Sequence[Side], wants: Sequence[Side]) -> list[_Problem]:
    """Offers and wants by family, of SKUs that are both offered and wanted."""
    meeting = {side.sku for side in offers} & {side.sku for side in wants}
    found: dict[str, _Problem] = defaultdict(lambda: ([], []))
    for number, sides in enumerate((offers, wants)):
        for side in sides:
            if side.sku in meeting and side.steps:
                found[side.family][number].append(side)
    return [found[family] for family in sorted(found)]


def _merged(problems: Sequence[_Problem]) -> _Problem:
    return (
        [side for offers, _ in problems for side in offers],
        [side for _, wants in problems for side in wants],
    )


def _overfull(
    moves: Iterable[Move], rooms: Mapping[tuple[str, str], int | None]
) -> set[tuple[str, str]]:
    carried: dict[tuple[str, str], int] = defaultdict(int)
    for move in moves:
        carried[move.origin, move.destination] += move.units
    return {
        lane for lane, units in carried.items()
        if (room := rooms[lane]) is not None and units > room
    }  # fmt: skip


def _solve(
    offers: Sequence[Side], wants: Sequence[Side], lanes: Sequence[Lane], refused: Refused
) -> tuple[list[Move], float]:
    """One family: variables are the units on each lane per SKU, and the units of each step."""
    lane_of = {(lane.origin, lane.destination): lane for lane in lanes}
    wanted = defaultdict(list)
    for want in wants:
        wanted[want.sku].append(want)
    arcs = [
        (offer, want, lane)
        for offer in offers
        for want in wanted[offer.sku]
        if (lane := lane_of.get((offer.location, want.location))) is not None
        and lane.lead_time_days <= want.within_days
        and (offer.sku, offer.location, want.location) not in refused
    ]
    if not arcs:
        return [], 0.0
    sides = [*offers, *wants]
    steps = [(number, step) for number, side in enumerate(sides) for step in side.steps]
    signs = [1.0 if number < len(offers) else -1.0 for number, _ in steps]
    costs = [lane.cost_per_unit for _, _, lane in arcs]
    costs += [sign * step.worth for sign, (_, step) in zip(signs, steps, strict=True)]
    most = [min(offer.units, want.units) for offer, want, _ in arcs]
    most += [step.units for _, step in steps]
    found = milp(
        np.array(costs),
        integrality=np.r_[np.ones(len(arcs)), np.zeros(len(steps))],
        bounds=Bounds(0, np.array(most, dtype=float)),
        constraints=_constraints(sides, arcs, steps),
        options={"mip_rel_gap": 0.0},
    )
    assert found.success, found.message  # Moving nothing is always possible.
    units = np.rint(found.x[: len(arcs)]).astype(int).tolist()
    moves = [
        Move(offer.sku, offer.location, want.location, n)
        for (offer, want, _), n in zip(arcs, units, strict=True)
        if n
    ]
    saved = -float(found.fun)
    return (moves, saved) if saved > NOT_WORTH else ([], 0.0)


_Arc = tuple[Side, Side, Lane]
_OwnStep = tuple[int, Step]
"""A step, and the number of the side that it is of."""


def _constraints(
    sides: Sequence[Side], arcs: Sequence[_Arc], steps: Sequence[_OwnStep]
) -> list[LinearConstraint]:
    """What leaves or reaches a side is what its steps give or take; a lane has its room."""
    number_of = {id(side): number for number, side in enumerate(sides)}
    count = len(arcs)
    ends = [(number_of[id(side)], arc) for arc, (*both, _) in enumerate(arcs) for side in both]
    rows = [row for row, _ in ends] + [number for number, _ in steps]
    columns = [arc for _, arc in ends] + list(range(count, count + len(steps)))
    values = [1.0] * len(ends) + [-1.0] * len(steps)
    shape = (len(sides), count + len(steps))
    kept = LinearConstraint(coo_array((values, (rows, columns)), shape=shape).tocsr(), 0, 0)
    bounds = [*_rooms(arcs), *_bounded(sides, arcs), *_in_time(sides, arcs, steps)]
    if not bounds:
        return [kept]
    cells = [
        (row, column, sign)
        for row, (signs, _) in enumerate(bounds)
        for column, sign in signs.items()
    ]
    matrix = coo_array(
        ([sign for *_, sign in cells], ([r for r, _, _ in cells], [c for _, c, _ in cells])),
        shape=(len(bounds), shape[1]),
    ).tocsr()
    return [kept, LinearConstraint(matrix, -np.inf, np.array([most for _, most in bounds]))]


_Bound = tuple[dict[int, float], float]
"""Signs of variables by column, and what they may sum to at most."""


def _rooms(arcs: Sequence[_Arc]) -> list[_Bound]:
    """What all SKUs together may load on a lane."""
    on: dict[Lane, dict[int, float]] = defaultdict(dict)
    for arc, (_, _, lane) in enumerate(arcs):
        if lane.capacity_units is not None:
            on[lane][arc] = 1.0
    return [(signs, float(lane.capacity_units or 0)) for lane, signs in on.items()]


def _bounded(sides: Sequence[Side], arcs: Sequence[_Arc]) -> list[_Bound]:
    """What sides that say so may take in all."""
    limited = {id(side): side.most_units for side in sides if side.most_units is not None}
    into: dict[int, dict[int, float]] = defaultdict(dict)
    for arc, (_, want, _) in enumerate(arcs):
        if id(want) in limited:
            into[id(want)][arc] = 1.0
    return [(signs, float(limited[side] or 0)) for side, signs in into.items()]


def _in_time(
    sides: Sequence[Side], arcs: Sequence[_Arc], steps: Sequence[_OwnStep]
) -> list[_Bound]:
    """What takes longer than some steps wait finds room in those that wait longer."""
    number_of = {id(side): number for number, side in enumerate(sides)}
    into: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for arc, (_, want, lane) in enumerate(arcs):
        into[number_of[id(want)]].append((arc, lane.lead_time_days))
    waiting: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for column, (number, step) in enumerate(steps, start=len(arcs)):
        waiting[number].append((column, step.within_days))
    found: list[_Bound] = []
    for number, coming in into.items():
        for days in sorted({within for _, within in waiting[number]}):
            late = {arc: 1.0 for arc, lead in coming if lead > days}
            if late:
                room = {column: -1.0 for column, within in waiting[number] if within > days}
                found.append((late | room, 0.0))
    return found
