"""The queue of what subscribers are told in PostgreSQL: each event once, and no storms.

Planning writes down who is to be told of what; an event of an alert, at a severity, is planned once
per subscriber for ever. Sending claims what is due, and says what came of it. Whoever dies in
between leaves the delivery to be sent again under the same key, by which a receiver knows it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.alert_messages import Subscription
from inventory.store.alert_settings import subscriptions

PLANNING_LOCK = 5_119_206
"""Advisory lock: one process at a time plans deliveries."""

QUIET = timedelta(hours=12)
"""A cause that came back is not told again so soon, unless it is more severe than it was told."""

ATTEMPTS_MAX = 8
FIRST_PAUSE = timedelta(seconds=30)
"""Doubled at each attempt: the eighth comes after an hour."""

CLAIM_LIFE = timedelta(minutes=5)
"""A delivery that was claimed and not settled for so long has lost its sender."""

News = tuple[int, str, str]
"""Alert, event and severity that somebody is to be told."""


def plan(db: psycopg.Connection, *, now: datetime) -> int:
    """Write down what subscribers are to be told; returns how many deliveries there are more.

    0 also where somebody else plans at the moment.
    """
    with db.transaction():
        alone = db.execute("select pg_try_advisory_xact_lock(%s)", [PLANNING_LOCK]).fetchone()
        if alone != (True,):
            return 0
        return sum(_plan_for(db, told, now=now) for told in subscriptions(db))


def _plan_for(db: psycopg.Connection, told: Subscription, *, now: datetime) -> int:
    given = {
        "id": told.id, "kinds": list(told.kinds), "locations": list(told.locations),
        "severities": list(told.severities), "now": now, "quiet": now - QUIET,
    }  # fmt: skip
    db.execute(_SUPPRESS, given)
    news: list[News] = db.execute(_RAISED, given).fetchall()
    if told.with_resolved:
        news += db.execute(_RESOLVED, given).fetchall()
    if not news:
        return 0
    window = timedelta(minutes=told.digest_minutes)
    row = db.execute(
        "select count(*) filter (where not digest), count(*) filter (where digest) "
        "from alert_deliveries where subscription_id = %s and created_at > %s",
        [told.id, now - window],
    ).fetchone()
    assert row is not None
    singles, digests = row
    if len(news) + singles <= told.digest_above:
        return sum(_queue(db, told.id, [each], digest=False, now=now) for each in news)
    if digests:
        return 0  # They wait for the next digest.
    return _queue(db, told.id, news, digest=True, now=now)


def _queue(
    db: psycopg.Connection,
    subscription_id: str,
    news: Sequence[News],
    *,
    digest: bool,
    now: datetime,
) -> int:
    db.execute(
        "with made as (insert into alert_deliveries (subscription_id, state, digest, "
        "next_attempt_at, created_at) values (%(id)s, 'waiting', %(digest)s, %(now)s, %(now)s) "
        "returning delivery_id) insert into alert_delivery_items "
        "(subscription_id, alert_id, event, severity, delivery_id) "
        "select %(id)s, n.alert_id, n.event, n.severity, delivery_id from made, unnest("
        "%(alerts)s::bigint[], %(events)s::text[], %(severities)s::text[]) "
        "as n (alert_id, event, severity)",
        {"id": subscription_id, "digest": digest, "now": now,
         "alerts": [alert for alert, _, _ in news], "events": [event for _, event, _ in news],
         "severities": [severity for _, _, severity in news]},
    )  # fmt: skip
    return 1


def claim(db: psycopg.Connection, *, now: datetime, limit: int = 20) -> list[dict[str, Any]]:
    """Deliveries that are due, for this process alone to send: id, subscription, digest, alerts."""
    with db.cursor(row_factory=dict_row) as rows:
        claimed = rows.execute(
            # Materialized: a plan may run a subquery once a row, and would then claim them all.
            "with due as materialized (select delivery_id from alert_deliveries "
            "  where state = 'waiting' and next_attempt_at <= %(now)s "
            "  order by delivery_id limit %(limit)s for update skip locked) "
            "update alert_deliveries d set attempts = attempts + 1, next_attempt_at = %(later)s "
            "from due where d.delivery_id = due.delivery_id "
            "returning d.delivery_id as id, d.subscription_id as subscription, d.digest, "
            "d.attempts, d.created_at",
            {"now": now, "later": now + CLAIM_LIFE, "limit": limit},
        ).fetchall()
        for delivery in claimed:
            delivery["alerts"] = rows.execute(_TOLD, [delivery["id"]]).fetchall()
    return sorted(claimed, key=lambda d: d["id"])


def sent(db: psycopg.Connection, delivery_id: int, *, now: datetime) -> None:
    """It arrived."""
    db.execute(
        "update alert_deliveries set state = 'sent', sent_at = %s, problem = null "
        "where delivery_id = %s and state = 'waiting'",
        [now, delivery_id],
    )


def failed(
    db: psycopg.Connection,
    delivery_id: int,
    *,
    problem: str,
    attempts: int,
    for_good: bool,
    now: datetime,
) -> None:
    """It did not; it is tried again later, unless that is of no use or was done often enough."""
    over = for_good or attempts >= ATTEMPTS_MAX
    db.execute(
        "update alert_deliveries set state = %s, problem = %s, next_attempt_at = %s "
        "where delivery_id = %s and state = 'waiting'",
        ["failed" if over else "waiting", problem, now + FIRST_PAUSE * 2 ** (attempts - 1),
         delivery_id],
    )  # fmt: skip


def recent(db: psycopg.Connection, *, limit: int = 100) -> list[dict[str, Any]]:
    """The latest deliveries, newest first, with what came of them."""
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            "select delivery_id as id, subscription_id as subscription, state, digest, attempts, "
            "created_at, sent_at, problem, (select count(*) from alert_delivery_items i "
            "where i.delivery_id = d.delivery_id) as alerts "
            "from alert_deliveries d order by delivery_id desc limit %s",
            [limit],
        ).fetchall()


# Snoozed causes wait: they are told when the snooze is over, if they are open by then.
_WANTED = """
    from alerts a, alert_subscriptions s
    where s.subscription_id = %(id)s and a.resolved_at is null and a.raised_at >= s.created_at
        and a.severity = any(%(severities)s::text[])
        and (cardinality(%(kinds)s::text[]) = 0 or split_part(a.kind, ':', 1) = any(%(kinds)s))
        and (cardinality(%(locations)s::text[]) = 0 or a.location = any(%(locations)s))
        and not exists (select from alert_snoozes z where z.kind = a.kind and z.until > %(now)s
            and coalesce(z.sku, '') = coalesce(a.sku, '')
            and coalesce(z.location, '') = coalesce(a.location, ''))
        and not exists (select from alert_delivery_items i where i.subscription_id = %(id)s
            and i.alert_id = a.alert_id and i.event <> 'resolved'
            and severity_rank(i.severity) >= severity_rank(a.severity))
