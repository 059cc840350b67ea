"""The three-way match: order, receipt and invoice, line by line, always as of now.

Nothing is kept of it: a receipt or an approval that comes later puts an invoice right by itself.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.invoices import KINDS
from inventory.store.paging import check_choice, decode_cursor, encode_cursor

LAST_LINE = 2_147_483_647
"""Where what is said of a whole invoice stands: after its lines."""


def of_invoices(db: psycopg.Connection, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    """What does not match on these invoices, by invoice: kind, line, expected, found, money.

    `currency` is that of the money, `order_currency` that of the order where one is named.
    """
    found: dict[int, list[dict[str, Any]]] = {}
    if not ids:
        return found
    with db.cursor(row_factory=dict_row) as rows:
        for row in rows.execute(_OF_INVOICES, [list(ids)]):
            told = _told(row)
            found.setdefault(told.pop("invoice"), []).append(told)
    return found


_OF_INVOICES = """
    select d.*, coalesce(i.currency, p.currency, i.house_currency) as currency,
        coalesce(p.currency, i.house_currency) as order_currency
    from invoice_discrepancies(%s) d join invoices i using (invoice_id)
    left join purchase_orders p on p.purchase_order_id = d.purchase_order_id
    order by invoice_id, line_no nulls last, kind
"""


def list_discrepancies(
    db: psycopg.Connection,
    *,
    kind: str | None = None,
    vendor: str | None = None,
    order_id: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, Any]:
    """What does not match on invoices that nobody decided on, the oldest invoice first.

    `{"discrepancies": [{invoice, number, vendor, line, kind, order, sku, expected, found, money,
    currency, order_currency}], "next_cursor": text or None}`; `money` is what is charged above what
    is owed, in `currency`.
    """
    check_choice(kind, KINDS, field="kind")
    after = decode_cursor(cursor, int, int, str) if cursor else [0, 0, ""]
    given = {
        "vendor": vendor, "kind": kind, "order": order_id, "limit": limit + 1,
        "invoice": after[0], "line": after[1], "last": after[2],
    }  # fmt: skip
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(_OPEN, given).fetchall()
    more = len(found) > limit
    last = found[limit - 1] if more else None
    place = last and [last["invoice_id"], last["line_no"] or LAST_LINE, last["kind"]]
    return {
        "discrepancies": [_told(row) for row in found[:limit]],
        "next_cursor": encode_cursor(place) if place else None,
    }


_OPEN = """
    select d.*, i.vendor, i.number, coalesce(i.currency, p.currency, i.house_currency) as currency,
        coalesce(p.currency, i.house_currency) as order_currency
    from invoice_discrepancies(array(
        select invoice_id from invoices
        where state = 'open' and invoice_id >= %(invoice)s
            and (%(vendor)s::text is null or vendor = %(vendor)s)
    )) d join invoices i using (invoice_id)
    left join purchase_orders p on p.purchase_order_id = d.purchase_order_id
    where (%(kind)s::text is null or kind = %(kind)s)
        and (%(order)s::text is null or d.purchase_order_id = %(order)s)
        and (invoice_id, coalesce(line_no, 2147483647), kind)
            > (%(invoice)s, %(line)s, %(last)s)
    order by invoice_id, coalesce(line_no, 2147483647), kind limit %(limit)s
"""


def _told(row: dict[str, Any]) -> dict[str, Any]:
    names = {"invoice_id": "invoice", "line_no": "line", "purchase_order_id": "order"}
    told = {names.get(name, name): value for name, value in row.items()}
    return told | {name: float(told[name]) for name in ("expected", "found", "money")}
