"""Any sequence of requests to the real engine, against a model too simple to be wrong.

The model keeps stock per location and the open promises, and finds what can be promised by adding
one unit at a time and trying every way to locate what was promised on groups.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from inventory.errors import (
    IdempotencyConflict,
    InsufficientStock,
    ReservationExpired,
    StateConflict,
)
from inventory.ledger import Fact
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import database, events, idempotency, ledger, orders, reservations
from inventory.store.availability import AvailabilityItem, availability_many

START = datetime(2026, 6, 1, tzinfo=UTC)
LOCATIONS = ("L1", "L2", "L3")
GROUPS = {"near": ("L1", "L2"), "far": ("L2", "L3")}
PLACES = [*LOCATIONS, *GROUPS]
DAYS = 3
ARRIVALS = {"L1": (1, 2), "L3": (2, 3)}
"""Per location: the day of its inbound, and the units."""
TERMINAL = {"shipped", "released", "expired", "cancelled"}
TABLES = """outbox, idempotency, reservation_events, reservation_lines, reservations, entries,
    balances, inbound, group_members, groups, skus, locations"""

places = st.sampled_from(PLACES)
days = st.integers(0, DAYS - 1)
units = st.integers(1, 4)
requests = st.tuples(st.sampled_from(["soft", "hard"]), places, days, units)


@lru_cache(maxsize=200_000)
def locatable(stock, promises):
    """Whether all promises fit. `promises`: sorted (place, day) pairs, one per unit."""
    groups = [promise for promise in promises if promise[0] in GROUPS]
    if groups:
        place, day = groups[0]
        rest = list(promises)
        rest.remove((place, day))
        return any(locatable(stock, tuple(sorted([*rest, (at, day)]))) for at in GROUPS[place])
    for on_hand, location in zip(stock, LOCATIONS, strict=True):
        arrives, units_coming = ARRIVALS.get(location, (0, 0))
        for t in range(DAYS):
            have = on_hand + (units_coming if t >= arrives else 0)
            if sum(1 for at, day in promises if at == location and day <= t) > have:
                return False
    return True


class Engine(RuleBasedStateMachine):
    url = ""
    made = Bundle("made")

    def __init__(self):
        super().__init__()
        self.db = database.connect(self.url)
        self.db.execute(f"truncate {TABLES} cascade")
        self.now = START
        self.count = 0
        self.on_hand = dict.fromkeys(LOCATIONS, 0)
        self.open = {}  # id -> [(place, day, units)]
        self.states = {}
        self.expiry = {}
        self.requests = {}
        self.tries = []

    def teardown(self):
        self.db.close()

    @initialize(stock=st.tuples(*[st.integers(0, 5)] * 3))
    def shop(self, stock):
        self.db.execute("insert into skus (sku, name) values ('A', 'A')")
        for location in LOCATIONS:
            self.db.execute(
                "insert into locations (location, name, type) values (%s, 'x', 'store')",
                [location],
            )
        for group, members in GROUPS.items():
            self.db.execute("insert into groups values (%s, 'x')", [group])
            for location in members:
                self.db.execute("insert into group_members values (%s, %s)", [group, location])
        for location, (day, coming) in ARRIVALS.items():
            self.db.execute(
                "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, "
                "updated_at) values (%s, 'A', %s, %s, %s, 'shipped', %s)",
                [location, location, coming, START + timedelta(days=day), START],
            )
        for location, units_there in zip(LOCATIONS, stock, strict=True):
            self.change(location, units_there)

    def change(self, location, by):
        fact = Fact("A", location, "available", "delta", by, self.now, "test")
        with self.db.transaction():
            ledger.record(self.db, [fact], now=self.now)
            reported = events.report_shortages(self.db, [("A", location)], now=self.now)
        assert reported == 0
        self.on_hand[location] += by

    def promises(self):
        return [
            (place, day)
            for lines in self.open.values()
            for place, day, open_units in lines
            for _ in range(open_units)
        ]

    def fits(self, *more):
        return locatable(tuple(self.on_hand.values()), tuple(sorted([*self.promises(), *more])))

    def atp(self, place, day):
        found = 0
        while self.fits(*[(place, day)] * (found + 1)):
            found += 1
        return found

    def expire(self):
        for name, expires_at in self.expiry.items():
            if self.states[name] == "active" and expires_at <= self.now:
                self.states[name] = "expired"
                self.open[name] = []

    def few_on_groups(self, place, asked):
        """Trying every way is exponential in these: keep them few."""
        return place not in GROUPS or asked + sum(p in GROUPS for p, _ in self.promises()) <= 8

    def send(self, key, body):
        kind, place, day, asked = body
        at = {"group": place} if place in GROUPS else {"location": place}
        basket = Basket(kind, "web", "pick-up", (AskedLine("A", asked),), **at,
                        on=(START + timedelta(days=day)).date(), ttl_seconds=1800)  # fmt: skip

        def act():
            made = reservations.place(self.db, basket, reservation_id=key, now=self.now)
            return made.as_dict()

        return idempotency.once(self.db, scope="t", key=key, body=body, now=self.now, act=act)

    @rule(target=made, request=requests)
    def place(self, request):
        _, place, day, asked = request
        name = f"r{self.count}"
        if not self.few_on_groups(place, asked):
            return name
        self.count += 1
        free = self.atp(place, day)
        try:
            outcome = self.send(name, request)
        except InsufficientStock as error:
            assert asked > free
            assert [s.available_units for s in error.shortages] == [free]
            self.requests[name] = request, None
        else:
            assert asked <= free
            self.requests[name] = request, outcome.response
            self.states[name] = "active"
            self.open[name] = [(place, day, asked)]
            self.expiry[name] = self.now + timedelta(seconds=1800)
        return name

    @rule(name=made)
    def repeat_the_request(self, name):
        if name not in self.requests:
            return
        request, response = self.requests[name]
        try:
            outcome = self.send(name, request)
        except InsufficientStock:
            assert response is None
        else:
            assert (outcome.response, outcome.replayed) == (response, True)

    @rule(name=made, request=requests)
    def same_id_other_body(self, name, request):
        if name not in self.requests or self.requests[name][0] == request:
            return
        with pytest.raises(IdempotencyConflict):
            self.send(name, request)

    def allowed(self, name, *states):
        """What the engine must say of an act that is allowed from these states only."""
        if self.states[name] == "expired":
            return ReservationExpired
        return None if self.states[name] in states else StateConflict

    def attempt(self, refusal, act):
        if refusal is None:
            act()
            return True
        with pytest.raises(refusal):
            act()
        return False

    @rule(name=made)
    def confirm(self, name):
        if name not in self.states:
            return
        refusal = self.allowed(name, "active", "confirmed", "allocated", "processed", "shipped")
        self.attempt(
            refusal,
            lambda: reservations.confirm(self.db, name, order_id=f"o-{name}", now=self.now),
        )
        if self.states[name] == "active":
            self.states[name] = "confirmed"

    @rule(name=made, seconds=st.integers(1, 3600))
    def extend(self, name, seconds):
        if name not in self.states:
            return
        if self.attempt(
            self.allowed(name, "active"),
            lambda: reservations.extend(self.db, name, ttl_seconds=seconds, now=self.now),
        ):
            self.expiry[name] = self.now + timedelta(seconds=seconds)

    @rule(name=made)
    def release(self, name):
        if name in self.states and self.attempt(
            self.allowed(name, "active", "released"),
            lambda: reservations.release(self.db, name, now=self.now),
        ):
            self.end(name, "released")

    def end(self, name, state):
        self.states[name] = state
        self.open[name] = []

    def perform(self, name, act, **fields):
        self.count += 1
        message = OrderMessage(f"m{self.count}", **fields)
        return orders.perform(self.db, name, act, message, now=self.now)

    @rule(name=made)
    def allocate(self, name):
        if name not in self.states:
            return
        refusal = self.allowed(name, "confirmed", "allocated", "rejected")
        if self.attempt(refusal, lambda: self.perform(name, "allocate")):
            self.states[name] = "allocated"
            before = self.open[name]
            order = orders.get(self.db, name, now=self.now)
            after = [(li.location, (li.promised_date - START.date()).days, li.open_units)
                     for li in order.lines if li.open_units]  # fmt: skip
            assert sum(n for _, _, n in after) == sum(n for _, _, n in before)
            for place, _, _ in before:
                assert all(at in GROUPS.get(place, (place,)) for at, _, _ in after)
            self.open[name] = after

    @rule(name=made, short=st.booleans())
    def ship(self, name, short):
        if name not in self.states:
            return
        due = self.open[name]
        early = any(self.on_hand[at] < n for at, _, n in due if at in LOCATIONS)
        if early:
            return  # Promised from supply that has not arrived: nothing is there to ship.
        refusal = self.allowed(name, "allocated")
        if self.attempt(refusal, lambda: self.perform(name, "ship")):
            for at, _, open_units in due:
                self.on_hand[at] -= open_units
            self.end(name, "shipped")

    @rule(name=made)
    def cancel(self, name):
        if name in self.states and self.attempt(
            self.allowed(name, "confirmed", "allocated"), lambda: self.perform(name, "cancel")
        ):
            self.end(name, "cancelled")

    @rule(location=st.sampled_from(LOCATIONS), by=st.integers(1, 3))
    def receive(self, location, by):
        self.change(location, by)

    @rule(location=st.sampled_from(LOCATIONS))
    def sell_one_unpromised_unit_at_the_till(self, location):
        if self.atp(location, 0):
            self.change(location, -1)

    @rule(minutes=st.integers(1, 20))
    def time_passes(self, minutes):
        self.now += timedelta(minutes=minutes)
        self.expire()

    @rule()
    def sweep(self):
        reservations.sweep(self.db, now=self.now)

    @invariant()
    def what_is_published_is_what_the_model_can_promise(self):
        if not self.open and not any(self.on_hand.values()):
            return
        items = [
            AvailabilityItem(
                "A", **{"group" if place in GROUPS else "location": place}, channel="web",
                method="pick-up", explain=True,
            )
            for place in PLACES
        ]  # fmt: skip
        for place, answer in zip(
            PLACES, availability_many(self.db, items, now=self.now, horizon_days=DAYS - 1),
            strict=True,
        ):  # fmt: skip
            expected = tuple(self.atp(place, day) for day in range(DAYS))
            assert answer.atp_by_day == expected, place
            assert sum(term.quantity for term in answer.terms) == answer.raw

    @invariant()
    def every_promise_can_be_kept(self):
        assert self.fits()

    @invariant()
    def states_are_those_of_the_model(self):
        for name, state in self.states.items():
            assert reservations.get(self.db, name, now=self.now).state == state

    @invariant()
    def balances_are_the_sum_of_their_entries(self):
        drift = self.db.execute(
            """select b.sku from balances b
            left join entries e using (sku, location, status)
            group by b.sku, b.location, b.status, b.units
            having b.units <> coalesce(sum(e.units), 0)"""
        ).fetchall()
        assert drift == []

    @invariant()
    def a_reservation_ends_once(self):
        rows = self.db.execute(
            """select reservation_id from reservation_events
            where to_state in ('released', 'expired', 'cancelled', 'shipped')
            group by reservation_id having count(*) > 1"""
        ).fetchall()
        assert rows == []


@pytest.fixture(scope="module")
def engine_url(postgres_url):
    admin_url = postgres_url.replace("/vouch?", "/postgres?")
    with database.connect(admin_url) as admin:
        admin.execute("create database engine_states template vouch")
        yield postgres_url.replace("/vouch?", "/engine_states?")
        admin.execute("drop database engine_states with (force)")


def test_any_sequence_of_requests(engine_url):
    machine = type("EngineHere", (Engine,), {"url": engine_url})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=20, stateful_step_count=25, deadline=None)
    )
