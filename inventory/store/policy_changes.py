"""Policies put in force in PostgreSQL: every change kept, and those too large held for a planner.

A change is too large where the reorder point or the order-up-to level grows or shrinks by more than
its position's factor, though nobody asked for it: a planner who sets a target or states demand has
decided already. What waits is shown once per position and follows later runs; what was refused
stays refused until figures move away from it by the factor again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store.bulk import copy_in, copy_out
from inventory.store.paging import check_choice
from inventory.store.policies import POLICY_COLUMNS, POLICY_SCHEMA

GRACE_UNITS = 5.0
"""Added to both levels before they are compared: from 1 to 4 units is no leap."""

STATES = ("applied", "held", "approved", "refused", "lapsed")


def put_in_force(
    db: psycopg.Connection, policies: pl.DataFrame, *, now: datetime, asked: bool = False
) -> tuple[int, pl.DataFrame]:
    """Insert or replace policies: columns `POLICY_COLUMNS` and `change_factor_max`.

    A policy whose figures and forecast run are as before is not written again, so `computed_at`
    stays when it last changed.

    Parameters
    ----------
    asked : whether a person asked for what these policies follow from: nothing is held then.

    Returns
    -------
    Rows written, and the policies in force of the positions whose change waits or was refused.
    """
    columns = (*POLICY_COLUMNS, "change_factor_max", "computed_at")
    with db.transaction():
        db.execute(_STAGE.format(_names((*POLICY_COLUMNS, "computed_at"))))
        staged = policies.select(*POLICY_COLUMNS, "change_factor_max").with_columns(
            pl.lit(now.isoformat()).alias("computed_at")
        )
        copy_in(db, staged, table="policies_staged", columns=columns)
        db.execute(_COMPARE, {"grace": GRACE_UNITS, "asked": asked})
        db.execute(_HOLD)
        db.execute(_WAIT, {"now": now})
        kept = copy_out(db, _IN_FORCE_OF_KEPT, schema=POLICY_SCHEMA)
        db.execute(
            "delete from policies_staged s using policies_changed c "
            "where c.kept and c.sku = s.sku and c.location = s.location"
        )
        db.execute(_LAPSE, {"now": now})
        db.execute(_RECORD, {"now": now})
        written = db.execute(_merged((*POLICY_COLUMNS, "computed_at"))).rowcount
        db.execute("drop table policies_staged")
        db.execute("drop table policies_changed")
    return written, kept


def list_changes(
    db: psycopg.Connection,
    *,
    sku: str | None = None,
    location: str | None = None,
    state: str | None = None,
    before: int | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Changes, the newest first, from the one before the id `before` on."""
    check_choice(state, STATES, field="state")
    given = {"sku": sku, "location": location, "state": state, "before": before, "limit": limit}
    with db.cursor(row_factory=dict_row) as cursor:
        found = cursor.execute(_LISTED, given).fetchall()
    return [_told(row) for row in found]


