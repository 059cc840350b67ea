"""Files of channel supply: checks of links and pre-sales, and the caps per channel."""

import json
from collections.abc import Collection

import polars as pl
import psycopg

from inventory.store import bulk, catalog
from pipelines.row_checks import INTEGER_MAX, Judged


def check(db: psycopg.Connection, judged: Judged, *, kind: str) -> None:
    """Note the rows of `supply-links` or `pre-sales` that make no sense."""
    columns = judged.frame.columns
    if {"starts_at", "ends_at"} <= set(columns):
        judged.reject(
            pl.col("ends_at") <= pl.col("starts_at"), column="ends_at",
            problem="it ends before it starts", remedy="write a time after starts_at",
        )  # fmt: skip
    if "sku" in columns:
        judged.reject(
            pl.col("sku").is_in(sorted(bulk.known(db, table="bundles", column="sku"))),
            column="sku", problem="a bundle has no stock", remedy="name its components",
        )  # fmt: skip
    if kind == "pre-sales":
        _check_caps(db, judged)
        _refuse_moves(db, judged)


def _check_caps(db: psycopg.Connection, judged: Judged) -> None:
    if "channel_caps" not in judged.frame.columns:
        return
    known = bulk.known(db, table="channels", column="channel")
    judged.reject(
        pl.col("channel_caps").map_elements(
            lambda text: not _are_caps(text, known), return_dtype=pl.Boolean
        ),
        column="channel_caps", problem="these are not units by channel",
        remedy='write an object of known channels like {"web": 40}',
    )  # fmt: skip


def _are_caps(text: str, channels: Collection[str]) -> bool:
    try:
        caps = json.loads(text)
    except ValueError:
        return False
    return isinstance(caps, dict) and all(
        channel in channels and type(units) is int and 0 <= units <= INTEGER_MAX
        for channel, units in caps.items()
    )


def _refuse_moves(db: psycopg.Connection, judged: Judged) -> None:
    sold = catalog.sold_ahead(db)
    names = ["pre_sale", "sku", "location"]
    moved = [
        name in sold and sold[name] != (sku, location)
        for name, sku, location in judged.frame.select(names).iter_rows()
    ]
    judged.reject(
        pl.lit(pl.Series(moved, dtype=pl.Boolean)), column="pre_sale",
        problem="units of it are sold already for another SKU or location",
        remedy="make another pre-sale",
    )  # fmt: skip


def write_caps(db: psycopg.Connection, frame: pl.DataFrame) -> None:
    """Write the caps per channel of each pre-sale in the frame, in place of those it had."""
    rows = [
        {"pre_sale_id": sale, "channel": channel, "cap_units": units}
        for sale, text in frame.select("pre_sale_id", "channel_caps").iter_rows()
        for channel, units in json.loads(text or "{}").items()
    ]
    kinds = {"pre_sale_id": pl.String, "channel": pl.String, "cap_units": pl.Int64}
    catalog.remove_caps(db, frame.get_column("pre_sale_id").to_list())
    bulk.add_missing(db, pl.DataFrame(rows, schema=kinds), table="pre_sale_caps")
