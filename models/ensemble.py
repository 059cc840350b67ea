"""All members as one forecaster: put right, weighted where they proved themselves, and calibrated.

Fitting looks back from rolling origins to learn three things: which level of a member's forecast,
and then of their combination, to read for a wanted level; how much each member counts per segment
and horizon block; and how the periods of one series hang together. A member is put right before it
is weighed: one that is always too high by a tenth is worth as much as one that is not. Then the
members are fitted again on everything. The result is itself a
`Forecaster`, predicts from a panel that has grown since, and is saved without pickles.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import polars as pl
from scipy.special import ndtri

from features.closures import Closure, closed_ahead, find_closures, without_closed
from features.demand import dense_demand
from features.frame import UNITS, Panel
from inventory.demand import LEVELS, DemandForecast, Floats, quantile_function
from models import backtest
from models.backtest import Window, blocks
from models.calibration import (
    WINDOWS_HALF_BELIEVED,
    WINDOWS_HALF_BELIEVED_ONCE_RIGHT,
    Calibration,
    correlations,
    fit_dependence,
    level_map,
    mean_factor,
    probability_of,
    standardised,
)
from models.cold_start import with_borrowed
from models.contract import Forecaster
from models.reliability import COLUMNS as RELIABILITY_COLUMNS
from models.reliability import reliability
from models.segments import SEGMENTS, segments
from models.weights import learn_weights

NAME = "ensemble"

SNAP_UNITS = 0.5
"""Where all sales are whole units, a quantile below half a unit is zero."""


class Member(Forecaster, Protocol):
    """A forecaster that can be put on disk."""

    def save(self, folder: Path) -> None:
        """Write everything that predicting needs."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""


