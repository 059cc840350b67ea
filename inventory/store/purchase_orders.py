"""Purchase orders in PostgreSQL: every act in one transaction, with who, when and why.

The rules of the life of an order are in `inventory.purchase_orders`. What its vendor confirmed or
shipped is dated supply (`inventory.store.order_supply`), which availability promises from.
Proposals are written by `inventory.store.order_proposals`, what documents of vendors say by
`inventory.store.vendor_reports`.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound
from inventory.order_worth import URGENCIES
from inventory.purchase_orders import (
    ON_ITS_WAY,
    OPEN_STATES,
    STATES,
    TOLD_TO_VENDORS,
    UNSENT_STATES,
    may,
    next_state,
    state_after_edit,
    who_may,
)
from inventory.store import (
    act_history,
    idempotency,
    order_edits,
    order_terms,
    order_worth,
)
from inventory.store.act_history import ORDERS as BOOK
from inventory.store.dispatches import of_orders
from inventory.store.order_acts import Told, do
from inventory.store.paging import decode_cursor, encode_cursor
from inventory.store.retry import retrying

MOVING_SUPPLY = ("confirm", "ship", "redate", "receive", "cancel_rest")
"""Acts that change what is to come, or when."""

Order = dict[str, Any]
"""An order as a client reads it: id, vendor, location, state, expected_on, value, lines …"""

ORDERS = """
select p.purchase_order_id as id, p.vendor, p.location, p.state, p.created_at, p.updated_at,
    p.order_on, p.calendar, p.expected_on, p.sent_at, p.approved_by, p.version,
    p.currency, p.urgency, p.stock_out_on, p.cover_days, p.revenue_protected::float8,
    coalesce(l.value, 0) as value, coalesce(l.lines, '[]') as lines
from purchase_orders p
left join lateral (
    select sum(round((quantity * unit_cost)::numeric, 2))::float8 as value,
        jsonb_agg(jsonb_build_object(
        'line_no', line_no, 'sku', sku, 'quantity', quantity, 'ordered_units', ordered_units,
        'cancelled_units', cancelled_units,
        'shipped_units', shipped_units, 'received_units', received_units,
        'refused_units', refused_units, 'awaiting_units', coalesce(h.awaiting_units, 0),
        'unit_cost', unit_cost,
        'confirmed_unit_cost', confirmed_unit_cost,
        'expected_on', coalesce(arrives_on, p.expected_on), 'due_on', due_on,
        'unconfirmed_units', coalesce(i.unconfirmed_units, 0), 'parts', coalesce(i.parts, '[]'),
        'value', round((quantity * unit_cost)::numeric, 2),
        'firmed', firmed, 'run_id', run_id, 'explanation', explanation, 'worth', worth
    ) order by line_no) as lines
    from purchase_order_lines x
    left join (
        select o.line_no, sum(o.units) filter (where o.part_no is null) as unconfirmed_units,
            jsonb_agg(jsonb_build_object('part', o.part_no, 'units', o.units, 'state', o.state,
                'expected_on', o.expected_on, 'shipment', o.shipment)
                order by o.expected_on, o.part_no) filter (where o.part_no is not null) as parts
        from open_order_parts o
        where o.purchase_order_id = p.purchase_order_id
            and o.order_state <> all (array['proposed', 'accepted', 'approved'])
        group by o.line_no
    ) i using (line_no)
    left join lateral (
        select awaiting_units from inbound
        where inbound_id = x.purchase_order_id || ':' || x.line_no
    ) h on true
    where x.purchase_order_id = p.purchase_order_id
) l on true
"""


def list_orders(
    db: psycopg.Connection,
    *,
    state: str | None = None,
    vendor: str | None = None,
    location: str | None = None,
    urgency: str | None = None,
    sort: str = "newest",
    sent_only: bool = False,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Orders with lines: `{"orders": [...], "next_cursor": text or None}`.

    `sort`: one of `SORTS`. `urgency` and the sort by it are about orders that are open, unless a
    `state` is asked for.
    `sent_only`: none that the vendor has not heard of.
    """
    for field, given, known in (("state", state, STATES), ("urgency", urgency, URGENCIES),
                                ("sort", sort, tuple(SORTS))):  # fmt: skip
        if given is not None and given not in known:
            raise InputRejected(
                f"'{given}' is no {field}; use one of {', '.join(known)}", field=field
            )
    by = SORTS[sort]
    after: list[Any] = decode_cursor(cursor, *[int] * len(by), str) if cursor else [None]
    key = sql.SQL("array[{}]::bigint[]").format(sql.SQL(", ").join(map(sql.SQL, by)))
    query = sql.SQL(_LISTED).format(orders=sql.SQL(ORDERS), key=key)
    asked = {
        "state": state, "vendor": vendor, "location": location, "urgency": urgency,
        "sent_only": sent_only, "unsent": list(UNSENT_STATES),
        "open_only": state is None and (urgency is not None or sort == "urgency"),
        "open": list(OPEN_STATES), "key": after[:-1], "id": after[-1], "limit": limit + 1,
    }  # fmt: skip
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(query, asked).fetchall()
    keys = [row.pop("key") for row in found]
    documents = of_orders(db, [row["id"] for row in found])
    for row in found:
        row["dispatch"] = documents.get(row["id"])
    more = len(found) > limit
    return {
        "orders": found[:limit],
        "next_cursor": encode_cursor([*keys[limit - 1], found[limit - 1]["id"]]) if more else None,
    }


