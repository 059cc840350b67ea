"""Learned lead times: conjugate updating against the book's formula, and its limits."""

import numpy as np
import pytest

from inventory.policy.lead_time_learning import Deliveries, LeadTimes, learned


def of(days):
    days = np.asarray(days, dtype=float)
    return Deliveries(*(np.array([x]) for x in (len(days) * 1.0, days.sum(), (days**2).sum())))


def prior(mean, sd):
    return LeadTimes(np.array([float(mean)]), np.array([float(sd)]))


def test_without_deliveries_what_is_stated_holds():
    after = learned(prior(7, 2), of([]))
    assert (after.mean_days[0], after.sd_days[0]) == (7, 2)
    assert np.isnan(of([]).mean_days[0])


def test_with_many_deliveries_they_speak_for_themselves():
    days = np.random.default_rng(1).gamma(9, 1, 5000)
    after = learned(prior(3, 1), of(days))
    assert after.mean_days[0] == pytest.approx(days.mean(), rel=0.005)
    assert after.sd_days[0] == pytest.approx(days.std(), rel=0.01)


def test_updating_one_by_one_is_updating_at_once():
    """The posterior of a conjugate prior is the prior of what comes next: a second method."""
    days = [6.0, 9.0, 11.0, 8.0]
    mean, variance, weight = 7.0, 4.0, 5.0
    for x in days:  # Gelman et al., section 3.3, for n = 1.
        variance = (weight * variance + weight / (weight + 1) * (x - mean) ** 2) / (weight + 1)
        mean = (weight * mean + x) / (weight + 1)
        weight += 1
    after = learned(prior(7, 2), of(days))
    assert after.mean_days[0] == pytest.approx(mean)
    assert after.sd_days[0] == pytest.approx(np.sqrt(variance))


def test_punctual_vendors_who_promised_something_else_get_a_spread():
    after = learned(prior(5, 0), of([9.0, 9.0, 9.0]))
    assert 5 < after.mean_days[0] < 9
    assert after.sd_days[0] > 0
