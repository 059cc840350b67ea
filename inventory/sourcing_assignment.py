"""Sourcing many orders at once: the best assignment of orders to locations over shared stock.

Orders of a higher priority are decided before those of a lower one, as if these did not exist. Of
equal ones as many units as possible are sent, and those at the lowest score, by these steps:

1. Each order by itself. Where these choices fit together nothing better exists.
2. Otherwise a linear program over a few candidates per order gives prices for scarce stock and
   capacity; candidates that could pay at those prices join until none does. Its optimum is a bound
   that no assignment can beat.
3. A mixed-integer program over those candidates gives an assignment. Candidates left out that could
   close the distance to the bound join, and it is solved once more: the result is then optimal over
   all candidates, within the gap that is told.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inventory.sourcing import (
    UNMET_SCORE,
    Candidate,
    Limit,
    Scores,
    SourcingOrder,
    SourcingRules,
    Stock,
    Taken,
    exceeds,
    scores_of,
    units_taken,
)
from inventory.sourcing_program import Mask, Program, reduced_costs
from inventory.sourcing_search import best_taken

CANDIDATES_FIRST = 6
"""Candidates per order that the first linear program is given."""

PRICING_ROUNDS_MAX = 30
JOINT_ROUNDS_MAX = 50
SECONDS_MAX = 10.0
GAP = 1e-6
"""Relative distance to the bound at which the solver may stop."""

TIGHT = 1e-7

FindLimits = Callable[[Mapping[tuple[str, str], int]], Sequence[Limit]]
"""Given units taken by (SKU, location): limits of several locations together that they break."""


@dataclass(frozen=True, slots=True, eq=False)
class Sourced:
    """One order's part of a solution."""

    scores: Scores
    taken: Taken

    @property
    def order(self) -> SourcingOrder:
        return self.scores.order

    @property
    def unmet_units(self) -> int:
        return self.order.units - int(self.taken.sum())


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """A solution for all orders, in the order in which they were given, and how good it is."""

    orders: tuple[Sourced, ...]
    method: str
    """`search` where each order's own best fits with the others', else `milp`."""
    gap: float
    """(found − bound) / found; 0 where the solution is proven to be optimal."""


def no_limits(_taken: Mapping[tuple[str, str], int]) -> Sequence[Limit]:
    """Where every location can give its units whatever the others give."""
    return ()


def assign(
    orders: Sequence[SourcingOrder],
    stock: Stock,
    rules: SourcingRules,
    *,
    find_limits: FindLimits = no_limits,
    seconds_max: float = SECONDS_MAX,
) -> Assignment:
    """Source all orders together, those of a higher priority first.

    No location gives more than its stock or sends more parcels than are left of its day, and no
    order gets more than it asks for: that is checked in whole numbers before anything is returned.
    """
    left, used, gaps, methods = dict(stock), dict[str, int](), [0.0], ["search"]
    found: dict[str, Sourced] = {}
    limits: list[Limit] = []
    taken_so_far: dict[tuple[str, str], int] = {}
    for priority in sorted({order.priority for order in orders}, reverse=True):
        tier = [_after(order, used) for order in orders if order.priority == priority]
        solved, method, gap = _Tier(
            tier, left, rules, find_limits, limits, taken_so_far, seconds_max
        ).solve()
        methods.append(method)
        gaps.append(gap)
        for sourced in solved:
            found[sourced.order.id] = sourced
            for key, units in units_taken(sourced.scores, sourced.taken).items():
                left[key] -= units
                taken_so_far[key] = taken_so_far.get(key, 0) + units
            for column in np.flatnonzero(sourced.taken.any(axis=0)):
                at = sourced.order.candidates[column].location
                used[at] = used.get(at, 0) + 1
    assert len(found) == len(orders), "order ids must differ"
    assert min(left.values(), default=0) >= 0, "a location gives more than it has"
    method = "milp" if "milp" in methods else "search"
    return Assignment(tuple(found[order.id] for order in orders), method, max(gaps))


def _after(order: SourcingOrder, used: Mapping[str, int]) -> SourcingOrder:
    """The order as it looks after so many parcels were given to its candidates."""
    if not used:
        return order
    candidates: list[Candidate] = [
        replace(at, assigned_parcels=at.assigned_parcels + used.get(at.location, 0))
        for at in order.candidates
    ]
    return replace(order, candidates=tuple(candidates))


