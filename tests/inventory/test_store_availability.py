"""Availability read from PostgreSQL: the worked examples again, now from rows."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.errors import InputRejected, InsufficientStock, NotFound, UnknownLocation, UnknownSku
from inventory.ledger import Fact
from inventory.reservations import AskedLine, Basket
from inventory.store import ledger, reservations
from inventory.store.availability import AvailabilityItem, availability, availability_many

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TODAY = NOW.date()


def day(t):
    return TODAY + timedelta(days=t)


def add_location(db, location, type_="warehouse", **columns):
    values = {"location": location, "name": location, "type": type_, **columns}
    names = ", ".join(values)
    places = ", ".join(["%s"] * len(values))
    db.execute(f"insert into locations ({names}) values ({places})", list(values.values()))


def add_sku(db, *skus):
    for sku in skus:
        db.execute("insert into skus (sku, name) values (%s, %s)", [sku, sku])


def stock(db, sku, location, units, status="available"):
    fact = Fact(sku, location, status, "receipt", units, NOW - timedelta(days=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def inbound(db, sku, location, units, expected_at, *, state="confirmed"):
    db.execute(
        """insert into inbound (inbound_id, sku, location, quantity, expected_at, state, updated_at)
        values (%s, %s, %s, %s, %s, %s, %s)""",
        [f"{sku}-{location}-{expected_at:%m%d}-{state}", sku, location, units, expected_at, state,
         NOW],
    )  # fmt: skip


counter = iter(range(1_000_000))


def hold(db, sku, units, *, kind="hard", at=None, location=None, group=None, ttl=None,
         method="web", channel="web"):  # fmt: skip
    basket = Basket(
        kind, channel, method, (AskedLine(sku, units),), location=location, group=group, on=at,
        ttl_seconds=ttl,
    )  # fmt: skip
    name = f"r{next(counter)}"
    return reservations.place(db, basket, reservation_id=name, now=NOW)


def buffer(db, rule, units_by_day, *, sku, location, method=None, run="run-1"):
    db.execute(
        "insert into buffer_rules (rule_id, sku, location, method, forecast) "
        "values (%s, %s, %s, %s, '{}')",
        [rule, sku, location, method],
    )
    db.execute(
        """insert into forecast_buffers
        (rule_id, sku, location, first_day, units, level, run_id, explanation, computed_at)
        values (%s, %s, %s, %s, %s, 0.95, %s, '{}', %s)""",
        [rule, sku, location, TODAY, units_by_day, run, NOW],
    )


@pytest.fixture
def dc(db):
    """The distribution centre of the worked example."""
    add_location(db, "DC")
    add_location(db, "S1", "store")
    add_sku(db, "A")
    for status, units in (("available", 92), ("defective", 5), ("inspection", 3)):
        stock(db, "A", "DC", units, status)
    for t, units in ((2, 4), (3, 40), (6, 60)):
        inbound(db, "A", "DC", units, NOW + timedelta(days=t))
    expired = hold(db, "A", 4, kind="soft", location="DC", ttl=60)
    hold(db, "A", 6, kind="soft", location="DC", ttl=86_400)
    for t, units, kind in ((0, 20, "hard"), (2, 10, "hard"), (6, 25, "preorder"), (5, 70, "hard")):
        hold(db, "A", units, kind=kind, location="DC", at=day(t))
    buffer(db, "dc", [10, 10, 10, 12, 12, 15, 15, 15], sku="A", location="DC", method="web")
    assert expired.expires_at == NOW + timedelta(minutes=1)
    return NOW + timedelta(minutes=1)


def test_distribution_centre(db, dc):
    got = availability(db, sku="A", location="DC", channel="web", method="web", now=dc,
                       horizon_days=7, quantity=16, explain=True)  # fmt: skip
    assert got.atp_by_day == (15, 15, 15, 15, 15, 15, 50, 50)
    assert (got.atp, got.raw, got.binding_date) == (15, 15, day(5))
    assert got.earliest_date == day(6)
    assert got.as_of == dc
    assert sum(term.quantity for term in got.terms) == 15
    assert "buffer-rule dc, forecast run run-1" in {term.source for term in got.terms}


def test_the_answer_as_json(db, dc):
    got = availability(db, sku="A", location="DC", channel="web", method="web", now=dc,
                       horizon_days=1, quantity=16, explain=True)  # fmt: skip
    body = json.loads(json.dumps(got.as_dict()))
    terms = body.pop("terms")
    assert {frozenset(term) for term in terms} == {frozenset(["term", "quantity", "source"])}
    assert body == {
        "sku": "A", "location": "DC", "channel": "web", "method": "web",
        "as_of": "2026-06-01T09:01:00+00:00", "atp": 15, "raw": 15, "binding_date": "2026-06-06",
        "earliest_date": "2026-06-07",
        "days": [{"date": "2026-06-01", "atp": 15}, {"date": "2026-06-02", "atp": 15}],
    }  # fmt: skip


def test_a_hold_counts_until_the_very_instant_of_its_expiry(db, dc):
    view = {"sku": "A", "location": "DC", "channel": "web", "method": "web"}
    before = availability(db, **view, now=dc - timedelta(microseconds=1))
    assert (before.atp, availability(db, **view, now=dc).atp) == (11, 15)


def test_a_short_horizon_still_looks_ahead(db, dc):
    got = availability(db, sku="A", location="DC", method="web", now=dc, horizon_days=0)
    assert got.atp_by_day == (15,)


def test_store_by_two_methods(db):
    add_location(db, "S1", "store")
    add_sku(db, "A")
    stock(db, "A", "S1", 8)
    inbound(db, "A", "S1", 6, NOW + timedelta(days=4), state="shipped")
    hold(db, "A", 2, location="S1")
    hold(db, "A", 1, kind="soft", location="S1")
    hold(db, "A", 1, location="S1", at=day(3))
    buffer(db, "pick-up", [2, 2, 3, 3, 2, 2, 2, 2], sku="A", location="S1", method="bopis")
    db.execute(
        "insert into buffer_rules (rule_id, location_type, method, quantity) "
        "values ('from-store', 'store', 'sfs', 4)"
    )
    items = [
        AvailabilityItem("A", location="S1", method=method) for method in ("bopis", "sfs", None)
    ]
    bopis, sfs, bare = availability_many(db, items, now=NOW, horizon_days=7)
    assert bopis.atp_by_day == (1, 1, 1, 1, 8, 8, 8, 8)
    assert sfs.atp_by_day == (0, 0, 0, 0, 6, 6, 6, 6)
    assert bare.atp_by_day == (4, 4, 4, 4, 10, 10, 10, 10)


def test_planned_overdue_and_lagging_supply(db):
    add_location(db, "DC", put_away_lag_days=2)
    add_sku(db, "A")
    inbound(db, "A", "DC", 5, NOW + timedelta(days=1), state="planned")
    inbound(db, "A", "DC", 7, NOW - timedelta(days=1))
    inbound(db, "A", "DC", 3, NOW + timedelta(days=1))
    got = availability(db, sku="A", location="DC", now=NOW, horizon_days=4)
    assert got.atp_by_day == (0, 0, 0, 3, 3)


def test_after_the_cut_off_day_zero_is_tomorrow(db):
    add_location(db, "NY", timezone="America/New_York", cutoff="17:00")
    add_sku(db, "A")
    stock(db, "A", "NY", 5)
    inbound(db, "A", "NY", 2, NOW + timedelta(days=1))
    evening = datetime(2026, 6, 1, 21, 0, 1, tzinfo=UTC)
    got = availability(db, sku="A", location="NY", now=evening, horizon_days=1)
    assert got.days == [(date(2026, 6, 2), 7), (date(2026, 6, 3), 7)]
    with pytest.raises(InputRejected, match="the first day left is 2026-06-02"):
        availability(db, sku="A", location="NY", now=evening, on=date(2026, 6, 1))


def group_of(db, group, *locations):
    db.execute("insert into groups values (%s, %s)", [group, group])
    for location in locations:
        db.execute("insert into group_members values (%s, %s)", [group, location])


def test_overlapping_groups(db):
    add_sku(db, "A")
    for location, units in (("L1", 5), ("L2", 5), ("L3", 15)):
        add_location(db, location)
        stock(db, "A", location, units)
    group_of(db, "gA", "L1", "L2")
    group_of(db, "gB", "L2", "L3")
    hold(db, "A", 17, group="gB", method="ship")
    items = [AvailabilityItem("A", group=group, method="ship") for group in ("gA", "gB")]
    items += [AvailabilityItem("A", location=at, method="ship") for at in ("L1", "L2", "L3")]
    assert [a.atp for a in availability_many(db, items, now=NOW)] == [8, 3, 5, 3, 3]


def test_bundle_at_a_position_and_in_a_group(db):
    add_sku(db, "A", "B", "C")
    db.execute("insert into bundles values ('C', 'A', 1), ('C', 'B', 2)")
    for location in ("DC", "S1"):
        add_location(db, location)
    stock(db, "A", "DC", 150)
    stock(db, "B", "DC", 200)
    stock(db, "B", "S1", 11)
    group_of(db, "all", "DC", "S1")
    at_dc = availability(db, sku="C", location="DC", now=NOW, quantity=100, explain=True)
    assert (at_dc.atp, at_dc.earliest_date) == (100, TODAY)
    assert [term.quantity for term in at_dc.terms] == [100, 0]
    assert availability(db, sku="C", group="all", now=NOW).atp == 105
    hold(db, "B", 50, location="DC")
    assert availability(db, sku="C", location="DC", now=NOW).atp == 75


def test_the_most_specific_rule_wins_and_buffers_do_not_add_up(db):
    add_location(db, "S1", "store")
    db.execute("insert into skus (sku, name, category) values ('A', 'A', 'toys')")
    stock(db, "A", "S1", 100)
    add = (
        "insert into buffer_rules (rule_id, sku, category, location, location_type, method, "
        "channel, quantity) values (%s, %s, %s, %s, %s, %s, %s, %s)"
    )
    expected = []
    for rule in (
        ("class", None, "toys", None, "store", "bopis", None, 1),
        ("position", "A", None, "S1", None, None, None, 2),
        ("method", "A", None, "S1", None, "bopis", None, 3),
        ("channel", "A", None, "S1", None, "bopis", "app", 4),
        ("other", "A", None, "S1", None, "bopis", "web", 50),
    ):
        db.execute(add, rule)
        got = availability(db, sku="A", location="S1", channel="app", method="bopis", now=NOW)
        expected.append(got.atp)
    assert expected == [99, 98, 97, 96, 96]


def test_days_of_cover_follow_the_forecast_in_force(db):
    add_location(db, "S1", "store")
    add_sku(db, "A")
    stock(db, "A", "S1", 100)
    db.execute(
        "insert into forecast_runs (run_id, first_day, horizon, levels, model_version, series, "
        "made_at) values ('run-9', %s, 3, '{0.5}', 'm', 1, %s)", [TODAY, NOW]
    )  # fmt: skip
    db.execute(
        "insert into forecasts values ('run-9', 'A', 'S1', '{4,6,8.2}', '{4,6,8.2}', '{0,0}')"
    )
    db.execute("insert into current_forecasts values ('A', 'S1', 'run-9')")
    db.execute(
        "insert into buffer_rules (rule_id, sku, location, days_of_cover, lookahead_days) "
        "values ('cover', 'A', 'S1', 1.5, 0)"
    )
    got = availability(db, sku="A", location="S1", now=NOW, horizon_days=3, explain=True)
    # 4 + 3 = 7; 6 + 4.1 = 10.1, so 11; then 8.2 a day for good: 12.3, so 13.
    assert got.atp_by_day == (93, 89, 87, 87)
    assert got.terms[-1].source == "buffer-rule cover, forecast run run-9"


def test_what_is_unknown_or_malformed_is_named_and_does_not_spoil_the_others(db):
    add_location(db, "DC")
    add_sku(db, "A")
    stock(db, "A", "DC", 3)
    group_of(db, "empty")
    items = [
        AvailabilityItem("A", location="DC"),
        AvailabilityItem("nope", location="DC"),
        AvailabilityItem("A", location="nowhere"),
        AvailabilityItem("A", group="none"),
        AvailabilityItem("A"),
        AvailabilityItem("A", location="DC", on=TODAY - timedelta(days=1)),
        AvailabilityItem("A", location="DC", quantity=0),
        AvailabilityItem("nope", group="empty"),
        AvailabilityItem("A", group="empty"),
        AvailabilityItem("A", location="DC", on=TODAY + timedelta(days=4000)),
    ]
    got = availability_many(db, items, now=NOW)
    kinds = [type(answer) for answer in got[1:8]]
    assert kinds == [UnknownSku, UnknownLocation, NotFound, InputRejected, InputRejected,
                     InputRejected, UnknownSku]  # fmt: skip
    assert (got[0].atp, got[8].atp) == (3, 0)
    assert isinstance(got[9], InputRejected)


def test_the_number_of_statements_does_not_grow_with_the_questions(db, monkeypatch):
    add_sku(db, "A")
    for n in range(20):
        add_location(db, f"L{n}")
        stock(db, "A", f"L{n}", n)
    statements = []
    execute = type(db).execute
    monkeypatch.setattr(
        type(db), "execute", lambda self, *a, **k: (statements.append(1), execute(self, *a, **k))[1]
    )
    items = [AvailabilityItem("A", location=f"L{n}") for n in range(20)]
    assert [answer.atp for answer in availability_many(db, items, now=NOW)] == list(range(20))
    assert len(statements) == 1


def test_what_a_location_does_not_offer_is_neither_shown_nor_promised(db):
    add_location(db, "S1", "store", methods=["bopis"])
    add_sku(db, "A")
    stock(db, "A", "S1", 8)
    items = [
        AvailabilityItem("A", location="S1", method=method, explain=True)
        for method in ("bopis", "same_day")
    ]
    offered, not_offered = availability_many(db, items, now=NOW)
    assert (offered.atp, not_offered.atp, not_offered.raw) == (8, 0, 0)
    assert [(t.term, t.quantity, t.source) for t in not_offered.terms if t.term == "method"] == [
        ("method", -8, "S1 offers bopis only")
    ]
    with pytest.raises(InsufficientStock):
        hold(db, "A", 1, location="S1", method="same_day")
    assert hold(db, "A", 1, location="S1", method="bopis").lines[0].open_units == 1


def test_an_order_gets_what_raw_says_and_a_cart_what_atp_says(db):
    """`atp` is for carts, which may oversell; whoever pays at once can have `raw` and no more."""
    add_location(db, "S1", "store")
    add_sku(db, "A")
    stock(db, "A", "S1", 3)
    db.execute("insert into channels (channel, name, oversell_units) values ('web', 'Web', 2)")
    found = availability(db, sku="A", location="S1", channel="web", now=NOW)
    assert (found.atp, found.raw) == (5, 3)
    with pytest.raises(InsufficientStock) as refused:
        hold(db, "A", 4, kind="hard", location="S1")
    assert refused.value.shortages[0].available_units == 3
    with pytest.raises(InsufficientStock):
        hold(db, "A", 6, kind="soft", location="S1")
    assert hold(db, "A", 5, kind="soft", location="S1").lines[0].open_units == 5
