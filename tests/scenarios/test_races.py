"""Real connections that want the same thing at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import InsufficientStock, ReservationExpired
from inventory.ledger import Fact
from inventory.reservations import AskedLine, Basket
from inventory.store import database, idempotency, ledger, reservations
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
SKUS = [f"S{n}" for n in range(6)]


@pytest.fixture
def shop(db):
    db.execute("insert into locations (location, name, type) values ('L1', 'x', 'store'), "
               "('L2', 'x', 'store')")  # fmt: skip
    db.execute("insert into groups values ('both', 'x')")
    db.execute("insert into group_members values ('both', 'L1'), ('both', 'L2')")
    for sku in SKUS:
        db.execute("insert into skus (sku, name) values (%s, %s)", [sku, sku])
    return db


def stock(db, sku, location, units):
    fact = Fact(sku, location, "available", "delta", units, NOW - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def basket(*lines, **options):
    options.setdefault("location", "L1" if "group" not in options else None)
    return Basket("soft", "web", "ship", tuple(AskedLine(*line) for line in lines), **options)


def race(url, *acts):
    """Run all acts at once, each on a connection of its own; the refusal or None of each."""
    start = threading.Barrier(len(acts))

    def run(act):
        with database.connect(url) as db:
            start.wait()
            try:
                act(db)
            except (InsufficientStock, ReservationExpired) as refusal:
                return refusal
            return None

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def placing(name, asked, now=NOW):
    return lambda db: reservations.place(db, asked, reservation_id=name, now=now)


def test_two_clients_and_the_last_unit(shop, database_url):
    stock(shop, "S0", "L1", 1)
    refusals = race(database_url, *[placing(f"r{n}", basket(("S0", 1))) for n in range(2)])
    assert sum(refusal is None for refusal in refusals) == 1
    (lost,) = [refusal for refusal in refusals if refusal is not None]
    assert [(s.asked_units, s.available_units) for s in lost.shortages] == [(1, 0)]


def test_eight_threads_five_units_exactly_five_win(shop, database_url):
    stock(shop, "S0", "L1", 5)
    refusals = race(database_url, *[placing(f"r{n}", basket(("S0", 1))) for n in range(8)])
    assert sum(refusal is None for refusal in refusals) == 5
    assert availability(shop, sku="S0", location="L1", now=NOW).atp == 0


def test_a_group_and_its_members_share_what_is_there(shop, database_url):
    """Locations, the group, and a position without a balance yet: four units, four winners."""
    stock(shop, "S0", "L1", 4)
    asks = [basket(("S0", 1)), basket(("S0", 1), group="both")] * 4
    refusals = race(database_url, *[placing(f"r{n}", ask) for n, ask in enumerate(asks)])
    assert sum(refusal is None for refusal in refusals) == 4
    assert availability(shop, sku="S0", group="both", method="ship", now=NOW).atp == 0


def test_overlapping_baskets_in_any_order_never_show_a_deadlock(shop, database_url):
    for sku in SKUS:
        stock(shop, sku, "L1", 20)

    def shopper(number):
        def shop_around(db):
            for turn in range(10):
                chosen = [
                    SKUS[(number + turn + k * (1 if number % 2 else 5)) % 6] for k in range(4)
                ]
                lines = [(sku, 1, f"L{1 + (turn % 2)}") for sku in chosen]
                group = "both" if turn % 3 == 0 else None
                lines = [(sku, 1) for sku in chosen] if group else lines
                asked = basket(*lines, group=group, location=None)
                try:
                    placing(f"r{number}-{turn}", asked)(db)
                except InsufficientStock:
                    continue
                if turn % 4 == 0:
                    reservations.release(db, f"r{number}-{turn}", now=NOW)

        return shop_around

    assert race(database_url, *[shopper(number) for number in range(8)]) == [None] * 8
    for sku in SKUS:
        (open_units,) = shop.execute(
            "select coalesce(sum(open_units), 0) from reservation_lines where sku = %s", [sku]
        ).fetchone()
        free = availability(shop, sku=sku, group="both", method="ship", now=NOW)
        assert (free.raw, open_units + free.atp) == (free.atp, 20)


@pytest.mark.parametrize("turn", range(5))
def test_confirm_against_expiry_and_another_buyer(shop, database_url, turn):
    """The hold ends now. One clock says just before, the other just after: one of them wins."""
    stock(shop, "S0", "L1", 1)
    reservations.place(shop, basket(("S0", 1), ttl_seconds=60), reservation_id="held", now=NOW)
    end = NOW + timedelta(seconds=60)
    tick = timedelta(microseconds=1)
    confirmed, bought = race(
        database_url,
        lambda db: reservations.confirm(db, "held", order_id="o1", now=end - tick),
        placing("late", basket(("S0", 1)), now=end + tick),
    )
    assert (confirmed is None) != (bought is None)
    assert isinstance(confirmed, ReservationExpired | None)
    assert isinstance(bought, InsufficientStock | None)


def test_one_id_sent_by_many_at_once_has_one_outcome(shop, database_url):
    stock(shop, "S0", "L1", 8)
    outcomes = []

    def send(db):
        def act():
            name = f"r{threading.get_ident()}"
            return reservations.place(db, basket(("S0", 1)), reservation_id=name, now=NOW).as_dict()

        outcomes.append(idempotency.once(db, scope="t", key="k", body={"q": 1}, now=NOW, act=act))

    assert race(database_url, *[send] * 6) == [None] * 6
    assert len({outcome.response["id"] for outcome in outcomes}) == 1
    assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * 5
    assert availability(shop, sku="S0", location="L1", now=NOW).atp == 7
