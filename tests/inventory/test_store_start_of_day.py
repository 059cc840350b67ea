"""The day begins with a count while orders are in flight: the stories that go wrong elsewhere.

In all of them the building holds 90 units of A at 06:00. Seven of these are ordered and will ship;
three of the seven are picked and stand in the staging area, off the shelves.
"""

from datetime import UTC, datetime

import pytest

from inventory.catalog import Channel, Location, Sku
from inventory.errors import IdempotencyConflict, InputRejected, UnknownLocation
from inventory.orders import OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, feeds, inbound, orders, reservations, verify
from inventory.store.start_of_day import reset

DAWN = datetime(2026, 7, 1, 6, tzinfo=UTC)
NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


def at(clock):
    return datetime.fromisoformat(f"2026-07-01T{clock}:00+00:00")


@pytest.fixture
def store(db):
    """What was believed before: 100 of A and 5 of B. Orders of 4 and 3, the second one picked."""
    catalog.put_many(db, [Location(name, name, "store") for name in ("S1", "S2")])
    catalog.put_many(db, [Sku(name, name) for name in "ABC"])
    catalog.put(db, Channel("web"))
    for name, units, place in (("A", 100, "S1"), ("B", 5, "S1"), ("C", 8, "S2")):
        sync(db, name, units, "04:00", location=place, mode="snapshot")
    order(db, "open", 4)
    order(db, "picked", 3)
    for what in ("allocate", "process"):
        act(db, "picked", what, clock="05:30")
    yield db
    assert verify.verify(db).drifts == []


def sync(db, sku, units, clock, *, location="S1", mode="delta"):
    row = {"id": f"{sku}{clock}", "sku": sku, "location": location, "quantity": units,
           "effective_at": at(clock).isoformat()}  # fmt: skip
    (result,) = feeds.sync(db, mode=mode, rows=[row], now=NOW, source="till").results
    return result.outcome


def order(db, name, units, *, clock="05:00"):
    basket = Basket("hard", "web", "ship", (AskedLine("A", units),), location="S1")
    reservations.place(db, basket, reservation_id=name, now=at(clock))
    reservations.confirm(db, name, order_id=name, now=at(clock))


def act(db, name, what, *, clock, told="08:00", **more):
    """An act that was true at `clock` and that we hear of at `told`."""
    message = OrderMessage(f"{name} {what}", at=at(clock), **more)
    orders.perform(db, name, what, message, now=at(told))


def begin(db, quantity, *, message_id="d1", rows=None, **more):
    rows = rows or [{"sku": "A", "quantity": quantity, **more.pop("row", {})}]
    return reset(db, message_id=message_id, location="S1", counted_at=DAWN, rows=rows, now=NOW,
                 actor="ann", **more)  # fmt: skip


def stands(db, sku="A"):
    """Units on hand, and units of live commitments beside them."""
    on_hand, open_units = db.execute(
        "select (select units from balances where sku = %(sku)s and location = 'S1' "
        "and status = 'available'), coalesce((select sum(open_units) from reservation_lines "
        "where sku = %(sku)s and location = 'S1'), 0)::bigint",
        {"sku": sku},
    ).fetchone()
    return on_hand, open_units


WAYS_TO_COUNT = {
    "all that is in the building": (90, {}),
    "the shelves, with the picked told": (87, {"row": {"picked": 3}}),
    "net of the source's open orders": (83, {"basis": "net"}),
}
every_way = pytest.mark.parametrize("way", WAYS_TO_COUNT)


@every_way
def test_open_and_picked_orders_are_taken_off_once(store, way):
    quantity, told = WAYS_TO_COUNT[way]
    answer = begin(store, quantity, **told)
    assert stands(store) == (90, 7)
    assert answer["in_flight"] == {"hard": 7}
    assert answer["short"] == []


STORIES = {
    # What else happened to A: (act, units, true at, on hand after, open after)
    "shipped before the count": ("ship", 4, "05:50", 90, 7),
    "shipped after the count": ("ship", 4, "06:10", 90, 7),
    "sold at the till before the count": ("sale", 4, "05:50", 90, 7),
    "sold at the till after the count": ("sale", 4, "06:10", 86, 7),
    "received before the count": ("receipt", 4, "05:50", 90, 7),
    "received after the count": ("receipt", 4, "06:10", 94, 7),
    "ordered after the count": ("order", 4, "06:10", 90, 11),
    "counted later already": ("count", 55, "07:00", 55, 7),
}


@every_way
@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("heard_first", [True, False], ids=["heard before", "heard after"])
def test_what_else_happened_is_told_before_or_after(store, way, story, heard_first):
    """The same end in both orders: nothing is taken off twice, and nothing is forgotten."""
    what, units, clock, on_hand, open_units = STORIES[story]
    quantity, told = WAYS_TO_COUNT[way]
    if what == "ship":
        order(store, "gone", units)
        for before in ("allocate", "process"):
            act(store, "gone", before, clock="05:20", told="05:20")
        if clock > "06:00":  # Its goods were still in the building.
            quantity += 0 if "basis" in told else units
    if what == "receipt":
        inbound.put(store, inbound_id="i", sku="A", location="S1", quantity=units,
                    expected_at=DAWN, state="shipped", now=at("04:30"))  # fmt: skip
    acts = [
        lambda: tell(store, what, units, clock),
        lambda: begin(store, quantity, **told),
    ]
    for do in acts if heard_first else reversed(acts):
        do()
    assert stands(store) == (on_hand, open_units)


