"""What sourcing decided, in a form that explains itself: terms that sum to the score, and why not.

Every parcel tells its terms (weight, value, the largest value among the candidates, and what that
adds to the score); they sum to the parcel's score, and the parcels' scores with the penalty for
splits to the order's. Every location that sends nothing is told with its reason.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from inventory.sourcing import Candidate, Scores, value_of
from inventory.sourcing_assignment import Assignment, Sourced

PLACES = 6
"""Decimals of scores: rounding must not hide that the terms sum."""


def proposals_of(
    assignment: Assignment, reasons: Sequence[Mapping[str, str]]
) -> list[dict[str, object]]:
    """One answer per order. `reasons`: per order, why locations were no candidates at all."""
    slots: dict[str, int] = {}
    return [
        _proposal(sourced, assignment, others, slots)
        for sourced, others in zip(assignment.orders, reasons, strict=True)
    ]


def _proposal(
    sourced: Sourced, assignment: Assignment, others: Mapping[str, str], slots: dict[str, int]
) -> dict[str, object]:
    scores, taken, order = sourced.scores, sourced.taken, sourced.order
    columns = np.flatnonzero(taken.any(axis=0)).tolist()
    columns.sort(key=lambda column: (order.candidates[column].distance_km or 0.0, column))
    parcels = [_parcel(sourced, column, slots) for column in columns]
    split = scores.split_penalty * max(len(parcels) - 1, 0)
    score = split + sum(float(str(parcel["score"])) for parcel in parcels)
    return {
        "id": order.id,
        "complete": sourced.unmet_units == 0,
        "score": round(score, PLACES),
        "split": {"parcels": len(parcels), "penalty": scores.split_penalty, "score": split},
        "cost": round(sum(float(str(parcel["cost"])) for parcel in parcels), 4),
        "parcels": parcels,
        "unfulfillable": _unfulfillable(sourced),
        "others": _others(sourced, others),
        "solver": {
            "method": assignment.method,
            "optimal": assignment.gap == 0.0,
            "gap": round(assignment.gap, PLACES),
        },
    }


def _parcel(sourced: Sourced, column: int, slots: dict[str, int]) -> dict[str, object]:
    order, at = sourced.order, sourced.order.candidates[column]
    units = int(sourced.taken[:, column].sum())
    slots[at.location] = slots.get(at.location, 0) + 1
    terms = _terms(sourced, column, units, slot=slots[at.location])
    lines = [
        {"line": row + 1, "sku": line.sku, "quantity": int(sourced.taken[row, column])}
        for row, line in enumerate(order.lines)
        if sourced.taken[row, column]
    ]
    return {
        "location": at.location,
        "promised_date": at.promised_date.isoformat(),
        "days": at.days,
        "distance_km": _km(at),
        "cost": round(at.parcel_cost + at.cost_per_unit * units, 4),
        "performance": round(at.performance, 4),
        "lines": lines,
        "score": round(sum(float(str(term["score"])) for term in terms), PLACES),
        "terms": terms,
    }


def _km(at: Candidate) -> float | None:
    return None if at.distance_km is None else round(at.distance_km, 2)


def _terms(sourced: Sourced, column: int, units: int, *, slot: int) -> list[dict[str, object]]:
    scores, at = sourced.scores, sourced.order.candidates[column]
    share = units / sourced.order.units
    told = []
    for term, weight in scores.emphasis.items():
        value, largest, counts = value_of(at, term, units=units), scores.scales[term], share
        if term == "cost":
            counts = 1.0
        elif term == "workload":
            # Parcels of the same batch that go there before this one are part of its day.
            value, counts = at.workload(slot), 1.0
        elif term == "draw":
            value, counts = _draw(scores, sourced, column), 1.0
        score = weight * counts * value / (largest or 1.0)
        told.append(
            {
                "term": term,
                "weight": round(weight, PLACES),
                "value": round(value, PLACES),
                "largest": round(largest, PLACES),
                "share": round(counts, PLACES),
                "score": score,
            }
        )
    return told


def _draw(scores: Scores, sourced: Sourced, column: int) -> float:
    """The share of its stock that the parcel takes, each line by its weight in the order."""
    drawn = float((scores.per_unit[:, column] * sourced.taken[:, column]).sum())
    return drawn / scores.emphasis["draw"]


def _unfulfillable(sourced: Sourced) -> list[dict[str, object]]:
    """What is not sent, with what there is of it at all candidates together."""
    return [
        {
            "line": row + 1,
            "sku": line.sku,
            "asked": line.units,
            "proposed": int(sourced.taken[row].sum()),
            "available": int(min(sourced.scores.most[row].sum(), line.units)),
        }
        for row, line in enumerate(sourced.order.lines)
        if sourced.taken[row].sum() < line.units
    ]


def _others(sourced: Sourced, reasons: Mapping[str, str]) -> list[dict[str, object]]:
    told: list[dict[str, object]] = [
        {"location": location, "reason": reason} for location, reason in reasons.items()
    ]
    for column, at in enumerate(sourced.order.candidates):
        if sourced.taken[:, column].any():
            continue
        told.append(
            {
                "location": at.location,
                "distance_km": _km(at),
                "reason": _why_not(sourced, column),
            }
        )
    return sorted(told, key=lambda one: str(one["location"]))


def _why_not(sourced: Sourced, column: int) -> str:
    scores, order = sourced.scores, sourced.order
    at = order.candidates[column]
    if at.parcels_left == 0:
        return f"its day is full: {at.assigned_parcels} of {at.capacity_parcels} parcels"
    lacking = [
        f"{int(scores.most[row, column])} of {line.units} {line.sku}"
        for row, line in enumerate(order.lines)
        if scores.most[row, column] < line.units
    ]
    if lacking:
        return f"it has {', '.join(lacking)}"
    units = np.array([line.units for line in order.lines])
    alone = scores.per_parcel[column] + (scores.per_unit[:, column] * units).sum()
    return f"it could send all at a score of {alone:.4f}; the chosen way scored no more"
