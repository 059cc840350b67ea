"""The short ways to a promise give the answer of the general engine, wherever they give one."""

import json
from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.errors import InsufficientStock, VouchError
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    ample_promises,
    database,
    general_promises,
    plain_promises,
    verify,
)
from inventory.store.wanted import Wanted
from tests.databases import copied

NOW = datetime(2026, 6, 1, 16, 30, tzinfo=UTC)
TODAY = NOW.date()
SKUS, LOCATIONS, METHODS, CHANNELS = ("A", "B"), ("L1", "L2"), ("ship", "bopis"), ("web", "app")

few = st.integers(0, 3)
days = st.integers(-2, 9)
maybe = st.none()


def one_of(*values):
    return st.sampled_from(values)


locations = st.fixed_dictionaries({
    "type": one_of(*["store", "warehouse"] * 3, "vendor"),
    "timezone": one_of("UTC", "Asia/Tokyo", "America/Los_Angeles"),
    "cutoff": one_of(None, time(9, 30), time(16, 30), time(23)),
    "put_away_lag_days": st.integers(0, 2), "handling_days": one_of(*[None, 0] * 4, 1),
    "methods": one_of(*[[], ["ship", "bopis"]] * 3, ["sfs", "bopis"], ["bopis"]),
})  # fmt: skip
stocks = st.fixed_dictionaries({
    "units": st.one_of(st.integers(-1, 12), st.integers(13, 40)), "low_units": one_of(None, 2, 5),
})  # fmt: skip
holds = st.fixed_dictionaries({
    "sku": one_of(*SKUS), "location": one_of(*LOCATIONS * 6, None), "units": st.integers(1, 4),
    "day": days, "ends": one_of(None, -60, 0, 1, 3600),
})  # fmt: skip
supplies = st.fixed_dictionaries({
    "sku": one_of(*SKUS), "location": one_of(*LOCATIONS), "units": st.integers(0, 5),
    "day": days, "hour": st.integers(0, 23), "state": one_of("planned", "confirmed", "shipped"),
})  # fmt: skip
rules = st.fixed_dictionaries({
    "sku": one_of(None, *SKUS), "category": one_of(None, "toys", "food"),
    "location": one_of(None, *LOCATIONS), "location_type": one_of(None, "store", "warehouse"),
    "method": one_of(None, *METHODS), "channel": one_of(None, *CHANNELS),
    "measure": one_of("quantity", "quantity", "quantity", "forecast", "days_of_cover"),
    "units": st.integers(0, 4), "lookahead_days": one_of(None, None, 0, 2),
    "computed": st.lists(st.integers(0, 5), max_size=6), "first": st.integers(-3, 4),
})  # fmt: skip
lines = st.lists(
    st.tuples(one_of(*SKUS), one_of(1, 1, 2, 3, 4, 15), one_of(*LOCATIONS)), min_size=1, max_size=3
)
baskets = st.fixed_dictionaries({
    "kind": one_of("soft", "hard"), "channel": one_of(*CHANNELS, "unknown"),
    "method": one_of(*METHODS), "lines": lines, "on": one_of(None, None, 0, 1, 5, 40),
    "ttl_seconds": one_of(None, 60), "order": st.booleans(), "priority": st.integers(0, 2),
})  # fmt: skip
worlds = st.fixed_dictionaries({
    "locations": st.tuples(locations, locations),
    "stocks": st.tuples(stocks, stocks, stocks, stocks),
    "holds": st.lists(holds, max_size=4),
    "supplies": st.lists(supplies, max_size=3),
    "rules": st.lists(rules, max_size=4),
    "odd": one_of(*[None] * 16, "link", "pre-sale", "bundle", "oversell"),
    "baskets": st.lists(baskets, min_size=1, max_size=4),
})  # fmt: skip


@pytest.fixture(scope="module")
def world_db(postgres_url):
    with copied(postgres_url, "plain_promises") as url, database.connect(url) as db:
        yield db


def build(db, world):
    """Write a world, in a transaction that is undone afterwards; in one trip."""
    with db.pipeline():
        _build(db, world)


