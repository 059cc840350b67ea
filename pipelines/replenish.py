"""Policies for every position with a forecast, proposed transfers and orders, and alerts.

What another location can send sooner or cheaper is proposed as a transfer first, and the orders are
for the rest: a need is covered once.

Run again with the same input it changes nothing. What cannot be planned (a SKU without vendor or
cost, an order below the vendor's minimum) is an exception that planners can work through, never a
crash and never a silent default.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
import psycopg

from inventory.store import (
    lead_times,
    low_marks,
    policy_recomputes,
    proposed_moves,
    shared_terms,
    transfer_lanes,
)
from inventory.store.auto_approval import approve_by_rules
from inventory.store.effective_forecasts import days_forecast
from inventory.store.order_proposals import PLAN_COLUMNS, propose
from inventory.store.planning_exceptions import FOUND_SCHEMA, replace_exceptions
from inventory.store.policies import read_positions
from pipelines import planning_exceptions as exceptions
from pipelines import policies
from pipelines.buffers import without_rules
from pipelines.demand_windows import KEY
from pipelines.networks import circles
from pipelines.order_plans import Planned, plan_for
from pipelines.policy_text import line_texts
from pipelines.settings import Settings
from pipelines.stock_alerts import refresh_alerts
from pipelines.transfer_looks import Season
from pipelines.transfers import NO_LANES, TransferReport, propose_transfers

STOCK = ("on_hand", "on_order", "committed", "firmed")
"""Columns of positions that transfers change."""


@dataclass(slots=True)
class ReplenishReport:
    """What a run did. Everything but `policies` and `triggered` counts changes."""

    policies: int = 0
    policies_changed: int = 0
    triggered: int = 0
    transfers_created: int = 0
    transfer_lines: int = 0
    transfers_approved: int = 0
    orders_created: int = 0
    orders_withdrawn: int = 0
    lines_added: int = 0
    lines_changed: int = 0
    lines_removed: int = 0
    orders_approved: int = 0
    alerts_raised: int = 0
    alerts_resolved: int = 0
    exceptions_opened: int = 0
    exceptions_resolved: int = 0
    problems: list[str] = field(default_factory=list)


def replenish(
    db: psycopg.Connection,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    asked: bool = False,
) -> ReplenishReport:
    """Policies, proposals and alerts for the positions of the forecasts in force.

    Parameters
    ----------
    settings : gives the service level where no rule says otherwise, the holding and the order cost
        where a SKU gives none, and the seed.
    skus : only these and what is ordered together with them (`shared_terms`); orders and alerts of
        others stay as they are.
    asked : whether a person asked for what changes: then no change of a policy waits for one.
    """
    report = ReplenishReport()
    if skus is not None:
        skus = shared_terms.ordered_together(db, skus, today=now.date())
    asked_for = policy_recomputes.asked(db, skus=skus)
    table, report.policies_changed, decided = _in_force(
        db, settings, now=now, skus=skus, asked=asked
    )
    decided, unmet = _moved(db, decided, settings, report, now=now, skus=skus)
    planned = plan_for(
        db, decided, currency=settings.currency, now=now,
        refused_days=settings.refused_order_days, skus=skus,
    )  # fmt: skip
    report.policies = len(planned.table)
    report.triggered = int(planned.plan.triggered.sum())
    low_marks.refresh(db, skus=skus, now=now)
    lines = _propose(db, planned, report, now=now, skus=skus)
    found = exceptions.together([
        exceptions.of_positions(table), circles(table), _unsettled(db, planned, now=now),
        exceptions.without_history(db, skus=skus),
        decided.prices.exceptions(decided.table), planned.exceptions,
        exceptions.of_calendars(planned.table), without_rules(db), unmet,
        exceptions.without_address(planned.table.join(lines, on=["sku", "location"], how="semi")),
    ])  # fmt: skip
    report.exceptions_opened, report.exceptions_resolved = replace_exceptions(
        db, found, now=now, skus=skus
    )
    report.problems += exceptions.sentences(found)
    policy_recomputes.answered(db, asked_for)
    told = refresh_alerts(db, now=now, skus=skus)
    report.alerts_raised, report.alerts_resolved = told.raised, told.resolved
    return report


def propose_moves(
    db: psycopg.Connection,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    season: Season | None = None,
) -> TransferReport:
    """`propose_transfers` alone, with what hubs send by the policies that are in force then."""
    decided = None
    if transfer_lanes.hubs_supply(db):
        if skus is not None:
            skus = shared_terms.ordered_together(db, skus, today=now.date())
        decided = _in_force(db, settings, now=now, skus=skus)[-1]
    return propose_transfers(db, settings, now=now, skus=skus, season=season, decided=decided)


def _in_force(
    db: psycopg.Connection,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str] | None,
    asked: bool = False,
) -> tuple[pl.DataFrame, int, policies.Decided]:
    """Positions, how many policies changed, and those that are in force now."""
    lead_times.refresh(db, now=now)
    table = read_positions(db, now=now, skus=skus).with_columns(
        pl.col("currency", "vendor_currency").fill_null(settings.currency)
    )
    bought = table.filter(pl.col("vendor").is_not_null()).with_columns(
        pl.col("shelf_life_days").replace(0.0, None)
    )
    decided = policies.decide(db, bought, settings, now=now, skus=skus)
    return table, *policies.write(db, decided, now=now, asked=asked)


def _unsettled(db: psycopg.Connection, planned: Planned, *, now: datetime) -> pl.DataFrame:
    days = days_forecast(db)
    last = now.date() if days is None else days[1]
    limits = planned.decided.constraints
    return exceptions.of_settled(planned.table, limits, forecast_until=last, today=now.date())


def _moved(
    db: psycopg.Connection,
    decided: policies.Decided,
    settings: Settings,
    report: ReplenishReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
) -> tuple[policies.Decided, pl.DataFrame]:
    """Propose transfers; returns the positions as they are when rules approved some, and what
    hubs cannot send, columns `FOUND_SCHEMA`.
    """
    moved = propose_transfers(db, settings, now=now, skus=skus, decided=decided)
    unmet = pl.DataFrame(moved.unmet, schema=FOUND_SCHEMA)
    report.transfers_created, report.transfer_lines = moved.transfers_created, moved.lines
    report.transfers_approved = len(moved.approved)
    # Who has no ways between locations does not want to hear of that every day.
    report.problems += [problem for problem in moved.problems if problem != NO_LANES]
    if not moved.approved:
        return decided, unmet
    changed = proposed_moves.skus_of(db, moved.approved)
    stock = read_positions(db, now=now, skus=changed).select(*KEY, *STOCK)
    joined = decided.table.join(
        stock, on=KEY, how="left", suffix="_now", maintain_order="left"
    ).with_columns(pl.coalesce(f"{name}_now", name).alias(name) for name in STOCK)
    table = joined.drop(f"{name}_now" for name in STOCK)
    return replace(decided, table=table), unmet


def order_rows(planned: Planned, *, now: datetime) -> pl.DataFrame:
    """Lines to propose, columns `PLAN_COLUMNS`."""
    ordered = np.flatnonzero(planned.plan.quantity_units > 0)
    lines = planned.table[ordered]
    texts = line_texts(planned, rows=ordered.tolist())
    today = now.date()
    arrivals = [today + timedelta(days=math.ceil(days)) for days in lines["transit_days"]]
    return lines.select(
        "vendor",
        "location",
        "sku",
        pl.Series("quantity", planned.plan.quantity_units[ordered]).cast(pl.Int64),
        pl.Series("unit_cost", planned.unit_cost[ordered]),
        pl.Series("explanation", texts, dtype=pl.String),
        "run_id",
        pl.Series("expected_on", arrivals, dtype=pl.Date),
        pl.col("vendor_currency").alias("currency"),
    )  # fmt: skip


def _propose(
    db: psycopg.Connection,
    planned: Planned,
    report: ReplenishReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
) -> pl.DataFrame:
    """Put the lines into drafts; returns them."""
    plan = order_rows(planned, now=now).select(PLAN_COLUMNS)
    done = propose(db, plan, now=now, skus=skus)
    report.orders_created, report.orders_withdrawn = done.orders_created, done.orders_withdrawn
    report.lines_added, report.lines_changed = done.lines_added, done.lines_changed
    report.lines_removed = done.lines_removed
    if skus is None:
        report.orders_approved = len(approve_by_rules(db, now=now, currency=planned.currency))
    return plan
