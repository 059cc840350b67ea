"""Sourcing many orders at once: the best assignment of orders to locations over shared stock.

Orders of a higher priority are decided before those of a lower one, as if these did not exist. Of
equal ones as many units as possible are sent, and those at the lowest score, by these steps:

1. Each order by itself. Where these choices fit together nothing better exists.
2. Otherwise a linear program over a few candidates per order gives prices for scarce stock and
   capacity; candidates that could pay at those prices join until none does. Its optimum is a bound
   that no assignment can beat.
3. A mixed-integer program over those candidates gives an assignment. Candidates left out that could
   close the distance to the bound join, and it is solved once more: the result is then optimal over
   all candidates. In a large batch only the orders that the linear program would divide are left to
   it, and one order after the other is tried too. Either way the gap to the bound is told.
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
from inventory.sourcing_program import Floats, Mask, Prices, Program, Solved, reduced_costs
from inventory.sourcing_search import best_taken
from inventory.sourcing_solution import (
    book,
    is_whole,
    order_after,
    parcels_of,
    scores_after,
    sums_of,
)

CANDIDATES_FIRST = 6
"""Candidates per order that the first linear program is given."""

CANDIDATES_SPREAD = 4
"""Candidates per order beside them, others for each order."""

CANDIDATES_MORE = 3
"""Candidates per order that may join in each round."""

PAIRS_EXACT_MAX = 6_000
"""Orders times candidates up to which the mixed-integer program is solved over all orders."""

PRICING_ROUNDS_MAX = 8
PRICED = 1e-3
"""Distance of the relaxed optimum to the bound at which further candidates are not worth it."""
JOINT_ROUNDS_MAX = 50
SECONDS_MAX = 10.0
"""For each of the few programs that are solved."""
GAP = 1e-4
"""Relative distance to the bound at which the solver may stop: a hundredth of a percent."""

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
    priorities = sorted({order.priority for order in orders}, reverse=True)
    for priority in priorities:
        tier = [order_after(order, used) for order in orders if order.priority == priority]
        solved, method, gap = _Tier(
            tier, left, rules, find_limits, limits, taken_so_far, seconds_max / len(priorities)
        ).solve()
        methods.append(method)
        gaps.append(gap)
        for sourced in solved:
            found[sourced.order.id] = sourced
            book(sourced.scores, sourced.taken, left, used, taken_so_far)
    assert len(found) == len(orders), "order ids must differ"
    assert min(left.values(), default=0) >= 0, "a location gives more than it has"
    method = "milp" if "milp" in methods else "search"
    return Assignment(tuple(found[order.id] for order in orders), method, max(gaps))


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
        if any(n > self.stock.get(key, 0) for key, n in sums_of(scores, solution).items()):
            return False
        for at, parcels in parcels_of(scores, solution).items():
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
        for key, units in sums_of(scores, solution).items():
            taken[key] = taken.get(key, 0) + units
        known = exceeds(taken, self.limits)
        new = [] if known else list(self.find_limits(taken))
        self.limits += new
        return bool(known or new)

    def _program(self, scores: Sequence[Scores]) -> tuple[list[Taken], float]:
        limits = self._limits()
        chosen, bound, prices = self._price(scores, limits)
        pairs = sum(len(one.order.candidates) for one in scores)
        if prices is not None and pairs > PAIRS_EXACT_MAX:
            best, best_score = self._rounded(scores, chosen, prices)
        else:
            best, best_score, bound = self._exact(scores, limits, chosen, bound, prices)
        # Plain figures: what NumPy compares is no JSON.
        gap = max(0.0, float(best_score - bound)) / max(float(best_score), TIGHT)
        return best, gap if gap > GAP else 0.0

    def _limits(self) -> list[Limit]:
        limits = [
            Limit(sku, frozenset([at]), units) for (sku, at), units in sorted(self.stock.items())
        ]
        for limit in self.limits:
            before = sum(self.taken_before.get((limit.sku, at), 0) for at in limit.locations)
            limits.append(replace(limit, units=max(0, limit.units - before)))
        return limits

    def _exact(
        self,
        scores: Sequence[Scores],
        limits: Sequence[Limit],
        chosen: Sequence[Mask],
        bound: float,
        prices: Prices | None,
    ) -> tuple[list[Taken], float, float]:
        """Step 3: the program over the candidates that pay, then over all that still could."""
        seconds = self.seconds_max / 2
        first = Program(scores, chosen, limits).solve(seconds_max=seconds, gap=GAP)
        best, best_score = self._kept(scores, first)
        reach = best_score - bound + TIGHT
        helpful = list(chosen)
        if prices is not None:
            # A parcel of a reduced cost beyond the distance to the bound is in no better solution.
            costs = [reduced_costs(one, n, prices) for n, one in enumerate(scores)]
            helpful = [mask | (cost <= reach) for mask, cost in zip(chosen, costs, strict=True)]
        if all((a == b).all() for a, b in zip(chosen, helpful, strict=True)):
            bound = max(bound, min(first.bound, best_score))
        elif reach > GAP * max(best_score, 1.0):
            again = Program(scores, helpful, limits).solve(seconds_max=seconds, gap=GAP)
            other, other_score = self._kept(scores, again)
            bound = max(bound, min(again.bound, best_score, other_score))
            if other_score < best_score:
                best, best_score = other, other_score
        return best, best_score, bound

    def _rounded(
        self, scores: Sequence[Scores], chosen: Sequence[Mask], prices: Prices
    ) -> tuple[list[Taken], float]:
        """Orders that the relaxed optimum sends whole are sent so; the rest share what is left."""
        left, used, taken_before = dict(self.stock), dict[str, int](), dict(self.taken_before)
        solution = [np.zeros_like(one.most) for one in scores]
        for number, taken in enumerate(prices.settled):
            if taken is not None:
                solution[number] = taken
                book(scores[number], taken, left, used, taken_before)
        open_ones = [number for number, taken in enumerate(prices.settled) if taken is None]
        if open_ones:
            rest = [scores_after(scores[number], left, used) for number in open_ones]
            tier = replace(self, stock=left, taken_before=taken_before)
            masks = [chosen[number] for number in open_ones]
            program = Program(rest, masks, tier._limits())  # noqa: SLF001 - one of us.
            found = program.solve(seconds_max=self.seconds_max, gap=GAP)
            kept, _ = tier._kept(rest, found)  # noqa: SLF001
            for number, taken in zip(open_ones, kept, strict=True):
                solution[number] = taken
        options = [solution, self._greedy(scores)]
        return min(((taken, self._score(scores, taken)) for taken in options), key=lambda t: t[1])

    def _kept(self, scores: Sequence[Scores], found: Solved) -> tuple[list[Taken], float]:
        """What the solver found, or the greedy solution where it found nothing better."""
        options = [found.taken] if found.taken and is_whole(scores, found.taken) else []
        if not (options and found.optimal):
            options.append(self._greedy(scores))
        return min(((taken, self._score(scores, taken)) for taken in options), key=lambda t: t[1])

    def _score(self, scores: Sequence[Scores], solution: Sequence[Taken]) -> float:
        """The objective of the program: scores, later parcels of a day, and what is not sent."""
        total = 0.0
        for one, taken in zip(scores, solution, strict=True):
            unmet = one.order.units - int(taken.sum())
            total += one.of(taken) + UNMET_SCORE * unmet
        for at, parcels in parcels_of(scores, solution).items():
            one = next(s for s in scores if any(c.location == at for c in s.order.candidates))
            column = [c.location for c in one.order.candidates].index(at)
            if one.order.candidates[column].capacity_parcels:
                total += sum(one.slot_score(column, n) for n in range(1, parcels + 1))
        return total

    def _greedy(self, scores: Sequence[Scores]) -> list[Taken]:
        """One order after the other, each the best that is left for it."""
        left, used, taken_before = dict(self.stock), dict[str, int](), dict(self.taken_before)
        solution = []
        for one in scores:
            now = scores_after(one, left, used)
            taken = best_taken(now, sets_max=200)
            if taken is None or self._breaks(now, taken, taken_before):
                taken = np.zeros_like(one.most)
            solution.append(taken)
            book(now, taken, left, used, taken_before)
        return solution

    def _breaks(
        self, scores: Scores, taken: Taken, taken_before: Mapping[tuple[str, str], int]
    ) -> bool:
        units = units_taken(scores, taken)
        after = {key: taken_before.get(key, 0) + more for key, more in units.items()}
        return bool(exceeds({**taken_before, **after}, self.limits))

    def _price(
        self, scores: Sequence[Scores], limits: Sequence[Limit]
    ) -> tuple[list[Mask], float, Prices | None]:
        """Candidates that pay at the prices of the relaxed program, a bound, and the prices.

        No assignment scores less than the bound. Without prices it is 0, over all candidates.
        """
        chosen = [_first(one, number) for number, one in enumerate(scores)]
        everything = [np.ones(len(one.order.candidates), bool) for one in scores]
        pairs = sum(mask.size for mask in chosen)
        if pairs <= PAIRS_EXACT_MAX / 10:
            return everything, 0.0, None
        bound, prices = 0.0, None
        for _ in range(PRICING_ROUNDS_MAX):
            found = Program(scores, chosen, limits).relax(seconds_max=self.seconds_max)
            if found is None:
                break
            prices = found
            costs = [reduced_costs(one, n, prices) for n, one in enumerate(scores)]
            missing = [np.where(mask, 0.0, cost) for mask, cost in zip(chosen, costs, strict=True)]
            # What is left out lowers the optimum by no more than its reduced costs (Lagrange), of
            # as many parcels as an order has units.
            lowest = (np.sort(m)[: one.order.units] for m, one in zip(missing, scores, strict=True))
            bound = max(bound, prices.bound + sum(np.minimum(m, 0.0).sum() for m in lowest))
            near = prices.bound - bound <= PRICED * max(bound, 1.0)
            if (near and pairs > PAIRS_EXACT_MAX) or not any((m < -TIGHT).any() for m in missing):
                break
            chosen = [mask | _cheapest(m) for mask, m in zip(chosen, missing, strict=True)]
        return (everything if prices is None else chosen), bound, prices


def _cheapest(costs: Floats) -> Mask:
    """The few of the lowest costs below zero."""
    mask = np.zeros(len(costs), bool)
    mask[np.argsort(costs, kind="stable")[:CANDIDATES_MORE]] = True
    return mask & (costs < -TIGHT)


def _first(scores: Scores, number: int) -> Mask:
    """Candidates to start with: those that would serve the whole order best, and a few others.

    The others differ from order to order: where all prefer the same full places, no program over
    the best alone would have a way out, and its prices would say nothing.
    """
    units = np.array([line.units for line in scores.order.lines])
    alone = scores.per_parcel + (scores.per_unit * units[:, None]).sum(axis=0)
    lacking = units.sum() - scores.most.sum(axis=0)
    mask = np.zeros(len(alone), bool)
    best_first = np.argsort(alone + UNMET_SCORE * lacking, kind="stable")
    mask[best_first[:CANDIDATES_FIRST]] = True
    useful = np.flatnonzero(lacking == 0)
    if len(useful):
        mask[useful[(number + np.arange(CANDIDATES_SPREAD) * 7) % len(useful)]] = True
    return mask


def _sourced(scores: Sequence[Scores], solution: Sequence[Taken]) -> list[Sourced]:
    return [Sourced(one, taken) for one, taken in zip(scores, solution, strict=True)]
