"""Rules that approve proposed orders in PostgreSQL, what they approve, and how much that was."""

from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import class_row, dict_row

from inventory.auto_approval import (
    ACTOR_PREFIX,
    AutoApproval,
    Candidate,
    checked,
    chosen,
    reason,
)
from inventory.errors import NotFound, StateConflict
from inventory.store import order_terms, purchase_orders

USUAL_ORDERS = 10
"""The usual quantity of an item at a place is the median of so many orders that were sent."""


def put(db: psycopg.Connection, rule: AutoApproval, *, actor: str, now: datetime) -> AutoApproval:
    """Add a rule or write it anew. Raises `NotFound` for an unknown vendor, `InputRejected`."""
    checked(rule)
    segments = None if rule.segments is None else sorted(set(rule.segments))
    try:
        db.execute(
            _PUT,
            [rule.id, rule.vendor, segments, rule.value_max, rule.deviation_max, rule.enabled,
             now, actor],
        )  # fmt: skip
    except errors.ForeignKeyViolation as missing:
        raise NotFound("vendor", str(rule.vendor)) from missing
    return get(db, rule.id)


_PUT = """
    insert into auto_approval_rules values (%s, %s, %s, %s, %s, %s, %s, %s)
    on conflict (rule_id) do update set vendor = excluded.vendor, segments = excluded.segments,
        value_max = excluded.value_max, deviation_max = excluded.deviation_max,
        enabled = excluded.enabled, updated_at = excluded.updated_at,
        updated_by = excluded.updated_by
"""


def get(db: psycopg.Connection, rule_id: str) -> AutoApproval:
    """The rule of that id, or `NotFound`."""
    found = [rule for rule in list_rules(db) if rule.id == rule_id]
    if not found:
        raise NotFound("auto-approval rule", rule_id)
    return found[0]


def list_rules(db: psycopg.Connection) -> list[AutoApproval]:
    """All rules by id: the order in which they are tried."""
    with db.cursor(row_factory=dict_row) as cursor:
        rows = cursor.execute(
            "select rule_id as id, vendor, segments, value_max::float8, deviation_max, enabled "
            "from auto_approval_rules order by rule_id"
        ).fetchall()
    return [
        AutoApproval(**row | {"segments": row["segments"] and tuple(row["segments"])})
        for row in rows
    ]


def delete(db: psycopg.Connection, rule_id: str) -> None:
    """Take a rule away; what it approved stays approved. Raises `NotFound`."""
    gone = db.execute("delete from auto_approval_rules where rule_id = %s", [rule_id])
    if not gone.rowcount:
        raise NotFound("auto-approval rule", rule_id)


def approve_by_rules(db: psycopg.Connection, *, now: datetime) -> int:
    """Accept and approve the drafts that rules hold for; returns how many. A repeat finds none.

    Only whole drafts of planning whose order day has come: one that a person changed is that
    person's, and one that needs two buyers needs buyers.
    """
    rules = [rule for rule in list_rules(db) if rule.enabled]
    if not rules:
        return 0
    return sum(
        _approve(db, order, reason(rule, order), actor=ACTOR_PREFIX + rule.id, now=now)
        for order, rule in chosen(rules, _candidates(db, today=now.date()))
    )


def _approve(
    db: psycopg.Connection, order: Candidate, because: str, *, actor: str, now: datetime
) -> bool:
    """Both acts, unless somebody was there first: then it is not the order that was judged."""
    above = order_terms.in_force(db, order.vendor).second_approval_above
    if above is not None and order.value > above:
        return False
    acting = {"actor": actor, "role": "admin", "now": now, "reason": because}
    try:
        with db.transaction():
            same = db.execute(
                "select from purchase_orders where purchase_order_id = %s and version = %s "
                "and state = 'proposed' for update",
                [order.order_id, order.version],
            ).fetchone()
            if same is None:
                return False
            for act in ("accept", "approve"):
                purchase_orders.act(db, order.order_id, act, **acting)  # type: ignore[arg-type]
    except StateConflict:
        return False
    return True


