"""Files of what buying is bound by: targets and rules, prices by quantity, budgets, hubs."""

import json
from typing import Any

import polars as pl
import psycopg

from inventory.buying import DISCOUNTS
from inventory.errors import InputRejected
from inventory.policy_rules import DEMAND_LAWS, PolicyRule
from inventory.store import bulk
from inventory.store.catalog import assumed_lead_times
from pipelines.catalog_kind import CatalogKind
from pipelines.row_checks import Column, Judged

SHARES = ("cycle_service", "fill_rate")

RULE_COLUMNS = (
    Column("rule", required=True), Column("sku", refers_to="sku"), Column("category"),
    Column("vendor", refers_to="vendor"), Column("location", refers_to="location"),
    Column("location_type", choices=("warehouse", "store", "hub", "vendor")),
    Column("abc", choices=("A", "B", "C")), Column("xyz", choices=("X", "Y", "Z")),
    Column("cycle_service", "number"), Column("fill_rate", "number"),
    Column("shortage_cost", "number"), Column("overage_cost", "number"),
    Column("demand_law", choices=DEMAND_LAWS), Column("order_cost", "number", minimum=0),
    Column("holding_cost", "number", minimum=0),
    Column("max_order_quantity", "integer", minimum=0), Column("change_factor_max", "number"),
)  # fmt: skip

KINDS: dict[str, CatalogKind] = {
    "policy-rules": CatalogKind(
        "policy_rules", ("rule",), RULE_COLUMNS, renamed={"rule": "rule_id"}
    ),
    "price-tables": CatalogKind(
        "price_tables", ("sku", "from_units"),
        (
            Column("sku", required=True, refers_to="sku"), Column("discount", choices=DISCOUNTS),
            Column("from_units", "integer", required=True, minimum=0),
            Column("to_units", "integer", minimum=0),
            Column("unit_cost", "number", required=True),
        ),
    ),
    "budgets": CatalogKind(
        "budgets", ("budget",),
        (
            Column("budget", required=True), Column("amount", "number", required=True, minimum=0),
            Column("starts_on", "date", required=True), Column("ends_on", "date", required=True),
            Column("currency"), Column("vendor", refers_to="vendor"),
            Column("location", refers_to="location"), Column("category"),
        ),
        renamed={"budget": "budget_id"},
    ),
    "supply-lanes": CatalogKind(
        "supply_lanes", ("lane",),
        (
            Column("lane", required=True), Column("hub", required=True, refers_to="location"),
            Column("location", required=True, refers_to="location"),
            Column("lead_time_days", "number", required=True, minimum=0),
        ),
        renamed={"lane": "lane_id"},
    ),
}  # fmt: skip


def check(judged: Judged, *, kind: str) -> None:
    """Note the rows that single columns do not show to be wrong."""
    if kind == "policy-rules":
        _check_rules(judged)
    elif kind == "budgets":
        judged.reject(
            pl.col("ends_on") < pl.col("starts_on"), column="ends_on",
            problem="the budget ends before it starts", remedy="write a later day",
        )  # fmt: skip
    elif kind == "supply-lanes":
        judged.reject(
            pl.col("hub") == pl.col("location"), column="hub",
            problem="a place cannot supply itself", remedy="name the hub that it gets stock from",
        )  # fmt: skip


def _check_rules(judged: Judged) -> None:
    """What makes no sense together is told as the HTTP door tells it."""
    names = [c.name for c in RULE_COLUMNS if c.name in judged.frame.columns and c.name != "rule"]
    problem = pl.struct(names).map_elements(_refusal, return_dtype=pl.String)
    judged.reject(
        problem.is_not_null(), column="rule", problem=problem,
        remedy="give it one target, between 0 and 1 or as two costs, or another value",
    )  # fmt: skip


def _refusal(values: dict[str, Any]) -> str | None:
    try:
        PolicyRule("r", **values)
    except InputRejected as error:
        return str(error)
    return None


def write_price_tables(db: psycopg.Connection, sound: pl.DataFrame) -> int:
    """Write the rows of each SKU as its table; returns SKUs added or changed."""
    given = sound.with_columns(
        pl.lit(None, dtype=kind).alias(name)
        for name, kind in (("discount", pl.String), ("to_units", pl.Int64))
        if name not in sound.columns
    )
    rows = [
        {
            "sku": str(sku),
            "discount": next((d for d in part["discount"] if d is not None), DISCOUNTS[0]),
            "breaks": json.dumps([
                {"from": row["from_units"], "to": row["to_units"], "unit_cost": row["unit_cost"]}
                for row in part.sort("from_units").iter_rows(named=True)
            ]),
        }
        for (sku,), part in given.group_by("sku", maintain_order=True)
    ]  # fmt: skip
    schema = {"sku": pl.String, "discount": pl.String, "breaks": pl.String}
    return bulk.upsert(db, pl.DataFrame(rows, schema=schema), table="price_tables", key=["sku"])


def with_assumed_lead_times(db: psycopg.Connection, vendors: pl.DataFrame) -> pl.DataFrame:
    """The rows, saying of each vendor whether its lead time is a default that nobody stated."""
    if "lead_time_days" in vendors.columns:
        return vendors.with_columns(
            pl.col("lead_time_days").is_null().cast(pl.String).alias("lead_time_assumed")
        )
    stated = bulk.known(db, table="vendors", column="vendor") - assumed_lead_times(db)
    assumed = ~pl.col("vendor").is_in(sorted(stated))
    return vendors.with_columns(assumed.cast(pl.String).alias("lead_time_assumed"))
