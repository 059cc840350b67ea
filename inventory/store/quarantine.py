"""Rows that could not go in, kept where a person can see them until they do.

`inventory.store.replays` sends them again.
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.feeds import CHARACTERS_MAX, Problem

BODY_CHARACTERS_MAX = 4_000
"""A row longer than this is kept as the start of its text: enough to find it at its source."""

INTEGER_BITS_MAX = 64
"""Longer integers are kept as text: Python and PostgreSQL disagree on how many digits are sane."""


class Refused(NamedTuple):
    """A row as it came, and why it did not go in."""

    row: object
    problem: Problem


class Meant(NamedTuple):
    """How a message meant its rows: what it takes to send one of them again."""

    feed: str
    mode: str
    basis: str
    location: str | None
    """Of rows that name none."""
    source: str
    actor: str
    together: str | None = None
    """Names the rows of an all-or-nothing message."""


def put(db: psycopg.Connection, refused: Sequence[Refused], *, meant: Meant, now: datetime) -> None:
    """Keep refused rows. One that waits already is not listed twice; its problem is renewed."""
    if not refused:
        return
    rows = [_columns(item, meant) for item in refused]
    columns = [list(column) for column in zip(*rows, strict=True)]
    db.execute(_PUT, {**meant._asdict(), "now": now, **_named(_distinct(columns))})


_PUT = """
    insert into quarantine (feed, mode, basis, location, source, actor, together, recorded_at,
        message_id, body, body_hash, field, problem, whole)
    select %(feed)s, %(mode)s, %(basis)s, %(location)s, %(source)s, %(actor)s, %(together)s,
        %(now)s, message_id, body::jsonb, body_hash, field, problem, whole
    from unnest(%(ids)s::text[], %(bodies)s::text[], %(hashes)s::bytea[], %(fields)s::text[],
            %(problems)s::text[], %(wholes)s::bool[])
        as r (message_id, body, body_hash, field, problem, whole)
    on conflict (feed, body_hash) where resolved_at is null
        do update set problem = excluded.problem, field = excluded.field,
            together = excluded.together, source = excluded.source
"""


def _named(columns: list[list[object]]) -> dict[str, list[object]]:
    names = ("ids", "bodies", "hashes", "fields", "problems", "wholes")
    return dict(zip(names, columns, strict=True))


def _distinct(columns: list[list[object]]) -> list[list[object]]:
    """One row per content: an upsert may touch each row once."""
    last = {content: place for place, content in enumerate(columns[2])}
    return [[column[place] for place in last.values()] for column in columns]


def _columns(refused: Refused, meant: Meant) -> tuple[object, ...]:
    body = storable(refused.row)
    text = json.dumps(body, sort_keys=True)
    whole = len(text) <= BODY_CHARACTERS_MAX and body == refused.row
    if len(text) > BODY_CHARACTERS_MAX:
        text = json.dumps({"cut": text[:BODY_CHARACTERS_MAX]})
    message_id = body.get("id") if isinstance(body, Mapping) else None
    identity = fingerprint(meant.mode, meant.basis, meant.location, text)
    return (
        message_id[:CHARACTERS_MAX] if isinstance(message_id, str) else None,
        text,
        bytes.fromhex(identity),
        refused.problem.field,
        refused.problem.problem,
        whole,
    )


def fingerprint(*parts: object) -> str:
    """One short text for anything that came in; the same for the same."""
    text = json.dumps(storable(parts), sort_keys=True)
    return blake2b(text.encode(), digest_size=16).hexdigest()


def storable(value: object) -> object:  # noqa: PLR0911
    """Any row as JSON that PostgreSQL takes: no NUL, no half characters, no NaN, no other types."""
    match value:
        case None | bool():
            return value
        case int() if value.bit_length() >= INTEGER_BITS_MAX:
            return hex(value)
        case float() if not math.isfinite(value):
            return str(value)
        case int() | float():
            return value
        case str():
            return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
        case Mapping():
            return {str(storable(str(name))): storable(item) for name, item in value.items()}
        case list() | tuple():
            return [storable(item) for item in value]
        case _:
            return storable(str(value))


def resolve(
    db: psycopg.Connection, message_ids: Sequence[str], *, feed: str, actor: str, now: datetime
) -> None:
    """Close the waiting rows whose id went in after all."""
    waiting = db.execute(
        "select exists (select from quarantine where feed = %s and resolved_at is null)", [feed]
    ).fetchone()
    if waiting == (True,):
        db.execute(
            """
            update quarantine set resolved_at = %s, resolution = 'went_in', resolved_by = %s
            where feed = %s and resolved_at is null and message_id = any (%s)
            """,
            [now, actor, feed, list(message_ids)],
        )


def waiting(
    db: psycopg.Connection,
    *,
    feed: str | None = None,
    after_quarantine_id: int = 0,
    limit: int = 100,
) -> list[dict[str, object]]:
    """Rows still waiting, oldest first; page with the last `quarantine_id` seen."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select quarantine_id, feed, message_id, body, field, problem, recorded_at,
                mode, basis, location, source, actor, replays,
                whole and mode is not null as can_be_replayed
            from quarantine
            where resolved_at is null and quarantine_id > %s
                and (%s::text is null or feed = %s)
            order by quarantine_id limit %s
            """,
            [after_quarantine_id, feed, feed, limit],
        ).fetchall()


def get(db: psycopg.Connection, quarantine_id: int) -> dict[str, object]:
    """One row, waiting or not: what was wrong, and who saw to it when and why. `NotFound`."""
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(
            """
            select quarantine_id, feed, message_id, body, field, problem, recorded_at,
                mode, basis, location, source, actor, replays,
                whole and mode is not null as can_be_replayed,
                resolution, resolved_at, resolved_by, resolved_why
            from quarantine where quarantine_id = %s
            """,
            [quarantine_id],
        ).fetchone()
    if found is None:
        raise NotFound("quarantined row", str(quarantine_id))
    return found


def dismiss(
    db: psycopg.Connection, quarantine_id: int, *, reason: str, actor: str, now: datetime
) -> dict[str, object]:
    """A person has seen to a row by other means, and says why it need not go in.

    Raises `NotFound`, `StateConflict` when it does not wait any more, and `InputRejected` without
    a reason.
    """
    if not reason.strip():
        raise InputRejected("say why the row need not go in", field="reason")
    done = db.execute(
        "update quarantine set resolved_at = %s, resolution = 'dismissed', resolved_by = %s, "
        "resolved_why = %s where quarantine_id = %s and resolved_at is null",
        [now, actor, reason, quarantine_id],
    )
    row = get(db, quarantine_id)
    if done.rowcount == 0:
        state = str(row["resolution"])
        raise StateConflict("quarantined row", str(quarantine_id), state=state, act="dismiss")
    return row
