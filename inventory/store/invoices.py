"""Invoices in PostgreSQL: recorded once, and decided on by buyers."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.invoices import STATES, InvoiceLine, money, stated_lines
from inventory.store import idempotency
from inventory.store.invoice_discrepancies import of_invoices
from inventory.store.paging import before_id, check_choice, page_of

Invoice = dict[str, Any]


def record_invoice(
    db: psycopg.Connection,
    *,
    vendor: str,
    number: str,
    lines: Sequence[Mapping[str, Any]],
    document_id: str | None,
    at: datetime,
    actor: str,
    order_id: str | None = None,
    invoiced_on: date | None = None,
    currency: str | None = None,
    total: Decimal | float | None = None,
    charges: Decimal | float = 0,
    house_currency: str | None = None,
) -> Invoice:
    """Keep an invoice, and return it with what does not match (`get`).

    Parameters
    ----------
    number : the vendor's own. A second invoice of that number is kept as a duplicate, unless the
        first was rejected.
    lines : [{"order"?, "line" or "sku", "quantity", "unit_price"}]; `order_id` is the order of
        those that name none. A line that is on no order of this vendor is a discrepancy, not an
        error.
    document_id : recorded once for this id: a repeat changes nothing, another content under it
        raises `IdempotencyConflict`.
    currency : as the invoice says; None: that of the orders.
    total, charges : what it comes to, and what of that is for no goods.
    house_currency : of orders that have no currency of their own.

    Raises `NotFound` for an unknown vendor, `InputRejected`.
    """
    if not number.strip():
        raise InputRejected("an invoice has a number", field="number")
    stated = stated_lines(lines, order_id=order_id)
    given = {
        "vendor": vendor, "number": number.strip(), "on": invoiced_on, "currency": currency,
        "total": None if total is None else money(total, field="total"),
        "charges": money(charges, field="charges"),
    }  # fmt: skip

    kept = given | {"document": document_id, "at": at, "actor": actor, "house": house_currency}
    if document_id is None:
        return get(db, _keep(db, kept, stated)["invoice"])
    body = given | {"lines": [[str(part) for part in astuple(line)] for line in stated]}
    done = idempotency.once(
        db,
        scope="invoice",
        key=document_id,
        body=body,
        now=at,
        act=lambda: _keep(db, kept, stated),
    )
    return get(db, done.response["invoice"])


def _keep(
    db: psycopg.Connection, kept: Mapping[str, Any], lines: Sequence[InvoiceLine]
) -> dict[str, int]:
    vendor = kept["vendor"]
    with db.transaction():
        # One at a time per vendor: whoever comes second with a number is the duplicate.
        known = db.execute(
            "select from vendors where vendor = %s for no key update", [vendor]
        ).fetchone()
        if known is None:
            raise NotFound("vendor", vendor)
        row = db.execute(_KEEP, kept).fetchone()
        assert row is not None
        _write_lines(db, row[0], vendor, lines)
        return {"invoice": row[0]}


_KEEP = """
    insert into invoices (vendor, number, invoiced_on, currency, total, charges, document_id,
        recorded_at, recorded_by, house_currency, duplicate_of)
    values (%(vendor)s, %(number)s, %(on)s, %(currency)s, %(total)s, %(charges)s, %(document)s,
        %(at)s, %(actor)s, %(house)s, (select invoice_id from invoices
            where vendor = %(vendor)s and number = %(number)s and duplicate_of is null
                and state <> 'rejected'))
    returning invoice_id
"""


def _write_lines(
    db: psycopg.Connection, invoice_id: int, vendor: str, lines: Sequence[InvoiceLine]
) -> None:
    """Each with the line of an order of this vendor that it means, where there is one."""
    columns = [list(column) for column in zip(*map(astuple, lines), strict=True)]
    db.execute(_LINES, [invoice_id, *columns, vendor])


_LINES = """
    insert into invoice_lines (invoice_id, line_no, purchase_order_id, order_line, sku, quantity,
        unit_price)
    select %s, g.n, g.order_id, l.line_no, coalesce(g.sku, l.sku), g.quantity, g.price
    from unnest(%s::text[], %s::int[], %s::text[], %s::bigint[], %s::numeric[])
        with ordinality as g (order_id, line, sku, quantity, price, n)
    left join purchase_orders o on o.purchase_order_id = g.order_id and o.vendor = %s
    left join purchase_order_lines l on l.purchase_order_id = o.purchase_order_id
        and l.ordered_units is not null
        and (g.line is null or l.line_no = g.line) and (g.sku is null or l.sku = g.sku)
        and (g.line is not null or g.sku is not null)
