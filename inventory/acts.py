"""Acts on an order or a transfer: who may do each, and what helps where one is not allowed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

ANYTHING = "admin"
"""The role that may do everything."""


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that may be done to an order or a transfer."""

    from_states: tuple[str, ...]
    to_state: str | None
    """None: it stays in its state."""
    roles: tuple[str, ...]


def who_may(roles: Sequence[str]) -> str:
    """The roles that may do something, in words; who may do everything is the last.

    >>> who_may(["planner"]), who_may(["buyer", "oms"])
    ('planner or admin', 'buyer, oms or admin')
    """
    return f"{', '.join(roles)} or {ANYTHING}"


def remedy(
    acts: Mapping[str, Act],
    state: str,
    act: str,
    *,
    road: Sequence[str],
    instead: Mapping[str, Sequence[str]],
) -> str:
    """What helps where an act is not allowed from a state, with whose step it is; else nothing.

    Parameters
    ----------
    road : acts in the order in which they are usual.
    instead : by act, others that come to the same, the best first; they go before the road.
    """
    for other in instead.get(act, ()):
        if state in acts[other].from_states:
            return f"{other} it instead ({', '.join(acts[other].roles)})"
    steps, here = [], state
    for step in road:
        if here in acts[act].from_states:
            break
        if here in acts[step].from_states and step != act:
            steps.append(f"{step} it ({', '.join(acts[step].roles)})")
            here = acts[step].to_state or here
    if not steps or here not in acts[act].from_states:
        return ""
    return "first " + ", then ".join(steps)
