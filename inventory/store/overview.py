"""Figures for a person who looks at the whole stock: each is one set-based statement.

Nothing here decides anything: rules of promising and ordering live elsewhere, this counts what
they left behind. Every function takes `now`, because holds end by the clock.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

import psycopg
from psycopg.rows import class_row

from inventory import health

NO_POLICY = "no_policy"
"""State of a position that has no reorder point to be judged by."""

STATES = (*health.HEALTH, NO_POLICY)
"""States of a position, the most urgent first."""

POSITIONS = f"""
with stock as (
    select sku, location, coalesce(sum(units) filter (where status = 'available'), 0) as on_hand
    from balances where sku = any(%(skus)s) or %(skus)s is null group by sku, location
), incoming as (
    select sku, location, sum(quantity) as units from inbound
    where state in ('confirmed', 'shipped') and (sku = any(%(skus)s) or %(skus)s is null)
    group by sku, location
), committed as (
    select sku, location, sum(open_units) as units from reservation_lines
    where open_units > 0 and location is not null and (expires_at is null or expires_at > %(now)s)
      and (sku = any(%(skus)s) or %(skus)s is null)
    group by sku, location
), policy as (
    select * from policies where sku = any(%(skus)s) or %(skus)s is null
), demand as (
    select sku, location,
        (select avg(units) from unnest(mean_units) as units) / period_days as per_day
    from current_forecasts join forecasts using (sku, location, run_id)
    join forecast_runs using (run_id)
    where sku = any(%(skus)s) or %(skus)s is null
), places as (
    select sku, location from stock union select sku, location from policy
), positions as (
    select sku, location,
        coalesce(stock.on_hand, 0)::bigint as on_hand_units,
        coalesce(incoming.units, 0)::bigint as inbound_units,
        coalesce(committed.units, 0)::bigint as committed_units,
        (coalesce(stock.on_hand, 0) - coalesce(committed.units, 0))::bigint as sellable_units,
        coalesce(demand.per_day, 0) as demand_per_day_units,
        policy.reorder_point, policy.safety_stock, policy.order_up_to
    from places
    left join stock using (sku, location)
    left join incoming using (sku, location)
    left join committed using (sku, location)
    left join policy using (sku, location)
    left join demand using (sku, location)
), judged as (
    select *, case
        when reorder_point is null then '{NO_POLICY}'
        when reorder_point > 0 and sellable_units <= 0 then '{health.OUT}'
        when reorder_point > 0 and sellable_units <= reorder_point then '{health.LOW}'
        when sellable_units > order_up_to + {health.OVER_COVER_DAYS} * demand_per_day_units
            then '{health.OVER}'
        else '{health.HEALTHY}' end as state
    from positions
)
"""  # noqa: S608 - only constants.
"""Every position with its state: the rule of `inventory.health.stock_health`, set-based."""


@dataclass(frozen=True, slots=True)
class StockTotals:
    """All stock: sellable units and what they cost, units that are set aside, and their spread."""

    available_units: int
    value_at_cost: float
    unsellable_units: int
    skus: int
    locations: int
    updated_at: datetime | None


def stock_totals(db: psycopg.Connection) -> StockTotals:
    """Units and value of everything on hand; units in transit are not on hand."""
    with db.cursor(row_factory=class_row(StockTotals)) as cursor:
        found = cursor.execute(
            """
            select coalesce(sum(units) filter (where status = 'available'), 0)::bigint
                    as available_units,
                coalesce(sum(units * unit_cost) filter (where status = 'available'), 0)::float
                    as value_at_cost,
                coalesce(sum(units) filter (
                    where status in ('inspection', 'frozen', 'defective')), 0)::bigint
                    as unsellable_units,
                count(distinct sku) as skus, count(distinct location) as locations,
                max(balances.updated_at) as updated_at
            from balances join skus using (sku)
            """
        ).fetchone()
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class HealthCount:
    """Positions in one state, with their sellable units and what those cost."""

    state: str
    positions: int
    units: int
    value_at_cost: float


def stock_health(db: psycopg.Connection, *, now: datetime) -> list[HealthCount]:
    """How many positions are in each state, in the order of `STATES`; empty states are absent."""
    with db.cursor(row_factory=class_row(HealthCount)) as cursor:
        cursor.execute(
            POSITIONS  # noqa: S608 - only constants.
            + """
            select state, count(*) as positions, sum(on_hand_units)::bigint as units,
                sum(on_hand_units * unit_cost)::float as value_at_cost
            from judged join skus using (sku) group by state
            """,
            {"now": now, "skus": None},
        )
        return sorted(cursor.fetchall(), key=lambda count: STATES.index(count.state))


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """One alert that nobody has resolved."""

    alert_id: int
    severity: str
    kind: str
    sku: str | None
    location: str | None
    message: str
    raised_at: datetime


def open_alerts(db: psycopg.Connection, *, now: datetime, limit: int) -> list[OpenAlert]:
    """Open alerts that nobody put off, the most severe first, then the newest."""
    with db.cursor(row_factory=class_row(OpenAlert)) as cursor:
        cursor.execute(
            "select alert_id, severity, split_part(kind, ':', 1) as kind, sku, location, message, "
            "raised_at "
            + _AWAKE
            + """
            order by array_position(array['critical', 'warning', 'info'], severity),
                raised_at desc, alert_id
            limit %(limit)s
            """,
            {"now": now, "limit": limit},
        )
        return cursor.fetchall()


def alert_counts(db: psycopg.Connection, *, now: datetime) -> dict[str, int]:
    """Open alerts that nobody put off, per severity; severities without any are absent."""
    rows = db.execute(
        "select severity, count(*) " + _AWAKE + " group by severity", {"now": now}
    ).fetchall()
    return dict(rows)


_AWAKE: LiteralString = """
    from alerts a where resolved_at is null and not exists (
        select from alert_snoozes z where z.kind = a.kind and z.until > %(now)s
            and z.sku is not distinct from a.sku and z.location is not distinct from a.location)
