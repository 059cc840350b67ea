"""Order sourcing: which locations send what, and why those.

An order is split into parcels, one per location that sends something. Every parcel has a score, the
smaller the better, and so has the split itself:

    score(order) = Σ_parcels Σ_terms weight · value / largest value among the candidates
                   + split penalty · (parcels − 1)

What counts is the strategy's choice:

    proximity    distance: great-circle km, a parcel counting by its share of the order's units
    cost         money: per parcel, per unit and per km, as the location's figures say
    performance  1 − the share of its parcels that the location sent, and on time
    balanced     half the workload (parcels of the day / daily capacity), half the draw on its stock
    hybrid       time 40 %, cost 30 %, performance 30 %, or other weights; time in days to the door

Distance, time and performance weigh a parcel by its share of the units, so that they are means over
the order; money is the sum over the parcels. With a split penalty of 1, the default, a second
parcel is made only where one location cannot do it alone, as no mean can differ by more than 1.
Nothing here touches a database; the search itself is in `sourcing_search` (one order, exact) and
`sourcing_assignment` (many orders, a mixed-integer program).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from inventory.errors import InputRejected

STRATEGIES = ("proximity", "cost", "balanced", "performance", "hybrid")
NEED_DISTANCE = frozenset({"distance", "time", "cost"})
"""Terms that cannot be told for a place that is nowhere on the map."""

COST_PER_PARCEL, COST_PER_UNIT, COST_PER_KM = 5.0, 0.5, 0.005
"""Money, for a location of which nothing else is known: a parcel, each unit in it, each km."""

KM_PER_DAY = 600.0
"""How far a parcel gets in a day, where nothing else is known."""

SPLIT_PENALTY = 1.0

UNMET_SCORE = 100.0
"""Score of a unit that is asked for and not sourced: more than any way of sending it."""

Taken = NDArray[np.int64]
"""Units of each line (row) that each candidate (column) sends."""

Stock = Mapping[tuple[str, str], int]
"""Units of (SKU, location) that may be taken. What is missing counts as none."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What the hybrid strategy goes by. Any scale: they are divided by their sum."""

    time: float = 0.4
    cost: float = 0.3
    performance: float = 0.3

    def __post_init__(self) -> None:
        given = (self.time, self.cost, self.performance)
        if min(given) < 0 or not 0 < sum(given) < float("inf"):
            raise InputRejected("weights are numbers from 0, and not all 0", field="weights")


@dataclass(frozen=True, slots=True)
class SourcingRules:
    """How sources are compared."""

    strategy: str = "hybrid"
    weights: Weights = Weights()
    split_penalty: float = SPLIT_PENALTY

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise InputRejected(f"must be one of {', '.join(STRATEGIES)}", field="strategy")
        if not 0 <= self.split_penalty <= UNMET_SCORE / 10:
            most = UNMET_SCORE / 10
            raise InputRejected(f"must be from 0 to {most:g}", field="split_penalty")

    @property
    def emphasis(self) -> dict[str, float]:
        """Weight per term; they sum to one."""
        if self.strategy == "hybrid":
            given = self.weights
            total = given.time + given.cost + given.performance
            named = {"time": given.time, "cost": given.cost, "performance": given.performance}
            return {term: weight / total for term, weight in named.items() if weight}
        return {
            "proximity": {"distance": 1.0},
            "cost": {"cost": 1.0},
            "performance": {"performance": 1.0},
            "balanced": {"workload": 0.5, "draw": 0.5},
        }[self.strategy]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A location that could send a parcel of an order."""

    location: str
    promised_date: date
    """The day on which the parcel would leave."""
    days: int = 0
    """From the first day on which any parcel could leave until this one is at the door."""
    distance_km: float | None = None
    cost_per_parcel: float = 0.0
    cost_per_unit: float = 0.0
    cost_per_km: float = 0.0
    performance: float = 1.0
    """Expected share of its parcels that leave, and on time; in [0, 1]."""
    assigned_parcels: int = 0
    """Of the day, before this order."""
    capacity_parcels: int | None = None
    """Parcels per day; None: no limit is known."""

    @property
    def parcel_cost(self) -> float:
        """What a parcel costs before anything is in it."""
        return self.cost_per_parcel + self.cost_per_km * (self.distance_km or 0.0)

    @property
    def parcels_left(self) -> int | None:
        if self.capacity_parcels is None:
            return None
        return max(0, self.capacity_parcels - self.assigned_parcels)

    def workload(self, parcel: int = 1) -> float:
        """Use of the day's capacity with so many further parcels; 0 where there is no limit."""
        if not self.capacity_parcels:
            return 0.0
        return (self.assigned_parcels + parcel) / self.capacity_parcels


@dataclass(frozen=True, slots=True)
class SourcingLine:
    """Units of a SKU, or of a bundle with its `parts` per unit, which travel together."""

    sku: str
    units: int
    parts: Mapping[str, int] = field(default_factory=dict)

    @property
    def components(self) -> Mapping[str, int]:
        return self.parts or {self.sku: 1}


@dataclass(frozen=True, slots=True)
class SourcingOrder:
    """What must be sent, and who could. Of a higher priority comes first where stock is short."""

    id: str
    lines: tuple[SourcingLine, ...]
    candidates: tuple[Candidate, ...]
    priority: int = 0
    allow_partial: bool = False
    parcels_max: int | None = None

    @property
    def units(self) -> int:
        return sum(line.units for line in self.lines)


