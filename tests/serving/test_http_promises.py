"""The whole life of a promise over HTTP, with the worked examples of the contract."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest


def day(days):
    """So many days from now: asked when a test runs, as it may run after midnight."""
    return (datetime.now(UTC).date() + timedelta(days=days)).isoformat()


def moment(days):
    return f"{day(days)}T12:00:00Z"


def problem(answer, status, ending):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"].endswith(ending)
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    assert "Traceback" not in answer.text
    return body


def order(shop, lines, place, *, on, kind="hard"):
    order_id = uuid.uuid4().hex
    return shop.ok(shop.reserve(lines, place=place, kind=kind, on=on, order_id=order_id), 201)


def inbound(shop, sku, location, quantity, *, days):
    body = {"sku": sku, "location": location, "quantity": quantity}
    body |= {"expected_at": moment(days), "state": "confirmed"}
    shop.ok(shop.client.put(f"/inbound/{uuid.uuid4().hex}", json=body))


@pytest.fixture
def worked_example(shop):
    """Availability, section 2: the DC, without its buffer, which differs from day to day."""
    dc, sku = shop.location("DC"), shop.sku()
    shop.stock(sku, dc, 92)
    shop.stock(sku, dc, 5, status="defective")
    shop.stock(sku, dc, 3, status="inspection")
    for days, quantity in ((2, 4), (3, 40), (6, 60)):
        inbound(shop, sku, dc, quantity, days=days)
    place = {"location": dc}
    # Earlier promises must not be refused for the sake of later ones: the last day goes in first.
    order(shop, [{"sku": sku, "quantity": 25}], place, on=day(6), kind="preorder")
    order(shop, [{"sku": sku, "quantity": 70}], place, on=day(5))
    order(shop, [{"sku": sku, "quantity": 10}], place, on=day(2))
    order(shop, [{"sku": sku, "quantity": 20}], place, on=day(0))
    shop.ok(shop.reserve([{"sku": sku, "quantity": 6}], place=place, on=day(0)), 201)
    return shop, sku, dc


def test_worked_example_of_a_position(worked_example):
    shop, sku, dc = worked_example
    answer = shop.atp(sku, location=dc, horizon=7, explain=True)
    # The row U of the contract's table: 30 until the order of D5 is covered, 65 from D6 on.
    assert [row["atp"] for row in answer["days"]] == [30, 30, 30, 30, 30, 30, 65, 65]
    assert [row["date"] for row in answer["days"]] == [day(n) for n in range(8)]
    assert answer["atp"] == answer["raw"] == 30
    assert answer["binding_date"] == day(5)
    assert sum(term["quantity"] for term in answer["terms"]) == answer["raw"]


def test_earliest_date_for_a_quantity(worked_example):
    shop, sku, dc = worked_example
    assert shop.atp(sku, location=dc, horizon=7, quantity=31)["earliest_date"] == day(6)
    assert shop.atp(sku, location=dc, horizon=7, quantity=30)["earliest_date"] == day(0)
    assert shop.atp(sku, location=dc, horizon=7, quantity=66)["earliest_date"] is None


def test_a_buffer_rule_withholds_from_its_view_only(worked_example):
    shop, sku, dc = worked_example
    rule = {"sku": sku, "location": dc, "method": "ship", "quantity": 15}
    shop.ok(shop.client.put(f"/buffer-rules/{shop.mark}", json=rule))
    assert shop.atp(sku, location=dc, horizon=7)["atp"] == 15
    assert shop.atp(sku, location=dc, horizon=7, method="bopis")["atp"] == 30
    told = shop.atp(sku, location=dc, horizon=7, explain=True)
    buffers = [term for term in told["terms"] if "buffer" in term["term"]]
    assert [term["quantity"] for term in buffers] == [-15]
    assert shop.mark in buffers[0]["source"]


def test_worked_example_of_a_group(shop):
    """Section 3: DC + S1 (buffers as one number each: the example's on day 0), group hold 3."""
    dc, s1, sku = shop.location("DC"), shop.location("S1", kind="store"), shop.sku()
    group = f"online-{shop.mark}"
    shop.ok(shop.client.put(f"/groups/{group}", json={"locations": [dc, s1]}))
    shop.stock(sku, dc, 15)
    shop.stock(sku, s1, 6)
    shop.ok(
        shop.client.put(
            f"/buffer-rules/{shop.mark}", json={"sku": sku, "location": s1, "quantity": 6}
        )
    )
    assert shop.atp(sku, group=group)["atp"] == 15
    shop.ok(shop.reserve([{"sku": sku, "quantity": 3}], place={"group": group}), 201)
    answer = shop.atp(sku, group=group)
    assert answer["atp"] == 12
    assert answer["group"] == group
    refused = shop.reserve([{"sku": sku, "quantity": 13}], place={"group": group})
    body = problem(refused, 409, "/insufficient-stock")
    assert (body["lines"][0]["asked"], body["lines"][0]["available"]) == (13, 12)


def test_hold_confirm_allocate_process_ship(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 10)
    lines = [{"sku": sku, "quantity": 4}]
    held = shop.ok(shop.reserve(lines, place={"location": dc}, ttl_seconds=600), 201)
    assert held["state"] == "active"
    assert held["lines"][0]["quantity"] == 4
    assert held["lines"][0]["promised_date"] == day(0)
    assert shop.atp(sku, location=dc)["atp"] == 6
    order_id = f"O-{shop.mark}"
    confirmed = shop.ok(
        shop.client.post(f"/reservations/{held['id']}/confirm", json={"order_id": order_id})
    )
    assert confirmed["state"] == "confirmed"
    for act, state in (("allocate", "allocated"), ("process", "processed"), ("ship", "shipped")):
        answer = shop.client.post(f"/orders/{order_id}/{act}", json={"id": f"{act}-{shop.mark}"})
        assert shop.ok(answer)["state"] == state
    assert shop.ok(shop.client.get(f"/orders/{order_id}"))["state"] == "shipped"
    # Shipped: on hand and commitment fell in one event, so what can be promised is the same.
    assert shop.atp(sku, location=dc)["atp"] == 6
    found = shop.ok(shop.client.get(f"/inventory/{sku}"))
    assert found["locations"][0]["statuses"]["available"] == 6
    again = shop.client.post(f"/orders/{order_id}/ship", json={"id": f"ship-{shop.mark}"})
    assert shop.ok(again)["state"] == "shipped"
    assert shop.ok(shop.client.get(f"/inventory/{sku}")) == found


def test_release_gives_units_back_at_once(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 5)
    held = shop.ok(shop.reserve([{"sku": sku, "quantity": 5}], place={"location": dc}), 201)
    assert shop.atp(sku, location=dc)["atp"] == 0
    assert shop.ok(shop.client.delete(f"/reservations/{held['id']}"))["state"] == "released"
    assert shop.atp(sku, location=dc)["atp"] == 5
    late = shop.client.post(f"/reservations/{held['id']}/confirm", json={"order_id": "late"})
    assert problem(late, 409, "/state-conflict")["state"] == "released"


def test_the_names_of_the_brief(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 5)
    body = {"kind": "soft", "channel": shop.channel, "method": "ship", "location": dc}
    body |= {"lines": [{"sku": sku, "quantity": 2}]}
    held = shop.ok(shop.client.post("/inventory/reserve", json=body), 201)
    released = shop.client.post("/inventory/release", json={"id": held["id"]})
    assert shop.ok(released)["state"] == "released"


def test_extend_a_live_hold(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 5)
    lines = [{"sku": sku, "quantity": 1}]
    held = shop.ok(shop.reserve(lines, place={"location": dc}, ttl_seconds=60), 201)
    path = f"/reservations/{held['id']}/extend"
    longer = shop.ok(shop.client.post(path, json={"ttl_seconds": 3600}))
    assert longer["expires_at"] > held["expires_at"]


def test_refusal_takes_nothing(shop):
    dc, first, second = shop.location(), shop.sku("A"), shop.sku("B")
    shop.stock(first, dc, 10)
    shop.stock(second, dc, 1)
    lines = [{"sku": first, "quantity": 5}, {"sku": second, "quantity": 2}]
    problem(shop.reserve(lines, place={"location": dc}), 409, "/insufficient-stock")
    assert shop.atp(first, location=dc)["atp"] == 10


def test_a_refusal_says_what_can_be_had_and_when(shop):
    """2 now and 4 more on day 3: of 5, two can be had now and all on day 3; 7 are not in sight."""
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 2)
    inbound(shop, sku, dc, 4, days=3)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    for headers in ({}, key, key):
        lines = [{"sku": sku, "quantity": 5}]
        refused = shop.reserve(lines, place={"location": dc}, headers=headers)
        told = problem(refused, 409, "/insufficient-stock")["lines"]
        assert told == [
            {"sku": sku, "location": dc, "date": day(0), "asked": 5, "available": 2,
             "earliest_date": day(3)}
        ]  # fmt: skip
    refused = shop.reserve([{"sku": sku, "quantity": 7}], place={"location": dc})
    assert "earliest_date" not in refused.json()["lines"][0]


