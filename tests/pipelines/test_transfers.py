"""Which transfers are worth proposing: cases worked by hand, and what must hold of any plan."""

from datetime import date, timedelta

import numpy as np
import pytest

from inventory.errors import InputRejected
from inventory.reservations import AskedLine, Basket
from inventory.store import inbound, reservations, transfer_lanes
from inventory.store.forecasts import store_run
from inventory.store.transfers import act, list_transfers
from inventory.transfers import Lane
from pipelines.settings import Settings
from pipelines.transfer_looks import Season
from pipelines.transfers import propose_transfers
from tests.pipelines.futures import NOW, TODAY, certain, days


def position(db, sku, location, units, *, reorder_point, order_up_to):
    """Stock, and a policy whose vendor delivers five days after a daily review."""
    name = f"{sku}-{location}"
    if units:
        inbound.put(db, inbound_id=name, sku=sku, location=location, quantity=units,
                    expected_at=NOW, state="confirmed", now=NOW)  # fmt: skip
        inbound.receive(db, name, message_id=name, quantity=units, now=NOW)
    db.execute(
        "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
        "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
        "values (%s, %s, 0, %s, 1, %s, 5, 1, 0.95, 'r', %s)",
        [sku, location, reorder_point, order_up_to, NOW],
    )


@pytest.fixture
def shop(db):
    db.execute(
        "insert into locations (location, name, type, methods) values "
        "('DC', 'Centre', 'warehouse', '{ship}'), ('ST', 'Store', 'store', '{bopis}'), "
        "('ZZ', 'Other', 'store', '{bopis}')"
    )
    db.execute(
        "insert into skus (sku, name, category, unit_cost, price) values "
        "('TEA', 'Tea', 'dry', 4, 9), ('CUP', 'Cup', 'dry', 4, 9), ('NUT', 'Nut', 'dry', 4, 0)"
    )
    transfer_lanes.put(db, Lane("DC", "ST", 0.5, 1, handling_per_unit=0.25))
    return db


def plan(db, **more):
    return propose_transfers(db, Settings(seed=7), now=NOW, **more)


def lines(db):
    return [
        (t["origin"], t["destination"], line["sku"], line["quantity"], line["reason"],
         line["saving"])
        for t in list_transfers(db)["transfers"]
        if t["state"] == "proposed"
        for line in t["lines"]
    ]  # fmt: skip


DAILY = {("TEA", "DC"): days((28, 2)), ("TEA", "ST"): days((28, 5))}


def test_units_that_would_be_missed_move(shop):
    """Worked by hand: the store sells 5 a day, has 8, and its vendor needs 6 days.

    On the first day 5 go; 3 are left for the 25 of the days 2 to 6: 22 missed, at a margin of 5.
    The centre sells 12 in 6 days and has 100: it misses nothing. 22 x (5 - 0.75) = 93.50.
    """
    position(shop, "TEA", "DC", 100, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 8, reorder_point=30, order_up_to=60)
    store_run(shop, certain(DAILY), now=NOW)
    report = plan(shop)
    assert lines(shop) == [("DC", "ST", "TEA", 22, "stock_out_risk", 93.5)]
    assert (report.lines, report.saving, report.problems) == (1, 93.5, [])
    (found,) = list_transfers(shop)["transfers"]
    assert found["expected_on"] == date(2026, 3, 3)
    terms = {t["term"]: t["money"] for t in found["lines"][0]["explanation"]["terms"]}
    assert terms == {
        "sales saved": 110.0, "sales missed at the origin": 0.0, "freight": -11.0, "handling": -5.5,
    }  # fmt: skip


def test_the_origin_keeps_what_it_needs(shop):
    """30 are there and 20 are its own need: 10 may go. 4 promised for next week leave 6."""
    position(shop, "TEA", "DC", 30, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 8, reorder_point=30, order_up_to=60)
    store_run(shop, certain(DAILY), now=NOW)
    plan(shop)
    assert [line[3] for line in lines(shop)] == [10]
    basket = Basket("hard", "web", "ship", (AskedLine("TEA", 4),), location="DC", order_id="o",
                    on=TODAY + timedelta(days=7))  # fmt: skip
    reservations.place(shop, basket, reservation_id="o", now=NOW)
    plan(shop)
    assert [line[3] for line in lines(shop)] == [6]


