"""Order sourcing over HTTP: proposals, reservations in the same transaction, and who may."""

import pytest

BERLIN = {"latitude": 52.5200, "longitude": 13.4050}
HAMBURG = {"latitude": 53.5511, "longitude": 9.9937}
MUNICH = {"latitude": 48.1351, "longitude": 11.5820}


@pytest.fixture
def two_cities(shop):
    """Three of a SKU in Hamburg (255 km from Berlin), nine in Munich (504 km), in a group."""
    near, far = shop.location("HH", **HAMBURG), shop.location("MUC", **MUNICH)
    sku, group = shop.sku(), f"pool-{shop.mark}"
    shop.ok(shop.client.put(f"/groups/{group}", json={"locations": [near, far]}))
    shop.stock(sku, near, 3)
    shop.stock(sku, far, 9)
    return near, far, sku, group


def propose(shop, sku, group, quantity, *, headers=None, **more):
    body = {
        "lines": [{"sku": sku, "quantity": quantity}], "destination": BERLIN,
        "strategy": "proximity", "channel": shop.channel, "group": group,
    }  # fmt: skip
    return shop.client.post("/sourcing/propose", json=body | more, headers=headers or {})


def sent(answer):
    return {p["location"]: sum(x["quantity"] for x in p["lines"]) for p in answer["parcels"]}


def test_a_proposal_holds_nothing(shop, two_cities):
    near, _far, sku, group = two_cities
    for _ in range(2):
        answer = shop.ok(propose(shop, sku, group, 3), status=200)
        assert sent(answer) == {near: 3}
        assert answer["parcels"][0]["distance_km"] == pytest.approx(255, abs=1)
        assert answer["solver"] == {"method": "search", "optimal": True, "gap": 0.0}
    assert shop.atp(sku, location=near)["atp"] == 3


def test_a_reserved_proposal_is_gone_for_the_next(shop, two_cities):
    near, far, sku, group = two_cities
    reserve = {"kind": "hard", "order_id": f"o-{shop.mark}"}
    answer = shop.ok(propose(shop, sku, group, 2, reserve=reserve), status=201)
    assert sent(answer) == {near: 2}
    assert answer["reservation"]["state"] == "confirmed"
    assert answer["reservation"]["lines"][0]["location"] == near
    assert shop.atp(sku, location=near)["atp"] == 1
    assert sent(shop.ok(propose(shop, sku, group, 2))) == {far: 2}


def test_a_repeat_gets_the_first_answer(shop, two_cities):
    *_, sku, group = two_cities
    headers = {"Idempotency-Key": shop.mark}
    first = propose(shop, sku, group, 5, headers=headers, reserve={})
    again = propose(shop, sku, group, 5, headers=headers, reserve={})
    assert first.json() == again.json()
    assert again.headers["idempotency-replayed"] == "true"


def test_more_than_there_is_cannot_be_reserved(shop, two_cities):
    *_, sku, group = two_cities
    answer = propose(shop, sku, group, 13, reserve={})
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/insufficient-stock")
    (line,) = answer.json()["lines"]
    assert (line["asked"], line["available"]) == (13, 12)


def test_orders_of_a_batch_are_sourced_together(shop, two_cities):
    near, far, sku, group = two_cities
    orders = [
        {"id": f"{name}-{shop.mark}", "lines": [{"sku": sku, "quantity": 3}],
         "destination": BERLIN, "priority": priority}
        for name, priority in (("late", 0), ("urgent", 9))
    ]  # fmt: skip
    body = {"orders": orders, "strategy": "proximity", "channel": shop.channel, "group": group}
    answer = shop.client.post("/sourcing/propose-many", json=body | {"reserve": {"kind": "hard"}})
    late, urgent = shop.ok(answer, status=201)["results"]
    assert (sent(late), sent(urgent)) == ({far: 3}, {near: 3})
    assert urgent["reservation"]["order_id"] == f"urgent-{shop.mark}"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"strategy": "cheapest"}, "strategy"),
        ({"lines": []}, "lines"),
        ({"destination": {"latitude": 91, "longitude": 0}}, "destination.latitude"),
        ({"destination": None}, "destination"),
        ({"split_penalty": -1}, "split_penalty"),
        ({"weights": {"time": 0, "cost": 0, "performance": 0}, "strategy": "hybrid"}, "weights"),
        ({"lines": [{"sku": "nobody-knows", "quantity": 1}]}, "sku"),
        ({"group": "nowhere"}, "group"),
    ],
)
def test_a_wrong_field_is_named(shop, two_cities, change, field):
    *_, sku, group = two_cities
    answer = propose(
        shop,
        sku,
        change.get("group", group),
        1,
        **{k: v for k, v in change.items() if k != "group"},
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field


def test_who_may_only_look_may_not_source(client_of, shop, two_cities):
    *_, sku, _group = two_cities
    body = {"lines": [{"sku": sku, "quantity": 1}], "destination": BERLIN, "strategy": "cost"}
    for role, status in (("viewer", 403), ("buyer", 403), ("planner", 200), ("oms", 200)):
        assert client_of(role).post("/sourcing/propose", json=body).status_code == status


def test_an_order_that_may_no_longer_go_in_one_parcel_still_goes(shop, two_cities):
    """Hamburg alone had it, and has not: what is left goes in parts rather than not at all."""
    near, far, sku, group = two_cities
    third = shop.location("K", latitude=50.9375, longitude=6.9603)
    shop.ok(shop.client.put(f"/groups/{group}", json={"locations": [near, far, third]}))
    for location, units in ((near, 4), (far, 2), (third, 2)):
        shop.stock(sku, location, units)
    path = f"/orders/o-{shop.mark}"
    reserve = {"kind": "hard", "order_id": f"o-{shop.mark}"}
    assert sent(shop.ok(propose(shop, sku, group, 4, max_splits=0, reserve=reserve))) == {near: 4}
    gone = {"id": f"1-{shop.mark}", "reason": "not-in-stock"}
    shop.ok(shop.client.post(f"{path}/reject", json=gone))
    lines = shop.ok(shop.client.post(f"{path}/allocate", json={"id": f"2-{shop.mark}"}))["lines"]
    assert {line["location"]: line["quantity"] for line in lines} == {far: 2, third: 2}
