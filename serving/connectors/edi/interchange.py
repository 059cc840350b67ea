"""An interchange: who sends to whom, under which control numbers, and the documents inside."""

from dataclasses import dataclass, field
from datetime import datetime

from inventory.errors import InputRejected
from serving.connectors.edi.segments import Segment

X12 = "x12"
EDIFACT = "edifact"
STANDARDS = (X12, EDIFACT)

SEGMENTS_MAX = 100_000
DOCUMENTS_MAX = 1_000
"""Larger files are refused whole: nobody confirms so many orders at once."""


@dataclass(frozen=True, slots=True)
class Party:
    """A trading partner as the envelope names it."""

    qualifier: str
    id: str

    def __str__(self) -> str:
        """As people write it: `ZZ:ACME`."""
        return f"{self.qualifier}:{self.id}" if self.qualifier else self.id


@dataclass(frozen=True, slots=True)
class Envelope:
    """What we write around a document."""

    sender: Party
    receiver: Party
    control: int
    """Of the interchange, from the partner's sequence; the group inside has the same."""
    at: datetime
    test: bool = False


@dataclass(frozen=True, slots=True)
class Transaction:
    """One document inside an interchange, or what is wrong with it."""

    set_id: str
    """855, 856, 810, 997; ORDRSP, DESADV, INVOIC."""
    control: str
    group_id: str
    """GS01, as PR; empty in EDIFACT."""
    group_control: str
    segments: tuple[Segment, ...]
    """Between header and trailer, the header included."""
    problem: InputRejected | None = None
    """The document's own envelope is wrong; its neighbours may be right."""


@dataclass(slots=True)
class Interchange:
    """A file as it was read."""

    standard: str
    sender: Party
    receiver: Party
    control: str
    test: bool
    transactions: list[Transaction] = field(default_factory=list)
