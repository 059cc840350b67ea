"""Positions by name, read the short way, say what the long way says of the same moment.

The long way reads whatever is asked together with a group; so every question is asked twice, once
beside a group.
"""

import contextlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from inventory.errors import InsufficientStock, UnknownLocation, UnknownSku
from inventory.store.availability import AvailabilityItem, availability_many
from tests.inventory.test_store_availability import (
    add_location,
    add_sku,
    buffer,
    hold,
    inbound,
    stock,
)

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
SKUS = [f"A{n}" for n in range(12)]
PLACES = ["DC", "S1", "S2", "HUB", "V"]


@pytest.fixture
def shop(db):
    """Some of everything, at random places: stock, holds, supply, buffers, a bundle, a vendor."""
    rng = np.random.default_rng(5)
    add_location(db, "DC", cutoff="08:00", put_away_lag_days=1)
    add_location(db, "S1", "store", methods=["bopis"], timezone="Pacific/Auckland")
    add_location(db, "S2", "store")
    add_location(db, "HUB", "hub", handling_days=2)
    add_location(db, "V", "vendor")
    db.execute("insert into vendors (vendor, name, lead_time_days) values ('acme', 'Acme', 3)")
    add_sku(db, *SKUS, "KIT")
    db.execute("update skus set category = 'toys', vendor = 'acme' where sku in ('A0', 'A1', 'A2')")
    db.execute(
        "insert into bundles (sku, component, units) values ('KIT', 'A5', 1), ('KIT', 'A6', 2)"
    )
    db.execute("insert into groups values ('all', 'All')")
    db.execute("insert into group_members select 'all', location from locations")
    for sku in SKUS[:-1]:
        for place in PLACES:
            if rng.random() < 0.8:
                stock(db, sku, place, int(rng.integers(3, 30)))
                for _ in range(rng.integers(3)):
                    inbound(db, sku, place, int(rng.integers(1, 9)),
                            NOW + timedelta(hours=int(rng.integers(-30, 300))))  # fmt: skip
    db.execute(
        """insert into buffer_rules (rule_id, sku, category, location, location_type, method,
            quantity, days_of_cover, lookahead_days) values
        ('toys', null, 'toys', null, 'store', null, 3, null, null),
        ('pick-up', null, null, null, null, 'bopis', 2, null, 4),
        ('sku', 'A3', null, null, null, null, 1, null, null),
        ('place', null, null, 'S2', null, 'ship', 4, null, null)"""
    )
    buffer(db, "dated", [1, 2, 3, 4], sku="A4", location="DC")
    for n in range(30):
        sku, place = SKUS[rng.integers(11)], PLACES[rng.integers(5)]
        day = None if n % 3 else NOW.date() + timedelta(days=int(rng.integers(5, 20)))
        kind, ttl = ("hard", None) if n % 2 else ("soft", 60 + n)
        with contextlib.suppress(InsufficientStock):
            hold(db, sku, 1, kind=kind, ttl=ttl, location=place, at=day, method="bopis")
    (promised,) = db.execute("select count(*) from reservation_lines").fetchone()
    assert promised > 10
    hold(db, "A7", 2, group="all", method="bopis")
    return db


@pytest.mark.parametrize("seconds", [0, 75, 3600])
def test_the_short_way_says_what_the_long_way_says(shop, seconds):
    now = NOW + timedelta(seconds=seconds)
    items = [
        AvailabilityItem(sku, location=place, method=method, channel=channel, quantity=quantity)
        for sku in [*SKUS, "KIT", "unknown"]
        for place in [*PLACES, "nowhere"]
        for method, channel, quantity in
        [(None, None, None), ("ship", "web", 4), ("bopis", None, 40), ("sfs", "web", 1)]
    ]  # fmt: skip
    beside_a_group = [*items, AvailabilityItem("A0", group="all")]
    short = availability_many(shop, items, now=now, horizon_days=9)
    long = availability_many(shop, beside_a_group, now=now, horizon_days=9)[:-1]
    unknown = (UnknownSku, UnknownLocation)
    for item, got, expected in zip(items, short, long, strict=True):
        if isinstance(expected, unknown):
            assert (type(got), str(got)) == (type(expected), str(expected)), item
        else:
            assert got == expected, item
    found = {type(answer).__name__ for answer in long}
    assert found == {"Availability", "UnknownSku", "UnknownLocation"}


def test_an_item_asked_twice_is_answered_twice(shop):
    item = AvailabilityItem("A1", location="DC")
    first, second = availability_many(shop, [item, item], now=NOW)
    beside, _ = availability_many(shop, [item, AvailabilityItem("A0", group="all")], now=NOW)
    assert first == second == beside


def test_an_allowance_to_oversell_and_a_link_are_seen(shop):
    item = AvailabilityItem("A1", location="DC", channel="web")
    (before,) = availability_many(shop, [item], now=NOW)
    shop.execute("insert into channels (channel, name, oversell_units) values ('web', 'Web', 7)")
    (after,) = availability_many(shop, [item], now=NOW)
    assert after.atp == before.raw + 7
