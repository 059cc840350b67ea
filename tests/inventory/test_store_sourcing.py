"""Which parcels sourcing proposes from stock in PostgreSQL, and why; figures by hand."""

from datetime import timedelta

import pytest

from inventory.errors import InputRejected, InsufficientStock, NotFound
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    fulfilment_tallies,
    orders,
    reservations,
    sourcing,
)
from inventory.store.sourcing import Hold
from tests.inventory.sourced import LONG_AGO, NOW, open_shop, parcels, propose, stock, terms, wish


@pytest.fixture
def shop(db):
    return open_shop(db)


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
