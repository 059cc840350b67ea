"""What planners set for replenishment: for an item, a segment, or everything.

Values are looked up one by one. Each comes from the most specific rule that gives it: an *override*
names the SKU, a *segment rule* names a class, category, vendor, place or kind of place, a *general
rule* names nothing. Of two of one sort the one that names more wins, then the one that names what
stands first among `SELECTORS`, then the last by its id.
"""

from collections.abc import Collection
from dataclasses import dataclass

from inventory.catalog import LOCATION_TYPES
from inventory.catalog_checks import at_least, one_of, sound_id
from inventory.errors import InputRejected
from inventory.targets import COST_RATIO, CYCLE_SERVICE, FILL_RATE

DEMAND_LAWS = ("path", "normal", "negative_binomial", "empirical")

SELECTORS = ("sku", "category", "vendor", "location", "location_type", "abc", "xyz")
VALUES = ("demand_law", "order_cost", "holding_cost", "max_order_quantity", "change_factor_max")
"""Values that stand alone; the target is one of three forms."""

OVERRIDE, SEGMENT_RULE, GENERAL_RULE = "override", "segment rule", "general rule"


def precedence(named: Collection[str]) -> tuple[int, ...]:
    """The order of rules by what they select by, the strongest last.

    >>> precedence(["sku"]) > precedence(["category", "abc", "xyz"]) > precedence(["abc", "xyz"])
    True
    """
    return ("sku" in named, len(named), *(name in named for name in SELECTORS))


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """One rule; a selector that is not given fits everything, a value not given is not set."""

    id: str
    sku: str | None = None
    category: str | None = None
    vendor: str | None = None
    location: str | None = None
    location_type: str | None = None
    abc: str | None = None
    xyz: str | None = None
    cycle_service: float | None = None
    """Chance that a replenishment cycle goes without stockout."""
    fill_rate: float | None = None
    """Share of demand met from the shelf."""
    shortage_cost: float | None = None
    overage_cost: float | None = None
    """Money per unit short and per unit left over: together a target, p / (p + h)."""
    demand_law: str | None = None
    order_cost: float | None = None
    """Money per order line."""
    holding_cost: float | None = None
    """Money per unit and year."""
    max_order_quantity: int | None = None
    change_factor_max: float | None = None
    """A policy that changes by more than this factor waits for a planner; above 1."""

    def __post_init__(self) -> None:
        sound_id(self.id)
        for name, allowed in (("abc", "ABC"), ("xyz", "XYZ")):
            if getattr(self, name) is not None:
                one_of(name, getattr(self, name), tuple(allowed))
        if self.location_type is not None:
            one_of("location_type", self.location_type, LOCATION_TYPES)
        if self.demand_law is not None:
            one_of("demand_law", self.demand_law, DEMAND_LAWS)
        for name in ("order_cost", "holding_cost", "max_order_quantity"):
            at_least(name, getattr(self, name), 0)
        self._check_target()
        if self.change_factor_max is not None and not self.change_factor_max > 1:
            raise InputRejected("a factor above 1 is needed, as 3", field="change_factor_max")
        if self.target is None and all(getattr(self, name) is None for name in VALUES):
            raise InputRejected("the rule sets nothing; give it a target or a value", field="id")

    def _check_target(self) -> None:
        for name in ("cycle_service", "fill_rate"):
            level = getattr(self, name)
            if level is not None and not 0 < level < 1:
                raise InputRejected(f"{level:g} is not between 0 and 1; 95 % is 0.95", field=name)
        costs = (self.shortage_cost, self.overage_cost)
        if (costs[0] is None) != (costs[1] is None):
            raise InputRejected("give both costs, or neither", field="shortage_cost")
        for name, cost in zip(("shortage_cost", "overage_cost"), costs, strict=True):
            if cost is not None and not cost > 0:
                raise InputRejected(f"{cost:g} is not above 0", field=name)
        given = (self.cycle_service, self.fill_rate, self.shortage_cost)
        if sum(value is not None for value in given) > 1:
            raise InputRejected(
                "give one target: cycle_service, fill_rate, or both costs", field="cycle_service"
            )

    @property
    def target(self) -> tuple[str, float] | None:
        """What is to be achieved, as kind and level.

        >>> PolicyRule("r", shortage_cost=18.0, overage_cost=2.0).target
        ('cost_ratio', 0.9)
        """
        if self.shortage_cost is not None and self.overage_cost is not None:
            return COST_RATIO, self.shortage_cost / (self.shortage_cost + self.overage_cost)
        if self.fill_rate is not None:
            return FILL_RATE, self.fill_rate
        return None if self.cycle_service is None else (CYCLE_SERVICE, self.cycle_service)

    @property
    def selectors(self) -> tuple[str, ...]:
        """The names of what it selects by."""
        return tuple(name for name in SELECTORS if getattr(self, name) is not None)

    @property
    def sort(self) -> str:
        """Override, segment rule or general rule."""
        named = self.selectors
        return OVERRIDE if "sku" in named else SEGMENT_RULE if named else GENERAL_RULE

    @property
    def precedence(self) -> tuple[tuple[int, ...], str]:
        """Of two rules that give a value, the one that comes last in this order wins."""
        return precedence(self.selectors), self.id

    @property
    def source(self) -> str:
        """How the source of a value that it gave is told.

        >>> PolicyRule("fast-movers", abc="A", xyz="X", cycle_service=0.98).source
        "segment rule 'fast-movers' (abc A, xyz X)"
        """
        named = ", ".join(f"{name} {getattr(self, name)}" for name in self.selectors)
        return f"{self.sort} '{self.id}'" + (f" ({named})" if named else "")
