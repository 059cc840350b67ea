"""Sums over judged days, from which accuracy is worked out: per segment, and per level and lead.

A day that was out of stock is counted, and left out of every error: nobody knows what would have
sold. Errors of a level (an item over all places, a category) net out first, day by day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import polars as pl
import psycopg
from psycopg import sql

from inventory.store.bulk import EPOCH, copy_out

Level = Literal["item-location", "item", "location", "category", "total"]

KEYS: dict[Level, tuple[str, ...]] = {
    "item-location": ("sku", "location"),
    "item": ("sku",),
    "location": ("location",),
    "category": ("category",),
    "total": (),
}
"""What a level adds up to, before its errors are taken."""

SUMS = {
    "observed": pl.Int64, "censored": pl.Int64, "units": pl.Float64, "forecast_units": pl.Float64,
    "absolute_units": pl.Float64, "percentages": pl.Float64, "percented": pl.Int64,
    "compared_units": pl.Float64, "naive_absolute_units": pl.Float64,
    "statistical_absolute_units": pl.Float64, "final_absolute_units": pl.Float64,
    "censored_forecast_units": pl.Float64, "censored_least_units": pl.Float64,
    "observed95": pl.Int64, "covered95": pl.Int64, "observed99": pl.Int64, "covered99": pl.Int64,
}  # fmt: skip
"""Sums of rows: days on sale and not; units and errors; those of the three layers where a naive
forecast exists; of days out of stock the forecast, and that or the sales, whichever is more; and
how often the two upper quantiles held."""

SEGMENT_KINDS = ("total", "category", "location", "volume_class", "demand_class")
"""By what series are put together for monitoring."""

ROUNDING_UNITS = 1e-4
"""Quantiles are kept in single precision: demand this much above one still counts as covered."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which outcomes are asked for; what is None is not a limit."""

    first: date
    last: date
    leads: Sequence[int]
    sku: str | None = None
    location: str | None = None
    category: str | None = None
    vendor: str | None = None

    @property
    def limits(self) -> sql.Composed:
        """As SQL with literals in: COPY takes no parameters."""
        named = {"o.sku": self.sku, "o.location": self.location, "k.category": self.category,
                 "k.vendor": self.vendor}  # fmt: skip
        found = [
            sql.SQL("o.day between {} and {}").format(self.first, self.last),
            sql.SQL("o.lead = any({}::int[])").format(list(self.leads)),
        ]
        found += [
            sql.SQL("{} = {}").format(sql.Identifier(*name.split(".")), value)
            for name, value in named.items()
            if value is not None
        ]
        return sql.SQL(" and ").join(found)


def days(db: psycopg.Connection, asked: Asked, *, level: Level) -> pl.DataFrame:
    """`SUMS` per lead and day: columns lead, day and those, sorted."""
    query = sql.SQL(
        "{netted} select lead, day - {epoch}, {sums} from netted group by lead, day"
    ).format(netted=_netted(asked, level), epoch=sql.SQL(EPOCH), sums=_SUMMED)
    schema = {"lead": pl.Int64, "day": pl.Date, **SUMS}
    return copy_out(db, query, schema=schema).sort("lead", "day")


def worst(db: psycopg.Connection, asked: Asked, *, level: Level, limit: int) -> pl.DataFrame:
    """`SUMS` of the keys of a level with the largest absolute error, that first.

    Columns sku, location, category (null where the level has none), lead, and the sums.
    """
    query = sql.SQL(
        "{netted} select sku, location, category, lead, {sums} from netted "
        "group by sku, location, category, lead "
        "order by sum(abs(units - forecast_units)) desc nulls last, 1, 2, 3, 4 limit {limit}"
    ).format(netted=_netted(asked, level), sums=_SUMMED, limit=limit)
    keys = dict.fromkeys(("sku", "location", "category"), pl.String)
    return copy_out(db, query, schema={**keys, "lead": pl.Int64, **SUMS})


def segment_days(db: psycopg.Connection, *, first: date, last: date, lead: int) -> pl.DataFrame:
    """`SUMS` of item-location errors: columns kind, segment, day and those, sorted."""
    query = sql.SQL("""
        {netted}
        select (array[{kinds}])[1 + {which}],
            coalesce(category, location, volume_class, demand_class, ''), day - {epoch}, {sums}
        from (
            select n.*, g.volume_class, g.demand_class
            from netted n left join series_segments g using (sku, location)
        ) n
        group by grouping sets ((day), (day, category), (day, location), (day, volume_class),
            (day, demand_class))
    """).format(
        netted=_netted(Asked(first, last, [lead]), "item-location", with_category=True),
        kinds=sql.SQL(", ").join(map(sql.Literal, SEGMENT_KINDS)),
        # The bits of what a row is not grouped by: 15 for none, else 15 less one bit.
        which=sql.SQL(
            "case grouping(category, location, volume_class, demand_class) "
            "when 15 then 0 when 7 then 1 when 11 then 2 when 13 then 3 else 4 end"
        ),
        epoch=sql.SQL(EPOCH),
        sums=_SUMMED,
    )
    schema = {"kind": pl.String, "segment": pl.String, "day": pl.Date, **SUMS}
    return copy_out(db, query, schema=schema).sort("kind", "segment", "day")


