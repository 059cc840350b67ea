"""Sourcing that reserves, also for many at once: what is held, and what comes after a rejection."""

import threading
from datetime import timedelta

import pytest

from inventory.catalog import SupplyLink
from inventory.errors import InsufficientStock
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.sourcing_request import Wish
from inventory.store import (
    catalog,
    database,
    orders,
    reservations,
    sourcing,
    verify,
)
from inventory.store.sourcing import Hold
from tests.inventory.sourced import (
    BERLIN,
    NOW,
    open_shop,
    parcels,
    propose,
    stock,
    terms,
    wish,
)


@pytest.fixture
def shop(db):
    return open_shop(db)


def test_a_location_whose_day_is_full_sends_nothing(shop):
    stock(shop, A_hamburg=5, A_cologne=5)
    shop.execute("update locations set daily_capacity = 1 where location = 'hamburg'")
    first = sourcing.reserve_one(
        shop, wish(("A", 1)), terms(), Hold("r1", "hard", order_id="o1"), now=NOW
    )
    assert parcels(first.proposal) == {"hamburg": {"A": 1}}
    second = propose(shop, ("A", 1))
    assert parcels(second) == {"cologne": {"A": 1}}
    reasons = {other["location"]: other["reason"] for other in second["others"]}
    assert reasons["hamburg"] == "its day is full: 1 of 1 parcels"


def test_orders_of_a_batch_share_the_stock_by_priority(shop):
    stock(shop, A_hamburg=1, A_munich=1)
    wishes = [wish(("A", 1)), wish(("A", 1), number=2, priority=5), wish(("A", 1), number=3)]
    holds = [Hold(f"r{n}", "hard", order_id=f"o{n}") for n in range(3)]
    decisions = sourcing.reserve(shop, wishes, terms(), holds, now=NOW)
    assert parcels(decisions[1].proposal) == {"hamburg": {"A": 1}}
    served = [decision.reservation is not None for decision in decisions]
    assert served[1]
    assert sum(served) == 2
    assert verify.verify(shop).drifts == []


def test_stock_promised_on_a_group_is_not_given_away(shop):
    """Hamburg and Cologne have 3 each; 2 are promised on them together: 4 are left, not 3 + 3."""
    stock(shop, A_hamburg=3, A_cologne=3, A_munich=3)
    shop.execute("insert into groups (group_id, name) values ('north', 'North')")
    shop.execute("insert into group_members values ('north', 'hamburg'), ('north', 'cologne')")
    basket = Basket("hard", "web", "ship", (AskedLine("A", 2),), group="north", order_id="g")
    reservations.place(shop, basket, reservation_id="g", now=NOW)
    proposal = propose(shop, ("A", 5))
    taken = parcels(proposal)
    assert sum(units["A"] for units in taken.values()) == 5
    assert taken.get("hamburg", {"A": 0})["A"] + taken.get("cologne", {"A": 0})["A"] <= 4
    held = sourcing.reserve_one(shop, wish(("A", 7)), terms(), Hold("r"), now=NOW)
    assert parcels(held.proposal)["munich"] == {"A": 3}


def test_a_reserved_proposal_is_held_at_its_locations(shop):
    stock(shop, A_hamburg=1, A_cologne=1, B_cologne=4)
    decision = sourcing.reserve_one(
        shop, wish(("A", 2), ("B", 3)), terms(), Hold("cart-1", "soft", ttl_seconds=60), now=NOW
    )
    held = reservations.get(shop, "cart-1", now=NOW)
    assert {(line.sku, line.location, line.quantity) for line in held.lines} == {
        ("A", "hamburg", 1), ("A", "cologne", 1), ("B", "cologne", 3),
    }  # fmt: skip
    assert held == decision.reservation
    assert held.expires_at == NOW + timedelta(seconds=60)


def test_a_rejected_parcel_goes_back_to_the_pool_without_that_location(shop):
    stock(shop, A_hamburg=5, A_cologne=5)
    hold = Hold("r1", "hard", order_id="o1")
    sourcing.reserve_one(shop, wish(("A", 1)), terms(), hold, now=NOW)
    message = OrderMessage("m1", reason="mismatch")
    orders.perform(shop, "o1", "allocate", OrderMessage("m0"), now=NOW)
    orders.perform(shop, "o1", "reject", message, now=NOW)
    (line,) = orders.get(shop, "o1", now=NOW).lines
    assert (line.location, line.group, line.excluded) == (None, "*", ("hamburg",))
    # Sourced anew as it was before, by proximity: Cologne is nearer than the fuller Munich.
    stock(shop, A_munich=50)
    orders.perform(shop, "o1", "allocate", OrderMessage("m2"), now=NOW)
    (line,) = orders.get(shop, "o1", now=NOW).lines
    assert line.location == "cologne"


