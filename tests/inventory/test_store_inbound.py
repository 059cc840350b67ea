"""Supply on its way: announced, dated again, received once."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Location, Sku
from inventory.errors import (
    IdempotencyConflict,
    InputRejected,
    NotFound,
    StateConflict,
    UnknownLocation,
    UnknownSku,
)
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, database, feeds, inbound, reservations, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
DUE = NOW + timedelta(days=3)


@pytest.fixture
def stock(db):
    catalog.put(db, Location("S1", "S1", "store"))
    catalog.put_many(db, [Sku("A", "A"), Sku("B", "B")])
    yield db
    assert verify.verify(db).drifts == []


def announce(db, quantity=40, *, state="confirmed", sku="A", location="S1", expected_at=DUE):
    return inbound.put(
        db, inbound_id="po-1", sku=sku, location=location, quantity=quantity,
        expected_at=expected_at, state=state, now=NOW,
    )  # fmt: skip


def receive(db, message_id, quantity, **more):
    return inbound.receive(db, "po-1", message_id=message_id, quantity=quantity, now=NOW, **more)


def units(db, status="available"):
    row = db.execute("select units from balances where status = %s", [status]).fetchone()
    return row[0] if row else 0


def test_a_receipt_moves_units_from_the_road_to_the_shelf(stock):
    announce(stock)
    answer = receive(stock, "r1", 15)
    assert (answer["open"], answer["received_total"], answer["outcome"]) == (25, 15, "applied")
    assert (units(stock), inbound.get(stock, "po-1")["quantity"]) == (15, 25)
    assert receive(stock, "r2", 25, status="inspection")["state"] == "received"
    assert (units(stock), units(stock, "inspection")) == (15, 25)
    with pytest.raises(StateConflict, match="received"):
        receive(stock, "r3", 1)


def test_a_repeat_is_answered_and_not_received_again(stock):
    announce(stock)
    assert receive(stock, "r1", 15) == receive(stock, "r1", 15)
    assert units(stock) == 15
    with pytest.raises(IdempotencyConflict):
        receive(stock, "r1", 16)


def test_more_than_is_to_come_is_refused_for_ever_under_that_id(stock):
    announce(stock)
    for _ in range(2):
        with pytest.raises(InputRejected, match="only 40 are still to come") as error:
            receive(stock, "r1", 41)
        assert error.value.field == "quantity"
        announce(stock, 50)
    assert units(stock) == 0
    receive(stock, "r2", 41)
    assert units(stock) == 41


def test_goods_that_were_counted_already_leave_the_road_only(stock):
    announce(stock)
    count = {"id": "c1", "sku": "A", "location": "S1", "quantity": 40, "effective_at": NOW}
    feeds.sync(stock, mode="snapshot", rows=[count], now=NOW, source="wms")
    answer = receive(stock, "r1", 40, received_at=NOW - timedelta(hours=1))
    assert answer["outcome"] == "already_counted"
    assert (units(stock), inbound.get(stock, "po-1")["quantity"]) == (40, 0)


def test_a_receipt_right_after_a_count_counts(stock):
    announce(stock)
    count = {"id": "c1", "sku": "A", "location": "S1", "quantity": 5, "effective_at": NOW}
    feeds.sync(stock, mode="snapshot", rows=[count], now=NOW, source="wms")
    receive(stock, "r1", 40)
    assert units(stock) == 45


def test_the_same_announcement_after_a_receipt_brings_nothing_back(stock):
    announce(stock)
    receive(stock, "r1", 15)
    assert announce(stock)["quantity"] == 25
    assert announce(stock, 45)["quantity"] == 30
    with pytest.raises(InputRejected, match="15 units were received already"):
        announce(stock, 14)
    assert announce(stock, 15)["state"] == "received"


def test_goods_on_their_way_can_be_redirected_until_some_have_arrived(stock):
    announce(stock)
    assert announce(stock, sku="B")["sku"] == "B"
    receive(stock, "r1", 1)
    with pytest.raises(StateConflict):
        announce(stock, sku="A")


def test_a_cancelled_inbound_is_not_received(stock):
    announce(stock, state="cancelled")
    with pytest.raises(StateConflict, match="cancelled"):
        receive(stock, "r1", 1)


def test_what_cannot_be(stock):
    with pytest.raises(NotFound):
        receive(stock, "r1", 1)
    with pytest.raises(NotFound):
        inbound.get(stock, "po-9")
    with pytest.raises(UnknownSku):
        announce(stock, sku="Z")
    with pytest.raises(UnknownLocation):
        announce(stock, location="S9")
    for changes, field in [({"state": "lost"}, "state"), ({"quantity": -1}, "quantity")]:
        with pytest.raises(InputRejected) as error:
            announce(stock, **changes)
        assert error.value.field == field
    announce(stock)
    for quantity, status, field in [(0, "available", "quantity"), (1, "sold", "status")]:
        with pytest.raises(InputRejected) as error:
            receive(stock, "r9", quantity, status=status)
        assert error.value.field == field


def test_supply_that_comes_later_than_promised_is_reported(stock):
    announce(stock)
    stock.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at, "
        "confirmed_at) values ('o1', 'hard', 'confirmed', 'web', 'ship', %s, %s)", [NOW, NOW]
    )  # fmt: skip
    stock.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
        "location, promised_date, quantity, open_units, class) "
        "values ('o1', 1, 1, 'A', 'ship', 'S1', %s, 30, 30, 'hard')", [DUE.date()]
    )  # fmt: skip
    announce(stock)
    shortages = "select sku, location from outbox where kind = 'shortage'"
    assert stock.execute(shortages).fetchall() == []
    announce(stock, expected_at=DUE + timedelta(days=5))
    assert stock.execute(shortages).fetchall() == [("A", "S1")]


def order_all(db, units):
    asked = Basket("hard", "web", "ship", (AskedLine("A", units),), location="S1",
                   on=(DUE + timedelta(days=1)).date(), order_id="o1")  # fmt: skip
    return reservations.place(db, asked, reservation_id="r1", now=NOW)


def short_units(db):
    rows = db.execute("select payload ->> 'short_units' from outbox where kind = 'shortage'")
    return [int(units) for (units,) in rows]


@pytest.mark.parametrize("counted", [False, True])
def test_goods_that_cannot_be_sold_leave_their_promises_short(stock, counted):
    """They came broken, or they were on the shelf already when it was counted."""
    announce(stock, 5)
    order_all(stock, 5)
    if counted:
        count = {"id": "c1", "sku": "A", "location": "S1", "quantity": 0, "effective_at": NOW}
        feeds.sync(stock, mode="snapshot", rows=[count], now=NOW, source="wms")
        assert receive(stock, "r1", 5, received_at=NOW)["outcome"] == "already_counted"
    else:
        receive(stock, "r1", 5, status="defective")
    assert short_units(stock) == [5]


def test_supply_is_cancelled_before_a_promise_on_it_or_after_never_beside(stock, database_url):
    announce(stock, 5)

    def cancel():
        with database.connect(database_url) as db:
            announce(db, 5, state="cancelled")

    with database.connect(database_url) as shopper:
        with shopper.transaction():
            order_all(shopper, 5)
            canceller = threading.Thread(target=cancel)
            canceller.start()
            canceller.join(0.3)
            assert canceller.is_alive()
        canceller.join()
    assert short_units(stock) == [5]


@pytest.mark.parametrize("year", [1, 9999])
def test_a_date_that_makes_no_sense_is_refused(stock, year):
    with pytest.raises(InputRejected, match="from 1970 to 2200"):
        announce(stock, expected_at=DUE.replace(year=year))
