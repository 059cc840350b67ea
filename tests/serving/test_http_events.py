"""Events, low marks, backorders and new dates over HTTP."""

import time
from datetime import UTC, datetime, timedelta

from fastapi.testclient import TestClient

from inventory.store import keys, outbox
from pipelines.settings import Settings
from serving import app as serving_app


def later(days):
    return datetime.now(UTC) + timedelta(days=days)


def follow(shop, sku, after=0, **query):
    answer = shop.ok(shop.client.get("/events", params={"sku": sku, "after": after} | query))
    return [(e["kind"], e["location"]) for e in answer["events"]], answer["last"]


def test_a_reader_follows_a_sku_from_where_it_was(shop):
    place, sku = shop.location(), shop.sku()
    shop.stock(sku, place, 5)
    marked = shop.ok(shop.client.put(f"/low-marks/{sku}", json={"location": place, "units": 3}))
    assert marked["marks"] == [{"location": place, "units": 3}]
    made = shop.ok(shop.reserve([{"sku": sku, "quantity": 2}], place={"location": place}), 201)
    seen, last = follow(shop, sku)
    assert seen == [("low_stock", place)]
    shop.ok(shop.reserve([{"sku": sku, "quantity": 3}], place={"location": place}), 201)
    shop.ok(shop.client.delete(f"/reservations/{made['id']}"))
    seen, last = follow(shop, sku, after=last)
    assert seen == [("out_of_stock", place), ("back_in_stock", place)]
    assert follow(shop, sku, after=last) == ([], last)
    assert follow(shop, sku, kind="out_of_stock")[0] == [("out_of_stock", place)]
    assert follow(shop, sku, limit=1)[0] == [("low_stock", place)]
    shop.ok(shop.client.put(f"/low-marks/{sku}", json={"location": place, "units": None}))
    assert shop.ok(shop.client.get(f"/low-marks/{sku}"))["marks"] == []


def test_a_mark_that_makes_no_sense_is_refused(shop):
    sku = shop.sku()
    for body, status in (
        ({"units": -1}, 422),
        ({"units": 1.5}, 422),
        ({}, 422),
        ({"units": 1, "place": "x"}, 422),
        ({"units": 1, "location": "nowhere"}, 422),
    ):
        assert shop.client.put(f"/low-marks/{sku}", json=body).status_code == status, body
    assert shop.client.get("/events", params={"after": -1}).status_code == 422
    assert shop.client.get("/events", params={"limit": 1001}).status_code == 422


def test_a_backorder_is_owed_filled_and_shipped(shop):
    place, sku = shop.location(), shop.sku()
    shop.stock(sku, place, 3)
    order = f"o-{sku}"
    shop.ok(shop.reserve([{"sku": sku, "quantity": 3}], place={"location": place}, kind="hard",
                         order_id=order), 201)  # fmt: skip
    shop.ok(shop.client.patch(f"/inventory/{sku}", json={
        "location": place, "delta": -1, "reason": "damage"}))  # fmt: skip
    body = {"sku": sku, "location": place, "quantity": 4, "expected_at": later(3).isoformat(),
            "state": "confirmed"}  # fmt: skip
    shop.ok(shop.client.put(f"/inbound/in-{sku}", json=body))

    def act(name, **body):
        message = {"id": f"{name}-{len(body)}-{sku}"} | body
        return shop.ok(shop.client.post(f"/orders/{order}/{name}", json=message))

    act("allocate")
    owed = act("ship", lines=[{"sku": sku, "quantity": 2}], rest="backorder")
    assert owed["state"] == "allocated"
    (waiting,) = [line for line in owed["lines"] if line["open"]]
    assert (waiting["open"], waiting["backordered"]) == (1, True)
    assert waiting["promised_date"] == later(3).date().isoformat()
    body["expected_at"] = later(1).isoformat()
    shop.ok(shop.client.put(f"/inbound/in-{sku}", json=body))
    (told,) = shop.ok(shop.client.get("/events", params={"sku": sku, "kind": "sooner_possible"}))[
        "events"
    ]
    (offer,) = told["payload"]["lines"]
    assert (offer["order"], offer["new_date"]) == (order, later(1).date().isoformat())
    moved = act("redate")
    (waiting,) = [line for line in moved["lines"] if line["open"]]
    assert waiting["promised_date"] == later(1).date().isoformat()
    receipt = {"id": f"r-{sku}", "quantity": 4, "received_at": later(0).isoformat()}
    shop.ok(shop.client.post(f"/inbound/in-{sku}/receive", json=receipt))
    assert ("peg_filled", place) in follow(shop, sku)[0]
    assert act("ship")["state"] == "shipped"
    assert shop.atp(sku, location=place)["atp"] == 3


