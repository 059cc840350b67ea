"""Moves between locations, against trying all of them."""

import itertools

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from inventory.rebalancing import Move, Side, Step, rebalance
from inventory.transfers import Lane


def offer(sku, location, *steps, family="f"):
    return Side(sku, location, family, tuple(Step(units, worth) for units, worth in steps))


want = offer


def gained(side, units_by_days):
    """The most that units gain by an assignment to what they are wanted for, one by one."""
    wanted = [step for step in side.steps for _ in range(step.units)]
    coming = [days for days, units in units_by_days.items() for _ in range(units)]
    if len(coming) > min(len(wanted), side.units):
        return None
    worth = np.array(
        [[step.worth if days <= step.within_days else -1e9 for step in wanted] for days in coming]
    ).reshape(len(coming), len(wanted))
    total = float(worth[linear_sum_assignment(worth, maximize=True)].sum())
    return total if total >= 0 else None


def saving(moves, offers, wants, lanes):
    """Money that moves save, or None where they break a rule: the definition, unit by unit."""
    total, out, into, carried = 0.0, {}, {}, {}
    days = {(lane.origin, lane.destination): lane.lead_time_days for lane in lanes}
    cost = {(lane.origin, lane.destination): lane.cost_per_unit for lane in lanes}
    for sku, origin, destination, units in moves:
        total -= cost[origin, destination] * units
        out[sku, origin] = out.get((sku, origin), 0) + units
        reached = into.setdefault((sku, destination), {})
        lead = days[origin, destination]
        reached[lead] = reached.get(lead, 0) + units
        carried[origin, destination] = carried.get((origin, destination), 0) + units
    for lane in lanes:
        room = lane.capacity_units
        if room is not None and carried.get((lane.origin, lane.destination), 0) > room:
            return None
    for side in offers:
        units = out.get((side.sku, side.location), 0)
        each = [step.worth for step in side.steps for _ in range(step.units)]
        if units > len(each):
            return None
        total -= sum(each[:units])
    for side in wants:
        gain = gained(side, into.get((side.sku, side.location), {}))
        if gain is None:
            return None
        total += gain
    return total


def best(offers, wants, lanes):
    """The most that can be saved, by trying every number of units on every lane."""
    arcs = [
        (o.sku, o.location, w.location, min(o.units, w.units))
        for o in offers
        for w in wants
        for lane in lanes
        if (o.sku, o.location, w.location) == (w.sku, lane.origin, lane.destination)
    ]
    tried = itertools.product(*(range(most + 1) for *_, most in arcs))
    found = [
        saving([(*arc[:3], n) for arc, n in zip(arcs, units, strict=True)], offers, wants, lanes)
        for units in tried
    ]
    return max(value for value in found if value is not None)


def test_a_unit_moves_where_it_pays():
    """Worked by hand: units at B gain 9, 9, 4; the way costs 3 and A misses 0, 0, 2 of them.

    The first two save 6 each; the third would save 4 − 3 − 2 < 0.
    """
    offers = [offer("S", "A", (2, 0.0), (5, 2.0))]
    wants = [want("S", "B", (2, 9.0), (3, 4.0))]
    moves, saved = rebalance(offers, wants, [Lane("A", "B", 2.0, 1, handling_per_unit=1.0)])
    assert moves == [Move("S", "A", "B", 2)]
    assert saved == pytest.approx(12.0)


def test_without_a_lane_or_a_gain_nothing_moves():
    offers, wants = [offer("S", "A", (9, 0.0))], [want("S", "B", (9, 1.0))]
    assert rebalance(offers, wants, [Lane("B", "A", 0.1, 1)]) == ([], 0.0)
    assert rebalance(offers, wants, [Lane("A", "B", 1.0, 1)]) == ([], 0.0)
    assert rebalance([], wants, [Lane("A", "B", 0.1, 1)]) == ([], 0.0)


