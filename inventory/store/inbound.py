"""Dated supply in PostgreSQL: announced, moved in time, and received into stock.

`inbound.quantity` is what is still to come. A receipt takes from it and adds to the shelf in one
transaction, so that no unit is counted twice or lost between the two.
"""

from datetime import datetime

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.ledger import AVAILABLE, STATUSES, Fact, Key
from inventory.store import approvals, catalog, idempotency, ledger, supply_shocks
from inventory.store.facts import COUNTED_INBOUND_STATES
from inventory.store.retry import retrying

EXPECTED_YEARS = range(1970, 2201)
"""A year outside of these is a wrong unit of time, or a date that stands for "never"."""

STATES = ("planned", "confirmed", "shipped", "received", "cancelled")
OPEN_STATES = ("planned", "confirmed", "shipped")

Row = dict[str, object]


def put(
    db: psycopg.Connection,
    *,
    inbound_id: str,
    sku: str,
    location: str,
    quantity: int,
    expected_at: datetime,
    state: str,
    now: datetime,
    source: str = "purchase_order",
    purchase_order_id: str | None = None,
) -> Row:
    """Announce supply, or change what was announced. Returns it as `get` does.

    `quantity` is the total ordered: what was received before is taken off, so that sending the
    same announcement again after a receipt does not bring the goods back.

    Raises
    ------
    UnknownSku, UnknownLocation, InputRejected
        Less than was received already, a state that there is not, or a date that makes no sense.
    StateConflict
        Another SKU or location after a receipt, or what only its purchase order can change.
    """
    _check_announced(quantity, expected_at, state)
    catalog.check_position(db, sku=sku, location=location)

    def act() -> Row:
        with db.transaction():
            before = _locked(db, inbound_id)
            held = {(sku, location)}
            if before is not None:
                held.add((str(before["sku"]), str(before["location"])))
            _hold_promises(db, held, now=now)
            received = 0 if before is None else int(str(before["received_units"]))
            _check_change(before, inbound_id, (sku, location), quantity, received)
            if before is not None and purchase_order_id is None:
                _leave_to_order(before, (sku, location), rest=quantity - received, state=state)
            rest = quantity - received
            actual = "received" if rest == 0 and received and state != "cancelled" else state
            db.execute(
                _PUT,
                [inbound_id, sku, location, rest, expected_at, actual, source,
                 purchase_order_id, now],
            )  # fmt: skip
            # Later, less or cancelled: the promises made on it may have lost their ground.
            fallen = held if before is not None else ()
            better = {(sku, location)} if _is_better(before, rest, expected_at, actual) else ()
            supply_shocks.settle(
                db, fallen=fallen, sooner=better, also=held, now=now, cause="inbound"
            )
            return get(db, inbound_id)

    return retrying(db, act)


def _check_announced(quantity: int, expected_at: datetime, state: str) -> None:
    if state not in STATES:
        raise InputRejected(f"'{state}' is not one of {', '.join(STATES)}", field="state")
    if quantity < 0:
        raise InputRejected(f"{quantity} units cannot be on their way; send 0 or more",
                            field="quantity")  # fmt: skip
    if expected_at.tzinfo is None or expected_at.year not in EXPECTED_YEARS:
        raise InputRejected(f"'{expected_at}' is no time with a zone from 1970 to 2200",
                            field="expected_at")  # fmt: skip


def _is_better(before: Row | None, rest: int, expected_at: datetime, state: str) -> bool:
    """Whether more is to come than was announced before, or sooner."""
    if state not in COUNTED_INBOUND_STATES:
        return False
    if before is None or before["state"] not in COUNTED_INBOUND_STATES:
        return True
    return rest > int(str(before["quantity"])) or expected_at < before["expected_at"]  # type: ignore[operator]


_PUT = """
    insert into inbound (inbound_id, sku, location, quantity, expected_at, state,
        source, purchase_order_id, updated_at)
    values (%s, %s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (inbound_id) do update set sku = excluded.sku,
        location = excluded.location, quantity = excluded.quantity,
        expected_at = excluded.expected_at, state = excluded.state,
        source = excluded.source, updated_at = excluded.updated_at,
        purchase_order_id =
            coalesce(excluded.purchase_order_id, inbound.purchase_order_id)
"""


