"""Sourcing against brute force: every way to divide small orders, tried one by one."""

import itertools
import json
from datetime import date

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from inventory import sourcing_assignment
from inventory.sourcing import (
    UNMET_SCORE,
    Candidate,
    Limit,
    SourcingLine,
    SourcingOrder,
    SourcingRules,
    Weights,
    scores_of,
)
from inventory.sourcing_answer import proposals_of
from inventory.sourcing_assignment import assign
from inventory.sourcing_program import Program
from inventory.sourcing_search import best_taken

TODAY = date(2026, 3, 2)


def problem(rng, *, orders, locations, strategy, capacity=False, partial=False):
    """Random orders of one or two lines over scarce stock of two SKUs."""
    stock = {(s, f"L{n}"): int(rng.integers(0, 4)) for s in "AB" for n in range(locations)}
    capacities = [int(rng.integers(0, 3)) if capacity else None for _ in range(locations)]
    made = []
    for number in range(orders):
        candidates = tuple(
            Candidate(
                f"L{n}", TODAY, days=int(rng.integers(1, 5)),
                distance_km=float(rng.integers(1, 900)),
                cost_per_parcel=float(rng.integers(1, 9)), cost_per_unit=float(rng.random()),
                cost_per_km=0.01, performance=float(rng.uniform(0.8, 1.0)),
                capacity_parcels=capacities[n],
            )
            for n in range(locations)
        )  # fmt: skip
        skus = rng.choice(["A", "B"], size=int(rng.integers(1, 3)), replace=False)
        lines = tuple(SourcingLine(str(sku), int(rng.integers(1, 4))) for sku in skus)
        made.append(SourcingOrder(f"o{number}", lines, candidates, allow_partial=partial))
    return made, stock, SourcingRules(strategy, split_penalty=float(rng.choice([0.0, 0.2, 1.0])))


def ways(scores):
    """Every division of one order, complete or (if it may) in part; nothing is one of them."""
    order = scores.order
    per_line = []
    for row, line in enumerate(order.lines):
        cells = [range(int(most) + 1) for most in scores.most[row]]
        complete = order.allow_partial
        per_line.append(
            [c for c in itertools.product(*cells)
             if sum(c) == line.units or (complete and sum(c) < line.units)]
        )  # fmt: skip
    found = [np.array(rows) for rows in itertools.product(*per_line)]
    return [*found, np.zeros_like(scores.most)]


def objective(chosen):
    """What the solution of a batch costs, told again from its definition."""
    total, parcels = 0.0, {}
    for scores, taken in chosen:
        total += scores.of(taken) + UNMET_SCORE * (scores.order.units - taken.sum())
        for column in np.flatnonzero(taken.any(axis=0)):
            parcels.setdefault(column, []).append(scores)
    for column, users in parcels.items():
        at = users[0].order.candidates[column]
        if at.capacity_parcels is not None and len(users) > at.parcels_left:
            return np.inf
        if at.capacity_parcels and "workload" in users[0].emphasis:
            total += 0.5 * sum(range(len(users))) / at.capacity_parcels
    return total


def fits(chosen, stock, limits=()):
    taken = {}
    for scores, units in chosen:
        for row, line in enumerate(scores.order.lines):
            for column, at in enumerate(scores.order.candidates):
                for sku, each in (line.parts or {line.sku: 1}).items():
                    key = (sku, at.location)
                    taken[key] = taken.get(key, 0) + each * int(units[row, column])
    return all(units <= stock.get(key, 0) for key, units in taken.items()) and all(
        sum(taken.get((limit.sku, at), 0) for at in limit.locations) <= limit.units
        for limit in limits
    )


def brute_force(orders, stock, rules, limits=()):
    scores = [scores_of(order, stock, rules) for order in orders]
    best = np.inf
    for combination in itertools.product(*(ways(one) for one in scores)):
        chosen = list(zip(scores, combination, strict=True))
        if fits(chosen, stock, limits):
            best = min(best, objective(chosen))
    return best