class Ensemble:
    """Members combined by quantile averaging and calibrated.

    members : unfitted; their names must differ.
    backtest : scores of members and of the calibrated ensemble on past windows, once fitted
        (columns as in `models.backtest.scores`). The ensemble's own are in-sample for its weights.
    reliability : how often demand stayed below its calibrated quantiles on those windows (columns
        as in `models.reliability.reliability`).
    """

    name = NAME

    def __init__(
        self,
        members: Sequence[Member],
        *,
        seed: int = 0,
        windows: int = backtest.WINDOWS,
        progress: Callable[[str], None] | None = None,
    ) -> None:
        assert members, "an ensemble needs at least one member"
        assert len({m.name for m in members}) == len(members), "member names must differ"
        self.members = list(members)
        self.seed = seed
        self.windows = windows
        self.progress = progress
        self.closures: tuple[Closure, ...] = ()
        self.period_days = 1
        self.whole_units = False
        self._forget()

    def _forget(self) -> None:
        """Nothing was looked back on: equal weights, forecasts as they are."""
        equal = 1 / len(self.members)
        self.weight_table = np.full((len(SEGMENTS), 1, len(self.members)), equal)
        self.calibration = Calibration.identity(np.array(LEVELS), segments=len(SEGMENTS), blocks=1)
        self.member_calibrations: dict[str, Calibration] = {}
        self.backtest = pl.DataFrame(schema=backtest.SCORE_COLUMNS)
        self.reliability = pl.DataFrame(schema=RELIABILITY_COLUMNS)

    @property
    def weights(self) -> pl.DataFrame:
        """Columns segment, horizon_block, member, weight."""
        rows = [
            (SEGMENTS[s], b, member.name, float(self.weight_table[s, b, m]))
            for s in range(self.weight_table.shape[0])
            for b in range(self.weight_table.shape[1])
            for m, member in enumerate(self.members)
        ]
        schema = {"segment": pl.String, "horizon_block": pl.Int64, "member": pl.String,
                  "weight": pl.Float64}  # fmt: skip
        return pl.DataFrame(rows, schema=schema, orient="row")

    @property
    def horizon_max(self) -> int | None:
        """Most periods ahead that every member can see, once fitted; None where none minds."""
        recipes = [getattr(member, "recipe", None) for member in self.members]
        return min((recipe.horizon for recipe in recipes if recipe is not None), default=None)

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Look back for weights and calibration, then fit every member on the whole panel."""
        self.period_days = panel.period_days
        self.whole_units = bool((panel.history[UNITS].drop_nulls() % 1 == 0).all())
        self.closures = find_closures(panel)
        panel = without_closed(panel, self.closures)
        past = backtest.run(
            [rehearsed(m) for m in self.members], panel, horizon=horizon,
            windows=self.windows, seed=self.seed, progress=self.progress,
        )  # fmt: skip
        self._forget()
        if past:
            self._learn(past)
        for member in self.members:
            if self.progress is not None:
                self.progress(f"fitting {member.name} on everything")
            member.fit(panel, horizon=horizon)
        return self

    def _learn(self, past: list[Window]) -> None:
        names = [m.name for m in self.members]
        known = {"period_days": self.period_days, "seed": self.seed}
        for name in names:
            said = [w.forecasts[name] for w in past]
            self.member_calibrations[name] = learn_calibration(past, said, **known)
        right = [replace(w, forecasts=self._put_right(w.forecasts, w.segment)) for w in past]
        self.weight_table = learn_weights(right, names, **known)
        combined = [self._combine(w.forecasts, w.segment) for w in right]
        self.calibration = learn_calibration(
            past, combined, half_believed=WINDOWS_HALF_BELIEVED_ONCE_RIGHT, **known
        )
        for window, forecast in zip(past, combined, strict=True):
            window.forecasts[NAME] = self._calibrate(forecast, window.segment)
        self.backtest = backtest.scores(past, period_days=self.period_days)
        said = [window.forecasts[NAME] for window in past]
        self.reliability = reliability(past, said, seed=self.seed)

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """The calibrated combination for the `horizon` periods after the panel's origin."""
        forecast, _ = self.predict_with_members(panel, horizon=horizon, levels=levels)
        return forecast

    def predict_with_members(
        self, panel: Panel, *, horizon: int, levels: Floats
    ) -> tuple[DemandForecast, dict[str, DemandForecast]]:
        """The combination, and what each member said (at `LEVELS`)."""
        open_panel = self.opened(panel)
        said = {
            m.name: m.predict(open_panel, horizon=horizon, levels=np.array(LEVELS))
            for m in self.members
        }
        segment = segments(dense_demand(open_panel), period_days=panel.period_days)
        right = self._put_right(said, segment)
        forecast = self._calibrate(self._combine(right, segment), segment)
        forecast = with_borrowed(forecast, open_panel)
        closed = closed_ahead(panel, self.closures, horizon=horizon)
        own = self._snapped(forecast.quantiles_units)
        quantiles = quantile_function(own, forecast.levels, levels)
        quantiles = np.where(closed[..., None], 0.0, quantiles)
        final = replace(
            forecast,
            levels=np.asarray(levels, dtype=np.float64),
            quantiles_units=np.maximum.accumulate(quantiles, axis=2),
            mean_units=np.where(closed, 0.0, forecast.mean_units),
        )
        return final, said

    def opened(self, panel: Panel) -> Panel:
        """The panel as the members see it: closed periods count as not on sale."""
        return without_closed(panel, self.closures)

    def combined_mean(
        self, panel: Panel, said: dict[str, DemandForecast], *, periods: int
    ) -> tuple[Floats, Floats]:
        """Before calibration: the mean (N,) over the first periods, and what each member counts.

        said : from `predict_with_members`. Weights are (N, members), averaged over the periods.
        """
        segment = segments(dense_demand(self.opened(panel)), period_days=panel.period_days)
        weight = self.weight_table[segment][:, self._blocks(periods)]
        means = np.stack(
            [self._right_mean(m.name, said[m.name].mean_units[:, :periods], segment)
             for m in self.members],
            axis=2,
        )  # fmt: skip
        return (weight * means).sum(axis=2).mean(axis=1), weight.mean(axis=1)

    def _right_mean(self, name: str, mean_units: Floats, segment: np.ndarray) -> Floats:
        """The mean part of `_put_right` for one member."""
        found = self.member_calibrations.get(name)
        if found is None:
            return mean_units
        block = self._blocks(mean_units.shape[1], found.maps.shape[1])
        return found.corrected_mean(mean_units, segment=segment, block=block)

    def _put_right(
        self, said: dict[str, DemandForecast], segment: np.ndarray
    ) -> dict[str, DemandForecast]:
        """Each member's forecast, calibrated by its own past."""
        return {
            name: self._applied(self.member_calibrations[name], forecast, segment)
            if name in self.member_calibrations
            else forecast
            for name, forecast in said.items()
        }

    def _combine(self, said: dict[str, DemandForecast], segment: np.ndarray) -> DemandForecast:
        """Average members' quantiles, level by level, and means, with the learned weights."""
        first = said[self.members[0].name]
        block = self._blocks(first.horizon)
        quantiles = np.zeros(first.quantiles_units.shape)
        mean = np.zeros(first.mean_units.shape)
        for m, member in enumerate(self.members):
            weight = self.weight_table[segment][:, block, m]
            quantiles += weight[..., None] * said[member.name].quantiles_units
            mean += weight * said[member.name].mean_units
        return replace(first, quantiles_units=self._snapped(quantiles), mean_units=mean)

    def _calibrate(self, forecast: DemandForecast, segment: np.ndarray) -> DemandForecast:
        calibrated = self._applied(self.calibration, forecast, segment)
        return replace(calibrated, quantiles_units=self._snapped(calibrated.quantiles_units))

    def _applied(
        self, calibration: Calibration, forecast: DemandForecast, segment: np.ndarray
    ) -> DemandForecast:
        block = self._blocks(forecast.horizon, calibration.maps.shape[1])
        return calibration.apply(forecast, segment=segment, block=block)

    def _snapped(self, quantiles_units: Floats) -> Floats:
        """Items sold in whole units keep their mass at zero."""
        if not self.whole_units:
            return quantiles_units
        return np.where(quantiles_units < SNAP_UNITS, 0.0, quantiles_units)

    def _blocks(self, horizon: int, known: int | None = None) -> np.ndarray:
        """Block of each period; beyond what was looked back on, the last one learned."""
        last = (self.weight_table.shape[1] if known is None else known) - 1
        return blocks(horizon, period_days=self.period_days).clip(max=last)

    def save(self, folder: Path) -> None:
        """Write the members, each in its own folder, and what was learned, as JSON and parquet."""
        folder.mkdir(parents=True, exist_ok=True)
        for member in self.members:
            member.save(folder / member.name)
        state: dict[str, Any] = {
            "members": {m.name: f"{type(m).__module__}:{type(m).__name__}" for m in self.members},
            "seed": self.seed,
            "windows": self.windows,
            "period_days": self.period_days,
            "whole_units": self.whole_units,
            "closures": [asdict(c) for c in self.closures],
            "weights": self.weight_table.tolist(),
            "calibration": self.calibration.as_dict(),
            "member_calibrations": {
                name: found.as_dict() for name, found in self.member_calibrations.items()
            },
        }
        (folder / "ensemble.json").write_text(json.dumps(state))
        self.backtest.write_parquet(folder / "backtest.parquet")
        self.reliability.write_parquet(folder / "reliability.parquet")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`; loads only members that live in the package `models`."""
        state = json.loads((folder / "ensemble.json").read_text())
        members = [
            _member_class(where).load(folder / name) for name, where in state["members"].items()
        ]
        loaded = cls(members, seed=state["seed"], windows=state["windows"])
        loaded.period_days = state["period_days"]
        loaded.whole_units = state["whole_units"]
        loaded.closures = tuple(Closure(**c) for c in state["closures"])
        loaded.weight_table = np.array(state["weights"])
        loaded.calibration = Calibration.from_dict(state["calibration"])
        loaded.member_calibrations = {
            name: Calibration.from_dict(found)
            for name, found in state["member_calibrations"].items()
        }
        loaded.backtest = pl.read_parquet(folder / "backtest.parquet")
        loaded.reliability = pl.read_parquet(folder / "reliability.parquet")
        return loaded


def rehearsed(member: Member) -> Forecaster:
    """What stands in for a member when looking back: itself, unless it has a cheaper `rehearsal`.

    Members are looked back on several times and trained in earnest once.
    """
    rehearsal: Callable[[], Forecaster] | None = getattr(member, "rehearsal", None)
    return member if rehearsal is None else rehearsal()


def _member_class(where: str) -> type[Member]:
    from importlib import import_module

    module, name = where.split(":")
    assert module.startswith("models."), f"{module} is no module of forecasters"
    found: type[Member] = getattr(import_module(module), name)
    return found


def learn_calibration(
    past: Sequence[Window], combined: Sequence[DemandForecast], *, period_days: int, seed: int,
    half_believed: float = WINDOWS_HALF_BELIEVED,
) -> Calibration:  # fmt: skip
    """Level maps per segment and block, and the dependence per segment, from past PITs."""
    rng = np.random.default_rng(seed)
    levels = np.array(LEVELS)
    horizon = combined[0].horizon
    block = blocks(horizon, period_days=period_days)
    calibration = Calibration.identity(levels, segments=len(SEGMENTS), blocks=int(block.max()) + 1)
    span_days = (past[-1].origin - past[0].origin).days
    spans = 1 + span_days / (period_days * horizon)
    mapped = partial(level_map, spans=spans, half_believed=half_believed)
    corrected = partial(mean_factor, spans=spans, half_believed=half_believed)
    by_window = [_pit(w.actual_units, f, rng=rng) for w, f in zip(past, combined, strict=True)]
    segment, pit = np.concatenate([w.segment for w in past]), np.concatenate(by_window)
    actual = np.concatenate([w.actual_units for w in past])
    mean = np.concatenate([f.mean_units for f in combined])
    for b in range(calibration.maps.shape[1]):
        now = block == b
        overall = mapped(pit[:, now].ravel(), levels)
        factor = corrected(actual[:, now], mean[:, now])
        for s in range(len(SEGMENTS)):
            cell = np.ix_(segment == s, now)
            calibration.maps[s, b] = mapped(pit[cell].ravel(), levels, prior=overall)
            calibration.mean_factors[s, b] = corrected(actual[cell], mean[cell], prior=factor)
    _learn_dependence(calibration, by_window, past)
    return calibration


def _learn_dependence(
    calibration: Calibration, by_window: Sequence[Floats], past: Sequence[Window]
) -> None:
    """How the periods of one series hang together, per segment; rare segments follow all."""

    def normal(segment: int | None) -> Floats:
        rows = [w.segment == segment if segment is not None else slice(None) for w in past]
        return np.concatenate([
            standardised(ndtri(pit[chosen])) for pit, chosen in zip(by_window, rows, strict=True)
        ])  # fmt: skip

    overall = fit_dependence(correlations(normal(None)))
    for s in range(len(SEGMENTS)):
        calibration.dependence[s] = fit_dependence(correlations(normal(s)), otherwise=overall)


def _pit(actual: Floats, forecast: DemandForecast, *, rng: np.random.Generator) -> Floats:
    """PIT of each actual (n, H)."""
    flat = forecast.quantiles_units.reshape(-1, forecast.quantiles_units.shape[2])
    return probability_of(actual.ravel(), flat, forecast.levels, rng=rng).reshape(actual.shape)
