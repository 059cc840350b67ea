"""Which proposed orders and transfers need no person: rules by ends, segment, value, usual size."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from inventory.errors import InputRejected

Subject = Literal["purchase_order", "transfer"]
"""What a rule is about."""
SUBJECTS: tuple[Subject, ...] = get_args(Subject)

ENDS: dict[Subject, tuple[str, ...]] = {
    "purchase_order": ("vendor",),
    "transfer": ("origin", "destination"),
}
"""By which ends a rule may choose."""

ACTOR_PREFIX = "rule:"
"""How the record names a rule that acted."""


@dataclass(frozen=True, slots=True)
class AutoApproval:
    """A rule: all that it states must hold."""

    id: str
    subject: Subject = "purchase_order"
    vendor: str | None = None
    origin: str | None = None
    destination: str | None = None
    segments: tuple[str, ...] | None = None
    """Classes by value and variation, as AX; those of all lines must be among them."""
    value_max: float | None = None
    """Money."""
    deviation_max: float | None = None
    """By what share of its usual quantity each line may differ. A line that was never ordered, or
    moved, before has no usual quantity, so a rule that asks does not hold."""
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposed order or transfer as rules see it."""

    id: str
    version: int
    value: float
    """Money: at the order's prices, or at unit cost."""
    segments: frozenset[str]
    """Of its lines; an item without a class has the empty one."""
    deviation: float | None
    """The largest of its lines; None where one of them has no usual quantity."""
    vendor: str | None = None
    origin: str | None = None
    destination: str | None = None
    foreign: bool = False
    """Whether its value is in another currency than that of the house."""


def checked(rule: AutoApproval) -> AutoApproval:
    """The rule, or `InputRejected`: one that states nothing would approve everything."""
    for subject, ends in ENDS.items():
        for name in ends:
            if subject != rule.subject and getattr(rule, name) is not None:
                raise InputRejected(
                    f"a rule about a {rule.subject.replace('_', ' ')} has no {name}", field=name
                )
    for name in ("value_max", "deviation_max"):
        limit = getattr(rule, name)
        if limit is not None and not 0 <= limit < float("inf"):
            raise InputRejected("must be 0 or more", field=name)
    if rule.segments is not None and not rule.segments:
        raise InputRejected("name at least one segment, or leave it out", field="segments")
    if rule.value_max is None and rule.deviation_max is None:
        raise InputRejected(
            "bound the value or the deviation: without, any slip of a plan would be bought",
            field="value_max",
        )
    return rule


def _is_within(rule: AutoApproval, order: Candidate) -> bool:
    """A rule about one vendor bounds the value in its currency, others in that of the house."""
    assert rule.value_max is not None
    comparable = rule.vendor is not None or not order.foreign
    return comparable and order.value <= rule.value_max


def holds(rule: AutoApproval, order: Candidate) -> bool:
    """Whether the rule approves what it is about.

    >>> small = AutoApproval("small", segments=("AX",), value_max=500.0)
    >>> holds(small, Candidate("PO-1", 1, 480.0, frozenset({"AX"}), None, vendor="ACME"))
    True
    >>> holds(small, Candidate("PO-2", 1, 480.0, frozenset({"AX", "CZ"}), None, vendor="ACME"))
    False
    """
    return (
        rule.enabled
        and all(getattr(rule, name) in (None, getattr(order, name)) for name in ENDS[rule.subject])
        and (rule.segments is None or order.segments <= set(rule.segments))
        and (rule.value_max is None or _is_within(rule, order))
        and (
            rule.deviation_max is None
            or (order.deviation is not None and order.deviation <= rule.deviation_max)
        )
    )


def chosen(
    rules: Sequence[AutoApproval], orders: Iterable[Candidate]
) -> list[tuple[Candidate, AutoApproval]]:
    """Those that a rule approves, with the first that does, in the order of rules."""
    found = []
    for order in orders:
        rule = next((rule for rule in rules if holds(rule, order)), None)
        if rule is not None:
            found.append((order, rule))
    return found


def reason(rule: AutoApproval, order: Candidate) -> str:
    """Why the record says that it was approved.

    >>> reason(AutoApproval("small", value_max=500.0), Candidate("P", 1, 48.5, frozenset(), 0))
    'rule small: value 48.50 <= 500.00'
    """
    ends = [(name, getattr(rule, name)) for name in ENDS[rule.subject]]
    said = [f"{name} {end}" for name, end in ends if end is not None]
    if rule.segments is not None:
        said.append(f"segments {', '.join(sorted(order.segments))}")
    if rule.value_max is not None:
        said.append(f"value {order.value:.2f} <= {rule.value_max:.2f}")
    if rule.deviation_max is not None:
        said.append(f"deviation {order.deviation:.0%} <= {rule.deviation_max:.0%}")
    return f"rule {rule.id}: " + ", ".join(said)
