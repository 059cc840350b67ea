"""What hubs send to the places they supply: all of a need, fair shares of it, and once."""

from datetime import timedelta

import numpy as np
import pytest

from inventory.auto_approval import AutoApproval
from inventory.errors import NotFound
from inventory.reservations import AskedLine, Basket
from inventory.store import auto_approval, inbound, reservations, transfer_lanes
from inventory.store.forecasts import store_run
from inventory.store.planning_exceptions import list_exceptions
from inventory.store.policies import read_policy
from inventory.store.purchase_orders import list_orders
from inventory.store.transfer_proposals import propose_by_hand
from inventory.store.transfers import act, edit, get_transfer, list_transfers
from inventory.transfers import Lane
from pipelines.replenish import propose_moves, replenish
from pipelines.settings import Settings
from pipelines.transfer_looks import Season
from tests.pipelines.futures import NOW, certain, days

DAY = timedelta(days=1)


@pytest.fixture
def house(db):
    """The hub sells nothing; one store sells 12 a day and the other 8, a day away and two."""
    db.execute(
        "insert into locations (location, name, type, methods) values ('DC', 'Hub', 'hub', "
        "'{ship}'), ('ST1', 'One', 'store', '{bopis}'), ('ST2', 'Two', 'store', '{bopis}')"
    )
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, email) "
        "values ('ACME', 'Acme', 6, 'a@example.com')"
    )
    db.execute(
        "insert into skus (sku, name, category, vendor, unit_cost, price, pack_size) values "
        "('TEA', 'Tea', 'dry', 'ACME', 4, 9, 6)"
    )
    db.execute("insert into supply_lanes values ('a', 'DC', 'ST1', 1), ('b', 'DC', 'ST2', 2)")
    store_run(db, certain({("TEA", "ST1"): days((28, 12)), ("TEA", "ST2"): days((28, 8))},
                          spread=0.4), now=NOW)  # fmt: skip
    return db


def stock(db, location, units, sku="TEA", *, at=NOW):
    name = f"{sku}-{location}-{at.date()}"
    inbound.put(db, inbound_id=name, sku=sku, location=location, quantity=units, expected_at=at,
                state="confirmed", now=at)  # fmt: skip
    inbound.receive(db, name, message_id=name, quantity=units, now=at)


def plan(db, *, now=NOW, **more):
    return replenish(db, Settings(seed=7), now=now, **more)


def sent(db, state="proposed"):
    """Lines by destination, after checking that each explains itself in units and in money."""
    found = {}
    for transfer in list_transfers(db, state=state)["transfers"]:
        assert transfer["origin"] == "DC"
        for line in transfer["lines"]:
            terms = line["explanation"]["terms"]
            assert sum(t.get("quantity", 0) for t in terms) == line["quantity"], terms
            assert sum(round(100 * t.get("money", 0)) for t in terms) == round(100 * line["saving"])
            assert transfer["destination"] not in found
            found[transfer["destination"]] = line | {"transfer": transfer}
    return found


def units(db, state="proposed"):
    return {where: line["quantity"] for where, line in sent(db, state).items()}


def bought(db):
    return {
        order["location"]: {t["term"]: t["quantity"] for t in line["explanation"]["terms"]}
        | {"quantity": line["quantity"]}
        for order in list_orders(db, state="proposed")["orders"]
        for line in order["lines"]
    }  # fmt: skip


def need(db, where, position):
    """Up to the order-up-to level, in packs of six."""
    return 6 * int(np.ceil((read_policy(db, "TEA", where)["order_up_to"] - position) / 6))


def unmet(db):
    return {e["location"]: e for e in list_exceptions(db, kind="hub_cannot_send")}


def everything(db):
    tables = ("purchase_orders", "purchase_order_lines", "purchase_order_events", "transfers",
              "transfer_lines", "transfer_events", "planning_exceptions", "outbox")  # fmt: skip
    return [db.execute(f"select * from {table} order by 1, 2").fetchall() for table in tables]


