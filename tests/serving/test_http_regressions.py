"""Bugs that other systems shipped, as a client over HTTP runs into them.

The same twelve are told to the engine in `tests/scenarios/test_regressions.py`.
"""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest


def problem(answer, status, ending):
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["type"].endswith(ending)
    return body


def on_hand(shop, sku, location):
    found = shop.ok(shop.client.get(f"/inventory/{sku}"))["locations"]
    return {place["location"]: place["statuses"]["available"] for place in found}[location]


def order(shop, lines, place):
    """A confirmed and allocated order; its path."""
    order_id = uuid.uuid4().hex
    shop.ok(shop.reserve(lines, place=place, kind="hard", order_id=order_id), 201)
    path = f"/orders/{order_id}"
    shop.ok(shop.client.post(f"{path}/allocate", json={"id": uuid.uuid4().hex}))
    return path


@pytest.fixture
def dc(shop):
    return shop.location("DC")


def test_two_clients_and_the_last_unit(shop, dc):
    sku = shop.sku()
    shop.stock(sku, dc, 1)
    with ThreadPoolExecutor(2) as clients:
        answers = list(
            clients.map(
                lambda _: shop.reserve([{"sku": sku, "quantity": 1}], place={"location": dc}),
                range(2),
            )
        )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert shop.atp(sku, location=dc)["atp"] == 0


def test_two_lines_of_one_sku_are_summed(shop, dc):
    sku = shop.sku()
    shop.stock(sku, dc, 10)
    lines = [{"sku": sku, "quantity": 6}, {"sku": sku, "quantity": 6}]
    body = problem(shop.reserve(lines, place={"location": dc}), 409, "/insufficient-stock")
    assert sum(line["asked"] for line in body["lines"]) == 12
    assert body["lines"][0]["available"] == 10


def test_a_bundle_and_its_loose_component_in_one_cart(shop, dc):
    a, b, c = shop.sku("A"), shop.sku("B"), shop.sku("C")
    shop.ok(shop.client.put(f"/bundles/{c}", json={"components": {a: 1, b: 2}}))
    shop.stock(a, dc, 10)
    shop.stock(b, dc, 10)
    place = {"location": dc}
    lines = [{"sku": c, "quantity": 4}, {"sku": b, "quantity": 3}]
    problem(shop.reserve(lines, place=place), 409, "/insufficient-stock")
    lines[1]["quantity"] = 2
    shop.ok(shop.reserve(lines, place=place), 201)
    assert [shop.atp(sku, location=dc)["atp"] for sku in (a, b, c)] == [6, 0, 0]


def test_extend_and_confirm_after_expiry(shop, dc):
    sku = shop.sku()
    shop.stock(sku, dc, 5)
    lines = [{"sku": sku, "quantity": 5}]
    held = shop.ok(shop.reserve(lines, place={"location": dc}, ttl_seconds=1), 201)
    ends = datetime.fromisoformat(held["expires_at"])
    time.sleep(max(0, (ends - datetime.now(UTC)).total_seconds()) + 0.05)
    path = f"/reservations/{held['id']}"
    assert shop.ok(shop.client.get(path))["state"] == "expired"
    assert shop.atp(sku, location=dc)["atp"] == 5
    confirm = shop.client.post(f"{path}/confirm", json={"order_id": f"O-{shop.mark}"})
    problem(confirm, 410, "/reservation-expired")
    extend = shop.client.post(f"{path}/extend", json={"ttl_seconds": 60})
    problem(extend, 410, "/reservation-expired")


def test_a_lost_response_then_a_retry_and_another_body(shop, dc):
    sku = shop.sku()
    shop.stock(sku, dc, 10)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    lines = [{"sku": sku, "quantity": 4}]
    first = shop.reserve(lines, place={"location": dc}, headers=key)
    again = shop.reserve(lines, place={"location": dc}, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"
    assert shop.atp(sku, location=dc)["atp"] == 6
    other = shop.reserve([{"sku": sku, "quantity": 5}], place={"location": dc}, headers=key)
    problem(other, 409, "/idempotency-conflict")


def test_a_failed_id_stays_failed_after_stock_arrived(shop, dc):
    sku = shop.sku()
    shop.stock(sku, dc, 1)
    key = {"Idempotency-Key": uuid.uuid4().hex}
    lines = [{"sku": sku, "quantity": 4}]
    first = shop.reserve(lines, place={"location": dc}, headers=key)
    problem(first, 409, "/insufficient-stock")
    shop.stock(sku, dc, 100)
    again = shop.reserve(lines, place={"location": dc}, headers=key)
    assert again.status_code == 409
    assert again.json() == first.json()


def test_a_split_over_locations_ships_what_was_asked_and_no_more(shop):
    sku = shop.sku()
    places = [shop.location(name) for name in ("L1", "L2", "L3")]
    for location, units in zip(places, (3, 4, 4), strict=True):
        shop.stock(sku, location, units)
    group = f"pool-{shop.mark}"
    shop.ok(shop.client.put(f"/groups/{group}", json={"name": "x", "locations": places}))
    path = order(shop, [{"sku": sku, "quantity": 9}], {"group": group})
    shop.ok(shop.client.post(f"{path}/ship", json={"id": uuid.uuid4().hex}))
    assert sum(on_hand(shop, sku, location) for location in places) == 2
    assert shop.atp(sku, group=group)["atp"] == 2


def test_a_count_between_a_shipment_and_its_message(shop, dc):
    sku = shop.sku()
    now = datetime.now(UTC)
    shop.stock(sku, dc, 93, at=now - timedelta(hours=1))
    path = order(shop, [{"sku": sku, "quantity": 3}], {"location": dc})
    shop.stock(sku, dc, 90, at=now - timedelta(minutes=20))
    left_at = (now - timedelta(minutes=30)).isoformat()
    message = {"id": uuid.uuid4().hex, "at": left_at}
    for _ in range(2):
        assert shop.ok(shop.client.post(f"{path}/ship", json=message))["state"] == "shipped"
        assert on_hand(shop, sku, dc) == 90
    assert shop.atp(sku, location=dc)["atp"] == 90


def test_more_lines_than_a_page(shop, dc):
    sku = shop.sku()
    shop.stock(sku, dc, 300)
    lines = [{"sku": sku, "quantity": 1}] * 301
    problem(shop.reserve(lines, place={"location": dc}), 409, "/insufficient-stock")
    held = shop.ok(shop.reserve(lines[1:], place={"location": dc}), 201)
    assert len(held["lines"]) == 300
    assert shop.atp(sku, location=dc)["atp"] == 0


def test_cancel_twice(shop, dc):
    sku = shop.sku()
    shop.stock(sku, dc, 5)
    path = order(shop, [{"sku": sku, "quantity": 3}], {"location": dc})
    message = {"id": uuid.uuid4().hex}
    for _ in range(2):
        cancelled = shop.ok(shop.client.post(f"{path}/cancel", json=message))
        assert cancelled["state"] == "cancelled"
    again = shop.client.post(f"{path}/cancel", json={"id": uuid.uuid4().hex})
    problem(again, 409, "/state-conflict")
    assert shop.atp(sku, location=dc)["atp"] == 5
