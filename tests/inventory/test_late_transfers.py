"""Transfers that come late: an alert, promises that move with an event, and a new day."""

from datetime import date, timedelta

import pytest

from inventory.catalog import Channel
from inventory.errors import InputRejected, StateConflict
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    announcements,
    catalog,
    inbound,
    late_supply,
    orders,
    reservations,
    verify,
)
from inventory.store.transfers import get_transfer, late_transfers
from tests.inventory.moving import NOW, do, hand, open_ends

DUE = date(2026, 3, 4)
DAY = timedelta(days=1)


@pytest.fixture
def shop(db):
    """6 TEA approved from the centre to the store: due on the 4th, two days from now."""
    db = open_ends(db)
    catalog.put(db, Channel("web"))
    yield db
    assert verify.verify(db).drifts == []


def moving(db, *acts):
    transfer = hand(db)
    do(db, transfer, "accept", "approve", *acts)
    return transfer


def preorder(db, units):
    """So many TEA at the store, promised for the 4th."""
    basket = Basket("preorder", "web", "bopis", (AskedLine("TEA", units, "ST"),), order_id="o")
    reservations.place(db, basket, reservation_id="r", now=NOW)
    assert promised(db) == DUE


def promised(db, *, now=NOW):
    (line,) = orders.get(db, "o", now=now).lines
    return line.promised_date


def told(db):
    rows = db.execute("select payload from outbox where kind = 'promise_moved' order by event_id")
    return [payload for (payload,) in rows]


def test_it_is_late_when_its_day_is_over(shop):
    transfer = moving(shop)
    assert late_transfers(shop, today=DUE) == []
    late = {"transfer_id": transfer, "origin": "DC", "destination": "ST", "expected_on": DUE,
            "due_on": DUE, "open_units": 6}  # fmt: skip
    assert late_transfers(shop, today=DUE + DAY) == [late]
    # What leaves a day later comes a day later: that is known, and no more late until then.
    do(shop, transfer, "ship", now=NOW + DAY, lines=[{"sku": "TEA", "quantity": 5}])
    assert late_transfers(shop, today=DUE + DAY) == []
    late |= {"expected_on": DUE + DAY, "due_on": DUE + DAY, "open_units": 5}
    assert late_transfers(shop, today=DUE + 2 * DAY) == [late]
    do(shop, transfer, "receive", lines=[{"sku": "TEA", "quantity": 2}])
    assert late_transfers(shop, today=DUE + 2 * DAY) == [late | {"open_units": 3}]
    do(shop, transfer, "receive")
    assert late_transfers(shop, today=DUE + 9 * DAY) == []


def test_promises_move_with_the_transfer_and_an_event(shop):
    transfer = moving(shop, "ship")
    preorder(shop, 7)  # One of them is on the shelf.
    found = do(shop, transfer, "redate", role="oms", expected_on=DUE + 4 * DAY, reason="no truck")
    assert (found["state"], found["expected_on"], found["due_on"]) == (
        "shipped", DUE + 4 * DAY, DUE,
    )  # fmt: skip
    assert found["events"][-1]["changes"] == {"expected_on": ["2026-03-04", "2026-03-08"]}
    assert late_supply.move_due(shop, now=NOW) == 1
    assert promised(shop) == DUE + 4 * DAY
    assert [event | {"line": 0} for event in told(shop)] == [{
        "reservation": "r", "order": "o", "line": 0, "units": 7, "promised_date": "2026-03-04",
        "new_date": "2026-03-08", "transfer": transfer,
    }]  # fmt: skip
    assert late_supply.move_due(shop, now=NOW) == 0
    (late,) = late_transfers(shop, today=NOW.date())
    assert (late["expected_on"], late["due_on"]) == (DUE + 4 * DAY, DUE)


def test_promises_move_when_the_day_ends_without_a_word(shop):
    moving(shop, "ship")
    preorder(shop, 7)
    later = [NOW + 9 * DAY, 20]
    inbound.put(shop, inbound_id="next", sku="TEA", location="ST", quantity=later[1],
                expected_at=later[0], state="confirmed", now=NOW)  # fmt: skip
    morning = NOW + 3 * DAY
    for moved in (1, 0):
        announcements.announce_due(shop, now=morning)
        assert late_supply.move_due(shop, now=morning) == moved
    assert promised(shop, now=morning) == later[0].date()
    assert len(told(shop)) == 1


def test_an_approved_transfer_may_be_dated_anew_and_shipping_says_when(shop):
    transfer = moving(shop)
    do(shop, transfer, "redate", expected_on=DUE + 5 * DAY)
    assert inbound.get(shop, f"{transfer}:1")["state"] == "confirmed"
    assert get_transfer(shop, transfer)["expected_on"] == DUE + 5 * DAY
    found = do(shop, transfer, "ship", expected_on=DUE + 6 * DAY)
    assert (found["expected_on"], found["due_on"]) == (DUE + 6 * DAY, DUE + 6 * DAY)


def test_dated_anew_by_the_name_of_its_supply(shop):
    transfer = moving(shop, "ship")
    inbound.put(shop, inbound_id=f"{transfer}:1", sku="TEA", location="ST", quantity=6,
                expected_at=NOW + 7 * DAY, state="shipped", now=NOW)  # fmt: skip
    found = get_transfer(shop, transfer)
    assert (found["expected_on"], found["due_on"]) == (date(2026, 3, 9), DUE)


def test_a_date_that_cannot_be_meant_is_refused(shop):
    transfer = moving(shop)
    with pytest.raises(InputRejected) as refused:
        do(shop, transfer, "redate")
    assert refused.value.field == "expected_on"
    with pytest.raises(InputRejected, match="only ship and redate"):
        do(shop, transfer, "cancel", expected_on=DUE)
    with pytest.raises(InputRejected, match="may not redate"):
        do(shop, transfer, "redate", role="planner", expected_on=DUE)
    with pytest.raises(StateConflict):
        do(shop, hand(shop, [{"sku": "CUP", "quantity": 1}]), "redate", expected_on=DUE)
