"""Many callers, one transaction: baskets that arrive while others are being placed go together.

Who finds a hand free places at once, alone. Who comes while all are busy waits, and the first of
those who wait places for all of them next. So there is no timer: a quiet shop pays nothing for the
batching, and a busy one pays for one commit per batch. First come, first served; each basket has an
outcome of its own.

    batcher = PromiseBatcher(pool.connection)
    reservation = batcher.place(Wanted(uuid4().hex, basket), now=now)
"""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from inventory.errors import VouchError
from inventory.reservations import Reservation
from inventory.store import idempotency, plain_promises, reservations
from inventory.store.idempotency import Claim, Outcome
from inventory.store.retry import retrying
from inventory.store.wanted import Wanted, may_be_plain

BATCH_LINES_MAX = 500
"""Lines placed in one transaction: those who wait for their positions wait for all of them."""

HANDS = 2
"""Batches in the works at once: while one waits for its commit, another one is decided."""

PLACED = 201
"""Status of a placed basket in the answer to a request that carries an id."""

Connect = Callable[[], AbstractContextManager[psycopg.Connection]]
Act = Callable[[psycopg.Connection], Reservation]


class _Alone:
    """An outcome: this basket has to be placed by itself, outside the batch."""


ALONE = _Alone()


@dataclass(slots=True, eq=False)
class _Job:
    want: Wanted
    now: datetime
    claim: Claim | None
    outcome: Reservation | VouchError | BaseException | _Alone = ALONE
    leads: bool = False
    turn: threading.Event = field(default_factory=threading.Event)


class PromiseBatcher:
    """Places baskets from any number of threads; `connection` gives each batch one of its own."""

    def __init__(self, connection: Connect, *, hands: int = HANDS) -> None:
        assert hands > 0
        self._connection = connection
        self._lock = threading.Lock()
        self._queue: deque[_Job] = deque()
        self._free_hands = hands

    def place(self, want: Wanted, *, now: datetime, act: Act | None = None) -> Reservation:
        """Place one basket; refusals are those of `inventory.store.reservations.place`.

        `act` places it where it has to be placed alone, for callers that add something to refusals.
        """
        outcome = self._together(want, now=now, claim=None)
        if isinstance(outcome, _Alone):
            with self._connection() as db:
                return (act or _placing(want, now=now))(db)
        if isinstance(outcome, Reservation):
            return outcome
        raise outcome

    def place_once(
        self, want: Wanted, *, claim: Claim, now: datetime, act: Act | None = None
    ) -> Outcome:
        """Place one basket for the first request of an id, and give its outcome to every repeat.

        As `idempotency.once` does, in the transaction of the batch.
        """
        outcome = self._together(want, now=now, claim=claim)
        if isinstance(outcome, _Alone):
            act = act or _placing(want, now=now)
            with self._connection() as db:
                return idempotency.once(
                    db,
                    scope=claim.scope,
                    key=claim.key,
                    body=claim.body,
                    now=now,
                    act=lambda: act(db).as_dict(),
                    status=PLACED,
                )
        if isinstance(outcome, Reservation):
            return Outcome(PLACED, outcome.as_dict(), replayed=False)
        raise outcome

    def _together(self, want: Wanted, *, now: datetime, claim: Claim | None) -> Any:  # noqa: ANN401
        """The outcome of a basket among those that arrived with it."""
        if not may_be_plain(want.basket) or reservations.objection(want.basket, now=now):
            return ALONE
        job = _Job(want, now, claim)
        with self._lock:
            leads = self._free_hands > 0
            if leads:
                self._free_hands -= 1
            else:
                self._queue.append(job)
        if not leads:
            job.turn.wait()
            if not job.leads:
                return job.outcome
        batch = self._batch(job)
        try:
            self._place(batch)
        except Exception as error:  # noqa: BLE001 - everybody in the batch has to hear of it.
            for member in batch:
                member.outcome = error
        finally:
            self._hand_over()
            for member in batch[1:]:
                member.turn.set()
        return job.outcome

    def _batch(self, first: _Job) -> list[_Job]:
        batch, lines = [first], len(first.want.basket.lines)
        with self._lock:
            while self._queue:
                lines += len(self._queue[0].want.basket.lines)
                if lines > BATCH_LINES_MAX:
                    break
                batch.append(self._queue.popleft())
        return batch

    def _hand_over(self) -> None:
        """Let the first of those who wait place next."""
        with self._lock:
            if not self._queue:
                self._free_hands += 1
                return
            following = self._queue.popleft()
            following.leads = True
            following.turn.set()

    def _place(self, batch: list[_Job]) -> None:
        now = max(job.now for job in batch)
        with self._connection() as db:
            if any(job.claim for job in batch):
                retrying(db, lambda: _place_claimed(db, batch, now=now))
                return
            placed = reservations.place_plain(db, [job.want for job in batch], now=now)
        _give(batch, placed)


def _placing(want: Wanted, *, now: datetime) -> Act:
    def act(db: psycopg.Connection) -> Reservation:
        return reservations.place(
            db, want.basket, reservation_id=want.reservation_id, now=now, actor=want.actor
        )

    return act


def _give(batch: list[_Job], outcomes: list[plain_promises.Outcome]) -> None:
    for job, outcome in zip(batch, outcomes, strict=True):
        job.outcome = ALONE if outcome is None else outcome


def _place_claimed(db: psycopg.Connection, batch: list[_Job], *, now: datetime) -> None:
    """Claim ids, place, and write down the outcomes, in one transaction.

    An id that is taken, also by an earlier one of this batch, is answered alone.
    """
    try:
        with db.transaction():
            claims = [job.claim for job in batch if job.claim is not None]
            first = idempotency.claim_all(db, claims, now=now)
            jobs = [job for job in batch if job.claim is None or id(job.claim) in first]
            outcomes = plain_promises.place(db, [job.want for job in jobs], now=now)
            idempotency.settle_all(
                db,
                [
                    (job.claim, outcome.as_dict() if isinstance(outcome, Reservation) else outcome)
                    for job, outcome in zip(jobs, outcomes, strict=True)
                    if job.claim is not None
                ],
                status=PLACED,
            )
    except psycopg.errors.UniqueViolation:
        # An order id that is taken: each by itself finds out whose.
        return
    _give(jobs, outcomes)
