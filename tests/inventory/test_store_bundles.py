"""Bundles at a location and on a group: one ledger with their components, loose or together."""

from datetime import UTC, datetime, time, timedelta

import pytest

from inventory import catalog as kinds
from inventory.errors import InputRejected, InsufficientStock
from inventory.ledger import Fact
from inventory.orders import ActLine, OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, inbound, ledger, orders, reservations, verify
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()


def day(t):
    return TODAY + timedelta(days=t)


@pytest.fixture
def shop(db):
    """C = 1 A + 2 B, to be sent in any way; D = 1 A + 2 B, together."""
    for sku in "ABCD":
        catalog.put(db, kinds.Sku(sku, sku))
    for location in ("L1", "L2", "L3"):
        catalog.put(db, kinds.Location(location, location, "warehouse"))
    catalog.put(db, kinds.Group("pool", ("L1", "L2", "L3")))
    catalog.put(db, kinds.Bundle("C", {"A": 1, "B": 2}))
    catalog.put(db, kinds.Bundle("D", {"A": 1, "B": 2}, ship_together=True))
    return db


def stock(db, **units):
    """A_L1=3: three of A at L1."""
    facts = []
    for place, count in units.items():
        sku, _, location = place.partition("_")
        at = NOW - timedelta(hours=1)
        facts.append(Fact(sku, location, "available", "delta", count, at, "test"))
    with db.transaction():
        ledger.record(db, facts, now=NOW)


def basket(db, name, *lines, kind="hard", order=True, **options):
    options.setdefault("group", None if "location" in options else "pool")
    asked = Basket(kind, "web", "ship", tuple(AskedLine(*line) for line in lines),
                   order_id=name if order else None, **options)  # fmt: skip
    return reservations.place(db, asked, reservation_id=name, now=NOW)


def atp(db, sku, *, days=1, **place):
    place = place or {"group": "pool"}
    got = availability(db, sku=sku, **place, now=NOW, horizon_days=days - 1, explain=True)
    assert sum(term.quantity for term in got.terms) == got.raw
    return got.atp if days == 1 else got.atp_by_day


def test_the_worked_example_at_a_position_and_on_a_group(shop):
    """availability.md: 150 A, 200 B, C = 1 A + 2 B -> 100; here also spread over a group."""
    stock(shop, A_L1=150, B_L1=200)
    assert atp(shop, "C", location="L1") == 100
    stock(shop, A_L1=-50, A_L2=50, B_L1=-100, B_L3=100)
    assert (atp(shop, "C"), atp(shop, "C", location="L1")) == (100, 50)
    assert atp(shop, "D") == 50


def test_a_bundle_and_its_loose_component_in_one_basket_on_a_group(shop):
    """2 C take 2 A and 4 B; of 4 A and 5 B that leaves 2 A and 1 B."""
    stock(shop, A_L1=4, B_L2=5)
    with pytest.raises(InsufficientStock) as refusal:
        basket(shop, "too-much", ("C", 2), ("B", 2))
    (shortage,) = refusal.value.shortages
    assert (shortage.sku, shortage.asked_units, shortage.available_units) == ("B", 6, 5)
    basket(shop, "fits", ("C", 2), ("B", 1), ("A", 2))
    assert [atp(shop, sku) for sku in "ABC"] == [0, 0, 0]


def test_a_bundle_is_dated_by_the_component_that_comes_last(shop):
    stock(shop, A_L1=9)
    for t, units in ((2, 3), (4, 5)):
        inbound.put(shop, inbound_id=f"b-{t}", sku="B", location="L2", quantity=units, now=NOW,
                    expected_at=NOW + timedelta(days=t), state="confirmed")  # fmt: skip
    assert atp(shop, "C", days=6) == (0, 0, 1, 1, 4, 4)
    assert atp(shop, "D", days=6) == (0,) * 6
    found = availability(shop, sku="C", group="pool", quantity=2, now=NOW)
    assert found.earliest_date == day(4)
    made = basket(shop, "wait", ("C", 2), kind="preorder")
    assert {line.promised_date for line in made.lines} == {day(4)}


