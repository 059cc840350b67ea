"""Rows that could not go in, over HTTP: listed, sent again, dismissed, and by whom."""

import json
import uuid

import pytest

AT = "2026-07-01T06:00:00Z"


def row(shop, sku, location, quantity, *, row_id):
    body = {"id": f"{row_id}-{shop.mark}", "sku": sku, "location": location}
    return body | {"quantity": quantity, "effective_at": AT}


def on_hand(shop, sku):
    found = shop.ok(shop.client.get(f"/inventory/{sku}"))
    return sum(place["statuses"]["available"] for place in found["locations"])


def problem(answer, status, ending):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(ending)


def refused(shop, *rows, **more):
    """Send rows of a feed of this shop's own; returns those that wait."""
    feed = f"feed-{shop.mark}"
    shop.ok(shop.sync(list(rows), mode="delta", source=feed, **more))
    return shop.ok(shop.client.get("/quarantine", params={"feed": feed}))["rows"]


def test_a_row_is_sent_again_once_its_sku_is_known(shop):
    dc = shop.location()
    sku = f"late-{shop.mark}"
    (waiting,) = refused(shop, row(shop, sku, dc, 4, row_id="q"))
    assert (waiting["mode"], waiting["can_be_replayed"]) == ("delta", True)
    path = f"/quarantine/{waiting['quarantine_id']}"
    again = shop.ok(shop.client.post(f"{path}/replay"))
    assert (again["went_in"], again["still_quarantined"]) == (0, 1)
    assert again["results"][0]["problem"]["field"] == "sku"
    shop.sku("late")
    again = shop.ok(shop.client.post(f"{path}/replay"))
    assert again["results"][0]["outcome"] == "applied"
    assert on_hand(shop, sku) == 4
    done = shop.ok(shop.client.get(path))
    assert done["resolution"] == "went_in"
    assert done["resolved_by"].startswith("admin:")
    problem(shop.client.post(f"{path}/replay"), 404, "/not-found")


def test_many_at_once(shop):
    dc = shop.location()
    rows = [row(shop, f"late-{shop.mark}", dc, 1, row_id=f"q{i}") for i in range(5)]
    waiting = refused(shop, *rows)
    shop.sku("late")
    some = {"ids": [waiting[0]["quarantine_id"], waiting[3]["quarantine_id"]]}
    key = {"Idempotency-Key": uuid.uuid4().hex}
    for _ in range(2):  # The repeat gets the first answer again.
        answer = shop.client.post("/quarantine/replay", json=some, headers=key)
        assert shop.ok(answer)["went_in"] == 2
    rest = shop.ok(shop.client.post("/quarantine/replay", json={"feed": waiting[0]["feed"]}))
    assert (rest["went_in"], rest["waiting"]) == (3, 0)
    assert on_hand(shop, f"late-{shop.mark}") == 5


def test_dismissed_with_a_reason(shop):
    dc = shop.location()
    (waiting,) = refused(shop, row(shop, "nobody", dc, 4, row_id="q"))
    path = f"/quarantine/{waiting['quarantine_id']}"
    problem(shop.client.delete(path), 422, "/invalid-input")
    done = shop.ok(shop.client.delete(path, params={"reason": "a test till"}))
    assert (done["resolution"], done["resolved_why"]) == ("dismissed", "a test till")
    problem(shop.client.delete(path, params={"reason": "again"}), 409, "/state-conflict")
    problem(shop.client.delete("/quarantine/999999999", params={"reason": "x"}), 404, "/not-found")


@pytest.mark.parametrize("key", [{}, {"Idempotency-Key": "deep"}])
@pytest.mark.parametrize("where", ["row", "sku", "quantity", "effective_at", "extra"])
def test_a_row_nested_beyond_sense_keeps_no_other_out(shop, key, where):
    dc, sku = shop.location(), shop.sku()
    good, bad = row(shop, sku, dc, 4, row_id="good"), row(shop, "nobody", dc, 4, row_id="deep")
    deep = "[" * 900 + "]" * 900
    bad = deep if where == "row" else json.dumps(bad | {where: "HERE"}).replace('"HERE"', deep)
    body = f'{{"mode": "delta", "source": "f-{shop.mark}", "rows": [{json.dumps(good)}, {bad}]}}'
    headers = {name: f"{value}-{shop.mark}" for name, value in key.items()}
    headers["Content-Type"] = "application/json"
    for _ in range(2):
        answer = shop.ok(shop.client.post("/inventory/sync", content=body, headers=headers))
        assert answer["results"][1]["outcome"] == "quarantined"
        assert on_hand(shop, sku) == 4
    waiting = shop.ok(shop.client.get("/quarantine", params={"feed": f"f-{shop.mark}"}))["rows"]
    assert len(waiting) == 1


def test_a_number_that_no_row_has_is_named(shop):
    answer = shop.client.post("/quarantine/replay", json={"ids": [1, 2**70]})
    problem(answer, 422, "/invalid-input")
    assert (answer.json()["field"], answer.json()["row"]) == ("ids.1", 1)


def test_who_may(shop, client_of):
    dc = shop.location()
    (waiting,) = refused(shop, row(shop, "nobody", dc, 4, row_id="q"))
    path = f"/quarantine/{waiting['quarantine_id']}"
    viewer = client_of("viewer")
    assert viewer.get(path).status_code == 200
    problem(viewer.post(f"{path}/replay"), 403, "/forbidden")
    problem(viewer.delete(path, params={"reason": "x"}), 403, "/forbidden")
    problem(viewer.post("/quarantine/replay", json={}), 403, "/forbidden")