def _netted(asked: Asked, level: Level, *, with_category: bool = False) -> sql.Composed:
    """A CTE `netted`: one row per lead, day and key of the level, with units added up."""
    own = {"sku": "o.sku", "location": "o.location", "category": "k.category"}
    kept = (*KEYS[level], "category") if with_category else KEYS[level]
    columns = [
        sql.SQL("{} as {}").format(
            sql.SQL(source if name in kept else "null::text"), sql.Identifier(name)
        )
        for name, source in own.items()
    ]
    if level == "item-location":  # Rows are that already, and there are many.
        return sql.SQL(_ROWS).format(
            columns=sql.SQL(", ").join(columns), limits=asked.limits, rounding=ROUNDING_UNITS
        )
    grouped = [sql.SQL(own[name]) for name in kept]
    return sql.SQL(_NETTED).format(
        columns=sql.SQL(", ").join(columns),
        groups=sql.SQL(", ").join([sql.SQL("o.lead"), sql.SQL("o.day"), *grouped]),
        limits=asked.limits,
        rounding=ROUNDING_UNITS,
    )


_ROWS = """
with netted as (
    select o.lead, o.day, {columns},
        (not censored)::int as observed,
        censored::int as censored,
        case when not censored then units::float8 end as units,
        case when not censored then statistical_units::float8 end as forecast_units,
        case when not censored and naive_units is not null then units::float8 end
            as compared_units,
        case when not censored then naive_units::float8 end as naive_units,
        case when not censored and naive_units is not null then statistical_units::float8 end
            as statistical_units,
        case when not censored and naive_units is not null then final_units::float8 end
            as final_units,
        case when censored then statistical_units::float8 else 0 end as censored_forecast_units,
        case when censored then greatest(units, statistical_units)::float8 else 0 end
            as censored_least_units,
        (not censored and q95_units is not null)::int as observed95,
        coalesce(not censored and units <= q95_units + {rounding}, false)::int as covered95,
        (not censored and q99_units is not null)::int as observed99,
        coalesce(not censored and units <= q99_units + {rounding}, false)::int as covered99
    from forecast_outcomes o join skus k on k.sku = o.sku
    where {limits}
)"""

_NETTED = """
with netted as (
    select o.lead, o.day, {columns},
        count(*) filter (where not censored) as observed,
        count(*) filter (where censored) as censored,
        sum(units::float8) filter (where not censored) as units,
        sum(statistical_units::float8) filter (where not censored) as forecast_units,
        sum(units::float8) filter (where not censored and naive_units is not null)
            as compared_units,
        sum(naive_units::float8) filter (where not censored) as naive_units,
        sum(statistical_units::float8) filter (where not censored and naive_units is not null)
            as statistical_units,
        sum(final_units::float8) filter (where not censored and naive_units is not null)
            as final_units,
        coalesce(sum(statistical_units::float8) filter (where censored), 0)
            as censored_forecast_units,
        coalesce(sum(greatest(units, statistical_units)::float8) filter (where censored), 0)
            as censored_least_units,
        count(q95_units) filter (where not censored) as observed95,
        count(*) filter (where not censored and units <= q95_units + {rounding}) as covered95,
        count(q99_units) filter (where not censored) as observed99,
        count(*) filter (where not censored and units <= q99_units + {rounding}) as covered99
    from forecast_outcomes o join skus k on k.sku = o.sku
    where {limits}
    group by {groups}
)"""

_SUMMED = sql.SQL("""
    sum(observed)::bigint, sum(censored)::bigint, coalesce(sum(units), 0),
    coalesce(sum(forecast_units), 0), coalesce(sum(abs(units - forecast_units)), 0),
    coalesce(sum(abs(units - forecast_units) / units) filter (where units > 0), 0),
    count(*) filter (where units > 0), coalesce(sum(compared_units), 0),
    coalesce(sum(abs(compared_units - naive_units)), 0),
    coalesce(sum(abs(compared_units - statistical_units)), 0),
    coalesce(sum(abs(compared_units - final_units)), 0),
    sum(censored_forecast_units), sum(censored_least_units),
    sum(observed95)::bigint, sum(covered95)::bigint, sum(observed99)::bigint,
    sum(covered99)::bigint
""")

EFFECTS = {
    "override_id": pl.Int64, "planner": pl.String, "reason": pl.String, "lead": pl.Int64,
    "observed": pl.Int64, "units": pl.Float64, "statistical_absolute_units": pl.Float64,
    "final_absolute_units": pl.Float64,
}  # fmt: skip


def override_effects(db: psycopg.Connection, asked: Asked) -> pl.DataFrame:
    """Errors of item-location days that an override decided, without it and with it: `EFFECTS`.

    One row per override and lead.
    """
    query = sql.SQL("""
        select v.override_id, v.created_by, v.reason, o.lead, count(*), sum(o.units::float8),
            sum(abs(o.units::float8 - o.statistical_units)),
            sum(abs(o.units::float8 - o.final_units))
        from forecast_outcomes o
        join skus k on k.sku = o.sku
        join forecast_overrides v on v.override_id = o.override_id
        where not o.censored and {limits}
        group by v.override_id, v.created_by, v.reason, o.lead
    """).format(limits=asked.limits)
    return copy_out(db, query, schema=EFFECTS).sort("override_id", "lead")
