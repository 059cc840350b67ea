"""Threshold events: once per crossing, judged by the same units that availability publishes."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.errors import UnknownLocation, UnknownSku
from inventory.ledger import Fact
from inventory.reservations import AskedLine, Basket
from inventory.store import announcements, events, inbound, ledger, low_marks, reservations
from inventory.store.availability import availability
from inventory.thresholds import stock_state

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
PLACES = {
    "L1": ("UTC", None, 0, 0),
    "L2": ("America/New_York", "17:00", 2, 0),
    "L3": ("Asia/Tokyo", "12:00", 1, 2),
}
"""Time zone, cut-off, put-away lag and handling days."""


FIRST_DAYS = {"L1": date(2026, 6, 1), "L2": date(2026, 6, 1), "L3": date(2026, 6, 4)}
"""09:00 UTC is past noon in Tokyo: day 0 is 2 June there, and handling takes two days."""


@pytest.fixture
def shop(db):
    for sku in ("A", "B"):
        db.execute("insert into skus (sku, name) values (%s, %s)", [sku, sku])
    for location, times in PLACES.items():
        db.execute(
            "insert into locations (location, name, type, timezone, cutoff, put_away_lag_days, "
            "handling_days) values (%s, %s, 'warehouse', %s, %s, %s, %s)",
            [location, location, *times],
        )
    db.execute("insert into groups values ('pool', 'pool'), ('near', 'near')")
    db.execute(
        "insert into group_members values ('pool', 'L1'), ('pool', 'L2'), ('pool', 'L3'), "
        "('near', 'L1'), ('near', 'L2')"
    )
    db.execute("insert into channels (channel, name) values ('web', 'web')")
    return db


def stock(db, sku, location, units, *, at=NOW):
    fact = Fact(sku, location, "available", "delta", units, at - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=at)
        events.announce(db, [(sku, location)], now=at, cause="feed")


def told(db):
    rows = db.execute("select kind, location, payload from outbox order by event_id")
    return [
        (kind, location, payload["from"], payload["to"], payload["free_units"])
        for kind, location, payload in rows
    ]


def test_each_crossing_is_told_once(shop):
    stock(shop, "A", "L1", 5)
    shop.execute("update balances set low_units = 3")
    for change in (-1, -1, -1, -1, 0, -1, 0, 2, 5, 0):
        stock(shop, "A", "L1", change)
    assert told(shop) == [
        ("low_stock", "L1", "in", "low", 3),
        ("out_of_stock", "L1", "low", "out", 0),
        ("back_in_stock", "L1", "out", "low", 2),
        ("no_longer_low", "L1", "low", "in", 7),
    ]


def some_facts(db, rng):
    """Stock, dated supply and promises of every kind, placed straight into the tables."""
    db.execute("insert into reservations (reservation_id, kind, state, channel, method, created_at)"
               " values ('r', 'hard', 'confirmed', 'web', 'ship', now())")  # fmt: skip
    for location in PLACES:
        stock(db, "A", location, rng.choice([0, 0, 3, 8, 40]))
        db.execute("update balances set low_units = %s where location = %s",
                   [rng.choice([None, 0, 2, 10]), location])  # fmt: skip
    for n in range(rng.randrange(4)):
        db.execute(
            "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, "
            "updated_at) values (%s, 'A', %s, %s, %s, %s, now())",
            [f"i{n}", rng.choice(list(PLACES)), rng.randrange(1, 20),
             NOW + timedelta(hours=rng.randrange(-60, 200)),
             rng.choice(["planned", "confirmed", "shipped"])],
        )  # fmt: skip
    for n in range(rng.randrange(6)):
        grouped = rng.random() < 0.3
        expires_at = rng.choice([None, NOW, NOW + timedelta(seconds=1)])
        db.execute(
            "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
            "location, group_id, promised_date, quantity, open_units, class, expires_at) "
            "values ('r', %s, 1, 'A', 'ship', %s, %s, %s, %s, %s, 'hard', %s)",
            [n, None if grouped else rng.choice(list(PLACES)), rng.choice(["pool", "near"]),
             (NOW + timedelta(days=rng.randrange(-2, 12))).date(), *[rng.randrange(1, 12)] * 2,
             expires_at],
        )  # fmt: skip


FACTS = "reservation_lines, reservations, entries, balances, inbound, outbox, announcements_due"


def test_what_is_announced_is_what_availability_says(shop):
    """The general engine is the oracle: raw without any buffer is what is free."""
    for seed in range(25):
        shop.execute(f"truncate {FACTS} cascade")
        some_facts(shop, random.Random(seed))
        check_what_is_announced(shop)


def check_what_is_announced(shop):
    positions = [("A", location) for location in PLACES]
    with shop.transaction():
        events.announce(shop, positions, now=NOW)
    known = shop.execute(
        "select location, announced, low_units from balances where status = 'available'"
    ).fetchall()
    assert len(known) == 3
    for location, announced, low_units in known:
        answer = availability(
            shop, sku="A", location=location, channel="web", method="ship", now=NOW,
            on=FIRST_DAYS[location],
        )  # fmt: skip
        assert announced == stock_state(answer.raw, low_units), location
    before = told(shop)
    with shop.transaction():
        assert events.announce(shop, positions, now=NOW) == 0
    assert told(shop) == before


def test_a_promise_on_a_group_can_take_the_last_free_unit_of_a_member(shop):
    """The contract's example: L1 5, L2 5, L3 15; near = {1, 2} holds all its ten units."""
    for location, units in (("L1", 5), ("L2", 5), ("L3", 15)):
        stock(shop, "A", location, units)
    basket = Basket("hard", "web", "ship", (AskedLine("A", 10),), group="near", order_id="o-1")
    reservations.place(shop, basket, reservation_id="r-1", now=NOW)
    with shop.transaction():
        events.announce(shop, [("A", location) for location in PLACES], now=NOW)
    assert [row[:2] for row in told(shop)] == [("out_of_stock", "L1"), ("out_of_stock", "L2")]