_CLASS: LiteralString = (
    "case p.urgency when 'critical' then 0 when 'high' then 1 when 'medium' then 2 "
    "when 'low' then 3 else 4 end"
)
_RUNS_OUT: LiteralString = "coalesce(p.stock_out_on - date '1970-01-01', 2147483647)"
_SAVES: LiteralString = "-round(100 * coalesce(p.revenue_protected, 0))"
_VALUE: LiteralString = (
    "-(select coalesce(round(100 * sum(x.quantity * x.unit_cost))::bigint, 0) "
    "from purchase_order_lines x where x.purchase_order_id = p.purchase_order_id)"
)

SORTS: dict[str, tuple[LiteralString, ...]] = {
    "newest": ("0",),
    "urgency": (_CLASS, _RUNS_OUT, _SAVES),
    "value": (_VALUE,),
}
"""By what lists of orders are sorted, the newest first among equals; whole numbers, ascending."""

# The page first: lines are put together for its orders alone.
_LISTED = """
    with sorted as (
        select p.*, {key} as key from purchase_orders p
        where (%(state)s::text is null or p.state = %(state)s)
            and (%(vendor)s::text is null or p.vendor = %(vendor)s)
            and (%(location)s::text is null or p.location = %(location)s)
            and (%(urgency)s::text is null or p.urgency = %(urgency)s)
            and (not %(sent_only)s or p.state <> all (%(unsent)s))
            and (not %(open_only)s or p.state = any (%(open)s))
    ), page as materialized (
        select purchase_order_id, key from sorted
        where %(id)s::text is null or key > %(key)s::bigint[]
            or (key = %(key)s::bigint[] and purchase_order_id < %(id)s)
        order by key, purchase_order_id desc limit %(limit)s
    )
    select o.*, page.key from page
    join lateral ({orders} where p.purchase_order_id = page.purchase_order_id) o on true
    order by key, id desc
"""


def get_order(db: psycopg.Connection, po_id: str) -> Order:
    """One order with its lines and `events`: who did what, when and why. Raises `NotFound`.

    Also how many different buyers must approve it (`approvals_needed`, two where it is worth more
    than `second_approval_above`), and whose names are under it: `approved_by_names`.
    """
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(ORDERS + " where p.purchase_order_id = %s", [po_id]).fetchone()
        if found is None:
            raise NotFound("purchase order", po_id)
    found["dispatch"] = of_orders(db, [po_id]).get(po_id)
    above = order_terms.in_force(db, found["vendor"]).second_approval_above
    return {
        **found,
        **act_history.signatures(db, found, above),
        "events": act_history.events(db, BOOK, po_id),
    }


