"""Topics on several places: targets along a supply chain, and moving stock between places."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from inventory.errors import InputRejected
from inventory.policy import flows, guaranteed_service, stochastic_service
from inventory.policy.guaranteed_service import Stage
from pipelines.solve.forms import (
    AtLeastOne,
    Count,
    NonNegative,
    NonNegatives,
    Number,
    Numbers,
    Positive,
    Result,
)

Label = Annotated[int | str, Field(union_mode="left_to_right")]
PerNode = NonNegative | NonNegatives | dict[str, NonNegative]
"""One value for all nodes, a list of them, or by node."""
Counts = Annotated[list[Count], Field(min_length=1)]


class TreeNode(BaseModel):
    """One node of a guaranteed-service tree, as it is given."""

    model_config = ConfigDict(extra="forbid")

    processing_time: Count
    local_holding_cost: NonNegative
    external_inbound_cst: Count | None = None
    external_outbound_cst: Count | None = None
    demand_sd: NonNegative | None = Field(default=None)
    demand_standard_deviation: NonNegative | None = None
    demand_mean: NonNegative | None = None
    demand_bound_constant: NonNegative | None = None


def guaranteed_tree(
    *,
    nodes: Annotated[dict[str, TreeNode], Field(min_length=1)],
    arcs: list[Annotated[list[Label], Field(min_length=2, max_length=2)]],
    demand_bound_constant: NonNegative = 1.0,
) -> Result:
    """Service times on a tree; arcs from supplier to customer."""
    stages = {
        name: Stage(
            processing_time=node.processing_time,
            holding_cost=node.local_holding_cost,
            demand_bound=demand_bound_constant
            if node.demand_bound_constant is None
            else node.demand_bound_constant,
            demand_sd_units=node.demand_sd or node.demand_standard_deviation or 0.0,
            inbound_time_min=node.external_inbound_cst or 0,
            outbound_time_max=node.external_outbound_cst,
        )
        for name, node in nodes.items()
    }
    return _guaranteed(stages, [(str(start), str(end)) for start, end in arcs])


def guaranteed_serial(
    *,
    local_holding_cost: PerNode,
    processing_time: Count | Counts | dict[str, Count],
    external_inbound_cst: Count,
    external_outbound_cst: Count,
    demand_sd: NonNegative,
    num_nodes: AtLeastOne | None = None,
    demand_mean: Number = 0.0,  # noqa: ARG001 - mean demand needs no safety stock.
    demand_bound_constant: PerNode = 1.0,
) -> Result:
    """Service times on a line of nodes, node 1 next to the customer."""
    nodes = _count(num_nodes, local_holding_cost, "local_holding_cost")
    names = [str(number) for number in range(1, nodes + 1)]
    holding = _per_node("local_holding_cost", local_holding_cost, names)
    times = _per_node("processing_time", processing_time, names)
    bounds = _per_node("demand_bound_constant", demand_bound_constant, names)
    stages = {
        name: Stage(
            processing_time=int(times[name]),
            holding_cost=holding[name],
            demand_bound=bounds[name],
            demand_sd_units=demand_sd if name == names[0] else 0.0,
            inbound_time_min=external_inbound_cst if name == names[-1] else 0,
            outbound_time_max=external_outbound_cst if name == names[0] else None,
        )
        for name in names
    }
    found = _guaranteed(stages, list(zip(names[1:], names, strict=False)))
    found["committed_service_times"][names[0]] = external_outbound_cst  # Though it could be sooner.
    return found


def _guaranteed(stages: dict[str, Stage], arcs: list[tuple[str, str]]) -> Result:
    plan = guaranteed_service.optimal_service_times(stages, arcs)
    return {"committed_service_times": plan.service_times, "cost": plan.cost}


def _count(given: int | None, values: object, field: str) -> int:
    if given is not None:
        return given
    if isinstance(values, list | dict):
        return len(values)
    raise InputRejected(f"is missing, and {field} is no list; give it", field="num_nodes")


def _per_node(name: str, values: object, nodes: list[str]) -> dict[str, float]:
    """Values by node; a list is in the order of `nodes`."""
    if isinstance(values, dict):
        for node in set(nodes) - set(values):
            raise InputRejected(f"has no value for node {node}; add it", field=name)
        return {node: values[node] for node in nodes}
    if isinstance(values, list):
        if len(values) != len(nodes):
            raise InputRejected(
                f"has {len(values)} entries for {len(nodes)} nodes; give one each", field=name
            )
        return dict(zip(nodes, values, strict=True))
    assert isinstance(values, int | float)
    return dict.fromkeys(nodes, float(values))


def series_optimal(
    *,
    echelon_holding_cost: PerNode,
    lead_time: PerNode,
    stockout_cost: Positive,
    demand_mean: Positive,
    demand_sd: Positive | None = None,
    num_nodes: AtLeastOne | None = None,
    node_order_in_system: list[Label] | None = None,
    node_order_in_lists: list[Label] | None = None,
    base_stock_levels: dict[str, Number] | None = None,
) -> Result:
    """Best echelon base stocks of a line of nodes, or the cost of given ones."""
    order = _upstream_first(num_nodes, node_order_in_system, echelon_holding_cost)
    series = _series(order, node_order_in_lists, echelon_holding_cost, lead_time, stockout_cost)
    given = None
    if base_stock_levels is not None:
        by_node = _per_node("base_stock_levels", base_stock_levels, order)
        given = [by_node[node] for node in reversed(order)]
    plan = stochastic_service.optimal(
        series, _rate(demand_mean, demand_sd), base_stocks_units=given
    )
    levels = dict(zip(reversed(order), plan.base_stocks_units, strict=True))
    return {"echelon_base_stock": {node: levels[node] for node in order}, "cost": plan.cost}


def series_heuristic(
    *,
    echelon_holding_cost: PerNode,
    lead_time: PerNode,
    stockout_cost: Positive,
    demand_mean: Positive,
    demand_sd: Positive | None = None,
    num_nodes: AtLeastOne | None = None,
    node_order_in_system: list[Label] | None = None,
    node_order_in_lists: list[Label] | None = None,
    weight: Annotated[NonNegative, Field(le=1)] = 0.5,
) -> Result:
    """Echelon base stocks by two newsvendors each, and what they cost."""
    order = _upstream_first(num_nodes, node_order_in_system, echelon_holding_cost)
    series = _series(order, node_order_in_lists, echelon_holding_cost, lead_time, stockout_cost)
    rate = _rate(demand_mean, demand_sd)
    found = stochastic_service.shang_song(series, rate, weight=weight)
    levels = dict(zip(reversed(order), found, strict=True))
    cost = stochastic_service.optimal(series, rate, base_stocks_units=found).cost
    return {"echelon_base_stock": {node: levels[node] for node in order}, "cost": cost}


def _rate(
    mean: float, sd: float | None
) -> stochastic_service.NormalRate | stochastic_service.PoissonRate:
    if sd is None:
        return stochastic_service.PoissonRate(mean)
    return stochastic_service.NormalRate(mean, sd)


def _upstream_first(count: int | None, order: list[int | str] | None, values: object) -> list[str]:
    """Nodes from the outside supplier down to the customer; N ... 1 where not said."""
    if order is None:
        nodes = _count(count, values, "echelon_holding_cost")
        return [str(number) for number in range(nodes, 0, -1)]
    if count not in (None, len(order)) or len(set(order)) != len(order):
        raise InputRejected("must name each node once", field="node_order_in_system")
    return [str(node) for node in order]


def _series(
    order: list[str],
    listed: list[int | str] | None,
    holding: object,
    lead_times: object,
    shortage_cost: float,
) -> stochastic_service.Series:
    names = order if listed is None else [str(node) for node in listed]
    if sorted(names) != sorted(order):
        raise InputRejected(
            f"must name the nodes {', '.join(order)}, each once", field="node_order_in_lists"
        )
    held = _per_node("echelon_holding_cost", holding, names)
    times = _per_node("lead_time", lead_times, names)
    if min(held.values()) <= 0:
        raise InputRejected("must be above 0 at every node", field="echelon_holding_cost")
    if sum(times.values()) <= 0:
        raise InputRejected("must be above 0 at one node at least", field="lead_time")
    downstream_first = list(reversed(order))
    return stochastic_service.Series(
        holding_costs=tuple(held[node] for node in downstream_first),
        lead_times=tuple(times[node] for node in downstream_first),
        shortage_cost=shortage_cost,
    )


def network_flow(
    *,
    start: Annotated[list[Count], Field(min_length=1)],
    end: Annotated[list[Count], Field(min_length=1)],
    capacity: NonNegatives,
    unit_cost: Numbers,
    supply: Numbers,
) -> Result:
    """Cheapest flow through arcs from where units are left over to where they lack."""
    for name, values in (("end", end), ("capacity", capacity), ("unit_cost", unit_cost)):
        if len(values) != len(start):
            raise InputRejected(
                f"has {len(values)} entries for {len(start)} arcs; give one each", field=name
            )
    for name, ends in (("start", start), ("end", end)):
        if max(ends) >= len(supply):
            raise InputRejected(
                f"names node {max(ends)}, but supply has nodes 0 to {len(supply) - 1} only; add it",
                field=name,
            )
    flow = flows.min_cost_flow(
        starts=start, ends=end, capacities=capacity, unit_costs=unit_cost, supplies=supply
    )
    return {"min_cost": flow.cost, "flows": list(flow.units)}


def transport(
    *,
    supply: NonNegatives,
    demand: NonNegatives,
    unit_cost: Annotated[list[Numbers], Field(min_length=1)],
) -> Result:
    """Cheapest way from each source to each sink, by a table of costs."""
    if len(unit_cost) != len(supply) or any(len(row) != len(demand) for row in unit_cost):
        raise InputRejected(
            f"must have {len(supply)} rows, one per source, of {len(demand)} costs each",
            field="unit_cost",
        )
    table, cost = flows.transport(supplies=supply, demands=demand, unit_costs=unit_cost)
    return {"min_cost": cost, "flows": [list(row) for row in table]}
