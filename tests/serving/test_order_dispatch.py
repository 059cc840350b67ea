"""Whoever sends an order for nobody reads so at once, over HTTP and at the command line."""

import json

import pytest

from inventory.store import database
from tests.inventory.ordering import NOW, do, open_centre, proposed


@pytest.fixture
def approved(shop, http_database_url):
    """(shop, order): approved, for a vendor without an address."""
    vendor, dc, order = f"V-{shop.mark}", shop.location(), f"PO-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    sku = shop.sku("TEA", vendor=vendor, unit_cost=2)
    with database.connect(http_database_url) as db:
        db.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on) values (%s, %s, %s, 'approved', %s, %s, '2030-03-09')",
            [order, vendor, dc, NOW, NOW],
        )
        db.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "unit_cost, explanation, run_id) values (%s, 1, %s, 40, 2, '{}', 'r')",
            [order, sku],
        )
    return shop, vendor, order


def test_send_answers_that_an_order_cannot_leave(approved, client_of):
    shop, vendor, order = approved
    path = f"/purchase-orders/{order}"
    assert shop.ok(shop.client.get(path))["dispatch"] is None
    answer = shop.ok(client_of("buyer").post(f"{path}/send"))
    assert (answer["state"], answer["dispatch"]["state"]) == ("sent", "blocked")
    assert answer["dispatch"]["problem"].startswith(f"vendor '{vendor}' has no address: set its")
    assert shop.ok(client_of("viewer").get(path))["dispatch"] == answer["dispatch"]
    page = shop.ok(client_of("viewer").get("/purchase-orders", params={"vendor": vendor}))
    assert page["orders"][0]["dispatch"] == answer["dispatch"]
    theirs = client_of("vendor", vendor)
    assert "dispatch" not in shop.ok(theirs.get(path)), "ours to mend"
    (listed,) = shop.ok(theirs.get("/purchase-orders"))["orders"]
    assert "dispatch" not in listed


def test_a_setting_that_is_missing_is_answered_too(approved, client_of):
    """The server of these tests has no name to put on an order."""
    shop, vendor, order = approved
    told = {"channel": "email", "emails": ["buy@acme.example"]}
    shop.ok(client_of("buyer").put(f"/vendors/{vendor}/dispatch", json=told))
    answer = shop.ok(client_of("buyer").post(f"/purchase-orders/{order}/send"))
    assert answer["dispatch"]["summary"] == "blocked: an order needs our name: VOUCH_COMPANY_NAME"


def test_the_command_line_says_that_an_order_cannot_leave(desk, db):
    order = proposed(open_centre(db))
    do(db, order, "accept", "approve")
    said = desk(f"orders act {order} send").stdout.splitlines()
    assert said[0] == f"{order} is sent"
    assert said[1].startswith("but it cannot leave yet: vendor 'ACME' has no address: set its")
    assert len(said) == 2
    shown = desk(f"orders show {order}").stdout
    assert "\nto ACME: blocked: vendor 'ACME' has no address" in shown
    told = json.loads(desk(f"orders show {order} --json").stdout)["dispatch"]
    assert (told["state"], told["attempts"]) == ("blocked", 0)
