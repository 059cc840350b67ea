"""Orders that come late: promises on them move with an event, by time alone too, and once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from inventory.catalog import Channel
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    announcements,
    catalog,
    database,
    inbound,
    late_supply,
    orders,
    reservations,
    vendor_reports,
    verify,
)
from inventory.store.purchase_orders import act, late_orders
from tests.inventory.ordering import DUE, NOW, do, open_centre, sent

TEA = 2
TODAY = NOW.date()


@pytest.fixture
def order(db):
    """100 TEA confirmed for the 9th."""
    db = open_centre(db)
    catalog.put(db, Channel("web"))
    order = sent(db)
    do(db, order, "confirm")
    yield order
    assert verify.verify(db).drifts == []


def preorder(db, name, units, *, priority=0, location="DC", now=NOW):
    basket = Basket("preorder", "web", "ship", (AskedLine("TEA", units, location),),
                    order_id=name, priority=priority)  # fmt: skip
    return reservations.place(db, basket, reservation_id=f"r-{name}", now=now)


def redate(db, order, days, document="d1", now=NOW):
    lines = [{"line": TEA, "expected_at": DUE + timedelta(days=days)}]
    vendor_reports.redate(db, order, lines=lines, document_id=document, at=now, actor="edi")


def days_of(db, *names, now=NOW):
    """By how many days after the due day each is promised."""
    return [
        [(line.promised_date - DUE).days for line in orders.get(db, name, now=now).lines]
        for name in names
    ]


def told(db, kind="promise_moved"):
    rows = db.execute("select payload from outbox where kind = %s order by event_id", [kind])
    return [payload for (payload,) in rows]


def test_promises_move_with_the_order_and_an_event(db, order):
    for name in ("early", "late"):
        preorder(db, name, 50)
    assert days_of(db, "early", "late") == [[0], [0]]
    redate(db, order, 4)
    assert late_supply.move_due(db, now=NOW) == 2
    assert days_of(db, "early", "late") == [[4], [4]]
    (first, second) = told(db)
    assert first | {"line": 0} == {
        "reservation": "r-early", "order": "early", "line": 0, "units": 50,
        "promised_date": "2026-03-09", "new_date": "2026-03-13", "purchase_order": order,
    }  # fmt: skip
    assert second["order"] == "late"
    line = orders.get(db, "early", now=NOW).lines[0]
    assert line.first_promised_date == DUE
    assert late_supply.move_due(db, now=NOW) == 0
    assert len(told(db)) == 2


def test_only_who_loses_moves_and_priority_stays(db, order):
    """Another delivery carries 30 of the 130: it goes to whom the rules of a shortage spare."""
    inbound.put(db, inbound_id="other", sku="TEA", location="DC", quantity=30, state="confirmed",
                expected_at=NOW + timedelta(days=7), now=NOW)  # fmt: skip
    preorder(db, "low", 100)
    preorder(db, "high", 30, priority=9)
    assert days_of(db, "low", "high") == [[0], [0]]
    redate(db, order, 4)
    late_supply.move_due(db, now=NOW)
    assert days_of(db, "low", "high") == [[4], [0]]


def test_supply_that_is_late_by_time_alone_moves_promises_too(db, order):
    """Nobody says anything: the day ends. Another delivery is the first that can carry it."""
    preorder(db, "mine", 60)
    inbound.put(db, inbound_id="next", sku="TEA", location="DC", quantity=60, state="confirmed",
                expected_at=NOW + timedelta(days=17), now=NOW)  # fmt: skip
    evening = NOW + timedelta(days=7, hours=10)  # The 9th, not over yet.
    announcements.announce_due(db, now=evening)
    assert late_supply.move_due(db, now=evening) == 0
    morning = NOW + timedelta(days=8)
    announcements.announce_due(db, now=morning)
    assert [event["short_units"] for event in told(db, "shortage")] == [60]
    assert late_supply.move_due(db, now=morning) == 1
    assert days_of(db, "mine", now=morning) == [[10]]
    for _ in range(2):  # Once for each day it is late by, not once a minute.
        announcements.announce_due(db, now=morning)
        assert late_supply.move_due(db, now=morning) == 0
    assert len(told(db)) == 1


def test_where_no_day_is_in_sight_the_promise_stays_until_one_is(db, order):
    preorder(db, "mine", 60)
    morning = NOW + timedelta(days=8)
    announcements.announce_due(db, now=morning)
    assert late_supply.move_due(db, now=morning) == 0
    assert days_of(db, "mine", now=morning) == [[0]]
    assert told(db, "shortage")[0]["victims"][0]["new_date"] is None
    redate(db, order, 6, now=morning)
    assert late_supply.move_due(db, now=morning) == 1
    assert days_of(db, "mine", now=morning) == [[6]]


def test_what_is_cancelled_or_given_up_moves_promises_as_well(db, order):
    inbound.put(db, inbound_id="next", sku="TEA", location="DC", quantity=60, state="confirmed",
                expected_at=NOW + timedelta(days=17), now=NOW)  # fmt: skip
    preorder(db, "mine", 60)
    act(db, order, "cancel", actor="bea", role="buyer", now=NOW)
    assert late_supply.move_due(db, now=NOW) == 1
    assert days_of(db, "mine") == [[10]]


def test_servers_at_once_move_each_promise_once(db, order, database_url):
    for number in range(4):
        preorder(db, f"o{number}", 25)
    redate(db, order, 4)

    def run(_):
        with database.connect(database_url) as other:
            return late_supply.move_due(other, now=NOW)

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(run, range(4))) == 4
    assert len(told(db)) == 4
    assert days_of(db, "o0", "o1", "o2", "o3") == [[4]] * 4
    assert db.execute("select count(*) from late_supply").fetchone() == (0,)


def test_goods_that_come_fill_those_who_wait_in_order(db, order):
    """By promised date, then priority, then who came first; the rest of the last one waits on."""
    preorder(db, "second", 40)
    preorder(db, "third", 40)
    preorder(db, "first", 10, priority=5)
    lines = [{"line": TEA, "quantity": 70}]
    vendor_reports.receive(db, order, lines=lines, document_id="r", at=NOW, actor="dock")
    lines = db.execute(
        "select order_id, class, open_units from reservation_lines "
        "join reservations using (reservation_id) order by order_id, class"
    ).fetchall()
    assert lines == [
        ("first", "hard", 10), ("second", "hard", 40), ("third", "hard", 20), ("third", "peg", 20),
    ]  # fmt: skip


def test_a_line_that_is_put_off_is_late_before_its_day(db, order):
    assert late_orders(db, today=TODAY) == []
    redate(db, order, 4)
    assert late_orders(db, today=TODAY) == [
        {"order_id": order, "vendor": "ACME", "location": "DC", "due_on": DUE,
         "expected_on": DUE + timedelta(days=4), "open_units": 100}
    ]  # fmt: skip
    redate(db, order, -1, "d2")
    assert late_orders(db, today=TODAY) == []
    # By time alone, and only what has not come.
    vendor_reports.receive(db, order, lines=[{"line": TEA, "quantity": 90}], document_id="r",
                           at=NOW, actor="dock")  # fmt: skip
    found = late_orders(db, today=DUE + timedelta(days=1))
    assert [(row["expected_on"], row["open_units"]) for row in found] == [(DUE, 50)]
