"""The daily job's own orders as a policy to replay, on forecasts as they would have been.

What is called is what `vouch replenish` calls: windows of demand over lead time and review period
(`inventory.base_stock`), lots, targets and reorder points (`pipelines.policies.decided`), orders
(`inventory.order_plan.plan_orders`), supplier minimums and trucks (`pipelines.order_plans`).

Lead times are certain in a replay, so no stock is kept for late ones; demand follows the sample
paths of the forecast, and budgets are not bound.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from inventory.base_stock import extended, window_demand
from inventory.demand import DemandForecast, Floats
from inventory.order_plan import Positions, plan_orders
from inventory.policy.lot_size import on_grid
from inventory.simulate import Decide, StockState
from inventory.store.demand_windows import Windows
from inventory.targets import CYCLE_SERVICE
from pipelines.demand_windows import KEY, RATE_DAYS
from pipelines.forecast_orders import PastForecasts
from pipelines.needs import outdating_of
from pipelines.order_baselines import Case
from pipelines.order_plans import Drafts, filled
from pipelines.policies import Decided, decided
from pipelines.replay_terms import Bought


@dataclass(frozen=True, slots=True)
class PlannedOrders:
    """The policy of `vouch replenish`.

    service_level : cycle service for all, in place of what rules, settings or costs say, where
        given. Series without history order nothing.
    """

    forecasts: PastForecasts
    service_level: float | None = None

    def __call__(self, case: Case, origin: int) -> Decide:
        """The policy."""
        assert case.bought is not None
        bought = self._targeted(case.bought)

        def order(t: int, state: StockState) -> Floats:
            forecast, row_of = self.forecasts.plain(origin, t + 1)
            rows = row_of[case.rows]
            known = np.flatnonzero(rows >= 0)
            units = np.zeros(len(rows))
            units[known] = quantities(
                forecast.select(rows[known]), state.select(known), bought.select(known),
                seed=self.forecasts.seed,
            )  # fmt: skip
            return units

        return order

    def _targeted(self, bought: Bought) -> Bought:
        if self.service_level is None:
            return bought
        table = bought.table.with_columns(
            pl.lit(CYCLE_SERVICE).alias("target_kind"), pl.lit(self.service_level).alias("level")
        )
        return Bought(table, bought.prices, bought.period_days)


def quantities(forecast: DemandForecast, state: StockState, bought: Bought, *, seed: int) -> Floats:
    """What the daily job would order of N series, shape (N,), units."""
    chosen = policy_of(forecast, bought, seed=seed)
    positions = positions_of(chosen, state, period_days=bought.period_days)
    may_order = np.ones(len(bought.table), dtype=bool)
    plan = plan_orders(
        chosen.policy, positions, chosen.constraints, may_order=may_order, orders=bought.orders,
        can_order_units=chosen.demand_per_day_units * chosen.joint_days,
    )  # fmt: skip
    return filled(Drafts(chosen, positions, bought.orders, may_order), plan, []).quantity_units


def positions_of(chosen: Decided, state: StockState, *, period_days: int) -> Positions:
    """Simulated stock as the daily job reads positions: nothing is committed."""
    return Positions(
        state.on_hand_units, state.pipeline_units.sum(axis=1), np.zeros(len(chosen.table)),
        _outdating(chosen, state, period_days),
    )  # fmt: skip


def policy_of(forecast: DemandForecast, bought: Bought, *, seed: int) -> Decided:
    """Reorder points and lots of N series from a forecast that begins now."""
    table = bought.table
    timed = {
        "lead_time_days": bought.period_days * bought.periods("lead_time_days"),
        "review_period_days": bought.period_days * bought.periods("review_period_days"),
    }
    demand = window_demand(
        forecast, **timed, lead_time_sd_days=np.zeros(len(table)), seed=seed
    )  # fmt: skip
    ahead = -(-RATE_DAYS // forecast.period_days)
    rate = extended(forecast, horizon=ahead).mean_units[:, :ahead].mean(axis=1)
    windows = table.select(*KEY).with_columns(
        pl.Series("lead_time_mean", demand.lead_time_mean_units),
        pl.Series("review_mean", demand.review_mean_units),
        pl.Series("demand_rate", on_grid(rate / forecast.period_days)),
    )
    table = table.with_columns(pl.Series(name, days) for name, days in timed.items())
    return decided(table, Windows(windows, demand.quantiles_units), bought.prices)


def _outdating(chosen: Decided, state: StockState, period_days: int) -> Floats | float:
    """Units on hand that will expire in the window unsold, shape (N,)."""
    recent = state.recent_units
    if recent is None or not recent.shape[1]:
        return 0.0
    N, kept = recent.shape
    # What came at the start of the period that has just ended is one period old.
    age = np.tile(np.arange(kept, 0, -1.0) * period_days, N)
    return outdating_of(
        chosen, np.repeat(np.arange(N), kept), state.on_hand_units, age_days=age,
        received_units=recent.ravel(),
    )  # fmt: skip
