"""What a partner's functional acknowledgement says of a document of ours, in no format."""

from collections.abc import Iterable
from dataclasses import dataclass

from serving.connectors.edi.segments import Segment


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a partner says of one group or interchange of ours."""

    group_id: str
    """What was in it: PO in X12, ORDERS in EDIFACT."""
    group_control: str
    accepted: bool | None
    """None: it came, and whether it could be read is not said yet."""
    notes: str
    """Segments and elements that it could not read."""


def notes_of(segments: Iterable[Segment]) -> str:
    """Segments that name errors, as a person may read them: `AK4 7 8; AK5 R`."""
    return "; ".join(
        " ".join(filter(None, (s.tag, *(part for element in s.elements for part in element))))
        for s in segments
    )
