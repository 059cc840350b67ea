"""Orders on overlapping groups, placed and allocated by many at once: nobody is stranded."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import InsufficientStock
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import database, ledger, orders, reservations
from inventory.store.availability import AvailabilityItem, availability_many

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
STOCK = {"L1": 9, "L2": 4, "L3": 7, "L4": 6}
GROUPS = {"near": ("L1", "L2"), "far": ("L2", "L3"), "rim": ("L3", "L4"), "*": tuple(STOCK)}


@pytest.fixture
def shop(db):
    for location in STOCK:
        db.execute("insert into locations (location, name, type) values (%s, 'x', 'store')",
                   [location])  # fmt: skip
    for group, members in GROUPS.items():
        if group != "*":
            db.execute("insert into groups values (%s, 'x')", [group])
            for location in members:
                db.execute("insert into group_members values (%s, %s)", [group, location])
    db.execute("insert into skus (sku, name) values ('A', 'A')")
    for location, units in STOCK.items():
        change(db, location, units)
    return db


def change(db, location, units):
    fact = Fact("A", location, "available", "delta", units, NOW - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def side_by_side(url, count, work):
    """`work(db, number)` on so many connections, all beginning at once."""
    start = threading.Barrier(count)

    def run(number):
        with database.connect(url) as db:
            start.wait()
            return work(db, number)

    with ThreadPoolExecutor(count) as threads:
        return [found for part in threads.map(run, range(count)) for found in part]


def placing(db, number):
    """Orders on any group until the pool is sold out; the names of those that were accepted."""
    rng = random.Random(number)
    accepted = []
    for turn in range(6):
        name, group = f"o{number}-{turn}", rng.choice([*GROUPS])
        basket = Basket("hard", "web", "pick-up", (AskedLine("A", rng.randint(1, 3)),),
                        group=group, order_id=name)  # fmt: skip
        try:
            reservations.place(db, basket, reservation_id=name, now=NOW)
        except InsufficientStock:
            continue
        accepted.append(name)
    return accepted


def allocating(names):
    def allocate(db, number):
        refused = []
        for name in names[number::8]:
            try:
                orders.perform(db, name, "allocate", OrderMessage(f"m-{name}"), now=NOW)
            except InsufficientStock:
                refused.append(name)
        return refused

    return allocate


def located(db):
    """Open units per location; every one of them within its line's group and its stock."""
    rows = db.execute(
        "select location, group_id, sum(open_units)::int from reservation_lines "
        "where open_units > 0 and location is not null group by 1, 2"
    ).fetchall()
    assert all(location in GROUPS[group] for location, group, _ in rows)
    return {place: sum(n for at, _, n in rows if at == place) for place in STOCK}


@pytest.mark.parametrize("turn", range(3))
def test_every_accepted_order_is_located_whoever_comes_first(shop, database_url, turn):
    accepted = side_by_side(
        database_url, 8, lambda db, number: placing(db, 100 * turn + number)
    )  # fmt: skip
    assert len(accepted) > 8
    random.Random(turn).shuffle(accepted)
    assert side_by_side(database_url, 8, allocating(accepted)) == []
    there = located(shop)
    assert all(there[location] <= units for location, units in STOCK.items())
    (promised,) = shop.execute("select sum(open_units) from reservation_lines").fetchone()
    assert sum(there.values()) == promised
    items = [AvailabilityItem("A", location=at, method="pick-up") for at in STOCK]
    left = {a.location: a.atp for a in availability_many(shop, items, now=NOW)}
    assert left == {at: units - there[at] for at, units in STOCK.items()}


def test_after_a_shock_those_who_can_be_served_are_and_nobody_oversells(shop, database_url):
    """Two thirds of L3 and all of L4 are lost: what is left goes out in turn, down to nothing."""
    accepted = side_by_side(database_url, 8, placing)
    change(shop, "L3", -5)
    change(shop, "L4", -6)
    left = {"L1": 9, "L2": 4, "L3": 2, "L4": 0}
    refused = side_by_side(database_url, 8, allocating(accepted))
    assert refused
    there = located(shop)
    assert all(there[location] <= units for location, units in left.items())
    # Nobody who was refused fits beside what was located.
    for group, units in shop.execute(
        "select group_id, open_units::int from reservation_lines "
        "where location is null and open_units > 0"
    ):
        assert sum(left[at] - there[at] for at in GROUPS[group]) < units
