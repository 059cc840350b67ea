"""Urgency, cover and saved sales of open orders: worked out from stock and forecast as of now."""

import json
import math
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import psycopg
from psycopg import sql

from inventory.base_stock import starting_on
from inventory.demand import DemandForecast, Floats
from inventory.order_worth import (
    PROJECTED_DAYS,
    OrderedLines,
    OrderWorth,
    order_worth,
    urgency,
)
from inventory.store.bulk import copy_in, copy_out
from inventory.store.effective_forecasts import read_effective

LINES_AT_ONCE = 20_000
"""Lines projected in one go: some 100 MB."""

LINE_SCHEMA = {
    "purchase_order_id": pl.String, "line_no": pl.Int64, "sku": pl.String, "location": pl.String,
    "units": pl.Float64, "arrives_on": pl.Date, "price": pl.Float64, "on_hand": pl.Float64,
    "committed": pl.Float64, "review_days": pl.Float64,
}  # fmt: skip
SUPPLY_SCHEMA = {
    "sku": pl.String, "location": pl.String, "purchase_order_id": pl.String, "day": pl.Date,
    "units": pl.Float64,
}  # fmt: skip
WORTH_COLUMNS = ("purchase_order_id", "line_no", "worth")


def assess(
    db: psycopg.Connection,
    *,
    now: datetime,
    order_ids: Sequence[str] | None = None,
    skus: Sequence[str] | None = None,
) -> int:
    """Work out what open orders are worth; returns lines whose figures changed.

    `order_ids`, `skus`: only these orders, only lines of these SKUs.

    A line without a forecast has no figures: how urgent it is nobody knows.
    """
    asked = {
        "ids": sql.Literal(None if order_ids is None else list(order_ids)),
        "skus": sql.Literal(None if skus is None else list(skus)),
    }
    with db.transaction():
        lines = copy_out(db, sql.SQL(_LINES).format(**asked), schema=LINE_SCHEMA)
        if lines.is_empty():
            return 0
        named = lines["sku"].unique().to_list()
        coming = sql.SQL(_SUPPLY).format(skus=sql.Literal(named), day=sql.Literal(now.date()))
        supply = copy_out(db, coming, schema=SUPPLY_SCHEMA)
        demand = _Demand(read_effective(db, now=now, skus=named), now.date())
        parts = [
            _assessed(lines[first : first + LINES_AT_ONCE], supply, demand, now.date())
            for first in range(0, len(lines), LINES_AT_ONCE)
        ]
        return _write(db, pl.concat(parts))


_LINES = """
select p.purchase_order_id, l.line_no, l.sku, p.location,
    greatest(l.quantity - l.received_units, 0),
    coalesce(l.arrives_on, p.expected_on) + lo.put_away_lag_days - '1970-01-01'::date, s.price,
    coalesce(b.units, 0), coalesce(b.committed_units, 0), coalesce(v.review_period_days, 1)
from purchase_orders p join purchase_order_lines l using (purchase_order_id)
join skus s on s.sku = l.sku join vendors v on v.vendor = p.vendor
join locations lo on lo.location = p.location
left join balances b on b.sku = l.sku and b.location = p.location and b.status = 'available'
where p.state in ('proposed', 'accepted', 'approved', 'sent', 'confirmed', 'shipped',
    'partially_received') and l.quantity > l.received_units
    and ({ids}::text[] is null or p.purchase_order_id = any ({ids}))
    and ({skus}::text[] is null or l.sku = any ({skus}))
order by 1, 2
"""

# What is on its way by day: dated supply, and what orders will bring that are not dated supply yet.
_SUPPLY = """
select sku, location, coalesce(purchase_order_id, ''), day - '1970-01-01'::date, sum(units) from (
    select i.sku, i.location, i.purchase_order_id, i.quantity as units,
        (i.expected_at at time zone lo.timezone)::date + lo.put_away_lag_days as day
    from inbound i join locations lo on lo.location = i.location
    where i.sku = any ({skus}) and i.quantity > 0
        and i.state in ('planned', 'confirmed', 'shipped')
    union all
    select o.sku, o.location, o.purchase_order_id, o.units, o.expected_on + lo.put_away_lag_days
    from open_order_parts o join locations lo on lo.location = o.location
    where o.sku = any ({skus}) and o.part_no is null and (o.order_state <> 'proposed' or o.firmed)
) coming where day >= {day} group by 1, 2, 3, 4
"""


class _Demand:
    """Mean demand per position and day from today on."""

    def __init__(self, forecasts: Sequence[DemandForecast], today: date) -> None:
        self.rows: dict[tuple[str, str], Floats] = {}
        for forecast in reversed(forecasts):  # The newest run comes first, and holds.
            means = _daily(starting_on(forecast, today))
            keys = zip(forecast.skus, forecast.locations, strict=True)
            self.rows |= dict(zip(keys, means, strict=True))


def _daily(forecast: DemandForecast) -> Floats:
    """Means by day, shape (N, `PROJECTED_DAYS`); beyond the horizon its last week repeats."""
    days = np.repeat(forecast.mean_units / forecast.period_days, forecast.period_days, axis=1)
    have = days.shape[1]
    week = min(have, 7)
    again = have - week + np.arange(max(PROJECTED_DAYS - have, 0)) % week
    return np.concatenate([days, days[:, again]], axis=1)[:, :PROJECTED_DAYS]


