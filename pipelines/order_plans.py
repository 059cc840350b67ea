"""From policies to what is ordered now: joint orders, supplier minimums, trucks and budgets.

Every step adds a term to the lines that it changed, so that each still explains itself to the unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl
import psycopg
from numpy.typing import NDArray

from inventory.budget import Packs, packs_of, within_budget
from inventory.demand import Floats
from inventory.order_fill import OrderLines, to_trucks, to_value
from inventory.order_plan import LOT_COVER_DAYS_MAX, OrderPlan, Positions
from inventory.store import proposed_moves
from inventory.store.buying import OpenBudget, read_budgets
from inventory.store.planning_exceptions import FOUND_SCHEMA
from pipelines.held_orders import hold_back
from pipelines.needs import read_needs
from pipelines.phrases import phrase
from pipelines.policies import Decided

SUPPLIER_MINIMUM, FULL_TRUCKS, BUDGET = "supplier minimum", "full trucks", "budget"

Found = list[dict[str, object]]
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """Policies of N positions, their stock, and what is ordered."""

    decided: Decided
    positions: Positions
    plan: OrderPlan
    last_pack_value: Floats
    """Money that the last pack of each line saves in lost sales, shape (N,)."""
    unit_cost: Floats
    """Money per unit at the quantity ordered, shape (N,)."""
    exceptions: pl.DataFrame
    currency: str
    """Of the house."""

    @property
    def table(self) -> pl.DataFrame:
        """The positions, in the order of the arrays."""
        return self.decided.table


def plan_for(
    db: psycopg.Connection,
    decided: Decided,
    *,
    currency: str,
    now: datetime,
    refused_days: int,
    skus: Sequence[str] | None = None,
) -> Planned:
    """What to order now under policies.

    currency : that of the house, of budgets without one.
    refused_days : how long a line that a person refused is held back.
    """
    table = decided.table
    moves = proposed_moves.read(db, skus=skus)
    needs, aged = read_needs(db, decided, moves, now=now, skus=skus)
    positions, orders = needs.passed_up, needs.orders
    may_order = needs.may_order & (needs.hub < 0)
    plan = needs.planned(positions, may_order)
    held = hold_back(db, table, plan.quantity_units, now=now, days=refused_days, skus=skus)
    if held.rows.any():
        may_order &= ~held.rows
        plan = needs.planned(positions, may_order)
    found: Found = []
    plan = filled(Drafts(decided, positions, orders, may_order), plan, found)
    budgets = read_budgets(db, today=now.date(), currency=currency)
    plan = _budgeted(decided, positions, plan, budgets=budgets, found=found)
    cost = np.array([
        decided.prices.unit_cost(sku, units, listed=listed) if units > 0 else listed
        for sku, units, listed in zip(
            table["sku"], plan.quantity_units, table["unit_cost"], strict=True
        )
    ] if decided.prices.tables else table["unit_cost"], dtype=float)  # fmt: skip
    last = _last_pack_values(decided, positions, plan)
    told = pl.DataFrame(found, schema=FOUND_SCHEMA, orient="row")
    told = pl.concat([told, _below_minimum(decided, plan, cost), held.exceptions, aged])
    return Planned(decided, positions, plan, last, cost, told, currency)


@dataclass(frozen=True, slots=True, eq=False)
class Drafts:
    """Positions by the order that they would be on, shape (N,), and whether they may be."""

    decided: Decided
    positions: Positions
    orders: NDArray[np.integer]
    may_order: NDArray[np.bool_]


def filled(drafts: Drafts, plan: OrderPlan, found: Found) -> OrderPlan:
    """Orders raised to the supplier's minimum value and to whole trucks."""
    decided, orders, table = drafts.decided, drafts.orders, drafts.decided.table
    asks = (table["min_order_value"] > 0).fill_null(value=False).to_numpy()
    trucks = table["truck_units"].fill_null(0.0).to_numpy()
    asking = np.unique(orders[(plan.quantity_units > 0) & (asks | (trucks > 0))])
    minimum, truck = np.zeros(len(table)), np.zeros(len(table))
    for order in asking:
        rows = np.flatnonzero((orders == order) & drafts.may_order)
        lines = _lines(decided, drafts.positions, plan, rows)
        first = rows[0]
        least = float(table["min_order_value"][int(first)])
        minimum[rows] = to_value(lines, least)
        if trucks[first] > 0:
            after = replace(
                lines,
                quantity_units=lines.quantity_units + minimum[rows],
                position_units=lines.position_units + minimum[rows],
                room_units=lines.room_units - minimum[rows],
            )
            truck[rows] = to_trucks(after, trucks[first])
            total = float((after.quantity_units + truck[rows]).sum())
            if total % trucks[first]:
                found.append(_truck_exception(table, int(first), total, float(trucks[first])))
    return plan.adding(SUPPLIER_MINIMUM, minimum).adding(FULL_TRUCKS, truck)


