"""Orders to vendors over HTTP: who may state what, receipts once, two buyers, invoices."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from inventory.store import database

NOW = datetime.now(UTC)


@pytest.fixture
def order(shop, http_database_url):
    """A proposed order of 20 at 2.50, with the shop, its SKU and its vendor."""
    vendor, dc = f"V-{shop.mark}", shop.location()
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    sku = shop.sku(vendor=vendor, unit_cost=2.5)
    order_id = f"PO-{shop.mark}"
    with database.connect(http_database_url) as db:
        db.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on) values (%s, %s, %s, 'proposed', %s, %s, %s)",
            [order_id, vendor, dc, NOW, NOW, NOW.date()],
        )
        db.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "unit_cost, explanation, run_id) values (%s, 1, %s, 20, 2.5, '{}', 'run')",
            [order_id, sku],
        )
    return shop, sku, vendor, order_id


def send(shop, order_id):
    for act in ("accept", "approve", "send"):
        shop.ok(shop.client.post(f"/purchase-orders/{order_id}/{act}"))


def test_terms_calendars_and_rules_are_the_buyers(order, client_of):
    shop, _, vendor, _ = order
    buyer, planner = client_of("buyer"), client_of("planner")
    bodies = {
        f"/order-terms/{vendor}": {"over_receipt_share": 0.05, "second_approval_above": 900},
        f"/order-calendars/c-{shop.mark}": {
            "vendor": vendor, "weekdays": ["thursday", "monday"], "closed_on": ["2027-01-04"],
        },
        f"/auto-approval-rules/r-{shop.mark}": {"value_max": 500, "segments": ["AX"]},
    }  # fmt: skip
    for path, body in bodies.items():
        assert planner.put(path, json=body).status_code == 403
        shop.ok(buyer.put(path, json=body))
        found = shop.ok(planner.get(path))
        assert {name: found[name] for name in body if name != "weekdays"} == {
            name: value for name, value in body.items() if name != "weekdays"
        }
    assert found["enabled"] is True
    terms = shop.ok(planner.get(f"/order-terms/{vendor}"))
    assert terms["in_force"]["invoice_price_share"] == 0
    calendars = shop.ok(planner.get("/order-calendars", params={"vendor": vendor}))
    assert [c["weekdays"] for c in calendars["order_calendars"]] == [["monday", "thursday"]]
    listed = shop.ok(planner.get("/auto-approval-rules"))["auto_approval_rules"]
    assert f"r-{shop.mark}" in {rule["id"] for rule in listed}
    for path in list(bodies)[1:]:
        assert buyer.delete(path).status_code == 204
        assert planner.get(path).status_code == 404


def test_what_cannot_be_meant_names_its_field(order, client_of):
    shop, _, vendor, _ = order
    buyer = client_of("buyer")
    for path, body, field in [
        (f"/order-terms/{vendor}", {"over_receipt_share": 50}, "over_receipt_share"),
        ("/order-calendars/c", {"vendor": vendor, "weekdays": ["someday"]}, "weekdays[0]"),
        ("/auto-approval-rules/r", {}, "value_max"),
    ]:
        refused = buyer.put(path, json=body)
        assert refused.status_code == 422, refused.text
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["field"].startswith(field.split("[")[0])
    assert buyer.put("/order-terms/NOBODY", json={}).status_code == 404
    late = shop.client.get("/order-approvals", params={"from": "2026-03-09", "to": "2026-03-01"})
    assert (late.status_code, late.json()["field"]) == (422, "to")


def test_two_buyers_approve_what_is_dear(order, client_of, http_database_url):
    from inventory.store import keys

    shop, _, vendor, order_id = order
    shop.ok(shop.client.put(f"/order-terms/{vendor}", json={"second_approval_above": 49}))
    shop.ok(shop.client.post(f"/purchase-orders/{order_id}/accept"))
    path = f"/purchase-orders/{order_id}/approve"
    assert shop.ok(client_of("buyer").post(path))["state"] == "accepted"
    again = client_of("buyer").post(path)
    assert again.status_code == 409
    assert "another buyer" in again.json()["detail"]
    with database.connect(http_database_url) as db:
        key = keys.create_key(db, role="buyer", vendor=None, label="second", now=NOW)
    second = shop.client.post(path, headers={"Authorization": f"Bearer {key}"})
    assert shop.ok(second)["state"] == "approved"
    report = shop.ok(shop.client.get("/order-approvals"))
    assert report["approved"] >= 1
    assert 0 <= report["share"] <= 1


def test_who_decides_on_what_changed_meanwhile_is_told_what(order, client_of):
    """A buyer reads 50.00, a planner makes it 22,500.00: the buyer's approval is not for that."""
    shop, sku, _, order_id = order
    path = f"/purchase-orders/{order_id}"
    shop.ok(shop.client.post(f"{path}/accept"))
    read = shop.ok(client_of("buyer").get(path))
    more = {"lines": [{"sku": sku, "quantity": 9000}], "reason": "a promotion"}
    shop.ok(client_of("planner").patch(path, json=more | {"version": read["version"]}))
    for act in ("approve", "reject", "cancel"):
        refused = client_of("buyer").post(f"{path}/{act}", json={"version": read["version"]})
        problem = refused.json()
        assert (refused.status_code, problem["type"].rpartition("/")[2]) == (
            409, "version-conflict",
        )  # fmt: skip
        assert (problem["seen"], problem["version"]) == (2, 3)
        (change,) = problem["changes"]
        assert (change["act"], change["reason"]) == ("edit", "a promotion")
        assert change["changes"]["lines"] == [{"sku": sku, "from": 20, "to": 9000}]
    assert client_of("planner").patch(path, json=more | {"version": 2}).status_code == 409
    assert shop.ok(shop.client.get(path))["state"] == "accepted"
    approved = client_of("buyer").post(f"{path}/approve", json={"version": 3})
    assert shop.ok(approved)["state"] == "approved"
    assert client_of("buyer").post(f"{path}/send", json={"version": 3}).status_code == 409
    assert shop.ok(client_of("buyer").post(f"{path}/send", json={"version": 4}))["version"] == 5
    assert client_of("buyer").post(f"{path}/send", json={"version": 0}).status_code == 422


