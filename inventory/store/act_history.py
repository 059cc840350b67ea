"""The books of what people decide on: the row locked, every step on record, and who approved it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import NotFound, StateConflict, VersionConflict
from inventory.order_terms import approvals_needed
from inventory.store import keys

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Book:
    """Where one kind of proposal lies, and the history of each."""

    noun: str
    table: LiteralString
    key: LiteralString
    events: LiteralString
    columns: tuple[LiteralString, ...]
    """What a locked row has beside id, state, version and approved_by."""

    def composed(self, query: LiteralString) -> sql.Composed:
        """The query with `{table}`, `{key}`, `{events}` and `{columns}` filled in."""
        return sql.SQL(query).format(
            table=sql.Identifier(self.table),
            key=sql.Identifier(self.key),
            events=sql.Identifier(self.events),
            columns=sql.SQL(", ").join(map(sql.Identifier, self.columns)),
        )


ORDERS = Book(
    "purchase order", "purchase_orders", "purchase_order_id", "purchase_order_events",
    ("vendor", "location", "expected_on", "order_on"),
)  # fmt: skip
TRANSFERS = Book(
    "transfer", "transfers", "transfer_id", "transfer_events",
    ("origin", "destination", "expected_on"),
)  # fmt: skip


def locked(db: psycopg.Connection, book: Book, name: str) -> Row:
    """The row of that id as it is now; others wait until this transaction ends.

    Raises `NotFound`.
    """
    query = book.composed(
        "select {key} as id, state, version, approved_by, {columns} from {table} "
        "where {key} = %s for update"
    )
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(query, [name]).fetchone()
    if found is None:
        raise NotFound(book.noun, name)
    return found


def check_version(
    db: psycopg.Connection,
    book: Book,
    row: Mapping[str, Any],
    seen: int | None,
    *,
    told: Collection[str] | None = None,
) -> None:
    """Raise `VersionConflict` where a locked row is not at the version that was seen.

    seen : None: whoever acts does not say. told : acts that the caller, who is none of ours, may
        hear of, without names; None: all.
    """
    if seen is None or seen == row["version"]:
        return
    # Every act is one version, so the latest events are what happened since.
    behind = row["version"] - seen
    since = events(db, book, row["id"])[-behind:] if behind > 0 else []
    raise VersionConflict(
        book.noun,
        row["id"],
        seen=seen,
        version=row["version"],
        changes=since if told is None else [nameless(e) for e in since if e["act"] in told],
    )


def nameless(event: Mapping[str, Any]) -> Row:
    """An event as others than our own people read it."""
    return {name: value for name, value in event.items() if name != "actor_name"}


def record(
    db: psycopg.Connection,
    book: Book,
    row: Mapping[str, Any],
    *,
    act: str,
    to_state: str,
    actor: str,
    now: datetime,
    reason: str | None,
    changes: Mapping[str, Any],
) -> None:
    """Move a locked row to a state, and keep who did it, when and why."""
    moved = db.execute(
        book.composed(
            "update {table} set state = %s, updated_at = %s, version = version + 1 "
            "where {key} = %s and version = %s"
        ),
        [to_state, now, row["id"], row["version"]],
    )
    assert moved.rowcount == 1, f"the row of the {book.noun} is held"
    db.execute(
        book.composed(
            "insert into {events} ({key}, act, from_state, to_state, at, actor, reason, changes) "
            "values (%s, %s, %s, %s, %s, %s, %s, %s)"
        ),
        [row["id"], act, row["state"], to_state, now, actor, reason,
         Jsonb(dict(changes)) if changes else None],
    )  # fmt: skip


def events(db: psycopg.Connection, book: Book, name: str) -> list[Row]:
    """Who did what with it, when and why, the oldest first.

    `actor` is who on record, `actor_name` the same to people: `keys.names_of`.
    """
    query = book.composed(
        "select act, from_state, to_state, at, actor, reason, changes from {events} "
        "where {key} = %s order by event_id"
    )
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(query, [name]).fetchall()
    names = keys.names_of(db, {event["actor"] for event in found})
    return [{**event, "actor_name": names[event["actor"]]} for event in found]


def sign(
    db: psycopg.Connection, book: Book, row: Mapping[str, Any], *, actor: str, needed: int
) -> tuple[bool, dict[str, Any]]:
    """Add an approval to a locked row: whether `needed` different people gave theirs, and changes.

    Raises `StateConflict` for who approved it before.
    """
    if actor in row["approved_by"]:
        raise StateConflict(
            book.noun,
            row["id"],
            state="approved by you already; another buyer must approve it too",
            act="approve",
        )
    given = [*row["approved_by"], actor]
    db.execute(
        book.composed("update {table} set approved_by = %s where {key} = %s"), [given, row["id"]]
    )
    changes = {"approvals": f"{len(given)} of {needed}"} if needed > 1 else {}
    return len(given) >= needed, changes


def signatures(db: psycopg.Connection, row: Mapping[str, Any], above: float | None) -> Row:
    """How many different people must approve what is worth `value`, and the names of who did."""
    names = keys.names_of(db, row["approved_by"])
    return {
        "approvals_needed": approvals_needed(row["value"], above),
        "second_approval_above": above,
        "approved_by_names": [names[actor] for actor in row["approved_by"]],
    }


def unsign(db: psycopg.Connection, book: Book, name: str) -> None:
    """Take the approvals back: they were given for something else."""
    db.execute(book.composed("update {table} set approved_by = '{{}}' where {key} = %s"), [name])
