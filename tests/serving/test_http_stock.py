"""Feeds, corrections, moves and inbound supply over HTTP, with the feed example of the contract."""

import time
import uuid
from datetime import UTC, datetime, timedelta

NOW = datetime.now(UTC)


def at(clock):
    """A moment of yesterday."""
    hour, minute = map(int, clock.split(":"))
    yesterday = NOW - timedelta(days=1)
    return yesterday.replace(hour=hour, minute=minute, second=0, microsecond=0).isoformat()


def row(shop, sku, location, quantity, *, clock, row_id, **more):
    body = {"id": f"{row_id}-{shop.mark}", "sku": sku, "location": location}
    return body | {"quantity": quantity, "effective_at": at(clock), **more}


def on_hand(shop, sku, status="available"):
    found = shop.ok(shop.client.get(f"/inventory/{sku}"))
    return sum(place["statuses"].get(status, 0) for place in found["locations"])


def problem(answer, status, ending):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(ending)
    return answer.json()


def test_counts_and_sales_in_any_order(shop):
    """Section 5: count 90 at 06:00; a sale of 1 at 06:05; a count of 05:00 that arrives late."""
    dc, sku = shop.location(), shop.sku()
    count = row(shop, sku, dc, 90, clock="06:00", row_id="count")
    sale = row(shop, sku, dc, -1, clock="06:05", row_id="sale", reason="sale")
    late = row(shop, sku, dc, 70, clock="05:00", row_id="late")
    counted = row(shop, sku, dc, -3, clock="05:50", row_id="counted")

    def outcome(rows, **more):
        return [r["outcome"] for r in shop.ok(shop.sync(rows, **more))["results"]]

    assert outcome([sale], mode="delta") == ["applied"]
    assert outcome([count]) == ["applied"]
    assert outcome([late]) == ["superseded"]
    assert outcome([counted], mode="delta") == ["already_counted"]
    assert on_hand(shop, sku) == 89
    assert outcome([sale, counted], mode="delta") == ["duplicate", "duplicate"]
    assert outcome([count]) == ["duplicate"]
    assert on_hand(shop, sku) == 89


def test_bad_rows_are_named_and_good_ones_go_in(shop):
    dc, sku = shop.location(), shop.sku()
    rows = [
        row(shop, sku, dc, 5, clock="06:00", row_id="good"),
        row(shop, "no-such", dc, 5, clock="06:00", row_id="unknown"),
        row(shop, sku, dc, 1.5, clock="06:00", row_id="fraction"),
        row(shop, sku, dc, -5, clock="06:00", row_id="negative"),
        {"id": f"bare-{shop.mark}"},
    ]
    answer = shop.ok(shop.sync(rows))
    assert [r["id"] for r in answer["results"]] == [r["id"] for r in rows]
    outcomes = [r["outcome"] for r in answer["results"]]
    assert outcomes == ["applied", *["quarantined"] * 4]
    fields = [r["problem"]["field"] for r in answer["results"][1:]]
    assert fields == ["sku", "quantity", "quantity", "sku"]
    assert answer["counts"]["quarantined"] == 4
    assert on_hand(shop, sku) == 5
    waiting = shop.ok(shop.client.get("/quarantine", params={"limit": 1000}))["rows"]
    assert {r["id"] for r in rows[1:]} <= {w["message_id"] for w in waiting}


def test_atomic_takes_all_or_none(shop):
    dc, sku = shop.location(), shop.sku()
    rows = [
        row(shop, sku, dc, 5, clock="06:00", row_id="good"),
        row(shop, "no-such", dc, 5, clock="06:00", row_id="unknown"),
    ]
    answer = shop.ok(shop.sync(rows, atomic=True))
    assert [r["outcome"] for r in answer["results"]] == ["quarantined", "quarantined"]
    assert "no-such" in answer["results"][0]["problem"]["detail"]
    assert on_hand(shop, sku) == 0


def test_too_many_rows(shop):
    told = problem(shop.sync([{}] * 10_001), 413, "/request-too-large")
    assert told["detail"].endswith("send several")
    # Half a full file would set the other half to zero.
    told = problem(shop.sync([{}] * 10_001, scope="full"), 413, "/request-too-large")
    assert "scope 'partial'" in told["detail"]


def test_a_large_feed_as_a_job(shop):
    dc, sku = shop.location(), shop.sku()
    body = {"mode": "snapshot", "basis": "physical", "scope": "partial"}
    body |= {"rows": [row(shop, sku, dc, 7, clock="06:00", row_id="job")]}
    answer = shop.client.post("/inventory/sync", json=body, headers={"Prefer": "respond-async"})
    job = shop.ok(answer, 202)
    assert answer.headers["location"] == f"/api/v2/jobs/{job['id']}"
    for _ in range(200):
        found = shop.ok(shop.client.get(f"/jobs/{job['id']}"))
        if found["state"] in ("succeeded", "failed"):
            break
        time.sleep(0.05)
    assert found["state"] == "succeeded"
    assert found["result"]["results"][0]["outcome"] == "applied"
    assert on_hand(shop, sku) == 7


