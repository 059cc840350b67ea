"""Files that describe who and what there is: the columns of each kind, and where they go.

A column that is not in the file keeps what was known; a cell that is empty means the default.
"""

import json
from collections.abc import Sequence
from zoneinfo import available_timezones

import polars as pl
import psycopg

from inventory.catalog import METHODS, check_forecast_measure, is_built_in
from inventory.errors import InputRejected
from inventory.store import bulk
from inventory.vendor_dispatch import ADDRESS
from pipelines import buying_files, channel_files
from pipelines.catalog_kind import CatalogKind
from pipelines.raw_table import RawTable
from pipelines.row_checks import Column, Judged, judge

LOCATION_TYPES = ("warehouse", "store", "hub", "vendor")


REFERENCES = {"sku": "skus", "location": "locations", "vendor": "vendors", "channel": "channels"}
"""What a column may refer to, and the table that must know it."""

KINDS: dict[str, CatalogKind] = {
    "locations": CatalogKind(
        "locations", ("location",),
        (
            Column("location", required=True), Column("name"),
            Column("type", required=True, choices=LOCATION_TYPES),
            Column("latitude", "number", minimum=-90, maximum=90),
            Column("longitude", "number", minimum=-180, maximum=180),
            Column("timezone"), Column("methods", "list"),
            Column("daily_capacity", "integer", minimum=0), Column("cutoff", "time"),
            Column("put_away_lag_days", "integer", minimum=0),
            Column("handling_days", "integer", minimum=0),
            Column("cost_per_parcel", "number", minimum=0),
            Column("cost_per_unit", "number", minimum=0),
            Column("cost_per_km", "number", minimum=0),
            Column("km_per_day", "number", minimum=1),
        ),
        defaults={"timezone": "UTC", "put_away_lag_days": 0}, named_after="location",
    ),
    "vendors": CatalogKind(
        "vendors", ("vendor",),
        (
            Column("vendor", required=True), Column("name"),
            Column("lead_time_days", "number", minimum=0),
            Column("lead_time_sd_days", "number", minimum=0),
            Column("review_period_days", "number", minimum=0), Column("email"),
            Column("min_order_value", "number", minimum=0),
            Column("order_cost", "number", minimum=0), Column("currency"),
            Column("truck_units", "integer", minimum=1),
            Column("full_pallets", choices=("true", "false")),
        ),
        defaults={
            "full_pallets": "false",
            "lead_time_days": 7, "lead_time_sd_days": 0, "review_period_days": 1,
            "min_order_value": 0,
        },
        named_after="vendor", kept_beside=(Column("lead_time_assumed"),),
    ),
    "skus": CatalogKind(
        "skus", ("sku",),
        (
            Column("sku", required=True), Column("name"), Column("category"), Column("brand"),
            Column("vendor", refers_to="vendor"), Column("unit_cost", "number", minimum=0),
            Column("price", "number", minimum=0), Column("pack_size", "integer", minimum=1),
            Column("min_order_quantity", "integer", minimum=0),
            Column("shelf_life_days", "integer", minimum=0),
            Column("holding_cost", "number", minimum=0), Column("order_cost", "number", minimum=0),
            Column("max_order_quantity", "integer", minimum=0),
            Column("pallet_size", "integer", minimum=1), Column("currency"),
        ),
        defaults={
            "category": "", "brand": "", "unit_cost": 0, "price": 0, "pack_size": 1,
            "min_order_quantity": 0,
        },
        named_after="sku",
    ),
    "channels": CatalogKind(
        "channels", ("channel",),
        (
            Column("channel", required=True), Column("name"),
            Column("soft_ttl_seconds", "integer", minimum=1),
            Column("order_ttl_seconds", "integer", minimum=1),
            Column("oversell_units", "integer", minimum=0),
        ),
        defaults={"soft_ttl_seconds": 900, "order_ttl_seconds": 172_800, "oversell_units": 0},
        named_after="channel",
    ),
    "groups": CatalogKind(
        "group_members", ("group", "location"),
        (
            Column("group", required=True),
            Column("location", required=True, refers_to="location"), Column("name"),
        ),
        renamed={"group": "group_id"}, members="group_id",
    ),
    "bundles": CatalogKind(
        "bundles", ("sku", "component"),
        (
            Column("sku", required=True, refers_to="sku"),
            Column("component", required=True, refers_to="sku"),
            Column("units", "integer", required=True, minimum=1),
        ),
        members="sku",
    ),
    "buffer-rules": CatalogKind(
        "buffer_rules", ("rule",),
        (
            Column("rule", required=True), Column("sku", refers_to="sku"), Column("category"),
            Column("location", refers_to="location"),
            Column("location_type", choices=LOCATION_TYPES), Column("method"),
            Column("channel", refers_to="channel"), Column("quantity", "integer", minimum=0),
            Column("days_of_cover", "number", minimum=0), Column("forecast", "json"),
            Column("lookahead_days", "integer", minimum=0),
        ),
        renamed={"rule": "rule_id"},
    ),
    "supply-links": CatalogKind(
        "supply_links", ("link",),
        (
            Column("link", required=True), Column("channel", required=True, refers_to="channel"),
            Column("location", required=True, refers_to="location"),
            Column("method", choices=METHODS), Column("ratio", "number", minimum=0, maximum=1),
            Column("reserve", "integer", minimum=0), Column("starts_at", "moment"),
            Column("ends_at", "moment"), Column("sku", refers_to="sku"),
        ),
        renamed={"link": "link_id", "reserve": "reserve_units"}, defaults={"reserve": 0},
    ),
    "pre-sales": CatalogKind(
        "pre_sales", ("pre_sale",),
        (
            Column("pre_sale", required=True), Column("sku", required=True, refers_to="sku"),
            Column("location", required=True, refers_to="location"),
            Column("available_on", "date", required=True),
            Column("cap", "integer", required=True, minimum=0), Column("channel_caps", "json"),
            Column("starts_at", "moment"), Column("ends_at", "moment"),
        ),
        renamed={"pre_sale": "pre_sale_id", "cap": "cap_units"},
    ),
    **buying_files.KINDS,
}  # fmt: skip