def tell(db, what, units, clock):
    match what:
        case "ship":
            act(db, "gone", "ship", clock=clock, told="07:30")
        case "sale":
            sync(db, "A", -units, clock)
        case "receipt":
            inbound.receive(db, "i", message_id="r", quantity=units, received_at=at(clock),
                            now=at("07:30"))  # fmt: skip
        case "order":
            order(db, "new", units, clock=clock)
        case "count":
            sync(db, "A", units, clock, mode="snapshot")


def test_what_is_not_listed_is_gone_and_other_places_are_left_alone(store):
    answer = begin(store, 90)
    assert (answer["counts"], answer["zeroed"]) == ({"applied": 1}, 1)
    assert stands(store, "B") == (0, 0)
    assert store.execute("select units from balances where sku = 'C'").fetchone() == (8,)
    entry = store.execute(
        "select reason, source, actor, effective_at from entries where sku = 'A' "
        "order by entry_id desc limit 1"
    ).fetchone()
    assert entry == ("start of day", "start of day", "ann", DAWN)


def test_less_than_is_promised_is_told_and_the_promises_stay(store):
    answer = begin(store, 5)
    assert stands(store) == (5, 7)
    assert answer["short"] == [{"sku": "A", "on_hand": 5, "promised": 7}]
    assert store.execute("select sku, location from outbox where kind = 'shortage'").fetchall() == [
        ("A", "S1")
    ]


def test_holds_that_expired_are_not_in_flight(store):
    basket = Basket("soft", "web", "ship", (AskedLine("A", 9),), location="S1")
    reservations.place(store, basket, reservation_id="cart", now=at("05:00"))
    assert begin(store, 90)["in_flight"] == {"hard": 7}


def test_a_repeat_changes_nothing_and_another_body_is_refused(store):
    first = begin(store, 90)
    sync(store, "A", -2, "06:30")
    assert begin(store, 90) == first
    assert stands(store) == (88, 7)
    with pytest.raises(IdempotencyConflict):
        begin(store, 91)


def test_half_a_file_changes_nothing(store):
    begin(store, None, rows=[{"sku": name, "quantity": 9} for name in "ABC"])
    before = [stands(store, sku) for sku in "ABC"]
    with pytest.raises(InputRejected, match="looks cut off"):
        reset(store, message_id="d2", location="S1", counted_at=at("07:00"), now=NOW,
              rows=[{"sku": "A", "quantity": 1}])  # fmt: skip
    assert [stands(store, sku) for sku in "ABC"] == before


@pytest.mark.parametrize(
    ("bad", "field"),
    [({"sku": "Z", "quantity": 1}, "sku"), ({"sku": "B", "quantity": 1.5}, "quantity"),
     ({"sku": "B", "quantity": -1}, "quantity"), ({"quantity": 1}, "sku"),
     ({"sku": "B", "quantity": -1, "picked": 2}, "quantity"),
     ({"sku": "B", "quantity": 1, "picked": -2}, "picked"), ("not a row", None)],
)  # fmt: skip
def test_a_bad_row_is_named_and_nothing_changes(store, bad, field):
    with pytest.raises(InputRejected) as error:
        begin(store, None, rows=[{"sku": "A", "quantity": 90}, bad])
    assert (error.value.field, error.value.row) == (field, 2)
    assert stands(store) == (100, 7)


@pytest.mark.parametrize(("ahead", "flagged"), [("08:00:04", []), ("08:20:00", ["effective_at"])])
def test_a_clock_ahead_of_ours_counts_now(store, ahead, flagged):
    told = datetime.fromisoformat(f"2026-07-01T{ahead}+00:00")
    rows = [{"sku": "A", "quantity": 90}, {"sku": "B", "quantity": 5}]
    done = reset(store, message_id="x", location="S1", counted_at=told, rows=rows, now=NOW)
    assert (done["effective_at"], done["counts"]) == (NOW.isoformat(), {"applied": 2})
    assert [flag["field"] for flag in done["problems"]] == flagged
    assert stands(store) == (90, 7)


def test_what_makes_no_sense(store):
    row = {"sku": "A", "quantity": 1}
    for wrong in ({"counted_at": datetime(2026, 7, 1, 6)}, {"rows": []}):  # noqa: DTZ001
        told = {"counted_at": DAWN, "rows": [row]} | wrong
        with pytest.raises(InputRejected):
            reset(store, message_id="x", location="S1", now=NOW, **told)
    with pytest.raises(UnknownLocation):
        reset(store, message_id="x", location="S9", now=NOW, counted_at=DAWN, rows=[row])
