"""Many changes of stock at once: ids claimed, balances locked and moved, entries appended, as sets.

What becomes of each change is decided inside the database, by the same rule as
`inventory.ledger.decide_delta`, which is what the tests hold it against. Only the accounts that it
points out are looked at again: where stock may have run low, or below what was promised.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter, ne
from typing import NamedTuple

import numpy as np
import psycopg

from inventory.feeds import Stated
from inventory.ledger import Key
from inventory.store import supply_shocks
from inventory.store.ledger import SEPARATOR
from inventory.store.packed import Bigints, bigints, moments

NO_REASON = "\x1e"
"""Stands for a missing text among joined ones: no text of a row can be it."""


class MissingAccounts(Exception):
    """Accounts that a message is about and that do not exist: the transaction must start over."""

    def __init__(self, keys: set[Key]) -> None:
        self.keys = keys


class Columns(NamedTuple):
    """Changes as the parameters of the database's function, and the rows they came from."""

    order: list[int]
    """Where each change was in the message: they travel in the order of their accounts."""
    rows: list[Stated]
    """The changes in that order."""
    firsts: list[int]
    """Where in it each account begins, counted from 1."""
    values: dict[str, object]

    def key(self, place: int) -> Key:
        """The account of a place that the database tells, counted from 1."""
        return Key(*self.rows[self.firsts[place - 1] - 1][1:4])


def claim(
    db: psycopg.Connection, hashes: Mapping[str, bytes], *, feed: str, now: datetime
) -> Callable[[], dict[str, bytes]]:
    """Claim the new ids of a feed; call the result for the others, with the hashes they have.

    In a pipeline the claim is under way until then. It waits for a message that is claiming the
    same ids. They are claimed in order, and before any balance is locked, so that two messages
    cannot wait for each other.
    """
    if not hashes:
        return dict
    ids = sorted(hashes)
    found = db.execute(
        "select * from claim_message_ids(%b, %b, %b, %b)",
        [feed, now, SEPARATOR.join(ids), b"".join(map(hashes.__getitem__, ids))],
    )
    return lambda: {message_id: bytes(body_hash) for message_id, body_hash in found}


def columns(rows: Sequence[Stated]) -> Columns:
    """Lay the changes out by account, ready to be sent."""
    names = list(map(SEPARATOR.join, map(itemgetter(1, 2, 3), rows)))
    order = sorted(range(len(rows)), key=names.__getitem__)
    by_account = list(map(rows.__getitem__, order))
    sorted_names = list(map(names.__getitem__, order))
    begins = np.array([True, *map(ne, sorted_names, sorted_names[1:])][: len(rows)], bool)
    firsts = (np.flatnonzero(begins) + 1).tolist()
    ids, skus, locations, statuses, units, effective_at, sequences, reasons, clamped, _ = (
        zip(*by_account, strict=True) if rows else [()] * 10
    )
    texts = {"ids": ids, "skus": skus, "locations": locations, "statuses": statuses}
    return Columns(
        order,
        by_account,
        firsts,
        {
            **{name: SEPARATOR.join(column) for name, column in texts.items()},
            "firsts": bigints(firsts),
            "lasts": bigints([first - 1 for first in firsts[1:]] + [len(order)]),
            "accounts": bigints(np.cumsum(begins)),
            "units": bigints(units),
            "moments": moments(effective_at),
            "clamped": bigints(clamped),
            "reasons": _reasons(reasons),
            "sequences": _sequences(sequences),
        },
    )


def _reasons(reasons: Sequence[str | None]) -> str | None:
    if not any(reasons):
        return None
    return SEPARATOR.join(NO_REASON if reason is None else reason for reason in reasons)


def _sequences(sequences: Sequence[int | None]) -> Bigints | list[int | None] | None:
    if None not in sequences:
        return bigints(sequences)  # type: ignore[arg-type]
    return list(sequences) if any(s is not None for s in sequences) else None


def take(
    db: psycopg.Connection, changes: Columns, *, source: str, actor: str, now: datetime
) -> Callable[[], set[int]]:
    """Record the changes in the caller's transaction; call the result for those counted already.

    These are told by their places in the message, counted from 0. In a pipeline the changes are
    under way until the call, which raises `MissingAccounts`.
    """
    if not changes.order:
        return set
    found = db.execute(_TAKE, {**changes.values, "source": source, "actor": actor, "now": now})
    return lambda: _taken(db, changes, found, now=now)


def _taken(
    db: psycopg.Connection, changes: Columns, found: psycopg.Cursor, *, now: datetime
) -> set[int]:
    missing, counted, near, fallen, risen = found.fetchone() or [()] * 5
    if missing:
        raise MissingAccounts(set(map(changes.key, missing)))
    if near:
        fallen, risen, near = (
            [changes.key(place)[:2] for place in places or ()] for places in (fallen, risen, near)
        )
        supply_shocks.settle(db, fallen=fallen, risen=risen, also=near, now=now, cause="feed")
    return {changes.order[place - 1] for place in counted}


_TAKE = """
    select * from take_changes(
        %(now)b, %(source)b, %(actor)b, %(skus)b, %(locations)b, %(statuses)b, %(firsts)b,
        %(lasts)b, %(accounts)b, %(ids)b, %(units)b, %(moments)b, %(clamped)b, %(reasons)b,
        %(sequences)b)
"""