def test_an_allocation_may_name_its_strategy(shop):
    """By itself an order is located where most is: Munich. Of the day, Cologne has most left."""
    stock(shop, A_hamburg=5, A_cologne=6, A_munich=7)
    shop.execute("update locations set daily_capacity = 10")
    for number, at in enumerate(["hamburg", "munich", "munich"]):
        basket = Basket(
            "hard", "web", "ship", (AskedLine("A", 1),), location=at, order_id=str(number)
        )
        reservations.place(shop, basket, reservation_id=f"r{number}", now=NOW)
    basket = Basket("hard", "web", "ship", (AskedLine("A", 1),), group="*", order_id="o1")
    reservations.place(shop, basket, reservation_id="r9", now=NOW)
    message = OrderMessage("m1", strategy="balanced")
    orders.perform(shop, "o1", "allocate", message, now=NOW)
    (line,) = orders.get(shop, "o1", now=NOW).lines
    assert line.location == "cologne"


def test_two_customers_and_the_last_unit(shop, database_url):
    """Both see it, both are offered it; one gets it, the other is told what is left: nothing."""
    stock(shop, A_hamburg=1)
    outcomes, barrier = [], threading.Barrier(8)

    def customer(number):
        with database.connect(database_url) as db:
            barrier.wait()
            hold = Hold(f"r{number}", "hard", order_id=f"o{number}")
            try:
                sourcing.reserve_one(db, wish(("A", 1)), terms(), hold, now=NOW)
                outcomes.append("held")
            except InsufficientStock as refusal:
                outcomes.append(refusal.shortages[0].available_units)

    threads = [threading.Thread(target=customer, args=[n]) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["0"] * 7 + ["held"]


def test_who_comes_second_is_sent_from_elsewhere(shop, database_url):
    """Six orders race for two units in each of three places, of which one has a full day."""
    stock(shop, A_hamburg=2, A_cologne=2, A_munich=2)
    shop.execute("update locations set daily_capacity = 1 where location = 'hamburg'")
    outcomes, barrier = [], threading.Barrier(6)

    def customer(number):
        with database.connect(database_url) as db:
            barrier.wait()
            hold = Hold(f"r{number}", "hard", order_id=f"o{number}")
            try:
                decision = sourcing.reserve_one(db, wish(("A", 1)), terms(), hold, now=NOW)
                outcomes.extend(parcels(decision.proposal))
            except InsufficientStock:
                outcomes.append("refused")

    threads = [threading.Thread(target=customer, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["cologne", "cologne", "hamburg", "munich", "munich", "refused"]


def test_batches_in_opposite_order_do_not_block_each_other(shop, database_url):
    """Four batches of A then B, or B then A, want 8 of each; there are 5: 5 orders of each hold."""
    stock(shop, A_hamburg=3, A_cologne=2, B_hamburg=2, B_munich=3)
    held, barrier = [], threading.Barrier(4)

    def batch(number):
        skus = ["A", "B"] if number % 2 else ["B", "A"]
        names = [(f"{number}-{n}", sku) for n, sku in enumerate(skus * 2)]
        wishes = [Wish(name, (AskedLine(sku, 1),), BERLIN) for name, sku in names]
        holds = [Hold(f"r{name}", "hard", order_id=name) for name, _ in names]
        with database.connect(database_url) as db:
            barrier.wait()
            held.extend(sourcing.reserve(db, wishes, terms(), holds, now=NOW))

    threads = [threading.Thread(target=batch, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(held) == 16
    skus = [d.reservation.lines[0].sku for d in held if d.reservation is not None]
    assert sorted(skus) == ["A"] * 5 + ["B"] * 5
    assert verify.verify(shop).drifts == []


def test_a_channel_is_sent_from_where_it_may_sell(shop):
    stock(shop, A_hamburg=5, A_munich=5)
    catalog.put(shop, SupplyLink("l1", "web", "munich"))
    proposal = propose(shop, ("A", 1))
    assert parcels(proposal) == {"munich": {"A": 1}}
    decision = sourcing.reserve_one(shop, wish(("A", 2)), terms(), Hold("r1"), now=NOW)
    assert parcels(decision.proposal) == {"munich": {"A": 2}}
    # Also when a parcel is rejected, it is not sent from where the channel may not sell.
    held = reservations.get(shop, "r1", now=NOW)
    assert held == decision.reservation
    assert held.lines[0].excluded == ("cologne", "hamburg")


def test_what_was_excluded_stays_so_after_a_rejection(shop):
    stock(shop, A_hamburg=5, A_cologne=5, A_munich=5)
    asked = wish(("A", 1), exclude=frozenset(["cologne"]))
    hold = Hold("r1", "hard", order_id="o1")
    sourcing.reserve_one(shop, asked, terms(), hold, now=NOW)
    orders.perform(shop, "o1", "allocate", OrderMessage("m0"), now=NOW)
    orders.perform(shop, "o1", "reject", OrderMessage("m1", reason="mismatch"), now=NOW)
    orders.perform(shop, "o1", "allocate", OrderMessage("m2"), now=NOW)
    (line,) = orders.get(shop, "o1", now=NOW).lines
    assert line.location == "munich"
