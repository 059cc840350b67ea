"""Rules that approve proposals in PostgreSQL, what they approve, and how much that was."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import errors
from psycopg.rows import dict_row

from inventory.auto_approval import (
    ACTOR_PREFIX,
    AutoApproval,
    Candidate,
    Subject,
    checked,
    chosen,
    reason,
)
from inventory.errors import InsufficientStock, NotFound, StateConflict, UnknownLocation
from inventory.store import (
    act_history,
    approval_candidates,
    order_terms,
    purchase_orders,
    transfer_terms,
    transfers,
)
from inventory.store.retry import retrying


def put(db: psycopg.Connection, rule: AutoApproval, *, actor: str, now: datetime) -> AutoApproval:
    """Add a rule or write it anew.

    Raises `NotFound` for an unknown vendor, `UnknownLocation`, `InputRejected`.
    """
    checked(rule)
    segments = None if rule.segments is None else sorted(set(rule.segments))
    try:
        db.execute(
            _PUT,
            {**asdict(rule), "segments": segments, "now": now, "actor": actor},
        )
    except errors.ForeignKeyViolation as missing:
        if rule.subject == "purchase_order":
            raise NotFound("vendor", str(rule.vendor)) from missing
        end = "destination" if "destination" in str(missing.diag.constraint_name) else "origin"
        raise UnknownLocation(getattr(rule, end)) from missing
    return get(db, rule.id)


_PUT = """
    insert into auto_approval_rules (rule_id, subject, vendor, origin, destination, segments,
        value_max, deviation_max, enabled, updated_at, updated_by)
    values (%(id)s, %(subject)s, %(vendor)s, %(origin)s, %(destination)s, %(segments)s,
        %(value_max)s, %(deviation_max)s, %(enabled)s, %(now)s, %(actor)s)
    on conflict (rule_id) do update set subject = excluded.subject, vendor = excluded.vendor,
        origin = excluded.origin, destination = excluded.destination, segments = excluded.segments,
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
            "select rule_id as id, subject, vendor, origin, destination, segments, "
            "value_max::float8, deviation_max, enabled "
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


def approve_by_rules(
    db: psycopg.Connection,
    *,
    now: datetime,
    subject: Subject = "purchase_order",
    currency: str | None = None,
) -> Sequence[str]:
    """Accept and approve the proposals that rules hold for; returns their ids. A repeat finds none.

    Only whole drafts of planning, of orders those whose day has come: one that a person changed is
    that person's, and one that needs two buyers needs buyers. A transfer whose origin cannot spare
    it any more stays a proposal. `currency`: that of the house, of rules about any vendor.
    """
    rules = [rule for rule in list_rules(db) if rule.enabled and rule.subject == subject]
    if not rules:
        return []
    drafts = approval_candidates.read(db, subject, today=now.date(), currency=currency)

    def approved(draft: Candidate, rule: AutoApproval) -> bool:
        because, actor = reason(rule, draft), ACTOR_PREFIX + rule.id
        return retrying(db, lambda: _approve(db, subject, draft, because, actor=actor, now=now))

    return [draft.id for draft, rule in chosen(rules, drafts) if approved(draft, rule)]


def _approve(
    db: psycopg.Connection,
    subject: Subject,
    draft: Candidate,
    because: str,
    *,
    actor: str,
    now: datetime,
) -> bool:
    """Both acts, unless somebody was there first: then it is not the draft that was judged."""
    act: Callable[..., object]
    if subject == "transfer":
        book, act = act_history.TRANSFERS, transfers.act
        above = transfer_terms.second_approval_above(db, str(draft.origin))
    else:
        book, act = act_history.ORDERS, purchase_orders.act
        above = order_terms.in_force(db, str(draft.vendor)).second_approval_above
    if above is not None and draft.value > above:
        return False
    try:
        with db.transaction():
            found = act_history.locked(db, book, draft.id)
            if (found["version"], found["state"]) != (draft.version, "proposed"):
                return False
            for step in ("accept", "approve"):
                act(db, draft.id, step, actor=actor, role="admin", now=now, reason=because)
    except (StateConflict, InsufficientStock):
        return False
    return True


def report(
    db: psycopg.Connection, *, first: date, last: date, subject: Subject = "purchase_order"
) -> dict[str, Any]:
    """How many of those approved from `first` to `last` (UTC days) no person approved.

    `{"first", "last", "approved", "automatic", "share", "value", "automatic_value",
    "value_share", "by_rule": [{"rule", "orders" or "transfers", "value"}]}`. What went back and was
    approved again counts as it was approved last; shares are None where nothing was approved.
    """
    rows = db.execute(_REPORT, [first, last, subject]).fetchall()
    approved = sum(count for _, count, _ in rows)
    value = sum(money for _, _, money in rows)
    by_rule = [(rule, count, money) for rule, count, money in rows if rule is not None]
    automatic = sum(count for _, count, _ in by_rule)
    money_of_rules = sum(money for _, _, money in by_rule)
    counted = "transfers" if subject == "transfer" else "orders"
    return {
        "first": first,
        "last": last,
        "approved": approved,
        "automatic": automatic,
        "share": automatic / approved if approved else None,
        "value": float(value),
        "automatic_value": float(money_of_rules),
        "value_share": float(money_of_rules / value) if value else None,
        "by_rule": [
            {"rule": rule, counted: count, "value": float(money)} for rule, count, money in by_rule
        ],
    }


_REPORT = """
    select rule, count(*)::int, sum(value) from approvals_between(%s, %s) where subject = %s
    group by 1 order by 1 nulls last
"""
