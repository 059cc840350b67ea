"""The life of a transfer between two of our own locations: which act leads where, and who may.

    proposed ─▶ accepted ─▶ approved ─▶ shipped ─▶ partially received ─▶ received
        │           │           │          │               │
        ├───────────┴───────────┴▶ cancelled               └──────────▶ closed
        └───────────┴─▶ rejected           └──────────────────────────▶

A planner accepts what planning proposed, a buyer approves it (a dear one needs a second, different
buyer). From its approval on, the units are a commitment at the origin and dated supply at the
destination; when they leave, both sides know; when they arrive, the destination has them. Until
then it may be dated anew. Nothing here reads a clock or a database.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, get_args

from inventory import acts
from inventory.acts import ANYTHING, Act
from inventory.catalog import INTEGER_MAX
from inventory.errors import InputRejected, StateConflict

TRANSFER = "transfer"
"""Channel and method of the commitment at the origin, no customer's and offered everywhere; and the
source of the supply at the destination."""

PROPOSED, ACCEPTED, APPROVED, SHIPPED = "proposed", "accepted", "approved", "shipped"
PARTIALLY_RECEIVED, RECEIVED, CLOSED = "partially_received", "received", "closed"
REJECTED, CANCELLED = "rejected", "cancelled"

STATES = (
    PROPOSED, ACCEPTED, APPROVED, SHIPPED, PARTIALLY_RECEIVED, RECEIVED, CLOSED, REJECTED,
    CANCELLED,
)  # fmt: skip

OPEN_STATES = (ACCEPTED, APPROVED, SHIPPED, PARTIALLY_RECEIVED)
"""Transfers that somebody has said will happen: planning counts them on both sides."""

ON_ITS_WAY = (APPROVED, SHIPPED, PARTIALLY_RECEIVED)
"""Transfers whose units the destination promises from, and waits for."""

EDITABLE_STATES = (PROPOSED, ACCEPTED)
"""Approval commits the units, so that a change afterwards is a cancellation and a new transfer."""

Reason = Literal[
    "replenishment", "stock_out_risk", "pre_position", "season", "clearance", "by_hand"
]
REASONS: tuple[str, ...] = get_args(Reason)

LINES_MAX = 1000
"""Lines of one transfer: its commitment locks them all at once."""


ACTS: dict[str, Act] = {
    "accept": Act((PROPOSED,), ACCEPTED, ("planner",)),
    "approve": Act((ACCEPTED,), APPROVED, ("buyer",)),
    "reject": Act((PROPOSED, ACCEPTED), REJECTED, ("planner", "buyer")),
    "ship": Act((APPROVED,), SHIPPED, ("buyer", "oms")),
    "redate": Act(ON_ITS_WAY, None, ("buyer", "oms")),
    "receive": Act((SHIPPED, PARTIALLY_RECEIVED), RECEIVED, ("buyer", "oms")),
    "cancel": Act((PROPOSED, ACCEPTED, APPROVED), CANCELLED, ("planner", "buyer")),
    "close": Act((SHIPPED, PARTIALLY_RECEIVED), CLOSED, ("buyer",)),
}

DATED = ("ship", "redate")
"""Acts that may say when the units come."""

PLANNERS = ("planner", "buyer")
"""Roles that may propose by hand, and change what is not approved yet."""

ROAD = ("accept", "approve", "ship", "receive")
"""The usual way of a transfer."""

INSTEAD = {"reject": ("cancel", "close"), "cancel": ("close",), "close": ("cancel",)}
"""Ways to be done with a transfer, where one of them comes too early or too late."""

EXPLAINED = ("reject", "cancel")
"""Acts that a person is asked a reason for."""


@dataclass(frozen=True, slots=True)
class Lane:
    """A way from one location to another. Money per unit; `capacity_units` of one transfer."""

    origin: str
    destination: str
    freight_per_unit: float
    lead_time_days: int
    handling_per_unit: float = 0.0
    capacity_units: int | None = None

    def __post_init__(self) -> None:
        if self.origin == self.destination:
            raise InputRejected("a lane leads to another location", field="destination")
        for name in ("freight_per_unit", "handling_per_unit", "lead_time_days"):
            if not 0 <= getattr(self, name) <= INTEGER_MAX:
                raise InputRejected("must be 0 or more", field=name)
        if self.capacity_units is not None and not 0 < self.capacity_units <= INTEGER_MAX:
            raise InputRejected("must be 1 or more, or left out", field="capacity_units")

    @property
    def cost_per_unit(self) -> float:
        return self.freight_per_unit + self.handling_per_unit

    def arrival(self, day: date) -> date:
        """The day on which what is decided on `day` can be sold at the other end."""
        return day + timedelta(days=self.lead_time_days)


def may(act: str, role: str) -> bool:
    """Whether that role may do that act (`propose` and `edit` included) in any state.

    >>> may("accept", "planner"), may("approve", "planner"), may("ship", "oms")
    (True, False, True)
    """
    return role == ANYTHING or role in (PLANNERS if act not in ACTS else ACTS[act].roles)


def who_may(act: str) -> str:
    """The roles that may do that act (`propose` and `edit` included), in words."""
    return acts.who_may(PLANNERS if act not in ACTS else ACTS[act].roles)


def remedy(state: str, act: str) -> str:
    """What helps where an act is not allowed from a state, and whose step it is.

    >>> remedy("proposed", "ship"), remedy("shipped", "cancel")
    ('first accept it (planner), then approve it (buyer)', 'close it instead (buyer)')
    """
    return acts.remedy(ACTS, state, act, road=ROAD, instead=INSTEAD)


def next_state(transfer_id: str, state: str, act: str, *, everything_received: bool = True) -> str:
    """The state that an act leads to. Raises `StateConflict` where it is not allowed.

    >>> next_state("TR-1", "proposed", "accept")
    'accepted'
    >>> next_state("TR-1", "shipped", "receive", everything_received=False)
    'partially_received'
    """
    if state not in ACTS[act].from_states:
        raise StateConflict(
            "transfer", transfer_id, state=state, act=act, remedy=remedy(state, act)
        )
    if act == "receive" and not everything_received:
        return PARTIALLY_RECEIVED
    return ACTS[act].to_state or state