def test_a_bundle_begins_with_the_component_that_can_leave_last(shop):
    """A can leave L1 until midnight; B only L2, where nothing leaves after 8 o'clock."""
    catalog.put(shop, kinds.Location("L2", "L2", "warehouse", cutoff=time(8)))
    catalog.put(shop, kinds.Group("pool", ("L1", "L2")))
    catalog.put(shop, kinds.Channel("web", "Web"))
    catalog.put(shop, kinds.SupplyLink("a", "web", "L1", sku="A"))
    catalog.put(shop, kinds.SupplyLink("b", "web", "L2", sku="B"))
    stock(shop, A_L1=5, B_L2=4)
    come = {"inbound_id": "i", "sku": "A", "location": "L1", "quantity": 9, "state": "confirmed"}
    inbound.put(shop, **come, expected_at=NOW + timedelta(days=3), now=NOW)
    inbound.put(
        shop, **come | {"inbound_id": "j", "sku": "B", "location": "L2"},
        expected_at=NOW.replace(hour=7) + timedelta(days=2), now=NOW,
    )  # fmt: skip
    got = availability(
        shop, sku="C", group="pool", channel="web", method="ship", now=NOW, horizon_days=4,
        quantity=3,
    )  # fmt: skip
    # B from tomorrow: 4, then 13 from the third day on; of A, which has 5 first, 14 one day later.
    assert got.days == [(day(t), n) for t, n in zip(range(1, 6), (2, 5, 6, 6, 6), strict=True)]
    assert (got.atp, got.first_day, got.earliest_date) == (2, day(1), day(2))
    with pytest.raises(InsufficientStock):
        basket(shop, "more", ("C", 3))
    assert basket(shop, "two", ("C", 2)).lines[0].promised_date == day(1)


def test_what_ships_together_begins_where_all_of_it_can_leave(shop):
    """One day 0 for both: that of L2, the only place that has links for both."""
    catalog.put(shop, kinds.Location("L2", "L2", "warehouse", cutoff=time(8)))
    catalog.put(shop, kinds.Channel("web", "Web"))
    for number, (sku, location) in enumerate((("A", "L1"), ("A", "L2"), ("B", "L2"))):
        catalog.put(shop, kinds.SupplyLink(f"k{number}", "web", location, sku=sku))
    stock(shop, A_L1=5, A_L2=5, B_L2=4)
    got = availability(
        shop, sku="D", group="pool", channel="web", method="ship", now=NOW, horizon_days=2
    )
    assert got.days == [(day(1), 2), (day(2), 2), (day(3), 2)]
    assert basket(shop, "two", ("D", 2)).lines[0].promised_date == day(1)


def test_what_ships_together_is_promised_where_all_of_it_is(shop):
    """L1 holds 2 whole bundles, L2 one; A at L3 has no B there."""
    stock(shop, A_L1=2, B_L1=5, A_L2=7, B_L2=2, A_L3=9)
    assert atp(shop, "D") == 3
    made = basket(shop, "three", ("D", 3))
    assert [(li.sku, li.quantity, li.location) for li in made.lines] == [
        ("A", 2, "L1"), ("B", 4, "L1"), ("A", 1, "L2"), ("B", 2, "L2"),
    ]  # fmt: skip
    (line,) = made.as_dict()["lines"]
    assert (line["sku"], line["quantity"], line["group"]) == ("D", 3, "pool")
    assert [atp(shop, sku) for sku in "ABD"] == [15, 1, 0]
    assert orders.perform(shop, "three", "allocate", OrderMessage("m"), now=NOW)


def test_what_ships_together_leaves_room_for_promises_on_the_group(shop):
    """B stands at L1 (4) and L2 (2). A promise of 2 B on both can be kept from L2, so L1's two
    bundles can go; L2's one cannot."""
    stock(shop, A_L1=2, B_L1=4, A_L2=1, B_L2=2)
    basket(shop, "b", ("B", 2))
    assert atp(shop, "D") == 2
    with pytest.raises(InsufficientStock) as refusal:
        basket(shop, "d", ("D", 3))
    assert [(s.sku, s.available_units) for s in refusal.value.shortages] == [("D", 2)]
    made = basket(shop, "some", ("A", 1), ("D", 3), allow_partial=True, order=False)
    assert [line.quantity for line in made.lines if line.sku == "A"] == [1, 2]
    assert orders.perform(shop, "b", "allocate", OrderMessage("m"), now=NOW)


def test_nested_bundles_are_refused_with_the_way_out(shop):
    catalog.put(shop, kinds.Sku("E", "E"))
    with pytest.raises(InputRejected, match="'C', which is a bundle itself; list what is in"):
        catalog.put(shop, kinds.Bundle("E", {"C": 1}))
    with pytest.raises(InputRejected, match="'A', which is a bundle itself"):
        catalog.put(shop, kinds.Bundle("A", {"E": 1}))


def test_an_order_is_located_where_the_message_says_and_so_much_of_it(shop):
    """5 of A on the group: 2 from L2 and 1 from L3; the rest from where it can."""
    stock(shop, A_L1=9, A_L2=3, A_L3=3)
    basket(shop, "o", ("A", 5))
    asked = (ActLine("A", 2, location="L2"), ActLine("A", 1, location="L3"))
    told = orders.perform(shop, "o", "allocate", OrderMessage("m", asked), now=NOW).response
    places = [(line["location"], line["quantity"], line["open"]) for line in told["lines"]]
    assert sorted(places) == [("L1", 2, 2), ("L2", 2, 2), ("L3", 1, 1)]
    shipped = orders.perform(shop, "o", "ship", OrderMessage("s"), now=NOW).response
    assert (shipped["state"], atp(shop, "A")) == ("shipped", 10)


