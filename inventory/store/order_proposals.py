"""What planning proposes to buy: one draft per vendor, location and calendar, kept up to date.

Proposing is idempotent: the same plan twice changes nothing. A proposed line that planning no
longer wants goes away, a new one joins, a changed one changes. Firmed lines, and every order that
somebody accepted, are left alone; what somebody refused meanwhile is left out.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl
import psycopg
from psycopg.types.json import Jsonb

from inventory.store.bulk import copy_in
from inventory.store.order_calendars import date_plan
from inventory.store.order_worth import assess

PROPOSAL_LOCK = 5_119_203
"""Advisory lock: two planning runs at once would number the same order twice."""

PLAN_COLUMNS = (
    "vendor", "location", "sku", "quantity", "unit_cost", "explanation", "run_id", "expected_on",
    "currency",
)  # fmt: skip
"""Columns of a plan: quantity whole units, explanation JSON text, expected_on the date at which
that line would come, currency of the unit cost, one for all lines of a vendor (null: that of the
house); one row per SKU and location."""

ACTOR = "planning"


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a run changed; all zero when it changed nothing."""

    orders_created: int
    orders_withdrawn: int
    lines_added: int
    lines_changed: int
    lines_removed: int


@dataclass(slots=True)
class LineChanges:
    """Lines that a run added, changed and removed, counted by order."""

    added: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    removed: Counter[str] = field(default_factory=Counter)
    dates: dict[str, list[str]] = field(default_factory=dict)
    """The day on which an order was expected, and is now."""

    @property
    def orders(self) -> set[str]:
        return {*self.added, *self.changed, *self.removed, *self.dates}

    def of(self, order: str) -> dict[str, object]:
        """What happened to one order, for its history."""
        date = {"expected_on": self.dates[order]} if order in self.dates else {}
        return {
            "lines_added": self.added[order],
            "lines_changed": self.changed[order],
            "lines_removed": self.removed[order],
            **date,
        }


def propose(
    db: psycopg.Connection,
    plan: pl.DataFrame,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
) -> Proposed:
    """Make the proposed orders say what the plan says; columns `PLAN_COLUMNS`.

    What waiting for them, and for every other open order, would cost is worked out anew.

    With `skus`, only lines of those SKUs are compared with the plan.
    """
    changes = LineChanges()
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(%s)", [PROPOSAL_LOCK])
        # Whoever accepts one meanwhile waits, and accepts what it says then.
        db.execute(_HOLD_DRAFTS)
        _stage(db, plan, now)
        changes.removed = _remove_unwanted(db, skus)
        created = _create_orders(db, now)
        changes.added, changes.changed = _upsert_lines(db)
        changes.dates = _redate(db)
        _record_changes(db, sorted(changes.orders - created), changes, now)
        withdrawn = _withdraw_empty(db, now)
        _reprice(db, now)
        db.execute("drop table plan_staged")
        assess(db, now=now, skus=skus)
    return Proposed(
        orders_created=len(created),
        orders_withdrawn=withdrawn,
        lines_added=changes.added.total(),
        lines_changed=changes.changed.total(),
        lines_removed=changes.removed.total(),
    )


_HOLD_DRAFTS = """
    select from purchase_orders where state = 'proposed' order by purchase_order_id for update
"""


def _stage(db: psycopg.Connection, plan: pl.DataFrame, now: datetime) -> None:
    db.execute(
        "create temp table plan_staged (vendor text, location text, sku text, quantity bigint, "
        "unit_cost float8, explanation jsonb, run_id text, expected_on date, currency text, "
        "calendar text not null default '', order_on date) on commit drop"
    )
    copy_in(db, plan, table="plan_staged", columns=PLAN_COLUMNS)
    db.execute("update plan_staged set order_on = %s", [now.date()])
    # A line that a person fixed answers the trigger, in whichever draft it stands.
    db.execute(_LEAVE_FIRMED)
    db.execute(_LEAVE_REFUSED, [now])
    date_plan(db, today=now.date())


_LEAVE_FIRMED = """
    delete from plan_staged s using purchase_orders p join purchase_order_lines l
        using (purchase_order_id)
    where p.state = 'proposed' and l.firmed and l.sku = s.sku and p.location = s.location
"""


