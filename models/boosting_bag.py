"""One booster of several that are averaged: a head per quantile of the log ratio, and a mean.

The ratio is demand over the series' level at the origin. Its quantiles are learned on a logarithm,
on which promotions and seasons multiply and giants count once: quantiles follow any rising curve,
so they come back exactly. On earlier windows of three data sets that lowered the scaled quantile
loss by 1 to 3 %. The mean has no such freedom and is learned on the ratio itself.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from inventory.demand import Floats
from models.device import booster_device

if TYPE_CHECKING:
    import xgboost

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # Spinning threads starve a busy small machine.

HEAD_LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
"""Quantiles with a head of their own; others are read off between them."""

RATIO_SHAPE = 4.0
"""Heads learn log(1 + 4 · ratio): linear where next to nothing sells, logarithmic above."""

HEAVY_MAX = 3.0
"""A level weighs at most so many times what nine of ten stay below: one series of another scale
must not be the only one that the mean listens to."""

STILL = 1e-9
"""A logarithm that moved less than this did not move: the quotient would be noise."""

LEAF_EXAMPLES = (10.0, 100.0)
LEAF_SHARE = 1 / 500
"""A leaf holds this share of the examples, within these bounds: a day's sales are mostly chance,
and leaves of twenty learn it by heart. Shallow trees with leaves of a hundred lose 1 to 2 % less
than deep ones with leaves of twenty, on earlier windows of two daily data sets; on a weekly one
they are level."""

PARAMETERS: dict[str, Any] = {
    "tree_method": "hist",
    "max_depth": 4,
    "learning_rate": 0.08,
    "subsample": 0.7,
    "colsample_bytree": 0.5,
    "max_bin": 128,
    "verbosity": 0,
}
QUANTILES = {"objective": "reg:quantileerror", "quantile_alpha": list(HEAD_LEVELS)}
MEAN = {"objective": "reg:tweedie", "tweedie_variance_power": 1.3}


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a booster learns from: n examples of F features.

    ratio : (n,) demand over `level_units`. Every example counts alike in the quantile loss: weighed
    as the scaled loss weighs series, by level over naive error, it was up to one per cent higher on
    four of five earlier windows: that error is itself an estimate.
    """

    names: Sequence[str]
    matrix: Floats
    level_units: Floats
    ratio: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Bag:
    """Boosters of the quantiles of log(1 + 4 · ratio) and of the mean ratio."""

    quantiles: "xgboost.Booster"
    mean: "xgboost.Booster"

    @classmethod
    def train(cls, lesson: Lesson, *, rounds: int, seed: int, threads: int) -> Self:
        """Both, on the same examples."""
        data = _data(lesson, threads)
        data.set_info(label=np.log1p(RATIO_SHAPE * lesson.ratio))
        given = _given(lesson, seed=seed, threads=threads)
        quantiles = _trained(given | QUANTILES, data, rounds)
        return cls(quantiles, _mean_booster(data, lesson, given, rounds))

    def ratio_quantiles(self, matrix: Floats) -> Floats:
        """(n, 8) logarithms, for `ratio_of_logarithm` once bags are averaged."""
        found: Floats = self.quantiles.inplace_predict(matrix)
        return found

    def mean_ratio(self, matrix: Floats) -> Floats:
        """(n,)."""
        found: Floats = self.mean.inplace_predict(matrix)
        return found

    def mean_parts(self, matrix: Floats, names: Sequence[str], *, threads: int) -> Floats:
        """Parts (n, F + 1) that the mean ratio is the sum of: one per feature, the base last."""
        import xgboost

        data = xgboost.DMatrix(matrix, feature_names=list(names), nthread=threads)
        return parts_of_exponential(self.mean.predict(data, pred_contribs=True))

    def save(self, folder: Path, number: int) -> None:
        """Write both in XGBoost's own format."""
        self.quantiles.save_model(folder / f"quantiles-{number}.ubj")
        self.mean.save_model(folder / f"mean-{number}.ubj")

    @classmethod
    def load(cls, folder: Path, number: int) -> Self:
        """Back from `save`."""
        import xgboost

        return cls(
            quantiles=xgboost.Booster(model_file=folder / f"quantiles-{number}.ubj"),
            mean=xgboost.Booster(model_file=folder / f"mean-{number}.ubj"),
        )


