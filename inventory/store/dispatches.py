"""Documents on their way to vendors: written with the act that makes them, delivered at least once.

    waiting ─▶ delivered          somebody takes it (`claim`), delivers it, and says so
       │ ▲
       │ └── blocked               nobody can deliver it as things are: no address, an id too long
       └───▶ failed                the vendor's side refused, or did not answer for too long
    withdrawn                     its order was cancelled or is over: it never leaves any more

Between delivering and saying so a process may die: then it is delivered again, under the same
number, by which the vendor's side knows it.
"""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.dispatch_states import of_order
from inventory.errors import NotFound, StateConflict
from inventory.order_document import CANCELLATION, ORIGINAL
from inventory.purchase_orders import CANCELLED, CLOSED, RECEIVED
from inventory.store.paging import check_choice, decode_cursor, page_of
from inventory.store.vendor_dispatch import next_control, obstacle

STATES = ("waiting", "blocked", "delivered", "failed", "by_hand", "withdrawn")

LEASE = timedelta(minutes=10)
"""A delivery takes a minute at most; whoever took longer has died."""

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(hours=6)
ATTEMPTS_MAX = 16
"""Waits double from one minute to six hours: the last attempt is about two days after the first."""

BLOCKED_WAIT = timedelta(hours=1)
"""Settings of the vendor unblock at once; those of the server are looked at this often."""

OVER = (CANCELLED, RECEIVED, CLOSED)
"""States in which an order goes to no vendor any more."""

Dispatch = dict[str, Any]


def wait_after(attempts: int) -> timedelta:
    """How long to wait after so many failed attempts in a row.

    >>> [wait_after(n).total_seconds() / 60 for n in (1, 2, 5, 9, 15)]
    [1.0, 2.0, 16.0, 256.0, 360.0]
    """
    doublings: int = min(max(attempts - 1, 0), 20)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def announce_sent(db: psycopg.Connection, order: Mapping[str, Any], *, now: datetime) -> None:
    """The order goes to its vendor. Runs in the transaction that sends it, holding its row."""
    _write(db, order, purpose=ORIGINAL, now=now)


def announce_cancelled(db: psycopg.Connection, order: Mapping[str, Any], *, now: datetime) -> None:
    """The vendor is told that it need not deliver, unless it never heard of the order.

    Runs in the transaction that cancels the order, holding its row.
    """
    withdraw(db, order)
    # One that was tried may have arrived, also where nobody could say so any more.
    heard = db.execute(
        "select from dispatches where purchase_order_id = %s and state <> 'by_hand' "
        "and tried limit 1",
        [order["id"]],
    ).fetchone()
    if heard is not None:
        _write(db, order, purpose=CANCELLATION, now=now)


def withdraw(db: psycopg.Connection, order: Mapping[str, Any]) -> None:
    """What waits for the vendor of a cancelled order does not leave any more.

    Runs in the transaction that cancels the order, holding its row. Enough where the vendor itself
    said that nothing will come: it needs no cancellation.
    """
    db.execute(
        "update dispatches set state = 'withdrawn', problem = 'the order was cancelled' "
        "where purchase_order_id = %s and state in ('waiting', 'blocked', 'failed')",
        [order["id"]],
    )


def _write(
    db: psycopg.Connection, order: Mapping[str, Any], *, purpose: str, now: datetime
) -> None:
    version = order["version"] + 1  # Which the order gets from the act that is under way.
    number = f"{order['id']}.{version}"
    row = db.execute(_DOCUMENT, {"order": order["id"]}).fetchone()
    assert row is not None
    told = {"number": number, "order_id": order["id"], "purpose": purpose,
            "issued_at": now.isoformat()}  # fmt: skip
    problem = obstacle(db, order["vendor"])  # Said at once, and looked at again when it is due.
    db.execute(
        "insert into dispatches (number, purchase_order_id, version, vendor, purpose, document, "
        "created_at, due_at, state, problem, failing_since) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [number, order["id"], version, order["vendor"], purpose, Jsonb({**row[0], **told}), now,
         now, "blocked" if problem else "waiting", problem, now if problem else None],
    )  # fmt: skip


# Prices as text: a double's shortest decimal is what was entered, and JSON must not change it.
_DOCUMENT = """
    select jsonb_build_object(
        'currency', p.currency, 'deliver_on', p.expected_on,
        'vendor', p.vendor, 'vendor_name', v.name,
        'location', p.location, 'location_name', o.name,
        'lines', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'line_no', l.line_no, 'sku', l.sku, 'name', s.name, 'units', l.quantity,
                'unit_price', l.unit_cost::text
            ) order by l.line_no), '[]')
            from purchase_order_lines l join skus s using (sku)
            where l.purchase_order_id = p.purchase_order_id and l.quantity > 0
        ))
    from purchase_orders p join vendors v using (vendor) join locations o using (location)
    where p.purchase_order_id = %(order)s
"""


