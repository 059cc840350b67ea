"""ARMA errors of many series at once: a library of models, filtered in one batch and averaged.

A month of days cannot tell one ARMA model from its neighbours, and estimating one per series costs
more than it brings. So every series is filtered by every model of a fixed library: white noise,
ARIMA(1,0,1) that return to their mean at various paces, ARIMA(0,1,1) whose level wanders. Each
counts as much as it makes the series likely, tempered: see `TEMPER`. The filter is Kalman's, exact
with unknown periods; statsmodels gives the shocks' weights, and its own filter and likelihood are
the test's.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from inventory.demand import Floats

PERIODS_MAX = 400
"""The filter forgets: older errors change neither the estimate nor the forecast noticeably."""

RETURNS = (0.4, 0.7, 0.85, 0.93, 0.97)
"""φ of the models that return to their mean: half-lives from one period to three weeks."""

SIGNALS = (0.1, 0.25, 0.5, 0.75)
"""Shares of the variance that is the returning part; the rest is gone the next period."""

GAINS = (0.02, 0.04, 0.07, 0.1, 0.15, 0.22, 0.32, 0.5)
"""α of the models whose level wanders: exponential smoothing, θ = α - 1."""

TEMPER = 0.5
"""Power of the likelihood in a model's weight: no model of the library is the true one."""

VARIANCE_PRIOR_PERIODS = 1.0
VARIANCE_PRIOR_SHARE = 0.9
"""A model's error variance leans on this share of the series' own, with that weight in periods."""

START_VARIANCE_MIN = 0.3
START_STEPS = 30.0
"""A wandering level starts as uncertain as after thirty steps: the regression has centred it."""

SHAPE_LEVELS = (np.arange(64) + 0.5) / 64
"""Probabilities at which the shape of the one-step errors is kept."""

SHAPE_PRIOR = 300.0
"""Weight of the normal distribution in the shape, in observations."""


@dataclass(frozen=True, slots=True, eq=False)
class Library:
    """Models as a signal under noise of variance one: s[t] = φ s[t-1] + η, y = s + ε.

    phi, step : (M,), φ and the variance of η. start : variance of the first s. Such a sum is an
    ARIMA(1,0,1) for φ < 1 and an ARIMA(0,1,1) for φ = 1 (Harvey 1989, section 2.4).
    """

    phi: Floats
    step: Floats
    start: Floats

    @property
    def theta(self) -> Floats:
        """Moving average coefficient of the ARMA form, (M,); φ + θ is the filter's lasting gain."""
        p = _lasting_variance(self.phi, self.step)
        return np.asarray(self.phi * (p / (p + 1)) - self.phi)


@cache
def library() -> Library:
    """White noise, then every pace of return by every share of signal, then every gain."""
    phi = [0.0, *(p for p in RETURNS for _ in SIGNALS), *(1.0 for _ in GAINS)]
    back = [s / (1 - s) * (1 - p * p) for p in RETURNS for s in SIGNALS]
    wander = [g * g / (1 - g) for g in GAINS]
    phi_, step = np.array(phi), np.array([0.0, *back, *wander])
    lasting = step / np.where(phi_ < 1, 1 - phi_**2, 1.0)
    start = np.where(phi_ < 1, lasting, np.maximum(START_STEPS * step, START_VARIANCE_MIN))
    return Library(phi=phi_, step=step, start=start)


