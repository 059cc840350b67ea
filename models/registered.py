"""The registered model, as MLflow loads it: from this code, not from a pickle.

MLflow runs this file and takes what `set_model` is given. The model's artifact is the folder that
`Ensemble.save` wrote. Input is one long table: rows with `units` are the history, the rows after
them, without, are the periods ahead and what is known of them.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import polars as pl

from features.frame import DATE, IN_STOCK, KEY, LOCATION, SKU, UNITS, Panel, check
from inventory.demand import LEVELS, DemandForecast
from models.ensemble import Ensemble

HORIZON_DEFAULT = 14


class RegisteredForecaster(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
    """The ensemble behind MLflow's `predict(table, params={"horizon": 14})`."""

    ensemble: Ensemble

    def load_context(self, context: Any) -> None:  # noqa: ANN401  MLflow's own type is private
        """Read the ensemble from the model's artifacts."""
        self.ensemble = Ensemble.load(Path(context.artifacts["ensemble"]))

    def predict(
        self,
        context: Any,  # noqa: ANN401
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """One row per series and period: sku, location, date, mean, q0.01 ... q0.995."""
        del context
        panel = panel_of(model_input, period_days=self.ensemble.period_days)
        horizon = int((params or {}).get("horizon", HORIZON_DEFAULT))
        return long_table(self.ensemble.predict(panel, horizon=horizon, levels=np.array(LEVELS)))


def panel_of(table: pd.DataFrame, *, period_days: int) -> Panel:
    """The panel in a long table; the origin is the last date with units.

    Raises
    ------
    features.frame.BadFrame
        Columns are missing, or periods are.
    """
    frame = pl.from_pandas(table).with_columns(pl.col(DATE).cast(pl.Date)).sort(KEY)
    origin = frame.filter(pl.col(UNITS).is_not_null())[DATE].max()
    history = frame.filter(pl.col(DATE) <= origin).with_columns(pl.col(IN_STOCK).fill_null(1.0))
    known_ahead = frame.filter(pl.col(DATE) > origin).drop(UNITS, IN_STOCK)
    return Panel(
        history=check(history, period_days=period_days),
        future=known_ahead,
        period_days=period_days,
    )


def table_of(panel: Panel) -> pd.DataFrame:
    """A panel as the long table that `panel_of` reads."""
    future = panel.future.with_columns(
        pl.lit(None, dtype=pl.Float64).alias(UNITS), pl.lit(1.0).alias(IN_STOCK)
    )
    # Columns of the past alone stay, empty after it: MLflow passes on what the signature names.
    table = pl.concat([panel.history, future], how="diagonal_relaxed").sort(KEY)
    dates = pl.col(DATE).cast(pl.Datetime("ns"))
    return table.with_columns(dates, pl.col(UNITS, IN_STOCK).cast(pl.Float64)).to_pandas()


def long_table(forecast: DemandForecast) -> pd.DataFrame:
    """The forecast as one row per series and period."""
    N, H, Q = forecast.quantiles_units.shape
    flat = forecast.quantiles_units.reshape(N * H, Q)
    return pd.DataFrame(
        {
            SKU: np.repeat(np.array(forecast.skus, dtype=object), H),
            LOCATION: np.repeat(np.array(forecast.locations, dtype=object), H),
            DATE: pd.to_datetime(forecast.days * N),
            "mean": forecast.mean_units.reshape(-1),
        }
        | {f"q{level:g}": flat[:, i] for i, level in enumerate(forecast.levels)}
    )


mlflow.models.set_model(RegisteredForecaster())
