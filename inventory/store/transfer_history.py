"""The history of transfers: the row locked, and every step on record and told."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.errors import NotFound
from inventory.store import outbox

EVENT = "transfer"
"""Kind of the events in the outbox that tell of a transfer's steps."""


def locked(db: psycopg.Connection, transfer_id: str) -> dict[str, Any]:
    """The transfer as it is now; others wait until this transaction ends. Raises `NotFound`."""
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            "select transfer_id as id, origin, destination, state, expected_on, version "
            "from transfers where transfer_id = %s for update",
            [transfer_id],
        ).fetchone()
    if found is None:
        raise NotFound("transfer", transfer_id)
    return found


def record(
    db: psycopg.Connection,
    transfer: Mapping[str, Any],
    *,
    act: str,
    to_state: str,
    actor: str,
    now: datetime,
    reason: str | None,
    changes: Mapping[str, Any],
) -> None:
    """Move a locked transfer to a state, and tell its history and whoever listens."""
    db.execute(
        "update transfers set state = %s, updated_at = %s, version = version + 1 "
        "where transfer_id = %s",
        [to_state, now, transfer["id"]],
    )
    db.execute(
        "insert into transfer_events (transfer_id, act, from_state, to_state, at, actor, reason, "
        "changes) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [transfer["id"], act, transfer["state"], to_state, now, actor, reason,
         Jsonb(dict(changes)) if changes else None],
    )  # fmt: skip
    told = {"transfer": transfer["id"], "origin": transfer["origin"], "act": act,
            "from": transfer["state"], "to": to_state}  # fmt: skip
    outbox.emit(db, kind=EVENT, payload=told, now=now, location=transfer["destination"])