def _lasting_variance(phi: Floats, step: Floats) -> Floats:
    """Variance of the signal one step ahead once the filter has settled: P = φ² P / (P + 1) + q."""
    b = 1 - phi**2 - step
    return np.asarray((np.sqrt(b**2 + 4 * step) - b) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Filtered:
    """Where each model stands after the last period, (N, M), and how it did on the way.

    signal, variance : mean and variance of the signal of the next period, variance in units of
    `scale`, the error variance. weight : sums to one over models. standard : one-step errors by
    their deviation, averaged over the models, (N, T), NaN where unknown.
    """

    signal: Floats
    variance: Floats
    scale: Floats
    weight: Floats
    standard: Floats


def run(errors: Floats) -> Filtered:
    """Filter series of errors (N, T), oldest first, NaN where unknown, by every model."""
    lib = library()
    errors = errors[:, -PERIODS_MAX:]
    shape = (len(errors), len(lib.phi))
    signal, variance = np.zeros(shape), np.tile(lib.start, (shape[0], 1))
    misses, widths = np.empty((2, errors.shape[1], *shape))
    known, fade = ~np.isnan(errors), lib.phi**2
    for t, value in enumerate(np.where(known, errors, 0.0).T):
        miss = np.subtract(value[:, None], signal, out=misses[t])
        width = np.add(variance, 1, out=widths[t])
        gain = known[:, t, None] * (variance / width)
        signal = lib.phi * (signal + gain * miss)
        variance = fade * (variance - gain * variance) + lib.step
    misses /= np.sqrt(widths)
    spread = np.einsum("tnm,nt->nm", np.log(widths, out=widths), known)
    squared = np.einsum("tnm,tnm,nt->nm", misses, misses, known)
    counted = known.sum(axis=1, keepdims=True)
    own = (np.where(known, errors, 0.0) ** 2).sum(axis=1, keepdims=True) / counted.clip(min=1)
    believed = counted + VARIANCE_PRIOR_PERIODS
    prior = VARIANCE_PRIOR_PERIODS * VARIANCE_PRIOR_SHARE * (own + 1e-9)
    scale = (squared + prior) / believed
    weight = _weights(-0.5 * (spread + believed * np.log(scale)))
    standard = np.einsum("tnm,nm->nt", misses, weight / np.sqrt(scale))
    return Filtered(signal, variance, scale, weight, np.where(known, standard, np.nan))


def _weights(likelihood: Floats) -> Floats:
    """Weights (N, M) from log likelihoods."""
    relative = TEMPER * (likelihood - likelihood.max(axis=1, keepdims=True))
    weight = np.exp(relative)
    return np.asarray(weight / weight.sum(axis=1, keepdims=True))


def forecast(state: Filtered, *, horizon: int) -> tuple[Floats, Floats]:
    """Mean and variance (N, H) of the errors ahead, averaged over the models."""
    lib = library()
    signal, variance = state.signal, state.variance
    means, variances = [], []
    for _ in range(horizon):
        mean = (state.weight * signal).sum(axis=1)
        second = (state.weight * (state.scale * (variance + 1) + signal**2)).sum(axis=1)
        means.append(mean)
        variances.append(np.maximum(second - mean**2, 0.0))
        signal = lib.phi * signal
        variance = lib.phi**2 * variance + lib.step
    return np.stack(means, axis=1), np.stack(variances, axis=1)


def dependence(state: Filtered, *, horizon: int) -> Floats:
    """The two correlations of `DemandForecast.dependence` that the models imply, (N, 2)."""
    return np.asarray(state.weight @ _dependence_of_models(horizon))


@cache
def _dependence_of_models(horizon: int) -> Floats:
    """Of each model of the library, (M, 2).

    Errors of the h-step forecasts are moving averages Σ ψ[k] ε of the same shocks, so they
    correlate; what is left at the longest distance is shared, the rest fades.
    """
    lib = library()
    if horizon == 1:
        return np.zeros((len(lib.phi), 2))
    return np.stack(
        [
            two_correlations(error_correlation(phi, theta, horizon))
            for phi, theta in zip(lib.phi, lib.theta, strict=True)
        ]
    )


def error_correlation(phi: float, theta: float, horizon: int) -> Floats:
    """Correlation (H, H) between the errors of the forecasts for H periods from one origin."""
    from statsmodels.tsa.arima_process import arma2ma

    psi = arma2ma([1.0, -phi], [1.0, theta], horizon)
    distance = np.subtract.outer(np.arange(horizon), np.arange(horizon))
    loading = np.where(distance >= 0, psi[distance.clip(min=0)], 0.0)
    covariance = loading @ loading.T
    deviation = np.sqrt(np.diagonal(covariance))
    return np.asarray(covariance / np.outer(deviation, deviation))


def two_correlations(correlation: Floats) -> Floats:
    """Sum up correlations (H, H), H > 1, between periods ahead as the two of `DemandForecast`.

    What is left at two thirds of the horizon is shared by all periods; the rest fades.
    """
    near = float(np.diagonal(correlation, 1).mean())
    far = float(np.diagonal(correlation, max(1, len(correlation) * 2 // 3)).mean())
    shared = float(np.clip(far, 0.0, 0.95))
    return np.array([shared, np.clip((near - shared) / (1 - shared), 0.0, 0.95)])


def shapes(standard: Floats) -> Floats:
    """Quantiles (N, 64) of standardised errors (N, T), shrunk towards the normal distribution's."""
    from scipy.special import ndtri

    from models.baseline import row_quantiles

    counted = (~np.isnan(standard)).sum(axis=1, keepdims=True)
    weight = counted / (counted + SHAPE_PRIOR)
    seen = row_quantiles(standard, SHAPE_LEVELS, empty=0.0)
    return np.asarray(weight * seen + (1 - weight) * ndtri(SHAPE_LEVELS))