def _lines(decided: Decided, positions: Positions, plan: OrderPlan, rows: Rows) -> OrderLines:
    table, limits = decided.table, decided.constraints
    rate = decided.demand_per_day_units[rows]
    ordered = plan.quantity_units[rows]
    position = positions.position_units[rows] + ordered
    keeps = table["shelf_life_days"].fill_null(LOT_COVER_DAYS_MAX).to_numpy()[rows]
    cover = rate * np.minimum(keeps, LOT_COVER_DAYS_MAX) - position
    return OrderLines(
        quantity_units=ordered,
        position_units=position,
        demand_per_day_units=rate,
        pack_units=limits.pack_units[rows],
        unit_cost=table["unit_cost"].to_numpy()[rows],
        room_units=np.maximum(np.minimum(cover, limits.max_units[rows] - ordered), 0.0),
        least_units=limits.min_order_units[rows],
    )


def _truck_exception(
    table: pl.DataFrame, row: int, total: float, truck: float
) -> dict[str, object]:
    vendor, location = table["vendor"][row], table["location"][row]
    return {
        "kind": "truck_not_full", "sku": None, "location": location, "vendor": vendor,
        "subject": None,
        "message": f"{total:g} units for {location} do not fill trucks of {truck:g}: no whole "
        f"packs of {vendor} fit, or its items would be covered for too long",
        "remedy": f"change the order, or truck_units with PUT /api/v2/vendors/{vendor}",
        "blocks": False,
    }  # fmt: skip


def margin_of(table: pl.DataFrame) -> Floats:
    """Money lost with a sale: price less cost; the cost, where no price is known."""
    price, cost = table["price"].to_numpy(), table["unit_cost"].to_numpy()
    margin: Floats = np.where(price > 0, np.maximum(price - cost, 0.0), cost)
    return margin


def _packs(decided: Decided, positions: Positions, plan: OrderPlan, rows: Rows) -> Packs:
    return packs_of(
        quantity_units=plan.quantity_units[rows],
        position_units=positions.position_units[rows],
        pack_units=decided.constraints.pack_units[rows],
        unit_cost=decided.table["unit_cost"].to_numpy()[rows],
        unit_margin=margin_of(decided.table)[rows],
        quantiles_units=decided.windows.quantiles_units[rows],
    )