def test_an_edit_that_breaks_what_the_vendor_accepts_must_be_meant(order, client_of):
    shop, _, vendor, order_id = order
    path, planner = f"/purchase-orders/{order_id}", client_of("planner")
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2,
                                                        "min_order_value": 40}))  # fmt: skip
    sku = shop.sku(vendor=vendor, unit_cost=2.5, pack_size=6, min_order_quantity=10)
    assert sku == order[1]
    few = {"lines": [{"sku": sku, "quantity": 3}], "reason": "a trial"}
    refused = planner.patch(path, json=few)
    assert (refused.status_code, refused.json()["field"]) == (422, "quantity")
    for words in ("not whole packs of 6", "fewer than the minimum of 10", "order 12", "override"):
        assert words in refused.json()["detail"]
    small = planner.patch(path, json={"lines": [{"sku": sku, "quantity": 12}], "reason": "less"})
    assert (small.status_code, small.json()["field"]) == (422, "lines")
    assert "worth 30.00, below the 40.00" in small.json()["detail"]
    past = planner.patch(path, json={"expected_on": "2020-01-01", "reason": "r", "override": True})
    assert (past.status_code, past.json()["field"]) == (422, "expected_on")
    found = shop.ok(planner.patch(path, json=few | {"override": True}))
    assert found["lines"][0]["quantity"] == 3
    kept = found["events"][-1]
    assert (kept["reason"], len(kept["changes"]["overridden"])) == ("a trial", 2)
    # What stays as it was is not asked about again.
    day = (NOW + timedelta(days=9)).date().isoformat()
    same = {"lines": [{"sku": sku, "quantity": 3}], "expected_on": day, "reason": "later"}
    assert "overridden" not in shop.ok(planner.patch(path, json=same))["events"][-1]["changes"]