@dataclass(frozen=True, slots=True)
class Limit:
    """No more than so many units of a SKU from these locations together."""

    sku: str
    locations: frozenset[str]
    units: int


@dataclass(frozen=True, slots=True, eq=False)
class Scores:
    """What an order's parcels would score, K lines by L candidates, before the split penalty."""

    order: SourcingOrder
    split_penalty: float
    per_parcel: NDArray[np.float64]
    """For a parcel at all, shape (L,)."""
    per_unit: NDArray[np.float64]
    """For each unit in it, shape (K, L)."""
    most: Taken
    """Units of each line that each candidate could send, shape (K, L)."""
    scales: Mapping[str, float]
    """The largest value of each term among the candidates."""
    emphasis: Mapping[str, float]

    def of(self, taken: Taken) -> float:
        """The score of a way to send the order; what it leaves out is not counted."""
        opened = taken.any(axis=0)
        parcels = int(opened.sum())
        split = self.split_penalty * max(parcels - 1, 0)
        return float(self.per_parcel[opened].sum() + (self.per_unit * taken).sum() + split)

    def slot_score(self, candidate: int, parcel: int) -> float:
        """What the n-th parcel of one day at a location adds to the score of a first one."""
        at = self.order.candidates[candidate]
        more = at.workload(parcel) - at.workload(1)
        return self.emphasis.get("workload", 0.0) * more


def scores_of(order: SourcingOrder, stock: Stock, rules: SourcingRules) -> Scores:
    """Score every candidate of an order. Pure arithmetic: see the head of this file."""
    emphasis = rules.emphasis
    most = most_units(order, stock)
    units = order.units
    values = {term: _values(order, term) for term in emphasis}
    values.pop("draw", None)
    scales = {term: float(value.max(initial=0.0)) for term, value in values.items()}
    for term in {"workload", "draw"} & set(emphasis):
        scales[term] = 1.0  # Shares already.
    per_parcel = np.zeros(len(order.candidates))
    per_unit = np.zeros(most.shape)
    for term, weight in emphasis.items():
        scale = scales[term] or 1.0
        if term == "cost":
            per_parcel += [weight * at.parcel_cost / scale for at in order.candidates]
            per_unit += [weight * at.cost_per_unit / scale for at in order.candidates]
        elif term == "workload":
            per_parcel += weight * values[term]
        elif term == "draw":
            per_unit += weight * _draw_per_unit(order, most, stock)
        else:
            per_unit += weight * values[term] / (scale * units)
    return Scores(order, rules.split_penalty, per_parcel, per_unit, most, scales, emphasis)


def most_units(order: SourcingOrder, stock: Stock) -> Taken:
    """Units of each line that each candidate could send, shape (K, L)."""
    most = np.zeros((len(order.lines), len(order.candidates)), np.int64)
    for row, line in enumerate(order.lines):
        for column, at in enumerate(order.candidates):
            if at.parcels_left == 0:
                continue
            parts = line.components.items()
            there = min(stock.get((sku, at.location), 0) // n for sku, n in parts)
            most[row, column] = min(line.units, max(there, 0))
    return most


def _values(order: SourcingOrder, term: str) -> NDArray[np.float64]:
    """The value of a term for the whole order at each candidate, shape (L,); all are ≥ 0."""
    return np.array([value_of(at, term, units=order.units) for at in order.candidates], float)


def value_of(at: Candidate, term: str, *, units: int) -> float:
    """What a parcel of so many units from there would amount to, in the term's own unit."""
    match term:
        case "distance":
            return at.distance_km or 0.0
        case "time":
            return float(at.days)
        case "cost":
            return at.parcel_cost + at.cost_per_unit * units
        case "performance":
            return 1.0 - at.performance
        case "workload":
            return at.workload()
    return 0.0


def _draw_per_unit(order: SourcingOrder, most: Taken, stock: Stock) -> NDArray[np.float64]:
    """Share of a location's stock that one unit takes, by the line's weight in the order."""
    draw = np.zeros(most.shape)
    for row, line in enumerate(order.lines):
        for column, at in enumerate(order.candidates):
            parts = line.components.items()
            there = min(stock.get((sku, at.location), 0) // n for sku, n in parts)
            if there > 0:
                draw[row, column] = line.units / (order.units * there)
    return draw


def exceeds(taken: Mapping[tuple[str, str], int], limits: Sequence[Limit]) -> list[Limit]:
    """The limits that units taken by (SKU, location) break."""
    return [
        limit
        for limit in limits
        if sum(taken.get((limit.sku, at), 0) for at in limit.locations) > limit.units
    ]


def units_taken(scores: Scores, taken: Taken) -> dict[tuple[str, str], int]:
    """Units by (SKU, location) that a way of sending an order takes, bundles exploded."""
    sums: dict[tuple[str, str], int] = {}
    for row, line in enumerate(scores.order.lines):
        for column in np.flatnonzero(taken[row]):
            at = scores.order.candidates[column].location
            for sku, each in line.components.items():
                sums[sku, at] = sums.get((sku, at), 0) + each * int(taken[row, column])
    return sums