def test_what_is_past_its_shelf_life_does_not_move(shop):
    """Of 42 at the centre 12 came twelve days ago and keep ten: 30 are left, 20 its own need."""
    shop.execute("update skus set shelf_life_days = 10")
    old = NOW - timedelta(days=12)
    inbound.put(shop, inbound_id="old", sku="TEA", location="DC", quantity=12, expected_at=old,
                state="confirmed", now=old)  # fmt: skip
    inbound.receive(shop, "old", message_id="old", quantity=12, now=old)
    position(shop, "TEA", "DC", 30, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 8, reorder_point=30, order_up_to=60)
    store_run(shop, certain(DAILY), now=NOW)
    plan(shop)
    assert [line[3:5] for line in lines(shop)] == [(10, "stock_out_risk")]


def test_supply_on_its_way_is_not_sent_twice(shop):
    """10 come on day 3: of the 22 missed, 12 are left. Accepting the 12 leaves nothing."""
    position(shop, "TEA", "DC", 100, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 8, reorder_point=30, order_up_to=60)
    inbound.put(shop, inbound_id="i", sku="TEA", location="ST", quantity=10, state="confirmed",
                expected_at=NOW + timedelta(days=3), now=NOW)  # fmt: skip
    store_run(shop, certain(DAILY), now=NOW)
    plan(shop)
    assert [line[3] for line in lines(shop)] == [12]
    (found,) = list_transfers(shop)["transfers"]
    for step in ("accept", "approve", "ship"):
        act(shop, found["id"], step, actor="ann", role="admin", now=NOW)
        plan(shop)
        assert lines(shop) == []


def test_a_way_too_slow_to_help_is_not_taken(shop):
    position(shop, "TEA", "DC", 100, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 8, reorder_point=30, order_up_to=60)
    transfer_lanes.put(shop, Lane("DC", "ST", 0.5, 6))
    store_run(shop, certain(DAILY), now=NOW)
    plan(shop)
    assert [line[4] for line in lines(shop)] in ([], ["pre_position"])
    assert "stock_out_risk" not in {line[4] for line in lines(shop)}


def missed(days, *, stock, rate, units):
    """Units missed over so many days, day by day; `units` come after so many days each."""
    short = 0
    for day in range(days):
        stock += sum(n for lead, n in units.items() if lead == day)
        short += max(rate - stock, 0)
        stock = max(stock - rate, 0)
    return short


