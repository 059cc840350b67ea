"""Expiry to the microsecond, by any clock, and without writing holds down one by one."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import InsufficientStock, ReservationExpired, StateConflict
from inventory.ledger import Fact
from inventory.reservations import AskedLine, Basket
from inventory.store import database, ledger, reservations, verify
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
TICK = timedelta(microseconds=1)
END = NOW + timedelta(seconds=60)


@pytest.fixture
def shop(db):
    db.execute("insert into locations (location, name, type) values ('L1', 'x', 'store'), "
               "('L2', 'x', 'store')")  # fmt: skip
    db.execute("insert into groups values ('both', 'x')")
    db.execute("insert into group_members values ('both', 'L1'), ('both', 'L2')")
    db.execute("insert into skus (sku, name) values ('A', 'A'), ('B', 'B')")
    stock(db, "A", "L1", 3)
    return db


def stock(db, sku, location, units, now=NOW - timedelta(hours=1)):
    with db.transaction():
        ledger.record(db, [Fact(sku, location, "available", "delta", units, now, "t")], now=now)


def place(db, name, units, *, now=NOW, group=None, on=None, **options):
    location = None if group else "L1"
    asked = (AskedLine("A", units),)
    basket = Basket(options.pop("kind", "soft"), "web", "ship", asked, location=location,
                    group=group, on=on, **options)  # fmt: skip
    return reservations.place(db, basket, reservation_id=name, now=now)


def atp(db, now):
    return availability(db, sku="A", location="L1", now=now).atp


def position(db):
    return db.execute("select committed_units, lapsed_through from balances").fetchone()


def test_a_hold_counts_until_its_last_microsecond(shop):
    place(shop, "held", 3, ttl_seconds=60)
    with pytest.raises(InsufficientStock):
        place(shop, "early", 1, now=END - TICK)
    assert (atp(shop, END - TICK), atp(shop, END)) == (0, 3)
    place(shop, "late", 3, now=END)
    assert position(shop) == (3, END)
    assert verify.verify(shop).drifts == []


@pytest.mark.parametrize("group", [None, "both"])
@pytest.mark.parametrize("late_group", [None, "both"])
def test_an_older_clock_cannot_confirm_what_was_given_away(shop, group, late_group):
    place(shop, "held", 3, ttl_seconds=60, group=group)
    place(shop, "late", 3, now=END + TICK, group=late_group)
    for act in (
        lambda: reservations.confirm(shop, "held", order_id="o", now=END - TICK),
        lambda: reservations.extend(shop, "held", ttl_seconds=600, now=END - TICK),
    ):
        with pytest.raises(ReservationExpired):
            act()
    assert reservations.sweep(shop, now=END + TICK) == 1
    assert verify.verify(shop).drifts == []


def test_what_nobody_ignored_can_be_confirmed_by_its_own_clock(shop):
    place(shop, "held", 2, ttl_seconds=60)
    place(shop, "other", 1, ttl_seconds=30)
    # This lapses `other`, not `held`.
    place(shop, "late", 1, now=END - TICK)
    assert reservations.confirm(shop, "held", order_id="o", now=END - TICK).state == "confirmed"
    assert verify.verify(shop).drifts == []


def test_an_older_clock_may_take_what_lapsed_before_it(shop):
    place(shop, "held", 3, ttl_seconds=60)
    with pytest.raises(InsufficientStock):
        place(shop, "many", 4, now=END)
    assert place(shop, "behind", 3, now=END - TICK, ttl_seconds=60).state == "active"
    with pytest.raises(ReservationExpired):
        reservations.confirm(shop, "held", order_id="o", now=END - TICK)
    assert verify.verify(shop).drifts == []


def expire_together(shop, crowd):
    stock(shop, "A", "L1", crowd - 3)
    fill(shop, crowd)
    with pytest.raises(InsufficientStock):
        place(shop, "early", 1, now=END - TICK)
    assert (atp(shop, END - TICK), atp(shop, END)) == (0, crowd)
    place(shop, "first", crowd, now=END)
    assert position(shop) == (crowd, END)
    (written,) = shop.execute(
        "select count(*) from reservations where state = 'expired'"
    ).fetchone()
    assert written == 0
    assert reservations.sweep(shop, now=END, limit=500) == 500
    assert verify.verify(shop).drifts == []
    assert reservations.sweep(shop, now=END) == crowd - 500
    assert reservations.sweep(shop, now=END) == 0
    assert verify.verify(shop).drifts == []


def test_holds_of_a_crowd_end_without_being_written_down(shop):
    expire_together(shop, 2_000)


@pytest.mark.slow
def test_a_hundred_thousand_holds_end_at_one_instant(shop):
    expire_together(shop, 100_000)


def fill(db, holds):
    """So many holds of one unit that end together."""
    db.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at, "
        "expires_at) select 'h' || n, 'soft', 'active', 'web', 'ship', %s, %s "
        "from generate_series(1, %s) as n",
        [NOW, END, holds],
    )
    db.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
        "location, promised_date, quantity, open_units, class, expires_at) "
        "select 'h' || n, 1, 1, 'A', 'ship', 'L1', %s, 1, 1, 'soft', %s "
        "from generate_series(1, %s) as n",
        [NOW.date(), END, holds],
    )


def test_sweeping_steps_aside_for_whoever_holds_a_reservation(shop, database_url):
    place(shop, "held", 1, ttl_seconds=60)
    place(shop, "free", 1, ttl_seconds=60)
    with database.connect(database_url) as other, other.transaction():
        other.execute("select from reservations where reservation_id = 'held' for update")
        assert reservations.sweep(shop, now=END) == 1
    assert reservations.sweep(shop, now=END) == 1


def test_an_expired_hold_can_be_had_again_while_there_is_stock(shop):
    place(shop, "held", 2, ttl_seconds=60, priority=7)
    with pytest.raises(ReservationExpired):
        reservations.confirm(shop, "held", order_id="o", now=END)
    made = reservations.confirm(shop, "held", order_id="o", now=END, reacquire=True)
    assert (made.id, made.state, made.order_id, made.priority) == (
        "held-again", "confirmed", "o", 7,
    )  # fmt: skip
    assert [(line.sku, line.open_units, line.location) for line in made.lines] == [("A", 2, "L1")]
    again = reservations.confirm(shop, "held", order_id="o", now=END, reacquire=True)
    assert again == made
    with pytest.raises(StateConflict):
        reservations.confirm(shop, "held", order_id="p", now=END, reacquire=True)
    assert reservations.get(shop, "held", now=END).state == "expired"
    assert atp(shop, END) == 1
    assert verify.verify(shop).drifts == []


def test_what_is_gone_cannot_be_had_again(shop):
    place(shop, "held", 2, ttl_seconds=60)
    place(shop, "late", 2, now=END)
    with pytest.raises(InsufficientStock) as refusal:
        reservations.confirm(shop, "held", order_id="o", now=END, reacquire=True)
    (short,) = refusal.value.shortages
    assert (short.asked_units, short.available_units) == (2, 1)
    assert shop.execute("select count(*) from reservations").fetchone() == (2,)


def test_a_live_hold_is_confirmed_as_itself(shop):
    place(shop, "held", 2, ttl_seconds=60)
    made = reservations.confirm(shop, "held", order_id="o", now=END - TICK, reacquire=True)
    assert (made.id, made.state) == ("held", "confirmed")


def test_a_promise_on_a_group_can_be_had_again(shop):
    day = (NOW + timedelta(days=2)).date()
    place(shop, "held", 3, ttl_seconds=60, group="both", on=day)
    made = reservations.confirm(shop, "held", order_id="o", now=END, reacquire=True)
    (line,) = made.lines
    assert (line.group, line.location, line.promised_date) == ("both", None, day)


def test_units_let_go_are_told_of(shop):
    place(shop, "held", 3, ttl_seconds=60)
    reservations.release(shop, "held", now=NOW)
    place(shop, "other", 3, ttl_seconds=60)
    reservations.sweep(shop, now=END)
    told = shop.execute("select kind, payload ->> 'cause' from outbox order by event_id").fetchall()
    assert told == [
        ("out_of_stock", "place"), ("back_in_stock", "release"),
        ("out_of_stock", "place"), ("back_in_stock", "expire"),
    ]  # fmt: skip


def test_the_history_begins_with_who_placed_it(shop):
    basket = Basket("soft", "web", "ship", (AskedLine("A", 1),), location="L1", ttl_seconds=60)
    reservations.place(shop, basket, reservation_id="r", now=NOW, actor="anna")
    reservations.confirm(shop, "r", order_id="o", now=NOW + TICK, actor="ben")
    rows = shop.execute(
        "select act, from_state, to_state, at, actor from reservation_history order by at"
    ).fetchall()
    assert rows == [
        ("place", None, "active", NOW, "anna"),
        ("confirm", "active", "confirmed", NOW + TICK, "ben"),
    ]
