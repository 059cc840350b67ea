"""Transfers that are proposed: by planning, one per way and kept up to date, or by a person.

Proposing is idempotent: the same plan twice changes nothing. A line that planning no longer wants
goes away, a new one joins. Firmed lines, and every transfer that somebody accepted, stay.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from inventory.calendar import zone
from inventory.catalog import Location
from inventory.errors import InputRejected
from inventory.store import catalog, transfer_lanes
from inventory.store.bulk import copy_in
from inventory.store.transfer_history import record
from inventory.store.transfers import Transfer, check_role, get_transfer
from inventory.transfers import LINES_MAX, Lane

PROPOSAL_LOCK = 5_119_205
"""Advisory lock: two that propose at once would number two transfers alike."""

PLAN_COLUMNS = (
    "origin", "destination", "sku", "quantity", "keep_units", "reason", "saving", "explanation",
    "expected_on",
)  # fmt: skip
"""Columns of a plan: whole units, money saved, explanation as JSON text, the day of arrival; one
row per origin, destination and SKU."""

ACTOR = "planning"


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a run changed; all zero when it changed nothing."""

    transfers_created: int
    transfers_withdrawn: int
    lines_added: int
    lines_changed: int
    lines_removed: int


def propose(
    db: psycopg.Connection, plan: pl.DataFrame, *, now: datetime, skus: Sequence[str] | None = None
) -> Proposed:
    """Make the proposals of planning say what the plan says; columns `PLAN_COLUMNS`.

    With `skus`, only lines of those SKUs are compared with the plan.
    """
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(%s)", [PROPOSAL_LOCK])
        db.execute(_STAGE)
        copy_in(db, plan, table="transfers_staged", columns=PLAN_COLUMNS)
        removed = _counted(db, _REMOVE, {"skus": None if skus is None else list(skus)})
        created = {
            str(row[0])
            for row in db.execute(_CREATE, {"day": f"TR-{now:%Y%m%d}-", "now": now}).fetchall()
        }
        changed, added = _counted(db, _CHANGE), _counted(db, _ADD)
        db.execute(_RENEW)
        _tell(db, created, added=added, changed=changed, removed=removed, now=now)
        withdrawn = _withdraw(db, now)
        db.execute(_REDATE)
        db.execute("drop table transfers_staged")
    return Proposed(
        transfers_created=len(created),
        transfers_withdrawn=withdrawn,
        lines_added=added.total(),
        lines_changed=changed.total(),
        lines_removed=removed.total(),
    )


def propose_by_hand(
    db: psycopg.Connection,
    *,
    origin: str,
    destination: str,
    lines: Sequence[Mapping[str, Any]],
    actor: str,
    role: str,
    now: datetime,
    reason: str | None = None,
) -> Transfer:
    """A transfer that a person wants: lines [{"sku", "quantity", "keep_units"?}], each SKU once.

    `keep_units`: what approval leaves the origin; by default its reorder point, and nothing where
    it is the hub of the destination: what it has is for its places. Raises `NotFound` where there
    is no lane, `UnknownSku`, `InputRejected`.
    """
    check_role("propose", role)
    if not lines or len(lines) > LINES_MAX:
        raise InputRejected(f"give 1 to {LINES_MAX} lines", field="lines")
    if len({line["sku"] for line in lines}) < len(lines):
        raise InputRejected("name each SKU once", field="lines")
    with db.transaction():
        db.execute("select pg_advisory_xact_lock(%s)", [PROPOSAL_LOCK])
        for line in lines:
            for place in (origin, destination):
                catalog.check_position(db, sku=line["sku"], location=place)
        lane = transfer_lanes.between(db, origin=origin, destination=destination)
        place_ = catalog.get(db, Location, destination)
        arrival = lane.arrival(now.astimezone(zone(place_.timezone)).date())
        row = db.execute(
            _CREATE_ONE,
            {"day": f"TR-{now:%Y%m%d}-", "now": now, "origin": origin, "destination": destination,
             "expected_on": arrival},
        ).fetchone()  # fmt: skip
        assert row is not None
        transfer_id = str(row[0])
        _add_by_hand(db, transfer_id, lines, lane=lane)
        made = {"id": transfer_id, "origin": origin, "destination": destination, "state": None,
                "version": 1}  # fmt: skip
        record(db, made, act="propose", to_state="proposed", actor=actor, now=now, reason=reason,
               changes={})  # fmt: skip
    return get_transfer(db, transfer_id)


def _add_by_hand(
    db: psycopg.Connection,
    transfer_id: str,
    lines: Sequence[Mapping[str, Any]],
    *,
    lane: Lane,
) -> None:
    """What such a line saves, its author knows; what it costs is known."""
    rows = []
    for number, line in enumerate(lines, start=1):
        cost = -lane.cost_per_unit * line["quantity"]
        terms = [{"term": "freight and handling", "money": cost, "source": "lane"}]
        rows.append((
            transfer_id, number, line["sku"], line["quantity"], line.get("keep_units"), line["sku"],
            lane.origin, lane.destination, cost, Jsonb({"terms": terms}),
        ))  # fmt: skip
    db.cursor().executemany(
        "insert into transfer_lines (transfer_id, line_no, sku, quantity, keep_units, reason, "
        "saving, explanation, firmed) values (%s, %s, %s, %s, coalesce(%s, (select "
        "ceil(p.reorder_point) from policies p where p.sku = %s and p.location = %s and not exists "
        "(select from supply_lanes h where h.hub = p.location and h.location = %s)), 0), "
        "'by_hand', %s, %s, true)",
        rows,
    )


