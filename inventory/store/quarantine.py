"""Rows that could not go in, kept where a person can see them until they do."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from typing import NamedTuple

import psycopg
from psycopg.rows import dict_row

from inventory.feeds import CHARACTERS_MAX, Problem

BODY_CHARACTERS_MAX = 4_000
"""A row longer than this is kept as the start of its text: enough to find it at its source."""


INTEGER_BITS_MAX = 64
"""Longer integers are kept as text: Python and PostgreSQL disagree on how many digits are sane."""


class Refused(NamedTuple):
    """A row as it came, and why it did not go in."""

    row: object
    problem: Problem


def put(db: psycopg.Connection, refused: Sequence[Refused], *, feed: str, now: datetime) -> None:
    """Keep refused rows. A row that is already waiting is not listed twice."""
    if not refused:
        return
    rows = [_columns(item) for item in refused]
    columns = [list(column) for column in zip(*rows, strict=True)]
    db.execute(
        """
        insert into quarantine
            (feed, message_id, body, body_hash, field, problem, recorded_at)
        select %s, message_id, body::jsonb, body_hash, field, problem, %s
        from unnest(%s::text[], %s::text[], %s::bytea[], %s::text[], %s::text[])
            as r (message_id, body, body_hash, field, problem)
        on conflict (feed, body_hash) where resolved_at is null
            do update set problem = excluded.problem, field = excluded.field
        """,
        [feed, now, *_distinct(columns)],
    )


def _distinct(columns: list[list[object]]) -> list[list[object]]:
    """One row per content: an upsert may touch each row once."""
    last = {content: place for place, content in enumerate(columns[2])}
    return [[column[place] for place in last.values()] for column in columns]


def _columns(refused: Refused) -> tuple[object, ...]:
    body = storable(refused.row)
    text = json.dumps(body, sort_keys=True)
    if len(text) > BODY_CHARACTERS_MAX:
        text = json.dumps({"cut": text[:BODY_CHARACTERS_MAX]})
    message_id = body.get("id") if isinstance(body, Mapping) else None
    return (
        message_id[:CHARACTERS_MAX] if isinstance(message_id, str) else None,
        text,
        blake2b(text.encode(), digest_size=16).digest(),
        refused.problem.field,
        refused.problem.problem,
    )


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
    db: psycopg.Connection, message_ids: Sequence[str], *, feed: str, now: datetime
) -> None:
    """Close the waiting rows whose id went in after all."""
    waiting = db.execute(
        "select exists (select from quarantine where feed = %s and resolved_at is null)", [feed]
    ).fetchone()
    if waiting == (True,):
        db.execute(
            """
            update quarantine set resolved_at = %s
            where feed = %s and resolved_at is null and message_id = any (%s)
            """,
            [now, feed, list(message_ids)],
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
            select quarantine_id, feed, message_id, body, field, problem, recorded_at
            from quarantine
            where resolved_at is null and quarantine_id > %s
                and (%s::text is null or feed = %s)
            order by quarantine_id limit %s
            """,
            [after_quarantine_id, feed, feed, limit],
        ).fetchall()


def dismiss(db: psycopg.Connection, quarantine_id: int, *, now: datetime) -> bool:
    """A person has seen to a row by other means. False when it was not waiting."""
    done = db.execute(
        "update quarantine set resolved_at = %s where quarantine_id = %s and resolved_at is null",
        [now, quarantine_id],
    )
    return done.rowcount == 1
