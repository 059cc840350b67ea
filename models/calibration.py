"""Making quantiles mean what they say, for single periods and for sums over a window.

Single periods: where did past actuals fall in their forecasts (the probability integral
transform, PIT)? If one tenth of them fell above the 0.8 quantile, the 0.8 quantile is really the
0.9 quantile; a map of levels per segment and horizon block says which to read instead.

Sums: two numbers per segment tie the periods of one series together. They are read off the
correlation of past PITs: when a series sold more than expected on Monday, how much more than
expected did it sell on Tuesday, and a week later? What all series missed in common is taken out
first: with few windows it would be one shock counted thousands of times.
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from inventory.demand import DemandForecast, Floats, quantile_function
from models.metrics import SCALE_UNITS_MIN

SHRINKAGE_OBSERVATIONS = 300
"""Observed periods at which the map of levels is half believed."""

LEVEL_MIN, LEVEL_MAX = 0.0005, 0.9995
"""No map reaches beyond these: tails out there are extrapolated."""

WINDOWS_HALF_BELIEVED = 2.0
"""Windows end to end (not overlapping) at which the map is half believed, however many the series:
what one fortnight did to all of them at once need not come again."""
WINDOWS_HALF_BELIEVED_ONCE_RIGHT = 8.0
"""The same for a combination of members that these very windows have put right already. Believed as
readily as the members' own, its map lost 0.1 to 1 % more on earlier windows of three data sets."""

DEPENDENCE_DEFAULT = (0.15, 0.1)
"""Dependence of a segment that was never looked back on: what FreshRetail shows."""

PAIRS_MIN = 100
"""Fewer pairs of periods than this say nothing about their correlation."""


def probability_of(
    actual_units: Floats, quantiles_units: Floats, levels: Floats, *, rng: np.random.Generator
) -> Floats:
    """PIT of actuals (m,) in forecasts (m, Q): the level whose quantile the actual equals.

    Beyond the outermost quantiles the exponential tails of `DemandForecast` continue. Where
    quantiles coincide (mass at zero), a level is drawn among those that coincide, without which
    every intermittent item would look badly calibrated. NaN stays NaN.
    """
    grid = np.concatenate([_TAIL_LEVELS, levels, 1 - _TAIL_LEVELS[::-1]])
    values = quantile_function(quantiles_units, levels, grid)
    actual = actual_units[:, None]
    at_or_below = (values <= actual + SCALE_UNITS_MIN).sum(axis=1)
    below = (values < actual - SCALE_UNITS_MIN).sum(axis=1)
    # A jump of the quantile function lies somewhere between two grid levels: take the middle.
    edges = np.concatenate([[0.0], (grid[1:] + grid[:-1]) / 2, [1.0]])
    lower, upper = edges[below], edges[at_or_below]
    tied = at_or_below - below > 1
    drawn = lower + (upper - lower) * rng.random(len(actual_units))
    found = np.where(tied, drawn, _between(values, grid, at_or_below, actual_units))
    return np.where(np.isnan(actual_units), np.nan, found.clip(LEVEL_MIN, LEVEL_MAX))


_TAIL_LEVELS = np.array([0.0005, 0.001, 0.0025, 0.005])


def _between(values: Floats, grid: Floats, counted: np.ndarray, actual: Floats) -> Floats:
    """Interpolate the level of the actual between the grid points around it."""
    last = len(grid) - 1
    low = (counted - 1).clip(0, last)
    high = counted.clip(0, last)
    rows = np.arange(len(values))
    v_low, v_high = values[rows, low], values[rows, high]
    span = np.maximum(v_high - v_low, SCALE_UNITS_MIN)
    part = np.where(high > low, (np.nan_to_num(actual) - v_low) / span, 0.0).clip(0, 1)
    level: Floats = grid[low] + part * (grid[high] - grid[low])
    return np.where(counted == 0, grid[0], level)


def level_map(
    probability: Floats, levels: Floats, *, spans: float, prior: Floats | None = None,
    half_believed: float = WINDOWS_HALF_BELIEVED,
) -> Floats:  # fmt: skip
    """For each wanted level, the forecast level to read: the empirical quantile of past PITs.

    Shrunk towards `prior` (the map of a wider group; by default the identity), in log odds, by how
    few observations there are and over how few `spans` (windows laid end to end) they were made,
    `half_believed` of which are half believed; never decreasing.
    """
    prior = levels if prior is None else prior
    known = probability[~np.isnan(probability)]
    if len(known) == 0:
        return prior.copy()
    belief = len(known) / (len(known) + SHRINKAGE_OBSERVATIONS)
    # A tail level is as believable as the number of observations beyond it.
    beyond = len(known) * np.minimum(levels, 1 - levels)
    belief = belief * beyond / (beyond + 5) * spans / (spans + half_believed)
    empirical = np.quantile(known, levels).clip(LEVEL_MIN, LEVEL_MAX)
    mapped = _expit(belief * _logit(empirical) + (1 - belief) * _logit(prior))
    increasing: Floats = np.maximum.accumulate(mapped)
    return increasing


