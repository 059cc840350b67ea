"""Trees of hubs and places: guaranteed service times before windows, pooled demand after them."""

import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from inventory.base_stock import LEVEL
from inventory.demand import Floats
from inventory.policy.demand_laws import NORMAL, normal_quantiles
from inventory.policy.lot_size import on_grid
from inventory.policy.supply_trees import Places, depths, service_times
from inventory.store.demand_windows import QUANTILES, Windows
from pipelines.demand_laws import path_sd
from pipelines.demand_windows import KEY
from pipelines.planning_exceptions import Check, seen

DAYS_PER_WEEK = 7
OWN = ("own_rate", "own_variance")
"""What a position sells itself: mean and variance of a day. Only where there are hubs."""

LANE_REVIEW_DAYS = 1.0
"""A hub of the house can be asked every day."""

Rows = NDArray[np.intp]


def without_circles(positions: pl.DataFrame) -> pl.DataFrame:
    """Positions, of which those that supply each other in a circle are left to their vendors."""
    return positions.with_columns(pl.when(~_circling(positions)).then("hub").alias("hub"))


def circles(positions: pl.DataFrame) -> pl.DataFrame:
    """Places that supply each other in a circle: columns `FOUND_SCHEMA`."""
    return seen(positions.filter(_circling(positions)), CIRCLE)


CIRCLE = Check(
    "supply_circle", ("location",), pl.lit(value=True),
    ("{} is supplied by {}, which is supplied by it in the end: vendors supply it instead",
     "location", "hub"),
    ("change or remove a supply lane of {} with PUT or DELETE /api/v2/supply-lanes", "location"),
)  # fmt: skip


def _circling(positions: pl.DataFrame) -> pl.Expr:
    above = _hubs(positions)
    return pl.col("location").is_in([at for at in above if at in _above(at, above)])


def _hubs(positions: pl.DataFrame) -> dict[str, str]:
    """The hub of each location that has one."""
    return dict(positions.select("location", "hub").drop_nulls().unique().iter_rows())


def _above(location: str, hubs: Mapping[str, str]) -> list[str]:
    """Its hub, the hub of that, and so on: each once."""
    found: list[str] = []
    while (hub := hubs.get(location)) is not None and hub not in found:
        found.append(hub)
        location = hub
    return found


def hub_rows(table: pl.DataFrame) -> Rows:
    """The row of the hub that supplies each position, -1 where a vendor does: shape (N,)."""
    at = table.select(pl.col("sku"), pl.col("location").alias("hub")).with_row_index("hub_row")
    found = table.select("sku", "hub").join(at, on=["sku", "hub"], how="left",
                                            maintain_order="left")  # fmt: skip
    rows: Rows = found["hub_row"].cast(pl.Int64).fill_null(-1).to_numpy()
    return rows


def with_service_times(table: pl.DataFrame) -> pl.DataFrame:
    """Positions with the lead times that hubs guarantee, and where they come from.

    A place waits for its lane, and where its hub keeps no safety stock, for what the hub waits for
    too, with all the spread of that. A hub that keeps none covers its review period alone; one that
    sells too, be it new there, always keeps its own.
    `transit_days` is what an order of the position takes where its hub, or vendor, has the goods.
    A hub asks for no minimum, and for packs but not for pallets.
    """
    hub = hub_rows(table)
    supplied = hub >= 0
    lead, sd = table["lead_time_days"].to_numpy(), table["lead_time_sd_days"].to_numpy()
    transit = np.where(supplied, table["lane_days"].fill_null(0.0).to_numpy(), lead)
    table = table.with_columns(pl.Series("transit_days", transit))
    if not supplied.any():
        return table
    review = np.where(supplied, LANE_REVIEW_DAYS, table["review_period_days"].to_numpy())
    weekly_units = table["weekly_units"].fill_null(0.0).to_numpy()
    weekly_sd = weekly_units * table["variation"].fill_null(0.0).to_numpy()
    places = Places(
        processing_days=transit,
        review_days=review,
        sd_units=weekly_sd / math.sqrt(DAYS_PER_WEEK),
        safety_factor=np.maximum(ndtri(table["level"].to_numpy()), 0.0),
        holding_cost=table["holding_cost"].to_numpy(),
        sells=(weekly_units > 0) | (table["sells"] == "t").to_numpy(),
    )
    waits = service_times(places, hub)
    # Lanes are on time; the spread is that of the vendor at the top, where all wait for it.
    depth, top = depths(hub), _tops(hub)
    late = np.where(waits.hubs == depth, sd[top], 0.0)
    asks = pl.Series("supplied", supplied)
    return table.with_columns(
        pl.Series("lead_time_days", np.where(waits.passes_on, 0.0, waits.days + transit)),
        pl.Series("lead_time_sd_days", np.where(waits.passes_on, 0.0, late)),
        pl.Series("review_period_days", review),
        pl.when(asks).then(0.0).otherwise("min_order_quantity").alias("min_order_quantity"),
        pl.when(~asks).then("full_pallets").alias("full_pallets"),
        _sources(table, hub, waits.passes_on),
    )


