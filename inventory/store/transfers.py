"""Transfers in PostgreSQL: every act in one transaction, with who, when and why.

The rules of the life of a transfer are in `inventory.transfers`. From approval on its lines are one
hard reservation at the origin, of the transfer's own id, and a row each of `inbound` at the
destination, named `<transfer>:<line>`. So availability counts both ends as it counts any promise
and any supply. Proposals of planning are written by `inventory.store.transfer_proposals`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store import transfer_terms
from inventory.store.act_history import TRANSFERS as BOOK
from inventory.store.act_history import events, locked, signatures, unsign
from inventory.store.paging import decode_cursor, encode_cursor
from inventory.store.retry import retrying
from inventory.store.transfer_acts import Told, announce, do
from inventory.store.transfer_history import record
from inventory.store.transfer_lines import edit_lines
from inventory.transfers import (
    DATED,
    EDITABLE_STATES,
    ON_ITS_WAY,
    STATES,
    may,
    next_state,
    who_may,
)

Transfer = dict[str, Any]

TRANSFERS = """
select t.transfer_id as id, t.origin, t.destination, t.state, t.planned, t.created_at,
    t.updated_at, t.expected_on, t.due_on, t.approved_by, t.version,
    coalesce(l.units, 0) as units, coalesce(l.value, 0) as value, coalesce(l.saving, 0) as saving,
    coalesce(l.lines, '[]') as lines
