"""Overrides in PostgreSQL: facts that stay, and the forecast that acts because of them."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import psycopg
import pytest
from scipy.stats import poisson

from inventory.demand import LEVELS, DemandForecast
from inventory.errors import (
    InputRejected,
    NotFound,
    StateConflict,
    UnknownLocation,
    UnknownSku,
)
from inventory.override_statement import state_override
from inventory.overrides import Scope
from inventory.store import overrides as store
from inventory.store.effective_forecasts import read_adjusted, read_effective
from inventory.store.forecasts import read_current, store_run

FIRST = date(2026, 3, 2)
NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
H = 14
MEANS = {("GREEN", "S1"): 4.0, ("GREEN", "S2"): 2.0, ("BLACK", "S1"): 3.0, ("CUP", "S1"): 1.0}


def forecast_of(means, *, run_id, first_day=FIRST):
    keys = sorted(means)
    mean = np.repeat([[means[key]] for key in keys], H, axis=1)
    return DemandForecast(
        skus=tuple(sku for sku, _ in keys),
        locations=tuple(location for _, location in keys),
        first_day=first_day,
        levels=np.array(LEVELS),
        quantiles_units=poisson.ppf(np.array(LEVELS), mean[..., None]),
        mean_units=mean,
        dependence=np.full((len(keys), 2), 0.2),
        run_id=run_id,
        model_version="test",
    )


@pytest.fixture
def shop(db):
    db.execute("insert into vendors (vendor, name) values ('ACME', 'Acme'), ('BOLT', 'Bolt')")
    db.execute(
        "insert into locations (location, name, type) values "
        "('S1', 'One', 'store'), ('S2', 'Two', 'store'), ('DC', 'Centre', 'warehouse')"
    )
    db.execute("insert into groups (group_id, name) values ('north', 'North')")
    db.execute("insert into group_members values ('north', 'S1'), ('north', 'S2')")
    db.execute(
        "insert into skus (sku, name, category, vendor) values ('GREEN', 'Green', 'tea', 'ACME'), "
        "('BLACK', 'Black', 'tea', 'BOLT'), ('CUP', 'Cup', 'ware', 'ACME'), "
        "('NEW', 'New', 'tea', null)"
    )
    store_run(db, forecast_of(MEANS, run_id="run-1"), now=NOW)
    return db


def state(db, *, first=0, last=6, now=NOW, actor="planner:k1", confirmed=False, **what):
    given = {name: what.pop(name) for name in ("sku", "location", "category", "vendor", "group")
             if name in what}  # fmt: skip
    return store.add(
        db,
        state_override(
            scope=Scope(**given),
            first_day=FIRST + timedelta(days=first),
            last_day=FIRST + timedelta(days=last),
            reason=what.pop("reason", "event"),
            actor=actor,
            now=now,
            confirmed=confirmed,
            **what,
        ),
    )


def acting(db, *, now=NOW, **which):
    """Mean units per day over the first week, by series, as policy would read them."""
    return {
        key: forecast.mean_units[row, :7].tolist()
        for forecast in read_effective(db, now=now, **which)
        for row, key in enumerate(zip(forecast.skus, forecast.locations, strict=True))
    }


def test_without_overrides_the_forecast_acts_as_it_is_stored(shop):
    (got,), (stored,) = read_effective(shop, now=NOW), read_current(shop)
    assert got.run_id == stored.run_id
    assert (got.quantiles_units == stored.quantiles_units).all()


def test_what_is_stated_is_read_back(shop):
    put = state(shop, sku="GREEN", location="S1", quantity=70, quantity_basis="per_day",
                note="fair", expires_at=NOW + timedelta(days=3))  # fmt: skip
    assert store.read_overrides(shop) == [put]
    assert store.read_overrides(shop, at=NOW) == [put]
    assert store.read_overrides(shop, at=NOW - timedelta(seconds=1)) == []
    assert store.read_overrides(shop, at=NOW + timedelta(days=3)) == []
    assert store.read_overrides(shop, since=FIRST + timedelta(days=7)) == []
    assert store.read_overrides(shop, skus=["BLACK"]) == []


def test_an_override_acts_until_it_expires(shop):
    state(shop, sku="GREEN", location="S1", factor=2, expires_at=NOW + timedelta(days=1))
    assert acting(shop)["GREEN", "S1"] == [8] * 7
    assert acting(shop)["GREEN", "S2"] == [2] * 7
    assert acting(shop, now=NOW + timedelta(days=1))["GREEN", "S1"] == [4] * 7


def test_who_plans_from_old_files_as_of_their_last_morning_has_it_too(shop):
    state(shop, sku="GREEN", location="S1", factor=2, now=NOW + timedelta(days=900))
    assert acting(shop, now=NOW)["GREEN", "S1"] == [8] * 7
    assert store.read_overrides(shop, at=NOW) == [], "but nobody had stated it by then"


def test_a_new_run_keeps_it(shop):
    state(shop, sku="GREEN", location="S1", quantity=10, quantity_basis="per_day")
    store_run(shop, forecast_of(dict.fromkeys(MEANS, 9.0), run_id="run-2"), now=NOW)
    assert acting(shop)["GREEN", "S1"] == pytest.approx([10] * 7)
    assert acting(shop)["GREEN", "S2"] == [9] * 7


def test_who_reads_one_series_gets_its_share_of_the_category(shop):
    state(shop, category="tea", quantity=180, quantity_basis="per_day")
    state(shop, sku="BLACK", location="S1", quantity=60, quantity_basis="per_day")
    everything = acting(shop)
    assert everything["GREEN", "S1"] == pytest.approx([80] * 7)
    assert everything["GREEN", "S2"] == pytest.approx([40] * 7)
    assert everything["CUP", "S1"] == [1] * 7
    for sku, location in MEANS:
        alone = acting(shop, skus=[sku], locations=[location])
        assert alone == {(sku, location): pytest.approx(everything[sku, location])}


def test_a_share_hangs_on_quantities_that_are_not_its_own(shop):
    """CUP shares 100 of ACME with GREEN, which keeps 30 of tea's 60 after BLACK has taken 30."""
    state(shop, vendor="ACME", quantity=100, quantity_basis="per_day")
    state(shop, category="tea", quantity=60, quantity_basis="per_day")
    state(shop, sku="BLACK", quantity=30, quantity_basis="per_day")
    assert acting(shop, skus=["CUP"])["CUP", "S1"] == pytest.approx([70] * 7)
    assert acting(shop)["CUP", "S1"] == pytest.approx([70] * 7)


