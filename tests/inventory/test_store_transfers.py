"""Transfers in PostgreSQL: what both ends can promise at every step, and who may take it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from inventory.errors import InputRejected, InsufficientStock, NotFound, StateConflict, VouchError
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import database, inbound, orders, reservations, verify
from inventory.store.availability import availability
from inventory.store.policies import read_positions
from inventory.store.sales_rollup import roll_up_ledger_sales
from inventory.store.transfer_proposals import propose
from inventory.store.transfers import edit, get_transfer, list_transfers
from tests.inventory.moving import LINES, NOW, do, hand, open_ends, plan_of


@pytest.fixture
def shop(db):
    return open_ends(db)


def atp(db, location, sku="TEA", *, now=NOW):
    """ATP on the first three days."""
    method = "ship" if location == "DC" else "bopis"
    found = availability(db, sku=sku, location=location, channel="web", method=method, now=now)
    return [units for _, units in found.days[:3]]


def on_hand(db, sku="TEA"):
    return dict(
        db.execute(
            "select location, units from balances where sku = %s and status = 'available'", [sku]
        ).fetchall()
    )


def test_both_ends_know_at_every_step(shop):
    """Hand-worked: 20 and 1 on the shelves, 6 move, the way takes two days."""
    transfer = hand(shop)
    assert (atp(shop, "DC"), atp(shop, "ST")) == ([20, 20, 20], [1, 1, 1])
    do(shop, transfer, "accept", role="planner")
    assert (atp(shop, "DC"), atp(shop, "ST")) == ([20, 20, 20], [1, 1, 1])
    do(shop, transfer, "approve", role="buyer")
    assert (atp(shop, "DC"), atp(shop, "ST")) == ([14, 14, 14], [1, 1, 7])
    assert on_hand(shop) == {"DC": 20, "ST": 1}
    do(shop, transfer, "ship", role="oms")
    assert (atp(shop, "DC"), atp(shop, "ST")) == ([14, 14, 14], [1, 1, 7])
    assert on_hand(shop) == {"DC": 14, "ST": 1}
    found = do(shop, transfer, "receive", role="oms", now=NOW + timedelta(days=2))
    assert found["state"] == "received"
    assert on_hand(shop) == {"DC": 14, "ST": 7}
    assert [e["act"] for e in found["events"]] == [
        "propose", "accept", "approve", "ship", "receive"
    ]  # fmt: skip
    assert [e["actor"] for e in found["events"]] == ["pia", "ann", "ann", "ann", "ann"]
    assert verify.verify(shop).drifts == []


def test_planning_counts_an_accepted_transfer_on_its_way_in(shop):
    shop.execute("insert into forecast_runs values ('r', %s, 1, 7, '{0.5}', 'm', null, 1, %s, '')",
                 [NOW.date(), NOW])  # fmt: skip
    shop.execute("insert into current_forecasts values ('TEA', 'ST', 'r'), ('TEA', 'DC', 'r')")
    transfer = hand(shop)
    columns = ["location", "on_order", "committed"]
    assert read_positions(shop, now=NOW).select(columns).rows() == [("DC", 0, 0), ("ST", 0, 0)]
    do(shop, transfer, "accept")
    assert read_positions(shop, now=NOW).select(columns).rows() == [("DC", 0, 0), ("ST", 6, 0)]
    do(shop, transfer, "approve")
    assert read_positions(shop, now=NOW).select(columns).rows() == [("DC", 0, 6), ("ST", 6, 0)]


def test_never_more_than_the_origin_can_spare(shop):
    """20 on hand, 5 of them its own need: 16 leave it short by one."""
    transfer = hand(shop, [{"sku": "TEA", "quantity": 16}])
    do(shop, transfer, "accept")
    with pytest.raises(InsufficientStock, match="15 can be promised"):
        do(shop, transfer, "approve")
    assert get_transfer(shop, transfer)["state"] == "accepted"
    assert atp(shop, "DC") == [20, 20, 20]
    edit(shop, transfer, actor="pia", role="planner", now=NOW, reason="all it can spare",
         lines=[{"sku": "TEA", "quantity": 15}])  # fmt: skip
    assert do(shop, transfer, "approve")["state"] == "approved"


def test_never_what_the_origin_has_promised(shop):
    """18 are promised for next week: 2 can leave, whatever the origin is told to keep."""
    basket = Basket("hard", "web", "ship", (AskedLine("TEA", 18),), location="DC", order_id="o",
                    on=NOW.date() + timedelta(days=7))  # fmt: skip
    reservations.place(shop, basket, reservation_id="o", now=NOW)
    transfer = hand(shop, [{"sku": "TEA", "quantity": 3, "keep_units": 0}])
    do(shop, transfer, "accept")
    with pytest.raises(InsufficientStock, match="2 can be promised"):
        do(shop, transfer, "approve")


def test_cancelling_frees_both_ends(shop):
    transfer = hand(shop)
    do(shop, transfer, "accept", "approve", "cancel")
    assert (atp(shop, "DC"), atp(shop, "ST")) == ([20, 20, 20], [1, 1, 1])
    with pytest.raises(StateConflict):
        do(shop, transfer, "ship")


def test_what_does_not_leave_is_free_again(shop):
    transfer = hand(shop, [{"sku": "TEA", "quantity": 6}, {"sku": "CUP", "quantity": 3}])
    do(shop, transfer, "accept", "approve")
    found = do(shop, transfer, "ship", lines=[{"sku": "TEA", "quantity": 4}])
    assert [line["shipped_units"] for line in found["lines"]] == [4, 0]
    assert (atp(shop, "DC"), atp(shop, "ST")) == ([16, 16, 16], [1, 1, 5])
    assert atp(shop, "DC", "CUP") == [8, 8, 8]
    assert do(shop, transfer, "receive")["state"] == "received"


def test_a_partial_receipt_leaves_the_rest_and_closing_gives_it_up(shop):
    transfer = hand(shop)
    do(shop, transfer, "accept", "approve", "ship")
    found = do(shop, transfer, "receive", lines=[{"sku": "TEA", "quantity": 2}])
    assert found["state"] == "partially_received"
    assert atp(shop, "ST") == [3, 3, 7]
    with pytest.raises(VouchError):
        do(shop, transfer, "receive", lines=[{"sku": "TEA", "quantity": 5}])
    assert do(shop, transfer, "close", reason="lost on the way")["state"] == "closed"
    assert atp(shop, "ST") == [3, 3, 3]
    assert on_hand(shop) == {"DC": 14, "ST": 3}
    assert verify.verify(shop).drifts == []


def test_the_dock_may_receive_by_the_name_of_the_supply(shop):
    transfer = hand(shop)
    do(shop, transfer, "accept", "approve", "ship")
    for _ in range(2):  # The repeat changes nothing.
        inbound.receive(shop, f"{transfer}:1", message_id="m", quantity=6, now=NOW)
    found = get_transfer(shop, transfer)
    assert (found["state"], found["lines"][0]["received_units"]) == ("received", 6)
    assert on_hand(shop) == {"DC": 14, "ST": 7}


def test_what_has_not_left_cannot_arrive(shop):
    transfer = hand(shop)
    for step in ("accept", "approve"):
        do(shop, transfer, step)
        with pytest.raises(StateConflict, match="not shipped yet"):
            inbound.receive(shop, f"{transfer}:1", message_id="m", quantity=6, now=NOW)


def test_goods_of_a_transfer_that_others_made_are_received_as_any(shop):
    inbound.put(shop, inbound_id="theirs", sku="TEA", location="ST", quantity=5, expected_at=NOW,
                state="confirmed", source="transfer", now=NOW)  # fmt: skip
    inbound.receive(shop, "theirs", message_id="m", quantity=5, now=NOW)
    assert on_hand(shop)["ST"] == 6


def test_only_the_transfer_acts_on_its_commitment(shop):
    transfer = hand(shop)
    do(shop, transfer, "accept", "approve")
    with pytest.raises(StateConflict, match="act on that"):
        orders.perform(shop, transfer, "cancel", OrderMessage("m"), now=NOW)
    with pytest.raises(VouchError):
        inbound.put(shop, inbound_id=f"{transfer}:1", sku="TEA", location="ST", quantity=60,
                    expected_at=NOW, state="confirmed", now=NOW)  # fmt: skip


def test_what_moves_is_not_a_sale(shop):
    transfer = hand(shop)
    do(shop, transfer, "accept", "approve", "ship")
    roll_up_ledger_sales(shop, through=NOW.date(), now=NOW + timedelta(days=1))
    assert shop.execute("select sum(units) from sales_days").fetchone()[0] in (None, 0)


def test_a_role_may_only_do_its_own_acts(shop):
    transfer = hand(shop)
    with pytest.raises(InputRejected, match="may not approve"):
        do(shop, transfer, "approve", role="planner")
    with pytest.raises(InputRejected, match="may not accept"):
        do(shop, transfer, "accept", role="buyer")
    with pytest.raises(InputRejected, match="may not propose"):
        hand(shop, role="oms")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"lines": []}, "lines"),
        ({"lines": LINES * 2}, "lines"),
        ({"lines": [{"sku": "NUT", "quantity": 1}]}, "sku"),
        ({"destination": "XX"}, "location"),
    ],
    ids=["none", "twice", "unknown", "nowhere"],
)
def test_a_wrong_proposal_is_refused_whole(shop, more, field):
    with pytest.raises(InputRejected) as refused:
        hand(shop, **more)
    assert refused.value.field == field
    assert list_transfers(shop)["transfers"] == []


def test_without_a_lane_nothing_is_proposed(shop):
    with pytest.raises(NotFound, match="transfer-lanes/ST/DC"):
        hand(shop, origin="ST", destination="DC")


def everything(db):
    tables = ("transfers", "transfer_lines", "transfer_events", "outbox")
    return [db.execute(f"select * from {table} order by 1").fetchall() for table in tables]


def test_planning_twice_changes_nothing(shop):
    first = propose(shop, plan_of(("TEA", 6), ("CUP", 2)), now=NOW)
    assert (first.transfers_created, first.lines_added) == (1, 2)
    before = everything(shop)
    again = propose(shop, plan_of(("TEA", 6), ("CUP", 2)), now=NOW + timedelta(hours=1))
    assert (again.transfers_created, again.lines_added, again.lines_changed) == (0, 0, 0)
    assert everything(shop) == before


def test_planning_follows_the_plan_and_leaves_what_a_person_said(shop):
    propose(shop, plan_of(("TEA", 6), ("CUP", 2)), now=NOW)
    (found,) = list_transfers(shop)["transfers"]
    edit(shop, found["id"], actor="pia", role="planner", now=NOW, reason="one box",
         lines=[{"sku": "TEA", "quantity": 4}])  # fmt: skip
    propose(shop, plan_of(("TEA", 9)), now=NOW)
    (found,) = list_transfers(shop)["transfers"]
    (line,) = found["lines"]
    assert (line["sku"], line["quantity"], line["firmed"]) == ("TEA", 4, True)
    assert sum(term["money"] for term in line["explanation"]["terms"]) == line["saving"] == 10.0
    do(shop, found["id"], "accept")
    propose(shop, plan_of(("TEA", 9)), now=NOW)
    assert [t["state"] for t in list_transfers(shop)["transfers"]] == ["proposed", "accepted"]
    propose(shop, plan_of(), now=NOW)
    assert [t["state"] for t in list_transfers(shop)["transfers"]] == ["cancelled", "accepted"]


def test_of_two_who_take_the_last_units_one_gets_them(shop, database_url):
    """A transfer and a customer want 15 and 15 of 20, from two connections at once."""
    transfer = hand(shop, [{"sku": "TEA", "quantity": 15}])
    do(shop, transfer, "accept")
    basket = Basket("hard", "web", "ship", (AskedLine("TEA", 15),), location="DC", order_id="o")

    def approve():
        with database.connect(database_url) as db:
            do(db, transfer, "approve")

    def buy():
        with database.connect(database_url) as db:
            reservations.place(db, basket, reservation_id="o", now=NOW)

    with ThreadPoolExecutor(2) as threads:
        outcomes = [threads.submit(what).exception() for what in (approve, buy)]
    assert sorted(type(e).__name__ for e in outcomes) == ["InsufficientStock", "NoneType"]
    assert atp(shop, "DC") == [5, 5, 5]


def test_of_two_approvals_one_counts(shop, database_url):
    transfer = hand(shop)
    do(shop, transfer, "accept")

    def approve(_):
        with database.connect(database_url) as db:
            do(db, transfer, "approve")

    with ThreadPoolExecutor(4) as threads:
        outcomes = [threads.submit(approve, n).exception() for n in range(4)]
    assert sorted(type(e).__name__ for e in outcomes) == ["NoneType"] + ["StateConflict"] * 3
    assert atp(shop, "DC") == [14, 14, 14]
