"""Where vendors want their orders, in PostgreSQL, and the control numbers given to each."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import psycopg
from psycopg.errors import ForeignKeyViolation, UniqueViolation
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import InputRejected, NotFound
from inventory.vendor_dispatch import EMAIL, SftpPlace, VendorDispatch

CONTROL_MAX = 999_999_999
"""ISA13 has nine digits; after the last the first comes again."""

_COLUMNS = """vendor, channel, emails, webhook_url, edi_standard, edi_qualifier, edi_id, edi_test,
    sftp, transit_days, echoes_lines"""


def put(db: psycopg.Connection, told: VendorDispatch, *, actor: str, now: datetime) -> None:
    """Write the settings of one vendor whole. Raises `NotFound` for a vendor that there is not.

    Documents that waited for an address are tried again at once.
    """
    values = asdict(told) | {"emails": list(told.emails), "actor": actor, "now": now}
    values["sftp"] = Jsonb(asdict(told.sftp)) if told.sftp else None
    try:
        with db.transaction():
            db.execute(_PUT, values)
            db.execute(_UNBLOCK, values)
    except ForeignKeyViolation as error:
        raise NotFound("vendor", told.vendor) from error
    except UniqueViolation as error:
        raise InputRejected(
            f"'{told.edi_id}' is the id of another vendor already", field="edi_id"
        ) from error


_PUT = f"""
    insert into vendor_dispatch as v ({_COLUMNS}, updated_at, updated_by)
    values (%(vendor)s, %(channel)s, %(emails)s, %(webhook_url)s, %(edi_standard)s,
        %(edi_qualifier)s, %(edi_id)s, %(edi_test)s, %(sftp)s, %(transit_days)s,
        %(echoes_lines)s, %(now)s, %(actor)s)
    on conflict (vendor) do update set channel = excluded.channel, emails = excluded.emails,
        webhook_url = excluded.webhook_url, edi_standard = excluded.edi_standard,
        edi_qualifier = excluded.edi_qualifier, edi_id = excluded.edi_id,
        edi_test = excluded.edi_test, sftp = excluded.sftp, transit_days = excluded.transit_days,
        echoes_lines = excluded.echoes_lines,
        updated_at = excluded.updated_at, updated_by = excluded.updated_by
"""  # noqa: S608 - our own column names.

_UNBLOCK = """
    update dispatches set due_at = %(now)s
    where vendor = %(vendor)s and state = 'blocked'
"""


def remove(db: psycopg.Connection, vendor: str) -> None:
    """Back to what the catalogue says: mail to the vendor's address. Raises `NotFound`."""
    if db.execute("delete from vendor_dispatch where vendor = %s", [vendor]).rowcount == 0:
        raise NotFound("dispatch settings of vendor", vendor)


def get(db: psycopg.Connection, vendor: str) -> VendorDispatch | None:
    """What was set for a vendor, or mail where only the catalogue has an address; else None."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"select {_COLUMNS} from vendor_dispatch where vendor = %s",  # noqa: S608
            [vendor],
        ).fetchone()
    address = _catalogue_address(db, vendor)
    if found is None:
        return VendorDispatch(vendor, EMAIL, (address,)) if address else None
    if not found["emails"] and address:
        found["emails"] = [address]
    return _settings(found)


def obstacle(db: psycopg.Connection, vendor: str) -> str | None:
    """Why no order can reach a vendor, whatever the server can do; None where one can."""
    place = get(db, vendor)
    if place is None:
        return (
            f"vendor '{vendor}' has no address: set its email in the catalogue, or "
            f"say where its orders go with PUT /api/v2/vendors/{vendor}/dispatch or "
            f"`vouch dispatch settings set {vendor}`"
        )
    if place.channel == EMAIL and not place.emails:
        return f"vendor '{vendor}' gets its orders by mail and has no mail address"
    return None


def _catalogue_address(db: psycopg.Connection, vendor: str) -> str | None:
    row = db.execute("select email from vendors where vendor = %s", [vendor]).fetchone()
    if row is None:
        raise NotFound("vendor", vendor)
    return str(row[0]).strip() or None if row[0] else None


def _settings(row: Mapping[str, Any]) -> VendorDispatch:
    sftp = SftpPlace(**row["sftp"]) if row["sftp"] else None
    return VendorDispatch(**{**row, "emails": tuple(row["emails"]), "sftp": sftp})


def partners(db: psycopg.Connection) -> list[VendorDispatch]:
    """Vendors with an EDI id, by name: whose files may lie somewhere to be fetched."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"select {_COLUMNS} from vendor_dispatch where edi_id is not null order by vendor"  # noqa: S608
        ).fetchall()
    return [_settings(row) for row in found]


def vendors(db: psycopg.Connection) -> list[str]:
    """Ids of all vendors, those without EDI too."""
    return [str(row[0]) for row in db.execute("select vendor from vendors order by vendor")]


def vendor_of(db: psycopg.Connection, *, qualifier: str, edi_id: str) -> str | None:
    """The vendor that an interchange names as its sender."""
    row = db.execute(
        "select vendor from vendor_dispatch where edi_qualifier = %s and edi_id = %s",
        [qualifier, edi_id],
    ).fetchone()
    return None if row is None else str(row[0])


def next_control(db: psycopg.Connection, vendor: str) -> int:
    """The next control number of a partner; taken in the caller's transaction, so without gaps."""
    row = db.execute(
        "insert into edi_controls as c (vendor, last_number) values (%s, 1) "
        "on conflict (vendor) do update set last_number = c.last_number %% %s + 1 "
        "returning last_number",
        [vendor, CONTROL_MAX],
    ).fetchone()
    assert row is not None
    return int(row[0])
