"""One id, one outcome for ever: a repeat gets the first answer, also when that was a refusal."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from inventory.errors import IdempotencyConflict, VouchError
from inventory.refusals import as_record, from_record
from inventory.store.retry import retrying

PENDING, REFUSED = 0, 400
"""Values of `status` besides those that callers give: not decided yet, and refused."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to a request, the same for every repeat of it."""

    status: int
    response: Any
    replayed: bool


def body_hash(body: object) -> str:
    """A fingerprint of a JSON-able body in which the order of keys does not matter."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def once(
    db: psycopg.Connection,
    *,
    scope: str,
    key: str,
    body: object,
    now: datetime,
    act: Callable[[], Any],
    status: int = 200,
) -> Outcome:
    """Run `act` for the first request of this id, and give its outcome to every repeat.

    `act` returns JSON-able data and runs in a savepoint: when it refuses (a `VouchError`), what it
    did is undone, the refusal is stored, and raised now and at every repeat. A repeat that arrives
    while the first is still running waits for it. The same id with another body raises
    `IdempotencyConflict`. Any other exception leaves no trace, so that a retry is a first attempt.
    """
    assert status not in (PENDING, REFUSED)
    fingerprint = body_hash(body)

    def attempt() -> Outcome | VouchError:
        with db.transaction():
            if not _claim(db, scope, key, fingerprint, now):
                return _replay(db, scope, key, fingerprint)
            outcome = _run(db, act, status)
            refused = isinstance(outcome, VouchError)
            response = as_record(outcome) if isinstance(outcome, VouchError) else outcome.response
            db.execute(
                "update idempotency set status = %s, response = %s where scope = %s and key = %s",
                [REFUSED if refused else status, Jsonb(response), scope, key],
            )
            return outcome

    outcome = retrying(db, attempt)
    if isinstance(outcome, VouchError):
        raise outcome
    return outcome


def _claim(db: psycopg.Connection, scope: str, key: str, fingerprint: str, now: datetime) -> bool:
    """Whether this is the first request of the id. Waits for one that is under way."""
    claimed = db.execute(
        """
        insert into idempotency (scope, key, body_hash, status, response, created_at)
        values (%s, %s, %s, %s, 'null', %s)
        on conflict do nothing
        """,
        [scope, key, fingerprint, PENDING, now],
    )
    return claimed.rowcount == 1


def _replay(db: psycopg.Connection, scope: str, key: str, fingerprint: str) -> Outcome | VouchError:
    row = db.execute(
        "select body_hash, status, response from idempotency where scope = %s and key = %s",
        [scope, key],
    ).fetchone()
    assert row is not None
    first_body, status, response = row
    if first_body != fingerprint:
        raise IdempotencyConflict(key)
    if status == REFUSED:
        return from_record(response)
    return Outcome(status, response, replayed=True)


def _run(db: psycopg.Connection, act: Callable[[], Any], status: int) -> Outcome | VouchError:
    try:
        with db.transaction():
            return Outcome(status, act(), replayed=False)
    except VouchError as refusal:
        if as_record(refusal) is None:
            raise
        return refusal
