"""Balances and entries: they only move together, also under a crowd."""

import threading
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from inventory.catalog import Location, Sku
from inventory.ledger import Fact
from inventory.store import catalog, database, ledger, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


@pytest.fixture
def stock(db):
    catalog.put_many(db, [Location(name, name, "store") for name in ("S1", "S2")])
    catalog.put_many(db, [Sku(name, name) for name in "ABCDEFGH"])
    return db


def change(units, *, sku="A", location="S1", status="available", at=NOW):
    return Fact(sku, location, status, "delta", units, at, "test", actor="oms:1", reason="sale")


def record(db, *facts):
    with db.transaction():
        return ledger.record(db, facts, now=NOW)


def test_entries_and_balances_move_together(stock):
    done = record(stock, change(5), change(-2), change(4, status="inspection"))
    assert [(each.outcome, each.units) for each in done] == [
        ("applied", 5), ("applied", -2), ("applied", 4),
    ]  # fmt: skip
    balances = stock.execute("select status, units from balances order by 1").fetchall()
    assert balances == [("available", 3), ("inspection", 4)]
    newest = ledger.entries(stock, limit=1)[0]
    assert (newest["actor"], newest["reason"], newest["recorded_at"]) == ("oms:1", "sale", NOW)


def test_entries_are_paged_newest_first(stock):
    record(stock, *[change(i) for i in range(1, 6)], change(9, sku="B"))
    first = ledger.entries(stock, sku="A", limit=3)
    rest = ledger.entries(stock, sku="A", limit=3, before_entry_id=first[-1]["entry_id"])
    assert [each["units"] for each in first + rest] == [5, 4, 3, 2, 1]
    assert ledger.entries(stock, sku="A", location="S2") == []


def test_a_transaction_is_needed(stock):
    with pytest.raises(AssertionError):
        ledger.record(stock, [change(5)], now=NOW)


def test_what_is_rolled_back_never_was(stock):
    with stock.transaction(force_rollback=True):
        ledger.record(stock, [change(5)], now=NOW)
    assert stock.execute("select count(*) from entries").fetchone() == (0,)
    assert verify.verify(stock).drifts == []


def test_nothing_is_stocked_that_is_not_in_the_catalogue(stock):
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        record(stock, change(5, sku="Z"))


def test_many_accounts_take_the_same_road(stock):
    """From some number of accounts on, the statement that moves them is planned otherwise."""
    many = ledger.NESTED_LOOP_ROWS_MIN + 50
    catalog.put_many(stock, [Sku(f"s{i}", "x") for i in range(many)])
    record(stock, *[change(i, sku=f"s{i}") for i in range(many)])
    record(stock, *[change(1, sku=f"s{i}") for i in range(many)])
    assert stock.execute("select count(*), sum(units) from balances").fetchone() == (
        many, sum(range(many)) + many,
    )  # fmt: skip
    assert stock.execute("show enable_hashjoin").fetchone() == ("on",)
    assert verify.verify(stock).drifts == []


def test_an_act_of_ours_comes_after_the_count_of_the_same_moment(stock):
    key = change(1).key

    def moment(told_at):
        with stock.transaction():
            return ledger.moment(stock, [key], told_at, now=NOW)

    assert moment(None) == NOW
    record(stock, change(1))
    stock.execute("update balances set snapshot_at = %s", [NOW])
    assert moment(None) == NOW + timedelta(microseconds=1)
    assert moment(NOW - timedelta(days=1)) == NOW - timedelta(days=1)
    assert moment(NOW + timedelta(days=1)) == NOW


def test_a_crowd_in_every_order_loses_nothing_and_never_deadlocks(database_url, stock):
    """Six writers, twenty rounds, the same eight accounts in six orders, some new to the ledger."""
    failures = []

    def write(shift):
        facts = [change(1, sku=sku) for sku in "ABCDEFGH"]
        try:
            with database.connect(database_url) as db:
                for i in range(20):
                    turn = (shift + i) % 8
                    record(db, *facts[turn:], *facts[:turn])
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=[shift]) for shift in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert stock.execute("select min(units), max(units) from balances").fetchone() == (120, 120)
    assert verify.verify(stock).drifts == []