def judge_catalog(db: psycopg.Connection, raw: RawTable, *, kind: str, name: str) -> Judged:
    """Type and check the rows of a catalogue file. A column `id` may stand for the key."""
    spec = KINDS[kind]
    if "id" in raw.columns and spec.key[0] not in raw.columns:
        raw = RawTable(raw.frame.rename({"id": spec.key[0]}), raw.ragged, raw.digest)
    judged = judge(raw, spec.columns, name=name)
    refuse_unknown(db, judged, spec.columns)
    if kind == "buffer-rules":
        _check_rules(judged)
    if kind in buying_files.KINDS:
        buying_files.check(judged, kind=kind)
    if kind in ("supply-links", "pre-sales"):
        channel_files.check(db, judged, kind=kind)
    _check_words(judged)
    if kind == "bundles":
        judged.reject(
            pl.col("sku") == pl.col("component"), column="component",
            problem="a bundle cannot hold itself", remedy="name the component's own SKU",
        )  # fmt: skip
        _check_one_level(db, judged)
    if kind == "groups":
        judged.reject(
            pl.col("group").map_elements(is_built_in, return_dtype=pl.Boolean), column="group",
            problem="this group is built in", remedy="give a group of your own another name",
        )  # fmt: skip
    judged.reject_repeats(spec.key)
    return judged


def _check_words(judged: Judged) -> None:
    """Text that must be the name of a time zone, the code of a currency or a mail address."""
    if "timezone" in judged.frame.columns:
        judged.reject(
            ~pl.col("timezone").is_in(available_timezones()), column="timezone",
            problem="no such time zone", remedy="write a name such as Europe/Berlin",
        )  # fmt: skip
    if "currency" in judged.frame.columns:
        judged.reject(
            ~pl.col("currency").str.contains("^[A-Z]{3}$"), column="currency",
            problem="no code of a currency", remedy="write a code of ISO 4217 such as EUR",
        )  # fmt: skip
    if "email" in judged.frame.columns:
        judged.reject(
            ~pl.col("email").str.contains(f"^(?:{ADDRESS.pattern})$"), column="email",
            problem="not a mail address", remedy="write one address like orders@example.com",
        )  # fmt: skip


def write_catalog(db: psycopg.Connection, sound: pl.DataFrame, *, kind: str) -> int:
    """Write the sound rows; returns rows added or changed."""
    spec = KINDS[kind]
    if kind == "price-tables":
        return buying_files.write_price_tables(db, sound)
    if kind == "vendors":
        sound = buying_files.with_assumed_lead_times(db, sound)
    columns = [c for c in (*spec.columns, *spec.kept_beside) if c.name in sound.columns]
    frame = sound.select(c.name for c in columns).with_columns(
        pl.col(c.name).fill_null(spec.defaults[c.name]) for c in columns if c.name in spec.defaults
    )
    if spec.named_after is not None:
        name = pl.col("name") if "name" in frame.columns else pl.lit(None, dtype=pl.String)
        own = frame.with_columns(pl.coalesce(name, spec.named_after).alias("name"))
        frame = own if "name" in frame.columns else _names_of_the_new(db, own, spec)
    frame = frame.with_columns(_written(c) for c in columns).rename(
        {old: new for old, new in spec.renamed.items() if old in frame.columns}
    )
    key = tuple(spec.renamed.get(k, k) for k in spec.key)
    if kind == "groups":
        frame = _write_groups(db, frame)
    if spec.members is not None:
        return bulk.replace_members(db, frame, table=spec.table, parent=spec.members)
    if "channel_caps" in frame.columns:
        written = bulk.upsert(db, frame.drop("channel_caps"), table=spec.table, key=key)
        channel_files.write_caps(db, frame)
        return written
    return bulk.upsert(db, frame, table=spec.table, key=key)