def decide(
    db: psycopg.Connection,
    change_id: int,
    *,
    approve: bool,
    actor: str,
    reason: str,
    now: datetime,
) -> dict[str, Any]:
    """Put a change that waits in force, or refuse it; returns it.

    Raises `NotFound`, `StateConflict` where it waits no more, `InputRejected` without a reason.
    """
    if not reason.strip():
        raise InputRejected("say why", field="reason")
    act = "approve" if approve else "refuse"
    with db.transaction():
        done = db.execute(
            "update policy_changes set state = %s, decided_at = %s, decided_by = %s, "
            "decision_reason = %s where change_id = %s and state = 'held' returning 1",
            ["approved" if approve else "refused", now, actor, reason, change_id],
        ).fetchone()
        with db.cursor(row_factory=dict_row) as cursor:
            row = cursor.execute(_ONE, {"change": change_id}).fetchone()
        if row is None:
            raise NotFound("policy change", str(change_id))
        if done is None:
            raise StateConflict("policy change", str(change_id), state=row["state"], act=act)
        if approve:
            db.execute(_APPROVE.format(_names(POLICY_COLUMNS)), {"change": change_id, "now": now})
    return _told(row)


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """A change as a client reads it: what was and what is, figure by figure."""
    figures = ("safety_stock", "reorder_point", "order_quantity", "order_up_to", "run_id")
    named = ("sku", "location", "at", "reasons", "factor", "state", "decided_at", "decided_by",
             "decision_reason")  # fmt: skip
    return {
        "id": row["change_id"],
        **{name: row[name] for name in named},
        "old": {name: row[f"old_{name}"] for name in figures},
        "new": {name: row[f"new_{name}"] for name in figures},
    }


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _merged(columns: Sequence[str]) -> sql.Composed:
    figures = [c for c in columns if c not in ("sku", "location", "computed_at")]
    old = sql.SQL(", ").join(sql.SQL("p.{}").format(sql.Identifier(c)) for c in figures)
    new = sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in figures)
    return sql.SQL(
        "insert into policies as p ({all}) select {all} from policies_staged "
        "on conflict (sku, location) do update set ({names}) = row({new}, excluded.computed_at) "
        "where ({old}) is distinct from ({new})"
    ).format(all=_names(columns), names=_names([*figures, "computed_at"]), old=old, new=new)


# Without defaults and keys: it is read front to back.
_STAGE = sql.SQL(
    "create temp table policies_staged on commit drop as "
    "select {}, null::float8 as change_factor_max from policies with no data"
)

# What changes in a figure that acts, why, and by how much. `kept`: the old policy stays in force.
_COMPARE: LiteralString = """
    create temp table policies_changed on commit drop as
    with changed as (
        select s.sku, s.location, s.change_factor_max,
            p.run_id as old_run_id, p.safety_stock as old_safety_stock,
            p.reorder_point as old_reorder_point, p.order_quantity as old_order_quantity,
            p.order_up_to as old_order_up_to,
            array_remove(array[
                case when p.run_id <> s.run_id
                        or ((p.lead_time_mean, p.review_mean) <> (s.lead_time_mean, s.review_mean)
                            and (p.lead_time_days, p.lead_time_sd_days, p.review_period_days)
                                = (s.lead_time_days, s.lead_time_sd_days, s.review_period_days))
                    then 'forecast' end,
                case when (p.lead_time_days, p.lead_time_sd_days, p.review_period_days)
                        <> (s.lead_time_days, s.lead_time_sd_days, s.review_period_days)
                    then 'lead time' end,
                case when (p.target_kind, p.service_level) <> (s.target_kind, s.service_level)
                    then 'target' end,
                case when p.demand_law <> s.demand_law then 'demand law' end,
                case when (p.unit_cost, p.order_cost, p.holding_cost)
                        is distinct from (s.unit_cost, s.order_cost, s.holding_cost)
                    then 'cost' end,
                case when (p.min_order_units, p.pack_units, p.max_units)
                        is distinct from (s.min_order_units, s.pack_units, s.max_units)
                    then 'packs' end
            ], null) as reasons,
            greatest(
                (s.reorder_point + %(grace)s) / (p.reorder_point + %(grace)s),
                (p.reorder_point + %(grace)s) / (s.reorder_point + %(grace)s),
                (s.order_up_to + %(grace)s) / (p.order_up_to + %(grace)s),
                (p.order_up_to + %(grace)s) / (s.order_up_to + %(grace)s)) as factor
        from policies_staged s join policies p using (sku, location)
        where (p.safety_stock, p.reorder_point, p.order_quantity, p.order_up_to)
            <> (s.safety_stock, s.reorder_point, s.order_quantity, s.order_up_to)
    )
    select c.*,
        not %(asked)s and c.factor > c.change_factor_max and not 'target' = any(c.reasons) as large,
        false as kept, false as refused
    from changed c
"""