"""

_INVOICES = """
    select i.invoice_id as id, i.vendor, i.number, i.invoiced_on, i.currency, i.total::float8,
        i.charges::float8, i.duplicate_of, i.state, i.document_id, i.recorded_at, i.recorded_by,
        i.decided_at, i.decided_by, i.reason,
        (select round(sum(l.quantity * l.unit_price), 2)::float8 from invoice_lines l
            where l.invoice_id = i.invoice_id) as goods,
        (select jsonb_agg(jsonb_build_object('line_no', l.line_no, 'order', l.purchase_order_id,
            'order_line', l.order_line, 'sku', l.sku, 'quantity', l.quantity,
            'unit_price', l.unit_price) order by l.line_no)
            from invoice_lines l where l.invoice_id = i.invoice_id) as lines
    from invoices i
"""


def get(db: psycopg.Connection, invoice_id: int) -> Invoice:
    """One invoice with its lines, its `discrepancies`, and whether it is `payable`.

    Raises `NotFound`.
    """
    with db.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(_INVOICES + " where i.invoice_id = %s", [invoice_id]).fetchone()
    if row is None:
        raise NotFound("invoice", str(invoice_id))
    return _with_discrepancies(db, [row])[0]


def list_invoices(
    db: psycopg.Connection,
    *,
    state: str | None = None,
    vendor: str | None = None,
    order_id: str | None = None,
    matched: bool | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """Invoices, the newest first: `{"invoices": [...], "next_cursor": text or None}`.

    `matched`: only those without discrepancies, or only those with some.
    """
    check_choice(state, STATES, field="state")
    given = {
        "state": state, "vendor": vendor, "order": order_id, "matched": matched,
        "before": before_id(cursor), "limit": limit + 1,
    }  # fmt: skip
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(_INVOICES + _LISTED, given).fetchall()
    page = page_of(found, name="invoices", limit=limit)
    _with_discrepancies(db, page["invoices"])
    return page


_LISTED = """
    where (%(state)s::text is null or i.state = %(state)s)
        and (%(vendor)s::text is null or i.vendor = %(vendor)s)
        and (%(order)s::text is null or exists (select from invoice_lines l
            where l.invoice_id = i.invoice_id and l.purchase_order_id = %(order)s))
        and (%(before)s::bigint is null or i.invoice_id < %(before)s)
        and (%(matched)s::bool is null or %(matched)s = not exists (
            select from invoice_discrepancies(array[i.invoice_id])))
    order by i.invoice_id desc limit %(limit)s
"""


def _with_discrepancies(db: psycopg.Connection, rows: list[Invoice]) -> list[Invoice]:
    wrong = of_invoices(db, [row["id"] for row in rows])
    for row in rows:
        row["discrepancies"] = wrong.get(row["id"], [])
        agreed = row["state"] == "open" and not row["discrepancies"]
        row["payable"] = row["state"] == "approved" or agreed
    return rows


def decide(
    db: psycopg.Connection,
    invoice_id: int,
    *,
    approved: bool,
    reason: str | None,
    actor: str,
    now: datetime,
) -> Invoice:
    """A buyer pays it as it is, or refuses it; the reason is kept.

    One that is refused leaves its number to the next that came under it.

    Raises `NotFound`, `StateConflict` for one that was decided on, and `InputRejected` without a
    reason where it does not match, or is refused.
    """
    with db.transaction():
        # As invoices of a vendor are recorded: which is the duplicate must not change meanwhile.
        db.execute(
            "select from vendors where vendor = (select vendor from invoices "
            "where invoice_id = %s) for no key update",
            [invoice_id],
        )
        row = db.execute(
            "select state from invoices where invoice_id = %s for update", [invoice_id]
        ).fetchone()
        if row is None:
            raise NotFound("invoice", str(invoice_id))
        if row[0] != "open":
            act = "approve" if approved else "reject"
            raise StateConflict("invoice", str(invoice_id), state=row[0], act=act)
        wanting = not approved or of_invoices(db, [invoice_id])
        if wanting and not (reason or "").strip():
            raise InputRejected("say why: it does not match, or is refused", field="reason")
        db.execute(
            "update invoices set state = %s, decided_at = %s, decided_by = %s, reason = %s "
            "where invoice_id = %s and state = 'open'",
            ["approved" if approved else "rejected", now, actor, reason, invoice_id],
        )
        if not approved:
            db.execute(_LEAVE_NUMBER, {"rejected": invoice_id})
    return get(db, invoice_id)


# Of its duplicates one takes its place, that which was paid or else the earliest.
_LEAVE_NUMBER = """
    update invoices d set duplicate_of = nullif(next.invoice_id, d.invoice_id) from (
        select invoice_id from invoices where duplicate_of = %(rejected)s and state <> 'rejected'
        order by state = 'approved' desc, invoice_id limit 1
    ) next
    where d.duplicate_of = %(rejected)s and d.state <> 'rejected'
"""
