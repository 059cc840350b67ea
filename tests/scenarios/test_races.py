"""Real connections that want the same thing at the same moment: 32 of them where it matters."""

import random
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import InsufficientStock, ReservationExpired, StateConflict
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import feeds, idempotency, ledger, orders, reservations, stock, verify
from inventory.store.availability import availability
from tests.scenarios.racing import race

CLIENTS = 32

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
    yield db
    assert verify.verify(db).drifts == []


def put(db, sku, location, units):
    fact = Fact(sku, location, "available", "delta", units, NOW - timedelta(hours=1), "test")
    with db.transaction():
        ledger.record(db, [fact], now=NOW)


def basket(*lines, **options):
    options.setdefault("location", "L1" if "group" not in options else None)
    return Basket("soft", "web", "ship", tuple(AskedLine(*line) for line in lines), **options)


def placing(name, asked, now=NOW):
    return lambda db: reservations.place(db, asked, reservation_id=name, now=now)


def test_exactly_the_stock_is_sold(shop, database_url):
    put(shop, "S0", "L1", 20)
    refusals = race(database_url, *[placing(f"r{n}", basket(("S0", 1))) for n in range(CLIENTS)])
    assert sum(refusal is None for refusal in refusals) == 20
    # Whoever was refused was told the truth: all of it was gone.
    lost = [refusal.shortages[0] for refusal in refusals if refusal is not None]
    assert {(s.asked_units, s.available_units) for s in lost} == {(1, 0)}
    assert availability(shop, sku="S0", location="L1", now=NOW).atp == 0


def test_exactly_the_stock_is_sold_while_holds_come_and_go(shop, database_url):
    """Everybody buys until there is nothing left; some change their mind at once."""
    put(shop, "S0", "L1", 60)
    kept = []

    def shopper(number):
        def buy(db):
            for turn in range(40):
                name = f"r{number}-{turn}"
                placing(name, basket(("S0", 1)))(db)
                if turn % 3 == 0:
                    reservations.release(db, name, now=NOW)
                else:
                    kept.append(name)

        return buy

    refusals = race(database_url, *[shopper(number) for number in range(CLIENTS)])
    assert all(isinstance(refusal, InsufficientStock) for refusal in refusals)
    free = availability(shop, sku="S0", location="L1", now=NOW).atp
    assert len(kept) + free == 60
    # A unit that was let go after everybody had given up may be left, no more than one of each.
    assert free < CLIENTS


