"""The check of the books finds each kind of error that is put into them."""

from datetime import UTC, datetime, time, timedelta

import pytest

from inventory.catalog import Channel, Group, Location, Sku
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, feeds, inbound, reservations, stock, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)

WRONG_ON_BOTH_SIDES = """
    update entries set units = 11 where kind = 'snapshot';
    update balances set units = 10 where sku = 'A'
"""
"""Balances and entries agree: only the facts tell."""
UNCOUNTED = "alter table reservation_lines disable trigger user;"
"""The count of what is promised at a position does not follow its lines."""


@pytest.fixture
def books(db):
    """A count, a later sale, an order that shipped 2 of 5, and a received inbound."""
    catalog.put(db, Location("S1", "S1", "store"))
    catalog.put_many(db, [Sku("A", "A"), Sku("B", "B")])
    row = {"sku": "A", "location": "S1"}
    count = row | {"id": "c1", "quantity": 10, "effective_at": "2026-07-01T06:00:00Z"}
    sale = row | {"id": "s1", "quantity": -1, "effective_at": "2026-07-01T06:05:00Z"}
    feeds.sync(db, mode="snapshot", rows=[count], now=NOW, source="wms")
    feeds.sync(db, mode="delta", rows=[sale], now=NOW, source="pos")
    inbound.put(db, inbound_id="po-1", sku="B", location="S1", quantity=4, expected_at=NOW,
                state="shipped", now=NOW)  # fmt: skip
    inbound.receive(db, "po-1", message_id="r1", quantity=3, now=NOW)
    db.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at) "
        "values ('o1', 'hard', 'confirmed', 'web', 'ship', %s)", [NOW]
    )  # fmt: skip
    db.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
        "location, promised_date, quantity, open_units, class) "
        "values ('o1', 1, 1, 'A', 'ship', 'S1', '2026-07-01', 5, 5, 'hard')"
    )
    return db


def test_right_books_show_no_drift(books):
    report = verify.verify(books)
    assert (report.balances, report.drifts) == (2, [])
    assert report.lines() == ["0 of 2 balances drift from their ledger entries"]


@pytest.mark.parametrize(
    ("error", "check"),
    [
        ("update balances set units = units + 1 where sku = 'A'", "balance against entries"),
        ("delete from balances where sku = 'A'", "balance against entries"),
        ("delete from entries where kind = 'delta'", "balance against entries"),
        (WRONG_ON_BOTH_SIDES, "balance against facts"),
        ("update balances set snapshot_at = snapshot_at - interval '1 hour' where sku = 'A'",
         "balance against facts"),
        ("update reservations set state = 'cancelled'", "commitment of a closed reservation"),
        ("update reservation_lines set open_units = 3", "open units of an open reservation"),
        ("update reservation_lines set expires_at = now()", "commitment with another expiry"),
        ("update reservation_lines set class = 'soft'", "commitment in the wrong class"),
        ("update reservation_lines set shipped_units = 2, open_units = 3",
         "shipped units against entries"),
        ("update balances set committed_units = 4", "committed units against lines"),
        ("update balances set committed_units = 6", "committed units against lines"),
        (UNCOUNTED + "update reservation_lines set open_units = 6, quantity = 6",
         "committed units against lines"),
        (UNCOUNTED + "delete from reservation_lines", "committed units against lines"),
        (UNCOUNTED + "update reservation_lines set location = 'S2'",
         "committed units against lines"),
        ("update inbound set received_units = 4", "received units against entries"),
    ],
)  # fmt: skip
def test_an_error_in_the_books_is_found(books, error, check):
    books.execute("alter table entries disable trigger append_only")
    books.execute(error)
    report = verify.verify(books)
    assert check in {drift.check for drift in report.drifts}
    assert any(check in line for line in report.lines())


def test_the_drift_says_how_much(books):
    books.execute("update balances set units = 7 where sku = 'A'")
    drift = verify.verify(books).drifts[0]
    assert (drift.key, drift.stored_units, drift.recomputed_units) == ("A / S1 / available", 7, 9)