def _hold_promises(
    db: psycopg.Connection, places: set[tuple[str, str]], status: str = AVAILABLE, *, now: datetime
) -> None:
    """Lock sellable balances: a promise is made either before this change of supply or after."""
    keys = {Key(*place, held) for place in places for held in (AVAILABLE, status)}
    ledger.create(db, keys, now=now)
    ledger.lock(db, keys)


def _check_change(
    before: Row | None, inbound_id: str, place: tuple[str, str], quantity: int, received: int
) -> None:
    if before is None:
        return
    if received and place != (before["sku"], before["location"]):
        raise StateConflict("inbound", inbound_id, state="partly received", act="redirect")
    if quantity < received:
        raise InputRejected(
            f"{received} units were received already; send that many or more", field="quantity"
        )


def _leave_to_order(before: Row, place: tuple[str, str], *, rest: int, state: str) -> None:
    """What a purchase order announced may be dated anew or said to be shipped, and no more.

    Its lines are the word on what is ordered: changed here alone, the two would disagree.
    """
    order = before["purchase_order_id"]
    same = place == (before["sku"], before["location"]) and rest == before["quantity"]
    if order is not None and not (same and state not in ("cancelled", "planned")):
        raise StateConflict(
            "inbound",
            str(before["inbound_id"]),
            state=f"a line of purchase order '{order}': change or cancel that",
            act="change",
        )


def receive(
    db: psycopg.Connection,
    inbound_id: str,
    *,
    message_id: str,
    quantity: int,
    now: datetime,
    received_at: datetime | None = None,
    status: str = AVAILABLE,
    actor: str = "",
    tell_order: bool = True,
) -> Row:
    """Goods have arrived: inbound falls and stock rises in one event. A repeat changes nothing.

    A count true after `received_at` already has the goods; then only the inbound falls
    (outcome `already_counted`). The purchase order that announced them is told, unless it is the
    one that speaks (`tell_order` false). Where the location wants receipts approved, the goods land
    in inspection, and `approvals.approve` decides on them.

    Raises
    ------
    NotFound, StateConflict
        No such inbound, or one that is cancelled or received in full.
    InputRejected
        More than is still to come: the surplus belongs into a changed inbound or a correction.
    """
    _check_receipt(status, quantity)
    body = {
        "inbound": inbound_id,
        "quantity": quantity,
        "received_at": None if received_at is None else received_at.isoformat(),
        "status": status,
    }

    def act() -> Row:
        with db.transaction():
            order = _order_behind(db, inbound_id) if tell_order else None
            row = _checked(_locked(db, inbound_id), inbound_id, quantity)
            lands = approvals.landing_status(db, location=str(row["location"]), status=status)
            waits = status == AVAILABLE != lands
            left = _take_off(db, inbound_id, quantity, now, awaiting=waits)
            outcome = _into_stock(
                db,
                row,
                message_id=message_id,
                quantity=quantity,
                received_at=received_at,
                status=lands,
                actor=actor,
                now=now,
            )
            told = {"id": inbound_id, "sku": row["sku"], "location": row["location"]}
            if order is not None:
                received = {"sku": row["sku"], "quantity": quantity, "status": lands}
                _note_on_order(db, order, received, actor=actor, now=now)
            return told | {"outcome": outcome, "received": quantity, "status": lands} | left

    done = idempotency.once(db, scope="inbound", key=message_id, body=body, now=now, act=act)
    answer: Row = done.response
    return answer


def _check_receipt(status: str, quantity: int) -> None:
    if status not in STATUSES:
        raise InputRejected(f"'{status}' is not one of {', '.join(STATUSES)}", field="status")
    if quantity <= 0:
        raise InputRejected(f"{quantity} units cannot arrive; send 1 or more", field="quantity")


def _checked(row: Row | None, inbound_id: str, quantity: int) -> Row:
    if row is None:
        raise NotFound("inbound", inbound_id)
    if row["state"] not in OPEN_STATES:
        raise StateConflict("inbound", inbound_id, state=str(row["state"]), act="receive")
    rest = int(str(row["quantity"]))
    if quantity > rest:
        raise InputRejected(
            f"{quantity} units arrived and only {rest} are still to come; receive {rest}, and "
            f"first raise the inbound or record the other {quantity - rest} as a restock",
            field="quantity",
        )
    return row


