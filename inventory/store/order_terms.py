"""Terms of orders in PostgreSQL: per vendor, else for every vendor, else the strict ones."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound
from inventory.order_terms import EVERY_VENDOR, SHARE_MAX, OrderTerms

FIELDS = tuple(OrderTerms.__dataclass_fields__)


def put(
    db: psycopg.Connection,
    vendor: str,
    *,
    now: datetime,
    actor: str,
    over_receipt_share: float | None = None,
    invoice_quantity_share: float | None = None,
    invoice_price_share: float | None = None,
    second_approval_above: float | None = None,
) -> dict[str, Any]:
    """Set the terms of a vendor, or of all by `*`; None: as the next. Returns as `get` does.

    Raises `NotFound` for a vendor that there is not, `InputRejected`.
    """
    shares = {
        "over_receipt_share": over_receipt_share,
        "invoice_quantity_share": invoice_quantity_share,
        "invoice_price_share": invoice_price_share,
    }
    for name, share in shares.items():
        if share is not None and not 0 <= share <= SHARE_MAX:
            raise InputRejected(
                f"{share:g} is no share from 0 to {SHARE_MAX:g}; 5 % is 0.05", field=name
            )
    if second_approval_above is not None and not second_approval_above >= 0:
        raise InputRejected("must be 0 or more", field="second_approval_above")
    _check_vendor(db, vendor)
    given = shares | {"second_approval_above": second_approval_above}
    db.execute(_PUT, {"vendor": vendor, "now": now, "actor": actor, **given})
    return get(db, vendor)


_PUT = """
    insert into order_terms as t values (%(vendor)s, %(over_receipt_share)s,
        %(invoice_quantity_share)s, %(invoice_price_share)s, %(second_approval_above)s,
        %(now)s, %(actor)s)
    on conflict (vendor) do update set over_receipt_share = excluded.over_receipt_share,
        invoice_quantity_share = excluded.invoice_quantity_share,
        invoice_price_share = excluded.invoice_price_share,
        second_approval_above = excluded.second_approval_above,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by
    where (t.over_receipt_share, t.invoice_quantity_share, t.invoice_price_share,
        t.second_approval_above) is distinct from (excluded.over_receipt_share,
        excluded.invoice_quantity_share, excluded.invoice_price_share,
        excluded.second_approval_above)
"""


def get(db: psycopg.Connection, vendor: str) -> dict[str, Any]:
    """What was said of a vendor (or `*`), who said it, and `in_force`: what holds after all."""
    _check_vendor(db, vendor)
    with db.cursor(row_factory=dict_row) as cursor:
        said = cursor.execute("select * from order_terms where vendor = %s", [vendor]).fetchone()
    stated = {name: _plain((said or {}).get(name)) for name in FIELDS}
    return {
        "vendor": vendor,
        **stated,
        "updated_at": said and said["updated_at"],
        "updated_by": said and said["updated_by"],
        "in_force": asdict(in_force(db, vendor)),
    }


def in_force(db: psycopg.Connection, vendor: str) -> OrderTerms:
    """The terms that hold for a vendor."""
    row = db.execute(IN_FORCE, {"vendor": vendor}).fetchone()
    assert row is not None
    said = dict(zip(FIELDS, map(_plain, row), strict=True))
    return OrderTerms(**{name: value for name, value in said.items() if value is not None})


IN_FORCE = """
    select coalesce(v.over_receipt_share, a.over_receipt_share),
        coalesce(v.invoice_quantity_share, a.invoice_quantity_share),
        coalesce(v.invoice_price_share, a.invoice_price_share),
        coalesce(v.second_approval_above, a.second_approval_above)
    from (select) as one
    left join order_terms v on v.vendor = %(vendor)s
    left join order_terms a on a.vendor = '*'
"""


def _plain(value: Any) -> float | None:  # noqa: ANN401 - a number of the database.
    return None if value is None else float(value)


def _check_vendor(db: psycopg.Connection, vendor: str) -> None:
    if vendor == EVERY_VENDOR:
        return
    if db.execute("select from vendors where vendor = %s", [vendor]).fetchone() is None:
        raise NotFound("vendor", vendor)
