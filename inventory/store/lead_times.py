"""Lead times of vendors and lanes in PostgreSQL, learned from when sent orders arrived."""

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.policy.lead_time_learning import Deliveries, LeadTimes, learned
from inventory.store.bulk import copy_in, copy_out

REMEMBERED = timedelta(days=730)
"""Deliveries of longer ago say nothing about a vendor of today."""

EVERYWHERE = ""
"""The location of a vendor's lead time over all its lanes."""

SEEN = {
    "vendor": pl.String, "location": pl.String, "orders": pl.Float64, "receipts": pl.Int64,
    "days": pl.Float64, "squares": pl.Float64, "ordered": pl.Float64, "received": pl.Float64,
    "stated_mean_days": pl.Float64, "stated_sd_days": pl.Float64,
}  # fmt: skip

COLUMNS = (
    "vendor", "location", "orders", "receipts", "observed_mean_days", "observed_sd_days",
    "fill_share", "mean_days", "sd_days", "stated_mean_days", "stated_sd_days",
)  # fmt: skip


def refresh(db: psycopg.Connection, *, now: datetime) -> int:
    """Learn the lead time of every vendor with deliveries, and of each of its lanes, anew.

    What a vendor states is the prior of the vendor; a lane's prior is what the vendor's other lanes
    showed. Returns how many changed; what is as it was is not written again.
    """
    lanes = copy_out(
        db, sql.SQL(_SEEN).format(since=sql.Literal(now - REMEMBERED), now=sql.Literal(now)),
        schema=SEEN,
    )  # fmt: skip
    sums = ["orders", "receipts", "days", "squares", "ordered", "received"]
    stated = ["stated_mean_days", "stated_sd_days"]
    vendors = lanes.group_by("vendor", maintain_order=True).agg(
        pl.col(sums).sum(), pl.col(stated).first()
    )
    of_vendor = _rows(vendors.with_columns(location=pl.lit(EVERYWHERE)), _prior(vendors))
    whole = lanes.join(vendors, on="vendor", suffix="_all", maintain_order="left")
    others = whole.select(*stated, *((pl.col(f"{n}_all") - pl.col(n)).alias(n) for n in sums))
    of_lane = _rows(lanes, learned(_prior(others), _deliveries(others)))
    return _write(db, pl.concat([of_vendor, of_lane]), now=now)


def _prior(table: pl.DataFrame) -> LeadTimes:
    return LeadTimes(table["stated_mean_days"].to_numpy(), table["stated_sd_days"].to_numpy())


def _deliveries(table: pl.DataFrame) -> Deliveries:
    return Deliveries(*(table[name].to_numpy() for name in ("orders", "days", "squares")))


def _rows(table: pl.DataFrame, prior: LeadTimes) -> pl.DataFrame:
    seen = _deliveries(table)
    after = learned(prior, seen)
    return table.with_columns(
        pl.Series("observed_mean_days", seen.mean_days),
        pl.Series("observed_sd_days", seen.sd_days),
        pl.Series("mean_days", np.round(after.mean_days, 6)),
        pl.Series("sd_days", np.round(after.sd_days, 6)),
        pl.when(pl.col("ordered") > 0)
        .then(pl.col("received") / pl.col("ordered"))
        .alias("fill_share"),
        pl.col("orders").cast(pl.Int64),
    ).select(COLUMNS)


def _write(db: psycopg.Connection, rows: pl.DataFrame, *, now: datetime) -> int:
    names = sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    figures = [c for c in COLUMNS if c not in ("vendor", "location")]
    old = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(c)) for c in figures)
    new = sql.SQL(", ").join(sql.SQL("excluded.{}").format(sql.Identifier(c)) for c in figures)
    with db.transaction():
        db.execute("create temp table lanes_staged (like lane_lead_times) on commit drop")
        db.execute("alter table lanes_staged alter learned_at drop not null")
        plain = rows.with_columns(pl.col(pl.Float64).fill_nan(None))
        copy_in(db, plain, table="lanes_staged", columns=COLUMNS)
        gone = db.execute(
            "delete from lane_lead_times t where not exists (select from lanes_staged s "
            "where s.vendor = t.vendor and s.location = t.location)"
        ).rowcount
        changed = db.execute(
            sql.SQL(
                "insert into lane_lead_times as t ({names}, learned_at) "
                "select {names}, {now} from lanes_staged on conflict (vendor, location) "
                "do update set ({figures}, learned_at) = row({new}, excluded.learned_at) "
                "where ({old}) is distinct from ({new})"
            ).format(
                names=names, now=sql.Literal(now), old=old, new=new,
                figures=sql.SQL(", ").join(map(sql.Identifier, figures)),
            )
        ).rowcount  # fmt: skip
        db.execute("drop table lanes_staged")
    return gone + changed


def page(
    db: psycopg.Connection,
    *,
    vendor: str | None = None,
    after: list[str] | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Lead times by vendor and location, all of the vendor's lanes together first, from `after`."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select vendor, nullif(location, '') as location, orders, receipts, "
            "observed_mean_days, observed_sd_days, fill_share, mean_days, sd_days, "
            "stated_mean_days, stated_sd_days, learned_at from lane_lead_times t "
            "where (%(vendor)s::text is null or vendor = %(vendor)s) "
            "and (%(after)s::text[] is null or array[vendor, t.location] > %(after)s) "
            "order by vendor, t.location limit %(limit)s",
            {"vendor": vendor, "after": after, "limit": limit},
        ).fetchall()  # fmt: skip


# One observation per order: days from sending it to its goods, weighted by units where they came in
# parts. What came before it was sent is a wrong clock, and says nothing.
_SEEN = """
with arrived as (
    select p.purchase_order_id, p.vendor, p.location,
        sum(r.quantity * extract(epoch from r.received_at - p.sent_at))
            / sum(r.quantity) / 86400 as days,
        count(*) as receipts
    from purchase_orders p join purchase_order_receipts r using (purchase_order_id)
    where p.sent_at >= {since} and r.received_at <= {now} and r.received_at >= p.sent_at
    group by p.purchase_order_id
),
complete as (
    select p.purchase_order_id,
        sum(coalesce(l.ordered_units, l.quantity) - l.cancelled_units) as ordered,
        sum(least(l.received_units, coalesce(l.ordered_units, l.quantity) - l.cancelled_units))
            as received
    from purchase_orders p join purchase_order_lines l using (purchase_order_id)
    where p.state in ('received', 'closed') and p.sent_at >= {since}
    group by p.purchase_order_id
)
select a.vendor, a.location, count(*), sum(a.receipts), sum(a.days), sum(a.days * a.days),
    coalesce(sum(c.ordered), 0), coalesce(sum(c.received), 0),
    min(v.lead_time_days), min(v.lead_time_sd_days)
from arrived a join vendors v using (vendor) left join complete c using (purchase_order_id)
group by a.vendor, a.location
order by a.vendor, a.location
"""