def test_a_place_that_was_wished_for_is_kept_for_that(shop):
    """Of the bundle, all B come from L1, the only place that has any; so may 1 A, and 1 from L2."""
    stock(shop, A_L1=1, A_L2=1, B_L1=4)
    basket(shop, "o", ("C", 2))
    asked = (ActLine("A", 1, location="L1"),)
    told = orders.perform(shop, "o", "allocate", OrderMessage("m", asked), now=NOW).response
    parts = [part for line in told["lines"] for part in line["components"]]
    found = {(part["sku"], part["location"], part["quantity"]) for part in parts}
    assert found == {("A", "L1", 1), ("A", "L2", 1), ("B", "L1", 4)}


@pytest.mark.parametrize(
    ("asked", "field", "row"),
    [
        ((ActLine("B", 1), ActLine("A", 6, location="L2")), "quantity", 1),
        ((ActLine("A", 1), ActLine("D", 1)), "sku", 1),
    ],
)
def test_what_is_wrong_with_an_allocation_is_named(shop, asked, field, row):
    stock(shop, A_L1=9, B_L1=1)
    basket(shop, "o", ("A", 5), ("B", 1))
    with pytest.raises(InputRejected) as refused:
        orders.perform(shop, "o", "allocate", OrderMessage("m", asked), now=NOW)
    assert (refused.value.field, refused.value.row) == (field, row)


def test_a_wished_place_without_enough_says_how_much_there_is(shop):
    stock(shop, A_L1=9, A_L2=1)
    basket(shop, "o", ("A", 5))
    asked = (ActLine("A", 2, location="L2"),)
    with pytest.raises(InsufficientStock) as refused:
        orders.perform(shop, "o", "allocate", OrderMessage("m", asked), now=NOW)
    told = [(s.place, s.asked_units, s.available_units) for s in refused.value.shortages]
    assert told == [("L2", 2, 1)]


def test_a_refusal_says_when_all_of_it_can_be_had(shop):
    """2 of A now, 3 more on day 4; of B nothing is coming; of D, which needs both, none ever."""
    stock(shop, A_L1=2, B_L1=2)
    come = {"sku": "A", "location": "L1", "state": "confirmed", "now": NOW}
    inbound.put(shop, inbound_id="i", quantity=3, expected_at=NOW + timedelta(days=4), **come)
    # At the location it is told by the database; in the group and of bundles by the engine.
    for place in ({"location": "L1"}, {"group": "pool"}):
        for sku, units, when in (("A", 5, day(4)), ("A", 6, None), ("B", 3, None), ("C", 2, None)):
            with pytest.raises(InsufficientStock) as refused:
                basket(shop, "o", (sku, units), **place)
            assert refused.value.shortages[0].earliest_date == when, (place, sku, units)
            assert ("and all of them on" in str(refused.value)) == (when is not None)
    stock(shop, B_L1=2)
    with pytest.raises(InsufficientStock) as refused:
        basket(shop, "o", ("D", 3), ("A", 3), allow_partial=False)
    assert [s.earliest_date for s in refused.value.shortages] == [day(4), None]


def test_a_promise_that_no_member_may_keep_any_more_stands_in_nobodys_way(shop):
    """Since it was made, the only place of its group ships nothing any more."""
    catalog.put(shop, kinds.Group("pool", ("L1",)))
    stock(shop, A_L1=3, A_L2=5)
    basket(shop, "o", ("A", 2))
    catalog.put(shop, kinds.Location("L1", "L1", "warehouse", methods=("bopis",)))
    assert basket(shop, "p", ("A", 4), location="L2").state == "confirmed"
    catalog.put(shop, kinds.Group("both", ("L1", "L2")))
    assert basket(shop, "q", ("A", 1), group="both").lines[0].quantity == 1


def test_what_is_done_is_not_said_to_be_missing(shop):
    stock(shop, A_L1=9)
    basket(shop, "o", ("A", 5), location="L1")
    for act in ("allocate", "ship"):
        orders.perform(shop, "o", act, OrderMessage(act), now=NOW)
    back = OrderMessage("r1", (ActLine("A", 5),))
    orders.perform(shop, "o", "return", back, now=NOW)
    with pytest.raises(InputRejected, match="nothing of 'A' is left to return"):
        orders.perform(shop, "o", "return", OrderMessage("r2", (ActLine("A", 1),)), now=NOW)


def test_what_expired_before_the_last_promise_is_no_drift(shop):
    """6 of A: 3 were in a cart that ended before 5 were ordered, and nobody wrote that down yet."""
    stock(shop, A_L1=6)
    basket(shop, "cart", ("A", 3), kind="soft", order=False, ttl_seconds=60)
    asked = Basket("hard", "web", "ship", (AskedLine("A", 5),), group="pool", order_id="o")
    reservations.place(shop, asked, reservation_id="o", now=NOW + timedelta(seconds=60))
    assert verify.verify(shop).drifts == []
