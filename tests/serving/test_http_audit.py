"""Who did what over HTTP: one order of time over stock, promises and purchase orders."""

import psycopg
import pytest

from inventory.store import database


def audit(shop, **query):
    return shop.ok(shop.client.get("/audit", params=query))


def told(shop, **query):
    return [(row["record"], row["act"]) for row in audit(shop, **query)["records"]]


@pytest.fixture
def story(shop):
    """A count, a cart that became an order, its shipment, and a damaged unit."""
    at, sku = shop.location(), shop.sku()
    shop.stock(sku, at, 9)
    order = f"o-{shop.mark}"
    lines = [{"sku": sku, "quantity": 2}]
    held = shop.ok(shop.reserve(lines, place={"location": at}), status=201)
    shop.ok(shop.client.post(f"/reservations/{held['id']}/confirm", json={"order_id": order}))
    for act in ("allocate", "ship"):
        message = {"id": f"{act}-{shop.mark}"}
        shop.ok(shop.client.post(f"/orders/{order}/{act}", json=message))
    change = {"location": at, "delta": -1, "reason": "damage"}
    shop.ok(shop.client.patch(f"/inventory/{sku}", json=change))
    return sku, at


def test_all_that_happened_to_a_sku_newest_first(shop, story):
    sku, _at = story
    found = audit(shop, sku=sku)["records"]
    # The shipment and its transition are of one moment: their order between them says nothing.
    happened = [(row["record"], row["act"]) for row in found]
    assert happened[0] == ("entry", "correction")
    assert set(happened[1:3]) == {("entry", "shipment"), ("reservation", "ship")}
    assert happened[3:] == [
        ("reservation", "allocate"), ("reservation", "confirm"), ("reservation", "place"),
        ("entry", "snapshot"),
    ]  # fmt: skip
    assert [row["at"] for row in found] == sorted((row["at"] for row in found), reverse=True)


def test_every_record_says_who_why_and_from_where(shop, story):
    sku, _ = story
    for row in audit(shop, sku=sku)["records"]:
        assert row["actor"].startswith("admin:"), row
        assert row["source"], row
        assert row["reason"], row
    (correction,) = [r for r in audit(shop, sku=sku)["records"] if r["act"] == "correction"]
    assert (correction["reason"], correction["units"]) == ("damage", -1)


def test_pages_of_two_are_the_whole(shop, story):
    sku, _ = story
    whole = audit(shop, sku=sku)["records"]
    pages, cursor = [], None
    while True:
        query = {"sku": sku, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = audit(shop, **query)
        pages += page["records"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert pages == whole


def test_records_of_a_place_an_actor_and_a_time(shop, story, client_of):
    sku, at = story
    assert told(shop, location=at) == told(shop, sku=sku)
    actor = audit(shop, sku=sku)["records"][0]["actor"]
    assert len(told(shop, sku=sku, actor=actor)) == 7
    assert told(shop, sku=sku, actor="nobody") == []
    moment = audit(shop, sku=sku)["records"][0]["at"]
    assert told(shop, sku=sku, **{"from": moment}) == [("entry", "correction")]
    assert len(told(shop, sku=sku, to=moment)) == 6


def test_the_ledger_goes_on_beyond_a_page(shop):
    at, sku = shop.location(), shop.sku()
    rows = [
        {"id": f"{shop.mark}-{n}", "sku": sku, "location": at, "quantity": 1,
         "effective_at": "2026-03-01T06:00:00Z"}
        for n in range(250)
    ]  # fmt: skip
    shop.ok(shop.sync(rows, mode="delta"))
    seen, cursor = [], None
    while True:
        query = {"sku": sku} | ({"cursor": cursor} if cursor else {})
        page = shop.ok(shop.client.get("/ledger", params=query))
        seen += [entry["entry_id"] for entry in page["entries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 250
    assert seen == sorted(seen, reverse=True)


def test_only_who_plans_or_governs_may_read_it(client_of):
    for role, status in (("oms", 403), ("viewer", 403), ("planner", 200), ("admin", 200)):
        assert client_of(role).get("/audit").status_code == status


def test_a_time_that_ends_before_it_begins_is_refused(shop):
    query = {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"}
    answer = shop.client.get("/audit", params=query)
    assert (answer.status_code, answer.json()["field"]) == (422, "to")


@pytest.mark.parametrize(
    "rewriting",
    [
        "update entries set units = 0",
        "delete from entries",
        "update reservation_events set actor = 'somebody else'",
        "delete from reservation_events",
    ],
)
def test_what_is_written_stays_written(story, http_database_url, rewriting):
    with (
        database.connect(http_database_url) as db,
        pytest.raises(psycopg.errors.RestrictViolation, match="append-only"),
    ):
        db.execute(rewriting)
