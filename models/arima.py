"""ARIMA with regressors, one model per series: the member that knows one item's own history best.

    g(demand) = calendar and covariates (ridge) + ARIMA errors

g is the square root or the logarithm, chosen per series. Quantiles come from the predictive
distribution on that scale, so they are skewed as demand is, and the mean is the mean of that
distribution rather than its back-transformed middle. A series that mostly sells nothing gets the
negative binomial of `models.intermittent` instead: an ARIMA model of zeros is no model.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from features.demand import dense_demand
from features.frame import LOCATION, SERIES, SKU, Panel
from inventory.demand import DemandForecast, Floats
from models import arma
from models.baseline import forecast_of
from models.deseasonal import (
    YEARS_MIN_FOR_SEASON,
    Regression,
    calendar_columns,
    from_scale,
    regress,
    to_scale,
)
from models.intermittent import (
    demand_variance,
    negative_binomial_quantiles_units,
    rate_units,
)
from models.known_ahead import all_dates, closed_periods, covariate_names, covariates

ZERO_SHARE_MAX = 0.5
"""Above this share of known periods without a sale, a series is treated as intermittent."""

PERIODS_MAX = 1096
"""Three years: older seasons are another assortment's."""

SERIES_PER_CHUNK = 256
"""Series solved in one batch, and handed to one process at a time."""

SERIES_MIN_FOR_PROCESSES = 200
"""Below this, starting processes costs more than it saves."""

PATH_LEVELS = (np.arange(64) + 0.5) / 64
"""Probabilities over which the mean is taken."""

Answer = TypeVar("Answer")


class ArimaForecaster:
    """Regression with ARIMA errors per series. Local: each series on its own evidence.

    `fit` estimates; `predict` filters the panel at hand with those estimates, and estimates series
    that `fit` did not see. Uses `threads` processes.
    """

    name = "arima"

    def __init__(self, *, seed: int = 0, threads: int = 1) -> None:
        del seed  # Nothing is drawn.
        self.threads = threads
        self.names: tuple[str, ...] = ()
        self.yearly = False
        self.models = pl.DataFrame(schema={SKU: pl.String, LOCATION: pl.String})

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Estimate one model per series."""
        del horizon
        self.names = covariate_names(panel)
        dates = all_dates(panel, horizon=0)
        self.yearly = len(dates) * panel.period_days >= YEARS_MIN_FOR_SEASON * 365.25
        demand, columns, _ = self._arrays(panel, horizon=0)
        self.models = _as_table(panel.series, self._estimate(demand, columns))
        return self

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """Forecast every series of the panel, of which some may be new since `fit`."""
        demand, columns, closed = self._arrays(panel, horizon=horizon)
        models = self._models_of(panel, demand, columns)
        chunks = [
            (demand[rows], columns[rows], models[rows], horizon, np.asarray(levels))
            for rows in _chunks(len(demand))
        ]
        answers = self._in_processes(_predict_chunk, chunks, series=len(demand))
        quantiles, mean, dependence = (
            np.concatenate(parts) for parts in zip(*answers, strict=True)
        )
        shut = closed[:, -horizon:]
        return forecast_of(
            panel,
            levels=levels,
            quantiles_units=np.where(shut[:, :, None], 0.0, quantiles),
            mean_units=np.where(shut, 0.0, mean),
            dependence=dependence,
        )

    def save(self, folder: Path) -> None:
        """Write what `load` needs: one row per series, and what the columns are."""
        folder.mkdir(parents=True, exist_ok=True)
        about = {"name": self.name, "covariates": self.names, "yearly": self.yearly}
        (folder / "member.json").write_text(json.dumps(about | {"threads": self.threads}))
        self.models.write_parquet(folder / "models.parquet")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""
        about = json.loads((folder / "member.json").read_text())
        loaded = cls(threads=about["threads"])
        loaded.names, loaded.yearly = tuple(about["covariates"]), about["yearly"]
        loaded.models = pl.read_parquet(folder / "models.parquet")
        return loaded

    def _arrays(self, panel: Panel, *, horizon: int) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        """Demand (N, T), columns (N, T + H, K) and closed periods (N, T + H), recent ones only."""
        demand = dense_demand(panel)
        known = covariates(panel, self.names, horizon=horizon)
        closed = closed_periods(demand, known)
        demand = np.where(closed[:, : demand.shape[1]], np.nan, demand)
        calendar = calendar_columns(
            all_dates(panel, horizon=horizon), period_days=panel.period_days, yearly=self.yearly
        )
        shared = np.broadcast_to(calendar, (len(demand), *calendar.shape))
        keep = PERIODS_MAX + horizon
        columns = np.concatenate([shared[:, -keep:], known[:, -keep:]], axis=2, dtype=np.float32)
        return demand[:, -PERIODS_MAX:], columns, closed

    def _estimate(self, demand: Floats, columns: Floats) -> Floats:
        """One row of numbers per series, (N, P)."""
        chunks = [(demand[rows], columns[rows]) for rows in _chunks(len(demand))]
        answers = self._in_processes(_estimate_chunk, chunks, series=len(demand))
        return np.concatenate(answers) if answers else np.empty((0, 0))

    def _models_of(self, panel: Panel, demand: Floats, columns: Floats) -> Floats:
        """The fitted models in the panel's row order; series new since `fit` are estimated now."""
        matched = panel.series.join(self.models, on=SERIES, how="left", maintain_order="left")
        new = matched.get_column("model").is_null().to_numpy() if "model" in matched else None
        if new is None or new.all():
            return self._estimate(demand, columns[:, : demand.shape[1]])
        width = len(self.models.get_column("model")[0])
        models = np.zeros((len(matched), width))
        models[~new] = matched.get_column("model").drop_nulls().to_numpy()
        if new.any():
            models[new] = self._estimate(demand[new], columns[new, : demand.shape[1]])
        return models

    def _in_processes(
        self, work: Callable[..., Answer], chunks: Sequence[tuple[object, ...]], *, series: int
    ) -> list[Answer]:
        from joblib import Parallel, delayed

        jobs = self.threads if series >= SERIES_MIN_FOR_PROCESSES else 1
        return list(Parallel(n_jobs=jobs)(delayed(work)(*chunk) for chunk in chunks))