def _budgeted(
    decided: Decided,
    positions: Positions,
    plan: OrderPlan,
    *,
    budgets: Sequence[OpenBudget],
    found: Found,
) -> OrderPlan:
    """Lines cut to what budgets allow, one budget after the other by id."""
    for budget in budgets:
        table = decided.table
        mask = pl.lit(value=True)
        for name in ("vendor", "location", "category"):
            if getattr(budget, name) is not None:
                mask &= pl.col(name) == getattr(budget, name)
        bound = table.select(mask.fill_null(value=False)).to_series().to_numpy()
        rows = np.flatnonzero(bound & (plan.quantity_units > 0))
        if not len(rows):
            continue
        rows = _in_its_currency(table, rows, budget, found)
        packs = _packs(decided, positions, plan, rows)
        if float(packs.money.sum()) <= budget.left:
            continue
        if budget.left < packs.money.min(initial=np.inf):
            found.append(_budget_exception(budget, float(packs.money.min())))
        kept = within_budget(
            packs, len(rows), money=budget.left,
            least_units=decided.constraints.min_order_units[rows],
        )  # fmt: skip
        cut = np.zeros(len(table))
        cut[rows] = kept - plan.quantity_units[rows]
        plan = plan.adding(f"{BUDGET} {budget.id}", cut)
    return plan


def _in_its_currency(table: pl.DataFrame, rows: Rows, budget: OpenBudget, found: Found) -> Rows:
    """Rows whose money is the budget's; others are told, and not bound by it."""
    other = (table["vendor_currency"][rows.tolist()] != budget.currency).to_numpy()
    if other.any():
        first = int(rows[np.flatnonzero(other)[0]])
        found.append({
            "kind": "currency_mismatch", "sku": None, "location": None, "vendor": None,
            "subject": f"budget {budget.id}",
            "message": f"budget {budget.id} is in {budget.currency}, and {int(other.sum())} lines "
            f"that it should bind are not (first: {table['sku'][first]}): they are not bound by it",
            "remedy": "give them a budget of their own with PUT /api/v2/budgets",
            "blocks": False,
        })  # fmt: skip
    own_rows: Rows = rows[~other]
    return own_rows


def _budget_exception(budget: OpenBudget, cheapest: float) -> dict[str, object]:
    return {
        "kind": "budget_below_a_pack", "sku": None, "location": None, "vendor": None,
        "subject": f"budget {budget.id}",
        "message": f"budget {budget.id} has {budget.left:g} of {budget.amount:g} left, and the "
        f"cheapest pack that it should buy costs {cheapest:g}: nothing of it is ordered",
        "remedy": f"raise it with PUT /api/v2/budgets/{budget.id}, or withdraw orders",
        "blocks": True,
    }  # fmt: skip


def _last_pack_values(decided: Decided, positions: Positions, plan: OrderPlan) -> Floats:
    """Money that the last pack of each line saves, zero where nothing is ordered."""
    values = np.zeros(len(decided.table))
    rows = np.flatnonzero(plan.quantity_units > 0)
    if len(rows):
        packs = _packs(decided, positions, plan, rows)
        last = np.flatnonzero(np.append(packs.line[1:] != packs.line[:-1], values=True))
        values[rows[packs.line[last]]] = packs.value[last]
    return values


def _below_minimum(decided: Decided, plan: OrderPlan, cost: Floats) -> pl.DataFrame:
    """Orders that are worth less than their vendor accepts."""
    value = pl.Series("value", plan.quantity_units * cost)
    small = (
        decided.table.select("vendor", "location", "min_order_value")
        .with_columns(value)
        .group_by("vendor", "location", maintain_order=True)
        .agg(pl.col("value").sum(), pl.col("min_order_value").first())
        .filter((pl.col("value") > 0) & (pl.col("value") < pl.col("min_order_value") - 1e-9))
    )
    none = pl.lit(None, dtype=pl.String)
    return small.select(
        pl.lit("below_vendor_minimum").alias("kind"), none.alias("sku"), "location", "vendor",
        none.alias("subject"),
        phrase(
            "the order of {} for {} is worth {}, below the minimum order value {} of the vendor",
            "vendor", "location", pl.col("value").round(2), "min_order_value",
        ).alias("message"),
        pl.lit("add to the order, or wait until more is due").alias("remedy"),
        pl.lit(value=False).alias("blocks"),
    ).select(*FOUND_SCHEMA)  # fmt: skip
