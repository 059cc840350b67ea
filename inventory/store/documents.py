"""Documents of vendors: kept as they came, applied once, or set aside with the reason.

    pending ─▶ applied
       └────▶ quarantined ─▶ applied      somebody mended what was wrong, and tried it again
                   └───────▶ dismissed    somebody saw to it by other means, and said so

A file is kept before anything in it is believed, so nothing that a vendor sent is ever lost.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store.paging import before_id, check_choice, page_of
from inventory.vendor_documents import UNREADABLE

PENDING, APPLIED, QUARANTINED, DISMISSED = "pending", "applied", "quarantined", "dismissed"
STATES = (PENDING, APPLIED, QUARANTINED, DISMISSED)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Sent:
    """A file and what its envelope says, as far as it can be read."""

    source: str
    name: str
    content: bytes
    came_from: str | None
    actor: str
    standard: str | None = None
    sender_qualifier: str | None = None
    sender_id: str | None = None
    receiver_id: str | None = None
    test: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """One document of a file; `problem` where it cannot be read."""

    kind: str
    set_id: str | None
    control: str | None
    number: str | None = None
    order_id: str | None = None
    said: dict[str, Any] | None = None
    problem: InputRejected | None = None


def keep(
    db: psycopg.Connection,
    sent: Sent,
    found: Sequence[Read],
    *,
    vendor: str | None,
    now: datetime,
) -> int:
    """Keep a file with its documents; returns its id. vendor : whose it seems to be.

    The same content from the same place under the same name is the same file, kept once.
    """
    digest = hashlib.sha256(sent.content).digest()
    with db.transaction():
        row = db.execute(
            "insert into vendor_files (source, name, digest, content, came_from, standard, "
            "sender_qualifier, sender_id, receiver_id, test, received_at, actor) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "on conflict (source, name, digest) do nothing returning file_id",
            [sent.source, sent.name, digest, sent.content, sent.came_from, sent.standard,
             sent.sender_qualifier, sent.sender_id, sent.receiver_id, sent.test, now, sent.actor],
        ).fetchone()  # fmt: skip
        if row is not None:
            _add(db, int(row[0]), found, vendor=vendor, now=now)
            return int(row[0])
    known = db.execute(
        "select file_id from vendor_files where source = %s and name = %s and digest = %s",
        [sent.source, sent.name, digest],
    ).fetchone()
    assert known is not None
    return int(known[0])


def _add(
    db: psycopg.Connection,
    file_id: int,
    found: Sequence[Read],
    *,
    vendor: str | None,
    now: datetime,
) -> None:
    db.cursor().executemany(
        "insert into vendor_documents (file_id, vendor, kind, set_id, control, number, "
        "purchase_order_id, said, state, reason, problem, field, received_at) "
        "values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                file_id, vendor, read.kind, read.set_id, read.control, read.number, read.order_id,
                None if read.said is None else Jsonb(read.said),
                PENDING if read.problem is None else QUARANTINED,
                None if read.problem is None else _why(read),
                None if read.problem is None else read.problem.problem,
                None if read.problem is None else read.problem.field,
                now,
            )
            for read in found
        ],
    )  # fmt: skip


def _why(read: Read) -> str:
    """The reason of a problem: what is known to be a confirmation, say, could be read."""
    return UNREADABLE if read.kind == UNREADABLE else "contradictory"


def read_again(
    db: psycopg.Connection, file_id: int, sent: Sent, found: Sequence[Read], *,
    vendor: str | None, actor: str, now: datetime,
) -> None:  # fmt: skip
    """What could not be read of a file is replaced by what can be read of it now."""
    with db.transaction():
        db.execute("select from vendor_files where file_id = %s for update", [file_id])
        db.execute(
            "update vendor_files set standard = %s, sender_qualifier = %s, sender_id = %s, "
            "receiver_id = %s, test = %s where file_id = %s",
            [sent.standard, sent.sender_qualifier, sent.sender_id, sent.receiver_id, sent.test,
             file_id],
        )  # fmt: skip
        db.execute(
            "update vendor_documents set state = 'dismissed', settled_at = %s, settled_by = %s, "
            "settled_why = 'the file was read again' "
            "where file_id = %s and state = 'quarantined' and said is null",
            [now, actor, file_id],
        )
        known = {
            row[0]
            for row in db.execute(
                "select control from vendor_documents where file_id = %s and said is not null",
                [file_id],
            )
        }
        new = [read for read in found if read.said is None or read.control not in known]
        _add(db, file_id, new, vendor=vendor, now=now)


def content(db: psycopg.Connection, file_id: int) -> Sent:
    """A file as it came. Raises `NotFound`."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            "select source, name, content, came_from, actor from vendor_files where file_id = %s",
            [file_id],
        ).fetchone()
    if found is None:
        raise NotFound("vendor file", str(file_id))
    return Sent(**found)


def pending(db: psycopg.Connection, *, limit: int = 1000) -> list[int]:
    """Documents that nobody has applied yet, in the order in which they came."""
    found = db.execute(
        "select document_id from vendor_documents where state = 'pending' "
        "order by document_id limit %s",
        [limit],
    )
    return [int(row[0]) for row in found]


