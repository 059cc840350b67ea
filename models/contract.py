"""What every forecaster promises, so that any of them can be a member of the ensemble."""

from typing import Protocol, Self

from features.frame import Panel
from inventory.demand import DemandForecast, Floats


class Forecaster(Protocol):
    """fit(panel) → predict(panel, horizon, levels).

    Deterministic: the same panel and seed give the same forecast. A fitted forecaster can predict
    from a panel that has grown since, so that one training serves several origins.
    """

    name: str

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Learn from the panel's history. Never changes it, never reads beyond its origin."""

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """Forecast the `horizon` periods right after the panel's origin, one row per series."""
