"""Moving units through a network at least cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array

from inventory.errors import InputRejected

INFEASIBLE = 2
"""The status by which scipy's `linprog` says so."""

BALANCED = 1e-9


@dataclass(frozen=True, slots=True)
class Flow:
    """Units on each arc, and what they cost."""

    units: tuple[float, ...]
    cost: float


def min_cost_flow(
    *,
    starts: Sequence[int],
    ends: Sequence[int],
    capacities: Sequence[float],
    unit_costs: Sequence[float],
    supplies: Sequence[float],
) -> Flow:
    """The cheapest way to bring what is left over to where it lacks.

        min Σ c_a·x_a,  0 ≤ x_a ≤ u_a,  out of node i less into it = b_i

    Parameters
    ----------
    starts, ends : node of each arc, 0 ... M − 1. capacities : u ≥ 0, units.
    unit_costs : c, money per unit.
    supplies : b of each of M nodes, units: above zero left over, below lacking; they sum to zero.

    Raises `InputRejected` where supplies do not balance or the arcs cannot carry them.

    Source
    ------
    Bradley, Hax & Magnanti, Applied Mathematical Programming, section 8.1; solved by HiGHS, whose
    basic solutions are whole where capacities and supplies are.

    >>> min_cost_flow(starts=[0, 0, 1], ends=[1, 2, 2], capacities=[5, 5, 5], unit_costs=[1, 3, 1],
    ...               supplies=[6, 0, -6])
    Flow(units=(5.0, 1.0, 5.0), cost=13.0)
    """
    if abs(sum(supplies)) > BALANCED * max(1.0, *map(abs, supplies)):
        raise InputRejected(
            f"supplies sum to {sum(supplies):g}, not to 0; add a node that takes or gives the rest",
            field="supply",
        )
    arcs = np.arange(len(starts))
    signs = np.repeat([1.0, -1.0], len(arcs))
    where = (np.concatenate([starts, ends]).astype(int), np.concatenate([arcs, arcs]))
    found = linprog(  # type: ignore[call-overload]  # The stubs know no sparse matrices.
        unit_costs,
        A_eq=coo_array((signs, where), shape=(len(supplies), len(arcs))).tocsr(),
        b_eq=supplies,
        bounds=[(0, capacity) for capacity in capacities],
        method="highs",
    )
    if found.status == INFEASIBLE:
        raise InputRejected(
            "the arcs cannot carry what is supplied to where it lacks; raise a capacity or add an "
            "arc",
            field="capacity",
        )
    units = np.abs(np.round(found.x, 9))
    return Flow(tuple(units.tolist()), float(np.dot(unit_costs, units)))


def transport(
    *,
    supplies: Sequence[float],
    demands: Sequence[float],
    unit_costs: Sequence[Sequence[float]],
) -> tuple[tuple[tuple[float, ...], ...], float]:
    """Units from each source (rows) to each sink (columns), and their cost; sources may keep some.

    A flow from every source to every sink, with one more sink that takes what is kept for nothing.

    >>> transport(supplies=[5, 5], demands=[4, 3], unit_costs=[[1, 2], [3, 1]])
    (((4.0, 0.0), (0.0, 3.0)), 7.0)
    """
    kept = sum(supplies) - sum(demands)
    if kept < 0:
        raise InputRejected(
            f"{sum(demands):g} are wanted and {sum(supplies):g} are there; lower the demand or add "
            "a source",
            field="supply",
        )
    rows, columns = len(supplies), len(demands)
    pairs = [(i, rows + j) for i in range(rows) for j in range(columns)]
    pairs += [(i, rows + columns) for i in range(rows)]
    costs = [cost for row in unit_costs for cost in row] + [0.0] * rows
    flow = min_cost_flow(
        starts=[start for start, _ in pairs],
        ends=[end for _, end in pairs],
        capacities=[supplies[start] for start, _ in pairs],
        unit_costs=costs,
        supplies=[*supplies, *(-units for units in demands), -kept],
    )
    table = tuple(flow.units[i * columns : (i + 1) * columns] for i in range(rows))
    return table, flow.cost