def test_a_scope_reaches_across_runs(shop):
    store_run(shop, forecast_of({("BLACK", "S1"): 6.0}, run_id="run-2"), now=NOW)
    state(shop, category="tea", quantity=120, quantity_basis="per_day")
    assert acting(shop)["BLACK", "S1"] == pytest.approx([60] * 7)
    assert acting(shop, skus=["GREEN"])["GREEN", "S1"] == pytest.approx([40] * 7)


def test_a_group_of_locations(shop):
    state(shop, group="north", sku="GREEN", factor=0)
    assert acting(shop)["GREEN", "S2"] == [0] * 7
    assert acting(shop)["BLACK", "S1"] == [3] * 7


def test_the_week_that_repeats_beyond_the_horizon_is_a_plain_one(shop):
    """Long lead times see the last week again and again: not the one that was overridden."""
    state(shop, sku="GREEN", location="S1", factor=5, first=7, last=13)
    (forecast,) = read_effective(shop, now=NOW, skus=["GREEN"], locations=["S1"])
    assert forecast.horizon == H + 7
    assert forecast.mean_units[0].tolist() == [4] * 7 + [20] * 7 + [4] * 7


def test_a_run_that_ended_long_ago_is_overridden_where_it_acts_now(shop):
    old = forecast_of({("CUP", "S1"): 2.0}, run_id="old", first_day=date(2025, 11, 3))
    store_run(shop, old, now=NOW)
    state(shop, sku="CUP", factor=3, first=0, last=1)
    (forecast,) = read_effective(shop, now=NOW, skus=["CUP"])
    assert forecast.first_day == FIRST - timedelta(days=1)
    assert forecast.mean_units[0, :4].tolist() == [2, 6, 6, 2]


