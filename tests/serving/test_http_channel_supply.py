"""Who may sell what, and what is sold ahead, over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

NOW = datetime.now(UTC)
LAUNCH = (NOW + timedelta(days=20)).date().isoformat()


def problem(answer, status, ending):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(ending)
    return answer.json()


def link(shop, name, **body):
    return shop.client.put(f"/supply-links/{name}-{shop.mark}", json=body)


def other_channel(shop):
    channel = f"app-{shop.mark}"
    shop.ok(shop.client.put(f"/channels/{channel}", json={}))
    return channel


def test_a_link_goes_in_comes_out_and_is_withdrawn(shop):
    dc = shop.location()
    body = {
        "channel": shop.channel, "location": dc, "method": "ship", "ratio": 0.8, "reserve": 5,
        "starts_at": "2026-06-01T00:00:00Z", "ends_at": "2036-06-01T00:00:00+02:00",
    }  # fmt: skip
    path = f"/supply-links/k-{shop.mark}"
    stored = shop.ok(shop.client.put(path, json=body), 200)
    assert stored["created"]
    assert not shop.ok(shop.client.put(path, json=body))["created"]
    read = shop.ok(shop.client.get(path))
    assert (read["ratio"], read["reserve"], read["sku"]) == (0.8, 5, None)
    assert datetime.fromisoformat(read["ends_at"]) == datetime.fromisoformat(body["ends_at"])
    listed = shop.ok(shop.client.get("/supply-links", params={"limit": 1000}))["supply_links"]
    assert read in listed
    assert shop.client.delete(path).status_code == 204
    problem(shop.client.delete(path), 404, "/not-found")
    problem(shop.client.get(path), 404, "/not-found")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"ratio": 1.1}, "ratio"),
        ({"reserve": -1}, "reserve"),
        ({"method": "drone"}, "method"),
        ({"channel": "nobody"}, "channel"),
        ({"location": "nowhere"}, "location"),
        ({"sku": "nothing"}, "sku"),
        ({"starts_at": "2026-06-02T00:00:00Z", "ends_at": "2026-06-01T00:00:00Z"}, "ends_at"),
        ({"starts_at": "2026-06-02T00:00:00"}, "starts_at"),
        ({"quota": 3}, "quota"),
    ],
)
def test_what_is_wrong_with_a_link_is_named(shop, wrong, field):
    body = {"channel": shop.channel, "location": shop.location()} | wrong
    assert problem(link(shop, "k", **body), 422, "/invalid-input")["field"] == field


def test_lists_go_on_after_the_last_id(shop):
    dc = shop.location()
    for name in "abc":
        shop.ok(link(shop, name, channel=shop.channel, location=dc))
    found, cursor = [], None
    while True:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = shop.ok(shop.client.get("/supply-links", params=query))
        found += [item["id"] for item in page["supply_links"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [name for name in found if name.endswith(shop.mark)] == [
        f"{name}-{shop.mark}" for name in "abc"
    ]


@pytest.mark.parametrize("role", ["viewer", "oms", "vendor", "scientist"])
def test_only_who_keeps_the_catalogue_may_write(shop, client_of, role):
    vendor = f"acme-{shop.mark}" if role == "vendor" else None
    if vendor:
        shop.ok(shop.client.put(f"/vendors/{vendor}", json={}))
    client = client_of(role, vendor)
    body = {"channel": shop.channel, "location": shop.location()}
    problem(client.put("/supply-links/x", json=body), 403, "/forbidden")
    problem(client.delete("/supply-links/x"), 403, "/forbidden")
    pre_sale = {"sku": shop.sku(), "location": shop.location(), "available_on": LAUNCH, "cap": 1}
    problem(client.put("/pre-sales/x", json=pre_sale), 403, "/forbidden")


def test_a_share_is_published_and_enforced(shop):
    """100 + 50 units at 80 %: 120 over both; another channel sees all there is."""
    sku, one, two = shop.sku(), shop.location("one"), shop.location("two")
    group = f"g-{shop.mark}"
    shop.ok(shop.client.put(f"/groups/{group}", json={"locations": [one, two]}))
    shop.stock(sku, one, 100)
    shop.stock(sku, two, 50)
    for name, at in (("one", one), ("two", two)):
        shop.ok(link(shop, name, channel=shop.channel, location=at, ratio=0.8))
    told = shop.atp(sku, group=group, explain=True)
    assert told["atp"] == 120
    assert sum(term["quantity"] for term in told["terms"]) == told["raw"]
    assert {"channel-quota"} <= {term["term"] for term in told["terms"]}
    assert shop.atp(sku, location=one)["atp"] == 80
    assert shop.atp(sku, group=group, channel=other_channel(shop))["atp"] == 150
    refused = shop.reserve([{"sku": sku, "quantity": 81}], place={"location": one})
    assert problem(refused, 409, "/insufficient-stock")
    shop.ok(shop.reserve([{"sku": sku, "quantity": 80}], place={"location": one}), 201)
    assert shop.atp(sku, group=group)["atp"] == 40


def test_units_set_aside_are_for_one_channel(shop):
    sku, dc, app = shop.sku(), shop.location(), other_channel(shop)
    shop.stock(sku, dc, 100)
    shop.ok(link(shop, "fair", channel=app, location=dc, reserve=30))
    assert shop.atp(sku, location=dc)["atp"] == 70
    assert shop.atp(sku, location=dc, channel=app)["atp"] == 100
    assert shop.client.delete(f"/supply-links/fair-{shop.mark}").status_code == 204
    assert shop.atp(sku, location=dc)["atp"] == 100


def test_a_pre_sale_from_end_to_end(shop):
    sku, dc, app = shop.sku(), shop.location(), other_channel(shop)
    path = f"/pre-sales/p-{shop.mark}"
    body = {
        "sku": sku, "location": dc, "available_on": LAUNCH, "cap": 10,
        "channel_caps": {shop.channel: 4},
    }  # fmt: skip
    assert shop.ok(shop.client.put(path, json=body))["created"]
    read = shop.ok(shop.client.get(path))
    assert (read["cap"], read["channel_caps"], read["available_on"]) == (
        10, {shop.channel: 4}, LAUNCH,
    )  # fmt: skip
    listed = shop.ok(shop.client.get("/pre-sales", params={"limit": 1000}))["pre_sales"]
    assert read in listed
    told = shop.atp(sku, location=dc)
    assert (told["atp"], [sale["units"] for sale in told["pre_sales"]]) == (0, [4])
    lines, place = [{"sku": sku, "quantity": 4}], {"location": dc}
    placed = shop.ok(shop.reserve(lines, place=place, kind="preorder"), 201)
    assert placed["lines"][0]["promised_date"] == LAUNCH
    refused = shop.reserve([{"sku": sku, "quantity": 1}], place=place, kind="preorder", on=LAUNCH)
    assert problem(refused, 409, "/insufficient-stock")
    assert shop.atp(sku, location=dc, channel=app)["pre_sales"][0]["units"] == 6
    ordinary = shop.reserve([{"sku": sku, "quantity": 1}], place=place, kind="hard", on=LAUNCH)
    problem(ordinary, 409, "/insufficient-stock")


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"cap": -1}, "cap"),
        ({"cap": 1.5}, "cap"),
        ({"available_on": "soon"}, "available_on"),
        ({"channel_caps": {"nobody": 3}}, "channel_caps"),
        ({"sku": "nothing"}, "sku"),
    ],
)
def test_what_is_wrong_with_a_pre_sale_is_named(shop, wrong, field):
    body = {"sku": shop.sku(), "location": shop.location(), "available_on": LAUNCH, "cap": 3}
    answer = shop.client.put(f"/pre-sales/p-{shop.mark}", json=body | wrong)
    assert problem(answer, 422, "/invalid-input")["field"] == field
