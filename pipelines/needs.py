"""What positions have and need: their stock, what transfers bring, and what places ask of hubs."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
import polars as pl
import psycopg
from numpy.typing import NDArray

from inventory.demand import Floats
from inventory.order_plan import OrderPlan, Positions, plan_orders
from inventory.policy.perishables import ages_first_in_first_out, estimated_outdating_units
from inventory.policy.supply_trees import depths
from inventory.store.buying import read_batches
from inventory.store.planning_exceptions import FOUND_SCHEMA
from pipelines.demand_windows import KEY
from pipelines.networks import hub_rows
from pipelines.policies import Decided
from pipelines.stock_ages import age_exceptions

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Needs:
    """N positions under policies, by what they have."""

    decided: Decided
    positions: Positions
    hub: Rows
    """The row of the hub that supplies each, -1 where a vendor does."""
    orders: NDArray[np.integer]
    """Which order each would be on."""
    may_order: NDArray[np.bool_]
    """False where a person has the line in hand, or has data to mend first."""

    def planned(self, positions: Positions, may_order: NDArray[np.bool_]) -> OrderPlan:
        """What those that may need, with that stock."""
        joining = self.decided.demand_per_day_units * self.decided.joint_days
        return plan_orders(
            self.decided.policy, positions, self.decided.constraints, may_order=may_order,
            orders=self.orders.astype(int), can_order_units=joining,
        )  # fmt: skip

    @cached_property
    def passed_up(self) -> Positions:
        """Stock less what places are owed by their hubs.

        Places that a hub supplies ask it, and no vendor: what they need is owed by the hub, which
        may have to ask a hub of its own for it.
        """
        positions, depth = self.positions, depths(self.hub)
        for level in range(int(depth.max(initial=0)), 0, -1):
            asks = depth == level
            needs = self.planned(positions, self.may_order & asks).quantity_units
            owed = np.broadcast_to(positions.needed_units, needs.shape).copy()
            np.add.at(owed, self.hub[asks], needs[asks])
            positions = replace(positions, needed_units=owed)
        return positions


def read_needs(
    db: psycopg.Connection,
    decided: Decided,
    moves: pl.DataFrame,
    *,
    now: datetime,
    skus: Sequence[str] | None,
) -> tuple[Needs, pl.DataFrame]:
    """Positions with their stock, and what is wrong with its ages, columns `FOUND_SCHEMA`.

    moves : units that come and leave beyond that, columns `inventory.store.proposed_moves.SCHEMA`.
    """
    table = decided.table
    column = {n: table[n].to_numpy() for n in ("on_hand", "on_order", "committed", "firmed")}
    moved = table.select(KEY).join(
        moves, on=KEY, how="left", maintain_order="left"
    ).fill_null(0.0)  # fmt: skip
    outdating, aged = _outdating(db, decided, column["on_hand"], now=now, skus=skus)
    positions = Positions(
        column["on_hand"], column["on_order"], column["committed"], outdating,
        coming_units=moved["coming"].to_numpy(), leaving_units=moved["leaving"].to_numpy(),
    )  # fmt: skip
    hub = hub_rows(table)
    orders = table.select(pl.struct("vendor", "location").rank("dense")).to_series().to_numpy()
    # What the vendor's data lack is no matter of who a hub supplies.
    may_order = (column["firmed"] == 0) & (~blocked(table) | (hub >= 0))
    return Needs(decided, positions, hub, orders, may_order), aged


def blocked(table: pl.DataFrame) -> NDArray[np.bool_]:
    """Positions that nothing may be ordered for until somebody mends their data."""
    mixed = pl.col("currency") != pl.col("vendor_currency")
    closed = pl.col("calendar").is_not_null() & pl.col("order_days").is_null()
    wrong: NDArray[np.bool_] = table.select(mixed | closed).to_series().to_numpy()
    return wrong


def _outdating(
    db: psycopg.Connection,
    decided: Decided,
    on_hand: Floats,
    *,
    now: datetime,
    skus: Sequence[str] | None,
) -> tuple[Floats, pl.DataFrame]:
    """Units on hand that did or will expire in the window unsold, whole, shape (N,).

    And what is wrong with their ages, columns `FOUND_SCHEMA`.
    """
    table = decided.table
    if table["shelf_life_days"].is_null().all():
        return np.zeros(len(table)), pl.DataFrame(schema=FOUND_SCHEMA)
    keyed = table.select(*KEY).with_row_index("row")
    batches = read_batches(db, now=now, skus=skus).join(keyed, on=KEY)
    rows = batches["row"].to_numpy().astype(np.intp)
    age, units = batches["age_days"].to_numpy(), batches["units"].to_numpy()
    told = age_exceptions(table, rows, on_hand, age_days=age, received_units=units)
    return outdating_of(decided, rows, on_hand, age_days=age, received_units=units), told


def outdating_of(
    decided: Decided, rows: Rows, on_hand: Floats, *, age_days: Floats, received_units: Floats
) -> Floats:
    """The same from receipts (B,) by the row of their position."""
    table = decided.table
    left = ages_first_in_first_out(rows, age_days, received_units, on_hand)
    units = estimated_outdating_units(
        rows, table["shelf_life_days"].fill_null(math.inf).to_numpy()[rows] - age_days, left,
        demand_per_day_units=decided.demand_per_day_units,
        window_days=(table["lead_time_days"] + table["review_period_days"]).to_numpy(),
    )  # fmt: skip
    whole: Floats = np.floor(units)
    return whole