def _candidates(db: psycopg.Connection, *, today: date) -> list[Candidate]:
    with db.cursor(row_factory=class_row(_candidate)) as cursor:  # type: ignore[arg-type]
        return cursor.execute(_CANDIDATES, {"today": today, "usual": USUAL_ORDERS}).fetchall()


def _candidate(segments: list[str], **row: Any) -> Candidate:  # noqa: ANN401 - columns.
    return Candidate(segments=frozenset(segments), **row)


_CANDIDATES = """
    with drafts as materialized (
        select p.purchase_order_id, p.version, p.vendor, p.location, l.sku, l.quantity,
            l.quantity * l.unit_cost as value
        from purchase_orders p join purchase_order_lines l using (purchase_order_id)
        where p.state = 'proposed' and p.order_on <= %(today)s and not exists (
            select from purchase_order_lines x
            where x.purchase_order_id = p.purchase_order_id and x.firmed)
    )
    select d.purchase_order_id as order_id, d.version, d.vendor,
        round(sum(d.value)::numeric, 2)::float8 as value,
        array_agg(distinct coalesce(c.segment, '')) as segments,
        case when count(*) = count(u.units)
            then max(abs(d.quantity - u.units) / u.units) end::float8 as deviation
    from drafts d
    left join policies c on c.sku = d.sku and c.location = d.location
    left join lateral (
        select percentile_cont(0.5) within group (order by ordered_units) as units from (
            select o.ordered_units from purchase_order_lines o
            join purchase_orders q using (purchase_order_id)
            where o.sku = d.sku and q.location = d.location and o.ordered_units > 0
            order by q.sent_at desc nulls last limit %(usual)s
        ) past
    ) u on true
    group by 1, 2, 3 order by 1
"""


def report(db: psycopg.Connection, *, first: date, last: date) -> dict[str, Any]:
    """How many of the orders approved from `first` to `last` (UTC days) no person approved.

    `{"first", "last", "approved", "automatic", "share", "value", "automatic_value",
    "value_share", "by_rule": [{"rule", "orders", "value"}]}`. An order that went back and was
    approved again counts as it was approved last; shares are None where nothing was approved.
    """
    rows = db.execute(_REPORT, {"first": first, "last": last}).fetchall()
    by_rule = [
        {"rule": rule, "orders": orders, "value": float(value)} for rule, orders, value in rows
    ]
    approved = sum(row["orders"] for row in by_rule)
    value = sum(row["value"] for row in by_rule)
    automatic = [row for row in by_rule if row["rule"] is not None]
    orders = sum(row["orders"] for row in automatic)
    money = sum(row["value"] for row in automatic)
    return {
        "first": first,
        "last": last,
        "approved": approved,
        "automatic": orders,
        "share": orders / approved if approved else None,
        "value": round(value, 2),
        "automatic_value": round(money, 2),
        "value_share": money / value if value else None,
        "by_rule": automatic,
    }


_REPORT = """
    with approved as (
        select distinct on (purchase_order_id) purchase_order_id, actor
        from purchase_order_events
        where act = 'approve' and to_state = 'approved'
            and at >= %(first)s::date::timestamp at time zone 'UTC'
            and at < (%(last)s::date + 1)::timestamp at time zone 'UTC'
        order by purchase_order_id, event_id desc
    )
    select case when a.actor like 'rule:%%' then substr(a.actor, 6) end as rule, count(*)::int,
        coalesce(sum(v.value), 0)
    from approved a left join lateral (
        select round(sum(coalesce(l.ordered_units, l.quantity) * l.unit_cost)::numeric, 2) as value
        from purchase_order_lines l where l.purchase_order_id = a.purchase_order_id
    ) v on true
    group by 1 order by 1 nulls last
"""
