"""Lines that come in parts over HTTP: told by the vendor, seen in stock, received, cancelled."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.store import database

NOW = datetime.now(UTC)
EARLY, LATE = NOW.date() + timedelta(days=3), NOW.date() + timedelta(days=17)


@pytest.fixture
def order(shop, http_database_url):
    """An order of 20 that the vendor has, with the shop, its SKU and its vendor."""
    vendor, dc = f"V-{shop.mark}", shop.location()
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    sku = shop.sku(vendor=vendor, unit_cost=2.5)
    order_id = f"PO-{shop.mark}"
    with database.connect(http_database_url) as db:
        db.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on) values (%s, %s, %s, 'proposed', %s, %s, %s)",
            [order_id, vendor, dc, NOW, NOW, EARLY],
        )
        db.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "unit_cost, explanation, run_id) values (%s, 1, %s, 20, 2.5, '{}', 'run')",
            [order_id, sku],
        )
    for act in ("accept", "approve", "send"):
        shop.ok(shop.client.post(f"/purchase-orders/{order_id}/{act}"))
    return shop, sku, vendor, f"/purchase-orders/{order_id}"


def parts(found):
    (line,) = found["lines"]
    return [
        (p["part"], p["units"], p["state"], p["expected_on"], p["shipment"]) for p in line["parts"]
    ]


def test_parts_are_told_shown_received_and_cancelled(order, client_of):
    shop, sku, vendor, path = order
    theirs, buyer = client_of("vendor", vendor), client_of("buyer")
    assert shop.ok(buyer.get(path))["lines"][0]["unconfirmed_units"] == 20
    split = [{"quantity": 12, "expected_on": str(EARLY)}, {"quantity": 8, "expected_on": str(LATE)}]
    lines = [{"line": 1, "quantity": 20, "parts": split}]
    found = shop.ok(theirs.post(f"{path}/confirm", json={"id": "c1", "lines": lines}))
    assert parts(found) == [
        (1, 12, "confirmed", str(EARLY), None), (2, 8, "confirmed", str(LATE), None),
    ]  # fmt: skip
    assert found["lines"][0]["unconfirmed_units"] == 0
    lines = [{"line": 1, "quantity": 12, "shipment": "S-1"}]
    shop.ok(theirs.post(f"{path}/ship", json={"id": "s1", "lines": lines}))
    stock = shop.ok(buyer.get(f"/inventory/{sku}"))["locations"][0]["inbound"]
    assert [(row["quantity"], row["state"]) for row in stock] == [(12, "shipped"), (8, "confirmed")]
    lines = [{"line": 1, "quantity": 7, "shipment": "S-1"}]
    found = shop.ok(buyer.post(f"{path}/receive", json={"id": "r1", "lines": lines}))
    assert parts(found)[0][:3] == (1, 5, "shipped")
    lines = [{"sku": sku}]
    told = {"lines": lines, "reason": "too late"}
    assert theirs.post(f"{path}/cancel", json=told).status_code == 403
    refused = buyer.post(f"{path}/cancel", json={"lines": lines})
    assert (refused.status_code, refused.json()["field"]) == (422, "reason")
    found = shop.ok(buyer.post(f"{path}/cancel", json=told))
    assert (found["state"], found["lines"][0]["quantity"]) == ("partially_received", 12)
    assert parts(found) == [(1, 5, "shipped", str(EARLY), "S-1")]
    # The vendor reads that too.
    assert shop.ok(theirs.get(path))["events"][-1]["act"] == "cancel_rest"


def test_a_line_that_is_not_named_is_not_confirmed(order, http_database_url):
    shop, sku, vendor, path = order
    other = shop.sku("T", vendor=vendor, unit_cost=2.5)
    with database.connect(http_database_url) as db:
        db.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "ordered_units, unit_cost, explanation, run_id) "
            "values (%s, 2, %s, 40, 40, 2.5, '{}', 'run')",
            [path.rsplit("/", 1)[1], other],
        )
    lines = [{"sku": sku, "quantity": 20}]
    found = shop.ok(shop.client.post(f"{path}/confirm", json={"lines": lines}))
    assert [line["unconfirmed_units"] for line in found["lines"]] == [0, 40]
    place, supplied = found["location"], {"horizon": 10}
    assert shop.atp(sku, location=place, **supplied)["days"][-1]["atp"] == 20
    assert shop.atp(other, location=place, **supplied)["days"][-1]["atp"] == 0
    found = shop.ok(shop.client.post(f"{path}/confirm"))
    assert [line["unconfirmed_units"] for line in found["lines"]] == [0, 0]
    assert shop.atp(other, location=place, **supplied)["days"][-1]["atp"] == 40


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": 21, "parts": [{"quantity": 20}]}, "parts"),
        ({"parts": []}, "parts"),
        ({"parts": [{"quantity": 1}] * 101}, "parts"),
        ({"parts": [{"quantity": -1}]}, "quantity"),
        ({"part": 0}, "part"),
    ],
    ids=["sum", "none", "many", "negative", "numbered"],
)
def test_parts_that_cannot_be_meant_name_their_field(order, line, field):
    shop, _, _, path = order
    refused = shop.client.post(f"{path}/confirm", json={"lines": [{"line": 1, **line}]})
    assert refused.status_code == 422, refused.text
    assert field in refused.json()["field"]
    assert shop.ok(shop.client.get(path))["state"] == "sent"


def test_goods_of_a_cancelled_order_are_booked_and_wait(order, client_of):
    shop, sku, _, path = order
    shop.ok(client_of("buyer").post(f"{path}/cancel", json={"reason": "moved"}))
    refused = client_of("oms").post(f"{path}/receive", json={"id": "r1"})
    assert (refused.status_code, refused.json()["field"]) == (422, "lines")
    assert "wait in inspection" in refused.json()["detail"]
    lines = [{"line": 1, "quantity": 20}]
    found = shop.ok(client_of("oms").post(f"{path}/receive", json={"id": "r2", "lines": lines}))
    assert (found["state"], found["lines"][0]["received_units"]) == ("cancelled", 20)
    statuses = shop.ok(shop.client.get(f"/inventory/{sku}"))["locations"][0]["statuses"]
    assert statuses["inspection"] == 20
    assert not statuses.get("available")
