"""Forecasts, policies and orders to vendors over HTTP, on rows that planning would write."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from inventory.demand import LEVELS, DemandForecast
from inventory.store import database, forecasts

NOW = datetime.now(UTC)


@pytest.fixture
def planned(shop, http_database_url):
    """A SKU with a certain forecast of 3 units a day, a policy and a proposed order."""
    vendor, dc = f"V-{shop.mark}", shop.location()
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    sku = shop.sku(vendor=vendor, unit_cost=2.5)
    order_id = f"PO-{shop.mark}"
    certain = DemandForecast(
        skus=(sku,),
        locations=(dc,),
        first_day=date(2026, 3, 2),
        levels=np.array(LEVELS),
        quantiles_units=np.full((1, 14, len(LEVELS)), 3.0),
        mean_units=np.full((1, 14), 3.0),
        dependence=np.zeros((1, 2)),
        run_id=f"run-{shop.mark}",
        model_version="7",
    )
    with database.connect(http_database_url) as db:
        forecasts.store_run(db, certain, now=NOW)
        db.execute(
            "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
            "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
            "values (%s, %s, 4, 16, 20, 36, 2, 1, 0.95, %s, %s)",
            [sku, dc, certain.run_id, NOW],
        )
        db.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on) values (%s, %s, %s, 'proposed', %s, %s, %s)",
            [order_id, vendor, dc, NOW, NOW, NOW.date()],
        )
        db.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "unit_cost, explanation, run_id) values (%s, 1, %s, 20, 2.5, '{}', %s)",
            [order_id, sku, certain.run_id],
        )
    return shop, sku, dc, vendor, order_id


def test_forecast_by_day_and_over_a_window(planned):
    shop, sku, dc, _, _ = planned
    query = {"horizon": 5, "window": 10}
    answer = shop.ok(shop.client.get(f"/forecasts/{sku}/{dc}", params=query))
    assert (answer["run"], answer["model_version"]) == (f"run-{shop.mark}", "7")
    assert answer["origin"] == "2026-03-01"
    assert [day["date"] for day in answer["days"]] == [f"2026-03-0{n}" for n in range(2, 7)]
    first = answer["days"][0]
    assert first["mean"] == first["q05"] == first["q50"] == first["q95"] == 3
    # What is certain each day is certain over the window.
    window = answer["window"]
    assert (window["days"], window["mean"]) == (10, 30)
    assert window["quantiles"]["q05"] == window["quantiles"]["q95"] == 30
    too_long = shop.client.get(f"/forecasts/{sku}/{dc}", params={"window": 15})
    assert too_long.status_code == 422
    assert too_long.json()["field"] == "window"


def test_no_forecast_is_said(shop):
    answer = shop.client.get(f"/forecasts/{shop.sku()}/{shop.location()}")
    assert answer.status_code == 404
    assert answer.json()["kind"] == "forecast"


def test_policy_with_its_terms(planned):
    shop, sku, dc, _, _ = planned
    policy = shop.ok(shop.client.get(f"/policies/{sku}/{dc}"))
    assert policy["safety_stock"] == 4
    assert policy["reorder_point"] == 16
    assert policy["order_quantity"] == 20
    assert policy["order_up_to"] == 36
    assert policy["service_level"] == 0.95
    assert "safety_stock" in policy["explanation"]


def test_an_order_from_proposal_to_the_shelf(planned, client_of):
    shop, sku, _, vendor, order_id = planned
    path = f"/purchase-orders/{order_id}"
    listed = shop.ok(
        shop.client.get("/purchase-orders", params={"state": "proposed", "vendor": vendor})
    )
    assert [order["id"] for order in listed["orders"]] == [order_id]
    edit = {"lines": [{"sku": sku, "quantity": 24}], "reason": "full pallets"}
    edited = shop.ok(client_of("planner").patch(path, json=edit))
    assert [line["quantity"] for line in edited["lines"]] == [24]
    assert client_of("viewer").post(f"{path}/accept").status_code == 403
    steps = [
        ("planner", "accept", "accepted"),
        ("buyer", "approve", "approved"),
        ("buyer", "send", "sent"),
        ("vendor", "confirm", "confirmed"),
        ("vendor", "ship", "shipped"),
        ("buyer", "receive", "received"),
    ]
    for role, act, state in steps:
        if role != "planner":
            assert client_of("planner").post(f"{path}/{act}").status_code == 403
        client = client_of(role, vendor if role == "vendor" else None)
        assert shop.ok(client.post(f"{path}/{act}"))["state"] == state
    found = shop.ok(shop.client.get(f"/inventory/{sku}"))
    assert found["locations"][0]["statuses"]["available"] == 24
    again = shop.client.post(f"{path}/approve")
    assert again.status_code == 409
    assert again.json()["type"].endswith("/state-conflict")


def test_another_vendors_order_does_not_exist(planned, client_of):
    shop, _, _, _, order_id = planned
    other = f"VX-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{other}", json={"lead_time_days": 2}))
    stranger = client_of("vendor", other)
    assert stranger.get(f"/purchase-orders/{order_id}").status_code == 404
    assert stranger.post(f"/purchase-orders/{order_id}/confirm").status_code == 404
    assert stranger.get("/purchase-orders").json()["orders"] == []


def test_a_sku_is_planned_when_somebody_asks(planned, client_of):
    """The draft of 20 gives way to one of planning's own, by its forecast of 3 a day."""
    shop, sku, dc, _, _ = planned
    assert client_of("viewer").post("/policies/compute", json={"skus": [sku]}).status_code == 403
    before = shop.ok(shop.client.get(f"/policies/{sku}/{dc}"))
    asked = client_of("buyer").post("/policies/compute", json={"skus": [sku]})
    assert shop.ok(asked)["state"] in {"done", "queued"}
    if asked.json()["state"] == "done":
        after = shop.ok(shop.client.get(f"/policies/{sku}/{dc}"))
        assert after["computed_at"] != before["computed_at"]
    for skus in ([], ["nobody"], [sku] * 101):
        answer = client_of("buyer").post("/policies/compute", json={"skus": skus})
        assert answer.status_code == 422


def test_alerts_page(shop):
    found = shop.ok(shop.client.get("/alerts", params={"severity": "critical", "limit": 5}))
    assert {alert["severity"] for alert in found["alerts"]} <= {"critical"}
    assert len(found["alerts"]) <= 5
    assert shop.client.get("/alerts", params={"severity": "terrible"}).status_code == 422


def test_lead_times_page_and_a_vendor_sees_its_own(planned, client_of, http_database_url):
    shop, _, dc, vendor, _ = planned
    with database.connect(http_database_url) as db:
        for place in ("", dc):
            db.execute(
                "insert into lane_lead_times values (%s, %s, 4, 5, 6, 1, 0.9, 5.5, 1.1, 2, 0, %s)",
                [vendor, place, NOW],
            )
    first = shop.ok(shop.client.get("/lead-times", params={"vendor": vendor, "limit": 1}))
    assert [row["location"] for row in first["lead_times"]] == [None]
    more = {"vendor": vendor, "limit": 1, "cursor": first["next_cursor"]}
    second = shop.ok(shop.client.get("/lead-times", params=more))
    assert [(r["location"], r["orders"]) for r in second["lead_times"]] == [(dc, 4)]
    shop.ok(shop.client.put(f"/vendors/other-{shop.mark}", json={}))
    other = client_of("vendor", f"other-{shop.mark}").get("/lead-times", params={"vendor": vendor})
    assert other.json()["lead_times"] == []