def test_a_quantity_is_answered_with_its_chance(shop):
    """Nobody walks into a warehouse: what is there is there. Supply of a vendor may come late."""
    place = shop.location()
    vendor = f"v-{place}"
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={
        "name": "V", "lead_time_days": 5, "lead_time_sd_days": 2}))  # fmt: skip
    sku = shop.sku(vendor=vendor)
    shop.stock(sku, place, 5)
    shop.ok(shop.client.put(f"/inbound/in-{sku}", json={
        "sku": sku, "location": place, "quantity": 5, "expected_at": later(3).isoformat(),
        "state": "confirmed"}))  # fmt: skip
    assert shop.atp(sku, location=place, quantity=5)["fulfilment_probability"] == 1.0
    assert "fulfilment_probability" not in shop.atp(sku, location=place)
    on = later(5).date().isoformat()
    chances = [
        shop.atp(sku, location=place, quantity=q, on=on)["fulfilment_probability"]
        for q in (5, 6, 10, 11)
    ]
    assert chances[0] == 1.0
    # Two days of slack and what is left of the day, at two days of spread: Φ(1) to Φ(1.5).
    assert 0.84 <= chances[1] == chances[2] <= 0.94
    assert chances[3] == 0.0
    query = {"sku": sku, "location": place, "channel": shop.channel, "method": "ship", "on": on}
    items = [query | {"quantity": 6}, query, query | {"quantity": 11}]
    answers = shop.ok(shop.client.post("/availability/query", json={"items": items}))["results"]
    assert [answer.get("fulfilment_probability") for answer in answers] == [chances[1], None, 0.0]
    made = shop.ok(shop.reserve([{"sku": sku, "quantity": 8}], place={"location": place}, on=on),
                   201)  # fmt: skip
    read = shop.ok(shop.client.get(f"/reservations/{made['id']}"))
    assert read["lines"][0]["fulfilment_probability"] == chances[1]


def test_who_was_away_for_too_long_is_told_where_to_go_on(database_url, tmp_path, db, monkeypatch):
    now = datetime.now(UTC)
    for days in (31, 30, 1):
        at = now - timedelta(days=days)
        outbox.emit(db, kind="test", payload={"days": days}, now=at, sku="A")
    key = keys.create_key(db, role="viewer", vendor=None, label="", now=now)
    settings = Settings(database_url=database_url, data_dir=tmp_path, events_kept_days=20)
    monkeypatch.setattr(serving_app, "SWEEP_SECONDS", 0.05)
    client = TestClient(serving_app.create_app(settings, with_inference=False))
    client.headers["Authorization"] = f"Bearer {key}"

    def get(**query):
        return client.get("/api/v2/events", params=query)

    with client:
        deadline = time.monotonic() + 20
        while get(after=0).status_code == 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        gone, rest = get(after=1), get()
        nothing = get(kind="other").json()
        on = get(after=nothing["last"])
    told = gone.json()
    assert (gone.status_code, told["type"].rpartition("/")[2]) == (410, "events-expired")
    assert (told["after"], told["oldest"]) == (1, 3)
    assert get_days(rest) == get_days(on) == [1]
    assert nothing == {"events": [], "last": 2}


def get_days(answer):
    return [event["payload"]["days"] for event in answer.json()["events"]]