"""


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """One purchase order that a person must act on before it can be sent."""

    purchase_order_id: str
    vendor_name: str
    location: str
    state: str
    urgency: str | None
    stock_out_on: date | None
    lines: int
    units: int
    cost: float
    expected_on: date


def waiting_orders(db: psycopg.Connection, *, limit: int) -> list[WaitingOrder]:
    """Proposed and accepted purchase orders, what runs out soonest first, then what saves most."""
    with db.cursor(row_factory=class_row(WaitingOrder)) as cursor:
        cursor.execute(
            """
            select purchase_order_id, vendors.name as vendor_name, location, state,
                urgency, stock_out_on, count(*) as lines, sum(quantity)::bigint as units,
                sum(quantity * unit_cost)::float as cost, expected_on
            from purchase_orders join vendors using (vendor)
            join purchase_order_lines using (purchase_order_id)
            where state in ('proposed', 'accepted')
            group by purchase_order_id, vendors.name
            order by stock_out_on nulls last, revenue_protected desc nulls last, purchase_order_id
            limit %s
            """,
            [limit],
        )
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class OrderTotals:
    """Purchase orders that wait for a planner (proposed) or a buyer (accepted), and their cost."""

    proposed: int
    accepted: int
    units: int
    cost: float


def order_totals(db: psycopg.Connection) -> OrderTotals:
    """Counts and cost of all purchase orders that wait for a person."""
    with db.cursor(row_factory=class_row(OrderTotals)) as cursor:
        found = cursor.execute(
            """
            select count(distinct purchase_order_id) filter (where state = 'proposed') as proposed,
                count(distinct purchase_order_id) filter (where state = 'accepted') as accepted,
                coalesce(sum(quantity), 0)::bigint as units,
                coalesce(sum(quantity * unit_cost), 0)::float as cost
            from purchase_orders join purchase_order_lines using (purchase_order_id)
            where state in ('proposed', 'accepted')
            """
        ).fetchone()
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class RunInForce:
    """The forecast run that most series stand on, and how many stand on another."""

    run_id: str
    model_version: str
    mlflow_run_id: str | None
    first_day: date
    period_days: int
    horizon: int
    made_at: datetime
    note: str
    series_in_force: int
    series_on_other_runs: int


def run_in_force(db: psycopg.Connection) -> RunInForce | None:
    """The run that most series stand on; None before the first forecast."""
    with db.cursor(row_factory=class_row(RunInForce)) as cursor:
        return cursor.execute(
            """
            with counted as (
                select run_id, count(*) as series, sum(count(*)) over () as everything
                from current_forecasts group by run_id
            )
            select run_id, model_version, mlflow_run_id, first_day, period_days, horizon, made_at,
                note, counted.series as series_in_force,
                (everything - counted.series)::bigint as series_on_other_runs
            from counted join forecast_runs using (run_id)
            order by counted.series desc, made_at desc limit 1
            """
        ).fetchone()


@dataclass(frozen=True, slots=True)
class PromiseTotals:
    """Demand that is promised and not yet shipped, in units, and the orders behind it."""

    soft_units: int
    hard_units: int
    peg_units: int
    reservations: int
    due_7_days_units: int
    overdue_units: int


def promise_totals(db: psycopg.Connection, *, now: datetime) -> PromiseTotals:
    """Live promises by class. Due and overdue compare the promised date with today in UTC."""
    with db.cursor(row_factory=class_row(PromiseTotals)) as cursor:
        found = cursor.execute(
            """
            select coalesce(sum(open_units) filter (where class = 'soft'), 0)::bigint as soft_units,
                coalesce(sum(open_units) filter (where class = 'hard'), 0)::bigint as hard_units,
                coalesce(sum(open_units) filter (where class = 'peg'), 0)::bigint as peg_units,
                count(distinct reservation_id) as reservations,
                coalesce(sum(open_units) filter (
                    where promised_date >= %(today)s and promised_date < %(today)s + 7), 0)::bigint
                    as due_7_days_units,
                coalesce(sum(open_units) filter (
                    where promised_date < %(today)s), 0)::bigint as overdue_units
            from reservation_lines
            where open_units > 0 and (expires_at is null or expires_at > %(now)s)
            """,
            {"now": now, "today": now.date()},
        ).fetchone()
    assert found is not None
    return found


@dataclass(frozen=True, slots=True)
class FoundSku:
    """One hit of the search."""

    sku: str
    name: str
    category: str


def find_skus(db: psycopg.Connection, text: str, *, limit: int) -> list[FoundSku]:
    """SKUs whose id, name, category or brand contains every word of `text`, ids first."""
    words = [f"%{like_escaped(word)}%" for word in text.split()]
    with db.cursor(row_factory=class_row(FoundSku)) as cursor:
        cursor.execute(
            """
            select sku, name, category from skus
            where concat_ws(' ', sku, name, category, brand) ilike all(%(words)s)
            order by lower(sku) = lower(%(text)s) desc, sku ilike %(start)s desc, sku
            limit %(limit)s
            """,
            {
                "words": words,
                "text": text.strip(),
                "start": f"{like_escaped(text.strip())}%",
                "limit": limit,
            },
        )
        return cursor.fetchall()


def like_escaped(text: str) -> str:
    r"""`text` as it stands, for use inside a LIKE pattern.

    >>> print(like_escaped("50%_off"))
    50\%\_off
    """
    return text.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_")
