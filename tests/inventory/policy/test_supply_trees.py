"""Trees of hubs and places, against the dynamic program of the guaranteed-service model."""

import itertools

import numpy as np
import pytest

from inventory.policy.guaranteed_service import Stage, optimal_service_times
from inventory.policy.supply_trees import Places, depths, service_times


def drawn(seed, *, most=8, review=True):
    """A forest: the hub of a place is any place before it, or none."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, most))
    hub = np.array([-1, *(int(rng.integers(-1 if i > 4 else 0, i)) for i in range(1, n))])
    sd = np.where(rng.random(n) < 0.3, 0.0, rng.uniform(1, 20, n))
    sd[hub[hub >= 0][rng.random((hub >= 0).sum()) < 0.8]] = 0.0  # Most hubs sell nothing.
    places = Places(
        processing_days=rng.integers(0, 9, n).astype(float),
        review_days=rng.integers(0, 3, n).astype(float) * review,
        sd_units=sd,
        safety_factor=rng.uniform(1, 2.5, n),
        holding_cost=rng.uniform(0.1, 4, n),
        sells=(sd > 0) | (rng.random(n) < 0.1),
    )
    return places, hub


def pooled(places, hub):
    variance = np.square(places.sd_units)
    for row in reversed(range(len(hub))):  # A hub comes before its places.
        if hub[row] >= 0:
            variance[hub[row]] += variance[row]
    return np.sqrt(variance)


def cost(places, hub, promised):
    """Of all safety stock, by the definition; infinite where a promise cannot be."""
    spread, total = pooled(places, hub), 0.0
    for row, time in enumerate(promised):
        waits = promised[hub[row]] if hub[row] >= 0 else 0
        net = waits + places.processing_days[row] - time
        if net < 0:
            return np.inf
        held = places.holding_cost[row] * places.safety_factor[row] * spread[row]
        total += held * np.sqrt(net + places.review_days[row])
    return total


def promises(places, waits):
    return np.where(waits.passes_on, waits.days + places.processing_days, 0.0)


@pytest.mark.parametrize("seed", range(40))
def test_no_whole_days_are_promised_better(seed):
    """Every promise of every hub is tried; those to customers are at once."""
    places, hub = drawn(seed, most=6)
    longest = np.zeros(len(hub), dtype=int)
    for row in range(len(hub)):
        longest[row] = places.processing_days[row] + (longest[hub[row]] if hub[row] >= 0 else 0)
    feeds = set(hub.tolist()) - set(np.flatnonzero(places.sells))
    tried = itertools.product(
        *(range(longest[row] + 1) if row in feeds else (0,) for row in range(len(hub)))
    )
    best = min(cost(places, hub, promised) for promised in tried)
    assert cost(places, hub, promises(places, service_times(places, hub))) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(40))
def test_without_review_it_is_graves_and_willems(seed):
    places, hub = drawn(100 + seed, most=12, review=False)
    hub = np.where(hub < 0, 0, hub)
    hub[0] = -1  # One tree.
    feeds = set(hub.tolist()) - set(np.flatnonzero(places.sells))
    stages = {
        str(row): Stage(
            int(places.processing_days[row]), places.holding_cost[row], places.safety_factor[row],
            places.sd_units[row], outbound_time_max=None if row in feeds else 0,
        )
        for row in range(len(hub))
    }  # fmt: skip
    arcs = [(str(above), str(row)) for row, above in enumerate(hub) if above >= 0]
    plan = optimal_service_times(stages, arcs)
    assert cost(places, hub, promises(places, service_times(places, hub))) == pytest.approx(
        plan.cost
    )


@pytest.mark.parametrize(
    ("sd", "sells", "passes"),
    [(0.0, False, True), (0.0, True, False), (3.0, False, False), (np.nan, False, False)],
    ids=["sells nothing", "sells steadily", "sells", "sells who knows what"],
)
def test_a_hub_with_customers_serves_at_once(sd, sells, passes):
    """However dear it is to hold there: only who has no customers may hold nothing back."""
    places = Places(
        processing_days=np.array([5.0, 1]), review_days=np.array([7.0, 1]),
        sd_units=np.array([sd, 1.0]), safety_factor=np.array([1.6, 1.6]),
        holding_cost=np.array([1000.0, 0.001]), sells=np.array([sells, True]),
    )  # fmt: skip
    waits = service_times(places, np.array([-1, 0]))
    assert waits.passes_on.tolist() == [passes, False]
    assert waits.days.tolist() == [0.0, 5.0 * passes]


def test_trees_do_not_know_of_each_other():
    """Several trees at once are what each is alone, in any order of their rows."""
    drawings = [drawn(seed) for seed in range(12)]
    alone = np.concatenate([service_times(*drawing).days for drawing in drawings])
    starts = np.cumsum([0, *(len(hub) for _, hub in drawings)])
    hub = np.concatenate([
        np.where(hub >= 0, hub + start, -1)
        for (_, hub), start in zip(drawings, starts, strict=False)
    ])  # fmt: skip
    names = Places.__slots__
    columns = [np.concatenate([getattr(p, name) for p, _ in drawings]) for name in names]
    order = np.random.default_rng(1).permutation(len(hub))
    where = np.argsort(order)
    mixed = np.where(hub[order] >= 0, where[hub[order]], -1)
    together = service_times(Places(*(column[order] for column in columns)), mixed)
    assert together.days.tolist() == alone[order].tolist()
    assert depths(mixed).max() > 1
