"""Where a supply tree should hold safety stock: the guaranteed-service model.

Each stage promises the next to deliver within its committed service time S, always, as long as
demand stays below a bound. It waits SI for its own suppliers, works T, and holds stock for the net
lead time SI + T − S. Longer promises save stock here and cost it downstream.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats
from inventory.errors import InputRejected

TIE = 1e-12
"""Relative. Of plans that cost the same but for rounding, the shortest promise is taken."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One place of the tree.

    Parameters
    ----------
    processing_time : T ≥ 0, whole periods.
    holding_cost : h ≥ 0, money per unit and period of the stock held here.
    demand_bound : κ ≥ 0, standard deviations of demand that the guarantee covers.
    demand_sd_units : standard deviation of the demand per period from outside, not of successors.
    inbound_time_min : whole periods that suppliers outside take at least.
    outbound_time_max : whole periods that customers outside wait at most; none: any time.
    """

    processing_time: int
    holding_cost: float
    demand_bound: float = 1.0
    demand_sd_units: float = 0.0
    inbound_time_min: int = 0
    outbound_time_max: int | None = None


@dataclass(frozen=True, slots=True)
class ServicePlan:
    """Committed service time of each stage, periods, and the cost per period of safety stock."""

    service_times: dict[str, int]
    cost: float


def optimal_service_times(
    stages: Mapping[str, Stage], arcs: Sequence[tuple[str, str]]
) -> ServicePlan:
    """The service times of least cost, on any tree of stages.

        min Σ h_k · κ_k · σ_k · √(SI_k + T_k − S_k),   SI_k ≥ S_i for every supplier i of k

    σ_k² sums the variances of all outside demand downstream of k, taken as independent.

    Parameters
    ----------
    stages : by name. arcs : (supplier, customer), forming one tree whatever their directions.

    Source
    ------
    Graves & Willems (2000), Manufacturing & Service Operations Management 2(1): dynamic
    programming from the leaves to any root; Snyder & Shen, chapter 6.

    >>> stages = {"plant": Stage(2, 1, inbound_time_min=1),
    ...           "hub": Stage(1, 2),
    ...           "north": Stage(1, 3, demand_sd_units=1, outbound_time_max=0),
    ...           "south": Stage(1, 3, demand_sd_units=1, outbound_time_max=1)}
    >>> arcs = [("plant", "hub"), ("hub", "north"), ("hub", "south")]
    >>> optimal_service_times(stages, arcs).service_times
    {'plant': 0, 'hub': 0, 'north': 0, 'south': 1}
    """
    tree = _Tree(stages, arcs)
    tables = {name: tree.own_costs(name) for name in stages}
    messages: dict[str, Floats] = {}
    for name in reversed(tree.order):  # Leaves first.
        table = tables[name]
        for child in tree.children[name]:
            table += _seen_from(messages[child], is_supplier=tree.is_supplier(child, name))
        parent = tree.parent[name]
        if parent is not None:
            by_time = table.min(axis=1 if tree.is_supplier(name, parent) else 0)
            messages[name] = by_time
    chosen: dict[str, tuple[int, int]] = {}
    cost = math.inf
    for name in tree.order:
        table = tables[name]
        parent = tree.parent[name]
        if parent is None:
            cost = float(table.min())
        elif tree.is_supplier(name, parent):
            table = table[: chosen[parent][1] + 1]
        else:
            table = np.where(np.arange(table.shape[1]) >= chosen[parent][0], table, np.inf)
        chosen[name] = _cheapest(table)
    return ServicePlan({name: chosen[name][0] for name in stages}, cost)


def _seen_from(costs: Floats, *, is_supplier: bool) -> Floats:
    """A neighbour's least cost for each time of this stage, as a column of S or a row of SI.

    A supplier may promise any time up to this stage's SI; a customer may wait any from its S on.
    """
    if is_supplier:
        row: Floats = np.minimum.accumulate(costs)[None]
        return row
    column: Floats = np.minimum.accumulate(costs[::-1])[::-1][:, None]
    return column


def _cheapest(table: Floats) -> tuple[int, int]:
    least = table.min()
    near = table <= least + TIE * max(1.0, abs(least))
    outbound, inbound = np.unravel_index(int(np.argmax(near)), table.shape)
    return int(outbound), int(inbound)


class _Tree:
    """The stages in an order in which parents come first, from the last stage given as the root."""

    def __init__(self, stages: Mapping[str, Stage], arcs: Sequence[tuple[str, str]]) -> None:
        for name in {end for arc in arcs for end in arc} - set(stages):
            raise InputRejected(f"an arc names '{name}', which is no node; add it", field="arcs")
        self.stages = stages
        self.suppliers: dict[str, list[str]] = {name: [] for name in stages}
        self.customers: dict[str, list[str]] = {name: [] for name in stages}
        for supplier, customer in arcs:
            self.suppliers[customer].append(supplier)
            self.customers[supplier].append(customer)
        root = list(stages)[-1]
        self.parent: dict[str, str | None] = {root: None}
        self.children: dict[str, list[str]] = {name: [] for name in stages}
        self.order = [root]
        for name in self.order:  # Grows while it is walked.
            for other in self.suppliers[name] + self.customers[name]:
                if other not in self.parent:
                    self.parent[other] = name
                    self.children[name].append(other)
                    self.order.append(other)
        if len(self.order) < len(stages) or len(arcs) != len(stages) - 1:
            raise InputRejected(
                f"{len(arcs)} arcs do not join {len(stages)} nodes to one tree; each node but one "
                "needs exactly one way to the others",
                field="arcs",
            )
        flow = self._suppliers_first()
        self.longest = self._longest_times(flow)
        self.variance = self._variances(flow)
        self.size = max(self.longest.values()) + 1

    def is_supplier(self, name: str, other: str) -> bool:
        """Whether `name` delivers to `other`."""
        return other in self.customers[name]

    def _suppliers_first(self) -> list[str]:
        waiting = {name: len(found) for name, found in self.suppliers.items()}
        ready = [name for name, count in waiting.items() if not count]
        for name in ready:  # Grows while it is walked.
            for customer in self.customers[name]:
                waiting[customer] -= 1
                if not waiting[customer]:
                    ready.append(customer)
        return ready

    def _longest_times(self, flow: Sequence[str]) -> dict[str, int]:
        longest: dict[str, int] = {}
        for name in flow:
            stage = self.stages[name]
            waits = [longest[supplier] for supplier in self.suppliers[name]]
            longest[name] = stage.processing_time + max([stage.inbound_time_min, *waits])
        return longest

    def _variances(self, flow: Sequence[str]) -> dict[str, float]:
        variance = {name: self.stages[name].demand_sd_units ** 2 for name in flow}
        for name in reversed(flow):
            for supplier in self.suppliers[name]:
                variance[supplier] += variance[name]
        return variance

    def own_costs(self, name: str) -> Floats:
        """Cost of the stage's own stock by (S, SI); infinite where it cannot promise S."""
        stage = self.stages[name]
        time = np.arange(self.size)
        net = time[None, :] + stage.processing_time - time[:, None]
        allowed = (net >= 0) & (time[None, :] >= stage.inbound_time_min)
        allowed &= time[None, :] <= self.longest[name] - stage.processing_time
        if stage.outbound_time_max is not None:
            allowed &= time[:, None] <= stage.outbound_time_max
        spread = stage.demand_bound * math.sqrt(self.variance[name])
        held = stage.holding_cost * spread * np.sqrt(np.maximum(net, 0))
        costs: Floats = np.where(allowed, held, np.inf)
        return costs
