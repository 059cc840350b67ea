"""Hubs and their places, against the dynamic program of the guaranteed-service model."""

import numpy as np
import pytest

from inventory.policy.guaranteed_service import Stage, optimal_service_times
from inventory.policy.two_echelons import Places, hubs_serve_at_once


@pytest.mark.parametrize("seed", range(40))
def test_the_choice_is_optimal(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    lead, lanes = int(rng.integers(1, 12)), rng.integers(0, 5, n)
    review_hub, review = int(rng.integers(0, 4)), 1
    sd, factor = rng.uniform(1, 20, n), rng.uniform(1, 2.5, n + 1)
    cost = rng.uniform(0.2, 3, n + 1)
    places = Places(
        processing_days=np.array([lead, *lanes], dtype=float),
        review_days=np.array([review_hub, *[review] * n], dtype=float),
        sd_units=np.array([0.0, *sd]), safety_factor=factor, holding_cost=cost,
    )  # fmt: skip
    at_once = hubs_serve_at_once(places, np.array([-1, *[0] * n]))[0]

    # Review only lengthens what a stage must cover; one that promises to nobody absorbs it.
    def total(service):
        spread = np.sqrt((sd**2).sum())
        hub = cost[0] * factor[0] * spread * np.sqrt(lead + review_hub - service)
        return hub + (cost[1:] * factor[1:] * sd * np.sqrt(service + lanes + review)).sum()

    best = min(total(service) for service in range(lead + 1))
    assert total(0 if at_once else lead) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(20))
def test_without_review_it_is_graves_and_willems(seed):
    rng = np.random.default_rng(seed + 100)
    n, lead = int(rng.integers(1, 5)), int(rng.integers(1, 10))
    lanes, sd = rng.integers(0, 5, n), rng.uniform(1, 20, n)
    factor, cost = rng.uniform(1, 2.5, n + 1), rng.uniform(0.2, 3, n + 1)
    stages = {f"s{i}": Stage(int(lanes[i]), cost[i + 1], factor[i + 1], sd[i], outbound_time_max=0)
              for i in range(n)}  # fmt: skip
    stages["hub"] = Stage(lead, cost[0], factor[0])
    plan = optimal_service_times(stages, [("hub", f"s{i}") for i in range(n)])
    places = Places(
        np.array([lead, *lanes], dtype=float), np.zeros(n + 1), np.array([0.0, *sd]), factor, cost
    )
    at_once = hubs_serve_at_once(places, np.array([-1, *[0] * n]))[0]
    assert plan.service_times["hub"] == (0 if at_once else lead)
