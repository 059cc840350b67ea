"""Changes of policies: kept with their reason, held when too large, decided by a planner."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store.policies import read_policy
from inventory.store.policy_changes import decide, list_changes, put_in_force

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)


@pytest.fixture
def shop(db):
    db.execute("insert into locations (location, name, type) values ('DC', 'x', 'warehouse')")
    db.execute("insert into vendors (vendor, name) values ('ACME', 'Acme')")
    db.execute("insert into skus (sku, name, vendor) values ('TEA', 'x', 'ACME')")
    return db


def put(db, mean, *, day=0, asked=False, **changed):
    """A policy with a safety stock of a fifth of mean demand and a lot of 20."""
    row = {
        "sku": "TEA", "location": "DC", "safety_stock": mean / 5, "reorder_point": 1.2 * mean,
        "order_quantity": 20.0, "order_up_to": 1.2 * mean + 20, "lead_time_days": 5.0,
        "lead_time_sd_days": 0.0, "review_period_days": 1.0, "service_level": 0.95,
        "target_kind": "cycle_service", "lead_time_mean": mean, "review_mean": 0.0,
        "target_units": 1.2 * mean, "economic_lot": 20.0, "min_order_units": 0.0,
        "pack_units": 1.0, "max_units": None, "segment": "", "demand_law": "path",
        "run_id": f"run-{day}", "basis_id": None, "unit_cost": 4.0, "order_cost": 5.0,
        "holding_cost": 1.0, "change_factor_max": 3.0,
    } | changed  # fmt: skip
    frame = pl.DataFrame([row]).with_columns(
        pl.col("max_units").cast(pl.Float64), pl.col("basis_id").cast(pl.Int64)
    )
    return put_in_force(db, frame, now=NOW + timedelta(days=day), asked=asked)


def point(db):
    return read_policy(db, "TEA", "DC")["reorder_point"]


def states(db):
    return [change["state"] for change in list_changes(db)]


def test_a_first_policy_is_no_change_and_the_same_again_is_none(shop):
    assert put(shop, 100)[0] == 1
    assert put(shop, 100)[0] == 0
    assert put(shop, 100, day=1)[0] == 1  # Another run that says the same is noted, not a change.
    assert list_changes(shop) == []


@pytest.mark.parametrize(
    ("changed", "reasons"),
    [
        ({}, ["forecast"]),
        ({"run_id": "run-0", "lead_time_days": 8.0}, ["lead time"]),
        ({"service_level": 0.99}, ["forecast", "target"]),
        ({"run_id": "run-0", "lead_time_mean": 100.0, "unit_cost": 9.0}, ["cost"]),
        ({"demand_law": "normal", "pack_units": 6.0}, ["forecast", "demand law", "packs"]),
    ],
    ids=["forecast", "lead-time", "target", "cost", "law-and-packs"],
)
def test_a_change_is_kept_with_what_was_what_is_and_why(shop, changed, reasons):
    put(shop, 100)
    put(shop, 150, day=1, **changed)
    (change,) = list_changes(shop)
    assert change["reasons"] == reasons
    assert (change["old"]["reorder_point"], change["new"]["reorder_point"]) == (120, 180)
    assert change["at"] == NOW + timedelta(days=1)
    assert change["state"] == "applied"


def test_a_change_beyond_the_bound_waits_and_the_old_policy_stays(shop):
    put(shop, 100)
    written, kept = put(shop, 1000, day=1)
    assert written == 0
    assert kept["reorder_point"].to_list() == [120]
    assert point(shop) == 120
    put(shop, 1100, day=2)  # A later run renews what waits.
    (change,) = list_changes(shop, state="held")
    assert change["new"]["reorder_point"] == 1320
    assert change["factor"] == pytest.approx(1325 / 125)


def test_a_collapse_waits_too_but_a_few_units_do_not(shop):
    put(shop, 100)
    put(shop, 2, day=1)
    assert states(shop) == ["held"]
    shop.execute("truncate policies, policy_changes")
    put(shop, 1, economic_lot=1.0, order_up_to=2.2)
    put(shop, 6, day=1, economic_lot=1.0, order_up_to=8.2)
    assert states(shop) == ["applied"]


def test_approved_it_is_in_force(shop):
    put(shop, 100)
    put(shop, 1000, day=1)
    (change,) = list_changes(shop)
    done = decide(shop, change["id"], approve=True, actor="pia", reason="a new contract", now=NOW)
    assert (done["state"], done["decided_by"]) == ("approved", "pia")
    assert point(shop) == 1200
    assert put(shop, 1000, day=1)[0] == 0
    with pytest.raises(StateConflict):
        decide(shop, change["id"], approve=False, actor="pia", reason="oh", now=NOW)


def test_refused_it_stays_away_until_figures_move_on(shop):
    put(shop, 100)
    put(shop, 1000, day=1)
    (change,) = list_changes(shop)
    decide(shop, change["id"], approve=False, actor="pia", reason="a one-off", now=NOW)
    assert put(shop, 1200, day=2)[1]["reorder_point"].to_list() == [120]
    assert states(shop) == ["refused"]  # Nobody is asked the same again.
    put(shop, 9000, day=3)
    assert states(shop) == ["held", "refused"]
    put(shop, 150, day=4)
    assert states(shop) == ["applied", "lapsed", "refused"]
    assert point(shop) == 180


def test_what_a_person_asked_for_does_not_wait(shop):
    put(shop, 100)
    put(shop, 1000, day=1, asked=True)
    assert point(shop) == 1200
    put(shop, 9000, day=2, service_level=0.999)
    assert states(shop) == ["applied", "applied"]


def test_a_decision_needs_a_reason_and_a_change(shop):
    with pytest.raises(InputRejected):
        decide(shop, 1, approve=True, actor="pia", reason=" ", now=NOW)
    with pytest.raises(NotFound):
        decide(shop, 1, approve=True, actor="pia", reason="yes", now=NOW)