def test_a_receipt_is_booked_once_and_a_surplus_waits(order):
    shop, sku, _, order_id = order
    send(shop, order_id)
    path = f"/purchase-orders/{order_id}"
    shop.ok(shop.client.post(f"{path}/confirm", json={"lines": [
        {"line": 1, "expected_on": "2027-01-05", "unit_cost": 2.6}]}))  # fmt: skip
    moved = shop.ok(shop.client.post(f"{path}/redate", json={"lines": [
        {"sku": sku, "expected_at": "2027-01-07T08:00:00Z"}], "reason": "strike"}))  # fmt: skip
    assert (moved["state"], moved["expected_on"]) == ("confirmed", "2027-01-07")
    receipt = {"id": "r1", "lines": [{"line": 1, "quantity": 12}]}
    for _ in range(2):
        found = shop.ok(shop.client.post(f"{path}/receive", json=receipt))
        assert found["lines"][0]["received_units"] == 12
    shop.ok(shop.client.post(f"{path}/receive", json={"lines": [{"sku": sku, "quantity": 11}]}))
    statuses = shop.ok(shop.client.get(f"/inventory/{sku}"))["locations"][0]["statuses"]
    assert (statuses["available"], statuses["inspection"]) == (20, 3)
    approved = shop.ok(shop.client.post(f"/inbound/{order_id}:1/approve", json={"id": "a1"}))
    assert approved["decided"] == 3
    unnamed = shop.client.post(f"{path}/receive", json={"lines": [{"quantity": 1}]})
    assert unnamed.status_code == 422


def test_a_receipt_told_by_two_docks_is_one(order, client_of):
    shop, _, _, order_id = order
    send(shop, order_id)
    path, receipt = f"/purchase-orders/{order_id}/receive", {
        "id": "r1", "lines": [{"line": 1, "quantity": 12}],
    }  # fmt: skip
    for role in ("buyer", "oms", "admin"):
        found = shop.ok(client_of(role).post(path, json=receipt))
        assert found["lines"][0]["received_units"] == 12


def test_a_vendor_reads_the_order_and_not_what_it_is_to_us(order, client_of, http_database_url):
    shop, _, vendor, order_id = order
    path, supplier = f"/purchase-orders/{order_id}", client_of("vendor", vendor)
    assert supplier.get(path).status_code == 404  # A draft is ours alone.
    assert supplier.get("/purchase-orders").json()["orders"] == []
    send(shop, order_id)
    with database.connect(http_database_url) as db:
        db.execute("update purchase_orders set urgency = 'critical', revenue_protected = 7 "
                   "where purchase_order_id = %s", [order_id])  # fmt: skip
    ours = shop.ok(client_of("buyer").get(path))
    assert (ours["urgency"], len(ours["events"])) == ("critical", 3)
    told = [shop.ok(supplier.get(path)), shop.ok(supplier.post(f"{path}/confirm"))]
    told += shop.ok(supplier.get("/purchase-orders"))["orders"]
    for found in told:
        assert not {"urgency", "revenue_protected", "cover_days", "approved_by"} & set(found)
        assert not {"explanation", "worth"} & set(found["lines"][0])
        assert found["lines"][0]["quantity"] == 20
        assert not {"approved_by_names", "second_approval_above"} & set(found)
    assert [event["act"] for event in told[1]["events"]] == ["send", "confirm"]
    assert "actor_name" not in told[1]["events"][0]  # The label of a key of ours.
    assert ours["events"][-1]["actor_name"].startswith("test (")


def test_the_server_moves_promises_of_a_late_order_by_itself(order):
    shop, sku, _, order_id = order
    send(shop, order_id)
    days = [(NOW + timedelta(days=ahead)).date().isoformat() for ahead in (5, 12)]
    lines = [[{"line": 1, "expected_on": day}] for day in days]
    path = f"/purchase-orders/{order_id}"
    shop.ok(shop.client.post(f"{path}/confirm", json={"lines": lines[0]}))
    place = {"location": shop.ok(shop.client.get(path))["location"]}
    held = shop.ok(shop.reserve([{"sku": sku, "quantity": 8}], place=place, kind="preorder",
                                order_id=f"o-{shop.mark}"), 201)  # fmt: skip
    assert held["lines"][0]["promised_date"] == days[0]
    shop.ok(shop.client.post(f"{path}/redate", json={"lines": lines[1], "reason": "strike"}))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        line = shop.ok(shop.client.get(f"/reservations/{held['id']}"))["lines"][0]
        if line["promised_date"] == days[1]:
            break
        time.sleep(0.5)
    assert (line["promised_date"], line["first_promised_date"]) == (days[1], days[0])


