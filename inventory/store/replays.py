"""Quarantined rows sent again as they were meant: same id, same moment, same mode and basis.

What kept a row out is often mended elsewhere: the SKU is in the catalogue now. A replay is an
ordinary message of the row's own feed, so that its id has one outcome here as well. A row that is
still wrong stays, with its newest problem.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import psycopg
from psycopg.rows import dict_row

from inventory.errors import NotFound
from inventory.feed_results import RowResult
from inventory.feeds import ROWS_MAX, Problem
from inventory.store import feeds
from inventory.store.retry import retrying

NOT_WHOLE = Problem(
    None, "only part of this row could be kept; send it again from its source, or dismiss it"
)


class Replayed(NamedTuple):
    """What became of one quarantined row."""

    quarantine_id: int
    result: RowResult

    def as_dict(self) -> dict[str, object]:
        return {"quarantine_id": self.quarantine_id, **self.result.as_dict()}


class Report(NamedTuple):
    """What became of the rows that were sent again, in the order of their quarantine ids."""

    results: list[Replayed]
    waiting: int
    """Rows that wait now, of the feed that was asked for or of all."""

    def as_dict(self) -> dict[str, object]:
        still = sum(row.result.outcome == "quarantined" for row in self.results)
        return {
            "went_in": len(self.results) - still,
            "still_quarantined": still,
            "waiting": self.waiting,
            "results": [row.as_dict() for row in self.results],
        }


def replay(
    db: psycopg.Connection,
    *,
    now: datetime,
    actor: str,
    quarantine_ids: Collection[int] | None = None,
    feed: str | None = None,
) -> Report:
    """Send waiting rows again: those named, or the oldest `feeds.ROWS_MAX`, of one feed or of all.

    Rows of one all-or-nothing message go together, also when only one of them is named.

    Raises `NotFound` for an id that does not wait.
    """
    chosen = _chosen(db, quarantine_ids, feed)
    replayed = []
    for message in _messages(chosen):
        replayed += _send(db, message, actor=actor, now=now)
    (waiting,) = db.execute(
        "select count(*) from quarantine where resolved_at is null "
        "and (%(feed)s::text is null or feed = %(feed)s)",
        {"feed": feed},
    ).fetchone() or (0,)
    return Report(sorted(replayed, key=lambda row: row.quarantine_id), waiting)


Row = dict[str, Any]


def _chosen(
    db: psycopg.Connection, quarantine_ids: Collection[int] | None, feed: str | None
) -> list[Row]:
    with db.cursor(row_factory=dict_row) as cursor:
        chosen = cursor.execute(
            _CHOSEN,
            {
                "ids": None if quarantine_ids is None else list(quarantine_ids),
                "feed": feed,
                "limit": ROWS_MAX,
            },
        ).fetchall()
    missing = set(quarantine_ids or ()) - {row["quarantine_id"] for row in chosen}
    if missing:
        raise NotFound("waiting row", str(min(missing)))
    return chosen


_CHOSEN = """
    with named as (
        select * from quarantine
        where resolved_at is null
            and (%(ids)s::bigint[] is null or quarantine_id = any (%(ids)s))
            and (%(feed)s::text is null or feed = %(feed)s)
        order by quarantine_id limit %(limit)s
    )
    select * from named
    union
    select q.* from quarantine q
    where q.resolved_at is null and q.together in (select together from named)
    order by quarantine_id
"""


def _messages(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that were meant alike make one message; what belongs together stays so."""
    messages: dict[tuple[object, ...], list[Row]] = {}
    for row in rows:
        alike = (row["whole"], *(row[name] for name in _MEANT), row["together"])
        messages.setdefault(alike, []).append(row)
    return list(messages.values())


_MEANT = ("feed", "mode", "basis", "location", "source")


def _send(
    db: psycopg.Connection, message: Sequence[Row], *, actor: str, now: datetime
) -> list[Replayed]:
    first = message[0]
    ids = [row["quarantine_id"] for row in message]
    if first["mode"] is None or not first["whole"]:
        results = [RowResult(row["message_id"], "quarantined", NOT_WHOLE) for row in message]
        return list(map(Replayed, ids, results))
    results = retrying(db, lambda: _again(db, message, actor=actor, now=now))
    return list(map(Replayed, ids, results))


def _again(
    db: psycopg.Connection, message: Sequence[Row], *, actor: str, now: datetime
) -> list[RowResult]:
    first = message[0]
    with db.transaction():
        results = feeds.sync(
            db,
            mode=first["mode"],
            basis=first["basis"],
            rows=[row["body"] for row in message],
            now=now,
            source=first["source"],
            location=first["location"],
            atomic=first["together"] is not None,
            actor=actor,
            feed=first["feed"],
        ).results
        # A duplicate went in by another road meanwhile.
        db.execute(
            "update quarantine q set replays = replays + 1, "
            "resolved_at = case when k.outcome = 'duplicate' then %s else resolved_at end, "
            "resolution = case when k.outcome = 'duplicate' then 'went_in' else resolution end, "
            "resolved_by = case when k.outcome = 'duplicate' then %s else resolved_by end "
            "from unnest(%s::bigint[], %s::text[]) as k (quarantine_id, outcome) "
            "where q.quarantine_id = k.quarantine_id",
            [now, actor, [row["quarantine_id"] for row in message],
             [result.outcome for result in results]],
        )  # fmt: skip
    return results
