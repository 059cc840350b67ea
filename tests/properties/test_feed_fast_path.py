"""The set-based path of a feed decides as the rules do, row by row.

Rows are read by columns, and changes are decided inside the database. Both have a plain counterpart
in `inventory.feeds` and `inventory.ledger`, one row at a time, and must agree with it on anything.
"""

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.catalog import Location, Sku
from inventory.feed_columns import ROWS_TOGETHER_MIN, read_rows
from inventory.feeds import Problem, read_row
from inventory.ledger import SNAPSHOT, Balance, Fact, Key, decide_delta, decide_snapshot
from inventory.store import catalog, database, feeds, ledger, verify
from tests.databases import copied

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
examples = itertools.count()

good = {
    "id": st.sampled_from(["m1", "m2", "ü"]),
    "sku": st.sampled_from(["A", "B"]),
    "location": st.sampled_from(["S1", None]),
    "quantity": st.integers(-5, 10**12),
    "effective_at": st.sampled_from(
        ["2026-07-01T06:00:00Z", "2026-07-01T08:30:00.000001+02:00", "20260701T060000Z",
         "2026-07-01T23:00:00Z"]
    ),
    "status": st.sampled_from(["available", "frozen"]),
    "sequence": st.sampled_from([None, 0, -(2**63) + 1]),
    "reason": st.sampled_from([None, "sale"]),
}  # fmt: skip
odd = st.sampled_from(
    ["", " ", "\x1f", "a\x00", "\ud800", "x" * 201, None, 1, 1.5, True, [], {}, 2**63, -(10**13),
     "2026-07-01T06:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "yesterday",
     datetime(2026, 7, 1, tzinfo=UTC)]
)  # fmt: skip


@given(
    rows=st.lists(st.fixed_dictionaries(good), min_size=1, max_size=4),
    spoilt=st.lists(st.tuples(st.integers(0, 3), st.sampled_from(sorted(good)), odd), max_size=2),
    mode=st.sampled_from(["delta", "snapshot"]),
    location=st.sampled_from([None, "S9"]),
    alien=st.sampled_from([None, "not a row", 7]),
)
def test_columns_read_as_rows_do(rows, spoilt, mode, location, alien):
    for place, field, value in spoilt:
        rows[place % len(rows)][field] = value
    rows = rows * ROWS_TOGETHER_MIN + ([] if alien is None else [alien])
    said = {"mode": mode, "location": location, "now": NOW}
    assert read_rows(rows, **said) == [read_row(row, **said) for row in rows]


@pytest.fixture(scope="module")
def shop(postgres_url):
    """One database for all examples; nothing drifts in it at the end."""
    with copied(postgres_url, "fast_path") as url, database.connect(url) as db:
        yield db
        assert verify.verify(db).drifts == []


class ByTheRules:
    """What the rules say becomes of messages, one row after the other, and of the balances."""

    def __init__(self, known):
        self.known = known
        self.bodies = {}
        self.balances = {}

    def count(self, key, units, at):
        fact = Fact(*key, SNAPSHOT, units, at, "rules")
        _, self.balances[key] = decide_snapshot(Balance(), fact, later_units=0)

    def message(self, rows, *, atomic):
        balances, bodies = dict(self.balances), dict(self.bodies)
        outcomes = [self.row(row, balances, bodies) for row in rows]
        if atomic and "quarantined" in outcomes:
            seen = [
                o == "duplicate" and row["id"] in self.bodies
                for o, row in zip(outcomes, rows, strict=True)
            ]
            return ["duplicate" if before else "quarantined" for before in seen]
        self.balances, self.bodies = balances, bodies
        return outcomes

    def row(self, row, balances, bodies):
        read = read_row(row, mode="delta", location=None, now=NOW)
        if isinstance(read, Problem) or read.sku not in self.known:
            return "quarantined"
        if read.message_id in bodies:
            return "duplicate" if bodies[read.message_id] == read.body_hash else "quarantined"
        bodies[read.message_id] = read.body_hash
        key = Key(read.sku, read.location, read.status)
        fact = Fact(*key, "delta", read.units, read.effective_at, "rules", sequence=read.sequence)
        recorded, balances[key] = decide_delta(balances.get(key, Balance()), fact)
        return recorded.outcome


def rows_of(place):
    return st.lists(
        st.fixed_dictionaries(
            {
                "id": st.sampled_from([f"m{i}" for i in range(6)]),
                "sku": st.sampled_from([f"{place}-A", f"{place}-B", "nobody"]),
                "location": st.just(place),
                "quantity": st.sampled_from([-3, -1, 0, 2, 2.5]),
                "effective_at": st.integers(-3, 3).map(
                    lambda hours: (NOW + timedelta(hours=hours)).isoformat()
                ),
                "status": st.sampled_from(["available", "available", "defective"]),
                "sequence": st.sampled_from([None, 4]),
                "reason": st.sampled_from([None, "sale"]),
            }
        ),
        max_size=6,
    )


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), counted=st.booleans())
def test_the_database_decides_as_the_rules_do(shop, data, counted):
    place = f"S{next(examples)}"
    catalog.put(shop, Location(place, place, "store"))
    catalog.put_many(shop, [Sku(f"{place}-{name}", "x") for name in "AB"])
    rules = ByTheRules({f"{place}-A", f"{place}-B"})
    if counted:
        at = NOW - timedelta(hours=1)
        count = {"id": "count", "sku": f"{place}-A", "location": place, "quantity": 9,
                 "effective_at": at.isoformat()}  # fmt: skip
        feeds.sync(shop, mode="snapshot", rows=[count], now=NOW, source="test", feed=f"c{place}")
        rules.count(Key(f"{place}-A", place, "available"), 9, at)
    for _ in range(3):
        rows, atomic = data.draw(rows_of(place)), data.draw(st.booleans())
        result = feeds.sync(
            shop, mode="delta", rows=rows, now=NOW, source="test", feed=place, atomic=atomic
        )
        assert [row.outcome for row in result.results] == rules.message(rows, atomic=atomic)
        found = shop.execute(
            "select sku, location, status, units from balances where location = %s", [place]
        )
        units = {Key(*key): n for *key, n in found}
        assert {key: n for key, n in units.items() if n} == {
            key: balance.units for key, balance in rules.balances.items() if balance.units
        }
    told = ledger.entries(shop, location=place)
    assert all(e["clamped"] is False or e["effective_at"] == NOW for e in told)