@dataclass(slots=True)
class _Tier:
    """Orders of one priority, to be solved together."""

    orders: Sequence[SourcingOrder]
    stock: Stock
    rules: SourcingRules
    find_limits: FindLimits
    limits: list[Limit]
    """Joint limits that are known already; grows."""
    taken_before: Mapping[tuple[str, str], int]
    """By orders of a higher priority."""
    seconds_max: float

    def solve(self) -> tuple[list[Sourced], str, float]:
        scores = [scores_of(order, self.stock, self.rules) for order in self.orders]
        alone = [best_taken(one) for one in scores]
        searched = [taken for taken in alone if taken is not None]
        whole = len(searched) == len(scores)
        if whole and self._fits(scores, searched) and not self._joint(scores, searched):
            return _sourced(scores, searched), "search", 0.0
        for _ in range(JOINT_ROUNDS_MAX):
            solved, gap = self._program(scores)
            if not self._joint(scores, solved):
                return _sourced(scores, solved), "milp", gap
        nothing = [np.zeros_like(one.most) for one in scores]
        return _sourced(scores, nothing), "milp", 1.0

    def _fits(self, scores: Sequence[Scores], solution: Sequence[Taken]) -> bool:
        """Whether orders solved by themselves share stock and the day's parcels without conflict.

        Where the next parcel costs more than the first one did, two in one place are a conflict.
        """
        if any(n > self.stock.get(key, 0) for key, n in _sums(scores, solution).items()):
            return False
        for at, parcels in _parcels(scores, solution).items():
            candidate, priced = self._candidate(scores, at)
            left = candidate.parcels_left
            if left is not None and parcels > (1 if priced else left):
                return False
        return True

    def _candidate(self, scores: Sequence[Scores], location: str) -> tuple[Candidate, bool]:
        for one in scores:
            for at in one.order.candidates:
                if at.location == location:
                    return at, "workload" in one.emphasis
        raise KeyError(location)

    def _joint(self, scores: Sequence[Scores], solution: Sequence[Taken]) -> bool:
        """Whether several locations together give too much; the limits they break are kept."""
        taken = dict(self.taken_before)
        for key, units in _sums(scores, solution).items():
            taken[key] = taken.get(key, 0) + units
        known = exceeds(taken, self.limits)
        new = [] if known else list(self.find_limits(taken))
        self.limits += new
        return bool(known or new)

    def _program(self, scores: Sequence[Scores]) -> tuple[list[Taken], float]:
        limits = [
            Limit(sku, frozenset([at]), units) for (sku, at), units in sorted(self.stock.items())
        ]
        for limit in self.limits:
            before = sum(self.taken_before.get((limit.sku, at), 0) for at in limit.locations)
            limits.append(replace(limit, units=max(0, limit.units - before)))
        chosen, bound, costs = self._price(scores, limits)
        first = Program(scores, chosen, limits).solve(seconds_max=self.seconds_max, gap=GAP)
        best, best_score = self._kept(scores, first.taken, limits)
        # A parcel whose reduced cost is beyond the distance to the bound is in no better solution.
        reach = best_score - bound + TIGHT
        helpful = [mask | (cost <= reach) for mask, cost in zip(chosen, costs, strict=True)]
        grown = any((a != b).any() for a, b in zip(chosen, helpful, strict=True))
        if not grown:
            bound = max(bound, min(first.bound, best_score))
        elif reach > GAP * max(best_score, 1.0):
            again = Program(scores, helpful, limits).solve(seconds_max=self.seconds_max, gap=GAP)
            other, other_score = self._kept(scores, again.taken, limits)
            bound = max(bound, min(again.bound, best_score, other_score))
            if other_score < best_score:
                best, best_score = other, other_score
        gap = max(0.0, best_score - bound) / max(best_score, TIGHT)
        return best, gap if gap > GAP else 0.0

    def _kept(
        self, scores: Sequence[Scores], found: list[Taken] | None, limits: Sequence[Limit]
    ) -> tuple[list[Taken], float]:
        """What the solver found, or the greedy solution where it found nothing better."""
        greedy = self._greedy(scores, limits)
        options = [greedy] if found is None or not _is_whole(scores, found) else [found, greedy]
        return min(((taken, self._score(scores, taken)) for taken in options), key=lambda t: t[1])

    def _score(self, scores: Sequence[Scores], solution: Sequence[Taken]) -> float:
        """The objective of the program: scores, later parcels of a day, and what is not sent."""
        total = 0.0
        for one, taken in zip(scores, solution, strict=True):
            unmet = one.order.units - int(taken.sum())
            total += one.of(taken) + UNMET_SCORE * unmet
        for at, parcels in _parcels(scores, solution).items():
            one = next(s for s in scores if any(c.location == at for c in s.order.candidates))
            column = [c.location for c in one.order.candidates].index(at)
            if one.order.candidates[column].capacity_parcels:
                total += sum(one.slot_score(column, n) for n in range(1, parcels + 1))
        return total

    def _greedy(self, scores: Sequence[Scores], limits: Sequence[Limit]) -> list[Taken]:
        """One order after the other, each the best that is left for it."""
        left, used = dict(self.stock), dict[str, int]()
        taken_so_far: dict[tuple[str, str], int] = {}
        solution = []
        for one in scores:
            order = _after(one.order, used)
            now = replace(one, order=order, most=scores_of(order, left, self.rules).most)
            taken = best_taken(now, sets_max=200)
            units = {} if taken is None else units_taken(now, taken)
            after = {k: taken_so_far.get(k, 0) + n for k, n in units.items()}
            if taken is None or exceeds({**taken_so_far, **after}, limits):
                solution.append(np.zeros_like(one.most))
                continue
            solution.append(taken)
            taken_so_far |= after
            for key, n in units.items():
                left[key] -= n
            for column in np.flatnonzero(taken.any(axis=0)):
                at = order.candidates[column].location
                used[at] = used.get(at, 0) + 1
        return solution

    def _price(
        self, scores: Sequence[Scores], limits: Sequence[Limit]
    ) -> tuple[list[Mask], float, list[np.ndarray]]:
        """Candidates that pay at the prices of the relaxed program, its optimum, and the costs."""
        chosen = [_first(one) for one in scores]
        everything = [np.ones(len(one.order.candidates), bool) for one in scores]
        unknown = [np.full(len(one.order.candidates), -np.inf) for one in scores]
        for _ in range(PRICING_ROUNDS_MAX):
            if all(mask.all() for mask in chosen):
                break
            prices = Program(scores, chosen, limits).relax(seconds_max=self.seconds_max)
            if prices is None:
                break
            costs = [reduced_costs(one, n, prices) for n, one in enumerate(scores)]
            paying = [(cost < -TIGHT) & ~mask for cost, mask in zip(costs, chosen, strict=True)]
            if not any(new.any() for new in paying):
                return chosen, prices.bound, costs
            chosen = [mask | new for mask, new in zip(chosen, paying, strict=True)]
        return everything, 0.0, unknown