def test_untouched_series_are_bit_for_bit_as_stored(shop):
    state(shop, sku="GREEN", location="S1", factor=2)
    plain, touched = read_effective(shop, now=NOW)
    (stored,) = read_current(shop)
    assert set(zip(plain.skus, plain.locations, strict=True)) == set(MEANS) - {("GREEN", "S1")}
    rows = [i for i in range(4) if (stored.skus[i], stored.locations[i]) != ("GREEN", "S1")]
    assert (plain.quantiles_units == stored.quantiles_units[rows]).all()
    assert touched.run_id == stored.run_id


def test_before_and_after_of_one_series(shop):
    first = state(shop, sku="GREEN", factor=2)
    state(shop, sku="GREEN", factor=3, first=20, last=25)
    state(shop, sku="BLACK", factor=3)
    found = read_adjusted(shop, "GREEN", "S2", now=NOW)
    assert found.overrides == (first,)
    assert found.statistical.mean_units[0, 0] == 2
    assert found.final.mean_units[0].tolist() == [4] * 7 + [2] * 7
    assert read_adjusted(shop, "NEW", "S1", now=NOW) is None


def test_withdrawn_for_good_and_on_record(shop):
    put = state(shop, sku="GREEN", location="S1", factor=2)
    later = NOW + timedelta(hours=1)
    gone = store.withdraw(shop, put.override_id, reason="cancelled", actor="planner:k2", now=later)
    assert gone == replace(put, withdrawn_at=later)
    assert acting(shop, now=later)["GREEN", "S1"] == [4] * 7
    assert store.read_overrides(shop, at=NOW) == [gone], "as it was stays readable"
    assert store.read_overrides(shop, at=later) == []
    row = store.get(shop, put.override_id, at=later)
    assert (row["withdrawn_by"], row["withdrawn_because"]) == ("planner:k2", "cancelled")
    assert not row["active"]
    with pytest.raises(StateConflict, match="withdrawn"):
        store.withdraw(shop, put.override_id, reason="again", actor="planner:k2", now=later)
    with pytest.raises(NotFound):
        store.withdraw(shop, 999, reason="what", actor="planner:k2", now=later)
    with pytest.raises(InputRejected, match="1000 at most"):
        store.withdraw(shop, 999, reason="x" * 1001, actor="planner:k2", now=later)


