"""A need is covered once: what a transfer brings is not bought, and what is refused is."""

import math
from datetime import timedelta

import pytest

from inventory.auto_approval import AutoApproval
from inventory.store import auto_approval, inbound, transfer_lanes
from inventory.store.forecasts import store_run
from inventory.store.policies import read_policy
from inventory.store.purchase_orders import act as order_act
from inventory.store.purchase_orders import list_orders
from inventory.store.transfers import act, edit, list_transfers
from inventory.transfers import Lane
from pipelines.replenish import replenish
from pipelines.settings import Settings
from tests.pipelines.futures import NOW, certain, days

DAY = timedelta(days=1)
TO, FROM = "transfers proposed to here", "transfers proposed from here"


@pytest.fixture
def shop(db):
    """The store sells 5 a day and has 8; the centre sells 2 and has 100; the vendor needs 6 days.

    So the store misses 22 before an order could come: see `test_transfers`.
    """
    db.execute(
        "insert into locations (location, name, type, methods) values "
        "('DC', 'Centre', 'warehouse', '{ship}'), ('ST', 'Store', 'store', '{bopis}')"
    )
    db.execute("insert into vendors (vendor, name, lead_time_days) values ('ACME', 'Acme', 5)")
    db.execute(
        "insert into skus (sku, name, category, vendor, unit_cost, price) values "
        "('TEA', 'Tea', 'dry', 'ACME', 4, 9), ('CUP', 'Cup', 'dry', 'ACME', 4, 9)"
    )
    stock(db, "TEA", "DC", 100)
    stock(db, "TEA", "ST", 8)
    store_run(db, certain({("TEA", "DC"): days((28, 2)), ("TEA", "ST"): days((28, 5))}), now=NOW)
    return db


def stock(db, sku, location, units):
    name = f"{sku}-{location}"
    inbound.put(db, inbound_id=name, sku=sku, location=location, quantity=units, expected_at=NOW,
                state="confirmed", now=NOW)  # fmt: skip
    inbound.receive(db, name, message_id=name, quantity=units, now=NOW)


def lane(db, **more):
    transfer_lanes.put(db, Lane("DC", "ST", 0.5, 1, handling_per_unit=0.25, **more))


def plan(db, *, now=NOW, **more):
    return replenish(db, Settings(seed=7), now=now, **more)


def bought(db, state="proposed"):
    """Lines of orders by SKU and location."""
    return {
        (line["sku"], order["location"]): line
        for order in list_orders(db, state=state)["orders"]
        for line in order["lines"]
    }


def moved(db, state="proposed"):
    """Units by SKU on transfers from the centre to the store."""
    return {
        line["sku"]: line["quantity"]
        for transfer in list_transfers(db, state=state)["transfers"]
        for line in transfer["lines"]
    }


def units(db, location="ST"):
    line = bought(db).get(("TEA", location))
    return 0 if line is None else line["quantity"]


def terms(line):
    found = {term["term"]: term["quantity"] for term in line["explanation"]["terms"]}
    assert sum(found.values()) == line["quantity"]
    return found


def everything(db):
    tables = ("purchase_orders", "purchase_order_lines", "purchase_order_events", "transfers",
              "transfer_lines", "transfer_events", "alerts", "outbox")  # fmt: skip
    return [db.execute(f"select * from {table} order by 1, 2").fetchall() for table in tables]


def transfer_id(db, state="proposed"):
    (found,) = list_transfers(db, state=state)["transfers"]
    return found["id"]


def test_what_a_transfer_brings_is_not_bought(shop):
    plan(shop)
    alone = units(shop)
    policy = read_policy(shop, "TEA", "ST")
    assert alone == math.ceil(policy["order_up_to"] - 8)  # The need: packs are of one.
    lane(shop)
    plan(shop)
    assert moved(shop) == {"TEA": 22}
    assert units(shop) == alone - 22
    assert terms(bought(shop)["TEA", "ST"])[TO] == -22
    # The centre keeps more than its reorder point, and buys nothing for it.
    assert units(shop, "DC") == 0


def test_planning_twice_changes_nothing(shop):
    lane(shop)
    first = plan(shop)
    assert (first.transfers_created, first.transfer_lines, first.orders_created) == (1, 1, 1)
    before = everything(shop)
    again = plan(shop)
    assert (again.transfers_created, again.orders_created, again.lines_changed) == (0, 0, 0)
    assert everything(shop) == before


