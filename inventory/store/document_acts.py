"""What a document of a vendor does: it confirms, ships, invoices or acknowledges, or is set aside.

Everything that a document leads to happens in the transaction that marks it as applied. What speaks
against it undoes all that and is kept as the reason.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.document_matching import (
    Ordered,
    OrderedLine,
    confirmed_lines,
    differences,
    invoiced_lines,
    shipped_lines,
)
from inventory.errors import InputRejected, NotFound, VouchError
from inventory.purchase_orders import EDITABLE_STATES
from inventory.store import dispatches, documents, invoices, vendor_dispatch, vendor_reports
from inventory.store.documents import Document
from inventory.store.retry import retrying
from inventory.vendor_documents import (
    ACKNOWLEDGEMENT,
    CONFIRMATION,
    INVOICE,
    SHIPMENT,
    Said,
    said_of,
)

REMEMBERED = timedelta(days=400)
"""Partners begin their numbers anew now and then; a year apart they are not the same document."""


@dataclass(frozen=True, slots=True)
class Us:
    """Who we are in documents."""

    currency: str
    """Of orders that have none of their own."""
    edi_id: str | None


class _Unknown(InputRejected):
    """It is about somebody or something that we do not know."""


class _Duplicate(InputRejected):
    """It says what was said before."""


def apply(
    db: psycopg.Connection, document_id: int, *, us: Us, actor: str, now: datetime
) -> Document:
    """Apply a document that waits, or set it aside with the reason; returns it as it is then.

    One that was settled before stays as it was. Raises `NotFound`.
    """

    def attempt() -> None:
        with db.transaction():
            held = documents.held(db, document_id)
            if held is None or held["said"] is None:
                return
            vendor: str | None = None
            try:
                with db.transaction():
                    vendor = _vendor(db, held, us)
                    outcome = _act(db, held, vendor, us=us, now=now)
            except (VouchError, psycopg.DataError, psycopg.IntegrityError) as why:
                documents.set_aside(
                    db,
                    document_id,
                    vendor=vendor,
                    reason=_reason(why),
                    problem=why.problem if isinstance(why, InputRejected) else str(why),
                    field=why.field if isinstance(why, InputRejected) else None,
                )
            else:
                documents.settle(
                    db, document_id, vendor=vendor, outcome=outcome, actor=actor, now=now
                )

    retrying(db, attempt)
    return documents.get(db, document_id)


def _reason(why: Exception) -> str:
    if isinstance(why, _Duplicate):
        return "duplicate"
    return "unknown" if isinstance(why, _Unknown | NotFound) else "contradictory"


def _vendor(db: psycopg.Connection, held: Mapping[str, Any], us: Us) -> str:
    """Whose document it is: as its envelope says, which must agree with the way it came."""
    sender = ":".join(filter(None, (held["sender_qualifier"], held["sender_id"])))
    if us.edi_id is not None and held["receiver_id"] != us.edi_id:
        raise _Unknown(
            f"it is addressed to '{held['receiver_id']}' and we are '{us.edi_id}'", field="receiver"
        )
    named = vendor_dispatch.vendor_of(
        db, qualifier=held["sender_qualifier"] or "", edi_id=held["sender_id"] or ""
    )
    came_from = held["came_from"]
    if named is None and came_from is None:
        raise _Unknown(
            f"no vendor has the id '{sender}'; give it to one with "
            "PUT /api/v2/vendors/ID/dispatch or `vouch dispatch settings set`, then try the "
            "document again",
            field="sender",
        )
    if named is not None and came_from is not None and named != came_from:
        raise InputRejected(
            f"it came from '{came_from}' and names '{sender}' as its sender, which is '{named}'",
            field="sender",
        )
    vendor = str(named or came_from)
    place = vendor_dispatch.get(db, vendor)
    if held["test"] and not (place and place.edi_test):
        raise InputRejected(
            f"it is a test document, and '{vendor}' is not being tested (edi_test)", field="test"
        )
    return vendor


def _act(
    db: psycopg.Connection, held: Mapping[str, Any], vendor: str, *, us: Us, now: datetime
) -> dict[str, Any]:
    # One document of a vendor at a time: of two that are the same, the second is the duplicate.
    db.execute("select from vendors where vendor = %s for no key update", [vendor])
    _refuse_repeat(db, held, vendor, now=now)
    if held["kind"] == ACKNOWLEDGEMENT:
        return _acknowledge(db, held["said"], vendor, now=now)
    said = said_of(held["said"])
    told: dict[str, Any] = {
        "document_id": f"document-{held['document_id']}",
        "at": now,
        "actor": f"vendor:{vendor}",
    }
    # Always in the same order, so that two documents on the same orders do not wait in a ring.
    parts = [
        (part, *_ordered(db, part, vendor, us=us))
        for part in sorted(said.by_order(), key=lambda part: part.order_id)
    ]
    if said.kind == INVOICE:
        matched = [(part, ordered) for part, _, ordered in parts]
        whose = {"vendor": vendor, "house_currency": us.currency}
        return _invoice(db, said, matched, told | whose)
    states = {}
    for part, order, ordered in parts:
        if said.kind == CONFIRMATION:
            after = _confirm(db, part, order, ordered, told)
        else:
            assert said.kind == SHIPMENT
            lines = shipped_lines(part, ordered)
            after = vendor_reports.ship(db, part.order_id, lines=lines, **told)
        states[part.order_id] = after["state"]
    first = said.order_id if said.order_id in states else next(iter(states))
    outcome: dict[str, Any] = {"order": first, "state": states[first]}
    return outcome | ({"orders": states} if len(states) > 1 else {})


def _invoice(
    db: psycopg.Connection,
    said: Said,
    parts: Sequence[tuple[Said, Ordered]],
    told: dict[str, Any],
) -> dict[str, Any]:
    """One invoice, whichever orders its lines are of."""
    lines = [
        line | {"order": part.order_id}
        for part, ordered in parts
        for line in invoiced_lines(part, ordered)
    ]
    kept = invoices.record_invoice(
        db,
        number=said.number,
        lines=lines,
        order_id=said.order_id,
        invoiced_on=said.issued_on,
        currency=said.currency or parts[0][1].currency,
        total=said.total,
        charges=said.charges or Decimal(0),
        **told,
    )
    return {"order": said.order_id, "invoice": kept["id"], "payable": kept["payable"]}


def _confirm(
    db: psycopg.Connection,
    said: Said,
    order: Mapping[str, Any],
    ordered: Ordered,
    told: dict[str, Any],
) -> dict[str, Any]:
    lines = confirmed_lines(said, ordered)
    if order["was_confirmed"] and not said.replaces:
        changed = differences(lines, ordered)
        if not changed:
            raise _Duplicate(f"order {said.order_id} was confirmed like that already")
        raise InputRejected(
            f"order {said.order_id} was confirmed before, and now otherwise: {'; '.join(changed)}. "
            "A confirmation that changes another must say so (BAK01 04 or 05, BGM03 4 or 5)",
            field="purpose",
        )
    # A document confirms the whole order: lines that it does not speak of come as they are agreed.
    spoken = {line["line"] for line in lines}
    rest = [{"line": n} for line in ordered.lines if (n := line.line_no) not in spoken]
    return vendor_reports.confirm(db, said.order_id, lines=[*lines, *rest], **told)


def _acknowledge(
    db: psycopg.Connection, said: Mapping[str, Any], vendor: str, *, now: datetime
) -> dict[str, Any]:
    control = str(said["group_control"])
    number = None
    if said["group_id"] in ("PO", "ORDERS") and control.isdecimal() and len(control) <= 9:  # noqa: PLR2004 - digits of a control number.
        number = dispatches.acknowledge(
            db,
            vendor,
            control=int(control),
            accepted=said["accepted"],
            notes=str(said["notes"]),
            now=now,
        )
    if number is None:
        raise _Unknown(
            f"no document with the control number {control} went to '{vendor}'", field="control"
        )
    return {"dispatch": number, "accepted": said["accepted"]}


def _refuse_repeat(
    db: psycopg.Connection, held: Mapping[str, Any], vendor: str, *, now: datetime
) -> None:
    row = db.execute(
        _REPEATED,
        {"document": held["document_id"], "vendor": vendor, "since": now - REMEMBERED,
         "control": held["control"], "kind": held["kind"], "number": held["number"],
         "said": Jsonb(held["said"])},
    ).fetchone()  # fmt: skip
    if row is None:
        return
    if row[1]:
        raise _Duplicate(f"document {row[0]} said the same, and was applied")
    raise InputRejected(
        f"document {row[0]} had the same number and said something else", field="number"
    )


# An invoice that was rejected may come again, put right, under its number.
_REPEATED = """
    select document_id, said = %(said)s from vendor_documents d
    where vendor = %(vendor)s and state = 'applied' and settled_at > %(since)s
        and (control = %(control)s or (
            kind = %(kind)s and kind in ('shipment', 'invoice') and number = %(number)s
            and purchase_orders && (select purchase_orders from vendor_documents
                where document_id = %(document)s)
            and not exists (select from invoices i
                where i.invoice_id = (d.outcome ->> 'invoice')::bigint and i.state = 'rejected')))
    order by 1 limit 1