def _assessed(
    lines: pl.DataFrame, supply: pl.DataFrame, demand: _Demand, today: date
) -> pl.DataFrame:
    """`WORTH_COLUMNS`; worth as JSON text, null where there is no forecast."""
    keys = list(zip(lines["sku"], lines["location"], strict=True))
    known = np.array([key in demand.rows for key in keys])
    texts: list[str | None] = [None] * len(lines)
    if known.any():
        rows = np.flatnonzero(known)
        judged = lines[rows]
        arrives = (judged["arrives_on"] - today).dt.total_days().to_numpy()
        days = np.maximum(arrives, 0)
        given = OrderedLines(
            on_hand_units=judged["on_hand"].to_numpy(),
            committed_units=judged["committed"].to_numpy(),
            supply_units=_supply_by_day(judged, supply, today),
            demand_units=np.stack([demand.rows[keys[row]] for row in rows]),
            ordered_units=judged["units"].to_numpy(),
            arrives_in_days=days,
            next_in_days=days + np.ceil(judged["review_days"].to_numpy()).astype(np.int64),
            price=judged["price"].to_numpy(),
        )  # fmt: skip
        for row, text in zip(rows, _texts(order_worth(given), given, today), strict=True):
            texts[row] = text
    return lines.select("purchase_order_id", "line_no").with_columns(
        pl.Series("worth", texts, dtype=pl.String)
    )


def _supply_by_day(lines: pl.DataFrame, supply: pl.DataFrame, today: date) -> Floats:
    """Units that come of anything but the line's own order, shape (N, `PROJECTED_DAYS`)."""
    coming = (
        lines.with_row_index("row")
        .select("row", "sku", "location", pl.col("purchase_order_id").alias("own"))
        .join(supply, on=["sku", "location"])
        .filter(pl.col("own") != pl.col("purchase_order_id"))
        .with_columns((pl.col("day") - today).dt.total_days().alias("after"))
        .filter(pl.col("after") < PROJECTED_DAYS)
    )
    found = np.zeros((len(lines), PROJECTED_DAYS))
    at = (coming["row"].to_numpy(), coming["after"].to_numpy())
    np.add.at(found, at, coming["units"].to_numpy())
    return found


def _texts(worth: OrderWorth, given: OrderedLines, today: date) -> list[str]:
    words = urgency(worth.stock_out_days)
    return [
        json.dumps(
            _told(worth, row, str(words[row]), float(given.price[row]), today), sort_keys=True
        )
        for row in range(len(words))
    ]


def _told(worth: OrderWorth, row: int, word: str, price: float, today: date) -> dict[str, object]:
    lasts = float(worth.stock_out_days[row])
    endless = math.isinf(lasts)
    saved = zip(
        ("missed without it", "missed with it"), (1, -1), worth.missed_units, worth.missed_cents,
        strict=True,
    )  # fmt: skip
    return {
        "urgency": word,
        "stock_out_days": None if endless else round(lasts, 2),
        "stock_out_on": None if endless else (today + timedelta(days=int(lasts))).isoformat(),
        "cover_days": round(float(worth.cover_days[row]), 1),
        "stock_after_receipt": {
            "quantity": float(worth.stock_after_units[row]),
            "terms": [
                {"term": name, "quantity": float(units[row])}
                for name, units in worth.stock_terms.items()
            ],
        },
        "revenue_protected": {
            "money": int(worth.saved_cents[row]) / 100,
            "price": price,
            "terms": [
                {
                    "term": name,
                    "quantity": sign * float(units[row]),
                    "money": sign * int(cents[row]) / 100,
                }
                for name, sign, units, cents in saved
            ],
        },
    }


def _write(db: psycopg.Connection, worth: pl.DataFrame) -> int:
    """Keep what changed, and the order's figures: its most urgent line, and the sum saved."""
    db.execute(
        "create temp table worth_staged (purchase_order_id text, line_no integer, worth jsonb) "
        "on commit drop"
    )
    copy_in(db, worth, table="worth_staged", columns=WORTH_COLUMNS)
    db.execute(_HOLD)
    changed = db.execute(_KEEP).rowcount
    db.execute(_SUM)
    db.execute("drop table worth_staged")
    return changed


# An order is locked before its lines, as by everybody who changes one.
_HOLD = """
    select from purchase_orders
    where purchase_order_id in (select purchase_order_id from worth_staged)
    order by purchase_order_id for no key update
"""

_KEEP = """
    update purchase_order_lines l set worth = s.worth from worth_staged s
    where l.purchase_order_id = s.purchase_order_id and l.line_no = s.line_no
        and l.worth is distinct from s.worth
"""

_SUM = """
    with figures as (
        select l.purchase_order_id,
            min(array_position(array['critical', 'high', 'medium', 'low'],
                l.worth ->> 'urgency')) as urgency,
            min((l.worth ->> 'stock_out_on')::date) as stock_out_on,
            min((l.worth ->> 'cover_days')::float8) as cover_days,
            sum((l.worth #>> '{revenue_protected,money}')::numeric) as saved
        from purchase_order_lines l
        where l.quantity > l.received_units
            and l.purchase_order_id in (select purchase_order_id from worth_staged)
        group by 1
    ), told as (
        select purchase_order_id, stock_out_on, cover_days, saved,
            (array['critical', 'high', 'medium', 'low'])[urgency] as urgency
        from figures
    )
    update purchase_orders p set urgency = t.urgency, stock_out_on = t.stock_out_on,
        cover_days = t.cover_days, revenue_protected = t.saved
    from told t where p.purchase_order_id = t.purchase_order_id
        and (p.urgency, p.stock_out_on, p.cover_days, p.revenue_protected)
            is distinct from (t.urgency, t.stock_out_on, t.cover_days, t.saved)
"""
