"""Topics on demand that comes now and then, from its history."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from pydantic import Field

from inventory.demand import Floats
from inventory.errors import InputRejected
from pipelines.solve.forms import NonNegatives, Number, Positive, Result

Smoothing = Annotated[Number, Field(gt=0, le=1)]


def croston(*, y: NonNegatives, alpha: Smoothing = 0.1) -> Result:
    """Croston's forecast, with the sizes and intervals that it smooths."""
    from models.intermittent import croston_units

    return _forecast(y, lambda demand: croston_units(demand, alpha=alpha))


def sba(*, y: NonNegatives, alpha: Smoothing = 0.1) -> Result:
    """The same without its bias, by Syntetos and Boylan."""
    from models.intermittent import sba_units

    return _forecast(y, lambda demand: sba_units(demand, alpha=alpha))


def tsb(*, y: NonNegatives, alpha_d: Smoothing = 0.1, alpha_p: Smoothing = 0.1) -> Result:
    """Forecast that fades while nothing sells, by Teunter, Syntetos and Babai."""
    from models.intermittent import tsb_units

    return _forecast(y, lambda demand: tsb_units(demand, alpha_size=alpha_d, alpha_chance=alpha_p))


def croston_fitted(*, y: NonNegatives) -> Result:
    """Croston's forecast with smoothing fitted to each of sizes and intervals."""
    from models.aggregation import fitted_croston_units

    return _forecast(y, fitted_croston_units)


def adida(*, y: NonNegatives) -> Result:
    """Forecast by aggregating over the mean interval: few zeros are left."""
    from models.aggregation import adida_units

    return _forecast(y, adida_units)


def imapa(*, y: NonNegatives) -> Result:
    """Mean of such forecasts over all intervals up to the mean one."""
    from models.aggregation import imapa_units

    return _forecast(y, imapa_units)


def _forecast(y: list[float], method: Callable[[Floats], Floats]) -> Result:
    demand = np.array(y, dtype=float)
    sold = np.flatnonzero(demand)
    if not len(sold):
        raise InputRejected("never sells; give a history with a sale", field="y")
    return {
        "forecast": float(method(demand[None])[0]),
        "demand_sizes": demand[sold].tolist(),
        "intervals": np.diff(sold, prepend=-1).tolist(),
    }


def classified(
    *, y: NonNegatives, adi_threshold: Positive = 1.32, cv2_threshold: Positive = 0.49
) -> Result:
    """Smooth, erratic, intermittent or lumpy, by interval and squared variation of sizes.

    The class goes by the variation of the population (divided by n); that of the sample, by n − 1,
    is told too where there are two sales or more.
    """
    demand = np.array(y, dtype=float)
    sizes = demand[demand > 0]
    if not len(sizes):
        raise InputRejected("never sells; give a history with a sale", field="y")
    adi = len(demand) / len(sizes)
    population = float(sizes.var() / sizes.mean() ** 2)
    often, steady = adi < adi_threshold, population < cv2_threshold
    found: Result = {"adi": adi, "cv2_population": population}
    if len(sizes) > 1:
        found["cv2_sample"] = float(sizes.var(ddof=1) / sizes.mean() ** 2)
    word = ("smooth" if steady else "erratic") if often else "intermittent" if steady else "lumpy"
    return found | {"class": word}
