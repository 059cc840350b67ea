"""How much each member counts: weights that would have lost least, shrunk towards equal ones.

Per segment and horizon block, the weights on the simplex minimise the scaled pinball loss of the
averaged quantiles over past windows. Estimated weights often lose to equal ones, so they are
pulled back to equal weights among the members that are any good, the more so the less was seen.
"""

from collections.abc import Sequence

import numpy as np

from inventory.demand import Floats
from models.backtest import Window, blocks
from models.metrics import SCORED_LEVELS
from models.segments import SEGMENTS

SHRINKAGE_SERIES = 60
"""Series-windows at which estimated and equal weights count alike."""

GOOD_WITHIN = 1.15
"""A member whose loss is within this factor of the best belongs among the equals."""

ROWS_MAX = 20_000
"""Observed periods that one fit of weights looks at."""

STEPS = 150
STEP_SIZE = 0.5


def learn_weights(
    windows: Sequence[Window], names: Sequence[str], *, period_days: int, seed: int
) -> Floats:
    """Weights (segments, blocks, members), each summing to one over members.

    A segment or block that the windows hardly show takes the weights of all of them together.
    """
    horizon = windows[0].actual_units.shape[1]
    block_of = blocks(horizon, period_days=period_days)
    rng = np.random.default_rng(seed)
    every = _stack(windows, names, None, np.ones(horizon, dtype=bool))
    overall = _cell_weights(every, None, rng=rng)
    weights = np.empty((len(SEGMENTS), int(block_of.max()) + 1, len(names)))
    for s in range(len(SEGMENTS)):
        for b in range(weights.shape[1]):
            cell = _stack(windows, names, s, block_of == b)
            weights[s, b] = _cell_weights(cell, overall, rng=rng)
    return weights


Stack = tuple[Floats, Floats, Floats, int]
"""Actuals (m,), members' quantiles (m, members, levels), scales (m,), number of series-windows."""


def _cell_weights(cell: Stack, overall: Floats | None, *, rng: np.random.Generator) -> Floats:
    """Weights of one segment and block; `overall` is what they fall back and shrink to."""
    actual, quantiles, scale, series = cell
    members = quantiles.shape[1]
    if len(actual) == 0:
        return np.full(members, 1 / members) if overall is None else overall
    if len(actual) > ROWS_MAX:
        drawn = rng.choice(len(actual), ROWS_MAX, replace=False)
        actual, quantiles, scale = actual[drawn], quantiles[drawn], scale[drawn]
    actual, quantiles = actual / scale, quantiles / scale[:, None, None]
    alone = np.array([_loss(actual, quantiles[:, m]) for m in range(members)])
    good = alone <= GOOD_WITHIN * alone.min()
    target = good / good.sum() if overall is None else overall
    belief = series / (series + SHRINKAGE_SERIES)
    best: Floats = belief * _descend(actual, quantiles, target) + (1 - belief) * target
    return best


def _stack(
    windows: Sequence[Window], names: Sequence[str], segment: int | None, periods: np.ndarray
) -> Stack:
    """What one segment (or all) saw in those periods, all windows together."""
    actuals, quantiles, scales, series = [], [], [], 0
    for window in windows:
        rows = np.isfinite(window.scale_units)
        if segment is not None:
            rows &= window.segment == segment
        actual = window.actual_units[rows][:, periods]
        known = ~np.isnan(actual)
        levels = next(iter(window.forecasts.values())).levels
        picked = [int(np.argmin(np.abs(levels - level))) for level in SCORED_LEVELS]
        each = [
            window.forecasts[name].quantiles_units[rows][:, periods][..., picked][known]
            for name in names
        ]
        actuals.append(actual[known])
        quantiles.append(np.stack(each, axis=1))
        scales.append(np.broadcast_to(window.scale_units[rows][:, None], actual.shape)[known])
        series += int(known.any(axis=1).sum())
    return np.concatenate(actuals), np.concatenate(quantiles), np.concatenate(scales), series


def _loss(actual: Floats, quantiles: Floats) -> float:
    """Mean pinball of (m,) in (m, levels)."""
    over = actual[:, None] - quantiles
    levels = np.array(SCORED_LEVELS)
    return float(np.maximum(levels * over, (levels - 1) * over).mean())


def _descend(actual: Floats, quantiles: Floats, start: Floats) -> Floats:
    """Exponentiated gradient on the simplex; keeps the best weights met on the way."""
    levels = np.array(SCORED_LEVELS)
    weight = 0.9 * start + 0.1 / len(start)
    best, best_loss = start, _loss(actual, np.einsum("nml,m->nl", quantiles, start))
    for step in range(STEPS):
        over = actual[:, None] - np.einsum("nml,m->nl", quantiles, weight)
        loss = float(np.maximum(levels * over, (levels - 1) * over).mean())
        if loss < best_loss:
            best, best_loss = weight, loss
        slope = np.where(over > 0, -levels, 1 - levels)
        gradient = np.einsum("nl,nml->m", slope, quantiles) / over.size
        gradient -= weight @ gradient
        # Normalised, so that the step suits members that differ by a lot and by a little.
        rate = STEP_SIZE / max(float(np.abs(gradient).max()), 1e-12) / np.sqrt(1 + step)
        weight = weight * np.exp(-rate * gradient)
        weight = weight / weight.sum()
    return best