def gains(lesson: Lesson, *, rounds: int, seed: int, threads: int) -> dict[str, float]:
    """How much each feature lowers the loss of a booster of the mean; absent where it does not."""
    given = _given(lesson, seed=seed, threads=threads)
    booster = _mean_booster(_data(lesson, threads), lesson, given, rounds)
    return total_gain(booster)


def total_gain(booster: "xgboost.Booster") -> dict[str, float]:
    """Loss reduction by feature, over all splits."""
    return {
        name: float(np.sum(value))
        for name, value in booster.get_score(importance_type="total_gain").items()
    }


def ratio_of_logarithm(logarithms: Floats) -> Floats:
    """Back from log(1 + 4 · ratio), none negative.

    >>> float(ratio_of_logarithm(np.log1p(RATIO_SHAPE * np.array([0.25])))[0])
    0.25
    """
    ratio: Floats = np.expm1(logarithms.clip(min=0.0)) / RATIO_SHAPE
    return ratio


def parts_of_exponential(logarithms: Floats) -> Floats:
    """Additive parts of a logarithm (n, F + 1), base last, as parts of its exponential.

    Each part is multiplied by the logarithmic mean of the whole f and the base b:

        L(f, b) = (f - b) / (ln f - ln b),    c_j = L(f, b) · φ_j,    Σ c_j = f - b

    No rest is left, and no part is favoured by its place.

    Source
    ------
    The additive LMDI-I decomposition: Ang (2005), "The LMDI approach to decomposition analysis: a
    practical guide", Energy Policy 33. It is also the Aumann-Shapley value of the exponential along
    the straight path from base to whole.

    >>> parts_of_exponential(np.log([[2.0, 2.0, 10.0]])).round(6)
    array([[15., 15., 10.]])
    """
    parts = logarithms.astype(np.float64)
    base, moved = np.exp(parts[:, -1:]), parts[:, :-1].sum(axis=1, keepdims=True)
    still = np.abs(moved) < STILL
    step = np.where(still, base, base * np.expm1(moved) / np.where(still, 1.0, moved))
    return np.concatenate([parts[:, :-1] * step, base], axis=1)


def _data(lesson: Lesson, threads: int) -> "xgboost.QuantileDMatrix":
    import xgboost

    return xgboost.QuantileDMatrix(
        lesson.matrix,
        label=lesson.ratio,
        feature_names=list(lesson.names),
        max_bin=PARAMETERS["max_bin"],
        nthread=threads,
    )


def _mean_booster(
    data: "xgboost.QuantileDMatrix", lesson: Lesson, given: dict[str, Any], rounds: int
) -> "xgboost.Booster":
    """Weighted by level: a unit counts the same wherever it sells, so that sums come out right."""
    level = np.minimum(lesson.level_units, HEAVY_MAX * np.quantile(lesson.level_units, 0.9))
    data.set_info(label=lesson.ratio, weight=level / level.mean())
    return _trained(given | MEAN, data, rounds)


def _given(lesson: Lesson, *, seed: int, threads: int) -> dict[str, Any]:
    """What all boosters of a lesson are trained with."""
    leaf = float(np.clip(LEAF_SHARE * len(lesson.ratio), *LEAF_EXAMPLES))
    return PARAMETERS | {"min_child_weight": leaf, "seed": seed, "nthread": threads}


def _trained(
    given: dict[str, Any], data: "xgboost.QuantileDMatrix", rounds: int
) -> "xgboost.Booster":
    """Trained on a GPU when there is one; predicts on the processor, where its inputs are."""
    import xgboost

    booster = xgboost.train(given | {"device": booster_device()}, data, rounds)
    booster.set_param({"device": "cpu"})
    return booster