def test_nothing_stated_is_rewritten(shop):
    put = state(shop, sku="GREEN", location="S1", factor=2)
    store.withdraw(shop, put.override_id, reason="wrong", actor="planner:k2", now=NOW)
    for statement in (
        "update forecast_overrides set factor = 1",
        "delete from forecast_overrides",
        "delete from forecast_override_withdrawals",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            shop.execute(statement)


def test_a_scope_that_names_what_there_is_not(shop):
    for scope, refusal, field in [
        ({"sku": "GONE"}, UnknownSku, "sku"),
        ({"location": "GONE"}, UnknownLocation, "location"),
        ({"category": "toys"}, InputRejected, "category"),
        ({"vendor": "CORP"}, InputRejected, "vendor"),
        ({"group": "south"}, InputRejected, "group"),
    ]:
        with pytest.raises(refusal) as told:
            state(shop, factor=2, **scope)
        assert told.value.field == field


def test_days_that_are_over(shop):
    with pytest.raises(InputRejected, match="is over") as told:
        state(shop, sku="GREEN", factor=2, first=-9, last=-2)
    assert told.value.field == "to"
    # A forecast of days gone by, as of old files, is there to be overridden all the same.
    state(shop, sku="GREEN", factor=2, now=NOW + timedelta(days=400))


def test_days_that_nobody_plans_yet(shop):
    # 2206 for 2026: of each series, 180 years of days would be worked out.
    with pytest.raises(InputRejected, match="is too far ahead; give a day up to 20") as told:
        state(shop, sku="GREEN", factor=2, first=65_700, last=65_706)
    assert told.value.field == "to"
    state(shop, sku="GREEN", factor=2, first=700, last=730)


def test_reasons_are_summed_up_by_their_code(shop):
    said = ["promotion", "New item", "data_error", "the circus is in town"]
    for reason in said:
        state(shop, sku="GREEN", factor=2, reason=reason)
    got = store.read_overrides(shop)
    assert [override.reason for override in got] == said
    codes = [override.reason_code for override in got]
    assert codes == ["promotion", "new-item", "data-error", "other"]


def test_a_scope_without_a_forecast(shop):
    for scope in ({"sku": "NEW"}, {"location": "DC"}, {"sku": "CUP", "location": "S2"}):
        with pytest.raises(NotFound, match=r"no forecast '.+'; .+ `vouch daily`"):
            state(shop, factor=2, **scope)


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ({"factor": 2, "first": 3, "last": 2}, "to"),
        ({"factor": 2, "last": 800}, "to"),
        ({}, "quantity"),
        ({"factor": 2, "quantity": 3}, "factor"),
        ({"quantity": -1}, "quantity"),
        ({"quantity": float("nan")}, "quantity"),
        ({"factor": -0.5}, "factor"),
        ({"factor": 20}, "factor"),
        ({"factor": 2000, "confirmed": True}, "factor"),
        ({"factor": float("nan")}, "factor"),
        ({"factor": 2, "reason": " "}, "reason"),
        ({"factor": 2, "reason": "x" * 201}, "reason"),
        ({"factor": 2, "note": "x" * 1001}, "note"),
        ({"quantity": 2, "quantity_basis": "per_week"}, "quantity_basis"),
        ({"factor": 2, "expires_at": NOW}, "expires_at"),
        ({"factor": 2, "first": 3, "expires_at": NOW + timedelta(days=1)}, "expires_at"),
    ],
)
def test_a_statement_that_cannot_be_meant(what, field):
    given = {"first": 0, "last": 6, "reason": "event"} | what
    days = {f"{name}_day": FIRST + timedelta(days=given.pop(name)) for name in ("first", "last")}
    with pytest.raises(InputRejected) as told:
        state_override(scope=Scope(sku="GREEN"), actor="planner:k1", now=NOW, **days, **given)
    assert told.value.field == field


def test_a_large_factor_that_is_meant(shop):
    state(shop, sku="GREEN", location="S1", factor=20, confirmed=True)
    assert acting(shop)["GREEN", "S1"] == pytest.approx([80] * 7)


def test_lists_page_the_latest_first_and_tell_what_acts(shop):
    ids = [state(shop, sku="GREEN", factor=1 + n / 10).override_id for n in range(3)]
    other = state(shop, sku="BLACK", factor=2).override_id
    store.withdraw(shop, ids[1], reason="no", actor="planner:k1", now=NOW)

    def listed(before=None, limit=10, **wanted):
        rows = store.page(shop, store.OverrideFilter(**wanted), at=NOW, before=before, limit=limit)
        return [(row["override_id"], row["active"]) for row in rows]

    assert listed(sku="GREEN") == [(ids[2], True), (ids[1], False), (ids[0], True)]
    assert listed(sku="GREEN", active=True) == [(ids[2], True), (ids[0], True)]
    assert listed(active=False) == [(ids[1], False)]
    assert listed(limit=1) == [(other, True)]
    assert listed(before=other, limit=1) == [(ids[2], True)]


def test_the_same_again_is_found(shop):
    put = state(shop, category="tea", quantity=5)
    again = replace(put, override_id=0, created_at=NOW + timedelta(hours=1))
    assert store.stated_already(shop, again) == put.override_id
    assert store.stated_already(shop, replace(again, quantity=6)) is None
    assert store.stated_already(shop, replace(again, scope=Scope(vendor="ACME"))) is None
    store.withdraw(shop, put.override_id, reason="no", actor="planner:k1", now=NOW)
    assert store.stated_already(shop, again) is None


def test_others_that_act_on_the_same_days_of_the_same_series_are_told(shop):
    what = {"factor": 1.5, "reason": "event"}
    tea = state(shop, category="tea", **what)
    state(shop, sku="CUP", **what)
    state(shop, sku="GREEN", first=7, last=9, **what)
    state(shop, sku="BLACK", **what)
    last = state(shop, sku="GREEN", location="S1", first=6, last=6, **what)
    keys = store.series_in(shop, last.scope)
    assert store.acting_beside(shop, last, keys, now=NOW) == [tea.override_id]
