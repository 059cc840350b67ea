"""The simulator finds bugs: each of these, put in on purpose, is caught by one of its seeds."""

import re

import psycopg
import pytest

import inventory.reservations
from inventory.store import (
    counts,
    database,
    idempotency,
    ledger,
    orders,
    reservation_rows,
    shortages,
)
from tests.simulator.simulation import Simulation, Wrong

SEEDS_MAX = 150
ROUNDS = 16


@pytest.fixture
def simulation(database_url):
    simulation = Simulation(database_url)
    yield simulation
    simulation.close()


def seed_that_finds_it(simulation, rounds=ROUNDS):
    """The first seed in whose history the engine is wrong."""
    for seed in range(SEEDS_MAX):
        try:
            simulation.run(seed, rounds=rounds)
        except Wrong as wrong:
            told = str(wrong)
            assert f"VOUCH_SIM_FIRST={seed} " in told, "the report says how to replay it"
            return seed
    pytest.fail(f"{SEEDS_MAX} seeds did not find it")


def functions(db):
    """The text of every function inside the database."""
    found = db.execute(
        "select pg_get_functiondef(oid) from pg_proc "
        "where pronamespace = 'public'::regnamespace and prokind = 'f'"
    )
    return [text for (text,) in found.fetchall()]


def alter_functions(db, old, new):
    """Change every function inside the database that says so."""
    changed = [text.replace(old, new) for text in functions(db) if old in text]
    assert changed, f"no function says {old}"
    for text in changed:
        db.execute(text)


def test_a_hold_that_still_counts_at_the_instant_of_its_expiry(simulation, monkeypatch):
    monkeypatch.setattr(
        inventory.reservations, "is_live", lambda expires_at, now: not expires_at < now
    )
    seed_that_finds_it(simulation)


def test_a_read_that_counts_expired_holds(simulation, database_url):
    with database.connect(database_url) as db:
        alter_functions(db, "l.expires_at <= at", "l.expires_at < at")
    seed_that_finds_it(simulation)


def test_changes_that_are_applied_twice(simulation, monkeypatch):
    once = ledger.decide_deltas

    def twice(balances, facts):
        recorded, after = once(balances, facts)
        return recorded, once(after, facts)[1]

    monkeypatch.setattr(ledger, "decide_deltas", twice)
    seed_that_finds_it(simulation)


def test_repeats_that_run_again(simulation, monkeypatch):
    def forget(db, *, act, status=200, **_):
        return idempotency.Outcome(status, act(), replayed=False)

    monkeypatch.setattr(idempotency, "once", forget)
    seed_that_finds_it(simulation)


def test_refusals_that_are_not_remembered(simulation, monkeypatch):
    monkeypatch.setattr(idempotency, "as_record", lambda _error: None)
    seed_that_finds_it(simulation)


def test_a_short_shipment_that_keeps_the_rest(simulation, monkeypatch):
    ship = orders.orders.ship

    def keeping(lines, message):
        decided = ship(lines, message)
        for before, after in zip(lines, decided.lines, strict=True):
            rest = before.open_units - (after.shipped_units - before.shipped_units)
            object.__setattr__(after, "open_units", rest)
        return decided

    monkeypatch.setattr(orders.orders, "ship", keeping)
    seed_that_finds_it(simulation)


def test_a_release_that_keeps_the_units(simulation, monkeypatch):
    monkeypatch.setattr(reservation_rows, "write_lines", lambda *_: None)
    seed_that_finds_it(simulation)


def test_a_count_that_forgets_what_came_after_it(simulation, monkeypatch):
    monkeypatch.setattr(counts, "later_units", lambda _db, moments: [0] * len(moments))
    seed_that_finds_it(simulation)


def test_a_shortage_that_nobody_is_told_of(simulation, monkeypatch):
    monkeypatch.setattr(shortages, "report", lambda *_, **__: 0)
    seed_that_finds_it(simulation, rounds=50)


def without_locks(sql):
    return re.sub(r"for (no key )?(update|share)( of \w+)?( skip locked)?", "", sql)


class _NoLocks(psycopg.Cursor):
    """Takes every row lock out of the statements."""

    def execute(self, query, *args, **options):
        return super().execute(without_locks(query), *args, **options)


def test_clients_that_do_not_lock(simulation, database_url):
    """Only clients at the same moment show it."""
    for db in simulation.clients:
        db.cursor_factory = _NoLocks
    with database.connect(database_url) as db:
        for text in functions(db):
            if without_locks(text) != text:
                db.execute(without_locks(text))
    seed_that_finds_it(simulation)