def _chunks(series: int) -> list[slice]:
    return [slice(i, i + SERIES_PER_CHUNK) for i in range(0, series, SERIES_PER_CHUNK)]


def _as_table(series: pl.DataFrame, models: Floats) -> pl.DataFrame:
    return series.with_columns(pl.Series("model", list(models), dtype=pl.List(pl.Float64)))


def _estimate_chunk(demand: Floats, columns: Floats) -> Floats:
    """Regression and ARIMA errors of some series, as rows of numbers."""
    with arma.calm():
        regression = regress(demand, columns)
        errors = to_scale(demand, regression.logarithm) - regression.explained(columns)
        used = (regression.degrees / (~np.isnan(demand)).sum(axis=1).clip(min=1)).clip(max=0.5)
        fitted = [arma.estimate(row / np.sqrt(1 - u)) for row, u in zip(errors, used, strict=True)]
    return np.concatenate([_flat(regression), np.stack([f.flat() for f in fitted])], axis=1)


def _predict_chunk(
    demand: Floats, columns: Floats, models: Floats, horizon: int, levels: Floats
) -> tuple[Floats, Floats, Floats]:
    """Quantiles (n, H, Q), means (n, H) and dependence (n, 2) of some series."""
    width = columns.shape[2]
    regression, rest = _unflat(models, width), models[:, 3 + 4 * width :]
    explained = regression.explained(columns)
    T = demand.shape[1]
    errors = to_scale(demand, regression.logarithm) - explained[:, :T]
    fitted = [arma.unflat(row) for row in rest]
    with arma.calm():
        ahead = [arma.forecast(f, e, horizon=horizon) for f, e in zip(fitted, errors, strict=True)]
    middle = explained[:, T:] + np.stack([mean for mean, _ in ahead])
    deviation = np.sqrt(np.stack([variance for _, variance in ahead]))
    shapes = np.stack([f.shape for f in fitted])
    quantiles = _units_at(levels, middle, deviation, shapes, regression.logarithm)
    mean = _units_at(PATH_LEVELS, middle, deviation, shapes, regression.logarithm).mean(axis=2)
    dependence = np.stack([arma.dependence(f, horizon=horizon) for f in fitted])
    return (*_with_intermittent(demand, quantiles, mean, levels), dependence)


def _units_at(
    levels: Floats,
    middle: Floats,
    deviation: Floats,
    shapes: Floats,
    logarithm: NDArray[np.bool_],
) -> Floats:
    """Units (n, H, Q) at the levels: the series' own error shape, scaled and moved."""
    from scipy.special import ndtri

    normal = ndtri(levels)
    known = ndtri(arma.SHAPE_LEVELS)
    inside = np.stack([np.interp(normal, known, shape) for shape in shapes])
    slope = shapes[:, [0, -1]] / known[[0, -1]]
    beyond = np.where(normal < known[0], slope[:, :1], slope[:, 1:]) * normal
    shape = np.where((normal < known[0]) | (normal > known[-1]), beyond, inside)
    return from_scale(middle[:, :, None] + deviation[:, :, None] * shape[:, None, :], logarithm)


def _with_intermittent(
    demand: Floats, quantiles: Floats, mean: Floats, levels: Floats
) -> tuple[Floats, Floats]:
    """Replace the forecasts of series that mostly sell nothing."""
    known = (~np.isnan(demand)).sum(axis=1)
    rare = (demand > 0).sum(axis=1) < (1 - ZERO_SHARE_MAX) * known.clip(min=1)
    if rare.any():
        rate = rate_units(demand[rare], "tsb")
        spread = demand_variance(demand[rare], rate)
        counts = negative_binomial_quantiles_units(rate, spread, levels)
        quantiles[rare], mean[rare] = counts[:, None, :], rate[:, None]
    return quantiles, mean


def _flat(regression: Regression) -> Floats:
    """The regression as rows of numbers, for `_unflat`."""
    heads = np.stack([regression.logarithm, regression.intercept, regression.degrees], axis=1)
    parts = (regression.coefficients, regression.centre, regression.lowest, regression.highest)
    return np.concatenate([heads.astype(np.float64), *parts], axis=1)


def _unflat(rows: Floats, width: int) -> Regression:
    """Back from `_flat`."""
    starts = range(3, 3 + 4 * width, width) if width else [3] * 4
    coefficients, centre, lowest, highest = (rows[:, i : i + width] for i in starts)
    return Regression(
        logarithm=rows[:, 0] > 0,
        intercept=rows[:, 1],
        coefficients=coefficients,
        centre=centre,
        lowest=lowest,
        highest=highest,
        degrees=rows[:, 2],
    )