@pytest.mark.parametrize("slow", [2, 3, 5, 6, 10])
@pytest.mark.parametrize("dear", [0.0, 1.5, 4.5])
def test_a_slow_lane_takes_nothing_from_a_fast_one(shop, slow, dear):
    """Every quantity from both places is tried, with the days simulated one by one.

    The centre is a day away and `dear` a unit dearer than the other place, which has few units and
    is `slow` days away. Without a slow lane 22 move, as above.
    """
    position(shop, "TEA", "DC", 100, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ZZ", 20, reorder_point=10, order_up_to=40)
    position(shop, "TEA", "ST", 8, reorder_point=30, order_up_to=30)
    transfer_lanes.put(shop, Lane("DC", "ST", 0.25 + dear, 1))
    transfer_lanes.put(shop, Lane("ZZ", "ST", 0.25, slow))
    store_run(shop, certain(DAILY | {("TEA", "ZZ"): days((28, 0))}), now=NOW)
    plan(shop)
    moved = {line[0]: line for line in lines(shop) if line[4] == "stock_out_risk"}

    def saved(fast, late):
        left = missed(6, stock=8, rate=5, units={1: fast, slow: late})
        return 5 * (22 - left) - (0.25 + dear) * fast - 0.25 * late

    best = max(saved(fast, late) for fast in range(81) for late in range(11))
    found = saved(moved["DC"][3] if "DC" in moved else 0, moved["ZZ"][3] if "ZZ" in moved else 0)
    assert found == pytest.approx(best)
    assert sum(line[5] for line in moved.values()) == pytest.approx(best, abs=0.02)


def test_a_lane_carries_no_more_than_its_room(shop):
    """Room for 15 of the 22 and 22 that two SKUs miss."""
    for sku in ("TEA", "CUP"):
        position(shop, sku, "DC", 100, reorder_point=20, order_up_to=40)
        position(shop, sku, "ST", 8, reorder_point=30, order_up_to=60)
    transfer_lanes.put(shop, Lane("DC", "ST", 0.5, 1, capacity_units=15))
    both = DAILY | {("CUP", at): units for (_, at), units in DAILY.items()}
    store_run(shop, certain(both), now=NOW)
    plan(shop)
    assert sum(line[3] for line in lines(shop)) == 15


def test_too_much_here_replaces_a_purchase_there(shop):
    """The centre has 400 and too much is 40 + 30 x 2 = 100. The store may take 60 - 40 = 20.

    Each saves a purchase at 4: 20 x (4 - 0.75) = 65.
    """
    position(shop, "TEA", "DC", 400, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 40, reorder_point=30, order_up_to=60)
    store_run(shop, certain(DAILY), now=NOW)
    plan(shop)
    assert lines(shop) == [("DC", "ST", "TEA", 20, "clearance", 65.0)]


RISING = DAILY | {("TEA", "ST"): days((10, 5), (18, 20))}


def test_stock_goes_ahead_of_rising_demand(shop):
    """The store will sell 20 a day from day 11 on, and its supply carries the usual 5.

    Days 7 to 28 sell 20 + 360 = 380, of which supply carries 110; 30 of its 60 are left by then:
    240 missed. The centre has 300 and keeps its order-up-to level of 40.
    """
    position(shop, "TEA", "DC", 300, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 60, reorder_point=30, order_up_to=60)
    store_run(shop, certain(RISING), now=NOW)
    plan(shop)
    assert lines(shop) == [("DC", "ST", "TEA", 240, "pre_position", 240 * 4.25)]


def test_a_season_is_met_from_elsewhere(shop):
    """Days 15 to 21 sell 7 x 20 = 140, of which 35 are usual; 60 of stock went before."""
    position(shop, "TEA", "DC", 300, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 60, reorder_point=30, order_up_to=60)
    store_run(shop, certain(RISING), now=NOW)
    season = Season(TODAY + timedelta(days=14), TODAY + timedelta(days=20))
    plan(shop, season=season)
    assert lines(shop) == [("DC", "ST", "TEA", 105, "season", 105 * 4.25)]
    with pytest.raises(InputRejected, match="must end within"):
        plan(shop, season=Season(TODAY, TODAY + timedelta(days=200)))


def test_what_cannot_be_judged_is_told(shop):
    position(shop, "NUT", "DC", 100, reorder_point=20, order_up_to=200)
    position(shop, "NUT", "ST", 0, reorder_point=30, order_up_to=60)
    store_run(shop, certain({("NUT", at): units for (_, at), units in DAILY.items()}), now=NOW)
    report = plan(shop)
    assert [p for p in report.problems if "no price above their cost" in p and "NUT" in p]
    assert "stock_out_risk" not in report.by_reason
    shop.execute("delete from transfer_lanes")
    assert "no transfer lanes" in plan(shop).problems[0]


def test_planning_twice_changes_nothing(shop):
    position(shop, "TEA", "DC", 100, reorder_point=20, order_up_to=40)
    position(shop, "TEA", "ST", 8, reorder_point=30, order_up_to=60)
    store_run(shop, certain(DAILY, spread=0.6), now=NOW)
    assert plan(shop).transfers_created == 1
    before = list_transfers(shop)
    again = plan(shop)
    assert (again.transfers_created, again.lines_added, again.lines_changed) == (0, 0, 0)
    assert list_transfers(shop) == before


@pytest.mark.parametrize("seed", range(3))
def test_every_plan_can_be_approved(shop, seed):
    """Whatever the stock: no origin is asked for what it needs, and no lane for more than fits."""
    rng = np.random.default_rng(seed)
    lanes = [Lane(a, b, 0.3, int(rng.integers(1, 4)), capacity_units=int(rng.integers(5, 60)))
             for a in ("DC", "ST", "ZZ") for b in ("DC", "ST", "ZZ") if a != b]  # fmt: skip
    demand = {}
    for lane in lanes:
        transfer_lanes.put(shop, lane)
    for sku in ("TEA", "CUP"):
        for at in ("DC", "ST", "ZZ"):
            rate = float(rng.integers(1, 9))
            demand[sku, at] = days((28, rate))
            position(shop, sku, at, int(rng.integers(0, 120)), reorder_point=6 * rate,
                     order_up_to=12 * rate)  # fmt: skip
    store_run(shop, certain(demand, spread=0.8), now=NOW)
    report = plan(shop)
    assert report.lines > 0
    room = {(lane.origin, lane.destination): lane.capacity_units for lane in lanes}
    for transfer in list_transfers(shop)["transfers"]:
        assert transfer["units"] <= room[transfer["origin"], transfer["destination"]]
        for line in transfer["lines"]:
            terms = sum(round(100 * t["money"]) for t in line["explanation"]["terms"])
            assert terms == round(100 * line["saving"])
        for step in ("accept", "approve"):
            act(shop, transfer["id"], step, actor="ann", role="admin", now=NOW)