def held(db: psycopg.Connection, document_id: int) -> Document | None:
    """A document that may still be applied, with its file's envelope, held until the transaction
    ends; None where it was settled. Raises `NotFound`.
    """
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            "select d.document_id, d.vendor, d.kind, d.control, d.number, d.purchase_order_id, "
            "d.said, d.state, f.came_from, f.standard, f.sender_qualifier, f.sender_id, "
            "f.receiver_id, f.test from vendor_documents d join vendor_files f using (file_id) "
            "where document_id = %s for update of d",
            [document_id],
        ).fetchone()
    if found is None:
        raise NotFound("vendor document", str(document_id))
    return found if found["state"] in (PENDING, QUARANTINED) else None


def settle(
    db: psycopg.Connection,
    document_id: int,
    *,
    vendor: str,
    outcome: dict[str, Any],
    actor: str,
    now: datetime,
) -> None:
    """It was applied. Runs in the transaction that holds it."""
    db.execute(
        "update vendor_documents set state = 'applied', vendor = %s, outcome = %s, reason = null, "
        "problem = null, field = null, attempts = attempts + 1, settled_at = %s, settled_by = %s "
        "where document_id = %s",
        [vendor, Jsonb(outcome), now, actor, document_id],
    )


def set_aside(
    db: psycopg.Connection,
    document_id: int,
    *,
    vendor: str | None,
    reason: str,
    problem: str,
    field: str | None,
) -> None:
    """It waits for a person. Runs in the transaction that holds it."""
    db.execute(
        "update vendor_documents set state = 'quarantined', vendor = coalesce(%s, vendor), "
        "reason = %s, problem = %s, field = %s, attempts = attempts + 1 where document_id = %s",
        [vendor, reason, problem, field, document_id],
    )


def check_waits(found: Document, *, act: str) -> None:
    """Raise `StateConflict` unless the document waits for a person."""
    if found["state"] != QUARANTINED:
        raise StateConflict("vendor document", str(found["id"]), state=found["state"], act=act)


def dismiss(
    db: psycopg.Connection, document_id: int, *, why: str, actor: str, now: datetime
) -> Document:
    """A person saw to it by other means. Raises `NotFound`, `StateConflict`, `InputRejected`."""
    if not why.strip():
        raise InputRejected("say why the document need not be applied", field="reason")
    done = db.execute(
        "update vendor_documents set state = 'dismissed', settled_at = %s, settled_by = %s, "
        "settled_why = %s where document_id = %s and state = 'quarantined'",
        [now, actor, why, document_id],
    )
    found = get(db, document_id)
    if done.rowcount == 0:
        check_waits(found, act="dismiss")
    return found


_DOCUMENTS = """
    select d.document_id as id, d.file_id as file, f.source, f.name, d.vendor, d.kind, f.standard,
        d.set_id, d.control, d.number, d.purchase_order_id as purchase_order, d.state, d.reason,
        d.problem, d.field, d.received_at, d.attempts, d.outcome, d.settled_at, d.settled_by,
        d.settled_why
"""
_FROM = " from vendor_documents d join vendor_files f using (file_id) "


def get(db: psycopg.Connection, document_id: int) -> Document:
    """One document with what it says. Raises `NotFound`."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"{_DOCUMENTS}, d.said {_FROM} where document_id = %s",
            [document_id],
        ).fetchone()
    if found is None:
        raise NotFound("vendor document", str(document_id))
    return found


def of_file(db: psycopg.Connection, file_id: int) -> list[Document]:
    """The documents of a file, in its order."""
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            f"{_DOCUMENTS} {_FROM} where file_id = %s order by document_id",
            [file_id],
        ).fetchall()


def page(
    db: psycopg.Connection,
    *,
    state: str | None = None,
    vendor: str | None = None,
    purchase_order: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> dict[str, object]:
    """Documents, the newest first: `{"documents": [...], "next_cursor": text or None}`."""
    check_choice(state, STATES, field="state")
    given = {"state": state, "vendor": vendor, "order": purchase_order, "limit": limit + 1,
             "before": before_id(cursor)}  # fmt: skip
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            f"{_DOCUMENTS} {_FROM}"
            "where (%(state)s::text is null or d.state = %(state)s) "
            "and (%(vendor)s::text is null or d.vendor = %(vendor)s) "
            "and (%(order)s::text is null or d.purchase_orders @> array[%(order)s::text]) "
            "and (%(before)s::bigint is null or d.document_id < %(before)s) "
            "order by d.document_id desc limit %(limit)s",
            given,
        ).fetchall()
    return page_of(found, name="documents", limit=limit)


def waiting_by_vendor(db: psycopg.Connection) -> list[tuple[str, int, str]]:
    """(vendor or '', documents that wait for a person, the latest problem), by vendor."""
    return db.execute(
        "select coalesce(vendor, ''), count(*), "
        "(array_agg(problem order by document_id desc))[1] from vendor_documents "
        "where state = 'quarantined' group by 1 order by 1"
    ).fetchall()
