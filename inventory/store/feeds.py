"""One feed message into the ledger: every row gets one outcome, and no row is dropped in silence.

A message is one transaction. Accounts that do not exist yet are opened before it, so that inside
it all accounts are locked at once and in order. An id that was taken stays taken; a quarantined row
made no entry, so its id stays free for the row once it is mended.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

import psycopg

from inventory import feeds
from inventory.errors import InputRejected, UnknownLocation, UnknownSku
from inventory.feed_columns import read_rows
from inventory.feed_results import OUTCOMES, RowResult, SyncResult
from inventory.feeds import Mode, Problem, Scope, Stated
from inventory.ledger import (
    SNAPSHOT,
    Basis,
    Fact,
    Key,
    Outcome,
)
from inventory.store import catalog, changes, collector, counts, ledger, quarantine, supply_shocks
from inventory.store.changes import MissingAccounts
from inventory.store.counts import FullFile
from inventory.store.quarantine import Meant, Refused
from inventory.store.retry import retrying


@dataclass(frozen=True, slots=True)
class _Feed:
    """What a message declares about itself."""

    mode: Mode
    basis: Basis
    scope: Scope
    location: str | None
    atomic: bool
    source: str
    actor: str
    name: str
    full_share_min: float
    now: datetime


@dataclass(slots=True)
class _Verdicts:
    """The rows of one message on their way: each is stated, a problem, or a duplicate."""

    rows: Sequence[object]
    read: list[Stated | Problem | None]
    """None: the same message was taken before."""
    repeated: set[int] = field(default_factory=set)
    """Rows that repeat another one of this message: they share its fate."""
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    results: list[RowResult] = field(default_factory=list)
    """Of all rows, where they are known before the end."""
    problems: list[Problem] = field(default_factory=list)
    zeroed: int = 0

    def stated(self) -> list[tuple[int, Stated]]:
        return [(i, row) for i, row in enumerate(self.read) if type(row) is Stated]

    def refused(self) -> list[Refused]:
        return [
            Refused(row, read)
            for row, read in zip(self.rows, self.read, strict=True)
            if type(read) is Problem
        ]


class _AllOrNothing(Exception):
    """An atomic message has a bad row: its transaction must leave nothing."""


@collector.paused()
def sync(
    db: psycopg.Connection,
    *,
    mode: Mode,
    rows: Sequence[object],
    now: datetime,
    source: str,
    basis: Basis = "physical",
    scope: Scope = "partial",
    location: str | None = None,
    atomic: bool = False,
    actor: str = "",
    feed: str = "default",
    full_share_min: float = feeds.FULL_SHARE_MIN,
    progress: Callable[[str], None] = lambda _: None,
) -> SyncResult:
    """Take the rows of one feed message: at most `feeds.ROWS_MAX`, in one transaction.

    Parameters
    ----------
    rows : mappings with id, sku, location, quantity, status, effective_at, sequence and reason.
    location : stands in for rows that name none.
    source, actor : who sent the message, and on whose behalf; kept on every entry.
    feed : ids are unique within it, and FULL files are compared within it.
    full_share_min : a FULL file with a smaller share of the last one's rows zeroes nothing.
    progress : told once the rows are read and begin to be written.

    Raises
    ------
    InputRejected
        The message as a whole makes no sense: too many rows, an unknown mode, basis, scope or
        location.
    """
    message = _Feed(mode, basis, scope, location, atomic, source, actor, feed, full_share_min, now)
    feeds.check(mode=mode, basis=basis, scope=scope, rows=len(rows))
    if location is not None and catalog.unknown(db, skus=(), locations=[location])[1]:
        raise UnknownLocation(location)
    read: list[Stated | Problem | None] = [
        *read_rows(rows, mode=mode, basis=basis, location=location, now=now)
    ]
    if scope == "full" and location is not None:
        read = [_of_its_location(row, location) for row in read]
    progress("writing")
    verdicts = retrying(db, lambda: _in_one_transaction(db, message, rows, read))
    return _result(message, verdicts)


def _of_its_location(row: Stated | Problem | None, location: str) -> Stated | Problem | None:
    """A FULL file of one location says nothing whole about another."""
    if isinstance(row, Stated) and row.location != location:
        return feeds.elsewhere(row, location)
    return row


def _in_one_transaction(
    db: psycopg.Connection, feed: _Feed, rows: Sequence[object], read: list[Stated | Problem | None]
) -> _Verdicts:
    while True:
        verdicts = _Verdicts(rows, list(read))
        try:
            with _piped(db, feed), db.transaction():
                _take(db, feed, verdicts)
        except MissingAccounts as missing:
            read = _open_accounts(db, feed, read, missing.keys)
        except _AllOrNothing:
            _refuse_all(verdicts)
            together = quarantine.fingerprint(feed.name, *rows)
            quarantine.put(db, verdicts.refused(), meant=_meant(feed, together), now=feed.now)
            return verdicts
        else:
            return verdicts


def _piped(db: psycopg.Connection, feed: _Feed) -> AbstractContextManager[object]:
    """Changes are prepared while their ids are being claimed; counts go in by COPY, which waits."""
    return db.pipeline() if feed.mode == "delta" else nullcontext()


def _open_accounts(
    db: psycopg.Connection, feed: _Feed, read: list[Stated | Problem | None], missing: set[Key]
) -> list[Stated | Problem | None]:
    """Create accounts for SKUs and locations that we know, and refuse the rows of the others."""
    skus, locations = catalog.unknown(
        db, skus={key.sku for key in missing}, locations={key.location for key in missing}
    )
    known = {key for key in missing if key.sku not in skus and key.location not in locations}
    with db.transaction():
        ledger.create(db, known, now=feed.now)
    return [_unknown(row, skus, locations) or row if type(row) is Stated else row for row in read]


def _unknown(row: Stated, skus: set[str], locations: set[str]) -> Problem | None:
    error: InputRejected
    if row.sku in skus:
        error = UnknownSku(row.sku)
    elif row.location in locations:
        error = UnknownLocation(row.location)
    else:
        return None
    return Problem(error.field, error.problem)


def _refuse_all(verdicts: _Verdicts) -> None:
    """Every row of an all-or-nothing message shares the fate of its first bad one."""
    first = next(i for i, row in enumerate(verdicts.read) if type(row) is Problem)
    cause = verdicts.read[first]
    assert isinstance(cause, Problem)
    verdicts.read = [
        feeds.refused_with_others(first + 1, cause)
        if type(row) is Stated or i in verdicts.repeated
        else row
        for i, row in enumerate(verdicts.read)
    ]


def _take(db: psycopg.Connection, feed: _Feed, verdicts: _Verdicts) -> None:
    """Everything that happens inside the transaction: ids first, then balances, then the rest."""
    files = _full_files(db, feed, verdicts) if feed.scope == "full" else []
    absent = _absent(db, feed, verdicts, files)
    stated = verdicts.stated()
    first = {row.message_id: row for _, row in reversed(stated)}
    hashes = {message_id: row.body_hash for message_id, row in first.items()}
    claimed = changes.claim(db, hashes, feed=feed.name, now=feed.now)
    columns = changes.columns([row for _, row in stated]) if feed.mode == "delta" else None
    taken_hashes = claimed()
    if taken_hashes or len(first) < len(stated):
        _settle_repeats(verdicts, first, taken_hashes)
        columns = None
    if feed.atomic and any(type(row) is Problem for row in verdicts.read):
        raise _AllOrNothing
    if feed.mode == "delta":
        _take_changes(db, feed, verdicts, columns)
    else:
        _take_counts(db, feed, verdicts, absent)
    counts.keep_full_files(db, files, feed=feed.name, basis=feed.basis, now=feed.now)
    quarantine.put(db, verdicts.refused(), meant=_meant(feed), now=feed.now)
    taken = [row.message_id for _, row in verdicts.stated()]
    quarantine.resolve(db, taken, feed=feed.name, actor=feed.actor, now=feed.now)


def _settle_repeats(
    verdicts: _Verdicts, first: Mapping[str, Stated], taken_hashes: Mapping[str, bytes]
) -> None:
    """One id, one outcome for ever: keep the rows whose ids are new, settle the others."""
    for i, row in verdicts.stated():
        if row is first[row.message_id] and row.message_id not in taken_hashes:
            continue
        stands = taken_hashes.get(row.message_id, first[row.message_id].body_hash)
        if row.body_hash != stands:
            verdicts.read[i] = feeds.used_before(row.message_id)
            continue
        verdicts.read[i] = None
        if row.message_id not in taken_hashes:
            verdicts.repeated.add(i)


def _take_changes(
    db: psycopg.Connection, feed: _Feed, verdicts: _Verdicts, columns: changes.Columns | None
) -> None:
    taken = verdicts.stated()
    if columns is None:
        columns = changes.columns([row for _, row in taken])
    counted = changes.take(db, columns, source=feed.source, actor=feed.actor, now=feed.now)
    # While the database is at it: as if no count contained any of them, which is mostly so.
    verdicts.outcomes = dict.fromkeys((i for i, _ in taken), "applied")
    verdicts.results = _row_results(feed, verdicts)
    for i in (taken[place][0] for place in counted()):
        verdicts.outcomes[i] = "already_counted"
        verdicts.results[i] = _row_result(feed, verdicts, i)


def _take_counts(
    db: psycopg.Connection, feed: _Feed, verdicts: _Verdicts, absent: Mapping[Key, FullFile]
) -> None:
    taken = verdicts.stated()
    wanted = {_key(row) for _, row in taken} | absent.keys()
    locked = ledger.lock(db, wanted)
    if missing := wanted - locked.balances.keys():
        raise MissingAccounts(missing)
    facts = [_fact(feed, row) for _, row in taken]
    recorded, after = counts.decide_counts(db, facts, balances=locked.balances, basis=feed.basis)
    verdicts.outcomes = {i: r.outcome for (i, _), r in zip(taken, recorded, strict=True)}
    zeroes = [_zero(feed, key, file) for key, file in absent.items()]
    zeroed, after = counts.decide_counts(db, zeroes, balances=after, basis=feed.basis)
    zeroed = [entry for entry in zeroed if entry.outcome == "applied"]
    verdicts.zeroed = len(zeroed)
    ledger.post(db, recorded + zeroed, locked=locked, after=after, now=feed.now)
    supply_shocks.follow_up(db, before=locked.balances, after=after, now=feed.now, cause="feed")


def _meant(feed: _Feed, together: str | None = None) -> Meant:
    return Meant(feed.name, feed.mode, feed.basis, feed.location, feed.source, feed.actor, together)


def _key(row: Stated) -> Key:
    return Key(row.sku, row.location, row.status)


def _fact(feed: _Feed, row: Stated) -> Fact:
    return Fact(
        row.sku,
        row.location,
        row.status,
        SNAPSHOT,
        row.units,
        row.effective_at,
        feed.source,
        row.message_id,
        feed.actor,
        row.reason,
        sequence=row.sequence,
        clamped=row.clamped,
    )


def _zero(feed: _Feed, key: Key, file: FullFile) -> Fact:
    return Fact(
        *key,
        kind=SNAPSHOT,
        stated_units=0,
        effective_at=file.effective_at,
        source=feed.source,
        actor=feed.actor,
        reason="absent from a full file",
        sequence=file.sequence,
    )


def _full_files(db: psycopg.Connection, feed: _Feed, verdicts: _Verdicts) -> list[FullFile]:
    """The locations whose absent rows mean zero; a file that looks cut off is reported instead."""
    row_counts = Counter(location for _, location in _mentioned(feed, verdicts))
    files = counts.full_files((row for _, row in verdicts.stated()), row_counts=row_counts)
    if not files:
        verdicts.problems.append(feeds.nothing_read(feed.location))
    last = counts.last_row_counts(db, feed=feed.name, locations=[f.location for f in files])
    whole = []
    for file in files:
        problem = feeds.truncation(
            rows=file.rows,
            last_rows=last.get(file.location),
            share_min=feed.full_share_min,
            location=file.location,
        )
        if problem is None:
            whole.append(file)
        else:
            verdicts.problems.append(problem)
    return whole


def _mentioned(feed: _Feed, verdicts: _Verdicts) -> list[tuple[str, str]]:
    """(SKU, location) of every row that names them, also of a broken one: it is not absent."""
    rows = [row for row in verdicts.rows if isinstance(row, Mapping)]
    named = [(row.get("sku"), row.get("location") or feed.location) for row in rows]
    return [(s, place) for s, place in named if isinstance(s, str) and isinstance(place, str)]


def _absent(
    db: psycopg.Connection, feed: _Feed, verdicts: _Verdicts, files: Sequence[FullFile]
) -> dict[Key, FullFile]:
    """Accounts that a FULL file speaks of and does not list."""
    if not files:
        return {}
    listed = {_key(row) for _, row in verdicts.stated()}
    broken = set(_mentioned(feed, verdicts)) - {(key.sku, key.location) for key in listed}
    return {
        key: file
        for file in files
        for key in counts.accounts(db, file, basis=feed.basis)
        if key not in listed and (key.sku, key.location) not in broken
    }


def _result(feed: _Feed, verdicts: _Verdicts) -> SyncResult:
    results = verdicts.results or _row_results(feed, verdicts)
    found = Counter(map(attrgetter("outcome"), results))
    return SyncResult(
        counts={name: found[name] for name in OUTCOMES},
        results=results,
        problems=verdicts.problems,
        zeroed=verdicts.zeroed,
    )


def _row_results(feed: _Feed, verdicts: _Verdicts) -> list[RowResult]:
    # Mostly rows are good, and are told so without another look.
    return [
        RowResult(row.message_id, verdicts.outcomes[i])
        if isinstance(row, Stated) and not row.clamped
        else _row_result(feed, verdicts, i)
        for i, row in enumerate(verdicts.read)
    ]


def _row_result(feed: _Feed, verdicts: _Verdicts, i: int) -> RowResult:
    read = verdicts.read[i]
    if isinstance(read, Stated):
        return RowResult(read.message_id, verdicts.outcomes[i], feeds.clamp_notice(read, feed.now))
    row = verdicts.rows[i]
    message_id = row.get("id") if isinstance(row, Mapping) else None
    message_id = feeds.shown(message_id) if isinstance(message_id, str) else None
    if read is None:
        return RowResult(message_id, "duplicate")
    return RowResult(message_id, "quarantined", read)
