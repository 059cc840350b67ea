"""Callers that arrive together are placed together: in their order, each with its own outcome."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from inventory.errors import (
    IdempotencyConflict,
    InsufficientStock,
    StateConflict,
    UnknownSku,
    VouchError,
)
from inventory.ledger import Fact
from inventory.reservations import AskedLine, Basket
from inventory.store import database, ledger, verify
from inventory.store.idempotency import Claim
from inventory.store.promise_batches import PromiseBatcher
from inventory.store.reservations import place_many
from inventory.store.wanted import Wanted

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def shop(db):
    db.execute("insert into locations (location, name, type) values ('L1', 'x', 'store'), "
               "('L2', 'x', 'store')")  # fmt: skip
    db.execute("insert into skus (sku, name) values ('A', 'A'), ('B', 'B'), ('C', 'C')")
    db.execute("insert into bundles values ('C', 'A', 1), ('C', 'B', 2)")
    facts = [
        Fact(sku, at, "available", "delta", 5, NOW - timedelta(hours=1), "test")
        for sku in "AB"
        for at in ("L1", "L2")
    ]
    with db.transaction():
        ledger.record(db, facts, now=NOW)
    return db


class Gate:
    """Connections that a test holds back, to let others arrive meanwhile; counts transactions."""

    def __init__(self, url):
        self.url = url
        self.opened = 0
        self.free = threading.Event()
        self.free.set()
        self.entered = threading.Event()

    @contextmanager
    def connection(self):
        self.opened += 1
        self.entered.set()
        assert self.free.wait(10)
        with database.connect(self.url) as db:
            yield db


def wanted(name, *lines, **options):
    options.setdefault("location", "L1")
    asked = tuple(AskedLine(*line) for line in lines)
    return Wanted(name, Basket(options.pop("kind", "soft"), "web", "ship", asked, **options))


def together(gate, batcher, calls):
    """The outcomes of calls that all arrive, in their order, while a first one is at work."""
    gate.free.clear()
    gate.entered.clear()

    def run(call):
        try:
            return call()
        except (VouchError, psycopg.Error) as error:
            return error

    with ThreadPoolExecutor(len(calls) + 1) as threads:
        first = threads.submit(run, lambda: batcher.place(wanted("first", ("B", 1)), now=NOW))
        assert gate.entered.wait(10)
        futures = []
        for number, call in enumerate(calls):
            futures.append(threads.submit(run, call))
            while len(batcher._queue) <= number:
                threading.Event().wait(0.001)
        gate.free.set()
        assert first.result().state == "active"
        return [future.result() for future in futures]


def test_first_come_first_served_and_each_its_own_outcome(shop, database_url):
    gate = Gate(database_url)
    batcher = PromiseBatcher(gate.connection, hands=1)
    wants = [
        wanted("r1", ("A", 3)),
        wanted("r2", ("A", 3), ("B", 1)),
        wanted("r3", ("A", 2), ("B", 1, "L2")),
        wanted("r4", ("A", 1)),
    ]
    r1, r2, r3, r4 = together(
        gate, batcher, [lambda want=want: batcher.place(want, now=NOW) for want in wants]
    )
    assert (r1.state, r3.state) == ("active", "active")
    assert [(s.asked_units, s.available_units) for s in r2.shortages] == [(3, 2)]
    assert [(s.asked_units, s.available_units) for s in r4.shortages] == [(1, 0)]
    assert gate.opened == 2  # One transaction for the first, one for all who came meanwhile.
    rows = shop.execute("select reservation_id from reservations order by sequence").fetchall()
    assert rows == [("first",), ("r1",), ("r3",)]
    assert verify.verify(shop).drifts == []


def test_what_is_not_plain_goes_the_general_way(shop, database_url):
    gate = Gate(database_url)
    batcher = PromiseBatcher(gate.connection, hands=1)
    wants = [wanted("r1", ("C", 1)), wanted("r2", ("A", 1)), wanted("r3", ("nothing", 1)),
             wanted("r4", ("A", 1), kind="hard", order_id="o1"),
             wanted("r5", ("A", 1), kind="hard", order_id="o1")]  # fmt: skip
    r1, r2, r3, r4, r5 = together(
        gate, batcher, [lambda want=want: batcher.place(want, now=NOW) for want in wants]
    )
    assert {line.bundle for line in r1.lines} == {"C"}
    assert r2.state == "active"
    assert isinstance(r3, UnknownSku)
    # Whoever of the two came through first has the order id.
    assert {type(r4), type(r5)} >= {StateConflict}
    assert {getattr(r, "state", None) for r in (r4, r5)} >= {"confirmed"}
    assert verify.verify(shop).drifts == []


def test_an_id_has_one_outcome_in_and_across_batches(shop, database_url):
    gate = Gate(database_url)
    batcher = PromiseBatcher(gate.connection, hands=1)

    def send(name, key, body, units=2):
        return batcher.place_once(wanted(name, ("A", units)), claim=Claim("s", key, body), now=NOW)

    calls = [
        lambda: send("r1", "k1", "x"),
        lambda: send("r2", "k1", "x"),
        lambda: send("r3", "k1", "other"),
        lambda: send("r4", "k2", "y", units=9),
    ]
    r1, r2, r3, r4 = together(gate, batcher, calls)
    assert (r1.replayed, r2.replayed) == (False, True)
    assert r1.response == r2.response
    assert (r1.status, r1.response["id"]) == (201, "r1")
    assert isinstance(r3, IdempotencyConflict)
    assert isinstance(r4, InsufficientStock)
    # Later, by itself, and after stock arrived: the same outcomes.
    with shop.transaction():
        fact = Fact("A", "L1", "available", "delta", 50, NOW, "test")
        ledger.record(shop, [fact], now=NOW)
    assert send("r5", "k1", "x").response == r1.response
    with pytest.raises(InsufficientStock, match="asked for 9 units, 3 can be promised"):
        send("r6", "k2", "y", units=9)


def test_a_basket_that_is_wrong_in_itself_is_remembered_too(shop, database_url):
    batcher = PromiseBatcher(Gate(database_url).connection)
    far = (NOW + timedelta(days=4000)).date()
    for _ in range(2):
        with pytest.raises(Exception, match="days from today"):
            batcher.place_once(wanted("r1", ("A", 1), on=far), claim=Claim("s", "k", "x"), now=NOW)
    assert shop.execute("select status from idempotency").fetchall() == [(400,)]


def test_when_the_database_fails_everybody_hears_of_it_and_work_goes_on(shop, database_url):
    gate = Gate(database_url)
    batcher = PromiseBatcher(gate.connection, hands=1)
    broken = []

    @contextmanager
    def connection():
        with gate.connection() as db:
            if gate.opened == 2:
                broken.append(True)
                raise psycopg.OperationalError("gone")
            yield db

    batcher._connection = connection
    wants = [wanted("r1", ("A", 1)), wanted("r2", ("A", 1))]
    outcomes = together(
        gate, batcher, [lambda want=want: batcher.place(want, now=NOW) for want in wants]
    )
    assert [type(outcome) for outcome in outcomes] == [psycopg.OperationalError] * 2
    assert batcher.place(wanted("r3", ("A", 1)), now=NOW).state == "active"


@pytest.mark.parametrize("hands", [1, 3])
def test_many_threads_sell_exactly_the_stock(shop, database_url, hands):
    gate = Gate(database_url)
    batcher = PromiseBatcher(gate.connection, hands=hands)

    def buy(number):
        try:
            lines = [("A", 1), ("B", 1)] if number % 2 else [("B", 1), ("A", 1)]
            return batcher.place(wanted(f"r{number}", *lines), now=NOW).state
        except InsufficientStock:
            return "refused"

    with ThreadPoolExecutor(16) as threads:
        outcomes = list(threads.map(buy, range(64)))
    assert outcomes.count("active") == 5
    assert gate.opened < 64 + 1
    assert verify.verify(shop).drifts == []


def test_many_baskets_in_one_call(shop):
    outcomes = place_many(
        shop,
        [
            wanted("r1", ("A", 4)),
            wanted("r2", ("A", 2)),
            wanted("r3", ("C", 1, "L2")),
            wanted("r4", ("A", 0)),
            wanted("r5", ("A", 1)),
        ],
        now=NOW,
    )
    told = [getattr(outcome, "state", type(outcome).__name__) for outcome in outcomes]
    assert told == ["active", "InsufficientStock", "active", "InputRejected", "active"]
    assert verify.verify(shop).drifts == []


def test_each_promise_is_for_the_day_of_its_own_place(shop):
    """One asks for a day; the next is for the first day of a place whose day is over."""
    shop.execute("update locations set cutoff = '08:00' where location = 'L2'")
    asked = [
        Wanted("1", Basket("soft", "web", "ship", (AskedLine("A", 1, "L1"),),
                           on=NOW.date() + timedelta(days=5))),
        Wanted("2", Basket("soft", "web", "ship", (AskedLine("A", 1, "L2"),))),
        Wanted("3", Basket("soft", "web", "ship", (AskedLine("A", 1, "L1"),))),
    ]  # fmt: skip
    told = [made.lines[0].promised_date for made in place_many(shop, asked, now=NOW)]
    assert [(day - NOW.date()).days for day in told] == [5, 1, 0]
    stored = shop.execute("select promised_date from reservation_lines order by reservation_id")
    assert [day for (day,) in stored] == told
