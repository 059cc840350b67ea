"""Steps of transfers: on record, and told to whoever listens."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from inventory.store import act_history, outbox

EVENT = "transfer"
"""Kind of the events in the outbox that tell of a transfer's steps."""


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
    act_history.record(
        db, act_history.TRANSFERS, transfer, act=act, to_state=to_state, actor=actor, now=now,
        reason=reason, changes=changes,
    )  # fmt: skip
    told = {"transfer": transfer["id"], "origin": transfer["origin"], "act": act,
            "from": transfer["state"], "to": to_state}  # fmt: skip
    outbox.emit(db, kind=EVENT, payload=told, now=now, location=transfer["destination"])
