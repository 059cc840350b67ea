"""Which units go from where to where: one min-cost flow per family of SKUs.

What a location can spare flows over lanes to where it is wanted. A unit that moves costs freight,
handling and what its origin may miss by it, and gains what its destination may sell by it; it moves
where that pays. Units of several SKUs share the room of a lane.
"""

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
    """So many units that are each worth so much money."""

    units: int
    worth: float


@dataclass(frozen=True, slots=True)
class Side:
    """What a location offers or wants of a SKU, unit by unit.

    steps : of an offer, what each further unit may be missed by, rising; of a want, what it gains,
        falling. Units beyond the last step are not offered, or not wanted.
    """

    sku: str
    location: str
    family: str
    steps: tuple[Step, ...]

    @property
    def units(self) -> int:
        return sum(step.units for step in self.steps)

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

    Each family is solved by itself; those whose moves together overfill a lane are solved again as
    one. What is left then is best for all: families that were solved apart do not meet anywhere.

    Source
    ------
    Bradley, Hax & Magnanti, Applied Mathematical Programming, section 8.1: without room to share,
    the steps are parallel arcs of a min-cost flow, in order by themselves since gains fall and
    losses rise. HiGHS solves it as an integer program, so that shared room keeps units whole.
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
        constraints=_constraints(sides, arcs, [number for number, _ in steps]),
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


def _constraints(
    sides: Sequence[Side], arcs: Sequence[tuple[Side, Side, Lane]], owners: Sequence[int]
) -> list[LinearConstraint]:
    """What leaves or reaches a side is what its steps give or take; a lane has its room."""
    number_of = {id(side): number for number, side in enumerate(sides)}
    count = len(arcs)
    ends = [(number_of[id(side)], arc) for arc, (*both, _) in enumerate(arcs) for side in both]
    rows = [row for row, _ in ends] + list(owners)
    columns = [arc for _, arc in ends] + list(range(count, count + len(owners)))
    values = [1.0] * len(ends) + [-1.0] * len(owners)
    shape = (len(sides), count + len(owners))
    kept = LinearConstraint(coo_array((values, (rows, columns)), shape=shape).tocsr(), 0, 0)
    limited = sorted(
        {(lane.origin, lane.destination, lane.capacity_units) for _, _, lane in arcs
         if lane.capacity_units is not None}
    )  # fmt: skip
    if not limited:
        return [kept]
    row_of = {lane[:2]: row for row, lane in enumerate(limited)}
    on = [
        (row, arc)
        for arc, (_, _, lane) in enumerate(arcs)
        if (row := row_of.get((lane.origin, lane.destination))) is not None
    ]
    shared = coo_array(
        (np.ones(len(on)), ([r for r, _ in on], [a for _, a in on])),
        shape=(len(limited), count + len(owners)),
    ).tocsr()
    room = LinearConstraint(shared, 0, np.array([lane[2] for lane in limited], dtype=float))
    return [kept, room]
