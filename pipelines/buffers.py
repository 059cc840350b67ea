"""Promise buffers from the forecast in force, for every rule that leaves its units to the forecast.

A rule's `forecast` is JSON with

    cancellation_cost   money lost by cancelling a promised unit (required, or `level`)
    margin              money earned per unit sold; by default price − unit cost of the SKU
    level               how sure to be, 0..1, instead of the two costs
    exposure_days       from the last feed until the pick, default 1
    competing_share     share of the forecast that can take the unit, default 1
    record_error_units  allowance for wrong records, default 0
    floor               least units to withhold, default 0
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import psycopg

from inventory.base_stock import starting_on
from inventory.demand import DemandForecast, Floats
from inventory.promise_buffer import Exposure, PromiseBuffer, exposure_of, promise_buffer
from inventory.store.effective_forecasts import read_effective
from inventory.store.forecast_buffers import (
    BUFFER_COLUMNS,
    has_rules,
    read_committed_days,
    read_exposed,
    write_buffers,
)
from inventory.store.planning_exceptions import FOUND_SCHEMA

SECONDS_PER_DAY = 86_400


@dataclass(slots=True)
class BuffersReport:
    """What a run did. `written` counts new and changed rows: zero when nothing changed."""

    rules: int = 0
    positions: int = 0
    written: int = 0
    removed: int = 0
    problems: list[str] = field(default_factory=list)


NO_RULES = {
    "kind": "no_buffer_rules", "sku": None, "location": None, "vendor": None,
    "subject": "promise buffers",
    "message": "no rule sets a promise buffer: stores may promise all that is on hand, whatever "
    "the forecast says",
    "remedy": "add rules for stores with `vouch buffers --add-rules COST`, COST being what a "
    "broken promise costs, or your own with `vouch import buffer-rules FILE`",
    "blocks": False,
}  # fmt: skip


def without_rules(db: psycopg.Connection) -> pl.DataFrame:
    """That there is no rule, where stores promise what is forecast: columns `FOUND_SCHEMA`."""
    rows = [] if has_rules(db) else [NO_RULES]
    return pl.DataFrame(rows, schema=FOUND_SCHEMA, orient="row")


@dataclass(frozen=True, slots=True)
class ForecastRule:
    """A rule as the forecast step needs it."""

    exposure: Exposure
    level: float | None
    cancellation_cost: float | None
    margin: float | None

    def levels(self, margin_by_position: Floats) -> Floats:
        """α per position, shape (n,); not a number where no margin says what a sale is worth."""
        if self.level is not None:
            return np.full(len(margin_by_position), self.level)
        assert self.cancellation_cost is not None
        margin = (
            margin_by_position
            if self.margin is None
            else np.full(len(margin_by_position), self.margin)
        )
        cost = self.cancellation_cost
        levels: Floats = np.where(margin > 0, cost / (cost + np.maximum(margin, 0)), np.nan)
        return levels


def compute_buffers(
    db: psycopg.Connection, *, now: datetime, seed: int, skus: Sequence[str] | None = None
) -> BuffersReport:
    """Work out and store units per rule, position and day; again with the same input, no change.

    What cannot be worked out (a rule without costs, a SKU that earns nothing) is a sentence in
    `problems`; the rule's floor still holds there, because availability applies it by itself.
    """
    report = BuffersReport()
    exposed = read_exposed(db, skus=skus)
    committed = read_committed_days(db, now=now, skus=skus)
    rows: list[tuple[object, ...]] = []
    forecasts = read_effective(db, now=now, skus=skus) if len(exposed) else []
    report.rules = exposed.get_column("rule_id").n_unique()
    for (rule_id, wording, timezone), positions in exposed.group_by(
        ["rule_id", "forecast", "timezone"], maintain_order=True
    ):
        rule = parse_rule(str(rule_id), str(wording), report.problems)
        if rule is None:
            continue
        local = now.astimezone(ZoneInfo(str(timezone)))
        for forecast in forecasts:
            rows += _rows(
                forecast,
                positions,
                committed,
                rule_id=str(rule_id),
                rule=rule,
                local=local,
                seed=seed,
                problems=report.problems,
            )
    buffers = pl.DataFrame(rows, schema=_SCHEMA, orient="row")
    report.positions = len(buffers)
    report.written, report.removed = write_buffers(db, buffers, now=now, skus=skus)
    return report


_SCHEMA = dict.fromkeys(BUFFER_COLUMNS, pl.String) | {"first_day": pl.Date, "level": pl.Float64}


def parse_rule(rule_id: str, wording: str, problems: list[str]) -> ForecastRule | None:
    """The rule in its JSON; None, with a sentence in `problems`, where it cannot be followed."""
    given: dict[str, Any] = json.loads(wording)
    level, cost = given.get("level"), given.get("cancellation_cost")
    exposure = exposure_of(given)
    if level is not None and not 0 < float(level) < 1:
        problems.append(f"buffer rule '{rule_id}': 'level' must lie between 0 and 1")
        return None
    if level is None and not (cost and float(cost) > 0):
        problems.append(
            f"buffer rule '{rule_id}': give 'cancellation_cost' above 0, or 'level' between 0 and 1"
        )
        return None
    if not (exposure.exposure_days > 0 and 0 < exposure.competing_share <= 1):
        problems.append(
            f"buffer rule '{rule_id}': 'exposure_days' must be above 0, and 'competing_share' "
            "above 0 and at most 1"
        )
        return None
    margin = given.get("margin")
    return ForecastRule(
        exposure=exposure,
        level=None if level is None else float(level),
        cancellation_cost=None if cost is None else float(cost),
        margin=None if margin is None else float(margin),
    )


def _rows(
    forecast: DemandForecast,
    positions: pl.DataFrame,
    committed: pl.DataFrame,
    *,
    rule_id: str,
    rule: ForecastRule,
    local: datetime,
    seed: int,
    problems: list[str],
) -> list[tuple[object, ...]]:
    """Buffer rows of one rule for the positions that one forecast run covers."""
    series = pl.DataFrame({
        "sku": forecast.skus, "location": forecast.locations,
        "series": np.arange(len(forecast.skus)),
    })  # fmt: skip
    covered = positions.join(series, on=["sku", "location"], maintain_order="left")
    levels = rule.levels((covered["price"] - covered["unit_cost"]).to_numpy())
    priceless = int(np.isnan(levels).sum())
    if priceless:
        problems.append(
            f"buffer rule '{rule_id}': {priceless} positions earn no margin (price − unit cost); "
            "set prices, or 'margin' in the rule"
        )
    covered, levels = covered.filter(~np.isnan(levels)), levels[~np.isnan(levels)]
    if forecast.period_days != 1 or not len(covered):
        return []
    keys = list(zip(covered["sku"], covered["location"], strict=True))
    today = local.date()
    chosen = starting_on(forecast.select(covered["series"].to_numpy()), today)
    elapsed = elapsed_share(local) if chosen.first_day == today else 0.0
    known = known_units(
        keys, committed, first_day=chosen.first_day, days=chosen.horizon, exposure=rule.exposure
    )
    buffer = promise_buffer(
        chosen,
        rule.exposure,
        level=levels,
        days=chosen.horizon,
        elapsed_share_of_first_day=elapsed,
        known_units=known,
        seed=seed,
    )
    return [
        (
            rule_id, sku, location, chosen.first_day,
            "{" + ",".join(map(str, buffer.units[row])) + "}",
            float(np.float32(levels[row])), forecast.run_id,
            json.dumps(explanation(rule_id, buffer, row, level=levels[row], forecast=forecast)),
        )
        for row, (sku, location) in enumerate(keys)
    ]  # fmt: skip


def explanation(
    rule_id: str, buffer: PromiseBuffer, row: int, *, level: float, forecast: DemandForecast
) -> dict[str, object]:
    """Why so many units: per day, terms that sum to the units; zero terms are left out."""
    run = f"forecast run {forecast.run_id}"
    sources = {
        "competing_demand": f"{level:.3f} quantile, {run}",
        "already_committed": "open commitments of the window",
    }
    days = [
        [
            {
                "term": name,
                "quantity": float(units[row, t]),
                "source": sources.get(name, f"rule {rule_id}"),
            }
            for name, units in buffer.terms.items()
            if units[row, t]
        ]
        for t in range(buffer.units.shape[1])
    ]
    return {"terms": days[0] if days else [], "days": days, "run_id": forecast.run_id}


def elapsed_share(local: datetime) -> float:
    """How much of the local day is over, in [0, 1)."""
    return (local.hour * 3600 + local.minute * 60 + local.second) / SECONDS_PER_DAY


def known_units(
    keys: Sequence[tuple[str, str]],
    committed: pl.DataFrame,
    *,
    first_day: date,
    days: int,
    exposure: Exposure,
) -> Floats:
    """Open commitments in the window of each day, shape (n, days), units.

    What is overdue sits in day 0, as it does in availability.
    """
    ahead = math.ceil(exposure.exposure_days)
    due = np.zeros((len(keys), days + ahead))
    index = {key: row for row, key in enumerate(keys)}
    for sku, location, day, units in committed.iter_rows():
        row = index.get((sku, location))
        t = max((day - first_day) // timedelta(days=1), 0)
        if row is not None and t < days + ahead:
            due[row, t] += units
    window: Floats = np.lib.stride_tricks.sliding_window_view(due, ahead, axis=1).sum(axis=2)
    return window[:, :days] * exposure.competing_share
