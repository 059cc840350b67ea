"""ARMA errors of one series, estimated and filtered by statsmodels.

Two models compete for each series and are averaged by how well they foresaw its second half:
ARIMA(1,0,1), which returns to its mean, and ARIMA(0,1,1), whose level wanders (simple exponential
smoothing). A third, white noise, needs no estimation. Hannan-Rissanen estimates in milliseconds;
unknown periods are interpolated for it, and truly missing for the filter.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats

PERIODS_MIN = 12
"""Known periods from which an ARMA model can be estimated; below, white noise."""

PERIODS_MAX = 400
"""The filter forgets: older errors change neither the estimate nor the forecast noticeably."""

ROOT_MAX = 0.98
"""Bound of |φ| and |θ|: at one, forecasts would explode or errors never fade."""

WEIGHT_MIN = 0.05
"""A model that weighs less is dropped; the filter need not run for it."""

ORDERS = ((0, 0, 0), (1, 0, 1), (0, 1, 1))
PARAMETERS = (0, 2, 1)

SHAPE_LEVELS = (np.arange(64) + 0.5) / 64
"""Probabilities at which the shape of the one-step errors is kept."""

SHAPE_PRIOR = 100.0
"""Weight of the normal distribution in the shape, in observations."""


@dataclass(frozen=True, slots=True, eq=False)
class Arma:
    """The averaged model of one series.

    weights : of the three `ORDERS`, summing to one.
    phi, theta, variance : one per order; variance of one-step errors.
    shape : quantiles at `SHAPE_LEVELS` of the one-step errors divided by their deviation.
    """

    weights: Floats
    phi: Floats
    theta: Floats
    variance: Floats
    shape: Floats

    def flat(self) -> Floats:
        """All numbers in one row, for `unflat`."""
        return np.concatenate([self.weights, self.phi, self.theta, self.variance, self.shape])


def unflat(row: Floats) -> Arma:
    """Back from `Arma.flat`."""
    return Arma(row[:3], row[3:6], row[6:9], row[9:12], row[12:])


def estimate(errors: Floats) -> Arma:
    """Fit the three models to one series of errors (T,), oldest first, NaN where unknown."""
    errors = _recent(errors)
    known = ~np.isnan(errors)
    phi, theta, variance = np.zeros(3), np.zeros(3), np.zeros(3)
    variance[0] = float(np.mean(errors[known] ** 2)) if known.any() else 0.0
    standard = errors[known] / np.sqrt(max(variance[0], 1e-12))
    if known.sum() < PERIODS_MIN or variance[0] <= 0:
        return Arma(np.array([1.0, 0.0, 0.0]), phi, theta, variance, _shape(standard))
    score = np.full(3, -np.inf)
    score[0] = _later_likelihood(errors[known], np.full(known.sum(), variance[0]))
    found = [standard]
    for k in (1, 2):
        phi[k], theta[k] = _hannan_rissanen(errors, ORDERS[k])
        miss, relative = _one_step_errors(errors, phi[k], theta[k], ORDERS[k])
        variance[k] = float(np.mean(miss**2 / relative))
        score[k] = _later_likelihood(miss, relative * variance[k]) - PARAMETERS[k]
        found.append(miss / np.sqrt(relative * max(variance[k], 1e-12)))
    weights = np.exp(score - score.max())
    weights[weights < WEIGHT_MIN * weights.sum()] = 0.0
    best = found[int(score.argmax())]
    return Arma(weights / weights.sum(), phi, theta, variance, _shape(best))


def forecast(model: Arma, errors: Floats, *, horizon: int) -> tuple[Floats, Floats]:
    """Mean and variance (H,) of the errors ahead, averaged over the models by weight."""
    errors = _recent(errors)
    means, variances = np.zeros((3, horizon)), np.zeros((3, horizon))
    variances[0] = model.variance[0]
    for k in (1, 2):
        if model.weights[k] > 0:
            means[k], variances[k] = _filtered_ahead(
                errors, model.phi[k], model.theta[k], ORDERS[k], horizon
            )
            variances[k] *= model.variance[k]
    mean = model.weights @ means
    return mean, model.weights @ (variances + (means - mean) ** 2)


def dependence(model: Arma, *, horizon: int) -> Floats:
    """The two correlations of `DemandForecast.dependence` that the models imply, shape (2,).

    Errors of the h-step forecasts are moving averages Σ ψ[k] ε of the same shocks, so they
    correlate; what is left at the longest distance is shared, the rest fades.
    """
    if horizon == 1:
        return np.zeros(2)
    correlation = sum(
        (
            model.weights[k] * _error_correlation(model.phi[k], model.theta[k], ORDERS[k], horizon)
            for k in range(3)
        ),
        start=np.zeros((horizon, horizon)),
    )
    return two_correlations(correlation)


def two_correlations(correlation: Floats) -> Floats:
    """Sum up correlations (H, H), H > 1, between periods ahead as the two of `DemandForecast`.

    What is left at two thirds of the horizon is shared by all periods; the rest fades.
    """
    near = float(np.diagonal(correlation, 1).mean())
    far = float(np.diagonal(correlation, max(1, len(correlation) * 2 // 3)).mean())
    shared = float(np.clip(far, 0.0, 0.95))
    return np.array([shared, np.clip((near - shared) / (1 - shared), 0.0, 0.95)])


def _recent(errors: Floats) -> Floats:
    """The last `PERIODS_MAX` periods, from the first known one."""
    errors = errors[-PERIODS_MAX:]
    known = ~np.isnan(errors)
    return errors[int(known.argmax()) :] if known.any() else errors[:0]


def _hannan_rissanen(errors: Floats, order: tuple[int, int, int]) -> tuple[float, float]:
    """φ and θ by two regressions (Hannan & Rissanen 1982), unknown periods interpolated."""
    from statsmodels.tsa.arima.estimators.hannan_rissanen import hannan_rissanen

    at = np.arange(len(errors))
    known = ~np.isnan(errors)
    filled = np.diff(np.interp(at, at[known], errors[known]), order[1])
    try:
        found, _ = hannan_rissanen(filled, ar_order=order[0], ma_order=order[2], demean=False)
    except (ValueError, np.linalg.LinAlgError):
        return 0.0, 0.0
    phi = float(found.ar_params[0]) if order[0] else 0.0
    theta = float(found.ma_params[0])
    if not (np.isfinite(phi) and np.isfinite(theta)):
        return 0.0, 0.0
    return float(np.clip(phi, -ROOT_MAX, ROOT_MAX)), float(np.clip(theta, -ROOT_MAX, ROOT_MAX))


def _filter(
    errors: Floats, phi: float, theta: float, order: tuple[int, int, int]
) -> tuple[Floats, Floats]:
    """One-step means and variances of statsmodels' Kalman filter, for unit error variance."""
    from statsmodels.tsa.statespace.sarimax import SARIMAX

    model = SARIMAX(errors, order=order, trend="n", validate_specification=False)
    model.update(
        np.array([value for value, used in ((phi, order[0]), (theta, 1), (1.0, 1)) if used])
    )
    result = model.ssm.filter()
    return result.forecasts[0], result.forecasts_error_cov[0, 0]