# What somebody refused while this was being planned: the plan did not know.
_LEAVE_REFUSED = """
    delete from plan_staged s using order_refusals r
    where r.sku = s.sku and r.location = s.location and r.ended_at is null and r.refused_at > %s
"""


def _remove_unwanted(db: psycopg.Connection, skus: Sequence[str] | None) -> Counter[str]:
    found = db.execute(
        "delete from purchase_order_lines l using purchase_orders p "
        "where p.purchase_order_id = l.purchase_order_id and p.state = 'proposed' "
        "and not l.firmed and (%(skus)s::text[] is null or l.sku = any(%(skus)s)) "
        "and not exists (select from plan_staged s where s.sku = l.sku "
        "and s.location = p.location and s.vendor = p.vendor and s.calendar = p.calendar) "
        "returning l.purchase_order_id",
        {"skus": None if skus is None else list(skus)},
    ).fetchall()
    return Counter(str(row[0]) for row in found)


def _create_orders(db: psycopg.Connection, now: datetime) -> set[str]:
    """A draft for each vendor, location and calendar that has none; returns the new ids."""
    day = f"PO-{now:%Y%m%d}-"
    given = {"day": day, "from": len(day) + 1, "now": now}
    found = db.execute(_CREATE, given).fetchall()
    created = {str(row[0]) for row in found}
    db.cursor().executemany(
        "insert into purchase_order_events (purchase_order_id, act, to_state, at, actor) "
        "values (%s, 'propose', 'proposed', %s, %s)",
        [(order, now, ACTOR) for order in sorted(created)],
    )
    return created


_CREATE = """
    with missing as (
        select vendor, location, calendar, max(expected_on) as expected_on,
            max(order_on) as order_on, max(currency) as currency
        from plan_staged s
        where not exists (select from purchase_orders p where p.state = 'proposed'
            and p.vendor = s.vendor and p.location = s.location and p.calendar = s.calendar)
        group by vendor, location, calendar
    ), latest as (
        select coalesce(max(substr(purchase_order_id, %(from)s)::int), 0) as number
        from purchase_orders where purchase_order_id ~ ('^' || %(day)s || '[0-9]+$')
    ), numbered as (
        select m.*, (number + row_number() over (order by vendor, location, calendar))::text as n
        from missing m, latest
    )
    insert into purchase_orders (purchase_order_id, vendor, location, calendar, state, created_at,
        updated_at, expected_on, order_on, currency)
    select %(day)s || lpad(n, greatest(4, length(n)), '0'), vendor, location, calendar,
        'proposed', %(now)s, %(now)s, expected_on, order_on, currency
    from numbered returning purchase_order_id
"""


def _upsert_lines(db: psycopg.Connection) -> tuple[Counter[str], Counter[str]]:
    """New and changed lines, counted by order; where quantity and price are the same, only the
    explanation is renewed.
    """
    changed = db.execute(
        "update purchase_order_lines l set quantity = s.quantity, unit_cost = s.unit_cost "
        "from plan_staged s, purchase_orders p where p.state = 'proposed' "
        "and p.purchase_order_id = l.purchase_order_id and p.vendor = s.vendor "
        "and p.location = s.location and p.calendar = s.calendar and l.sku = s.sku "
        "and not l.firmed "
        "and (l.quantity, l.unit_cost) <> (s.quantity, s.unit_cost) "
        "returning l.purchase_order_id"
    ).fetchall()
    db.execute(
        "update purchase_order_lines l set explanation = s.explanation, run_id = s.run_id "
        "from plan_staged s, purchase_orders p where p.state = 'proposed' "
        "and p.purchase_order_id = l.purchase_order_id and p.vendor = s.vendor "
        "and p.location = s.location and p.calendar = s.calendar and l.sku = s.sku "
        "and not l.firmed "
        "and (l.explanation, l.run_id) is distinct from (s.explanation, s.run_id)"
    )
    added = db.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, unit_cost, "
        "  explanation, run_id) "
        "select p.purchase_order_id, coalesce((select max(line_no) from purchase_order_lines x "
        "    where x.purchase_order_id = p.purchase_order_id), 0) "
        "  + row_number() over (partition by p.purchase_order_id order by s.sku), "
        "  s.sku, s.quantity, s.unit_cost, s.explanation, s.run_id "
        "from plan_staged s join purchase_orders p using (vendor, location, calendar) "
        "where p.state = 'proposed' and not exists (select from purchase_order_lines l "
        "  where l.purchase_order_id = p.purchase_order_id and l.sku = s.sku) "
        "returning purchase_order_id"
    ).fetchall()
    return Counter(str(row[0]) for row in added), Counter(str(row[0]) for row in changed)


