"""Topics on demand as a distribution: what is lost of it, and how much to have for one period."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import Field

from inventory.errors import InputRejected
from inventory.policy import newsvendor
from inventory.policy.distributions import (
    Binomial,
    Distribution,
    Gamma,
    Geometric,
    Listed,
    Lognormal,
    NegativeBinomial,
    Normal,
    Poisson,
    Uniform,
)
from pipelines.solve.forms import (
    AtLeastOne,
    Form,
    NonNegative,
    NonNegatives,
    Number,
    Numbers,
    Positive,
    Result,
    Whole,
    parameters_of,
)

Share = Annotated[Number, Field(gt=0, lt=1)]


def normal(*, mean: Number, sd: Positive) -> Normal:
    """Normal demand."""
    return Normal(mean, sd)


def lognormal(*, mu: Number, sigma: Positive) -> Lognormal:
    """Lognormal demand by mean and deviation of its logarithm."""
    return Lognormal(mu, sigma)


def lognormal_by_moments(*, mean: Positive, sd: Positive) -> Lognormal:
    """Lognormal demand by its own mean and deviation."""
    return Lognormal.by_moments(mean=mean, sd=sd)


def exponential(*, rate: Positive) -> Gamma:
    """Exponential demand by rate, 1 / mean."""
    return Gamma(1.0, 1 / rate)


def exponential_rate(*, mu: Positive) -> Gamma:
    """The same, its rate called μ."""
    return Gamma(1.0, 1 / mu)


def exponential_by_mean(*, mean: Positive) -> Gamma:
    """Exponential demand by mean."""
    return Gamma(1.0, mean)


def gamma(*, shape: Positive, scale: Positive) -> Gamma:
    """Gamma demand."""
    return Gamma(shape, scale)


def gamma_ab(*, a: Positive, b: Positive) -> Gamma:
    """Gamma demand, shape and scale called a and b."""
    return Gamma(a, b)


def gamma_by_moments(*, mean: Positive, sd: Positive) -> Gamma:
    """Gamma demand by mean and deviation."""
    return Gamma((mean / sd) ** 2, sd**2 / mean)


def uniform(*, low: Number, high: Number) -> Uniform:
    """Uniform demand."""
    if high <= low:
        raise InputRejected(f"{high:g} is not above low, {low:g}; raise it", field="high")
    return Uniform(low, high)


def uniform_ab(*, a: Number, b: Number) -> Uniform:
    """Uniform demand, its ends called a and b."""
    return uniform(low=a, high=b)


def whole_uniform(*, low: Whole, high: Whole) -> Listed:
    """Any whole demand from low to high alike."""
    if high < low:
        raise InputRejected(f"{high} is below low, {low}; raise it", field="high")
    return Listed(dict.fromkeys(range(low, high + 1), 1 / (high + 1 - low)))


def poisson(*, mean: Positive) -> Poisson:
    """Poisson demand."""
    return Poisson(mean)


def negative_binomial(*, mean: Positive, sd: Positive) -> NegativeBinomial:
    """Negative binomial demand by mean and deviation."""
    return NegativeBinomial.by_moments(mean=mean, sd=sd)


def failures(*, r: Positive, p: Share) -> NegativeBinomial:
    """Negative binomial demand as failures before the r-th success."""
    return NegativeBinomial(r=r, p=p)


def geometric(*, p: Annotated[Number, Field(gt=0, le=1)]) -> Geometric:
    """Geometric demand: 1, 2, 3, ..."""
    return Geometric(p)


def binomial(*, n: AtLeastOne, p: Share) -> Binomial:
    """Binomial demand."""
    return Binomial(n=n, p=p)


def listed(*, pmf: dict[str, NonNegative] | NonNegatives) -> Listed:
    """Demand by a table of chances: by units, or a list for 0, 1, 2, ... units."""
    if isinstance(pmf, list):
        return Listed(dict(enumerate(pmf)))
    try:
        return Listed({float(units): chance for units, chance in pmf.items()})
    except ValueError as wrong:
        raise InputRejected(
            f'\'{next(iter(pmf))}\' ... are not all units; write e.g. {{"0": 0.5, "3": 0.5}}',
            field="demand_pmf",
        ) from wrong


def listed_apart(*, values: Numbers, probabilities: NonNegatives) -> Listed:
    """The same as two lists."""
    if len(values) != len(probabilities):
        raise InputRejected(
            f"has {len(probabilities)} entries for {len(values)} values; give one each",
            field="probabilities",
        )
    return Listed(dict(zip(values, probabilities, strict=True)))


Family = tuple[Callable[..., Distribution], tuple[str, ...]]

CONTINUOUS: list[Family] = [
    (normal, ("normal",)),
    (lognormal, ("lognormal",)),
    (gamma, ("gamma",)),
    (uniform, ("uniform",)),
    (uniform_ab, ("uniform",)),
    (gamma_ab, ("gamma",)),
    (exponential, ("exponential",)),
    (exponential_rate, ("exponential",)),
    (gamma_by_moments, ("gamma",)),
    (lognormal_by_moments, ("lognormal",)),
]
WHOLE: list[Family] = [
    (poisson, ("poisson",)),
    (negative_binomial, ("negative binomial", "nbinom", "negbin")),
    (failures, ("negative binomial", "nbinom", "negbin")),
    (geometric, ("geometric",)),
    (binomial, ("binomial",)),
    (listed, ("pmf", "custom", "discrete")),
    (listed_apart, ("pmf", "custom", "discrete")),
    (whole_uniform, ("discrete uniform", "uniform discrete")),
]
BY_MEAN: Family = (exponential_by_mean, ("exponential",))
"""Of one mean alone, Poisson demand is what is usually meant."""

DEMAND_NAMES = {"mean": "demand_mean", "sd": "demand_sd", "pmf": "demand_pmf"}
"""What the parameters of a family are called where other things have a mean too."""


def of_family(
    family: Family, solve: Callable[..., Result], *, names: Mapping[str, str] | None = None
) -> Form:
    """A form that takes the inputs of a family of demand, and those of `solve(demand, ...)`."""
    make, words = family
    outer = {inner: (names or {}).get(inner, inner) for inner in parameters_of(make)}

    def solved(**given: Any) -> Result:  # noqa: ANN401 - as the two signatures say.
        own = {inner: given.pop(name) for inner, name in outer.items() if name in given}
        return solve(make(**own), **given)

    parameters = {outer[inner]: each for inner, each in parameters_of(make).items()}
    return Form(solved, words, parameters | parameters_of(solve))


def losses(demand: Distribution, *, x: Number | Numbers) -> Result:
    """First and second losses at a stock, or at each of several."""
    if isinstance(x, list):
        each = [losses(demand, x=one) for one in x]
        return {key: [one[key] for one in each] for key in each[0] if all(key in o for o in each)}
    found = {"loss": demand.loss(x), "complementary_loss": demand.complementary_loss(x)}
    if not demand.is_whole or x == int(x):
        found["second_loss"] = demand.second_loss(x)
        found["complementary_second_loss"] = demand.complementary_second_loss(x)
    return found


def unit_normal_losses(*, z: Number | Numbers) -> Result:
    """The same of the standard normal."""
    return losses(Normal(0.0, 1.0), x=z)


def single_period(
    demand: Distribution,
    *,
    holding_cost: Positive,
    stockout_cost: Positive,
    base_stock_level: Number | None = None,
) -> Result:
    """Best stock for one period and its expected cost, or the cost of a given one."""
    ratio = float(newsvendor.critical_ratio(shortage_cost=stockout_cost, holding_cost=holding_cost))
    level = demand.quantile(ratio) if base_stock_level is None else base_stock_level
    cost = newsvendor.expected_cost(
        demand, level, holding_cost=holding_cost, shortage_cost=stockout_cost
    )
    return {"base_stock_level": in_units(level, demand), "cost": cost, "critical_ratio": ratio}


def in_units(level: float, demand: Distribution) -> float:
    """A level as a whole number where demand is."""
    return int(level) if demand.is_whole and level == int(level) else level


def normal_periods(
    *,
    mean: Positive,
    sd: Positive,
    lead_time: NonNegative = 0.0,
    review_period: Positive = 1.0,
    lead_time_sd: NonNegative = 0.0,
) -> Normal:
    """Normal demand over lead time and review period, from that of one period."""
    periods = lead_time + review_period
    variance = periods * sd**2 + (mean * lead_time_sd) ** 2
    return Normal(periods * mean, variance**0.5)


def poisson_periods(
    *, mean: Positive, lead_time: NonNegative = 0.0, review_period: Positive = 1.0
) -> Poisson:
    """Poisson demand over lead time and review period, from that of one period."""
    return Poisson(mean * (lead_time + review_period))


PERIODS: list[Family] = [(normal_periods, ("normal",)), (poisson_periods, ("poisson",))]


def season(
    demand: Distribution,
    *,
    revenue: Positive,
    purchase_cost: Positive,
    salvage_value: Number = 0.0,
    holding_cost: NonNegative = 0.0,
    stockout_cost: NonNegative = 0.0,
    base_stock_level: Number | None = None,
) -> Result:
    """Stock of most expected profit for one season, or the profit of a given one."""
    over, under = _stakes(revenue, purchase_cost, salvage_value)
    ratio = (under + stockout_cost) / (under + stockout_cost + over + holding_cost)
    level = demand.quantile(ratio) if base_stock_level is None else base_stock_level
    profit = newsvendor.expected_profit(
        demand,
        level,
        price=revenue,
        unit_cost=purchase_cost,
        salvage=salvage_value,
        holding_cost=holding_cost,
        shortage_cost=stockout_cost,
    )
    return {"base_stock_level": in_units(level, demand), "profit": profit, "critical_ratio": ratio}


def _stakes(
    price: float,
    cost: float,
    salvage: float,
    *,
    names: tuple[str, str] = ("revenue", "salvage_value"),
) -> tuple[float, float]:
    """What a unit too many and a unit too few lose; both must."""
    if price <= cost:
        raise InputRejected(
            f"{price:g} is not above what a unit costs, {cost:g}: selling never pays",
            field=names[0],
        )
    if salvage >= cost:
        raise InputRejected(
            f"{salvage:g} is not below what a unit costs, {cost:g}: any quantity pays",
            field=names[1],
        )
    return cost - salvage, price - cost


def normal_season(
    *,
    mean: Positive,
    standerddeviation: Positive,
    p: Positive,
    c: Positive,
    g: Number,
    b: NonNegative,
    quantity: NonNegative | None = None,
) -> Result:
    """The same in short: price p, cost c, salvage g, penalty b; with what is sold and left."""
    demand = Normal(mean, standerddeviation)
    units = _season_units(demand, p=p, c=c, g=g, b=b) if quantity is None else quantity
    short = demand.loss(units)
    return {
        "quantity": units,
        "demand": mean,
        "sd": standerddeviation,
        "unitshort": short,
        "shortagecost": (p - g + b) * short,
        "cost": (c - g) * units,
        "revenue": p * mean,
        "profit": _season_profit(demand, units, p=p, c=c, g=g, b=b),
        "soldatfullprice": mean - short,
        "sold_discount": units - (mean - short),
    }


def poisson_season(
    *,
    lambda1: Positive,
    p: Positive,
    c: Positive,
    g: Number,
    b: NonNegative,
    quantity: NonNegative | None = None,
) -> Result:
    """The same with Poisson demand."""
    demand = Poisson(lambda1)
    units = _season_units(demand, p=p, c=c, g=g, b=b) if quantity is None else quantity
    short = demand.loss(units)
    return {
        "quantity": in_units(units, demand),
        "lambda1": lambda1,
        "lost_sales": short,
        "expected_sales": lambda1 - short,
        "expectedprofit": _season_profit(demand, units, p=p, c=c, g=g, b=b),
        "CDF": demand.chance_of_at_most(units),
    }


def _season_units(demand: Distribution, *, p: float, c: float, g: float, b: float) -> float:
    over, under = _stakes(p, c, g, names=("p", "g"))
    return demand.quantile((under + b) / (under + b + over))


def _season_profit(
    demand: Distribution, units: float, *, p: float, c: float, g: float, b: float
) -> float:
    return newsvendor.expected_profit(
        demand, units, price=p, unit_cost=c, salvage=g, shortage_cost=b
    )
