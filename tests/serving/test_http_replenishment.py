"""Exceptions and held changes over HTTP."""

import uuid
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import polars as pl
import pytest

from inventory.store import database
from inventory.store.planning_exceptions import FOUND_SCHEMA, replace_exceptions
from inventory.store.policy_changes import put_in_force
from inventory.store.policy_recomputes import due_recomputes
from pipelines.settings import Settings
from serving import app

NOW = datetime.now(UTC)


def policy(sku, location, mean):
    return pl.DataFrame([{
        "sku": sku, "location": location, "safety_stock": 0.0, "reorder_point": mean,
        "order_quantity": 20.0, "order_up_to": mean + 20, "lead_time_days": 5.0,
        "lead_time_sd_days": 0.0, "review_period_days": 1.0, "service_level": 0.95,
        "target_kind": "cycle_service", "lead_time_mean": mean, "review_mean": 0.0,
        "target_units": mean, "economic_lot": 20.0, "min_order_units": 0.0, "pack_units": 1.0,
        "max_units": None, "segment": "", "demand_law": "path", "run_id": f"r-{mean}",
        "basis_id": None, "unit_cost": 4.0, "order_cost": 5.0, "holding_cost": 1.0,
        "change_factor_max": 3.0,
    }]).with_columns(
        pl.col("max_units").cast(pl.Float64), pl.col("basis_id").cast(pl.Int64)
    )  # fmt: skip


@pytest.fixture
def held(shop, http_database_url):
    """A SKU whose reorder point would leap from 100 to 1,000."""
    vendor, dc = f"V-{shop.mark}", shop.location()
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    sku = shop.sku(vendor=vendor, unit_cost=2.5)
    with database.connect(http_database_url) as db:
        for mean in (100.0, 1000.0):
            put_in_force(db, policy(sku, dc, mean), now=NOW)
    return sku, dc


def changes(shop, sku, **query):
    found = shop.ok(shop.client.get("/policy-changes", params={"sku": sku, **query}))
    return found["changes"]


def test_a_planner_approves_what_waits_once(shop, held, client_of):
    sku, dc = held
    (change,) = changes(shop, sku, state="held")
    assert change["new"]["reorder_point"] == 1000
    path = f"/policy-changes/{change['id']}/approve"
    assert client_of("buyer").post(path, json={"reason": "yes"}).status_code == 403
    assert shop.client.post(path, json={}).status_code == 422
    key = {"Idempotency-Key": uuid.uuid4().hex}
    planner = client_of("planner")
    first = planner.post(path, json={"reason": "a new contract"}, headers=key)
    again = planner.post(path, json={"reason": "a new contract"}, headers=key)
    assert first.json() == again.json()
    assert first.json()["state"] == "approved"
    assert planner.post(path, json={"reason": "once more"}).status_code == 409
    assert shop.ok(shop.client.get(f"/policies/{sku}/{dc}"))["reorder_point"] == 1000


def test_refused_the_policy_stays(shop, held):
    sku, dc = held
    (change,) = changes(shop, sku)
    refused = shop.client.post(f"/policy-changes/{change['id']}/refuse", json={"reason": "no"})
    assert shop.ok(refused)["decision_reason"] == "no"
    assert shop.ok(shop.client.get(f"/policies/{sku}/{dc}"))["reorder_point"] == 100


def test_exceptions_are_listed_by_page_and_kind(shop, http_database_url):
    skus = [f"X{n}-{shop.mark}" for n in range(3)]
    rows = [
        {"kind": "no_price", "sku": sku, "location": None, "vendor": None, "subject": None,
         "message": f"{sku} has no price", "remedy": "set it", "blocks": False}
        for sku in skus
    ]  # fmt: skip
    with database.connect(http_database_url) as db:
        replace_exceptions(db, pl.DataFrame(rows, schema=FOUND_SCHEMA), now=NOW, skus=skus)
    seen, cursor = [], None
    while len(seen) < 3:
        query = {"kind": "no_price", "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = shop.ok(shop.client.get("/replenishment/exceptions", params=query))
        seen += [e["sku"] for e in page["exceptions"] if e["sku"] in skus]
        cursor = page["next_cursor"]
    assert sorted(seen) == skus
    assert shop.client.get("/replenishment/exceptions", params={"cursor": "x"}).status_code == 422


def test_a_refusal_is_seen_and_lifted_by_who_may_order(shop, client_of, http_database_url):
    vendor, dc = f"V-{shop.mark}", shop.location()
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    sku, order = shop.sku(vendor=vendor, unit_cost=2.5), f"PO-{shop.mark}"
    with database.connect(http_database_url) as db:
        db.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on) values (%s, %s, %s, 'proposed', %s, %s, %s)",
            [order, vendor, dc, NOW, NOW, NOW.date()],
        )
        db.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "unit_cost, explanation, run_id) values (%s, 1, %s, 20, 2.5, '{}', 'run')",
            [order, sku],
        )
    planner = client_of("planner")
    shop.ok(planner.post(f"/purchase-orders/{order}/reject", json={"reason": "under dispute"}))
    query = {"sku": sku, "location": dc}
    (found,) = shop.ok(shop.client.get("/order-refusals", params=query))["refusals"]
    assert (found["needed_units"], found["reason"], found["purchase_order"]) == (
        20, "under dispute", order,
    )  # fmt: skip
    assert (found["state"], found["proposed_again_from_units"]) == ("held", 25)
    path = f"/order-refusals/{found['id']}/lift"
    assert client_of("viewer").post(path, json={"reason": "no"}).status_code == 403
    assert planner.post(path, json={}).status_code == 422
    assert shop.ok(client_of("buyer").post(path, json={"reason": "settled"}))["state"] == "ended"
    assert planner.post(path, json={"reason": "again"}).status_code == 409
    assert planner.post("/order-refusals/0/lift", json={"reason": "x"}).status_code == 404
    assert shop.ok(shop.client.get("/order-refusals", params=query))["refusals"] == []
    every = shop.ok(shop.client.get("/order-refusals", params=query | {"held": False}))
    assert [each["ended_reason"] for each in every["refusals"]] == ["settled"]


def test_a_new_price_or_term_asks_for_a_new_policy(shop, held, http_database_url):
    sku, _ = held
    with database.connect(http_database_url) as db:
        db.execute("delete from policy_recomputes")
        body = {"name": "x", "vendor": f"V-{shop.mark}", "unit_cost": 2.5}
        shop.ok(shop.client.put(f"/skus/{sku}", json=body | {"category": "other"}))
        assert due_recomputes(db, limit=9) == []
        shop.ok(shop.client.put(f"/skus/{sku}", json=body | {"unit_cost": 9}))
        assert due_recomputes(db, limit=9) == [sku]
        db.execute("delete from policy_recomputes")
        shop.ok(shop.client.put(f"/vendors/V-{shop.mark}", json={"lead_time_days": 9}))
        assert due_recomputes(db, limit=9) == [sku]
        db.execute("delete from policy_recomputes")
        shop.ok(shop.client.put(f"/policy-rules/r-{shop.mark}", json={"fill_rate": 0.9}))
        assert sku in due_recomputes(db, limit=10_000)
    # What the server does every minute leaves nothing due.
    settings = Settings(database_url=http_database_url)
    later = NOW + timedelta(minutes=1)
    app._replan_expired(SimpleNamespace(settings=settings, clock=lambda: later))
    with database.connect(http_database_url) as db:
        assert due_recomputes(db, limit=9) == []
    shop.client.delete(f"/policy-rules/r-{shop.mark}")