def test_what_is_refused_is_bought_with_the_next_run(shop):
    plan(shop)
    alone = units(shop)
    lane(shop)
    plan(shop)
    refused = transfer_id(shop)
    act(shop, refused, "reject", actor="pia", role="planner", now=NOW, reason="no truck")
    plan(shop)
    assert (moved(shop), units(shop)) == ({}, alone)
    assert TO not in terms(bought(shop)["TEA", "ST"])
    # Until the order in its place could have come; then it is another question.
    plan(shop, now=NOW + 5 * DAY)
    assert moved(shop) == {}
    plan(shop, now=NOW + 6 * DAY)
    assert set(moved(shop)) == {"TEA"}


def test_a_line_that_a_person_took_out_stays_out(shop):
    stock(shop, "CUP", "DC", 100)
    stock(shop, "CUP", "ST", 8)
    both = {(sku, at): days((28, rate)) for sku in ("TEA", "CUP")
            for at, rate in (("DC", 2), ("ST", 5))}  # fmt: skip
    store_run(shop, certain(both, run_id="run-2"), now=NOW)
    plan(shop)
    alone = bought(shop)["CUP", "ST"]["quantity"]
    lane(shop)
    plan(shop)
    assert moved(shop) == {"TEA": 22, "CUP": 22}
    edit(shop, transfer_id(shop), actor="pia", role="planner", now=NOW, reason="fragile",
         lines=[{"sku": "CUP", "quantity": 0}])  # fmt: skip
    plan(shop)
    assert moved(shop) == {"TEA": 22}
    assert bought(shop)["CUP", "ST"]["quantity"] == alone
    assert units(shop) == alone - 22


@pytest.mark.parametrize("steps", [("accept",), ("accept", "approve"),
                                   ("accept", "approve", "ship")], ids=len)  # fmt: skip
def test_the_rest_is_the_same_however_far_the_transfer_is(shop, steps):
    lane(shop)
    plan(shop)
    rest, transfer = units(shop), transfer_id(shop)
    for step in steps:
        act(shop, transfer, step, actor="ann", role="admin", now=NOW)
    plan(shop)
    assert moved(shop) == {}
    assert units(shop) == rest
    assert units(shop, "DC") == 0
    assert terms(bought(shop)["TEA", "ST"])["on order"] == -22


def test_rules_approve_transfers_before_the_rest_is_bought(shop):
    lane(shop)
    auto_approval.put(
        shop, AutoApproval("t", subject="transfer", value_max=88), actor="bea", now=NOW
    )
    report = plan(shop)
    assert (report.transfers_approved, moved(shop, "approved")) == (1, {"TEA": 22})
    assert terms(bought(shop)["TEA", "ST"])["on order"] == -22
    before = everything(shop)
    assert plan(shop).transfers_approved == 0
    assert everything(shop) == before


def test_what_the_origin_gives_away_it_may_have_to_buy(shop):
    """Two above the reorder point of the centre may go: without them, it orders."""
    shop.execute("update balances set units = 14 where location = 'DC' and sku = 'TEA'")
    plan(shop)
    assert units(shop, "DC") == 0  # 14 are above the 12 that it sells until an order comes.
    lane(shop)
    plan(shop)
    given = moved(shop)["TEA"]
    assert given == 2
    found = terms(bought(shop)["TEA", "DC"])
    assert (found[FROM], found["on hand"]) == (given, -14)


def test_an_order_under_way_does_not_serve_the_days_before_it(shop):
    """The rest is approved, for day 5: of the 22 that are missed, the 5 of that day are served.

    2 are missed on the first day, and 5 on each of the three that follow.
    """
    lane(shop)
    plan(shop)
    rest = units(shop)
    (order,) = list_orders(shop)["orders"]
    for step in ("accept", "approve"):
        order_act(shop, order["id"], step, actor="ann", role="admin", now=NOW)
    plan(shop)
    assert moved(shop) == {"TEA": 17}
    assert bought(shop) == {}
    assert bought(shop, "approved")["TEA", "ST"]["quantity"] == rest


def test_a_lane_keeps_room_for_what_others_move(shop):
    """Room for 30: 22 TEA are proposed, so that planning CUP alone finds room for 8."""
    lane(shop, capacity_units=30)
    plan(shop)
    assert moved(shop) == {"TEA": 22}
    stock(shop, "CUP", "DC", 100)
    stock(shop, "CUP", "ST", 8)
    store_run(shop, certain({("CUP", "DC"): days((28, 2)), ("CUP", "ST"): days((28, 5))},
                            run_id="run-2"), now=NOW)  # fmt: skip
    plan(shop, skus=["CUP"])
    assert moved(shop) == {"TEA": 22, "CUP": 8}
