"""Lines of proposals that people refused, in PostgreSQL: who, when, why, and until when."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.order_refusals import NOT_OF_THE_NEED, Refusal, units_that_end
from inventory.store import act_history

PLANNING = "planning"
"""Through whom a refusal ends whose need grew."""


def remember(
    db: psycopg.Connection,
    order: Mapping[str, Any],
    *,
    act: str,
    actor: str,
    reason: str | None,
    now: datetime,
    skus: Sequence[str] | None = None,
) -> None:
    """Note that a person does not want these lines of an order, or all; they stand in it still.

    Runs in the transaction that refuses them, holding the order's row. A refusal takes the place of
    the one before it.
    """
    db.execute(
        _REMEMBER,
        {"id": order["id"], "location": order["location"], "act": act, "actor": actor,
         "reason": reason, "now": now, "today": now.date(),
         "skus": None if skus is None else list(skus), "beside": list(NOT_OF_THE_NEED)},
    )  # fmt: skip


_REMEMBER = """
    insert into order_refusals as r (sku, location, purchase_order_id, act, needed_units,
        stock_out_on, refused_at, refused_by, reason)
    select l.sku, %(location)s, %(id)s, %(act)s, greatest(round(l.quantity - coalesce((
            select sum((t ->> 'quantity')::numeric)
            from jsonb_array_elements(l.explanation -> 'terms') t
            where t ->> 'term' like any(%(beside)s)), 0)), 0),
        case when (l.worth ->> 'stock_out_on')::date > %(today)s
            then (l.worth ->> 'stock_out_on')::date end,
        %(now)s, %(actor)s, %(reason)s
    from purchase_order_lines l
    where l.purchase_order_id = %(id)s and (%(skus)s::text[] is null or l.sku = any(%(skus)s))
    on conflict (sku, location) where ended_at is null do update
        set (purchase_order_id, act, needed_units, stock_out_on, refused_at, refused_by, reason)
        = row(excluded.purchase_order_id, excluded.act, excluded.needed_units,
            excluded.stock_out_on, excluded.refused_at, excluded.refused_by, excluded.reason)
"""


def read_open(
    db: psycopg.Connection, *, now: datetime, days: int, skus: Sequence[str] | None = None
) -> list[Refusal]:
    """Refusals that hold: neither ended nor older than `days`, by SKU and location."""
    found = db.execute(
        "select refusal_id, sku, location, needed_units, stock_out_on, refused_at, refused_by, "
        "reason from order_refusals where ended_at is null and refused_at > %(since)s "
        "and (%(skus)s::text[] is null or sku = any(%(skus)s)) order by sku, location",
        {"since": now - timedelta(days=days), "skus": None if skus is None else list(skus)},
    ).fetchall()
    return [
        Refusal(name, sku, place, units, out_on, at.date(), by, why, _until(at, days))
        for name, sku, place, units, out_on, at, by, why in found
    ]


def _until(refused_at: datetime, days: int) -> date:
    return (refused_at + timedelta(days=days)).date()


def end_by_planning(db: psycopg.Connection, ended: Mapping[int, str], *, now: datetime) -> None:
    """Needs that are proposed again, with why, by the id of the refusal."""
    db.execute(
        "update order_refusals r set ended_at = %s, ended_by = %s, ended_reason = e.why "
        "from unnest(%s::bigint[], %s::text[]) as e(id, why) "
        "where r.refusal_id = e.id and r.ended_at is null",
        [now, PLANNING, list(ended), list(ended.values())],
    )


def lift(
    db: psycopg.Connection, refusal_id: int, *, actor: str, reason: str, now: datetime, days: int
) -> dict[str, Any]:
    """Have planning propose it again; returns the refusal. The order that it stood on tells of it.

    Raises `NotFound`, `StateConflict` where it holds no more, `InputRejected` without a reason.
    """
    if not reason.strip():
        raise InputRejected("say why", field="reason")
    with db.transaction():
        done = db.execute(
            "update order_refusals set ended_at = %s, ended_by = %s, ended_reason = %s "
            "where refusal_id = %s and ended_at is null and refused_at > %s",
            [now, actor, reason, refusal_id, now - timedelta(days=days)],
        )
        found = _select(db, {"id": refusal_id}, now=now, days=days)
        if not found:
            raise NotFound("refusal of an order", str(refusal_id))
        if not done.rowcount:
            raise StateConflict(
                "refusal", str(refusal_id), state=f"{found[0]['state']} already", act="lift"
            )
        order = act_history.locked(db, act_history.ORDERS, found[0]["purchase_order"])
        act_history.record(
            db, act_history.ORDERS, order, act="lift", to_state=order["state"], actor=actor,
            now=now, reason=reason, changes={"lifted": found[0]["sku"]},
        )  # fmt: skip
    return found[0]


def list_refusals(
    db: psycopg.Connection,
    *,
    now: datetime,
    days: int,
    sku: str | None = None,
    location: str | None = None,
    held_only: bool = True,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Refusals, the newest first, from the one before the id `before` on.

    Each with its `state`: held, lapsed (its term passed) or ended, by whom and why.
    """
    return _select(
        db,
        {"sku": sku, "location": location, "held": held_only, "before": before, "limit": limit},
        now=now,
        days=days,
    )


_LISTED = """
    select refusal_id as id, sku, location, purchase_order_id as purchase_order, act,
        needed_units, stock_out_on, refused_at, refused_by, reason,
        case when ended_at is not null then 'ended' when refused_at <= %(since)s then 'lapsed'
            else 'held' end as state, ended_at, ended_by, ended_reason
    from order_refusals
    where (%(id)s::bigint is null or refusal_id = %(id)s)
        and (%(sku)s::text is null or sku = %(sku)s)
        and (%(location)s::text is null or location = %(location)s)
        and (not %(held)s or (ended_at is null and refused_at > %(since)s))
        and (%(before)s::bigint is null or refusal_id < %(before)s)
    order by refusal_id desc limit %(limit)s
"""


def _select(
    db: psycopg.Connection, asked: Mapping[str, Any], *, now: datetime, days: int
) -> list[dict[str, Any]]:
    none = dict.fromkeys(("id", "sku", "location", "before", "limit"))
    given = {**none, "held": False, **asked, "since": now - timedelta(days=days)}
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_LISTED, given).fetchall()
    return [
        row | {"until": _until(row["refused_at"], days),
               "proposed_again_from_units": units_that_end(row["needed_units"])}
        for row in found
    ]  # fmt: skip