def found(orders, stock, rules, **more):
    assignment = assign(orders, stock, rules, **more)
    fresh = [scores_of(order, stock, rules) for order in orders]
    chosen = [(one, s.taken) for one, s in zip(fresh, assignment.orders, strict=True)]
    assert fits(chosen, stock)
    return objective(chosen), assignment


STRATEGIES = ("proximity", "cost", "balanced", "performance", "hybrid")


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(6))
def test_a_single_order_is_sent_the_best_way_there_is(seed, strategy):
    rng = np.random.default_rng(seed)
    orders, stock, rules = problem(rng, orders=1, locations=3, strategy=strategy)
    scores = scores_of(orders[0], stock, rules)
    expected = brute_force(orders, stock, rules)
    taken = best_taken(scores)
    searched = objective([(scores, taken)])
    limits = [Limit(sku, frozenset([at]), units) for (sku, at), units in stock.items()]
    everything = [np.ones(3, bool)]
    solved = Program([scores], everything, limits).solve(seconds_max=10, gap=0.0)
    programmed = objective([(scores, solved.taken[0])])
    assert searched == pytest.approx(expected, abs=1e-9)
    assert programmed == pytest.approx(expected, abs=1e-6)
    assert solved.bound == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("seed", range(5))
def test_a_batch_over_scarce_stock_is_the_best_of_all_combinations(seed, strategy):
    rng = np.random.default_rng(100 + seed)
    orders, stock, rules = problem(rng, orders=3, locations=3, strategy=strategy, capacity=seed > 1)
    best, assignment = found(orders, stock, rules)
    assert best == pytest.approx(brute_force(orders, stock, rules), abs=1e-6)
    assert assignment.gap == 0.0


@pytest.mark.parametrize("seed", range(6))
def test_in_part_as_many_units_as_possible_are_sent(seed):
    rng = np.random.default_rng(200 + seed)
    orders, stock, rules = problem(rng, orders=2, locations=2, strategy="hybrid", partial=True)
    best, _ = found(orders, stock, rules)
    assert best == pytest.approx(brute_force(orders, stock, rules), abs=1e-6)


def test_candidates_left_out_at_first_cannot_be_missed():
    """Twelve locations, of which the program starts with six per order; stock of one unit each."""
    rng = np.random.default_rng(7)
    for _ in range(10):
        orders, _, rules = problem(rng, orders=9, locations=12, strategy="cost")
        single = [
            SourcingOrder(o.id, (SourcingLine("A", 1),), o.candidates) for o in orders
        ]  # fmt: skip
        stock = {("A", f"L{n}"): 1 for n in range(12)}
        best, assignment = found(single, stock, rules)
        scores = [scores_of(order, stock, rules) for order in single]
        # One unit each: the classical assignment problem, by the Hungarian method.
        costs = np.array([one.per_parcel + one.per_unit[0] for one in scores])
        rows, columns = linear_sum_assignment(costs)
        assert best == pytest.approx(costs[rows, columns].sum(), abs=1e-6)
        assert assignment.gap == 0.0


@pytest.mark.parametrize("seed", [9, 10])
def test_a_solution_that_may_not_be_the_best_says_so(monkeypatch, seed):
    """As large batches are solved: near the bound, and told as JSON like any other."""
    monkeypatch.setattr(sourcing_assignment, "PAIRS_EXACT_MAX", 0)
    orders, stock, _ = problem(
        np.random.default_rng(seed), orders=6, locations=4, strategy="hybrid", capacity=True,
        partial=True,
    )  # fmt: skip
    assignment = assign(orders, stock, SourcingRules("hybrid"))
    assert assignment.gap > 0
    told = json.loads(json.dumps(proposals_of(assignment, [{}] * len(orders))))
    assert [order["solver"]["optimal"] for order in told] == [False] * len(orders)


