"""Order policies replayed over history, side by side, from rolling origins.

All policies begin a window with the same stock (`pipelines.starting_stock`) and meet the same
demand; none sees a period before it ends. Figures are counted from the first period that the
window's first order can influence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from inventory.demand import Floats
from inventory.errors import InputRejected
from inventory.policy.lot_size import round_order
from inventory.simulate import Decide, Outcome, StockState, simulate
from pipelines.order_baselines import Case, Policy, Terms
from pipelines.starting_stock import Start, starting_stock, warm_up_periods

READ_DAYS_MIN = 28
"""Days that must be on record before the warm-up begins."""

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True, slots=True, eq=False)
class Played:
    """What one policy came to in one window of one case; only what counts."""

    policy: str
    origin: date
    terms: Terms
    outcome: Outcome
    order_cost: float = 0.0
    """Money for the orders that count."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a policy came to, over one window or all of them (origin None).

    stock_outs : series' periods in which some demand was not met, and their share of all.
    stock_units : on the shelves at a period's end, on average, all series together.
    turns : times a year that this stock sells. orders : placed with a quantity above zero.
    """

    policy: str
    origin: date | None
    cost: float
    holding_cost: float
    shortage_cost: float
    waste_cost: float
    order_cost: float
    fill_rate: float
    stock_outs: int
    stock_out_share: float
    stock_units: float
    turns: float
    orders: int
    expired_units: float
    demand_units: float


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is replayed: windows in which so many periods count, after some that do not.

    The periods are the same for all cases, whatever their review period.
    """

    windows: int
    periods: int
    settling_periods: int = 0
    start: Start = "seasonal"

    def uncounted(self, terms: Terms) -> int:
        """Periods at a window's start that no order that counts can influence."""
        return terms.lead_time_periods + self.settling_periods

    def length(self, terms: Terms) -> int:
        """Periods of a window."""
        return self.uncounted(terms) + self.periods


def backtest(cases: Sequence[Case], policies: Mapping[str, Policy], plan: Plan) -> list[Played]:
    """Every policy on every case, from every origin; windows lie end to end.

    Raises `InputRejected` where the history is too short for the windows asked for.
    """
    found = []
    for origin in rolling_origins(cases, plan):
        for case in cases:
            start = starting_stock(case, plan.start, origin=origin)
            for name, policy in policies.items():
                outcome = played(case, policy, start, plan, origin=origin)
                paid = case.bought.ordering_cost(outcome.ordered_units) if case.bought else 0.0
                found.append(Played(name, case.demand.days[origin], case.terms, outcome, paid))
    return found


def rolling_origins(cases: Sequence[Case], plan: Plan) -> list[int]:
    """Last periods before each window, oldest first."""
    demand = cases[0].demand
    length = max(plan.length(case.terms) for case in cases)
    needed = max(warm_up_periods(case.terms) for case in cases)
    needed += READ_DAYS_MIN // demand.period_days
    last = demand.played_units.shape[1] - 1 - length
    origins = [last - back * length for back in reversed(range(plan.windows))]
    if origins[0] + 1 < needed:
        fit = max(0, (last + 1 - needed) // length + 1)
        raise InputRejected(
            f"the history holds {fit} windows of {length} periods after {needed} periods to start "
            "from; ask for fewer or shorter windows",
            field="windows",
        )
    return origins


def played(case: Case, policy: Policy, start: StockState, plan: Plan, *, origin: int) -> Outcome:
    """One policy in one window, from the first period that counts."""
    terms = case.terms
    outcome = simulate(
        case.demand.played_units[:, origin + 1 : origin + 1 + plan.length(terms)],
        start,
        in_packs(policy(case, origin), case),
        lead_time_periods=terms.lead_time_periods,
        lost_sales=terms.lost_sales,
        orders=-(-(plan.settling_periods + plan.periods) // terms.review_periods),
        review_periods=terms.review_periods,
        shelf_life_periods=terms.shelf_life_periods,
    )
    return outcome.counted_from(plan.uncounted(terms), first_order=plan.settling_periods)


def in_packs(decide: Decide, case: Case) -> Decide:
    """What a vendor delivers of what a policy wants: whole packs, its minimum, its maximum."""
    if case.bought is None:
        return decide
    asks = case.bought.constraints

    def order(t: int, state: StockState) -> Floats:
        return round_order(
            decide(t, state), min_order_units=asks.min_order_units, pack_units=asks.pack_units,
            max_units=asks.max_units,
        ).ordered_units  # fmt: skip

    return order


def figures(runs: Iterable[Played], *, period_days: int) -> list[Figures]:
    """One row per policy over everything, then one per policy and window, cheapest first."""
    runs = list(runs)
    names = list(dict.fromkeys(run.policy for run in runs))
    origins = list(dict.fromkeys(run.origin for run in runs))
    found = [
        _figures(name, origin, chosen, period_days)
        for origin in (None, *origins)
        for name in names
        if (chosen := [r for r in runs if r.policy == name and origin in (None, r.origin)])
    ]
    return sorted(found, key=lambda row: (row.origin or date.min, row.cost))


def _figures(name: str, origin: date | None, runs: list[Played], period_days: int) -> Figures:
    outcomes = [run.outcome for run in runs]
    met, unmet = (
        sum(float(units.sum()) for units in parts)
        for parts in (
            [o.met_units for o in outcomes], [o.unmet_units for o in outcomes],
        )
    )  # fmt: skip
    short = sum(int((o.unmet_units > 0).sum()) for o in outcomes)
    cells = sum(o.unmet_units.size for o in outcomes)
    left = sum(float(o.left_units.sum()) for o in outcomes)
    expired = sum(float(o.expired_units.sum()) for o in outcomes)
    per_window = {run.origin: run.outcome.left_units.shape[1] for run in runs}
    periods = sum(per_window.values())
    money = [sum(parts) for parts in zip(*(_money(run) for run in runs), strict=True)]
    return Figures(
        policy=name, origin=origin,
        cost=sum(money), holding_cost=money[0], shortage_cost=money[1], waste_cost=money[2],
        order_cost=money[3],
        fill_rate=met / (met + unmet) if met + unmet else 1.0,
        stock_outs=short, stock_out_share=short / cells,
        stock_units=left / periods,
        turns=met / left * DAYS_PER_YEAR / period_days if left else 0.0,
        orders=sum(int((o.ordered_units > 0).sum()) for o in outcomes),
        expired_units=expired, demand_units=met + unmet,
    )  # fmt: skip


def _money(run: Played) -> tuple[float, float, float, float]:
    """Holding, shortage, waste and ordering cost of a run."""
    outcome, costs = run.outcome, run.terms.costs
    parts = (
        (costs.holding, outcome.left_units), (costs.shortage, outcome.unmet_units),
        (costs.waste, outcome.expired_units),
    )  # fmt: skip
    held, short, wasted = (float((each * units.sum(axis=1)).sum()) for each, units in parts)
    return held, short, wasted, run.order_cost