def test_correct_and_move(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 10)
    path = f"/inventory/{sku}"
    shop.ok(shop.client.patch(path, json={"location": dc, "delta": -2, "reason": "damage"}))
    assert on_hand(shop, sku) == 8
    both = {"location": dc, "delta": -2, "quantity": 3, "reason": "count"}
    problem(shop.client.patch(path, json=both), 422, "/invalid-input")
    fraction = {"location": dc, "delta": 0.5, "reason": "count"}
    wrong = problem(shop.client.patch(path, json=fraction), 422, "/invalid-input")
    assert wrong["field"] == "delta"
    move = {"id": uuid.uuid4().hex, "sku": sku, "location": dc, "quantity": 3}
    move |= {"from_status": "available", "to_status": "inspection"}
    for _ in range(2):  # The repeat changes nothing.
        shop.ok(shop.client.post("/inventory/move", json=move))
        assert (on_hand(shop, sku), on_hand(shop, sku, "inspection")) == (5, 3)


def test_inbound_is_received_once(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 1)
    inbound = f"I-{shop.mark}"
    body = {"sku": sku, "location": dc, "quantity": 10, "state": "shipped"}
    body["expected_at"] = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    shop.ok(shop.client.put(f"/inbound/{inbound}", json=body))
    days = shop.atp(sku, location=dc, horizon=7)["days"]
    assert [day["atp"] for day in days][:5] == [1, 1, 1, 11, 11]
    receipt = {"id": f"R-{shop.mark}", "quantity": 4}
    for _ in range(2):
        shop.ok(shop.client.post(f"/inbound/{inbound}/receive", json=receipt))
        assert on_hand(shop, sku) == 5
    days = shop.atp(sku, location=dc, horizon=7)["days"]
    assert [day["atp"] for day in days][:5] == [5, 5, 5, 11, 11]


def test_ledger_pages_and_sums_to_the_balance(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 10)
    for _ in range(4):
        change = {"location": dc, "delta": -1, "reason": "theft"}
        shop.ok(shop.client.patch(f"/inventory/{sku}", json=change))
    entries, cursor, pages = [], None, 0
    while True:
        query = {"sku": sku, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = shop.ok(shop.client.get("/ledger", params=query))
        entries += page["entries"]
        pages += 1
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == 3
    assert len(entries) == len({entry["entry_id"] for entry in entries}) == 5
    assert sum(entry["units"] for entry in entries) == on_hand(shop, sku) == 6
    problem(shop.client.get("/ledger?cursor=%25%25"), 422, "/invalid-input")


def test_positions_page_by_location(shop):
    dc = shop.location()
    skus = sorted(shop.sku(f"P{n}") for n in range(5))
    for n, sku in enumerate(skus):
        shop.stock(sku, dc, n)
    seen, cursor = [], None
    while True:
        query = {"location": dc, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = shop.ok(shop.client.get("/inventory", params=query))
        seen += [item["sku"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == skus
    query = {"location": dc, "state": "out_of_stock"}
    empty = shop.ok(shop.client.get("/inventory", params=query))["items"]
    assert [item["sku"] for item in empty] == [skus[0]]


def test_goods_that_want_approval(shop):
    dc, sku = shop.location(receipt_approval=True), shop.sku()
    inbound = f"I-{shop.mark}"
    body = {"sku": sku, "location": dc, "quantity": 10, "state": "shipped"}
    body["expected_at"] = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    shop.ok(shop.client.put(f"/inbound/{inbound}", json=body))
    receipt = {"id": f"R-{shop.mark}", "quantity": 10}
    got = shop.ok(shop.client.post(f"/inbound/{inbound}/receive", json=receipt))
    assert (got["status"], got["awaiting"]) == ("inspection", 10)
    assert [day["atp"] for day in shop.atp(sku, location=dc, horizon=3)["days"]] == [0] * 4
    approval = {"id": f"A-{shop.mark}", "quantity": 6}
    for _ in range(2):  # The repeat changes nothing.
        told = shop.ok(shop.client.post(f"/inbound/{inbound}/approve", json=approval))
        assert (told["decided"], told["awaiting"]) == (6, 4)
        assert (on_hand(shop, sku), on_hand(shop, sku, "inspection")) == (6, 4)
    more = {"id": f"B-{shop.mark}", "quantity": 5}
    problem(shop.client.post(f"/inbound/{inbound}/approve", json=more), 422, "/invalid-input")


def test_the_day_begins_with_a_count(shop):
    dc, sku, gone = shop.location(), shop.sku(), shop.sku("gone")
    shop.stock(sku, dc, 10, at=NOW - timedelta(days=2))
    shop.stock(gone, dc, 4, at=NOW - timedelta(days=2))
    lines = [{"sku": sku, "quantity": 3}]
    shop.ok(shop.reserve(lines, place={"location": dc}, ttl_seconds=3600))
    body = {"id": f"day-{shop.mark}", "location": dc, "source": f"wms-{shop.mark}"}
    body["effective_at"] = (NOW - timedelta(hours=1)).isoformat()
    body["rows"] = [{"sku": sku, "quantity": 8, "picked": 2}]
    for _ in range(2):  # The repeat changes nothing.
        told = shop.ok(shop.client.post("/inventory/start-of-day", json=body))
        assert (told["counts"], told["zeroed"]) == ({"applied": 1}, 1)
        assert told["in_flight"] == {"soft": 3}
    assert (on_hand(shop, sku), on_hand(shop, gone)) == (10, 0)
    wrong = body | {"id": f"bad-{shop.mark}", "rows": [{"sku": sku, "quantity": 1.5}]}
    found = problem(shop.client.post("/inventory/start-of-day", json=wrong), 422, "/invalid-input")
    assert (found["field"], found["row"]) == ("quantity", 1)