def drawn(seed):
    """A small shop: two SKUs in two families, four places, some lanes with little room."""
    rng = np.random.default_rng(seed)

    def side(sku, location, *, falling):
        worth = sorted(rng.integers(0, 12, 2).tolist(), reverse=falling)
        return offer(sku, location, *((int(rng.integers(1, 3)), float(w)) for w in worth),
                     family=sku)  # fmt: skip

    offers = [side(sku, at, falling=False) for sku in "ST" for at in ("A", "B")][: 4 - seed % 2]
    wants = [side(sku, at, falling=True) for sku in "ST" for at in ("C",)]
    wants += [side("S", "D", falling=True)]
    lanes = [
        Lane(a, b, float(rng.integers(0, 4)), 1,
             capacity_units=int(rng.integers(1, 5)) if rng.random() < 0.6 else None)
        for a in "AB" for b in "CD" if rng.random() < 0.85
    ]  # fmt: skip
    return offers, wants, lanes


@pytest.mark.parametrize("seed", range(30))
def test_no_other_moves_save_more(seed):
    offers, wants, lanes = drawn(seed)
    moves, saved = rebalance(offers, wants, lanes)
    told = [(m.sku, m.origin, m.destination, m.units) for m in moves]
    assert saving(told, offers, wants, lanes) == pytest.approx(saved)
    assert saved == pytest.approx(best(offers, wants, lanes))


def test_families_that_overfill_a_lane_share_it():
    """Room for 3: the dearer family fills it first, though each alone would have filled it."""
    offers = [offer(sku, "A", (3, 0.0), family=sku) for sku in "ST"]
    wants = [want("S", "B", (3, 5.0), family="S"), want("T", "B", (2, 7.0), family="T")]
    moves, saved = rebalance(offers, wants, [Lane("A", "B", 1.0, 1, capacity_units=3)])
    assert moves == [Move("S", "A", "B", 1), Move("T", "A", "B", 2)]
    assert saved == pytest.approx(4 + 12)


def drawn_of_speeds(seed):
    """Three places that send to one, over lanes of 1, 3 and 9 days; units are wanted by then."""
    rng = np.random.default_rng(seed)
    offers = [offer("S", at, (int(rng.integers(1, 4)), float(rng.integers(0, 3)))) for at in "ABC"]
    steps = []
    for within in (1, 3, 9):
        worth = sorted(rng.integers(1, 14, 2).tolist(), reverse=True)
        steps += [Step(int(rng.integers(1, 3)), float(w), within) for w in worth]
    most = int(rng.integers(2, 8)) if seed % 3 == 0 else None
    lanes = [
        Lane(a, "D", float(rng.integers(0, 4)), days,
             capacity_units=int(rng.integers(1, 5)) if rng.random() < 0.3 else None)
        for a, days in zip("ABC", rng.permutation([1, 3, 9]).tolist(), strict=True)
    ]  # fmt: skip
    return offers, [Side("S", "D", "f", tuple(steps), most_units=most)], lanes


@pytest.mark.parametrize("seed", range(30))
def test_over_lanes_of_different_speed_no_other_moves_save_more(seed):
    offers, wants, lanes = drawn_of_speeds(seed)
    moves, saved = rebalance(offers, wants, lanes)
    told = [(m.sku, m.origin, m.destination, m.units) for m in moves]
    assert saving(told, offers, wants, lanes) == pytest.approx(saved)
    assert saved == pytest.approx(best(offers, wants, lanes))


def test_what_comes_too_late_is_not_moved():
    offers = [offer("S", "A", (9, 0.0)), offer("S", "B", (9, 0.0))]
    wants = [Side("S", "C", "f", (Step(4, 9.0, 2), Step(3, 5.0, 6)))]
    lanes = [Lane("A", "C", 1.0, 2), Lane("B", "C", 0.0, 6)]
    assert rebalance(offers, wants, lanes) == (
        [Move("S", "A", "C", 4), Move("S", "B", "C", 3)], 4 * 8 + 3 * 5.0
    )  # fmt: skip
    assert rebalance(offers, wants, [Lane("B", "C", 0.0, 7)]) == ([], 0.0)