def test_orders_are_listed_by_urgency_and_value(order):
    shop, _, vendor, order_id = order
    for sort in ("newest", "urgency", "value"):
        listed = shop.ok(shop.client.get("/purchase-orders", params={"sort": sort, "limit": 1000}))
        assert order_id in {found["id"] for found in listed["orders"]}
    mine = {"vendor": vendor, "urgency": "critical"}
    assert shop.ok(shop.client.get("/purchase-orders", params=mine))["orders"] == []
    assert shop.client.get("/purchase-orders", params={"sort": "beauty"}).status_code == 422


def test_an_invoice_in_another_currency_is_not_payable(order, client_of):
    shop, _, vendor, order_id = order
    send(shop, order_id)
    shop.ok(shop.client.post(f"/purchase-orders/{order_id}/receive"))
    bill = {
        "vendor": vendor, "number": "I-1", "order": order_id, "currency": "JPY",
        "lines": [{"line": 1, "quantity": 20, "unit_price": 2.5}],
    }  # fmt: skip
    told = shop.ok(client_of("vendor", vendor).post("/invoices", json=bill), 201)
    assert [(w["kind"], w["money"]) for w in told["discrepancies"]] == [("currency", 50)]
    assert told["payable"] is False
    asked = {"vendor": vendor, "kind": "currency"}
    (row,) = shop.ok(client_of("buyer").get("/invoice-discrepancies", params=asked))[
        "discrepancies"
    ]
    assert (row["currency"], row["order_currency"]) == ("JPY", "EUR")


def test_an_invoice_from_the_vendor_to_the_buyers_decision(order, client_of):
    shop, _, vendor, order_id = order
    send(shop, order_id)
    bill = {
        "id": f"810-{shop.mark}", "vendor": vendor, "number": "I-1", "order": order_id,
        "lines": [{"line": 1, "quantity": 20, "unit_price": 2.75}], "total": 55,
    }  # fmt: skip
    supplier, buyer = client_of("vendor", vendor), client_of("buyer")
    other = f"VX-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{other}", json={"lead_time_days": 2}))
    assert client_of("vendor", other).post("/invoices", json=bill).status_code == 403
    assert client_of("planner").post("/invoices", json=bill).status_code == 403
    told = shop.ok(supplier.post("/invoices", json=bill), 201)
    assert shop.ok(supplier.post("/invoices", json=bill), 201)["id"] == told["id"]
    assert [(w["kind"], w["money"]) for w in told["discrepancies"]] == [
        ("not_received", 55), ("price", 5),
    ]  # fmt: skip
    assert client_of("vendor", other).get(f"/invoices/{told['id']}").status_code == 404
    shop.ok(shop.client.post(f"/purchase-orders/{order_id}/receive"))
    wrong = shop.ok(buyer.get("/invoice-discrepancies", params={"vendor": vendor}))
    assert [(w["kind"], w["expected"], w["found"]) for w in wrong["discrepancies"]] == [
        ("price", 2.5, 2.75)
    ]
    path = f"/invoices/{told['id']}/approve"
    assert supplier.post(path).status_code == 403
    assert buyer.post(path).json()["field"] == "reason"
    assert shop.ok(buyer.post(path, json={"reason": "agreed by phone"}))["payable"] is True
    assert buyer.post(path, json={"reason": "again"}).status_code == 409
    listed = shop.ok(supplier.get("/invoices", params={"state": "approved"}))
    assert [found["number"] for found in listed["invoices"]] == ["I-1"]
    assert shop.ok(buyer.get("/invoices", params={"order": order_id}))["invoices"][0]["goods"] == 55
