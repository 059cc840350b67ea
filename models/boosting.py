"""One gradient booster for all series: quantiles and mean of demand, direct for every horizon.

The horizon is a feature, and each training example is seen from its own origin, so that nothing is
read that would not have been known. Demand is divided by the series' level at the origin: one model
then serves items that sell one a month and a thousand a day.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from features.build import FeatureTable, Recipe, build, recipe_for
from features.frame import Panel
from inventory.demand import DemandForecast, Floats, quantile_function
from models.baseline import MovingAverage, forecast_of
from models.boosting_bag import HEAD_LEVELS, Bag, Lesson, gains, ratio_of_logarithm, total_gain
from models.boosting_examples import draw

ROWS_PER_CHUNK = 200_000
"""Rows predicted at once: bounds memory with tens of thousands of series."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How much a booster spends: time is linear in `examples_max · rounds · bags · columns_max`.

    bags : boosters that are averaged, each with draws of its own.
    columns_max : features kept, the strongest; told by a short look at `scout_examples_max`.
    """

    examples_max: int = 160_000
    rounds: int = 150
    bags: int = 1
    columns_max: int = 80
    scout_examples_max: int = 40_000
    scout_rounds: int = 60


FAST = Effort()
"""For `vouch predict --preset fast` and quick looks."""
FULL = Effort(bags=2, columns_max=120)
"""A second booster lowers the scaled quantile loss by half a per cent, and the part of luck."""


class BoostingForecaster:
    """Global XGBoost with a head per quantile and a Tweedie mean."""

    name = "boosting"

    def __init__(
        self, *, seed: int = 0, threads: int = 1, country: str | None = None,
        effort: Effort = FAST, examples_max: int | None = None,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.threads = threads
        self.country = country
        self.effort = effort if examples_max is None else replace(effort, examples_max=examples_max)
        self.recipe: Recipe | None = None
        self.bags: list[Bag] = []

    def rehearsal(self) -> "BoostingForecaster":
        """One booster instead of several: what looking back needs to know of this member."""
        return BoostingForecaster(
            seed=self.seed, threads=self.threads, country=self.country,
            effort=replace(self.effort, bags=1),
        )  # fmt: skip

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Learn from every origin of the history that has a target behind it."""
        self.recipe = recipe_for(panel, horizon=horizon, country=self.country)
        self.bags = []
        table = build(panel, self.recipe, threads=self.threads)
        if len(table.features) > self.effort.columns_max:
            scouted = self._lesson(panel, table, self.effort.scout_examples_max, self.seed)
            if scouted is not None:
                self.recipe.columns = self._strongest(table, scouted)
                table = replace(table, features=self.recipe.features)
        for seed in range(self.seed, self.seed + self.effort.bags):
            lesson = self._lesson(panel, table, self.effort.examples_max, seed)
            if lesson is None:
                break  # Nothing to learn from: predictions fall back to the recent average.
            self.bags.append(
                Bag.train(lesson, rounds=self.effort.rounds, seed=seed, threads=self.threads)
            )
        return self

    def _lesson(
        self, panel: Panel, table: FeatureTable, count_max: int, seed: int
    ) -> Lesson | None:
        """Examples drawn and made, or None where nothing was ever sold."""
        assert self.recipe is not None
        drawn = draw(panel, table, horizon=self.recipe.horizon, count_max=count_max, seed=seed)
        if not (drawn.sold_units > 0).any():
            return None
        matrix, level = table.matrix(
            series=drawn.series, origin_place=drawn.origin_place, ahead=drawn.ahead
        )
        return Lesson(table.names, matrix, level, drawn.sold_units / level)

    def _strongest(self, table: FeatureTable, lesson: Lesson) -> tuple[str, ...]:
        """The features to keep, in the order of the catalogue."""
        gain = gains(lesson, rounds=self.effort.scout_rounds, seed=self.seed, threads=self.threads)
        ranked = sorted(table.features, key=lambda f: -gain.get(f.name, 0.0))
        kept = {f.name for f in ranked[: self.effort.columns_max]}
        kept |= {f.less for f in table.features if f.name in kept and f.less is not None}
        return tuple(f.name for f in table.features if f.name in kept)

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """Quantiles and mean for each of the next `horizon` periods, at most the fitted horizon."""
        assert self.recipe is not None, "fit first"
        assert horizon <= self.recipe.horizon
        if not self.bags:
            return MovingAverage().predict(panel, horizon=horizon, levels=levels)
        table = build(panel, self.recipe, threads=self.threads)
        N = len(table.first_row)
        quantiles = np.empty((N, horizon, len(levels)), dtype=np.float32)
        mean = np.empty((N, horizon), dtype=np.float32)
        for chunk in _chunks(N, horizon):
            matrix, level = _ahead_of(table, np.arange(N)[chunk], horizon)
            said, expected = self._ratios(matrix)
            wanted = quantile_function(said * level[:, None], np.array(HEAD_LEVELS), levels)
            quantiles[chunk] = wanted.reshape(-1, horizon, len(levels))
            mean[chunk] = (expected * level).reshape(-1, horizon)
        return forecast_of(panel, levels=levels, quantiles_units=quantiles, mean_units=mean)

    def _ratios(self, matrix: Floats) -> tuple[Floats, Floats]:
        """Quantiles (n, 8), sorted, and mean (n,) of demand over level: averages of the bags."""
        heads = np.mean([bag.ratio_quantiles(matrix) for bag in self.bags], axis=0)
        mean: Floats = np.mean([bag.mean_ratio(matrix) for bag in self.bags], axis=0)
        return ratio_of_logarithm(np.sort(heads, axis=1)), mean

    def mean_contributions(
        self, panel: Panel, *, horizon: int, rows: np.ndarray | None = None
    ) -> tuple[list[str], Floats]:
        """What each feature adds to the mean forecast, in units; the contributions sum to it.

        Shapley values of the booster's logarithm of the mean (TreeSHAP: Lundberg et al. 2020,
        "From local explanations to global understanding with explainable AI for trees"), taken to
        units by `models.boosting_bag.parts_of_exponential`.

        Parameters
        ----------
        rows : rows of `panel.series` to explain; all by default.

        Returns
        -------
        names (F,) and contributions (n, H, F + 1) in units per period. The last is the base: the
        series' level at the origin, times what an average example sells against its level. Where
        nothing could be learned there are no names, and the base is the whole forecast.
        """
        assert self.recipe is not None, "fit first"
        if not self.bags:
            mean = self.predict(panel, horizon=horizon, levels=np.array([0.5])).mean_units
            return [], (mean if rows is None else mean[rows])[..., None]
        table = build(panel, self.recipe, threads=self.threads)
        names = table.names
        wanted = np.arange(len(table.first_row)) if rows is None else np.asarray(rows)
        found = np.empty((len(wanted), horizon, len(names) + 1), dtype=np.float32)
        for chunk in _chunks(len(wanted), horizon):
            matrix, level = _ahead_of(table, wanted[chunk], horizon)
            parts = [bag.mean_parts(matrix, names, threads=self.threads) for bag in self.bags]
            units = np.mean(parts, axis=0) * level[:, None]
            found[chunk] = units.reshape(-1, horizon, len(names) + 1)
        return names, found

    def importance(self) -> pl.DataFrame:
        """Columns feature, group, gain: share of the loss reduction that each feature brought."""
        assert self.recipe is not None, "fit first"
        gain: dict[str, float] = {}
        for bag in self.bags:
            for name, value in total_gain(bag.quantiles).items():
                gain[name] = gain.get(name, 0.0) + value
        group = {f.name: f.group for f in self.recipe.features}
        total = sum(gain.values()) or 1.0
        return pl.DataFrame(
            [(name, group.get(name, "history"), value / total) for name, value in gain.items()],
            schema={"feature": pl.String, "group": pl.String, "gain": pl.Float64},
            orient="row",
        ).sort("gain", "feature", descending=[True, False])

    def save(self, folder: Path) -> None:
        """Write the boosters in XGBoost's own format and the recipe as JSON."""
        assert self.recipe is not None, "fit first"
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "name": self.name,
            "seed": self.seed,
            "country": self.country,
            "effort": asdict(self.effort),
            "bags": len(self.bags),
            "recipe": self.recipe.as_dict(),
        }
        (folder / "member.json").write_text(json.dumps(state))
        for number, bag in enumerate(self.bags):
            bag.save(folder, number)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""
        state = json.loads((folder / "member.json").read_text())
        loaded = cls(seed=state["seed"], country=state["country"], effort=Effort(**state["effort"]))
        loaded.recipe = Recipe.from_dict(state["recipe"])
        loaded.bags = [Bag.load(folder, number) for number in range(state["bags"])]
        return loaded


def _ahead_of(table: FeatureTable, rows: np.ndarray, horizon: int) -> tuple[Floats, Floats]:
    """Matrix and level of the periods after the panel's origin, series after series."""
    series = np.repeat(rows, horizon)
    ahead = np.tile(np.arange(1, horizon + 1), len(rows))
    return table.matrix(series=series, origin_place=table.origin_place[series], ahead=ahead)


def _chunks(count: int, horizon: int) -> Iterator[slice]:
    """Series that are predicted together."""
    step = max(1, ROWS_PER_CHUNK // horizon)
    for first in range(0, count, step):
        yield slice(first, min(first + step, count))
