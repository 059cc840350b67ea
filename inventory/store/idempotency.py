"""One id, one outcome for ever: a repeat gets the first answer, also when that was a refusal."""

import hashlib
import json
from collections.abc import Callable, Sequence
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


@dataclass(frozen=True, slots=True)
class Claim:
    """A request that is to have one outcome for ever."""

    scope: str
    key: str
    body: object


def claim_all(db: psycopg.Connection, claims: Sequence[Claim], *, now: datetime) -> set[int]:
    """Claim many ids in the caller's transaction; the `id()` of those that are first requests.

    In key order: two that claim the same ids wait for each other, and never in a circle.
    """
    if not claims:
        return set()
    by_key: dict[tuple[str, str], Claim] = {}
    for claim in claims:
        by_key.setdefault((claim.scope, claim.key), claim)
    keys = sorted(by_key)
    claimed = db.execute(
        """
        insert into idempotency (scope, key, body_hash, status, response, created_at)
        select scope, key, body_hash, %s, 'null', %s
        from unnest(%s::text[], %s::text[], %s::text[]) as k (scope, key, body_hash)
        order by scope, key
        on conflict do nothing returning scope, key
        """,
        [
            PENDING,
            now,
            [scope for scope, _ in keys],
            [key for _, key in keys],
            [body_hash(by_key[key].body) for key in keys],
        ],
    )
    return {id(by_key[scope, key]) for scope, key in claimed}


def settle_all(
    db: psycopg.Connection,
    outcomes: Sequence[tuple[Claim, dict[str, Any] | VouchError | None]],
    *,
    status: int,
) -> None:
    """Write down the outcomes of claimed ids: a response, a refusal, or None to let it go again."""
    decided = [
        (
            claim.scope,
            claim.key,
            REFUSED if isinstance(outcome, VouchError) else status,
            Jsonb(as_record(outcome) if isinstance(outcome, VouchError) else outcome),
        )
        for claim, outcome in outcomes
        if outcome is not None
    ]
    if decided:
        db.execute(
            """
            update idempotency i set status = k.status, response = k.response
            from unnest(%s::text[], %s::text[], %s::int[], %s::jsonb[])
                as k (scope, key, status, response)
            where i.scope = k.scope and i.key = k.key
            """,
            [list(column) for column in zip(*decided, strict=True)],
        )
    undecided = [claim for claim, outcome in outcomes if outcome is None]
    if undecided:
        db.execute(
            """
            delete from idempotency i using unnest(%s::text[], %s::text[]) as k (scope, key)
            where i.scope = k.scope and i.key = k.key
            """,
            [[claim.scope for claim in undecided], [claim.key for claim in undecided]],
        )


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
