"""A challenger takes over when it is not worse, beyond tolerance and chance, at any of three."""

import numpy as np
import pytest

from models import gate
from models.gate import ACCURACY, CALIBRATION, COST, Criterion, Verdict
from models.trial import Sheet


def sheet(N=400, *, loss=1.0, cost=1.0, coverage=(0.95, 0.99, 0.95, 0.99), noise=0.2, seed=0):
    """Scores of N series whose means are as given, over 100 observations each."""
    rng = np.random.default_rng(seed)
    return Sheet(
        losses=loss * (1 + noise * rng.standard_normal(N)),
        costs=100 * cost * (1 + noise * rng.standard_normal(N)),
        covered=np.tile(np.array(coverage) * 100, (N, 1)),
        counted=np.full((N, 4), 100.0),
    )


def failed(criteria):
    return {c.name for c in criteria if not c.passed}


def test_the_same_model_passes_with_no_difference():
    criteria = gate.decide(sheet(), sheet(), seed=1)
    assert [c.name for c in criteria] == [ACCURACY, CALIBRATION, COST]
    assert all((c.difference, c.low, c.high, c.passed) == (0, 0, 0, True) for c in criteria)
    assert gate.reason_of(criteria).count("no worse") == 3


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"loss": 1.06}, {ACCURACY}),
        ({"cost": 1.10}, {COST}),
        ({"coverage": (0.85, 0.99, 0.95, 0.99)}, {CALIBRATION}),
        ({"coverage": (0.95, 0.99, 0.95, 0.88)}, {CALIBRATION}),
        ({"coverage": (1.0, 1.0, 1.0, 1.0)}, {CALIBRATION}),  # too wide is as wrong as too narrow
        ({"loss": 1.06, "cost": 0.5}, {ACCURACY}),
        ({"loss": 0.5, "cost": 1.10}, {COST}),
        ({"loss": 0.9, "cost": 0.9}, set()),
        ({"loss": 1.005, "cost": 1.01}, set()),  # within the tolerance
    ],
)
def test_each_of_the_three_can_refuse(change, what):
    criteria = gate.decide(sheet(), sheet(**change), seed=1)
    assert failed(criteria) == what
    for name in what:
        assert f"{name} is worse by" in gate.reason_of(criteria)


def test_chance_excuses_a_little_but_not_a_lot():
    champion = sheet(12, noise=0.3, seed=3)
    pairs = [(sheet(12, loss=x, noise=0.3, seed=4), x) for x in (1.0, 1.5)]
    (near, _), (far, _) = pairs
    a_little = gate.decide(champion, near, seed=1)[0]
    assert a_little.low < 0 < a_little.high, "twelve noisy series cannot tell"
    assert a_little.passed
    assert not gate.decide(champion, far, seed=1)[0].passed
    at_limit = Criterion(ACCURACY, 1, 1.06, difference=0.06, low=-0.1, high=0.3, tolerance=0.01)
    assert not at_limit.passed, "nor is six times the tolerance excused by any chance"


def test_the_interval_is_that_of_a_mean():
    """Against the textbook: the paired difference of means is normal with s/√N."""
    champion, challenger = sheet(900, seed=5), sheet(900, seed=6)
    found = gate.decide(champion, challenger, seed=1)[0]
    paired = (challenger.losses - champion.losses) / champion.losses.mean()
    half = 1.645 * paired.std() / 30
    assert found.low == pytest.approx(paired.mean() - half, abs=half * 0.15)
    assert found.high == pytest.approx(paired.mean() + half, abs=half * 0.15)


def test_series_without_scale_and_what_was_never_counted_are_left_out():
    one = sheet(4, noise=0)
    nan = np.where(np.arange(4) == 0, np.nan, one.losses)
    uncounted = np.array([100.0, 100.0, 0.0, 0.0]) * np.ones((4, 1))
    half = Sheet(nan, np.zeros(4), one.covered * (uncounted > 0), uncounted)
    criteria = gate.decide(half, half, seed=1)
    assert criteria[0].champion == pytest.approx(1.0)
    assert criteria[1].champion == pytest.approx(0.0)
    assert not failed(criteria)
    assert [name for name, *_ in gate.coverages_of(half, half)] == ["period 0.95", "period 0.99"]


def test_a_verdict_survives_json():
    import json

    criteria = gate.decide(sheet(), sheet(loss=1.06), seed=1)
    verdict = Verdict(
        False, gate.reason_of(criteria), against="3", days=("2024-01-01", "2024-01-07"),
        series=400, policy="weekly", criteria=criteria,
        coverages=gate.coverages_of(sheet(), sheet()),
    )  # fmt: skip
    told = json.loads(json.dumps(verdict.as_dict()))
    assert told["criteria"][0]["passed"] is False
    assert Verdict.from_dict(told) == verdict
    first = Verdict(True, "first model")
    assert Verdict.from_dict(json.loads(json.dumps(first.as_dict()))) == first
