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

from inventory import alerts, health
from inventory.base_stock import ProtectionDemand, protection_demand, starting_on
from inventory.demand import DemandForecast, Floats
from inventory.order_plan import (
    Constraints,
    OrderPlan,
    Policy,
    Positions,
    plan_orders,
    policy,
)
from inventory.store import low_marks
from inventory.store.alerts import replace_alerts
from inventory.store.effective_forecasts import read_effective
from inventory.store.order_proposals import PLAN_COLUMNS, propose
from inventory.store.policies import POLICY_COLUMNS, read_positions, write_policies
from inventory.store.purchase_orders import late_orders
from pipelines.policy_text import Sources, line_texts, policy_texts
from pipelines.settings import Settings

RATE_DAYS = 28
"""Days of forecast that say how much sells per day, for lots and days of cover."""


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
    alerts_raised: int = 0
    alerts_resolved: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class Planned:
    """Decisions for the N positions of one forecast run."""

    table: pl.DataFrame
    """Rows of `read_positions`, in the order of the arrays."""
    demand_per_day_units: Floats
    policy: Policy
    positions: Positions
    plan: OrderPlan
    sources: Sources


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
    table = _plannable(read_positions(db, now=now, skus=skus), report)
    planned = [
        decided
        for forecast in (read_effective(db, now=now, skus=skus) if len(table) else [])
        if (
            decided := plan_run(
                forecast, table, now=now, seed=settings.seed,
                service_level=settings.service_level,
                holding_cost_rate=settings.holding_cost_rate, order_cost=settings.order_cost,
            )
        )
    ]  # fmt: skip
    report.policies = sum(len(p.table) for p in planned)
    report.triggered = sum(int(p.plan.triggered.sum()) for p in planned)
    policies = _concat([policy_rows(p) for p in planned], POLICY_COLUMNS)
    report.policies_changed = write_policies(db, policies, now=now)
    low_marks.refresh(db, skus=skus, now=now)
    _propose(db, planned, report, now=now, skus=skus)
    _alert(db, planned, report, now=now, skus=skus)
    return report


def plan_run(
    forecast: DemandForecast,
    table: pl.DataFrame,
    *,
    now: datetime,
    seed: int,
    service_level: float,
    holding_cost_rate: float,
    order_cost: float,
) -> Planned | None:
    """Decide for the positions of `table` that this forecast covers; None where it has none."""
    keys = pl.DataFrame({
        "sku": forecast.skus, "location": forecast.locations,
        "series": np.arange(len(forecast.skus)),
    })  # fmt: skip
    covered = table.join(keys, on=["sku", "location"], maintain_order="left")
    if covered.is_empty():
        return None
    chosen = starting_on(forecast.select(covered["series"].to_numpy()), now.date())
    column = {name: covered[name].to_numpy() for name in covered.columns}
    demand = protection_demand(
        chosen,
        lead_time_days=column["lead_time_days"],
        lead_time_sd_days=column["lead_time_sd_days"],
        review_period_days=column["review_period_days"],
        service_level=np.full(len(covered), service_level),
        seed=seed,
    )
    per_day = chosen.mean_units[:, :RATE_DAYS].mean(axis=1) / chosen.period_days
    holding = covered["holding_cost"].fill_null(covered["unit_cost"] * holding_cost_rate)
    constraints = Constraints(
        min_order_units=column["min_order_quantity"],
        pack_units=column["pack_size"],
        max_units=np.full(len(covered), math.inf),
    )
    policy_ = _policy(
        covered,
        demand,
        per_day,
        holding=holding.to_numpy(),
        order_cost=order_cost,
        constraints=constraints,
    )
    positions = Positions(column["on_hand"], column["on_order"], column["committed"])
    sources = Sources(
        run_ids=[forecast.run_id] * len(covered),
        vendors=covered["vendor"].to_list(),
        lead_time_days=column["lead_time_days"],
        review_period_days=column["review_period_days"],
        service_level=service_level,
    )
    plan = plan_orders(policy_, positions, constraints, may_order=column["firmed"] == 0)
    return Planned(covered, per_day, policy_, positions, plan, sources)


def _policy(
    covered: pl.DataFrame,
    demand: ProtectionDemand,
    per_day: Floats,
    *,
    holding: Floats,
    order_cost: float,
    constraints: Constraints,
) -> Policy:
    return policy(
        demand,
        demand_per_day_units=per_day,
        order_cost=covered["order_cost"].fill_null(order_cost).to_numpy(),
        holding_cost_per_year=holding,
        shelf_life_days=covered["shelf_life_days"].fill_null(math.inf).to_numpy(),
        constraints=constraints,
    )