def act(
    db: psycopg.Connection,
    po_id: str,
    act: str,
    *,
    actor: str,
    role: str,
    now: datetime,
    reason: str | None = None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    at: datetime | None = None,
    document_id: str | None = None,
    version: int | None = None,
) -> Order:
    """Do one of `purchase_orders.ACTS` and return the order as it is then.

    Parameters
    ----------
    lines : each names its line by number (`line`) or `sku`. For `confirm`, what the vendor will
        deliver: [{"quantity"?, "expected_at"?, "parts"?, "unit_cost"?}]; for `ship`, units on their
        way, [{"quantity", "expected_at"?, "parts"?, "shipment"?}], by default all; for `redate`,
        [{"expected_at", "part"?, "shipment"?}]; for `receive`, what came:
        [{"quantity", "status"?, "shipment"?}], by default all that is open; for `cancel`, units
        that have not left, [{"quantity"?}], without the rest of the order; by default all of it.
        `parts`: a line that comes in parts, [{"quantity", "expected_at"?}].
    at : when goods arrived; by default now.
    document_id : done once for this id: a repeat changes nothing, another body under it raises
        `IdempotencyConflict`.
    version : of the order that the caller decided on; another one raises `VersionConflict`.

    Raises `NotFound`, `StateConflict`, and `InputRejected` when the role may not do this or a line
    is wrong. Nothing is half done.
    """
    _check_role(act, role)
    if act == "cancel" and lines:
        act = "cancel_rest"

    def attempt() -> dict[str, Any]:
        with db.transaction():
            order = act_history.locked(db, BOOK, po_id)
            _check_version(db, order, version, role=role)
            next_state(po_id, order["state"], act)
            told = Told(lines, actor, now, at, document_id, reason)
            to_state, changes = do(db, order, act, told)
            act_history.record(
                db, BOOK, order, act=act, to_state=to_state, actor=actor, now=now, reason=reason,
                changes=changes,
            )  # fmt: skip
            if act in MOVING_SUPPLY:
                order_worth.assess(db, now=now, order_ids=[po_id])
        return {}

    if document_id is None:
        retrying(db, attempt)
    else:
        body = {"lines": lines and [dict(line) for line in lines], "at": at}
        idempotency.once(db, scope=f"{act} {po_id}", key=document_id, body=body, now=now,
                         act=attempt)  # fmt: skip
    return get_order(db, po_id)


def edit(
    db: psycopg.Connection,
    po_id: str,
    *,
    actor: str,
    role: str,
    now: datetime,
    reason: str | None,
    lines: Sequence[Mapping[str, Any]] | None = None,
    expected_on: date | None = None,
    override: bool = False,
    version: int | None = None,
) -> Order:
    """Change quantities, [{"sku", "quantity"}] (zero removes the line), or the expected date.

    Edited lines become firmed: planning leaves them alone. An approved order goes back to
    accepted, and every approval lapses. Raises as `act` does, and `InputRejected` for a day that is
    past and for what breaks packs, minimum or maximum, unless `override` says that it is meant.
    """
    _check_role("edit", role)
    if not reason or not reason.strip():
        raise InputRejected("say why the order is changed", field="reason")
    with db.transaction():
        order = act_history.locked(db, BOOK, po_id)
        _check_version(db, order, version, role=role)
        to_state = state_after_edit(po_id, order["state"])
        wanted = order_edits.Edit(actor, now, reason, lines or (), expected_on, override)
        changes = order_edits.change(db, order, wanted)
        act_history.unsign(db, BOOK, po_id)
        act_history.record(
            db, BOOK, order, act="edit", to_state=to_state, actor=actor, now=now, reason=reason,
            changes=changes,
        )  # fmt: skip
        order_worth.assess(db, now=now, order_ids=[po_id])
    return get_order(db, po_id)


def late_orders(db: psycopg.Connection, *, today: date) -> list[dict[str, Any]]:
    """Orders of which something should have come before `today`, or was put off.

    `[{order_id, vendor, location, expected_on, due_on, open_units}]`: the day on which the last of
    what is late is expected now, the day on which it was due when it was sent, and its units. Parts
    of a line that are on time are not counted.
    """
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(_LATE, {"today": today, "states": list(ON_ITS_WAY)}).fetchall()


_LATE = """
    select purchase_order_id as order_id, vendor, location, max(expected_on) as expected_on,
        min(due_on) as due_on, sum(units)::bigint as open_units
    from open_order_parts
    where order_state = any (%(states)s)
        and (expected_on < %(today)s or expected_on > due_on)
    group by 1, 2, 3 order by 1
"""


def _check_version(db: psycopg.Connection, order: Order, seen: int | None, *, role: str) -> None:
    """Raise `VersionConflict` for another version; a vendor hears of what it is told anyway."""
    told = TOLD_TO_VENDORS if role == "vendor" else None
    act_history.check_version(db, BOOK, order, seen, told=told)


def _check_role(act: str, role: str) -> None:
    if not may(act, role):
        raise InputRejected(
            f"the role '{role}' may not {act} purchase orders; {who_may(act)} may", field="role"
        )