_HOLD: LiteralString = """
    update policies_changed c set kept = true, refused = exists (
        select from policy_changes r, policies_staged s
        where r.sku = c.sku and r.location = c.location and r.state = 'refused'
            and s.sku = c.sku and s.location = c.location
            and r.change_id = (select max(change_id) from policy_changes x
                where x.sku = c.sku and x.location = c.location and x.state <> 'lapsed')
            and s.reorder_point <= r.new_reorder_point * c.change_factor_max
            and s.reorder_point * c.change_factor_max >= r.new_reorder_point
            and s.order_up_to <= r.new_order_up_to * c.change_factor_max
            and s.order_up_to * c.change_factor_max >= r.new_order_up_to)
    where large
"""

_WAIT: LiteralString = """
    insert into policy_changes (sku, location, at, reasons, old_run_id, new_run_id,
        old_safety_stock, old_reorder_point, old_order_quantity, old_order_up_to,
        new_safety_stock, new_reorder_point, new_order_quantity, new_order_up_to,
        factor, state, proposed)
    select c.sku, c.location, %(now)s, c.reasons, c.old_run_id, s.run_id,
        c.old_safety_stock, c.old_reorder_point, c.old_order_quantity, c.old_order_up_to,
        s.safety_stock, s.reorder_point, s.order_quantity, s.order_up_to,
        c.factor, 'held', to_jsonb(s)
    from policies_changed c join policies_staged s using (sku, location)
    where c.kept and not c.refused
    on conflict (sku, location) where state = 'held' do update set at = excluded.at,
        reasons = excluded.reasons, new_run_id = excluded.new_run_id,
        new_safety_stock = excluded.new_safety_stock,
        new_reorder_point = excluded.new_reorder_point,
        new_order_quantity = excluded.new_order_quantity,
        new_order_up_to = excluded.new_order_up_to, factor = excluded.factor,
        proposed = excluded.proposed
    where (policy_changes.proposed - 'computed_at')
        is distinct from (excluded.proposed - 'computed_at')
"""

_IN_FORCE_OF_KEPT = sql.SQL(
    "select {} from policies p join policies_changed c using (sku, location) where c.kept"
).format(sql.SQL(", ").join(sql.SQL("p.{}").format(sql.Identifier(c)) for c in POLICY_COLUMNS))

# A position that fits its bound again needs nobody any more.
_LAPSE: LiteralString = """
    update policy_changes h set state = 'lapsed', decision_reason = 'a later run asks for less'
    from policies_staged s
    where h.state = 'held' and h.sku = s.sku and h.location = s.location
"""

_RECORD: LiteralString = """
    insert into policy_changes (sku, location, at, reasons, old_run_id, new_run_id,
        old_safety_stock, old_reorder_point, old_order_quantity, old_order_up_to,
        new_safety_stock, new_reorder_point, new_order_quantity, new_order_up_to, factor)
    select c.sku, c.location, %(now)s, c.reasons, c.old_run_id, s.run_id,
        c.old_safety_stock, c.old_reorder_point, c.old_order_quantity, c.old_order_up_to,
        s.safety_stock, s.reorder_point, s.order_quantity, s.order_up_to, c.factor
    from policies_changed c join policies_staged s using (sku, location)
    where not c.kept
"""

_LISTED: LiteralString = """
    select * from policy_changes
    where (%(sku)s::text is null or sku = %(sku)s)
        and (%(location)s::text is null or location = %(location)s)
        and (%(state)s::text is null or state = %(state)s)
        and (%(before)s::bigint is null or change_id < %(before)s)
    order by change_id desc limit %(limit)s
"""

_ONE: LiteralString = "select * from policy_changes where change_id = %(change)s"

_APPROVE = sql.SQL("""
    with waiting as (
        select r.* from policy_changes h, jsonb_populate_record(null::policies, h.proposed) as r
        where h.change_id = %(change)s
    )
    insert into policies as p ({0}, computed_at) select {0}, %(now)s from waiting
    on conflict (sku, location) do update
    set ({0}, computed_at) = (select {0}, %(now)s from waiting)
""")