def mean_factor(
    actual_units: Floats, mean_units: Floats, *, spans: float, prior: float = 1.0,
    half_believed: float = WINDOWS_HALF_BELIEVED,
) -> float:  # fmt: skip
    """What to multiply means by so that past windows come out right, shrunk towards `prior`.

    Sums of demand over sums of means, so that large sellers, on which stock is lost, count most;
    in proportion to what was seen, as `level_map`. Never more than a factor of two.

    >>> round(mean_factor(np.full(9000, 8.0), np.full(9000, 10.0), spans=8.0), 3)
    0.841
    """
    known = ~np.isnan(actual_units)
    said, sold = float(mean_units[known].sum()), float(actual_units[known].sum())
    if said <= 0 or sold <= 0:
        return prior
    seen = int(known.sum())
    belief = seen / (seen + SHRINKAGE_OBSERVATIONS) * spans / (spans + half_believed)
    ratio = float(np.clip(sold / said, 0.5, 2.0))
    return float(np.exp(belief * np.log(ratio) + (1 - belief) * np.log(prior)))


def _logit(level: Floats) -> Floats:
    odds: Floats = np.log(level / (1 - level))
    return odds


def _expit(odds: Floats) -> Floats:
    level: Floats = 1 / (1 + np.exp(-odds))
    return level


@dataclass(slots=True, eq=False)
class Calibration:
    """Level maps (segments, blocks, Q) at `levels`, mean factors (segments, blocks), and the
    dependence (segments, 2).
    """

    levels: Floats
    maps: Floats
    mean_factors: Floats
    dependence: Floats

    @classmethod
    def identity(cls, levels: Floats, *, segments: int, blocks: int) -> "Calibration":
        """Changes nothing; periods independent but for a small shared part."""
        maps = np.broadcast_to(levels, (segments, blocks, len(levels))).copy()
        dependence = np.tile(np.array(DEPENDENCE_DEFAULT), (segments, 1))
        return cls(levels, maps, np.ones((segments, blocks)), dependence)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {field.name: getattr(self, field.name).tolist() for field in fields(self)}

    @classmethod
    def from_dict(cls, values: dict[str, list[float]]) -> "Calibration":
        """Back from `as_dict`."""
        return cls(**{name: np.array(value) for name, value in values.items()})

    def apply(
        self, forecast: DemandForecast, *, segment: np.ndarray, block: np.ndarray
    ) -> DemandForecast:
        """The forecast read at mapped levels and its mean corrected.

        `segment` (N,) and `block` (H,) say which map and factor.
        """
        calibrated = np.array(forecast.quantiles_units, dtype=np.float64)
        for s in np.unique(segment):
            for b in np.unique(block):
                cell = np.ix_(segment == s, block == b)
                wanted = np.interp(forecast.levels, self.levels, self.maps[s, b])
                calibrated[cell] = quantile_function(calibrated[cell], forecast.levels, wanted)
        return replace(
            forecast,
            quantiles_units=np.maximum.accumulate(calibrated, axis=2),
            mean_units=self.corrected_mean(forecast.mean_units, segment=segment, block=block),
            dependence=self.dependence[segment],
        )

    def corrected_mean(
        self, mean_units: Floats, *, segment: np.ndarray, block: np.ndarray
    ) -> Floats:
        """The mean part of `apply` alone, for which no quantile need be read."""
        corrected: Floats = mean_units * self.mean_factors[segment][:, block]
        return corrected


def correlations(normal: Floats) -> Floats:
    """Correlation of PIT normals (m, H) at each distance 0..H-1; NaN where too few pairs."""
    H = normal.shape[1]
    found = np.full(H, np.nan)
    found[0] = 1.0
    for k in range(1, H):
        product = normal[:, k:] * normal[:, :-k]
        known = product[~np.isnan(product)]
        if len(known) >= PAIRS_MIN:
            found[k] = known.mean()
    return found


def standardised(normal: Floats) -> Floats:
    """PIT normals (m, H) of one window with mean 0 and spread 1 in every period."""
    known = ~np.isnan(normal)
    count = known.sum(axis=0).clip(min=1)
    centred = normal - np.where(known, normal, 0.0).sum(axis=0) / count
    variance = np.where(known, centred, 0.0) ** 2
    spread: Floats = centred / np.sqrt(variance.sum(axis=0) / count).clip(min=SCALE_UNITS_MIN)
    return spread


def fit_dependence(
    by_distance: Floats, *, otherwise: tuple[float, float] = DEPENDENCE_DEFAULT
) -> tuple[float, float]:
    """Shared and adjacent parts whose curve shared + (1 - shared) adjacent^k fits best.

    `otherwise` where no correlation is known.
    """
    distance = np.arange(1, len(by_distance))
    seen = by_distance[1:]
    known = ~np.isnan(seen)
    if not known.any():
        return otherwise
    best, chosen = np.inf, otherwise
    for shared in np.arange(0.0, 0.95, 0.025):
        for adjacent in np.arange(0.0, 0.95, 0.05):
            curve = shared + (1 - shared) * adjacent**distance
            loss = float(((curve - seen)[known] ** 2).sum())
            if loss < best:
                best, chosen = loss, (float(shared), float(adjacent))
    return chosen
