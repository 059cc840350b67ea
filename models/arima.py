"""ARIMA with regressors, one model per series: the member that knows one item's own history best.

    g(demand) = calendar and covariates (pooled ridge) + ARIMA errors

g is the square root or the logarithm, chosen per series. Quantiles come from the predictive
distribution on that scale, so they are skewed as demand is, and the mean is the mean of that
distribution rather than its back-transformed middle. Items sold in whole units and not every
period get the negative binomial's quantiles around that mean: they have their mass at zero.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from features.demand import dense_demand
from features.frame import UNITS, Panel
from inventory.demand import DemandForecast, Floats
from models import arma
from models.baseline import forecast_of
from models.deseasonal import (
    PERIODS_MIN_FOR_MONTH,
    YEARS_MIN_FOR_SEASON,
    Learned,
    calendar_columns,
    explain,
    from_scale,
    learn,
    to_scale,
    with_shadows,
    year_before,
)
from models.intermittent import demand_variance, negative_binomial_quantiles_units
from models.known_ahead import all_dates, closed_periods, covariate_names, covariates
from models.pooled import Prior

PERIODS_MAX = 1096
"""Three years: older seasons are another assortment's."""

SERIES_PER_CHUNK = 256
"""Series solved in one batch: some 60 MB, however long their history."""

SERIES_LEARNED_FROM = 3000
"""What is usual among series is learned from so many of them, evenly spread over the panel."""

SELLING_SHARE_MIN = 0.75
"""Below this share of known periods with a sale, whole units are counted: see the module."""

PATH_LEVELS = (np.arange(64) + 0.5) / 64
"""Probabilities over which the mean is taken."""


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """A panel's arrays, recent periods only.

    demand : (N, T), NaN where unknown or closed. calendar : (T + H, C). known : (N, T + H, K), the
    covariates. closed : (N, T + H).
    """

    demand: Floats
    calendar: Floats
    known: Floats
    closed: NDArray[np.bool_]

    @property
    def horizon(self) -> int:
        return int(self.known.shape[1] - self.demand.shape[1])

    def rows(self, rows: slice) -> "Inputs":
        """Of some of the series."""
        return Inputs(self.demand[rows], self.calendar, self.known[rows], self.closed[rows])