def test_locations_together_give_no_more_than_a_joint_limit():
    """Two locations with three units each, of which promises on a group leave four in all."""
    at = [Candidate(f"L{n}", TODAY, distance_km=10.0 * (n + 1)) for n in range(3)]
    stock = {("A", "L0"): 3, ("A", "L1"): 3, ("A", "L2"): 3}
    limit = Limit("A", frozenset(["L0", "L1"]), 4)
    order = SourcingOrder("o", (SourcingLine("A", 6),), tuple(at))

    def find(taken):
        pair = taken.get(("A", "L0"), 0) + taken.get(("A", "L1"), 0)
        return [limit] if pair > limit.units else []

    assignment = assign([order], stock, SourcingRules("proximity"), find_limits=find)
    # By hand: two locations suffice, and L0 with L2 (mean 20 km) is the nearest pair allowed.
    assert assignment.orders[0].taken.tolist() == [[3, 0, 3]]


def test_parts_of_a_bundle_share_the_stock_with_loose_ones():
    at = (Candidate("L0", TODAY, distance_km=1.0), Candidate("L1", TODAY, distance_km=2.0))
    lines = (SourcingLine("SET", 2, {"A": 1, "B": 2}), SourcingLine("A", 1))
    stock = {("A", "L0"): 2, ("B", "L0"): 4, ("A", "L1"): 3, ("B", "L1"): 4}
    assignment = assign(
        [SourcingOrder("o", lines, at)], stock, SourcingRules("proximity")
    )  # fmt: skip
    # By hand: L0 has two of A, and the order takes three; L1 can send it all.
    assert assignment.orders[0].taken.tolist() == [[0, 2], [0, 1]]


def test_an_order_of_higher_priority_gets_the_last_unit():
    at = (Candidate("L0", TODAY, distance_km=100.0),)
    lines = (SourcingLine("A", 1),)
    orders = [SourcingOrder("early", lines, at), SourcingOrder("urgent", lines, at, priority=5)]
    assignment = assign(orders, {("A", "L0"): 1}, SourcingRules("proximity"))
    assert [one.taken.sum() for one in assignment.orders] == [0, 1]


def test_the_last_parcel_of_the_day_goes_to_the_higher_priority():
    full = Candidate("L0", TODAY, distance_km=1.0, assigned_parcels=9, capacity_parcels=10)
    other = Candidate("L1", TODAY, distance_km=500.0)
    lines = (SourcingLine("A", 1),)
    orders = [
        SourcingOrder("early", lines, (full, other)),
        SourcingOrder("urgent", lines, (full, other), priority=1),
    ]
    stock = {("A", "L0"): 9, ("A", "L1"): 9}
    assignment = assign(orders, stock, SourcingRules("proximity"))
    assert [one.taken.tolist() for one in assignment.orders] == [[[0, 1]], [[1, 0]]]


def test_never_more_than_what_was_asked_for():
    """The multi-location split that exceeds the request: every location could send it all."""
    at = tuple(Candidate(f"L{n}", TODAY, distance_km=n + 1.0) for n in range(4))
    order = SourcingOrder("o", (SourcingLine("A", 5),), at, allow_partial=True)
    for units in (2, 5, 50):
        stock = {("A", f"L{n}"): units for n in range(4)}
        rules = SourcingRules("proximity", split_penalty=0.0)
        assert assign([order], stock, rules).orders[0].taken.sum() == 5


def test_a_limit_on_parcels_leaves_units_out_rather_than_a_parcel_more():
    at = tuple(Candidate(f"L{n}", TODAY, distance_km=n + 1.0) for n in range(3))
    stock = {("A", "L0"): 2, ("A", "L1"): 2, ("A", "L2"): 3}
    whole = SourcingOrder("o", (SourcingLine("A", 6),), at, parcels_max=2)
    part = SourcingOrder("o", (SourcingLine("A", 6),), at, parcels_max=2, allow_partial=True)
    rules = SourcingRules("proximity")
    assert assign([whole], stock, rules).orders[0].taken.sum() == 0
    assert assign([part], stock, rules).orders[0].taken.tolist() == [[2, 0, 3]]


def test_weights_need_no_particular_scale():
    rules = SourcingRules("hybrid", Weights(time=4, cost=3, performance=3))
    assert rules.emphasis == SourcingRules("hybrid").emphasis