"""

_ORDER = """
    select p.state, p.vendor, p.sent_at, coalesce((p.sent_at at time zone o.timezone)::date,
        p.created_at::date) as sent_on, p.expected_on, p.currency,
        exists (select from purchase_order_events e
            where e.purchase_order_id = p.purchase_order_id and e.act = 'confirm') as was_confirmed
    from purchase_orders p join locations o using (location)
    where p.purchase_order_id = %s for update of p
"""

_LINES = """
    select l.line_no, l.sku, l.quantity, coalesce(l.arrives_on, %s) as expected_on,
        (select json_agg(json_build_array(d.expected_on, d.units)) from (
            select o.expected_on, sum(o.units) as units from open_order_parts o
            where o.purchase_order_id = l.purchase_order_id and o.line_no = l.line_no
            group by o.expected_on order by o.expected_on) d) as schedule
    from purchase_order_lines l where l.purchase_order_id = %s order by l.line_no
"""


def _ordered(
    db: psycopg.Connection, said: Said, vendor: str, *, us: Us
) -> tuple[Mapping[str, Any], Ordered]:
    """Our order as it stands, held until the transaction ends."""
    with db.cursor(row_factory=dict_row) as rows:
        order = rows.execute(_ORDER, [said.order_id]).fetchone()
        if order is None or order["vendor"] != vendor:
            # To a vendor, another's order does not exist.
            raise _Unknown(f"'{vendor}' has no order '{said.order_id}' of ours", field="order")
        if order["state"] in EDITABLE_STATES:
            raise InputRejected(
                f"order {said.order_id} is {order['state']} and was never sent", field="order"
            )
        lines = rows.execute(_LINES, [order["expected_on"], said.order_id]).fetchall()
    place = vendor_dispatch.get(db, vendor)
    ordered = Ordered(
        order_id=said.order_id,
        sent_on=order["sent_on"],
        currency=order["currency"] or us.currency,
        lines=tuple(
            OrderedLine(
                line["line_no"],
                line["sku"],
                line["quantity"],
                line["expected_on"],
                tuple((date.fromisoformat(day), units) for day, units in line["schedule"] or ()),
            )
            for line in lines
        ),
        transit_days=place.transit_days if place else None,
        echoes_lines=place.echoes_lines if place else False,
    )
    return order, ordered
