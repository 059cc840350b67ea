"""Receipts of ordered goods: partial, too many, twice, at once, and what they are kept for."""

from datetime import timedelta

import pytest

from inventory.catalog import Channel
from inventory.errors import InputRejected, StateConflict
from inventory.order_terms import units_tolerated
from inventory.store import (
    approvals,
    catalog,
    inbound,
    order_terms,
    vendor_reports,
    verify,
)
from inventory.store.availability import availability
from inventory.store.purchase_orders import get_order
from tests.inventory.ordering import NOW, do, inbound_of, on_hand, open_centre, proposed, race, sent

TEA = 2


@pytest.fixture
def order(db):
    """On its way: 40 CUP, 100 TEA."""
    order = sent(open_centre(db))
    do(db, order, "confirm", "ship")
    yield order
    assert verify.verify(db).drifts == []


def receive(db, order, quantity, document="r1", **more):
    lines = [{"line": TEA, "quantity": quantity}]
    return vendor_reports.receive(
        db, order, lines=lines, document_id=document, at=NOW, actor="dock", **more
    )


def tea(found):
    return next(line for line in found["lines"] if line["sku"] == "TEA")


def test_units_beyond_the_tolerance_wait_for_approval(db, order):
    order_terms.put(db, "ACME", over_receipt_share=0.05, now=NOW, actor="bea")
    found = receive(db, order, 120)
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 105}, {"TEA": 15})
    assert tea(found)["received_units"] == 120
    assert found["events"][-1]["changes"]["received"] == [
        {"sku": "TEA", "quantity": 120, "status": "available", "held": 15}
    ]
    assert inbound.get(db, f"{order}:2")["awaiting_units"] == 15
    approvals.approve(db, f"{order}:2", message_id="a1", quantity=10, now=NOW, actor="bea")
    approvals.approve(db, f"{order}:2", message_id="a2", status="scrap", now=NOW, actor="bea")
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 115}, {})
    assert tea(get_order(db, order))["refused_units"] == 5


def test_without_terms_every_unit_too_many_waits(db, order):
    receive(db, order, 101)
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 100}, {"TEA": 1})


def test_the_tolerance_is_of_the_line_and_not_of_each_receipt(db, order):
    order_terms.put(db, "*", over_receipt_share=0.1, now=NOW, actor="bea")
    receive(db, order, 95)
    receive(db, order, 20, "r2")
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 110}, {"TEA": 5})


def test_the_same_holds_by_the_name_of_the_delivery(db, order):
    order_terms.put(db, "ACME", over_receipt_share=0.05, now=NOW, actor="bea")
    told = inbound.receive(db, f"{order}:2", message_id="m1", quantity=107, now=NOW, actor="dock")
    assert (told["received"], told["held"], told["open"]) == (107, 2, 0)
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 105}, {"TEA": 2})
    assert get_order(db, order)["state"] == "partially_received"  # CUP is still to come.


def test_unfit_goods_need_nobody_to_say_so(db, order):
    lines = [{"line": TEA, "quantity": 130, "status": "defective"}]
    vendor_reports.receive(db, order, lines=lines, document_id="r1", at=NOW, actor="dock")
    assert (on_hand(db, "defective"), on_hand(db, "inspection")) == ({"TEA": 130}, {})


def test_a_receipt_is_booked_once(db, order):
    for _ in range(3):
        receive(db, order, 30)
    assert on_hand(db) == {"TEA": 30}
    receive(db, order, 30, "r2")
    assert on_hand(db) == {"TEA": 60}


def test_closing_short_gives_up_what_never_came_and_says_so(db, order):
    receive(db, order, 70)
    found = do(db, order, "close", reason="out of season")
    assert found["events"][-1]["changes"] == {
        "given_up": [{"sku": "CUP", "quantity": 40}, {"sku": "TEA", "quantity": 30}]
    }
    assert {(q, state) for _, q, state, _ in inbound_of(db)} == {
        (40, "cancelled"), (30, "cancelled"),
    }  # fmt: skip


def test_goods_of_an_order_that_is_over_wait_in_inspection(db, order):
    """They stand at the dock: in the books, not on the shelf, until somebody decides."""
    order_terms.put(db, "ACME", over_receipt_share=0.5, now=NOW, actor="bea")
    receive(db, order, 70)
    do(db, order, "close", reason="out of season")
    for _ in range(2):
        found = receive(db, order, 25, "r2")
    assert (found["state"], tea(found)["received_units"]) == ("closed", 95)
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 70}, {"TEA": 25})
    assert found["events"][-1]["changes"]["received"] == [
        {"sku": "TEA", "quantity": 25, "status": "available", "held": 25}
    ]
    approvals.approve(db, f"{order}:2", message_id="a1", quantity=20, now=NOW, actor="bea")
    approvals.approve(db, f"{order}:2", message_id="a2", status="scrap", now=NOW, actor="bea")
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 90}, {})
    assert tea(get_order(db, order))["refused_units"] == 5
    with pytest.raises(InputRejected, match="say which lines came and how many units"):
        do(db, order, "receive")
    # By the name of the delivery too, and nothing of it is supply again.
    inbound.receive(db, f"{order}:1", message_id="m1", quantity=4, now=NOW, actor="dock")
    assert (on_hand(db, "inspection"), get_order(db, order)["state"]) == ({"CUP": 4}, "closed")