def _build(db, world):
    for name, place in zip(LOCATIONS, world["locations"], strict=True):
        db.execute(
            "insert into locations (location, name, type, timezone, cutoff, put_away_lag_days, "
            "handling_days, methods) "
            "values (%(name)s, 'x', %(type)s, %(timezone)s, %(cutoff)s, %(put_away_lag_days)s, "
            "%(handling_days)s, %(methods)s)",
            {"name": name, **place},
        )
    db.execute("insert into skus (sku, name, category) values ('A', '', 'toys'), ('B', '', 'food')")
    db.execute("insert into groups values ('pool', 'x')")
    db.execute("insert into group_members values ('pool', 'L1'), ('pool', 'L2')")
    oversell = 2 if world["odd"] == "oversell" else 0
    db.execute(
        "insert into channels (channel, name, soft_ttl_seconds, order_ttl_seconds, oversell_units) "
        "values ('web', '', 900, 7200, 0), ('app', '', 30, 60, %s)",
        [oversell],
    )
    places = [(sku, at) for sku in SKUS for at in LOCATIONS]
    for (sku, at), stock in zip(places, world["stocks"], strict=True):
        db.execute(
            "insert into balances (sku, location, status, units, low_units, updated_at) "
            "values (%s, %s, 'available', %s, %s, now())",
            [sku, at, stock["units"], stock["low_units"]],
        )
    for number, hold in enumerate(world["holds"]):
        build_hold(db, number, hold)
    for number, supply in enumerate(world["supplies"]):
        at = NOW.replace(hour=supply["hour"]) + timedelta(days=supply["day"])
        db.execute(
            "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, "
            "updated_at) values (%s, %s, %s, %s, %s, %s, now())",
            [number, supply["sku"], supply["location"], supply["units"], at, supply["state"]],
        )
    for number, rule in enumerate(world["rules"]):
        build_rule(db, f"r{number}", rule)
    build_odd(db, world["odd"])


def build_hold(db, number, hold):
    ends = None if hold["ends"] is None else NOW + timedelta(seconds=hold["ends"])
    day = TODAY + timedelta(days=hold["day"])
    kind, state = ("hard", "confirmed") if ends is None else ("soft", "active")
    db.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at, "
        "expires_at) values (%s, %s, %s, 'web', 'ship', %s, %s)",
        [f"h{number}", kind, state, NOW - timedelta(days=3), ends],
    )
    db.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
        "location, group_id, promised_date, quantity, open_units, class, expires_at) "
        "values (%s, 1, 1, %s, 'ship', %s, %s, %s, %s, %s, %s, %s)",
        [f"h{number}", hold["sku"], hold["location"], None if hold["location"] else "pool", day,
         hold["units"], hold["units"], kind, ends],
    )  # fmt: skip


def build_rule(db, rule_id, rule):
    measure = rule["measure"]
    db.execute(
        "insert into buffer_rules (rule_id, sku, category, location, location_type, method, "
        "channel, quantity, days_of_cover, forecast, lookahead_days) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            rule_id, rule["sku"], rule["category"], rule["location"], rule["location_type"],
            rule["method"], rule["channel"],
            rule["units"] if measure == "quantity" else None,
            1.5 if measure == "days_of_cover" else None,
            json.dumps({"floor": rule["units"]}) if measure == "forecast" else None,
            rule["lookahead_days"],
        ],
    )  # fmt: skip
    if measure == "forecast" and rule["computed"] is not None:
        db.execute(
            "insert into forecast_buffers (rule_id, sku, location, first_day, units, level, "
            "run_id, explanation, computed_at) values (%s, 'A', 'L1', %s, %s, 0.9, 'x', '{}', "
            "now())",
            [rule_id, TODAY + timedelta(days=rule["first"]), rule["computed"]],
        )


def build_odd(db, odd):
    if odd == "link":
        db.execute("insert into supply_links (link_id, channel, location, ratio) "
                   "values ('k', 'web', 'L1', 0.5)")  # fmt: skip
    if odd == "pre-sale":
        db.execute("insert into pre_sales (pre_sale_id, sku, location, available_on, cap_units) "
                   "values ('p', 'A', 'L1', %s, 5)", [TODAY + timedelta(days=3)])  # fmt: skip
    if odd == "bundle":
        db.execute("insert into bundles (sku, component, units) values ('A', 'B', 2)")


def wanted(number, asked):
    return Wanted(
        f"new-{number}",
        Basket(
            asked["kind"], asked["channel"], asked["method"],
            tuple(AskedLine(*line) for line in asked["lines"]),
            on=None if asked["on"] is None else TODAY + timedelta(days=asked["on"]),
            ttl_seconds=asked["ttl_seconds"], priority=asked["priority"],
            order_id=f"o{number}" if asked["order"] else None,
        ),
        actor="tester",
    )  # fmt: skip


WRITTEN = """
    select (
        select json_agg(k) from (
            select reservation_id, kind, state, channel, r.method, priority, order_id, created_at,
                r.expires_at, confirmed_at, actor, l.sku, l.location, l.line_no, l.request_line,
                l.promised_date, l.quantity, l.open_units, l.class,
                l.expires_at as line_expires_at
            from reservations r join reservation_lines l using (reservation_id)
            where reservation_id like 'new-%' order by reservation_id, l.line_no) k
    ), (
        select json_agg(e) from (
            select kind, sku, location, payload from outbox order by 2, 3) e
    ), (
        select json_agg(b) from (
            select sku, location, announced from balances order by 1, 2) b
    )
"""
"""Promises, events, and what others were last told of each position."""


def told(outcome):
    if isinstance(outcome, VouchError):
        return (type(outcome).__name__, getattr(outcome, "shortages", str(outcome)))
    return outcome


