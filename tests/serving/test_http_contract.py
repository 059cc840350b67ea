"""What a client written only from the description of the API meets: bodies, cursors, problems."""

import base64
import json

import pytest


def problem(answer, status, slug):
    """The problem document, once status, media type and type are as they should be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"].endswith(f"/{slug}")
    assert body["status"] == status
    return body


@pytest.mark.parametrize(
    "path",
    ["/inventory", "/ledger", "/quarantine", "/skus", "/purchase-orders", "/alerts"],
)
@pytest.mark.parametrize("key", [[], [None], [{}], [1.5], [1, 2], ["a", "b", "c"], [True]])
def test_a_cursor_that_no_page_gave(admin, path, key):
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode()
    body = problem(admin.get(path, params={"cursor": cursor}), 422, "invalid-input")
    assert body["field"] == "cursor"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/locations/L", {"name": "L", "type": "store", "cutoff": 1020}, "cutoff"),
        ("/locations/L", {"name": "L", "type": "store", "cutoff": "17:00+02:00"}, "cutoff"),
        ("/locations/L", {"name": "L"}, "type"),
        ("/skus/S", {"name": "S", "price": True}, "price"),
        ("/groups/G", {"locations": ["nowhere"]}, "locations"),
    ],
)
def test_a_wrong_field_of_the_catalogue(admin, path, body, field):
    assert problem(admin.put(path, json=body), 422, "invalid-input")["field"] == field


def test_null_says_what_leaving_out_says(shop):
    nothing = dict.fromkeys(["timezone", "methods", "cutoff", "latitude", "daily_capacity"])
    path = f"/locations/null-{shop.mark}"
    told = shop.ok(shop.client.put(path, json={"type": "store"} | nothing))
    assert (told["timezone"], told["methods"], told["cutoff"]) == ("UTC", [], None)


def test_put_tells_what_is_stored(shop):
    location = shop.location()
    for path, body in [
        (f"/vendors/v-{shop.mark}", {}),
        (f"/skus/s-{shop.mark}", {}),
        (f"/groups/g-{shop.mark}", {"locations": [location, location]}),
    ]:
        told = shop.ok(shop.client.put(path, json=body))
        assert told.pop("created") is True
        assert told == shop.ok(shop.client.get(path))
        assert told["name"] == told["id"]


def test_a_bundle_holds_no_bundle(shop):
    part, pair, case = (shop.sku(name) for name in ("part", "pair", "case"))
    shop.ok(shop.client.put(f"/bundles/{pair}", json={"components": {part: 2}}))
    for sku, inside in [(case, pair), (part, case), (part, pair)]:
        answer = shop.client.put(f"/bundles/{sku}", json={"components": {inside: 1}})
        assert problem(answer, 422, "invalid-input")["field"] == "components"


def test_half_a_surrogate_pair_is_quarantined(shop):
    row = {"id": "\ud800", "sku": "S", "location": "L", "quantity": 1}
    answer = shop.client.post(
        "/inventory/sync",
        content=json.dumps({"mode": "delta", "rows": [row]}),
        headers={"Content-Type": "application/json"},
    )
    (result,) = shop.ok(answer)["results"]
    assert (result["outcome"], result["problem"]["field"]) == ("quarantined", "id")


def test_a_full_file_is_of_a_location_that_there_is(shop):
    rows = [{"id": "r", "sku": "S", "quantity": 1, "effective_at": "2026-01-01T00:00:00Z"}]
    answer = shop.sync(rows, scope="full", location=f"nowhere-{shop.mark}")
    assert problem(answer, 422, "unknown-location")["field"] == "location"


def test_a_full_file_of_one_location_leaves_the_others_alone(shop):
    sku, here, there = shop.sku(), shop.location("here"), shop.location("there")
    row = {"sku": sku, "quantity": 5, "effective_at": "2026-01-01T00:00:00Z"}
    rows = [row | {"id": f"{shop.mark}1"}, row | {"id": f"{shop.mark}2", "location": there}]
    told = shop.ok(shop.sync(rows, scope="full", location=here))
    assert [result["outcome"] for result in told["results"]] == ["applied", "quarantined"]
    assert told["results"][1]["problem"]["field"] == "location"


def test_an_inbound_tells_what_was_announced(shop):
    sku, location = shop.sku(), shop.location()
    path = f"/inbound/in-{shop.mark}"
    body = {"sku": sku, "location": location, "quantity": 10, "state": "confirmed",
            "expected_at": "2030-01-01T00:00:00Z"}  # fmt: skip
    shop.ok(shop.client.put(path, json=body))
    shop.ok(shop.client.post(f"{path}/receive", json={"id": f"rc-{shop.mark}", "quantity": 4}))
    told = shop.ok(shop.client.put(path, json=body))
    assert (told["quantity"], told["received_units"], told["open"]) == (10, 4, 6)
    assert shop.ok(shop.client.get(path)) == told


@pytest.mark.parametrize("on", [0, 4102444800, "2100-01-01T00:00:00Z", "01.01.2100", "21000101"])
def test_a_day_is_written_one_way(shop, on):
    sku, location = shop.sku(), shop.location()
    shop.stock(sku, location, 5)
    answer = shop.reserve([{"sku": sku, "quantity": 1}], place={"location": location}, on=on)
    assert problem(answer, 422, "invalid-input")["field"] == "on"
    answer = shop.client.get(f"/availability/{sku}", params={"location": location, "on": on})
    assert problem(answer, 422, "invalid-input")["field"] == "on"


@pytest.mark.parametrize("at", [1763791500, "1763791500", "2026-01-01", "2026-01-01T00:00:00"])
def test_a_moment_is_written_one_way(shop, at):
    sku, location = shop.sku(), shop.location()
    body = {"location": location, "quantity": 1, "reason": "count", "effective_at": at}
    answer = shop.client.patch(f"/inventory/{sku}", json=body)
    assert problem(answer, 422, "invalid-input")["field"] == "effective_at"


def test_a_misspelt_method_does_not_slip_past_the_buffers(shop):
    sku, location = shop.sku(), shop.location()
    answer = shop.client.get(
        f"/availability/{sku}", params={"location": location, "method": "bopsi"}
    )
    assert problem(answer, 422, "invalid-input")["field"] == "method"
    lines = [{"sku": sku, "quantity": 1}]
    answer = shop.reserve(lines, place={"location": location}, method="bopsi")
    assert problem(answer, 422, "invalid-input")["field"] == "method"


def test_a_group_that_there_is_not(shop):
    sku = shop.sku()
    query = {"group": "none"}
    for answer in [
        shop.client.get(f"/availability/{sku}", params=query),
        shop.reserve([{"sku": sku, "quantity": 1}], place=query),
    ]:
        assert problem(answer, 422, "unknown-group")["field"] == "group"
    asked = {"items": [{"sku": sku} | query]}
    (result,) = shop.ok(shop.client.post("/availability/query", json=asked))["results"]
    assert result["type"].endswith("/unknown-group")
    problem(shop.client.get("/groups/none"), 404, "unknown-group")


def test_a_shortage_names_its_group(shop):
    sku, location = shop.sku(), shop.location()
    shop.stock(sku, location, 2)
    group = f"g-{shop.mark}"
    shop.ok(shop.client.put(f"/groups/{group}", json={"locations": [location]}))
    for place in ({"group": group}, {"location": location}):
        body = problem(
            shop.reserve([{"sku": sku, "quantity": 3}], place=place), 409, "insufficient-stock"
        )
        (line,) = body["lines"]
        assert line.items() >= ({"sku": sku, "asked": 3, "available": 2} | place).items()


def test_a_refusal_names_the_line(shop):
    sku, location = shop.sku(), shop.location()
    shop.stock(sku, location, 2)
    good = {"sku": sku, "quantity": 1}
    for bad, slug in [
        ({"sku": "none", "quantity": 1}, "unknown-sku"),
        ({"sku": sku, "quantity": 1, "location": "none"}, "unknown-location"),
        ({"sku": sku, "quantity": 0}, "invalid-input"),
    ]:
        answer = shop.reserve([good, bad], place={"location": location})
        assert problem(answer, 422, slug)["row"] == 1


@pytest.mark.parametrize("media", ["text/plain", "application/xml", "", "application/jsonp"])
def test_a_body_that_is_not_announced_as_json(shop, media):
    answer = shop.client.post(
        "/inventory/release", content=b'{"id": "x"}', headers={"Content-Type": media}
    )
    problem(answer, 415, "unsupported-media-type")


def test_too_long_a_key_is_named_as_the_header_it_is(shop):
    answer = shop.client.post(
        "/inventory/release", json={"id": "x"}, headers={"Idempotency-Key": "k" * 201}
    )
    assert problem(answer, 422, "invalid-input")["field"].lower() == "idempotency-key"


def test_a_part_of_an_order_is_cancelled(shop):
    sku, location = shop.sku(), shop.location()
    shop.stock(sku, location, 9)
    order_id = f"o-{shop.mark}"
    place = {"location": location}
    lines = [{"sku": sku, "quantity": 6}]
    shop.ok(shop.reserve(lines, place=place, kind="hard", order_id=order_id), 201)
    body = {"id": f"c-{shop.mark}", "lines": [{"sku": sku, "quantity": 2}]}
    told = shop.ok(shop.client.post(f"/orders/{order_id}/cancel", json=body))
    assert (told["state"], told["lines"][0]["open"]) == ("confirmed", 4)
    assert shop.atp(sku, **place)["atp"] == 5


def test_a_hold_is_let_go_by_either_name(shop):
    sku, location = shop.sku(), shop.location()
    shop.stock(sku, location, 2)
    for name in ("id", "reservation_id"):
        held = shop.ok(shop.reserve([{"sku": sku, "quantity": 2}], place={"location": location}))
        told = shop.ok(shop.client.post("/inventory/release", json={name: held["id"]}))
        assert told["state"] == "released"


def test_the_binding_day_of_a_group_is_the_day_that_its_terms_speak_of(shop):
    """Group promises of 19 until day 4 leave 2, as in the worked example: day 4 holds them back."""
    sku, dc, store = shop.sku(), shop.location(), shop.location("S1", kind="store")
    shop.stock(sku, dc, 15)
    days = [day["date"] for day in shop.atp(sku, location=dc)["days"]]
    inbound = {"sku": sku, "location": store, "quantity": 6, "state": "confirmed",
               "expected_at": f"{days[4]}T00:00:00Z"}  # fmt: skip
    shop.ok(shop.client.put(f"/inbound/in-{shop.mark}", json=inbound))
    group = f"g-{shop.mark}"
    shop.ok(shop.client.put(f"/groups/{group}", json={"locations": [dc, store]}))
    for units, on in ((3, days[0]), (16, days[4])):
        lines = [{"sku": sku, "quantity": units}]
        shop.ok(shop.reserve(lines, place={"group": group}, on=on), 201)
    told = shop.atp(sku, group=group, explain=True)
    assert [day["atp"] for day in told["days"][:5]] == [2] * 5
    assert sum(term["quantity"] for term in told["terms"]) == told["raw"] == 2
    assert told["binding_date"] == days[4]


@pytest.mark.parametrize(
    ("measure", "field"),
    [
        ({"level": 0.9, "floor": "x"}, "forecast.floor"),
        ({"level": 0.9, "floor": 1.5}, "forecast.floor"),
        ({"level": "high"}, "forecast.level"),
        ({"level": 5}, "forecast.level"),
        ({"cancellation_cost": True}, "forecast.cancellation_cost"),
        ({"level": 0.9, "exposure": 3}, "forecast.exposure"),
        ({}, "forecast"),
    ],
)
def test_a_forecast_rule_that_no_job_could_follow(shop, measure, field):
    """A floor that is no number, once stored, broke every answer about the SKU."""
    sku = shop.sku()
    path = f"/buffer-rules/r-{shop.mark}"
    answer = shop.client.put(path, json={"sku": sku, "forecast": measure})
    assert problem(answer, 422, "invalid-input")["field"] == field


def test_a_forecast_rule_keeps_what_was_said(shop):
    measure = {"cancellation_cost": 9.0, "competing_share": 0.5, "floor": 2}
    body = {"sku": shop.sku(), "forecast": measure | {"margin": None}}
    path = f"/buffer-rules/r-{shop.mark}"
    assert shop.ok(shop.client.put(path, json=body))["forecast"] == measure


def test_a_bad_question_does_not_spoil_the_others(shop):
    sku, location = shop.sku(), shop.location()
    shop.stock(sku, location, 5)
    good = {"sku": sku, "location": location}
    bad = [
        ({"sku": sku}, "items.{}"),
        (good | {"group": "g"}, "items.{}"),
        (good | {"quantity": 1.5}, "items.{}.quantity"),
        (good | {"horizon": 0}, "items.{}.horizon"),
        ({"location": location}, "items.{}.sku"),
        ("x", "items.{}"),
        (None, "items.{}"),
        ({"sku": "none", "location": location}, "sku"),
    ]
    items = [item for wrong, _ in bad for item in (wrong, good)]
    results = shop.ok(shop.client.post("/availability/query", json={"items": items}))["results"]
    assert [result["atp"] for result in results[1::2]] == [5] * len(bad)
    for place, (_, field) in enumerate(bad):
        problem_there = results[2 * place]
        assert problem_there["status"] == 422
        assert problem_there["row"] == 2 * place
        assert problem_there["field"] == field.format(2 * place)


def test_a_repeated_large_feed_is_one_job(shop):
    headers = {"Prefer": "respond-async", "Idempotency-Key": f"feed-{shop.mark}"}
    sku, location = shop.sku(), shop.location()
    row = {"id": f"r-{shop.mark}", "sku": sku, "location": location, "quantity": 3,
           "effective_at": "2026-01-01T00:00:00Z"}  # fmt: skip
    body = {"mode": "delta", "rows": [row]}
    answers = [shop.client.post("/inventory/sync", json=body, headers=headers) for _ in range(2)]
    first, again = (shop.ok(answer, 202) for answer in answers)
    assert first == again
    assert answers[1].headers["location"] == first["location"]
    other = shop.client.post("/inventory/sync", json=body | {"rows": []}, headers=headers)
    problem(other, 409, "idempotency-conflict")


def test_positions_that_run_low_can_be_listed(admin):
    assert admin.get("/inventory", params={"state": "low"}).status_code == 200
