"""Which SKUs' policies no longer fit what a catalogue, a rule or a forecast says since.

A request is a row of its own: who changes something never waits for who plans, and what is asked
for while somebody plans is still there afterwards.
"""

from collections.abc import Sequence

import psycopg


def ask(db: psycopg.Connection, skus: Sequence[str], *, because: str) -> None:
    """Have policies of these SKUs worked out by whoever plans next."""
    db.execute(
        "insert into policy_recomputes (sku, because) select x, %s from unnest(%s::text[]) as x",
        [because, sorted(set(skus))],
    )


def asked(db: psycopg.Connection, *, skus: Sequence[str] | None) -> list[int]:
    """Requests that planning these SKUs, or all, will answer: read before anything else is."""
    found = db.execute(
        "select request_id from policy_recomputes where %s::text[] is null or sku = any(%s)",
        [None if skus is None else list(skus)] * 2,
    ).fetchall()
    return [request for (request,) in found]


def answered(db: psycopg.Connection, requests: Sequence[int]) -> None:
    """Note that policies follow what these requests were about."""
    db.execute("delete from policy_recomputes where request_id = any(%s)", [list(requests)])


def due_recomputes(db: psycopg.Connection, *, limit: int) -> list[str]:
    """SKUs whose policies no longer fit, the longest waiting first.

    Where all are due, the first so many of those that have a policy, by SKU.
    """
    with db.transaction():
        everything = db.execute("delete from policy_recomputes where sku = '' returning because")
        if because := everything.fetchone():
            db.execute(
                "insert into policy_recomputes (sku, because) "
                "select distinct sku, %s from policies order by sku",
                [because[0]],
            )
    found = db.execute(
        "select sku from policy_recomputes group by sku order by min(request_id), sku limit %s",
        [limit],
    ).fetchall()
    return [sku for (sku,) in found]