def any_due(db: psycopg.Connection, *, now: datetime) -> bool:
    """Whether there is anything to `claim`."""
    found = db.execute(
        "select from dispatches where state in ('waiting', 'blocked') and due_at <= %s limit 1",
        [now],
    ).fetchone()
    return found is not None


def claim(db: psycopg.Connection, *, now: datetime) -> Dispatch | None:
    """The document that is due longest, for the caller alone to deliver; None where none is.

    Whoever claims one and dies leaves it to be claimed again after `LEASE`. An order is claimed
    only as long as it stands, else withdrawn: of one that came already the vendor would make a
    second.
    """
    given = {"now": now, "lost_at": now + LEASE, "original": ORIGINAL, "over": list(OVER)}
    db.execute(_WITHDRAW_OVER, given)
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(_CLAIM, given).fetchone()


_WITHDRAW_OVER = """
    with over as materialized (
        select number, p.state from dispatches d join purchase_orders p using (purchase_order_id)
        where d.state in ('waiting', 'blocked') and d.due_at <= %(now)s
            and d.purpose = %(original)s and p.state = any (%(over)s)
        for update of d skip locked
    )
    update dispatches w set state = 'withdrawn', problem = 'the order was ' || over.state
    from over where w.number = over.number
"""

# The order is locked too, so its state is the one now; whoever acts on it keeps its document for a
# later look.
# Materialized: a plan may run a subquery once for each document, and would then claim them all.
_CLAIM = """
    with next as materialized (
        select number from dispatches w join purchase_orders p using (purchase_order_id)
        where w.state in ('waiting', 'blocked') and w.due_at <= %(now)s
            and (w.purpose <> %(original)s or p.state <> all (%(over)s))
        order by due_at, number limit 1 for update of w skip locked for share of p skip locked
    )
    update dispatches d set state = 'waiting', due_at = %(lost_at)s from next
    where d.number = next.number
    returning d.number, d.purchase_order_id, d.vendor, d.purpose, d.document, d.due_at, d.created_at
"""


def begin(db: psycopg.Connection, claimed: Mapping[str, Any], *, now: datetime) -> int | None:
    """Say, before anything leaves, that it is being delivered; returns which attempt this is.

    None where it must not leave: its order was cancelled since it was claimed, or somebody else has
    it by now. Who cancels after this tells the vendor so.
    """
    row = db.execute(
        "update dispatches set attempts = attempts + 1, tried = true, "
        "failing_since = coalesce(failing_since, %s) "
        "where number = %s and state = 'waiting' and due_at = %s returning attempts",
        [now, claimed["number"], claimed["due_at"]],
    ).fetchone()
    return None if row is None else int(row[0])


def control_number(db: psycopg.Connection, number: str, vendor: str) -> int:
    """The control number of a document: taken at the first delivery, the same ever after."""
    with db.transaction():
        row = db.execute(
            "select control_number from dispatches where number = %s for update", [number]
        ).fetchone()
        assert row is not None
        if row[0] is not None:
            return int(row[0])
        given = next_control(db, vendor)
        # After 999,999,999 the first come again; the old ones are long forgotten.
        db.execute(
            "update dispatches set control_number = null where vendor = %s and control_number = %s",
            [vendor, given],
        )
        db.execute("update dispatches set control_number = %s where number = %s", [given, number])
        return given


def delivered(db: psycopg.Connection, number: str, *, channel: str, to: str, now: datetime) -> None:
    """It reached the vendor's side; also where its order was cancelled meanwhile."""
    state = "by_hand" if channel == "by_hand" else "delivered"
    db.execute(
        "update dispatches set state = %s, channel = %s, delivered_to = %s, delivered_at = %s, "
        "problem = null, failing_since = null "
        "where number = %s and state in ('waiting', 'withdrawn')",
        [state, channel, to, now, number],
    )


def not_delivered(
    db: psycopg.Connection,
    claimed: Mapping[str, Any],
    *,
    attempts: int,
    problem: str,
    channel: str,
    gives_up: bool,
    now: datetime,
) -> None:
    """It did not reach the vendor's side: tried again later, unless that is no use (`gives_up`)."""
    db.execute(
        "update dispatches set state = %s, due_at = %s, problem = %s, channel = %s "
        "where number = %s and state = 'waiting' and due_at = %s",
        ["failed" if gives_up else "waiting", now + wait_after(attempts), problem, channel,
         claimed["number"], claimed["due_at"]],
    )  # fmt: skip


def blocked(
    db: psycopg.Connection, claimed: Mapping[str, Any], *, problem: str, now: datetime
) -> None:
    """Nothing was tried, since it cannot be delivered as things are: somebody must see to it."""
    db.execute(
        "update dispatches set state = 'blocked', due_at = %s, problem = %s, "
        "failing_since = coalesce(failing_since, %s) "
        "where number = %s and state = 'waiting' and due_at = %s",
        [now + BLOCKED_WAIT, problem, now, claimed["number"], claimed["due_at"]],
    )