"""

_RAISED = f"""
    select a.alert_id, case when exists (select from alert_delivery_items i
            where i.subscription_id = %(id)s and i.alert_id = a.alert_id
                and i.delivery_id is not null) then 'escalated' else 'raised' end, a.severity
    {_WANTED} order by a.alert_id
"""  # noqa: S608

_SUPPRESS = f"""
    insert into alert_delivery_items (subscription_id, alert_id, event, severity)
    select %(id)s, a.alert_id, 'raised', a.severity {_WANTED}
        and exists (
            select from alerts b
            join alert_delivery_items i on i.alert_id = b.alert_id and i.event <> 'resolved'
            join alert_deliveries d on d.delivery_id = i.delivery_id
            where i.subscription_id = %(id)s and d.created_at > %(quiet)s
                and b.alert_id <> a.alert_id and b.kind = a.kind
                and coalesce(b.sku, '') = coalesce(a.sku, '')
                and coalesce(b.location, '') = coalesce(a.location, '')
                and severity_rank(i.severity) >= severity_rank(a.severity))
    on conflict do nothing
"""  # noqa: S608

_RESOLVED = """
    select a.alert_id, 'resolved', a.severity from alerts a
    where a.resolved_at is not null
        and exists (select from alert_delivery_items i where i.subscription_id = %(id)s
            and i.alert_id = a.alert_id and i.event <> 'resolved' and i.delivery_id is not null)
        and not exists (select from alert_delivery_items r where r.subscription_id = %(id)s
            and r.alert_id = a.alert_id and r.event = 'resolved')
    order by a.alert_id
"""

_TOLD = """
    select i.event, a.alert_id as id, split_part(a.kind, ':', 1) as kind, a.severity, a.sku,
        a.location, a.message, a.detail, a.raised_at, a.resolved_at
    from alert_delivery_items i join alerts a using (alert_id)
    where i.delivery_id = %s order by a.alert_id
"""
