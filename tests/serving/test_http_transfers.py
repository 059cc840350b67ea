"""Transfers over HTTP: lanes, proposals by hand, steps by role, and what both ends may promise."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.store import database, keys


@pytest.fixture
def move(shop):
    """Two places with a lane, 20 units at the first; and a way to propose moving some."""
    origin, destination = shop.location("DC"), shop.location("ST", kind="store")
    sku = shop.sku(unit_cost=4, price=9)
    shop.stock(sku, origin, 20)
    lane = {"freight_per_unit": 0.5, "handling_per_unit": 0.25, "lead_time_days": 2}
    shop.ok(shop.client.put(f"/transfer-lanes/{origin}/{destination}", json=lane))

    def propose(quantity=6, **more):
        body = {"origin": origin, "destination": destination,
                "lines": [{"sku": sku, "quantity": quantity}]}  # fmt: skip
        return shop.client.post("/transfers", json=body | more)

    propose.origin, propose.destination, propose.sku = origin, destination, sku
    return propose


def test_from_proposal_to_receipt_by_the_roles_that_may(shop, move, client_of):
    made = shop.ok(move(), status=201)
    path = f"/transfers/{made['id']}"
    assert (made["state"], made["saving"]) == ("proposed", -4.5)
    assert client_of("viewer").post(f"{path}/accept").status_code == 403
    assert client_of("planner").post(f"{path}/accept").json()["state"] == "accepted"
    assert client_of("planner").post(f"{path}/approve").status_code == 403
    assert client_of("buyer").post(f"{path}/approve").json()["state"] == "approved"
    assert shop.atp(move.sku, location=move.origin)["atp"] == 14
    days = shop.atp(move.sku, location=move.destination)["days"]
    assert [day["atp"] for day in days[:4]] == [0, 0, 6, 6]
    assert client_of("oms").post(f"{path}/ship").json()["state"] == "shipped"
    part = {"lines": [{"sku": move.sku, "quantity": 2}]}
    assert client_of("oms").post(f"{path}/receive", json=part).json()["state"] == (
        "partially_received"
    )
    assert client_of("oms").post(f"{path}/receive").json()["state"] == "received"
    assert shop.atp(move.sku, location=move.destination)["atp"] == 6
    found = shop.ok(client_of("viewer").get(path))
    assert [event["act"] for event in found["events"]] == [
        "propose", "accept", "approve", "ship", "receive", "receive",
    ]  # fmt: skip
    listed = shop.ok(client_of("viewer").get("/transfers", params={"sku": move.sku}))
    assert [t["id"] for t in listed["transfers"]] == [made["id"]]
    told = shop.ok(shop.client.get("/events", params={"kind": "transfer", "limit": 1000}))
    steps = [e["payload"]["to"] for e in told["events"] if e["payload"]["transfer"] == made["id"]]
    assert steps == ["proposed", "accepted", "approved", "shipped", "partially_received",
                     "received"]  # fmt: skip


def test_the_last_units_are_promised_once(shop, move):
    made = shop.ok(move(15), status=201)
    shop.ok(shop.client.post(f"/transfers/{made['id']}/accept"))
    line = {"sku": move.sku, "quantity": 10}
    shop.ok(shop.reserve([line], place={"location": move.origin}, kind="hard"))
    refused = shop.client.post(f"/transfers/{made['id']}/approve")
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/insufficient-stock")
    assert refused.json()["lines"][0]["available"] == 10
    edit = {"lines": [{"sku": move.sku, "quantity": 10}], "reason": "what is left"}
    shop.ok(shop.client.patch(f"/transfers/{made['id']}", json=edit))
    assert shop.ok(shop.client.post(f"/transfers/{made['id']}/approve"))["state"] == "approved"


def test_a_repeat_with_the_same_id_is_answered_and_not_done_again(shop, move):
    headers = {"Idempotency-Key": f"k-{shop.mark}"}
    body = {"origin": move.origin, "destination": move.destination,
            "lines": [{"sku": move.sku, "quantity": 1}]}  # fmt: skip
    one, two = (shop.client.post("/transfers", json=body, headers=headers) for _ in range(2))
    assert one.json()["id"] == two.json()["id"]
    assert two.headers["Idempotency-Replayed"] == "true"


def test_orders_cannot_act_on_what_is_a_transfers(shop, move):
    made = shop.ok(move(), status=201)
    for step in ("accept", "approve"):
        shop.ok(shop.client.post(f"/transfers/{made['id']}/{step}"))
    taken = shop.client.post(f"/orders/{made['id']}/cancel", json={"id": f"m-{shop.mark}"})
    assert taken.status_code == 409


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"lines": []}, 422),
        ({"lines": [{"sku": "nobody", "quantity": 1}]}, 422),
        ({"destination": "nowhere"}, 422),
        ({"lines": [{"sku": "x", "quantity": 0}]}, 422),
        ({"extra": 1}, 422),
    ],
    ids=["no line", "no sku", "no place", "no units", "no field"],
)
def test_a_wrong_proposal_is_a_problem(move, more, status):
    answer = move(**more)
    assert answer.status_code in {status, 400}
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_lanes_are_listed_and_taken_away(shop, move, client_of):
    path = f"/transfer-lanes/{move.origin}/{move.destination}"
    (lane,) = shop.ok(shop.client.get("/transfer-lanes", params={"origin": move.origin}))["lanes"]
    assert (lane["lead_time_days"], lane["capacity_units"]) == (2, None)
    assert client_of("oms").delete(path).status_code == 403
    assert shop.client.delete(path).status_code == 204
    assert shop.client.delete(path).status_code == 404
    assert move().status_code == 404
    same = f"/transfer-lanes/{move.origin}/{move.origin}"
    assert shop.client.put(same, json={"freight_per_unit": 1, "lead_time_days": 1}).is_client_error


def test_terms_and_rules_of_transfers_are_the_buyers(shop, move, client_of):
    buyer, planner = client_of("buyer"), client_of("planner")
    path, body = f"/transfer-terms/{move.origin}", {"second_approval_above": 20}
    assert planner.put(path, json=body).status_code == 403
    shop.ok(buyer.put(path, json=body))
    assert shop.ok(planner.get(path))["in_force"] == {"second_approval_above": 20}
    assert buyer.put("/transfer-terms/nowhere", json=body).is_client_error
    rule = f"/auto-approval-rules/t-{shop.mark}"
    body = {"subject": "transfer", "origin": move.origin, "value_max": 10, "enabled": False}
    shop.ok(buyer.put(rule, json=body))
    found = shop.ok(planner.get(rule))
    assert {name: found[name] for name in body} == body
    refused = buyer.put(rule, json=body | {"vendor": "V"})
    assert (refused.status_code, refused.json()["field"]) == (422, "vendor")
    assert buyer.delete(rule).status_code == 204


def test_two_buyers_approve_what_is_dear(shop, move, client_of, http_database_url):
    shop.ok(client_of("buyer").put(f"/transfer-terms/{move.origin}",
                                   json={"second_approval_above": 20}))  # fmt: skip
    made = shop.ok(move(), status=201)
    path = f"/transfers/{made['id']}"
    assert made["value"] == 24
    shop.ok(client_of("planner").post(f"{path}/accept"))
    assert shop.ok(client_of("buyer").post(f"{path}/approve"))["state"] == "accepted"
    again = client_of("buyer").post(f"{path}/approve")
    assert again.status_code == 409
    assert "another buyer" in again.json()["detail"]
    assert shop.atp(move.sku, location=move.origin)["atp"] == 20
    with database.connect(http_database_url) as db:
        key = keys.create_key(db, role="buyer", vendor=None, label="second", now=datetime.now(UTC))
    second = shop.client.post(f"{path}/approve", headers={"Authorization": f"Bearer {key}"})
    assert shop.ok(second)["state"] == "approved"
    report = shop.ok(client_of("viewer").get("/transfer-approvals"))
    assert report["approved"] >= 1
    late = shop.client.get("/transfer-approvals", params={"from": "2026-03-09", "to": "2026-03-01"})
    assert (late.status_code, late.json()["field"]) == (422, "to")


def test_what_is_under_way_gets_another_day(shop, move, client_of):
    made = shop.ok(move(), status=201)
    path = f"/transfers/{made['id']}"
    for step in ("accept", "approve", "ship"):
        left = shop.ok(shop.client.post(f"{path}/{step}"))
    day = str(date.fromisoformat(left["expected_on"]) + timedelta(days=5))
    body = {"expected_on": day, "reason": "no truck"}
    assert client_of("planner").post(f"{path}/redate", json=body).status_code == 403
    found = shop.ok(client_of("oms").post(f"{path}/redate", json=body))
    assert (found["state"], found["expected_on"]) == ("shipped", day)
    assert found["due_on"] == left["expected_on"]
    days = shop.atp(move.sku, location=move.destination)["days"]
    assert next(d["date"] for d in days if d["atp"] == 6) == day
    without = shop.client.post(f"{path}/redate", json={})
    assert (without.status_code, without.json()["field"]) == (422, "expected_on")
    shop.ok(shop.client.post(f"{path}/receive"))