def retry(db: psycopg.Connection, number: str, *, now: datetime) -> Dispatch:
    """Try again now what failed or waits. Raises `NotFound` and `StateConflict`."""
    done = db.execute(
        "update dispatches set state = 'waiting', due_at = %s, attempts = case "
        "when state = 'failed' then 0 else attempts end "
        "where number = %s and (state in ('failed', 'blocked') "
        "or (state = 'waiting' and problem is not null))",
        [now, number],
    )
    found = get(db, number)
    if done.rowcount == 0:
        raise StateConflict("dispatch", number, state=found["state"], act="retry")
    return found


_COLUMNS = """number, purchase_order_id as purchase_order, version, vendor, purpose, state,
    created_at, due_at, attempts, channel, control_number, problem, delivered_at, delivered_to,
    failing_since, acknowledged_at, acknowledgement"""


def get(db: psycopg.Connection, number: str) -> Dispatch:
    """One document with its content. Raises `NotFound`."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"select {_COLUMNS}, document from dispatches where number = %s",  # noqa: S608
            [number],
        ).fetchone()
    if found is None:
        raise NotFound("dispatch", number)
    return found


def page(
    db: psycopg.Connection,
    *,
    state: str | None = None,
    vendor: str | None = None,
    purchase_order: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, object]:
    """Documents, the newest first: `{"dispatches": [...], "next_cursor": text or None}`."""
    check_choice(state, STATES, field="state")
    at, number = decode_cursor(cursor, str, str) if cursor else (None, None)
    given = {"state": state, "vendor": vendor, "order": purchase_order, "limit": limit + 1,
             "at": at, "number": number}  # fmt: skip
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"select {_COLUMNS} from dispatches "  # noqa: S608
            "where (%(state)s::text is null or state = %(state)s) "
            "and (%(vendor)s::text is null or vendor = %(vendor)s) "
            "and (%(order)s::text is null or purchase_order_id = %(order)s) "
            "and (%(at)s::timestamptz is null or "
            "(created_at, number) < (%(at)s::timestamptz, %(number)s)) "
            "order by created_at desc, number desc limit %(limit)s",
            given,
        ).fetchall()
    return page_of(found, name="dispatches", limit=limit, by=("created_at", "number"))


def of_orders(db: psycopg.Connection, order_ids: Collection[str]) -> dict[str, Dispatch]:
    """What each of these orders tells of its latest document, where it has one, by order."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"select distinct on (purchase_order_id) {_COLUMNS} from dispatches "  # noqa: S608
            "where purchase_order_id = any(%s) order by purchase_order_id, version desc",
            [list(order_ids)],
        ).fetchall()
    return {row["purchase_order"]: of_order(row) for row in found}


def troubled(
    db: psycopg.Connection, *, now: datetime, after: timedelta, after_critical: timedelta
) -> list[Dispatch]:
    """Documents that people must know of, each with the `urgency` of its order.

    Nothing can be delivered, nothing more will be tried, or it is tried in vain for longer than
    `after`; where the order is critical, than `after_critical`.
    """
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            f"select d.*, p.urgency from (select {_COLUMNS} from dispatches "  # noqa: S608
            "where state in ('waiting', 'blocked', 'failed') and failing_since is not null) d "
            "join purchase_orders p on p.purchase_order_id = d.purchase_order "
            "where d.state <> 'waiting' or d.failing_since <= %(now)s - "
            "case p.urgency when 'critical' then %(soon)s else %(after)s end order by d.number",
            {"now": now, "after": after, "soon": min(after, after_critical)},
        ).fetchall()


def acknowledge(
    db: psycopg.Connection,
    vendor: str,
    *,
    control: int,
    accepted: bool | None,
    notes: str,
    now: datetime,
) -> str | None:
    """What a partner's system says of the interchange of that number; returns the document's.

    None where no document of that number went to the vendor. A document that it could not read has
    failed, whatever arrived.

    accepted : None where it only says that the document came.
    """
    if accepted is None:
        came = db.execute(
            "select number from dispatches where vendor = %s and control_number = %s",
            [vendor, control],
        ).fetchone()
        return None if came is None else str(came[0])
    row = db.execute(
        "update dispatches set acknowledged_at = %(now)s, acknowledgement = %(said)s, "
        "state = case when %(accepted)s then state else 'failed' end, "
        "problem = case when %(accepted)s then problem else %(notes)s end, "
        "failing_since = case when %(accepted)s then failing_since else %(now)s end "
        "where vendor = %(vendor)s and control_number = %(control)s returning number",
        {"now": now, "said": "accepted" if accepted else "rejected", "accepted": accepted,
         "notes": f"the vendor's system could not read it: {notes or 'it does not say why'}",
         "vendor": vendor, "control": control},
    ).fetchone()  # fmt: skip
    return None if row is None else str(row[0])
