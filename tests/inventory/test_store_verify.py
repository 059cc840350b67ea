"""The check of the books finds each kind of error that is put into them."""

from datetime import UTC, datetime

import pytest

from inventory.catalog import Location, Sku
from inventory.store import catalog, feeds, inbound, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)

WRONG_ON_BOTH_SIDES = """
    update entries set units = 11 where kind = 'snapshot';
    update balances set units = 10 where sku = 'A'
"""
"""Balances and entries agree: only the facts tell."""


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
