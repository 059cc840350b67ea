"""One SKU as a planner sees it: where it is, what moves, what is ordered, what is forecast."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

import psycopg
from psycopg.rows import class_row, dict_row

from inventory.store.overview import POSITIONS


@dataclass(frozen=True, slots=True)
class PositionState:
    """One (SKU, location) as a planner sees it, in units; policy figures are absent without one."""

    sku: str
    location: str
    location_name: str
    location_type: str
    on_hand_units: int
    inbound_units: int
    committed_units: int
    reorder_point: float | None
    safety_stock: float | None
    state: str


def sku_positions(db: psycopg.Connection, sku: str, *, now: datetime) -> list[PositionState]:
    """Every location that holds the SKU or has a policy for it, warehouses first."""
    with db.cursor(row_factory=class_row(PositionState)) as cursor:
        cursor.execute(
            POSITIONS  # noqa: S608 - only constants.
            + """
            select sku, location, name as location_name, type as location_type, on_hand_units,
                inbound_units, committed_units, reorder_point, safety_stock, state
            from judged join locations using (location)
            order by array_position(array['warehouse', 'hub', 'store', 'vendor'], type), location
            """,
            {"now": now, "skus": [sku]},
        )
        return cursor.fetchall()


def channels(db: psycopg.Connection) -> list[str]:
    """Every channel, by id."""
    return [channel for (channel,) in db.execute("select channel from channels order by 1")]


def methods(db: psycopg.Connection, location: str) -> list[str]:
    """The ways in which orders leave a location."""
    found = db.execute("select methods from locations where location = %s", [location]).fetchone()
    return list(found[0]) if found else []


def sku_details(db: psycopg.Connection, sku: str) -> dict[str, object] | None:
    """The catalogue's row of one SKU, with its vendor's name and lead time in days."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            """
            select skus.*, vendors.name as vendor_name, vendors.lead_time_days
            from skus left join vendors using (vendor) where sku = %s
            """,
            [sku],
        ).fetchone()


@dataclass(frozen=True, slots=True)
class SkuSummary:
    """One SKU over all its locations; `out_of_stock` and `low` count locations."""

    sku: str
    name: str
    category: str
    vendor_name: str | None
    positions: int
    on_hand_units: int
    value_at_cost: float
    out_of_stock: int
    low: int


def sku_summaries(
    db: psycopg.Connection, *, now: datetime, limit: int
) -> tuple[list[SkuSummary], int]:
    """SKUs with most locations out of stock or low first, and how many SKUs there are."""
    with db.cursor(row_factory=class_row(SkuSummary)) as cursor:
        cursor.execute(
            POSITIONS  # noqa: S608 - only constants.
            + """
            select skus.sku, skus.name, skus.category, vendors.name as vendor_name,
                count(judged.sku) as positions,
                coalesce(sum(on_hand_units), 0)::bigint as on_hand_units,
                (coalesce(sum(on_hand_units), 0) * unit_cost)::float as value_at_cost,
                count(*) filter (where state = 'out') as out_of_stock,
                count(*) filter (where state = 'low') as low
            from skus left join judged using (sku) left join vendors using (vendor)
            group by skus.sku, vendors.name
            order by out_of_stock desc, low desc, sku limit %(limit)s
            """,
            {"now": now, "skus": None, "limit": limit},
        )
        shown = cursor.fetchall()
    found = db.execute("select count(*) from skus").fetchone()
    assert found is not None
    return shown, found[0]


def busiest_location(db: psycopg.Connection, sku: str, *, since: date) -> str | None:
    """Where most units sold from `since` on: the place to look at first."""
    found = db.execute(
        """
        select location from sales_days where sku = %s and day >= %s and units is not null
        group by location order by sum(units) desc, location limit 1
        """,
        [sku, since],
    ).fetchone()
    return found[0] if found else None


@dataclass(frozen=True, slots=True)
class Flows:
    """What is certain to move at a position, in units per local day."""

    inbound_units: Mapping[date, int]
    committed_units: Mapping[date, int]


def flows(db: psycopg.Connection, sku: str, location: str, *, today: date, now: datetime) -> Flows:
    """Dated supply and live commitments from `today`, the location's day, on.

    Supply that is overdue counts nothing until it gets a new date; demand that is overdue is due
    today.
    """
    inbound = db.execute(
        """
        select (expected_at at time zone timezone)::date + put_away_lag_days as day,
            sum(quantity)::bigint
        from inbound join locations using (location)
        where sku = %s and location = %s and state in ('confirmed', 'shipped')
            and (expected_at at time zone timezone)::date >= %s
        group by 1
        """,
        [sku, location, today],
    ).fetchall()
    committed = db.execute(
        """
        select greatest(promised_date, %s) as day, sum(open_units)::bigint
        from reservation_lines
        where sku = %s and location = %s and open_units > 0
            and (expires_at is null or expires_at > %s)
        group by 1
        """,
        [today, sku, location, now],
    ).fetchall()
    return Flows(dict(inbound), dict(committed))


def local_day(db: psycopg.Connection, location: str, *, now: datetime) -> date:
    """The day it is at the location."""
    found = db.execute(
        "select (%s::timestamptz at time zone timezone)::date from locations where location = %s",
        [now, location],
    ).fetchone()
    assert found is not None
    day: date = found[0]
    return day


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One line of a purchase order that is not finished."""

    purchase_order_id: str
    vendor_name: str
    state: str
    quantity: int
    received_units: int
    unit_cost: float
    expected_on: date


def open_order_lines(db: psycopg.Connection, sku: str, location: str) -> list[OrderLine]:
    """Lines of purchase orders for a position that are proposed or on their way, soonest first."""
    with db.cursor(row_factory=class_row(OrderLine)) as cursor:
        cursor.execute(
            """
            select purchase_order_id, vendors.name as vendor_name, state, quantity, received_units,
                unit_cost, expected_on
            from purchase_order_lines join purchase_orders using (purchase_order_id)
            join vendors using (vendor)
            where sku = %s and location = %s
                and state not in ('received', 'closed', 'rejected', 'cancelled')
            order by expected_on, purchase_order_id
            """,
            [sku, location],
        )
        return cursor.fetchall()
