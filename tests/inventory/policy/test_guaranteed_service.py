"""Guaranteed service: Snyder & Shen's examples, and every service time on small trees."""

import itertools
import math

import numpy as np
import pytest

from inventory.errors import InputRejected
from inventory.policy.guaranteed_service import Stage, optimal_service_times


def test_serial_example_6_3():
    stages = {
        "1": Stage(1, 7, demand_sd_units=1, outbound_time_max=1),
        "2": Stage(0, 4),
        "3": Stage(1, 2, inbound_time_min=1),
    }
    plan = optimal_service_times(stages, [("3", "2"), ("2", "1")])
    assert plan.service_times == {"1": 1, "2": 0, "3": 0}
    assert plan.cost == pytest.approx(2 * math.sqrt(2))


def test_tree_example_6_5():
    stages = {
        "1": Stage(2, 1, inbound_time_min=1),
        "3": Stage(1, 2),
        "2": Stage(1, 3, demand_sd_units=1, outbound_time_max=0),
        "4": Stage(1, 3, demand_sd_units=1, outbound_time_max=1),
    }
    plan = optimal_service_times(stages, [("1", "3"), ("3", "2"), ("3", "4")])
    assert plan.service_times == {"1": 0, "3": 0, "2": 0, "4": 1}
    assert plan.cost == pytest.approx(8.277916867529369)


def random_tree(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 6))
    arcs = []
    for k in range(1, n):
        other = int(rng.integers(0, k))
        arcs.append((f"{other}", f"{k}") if rng.random() < 0.6 else (f"{k}", f"{other}"))
    suppliers, customers = {a for a, _ in arcs}, {b for _, b in arcs}
    stages = {
        name: Stage(
            processing_time=int(rng.integers(0, 3)),
            holding_cost=float(rng.uniform(1, 9)),
            demand_bound=1.64,
            demand_sd_units=0.0 if name in suppliers else float(rng.uniform(1, 5)),
            inbound_time_min=0 if name in customers else int(rng.integers(0, 2)),
            outbound_time_max=None if name in suppliers else int(rng.integers(0, 2)),
        )
        for name in map(str, range(n))
    }
    return stages, arcs


def downstream(name, arcs):
    return {name}.union(*(downstream(b, arcs) for a, b in arcs if a == name))


def cost_of(times, stages, arcs):
    """What service times cost, each stage waiting for its slowest supplier, if they can be kept."""
    total = 0.0
    for name, stage in stages.items():
        waits = [times[a] for a, b in arcs if b == name]
        net = max([stage.inbound_time_min, *waits]) + stage.processing_time - times[name]
        if net < 0 or (
            times[name] > (stage.outbound_time_max or 0) and stage.outbound_time_max is not None
        ):
            return math.inf
        variance = sum(stages[one].demand_sd_units ** 2 for one in downstream(name, arcs))
        total += stage.holding_cost * stage.demand_bound * math.sqrt(variance * net)
    return total


@pytest.mark.parametrize("seed", range(25))
def test_no_service_times_are_cheaper(seed):
    stages, arcs = random_tree(seed)
    longest = sum(stage.processing_time for stage in stages.values()) + 1
    names = list(stages)
    best = min(
        cost_of(dict(zip(names, times, strict=True)), stages, arcs)
        for times in itertools.product(range(min(longest, 5) + 1), repeat=len(names))
    )
    plan = optimal_service_times(stages, arcs)
    assert plan.cost <= best + 1e-9
    assert cost_of(plan.service_times, stages, arcs) == pytest.approx(plan.cost)


@pytest.mark.parametrize("seed", range(5))
def test_any_stage_may_be_the_root(seed):
    stages, arcs = random_tree(seed)
    cost = optimal_service_times(stages, arcs).cost
    for name in stages:
        last = {other: stages[other] for other in stages if other != name} | {name: stages[name]}
        assert optimal_service_times(last, arcs).cost == pytest.approx(cost)


def test_a_long_line_holds_stock_here_and_there():
    """On a line each stage promises at once or waits for all (Simpson, 1958): a shortest path."""
    n = 120
    stages = {str(k): Stage(1, 1 + k) for k in range(n - 1)}
    stages[str(n - 1)] = Stage(1, n, demand_sd_units=1, outbound_time_max=0)
    best = [0.0]
    for k in range(n):
        best.append(min(best[i] + (1 + k) * math.sqrt(k + 1 - i) for i in range(k + 1)))
    plan = optimal_service_times(stages, [(str(k), str(k + 1)) for k in range(n - 1)])
    assert plan.cost == pytest.approx(best[-1])


NO_TREES = [
    [("a", "b")],
    [("a", "b"), ("b", "a")],
    [("a", "b"), ("b", "c"), ("a", "c")],
    [("a", "x"), ("b", "c")],
]


@pytest.mark.parametrize("arcs", NO_TREES)
def test_what_is_no_tree_is_refused(arcs):
    stages = {name: Stage(1, 1) for name in "abc"}
    with pytest.raises(InputRejected) as refused:
        optimal_service_times(stages, arcs)
    assert refused.value.field == "arcs"
