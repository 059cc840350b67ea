"""Targets, prices by quantity, budgets and hubs over HTTP."""

from datetime import UTC, datetime

import pytest

from inventory.store import database
from pipelines.ingest import import_file


def test_a_policy_rule_comes_back_and_is_withdrawn(shop):
    rule = f"/policy-rules/r-{shop.mark}"
    stored = shop.ok(shop.client.put(rule, json={"abc": "A", "xyz": "X", "fill_rate": 0.98}))
    assert stored["created"]
    assert shop.ok(shop.client.get(rule))["fill_rate"] == 0.98
    assert shop.client.delete(rule).status_code == 204
    assert shop.client.get(rule).status_code == 404


@pytest.mark.parametrize(
    "body",
    [{"cycle_service": 95}, {"cycle_service": 0.9, "fill_rate": 0.9}, {"abc": "A"},
     {"shortage_cost": 1}, {"service": 0.9}],
    ids="-".join,
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_refused(shop, body):
    answer = shop.client.put(f"/policy-rules/bad-{shop.mark}", json=body)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_prices_by_quantity_and_a_budget(shop):
    sku = shop.sku()
    breaks = [{"from": 0, "to": 100, "unit_cost": 5}, {"from": 100, "unit_cost": 4.5}]
    table = shop.ok(shop.client.put(f"/price-tables/{sku}", json={"breaks": breaks}))
    assert table["breaks"][1] == {"from": 100, "to": None, "unit_cost": 4.5}
    body = {"amount": 900, "starts_on": "2026-06-01", "ends_on": "2026-06-30", "currency": "EUR"}
    budget = shop.ok(shop.client.put(f"/budgets/b-{shop.mark}", json=body))
    assert budget["ends_on"] == "2026-06-30"
    late = shop.client.put(f"/budgets/c-{shop.mark}", json=body | {"starts_on": "2026-07-01"})
    assert late.status_code == 422


def test_a_place_supplied_from_a_hub(shop):
    hub, store = shop.location("HUB", kind="hub"), shop.location("S", kind="store")
    lane = {"hub": hub, "location": store, "lead_time_days": 2}
    shop.ok(shop.client.put(f"/supply-lanes/l-{shop.mark}", json=lane))
    itself = shop.client.put(f"/supply-lanes/m-{shop.mark}", json=lane | {"location": hub})
    assert itself.status_code == 422


def test_only_planners_and_buyers_set_rules(shop, client_of):
    for role in ("viewer", "oms", "scientist"):
        answer = client_of(role).put(f"/policy-rules/x-{shop.mark}", json={"fill_rate": 0.9})
        assert answer.status_code == 403, role


def test_a_vendor_has_an_address_or_none(shop):
    answer = shop.client.put(f"/vendors/V-{shop.mark}", json={"email": "not an address"})
    assert (answer.status_code, answer.json()["field"]) == (422, "email")


def test_a_rejected_row_is_settled_by_a_good_thing_of_that_name(shop, http_database_url, tmp_path):
    sku = shop.sku()
    path = tmp_path / "prices.csv"
    path.write_text(f"sku,unit_cost\n{sku},-3\n")
    with database.connect(http_database_url) as db:
        import_file(db, kind="skus", path=path, now=datetime.now(UTC))

    def told():
        return shop.ok(shop.client.get("/replenishment/exceptions", params={"sku": sku}))[
            "exceptions"
        ]

    assert [each["kind"] for each in told()] == ["rejected_row"]
    shop.ok(shop.client.put(f"/skus/{sku}", json={"name": "Tea", "unit_cost": 3}))
    assert told() == []


def test_what_a_vendor_asks_comes_back(shop):
    body = {"order_cost": 40, "currency": "EUR", "truck_units": 600, "full_pallets": True}
    stored = shop.ok(shop.client.put(f"/vendors/V-{shop.mark}", json=body))
    assert stored["lead_time_assumed"]
    assert stored["truck_units"] == 600
    stated = shop.ok(shop.client.put(f"/vendors/V-{shop.mark}", json={"lead_time_days": 3}))
    assert not stated["lead_time_assumed"]
    sku = shop.sku(max_order_quantity=40, pallet_size=20, currency="EUR")
    assert shop.ok(shop.client.get(f"/skus/{sku}"))["max_order_quantity"] == 40
