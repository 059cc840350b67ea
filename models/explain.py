"""Why a forecast is what it is: its drivers in units, who said what, and how much each counts.

The booster's Shapley values, grouped by what they read (history, external, product, customer,
inventory), say what moved the demand of a series away from its level. The ensemble is more than its
booster, so two further terms say what the other members changed, once each was put right by its own
past, and what came after: calibration, and for new items what was borrowed from others. The terms
sum to the mean forecast, exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from features.catalog import GROUPS
from features.frame import Panel
from inventory.demand import DemandForecast, Floats
from models.boosting import BoostingForecaster
from models.ensemble import Ensemble

BASE = "level"
"""The series' level, times what an average series sells against its level."""
MEMBERS_TERM, CALIBRATION_TERM = "other members", "calibration"
TERMS: tuple[str, ...] = (BASE, *GROUPS, MEMBERS_TERM, CALIBRATION_TERM)

FEATURES_TOLD = 5
"""Features named one by one: more than a handful explains nothing to a person."""

PERIODS_TOLD = {1: 7, 7: 4}
"""The periods that are explained, by days per period: the next week, or the next four."""


OF_EXAMPLES = {
    "ahead": "How far ahead a period lies: far ones are less sure of what moves the demand now.",
    "log_level": "How much is sold: items that sell one a week and a hundred a day move otherwise.",
}
"""What the booster reads of an example beside its features."""


@dataclass(frozen=True, slots=True)
class FeatureEffect:
    """One feature's part: `units` per period on average, positive or negative."""

    name: str
    group: str
    units: float
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class Explanations:
    """Of N series, averages over the first `periods` of the forecast, units per period.

    terms_units : (N, len(TERMS)); a row sums to `mean_units`.
    effects : for each series its strongest features, strongest first.
    members : M names. member_units : (N, M) what each said. weights : (N, M), a row sums to one.
    """

    periods: int
    mean_units: Floats
    terms_units: Floats
    effects: Sequence[tuple[FeatureEffect, ...]]
    members: tuple[str, ...]
    member_units: Floats
    weights: Floats


def explain(
    ensemble: Ensemble,
    panel: Panel,
    forecast: DemandForecast,
    said: dict[str, DemandForecast],
    *,
    rows: np.ndarray | None = None,
) -> Explanations:
    """Explain a forecast that the ensemble made of the panel.

    Parameters
    ----------
    forecast, said : from `Ensemble.predict_with_members` on the same panel.
    rows : rows of the forecast to explain; all by default.
    """
    chosen = np.arange(len(forecast.skus)) if rows is None else np.asarray(rows)
    periods = min(PERIODS_TOLD[panel.period_days], forecast.horizon)
    mean = forecast.mean_units[chosen, :periods].mean(axis=1)
    names = tuple(said)
    member_units = np.stack(
        [said[name].mean_units[chosen, :periods].mean(axis=1) for name in names], axis=1
    )
    combined, weights = ensemble.combined_mean(panel, said, periods=periods)
    terms: Floats = np.zeros((len(chosen), len(TERMS)))
    effects: Sequence[tuple[FeatureEffect, ...]] = [()] * len(chosen)
    booster = next((m for m in ensemble.members if isinstance(m, BoostingForecaster)), None)
    if booster is not None:
        terms, effects = _boosted(booster, ensemble, panel, chosen, periods)
    boosted = terms.sum(axis=1)
    terms[:, TERMS.index(MEMBERS_TERM)] = combined[chosen] - boosted
    terms[:, TERMS.index(CALIBRATION_TERM)] = mean - combined[chosen]
    return Explanations(periods, mean, terms, effects, names, member_units, weights[chosen])


def _boosted(
    booster: BoostingForecaster, ensemble: Ensemble, panel: Panel, rows: np.ndarray, periods: int
) -> tuple[Floats, list[tuple[FeatureEffect, ...]]]:
    """Terms (n, len(TERMS)) of the booster's mean, and the strongest features of each series."""
    names, parts = booster.mean_contributions(ensemble.opened(panel), horizon=periods, rows=rows)
    units = parts.mean(axis=1)
    assert booster.recipe is not None
    meaning = {f.name: (f.group, f.why) for f in booster.recipe.features}
    meaning |= {name: ("history", why) for name, why in OF_EXAMPLES.items()}
    groups = [meaning[name][0] for name in names]
    terms = np.zeros((len(rows), len(TERMS)))
    terms[:, TERMS.index(BASE)] = units[:, -1]
    for j, group in enumerate(groups):
        terms[:, TERMS.index(group)] += units[:, j]
    told = min(FEATURES_TOLD, len(names))
    strongest = np.argsort(-np.abs(units[:, :-1]), axis=1, kind="stable")[:, :told]
    effects = [
        tuple(
            FeatureEffect(names[j], groups[j], float(units[i, j]), meaning[names[j]][1])
            for j in strongest[i]
        )
        for i in range(len(rows))
    ]
    return terms, effects
