"""One gradient booster for all series: quantiles and mean of demand, direct for every horizon.

The horizon is a feature, and each training example is seen from its own origin, so that nothing is
read that would not have been known. Demand is divided by the series' level at the origin: one model
then serves items that sell one a month and a thousand a day. Periods censored by a stock-out are
no targets; their demand is not known.
"""

import json
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # Spinning threads starve a busy small machine.

from features.build import FeatureTable, Recipe, build, recipe_for
from features.demand import CENSORED, censored_expr
from features.frame import Panel
from inventory.demand import DemandForecast, Floats, quantile_function
from models.baseline import MovingAverage, forecast_of

HEAD_LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles with a head of their own; others are read off between them."""

EXAMPLES_MAX = 160_000
"""Training examples drawn at most: cost is linear in them, accuracy is not."""

MEMORY_PERIODS = {1: 365, 7: 104}
"""Half-life of an example's chance to be drawn, by days per period."""

AGE_MIN_PERIODS = {1: 7, 7: 4}
"""Periods a series must have behind an origin before it teaches anything."""

ROWS_PER_CHUNK = 400_000
"""Rows predicted at once: bounds memory with tens of thousands of series."""

PARAMETERS: dict[str, Any] = {
    "tree_method": "hist",
    "max_depth": 6,
    "learning_rate": 0.1,
    "min_child_weight": 20,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "max_bin": 128,
    "verbosity": 0,
}
QUANTILE_ROUNDS = 90
MEAN_ROUNDS = 90