@pytest.fixture
def group_promises(db):
    """The contract's example: L1 5, L2 5, L3 15 and B = {L2, L3} holds 17; A = {L1, L2} holds 3."""
    catalog.put_many(db, [Location(at, at, "warehouse") for at in ("L1", "L2", "L3")])
    catalog.put(db, Sku("K", "K"))
    catalog.put_many(db, [Group("A", ("L1", "L2")), Group("B", ("L2", "L3"))])
    rows = [
        {"id": at, "sku": "K", "location": at, "quantity": units, "effective_at": NOW}
        for at, units in (("L1", 5), ("L2", 5), ("L3", 15))
    ]
    feeds.sync(db, mode="delta", rows=rows, now=NOW, source="wms")
    for group, units in (("B", 17), ("A", 3)):
        lines = (AskedLine("K", units),)
        basket = Basket("hard", "web", "ship", lines, group=group, order_id=group)
        reservations.place(db, basket, reservation_id=group, now=NOW)
    return db


def broken_promises(db):
    drifts = verify.verify(db).drifts
    assert {drift.check for drift in drifts} <= {"promises on groups"}
    return [(drift.key, drift.stored_units, drift.recomputed_units) for drift in drifts]


def test_promises_on_groups_that_can_be_located_are_no_drift(group_promises):
    assert broken_promises(group_promises) == []


@pytest.mark.parametrize(
    ("error", "found"),
    [
        # Together they want 26 of 25: alone, each of them would find its units.
        ("A", ("K / A, B", 26, 25)),
        ("B", ("K / B", 23, 20)),
    ],
)
def test_promises_on_groups_that_cannot_be_located_are_found(group_promises, error, found):
    more = {"A": 9, "B": 23}[error]
    group_promises.execute(
        "update reservation_lines set quantity = %s, open_units = %s where group_id = %s",
        [more, more, error],
    )
    assert broken_promises(group_promises) == [found]


def test_members_that_left_a_group_leave_its_promises_without_supply(group_promises):
    group_promises.execute("delete from group_members where group_id = 'B' and location = 'L3'")
    assert broken_promises(group_promises) == [("K / B", 17, 5)]


def test_a_shortage_that_was_told_is_no_drift(group_promises):
    stock.correct(group_promises, message_id="loss", sku="K", location="L3", quantity=2,
                  reason="count", now=NOW)  # fmt: skip
    assert broken_promises(group_promises) == []
    # Nobody was told of it: the same loss is a drift.
    group_promises.execute("delete from outbox where kind = 'shortage'")
    assert broken_promises(group_promises) == [("K / B", 17, 7)]


def test_a_hold_that_ended_needs_no_supply(group_promises):
    group_promises.execute(
        "update reservation_lines set expires_at = %s, quantity = 23, open_units = 23 "
        "where group_id = 'B'", [NOW]
    )  # fmt: skip
    group_promises.execute("update reservations set expires_at = %s, state = 'active' "
                           "where reservation_id = 'B'", [NOW])  # fmt: skip
    assert broken_promises(group_promises) == []


def test_what_a_channel_oversells_is_no_drift(group_promises):
    catalog.put(group_promises, Channel("flash", "flash", oversell_units=2))
    # 25 units are there, and 20 promised: 7 in a cart are 2 too many.
    basket = Basket("soft", "flash", "ship", (AskedLine("K", 7),), group="A")
    reservations.place(group_promises, basket, reservation_id="cart", now=NOW)
    assert broken_promises(group_promises) == []
    reservations.confirm(group_promises, "cart", order_id="o", now=NOW)
    assert broken_promises(group_promises) == []


def test_a_cutoff_that_passes_takes_nothing_away(group_promises):
    """Stock at a place that closed for today still serves a promise for today, just not today."""
    catalog.put(
        group_promises, Location("late", "late", "store", methods=("ship", "sfs"), cutoff=time(9))
    )
    catalog.put(group_promises, Location("open", "open", "store"))
    catalog.put(group_promises, Group("C", ("late", "open")))
    catalog.put(group_promises, Sku("M", "M"))
    row = {"id": "m", "sku": "M", "location": "late", "quantity": 5,
           "effective_at": "2026-07-01T06:00:00Z"}  # fmt: skip
    feeds.sync(group_promises, mode="snapshot", rows=[row], now=NOW, source="wms")
    basket = Basket("hard", "web", "ship", (AskedLine("M", 5),), group="C", order_id="m")
    reservations.place(group_promises, basket, reservation_id="m", now=NOW)
    stock.correct(group_promises, message_id="other", sku="K", location="L1", delta=1,
                  reason="count", now=NOW + timedelta(hours=2))  # fmt: skip
    assert broken_promises(group_promises) == []
