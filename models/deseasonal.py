"""What the calendar and the covariates explain of a series, by ridge regression per series.

Demand is first put on a scale where its spread does not grow with its level (square root or
logarithm, whichever makes the series likelier), then regressed on weekdays, the year's season and
the covariates. What is left is for the ARIMA errors. All series are solved in one batch.
"""

from dataclasses import dataclass, fields
from datetime import date

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats

RIDGES = (1.0, 10.0, 100.0, 1000.0)
"""Penalties tried, in observations: cross-validation picks one per series."""

YEARS_MIN_FOR_SEASON = 1.5
"""Years of history from which a yearly wave can be told from a trend."""

YEAR_WAVES = 3

SPREAD_MIN = 1e-6
"""A column that varies less than this explains nothing: rounding, not information."""


@dataclass(frozen=True, slots=True, eq=False)
class Regression:
    """One linear model per series on a transformed scale.

    logarithm : shape (N,), bool. True: log(1 + y); False: sqrt(y + 3/8), Anscombe's for counts.
    intercept : shape (N,). coefficients, centre, lowest, highest : shape (N, K), of the columns
        as given; `lowest` and `highest` bound them ahead to what the series has seen.
    degrees : shape (N,), observations that the coefficients have used up.
    """

    logarithm: NDArray[np.bool_]
    intercept: Floats
    coefficients: Floats
    centre: Floats
    lowest: Floats
    highest: Floats
    degrees: Floats

    def explained(self, columns: Floats) -> Floats:
        """Fitted values (N, T) of columns (N, T, K), on the transformed scale."""
        seen = columns.clip(self.lowest[:, None, :], self.highest[:, None, :])
        parts = np.einsum("ntk,nk->nt", seen - self.centre[:, None, :], self.coefficients)
        return np.asarray(parts + self.intercept[:, None])

    def rows(self, rows: NDArray[np.integer] | slice) -> "Regression":
        """The models of some of the series."""
        return Regression(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def calendar_columns(days: list[date], *, period_days: int, yearly: bool) -> Floats:
    """Columns (T, K) that a date alone gives: six weekdays if daily, waves of the year if asked."""
    ordinal = np.array([day.timetuple().tm_yday for day in days])
    columns = []
    if period_days == 1:
        weekday = np.array([day.weekday() for day in days])
        columns += [(weekday == k) - 1 / 7 for k in range(6)]
    if yearly:
        turn = 2 * np.pi * (ordinal + (period_days - 1) / 2) / 365.25
        for k in range(1, YEAR_WAVES + 1):
            columns += [np.sin(k * turn), np.cos(k * turn)]
    return np.stack(columns, axis=1) if columns else np.empty((len(days), 0))


def to_scale(units: Floats, logarithm: NDArray[np.bool_]) -> Floats:
    """Transform (N, ...) units row by row."""
    chosen = logarithm.reshape(-1, *[1] * (units.ndim - 1))
    return np.where(chosen, np.log1p(units), np.sqrt(units + 0.375))


def from_scale(values: Floats, logarithm: NDArray[np.bool_]) -> Floats:
    """Back to units, never negative; below the transform of zero, demand is zero."""
    chosen = logarithm.reshape(-1, *[1] * (values.ndim - 1))
    power = np.maximum(values, 0.0) ** 2 - 0.375
    return np.maximum(np.where(chosen, np.expm1(np.minimum(values, 40.0)), power), 0.0)


def regress(demand_units: Floats, columns: Floats) -> Regression:
    """Fit every series, (N, T) with NaN where unknown, on its columns (N, T, K)."""
    candidates = []
    for logarithm in (False, True):
        chosen = np.full(len(demand_units), logarithm)
        regression, error = _ridge(to_scale(demand_units, chosen), columns, chosen)
        known = ~np.isnan(demand_units)
        units = np.where(known, demand_units, 0.0)
        slope = -np.log1p(units) if logarithm else -0.5 * np.log(4 * (units + 0.375))
        counted = known.sum(axis=1).clip(min=1)
        jacobian = np.where(known, slope, 0.0).sum(axis=1) / counted
        candidates.append((regression, -0.5 * np.log(error.clip(min=1e-12)) + jacobian))
    (root, root_likelihood), (log, log_likelihood) = candidates
    better = log_likelihood > root_likelihood
    return Regression(
        **{
            f.name: np.where(
                better.reshape(-1, *[1] * (getattr(root, f.name).ndim - 1)),
                getattr(log, f.name),
                getattr(root, f.name),
            )
            for f in fields(root)
        }
    )


def _ridge(
    values: Floats, columns: Floats, logarithm: NDArray[np.bool_]
) -> tuple[Regression, Floats]:
    """Ridge regression of each row, its penalty by generalised cross-validation.

    Returns the models and the mean squared errors (N,), corrected for the degrees used up.
    Source of the criterion: Golub, Heath & Wahba (1979), Technometrics 21(2), 215-223.
    """
    known = ~np.isnan(values)
    weight = known.astype(np.float64)
    counted = weight.sum(axis=1).clip(min=1)
    y_mean = np.where(known, values, 0.0).sum(axis=1) / counted
    y = np.where(known, values - y_mean[:, None], 0.0)
    centre = np.einsum("ntk,nt->nk", columns, weight) / counted[:, None]
    centred = (columns - centre[:, None, :]) * weight[:, :, None]
    spread = np.sqrt(np.einsum("ntk,ntk->nk", centred, centred) / counted[:, None])
    unit = np.where(spread > SPREAD_MIN, spread, np.inf)
    x = centred / unit[:, None, :]
    eigenvalues, vectors = np.linalg.eigh(np.einsum("ntk,ntl->nkl", x, x))
    projected = np.einsum("nkl,nk->nl", vectors, np.einsum("ntk,nt->nk", x, y))
    beta, degrees, error = _best_ridge(eigenvalues, projected, (y**2).sum(axis=1), counted)
    seen = np.where(known[:, :, None], columns, np.nan)
    empty = ~known.any(axis=1)
    seen[empty] = 0.0
    regression = Regression(
        logarithm=logarithm,
        intercept=y_mean,
        coefficients=np.einsum("nkl,nl->nk", vectors, beta) / unit,
        centre=centre,
        lowest=np.nanmin(seen, axis=1),
        highest=np.nanmax(seen, axis=1),
        degrees=degrees,
    )
    return regression, error


def _best_ridge(
    eigenvalues: Floats, projected: Floats, total: Floats, counted: Floats
) -> tuple[Floats, Floats, Floats]:
    """Coefficients in the eigenbasis, degrees used and corrected error, of the best penalty."""
    best = np.full(len(total), np.inf)
    beta = np.zeros_like(projected)
    degrees = np.ones(len(total))
    error = total / counted
    for penalty in RIDGES:
        shrunk = projected / (eigenvalues + penalty)
        squared = total - 2 * (shrunk * projected).sum(axis=1)
        squared = (squared + (shrunk**2 * eigenvalues).sum(axis=1)).clip(min=0)
        used = 1 + (eigenvalues / (eigenvalues + penalty)).sum(axis=1)
        left = np.maximum(counted - used, 0.5)
        criterion = counted * squared / left**2
        better = criterion < best
        best = np.where(better, criterion, best)
        beta = np.where(better[:, None], shrunk, beta)
        degrees, error = np.where(better, used, degrees), np.where(better, squared / left, error)
    return beta, degrees, error