def _first(scores: Scores) -> Mask:
    """The candidates that would serve the whole order best, as a start."""
    units = np.array([line.units for line in scores.order.lines])
    alone = scores.per_parcel + (scores.per_unit * units[:, None]).sum(axis=0)
    lacking = units.sum() - scores.most.sum(axis=0)
    mask = np.zeros(len(alone), bool)
    mask[np.argsort(alone + UNMET_SCORE * lacking, kind="stable")[:CANDIDATES_FIRST]] = True
    return mask


def _is_whole(scores: Sequence[Scores], solution: Sequence[Taken]) -> bool:
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


def _sums(scores: Sequence[Scores], solution: Sequence[Taken]) -> dict[tuple[str, str], int]:
    sums: dict[tuple[str, str], int] = {}
    for one, taken in zip(scores, solution, strict=True):
        for key, units in units_taken(one, taken).items():
            sums[key] = sums.get(key, 0) + units
    return sums


def _parcels(scores: Sequence[Scores], solution: Sequence[Taken]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one, taken in zip(scores, solution, strict=True):
        for column in np.flatnonzero(taken.any(axis=0)):
            at = one.order.candidates[column].location
            counts[at] = counts.get(at, 0) + 1
    return counts


def _sourced(scores: Sequence[Scores], solution: Sequence[Taken]) -> list[Sourced]:
    return [Sourced(one, taken) for one, taken in zip(scores, solution, strict=True)]
