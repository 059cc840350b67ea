"""Goods that want approval: here, not sellable, and sellable once, when somebody says so."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.catalog import Channel, Location, Sku, Vendor
from inventory.errors import IdempotencyConflict, InputRejected, NotFound, StateConflict
from inventory.store import approvals, catalog, inbound, ledger, purchase_orders, stock, verify
from inventory.store.availability import availability

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture
def dock(db):
    """A warehouse that inspects what it gets, a store that does not, and 10 units on their way."""
    catalog.put(db, Location("DC", "DC", "warehouse", receipt_approval=True))
    catalog.put(db, Location("S1", "S1", "store"))
    catalog.put(db, Channel("web"))
    catalog.put(db, Vendor("acme"))
    catalog.put(db, Sku("A", "A", vendor="acme"))
    for location in ("DC", "S1"):
        inbound.put(db, inbound_id=location, sku="A", location=location, quantity=10,
                    expected_at=NOW + timedelta(days=2), state="shipped", now=NOW)  # fmt: skip
    yield db
    assert verify.verify(db).drifts == []


def receive(db, inbound_id="DC", *, message_id="r1", quantity=10, **more):
    return inbound.receive(
        db, inbound_id, message_id=message_id, quantity=quantity, now=NOW, **more
    )


def approve(db, *, message_id="a1", **more):
    return approvals.approve(db, "DC", message_id=message_id, now=NOW, actor="ann", **more)


def atp(db, location="DC"):
    """Units for today and for the day after supply was due."""
    told = availability(
        db, sku="A", location=location, channel="web", method="ship", now=NOW, horizon_days=5
    )
    return told.days[0][1], told.days[3][1]


def shelf(db, location="DC"):
    found = db.execute(
        "select status, units from balances where location = %s and units <> 0", [location]
    )
    return dict(found.fetchall())


def test_until_it_is_approved_nothing_is_promised_from_it(dock):
    assert atp(dock) == (0, 10)
    told = receive(dock)
    assert (told["status"], told["awaiting"], told["open"]) == ("inspection", 10, 0)
    assert shelf(dock) == {"inspection": 10}
    assert atp(dock) == (0, 0)
    assert approve(dock, quantity=7)["awaiting"] == 3
    assert shelf(dock) == {"available": 7, "inspection": 3}
    assert atp(dock) == (7, 7)
    assert approve(dock, message_id="a2", status="defective")["decided"] == 3
    assert shelf(dock) == {"available": 7, "defective": 3}
    kinds = [(e["kind"], e["status"], e["units"], e["inbound_id"]) for e in ledger.entries(dock)]
    assert kinds[:2] == [("move", "defective", 3, "DC"), ("move", "inspection", -3, "DC")]
    assert [e["actor"] for e in ledger.entries(dock)][:2] == ["ann", "ann"]


def test_elsewhere_goods_are_sellable_at_once(dock):
    assert receive(dock, "S1")["status"] == "available"
    assert shelf(dock, "S1") == {"available": 10}
    with pytest.raises(InputRejected, match="0 units"):
        approvals.approve(dock, "S1", message_id="a1", now=NOW)


def test_what_is_broken_on_arrival_needs_no_approval(dock):
    told = receive(dock, status="defective", quantity=2)
    assert (told["status"], told["awaiting"]) == ("defective", 0)
    with pytest.raises(InputRejected):
        approve(dock)


def test_a_repeat_changes_nothing(dock):
    receive(dock)
    first = approve(dock, quantity=4)
    assert approve(dock, quantity=4) == first
    assert shelf(dock) == {"available": 4, "inspection": 6}
    with pytest.raises(IdempotencyConflict):
        approve(dock, quantity=5)


@pytest.mark.parametrize(
    ("asked", "words"),
    [({"quantity": 11}, "send at most 10"), ({"quantity": 0}, "1 or more"),
     ({"status": "inspection"}, "is not one of"), ({"status": "in_transit"}, "is not one of")],
)  # fmt: skip
def test_what_cannot_be_approved(dock, asked, words):
    receive(dock)
    with pytest.raises(InputRejected, match=words):
        approve(dock, **asked)
    assert shelf(dock) == {"inspection": 10}
    with pytest.raises(NotFound):
        approvals.approve(dock, "nothing", message_id="x", now=NOW)


def test_units_that_left_inspection_by_another_road_are_not_approved(dock):
    receive(dock)
    stock.move(dock, message_id="m", sku="A", location="DC", units=8, from_status="inspection",
               to_status="scrap", now=NOW)  # fmt: skip
    with pytest.raises(InputRejected, match="2 units are in inspection"):
        approve(dock)
    assert approve(dock, message_id="a2", quantity=2)["awaiting"] == 8


@pytest.fixture
def order(dock):
    """A confirmed purchase order of 20 to the warehouse that inspects."""
    dock.execute(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, expected_on, "
        "created_at, updated_at) values ('PO', 'acme', 'DC', 'sent', %s, %s, %s)",
        [date(2026, 7, 4), NOW, NOW],
    )
    dock.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, unit_cost, "
        "run_id, explanation) values ('PO', 1, 'A', 20, 1, 'run', '{}')"
    )
    act(dock, "confirm")
    return dock


def act(db, name, **more):
    return purchase_orders.act(db, "PO", name, actor="bea", role="admin", now=NOW, **more)


def test_a_purchase_order_lands_in_inspection_too(order):
    told = act(order, "receive", lines=[{"sku": "A", "quantity": 15}])
    assert told["state"] == "partially_received"
    assert told["events"][-1]["changes"]["received"] == [
        {"sku": "A", "quantity": 15, "status": "inspection"}
    ]
    on_the_way = 10 + 5  # The other supply, and what is left of the order.
    assert atp(order) == (0, on_the_way)
    approvals.approve(order, "PO:1", message_id="a", now=NOW)
    assert atp(order) == (15, 15 + on_the_way)


def test_a_slip_of_the_hand_is_refused_on_both_roads(order):
    with pytest.raises(InputRejected, match="only 20 are still to come"):
        act(order, "receive", lines=[{"sku": "A", "quantity": 1_000_000}])
    with pytest.raises(InputRejected, match="only 20 are still to come"):
        inbound.receive(order, "PO:1", message_id="r", quantity=1_000_000, now=NOW)
    assert shelf(order) == {}
    assert act(order, "receive")["state"] == "received"


def test_an_orders_own_supply_is_dated_anew_and_otherwise_left_to_the_order(order):
    known = {"sku": "A", "location": "DC", "quantity": 20, "state": "shipped"}
    later = NOW + timedelta(days=9)
    told = inbound.put(order, inbound_id="PO:1", expected_at=later, now=NOW, **known)
    assert told["expected_at"] == later
    for change in ({"quantity": 30}, {"location": "S1"}, {"state": "cancelled"}):
        with pytest.raises(StateConflict, match="purchase order 'PO'"):
            inbound.put(order, inbound_id="PO:1", expected_at=later, now=NOW, **(known | change))
