"""Many orders over the same stock, as a mixed-integer program for HiGHS.

    minimise   Σ_o Σ_l (parcel_ol + p)·y_ol + Σ_k unit_okl·x_okl  +  unmet  −  p per order
    such that  Σ_l x_okl + units_ok·g_o = units_ok      all or none: g says that nothing is sent
               Σ_l x_okl + u_ok = units_ok              in part: u units are left out
               x_okl ≤ most_okl · y_ol                  a unit needs a parcel
               Σ_o,k n·x_okl ≤ units of the SKU there   per (SKU, location), and per joint limit
               Σ_o y_ol = Σ_j s_lj                      parcels of the day; the j-th has its price

`Program` holds the columns of a choice of (order, candidate) pairs. `reduced_costs` says what every
pair outside that choice could still bring, so that the rest need not be in it (see
`sourcing_assignment`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from inventory.sourcing import UNMET_SCORE, Limit, Scores, Taken, units_taken

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
"""Per order: which of its candidates have columns."""

INFINITE = float("inf")

WHOLE = 1e-6
"""Distance from a whole number that counts as none."""


@dataclass(slots=True)
class _Rows:
    """Rows of a sparse matrix with a lower and an upper bound each."""

    row: list[int] = field(default_factory=list)
    column: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    lower: list[float] = field(default_factory=list)
    upper: list[float] = field(default_factory=list)

    def add(self, terms: Sequence[tuple[int, float]], *, lower: float, upper: float) -> int:
        number = len(self.lower)
        self.row += [number] * len(terms)
        self.column += [column for column, _ in terms]
        self.value += [value for _, value in terms]
        self.lower.append(lower)
        self.upper.append(upper)
        return number

    def matrix(self, columns: int) -> csr_array:
        return csr_array((self.value, (self.row, self.column)), shape=(len(self.lower), columns))


@dataclass(frozen=True, slots=True)
class Prices:
    """The duals of the relaxed program: what one unit more of each thing would change."""

    bound: float
    units: Mapping[tuple[int, int], float]
    """By (order, line)."""
    stock: Mapping[tuple[str, str], float]
    """By (SKU, location): of all limits that hold there together."""
    parcels: Mapping[str, float]
    """By location."""
    orders: Mapping[int, float]
    """By order, what one parcel in it is worth to the rows that count its parcels."""
    settled: Sequence[Taken | None]
    """By order, what it is sent at the relaxed optimum; None where that is not in whole numbers,
    or from stock that such an order wants too."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What HiGHS found. `bound`: no solution of this program can score less."""

    taken: list[Taken] | None
    bound: float
    optimal: bool