def _tops(hub: Rows) -> Rows:
    """The row that a vendor supplies at the top of each row's tree, (N,)."""
    found = np.arange(len(hub))
    while (above := hub[found]).max(initial=-1) >= 0:
        found = np.where(above >= 0, above, found)
    return found


def _sources(table: pl.DataFrame, hub: Rows, passes_on: NDArray[np.bool_]) -> pl.Series:
    """The sources of places and hubs with the service times that the model gave them."""
    feeds = np.zeros(len(hub), dtype=bool)
    feeds[hub[hub >= 0]] = True
    texts = table["sources"].to_list()
    at, vendors = table["location"].to_list(), table["vendor"].to_list()
    for row in np.flatnonzero((hub >= 0) | feeds).tolist():
        told = _told(row, at, vendors, hub=hub, passes_on=passes_on, feeds=bool(feeds[row]))
        texts[row] = json.dumps(json.loads(texts[row]) | told)
    return pl.Series("sources", texts, dtype=pl.String)


def _told(
    row: int,
    at: Sequence[str],
    vendors: Sequence[str],
    *,
    hub: Rows,
    passes_on: NDArray[np.bool_],
    feeds: bool,
) -> dict[str, str]:
    above = hub[row]
    said = f"vendor {vendors[row]}"
    if above >= 0:
        serves = "serves at once"
        if passes_on[above]:
            source = hub[above]
            waited = f"hub {at[source]}" if source >= 0 else f"vendor {vendors[row]}"
            serves = f"passes on what {waited} takes"
        said = f"supplied by hub {at[above]}, which {serves}"
    if not feeds:
        return {"lead_time": f"{said} (guaranteed service)"}
    waiting = f"its places wait for the {'hub' if above >= 0 else 'vendor'} themselves"
    own = waiting if passes_on[row] else "it serves its places at once"
    return {
        "lead_time": f"{said}; {own} (guaranteed service)",
        "demand_law": "demand of the places supplied, pooled as independent",
    }


def with_hub_demand(
    every: pl.DataFrame, covered: pl.DataFrame, windows: Windows
) -> tuple[pl.DataFrame, Windows]:
    """Positions with a window, and hubs with the demand of all below them, in one order.

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
    lanes = _hubs(every)
    served = pl.DataFrame(
        [(at, place) for at in every["location"].unique() for place in (at, *_above(at, lanes))],
        schema={"sold_at": pl.String, "location": pl.String}, orient="row",
    )  # fmt: skip
    days = (covered["lead_time_days"] + covered["review_period_days"]).to_numpy()
    daily = np.square(path_sd(windows.quantiles_units)) / np.where(days > 0, days, 1.0)
    covered = covered.with_columns(
        windows.table["demand_rate"].alias("own_rate"), pl.Series("own_variance", daily)
    )
    sold = covered.select(
        "sku", pl.col("location").alias("sold_at"),
        pl.col("own_rate").alias("demand_rate"), pl.col("own_variance").alias("variance"),
    )  # fmt: skip
    pooled = (
        sold.join(served, on="sold_at").group_by(KEY).agg(pl.col("demand_rate", "variance").sum())
    )
    found = hubs.join(pooled, on=KEY, maintain_order="left")
    rate = on_grid(found["demand_rate"].to_numpy())
    of_hubs = _pooled_windows(found, rate)
    sells = found.drop("demand_rate", "variance").join(
        covered.select(*KEY, *OWN), on=KEY, how="left", maintain_order="left"
    )
    rows = sells.with_columns(pl.col(OWN).fill_null(0.0), pl.lit(NORMAL).alias("demand_law"))
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
