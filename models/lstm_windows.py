"""Windows of history and horizon cut from a panel, as tensors that the LSTM reads.

Every window is divided by its own recent level, so that one network serves items that sell one
unit a week and a thousand a day. Nothing after a window's cutoff enters it, except what is known
ahead: the calendar and the covariates.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import torch
from torch import Tensor

from features.demand import dense_demand
from features.frame import Panel
from inventory.demand import Floats
from models.deseasonal import PERIODS_MIN_FOR_MONTH, calendar_columns
from models.known_ahead import all_dates, closed_periods, covariates
from models.metrics import seasonality

SEASONS_AVERAGED = 4
"""Same weekdays averaged into the profile that the network sees: one alone is mostly noise."""

LEVEL_PRIOR_PERIODS = 2.0
"""Weight of the long-run mean in a window's level, in periods; keeps a quiet month above zero."""

LEVEL_UNITS_MIN = 0.1
COVARIATE_MAX = 4.0
"""Deviations beyond this many standard deviations are cut: an outlier must not run the network."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a window looks like: fixed by `fit`, so that `predict` builds the same columns.

    context : periods of history per window. season, year : periods of the two seasons; year is 0
    where the history is too short to have seen one. monthly : whether it is long enough to tell
    the days of a month. names, deviations : covariates known ahead, and their standard deviations
    around each series' median.
    """

    context: int
    season: int
    year: int
    monthly: bool
    names: tuple[str, ...]
    deviations: tuple[float, ...]

    @property
    def inputs(self) -> int:
        """Numbers per period that the network reads."""
        own = 7 + bool(self.year) + 2 * len(self.names)
        return own + int(_calendar([date(2024, 1, 1)], self).shape[1])

    @property
    def padding(self) -> int:
        """Unknown periods put before the first, so that every look back lands somewhere."""
        return max(self.context, self.year, self.season) + SEASONS_AVERAGED * self.season


WEEK = 7
CONTEXT_DAYS = 56
CONTEXT_WEEKS = 52