class Program:
    """The program over the chosen pairs of orders and candidates."""

    def __init__(
        self, scores: Sequence[Scores], chosen: Sequence[Mask], limits: Sequence[Limit]
    ) -> None:
        self.scores = scores
        self.cost: list[float] = []
        self.most: list[float] = []
        self.whole: list[int] = []
        self.rows = _Rows()
        self.offset = 0.0
        self._x: list[dict[tuple[int, int], int]] = []
        self._units_rows: dict[tuple[int, int], int] = {}
        self._order_rows: dict[int, list[int]] = {}
        self._stock_terms: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self._parcels_at: dict[str, list[tuple[int, int, int]]] = {}
        for number, mask in enumerate(chosen):
            self._add_order(number, mask)
        self._limit_rows = [(limit, row) for limit in limits if (row := self._add_limit(limit))]
        self._parcel_rows = {at: self._add_capacity(at) for at in self._parcels_at}

    def _column(self, cost: float, most: float, *, whole: bool) -> int:
        self.cost.append(cost)
        self.most.append(most)
        self.whole.append(int(whole))
        return len(self.cost) - 1

    def _add_order(self, number: int, mask: Mask) -> None:
        scores = self.scores[number]
        order, penalty = scores.order, scores.split_penalty
        self.offset -= penalty
        parcels: list[int] = []
        sent: list[list[tuple[int, float]]] = [[] for _ in order.lines]
        cells: dict[tuple[int, int], int] = {}
        for at in np.flatnonzero(mask & scores.most.any(axis=0)).tolist():
            parcel = self._column(scores.per_parcel[at] + penalty, 1, whole=True)
            parcels.append(parcel)
            location = order.candidates[at].location
            self._parcels_at.setdefault(location, []).append((parcel, number, at))
            for k, line in enumerate(order.lines):
                most = int(scores.most[k, at])
                if not most:
                    continue
                x = self._column(scores.per_unit[k, at], most, whole=True)
                cells[k, at] = x
                sent[k].append((x, 1.0))
                self.rows.add([(x, 1.0), (parcel, -most)], lower=-INFINITE, upper=0)
                for sku, each in line.components.items():
                    self._stock_terms.setdefault((sku, location), []).append((x, each))
        self._x.append(cells)
        self._add_balances(number, sent, parcels)

    def _add_balances(
        self, number: int, sent: Sequence[list[tuple[int, float]]], parcels: Sequence[int]
    ) -> None:
        scores = self.scores[number]
        order, penalty = scores.order, scores.split_penalty
        opened = [(parcel, 1.0) for parcel in parcels]
        rows = self._order_rows.setdefault(number, [])
        if order.allow_partial:
            nothing = self._column(penalty, 1, whole=False)
            left = [self._column(UNMET_SCORE, line.units, whole=False) for line in order.lines]
            missing = [(column, 1.0) for column in left]
            rows.append(self.rows.add([*opened, (nothing, 1.0)], lower=1, upper=INFINITE))
        else:
            nothing = self._column(UNMET_SCORE * order.units + penalty, 1, whole=True)
            missing = [(nothing, float(line.units)) for line in order.lines]
        for k, line in enumerate(order.lines):
            terms = [*sent[k], missing[k]]
            self._units_rows[number, k] = self.rows.add(terms, lower=line.units, upper=line.units)
        if order.parcels_max is not None and order.parcels_max < len(order.candidates):
            rows.append(self.rows.add(opened, lower=-INFINITE, upper=order.parcels_max))

    def _add_limit(self, limit: Limit) -> int | None:
        terms = [
            term
            for at in sorted(limit.locations)
            for term in self._stock_terms.get((limit.sku, at), ())
        ]
        if sum(self.most[x] * each for x, each in terms) <= limit.units:
            return None  # It cannot be reached: no row.
        return self.rows.add(terms, lower=-INFINITE, upper=limit.units)

    def _add_capacity(self, location: str) -> int | None:
        """Parcels of the day: the next one may cost more than the one before."""
        using = self._parcels_at[location]
        _, order, at = using[0]
        left = self.scores[order].order.candidates[at].parcels_left
        if left is None:
            return None
        slots = range(1, min(left, len(using)) + 1)
        prices = [self.scores[order].slot_score(at, slot) for slot in slots]
        parcels = [(parcel, 1.0) for parcel, _, _ in using]
        if not any(prices):
            if len(using) <= left:
                return None
            return self.rows.add(parcels, lower=-INFINITE, upper=left)
        taken = [(self._column(price, 1, whole=False), -1.0) for price in prices]
        return self.rows.add([*parcels, *taken], lower=0, upper=0)

    def solve(self, *, seconds_max: float, gap: float) -> Solved:
        """The best whole solution that is found in time, and how good any could be."""
        found = milp(
            np.array(self.cost),
            integrality=np.array(self.whole),
            bounds=Bounds(0, np.array(self.most)),
            constraints=LinearConstraint(
                self.rows.matrix(len(self.cost)), self.rows.lower, self.rows.upper
            ),
            options={"time_limit": seconds_max, "mip_rel_gap": gap},
        )
        bound = found.mip_dual_bound
        known = -INFINITE if bound is None else float(bound) + self.offset
        if found.x is None:
            return Solved(None, known, optimal=False)
        return Solved(self._taken(found.x), known, optimal=found.status == 0)

    def _taken(self, x: Floats) -> list[Taken]:
        taken = []
        for scores, cells in zip(self.scores, self._x, strict=True):
            units = np.zeros_like(scores.most)
            for (k, at), column in cells.items():
                units[k, at] = round(x[column])
            taken.append(units)
        return taken

    def relax(self, *, seconds_max: float) -> Prices | None:
        """The program without whole numbers, and the prices at its optimum; None: out of time."""
        rows, lower, upper = self.rows, np.array(self.rows.lower), np.array(self.rows.upper)
        matrix = rows.matrix(len(self.cost))
        equal = lower == upper
        below, above = ~equal & np.isfinite(upper), ~equal & np.isfinite(lower)
        # Rows with a lower bound are turned over; no row has both.
        signed = matrix.multiply(np.where(above, -1.0, 1.0)[:, None]).tocsr()
        found = linprog(  # type: ignore[call-overload]  # The stubs know no sparse matrix.
            np.array(self.cost),
            A_ub=signed[~equal],
            b_ub=np.where(below, upper, -lower)[~equal],
            A_eq=signed[equal],
            b_eq=upper[equal],
            bounds=np.column_stack([np.zeros(len(self.most)), self.most]),
            method="highs",
            options={"time_limit": seconds_max},
        )
        if found.status != 0:
            return None
        duals = np.zeros(len(lower))
        duals[equal] = found.eqlin.marginals
        duals[~equal] = found.ineqlin.marginals * np.where(above, -1.0, 1.0)[~equal]
        return self._prices(float(found.fun) + self.offset, duals, found.x)

    def _prices(self, bound: float, duals: Floats, x: Floats) -> Prices:
        stock: dict[tuple[str, str], float] = {}
        for limit, row in self._limit_rows:
            for at in limit.locations:
                stock[limit.sku, at] = stock.get((limit.sku, at), 0.0) + float(duals[row])
        return Prices(
            bound=bound,
            units={key: float(duals[row]) for key, row in self._units_rows.items()},
            stock=stock,
            parcels={at: float(duals[r]) for at, r in self._parcel_rows.items() if r is not None},
            orders={number: float(duals[rows].sum()) for number, rows in self._order_rows.items()},
            settled=self._settled(x),
        )

    def _settled(self, x: Floats) -> list[Taken | None]:
        taken = self._taken(x)
        whole = [self._is_settled(number, units, x) for number, units in enumerate(taken)]
        contested = {
            (line, self.scores[number].order.candidates[at].location)
            for number, settled in enumerate(whole)
            if not settled
            for (k, at), column in self._x[number].items()
            if x[column] > WHOLE
            for line in self.scores[number].order.lines[k].components
        }
        return [
            units
            if settled and contested.isdisjoint(units_taken(self.scores[number], units))
            else None
            for number, (units, settled) in enumerate(zip(taken, whole, strict=True))
        ]

    def _is_settled(self, number: int, taken: Taken, x: Floats) -> bool:
        """Whether the order gets whole units, and all that it asks for."""
        exact = all(abs(x[column] - taken[at]) < WHOLE for at, column in self._x[number].items())
        return exact and int(taken.sum()) == self.scores[number].order.units


def reduced_costs(scores: Scores, number: int, prices: Prices) -> Floats:
    """By how much a parcel from each candidate would at best lower the relaxed optimum, shape (L,).

    Not negative: the parcel cannot help. Above the distance of the best known solution to the
    bound: no solution with that parcel is better than the known one.
    """
    order = scores.order
    places = [at.location for at in order.candidates]
    costs = scores.per_parcel + scores.split_penalty - prices.orders.get(number, 0.0)
    costs -= np.array([prices.parcels.get(place, 0.0) for place in places])
    for k, line in enumerate(order.lines):
        per_unit = scores.per_unit[k] - prices.units[number, k]
        for sku, each in line.components.items():
            per_unit -= each * np.array([prices.stock.get((sku, place), 0.0) for place in places])
        costs += np.minimum(per_unit, 0.0) * scores.most[k]
    costs[~scores.most.any(axis=0)] = INFINITE
    return costs