def test_stores_below_their_reorder_points_are_sent_what_they_need(house):
    for where, on_hand in (("DC", 1500), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    report = plan(house)
    assert all(read_policy(house, "TEA", where)["reorder_point"] > 20 for where in ("ST1", "ST2"))
    assert units(house) == {where: need(house, where, 20) for where in ("ST1", "ST2")}
    assert (report.transfers_created, report.transfer_lines) == (2, 2)
    line = sent(house)["ST2"]
    assert (line["reason"], line["keep_units"]) == ("replenishment", 0)
    assert line["transfer"]["expected_on"] == (NOW + 2 * DAY).date()
    terms = {t["term"]: t for t in line["explanation"]["terms"]}
    assert terms["on hand"]["quantity"] == -20
    assert "whole packs" in terms
    assert terms["sales saved"]["money"] == line["saving"] > 0
    # 1,500 are far above what the hub needs itself.
    assert (bought(house), unmet(house)) == ({}, {})


def test_planning_again_changes_nothing(house):
    for where, on_hand in (("DC", 40), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    before = everything(house)
    plan(house, now=NOW + timedelta(minutes=5))
    plan(house, skus=["TEA"])
    propose_moves(house, Settings(seed=7), now=NOW)
    assert everything(house) == before


def test_what_is_past_its_shelf_life_at_the_hub_is_not_sent(house):
    """40 that came twelve days ago keep five: they count as gone. What came today may go."""
    house.execute("update skus set shelf_life_days = 5")
    stock(house, "DC", 40, at=NOW - 12 * DAY)
    plan(house)
    assert units(house) == {}
    assert unmet(house)["ST1"]["message"].endswith("can send 0 to all that it supplies")
    stock(house, "DC", 12)
    plan(house)
    assert sum(units(house).values()) == 12


def test_who_has_enough_is_sent_nothing(house):
    for where, on_hand in (("DC", 1500), ("ST1", 500), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    assert set(units(house)) == {"ST2"}


def test_the_hub_orders_what_it_is_short_of(house):
    """18 are there: three packs go to the stores, and the hub owes the rest."""
    for where, on_hand in (("DC", 18), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    went = units(house)
    assert sum(went.values()) == 18
    asked = {where: need(house, where, 20) for where in ("ST1", "ST2")}
    told = unmet(house)
    assert set(told) == {where for where in asked if went.get(where, 0) < asked[where]}
    for where, exception in told.items():
        assert exception["subject"] == "hub DC"
        assert f"needs {asked[where]} TEA and gets {went.get(where, 0)}" in exception["message"]
    terms = bought(house)["DC"]
    assert terms["transfers proposed from here"] == 18
    level = read_policy(house, "TEA", "DC")["order_up_to"]
    owed = terms.get("places supplied", 0)
    assert terms["quantity"] == 6 * np.ceil((level - 18 + 18 + owed) / 6)
    for where, line in sent(house).items():
        given = {t["term"]: t.get("quantity") for t in line["explanation"]["terms"]}
        assert given["stock of the hub"] == line["quantity"] - asked[where]


def test_scarce_stock_goes_where_it_saves_most(house):
    """The one store is empty and the other only below its reorder point."""
    for where, on_hand in (("DC", 12), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    assert units(house) == {"ST1": 12}


def test_an_empty_hub_is_told_and_orders(house):
    stock(house, "ST1", 20)
    plan(house)
    assert (units(house), set(unmet(house))) == ({}, {"ST1", "ST2"})
    assert set(bought(house)) == {"DC"}
    # When its goods are there, they go on.
    stock(house, "DC", 900)
    plan(house)
    assert set(units(house)) == {"ST1", "ST2"}
    assert unmet(house) == {}


@pytest.mark.parametrize("steps", [("accept",), ("accept", "approve"),
                                   ("accept", "approve", "ship")], ids=len)  # fmt: skip
def test_however_far_a_transfer_is_nothing_is_sent_or_bought_twice(house, steps):
    for where, on_hand in (("DC", 100), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    order = bought(house)["DC"]["quantity"]
    went = sent(house)["ST1"]
    for step in steps:
        act(house, went["transfer"]["id"], step, actor="ann", role="admin", now=NOW)
    plan(house)
    assert set(units(house)) == {"ST2"}
    assert bought(house)["DC"]["quantity"] == order
    state = {"accept": "accepted", "approve": "approved", "ship": "shipped"}[steps[-1]]
    assert units(house, state) == {"ST1": went["quantity"]}
    coming = house.execute(
        "select quantity, expected_at::date from inbound where location = 'ST1' and "
        "source = 'transfer'"
    ).fetchall()
    assert coming == [(went["quantity"], (NOW + DAY).date())]


def test_what_arrives_is_on_the_shelf(house):
    for where, on_hand in (("DC", 100), ("ST1", 20), ("ST2", 500)):
        stock(house, where, on_hand)
    plan(house)
    went = sent(house)["ST1"]
    for step in ("accept", "approve", "ship", "receive"):
        act(house, went["transfer"]["id"], step, actor="ann", role="admin", now=NOW)
    balances = dict(house.execute(
        "select location, units from balances where status = 'available'").fetchall())  # fmt: skip
    assert balances["DC"] == 100 - went["quantity"]
    assert balances["ST1"] == 20 + went["quantity"]
    plan(house)
    assert units(house) == {}


def test_rules_approve_what_hubs_send(house):
    for where, on_hand in (("DC", 1500), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    auto_approval.put(
        house, AutoApproval("t", subject="transfer", value_max=1e6), actor="bea", now=NOW
    )
    assert plan(house).transfers_approved == 2
    went = units(house, "approved")
    assert went == {where: need(house, where, 20) for where in ("ST1", "ST2")}
    before = everything(house)
    assert plan(house).transfers_approved == 0
    assert everything(house) == before
    assert bought(house) == {}


def test_what_is_promised_at_the_hub_stays(house):
    for where, on_hand in (("DC", 30), ("ST1", 1), ("ST2", 1)):
        stock(house, where, on_hand)
    basket = Basket("hard", "web", "ship", (AskedLine("TEA", 20),), location="DC", order_id="o",
                    on=NOW.date() + 3 * DAY)  # fmt: skip
    reservations.place(house, basket, reservation_id="o", now=NOW)
    plan(house)
    assert sum(units(house).values()) == 6  # One pack of the ten.
    for line in sent(house).values():
        for step in ("accept", "approve"):
            act(house, line["transfer"]["id"], step, actor="ann", role="admin", now=NOW)


def test_a_hub_that_sells_keeps_its_own_share(house):
    """It sells 10 a day as the stores do 12 and 8: of 60 none keeps for next week what another
    would sell tomorrow.
    """
    both = {("TEA", "ST1"): days((28, 12)), ("TEA", "ST2"): days((28, 8)),
            ("TEA", "DC"): days((28, 10))}  # fmt: skip
    store_run(house, certain(both, spread=0.4, run_id="run-2"), now=NOW)
    for where, on_hand in (("DC", 60), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    went = sent(house)
    kept = {line["keep_units"] for line in went.values()}
    assert len(kept) == 1
    assert sum(line["quantity"] for line in went.values()) <= 60 - kept.copy().pop()
    assert 20 <= kept.pop() <= 48  # Two days at least, and not the week.
    for line in went.values():
        for step in ("accept", "approve"):
            act(house, line["transfer"]["id"], step, actor="ann", role="admin", now=NOW)


def test_a_vendors_minimum_does_not_bind_a_hub(house):
    house.execute("update skus set min_order_quantity = 600")
    for where, on_hand in (("DC", 1500), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    assert units(house) == {where: need(house, where, 20) for where in ("ST1", "ST2")}
    assert max(units(house).values()) < 600


def test_what_people_refuse_or_fix_stays_theirs(house):
    for where, on_hand in (("DC", 1500), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    went = sent(house)
    act(house, went["ST1"]["transfer"]["id"], "reject", actor="pia", role="planner", now=NOW,
        reason="closed")  # fmt: skip
    changed = edit(house, went["ST2"]["transfer"]["id"], actor="pia", role="planner", now=NOW,
                   reason="small van", lines=[{"sku": "TEA", "quantity": 6}])  # fmt: skip
    terms = changed["lines"][0]["explanation"]["terms"]
    assert sum(t.get("quantity", 0) for t in terms) == 6
    plan(house)
    assert units(house) == {"ST2": 6}
    assert unmet(house) == {}
    # The rejected need is asked again when its way would have been over.
    policy = read_policy(house, "TEA", "ST1")
    later = NOW + timedelta(days=policy["lead_time"] + policy["review_period"])
    plan(house, now=later)
    assert "ST1" in units(house)


def test_people_may_send_along_a_supply_lane(house):
    stock(house, "DC", 900)
    plan(house)
    made = propose_by_hand(
        house, origin="DC", destination="ST2", actor="pia", role="planner", now=NOW,
        lines=[{"sku": "TEA", "quantity": 12}],
    )  # fmt: skip
    assert made["expected_on"] == (NOW + 2 * DAY).date()
    assert made["lines"][0]["keep_units"] == 0
    with pytest.raises(NotFound, match="transfer lane"):
        propose_by_hand(house, origin="ST1", destination="ST2", actor="pia", role="planner",
                        now=NOW, lines=[{"sku": "TEA", "quantity": 12}])  # fmt: skip
    plan(house)
    by_planning = [t for t in list_transfers(house, destination="ST2")["transfers"] if t["planned"]]
    assert [t["units"] for t in by_planning] == [need(house, "ST2", 12)]
    assert get_transfer(house, made["id"])["units"] == 12


def test_a_lane_with_little_room_carries_no_more(house):
    transfer_lanes.put(house, Lane("DC", "ST1", 0.5, 1, 0.25, capacity_units=13))
    for where, on_hand in (("DC", 1500), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    line = sent(house)["ST1"]
    assert line["quantity"] == 12
    terms = {t["term"]: t for t in line["explanation"]["terms"]}
    assert terms["room on the way"]["quantity"] == 12 - need(house, "ST1", 20)
    assert (terms["freight"]["money"], terms["handling"]["money"]) == (-6.0, -3.0)
    assert "no more room" in unmet(house)["ST1"]["message"]


def test_what_another_store_brings_sooner_is_not_sent_too(house):
    """ST1 has 500 and is next door to ST2, two days from the hub."""
    for where, on_hand in (("DC", 1500), ("ST1", 500), ("ST2", 3)):
        stock(house, where, on_hand)
    plan(house)
    alone = units(house)["ST2"]
    transfer_lanes.put(house, Lane("ST1", "ST2", 0.1, 0))
    plan(house)
    by_origin = {
        t["origin"]: t["units"]
        for t in list_transfers(house, state="proposed", destination="ST2")["transfers"]
    }
    assert by_origin["ST1"] > 0
    position = 3 + by_origin["ST1"]
    assert by_origin.get("DC", 0) == max(need(house, "ST2", position), 0)
    assert alone - 6 < sum(by_origin.values()) < alone + 6
    before = everything(house)
    plan(house)
    assert everything(house) == before


def test_the_same_way_is_one_transfer(house):
    """A lane for other reasons beside the supply lane: what the hub sends is asked for once."""
    for where, on_hand in (("DC", 1500), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    alone = units(house)
    transfer_lanes.put(house, Lane("DC", "ST1", 0.5, 1, 0.25))
    plan(house)
    assert units(house)["ST2"] == alone["ST2"]
    assert units(house)["ST1"] >= alone["ST1"]
    line = sent(house)["ST1"]
    reasons = {t["term"]: t.get("quantity") for t in line["explanation"]["terms"]}
    assert line["quantity"] - (reasons.get("moved as well") or 0) == alone["ST1"]
    assert read_policy(house, "TEA", "ST1")["order_up_to"] + 6 > 20 + alone["ST1"]


def test_a_hub_without_sales_sends_ahead_of_a_season(house):
    """ST1 has enough for now and sells four times as much in three weeks."""
    store_run(house, certain({("TEA", "ST1"): days((20, 5), (8, 40)),
                              ("TEA", "ST2"): days((28, 1))}, run_id="run-2"), now=NOW)  # fmt: skip
    for where, on_hand in (("DC", 1500), ("ST1", 300), ("ST2", 300)):
        stock(house, where, on_hand)
    transfer_lanes.put(house, Lane("DC", "ST1", 0.5, 1))
    season = Season((NOW + 21 * DAY).date(), (NOW + 26 * DAY).date())
    propose_moves(house, Settings(seed=7), now=NOW, season=season)
    line = sent_for(house, "season")
    assert line["quantity"] > 0


def sent_for(db, reason):
    (line,) = [
        line
        for transfer in list_transfers(db, state="proposed")["transfers"]
        for line in transfer["lines"]
        if line["reason"] == reason
    ]
    return line


def test_a_hub_behind_a_hub_is_sent_what_it_passes_on(house):
    house.execute("insert into locations (location, name, type) values ('TOP', 'Top', 'hub')")
    house.execute("insert into supply_lanes values ('c', 'TOP', 'DC', 3)")
    for where, on_hand in (("TOP", 5000), ("DC", 30), ("ST1", 20), ("ST2", 20)):
        stock(house, where, on_hand)
    plan(house)
    went = {t["destination"]: t for t in list_transfers(house, state="proposed")["transfers"]}
    assert went["DC"]["origin"] == "TOP"
    assert sum(t["units"] for w, t in went.items() if w != "DC") == 30
    asked = sum(need(house, where, 20) for where in ("ST1", "ST2"))
    assert went["DC"]["units"] == need(house, "DC", 30 - asked)
    assert went["DC"]["expected_on"] == (NOW + 3 * DAY).date()
    assert bought(house) == {}


@pytest.mark.parametrize("seed", range(3))
def test_every_plan_can_be_approved_and_covers_a_need_once(house, seed):
    """Whatever lies where, with lanes beside the supply lanes: nobody gets above its level."""
    rng = np.random.default_rng(seed)
    house.execute(
        "insert into skus (sku, name, category, vendor, unit_cost, price, pack_size) values "
        "('CUP', 'Cup', 'dry', 'ACME', 3, 8, 4), ('NUT', 'Nut', 'dry', 'ACME', 2, 5, 1)"
    )
    demand = {}
    for sku in ("TEA", "CUP", "NUT"):
        for where in ("ST1", "ST2", "DC") if sku == "NUT" else ("ST1", "ST2"):
            demand[sku, where] = days((28, float(rng.integers(2, 14))))
        for where, most in (("DC", 260), ("ST1", 60), ("ST2", 60)):
            if units_here := int(rng.integers(0, most)):
                stock(house, where, units_here, sku)
    store_run(house, certain(demand, spread=0.7, run_id="run-2"), now=NOW)
    for origin, place in (("DC", "ST1"), ("DC", "ST2"), ("ST1", "ST2"), ("ST2", "ST1")):
        transfer_lanes.put(house, Lane(origin, place, 0.2, int(rng.integers(0, 3)),
                                       capacity_units=int(rng.integers(60, 400))))  # fmt: skip
    plan(house)
    before = everything(house)
    plan(house)
    assert everything(house) == before
    transfers = list_transfers(house, state="proposed")["transfers"]
    assert any(line["reason"] == "replenishment" for t in transfers for line in t["lines"])
    position = {(sku, at): units for sku, at, units in house.execute(
        "select sku, location, units from balances where status = 'available'")}  # fmt: skip
    for transfer in transfers:
        for line in transfer["lines"]:
            to, pack = (line["sku"], transfer["destination"]), {"TEA": 6, "CUP": 4, "NUT": 1}
            position[to] = position.get(to, 0) + line["quantity"]
            level = read_policy(house, *to)["order_up_to"]
            assert position[to] < level + pack[line["sku"]]
        for step in ("accept", "approve"):
            act(house, transfer["id"], step, actor="ann", role="admin", now=NOW)
