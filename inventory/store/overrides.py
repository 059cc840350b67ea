"""Overrides in PostgreSQL: stated, withdrawn, listed, and those in force at a moment.

Each is a fact that stays: withdrawing one adds another fact. So what planners had stated at any
moment in the past can be read, and measured against what was sold.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound, StateConflict, UnknownLocation, UnknownSku
from inventory.overrides import NOTE_CHARS_MAX, Attributes, Override, Scope

ZONES = timedelta(hours=12)
"""While it is still that day somewhere, the day is not over."""

DAYS_AHEAD_MAX = 731
"""Two years past the forecast: a later day is more often a slip in the year than a plan, and all
days up to the last one are worked out, of every series that any override touches."""

SCOPE_NAMES = ("sku", "location", "category", "vendor", "group")

_COLUMNS: LiteralString = """
    o.override_id, o.sku, o.location, o.category, o.vendor, o.group_id, o.first_day, o.last_day,
    o.quantity, o.quantity_basis, o.factor, o.reason, o.note, o.created_by, o.created_at,
    o.expires_at, w.withdrawn_at, w.withdrawn_by, w.reason as withdrawn_because
"""

_IN_FORCE: LiteralString = """
    o.created_at <= %(at)s
    and (o.expires_at is null or o.expires_at > %(at)s)
    and (w.withdrawn_at is null or w.withdrawn_at > %(at)s)
"""

_NOTHING_FORECAST = (
    "an override needs one to change: `vouch daily` forecasts what has sales on record"
)

_SCOPE: LiteralString = """
    o.sku is not distinct from %(sku)s and o.location is not distinct from %(location)s
    and o.category is not distinct from %(category)s and o.vendor is not distinct from %(vendor)s
    and o.group_id is not distinct from %(group)s