def refuse_unknown(db: psycopg.Connection, judged: Judged, columns: Sequence[Column]) -> None:
    """Note the rows that name a SKU, location, vendor or channel nobody has described."""
    for column in columns:
        if column.refers_to is None or column.name not in judged.frame.columns:
            continue
        table = REFERENCES[column.refers_to]
        judged.reject_unknown(
            column.name,
            bulk.known(db, table=table, column=column.refers_to),
            kind=column.refers_to.upper() if column.refers_to == "sku" else column.refers_to,
            remedy=f"add it with `vouch import {table} FILE`, or correct the name",
        )


def _names_of_the_new(
    db: psycopg.Connection, frame: pl.DataFrame, spec: CatalogKind
) -> pl.DataFrame:
    """Without a column of names, what is new is named after its key; the rest keeps its name."""
    bulk.add_missing(db, _with_needed(frame, spec), table=spec.table)
    return frame.drop("name")


def _with_needed(frame: pl.DataFrame, spec: CatalogKind) -> pl.DataFrame:
    needed = [*spec.key, "name", *(["type"] if spec.table == "locations" else [])]
    return frame.select(needed)


def _written(column: Column) -> pl.Expr:
    """The value as PostgreSQL reads it from CSV."""
    value = pl.col(column.name)
    match column.kind:
        case "integer":
            return value.cast(pl.Int64)
        case "list":
            items = value.fill_null([]).list.eval('"' + pl.element().str.replace_all('"', "") + '"')
            return ("{" + items.list.join(",") + "}").alias(column.name)
        case _:
            return value


def _write_groups(db: psycopg.Connection, frame: pl.DataFrame) -> pl.DataFrame:
    """Make the groups themselves; returns their members."""
    name = pl.col("name").drop_nulls().first() if "name" in frame.columns else pl.lit(None)
    groups = frame.group_by("group_id").agg(name.cast(pl.String).alias("name"))
    named = groups.with_columns(pl.coalesce("name", "group_id").alias("name"))
    bulk.add_missing(db, named, table="groups")
    bulk.upsert(db, groups.drop_nulls(), table="groups", key=["group_id"])
    return frame.select("group_id", "location")


def _check_one_level(db: psycopg.Connection, judged: Judged) -> None:
    """A bundle has no stock, so it cannot be a component: neither one known nor one in the file."""
    bundles = bulk.known(db, table="bundles", column="sku")
    bundles |= set(judged.frame.get_column("sku").drop_nulls())
    used = bulk.known(db, table="bundles", column="component")
    remedy = "list what is in the inner bundle instead"
    judged.reject(
        pl.col("component").is_in(sorted(bundles)) & (pl.col("sku") != pl.col("component")),
        column="component",
        problem="this component is a bundle itself", remedy=remedy,
    )  # fmt: skip
    judged.reject(
        pl.col("sku").is_in(sorted(used)), column="sku",
        problem="this SKU is a component of another bundle", remedy=remedy,
    )  # fmt: skip


def _check_rules(judged: Judged) -> None:
    """A rule withholds by exactly one of three measures, and its JSON must be an object."""
    measures = [c for c in ("quantity", "days_of_cover", "forecast") if c in judged.frame.columns]
    given = (
        pl.sum_horizontal([pl.col(c).is_not_null() for c in measures]) if measures else pl.lit(0)
    )
    judged.reject(
        given != 1, column="rule", problem="a rule needs exactly one measure",
        remedy="fill one of quantity, days_of_cover and forecast",
    )  # fmt: skip
    if "forecast" in measures:
        broken = pl.col("forecast").map_elements(_is_no_measure, return_dtype=pl.Boolean)
        judged.reject(
            broken, column="forecast", problem="forecast is not a measure that a job can follow",
            remedy='write an object like {"level": 0.9, "exposure_days": 1}',
        )  # fmt: skip


def _is_no_measure(text: str) -> bool:
    try:
        measure = json.loads(text)
    except ValueError:
        return True
    if not isinstance(measure, dict):
        return True
    try:
        check_forecast_measure(measure)
    except InputRejected:
        return True
    return False
