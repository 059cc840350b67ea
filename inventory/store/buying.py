"""What binds an order, read for planning: price tables, budgets and what they have left, ages."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import class_row

from inventory.lots import Break
from inventory.store.bulk import copy_out

BATCH_SCHEMA = {
    "sku": pl.String, "location": pl.String, "age_days": pl.Float64, "units": pl.Float64,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class OpenBudget:
    """A budget in force, and the money that orders have bound already."""

    id: str
    amount: float
    spent: float
    currency: str
    vendor: str | None
    location: str | None
    category: str | None

    @property
    def left(self) -> float:
        """Money that may still be bound, not below zero."""
        return max(self.amount - self.spent, 0.0)


def read_price_tables(
    db: psycopg.Connection, *, skus: Sequence[str] | None = None
) -> dict[str, tuple[str, list[Break]]]:
    """By SKU the kind of discount and the breaks, as they were sent."""
    found = db.execute(
        "select sku, discount, breaks from price_tables "
        "where %(skus)s::text[] is null or sku = any(%(skus)s) order by sku",
        {"skus": None if skus is None else list(skus)},
    ).fetchall()
    return {sku: (discount, breaks) for sku, discount, breaks in found}


def read_budgets(db: psycopg.Connection, *, today: date, currency: str) -> list[OpenBudget]:
    """Budgets of this day, by id; what has no currency of its own is in that of the house.

    Spent is what orders made in its days are worth from the moment somebody accepted them, and
    firmed lines of proposals, of orders in its currency.
    """
    with db.cursor(row_factory=class_row(OpenBudget)) as cursor:
        return cursor.execute(_BUDGETS, {"today": today, "currency": currency}).fetchall()


def read_batches(
    db: psycopg.Connection, *, now: datetime, skus: Sequence[str] | None = None
) -> pl.DataFrame:
    """What came onto the shelf of items that expire: the latest, as far as it may be there yet."""
    query = sql.SQL(_BATCHES).format(
        now=sql.Literal(now), skus=sql.Literal(None if skus is None else list(skus))
    )
    return copy_out(db, query, schema=BATCH_SCHEMA)


_BUDGETS = """
select b.budget_id as id, b.amount, coalesce(x.spent, 0)::float8 as spent, b.vendor,
    coalesce(b.currency, %(currency)s) as currency, b.location, b.category
from budgets b
left join lateral (
    select sum(l.quantity * l.unit_cost) as spent
    from purchase_orders p join purchase_order_lines l using (purchase_order_id)
    join skus k on k.sku = l.sku
    where p.state not in ('rejected', 'cancelled') and (p.state <> 'proposed' or l.firmed)
        and p.created_at >= b.starts_on and p.created_at < b.ends_on + 1
        and coalesce(p.currency, %(currency)s) = coalesce(b.currency, %(currency)s)
        and (b.vendor is null or p.vendor = b.vendor)
        and (b.location is null or p.location = b.location)
        and (b.category is null or k.category = b.category)
) x on true
where %(today)s between b.starts_on and b.ends_on
order by b.budget_id
"""

_BATCHES = """
select sku, location, extract(epoch from {now}::timestamptz - effective_at) / 86400, units
from (
    select e.sku, e.location, e.effective_at, e.units, b.units as on_hand,
        sum(e.units) over (partition by e.sku, e.location order by e.effective_at desc,
            e.entry_id desc) - e.units as younger
    from entries e
    join skus s using (sku)
    join balances b on b.sku = e.sku and b.location = e.location and b.status = e.status
    where s.shelf_life_days > 0 and e.status = 'available' and e.units > 0 and b.units > 0
        and e.effective_at <= {now} and ({skus}::text[] is null or e.sku = any({skus}))
) received
where younger < on_hand
"""