"""


@dataclass(frozen=True, slots=True)
class OverrideFilter:
    """Which overrides a list shows: those whose scope names these, where given.

    active : only those in force, or only those that are not; None shows both.
    """

    sku: str | None = None
    location: str | None = None
    category: str | None = None
    vendor: str | None = None
    group: str | None = None
    active: bool | None = None


def add(db: psycopg.Connection, override: Override) -> Override:
    """Store an override that was not stored yet; returns it with its id.

    Raises `UnknownSku`, `UnknownLocation` or `InputRejected` for a scope that names what there is
    not, and `NotFound` for one in which no series has a forecast to override; `InputRejected` also
    where the days are over, today and in the forecast, or years ahead.
    """
    check_scope(db, override.scope)
    _check_days(db, override)
    row = db.execute(
        """
        insert into forecast_overrides (sku, location, category, vendor, group_id, first_day,
            last_day, quantity, quantity_basis, factor, reason, note, created_by, created_at,
            expires_at)
        values (%(sku)s, %(location)s, %(category)s, %(vendor)s, %(group)s, %(first_day)s,
            %(last_day)s, %(quantity)s, %(quantity_basis)s, %(factor)s, %(reason)s, %(note)s,
            %(created_by)s, %(created_at)s, %(expires_at)s)
        returning override_id
        """,
        _values(override),
    ).fetchone()
    assert row is not None
    return replace(override, override_id=row[0])


def stated_already(db: psycopg.Connection, override: Override) -> int | None:
    """The id of an override in force that says the same, for whoever must not say it twice."""
    row = db.execute(
        f"""
        select o.override_id from forecast_overrides o
        left join forecast_override_withdrawals w using (override_id)
        where {_IN_FORCE} and {_SCOPE}
            and o.first_day = %(first_day)s and o.last_day = %(last_day)s
            and o.quantity is not distinct from %(quantity)s
            and o.quantity_basis = %(quantity_basis)s
            and o.factor is not distinct from %(factor)s and o.reason = %(reason)s
        order by o.override_id limit 1
        """,  # noqa: S608 - constants of this file.
        _values(override) | {"at": override.created_at},
    ).fetchone()
    return None if row is None else int(row[0])


def withdraw(
    db: psycopg.Connection, override_id: int, *, reason: str, actor: str, now: datetime
) -> Override:
    """Take an override back; from `now` on it does not act. Returns it as it stands then."""
    if not reason.strip():
        raise InputRejected("say why it no longer holds", field="reason")
    if len(reason) > NOTE_CHARS_MAX:
        raise InputRejected(
            f"has {len(reason)} characters, {NOTE_CHARS_MAX} at most; shorten it", field="reason"
        )
    done = db.execute(
        """
        insert into forecast_override_withdrawals (override_id, withdrawn_at, withdrawn_by, reason)
        select override_id, %s, %s, %s from forecast_overrides where override_id = %s
        on conflict (override_id) do nothing
        """,
        [now, actor, reason, override_id],
    )
    found = get(db, override_id, at=now)
    if done.rowcount == 0:
        raise StateConflict("override", str(override_id), state="withdrawn", act="withdraw")
    return _override(found)


def get(db: psycopg.Connection, override_id: int, *, at: datetime) -> dict[str, Any]:
    """One override with who withdrew it, when and why, or `NotFound`; `active` as of a moment."""
    found = _rows(db, "o.override_id = %(id)s", {"id": override_id})
    if not found:
        raise NotFound("override", str(override_id))
    return found[0] | {"active": _override(found[0]).in_force(at)}


def page(
    db: psycopg.Connection,
    wanted: OverrideFilter,
    *,
    at: datetime,
    before: int | None = None,
    limit: int,
) -> list[dict[str, Any]]:
    """Overrides, the latest first, each with `active`: whether it is in force at that moment."""
    conditions: LiteralString = f"""
        (%(before)s::bigint is null or o.override_id < %(before)s)
        and (%(sku)s::text is null or o.sku = %(sku)s)
        and (%(location)s::text is null or o.location = %(location)s)
        and (%(category)s::text is null or o.category = %(category)s)
        and (%(vendor)s::text is null or o.vendor = %(vendor)s)
        and (%(group)s::text is null or o.group_id = %(group)s)
        and (%(active)s::bool is null or ({_IN_FORCE}) = %(active)s)
        order by o.override_id desc limit %(limit)s
    """
    parameters = {name: getattr(wanted, name) for name in OverrideFilter.__slots__}
    found = _rows(db, conditions, parameters | {"at": at, "before": before, "limit": limit})
    return [row | {"active": _override(row).in_force(at)} for row in found]


def read_overrides(
    db: psycopg.Connection,
    *,
    at: datetime | None = None,
    since: date | None = None,
    skus: Sequence[str] | None = None,
) -> list[Override]:
    """Overrides in force at a moment, or all there ever were, oldest first.

    since : leave out those whose days are over by then.
    skus : leave out those that name another SKU.
    """
    conditions: LiteralString = f"""
        (%(at)s::timestamptz is null or {_IN_FORCE})
        and (%(since)s::date is null or o.last_day >= %(since)s)
        and (%(skus)s::text[] is null or o.sku is null or o.sku = any (%(skus)s))
        order by o.override_id
    """
    listed = None if skus is None else list(skus)
    found = _rows(db, conditions, {"at": at, "since": since, "skus": listed})
    return [_override(row) for row in found]


def read_acting(
    db: psycopg.Connection,
    *,
    now: datetime,
    since: date | None = None,
    skus: Sequence[str] | None = None,
) -> list[Override]:
    """Overrides that act on whatever is planned now, oldest first; `since`, `skus` as above.

    Who plans as of an earlier morning, from files that end there, has those stated later too: they
    are about those days, and nobody could have stated them sooner.
    """
    conditions: LiteralString = """
        w.withdrawn_at is null and (o.expires_at is null or o.expires_at > %(now)s)
        and (%(since)s::date is null or o.last_day >= %(since)s)
        and (%(skus)s::text[] is null or o.sku is null or o.sku = any (%(skus)s))
        order by o.override_id
    """
    listed = None if skus is None else list(skus)
    found = _rows(db, conditions, {"now": now, "since": since, "skus": listed})
    return [_override(row) for row in found]


def acting_beside(
    db: psycopg.Connection,
    override: Override,
    keys: Collection[tuple[str, str]],
    *,
    now: datetime,
) -> list[int]:
    """Ids of others that act on some of its series `keys` and days too: both then hold."""
    acting = read_acting(db, now=now, since=override.first_day, skus=sorted({k for k, _ in keys}))
    return [
        other.override_id
        for other in acting
        if other.override_id != override.override_id
        and other.first_day <= override.last_day
        and not set(keys).isdisjoint(series_in(db, other.scope))
    ]


def read_expired(db: psycopg.Connection, *, now: datetime) -> list[Override]:
    """Overrides that expired while some of their days were to come, and were not noted since."""
    conditions: LiteralString = """
        o.expires_at <= %(now)s and o.last_day >= %(today)s and w.withdrawn_at is null
        and not exists (
            select from forecast_override_expiries e where e.override_id = o.override_id)
        order by o.override_id
    """
    found = _rows(db, conditions, {"now": now, "today": (now - ZONES).date()})
    return [_override(row) for row in found]


def note_expired(db: psycopg.Connection, overrides: Sequence[Override], *, now: datetime) -> None:
    """What these overrides had moved was planned again without them."""
    db.execute(
        "insert into forecast_override_expiries (override_id, replanned_at) "
        "select id, %s from unnest(%s::bigint[]) as id on conflict do nothing",
        [now, [override.override_id for override in overrides]],
    )


def read_attributes(db: psycopg.Connection, *, skus: Sequence[str] | None = None) -> Attributes:
    """What scopes may name: category and vendor by SKU, groups by location."""
    listed = None if skus is None else list(skus)
    items = db.execute(
        "select sku, category, vendor from skus where %s::text[] is null or sku = any (%s)",
        [listed, listed],
    ).fetchall()
    members: dict[str, set[str]] = {}
    for location, group_id in db.execute("select location, group_id from group_members"):
        members.setdefault(location, set()).add(group_id)
    return Attributes(
        category={sku: category for sku, category, _ in items if category},
        vendor={sku: vendor for sku, _, vendor in items if vendor},
        groups={location: frozenset(group_ids) for location, group_ids in members.items()},
    )


def series_in(db: psycopg.Connection, scope: Scope) -> list[tuple[str, str]]:
    """The series of a scope that have a forecast in force, in order."""
    return db.execute(
        f"select c.sku, c.location {_SERIES} order by 1, 2",
        _scope_values(scope),
    ).fetchall()


_SERIES: LiteralString = """
    from current_forecasts c left join skus s on s.sku = c.sku
    where (%(sku)s::text is null or c.sku = %(sku)s)
        and (%(location)s::text is null or c.location = %(location)s)
        and (%(category)s::text is null or s.category = %(category)s)
        and (%(vendor)s::text is null or s.vendor = %(vendor)s)
        and (%(group)s::text is null or c.location in (
            select location from group_members where group_id = %(group)s))
