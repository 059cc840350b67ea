"""Our own orders as a policy to replay: forecasts as they would have been, and the next order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from features.frame import SERIES, Panel
from inventory.demand import LEVELS, DemandForecast, Floats
from inventory.next_order import UnitCosts, next_order
from inventory.periodic_review import shortage_cost_of
from inventory.simulate import Decide, StockState
from models.ensemble import Ensemble
from models.members import Preset
from pipelines.order_baselines import Case, Terms
from pipelines.order_forecast import order_forecast
from pipelines.predict import fit_ensemble
from pipelines.replay_demand import Rows


@dataclass(slots=True)
class PastForecasts:
    """Forecasts of a panel from any period of its past, each made once.

    longest_periods : of lead time and review period of any case, which models are fitted for.
    Models are fitted once per window, at its origin, and then only told of what sold later.
    """

    panel: Panel
    longest_periods: int
    preset: Preset = "fast"
    seed: int = 7
    threads: int = 1
    progress: Callable[[str], None] = lambda _: None
    _fitted: dict[int, Ensemble] = field(default_factory=dict)
    _made: dict[tuple[int, int], DemandForecast] = field(default_factory=dict)
    _for_orders: dict[tuple[int, ...], tuple[DemandForecast, Rows]] = field(default_factory=dict)

    def as_of(self, origin: int, later: int, terms: Terms) -> tuple[DemandForecast, Rows]:
        """The forecast `later` periods after a window's origin, and its row per series (or -1).

        origin : counted from the first period recorded.
        """
        times = (terms.lead_time_periods, terms.review_periods)
        key = (origin, later, *times)
        if key not in self._for_orders:
            then = self._until(origin + later)
            forecast = order_forecast(
                self._forecast(origin, later, then), then, lead_time_periods=times[0],
                review_periods=times[1],
            )  # fmt: skip
            self._for_orders[key] = (forecast, self._row_of(then))
        return self._for_orders[key]

    def plain(self, origin: int, later: int) -> tuple[DemandForecast, Rows]:
        """The ensemble's own, as the daily job stores it, and its row per series (or -1)."""
        then = self._until(origin + later)
        return self._forecast(origin, later, then), self._row_of(then)

    def _row_of(self, then: Panel) -> Rows:
        rows = self.panel.series.join(
            then.series.with_row_index("row"), on=SERIES, how="left", maintain_order="left"
        )
        found: Rows = rows["row"].cast(int).fill_null(-1).to_numpy()
        return found

    def _forecast(self, origin: int, later: int, then: Panel) -> DemandForecast:
        if (origin, later) not in self._made:
            self._made[origin, later] = self._ensemble(origin).predict(
                then, horizon=self.longest_periods, levels=np.array(LEVELS)
            )
        return self._made[origin, later]

    def _ensemble(self, origin: int) -> Ensemble:
        if origin not in self._fitted:
            then = self._until(origin)
            self.progress(f"forecasting from {then.origin} on")
            self._fitted[origin] = fit_ensemble(
                then, horizon=self.longest_periods, preset=self.preset, seed=self.seed,
                threads=self.threads,
            )  # fmt: skip
        return self._fitted[origin]

    def _until(self, period: int) -> Panel:
        step = timedelta(days=self.panel.period_days)
        return self.panel.until(self.panel.first_recorded + period * step)


@dataclass(frozen=True, slots=True)
class ForecastOrders:
    """The policy of `vouch order`: what `inventory.next_order` says of each forecast.

    service_level : in place of what the costs make best, where given: that a period between orders
        is without shortage. Series without history order nothing.
    """

    forecasts: PastForecasts
    service_level: float | None = None

    def __call__(self, case: Case, origin: int) -> Decide:
        """The policy."""
        terms, costs = case.terms, self._costs(case.terms.costs)

        def order(t: int, state: StockState) -> Floats:
            forecast, row_of = self.forecasts.as_of(origin, t + 1, terms)
            rows = row_of[case.rows]
            known = rows >= 0
            units = np.zeros(len(rows))
            units[known] = next_order(
                forecast.select(rows[known]), state.select(known), costs.select(known),
                lead_time_periods=terms.lead_time_periods, review_periods=terms.review_periods,
                lost_sales=terms.lost_sales, seed=self.forecasts.seed,
                shelf_life_periods=terms.shelf_life_periods,
            ).quantity_units  # fmt: skip
            return units

        return order

    def _costs(self, costs: UnitCosts) -> UnitCosts:
        """With the shortage cost at which the level is best, a period between orders."""
        if self.service_level is None:
            return costs
        holding = np.where(np.asarray(costs.holding) > 0, costs.holding, 1.0)
        odds = shortage_cost_of(
            service_level=self.service_level, holding_cost=1.0, review_periods=1
        )
        return UnitCosts(holding, holding * odds, costs.waste)
