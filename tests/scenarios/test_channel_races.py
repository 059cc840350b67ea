"""Real connections that want the same share, the same reserve, the same pre-sale."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Channel, Group, Location, PreSale, Sku, SupplyLink
from inventory.errors import InsufficientStock
from inventory.ledger import Fact
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, database, ledger, reservations
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
CLIENTS = 32


@pytest.fixture
def shop(db):
    catalog.put_many(db, [Location("L1", "x", "warehouse"), Location("L2", "x", "warehouse")])
    catalog.put_many(db, [Channel("web"), Channel("app"), Channel("promo")])
    catalog.put(db, Sku("A", "x"))
    catalog.put(db, Group("both", ("L1", "L2")))
    return db


def stock(db, units, location="L1"):
    fact = Fact("A", location, "available", "receipt", units, NOW - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def basket(channel, units=1, *, kind="soft", **place):
    place = place or {"location": "L1"}
    return Basket(kind, channel, "ship", (AskedLine("A", units),), **place)


def race(url, baskets):
    """Place all at once, each on a connection of its own; the channel of each that got it."""
    start = threading.Barrier(len(baskets))

    def run(number_and_basket):
        number, asked = number_and_basket
        with database.connect(url) as db:
            start.wait()
            try:
                reservations.place(db, asked, reservation_id=f"r{number}", now=NOW)
            except InsufficientStock:
                return None
            return asked.channel

    with ThreadPoolExecutor(len(baskets)) as threads:
        return list(threads.map(run, enumerate(baskets)))


def atp(db, channel, **place):
    place = place or {"location": "L1"}
    return availability(db, sku="A", channel=channel, method="ship", now=NOW, **place).atp


def test_a_share_is_sold_exactly(shop, database_url):
    """12 at 60/40: 7 and 5, however many come at once."""
    stock(shop, 12)
    catalog.put(shop, SupplyLink("w", "web", "L1", ratio=0.6))
    catalog.put(shop, SupplyLink("a", "app", "L1", ratio=0.4))
    got = race(database_url, [basket(c) for c in ("web", "app")] * (CLIENTS // 2))
    assert (got.count("web"), got.count("app")) == (7, 5)
    assert (atp(shop, "web"), atp(shop, "app")) == (0, 0)


def test_a_share_over_a_group_and_its_members(shop, database_url):
    stock(shop, 10)
    stock(shop, 10, "L2")
    for location in ("L1", "L2"):
        catalog.put(shop, SupplyLink(location, "web", location, ratio=0.5))
    places = [{"group": "both"}, {"location": "L1"}, {"location": "L2"}, {"group": "both"}]
    got = race(database_url, [basket("web", **places[n % 4]) for n in range(CLIENTS)])
    assert got.count("web") == 10
    assert atp(shop, "web", group="both") == 0
    assert atp(shop, None, group="both") == 10


def test_nobody_takes_what_is_set_aside(shop, database_url):
    stock(shop, 20)
    catalog.put(shop, SupplyLink("p", "promo", "L1", ratio=0.0, reserve=8))
    got = race(database_url, [basket(c) for c in ("web", "promo")] * (CLIENTS // 2))
    assert (got.count("web"), got.count("promo")) == (12, 8)
    assert (atp(shop, "web"), atp(shop, "promo")) == (0, 0)


def test_both_caps_of_a_pre_sale_hold(shop, database_url):
    launch = NOW.date() + timedelta(days=30)
    catalog.put(shop, PreSale("launch", "A", "L1", launch, 14, {"web": 5}))
    wanted = [basket(c, kind="preorder") for c in ("web", "app", "app", "web")] * (CLIENTS // 4)
    got = race(database_url, wanted)
    assert (got.count("web"), got.count("app")) in [(n, 14 - n) for n in range(6)]
    assert len([channel for channel in got if channel]) == 14
    lines = shop.execute("select distinct promised_date, pre_sale_id from reservation_lines")
    assert lines.fetchall() == [(launch, "launch")]


def test_a_pre_sale_per_channel_is_sold_exactly(shop, database_url):
    launch = NOW.date() + timedelta(days=30)
    catalog.put(shop, PreSale("launch", "A", "L1", launch, 100, {"web": 5, "app": 3}))
    got = race(database_url, [basket(c, kind="preorder") for c in ("web", "app")] * 16)
    assert (got.count("web"), got.count("app")) == (5, 3)
