"""Beside promises on groups most positions are passed over; what is announced stays exact."""

import random
from datetime import UTC, datetime

import pytest

from inventory.catalog import Channel, Group, Location, Sku
from inventory.errors import VouchError
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    announcements,
    catalog,
    facts,
    ledger,
    low_marks,
    orders,
    reservations,
    supply_shocks,
)
from inventory.store.facts import Place
from inventory.store.shortages import unbuffered_supply
from inventory.thresholds import stock_state

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
LOCATIONS = [f"L{i}" for i in range(6)]


@pytest.fixture
def shop(shop):
    catalog.put_many(shop, [Location(name, "x", "warehouse") for name in LOCATIONS])
    catalog.put(shop, Channel("web"))
    catalog.put(shop, Sku("A", "x"))
    catalog.put_many(shop, [Group("west", LOCATIONS[:3]), Group("mid", LOCATIONS[2:5])])
    return shop


def change(db, location, units, now=NOW):
    with db.transaction():
        announcements.hold(db, [Place("A", location)])
        ledger.record(db, [Fact("A", location, "available", "delta", units, now, "test")], now=now)
        way = {"risen" if units > 0 else "fallen": [("A", location)]}
        supply_shocks.settle(db, **way, now=now, cause="test")


def announced(db):
    found = db.execute("select location, announced from balances where status = 'available'")
    return dict(found.fetchall())


def exact(db):
    """What each position is by the whole picture, however long that takes."""
    read = facts.read(db, [Place("A", at) for at in LOCATIONS], channels=[], methods=[], now=NOW)
    supply = unbuffered_supply(read, "A", now=NOW)
    marks = dict(db.execute("select location, low_units from balances").fetchall())
    states = {}
    for at in announced(db):
        opens = supply.projection.opens[supply.rows[at]]
        states[at] = stock_state(int(supply.at_location(at).raw[opens]), marks[at])
    return states


@pytest.mark.parametrize(("seed", "plenty"), [(0, 1), (1, 1), (2, 1), (3, 3), (4, 3), (5, 9)])
def test_what_is_announced_is_exact_after_any_story(shop, seed, plenty):
    rng = random.Random(seed)
    for at in LOCATIONS:
        change(shop, at, rng.choice([1, 4, 9]) * plenty)
    low_marks.put(shop, sku="A", location=None, units=2, now=NOW)
    seen = set()
    for number in range(40):
        what = rng.choice(["group", "group", "group", "here", "stock", "cancel"])
        try:
            if what == "stock":
                change(shop, rng.choice(LOCATIONS), rng.choice([-3, -2, 4]))
            elif what == "cancel":
                order = f"o{rng.randrange(number + 1)}"
                orders.perform(shop, order, "cancel", OrderMessage(f"c{number}"), now=NOW)
            else:
                at = {"location": rng.choice(LOCATIONS)}
                if what == "group":
                    at = {"group": rng.choice(["west", "mid", "*"])}
                basket = Basket("hard", "web", "ship", (AskedLine("A", rng.randrange(1, 6)),),
                                order_id=f"o{number}", **at)  # fmt: skip
                reservations.place(shop, basket, reservation_id=f"r{number}", now=NOW)
        except VouchError:
            continue
        announcements.settle_noted(shop, now=NOW)
        assert announced(shop) == exact(shop), (seed, number, what)
        seen |= set(announced(shop).values())
    assert plenty > 1 or seen == {"in", "low", "out"}, "the story went through all of them"
