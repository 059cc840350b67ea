"""Events and fills in a race: chains of events hold together, and no peg is filled over stock."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import InsufficientStock, StateConflict
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    announcements,
    database,
    inbound,
    ledger,
    low_marks,
    orders,
    outbox,
    reservations,
    stock,
    verify,
)
from inventory.thresholds import stock_state

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
PLACES = ("L1", "L2", "L3")


@pytest.fixture
def shop(db):
    db.execute("insert into skus (sku, name) values ('A', 'A')")
    for location in PLACES:
        db.execute("insert into locations (location, name, type) values (%s, 'x', 'warehouse')",
                   [location])  # fmt: skip
    db.execute("insert into groups values ('pool', 'pool')")
    db.execute("insert into group_members select 'pool', l from unnest(%s::text[]) l",
               [list(PLACES)])  # fmt: skip
    db.execute("insert into channels (channel, name) values ('web', 'web')")
    for location in PLACES:
        fact = Fact("A", location, "available", "delta", 4, NOW - timedelta(hours=1), "test")
        with db.transaction():
            ledger.record(db, [fact], now=NOW)
    low_marks.put(db, sku="A", location=None, units=2, now=NOW)
    return db


def shopper(url, seed):
    """Takes, lets go, counts and ships at random, each a transaction of its own."""
    rng = random.Random(seed)
    with database.connect(url) as db:
        for n in range(15):
            name, place = f"r{seed}-{n}", rng.choice([*PLACES, "pool"])
            at = {"group": place} if place == "pool" else {"location": place}
            basket = Basket("hard", "web", "ship", (AskedLine("A", rng.randrange(1, 4)),),
                            order_id=name if rng.random() < 0.5 else None, **at)  # fmt: skip
            try:
                reservations.place(db, basket, reservation_id=name, now=NOW)
            except InsufficientStock:
                stock.correct(db, sku="A", location=rng.choice(PLACES), delta=2, reason="restock",
                              now=NOW)  # fmt: skip
                continue
            if basket.order_id is None:
                reservations.release(db, name, now=NOW)
            elif rng.random() < 0.6:
                orders.perform(db, name, "cancel", OrderMessage(f"c-{name}"), now=NOW)
            else:
                orders.perform(db, name, "allocate", OrderMessage(f"a-{name}"), now=NOW)
                orders.perform(db, name, "ship", OrderMessage(f"s-{name}"), now=NOW)


def test_every_chain_of_events_holds_together(shop, database_url):
    with ThreadPoolExecutor(5) as threads:
        for done in [threads.submit(shopper, database_url, seed) for seed in range(5)]:
            done.result()
    announcements.announce_due(shop, now=NOW)
    told = outbox.read(shop, limit=10_000)
    assert len(told) > 10
    states = dict.fromkeys(PLACES, "in")
    for event in told:
        if event["kind"] == "shortage":
            continue
        place, payload = event["location"], event["payload"]
        assert payload["from"] == states[place], event
        assert payload["to"] == stock_state(payload["free_units"], 2) != payload["from"]
        states[place] = payload["to"]
    known = dict(
        shop.execute("select location, announced from balances where status = 'available'")
    )
    assert states == known
    assert verify.verify(shop).drifts == []


def test_receipts_and_cancellations_never_fill_over_what_is_there(shop, database_url):
    shop.execute("insert into skus (sku, name) values ('B', 'B')")
    for n in range(12):
        inbound.put(shop, inbound_id=f"in{n}", sku="B", location="L1", quantity=3,
                    expected_at=NOW + timedelta(days=3), state="confirmed", now=NOW)  # fmt: skip
        basket = Basket("preorder", "web", "ship", (AskedLine("B", 3, "L1"),), order_id=f"o{n}")
        reservations.place(shop, basket, reservation_id=f"o{n}", now=NOW)

    def receive(n):
        with database.connect(database_url) as db:
            inbound.receive(db, f"in{n}", message_id=f"m{n}", quantity=2, now=NOW)

    def act(n):
        with database.connect(database_url) as db:
            kind = "cancel" if n % 3 == 0 else "redate" if n % 3 == 1 else "allocate"
            try:
                orders.perform(db, f"o{n}", kind, OrderMessage(f"x{n}"), now=NOW)
            except StateConflict:
                raise AssertionError(kind) from None

    with ThreadPoolExecutor(8) as threads:
        jobs = [threads.submit(job, n) for n in range(12) for job in (receive, act)]
        for job in jobs:
            job.result()

    def units(kind):
        (found,) = shop.execute("select coalesce(sum(open_units), 0)::int from reservation_lines "
                                "where sku = 'B' and class = %s", [kind]).fetchone()  # fmt: skip
        return found

    # Twelve times two came; four orders of three were cancelled.
    assert units("hard") <= 24
    assert units("hard") + units("peg") == 24
    assert verify.verify(shop).drifts == []
    # What was cancelled last stands on the shelf until the next goods are dealt out.
    stock.correct(shop, sku="B", location="L1", delta=1, reason="restock", now=NOW)
    assert (units("hard"), units("peg")) == (24, 0)