def _counted(
    db: psycopg.Connection, statement: str, given: Mapping[str, object] | None = None
) -> Counter[str]:
    found = db.execute(statement, given).fetchall()
    return Counter(str(row[0]) for row in found)


def _tell(
    db: psycopg.Connection,
    created: set[str],
    *,
    added: Counter[str],
    changed: Counter[str],
    removed: Counter[str],
    now: datetime,
) -> None:
    """The history of every proposal that is new or changed."""
    touched = sorted(created | {*added, *changed, *removed})
    with db.cursor(row_factory=dict_row) as rows:
        found = rows.execute(
            "select transfer_id as id, origin, destination, state, version from transfers "
            "where transfer_id = any(%s) order by transfer_id for update",
            [touched],
        ).fetchall()
    for transfer in found:
        new = transfer["id"] in created
        counts = {"lines_added": added, "lines_changed": changed, "lines_removed": removed}
        record(
            db,
            {**transfer, "state": None if new else transfer["state"]},
            act="propose" if new else "replan",
            to_state="proposed",
            actor=ACTOR,
            now=now,
            reason=None,
            changes={} if new else {name: n[transfer["id"]] for name, n in counts.items()},
        )


def _withdraw(db: psycopg.Connection, now: datetime) -> int:
    """Proposals whose last line went away are cancelled, and say why."""
    with db.cursor(row_factory=dict_row) as rows:
        empty = rows.execute(
            "select transfer_id as id, origin, destination, state, version from transfers t "
            "where state = 'proposed' and planned and not exists (select from transfer_lines l "
            "where l.transfer_id = t.transfer_id) order by transfer_id for update"
        ).fetchall()
    for transfer in empty:
        record(db, transfer, act="cancel", to_state="cancelled", actor=ACTOR, now=now,
               reason="no line is worth moving any more", changes={})  # fmt: skip
    return len(empty)


_STAGE = """
create temp table transfers_staged (origin text, destination text, sku text, quantity bigint,
    keep_units bigint, reason text, saving float8, explanation jsonb, expected_on date)
    on commit drop
"""

_REMOVE = """
delete from transfer_lines l using transfers t
where t.transfer_id = l.transfer_id and t.state = 'proposed' and t.planned and not l.firmed
    and (%(skus)s::text[] is null or l.sku = any(%(skus)s))
    and not exists (select from transfers_staged s where s.sku = l.sku and s.origin = t.origin
        and s.destination = t.destination)
returning l.transfer_id
"""

_NUMBER = """
select coalesce(max(substr(transfer_id, length(%(day)s) + 1)::int), 0) as number
from transfers where transfer_id ~ ('^' || %(day)s || '[0-9]+$')
"""

_CREATE = f"""
with missing as (
    select origin, destination, max(expected_on) as expected_on,
        row_number() over (order by origin, destination) as place
    from transfers_staged s
    where not exists (select from transfers t where t.state = 'proposed' and t.planned
        and t.origin = s.origin and t.destination = s.destination)
    group by origin, destination
), latest as ({_NUMBER})
insert into transfers (transfer_id, origin, destination, state, planned, created_at, updated_at,
    expected_on)
select %(day)s || lpad((number + place)::text, greatest(4, length((number + place)::text)), '0'),
    origin, destination, 'proposed', true,
    %(now)s, %(now)s, expected_on
from missing, latest returning transfer_id
"""  # noqa: S608 - our own text.

_CREATE_ONE = f"""
insert into transfers (transfer_id, origin, destination, state, planned, created_at, updated_at,
    expected_on)
select %(day)s || lpad((number + 1)::text, greatest(4, length((number + 1)::text)), '0'),
    %(origin)s, %(destination)s, 'proposed', false, %(now)s, %(now)s, %(expected_on)s
from ({_NUMBER}) n returning transfer_id
"""  # noqa: S608

_OURS = """
from transfers_staged s, transfers t
where t.state = 'proposed' and t.planned and t.transfer_id = l.transfer_id
    and t.origin = s.origin and t.destination = s.destination and l.sku = s.sku and not l.firmed
"""

_CHANGE = f"""
update transfer_lines l set quantity = s.quantity {_OURS} and l.quantity <> s.quantity
returning l.transfer_id
"""  # noqa: S608

_RENEW = f"""
update transfer_lines l set keep_units = s.keep_units, reason = s.reason, saving = s.saving,
    explanation = s.explanation {_OURS}
    and (l.keep_units, l.reason, l.saving, l.explanation)
        is distinct from (s.keep_units, s.reason, s.saving, s.explanation)
"""  # noqa: S608

_ADD = """
insert into transfer_lines (transfer_id, line_no, sku, quantity, keep_units, reason, saving,
    explanation)
select t.transfer_id, coalesce((select max(line_no) from transfer_lines x
        where x.transfer_id = t.transfer_id), 0)
    + row_number() over (partition by t.transfer_id order by s.sku),
    s.sku, s.quantity, s.keep_units, s.reason, s.saving, s.explanation
from transfers_staged s join transfers t using (origin, destination)
where t.state = 'proposed' and t.planned and not exists (select from transfer_lines l
    where l.transfer_id = t.transfer_id and l.sku = s.sku)
returning transfer_id
"""

_REDATE = """
update transfers t set expected_on = s.expected_on
from (select origin, destination, max(expected_on) as expected_on from transfers_staged
    group by 1, 2) s
where t.state = 'proposed' and t.planned and t.origin = s.origin
    and t.destination = s.destination and t.expected_on <> s.expected_on
"""