def _into_stock(
    db: psycopg.Connection,
    row: Row,
    *,
    message_id: str,
    quantity: int,
    received_at: datetime | None,
    status: str,
    actor: str,
    now: datetime,
) -> str:
    key = Key(str(row["sku"]), str(row["location"]), status)
    fact = Fact(
        *key,
        kind="receipt",
        stated_units=quantity,
        effective_at=ledger.moment(db, [key], received_at, now=now),
        source="inbound",
        message_id=message_id,
        actor=actor,
        inbound_id=str(row["inbound_id"]),
    )
    place = (key.sku, key.location)
    if status != AVAILABLE:
        _hold_promises(db, {place}, status, now=now)
    (recorded,) = ledger.record(db, [fact], now=now)
    # Fallen where what was to come is here and cannot be sold, or was on the shelf all along.
    sellable = status == AVAILABLE and recorded.outcome == "applied"
    changed = {"risen": [place]} if sellable else {"fallen": [place]}
    supply_shocks.settle(db, **changed, now=now, cause="receipt")
    return recorded.outcome


def _take_off(
    db: psycopg.Connection, inbound_id: str, quantity: int, now: datetime, *, awaiting: bool
) -> Row:
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            update inbound set quantity = quantity - %(q)s, received_units = received_units + %(q)s,
                awaiting_units = awaiting_units + case when %(awaiting)s then %(q)s else 0 end,
                state = case when quantity = %(q)s then 'received' else state end,
                updated_at = %(now)s
            where inbound_id = %(id)s
            returning quantity as open, received_units as received_total,
                awaiting_units as awaiting, state
            """,
            {"q": quantity, "now": now, "id": inbound_id, "awaiting": awaiting},
        ).fetchone()
    assert row is not None
    return row


def _order_behind(db: psycopg.Connection, inbound_id: str) -> Row | None:
    """Our purchase order that announced the goods, locked; it goes before its supply."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select p.purchase_order_id as id, p.state from purchase_orders p "
            "join inbound i using (purchase_order_id) where i.inbound_id = %s for update of p",
            [inbound_id],
        ).fetchone()


def _note_on_order(
    db: psycopg.Connection, order: Row, received: Row, *, actor: str, now: datetime
) -> None:
    """Its line, its state and its history say what came: these units are no longer on order."""
    db.execute(
        "update purchase_order_lines set received_units = received_units + %s "
        "where purchase_order_id = %s and sku = %s",
        [received["quantity"], order["id"], received["sku"]],
    )
    db.execute(
        """
        with after as (
            update purchase_orders p set version = version + 1, updated_at = %(now)s,
                state = case when exists (
                    select from purchase_order_lines l
                    where l.purchase_order_id = p.purchase_order_id
                        and l.received_units < l.quantity
                ) then 'partially_received' else 'received' end
            where purchase_order_id = %(id)s returning state
        )
        insert into purchase_order_events
            (purchase_order_id, act, from_state, to_state, at, actor, changes)
        select %(id)s, 'receive', %(state)s, state, %(now)s, %(actor)s, %(changes)s from after
        """,
        {"id": order["id"], "state": order["state"], "now": now, "actor": actor,
         "changes": Jsonb({"received": [received]})},
    )  # fmt: skip


def _locked(db: psycopg.Connection, inbound_id: str) -> Row | None:
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select * from inbound where inbound_id = %s for update", [inbound_id]
        ).fetchone()


def get(db: psycopg.Connection, inbound_id: str) -> Row:
    """One inbound, or `NotFound`. `quantity` is still to come, `received_units` has arrived."""
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            "select inbound_id as id, sku, location, quantity, received_units, awaiting_units, "
            "expected_at, state, source, purchase_order_id, updated_at "
            "from inbound where inbound_id = %s",
            [inbound_id],
        ).fetchone()
    if row is None:
        raise NotFound("inbound", inbound_id)
    return row