def policy_rows(planned: Planned) -> pl.DataFrame:
    """Policies to store, columns `POLICY_COLUMNS`."""
    chosen = planned.policy
    return planned.table.select(
        "sku",
        "location",
        pl.Series("safety_stock", chosen.safety_stock_units),
        pl.Series("reorder_point", chosen.reorder_point_units),
        pl.Series("order_quantity", chosen.order_quantity_units),
        pl.Series("order_up_to", chosen.order_up_to_units),
        "lead_time_days",
        "review_period_days",
        pl.lit(planned.sources.service_level).alias("service_level"),
        pl.Series("explanation", policy_texts(chosen, planned.sources), dtype=pl.String),
        pl.Series("run_id", planned.sources.run_ids, dtype=pl.String),
    )


def order_rows(planned: Planned, *, now: datetime) -> pl.DataFrame:
    """Lines to propose, columns `PLAN_COLUMNS`."""
    ordered = np.flatnonzero(planned.plan.quantity_units > 0)
    lines = planned.table[ordered]
    texts = line_texts(
        planned.plan,
        planned.sources,
        rows=ordered.tolist(),
        unit_cost=planned.table["unit_cost"].to_numpy(),
    )
    today = now.date()
    arrivals = [today + timedelta(days=math.ceil(days)) for days in lines["lead_time_days"]]
    return lines.select(
        "vendor",
        "location",
        "sku",
        pl.Series("quantity", planned.plan.quantity_units[ordered]).cast(pl.Int64),
        "unit_cost",
        pl.Series("explanation", texts, dtype=pl.String),
        pl.Series("run_id", np.array(planned.sources.run_ids, dtype=object)[ordered].tolist(),
                  dtype=pl.String),
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
    planned: Sequence[Planned],
    report: ReplenishReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
) -> None:
    plan = _concat([order_rows(p, now=now) for p in planned], PLAN_COLUMNS)
    done = propose(db, plan, now=now, skus=skus)
    report.orders_created, report.orders_withdrawn = done.orders_created, done.orders_withdrawn
    report.lines_added, report.lines_changed = done.lines_added, done.lines_changed
    report.lines_removed = done.lines_removed
    minimum = _concat([p.table for p in planned], ("vendor", "min_order_value")).unique("vendor")
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


def _alert(
    db: psycopg.Connection,
    planned: Sequence[Planned],
    report: ReplenishReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
) -> None:
    found = [alert for p in planned for alert in alerts.position_alerts(iter(situations(p)))]
    report.alerts_raised, report.alerts_resolved = replace_alerts(
        db, found, kinds=alerts.POSITION_KINDS, now=now, skus=skus
    )
    if skus is None:
        late = [
            alerts.late_order_alert(**row, today=now.date())
            for row in late_orders(db, today=now.date())
        ]
        raised, resolved = replace_alerts(db, late, kinds=[alerts.LATE_PURCHASE_ORDER], now=now)
        report.alerts_raised += raised
        report.alerts_resolved += resolved


def situations(planned: Planned) -> list[alerts.Situation]:
    """Positions that are not healthy, as alerts see them."""
    at = planned.positions
    sellable = at.on_hand_units - at.committed_units
    words = health.stock_health(
        sellable_units=sellable,
        reorder_point_units=planned.policy.reorder_point_units,
        order_up_to_units=planned.policy.order_up_to_units,
        demand_per_day_units=planned.demand_per_day_units,
    )
    cover = health.days_of_cover(
        sellable_units=sellable, demand_per_day_units=planned.demand_per_day_units
    )
    return [
        alerts.Situation(
            sku=planned.table["sku"][row],
            location=planned.table["location"][row],
            health=str(words[row]),
            sellable_units=float(sellable[row]),
            on_order_units=float(at.on_order_units[row]),
            reorder_point_units=float(planned.policy.reorder_point_units[row]),
            order_up_to_units=float(planned.policy.order_up_to_units[row]),
            cover_days=float(cover[row]),
            demand_per_day_units=float(planned.demand_per_day_units[row]),
            proposed_units=float(planned.plan.quantity_units[row]),
        )
        for row in np.flatnonzero(words != health.HEALTHY).tolist()
    ]


def _concat(frames: Sequence[pl.DataFrame], columns: Sequence[str]) -> pl.DataFrame:
    if not frames:
        return pl.DataFrame(schema=dict.fromkeys(columns, pl.String)).with_columns(
            pl.col(c).cast(pl.Float64)
            for c in columns
            if c in ("quantity", "unit_cost", "min_order_value")
        )
    return pl.concat([frame.select(columns) for frame in frames])