def _one_step_errors(
    errors: Floats, phi: float, theta: float, order: tuple[int, int, int]
) -> tuple[Floats, Floats]:
    """Misses and relative variances at the known periods, the first left out: it has no past."""
    mean, variance = _filter(errors, phi, theta, order)
    known = ~np.isnan(errors)
    known[0] = False
    return errors[known] - mean[known], variance[known]


def _filtered_ahead(
    errors: Floats, phi: float, theta: float, order: tuple[int, int, int], horizon: int
) -> tuple[Floats, Floats]:
    """Means and relative variances (H,) ahead: the horizon is appended as unknown periods."""
    if not len(errors):
        return np.zeros(horizon), np.ones(horizon)
    ahead = np.concatenate([errors, np.full(horizon, np.nan)])
    mean, variance = _filter(ahead, phi, theta, order)
    return mean[-horizon:], variance[-horizon:]


def _later_likelihood(miss: Floats, variance: Floats) -> float:
    """Log likelihood of the second half of the one-step misses."""
    half = len(miss) // 2
    late, spread = miss[half:], np.maximum(variance[half:], 1e-12)
    return float(-0.5 * np.sum(np.log(2 * np.pi * spread) + late**2 / spread))


def _shape(standard: Floats) -> Floats:
    """Quantiles of standardised errors, shrunk towards the normal distribution's."""
    from scipy.special import ndtri

    normal = ndtri(SHAPE_LEVELS)
    if len(standard) < PERIODS_MIN:
        return np.asarray(normal)
    seen = np.quantile(standard, SHAPE_LEVELS)
    weight = len(standard) / (len(standard) + SHAPE_PRIOR)
    return np.asarray(weight * seen + (1 - weight) * normal)


def _error_correlation(
    phi: float, theta: float, order: tuple[int, int, int], horizon: int
) -> Floats:
    """Correlations (H, H) between the errors of the forecasts for H periods from one origin."""
    psi = np.ones(horizon)
    psi[1:] = (phi + theta) * phi ** np.arange(horizon - 1) if order[1] == 0 else 1 + theta
    loading = np.array(
        [[psi[i - j] if j <= i else 0.0 for j in range(horizon)] for i in range(horizon)]
    )
    covariance = loading @ loading.T
    deviation = np.sqrt(np.diagonal(covariance))
    return np.asarray(covariance / np.outer(deviation, deviation))


@contextmanager
def calm() -> Iterator[None]:
    """Without statsmodels' warnings about starting values, which are not used, and on one thread.

    The matrices are tiny: threads of the linear algebra library would only wait for each other,
    and on a busy machine cost eight times the work itself.
    """
    from threadpoolctl import threadpool_limits

    with warnings.catch_warnings(action="ignore"), threadpool_limits(1):
        yield
