"""Channel supply in PostgreSQL: what is published is what placing grants, unit by unit."""

import itertools
import random
from datetime import UTC, datetime, timedelta

import pytest

from inventory import catalog as kinds
from inventory.catalog import Channel, Group, Location, Sku, SupplyLink
from inventory.errors import InputRejected, InsufficientStock
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, ledger, orders, reservations
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
HOUR, MICROSECOND = timedelta(hours=1), timedelta(microseconds=1)
numbers = itertools.count()


@pytest.fixture
def shop(shop):
    places = [Location("DC", "x", "warehouse"), Location("D2", "x", "warehouse"),
              Location("S1", "x", "store")]  # fmt: skip
    catalog.put_many(shop, places)
    catalog.put_many(shop, [Channel("web"), Channel("app"), Channel("promo")])
    catalog.put_many(shop, [Sku("A", "x"), Sku("B", "x")])
    catalog.put(shop, Group("all", ("DC", "D2", "S1")))
    return shop


def stock(db, units, location="DC", sku="A"):
    fact = Fact(sku, location, "available", "receipt", units, NOW - HOUR, "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def link(db, channel, location="DC", **more):
    catalog.put(db, SupplyLink(f"{channel}-{location}-{next(numbers)}", channel, location, **more))


def take(db, channel, units, *, kind="soft", at="DC", sku="A", method="ship", now=NOW, **more):
    place = {"group": at} if at == "all" else {"location": at}
    basket = Basket(kind, channel, method, (AskedLine(sku, units),), **place, **more)
    name = f"r{next(numbers)}"
    return reservations.place(db, basket, reservation_id=name, now=now)


def atp(db, channel, at="DC", *, sku="A", method="ship", now=NOW, **more):
    place = {"group": at} if at == "all" else {"location": at}
    found = availability(db, sku=sku, channel=channel, method=method, now=now, explain=True,
                         **place, **more)  # fmt: skip
    assert sum(term.quantity for term in found.terms) == found.raw
    return found.atp


def refused(db, channel, units, **more):
    with pytest.raises(InsufficientStock) as error:
        take(db, channel, units, **more)
    return error.value.shortages[0].available_units


def test_a_share_at_each_location_adds_up_over_the_group(shop):
    """100 + 50 units at 80 %: 80 + 40 = 120."""
    stock(shop, 100)
    stock(shop, 50, "D2")
    stock(shop, 70, "S1")
    link(shop, "web", ratio=0.8)
    link(shop, "web", "D2", ratio=0.8)
    assert [atp(shop, "web", at) for at in ("DC", "D2", "S1", "all")] == [80, 40, 0, 120]
    assert atp(shop, "app", "all") == 220
    assert refused(shop, "web", 121, at="all") == 120
    take(shop, "web", 120, at="all")
    assert [atp(shop, "web", at) for at in ("DC", "D2", "all")] == [0, 0, 0]
    assert atp(shop, "app", "all") == 100


@pytest.mark.parametrize(
    ("units", "ratios", "quotas"), [(100, (0.4, 0.6), [40, 60]), (12, (0.6, 0.4), [7, 5])]
)
def test_two_channels_share_a_location(shop, units, ratios, quotas):
    stock(shop, units)
    for channel, ratio in zip(("app", "web"), ratios, strict=True):
        link(shop, channel, ratio=ratio)
    assert [atp(shop, channel) for channel in ("app", "web")] == quotas
    for channel, quota in zip(("app", "web"), quotas, strict=True):
        assert refused(shop, channel, quota + 1) == quota
        take(shop, channel, quota)
        assert atp(shop, channel) == 0
    assert atp(shop, None) == 0


def test_the_share_is_of_stock_before_commitments(shop):
    stock(shop, 100)
    link(shop, "web", ratio=0.4)
    take(shop, "app", 50)
    assert atp(shop, "web") == 40
    take(shop, "web", 15)
    assert atp(shop, "web") == 25
    take(shop, "app", 20)
    assert atp(shop, "web") == 15, "what is left over all channels"


def test_expiry_release_and_cancellation_give_a_share_back(shop):
    stock(shop, 100)
    link(shop, "web", ratio=0.4)
    take(shop, "web", 10, ttl_seconds=60)
    released = take(shop, "web", 10)
    cancelled = take(shop, "web", 10, kind="hard", order_id="o1")
    assert atp(shop, "web") == 10
    minute = NOW + timedelta(minutes=1)
    assert atp(shop, "web", now=minute - MICROSECOND) == 10
    assert atp(shop, "web", now=minute) == 20
    reservations.release(shop, released.id, now=NOW)
    orders.perform(shop, cancelled.id, "cancel", OrderMessage("m1"), now=NOW)
    assert atp(shop, "web", now=minute) == 40


def test_shipped_units_leave_both_base_and_use(shop):
    stock(shop, 100)
    link(shop, "web", ratio=0.4)
    order = take(shop, "web", 40, kind="hard", order_id="o1")
    assert atp(shop, "web") == 0
    orders.perform(shop, order.id, "allocate", OrderMessage("m0"), now=NOW)
    orders.perform(shop, order.id, "ship", OrderMessage("m1"), now=NOW)
    assert atp(shop, "web") == 24, "40 % of the 60 that are left"


def test_a_live_hold_is_confirmed_whatever_became_of_the_share(shop):
    stock(shop, 100)
    link(shop, "web", ratio=0.8)
    hold = take(shop, "web", 80)
    catalog.put(shop, SupplyLink("app", "app", "DC", ratio=1.0))
    assert atp(shop, "web") == 0
    assert reservations.confirm(shop, hold.id, order_id="o", now=NOW).state == "confirmed"


def test_a_reserve_is_kept_from_others_and_ends_at_its_instant(shop):
    stock(shop, 100)
    ends = NOW + timedelta(hours=2)
    link(shop, "promo", reserve=30, starts_at=NOW, ends_at=ends)
    before = NOW - MICROSECOND
    assert (atp(shop, "web", now=before), atp(shop, "web")) == (100, 70)
    assert atp(shop, "promo") == 100
    take(shop, "promo", 10)
    assert (atp(shop, "web"), atp(shop, "promo")) == (70, 90)
    assert refused(shop, "web", 71) == 70
    assert refused(shop, "app", 71, kind="hard") == 70
    late = ends - MICROSECOND
    # The cart has ended by then: its units are set aside again.
    assert (atp(shop, "web", now=late), atp(shop, "web", now=ends)) == (70, 100)


def test_units_of_a_campaign_are_sold_once(shop):
    """What left the house does not come back to the campaign; the others see no change."""
    stock(shop, 100)
    link(shop, "promo", reserve=30, starts_at=NOW - HOUR)
    order = take(shop, "promo", 10, kind="hard", order_id="o1")
    assert atp(shop, "web") == 70
    orders.perform(shop, order.id, "allocate", OrderMessage("m0"), now=NOW)
    orders.perform(shop, order.id, "ship", OrderMessage("m1"), now=NOW)
    assert atp(shop, "web") == 70
    assert atp(shop, "promo") == 90


def test_a_group_order_uses_what_is_set_aside_at_its_members(shop):
    stock(shop, 40)
    link(shop, "promo", reserve=30)
    take(shop, "promo", 10, at="all")
    assert atp(shop, "web") == 10
    assert atp(shop, "promo") == 30
    take(shop, "web", 10)
    assert atp(shop, "promo", "all") == 20


def test_linked_channels_sell_on_groups_from_linked_members_only(shop):
    stock(shop, 10)
    stock(shop, 10, "S1")
    link(shop, "web", method="ship")
    order = take(shop, "web", 6, kind="hard", at="all", order_id="o1")
    assert order.lines[0].excluded == ("D2", "S1")
    assert (atp(shop, "web", "all"), atp(shop, "app", "DC")) == (4, 4)
    assert atp(shop, "app", "S1") == 10
    message = OrderMessage("m0", location="S1")
    with pytest.raises(InputRejected, match="cannot fulfil"):
        orders.perform(shop, order.id, "allocate", message, now=NOW)
    done = orders.perform(shop, order.id, "allocate", OrderMessage("m1"), now=NOW)
    assert done.response["lines"][0]["location"] == "DC"


def test_a_link_from_store_opens_the_stores_of_a_group(shop):
    stock(shop, 10)
    stock(shop, 8, "S1")
    link(shop, "web", "S1", method="sfs", ratio=0.5)
    assert atp(shop, "web", "all") == 4
    assert (atp(shop, "web", "S1", method="sfs"), atp(shop, "web", "S1", method="bopis")) == (4, 0)


def test_other_skus_of_a_link_for_one_sku_are_free(shop):
    stock(shop, 10)
    stock(shop, 10, sku="B")
    link(shop, "web", sku="A", ratio=0.5)
    assert (atp(shop, "web"), atp(shop, "web", sku="B")) == (5, 10)


def test_bundles_are_held_to_the_shares_of_their_components(shop):
    catalog.put(shop, Sku("C", "x"))
    catalog.put(shop, kinds.Bundle("C", {"A": 1, "B": 2}))
    stock(shop, 10)
    stock(shop, 12, sku="B")
    link(shop, "web", ratio=0.5)
    assert atp(shop, "web", sku="C") == 3
    take(shop, "web", 3, sku="C")
    assert (atp(shop, "web"), atp(shop, "web", sku="B")) == (2, 0)
    with pytest.raises(InputRejected, match="is a bundle"):
        link(shop, "web", sku="C")


def test_overselling_does_not_go_beyond_a_share_or_into_a_reserve(shop):
    catalog.put(shop, Channel("web", oversell_units=5))
    stock(shop, 100)
    link(shop, "web", ratio=0.4)
    assert atp(shop, "web") == 40
    link(shop, "promo", reserve=30)
    catalog.put(shop, Channel("app", oversell_units=5))
    take(shop, "app", 75)
    assert (atp(shop, "app"), atp(shop, "promo")) == (0, 25)


def test_an_explanation_names_the_links(shop):
    stock(shop, 100)
    catalog.put(shop, SupplyLink("web-dc", "web", "DC", ratio=0.4))
    catalog.put(shop, SupplyLink("fair", "promo", "DC", reserve=70))
    take(shop, "web", 15)

    def terms(channel, **place):
        found = availability(shop, sku="A", channel=channel, method="ship", now=NOW, explain=True,
                             **place)  # fmt: skip
        assert sum(t.quantity for t in found.terms) == found.raw
        return {t.term: (t.quantity, t.source) for t in found.terms}

    told = terms("web", location="DC")
    assert told["reserved-for-channel"][0] == -70
    assert "supply-link fair" in told["reserved-for-channel"][1]
    catalog.remove(shop, SupplyLink, "fair")
    told = terms("web", location="DC")
    assert told["channel-quota"] == (
        -60, "supply-link web-dc: 40 % of 100 units is 40, 15 of them used",
    )  # fmt: skip
    assert terms("web", group="all")["channel-quota"][0] == -60
    stock(shop, 5, "S1")
    assert "no supply link" in terms("web", location="S1")["channel-quota"][1]


@pytest.mark.parametrize("seed", range(12))
def test_one_unit_after_another_until_refused_is_what_was_published(shop, seed):
    """Random links, stock and order of channels; the sum never exceeds what there is."""
    rng = random.Random(seed)
    places = ["DC", "D2", "S1"]
    there = {at: rng.randrange(9) for at in places}
    for at, units in there.items():
        stock(shop, units, at)
    for channel in ("web", "app", "promo"):
        for at in rng.sample(places, rng.randrange(3)):
            ratio = rng.choice([None, 0.0, 0.3, 0.5, 0.8])
            link(shop, channel, at, ratio=ratio, reserve=rng.choice([0, 0, 2, 5]))
    sold = 0
    for _ in range(5):
        channel = rng.choice(["web", "app", "promo", "none"])
        at = rng.choice([*places, "all"])
        told = atp(shop, channel, at)
        wanted = rng.choice([told, max(told // 2, 0)])
        for _ in range(wanted):
            take(shop, channel, 1, at=at)
        if wanted == told:
            assert refused(shop, channel, 1, at=at) == 0
        assert atp(shop, channel, at) == told - wanted
        sold += wanted
    assert sold <= sum(there.values())
    assert atp(shop, None, "all") <= sum(there.values()) - sold


@pytest.mark.parametrize("seed", range(6))
def test_whatever_others_take_the_reserve_can_still_be_sold(shop, seed):
    rng = random.Random(seed)
    places = ["DC", "D2", "S1"]
    reserve = {at: rng.randrange(6) for at in places}
    for at in places:
        stock(shop, reserve[at] + rng.randrange(6), at)
        if reserve[at]:
            link(shop, "promo", at, reserve=reserve[at])
    used = min(3, sum(reserve.values()))
    if used:
        take(shop, "promo", used, at="all")
    for at in rng.sample(["DC", "D2", "S1", "all"], 4):
        if told := atp(shop, "web", at):
            take(shop, "web", told, at=at)
    left = sum(reserve.values()) - used
    assert atp(shop, "promo", "all") == left
    if left:
        take(shop, "promo", left, at="all")
    assert atp(shop, "web", "all") == 0


def test_a_share_at_a_place_leaves_the_short_way_to_others(shop):
    """A basket of a channel without links is decided in the database, beside links or not."""
    stock(shop, 100)
    link(shop, "app", ratio=0.5)
    take(shop, "app", 10)
    take(shop, "web", 60)
    assert (atp(shop, "web"), atp(shop, "app")) == (30, 30)
    link(shop, "promo", reserve=20)
    assert refused(shop, "web", 11) == 10
    take(shop, "web", 10)
    assert atp(shop, "promo") == 20