def _record_changes(
    db: psycopg.Connection, orders: Sequence[str], changes: LineChanges, now: datetime
) -> None:
    db.cursor().executemany(
        "insert into purchase_order_events (purchase_order_id, act, from_state, to_state, at, "
        "actor, changes) values (%s, 'replan', 'proposed', 'proposed', %s, %s, %s)",
        [(order, now, ACTOR, Jsonb(changes.of(order))) for order in orders],
    )
    db.execute(
        "update purchase_orders set version = version + 1, updated_at = %s "
        "where purchase_order_id = any(%s)",
        [now, list(orders)],
    )


def _withdraw_empty(db: psycopg.Connection, now: datetime) -> int:
    """Proposed orders whose last line went away are cancelled, and say why."""
    return db.execute(
        "with withdrawn as ("
        "  update purchase_orders p set state = 'cancelled', updated_at = %(now)s, "
        "    version = version + 1 "
        "  where state = 'proposed' and not exists (select from purchase_order_lines l "
        "    where l.purchase_order_id = p.purchase_order_id) returning purchase_order_id"
        ") insert into purchase_order_events (purchase_order_id, act, from_state, to_state, at, "
        "  actor, reason) select purchase_order_id, 'cancel', 'proposed', 'cancelled', %(now)s, "
        "  %(actor)s, 'no line needs ordering any more' from withdrawn",
        {"now": now, "actor": ACTOR},
    ).rowcount


def _redate(db: psycopg.Connection) -> dict[str, list[str]]:
    """A proposal that waited a day would also come a day later, unless a person set its date.

    Returns by order the day on which it was expected, and is now, where that is another.
    """
    found = db.execute(_REDATE).fetchall()
    return {order: [str(was), str(now)] for order, was, now in found if was != now}


_REDATE = """
    update purchase_orders p set order_on = s.order_on, expected_on = s.expected_on
    from (
        select q.purchase_order_id, q.expected_on as was, max(s.order_on) as order_on,
            case when exists (
                select from purchase_order_events e where e.purchase_order_id = q.purchase_order_id
                    and e.act = 'edit' and e.changes ? 'expected_on'
            ) then q.expected_on else max(s.expected_on) end as expected_on
        from plan_staged s join purchase_orders q using (vendor, location, calendar)
        where q.state = 'proposed' group by 1, 2
    ) s
    where p.purchase_order_id = s.purchase_order_id
        and (p.expected_on, p.order_on) is distinct from (s.expected_on, s.order_on)
    returning p.purchase_order_id, s.was, p.expected_on
"""


def _reprice(db: psycopg.Connection, now: datetime) -> None:
    """A draft whose vendor changed its currency is in the new one, with all its lines."""
    db.execute(_REPRICE, {"now": now, "actor": ACTOR})


# Lines that planning made have their new price by then; those that a person fixed get theirs here.
_REPRICE = """
    with changed as (
        select distinct p.purchase_order_id, p.currency as old, s.currency as new
        from purchase_orders p join plan_staged s using (vendor, location, calendar)
        where p.state = 'proposed' and s.currency is distinct from p.currency
            and s.currency is not null
    ), priced as (
        update purchase_order_lines l set unit_cost = k.unit_cost from changed c, skus k
        where c.old is not null and l.purchase_order_id = c.purchase_order_id
            and l.firmed and k.sku = l.sku
    ), told as (
        insert into purchase_order_events (purchase_order_id, act, from_state, to_state, at, actor,
            changes)
        select purchase_order_id, 'replan', 'proposed', 'proposed', %(now)s, %(actor)s,
            jsonb_build_object('currency', jsonb_build_array(old, new))
        from changed where old is not null
    )
    update purchase_orders p set currency = c.new, updated_at = %(now)s,
        version = version + (c.old is not null)::int
    from changed c where c.purchase_order_id = p.purchase_order_id
"""
