"""Hubs and the places they supply: guaranteed service times before, pooled demand after windows."""

import json
import math

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from inventory.base_stock import LEVEL
from inventory.demand import Floats
from inventory.policy.demand_laws import NORMAL, normal_quantiles
from inventory.policy.lot_size import on_grid
from inventory.policy.two_echelons import Places, hubs_serve_at_once
from inventory.store.demand_windows import QUANTILES, Windows
from pipelines.demand_laws import path_sd
from pipelines.demand_windows import KEY

DAYS_PER_WEEK = 7
LANE_REVIEW_DAYS = 1.0
"""A hub of the house can be asked every day."""

Rows = NDArray[np.intp]


def hub_rows(table: pl.DataFrame) -> Rows:
    """The row of the hub that supplies each position, -1 where a vendor does: shape (N,)."""
    at = table.select(pl.col("sku"), pl.col("location").alias("hub")).with_row_index("hub_row")
    found = table.select("sku", "hub").join(at, on=["sku", "hub"], how="left",
                                            maintain_order="left")  # fmt: skip
    rows: Rows = found["hub_row"].cast(pl.Int64).fill_null(-1).to_numpy()
    return rows


def with_service_times(table: pl.DataFrame) -> pl.DataFrame:
    """Positions with the lead times that hubs guarantee, and where they come from.

    A place waits for its lane, and where its hub keeps no safety stock, for the hub's vendor too,
    with all the spread of that. A hub that keeps none covers its review period alone.
    """
    hub = hub_rows(table)
    if not (hub >= 0).any():
        return table
    supplied = hub >= 0
    lead, sd = table["lead_time_days"].to_numpy(), table["lead_time_sd_days"].to_numpy()
    lane = table["lane_days"].fill_null(0.0).to_numpy()
    review = np.where(supplied, LANE_REVIEW_DAYS, table["review_period_days"].to_numpy())
    weekly = (table["weekly_units"] * table["variation"]).fill_null(0.0).to_numpy()
    places = Places(
        processing_days=np.where(supplied, lane, lead),
        review_days=review,
        sd_units=weekly / math.sqrt(DAYS_PER_WEEK),
        safety_factor=np.maximum(ndtri(table["level"].to_numpy()), 0.0),
        holding_cost=table["holding_cost"].to_numpy(),
    )
    at_once = hubs_serve_at_once(places, hub)
    feeds = np.zeros(len(hub), dtype=bool)
    feeds[hub[supplied]] = True
    waits = supplied & ~at_once[hub]
    days = np.where(supplied, lane + np.where(waits, lead[hub], 0.0), lead)
    days = np.where(feeds & ~at_once, 0.0, days)
    spread = np.where(supplied, np.where(waits, sd[hub], 0.0), sd)
    spread = np.where(feeds & ~at_once, 0.0, spread)
    texts = [
        _told(row, at_once=bool(at_once[hub[i]] if supplied[i] else at_once[i]))
        if supplied[i] or feeds[i]
        else row["sources"]
        for i, row in enumerate(table.select(
            "location", "hub", "vendor", "sources"
        ).iter_rows(named=True))
    ]  # fmt: skip
    return table.with_columns(
        pl.Series("lead_time_days", days),
        pl.Series("lead_time_sd_days", spread),
        pl.Series("review_period_days", review),
        pl.Series("sources", texts, dtype=pl.String),
    )


def _told(row: dict[str, str], *, at_once: bool) -> str:
    """The sources of a place or hub, with the service time that the model gave it."""
    hub, vendor = row["hub"], f"vendor {row['vendor']}"
    if hub is not None:
        serves = "serves at once" if at_once else f"passes on what {vendor} takes"
        told = {"lead_time": f"supplied by hub {hub}, which {serves} (guaranteed service)"}
    else:
        serves = (
            f"{vendor}; it serves its places at once"
            if at_once
            else ("its places wait for the vendor themselves")
        )
        told = {
            "lead_time": f"{serves} (guaranteed service)",
            "demand_law": "demand of the places supplied, pooled as independent",
        }
    return json.dumps(json.loads(row["sources"]) | told)


def with_hub_demand(
    every: pl.DataFrame, covered: pl.DataFrame, windows: Windows
) -> tuple[pl.DataFrame, Windows]:
    """Positions with a window, and hubs with the demand of the places they supply, in one order.

    Places are taken as independent, so their variances add up; over its own lead time and review
    period a hub's demand is then near normal.

    Parameters
    ----------
    every : positions with their settings, also hubs that sell nothing themselves.
    covered, windows : those with a forecast, settled as far as their demand law.
    """
    named = every.filter(pl.col("hub").is_not_null()).select("sku", pl.col("hub").alias("location"))
    hubs = every.join(named.unique(), on=KEY, how="semi")
    if hubs.is_empty():
        return covered, windows
    days = (covered["lead_time_days"] + covered["review_period_days"]).to_numpy()
    daily = np.square(path_sd(windows.quantiles_units)) / np.where(days > 0, days, 1.0)
    sold = covered.select(
        "sku", pl.coalesce("hub", "location").alias("location"),
        windows.table["demand_rate"], pl.Series("variance", daily),
    )  # fmt: skip
    pooled = sold.group_by(KEY).agg(pl.col("demand_rate", "variance").sum())
    found = hubs.join(pooled, on=KEY, maintain_order="left")
    rate = on_grid(found["demand_rate"].to_numpy())
    of_hubs = _pooled_windows(found, rate)
    rows = found.drop("demand_rate", "variance").with_columns(pl.lit(NORMAL).alias("demand_law"))
    kept = covered.with_row_index("row").join(found.select(KEY), on=KEY, how="anti")
    chosen = kept["row"].to_numpy()
    table = pl.concat([kept.drop("row"), rows.select(covered.columns)])
    together = Windows(
        pl.concat([windows.table[chosen.tolist()], of_hubs.table.select(windows.table.columns)]),
        np.concatenate([windows.quantiles_units[chosen], of_hubs.quantiles_units]),
    )
    return _sorted(table, together)


def _pooled_windows(found: pl.DataFrame, rate: Floats) -> Windows:
    lead, review = found["lead_time_days"].to_numpy(), found["review_period_days"].to_numpy()
    late = np.square(rate * found["lead_time_sd_days"].to_numpy())
    variance = found["variance"].to_numpy() * (lead + review) + late
    leading, both = on_grid(rate * lead), on_grid(rate * (lead + review))
    table = found.select(*KEY).with_columns(
        pl.Series("lead_time_mean", leading),
        pl.Series("review_mean", both - leading),
        pl.Series("demand_rate", rate),
    )
    return Windows(table, normal_quantiles(both, variance, LEVEL).astype(np.float32))


def _sorted(table: pl.DataFrame, windows: Windows) -> tuple[pl.DataFrame, Windows]:
    order = table.select(pl.struct(KEY).arg_sort()).to_series().to_list()
    quantiles = windows.quantiles[order].select(QUANTILES).to_numpy()
    return table[order], Windows(windows.table[order], quantiles)