def test_goods_of_an_order_that_never_left_name_the_remedy(db):
    order = proposed(open_centre(db))
    with pytest.raises(StateConflict, match="is proposed"):
        receive(db, order, 1)
    do(db, order, "cancel")
    with pytest.raises(StateConflict, match="was never sent: record goods that came as a restock"):
        receive(db, order, 1, "r2")


def test_a_shipment_that_was_lost_is_closed(db, order):
    assert do(db, order, "close")["state"] == "closed"
    assert {state for _, _, state, _ in inbound_of(db)} == {"cancelled"}


def test_receipts_are_kept_with_the_day_on_which_they_came(db, order):
    came = NOW - timedelta(days=1)
    receive(db, order, 30, received_at=came)
    inbound.receive(db, f"{order}:2", message_id="m1", quantity=80, now=NOW, actor="dock")
    kept = db.execute(
        "select line_no, quantity, held_units, received_at, actor, document_id "
        "from purchase_order_receipts order by receipt_id"
    ).fetchall()
    assert kept == [(2, 30, 0, came, "dock", "r1"), (2, 80, 10, NOW, "dock", None)]


def test_a_receipt_of_nothing_that_is_open_is_refused(db, order):
    with pytest.raises(InputRejected, match="whole number from 1"):
        receive(db, order, 0)
    do(db, order, "receive")
    with pytest.raises(InputRejected, match="say which lines"):
        do(db, order, "receive")
    assert receive(db, order, 1, "r2")["state"] == "received"
    assert on_hand(db, "inspection") == {"TEA": 1}


def test_availability_follows_the_order_all_the_way(db):
    """What may be promised at once, when it is due, and later: a sent order is no supply yet."""
    order = sent(open_centre(db))
    catalog.put(db, Channel("web"))

    def atp():
        told = availability(db, sku="TEA", location="DC", channel="web", method="ship", now=NOW,
                            horizon_days=20)  # fmt: skip
        return told.days[0][1], told.days[7][1], told.days[19][1]

    assert atp() == (0, 0, 0)
    confirmed = [{"line": TEA, "quantity": 80}]
    vendor_reports.confirm(db, order, lines=confirmed, document_id="c", at=NOW, actor="edi")
    assert atp() == (0, 80, 80)
    shipped = [{"line": TEA, "quantity": 50}]
    vendor_reports.ship(db, order, lines=shipped, document_id="s", at=NOW, actor="edi")
    assert atp() == (0, 80, 80)
    receive(db, order, 50)
    assert atp() == (50, 80, 80)
    rest = [{"line": TEA, "expected_at": NOW + timedelta(days=12)}]
    vendor_reports.redate(db, order, lines=rest, document_id="d", at=NOW, actor="edi")
    assert atp() == (50, 50, 80)
    receive(db, order, 45, "r2")  # 15 more than are open: they wait for approval.
    assert atp() == (80, 80, 80)
    approvals.approve(db, f"{order}:2", message_id="a", quantity=5, now=NOW)
    assert atp() == (85, 85, 85)
    do(db, order, "close")
    assert atp() == (85, 85, 85)


def test_one_document_on_many_connections_is_one_receipt(db, order, database_url):
    states = race(database_url, *[lambda db: receive(db, order, 30)] * 6)
    assert set(states) == {"partially_received"}
    assert on_hand(db) == {"TEA": 30}
    assert [e["act"] for e in get_order(db, order)["events"]].count("receive") == 1


def test_receipts_at_once_add_up_and_hold_what_is_too_much(db, order, database_url):
    calls = [lambda db, n=n: receive(db, order, 30, f"r{n}") for n in range(5)]
    race(database_url, *calls)
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 100}, {"TEA": 50})
    assert tea(get_order(db, order))["received_units"] == 150


def test_by_order_and_by_delivery_at_once(db, order, database_url):
    def by_delivery(db, n):
        return inbound.receive(db, f"{order}:2", message_id=f"m{n}", quantity=20, now=NOW)

    race(
        database_url,
        *[lambda db, n=n: receive(db, order, 20, f"r{n}") for n in range(3)],
        *[lambda db, n=n: by_delivery(db, n) for n in range(2)],
    )
    assert on_hand(db) == {"TEA": 100}
    assert inbound.get(db, f"{order}:2")["state"] == "received"


def test_a_receipt_and_a_closing_at_once_agree(db, order, database_url):
    receive(db, order, 10)
    race(database_url, lambda db: receive(db, order, 20, "r2"), lambda db: do(db, order, "close"))
    found = get_order(db, order)
    assert found["state"] == "closed"
    # Either the goods came first, or nobody expected them any more: never half of either.
    expected = found["events"][-1]["act"] == "close"
    assert on_hand(db) == {"TEA": 30 if expected else 10}
    assert on_hand(db, "inspection") == ({} if expected else {"TEA": 20})
    assert tea(found)["received_units"] == 30


@pytest.mark.parametrize(
    ("quantity", "received", "share", "tolerated"),
    [(100, 0, 0.0, 100), (101, 0, 0.0, 100), (10, 100, 0.0, 0), (10, 100, 0.1, 10),
     (11, 100, 0.1, 10), (30, 0, 0.299999, 30), (5, 130, 0.1, 0)],
)  # fmt: skip
def test_units_tolerated(quantity, received, share, tolerated):
    found = units_tolerated(
        quantity, agreed_units=100, received_units=received, over_receipt_share=share
    )
    assert found == tolerated