def miscounted(db):
    return db.execute(verify._COMMITTED_UNITS).fetchall()


def undone(db, act):
    """What it answers and what it writes."""
    found = []
    with db.transaction():
        outcomes = [told(outcome) for outcome in act()]
        found.append((outcomes, *db.execute(WRITTEN).fetchone(), miscounted(db)))
        raise psycopg.Rollback
    return found[0]


class ShortWays:
    """Places by the short ways, and counts which of them was taken."""

    def __init__(self, db, monkeypatch):
        self.db = db
        self.taken = Counter()
        self.was_ample = False
        place = ample_promises.place

        def watched(*args, **options):
            placed = place(*args, **options)
            self.was_ample = placed is not None
            return placed

        monkeypatch.setattr(ample_promises, "place", watched)

    def place(self, wants):
        outcomes = plain_promises.place(self.db, wants, now=NOW)
        call = "together" if len(wants) > 1 else "one"
        for outcome in outcomes:
            refused = isinstance(outcome, InsufficientStock)
            way = "ample" if self.was_ample else "refused" if refused else "plain"
            self.taken[call, "general" if outcome is None else way] += 1
        return outcomes


def agree(ways, world):
    """Compare basket by basket, then all in one call."""
    db = ways.db
    build(db, world)
    asked = [wanted(number, basket) for number, basket in enumerate(world["baskets"])]
    for want in asked:
        short = undone(db, lambda want=want: ways.place([want]))
        assert short[-1] == []
        if short[0] == [None]:
            continue
        full = undone(db, lambda want=want: [general_promises.place(db, want, now=NOW)])
        assert short == full
    together = undone(db, lambda: ways.place(asked))
    assert together[-1] == []
    if None not in together[0]:
        one_by_one = undone(
            db, lambda: [general_promises.place(db, want, now=NOW) for want in asked]
        )
        assert together[:2] == one_by_one[:2]
        assert last_told(together) == last_told(one_by_one)
        assert together[3:] == one_by_one[3:]


def last_told(found):
    """Of several events of a position in one transaction: the state it ends in."""
    return {(e["sku"], e["location"]): e["payload"]["to"] for e in found[2] or ()}


def compare(ways, examples):
    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(world=worlds)
    def compared(world):
        with ways.db.transaction():
            agree(ways, world)
            raise psycopg.Rollback

    compared()
    # The comparison is worth something only where the short ways are taken.
    lacking = [
        (call, way)
        for call in ("one", "together")
        for way in ("ample", "plain", "refused")
        if not ways.taken[call, way]
    ]
    assert lacking == [], ways.taken


@pytest.fixture
def ways(world_db, monkeypatch):
    return ShortWays(world_db, monkeypatch)


def test_the_short_ways_give_the_general_answer(ways):
    compare(ways, 150)


@pytest.mark.slow
def test_the_short_ways_give_the_general_answer_at_length(ways):
    compare(ways, 1000)


def test_worked_example(world_db):
    """The warehouse of the contract's worked example: 15 units at D0, 50 at D6."""
    with world_db.transaction():
        the_worked_example(world_db)
        raise psycopg.Rollback


def the_worked_example(world_db):
    place = {
        "type": "warehouse",
        "timezone": "UTC",
        "cutoff": None,
        "put_away_lag_days": 0,
        "handling_days": None,
        "methods": [],
    }
    holds = [(20, 0, None), (6, 0, 60), (4, 0, 0), (10, 2, None), (70, 5, None), (25, 6, None)]
    rule = dict.fromkeys(("sku", "category", "location", "location_type", "method", "channel"))
    rule |= {"measure": "forecast", "units": 0, "lookahead_days": None, "first": 0,
             "computed": [10, 10, 10, 12, 12, 15, 15, 15]}  # fmt: skip
    stock = {"units": 92, "low_units": None}
    build(world_db, {
        "locations": (place, place), "stocks": (stock,) * 4, "rules": [rule], "odd": None,
        "holds": [{"sku": "A", "location": "L1", "units": u, "day": d, "ends": e}
                  for u, d, e in holds],
        "supplies": [{"sku": "A", "location": "L1", "units": u, "day": d, "hour": 18,
                      "state": "confirmed"}
                     for u, d in ((4, 2), (40, 3), (60, 6))],
    })  # fmt: skip
    for on, available in ((None, 15), (4, 15), (5, 15), (6, 50)):
        basket = {
            "kind": "soft",
            "channel": "web",
            "method": "ship",
            "on": on,
            "lines": [("A", 51, "L1")],
            "ttl_seconds": None,
            "order": False,
            "priority": 0,
        }
        (refused,) = plain_promises.place(world_db, [wanted(1, basket)], now=NOW)
        assert [s.available_units for s in refused.shortages] == [available]
        day = TODAY if on is None else date(2026, 6, 1 + on)
        assert refused.shortages[0].day == day