from transfers t
left join lateral (
    select sum(quantity)::bigint as units, round(sum(saving)::numeric, 2)::float8 as saving,
        round(sum(quantity * unit_cost)::numeric, 2)::float8 as value,
        jsonb_agg(jsonb_build_object(
            'line_no', line_no, 'sku', sku, 'quantity', quantity, 'shipped_units', shipped_units,
            'received_units', received_units, 'keep_units', keep_units, 'reason', reason,
            'saving', saving, 'firmed', firmed, 'explanation', explanation
        ) order by line_no) as lines
    from transfer_lines x join skus using (sku) where x.transfer_id = t.transfer_id
) l on true
"""


def list_transfers(
    db: psycopg.Connection,
    *,
    state: str | None = None,
    origin: str | None = None,
    destination: str | None = None,
    sku: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, object]:
    """Transfers, the newest first: `{"transfers": [...], "next_cursor": text or None}`."""
    if state is not None and state not in STATES:
        raise InputRejected(f"'{state}' is no state; use one of {', '.join(STATES)}", field="state")
    given = {
        "state": state, "origin": origin, "destination": destination, "sku": sku,
        "before": decode_cursor(cursor, str)[0] if cursor else None, "limit": limit + 1,
    }  # fmt: skip
    query = TRANSFERS + (
        " where (%(state)s::text is null or t.state = %(state)s)"
        " and (%(origin)s::text is null or t.origin = %(origin)s)"
        " and (%(destination)s::text is null or t.destination = %(destination)s)"
        " and (%(sku)s::text is null or exists (select from transfer_lines s"
        "   where s.transfer_id = t.transfer_id and s.sku = %(sku)s))"
        " and (%(before)s::text is null or t.transfer_id < %(before)s)"
        " order by t.transfer_id desc limit %(limit)s"
    )
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(query, given).fetchall()
    more = len(found) > limit
    return {
        "transfers": found[:limit],
        "next_cursor": encode_cursor([found[limit - 1]["id"]]) if more else None,
    }


def get_transfer(db: psycopg.Connection, transfer_id: str) -> Transfer:
    """One transfer with its lines and `events`. Raises `NotFound`.

    It tells whose approvals it has and needs, as `purchase_orders.get_order` does of orders.
    """
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(TRANSFERS + " where t.transfer_id = %s", [transfer_id]).fetchone()
        if found is None:
            raise NotFound("transfer", transfer_id)
    above = transfer_terms.second_approval_above(db, found["origin"])
    return {
        **found,
        **signatures(db, found, above),
        "events": events(db, BOOK, transfer_id),
    }


def act(
    db: psycopg.Connection,
    transfer_id: str,
    act: str,
    *,
    actor: str,
    role: str,
    now: datetime,
    reason: str | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    expected_on: date | None = None,
) -> Transfer:
    """Do one of `transfers.ACTS` and return the transfer as it is then.

    Parameters
    ----------
    lines : for `ship` and `receive`, what left or came: [{"sku", "quantity", "status"?}]; by
        default all of it. What does not leave is free again at the origin.
    expected_on : for `ship` and `redate`, the day on which it comes; of what is shipped, by default
        as its lane says.

    Raises `NotFound`, `StateConflict`, `InputRejected` when the role may not do this or a line is
    wrong, and at approval `InsufficientStock` where the origin needs the units. Nothing is half
    done.
    """
    check_role(act, role)
    if expected_on is not None and act not in DATED:
        raise InputRejected(f"only {' and '.join(DATED)} take a day", field="expected_on")

    def attempt() -> None:
        with db.transaction():
            transfer = locked(db, BOOK, transfer_id)
            next_state(transfer_id, transfer["state"], act)
            to_state, changes = do(db, transfer, act, Told(lines, actor, now, expected_on))
            if act == "receive":
                return  # The supply told its transfer: `note_transfer_receipt`.
            record(db, transfer, act=act, to_state=to_state, actor=actor, now=now, reason=reason,
                   changes=changes)  # fmt: skip

    retrying(db, attempt)
    return get_transfer(db, transfer_id)


def edit(
    db: psycopg.Connection,
    transfer_id: str,
    *,
    actor: str,
    role: str,
    now: datetime,
    reason: str | None,
    lines: Sequence[Mapping[str, Any]],
) -> Transfer:
    """Change quantities, [{"sku", "quantity"}], before approval; zero removes a line.

    Raises as `act` does. Edited lines are firmed: planning leaves them alone.
    """
    check_role("edit", role)
    if not reason or not reason.strip():
        raise InputRejected("say why the transfer is changed", field="reason")
    with db.transaction():
        transfer = locked(db, BOOK, transfer_id)
        if transfer["state"] not in EDITABLE_STATES:
            raise StateConflict(
                "transfer", transfer_id, state=transfer["state"], act="edit",
                remedy="an approved one stands; cancel it and propose another",
            )  # fmt: skip
        changes = edit_lines(db, transfer_id, lines, actor=actor, reason=reason)
        unsign(db, BOOK, transfer_id)
        record(db, transfer, act="edit", to_state=transfer["state"], actor=actor, now=now,
               reason=reason, changes=changes)  # fmt: skip
        if transfer["state"] == "accepted":
            announce(db, transfer, state="planned", now=now)
    return get_transfer(db, transfer_id)


def check_role(act: str, role: str) -> None:
    """Raise `InputRejected` where the role may not do the act."""
    if not may(act, role):
        raise InputRejected(
            f"the role '{role}' may not {act} transfers; {who_may(act)} may", field="role"
        )


def late_transfers(db: psycopg.Connection, *, today: date) -> list[dict[str, Any]]:
    """Transfers with open units that should have come before `today`, or were put off.

    `[{transfer_id, origin, destination, expected_on, due_on, open_units}]`: the day on which it is
    expected now, and the one on which it was due when it left, or when it was approved.
    """
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(_LATE, {"today": today, "states": list(ON_ITS_WAY)}).fetchall()


_LATE = """
    select t.transfer_id, t.origin, t.destination, t.expected_on,
        coalesce(t.due_on, t.expected_on) as due_on, sum(o.units)::bigint as open_units
    from transfers t join open_transfer_lines o using (transfer_id)
    where t.state = any (%(states)s) and (t.expected_on < %(today)s or t.expected_on > t.due_on)
    group by 1, 2, 3, 4, 5 order by 1
"""
