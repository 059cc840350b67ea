"""One pool over vendor, warehouse, hub and store: each gives from the day it can send."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory import catalog as kinds
from inventory.errors import InputRejected, InsufficientStock
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, inbound, ledger, orders, reservations
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()
STOCK = {"S1": 3, "DC": 20, "H1": 5, "V1": 100}


def day(t):
    return TODAY + timedelta(days=t)


def locations(db, **handling_days):
    for name, kind in (("S1", "store"), ("DC", "warehouse"), ("H1", "hub"), ("V1", "vendor")):
        place = kinds.Location(name, name, kind, handling_days=handling_days.get(name))
        catalog.put(db, place)


@pytest.fixture
def tiers(db):
    """3 in a store, 20 in a warehouse, 5 in a hub with 2 days of handling, 100 at a vendor's.

    The vendor of A needs 4.2 days; B has no vendor.
    """
    catalog.put(db, kinds.Vendor("acme", lead_time_days=4.2))
    catalog.put(db, kinds.Sku("A", "A", vendor="acme"))
    catalog.put(db, kinds.Sku("B", "B"))
    locations(db, H1=2)
    for location, units in STOCK.items():
        stock(db, location, units)
    return db


def stock(db, location, units, sku="A"):
    fact = Fact(sku, location, "available", "delta", units, NOW - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def atp(db, sku="A", *, horizon_days=7, **place):
    return availability(db, sku=sku, **place, now=NOW, horizon_days=horizon_days).atp_by_day


def order(db, name, units, *, group="*", t=0, kind="hard"):
    basket = Basket(kind, "web", "ship", (AskedLine("A", units),), group=group,
                    on=None if kind == "preorder" else day(t), order_id=name)  # fmt: skip
    return reservations.place(db, basket, reservation_id=name, now=NOW)


def test_every_tier_enters_the_pool_on_the_day_it_can_send(tiers):
    assert atp(tiers, group="*") == (23, 23, 28, 28, 28, 128, 128, 128)
    assert atp(tiers, group="tier:store") == (3,) * 8
    assert atp(tiers, group="tier:hub") == (0, 0, 5, 5, 5, 5, 5, 5)
    assert atp(tiers, location="V1") == (0, 0, 0, 0, 0, 100, 100, 100)


def test_handling_days_of_a_vendor_go_before_the_lead_time_of_the_vendor(tiers):
    locations(tiers, V1=1)
    assert atp(tiers, location="V1", horizon_days=2) == (0, 100, 100)
    locations(tiers)
    stock(tiers, "V1", 7, sku="B")
    assert atp(tiers, "B", location="V1", horizon_days=0) == (7,)


def test_what_comes_to_a_hub_is_handled_there(tiers):
    inbound.put(tiers, inbound_id="t-1", sku="A", location="H1", quantity=4, state="shipped",
                expected_at=NOW + timedelta(days=1), now=NOW)  # fmt: skip
    assert atp(tiers, location="H1", horizon_days=4) == (0, 0, 5, 9, 9)


def test_the_pool_is_explained_by_tier(tiers):
    got = availability(tiers, sku="A", group="*", now=NOW, on=day(6), explain=True)
    assert [(term.quantity, term.source) for term in got.terms] == [
        (5, "hub: H1"), (3, "store: S1"), (100, "vendor: V1"), (20, "warehouse: DC"),
    ]  # fmt: skip
    today = availability(tiers, sku="A", location="V1", now=NOW, explain=True)
    assert [(term.term, term.quantity) for term in today.terms] == [
        ("on-hand", 100), ("handling", -100)
    ]  # fmt: skip
    assert today.terms[-1].source == "nothing leaves from here before 2026-06-06"


def test_an_order_on_the_pool_is_located_where_it_can_leave_in_time(tiers):
    with pytest.raises(InsufficientStock):
        order(tiers, "now", 24)
    order(tiers, "later", 100, t=5)
    order(tiers, "today", 22)
    assert atp(tiers, group="*") == (1, 1, 6, 6, 6, 6, 6, 6)
    for name, place in (("later", "V1"), ("today", "DC")):
        orders.perform(tiers, name, "allocate", OrderMessage(f"m-{name}"), now=NOW)
        line, *_ = orders.get(tiers, name, now=NOW).lines
        assert line.location == place
    assert atp(tiers, group="*") == (1, 1, 6, 6, 6, 6, 6, 6)


def test_what_a_vendor_already_sends_is_not_short_when_its_day_comes_near(tiers):
    order(tiers, "drop", 100, t=5)
    orders.perform(tiers, "drop", "allocate", OrderMessage("m", location="V1"), now=NOW)
    later = NOW + timedelta(days=3)
    got = availability(tiers, sku="A", location="V1", now=later)
    assert (got.atp, got.raw) == (0, 0)
    pool = availability(tiers, sku="A", group="*", now=later).atp_by_day
    assert pool[:4] == (23, 23, 28, 28)


def test_a_promise_on_the_pool_leaves_no_rows_where_the_sku_never_was(tiers):
    """B stands in the store only; of the four members, only that one is written to."""
    stock(tiers, "S1", 2, sku="B")
    basket = Basket("hard", "web", "ship", (AskedLine("B", 2),), group="*", order_id="b")
    reservations.place(tiers, basket, reservation_id="b", now=NOW)
    rows = tiers.execute("select location from balances where sku = 'B'").fetchall()
    assert rows == [("S1",)]


def test_a_preorder_on_the_pool_is_dated_by_the_tier_that_can_serve_it(tiers):
    made = order(tiers, "wait", 60, kind="preorder")
    assert [line.promised_date for line in made.lines] == [day(5)]


def test_pools_follow_the_locations_by_themselves(db):
    def members(group):
        return catalog.get(db, kinds.Group, group).locations

    locations(db)
    assert members("*") == ("DC", "H1", "S1", "V1")
    catalog.put(db, kinds.Location("H1", "H1", "store"))
    assert (members("tier:hub"), members("tier:store")) == ((), ("H1", "S1"))
    db.execute("delete from locations where location = 'H1'")
    assert members("*") == ("DC", "S1", "V1")


@pytest.mark.parametrize("group", ["*", "tier:store", "tier:shop"])
def test_built_in_groups_cannot_be_written(db, group):
    locations(db)
    with pytest.raises(InputRejected, match="built in"):
        catalog.put(db, kinds.Group(group, ("S1",)))
