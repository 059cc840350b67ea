"""Overrides as a layer: what they say comes true at every level, and nothing else moves."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma, nbinom, poisson

from inventory.demand import LEVELS, DemandForecast
from inventory.overrides import (
    WEIGHT,
    Attributes,
    Override,
    Scope,
    effective,
    effective_together,
)
from inventory.rescaling import gamma_quantiles_units, rescaled_quantiles_units

LEVEL = np.array(LEVELS)
FIRST = date(2026, 3, 2)
MOMENT = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERIES = (("GREEN", "S1"), ("GREEN", "S2"), ("BLACK", "S1"), ("CUP", "S1"), ("CUP", "S2"))
KNOWN = Attributes(
    category={"GREEN": "tea", "BLACK": "tea", "CUP": "ware"},
    vendor={"GREEN": "ACME", "BLACK": "BOLT", "CUP": "ACME"},
    groups={"S1": frozenset({"north", "big"}), "S2": frozenset({"north"})},
)


def forecast_of(means, *, series=SERIES, first_day=FIRST, period_days=1, run_id="run"):
    """Counts of a given mean per series and period, shape (N, H), twice as variable as Poisson."""
    mean = np.asarray(means, dtype=float)
    n = np.maximum(mean, 1e-12)
    quantiles = np.where(mean[..., None] > 0, nbinom.ppf(LEVEL, n[..., None], 0.5), 0.0)
    return DemandForecast(
        skus=tuple(sku for sku, _ in series),
        locations=tuple(location for _, location in series),
        first_day=first_day,
        levels=LEVEL,
        quantiles_units=quantiles,
        mean_units=mean,
        dependence=np.full((len(series), 2), 0.1),
        run_id=run_id,
        period_days=period_days,
    )


def stated(number=1, *, first=0, last=6, quantity=None, factor=None, per_day=False, **scope):
    return Override(
        override_id=number,
        scope=Scope(**scope),
        first_day=FIRST + timedelta(days=first),
        last_day=FIRST + timedelta(days=last),
        reason="event",
        created_by="planner:k1",
        created_at=MOMENT + timedelta(minutes=number),
        quantity=quantity,
        quantity_basis="per_day" if per_day else "total",
        factor=factor,
    )


EVEN = np.repeat([[4.0], [2.0], [3.0], [1.0], [5.0]], 14, axis=1)
WEEKLY = EVEN * np.tile([1, 1, 1, 1, 2, 3, 1], 2)


def means(*overrides, base=WEEKLY):
    return effective(forecast_of(base), overrides, KNOWN).mean_units


def test_without_an_override_it_is_the_same_object():
    plain = forecast_of(WEEKLY)
    assert effective(plain, [], KNOWN) is plain
    assert effective(plain, [stated(factor=2, sku="GONE")], KNOWN) is plain
    for first in (-9, 14, 40):
        assert effective(plain, [stated(factor=2, first=first, last=first + 6)], KNOWN) is plain


def test_a_factor_multiplies_the_days_it_names_and_no_others():
    got = means(stated(factor=2.5, sku="GREEN", location="S1", first=3, last=5))
    assert got[0, 3:6].tolist() == (2.5 * WEEKLY[0, 3:6]).tolist()
    assert (np.delete(got, 0, axis=0) == WEEKLY[1:]).all()
    assert (np.delete(got[0], [3, 4, 5]) == np.delete(WEEKLY[0], [3, 4, 5])).all()


def test_a_total_keeps_the_rhythm_of_the_week():
    got = means(stated(quantity=80, sku="GREEN", location="S1"))
    # Seven days of weights 1 1 1 1 2 3 1: ten parts of 8 units.
    assert got[0, :7].tolist() == pytest.approx([8, 8, 8, 8, 16, 24, 8])


def test_a_quantity_per_day_sets_each_day():
    got = means(stated(quantity=9, per_day=True, category="tea"))
    assert got[:3, :7].sum(axis=0).tolist() == pytest.approx([9] * 7)
    assert got[:3, 0].tolist() == pytest.approx([4, 2, 3])


def test_an_item_keeps_its_quantity_and_the_rest_of_the_category_shares_the_rest():
    got = means(
        stated(1, quantity=300, sku="GREEN", location="S1"), stated(2, quantity=700, category="tea")
    )
    assert got[0, :7].sum() == pytest.approx(300)
    assert got[1, :7].sum() == pytest.approx(400 * 2 / 5)
    assert got[2, :7].sum() == pytest.approx(400 * 3 / 5)
    assert (got[3:] == WEEKLY[3:]).all()


def test_items_that_ask_for_more_than_their_category_leave_nothing():
    got = means(stated(1, quantity=800, sku="GREEN"), stated(2, quantity=700, category="tea"))
    assert got[:2, :7].sum() == pytest.approx(800)
    assert got[2, :7].sum() == 0


def test_of_one_scope_the_later_statement_replaces_the_days_that_both_name():
    week = stated(1, quantity=70, sku="GREEN")
    fair = stated(2, quantity=500, sku="GREEN", first=5, last=6)
    got, alone = means(week, fair), means(week)
    assert got[:2, 5:7].sum() == pytest.approx(500)
    assert got[:2, :5] == pytest.approx(alone[:2, :5])


def test_a_factor_inside_a_quantity_shapes_it_and_does_not_add_to_it():
    got = means(
        stated(1, quantity=60, location="S1", first=0, last=0),
        stated(2, factor=3, sku="CUP", location="S1", first=0, last=0),
    )
    assert got[[0, 2, 3], 0].sum() == pytest.approx(60)
    assert got[3, 0] / got[0, 0] == pytest.approx(3 * 1 / 4)


def test_days_before_the_forecast_keep_an_even_share_of_a_total():
    got = means(stated(quantity=140, sku="GREEN", first=-2, last=4))
    assert got[:2, :5].sum() == pytest.approx(100)


def test_days_beyond_the_forecast_keep_the_share_that_its_last_week_gives_them():
    got = means(stated(quantity=150, sku="GREEN", first=10, last=17))
    # The days on the forecast weigh 1 2 3 1, those after it 1 1 1 1.
    assert got[:2, 10:].sum() == pytest.approx(150 * 7 / 11)


def test_where_nothing_is_expected_what_sells_on_other_days_decides_or_else_all_share_alike():
    base = EVEN.copy()
    base[:3, 0] = 0
    got = means(stated(quantity=18, category="tea", first=0, last=0), base=base)
    assert got[:3, 0].tolist() == pytest.approx([8, 4, 6])
    base[:3] = 0
    got = means(stated(quantity=18, category="tea", first=0, last=1), base=base)
    assert got[:3, :2].tolist() == [[3, 3]] * 3


def test_a_week_is_moved_by_its_days_that_are_named():
    plain = forecast_of([[14.0, 21.0]], series=SERIES[:1], period_days=7)
    got = effective(plain, [stated(factor=2, first=5, last=6)], KNOWN)
    assert got.mean_units.tolist() == [[pytest.approx(14 + 2 * 2), 21]]
    got = effective(plain, [stated(quantity=70, first=0, last=13)], KNOWN)
    assert got.mean_units[0].tolist() == pytest.approx([28, 42])


def test_a_scope_reaches_across_runs():
    old = forecast_of(EVEN[:2], series=SERIES[:2], run_id="old")
    tomorrow = FIRST + timedelta(days=1)
    new = forecast_of(EVEN[2:], series=SERIES[2:], first_day=tomorrow, run_id="new")
    got = effective_together([old, new], [stated(quantity=90, category="tea", last=1)], KNOWN)
    # Two days of 4 and 2, and one day of 3: fifteen parts.
    assert got[0].mean_units[:, :2] == pytest.approx(np.array([[24, 24], [12, 12]]))
    assert got[1].mean_units[0, 0] == pytest.approx(18)
    assert got[1].mean_units[1:].tolist() == new.mean_units[1:].tolist()


def test_when_it_acts():
    one = replace(stated(factor=2), expires_at=MOMENT + timedelta(days=2))
    assert not one.in_force(MOMENT)
    assert one.in_force(one.created_at)
    assert not one.in_force(one.expires_at)
    assert not replace(one, withdrawn_at=MOMENT + timedelta(hours=1)).in_force(one.expires_at)


names = st.fixed_dictionaries(
    {},
    optional={
        "sku": st.sampled_from(["GREEN", "BLACK", "CUP"]),
        "location": st.sampled_from(["S1", "S2"]),
        "category": st.sampled_from(["tea", "ware"]),
        "vendor": st.sampled_from(["ACME", "BOLT"]),
        "group": st.sampled_from(["north", "big"]),
    },
)


@st.composite
def any_override(draw, number):
    first = draw(st.integers(-3, 9))
    says = draw(st.sampled_from(["factor", "quantity", "per_day"]))
    value = draw(st.sampled_from([0, 0.5, 1, 3, 40, 250]))
    return stated(
        number,
        first=first,
        last=first + draw(st.integers(0, 6)),
        factor=value if says == "factor" else None,
        quantity=None if says == "factor" else value,
        per_day=says == "per_day",
        **draw(names),
    )


@st.composite
def any_layer(draw):
    return [draw(any_override(number)) for number in range(draw(st.integers(1, 5)))]


any_means = st.lists(st.sampled_from([0.0, 0.25, 1.0, 7.0]), min_size=40, max_size=40).map(
    lambda units: np.array(units).reshape(5, 8)
)


def oracle(base, overrides):  # noqa: C901
    """Each cell by itself, in fractions: who holds it, and what that statement leaves for it."""
    facts = [
        {"sku": {sku}, "location": {at}, "category": {KNOWN.category[sku]},
         "vendor": {KNOWN.vendor[sku]}, "group": KNOWN.groups[at]}
        for sku, at in SERIES
    ]  # fmt: skip
    inside = base.shape[1]
    # Beyond the end, the last week goes on.
    base = np.concatenate([base, base[:, -7:], base[:, -7:]], axis=1)
    days = base.shape[1]

    def cells(o):
        rows = [
            row for row, known in enumerate(facts)
            if all(value in known[name] for name, value in o.scope.named.items())
        ]  # fmt: skip
        return {
            (row, day) for row in rows for day in range(days)
            if o.first_day <= FIRST + timedelta(days=day) <= o.last_day
        }  # fmt: skip

    value = {(r, d): Fraction(float(base[r, d])) for r in range(5) for d in range(days)}
    for o in overrides:
        for cell in cells(o) if o.factor is not None else ():
            value[cell] *= Fraction(o.factor)
    usual = {row: sum(Fraction(float(units)) for units in base[row, :inside]) for row in range(5)}
    told = [o for o in overrides if o.quantity is not None]
    told.sort(key=lambda o: (sum(WEIGHT[n] for n in o.scope.named), o.created_at), reverse=True)
    holder = {}
    for o in told:
        for cell in cells(o):
            holder.setdefault(cell, o)
    for place, o in enumerate(told):
        gone = set().union(*(cells(p) for p in told[:place] if p.scope == o.scope), set())
        left = cells(o) - gone
        if o.quantity_basis == "per_day":
            pools = [{c for c in left if c[1] == d} for d in range(days)]
            totals = [Fraction(o.quantity)] * days
        else:
            whole = sum(Fraction(float(base[c])) for c in cells(o))
            part = sum(Fraction(float(base[c])) for c in left)
            spoken, kept = {d for _, d in cells(o)}, {d for _, d in left}
            share = part / whole if whole else Fraction(len(kept), max(1, len(spoken)))
            length = (o.last_day - o.first_day).days + 1
            pools, totals = [left], [Fraction(o.quantity) * len(spoken) / length * share]
        for pool, total in zip(pools, totals, strict=True):
            own = [c for c in pool if holder[c] is o]
            rest = max(Fraction(0), total - sum(value[c] for c in pool if holder[c] is not o))
            by = {c: value[c] for c in own}
            if not sum(by.values()):
                by = {c: usual[c[0]] for c in own}
            if not sum(by.values()):
                by = dict.fromkeys(own, Fraction(1))
            for cell in own:
                value[cell] = rest * by[cell] / sum(by.values())
    return np.array([[float(value[r, d]) for d in range(inside)] for r in range(5)])


@settings(max_examples=150, deadline=None)
@given(base=any_means, layer=any_layer())
def test_against_each_cell_by_itself(base, layer):
    got = means(*layer, base=base)
    assert got == pytest.approx(oracle(base, layer), rel=1e-9, abs=1e-9)


@settings(max_examples=60, deadline=None)
@given(base=any_means, layer=any_layer(), shuffled=st.randoms(use_true_random=False))
def test_the_layer_is_sound_whatever_is_stated(base, layer, shuffled):
    plain = forecast_of(base)
    got = effective(plain, layer, KNOWN)
    assert (got.mean_units >= 0).all()
    assert np.isfinite(got.quantiles_units).all()
    mixed = layer.copy()
    shuffled.shuffle(mixed)
    again = effective(plain, mixed, KNOWN)
    assert again.mean_units == pytest.approx(got.mean_units, rel=1e-12)
    named = np.zeros(8, dtype=bool)
    for one in layer:
        named[max(0, (one.first_day - FIRST).days) : max(0, (one.last_day - FIRST).days + 1)] = True
    assert (got.mean_units[:, ~named] == base[:, ~named]).all()
    assert (got.quantiles_units[:, ~named] == plain.quantiles_units[:, ~named]).all()


@settings(max_examples=60, deadline=None)
@given(base=any_means, layer=any_layer())
def test_quantities_that_came_true_change_nothing_more(base, layer):
    quantities = [one for one in layer if one.quantity is not None]
    once = effective(forecast_of(base + 0.5), quantities, KNOWN)
    positive = (once.mean_units > 0).all()
    inside = all(o.first_day >= FIRST and (o.last_day - FIRST).days < 8 for o in quantities)
    distinct = len({o.scope for o in quantities}) == len(quantities)
    if positive and inside and distinct:
        twice = effective(once, quantities, KNOWN)
        assert twice.mean_units == pytest.approx(once.mean_units, rel=1e-9)


@pytest.mark.parametrize(
    ("mean", "relative_variance"), [(0.2, 1.25), (1, 0.5), (5, 0.3), (50, 0.1)]
)
@pytest.mark.parametrize("k", [0.1, 0.5, 2.0, 10.0])
def test_quantiles_come_nearer_to_those_of_the_moved_count_than_stretched_ones(
    mean, relative_variance, k
):
    """A negative binomial with another mean and the same uncertainty of its rate."""

    def counts(mu):
        n = 1 / relative_variance
        return nbinom.ppf(LEVEL, n, n / (n + mu))

    own = counts(mean)
    got = rescaled_quantiles_units(
        own[None], LEVEL, mean_units=np.array([mean]), wanted_mean_units=np.array([k * mean])
    )[0]
    missed, stretched = (np.abs(q - counts(k * mean)).mean() for q in (got, k * own))
    assert missed <= max(stretched, 0.25)
    assert k < 10 or missed < stretched / 2


@pytest.mark.parametrize("mean", [0.05, 1.0, 700.0])
@pytest.mark.parametrize("relative_sd", [0.01, 0.3, 1.0, 4.0])
def test_tabled_gamma_quantiles_are_those_of_the_distribution(mean, relative_sd):
    variance = (relative_sd * mean) ** 2
    got = gamma_quantiles_units(np.array([mean]), np.array([variance]), LEVEL)[0]
    expected = gamma.ppf(LEVEL, relative_sd**-2, scale=variance / mean)
    assert got == pytest.approx(expected, rel=1e-3, abs=1e-4 * mean)


def test_a_slow_mover_that_is_scaled_up_loses_its_mass_at_zero():
    slow = poisson.ppf(LEVEL, 0.2)
    assert slow[LEVELS.index(0.8)] == 0
    got = rescaled_quantiles_units(
        slow[None], LEVEL, mean_units=np.array([0.2]), wanted_mean_units=np.array([4.0])
    )[0]
    assert got[LEVELS.index(0.5)] == pytest.approx(poisson.ppf(0.5, 4), abs=1)


def test_what_is_certain_stays_certain_and_what_ends_is_over():
    certain = np.full((2, len(LEVELS)), 3.0)
    got = rescaled_quantiles_units(
        certain, LEVEL, mean_units=np.array([3.0, 3.0]), wanted_mean_units=np.array([6.0, 0.0])
    )
    assert got[0].tolist() == [6.0] * len(LEVELS)
    assert got[1].tolist() == [0.0] * len(LEVELS)


def test_a_new_item_gets_counts_around_what_is_stated():
    got = means(stated(quantity=20, per_day=True, sku="CUP", location="S1"), base=EVEN * 0)
    assert got[3, :7].tolist() == [20] * 7
    plain = forecast_of(EVEN * 0)
    new = effective(plain, [stated(quantity=20, per_day=True, sku="CUP", location="S1")], KNOWN)
    quantiles = new.quantiles_units[3, 0]
    # Variance 20 + (20 / 2)^2 = 120: a deviation of 11.
    low, high = quantiles[LEVELS.index(0.1)], quantiles[LEVELS.index(0.9)]
    assert low == pytest.approx(8, abs=2)
    assert high == pytest.approx(35, abs=3)
