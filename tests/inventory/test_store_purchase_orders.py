"""Purchase orders in PostgreSQL: acts, edits, receipts and the supply that they announce."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import pytest

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.ledger import Key
from inventory.store import database, inbound, ledger
from inventory.store.order_proposals import propose
from inventory.store.purchase_orders import edit, get_order, late_orders, list_orders
from tests.inventory.ordering import NOW, do, inbound_of, on_hand, open_centre, plan_of, proposed


@pytest.fixture
def shop(db):
    return open_centre(db)


@pytest.fixture
def order(shop):
    return proposed(shop)


def test_from_proposal_to_close_with_who_and_when(shop, order):
    do(shop, order, "accept", role="planner")
    do(shop, order, "approve", "send", role="buyer")
    do(shop, order, "confirm", "ship", role="vendor")
    do(shop, order, "receive", "close", role="buyer")
    found = get_order(shop, order)
    assert found["state"] == "closed"
    assert [event["act"] for event in found["events"]] == [
        "propose", "accept", "approve", "send", "confirm", "ship", "receive", "close",
    ]  # fmt: skip
    assert {event["actor"] for event in found["events"][1:]} == {"ann"}
    assert on_hand(shop) == {"CUP": 40, "TEA": 100}


def test_a_role_may_only_do_its_own_acts(shop, order):
    with pytest.raises(InputRejected, match="may not approve"):
        do(shop, order, "approve", role="planner")
    do(shop, order, "accept", role="planner")
    with pytest.raises(InputRejected, match="may not approve"):
        do(shop, order, "approve", role="planner")


def test_an_act_out_of_order_is_refused_and_leaves_no_trace(shop, order):
    with pytest.raises(StateConflict):
        do(shop, order, "ship")
    found = get_order(shop, order)
    assert found["state"] == "proposed"
    assert [event["act"] for event in found["events"]] == ["propose"]


def test_an_unknown_order_is_not_found(shop):
    with pytest.raises(NotFound):
        do(shop, "PO-0", "accept")


def test_a_confirmed_order_is_inbound_and_a_cancelled_one_is_not(shop, order):
    do(shop, order, "accept", "approve", "send")
    assert inbound_of(shop) == []
    do(shop, order, "confirm")
    assert inbound_of(shop) == [
        ("CUP", 40, "confirmed", date(2026, 3, 9)), ("TEA", 100, "confirmed", date(2026, 3, 9)),
    ]  # fmt: skip
    do(shop, order, "cancel")
    assert {state for _, _, state, _ in inbound_of(shop)} == {"cancelled"}


def test_the_vendor_may_confirm_less_and_later(shop, order):
    do(shop, order, "accept", "approve", "send")
    do(shop, order, "confirm", lines=[{"sku": "TEA", "quantity": 60, "expected_on": "2026-03-16"}])
    assert inbound_of(shop) == [("TEA", 60, "confirmed", date(2026, 3, 16))]
    assert get_order(shop, order)["expected_on"] == date(2026, 3, 16)
    event = get_order(shop, order)["events"][-1]
    assert event["changes"]["lines"] == [{"sku": "TEA", "from": 100, "to": 60}]


def test_a_partial_receipt_leaves_the_rest(shop, order):
    do(shop, order, "accept", "approve", "send", "confirm", "ship")
    found = do(shop, order, "receive", lines=[{"sku": "TEA", "quantity": 70}])
    assert found["state"] == "partially_received"
    assert on_hand(shop) == {"TEA": 70}
    assert [(sku, q) for sku, q, *_ in inbound_of(shop)] == [("CUP", 40), ("TEA", 30)]
    found = do(shop, order, "receive",
               lines=[{"sku": "TEA", "quantity": 30}, {"sku": "CUP", "quantity": 40}])  # fmt: skip
    assert found["state"] == "received"
    assert on_hand(shop) == {"CUP": 40, "TEA": 100}
    assert {(q, state) for _, q, state, _ in inbound_of(shop)} == {(0, "received")}


def test_closing_a_partial_order_gives_up_the_rest(shop, order):
    do(shop, order, "accept", "approve", "send", "confirm", "ship")
    do(shop, order, "receive", lines=[{"sku": "TEA", "quantity": 70}])
    do(shop, order, "close")
    assert {state for _, _, state, _ in inbound_of(shop)} == {"cancelled"}
    assert on_hand(shop) == {"TEA": 70}


def test_goods_may_go_to_inspection_first(shop, order):
    do(shop, order, "accept", "approve", "send", "confirm")
    do(shop, order, "receive", lines=[{"sku": "TEA", "quantity": 5, "status": "inspection"}])
    assert on_hand(shop, "inspection") == {"TEA": 5}
    assert on_hand(shop) == {}


def test_goods_received_by_the_name_of_their_inbound_are_no_longer_on_order(shop, order):
    """A warehouse knows the delivery, not the order: the order hears of it all the same."""
    do(shop, order, "accept", "approve", "send", "confirm")
    told = {"message_id": "m1", "quantity": 70, "now": NOW, "actor": "dock"}
    for _ in range(2):  # The repeat changes nothing.
        inbound.receive(shop, f"{order}:2", **told)
        found = get_order(shop, order)
        assert [line["received_units"] for line in found["lines"]] == [0, 70]
        assert found["state"] == "partially_received"
        assert [event["actor"] for event in found["events"]][5:] == ["dock"]
    assert do(shop, order, "receive")["state"] == "received"
    assert on_hand(shop) == {"CUP": 40, "TEA": 100}


def test_goods_come_on_the_day_of_the_location(shop, order):
    """Midnight in UTC is the evening before in New York: a day too early to promise from."""
    shop.execute("update locations set timezone = 'America/New_York'")
    do(shop, order, "accept", "approve", "send", "confirm")
    arrivals = shop.execute(
        "select distinct expected_at at time zone 'America/New_York' from inbound"
    ).fetchall()
    assert arrivals == [(datetime(2026, 3, 9, 0, 0),)]  # noqa: DTZ001 - a wall clock's time.


def test_a_deadlock_over_a_receipt_is_never_shown(shop, order, database_url):
    """Another writer holds CUP and comes for TEA while the receipt holds TEA and comes for CUP."""
    do(shop, order, "accept", "approve", "send", "confirm", "ship")
    cup, tea = (Key(sku, "DC", "available") for sku in ("CUP", "TEA"))

    def receive():
        with database.connect(database_url) as db:
            do(db, order, "receive", lines=[{"sku": s, "quantity": 9} for s in ("TEA", "CUP")])

    with ThreadPoolExecutor(1) as thread, database.connect(database_url) as other:
        ledger.create(other, [cup, tea], now=NOW)
        with other.transaction():
            ledger.lock(other, [cup])
            received = thread.submit(receive)
            time.sleep(0.3)  # It waits now, and so will be the first to find the circle.
            ledger.lock(other, [tea])
        received.result()
    assert on_hand(shop) == {"CUP": 9, "TEA": 9}


def test_a_receipt_is_an_entry_of_the_ledger(shop, order):
    do(shop, order, "accept", "approve", "send", "confirm", "receive")
    entries = shop.execute(
        "select sku, units, kind, inbound_id from entries order by sku"
    ).fetchall()
    assert entries == [
        ("CUP", 40, "receipt", f"{order}:1"), ("TEA", 100, "receipt", f"{order}:2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        ([{"sku": "NUT", "quantity": 1}], "sku"),
        ([{"sku": "TEA", "quantity": 0}], "quantity"),
        ([{"sku": "TEA", "quantity": 1.5}], "quantity"),
        ([{"sku": "TEA", "quantity": 1, "status": "scrap"}], "lines"),
    ],
)
def test_a_wrong_receipt_is_refused_whole(shop, order, lines, field):
    do(shop, order, "accept", "approve", "send", "confirm")
    with pytest.raises(InputRejected) as refused:
        do(shop, order, "receive", lines=[{"sku": "CUP", "quantity": 1}, *lines])
    assert refused.value.field == field
    assert on_hand(shop) == {}
    assert get_order(shop, order)["state"] == "confirmed"


def test_an_edit_keeps_who_when_and_why_and_its_terms_still_sum(shop, order):
    found = edit(
        shop, order, actor="pia", role="planner", now=NOW, reason="half a pallet",
        lines=[{"sku": "TEA", "quantity": 60}], expected_on=date(2026, 3, 12),
    )  # fmt: skip
    tea = next(line for line in found["lines"] if line["sku"] == "TEA")
    assert (tea["quantity"], tea["firmed"]) == (60, True)
    assert sum(term["quantity"] for term in tea["explanation"]["terms"]) == 60
    event = found["events"][-1]
    assert (event["actor"], event["reason"]) == ("pia", "half a pallet")
    assert event["changes"] == {
        "lines": [{"sku": "TEA", "from": 100, "to": 60}],
        "expected_on": ["2026-03-09", "2026-03-12"],
    }


def test_an_edit_needs_a_reason_a_known_line_and_leaves_a_line(shop, order):
    given = {"actor": "pia", "role": "planner", "now": NOW}
    with pytest.raises(InputRejected, match="why"):
        edit(shop, order, reason=" ", lines=[{"sku": "TEA", "quantity": 1}], **given)
    with pytest.raises(InputRejected, match="not on this order"):
        edit(shop, order, reason="x", lines=[{"sku": "NUT", "quantity": 1}], **given)
    both = [{"sku": "TEA", "quantity": 0}, {"sku": "CUP", "quantity": 0}]
    with pytest.raises(InputRejected, match="last line"):
        edit(shop, order, reason="x", lines=both, **given)
    assert [line["quantity"] for line in get_order(shop, order)["lines"]] == [40, 100]


def test_an_approved_order_that_is_edited_must_be_approved_again(shop, order):
    do(shop, order, "accept", "approve")
    found = edit(shop, order, actor="bob", role="buyer", now=NOW, reason="less",
                 lines=[{"sku": "TEA", "quantity": 10}])  # fmt: skip
    assert found["state"] == "accepted"


def test_value_is_units_times_cost(shop, order):
    assert get_order(shop, order)["value"] == 140 * 4.0


def test_pages_hold_every_order_once(shop):
    for day in range(5):
        propose(shop, plan_of(("ACME", "TEA", 10)), now=NOW + timedelta(days=day))
        order = list_orders(shop, state="proposed")["orders"][0]["id"]
        do(shop, order, "accept")
    seen, cursor = [], None
    while True:
        page = list_orders(shop, limit=2, cursor=cursor)
        seen += [order["id"] for order in page["orders"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == [f"PO-2026030{day}-0001" for day in (6, 5, 4, 3, 2)]
    assert list_orders(shop, vendor="BOLT")["orders"] == []
    with pytest.raises(InputRejected):
        list_orders(shop, state="lost")
    with pytest.raises(InputRejected):
        list_orders(shop, cursor="not a cursor")


def test_proposing_again_changes_only_what_changed(shop, order):
    same = propose(shop, plan_of(("ACME", "TEA", 100), ("ACME", "CUP", 40)), now=NOW)
    assert (same.orders_created, same.lines_added, same.lines_changed, same.lines_removed) == (
        0, 0, 0, 0,
    )  # fmt: skip
    assert get_order(shop, order)["version"] == 1
    other = propose(shop, plan_of(("ACME", "TEA", 90), ("BOLT", "NUT", 5)), now=NOW)
    assert (other.orders_created, other.lines_added, other.lines_changed, other.lines_removed) == (
        1, 1, 1, 1,
    )  # fmt: skip
    found = get_order(shop, order)
    assert [(line["sku"], line["quantity"]) for line in found["lines"]] == [("TEA", 90)]
    assert found["events"][-1]["act"] == "replan"


def test_late_orders_are_those_sent_and_overdue(shop, order):
    assert late_orders(shop, today=date(2026, 3, 20)) == []
    do(shop, order, "accept", "approve", "send")
    assert late_orders(shop, today=date(2026, 3, 9)) == []
    late = late_orders(shop, today=date(2026, 3, 10))
    assert [(row["order_id"], row["open_units"]) for row in late] == [(order, 140)]
