"""I5: any permutation and duplication of feed messages ends in the same stock.

Random sets of changes, counts (physical, net, full), shipments and receipts go into the real ledger
in two orders of arrival, with repeats, cut connections and retries in one of them. Each example has
SKUs and a location of its own, so that one database serves all.
"""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory.catalog import Location, Sku
from inventory.ledger import SNAPSHOT, Fact, balance_of
from inventory.store import catalog, database, feeds, inbound, ledger, verify
from tests.databases import copied
from tests.simulator import faults

START = datetime(2026, 7, 1, 6, tzinfo=UTC)
NOW = START + timedelta(hours=1)
ORDERED_UNITS = 70
"""More than all shipments of an example: none is refused."""
examples = itertools.count()


@dataclass(frozen=True)
class Message:
    """One row or one shipment. `second` is when it was true."""

    kind: str
    sku: int
    units: int
    second: int
    sequence: int | None = None

    @property
    def at(self):
        return START + timedelta(seconds=self.second)


def messages(*kinds):
    return st.lists(
        st.builds(
            Message,
            st.sampled_from(kinds),
            sku=st.integers(0, 1),
            units=st.integers(0, 9),
            second=st.integers(1, 5),
            sequence=st.sampled_from([None, 1]),
        ),
        max_size=7,
    )


@dataclass
class World:
    """A shop of its own: its place, its SKUs, its orders and its feed."""

    db: object
    place: str
    shipped: set

    @classmethod
    def build(cls, db):
        world = cls(db, f"S{next(examples)}", set())
        catalog.put(db, Location(world.place, "x", "store"))
        catalog.put_many(db, [Sku(world.sku(i), "x") for i in range(2)])
        for i in range(2):
            inbound.put(
                db, inbound_id=world.inbound(i), sku=world.sku(i), location=world.place,
                quantity=ORDERED_UNITS, expected_at=START, state="shipped", now=START,
            )  # fmt: skip
        db.execute(
            "insert into reservations (reservation_id, kind, state, channel, method, created_at, "
            "confirmed_at) select unnest(%s::text[]), 'hard', 'confirmed', 'web', 'ship', %s, %s",
            [[world.order(i) for i in range(2)], START, START],
        )
        db.execute(
            "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
            "location, promised_date, quantity, open_units, class) "
            "select o, 1, 1, s, 'ship', %s, '2026-07-01', %s, %s, 'hard' "
            "from unnest(%s::text[], %s::text[]) as t (o, s)",
            [world.place, ORDERED_UNITS, ORDERED_UNITS,
             [world.order(i) for i in range(2)], [world.sku(i) for i in range(2)]],
        )  # fmt: skip
        return world

    def sku(self, i):
        return f"{self.place}-{i}"

    def inbound(self, i):
        return f"{self.place}-inbound-{i}"

    def order(self, i):
        return f"{self.place}-order-{i}"

    def tell(self, number, message):
        if message.kind == "ship":
            self.ship(number, message)
            return
        if message.kind == "receipt":
            inbound.receive(
                self.db, self.inbound(message.sku), message_id=f"{self.place}-{number}",
                quantity=message.units + 1, received_at=message.at, now=NOW,
            )  # fmt: skip
            return
        row = {
            "id": str(number), "sku": self.sku(message.sku), "location": self.place,
            "quantity": message.units - (5 if message.kind == "delta" else 0),
            "effective_at": message.at, "sequence": message.sequence,
        }  # fmt: skip
        feeds.sync(
            self.db,
            mode="delta" if message.kind == "delta" else "snapshot",
            basis="net" if "net" in message.kind else "physical",
            scope="full" if "full" in message.kind else "partial",
            rows=[row], now=NOW, source="test", feed=self.place,
            full_share_min=0.0,  # The guard compares with what came before: it is about arrival.
        )  # fmt: skip

    def ship(self, number, message):
        """As orders do it: commitment and stock in one transaction, once per message."""
        if number in self.shipped:
            return
        self.shipped.add(number)
        with self.db.transaction():
            self.db.execute(
                "update reservation_lines set open_units = open_units - %s, "
                "shipped_units = shipped_units + %s where reservation_id = %s",
                [message.units, message.units, self.order(message.sku)],
            )
            fact = Fact(
                self.sku(message.sku), self.place, "available", "shipment", -message.units,
                message.at, "orders", reservation_id=self.order(message.sku),
            )  # fmt: skip
            ledger.record(self.db, [fact], now=NOW)

    def open_units(self, i):
        (units,) = self.db.execute(
            "select open_units from reservation_lines where reservation_id = %s", [self.order(i)]
        ).fetchone()
        return units

    def stock(self):
        rows = self.db.execute(
            "select right(sku, 1)::int, units from balances where location = %s", [self.place]
        )
        found = dict(rows.fetchall())
        return {i: (found.get(i, 0), self.open_units(i), self.to_come(i)) for i in range(2)}

    def to_come(self, i):
        return inbound.get(self.db, self.inbound(i))["quantity"]

    def tell_and_crash(self, number, message, trips, how):
        """The connection is cut somewhere in it; nobody knows whether it was taken."""
        with psycopg.connect(self.db.info.dsn, password=self.db.info.password,
                             autocommit=True) as admin:  # fmt: skip
            cut = faults.FaultyConnection.connect(
                self.db.info.dsn, password=self.db.info.password, autocommit=True
            )
            cut.plan_crash(
                trips,
                how,
                lambda pid: admin.execute("select pg_terminate_backend(%s, 5000)", [pid]),
            )
            world = World(cut, self.place, self.shipped)
            try:
                world.tell(number, message)
            except (faults.Crashed, psycopg.OperationalError):
                assert cut.crashed
            cut.close()