def test_many_questions_are_answered_in_order(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 10)
    items = [
        {"sku": sku, "location": dc},
        {"sku": "no-such-sku", "location": dc},
        {"sku": sku, "location": dc, "horizon": 3, "quantity": 10},
    ]
    results = shop.ok(shop.client.post("/availability/query", json={"items": items}))["results"]
    assert results[0]["atp"] == 10
    assert results[1]["type"].endswith("/unknown-sku")
    assert len(results[2]["days"]) == 4
    assert results[2]["earliest_date"] == day(0)
    too_many = {"items": [{"sku": sku, "location": dc}] * 1001}
    problem(shop.client.post("/availability/query", json=too_many), 413, "/request-too-large")


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ({"quantity": 1.5}, "lines.0.quantity"),
        ({"quantity": 1.0}, "lines.0.quantity"),
        ({"quantity": -1}, "lines.0.quantity"),
        ({"quantity": 0}, "lines.0.quantity"),
        ({"quantity": "2"}, "lines.0.quantity"),
        ({"quantity": True}, "lines.0.quantity"),
        ({"quantity": 10**18}, "lines.0.quantity"),
        ({"quantity": 1, "skew": 2}, "lines.0.skew"),
    ],
)
def test_a_wrong_line_is_named(shop, line, field):
    dc, sku = shop.location(), shop.sku()
    answer = shop.reserve([{"sku": sku} | line], place={"location": dc})
    body = problem(answer, 422, "/invalid-input")
    assert body["field"] == field
    assert field in body["detail"]


def test_unknown_things_are_named(shop):
    dc, sku = shop.location(), shop.sku()
    wrong_sku = shop.reserve([{"sku": "no-such", "quantity": 1}], place={"location": dc})
    assert problem(wrong_sku, 422, "/unknown-sku")["field"] == "sku"
    wrong_place = shop.reserve([{"sku": sku, "quantity": 1}], place={"location": "nowhere"})
    problem(wrong_place, 422, "/unknown-location")
    problem(shop.client.get("/availability/no-such?location=x"), 404, "/unknown-sku")
    problem(shop.client.get(f"/availability/{sku}?location=nowhere"), 422, "/unknown-location")
    problem(shop.client.get(f"/availability/{sku}"), 422, "/invalid-input")
    problem(shop.client.get("/reservations/nothing"), 404, "/not-found")
    problem(shop.client.get("/orders/nothing"), 404, "/not-found")
