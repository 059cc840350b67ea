"""Sourcing from stock in PostgreSQL: parcels for customers in German cities, by hand."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import SupplyLink
from inventory.errors import InputRejected, InsufficientStock, NotFound
from inventory.geography import Point
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.sourcing import SourcingRules, Weights
from inventory.sourcing_request import SourcingTerms, Wish
from inventory.store import (
    catalog,
    database,
    fulfilment_tallies,
    ledger,
    orders,
    reservations,
    sourcing,
    verify,
)
from inventory.store.sourcing import Hold

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
CITIES = {
    "hamburg": (53.5511, 9.9937),
    "munich": (48.1351, 11.5820),
    "cologne": (50.9375, 6.9603),
}
BERLIN = Point(52.5200, 13.4050)
"""Hamburg is 255 km away, Cologne 477 km, Munich 504 km (see test_geography)."""


@pytest.fixture
def shop(db):
    db.execute("insert into channels (channel, name) values ('web', 'Web')")
    for name, (latitude, longitude) in CITIES.items():
        db.execute(
            "insert into locations (location, name, type, latitude, longitude) "
            "values (%s, %s, 'warehouse', %s, %s)",
            [name, name, latitude, longitude],
        )
    for sku in ("A", "B"):
        db.execute("insert into skus (sku, name) values (%s, %s)", [sku, sku])
    return db


def stock(db, **units):
    """`stock(db, A_hamburg=3)`."""
    facts = []
    for key, count in units.items():
        sku, location = key.split("_")
        facts.append(
            Fact(sku, location, "available", "receipt", count, NOW - timedelta(days=1), "test")
        )
    with db.transaction():
        ledger.record(db, facts, now=NOW)


def wish(*lines, number=1, **more):
    return Wish(
        f"o{number}", tuple(AskedLine(sku, units) for sku, units in lines), BERLIN, **more
    )  # fmt: skip


def terms(strategy="proximity", **more):
    rules = SourcingRules(
        strategy, more.pop("weights", Weights()), more.pop("split_penalty", 1.0)
    )  # fmt: skip
    return SourcingTerms(rules, channel="web", **more)


def propose(db, *lines, strategy="proximity", **more):
    return sourcing.propose(db, [wish(*lines)], terms(strategy, **more), now=NOW)[0]


def parcels(proposal):
    return {
        parcel["location"]: {line["sku"]: line["quantity"] for line in parcel["lines"]}
        for parcel in proposal["parcels"]
    }


def check_sums(proposal):
    """Terms sum to the parcel's score, these and the split to the order's."""
    total = proposal["split"]["score"]
    for parcel in proposal["parcels"]:
        assert sum(term["score"] for term in parcel["terms"]) == pytest.approx(
            parcel["score"], abs=1e-5
        )
        total += parcel["score"]
    assert total == pytest.approx(proposal["score"], abs=1e-5)


def test_the_nearest_location_that_can_send_it_all_does(shop):
    stock(shop, A_hamburg=1, A_cologne=5, A_munich=5)
    proposal = propose(shop, ("A", 2))
    assert parcels(proposal) == {"cologne": {"A": 2}}
    (parcel,) = proposal["parcels"]
    assert parcel["distance_km"] == pytest.approx(477, abs=1)
    # Munich is the farthest candidate, 504 km: the score is 477 / 504.
    assert proposal["score"] == pytest.approx(477 / 504, abs=0.002)
    reasons = {other["location"]: other["reason"] for other in proposal["others"]}
    assert reasons["hamburg"] == "it has 1 of 2 A"
    assert "score of 1.0000" in reasons["munich"]
    check_sums(proposal)


def test_without_a_penalty_the_order_is_split_over_the_nearest(shop):
    stock(shop, A_hamburg=1, A_cologne=5, A_munich=5)
    proposal = propose(shop, ("A", 2), split_penalty=0.0)
    assert parcels(proposal) == {"hamburg": {"A": 1}, "cologne": {"A": 1}}
    # The mean over the units: (255 + 477) / 2 of 504 km.
    assert proposal["score"] == pytest.approx((255 + 477) / 2 / 504, abs=0.002)
    check_sums(proposal)


def test_a_penalty_below_what_the_split_saves_splits(shop):
    """One unit from Hamburg saves (477 - 255) / 2 of 504 km = 0.22 of score."""
    stock(shop, A_hamburg=1, A_cologne=5, A_munich=5)
    assert len(parcels(propose(shop, ("A", 2), split_penalty=0.21))) == 2
    assert len(parcels(propose(shop, ("A", 2), split_penalty=0.23))) == 1


def test_cost_counts_parcels_units_and_kilometres(shop):
    """Munich: 2 + 2 · 0.5 + 504 · 0.01 = 8.04; Hamburg: 6 + 2 · 0.5 + 255 · 0.01 = 9.55."""
    stock(shop, A_hamburg=5, A_munich=5)
    shop.execute("update locations set cost_per_km = 0.01, cost_per_parcel = 6")
    shop.execute("update locations set cost_per_parcel = 2 where location = 'munich'")
    proposal = propose(shop, ("A", 2), strategy="cost")
    assert parcels(proposal) == {"munich": {"A": 2}}
    assert proposal["cost"] == pytest.approx(8.04, abs=0.01)
    assert proposal["score"] == pytest.approx(8.04 / 9.55, abs=0.002)
    check_sums(proposal)


def test_balanced_takes_from_the_emptiest_day_and_the_fullest_shelf(shop):
    stock(shop, A_hamburg=100, A_cologne=100, A_munich=10)
    shop.execute("update locations set daily_capacity = 10")
    basket = Basket("hard", "web", "ship", (AskedLine("A", 1),), location="hamburg", order_id="x")
    reservations.place(shop, basket, reservation_id="x", now=NOW)
    proposal = propose(shop, ("A", 5), strategy="balanced")
    # Cologne: half of 1/10 of the day and half of 5/100 of the shelf.
    assert parcels(proposal) == {"cologne": {"A": 5}}
    assert proposal["score"] == pytest.approx(0.5 * 0.1 + 0.5 * 0.05)
    check_sums(proposal)


def test_hybrid_weighs_time_cost_and_performance(shop):
    """Both have a prior performance of 0.95: their terms are 1. Days: 1 from Hamburg, 2 at 400 km
    a day from Munich; money 5 + 0.5 + 0.005 · km: 6.775 and 8.02."""
    stock(shop, A_hamburg=5, A_munich=5)
    shop.execute("update locations set km_per_day = 400")
    proposal = propose(shop, ("A", 1), strategy="hybrid")
    expected = 0.4 * 1 / 2 + 0.3 * 6.775 / 8.02 + 0.3
    assert parcels(proposal) == {"hamburg": {"A": 1}}
    assert proposal["score"] == pytest.approx(expected, abs=0.001)
    assert proposal["parcels"][0]["days"] == 1
    check_sums(proposal)


def sent(db, number, location, *, at, reject=False):
    """An order for one unit that the location ships, or rejects, at a moment."""
    name = f"past-{number}"
    basket = Basket(
        "hard", "web", "ship", (AskedLine("A", 1, location, on_behalf=True),), group="*",
        order_id=name,
    )  # fmt: skip
    reservations.place(db, basket, reservation_id=name, now=LONG_AGO)
    act, reason = ("reject", "mismatch") if reject else ("ship", None)
    orders.perform(db, name, "allocate", OrderMessage(f"{name}-1"), now=at)
    orders.perform(db, name, act, OrderMessage(f"{name}-2", reason=reason), now=at)


def test_performance_is_learnt_from_what_became_of_parcels(shop):
    """Cologne: 2 on time; Hamburg: 1 on time, 1 late, 1 rejected; with 20 parcels at 95 % before.

    (2 + 19) / 22 = 0.9545 against (1 + 19) / 23 = 0.8696.
    """
    stock(shop, A_hamburg=50, A_cologne=50)
    shop.execute("update balances set updated_at = %s", [LONG_AGO])
    sent(shop, 1, "cologne", at=LONG_AGO)
    sent(shop, 2, "cologne", at=LONG_AGO + timedelta(hours=1))
    sent(shop, 3, "hamburg", at=LONG_AGO)
    sent(shop, 4, "hamburg", at=LONG_AGO + timedelta(days=2))
    sent(shop, 5, "hamburg", at=LONG_AGO, reject=True)
    proposal = propose(shop, ("A", 1), strategy="performance")
    assert parcels(proposal) == {"cologne": {"A": 1}}
    assert proposal["parcels"][0]["performance"] == pytest.approx(21 / 22, abs=1e-4)
    hamburg = fulfilment_tallies.read(shop, ["hamburg"], now=NOW)["hamburg"]
    assert hamburg.as_dict() | {"prior": None} == {
        "on_time": 1, "late": 1, "rejected": 1, "prior": None,
    }  # fmt: skip
    assert hamburg.share == pytest.approx(20 / 23)
    # Counted once: asking again changes nothing.
    propose(shop, ("A", 1), strategy="performance")
    assert fulfilment_tallies.read(shop, ["hamburg"], now=NOW)["hamburg"] == hamburg


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


def test_excluded_locations_send_nothing(shop):
    stock(shop, A_hamburg=5, A_cologne=5)
    asked = wish(("A", 1), exclude=frozenset(["hamburg"]))
    (proposal,) = sourcing.propose(shop, [asked], terms(), now=NOW)
    assert parcels(proposal) == {"cologne": {"A": 1}}


def test_what_cannot_be_sent_is_told_with_what_there_is(shop):
    stock(shop, A_hamburg=1, A_cologne=2, B_hamburg=5)
    proposal = propose(shop, ("A", 9), ("B", 1))
    assert proposal["parcels"] == []
    assert not proposal["complete"]
    missing = {
        line["sku"]: (line["asked"], line["available"]) for line in proposal["unfulfillable"]
    }
    assert missing == {"A": (9, 3), "B": (1, 1)}
    part = propose(shop, ("A", 9), ("B", 1), allow_partial=True)
    assert parcels(part) == {"hamburg": {"A": 1, "B": 1}, "cologne": {"A": 2}}
    with pytest.raises(InsufficientStock) as refusal:
        sourcing.reserve_one(shop, wish(("A", 9)), terms(), Hold("r1"), now=NOW)
    (shortage,) = refusal.value.shortages
    assert (shortage.asked_units, shortage.available_units) == (9, 3)


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


@pytest.mark.parametrize(
    ("lines", "options", "field"),
    [
        ([("A", 0)], {}, "quantity"),
        ([("A", 100_001)], {}, "quantity"),
        ([], {}, "lines"),
        ([("A", 1)], {"splits_max": -1}, "max_splits"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(shop, lines, options, field):
    with pytest.raises(InputRejected) as refusal:
        sourcing.propose(shop, [wish(*lines)], terms(**options), now=NOW)
    assert refusal.value.field == field


def test_an_unknown_group_is_refused(shop):
    with pytest.raises(NotFound):
        propose(shop, ("A", 1), group="nowhere")