def told(db, arrivals, *, crashes=()):
    """The stock after these arrivals. `crashes`: by place in line, how a first attempt ends."""
    world = World.build(db)
    for place, (number, message) in enumerate(arrivals):
        if place < len(crashes) and crashes[place] is not None and message.kind != "ship":
            world.tell_and_crash(number, message, *crashes[place])
        world.tell(number, message)
    return world.stock()


@pytest.fixture(scope="module")
def shop(postgres_url):
    """One database for all examples; nothing drifts in it at the end."""
    with copied(postgres_url, "permutations") as url, database.connect(url) as db:
        yield db
        assert verify.verify(db).drifts == []


crashed = st.lists(
    st.none() | st.tuples(st.integers(1, 9), st.sampled_from(faults.CRASHES)), max_size=7
)

in_database = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def arrivals(data, numbered):
    """The messages in another order, some of them more than once."""
    again = data.draw(st.lists(st.sampled_from(numbered), max_size=3)) if numbered else []
    return data.draw(st.permutations([*numbered, *again]))


@in_database
@given(said=messages("delta", "count", "ship", "receipt"), data=st.data(), crashes=crashed)
def test_changes_counts_shipments_and_receipts(shop, said, data, crashes):
    numbered = list(enumerate(said))
    first = told(shop, numbered)
    assert told(shop, arrivals(data, numbered), crashes=crashes) == first
    for i in range(2):
        assert first[i][0] == by_definition(said, i)


def by_definition(said, sku):
    """Latest count and the changes after it, on paper."""
    return balance_of(
        Fact(
            "x", "x", "available",
            SNAPSHOT if message.kind == "count" else "delta",
            {"count": 0, "delta": -5, "ship": -2 * message.units, "receipt": 1}[message.kind]
            + message.units,
            message.at, "x", sequence=message.sequence,
        )
        for message in said
        if message.sku == sku
    )  # fmt: skip


@in_database
@given(
    said=messages("delta", "count", "net", "full", "full net", "ship", "receipt"),
    data=st.data(),
    crashes=crashed,
)
def test_net_and_full_counts_too(shop, said, data, crashes):
    numbered = list(enumerate(said))
    assert told(shop, arrivals(data, numbered), crashes=crashes) == told(shop, numbered)