def test_a_group_and_its_members_share_what_is_there(shop, database_url):
    """Locations, the group, and a position without a balance yet: 20 units, 20 winners."""
    put(shop, "S0", "L1", 20)
    asks = [basket(("S0", 1)), basket(("S0", 1), group="both")] * (CLIENTS // 2)
    refusals = race(database_url, *[placing(f"r{n}", ask) for n, ask in enumerate(asks)])
    assert sum(refusal is None for refusal in refusals) == 20
    assert availability(shop, sku="S0", group="both", method="ship", now=NOW).atp == 0


def test_a_bundle_and_its_components_share_what_is_there(shop, database_url):
    """C = 1 S0 + 2 S1. Every unit of S1 goes once, in a bundle or loose."""
    shop.execute("insert into skus (sku, name) values ('C', 'C')")
    shop.execute("insert into bundles values ('C', 'S0', 1), ('C', 'S1', 2)")
    put(shop, "S0", "L1", 30)
    put(shop, "S1", "L1", 30)
    asks = [basket(("C", 1)), basket(("S1", 1))] * (CLIENTS // 2)
    refusals = race(database_url, *[placing(f"r{n}", ask) for n, ask in enumerate(asks)])
    won = Counter("bundle" if n % 2 == 0 else "loose"
                  for n, refusal in enumerate(refusals) if refusal is None)  # fmt: skip
    left = availability(shop, sku="S1", location="L1", now=NOW)
    assert 2 * won["bundle"] + won["loose"] + left.atp == 30
    assert left.raw == left.atp
    # One unit may be left that no bundle can use, and then all who wanted it loose were served.
    assert left.atp == 0 or (left.atp == 1 and won["loose"] == CLIENTS // 2)
    assert availability(shop, sku="S0", location="L1", now=NOW).atp == 30 - won["bundle"]


def test_overlapping_baskets_in_any_order_never_show_a_deadlock(shop, database_url):
    for sku in SKUS:
        put(shop, sku, "L1", 40)

    def shopper(number):
        rng = random.Random(number)

        def shop_around(db):
            for turn in range(6):
                chosen = rng.sample(SKUS, rng.randint(2, 6))
                if rng.random() < 0.3:
                    asked = basket(*[(sku, 1) for sku in chosen], group="both", location=None)
                else:
                    lines = [(sku, 1, rng.choice(["L1", "L1", "L2"])) for sku in chosen]
                    asked = basket(*lines, location=None)
                name = f"r{number}-{turn}"
                try:
                    placing(name, asked)(db)
                except InsufficientStock:
                    continue
                if turn % 4 == 0:
                    reservations.release(db, name, now=NOW)
                elif turn % 4 == 1:
                    reservations.confirm(db, name, order_id=f"o{name}", now=NOW)

        return shop_around

    assert race(database_url, *[shopper(number) for number in range(CLIENTS)]) == [None] * CLIENTS
    for sku in SKUS:
        (open_units,) = shop.execute(
            "select coalesce(sum(open_units), 0) from reservation_lines where sku = %s", [sku]
        ).fetchone()
        free = availability(shop, sku=sku, group="both", method="ship", now=NOW)
        assert (free.raw, open_units + free.atp) == (free.atp, 40)


@pytest.mark.parametrize("turn", range(5))
def test_confirm_against_expiry_and_another_buyer(shop, database_url, turn):
    """The hold ends now. One clock says just before, the other just after: one of them wins."""
    put(shop, "S0", "L1", 1)
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
    put(shop, "S0", "L1", 8)
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


@pytest.mark.parametrize("turn", range(3))
def test_many_confirm_and_buy_at_the_instant_of_expiry(shop, database_url, turn):
    """Half of the clocks are a tick before the end and confirm, half a tick after and buy."""
    put(shop, "S0", "L1", 1)
    reservations.place(shop, basket(("S0", 1), ttl_seconds=60), reservation_id="held", now=NOW)
    end, tick = NOW + timedelta(seconds=60), timedelta(microseconds=1)
    done = race(
        database_url,
        *[lambda db: reservations.confirm(db, "held", order_id="o1", now=end - tick)] * 16,
        *[placing(f"late{n}", basket(("S0", 1)), now=end + tick) for n in range(16)],
    )
    confirmed = {refusal is None for refusal in done[:16]}
    bought = sum(refusal is None for refusal in done[16:])
    assert (confirmed, bought) in [({True}, 0), ({False}, 1)]


def test_one_id_sent_by_all_at_once_has_one_outcome(shop, database_url):
    put(shop, "S0", "L1", 40)
    outcomes = []

    def send(db):
        def act():
            name = f"r{threading.get_ident()}"
            return reservations.place(db, basket(("S0", 1)), reservation_id=name, now=NOW).as_dict()

        outcomes.append(idempotency.once(db, scope="t", key="k", body={"q": 1}, now=NOW, act=act))

    assert race(database_url, *[send] * CLIENTS) == [None] * CLIENTS
    assert len({outcome.response["id"] for outcome in outcomes}) == 1
    assert sorted(outcome.replayed for outcome in outcomes) == [False] + [True] * (CLIENTS - 1)
    assert availability(shop, sku="S0", location="L1", now=NOW).atp == 39


def test_an_order_is_shipped_or_cancelled_and_only_once(shop, database_url):
    put(shop, "S0", "L1", 3)
    order = Basket("hard", "web", "ship", (AskedLine("S0", 3),), location="L1", order_id="o1")
    reservations.place(shop, order, reservation_id="r1", now=NOW)
    orders.perform(shop, "o1", "allocate", OrderMessage("m"), now=NOW)
    done = []

    def act(number):
        verb = "ship" if number % 2 else "cancel"

        def send(db):
            try:
                orders.perform(db, "o1", verb, OrderMessage(f"m{number}"), now=NOW)
            except StateConflict:
                return
            done.append(verb)

        return send

    assert race(database_url, *[act(number) for number in range(CLIENTS)]) == [None] * CLIENTS
    assert len(done) == 1
    assert (
        availability(shop, sku="S0", location="L1", now=NOW).atp
        == {"ship": 0, "cancel": 3}[done[0]]
    )


@pytest.mark.parametrize("turn", range(3))
def test_a_move_and_a_count_of_the_same_moment(shop, database_url, turn):
    """Before the count, the count has it already; after it, both sides move. Never one side."""
    put(shop, "S0", "L1", 9)
    row = {"id": "c", "sku": "S0", "location": "L1", "quantity": 9, "effective_at": NOW}

    def count(db):
        feeds.sync(db, mode="snapshot", rows=[row], now=NOW, source="test")

    def move(number):
        return lambda db: stock.move(
            db, message_id=f"m{number}", sku="S0", location="L1", units=1, now=NOW,
            from_status="available", to_status="frozen",
        )  # fmt: skip

    assert race(database_url, *[move(n) for n in range(8)], count) == [None] * 9
    held = dict(shop.execute("select status, units from balances where sku = 'S0'").fetchall())
    applied = dict(shop.execute(
        "select status, count(*) from entries where kind = 'move' and outcome = 'applied' "
        "group by status"
    ).fetchall())  # fmt: skip
    assert applied == {"available": 8, "frozen": 8}
    assert held["frozen"] == 8