def coming(db, units, at, *, location="L1", inbound_id="in-1"):
    inbound.put(db, inbound_id=inbound_id, sku="A", location=location, quantity=units,
                expected_at=at, state="confirmed", now=NOW)  # fmt: skip


def order(db, name, units, day):
    basket = Basket("hard", "web", "ship", (AskedLine("A", units, "L1"),), order_id=name,
                    on=(NOW + timedelta(days=day)).date())  # fmt: skip
    reservations.place(db, basket, reservation_id=name, now=NOW)


def test_supply_that_is_overdue_is_told_once_with_the_promises_it_breaks(shop):
    """2 on hand and 5 due on day 1; 6 promised for day 3. On day 2 the 5 are worth nothing."""
    stock(shop, "A", "L1", 2)
    coming(shop, 5, NOW + timedelta(days=1))
    order(shop, "o-1", 6, 3)
    shop.execute("truncate outbox")
    for day, events_due in ((0, 0), (1, 0), (2, 2), (2, 0), (3, 0)):
        now = NOW + timedelta(days=day)
        assert announcements.announce_due(shop, now=now) == events_due, f"on day {day}"
    kinds = shop.execute("select kind, payload from outbox order by event_id").fetchall()
    assert [kind for kind, _ in kinds] == ["shortage", "out_of_stock"]
    assert kinds[0][1]["short_units"] == 4
    assert kinds[1][1]["free_units"] == -4
    # Dated anew, it may become overdue anew.
    coming(shop, 5, NOW + timedelta(days=4))
    assert announcements.announce_due(shop, now=NOW + timedelta(days=4)) == 1
    assert announcements.announce_due(shop, now=NOW + timedelta(days=5)) == 2


def test_a_position_comes_back_when_the_dip_before_a_delivery_is_behind_it(shop):
    """4 on hand, 4 promised for day 0, 6 due on day 1: nothing is free until day 1 begins."""
    stock(shop, "A", "L1", 4)
    coming(shop, 6, NOW + timedelta(days=1))
    order(shop, "o-1", 4, 0)
    with shop.transaction():
        events.announce(shop, [("A", "L1")], now=NOW)
    assert announcements.announce_due(shop, now=NOW) == 0
    assert announcements.announce_due(shop, now=NOW + timedelta(days=1)) == 1
    assert told(shop)[-1] == ("back_in_stock", "L1", "out", "in", 6)


def test_what_a_group_promise_carries_along_is_announced_by_the_next_run(shop):
    """Near = {1, 2} holds 8 of 5 + 5. When L1 loses 2, the one unit free at L2 is needed too."""
    for location in ("L1", "L2"):
        stock(shop, "A", location, 5)
    basket = Basket("hard", "web", "ship", (AskedLine("A", 8),), group="near", order_id="o-1")
    reservations.place(shop, basket, reservation_id="r-1", now=NOW)
    stock(shop, "A", "L1", -2)
    assert [row[:2] for row in told(shop)] == [("out_of_stock", "L1")]
    assert announcements.announce_due(shop, now=NOW) == 1
    assert [row[:2] for row in told(shop)] == [("out_of_stock", "L1"), ("out_of_stock", "L2")]
    assert announcements.announce_due(shop, now=NOW) == 0


def marks(db):
    rows = db.execute("select location, low_units from balances order by location")
    return dict(rows.fetchall())


def test_a_mark_for_the_place_wins_over_one_for_the_sku_and_that_over_the_policy(shop):
    shop.execute(
        "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
        "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
        "select 'A', l, 1, 12.7, 1, 20, 3, 1, 0.9, 'r', now() "
        "from unnest(array['L1', 'L2']) l"
    )
    for location, units in (("L1", 10), ("L2", 10)):
        stock(shop, "A", location, units)
    assert marks(shop) == {"L1": 12, "L2": 12}
    assert [row[:2] for row in told(shop)] == [("low_stock", "L1"), ("low_stock", "L2")]
    low_marks.put(shop, sku="A", location=None, units=9, now=NOW)
    assert marks(shop) == {"L1": 9, "L2": 9}
    low_marks.put(shop, sku="A", location="L2", units=10, now=NOW)
    stock(shop, "A", "L3", 5)
    assert marks(shop) == {"L1": 9, "L2": 10, "L3": 9}
    low_marks.put(shop, sku="A", location=None, units=None, now=NOW)
    assert marks(shop) == {"L1": 12, "L2": 10, "L3": None}
    assert [row[:2] for row in told(shop)[2:]] == [
        ("no_longer_low", "L1"), ("no_longer_low", "L2"), ("low_stock", "L2"),
        ("low_stock", "L3"), ("low_stock", "L1"), ("no_longer_low", "L3"),
    ]  # fmt: skip
    assert low_marks.refresh(shop, now=NOW) == 0


def test_a_mark_is_for_what_there_is(shop):
    with pytest.raises(UnknownSku):
        low_marks.put(shop, sku="X", location=None, units=1, now=NOW)
    with pytest.raises(UnknownLocation):
        low_marks.put(shop, sku="A", location="LX", units=1, now=NOW)
