"""Whether a challenger may take over: accuracy, calibration and cost, each not worse than before.

Figures of both come from one trial (`models.trial`). A difference has two judges. Its size: below
`tolerance` it does not matter. And chance: the series are drawn anew a thousand times, and where
the challenger is no worse in one draw of twenty or more, it may be luck. Worse means both, or a
size beyond `LIMIT_FACTOR` tolerances, which no luck excuses. A wrong refusal keeps a model that
worked yesterday; a wrong promotion is taken back by one command.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats
from models.trial import COVERAGES, COVERED_LEVELS, Sheet

DRAWS = 1000
"""Times that the series are drawn anew, with replacement (Efron & Tibshirani, 1993)."""

DOUBT = 0.05
"""Share of draws on either side that the interval of a difference leaves out."""

LIMIT_FACTOR = 3.0
"""So many tolerances are too much, however few the series."""

ACCURACY, CALIBRATION, COST = "accuracy", "calibration", "cost"
TOLERANCES = {ACCURACY: 0.02, CALIBRATION: 0.02, COST: 0.04}
"""Relative for accuracy and cost, a share of actuals for calibration. Twice what two seeds of one
booster differ by (200 FreshRetail series, 14 days: 1.0 %, 0.9 points, 2.0 %), so that chance alone
rarely refuses. Beside it the last week repeated is 30 % worse, an uncalibrated booster 8 points."""

FIGURES = {
    ACCURACY: "scaled quantile loss",
    CALIBRATION: "coverage error",
    COST: "simulated cost",
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of the three, both sides.

    difference : challenger's minus champion's, relative to the champion's for accuracy and cost;
        positive is worse. `low` and `high` hold nine tenths of the redrawn differences.
    """

    name: str
    champion: float
    challenger: float
    difference: float
    low: float
    high: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """Not worse: within tolerance, or within chance and not beyond the limit."""
        if self.difference <= self.tolerance:
            return True
        return self.low <= 0 and self.difference <= self.tolerance * LIMIT_FACTOR

    @property
    def sentence(self) -> str:
        """What a person should read about it."""
        unit = " points" if self.name == CALIBRATION else " %"
        size = f"{abs(self.difference) * 100:.1f}{unit}"
        if self.difference <= 0:
            return f"{self.name} is no worse"
        if self.difference <= self.tolerance:
            return f"{self.name} is worse by {size}, within the tolerance"
        if self.passed:
            return f"{self.name} is worse by {size}, which may be chance"
        return f"{self.name} is worse by {size}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of a comparison, or why there was none.

    against : version of the champion, empty for a first model. days : first and last judged.
    coverages : name as in `models.trial.COVERAGES`, then the champion's and the challenger's share.
    """

    promoted: bool
    reason: str
    against: str = ""
    days: tuple[str, str] | None = None
    series: int = 0
    policy: str = ""
    criteria: tuple[Criterion, ...] = ()
    coverages: tuple[tuple[str, float, float], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON, each criterion with its outcome in words."""
        told = asdict(self)
        told["criteria"] = [
            asdict(c) | {"passed": c.passed, "sentence": c.sentence} for c in self.criteria
        ]
        return told

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """Back from `as_dict`."""
        own = ("name", "champion", "challenger", "difference", "low", "high", "tolerance")
        criteria = tuple(Criterion(**{k: c[k] for k in own}) for c in told["criteria"])
        days = told["days"] and tuple(told["days"])
        coverages = tuple((str(n), float(a), float(b)) for n, a, b in told["coverages"])
        return cls(**(told | {"criteria": criteria, "days": days, "coverages": coverages}))


def decide(champion: Sheet, challenger: Sheet, *, seed: int) -> tuple[Criterion, ...]:
    """The three criteria, from what both scored on the same series."""
    N = len(champion.losses)
    drawn = np.random.default_rng(seed).multinomial(N, np.full(N, 1 / N), size=DRAWS)
    once = np.ones((1, N), dtype=np.int64)
    measures = {ACCURACY: _accuracy, CALIBRATION: coverage_error, COST: _cost}
    return tuple(
        _criterion(
            name,
            [measure(sheet, once) for sheet in (champion, challenger)],
            [measure(sheet, drawn) for sheet in (champion, challenger)],
        )
        for name, measure in measures.items()
    )


def _criterion(name: str, now: Sequence[Floats], drawn: Sequence[Floats]) -> Criterion:
    champion, challenger = (float(figure[0]) for figure in now)
    redrawn = _difference(name, *drawn)
    low, high = np.quantile(redrawn, [DOUBT, 1 - DOUBT])
    return Criterion(
        name=name,
        champion=champion,
        challenger=challenger,
        difference=float(_difference(name, *now)[0]),
        low=float(low),
        high=float(high),
        tolerance=TOLERANCES[name],
    )


def _difference(name: str, champion: Floats, challenger: Floats) -> Floats:
    more = challenger - champion
    if name == CALIBRATION:
        return more
    # Nothing sold and nothing lost on either side: no difference.
    relative: Floats = np.divide(more, champion, out=np.sign(more), where=champion > 0)
    return relative


def _accuracy(sheet: Sheet, drawn: NDArray[np.int64]) -> Floats:
    """Mean loss over the series that have one, per draw."""
    known = ~np.isnan(sheet.losses)
    mean: Floats = (drawn[:, known] @ sheet.losses[known]) / drawn[:, known].sum(axis=1).clip(min=1)
    return mean


def coverage_error(sheet: Sheet, drawn: NDArray[np.int64]) -> Floats:
    """Mean distance of the coverages from their levels, over those that could be counted."""
    counted = drawn @ sheet.counted
    share = np.divide(drawn @ sheet.covered, counted, out=np.zeros_like(counted), where=counted > 0)
    away = np.abs(share - np.tile(COVERED_LEVELS, 2)) * (counted > 0)
    error: Floats = away.sum(axis=1) / (counted > 0).sum(axis=1).clip(min=1)
    return error


def _cost(sheet: Sheet, drawn: NDArray[np.int64]) -> Floats:
    total: Floats = drawn @ sheet.costs
    return total


def coverages_of(champion: Sheet, challenger: Sheet) -> tuple[tuple[str, float, float], ...]:
    """Shares at or below each quantile, for the eye; those that were not counted are left out."""
    return tuple(
        (
            name,
            float(champion.covered[:, k].sum() / champion.counted[:, k].sum()),
            float(challenger.covered[:, k].sum() / challenger.counted[:, k].sum()),
        )
        for k, name in enumerate(COVERAGES)
        if champion.counted[:, k].sum() > 0
    )


def reason_of(criteria: Sequence[Criterion]) -> str:
    """One sentence: what stood in the way, or that nothing did."""
    worse = [c.sentence for c in criteria if not c.passed]
    return "; ".join(worse or [c.sentence for c in criteria])
