"""Functional acknowledgements, X12 997: that a document came and could be read, not that we agree.

We answer each group of an interchange with one, and read those that answer our orders; also 999,
which partners with 005010 send instead, and TA1, which answers the envelope alone.
"""

from collections.abc import Sequence

from serving.connectors.edi.acknowledged import Acknowledged, notes_of
from serving.connectors.edi.interchange import Envelope, Transaction
from serving.connectors.edi.segments import Segment, first_of
from serving.connectors.edi.x12 import TA1, Row, write

SETS = ("997", "999", TA1)
"""Documents that answer ours, and are not answered."""

ACCEPTED = ("A", "E")
"""AK5 and AK9: accepted, or accepted although errors were noted."""


def write_acknowledgement(
    transactions: Sequence[Transaction], envelope: Envelope, *, readable: Sequence[bool]
) -> str:
    """The 997 that answers one group: its documents, and whether each could be read."""
    first = transactions[0]
    rows: list[Row] = [("AK1", first.group_id, first.group_control)]
    for transaction, good in zip(transactions, readable, strict=True):
        rows += [("AK2", transaction.set_id, transaction.control), ("AK5", "A" if good else "R")]
    accepted = sum(readable)
    outcome = "A" if accepted == len(transactions) else "P" if accepted else "R"
    count = str(len(transactions))
    rows.append(("AK9", outcome, count, count, str(accepted)))
    return write(rows, envelope, group="FA", set_id="997")


def read(transaction: Transaction) -> Acknowledged:
    """One 997, 999 or TA1. Raises `InputRejected` with segment and element."""
    segments = transaction.segments
    if transaction.set_id == TA1:
        return _of_envelope(segments[0])
    ak1, ak9 = _only(segments, "AK1"), _only(segments, "AK9")
    outcome = ak9.needed(1, "the outcome")
    refused = (
        s
        for s in segments
        if s.tag in ("AK3", "AK4", "IK3", "IK4")
        or (s.tag in ("AK5", "IK5") and s.text(1) not in ACCEPTED)
    )
    return Acknowledged(
        group_id=ak1.needed(1, "the kind of group"),
        group_control=ak1.needed(2, "the control number of our group"),
        accepted=outcome in ACCEPTED,
        notes=notes_of(refused),
    )


def _of_envelope(ta1: Segment) -> Acknowledged:
    """Interchange and group of ours have one number; that the envelope is good says no more."""
    control = ta1.needed(1, "the control number of our interchange")
    outcome = ta1.needed(4, "the outcome")
    if outcome not in (*ACCEPTED, "R"):
        raise ta1.wrong(4, f"'{outcome}' is none of A, E and R")
    refused = outcome == "R"
    return Acknowledged("PO", control, False if refused else None, notes_of([ta1] * refused))


def _only(segments: Sequence[Segment], tag: str) -> Segment:
    found = first_of(segments, tag)
    if found is None:
        raise segments[0].wrong(1, f"the acknowledgement has no {tag}")
    return found
