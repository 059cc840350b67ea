"""The life of a purchase order: which act leads from which state to which, and who may do it.

    proposed ─▶ accepted ─▶ approved ─▶ sent ─▶ confirmed ─▶ shipped ─▶ partially received
        │           │           │        │          │           │              │
        ├───────────┴───────────┴▶ rejected         ├───────────┴──────────────┴▶ received ─▶ closed
        └──────────────────────────────▶ cancelled ◀┘

A planner accepts what planning proposed, a buyer approves and sends it (a dear one needs a second,
different buyer), the vendor (or the buyer for it) confirms and ships. Vendors that say nothing
exist: goods may be told as shipped, or arrive, without a confirmation. Units that have not left may
be confirmed anew, re-dated or cancelled to the end, line by line; closing gives up what never came.
Goods that come for an order of which nothing is expected are booked, and leave its state as it is.
Nothing here reads a clock or a database: `inventory.store` does.
"""

from inventory import acts
from inventory.acts import ANYTHING, Act
from inventory.errors import StateConflict

PROPOSED = "proposed"
ACCEPTED = "accepted"
APPROVED = "approved"
SENT = "sent"
CONFIRMED = "confirmed"
SHIPPED = "shipped"
PARTIALLY_RECEIVED = "partially_received"
RECEIVED = "received"
CLOSED = "closed"
REJECTED = "rejected"
CANCELLED = "cancelled"

STATES = (
    PROPOSED, ACCEPTED, APPROVED, SENT, CONFIRMED, SHIPPED,
    PARTIALLY_RECEIVED, RECEIVED, CLOSED, REJECTED, CANCELLED,
)  # fmt: skip

ON_ORDER_STATES = (ACCEPTED, APPROVED, SENT, CONFIRMED, SHIPPED, PARTIALLY_RECEIVED)
"""Orders whose open units count as on order: somebody has said that they will come. A proposal is
only counted where a person firmed the line."""

OPEN_STATES = (PROPOSED, *ON_ORDER_STATES)
"""Orders of which something is still to be decided or to come."""

UNSENT_STATES = (PROPOSED, ACCEPTED, APPROVED, REJECTED)
"""The vendor has not heard of the order."""

EDITABLE_STATES = (PROPOSED, ACCEPTED, APPROVED)
"""Before it is sent an order may change; an approved one must then be approved again."""


ON_ITS_WAY = (SENT, CONFIRMED, SHIPPED, PARTIALLY_RECEIVED)
"""The vendor has the order and goods are open."""

TAKES_GOODS = (*ON_ITS_WAY, RECEIVED, CLOSED, CANCELLED)
"""Goods may arrive for it: expected, or all the same."""

ACTS: dict[str, Act] = {
    "accept": Act((PROPOSED,), ACCEPTED, ("planner",)),
    "approve": Act((ACCEPTED,), APPROVED, ("buyer",)),
    "reject": Act((PROPOSED, ACCEPTED, APPROVED), REJECTED, ("planner", "buyer")),
    "send": Act((APPROVED,), SENT, ("buyer",)),
    "confirm": Act(ON_ITS_WAY, CONFIRMED, ("buyer", "vendor")),
    "ship": Act(ON_ITS_WAY, SHIPPED, ("buyer", "vendor")),
    "redate": Act(ON_ITS_WAY, None, ("buyer", "vendor")),
    "receive": Act(TAKES_GOODS, RECEIVED, ("buyer", "oms")),
    "cancel": Act((PROPOSED, ACCEPTED, APPROVED, SENT, CONFIRMED), CANCELLED, ("buyer",)),
    "cancel_rest": Act(ON_ITS_WAY, None, ("buyer",)),
    "close": Act((SHIPPED, PARTIALLY_RECEIVED, RECEIVED), CLOSED, ("buyer",)),
}

TOLD_ONCE = ("confirm", "ship", "redate", "receive")
"""Acts that tell of a document or a delivery: its id stands for it, whoever repeats it."""

TOLD_TO_VENDORS = ("send", *TOLD_ONCE, "cancel", "cancel_rest", "close")
"""Acts that are between us and the vendor; the others are our own."""

EDITORS = ("planner", "buyer")
"""Roles that may change quantities and dates."""

ROAD = ("accept", "approve", "send", "receive")
"""The usual way of an order."""

INSTEAD = {"reject": ("cancel", "close"), "cancel": ("close",), "close": ("cancel",)}
"""Ways to be done with an order, where one of them comes too early or too late."""

EXPLAINED = ("reject", "cancel")
"""Acts that a person is asked a reason for: whoever reads of them later wants to know why."""


def remedy(state: str, act: str) -> str:
    """What helps where an act is not allowed from a state, and whose step it is.

    >>> remedy("proposed", "send")
    'first accept it (planner), then approve it (buyer)'
    >>> remedy("shipped", "cancel")
    'close it instead (buyer)'
    """
    if state in (CLOSED, REJECTED, CANCELLED):
        return ""
    if act == "edit":
        return "the vendor has it: cancel it, or lines of it (buyer)" if state in ON_ITS_WAY else ""
    if act == "cancel_rest" and state in EDITABLE_STATES:
        return f"change its quantities instead ({', '.join(EDITORS)})"
    return acts.remedy(ACTS, state, act, road=ROAD, instead=INSTEAD)


def who_may(act: str) -> str:
    """The roles that may do that act (`edit` included), in words."""
    return acts.who_may(EDITORS if act == "edit" else ACTS[act].roles)


def may(act: str, role: str) -> bool:
    """Whether that role may do that act (`edit` included) in any state.

    >>> may("accept", "planner"), may("approve", "planner"), may("approve", "buyer")
    (True, False, True)
    """
    return role == ANYTHING or role in (EDITORS if act == "edit" else ACTS[act].roles)


def next_state(order_id: str, state: str, act: str, *, everything_received: bool = True) -> str:
    """The state that an act leads to. Raises `StateConflict` where it is not allowed.

    A receipt that leaves units open leads to `partially_received`. Further words of the vendor
    leave an order that is further on where it is, and so do goods that nobody expects any more.

    >>> next_state("PO-1", "proposed", "accept")
    'accepted'
    >>> next_state("PO-1", "shipped", "receive", everything_received=False)
    'partially_received'
    """
    if state not in ACTS[act].from_states:
        raise StateConflict(
            "purchase order", order_id, state=state, act=act, remedy=remedy(state, act)
        )
    if act == "receive" and state not in ON_ITS_WAY:
        return state
    if act == "receive" and not everything_received:
        return PARTIALLY_RECEIVED
    after = ACTS[act].to_state or state
    if act in ("confirm", "ship") and STATES.index(state) > STATES.index(after):
        return state
    return after


def state_after_edit(order_id: str, state: str) -> str:
    """Where an edit leaves the order: an approval was for the old quantities, so it lapses.

    >>> state_after_edit("PO-1", "approved")
    'accepted'
    """
    if state not in EDITABLE_STATES:
        raise StateConflict(
            "purchase order", order_id, state=state, act="edit", remedy=remedy(state, "edit")
        )
    return ACCEPTED if state == APPROVED else state