class ArimaForecaster:
    """Regression with ARIMA errors per series; what effects are usual, it borrows from the panel.

    `fit` learns what is usual; `predict` solves each series of the panel at hand on its own
    evidence and that. Given the fit, a series' forecast depends on that series alone.
    """

    name = "arima"

    def __init__(self, *, seed: int = 0, threads: int = 1) -> None:
        del seed  # Nothing is drawn.
        self.threads = threads
        self.names: tuple[str, ...] = ()
        self.events: tuple[int, ...] = ()
        self.yearly = False
        self.year = 364
        self.monthly = False
        self.whole_units = False
        self.learned: Learned | None = None

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Learn which columns there are, and what their effects usually are."""
        del horizon
        self.whole_units = bool((panel.history[UNITS].drop_nulls() % 1 == 0).all())
        self.names = covariate_names(panel)
        periods = len(all_dates(panel, horizon=0))
        self.yearly = periods * panel.period_days >= YEARS_MIN_FOR_SEASON * 365.25
        self.year = 364 // panel.period_days
        self.monthly = periods >= PERIODS_MIN_FOR_MONTH
        inputs = self._inputs(panel, horizon=0)
        self.events = ()
        if self.monthly:
            named = range(len(self.names))
            self.events = tuple(k for k in named if len(np.unique(inputs.known[..., k])) == 2)  # noqa: PLR2004
        every = -(-len(inputs.demand) // SERIES_LEARNED_FROM)
        some = inputs.rows(slice(None, None, every))
        self.learned = learn(some.demand, self._columns(some))
        return self

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """Forecast every series of the panel, of which some may be new since `fit`."""
        from joblib import Parallel, delayed

        inputs = self._inputs(panel, horizon=horizon)
        chunks = range(0, len(inputs.demand), SERIES_PER_CHUNK)
        wanted = np.asarray(levels, dtype=np.float64)
        answers = Parallel(n_jobs=min(self.threads, len(chunks)), prefer="threads")(
            delayed(self._predict_chunk)(inputs.rows(slice(i, i + SERIES_PER_CHUNK)), wanted)
            for i in chunks
        )
        quantiles, mean, dependence = (
            np.concatenate(parts) for parts in zip(*answers, strict=True)
        )
        shut = inputs.closed[:, -horizon:]
        return forecast_of(
            panel,
            levels=levels,
            quantiles_units=np.where(shut[:, :, None], 0.0, quantiles),
            mean_units=np.where(shut, 0.0, mean),
            dependence=dependence,
        )

    def _predict_chunk(self, inputs: Inputs, levels: Floats) -> tuple[Floats, Floats, Floats]:
        """Quantiles (n, H, Q), means (n, H) and dependence (n, 2) of some series."""
        assert self.learned is not None, "fit first"
        horizon, T = inputs.horizon, inputs.demand.shape[1]
        explained = explain(inputs.demand, self._columns(inputs), self.learned)
        errors = to_scale(inputs.demand, explained.logarithm) - explained.fitted[:, :T]
        state = arma.run(errors / np.sqrt(1 - explained.used)[:, None])
        ahead, variance = arma.forecast(state, horizon=horizon)
        middle, deviation = explained.fitted[:, T:] + ahead, np.sqrt(variance)
        both = np.concatenate([levels, PATH_LEVELS])
        units = _units_at(both, middle, deviation, arma.shapes(state.standard), explained.logarithm)
        quantiles, mean = units[:, :, : len(levels)], units[:, :, len(levels) :].mean(axis=2)
        if self.whole_units:
            quantiles = _counted(inputs.demand, quantiles, mean, levels)
        return quantiles, mean, arma.dependence(state, horizon=horizon)

    def _inputs(self, panel: Panel, *, horizon: int) -> Inputs:
        demand = dense_demand(panel)
        known = covariates(panel, self.names, horizon=horizon)
        closed = closed_periods(demand, known)
        demand = np.where(closed[:, : demand.shape[1]], np.nan, demand)
        keep = PERIODS_MAX + horizon
        days = all_dates(panel, horizon=horizon)[-keep:]
        calendar = calendar_columns(
            days, period_days=panel.period_days, yearly=self.yearly, monthly=self.monthly
        )
        return Inputs(demand[:, -PERIODS_MAX:], calendar, known[:, -keep:], closed[:, -keep:])

    def _columns(self, inputs: Inputs) -> Floats:
        """Regressors (n, T + H, K) of some series."""
        shared = np.broadcast_to(inputs.calendar, (len(inputs.demand), *inputs.calendar.shape))
        parts = [shared, inputs.known]
        if self.yearly:
            last = year_before(inputs.demand, year=self.year, periods=inputs.calendar.shape[0])
            parts.append(last[:, :, None])
        columns = np.concatenate(parts, axis=2, dtype=np.float32)
        if not self.monthly:
            return columns
        shut = inputs.closed[:, :, None]
        events = np.concatenate([inputs.known[:, :, self.events], shut], axis=2, dtype=np.float32)
        return with_shadows(columns, events)

    def save(self, folder: Path) -> None:
        """Write what `load` needs."""
        assert self.learned is not None, "fit first"
        folder.mkdir(parents=True, exist_ok=True)
        about = {key: getattr(self, key) for key in ("name", "threads", *_STATE)}
        (folder / "member.json").write_text(json.dumps(about | {"learned": _numbers(self.learned)}))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""
        about = json.loads((folder / "member.json").read_text())
        loaded = cls(threads=about["threads"])
        loaded.names, loaded.events = tuple(about["names"]), tuple(about["events"])
        loaded.yearly, loaded.monthly = about["yearly"], about["monthly"]
        loaded.year, loaded.whole_units = about["year"], about["whole_units"]
        kept = about["learned"]
        priors = [
            Prior(np.array(mean), np.array(variance)) for mean, variance in kept.pop("priors")
        ]
        columns = {key: np.array(value, dtype=np.float64) for key, value in kept.items()}
        loaded.learned = Learned(**columns, priors=(priors[0], priors[1]))
        return loaded


_STATE = ("names", "events", "yearly", "year", "monthly", "whole_units")


def _numbers(learned: Learned) -> dict[str, object]:
    """What was learned, for JSON."""
    columns = {key: getattr(learned, key).tolist() for key in ("lowest", "highest", "deviation")}
    priors = [(prior.mean.tolist(), prior.variance.tolist()) for prior in learned.priors]
    return columns | {"priors": priors}


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


def _counted(demand: Floats, quantiles: Floats, mean: Floats, levels: Floats) -> Floats:
    """Quantiles (n, H, Q), those of series that do not sell every period counted in whole units.

    Their variance stands to the mean as it did in the past.
    """
    known = (~np.isnan(demand)).sum(axis=1)
    rare = (demand > 0).sum(axis=1) < SELLING_SHARE_MIN * known
    if not rare.any():
        return quantiles
    usual = mean[rare].mean(axis=1)
    ratio = demand_variance(demand[rare], usual) / np.maximum(usual, 1e-12)
    spread = mean[rare] * ratio[:, None]
    found = quantiles.copy()
    found[rare] = negative_binomial_quantiles_units(mean[rare], spread, levels)
    return found
