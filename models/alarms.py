"""Which figures of a segment are bad enough to be told, and by how much."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from models.monitoring import PSI_SHIFTED_MUCH, coverage_falls_short, tracking_limit

ACCURACY, BIAS, COVERAGE = "forecast_accuracy", "forecast_bias", "forecast_coverage"
DRIFT = "input_drift"
MEASURES = (ACCURACY, BIAS, COVERAGE, DRIFT)
"""Kinds of alerts, the part before the first colon."""

TOTAL = "total"
"""The segment that holds all series."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From where on a figure is a breach; nothing is told of fewer days or observations."""

    days_min: int = 7
    observed_min: int = 30
    wape_over_naive_max: float = 1.0
    """WAPE over that of the naive forecast of the same days: above 1 it takes value away."""
    bias_max: float = 0.1
    """|bias| that matters, if the tracking signal says that it is no chance either."""
    tracking_deviations: float = 2.5
    """Of the tracking signal of mere noise: see `models.monitoring.tracking_limit`."""
    coverage_tolerance: float = 0.02
    """By how much the 0.95 quantile may cover less; the 0.99 quantile, half of that."""
    psi_max: float = PSI_SHIFTED_MUCH


PART_SLACK, PART_WAPE_SLACK = 1.5, 1.1
"""A part of all series varies more than all do, so its thresholds are wider by so much: those of
bias and coverage, and that of WAPE."""


@dataclass(frozen=True, slots=True)
class Breach:
    """One figure beyond its threshold."""

    measure: str
    segment_kind: str
    segment: str
    value: float
    threshold: float
    message: str

    @property
    def cause(self) -> str:
        """What an alert is raised for once."""
        return f"{self.measure}:{self.segment_kind}:{self.segment}"


def breaches(figures: Mapping[str, Any], thresholds: Thresholds) -> list[Breach]:
    """What is wrong with one segment: a row of `models.accuracy.accuracy` with kind and segment."""
    days, observed = figures["days"], figures["observed"]
    if figures["kind"] != TOTAL:
        thresholds = _for_part(thresholds)
    if days < thresholds.days_min or observed < thresholds.observed_min:
        return []
    found = [
        _accuracy(figures, thresholds),
        _bias(figures, thresholds),
        _coverage(figures, thresholds, "95", 0.95, thresholds.coverage_tolerance),
        _coverage(figures, thresholds, "99", 0.99, thresholds.coverage_tolerance / 2),
    ]
    kept = [breach for breach in found if breach is not None]
    return [b for i, b in enumerate(kept) if b.cause not in {other.cause for other in kept[:i]}]


def drift(psi: Mapping[str, float], thresholds: Thresholds) -> list[Breach]:
    """Inputs that are spread otherwise than where the model was trained."""
    return [
        Breach(DRIFT, "input", name, value, thresholds.psi_max,
               f"{name} is spread otherwise than where the model was trained: "
               f"population stability index {value:.2f}, more than {thresholds.psi_max:g}")
        for name, value in sorted(psi.items())
        if value > thresholds.psi_max
    ]  # fmt: skip


def named(kind: str, segment: str) -> str:
    """A segment in words.

    >>> named("total", ""), named("volume_class", "A")
    ('all series', 'volume class A')
    """
    return "all series" if kind == TOTAL else f"{kind.replace('_', ' ')} {segment}"


def _for_part(thresholds: Thresholds) -> Thresholds:
    return replace(
        thresholds,
        wape_over_naive_max=thresholds.wape_over_naive_max * PART_WAPE_SLACK,
        bias_max=thresholds.bias_max * PART_SLACK,
        coverage_tolerance=thresholds.coverage_tolerance * PART_SLACK,
    )


def _accuracy(figures: Mapping[str, Any], thresholds: Thresholds) -> Breach | None:
    naive, wape = figures["naive_wape"], figures["statistical_wape"]
    if naive is None or wape is None or wape <= naive * thresholds.wape_over_naive_max:
        return None
    return _breach(
        ACCURACY, figures, wape, naive * thresholds.wape_over_naive_max,
        f"the forecast is no better than repeating last week: WAPE {wape:.1%}, naive {naive:.1%}",
    )  # fmt: skip


def _bias(figures: Mapping[str, Any], thresholds: Thresholds) -> Breach | None:
    bias, signal = figures["bias"], figures["tracking_signal"]
    limit = tracking_limit(figures["days"], deviations=thresholds.tracking_deviations)
    if bias is None or abs(bias) <= thresholds.bias_max or abs(signal) <= limit:
        return None
    if bias > 0 and figures["bias_at_least"] <= thresholds.bias_max:
        return None  # Days out of stock, which sold most, may make up for it.
    side = "above" if bias > 0 else "below"
    return _breach(
        BIAS, figures, bias, thresholds.bias_max,
        f"the forecast was {abs(bias):.1%} {side} demand for {figures['days']} days "
        f"(tracking signal {signal:+.1f}, limit {limit:.1f})",
    )  # fmt: skip


def _coverage(
    figures: Mapping[str, Any], thresholds: Thresholds, name: str, level: float, tolerance: float
) -> Breach | None:
    covered, observed = figures[f"covered{name}"], figures[f"observed{name}"]
    if observed < thresholds.observed_min or not coverage_falls_short(
        covered=covered, observed=observed, level=level, tolerance=tolerance
    ):
        return None
    return _breach(
        COVERAGE, figures, covered / observed, level - tolerance,
        f"only {covered / observed:.1%} of days sold no more than the {level:g} quantile",
    )  # fmt: skip


def _breach(
    measure: str, figures: Mapping[str, Any], value: float, threshold: float, what: str
) -> Breach:
    kind, segment = figures["kind"], figures["segment"]
    return Breach(measure, kind, segment, value, threshold, f"{named(kind, segment)}: {what}")
