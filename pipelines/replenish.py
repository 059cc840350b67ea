"""Policies for every position with a forecast, proposed orders to vendors, and alerts.

Run again with the same input it changes nothing. What cannot be planned (a SKU without vendor or
cost, an order below the vendor's minimum) is a sentence in the report, never a crash and never a
silent default.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import psycopg

from inventory.order_plan import OrderPlan, Positions, plan_orders
from inventory.store import lead_times, low_marks
from inventory.store.auto_approval import approve_by_rules
from inventory.store.order_proposals import PLAN_COLUMNS, propose
from inventory.store.policies import read_positions
from pipelines import policies
from pipelines.policies import Decided
from pipelines.policy_text import line_texts
from pipelines.settings import Settings
from pipelines.stock_alerts import refresh_alerts


@dataclass(slots=True)
class ReplenishReport:
    """What a run did. Everything but `policies` and `triggered` counts changes."""

    policies: int = 0
    policies_changed: int = 0
    triggered: int = 0
    orders_created: int = 0
    orders_withdrawn: int = 0
    lines_added: int = 0
    lines_changed: int = 0
    lines_removed: int = 0
    orders_approved: int = 0
    alerts_raised: int = 0
    alerts_resolved: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """Policies of N positions, their stock, and what is ordered."""

    decided: Decided
    positions: Positions
    plan: OrderPlan

    @property
    def table(self) -> pl.DataFrame:
        """The positions, in the order of the arrays."""
        return self.decided.table


def replenish(
    db: psycopg.Connection,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
) -> ReplenishReport:
    """Policies, proposals and alerts for the positions of the forecasts in force.

    Parameters
    ----------
    settings : gives the service level where no rule says otherwise, the holding and the order cost
        where a SKU gives none, and the seed.
    skus : only these; orders and alerts of others stay as they are.
    """
    report = ReplenishReport()
    lead_times.refresh(db, now=now)
    table = _plannable(read_positions(db, now=now, skus=skus), report)
    decided = policies.decide(db, table, settings, now=now, skus=skus)
    planned = plan_for(decided)
    report.policies = len(planned.table)
    report.triggered = int(planned.plan.triggered.sum())
    report.policies_changed = policies.write(db, decided, now=now)
    low_marks.refresh(db, skus=skus, now=now)
    _propose(db, planned, report, now=now, skus=skus)
    told = refresh_alerts(db, now=now, skus=skus)
    report.alerts_raised, report.alerts_resolved = told.raised, told.resolved
    return report


def plan_for(decided: Decided) -> Planned:
    """What to order now under policies."""
    column = {
        name: decided.table[name].to_numpy()
        for name in ("on_hand", "on_order", "committed", "firmed")
    }
    positions = Positions(column["on_hand"], column["on_order"], column["committed"])
    plan = plan_orders(
        decided.policy, positions, decided.constraints, may_order=column["firmed"] == 0
    )
    return Planned(decided, positions, plan)


def order_rows(planned: Planned, *, now: datetime) -> pl.DataFrame:
    """Lines to propose, columns `PLAN_COLUMNS`."""
    ordered = np.flatnonzero(planned.plan.quantity_units > 0)
    lines = planned.table[ordered]
    texts = line_texts(planned.plan, planned.table, rows=ordered.tolist())
    today = now.date()
    arrivals = [today + timedelta(days=math.ceil(days)) for days in lines["lead_time_days"]]
    return lines.select(
        "vendor",
        "location",
        "sku",
        pl.Series("quantity", planned.plan.quantity_units[ordered]).cast(pl.Int64),
        "unit_cost",
        pl.Series("explanation", texts, dtype=pl.String),
        "run_id",
        pl.Series("expected_on", arrivals, dtype=pl.Date),
    )  # fmt: skip


def _plannable(table: pl.DataFrame, report: ReplenishReport) -> pl.DataFrame:
    """Positions with a vendor; what is missing elsewhere is told."""
    orphans = table.filter(pl.col("vendor").is_null())
    if len(orphans):
        report.problems.append(
            f"{len(orphans)} positions have no policy: their SKU has no vendor, so no lead time "
            f"(first: {orphans['sku'][0]}); set one with PUT /api/v2/skus"
        )
    costless = table.filter(pl.col("unit_cost") <= 0, pl.col("holding_cost").is_null())
    if len(costless):
        report.problems.append(
            f"{len(costless)} positions have no unit cost and no holding cost, so no economic lot "
            f"(first: {costless['sku'][0]}): orders only reach up to the reorder point"
        )
    return table.filter(pl.col("vendor").is_not_null())


def _propose(
    db: psycopg.Connection,
    planned: Planned,
    report: ReplenishReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
) -> None:
    plan = order_rows(planned, now=now).select(PLAN_COLUMNS)
    done = propose(db, plan, now=now, skus=skus)
    report.orders_created, report.orders_withdrawn = done.orders_created, done.orders_withdrawn
    report.lines_added, report.lines_changed = done.lines_added, done.lines_changed
    report.lines_removed = done.lines_removed
    if skus is None:
        report.orders_approved = approve_by_rules(db, now=now)
    minimum = planned.table.select("vendor", "min_order_value").unique("vendor")
    small = (
        plan.group_by("vendor", "location")
        .agg((pl.col("quantity") * pl.col("unit_cost")).sum().alias("value"))
        .join(minimum, on="vendor")
        .filter(pl.col("value") < pl.col("min_order_value"))
    )
    if len(small):
        report.problems.append(
            f"{len(small)} proposed orders are below the minimum order value of their vendor "
            f"(first: {small['vendor'].sort()[0]}); add to them or wait"
        )
