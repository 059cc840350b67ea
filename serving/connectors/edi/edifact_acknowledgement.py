"""EDIFACT's functional acknowledgement, CONTRL: what a partner's system says of an interchange.

    UCI ─ the interchange ─ UCM ─ a message of it, or UCF ─ a group

Action codes (0083) and segments are those of ISO 9735, syntax versions 3 and 4.
"""

from serving.connectors.edi.acknowledged import Acknowledged, notes_of
from serving.connectors.edi.interchange import Transaction
from serving.connectors.edi.segments import Segment, first_of

REJECTED, ACKNOWLEDGED, RECEIVED = "4", "7", "8"
ACTION_AT = {"UCI": 4, "UCM": 3, "UCF": 4}
"""Which element of each segment the action is."""


def read(transaction: Transaction) -> Acknowledged:
    """One CONTRL. Raises `InputRejected` with segment and element."""
    segments = transaction.segments
    uci = first_of(segments, "UCI")
    if uci is None:
        raise segments[0].wrong(1, "the acknowledgement has no UCI")
    refused = [s for s in segments if s.tag in ACTION_AT and _action(s) == REJECTED]
    came_only = _action(uci) == RECEIVED
    return Acknowledged(
        group_id="ORDERS",
        group_control=uci.needed(1, "the control reference of our interchange"),
        accepted=False if refused else None if came_only else True,
        notes=notes_of(s for s in segments if s in refused or s.tag in ("UCS", "UCD")),
    )


def _action(segment: Segment) -> str:
    place = ACTION_AT[segment.tag]
    action = segment.needed(place, "the action (0083)")
    if action not in (REJECTED, ACKNOWLEDGED, RECEIVED):
        raise segment.wrong(place, f"action '{action}' is none of 4, 7 and 8")
    return action
