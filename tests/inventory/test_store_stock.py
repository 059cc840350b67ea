"""Stock as a person sees, corrects and moves it."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Location, Sku, Vendor
from inventory.errors import IdempotencyConflict, InputRejected, UnknownLocation, UnknownSku
from inventory.store import catalog, feeds, inbound, ledger, stock, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture
def shop(db):
    catalog.put(db, Vendor("acme"))
    catalog.put_many(db, [Location(name, name, "store") for name in ("S1", "S2")])
    catalog.put_many(
        db, [Sku("A", "Apple", category="fruit", vendor="acme"), Sku("B", "Bolt", category="tools")]
    )
    yield db
    assert verify.verify(db).drifts == []


def correct(db, *, sku="A", location="S1", reason="count", now=NOW, **change):
    return stock.correct(db, sku=sku, location=location, reason=reason, now=now, **change)


def move(db, message_id, units, from_status, to_status, **more):
    return stock.move(
        db, message_id=message_id, sku="A", location="S1", units=units,
        from_status=from_status, to_status=to_status, now=NOW, **more,
    )  # fmt: skip


def test_a_count_then_changes(shop):
    assert correct(shop, quantity=10)["units"] == 10
    assert correct(shop, delta=-3, reason="theft")["units"] == 7
    told = correct(shop, delta=2, reason="return", status="inspection", actor="planner:1")
    assert (told["units"], told["status"], told["outcome"]) == (2, "inspection", "applied")
    assert correct(shop, quantity=4)["change"] == -3
    assert ledger.entries(shop, limit=2)[1]["actor"] == "planner:1"


def test_a_change_that_the_count_has_seen(shop):
    correct(shop, quantity=10)
    told = correct(shop, delta=-3, reason="damage", effective_at=NOW - timedelta(hours=1))
    assert (told["outcome"], told["units"]) == ("already_counted", 10)


def test_a_person_cannot_take_what_is_not_there(shop):
    correct(shop, quantity=2)
    with pytest.raises(InputRejected, match="2 units are available at S1, 3 cannot leave") as error:
        correct(shop, delta=-3, reason="theft")
    assert error.value.field == "delta"
    assert stock.of_sku(shop, "A", now=NOW)["totals"]["available"] == 2


def test_a_repeat_of_a_correction(shop):
    first = correct(shop, delta=5, reason="restock", message_id="k1")
    assert correct(shop, delta=5, reason="restock", message_id="k1") == first
    with pytest.raises(IdempotencyConflict):
        correct(shop, delta=6, reason="restock", message_id="k1")
    assert stock.of_sku(shop, "A", now=NOW)["totals"]["available"] == 5


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({}, "quantity"),
        ({"quantity": 1, "delta": 1}, "quantity"),
        ({"quantity": -1}, "quantity"),
        ({"delta": 1, "reason": "because"}, "reason"),
        ({"delta": 1, "status": "sold"}, "status"),
    ],
)
def test_a_correction_that_makes_no_sense(shop, change, field):
    with pytest.raises(InputRejected) as error:
        correct(shop, **change)
    assert error.value.field == field


def test_places_and_things_that_we_do_not_know(shop):
    with pytest.raises(UnknownSku):
        correct(shop, sku="Z", quantity=1)
    with pytest.raises(UnknownLocation):
        correct(shop, location="S9", quantity=1)
    with pytest.raises(UnknownSku):
        stock.of_sku(shop, "Z", now=NOW)


def test_a_move_takes_from_one_status_what_it_gives_to_the_other(shop):
    correct(shop, quantity=10)
    assert move(shop, "m1", 4, "available", "defective")["statuses"] == {
        "available": 6, "defective": 4,
    }  # fmt: skip
    move(shop, "m1", 4, "available", "defective")
    move(shop, "m2", 1, "defective", "scrap")
    totals = stock.of_sku(shop, "A", now=NOW)["totals"]
    assert {name: n for name, n in totals.items() if n} == {
        "available": 6, "defective": 3, "scrap": 1,
    }  # fmt: skip


def test_a_move_of_more_than_there_is_moves_nothing(shop):
    correct(shop, quantity=10)
    with pytest.raises(InputRejected) as error:
        move(shop, "m1", 11, "available", "frozen")
    assert error.value.field == "quantity"
    with pytest.raises(InputRejected):
        move(shop, "m2", 1, "frozen", "frozen")
    with pytest.raises(InputRejected):
        move(shop, "m3", 0, "available", "frozen")
    assert stock.of_sku(shop, "A", now=NOW)["totals"]["available"] == 10


def hold(db, name, units, *, expires_at=None, kind="soft"):
    state = "active" if kind == "soft" else "confirmed"
    db.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at, "
        "expires_at) values (%s, %s, %s, 'web', 'ship', %s, %s)",
        [name, kind, state, NOW, expires_at],
    )
    db.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
        "location, promised_date, quantity, open_units, class, expires_at) "
        "values (%s, 1, 1, 'A', 'ship', 'S1', %s, %s, %s, %s, %s)",
        [name, NOW.date(), units, units, kind, expires_at],
    )


def test_one_sku_everywhere(shop):
    correct(shop, quantity=20)
    correct(shop, quantity=3, location="S2", status="frozen")
    hold(shop, "live", 4, expires_at=NOW + timedelta(minutes=1))
    hold(shop, "gone", 5, expires_at=NOW)
    hold(shop, "order", 6, kind="hard")
    inbound.put(
        shop, inbound_id="po-1", sku="A", location="S2", quantity=8,
        expected_at=NOW + timedelta(days=1), state="shipped", now=NOW,
    )  # fmt: skip
    inbound.put(
        shop, inbound_id="po-2", sku="A", location="S2", quantity=9,
        expected_at=NOW + timedelta(days=1), state="cancelled", now=NOW,
    )  # fmt: skip
    seen = stock.of_sku(shop, "A", now=NOW)
    assert (seen["sku"], seen["name"]) == ("A", "Apple")
    first, second = seen["locations"]
    assert (first["location"], first["statuses"]["available"]) == ("S1", 20)
    assert first["commitments"] == {"soft": 4, "hard": 6, "peg": 0}
    assert first["inbound"] == []
    assert second["statuses"]["frozen"] == 3
    assert [(each["id"], each["quantity"], each["state"]) for each in second["inbound"]] == [
        ("po-1", 8, "shipped")
    ]
    assert stock.of_sku(shop, "B", now=NOW)["locations"] == []


def positions(db, **filters):
    return [(row["sku"], row["location"]) for row in stock.page(db, **filters)]


def test_positions_are_listed_filtered_and_paged(shop):
    correct(shop, quantity=5)
    correct(shop, quantity=0, location="S2")
    correct(shop, quantity=7, sku="B")
    everything = [("A", "S1"), ("A", "S2"), ("B", "S1")]
    assert positions(shop) == everything
    assert positions(shop, limit=2) == everything[:2]
    assert positions(shop, limit=2, after=everything[1]) == everything[2:]
    assert positions(shop, location="S1") == [("A", "S1"), ("B", "S1")]
    assert positions(shop, category="tools") == [("B", "S1")]
    assert positions(shop, vendor="acme") == everything[:2]
    assert positions(shop, state="out_of_stock") == [("A", "S2")]
    assert positions(shop, state="in_stock") == [("A", "S1"), ("B", "S1")]
    sale = {"id": "s1", "sku": "A", "location": "S2", "quantity": -1, "effective_at": NOW}
    feeds.sync(shop, mode="delta", rows=[sale], now=NOW + timedelta(hours=1), source="pos")
    assert positions(shop, state="negative") == []  # At the moment of the count: in it.
    sale |= {"id": "s2", "effective_at": NOW + timedelta(minutes=1)}
    feeds.sync(shop, mode="delta", rows=[sale], now=NOW + timedelta(hours=1), source="pos")
    assert positions(shop, state="negative") == [("A", "S2")]
    with pytest.raises(InputRejected):
        positions(shop, state="everywhere")


def test_low_is_at_or_below_the_reorder_point(shop):
    correct(shop, quantity=5)
    correct(shop, quantity=7, sku="B")
    for sku in "AB":
        shop.execute(
            "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
            "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
            "values (%s, 'S1', 1, 5, 1, 1, 1, 1, 0.9, 'r', %s)",
            [sku, NOW],
        )
    assert positions(shop, state="low") == [("A", "S1")]
    assert positions(shop, state="in_stock") == [("B", "S1")]
