"""Units withheld from a view, so that a promise can be kept when the order is picked.

Between promise and pick, demand that we do not see yet competes for the same unit: walk-in sales
since the last feed, other channels. The forecast says how much that may be, costs say how sure to
be. Not to be confused with the replenishment safety stock (`inventory.policy.safety_stock`), which
is there to be sold.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inventory.base_stock import chunks, extended, row_quantiles
from inventory.demand import DemandForecast, Floats, rowwise_quantile
from inventory.policy.lot_size import on_grid


@dataclass(frozen=True, slots=True)
class Exposure:
    """What a view is exposed to.

    Parameters
    ----------
    exposure_days : > 0
        From the last feed until the pick; may be a fraction. The window of day t starts on day t.
    competing_share : in (0, 1]
        Share of forecast demand that can take the unit; the rest goes through this view.
    record_error_units : ≥ 0
        Allowance for records that overstate the shelf.
    floor_units : ≥ 0, the least to withhold.
    """

    exposure_days: float = 1.0
    competing_share: float = 1.0
    record_error_units: float = 0.0
    floor_units: int = 0


def exposure_of(given: Mapping[str, Any]) -> Exposure:
    """The exposure in the `forecast` of a buffer rule; what it does not say is as by default."""
    return Exposure(
        exposure_days=float(given.get("exposure_days") or 1.0),
        competing_share=float(given.get("competing_share", 1.0)),
        record_error_units=float(given.get("record_error_units") or 0.0),
        floor_units=int(given.get("floor") or 0),
    )


@dataclass(frozen=True, slots=True, eq=False)
class PromiseBuffer:
    """Units to withhold per position and day, (N, T), and the terms that sum to them.

    `terms[name]` has shape (N, T); the sum over names is `units`, exactly.
    """

    units: NDArray[np.int64]
    terms: dict[str, Floats]


def critical_level(*, cancellation_cost: float, margin: float) -> float:
    """How sure to be that a promised unit is there: c / (c + m).

    Withhold the marginal unit iff P(gone at pick) · c > P(there) · m. The b-th unit withheld is
    needed iff competing demand reaches b, so b rises until P(demand ≤ b) ≥ c / (c + m).

    Parameters
    ----------
    cancellation_cost : c > 0, money lost by cancelling a promised unit.
    margin : m > 0, money earned by selling it through the view.

    >>> critical_level(cancellation_cost=19.0, margin=1.0)
    0.95
    """
    assert cancellation_cost > 0
    assert margin > 0
    return cancellation_cost / (cancellation_cost + margin)


def promise_buffer(
    forecast: DemandForecast,
    exposure: Exposure,
    *,
    level: Floats,
    days: int,
    elapsed_share_of_first_day: float,
    known_units: Floats,
    seed: int,
) -> PromiseBuffer:
    """B(t) = max(floor, ⌈Q_α(competing demand in the window of t) − known + record error⌉).

    Parameters
    ----------
    forecast : daily, day 0 first.
    level : shape (N,), α in (0, 1), from `critical_level` or set by hand.
    days : T, days ahead to cover; beyond the horizon the last week repeats.
    elapsed_share_of_first_day : in [0, 1)
        How much of day 0 is over: its demand has shown in the feeds, only the rest competes.
    known_units : shape (N, T), units
        Open commitments due in the window of each day. They are part of the forecast's demand and
        already taken off the balance, so they are taken off here: nothing counts twice.

    Units are whole and never negative.
    """
    assert forecast.period_days == 1, "promise buffers need a daily forecast"
    window = window_level_units(
        forecast,
        exposure,
        level=level,
        days=days,
        elapsed_share=elapsed_share_of_first_day,
        seed=seed,
    )
    demand = on_grid(window)
    known = -np.minimum(on_grid(known_units), demand)
    record = np.full_like(demand, on_grid(exposure.record_error_units))
    needed = demand + known + record
    whole = np.ceil(needed)
    units = np.maximum(whole, exposure.floor_units)
    terms = {
        "competing_demand": demand,
        "already_committed": known,
        "record_error": record,
        "whole_units": whole - needed,
        "floor": units - whole,
    }
    return PromiseBuffer(units=units.astype(np.int64), terms=terms)


def window_level_units(
    forecast: DemandForecast,
    exposure: Exposure,
    *,
    level: Floats,
    days: int,
    elapsed_share: float,
    seed: int,
) -> Floats:
    """Quantile α of competing demand in the window that starts on each day, shape (N, days).

    A window inside one day is that day's quantile. A longer one is summed along sample paths:
    adding up daily quantiles would withhold too much.
    """
    if exposure.exposure_days <= 1:
        units = row_level_units(forecast, level, days=days) * exposure.exposure_days
        today = window_weights(exposure.exposure_days, elapsed_share=elapsed_share)[0]
        units[:, 0] *= today / exposure.exposure_days
        return units * exposure.competing_share
    ahead = days + math.ceil(exposure.exposure_days)
    units = np.empty((len(forecast.skus), days))
    for rows, paths in chunks(extended(forecast, horizon=ahead), seed=seed, periods=ahead):
        for t in range(days):
            weights = window_weights(
                exposure.exposure_days, elapsed_share=elapsed_share if t == 0 else 0.0
            )
            window = np.tensordot(weights, paths[:, t : t + len(weights)], axes=(0, 1))
            units[rows, t] = row_quantiles(window, level[rows])
    return units * exposure.competing_share


def row_level_units(forecast: DemandForecast, level: Floats, *, days: int) -> Floats:
    """Each series' quantile at its own level (N,), per day: shape (N, days)."""
    quantiles = extended(forecast, horizon=days).quantiles_units[:, :days]
    N, _, Q = quantiles.shape
    units: Floats = rowwise_quantile(
        quantiles.reshape(N * days, Q), forecast.levels, np.repeat(level, days)[:, None]
    )
    return units.reshape(N, days)


def window_weights(exposure_days: float, *, elapsed_share: float) -> Floats:
    """Share of each day, from the window's first on, that is still ahead and inside the window.

    >>> window_weights(1.5, elapsed_share=0.25).tolist()
    [0.75, 0.5]
    """
    whole = math.floor(exposure_days)
    weights = [1.0] * whole + ([exposure_days - whole] if exposure_days > whole else [])
    weights[0] = min(weights[0], 1 - elapsed_share)
    return np.array(weights)