"""


def check_scope(db: psycopg.Connection, scope: Scope) -> None:
    """Refuse names that nothing has, and a scope without a forecast."""
    row = db.execute(
        """
        select exists (select from skus where sku = %(sku)s),
            exists (select from locations where location = %(location)s),
            exists (select from skus where category = %(category)s and category <> ''),
            exists (select from vendors where vendor = %(vendor)s),
            exists (select from groups where group_id = %(group)s)
        """,
        _scope_values(scope),
    ).fetchone()
    assert row is not None
    known = dict(zip(SCOPE_NAMES, row, strict=True))
    for name, value in scope.named.items():
        if not known[name]:
            raise _unknown(name, value)
    found = db.execute(f"select exists (select {_SERIES})", _scope_values(scope)).fetchone()
    if found != (True,):
        where = f"{scope.sku} at {scope.location}" if scope.sku and scope.location else str(scope)
        raise NotFound("forecast", where, remedy=_NOTHING_FORECAST)


def _check_days(db: psycopg.Connection, override: Override) -> None:
    """Refuse days before the forecast or over everywhere, and those that nobody plans yet."""
    row = db.execute(
        "select min(r.first_day), max(r.first_day + r.horizon * r.period_days - 1) "  # noqa: S608
        f"from forecast_runs r where r.run_id in (select c.run_id {_SERIES})",
        _scope_values(override.scope),
    ).fetchone()
    assert row is not None
    if override.last_day < min(row[0], (override.created_at - ZONES).date()):
        raise InputRejected(
            f"{override.last_day} is over; an override can only change what is still to come",
            field="to",
        )
    latest = max(row[1], override.created_at.date()) + timedelta(days=DAYS_AHEAD_MAX)
    if override.last_day > latest:
        raise InputRejected(
            f"{override.last_day} is too far ahead; give a day up to {latest}", field="to"
        )


def _unknown(name: str, value: str) -> InputRejected:
    match name:
        case "sku":
            return UnknownSku(value)
        case "location":
            return UnknownLocation(value)
        case "category":
            return InputRejected(f"no SKU is of category '{value}'", field="category")
    home = f"{name}s"
    return InputRejected(
        f"'{value}' is not in the catalogue; add it with PUT /api/v2/{home}/{value} first",
        field=name,
    )


def _rows(
    db: psycopg.Connection, conditions: LiteralString, parameters: dict[str, object]
) -> list[dict[str, Any]]:
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            f"select {_COLUMNS} from forecast_overrides o "  # noqa: S608 - constants of this file.
            f"left join forecast_override_withdrawals w using (override_id) where {conditions}",
            parameters,
        ).fetchall()


def _scope_values(scope: Scope) -> dict[str, object]:
    return {name: getattr(scope, name) for name in SCOPE_NAMES}


def _values(override: Override) -> dict[str, object]:
    names = ("first_day", "last_day", "quantity", "quantity_basis", "factor", "reason", "note",
             "created_by", "created_at", "expires_at")  # fmt: skip
    return _scope_values(override.scope) | {name: getattr(override, name) for name in names}


def _override(row: dict[str, Any]) -> Override:
    return Override(
        override_id=row["override_id"],
        scope=Scope(row["sku"], row["location"], row["category"], row["vendor"], row["group_id"]),
        first_day=row["first_day"],
        last_day=row["last_day"],
        reason=row["reason"],
        created_by=row["created_by"],
        created_at=row["created_at"],
        quantity=row["quantity"],
        quantity_basis=row["quantity_basis"],
        factor=row["factor"],
        note=row["note"],
        expires_at=row["expires_at"],
        withdrawn_at=row["withdrawn_at"],
    )