class BoostingForecaster:
    """Global XGBoost with a head per quantile and a Tweedie mean."""

    name = "boosting"

    def __init__(
        self, *, seed: int = 0, threads: int = 1, country: str | None = None,
        examples_max: int = EXAMPLES_MAX,
    ) -> None:  # fmt: skip
        self.seed = seed
        self.threads = threads
        self.country = country
        self.examples_max = examples_max
        self.recipe: Recipe | None = None
        self._quantiles: Any = None
        self._mean: Any = None

    def fit(self, panel: Panel, *, horizon: int) -> Self:
        """Learn from every origin of the history that has a target behind it."""
        import xgboost

        self.recipe = recipe_for(panel, horizon=horizon, country=self.country)
        table = build(panel, self.recipe)
        readable = ~_censored(panel, table)
        series, origin, ahead = self._examples(table, readable, horizon)
        self._quantiles = self._mean = None
        sold_units = table.demand_units[table.first_row[series] + origin + ahead]
        if not (sold_units > 0).any():
            return self  # Nothing to learn from: predictions fall back to the recent average.
        matrix, level = table.matrix(series=series, origin_place=origin, ahead=ahead)
        target = sold_units / level
        weight = _weights(table, matrix)
        data = xgboost.QuantileDMatrix(
            matrix, label=target, weight=weight, feature_names=table.names,
            max_bin=PARAMETERS["max_bin"], nthread=self.threads,
        )  # fmt: skip
        common = PARAMETERS | {"seed": self.seed, "nthread": self.threads}
        self._quantiles = xgboost.train(
            common | {"objective": "reg:quantileerror", "quantile_alpha": list(HEAD_LEVELS)},
            data,
            QUANTILE_ROUNDS,
        )
        data.set_weight(level / level.mean())
        self._mean = xgboost.train(
            common | {"objective": "reg:tweedie", "tweedie_variance_power": 1.3}, data, MEAN_ROUNDS
        )
        return self

    def _examples(
        self, table: FeatureTable, readable: np.ndarray, horizon: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Draw (series, origin place, periods ahead), newer targets more often."""
        rng = np.random.default_rng(self.seed)
        length = np.diff(np.append(table.first_row, len(table.demand_units)))
        owner = np.repeat(np.arange(len(length)), length)
        place = np.arange(len(owner)) - table.first_row[owner]
        age_min = AGE_MIN_PERIODS[table.period_days]
        usable = readable & ~np.isnan(table.demand_units) & (place > age_min)
        usable &= place <= table.origin_place[owner]
        rows = np.flatnonzero(usable)
        if len(rows) == 0:
            return rows, rows, rows
        back = (table.origin_place[owner] - place)[rows]
        chance = 0.5 ** (back / MEMORY_PERIODS[table.period_days])
        wanted = min(self.examples_max, len(rows) * min(horizon, 4))
        drawn = rng.choice(rows, size=wanted, p=chance / chance.sum())
        drawn.sort()
        series = owner[drawn]
        ahead = rng.integers(1, np.minimum(horizon, place[drawn] - age_min) + 1)
        return series, place[drawn] - ahead, ahead

    def predict(self, panel: Panel, *, horizon: int, levels: Floats) -> DemandForecast:
        """Quantiles and mean for each of the next `horizon` periods, at most the fitted horizon."""
        assert self.recipe is not None, "fit first"
        assert horizon <= self.recipe.horizon
        if self._quantiles is None:
            return MovingAverage().predict(panel, horizon=horizon, levels=levels)
        table = build(panel, self.recipe)
        N = len(table.first_row)
        quantiles = np.empty((N, horizon, len(levels)), dtype=np.float32)
        mean = np.empty((N, horizon), dtype=np.float32)
        step = max(1, ROWS_PER_CHUNK // horizon)
        for first in range(0, N, step):
            chunk = np.arange(first, min(first + step, N))
            quantiles[chunk], mean[chunk] = self._predict_chunk(table, chunk, horizon, levels)
        return forecast_of(panel, levels=levels, quantiles_units=quantiles, mean_units=mean)

    def _predict_chunk(
        self, table: FeatureTable, chunk: np.ndarray, horizon: int, levels: Floats
    ) -> tuple[Floats, Floats]:
        series = np.repeat(chunk, horizon)
        ahead = np.tile(np.arange(1, horizon + 1), len(chunk))
        matrix, level = table.matrix(
            series=series, origin_place=table.origin_place[series], ahead=ahead
        )
        heads = np.sort(self._quantiles.inplace_predict(matrix).clip(min=0.0), axis=1)
        mean = self._mean.inplace_predict(matrix)
        wanted = quantile_function(heads * level[:, None], np.array(HEAD_LEVELS), levels)
        shape = (len(chunk), horizon)
        return wanted.reshape(*shape, len(levels)), (mean * level).reshape(shape)

    def importance(self) -> pl.DataFrame:
        """Columns feature, group, gain: share of the loss reduction that each feature brought."""
        assert self.recipe is not None, "fit first"
        gain = self._quantiles.get_score(importance_type="total_gain") if self._quantiles else {}
        group = {f.name: f.group for f in self.recipe.features}
        total = sum(gain.values()) or 1.0
        return pl.DataFrame(
            [(name, group.get(name, "history"), value / total) for name, value in gain.items()],
            schema={"feature": pl.String, "group": pl.String, "gain": pl.Float64},
            orient="row",
        ).sort("gain", descending=True)

    def save(self, folder: Path) -> None:
        """Write the boosters in XGBoost's own format and the recipe as JSON."""
        assert self.recipe is not None, "fit first"
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            "name": self.name,
            "seed": self.seed,
            "country": self.country,
            "examples_max": self.examples_max,
            "fitted": self._quantiles is not None,
            "recipe": self.recipe.as_dict(),
        }
        (folder / "member.json").write_text(json.dumps(state))
        if self._quantiles is not None:
            self._quantiles.save_model(folder / "quantiles.ubj")
            self._mean.save_model(folder / "mean.ubj")

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Back from `save`."""
        import xgboost

        state = json.loads((folder / "member.json").read_text())
        loaded = cls(
            seed=state["seed"], country=state["country"], examples_max=state["examples_max"]
        )
        loaded.recipe = Recipe.from_dict(state["recipe"])
        if state["fitted"]:
            loaded._quantiles = xgboost.Booster(model_file=folder / "quantiles.ubj")
            loaded._mean = xgboost.Booster(model_file=folder / "mean.ubj")
        return loaded


def _weights(table: FeatureTable, matrix: Floats) -> Floats:
    """Weigh each example as the scaled quantile loss will: level over naive error."""
    change = matrix[:, table.names.index("demand_season_change")]
    varied = change[change > 0]
    usual = float(np.median(varied)) if len(varied) else 1.0
    weight: Floats = 1.0 / np.clip(np.nan_to_num(change, nan=usual), 0.1 * usual, 10 * usual)
    weighed: Floats = weight / weight.mean()
    return weighed


def _censored(panel: Panel, table: FeatureTable) -> np.ndarray:
    """Rows of the table that are censored: those of the horizon count as not."""
    flags = panel.history.select(censored_expr()).get_column(CENSORED).to_numpy()
    length = table.origin_place + 1
    rows = np.repeat(table.first_row, length) + _within(length)
    found = np.zeros(len(table.demand_units), dtype=bool)
    found[rows] = flags
    return found


def _within(length: np.ndarray) -> np.ndarray:
    """0..n-1 for each n, one after the other."""
    starts = np.concatenate([[0], np.cumsum(length)[:-1]])
    places: np.ndarray = np.arange(length.sum()) - np.repeat(starts, length)
    return places