def shape_of(panel: Panel, names: tuple[str, ...]) -> Shape:
    """Choose the window for a panel: half its length, within eight weeks or one year."""
    T = len(all_dates(panel, horizon=0))
    daily = panel.period_days == 1
    year = 364 // panel.period_days
    values = covariates(panel, names, horizon=0)
    around = values - np.median(values, axis=1, keepdims=True)
    deviations = np.sqrt(np.mean(np.square(around, dtype=np.float64), axis=(0, 1)))
    return Shape(
        context=int(np.clip(T // 2, 1, CONTEXT_DAYS if daily else CONTEXT_WEEKS)),
        season=seasonality(panel.period_days, T),
        year=year if year * 1.5 <= T else 0,
        monthly=daily and PERIODS_MIN_FOR_MONTH <= T,
        names=names,
        deviations=tuple(float(d) for d in deviations),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Windows:
    """A panel's arrays, padded in front, ready to be cut.

    demand : (N, P + T), NaN where unknown. covariates : (N, P + T + H, K). calendar :
    (P + T + H, C). sums, counts : running totals of known demand, (N, P + T + 1), to price a level.
    closed : (N, P + T + H).
    """

    shape: Shape
    demand: Tensor
    covariates: Tensor
    calendar: Tensor
    sums: Tensor
    counts: Tensor
    closed: Tensor

    @property
    def end(self) -> int:
        """Padded index of the first period to forecast."""
        return self.demand.shape[1]

    def cutoff_range(self, *, horizon: int) -> tuple[int, int]:
        """First and last cutoff to train on: some history before, the whole horizon after.

        On a history too short for both, the last period is the horizon.
        """
        shape = self.shape
        first = min(shape.padding + max(shape.season, shape.context // 2), self.end - 1)
        return first, max(self.end - horizon, first)

    def cut(self, rows: Tensor, cutoffs: Tensor, *, horizon: int) -> tuple[Tensor, Tensor]:
        """Inputs (B, C + H, F) and levels (B, 1) of windows whose horizon starts at `cutoffs`."""
        shape = self.shape
        steps = torch.arange(-shape.context, horizon, device=self.demand.device)
        at = cutoffs[:, None] + steps
        level = self._level(rows, cutoffs)
        ahead = (steps >= 0).expand_as(at)
        own = self._look(rows, torch.where(ahead, torch.zeros_like(at), at))
        known = ~torch.isnan(own)
        back = torch.where(steps >= 0, steps // shape.season + 1, torch.ones_like(steps))
        lags = torch.stack(
            [self._look(rows, at - shape.season * (back + j)) for j in range(SEASONS_AVERAGED)]
        )
        columns = [
            torch.where(known, relative(own, level), 0.0),
            known.float(),
            relative(lags[0], level),
            relative(lags.nanmean(dim=0), level),
            torch.where(ahead, torch.log1p(steps.clamp(min=0).float()) + 1, 0.0),
            torch.log(level).expand_as(at),
            self.closed[rows[:, None], at].float(),
        ]
        if shape.year:
            columns.append(relative(self._look(rows, at - shape.year), level))
        following = torch.minimum(at + 1, at[:, -1:])  # What is planned casts its shadow before.
        parts = [
            torch.stack(columns, dim=2),
            self.calendar[at],
            self.covariates[rows[:, None], at],
            self.covariates[rows[:, None], following],
        ]
        return torch.cat(parts, dim=2), level

    def targets(self, rows: Tensor, cutoffs: Tensor, *, horizon: int) -> Tensor:
        """Demand of the horizon (B, H), NaN where unknown."""
        return self._look(rows, cutoffs[:, None] + torch.arange(horizon, device=self.demand.device))

    def _look(self, rows: Tensor, at: Tensor) -> Tensor:
        return self.demand[rows[:, None], at]

    def _level(self, rows: Tensor, cutoffs: Tensor) -> Tensor:
        """Mean of the context, pulled towards the mean of all before the cutoff, (B, 1)."""
        total, counted = self.sums[rows, cutoffs], self.counts[rows, cutoffs]
        start = cutoffs - self.shape.context
        recent = total - self.sums[rows, start]
        periods = counted - self.counts[rows, start]
        long_run = total / counted.clamp(min=1)
        level = (recent + LEVEL_PRIOR_PERIODS * long_run) / (periods + LEVEL_PRIOR_PERIODS)
        return level.clamp(min=LEVEL_UNITS_MIN)[:, None].float()


def relative(units: Tensor, level: Tensor) -> Tensor:
    """Units against the level, on a logarithmic scale; unknown ones count as the level."""
    return torch.log1p(torch.where(torch.isnan(units), level, units) / level) - float(np.log(2))


def windows_of(panel: Panel, shape: Shape, *, horizon: int, device: torch.device) -> Windows:
    """The panel's arrays on the device."""
    demand = dense_demand(panel)
    known = covariates(panel, shape.names, horizon=horizon)
    closed = closed_periods(demand, known)
    T, padding = demand.shape[1], shape.padding
    demand = np.where(closed[:, :T], np.nan, demand)
    usual = np.median(known[:, :T], axis=1, keepdims=True)
    scale = np.maximum(np.array(shape.deviations, dtype=np.float32), 1e-6)
    deviations = ((known - usual) / scale).clip(-COVARIATE_MAX, COVARIATE_MAX)
    padded = np.pad(demand, ((0, 0), (padding, 0)), constant_values=np.nan)
    there = ~np.isnan(padded)
    running = ((0, 0), (1, 0))

    def tensor(values: Floats) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(values), device=device)

    return Windows(
        shape=shape,
        demand=tensor(padded.astype(np.float32)),
        covariates=tensor(np.pad(deviations, ((0, 0), (padding, 0), (0, 0))).astype(np.float32)),
        calendar=tensor(
            np.pad(_calendar(all_dates(panel, horizon=horizon), shape), ((padding, 0), (0, 0)))
        ),
        sums=tensor(np.pad(np.where(there, padded, 0.0).cumsum(axis=1), running)),
        counts=tensor(np.pad(there.cumsum(axis=1).astype(np.float64), running)),
        closed=tensor(np.pad(closed, ((0, 0), (padding, 0)))),
    )


def _calendar(days: list[date], shape: Shape) -> Floats:
    """What the dates alone say, (T + H, C)."""
    columns = calendar_columns(
        days,
        period_days=1 if shape.season == WEEK else WEEK,
        yearly=bool(shape.year),
        monthly=shape.monthly,
    )
    return columns.astype(np.float32)
