"""The policy of every position: safety stock, reorder point, lot and order-up-to, all at once.

From stored quantiles of demand over lead time and review period it is a matter of arrays: a million
positions take seconds, and most of that is PostgreSQL's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl
import psycopg

from inventory.base_stock import ProtectionDemand
from inventory.classification import CutOffs
from inventory.demand import Floats
from inventory.order_plan import Constraints, Policy, economic_lots, policy
from inventory.store import position_classes
from inventory.store.buying import read_price_tables
from inventory.store.demand_laws import read_laws
from inventory.store.demand_windows import Windows
from inventory.store.order_calendars import list_calendars
from inventory.store.policies import POLICY_SCHEMA, bases
from inventory.store.policy_changes import put_in_force
from inventory.store.policy_rules import read_rules
from inventory.targets import FILL_RATE, Targets, protected
from pipelines.buying_lots import Prices, lots_of, with_lot_sources
from pipelines.demand_laws import choose_laws
from pipelines.demand_windows import KEY, windows_of
from pipelines.law_windows import under_laws
from pipelines.networks import with_hub_demand, with_service_times, without_circles
from pipelines.order_rhythm import with_order_days
from pipelines.policy_settings import settled
from pipelines.settings import Settings


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """Policies of N positions, and what they were made of."""

    table: pl.DataFrame
    """Positions with their settings, in the order of the arrays."""
    windows: Windows
    policy: Policy
    constraints: Constraints
    joint_days: Floats
    """From one joint order to the next, shape (N,); 0 where items are ordered alone."""
    prices: Prices

    @property
    def demand_per_day_units(self) -> Floats:
        rate: Floats = self.windows.table["demand_rate"].to_numpy()
        return rate


def decide(
    db: psycopg.Connection,
    positions: pl.DataFrame,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    choose: bool = True,
) -> Decided:
    """Policies for the positions that have a forecast; writes only what they are made of.

    Parameters
    ----------
    positions : rows of `read_positions` with a vendor.
    choose : whether demand laws that are a week old are chosen anew.
    """
    cut_offs = CutOffs(settings.abc_value_shares, settings.xyz_variations)
    position_classes.refresh(db, today=now.date(), cut_offs=cut_offs)
    classed = (
        without_circles(positions)
        .join(position_classes.read(db, skus=skus), on=KEY, how="left", maintain_order="left")
        .with_columns(pl.col("abc", "xyz").fill_null(""))
    )
    timed = with_order_days(classed, list_calendars(db), today=now.date())
    table = with_service_times(settled(timed, read_rules(db), settings))
    covered, windows = windows_of(db, table, now=now, seed=settings.seed, skus=skus)
    if choose:
        choose_laws(db, covered, windows, today=now.date(), seed=settings.seed, skus=skus)
    forced = covered["demand_law"].is_not_null().any()
    laws = read_laws(db, skus=skus, every=bool(forced))
    prices = Prices.of(read_price_tables(db, skus=skus))
    lawful = under_laws(covered, windows, laws)
    return decided(*with_hub_demand(table, *lawful), prices)


def decided(table: pl.DataFrame, windows: Windows, prices: Prices) -> Decided:
    """Policies from positions with their settings and windows: nothing but arrays."""
    constraints = constraints_of(table)
    rate = windows.table["demand_rate"].to_numpy()
    economic = economic_lots(
        demand_per_day_units=rate,
        order_cost=table["order_cost"].to_numpy(),
        holding_cost_per_year=table["holding_cost"].to_numpy(),
        shelf_life_days=table["shelf_life_days"].fill_null(math.inf).to_numpy(),
    )
    lots = lots_of(table, economic, rate, prices)
    table = with_lot_sources(table, lots.said)
    targets = Targets(
        level=table["level"].to_numpy(),
        by_fill_rate=(table["target_kind"] == FILL_RATE).to_numpy(),
    )
    # Without a lot an order brings what sells in a review period.
    cycle = np.maximum(lots.units, rate * table["review_period_days"].to_numpy())
    demand = protected(windows.demand, targets, cycle_units=cycle)
    chosen = policy(demand, lot_units=lots.units, constraints=constraints)
    return Decided(table, windows, chosen, constraints, lots.joint_days, prices)


def constraints_of(table: pl.DataFrame) -> Constraints:
    """Minimum, multiple and maximum of each line; full pallets where the vendor asks for them."""
    pack = table["pack_size"].to_numpy()
    pallet = table["pallet_size"].fill_null(1.0).to_numpy()
    whole = (table["full_pallets"] == "t").fill_null(value=False).to_numpy()
    multiple = np.where(whole, np.lcm(pack.astype(int), pallet.astype(int)), pack)
    return Constraints(
        min_order_units=table["min_order_quantity"].to_numpy(),
        pack_units=multiple.astype(float),
        max_units=table["max_order_quantity"].fill_null(math.inf).to_numpy(),
    )


def policy_rows(db: psycopg.Connection, found: Decided) -> pl.DataFrame:
    """Policies to store, columns `POLICY_SCHEMA`."""
    chosen, demand = found.policy, found.policy.demand
    ids = bases(db, set(found.table["sources"].unique()))
    basis = pl.DataFrame(
        {"sources": list(ids), "basis_id": list(ids.values())},
        schema={"sources": pl.String, "basis_id": pl.Int64},
    )
    most = found.table["max_order_quantity"]
    return (
        found.table.join(basis, on="sources", how="left", maintain_order="left")
        .with_columns(
            pl.Series("safety_stock", chosen.safety_stock_units),
            pl.Series("reorder_point", chosen.reorder_point_units),
            pl.Series("order_quantity", chosen.order_quantity_units),
            pl.Series("order_up_to", chosen.order_up_to_units),
            pl.col("level").alias("service_level"),
            pl.Series("lead_time_mean", demand.lead_time_mean_units),
            pl.Series("review_mean", demand.review_mean_units),
            pl.Series("target_units", demand.target_units),
            pl.Series("economic_lot", chosen.economic_lot_units),
            pl.col("min_order_quantity").alias("min_order_units"),
            pl.Series("pack_units", found.constraints.pack_units),
            most.alias("max_units"),
        )
        .select(*POLICY_SCHEMA)
    )


def write(
    db: psycopg.Connection, found: Decided, *, now: datetime, asked: bool = False
) -> tuple[int, Decided]:
    """Put the policies in force; returns how many changed, and what is in force then.

    A change that waits for a planner, or was refused, leaves the policy that there was.
    asked : whether a person asked for what they follow from.
    """
    rows = policy_rows(db, found)
    bounds = found.table["change_factor_max"]
    written, kept = put_in_force(db, rows.with_columns(bounds), now=now, asked=asked)
    return written, _keeping(found, kept)


def _keeping(found: Decided, kept: pl.DataFrame) -> Decided:
    """The decisions with the policies of `kept` as they stand."""
    if kept.is_empty():
        return found
    names = ("lead_time_mean", "review_mean", "target_units", "economic_lot")
    old = found.table.select(*KEY).with_row_index("row").join(kept.select(*KEY, *names), on=KEY)
    rows = old["row"].to_numpy()
    demand = found.policy.demand
    figures = [
        demand.lead_time_mean_units.copy(), demand.review_mean_units.copy(),
        demand.target_units.copy(), found.policy.economic_lot_units.copy(),
    ]  # fmt: skip
    for values, name in zip(figures, names, strict=True):
        values[rows] = old[name].to_numpy()
    *means, lots = figures
    chosen = policy(ProtectionDemand(*means), lot_units=lots, constraints=found.constraints)
    return replace(found, policy=chosen)
