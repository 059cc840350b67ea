"""EDIFACT as text: messages in an interchange, in the character set UNOC (Latin-1).

    UNB ─ interchange ─ UNZ
      UNH ─ message ─ UNT

Reading is `pydifact`'s; what it yields is checked here, and refused by segment and element.
"""

from collections.abc import Iterable, Iterator, Sequence

from pydifact.control.characters import Characters
from pydifact.exceptions import EDISyntaxError, ValidationError
from pydifact.parser import Parser
from pydifact.tokenizer import Tokenizer

from inventory.errors import InputRejected
from serving.connectors.edi.interchange import (
    DOCUMENTS_MAX,
    EDIFACT,
    SEGMENTS_MAX,
    Envelope,
    Interchange,
    Party,
    Transaction,
)
from serving.connectors.edi.segments import PRINTABLE_ASCII, Segment, check_code

SEPARATORS = ":+?'"
LEVEL_A = "UNA:+.? '"
"""The separators of a file that does not name its own."""
UNA_CHARACTERS = len(LEVEL_A)
ID_CHARACTERS_MAX = 35
"""UNB, data elements 0004 and 0010."""

Row = Sequence[str | Sequence[str]]
"""A segment to write: its tag, and elements that may have components."""


def write(rows: Iterable[Row], envelope: Envelope, *, kind: str) -> str:
    """One message of D.96A in its own interchange, a segment per line. kind : as ORDERS."""
    number = str(envelope.control)
    at = envelope.at
    head: list[str | Sequence[str]] = [
        "UNB", ("UNOC", "3"), _party(envelope.sender), _party(envelope.receiver),
        (f"{at:%y%m%d}", f"{at:%H%M}"), number,
    ]  # fmt: skip
    if envelope.test:
        head += ["", "", "", "", "", "1"]
    body: list[Row] = [("UNH", "1", (kind, "D", "96A", "UN")), *rows]
    lines: list[Row] = [head, *body, ("UNT", str(len(body) + 1), "1"), ("UNZ", "1", number)]
    return LEVEL_A + "\n" + "".join(_segment(row) + "\n" for row in lines)


def _party(party: Party) -> tuple[str, ...]:
    check_code(party.id, what="edi_id", signs=PRINTABLE_ASCII, characters_max=ID_CHARACTERS_MAX)
    return (party.id, party.qualifier) if party.qualifier else (party.id,)


def _segment(row: Row) -> str:
    elements = [_element(element) for element in row]
    while len(elements) > 1 and not elements[-1]:
        elements.pop()
    return "+".join(elements) + "'"


def _element(element: str | Sequence[str]) -> str:
    parts = [element] if isinstance(element, str) else list(element)
    while parts and not parts[-1]:
        parts.pop()
    return ":".join(_released(part) for part in parts)


def _released(text: str) -> str:
    return "".join(f"?{sign}" if sign in SEPARATORS else sign for sign in text)


def looks_like(text: str) -> bool:
    """Whether a file claims to be EDIFACT."""
    return text.startswith(("UNA", "UNB"))


def read(text: str) -> Interchange:
    """The interchange in a file. Raises `InputRejected`, which names segment and element."""
    segments = list(_segments(text))
    if not segments or segments[0].tag != "UNB":
        raise InputRejected("segment 1: an interchange begins with UNB", field="UNB01")
    unb, unz = segments[0], segments[-1]
    if unz.tag != "UNZ":
        raise unz.wrong(1, "the file ends without UNZ: it was cut short; send it again")
    control = unb.needed(5, "the interchange control reference")
    if unz.text(2) != control:
        raise unz.wrong(2, f"is '{unz.text(2)}' and UNB05 is '{control}'")
    sender, receiver = _sender(unb, 2), _sender(unb, 3)
    found = Interchange(EDIFACT, sender, receiver, control, test=unb.text(11) == "1")
    found.transactions = _messages(segments[1:-1])
    if not unz.counts(1, len(found.transactions)):
        raise unz.wrong(1, f"counts {unz.text(1)} messages and there are {len(found.transactions)}")
    if len(found.transactions) > DOCUMENTS_MAX:
        raise unz.wrong(1, f"more than {DOCUMENTS_MAX} messages in one file; split it")
    return found


def _sender(unb: Segment, element: int) -> Party:
    return Party(unb.text(element, 2), unb.needed(element, "the interchange id"))


def _segments(text: str) -> Iterator[Segment]:
    """Segments as the library's parser tells them apart, without groups (UNG, UNE).

    Its own segments, which it validates against directories that it has in part, are not made.
    """
    position = 0
    try:
        characters, rest = _service_characters(text)
        tokens = Tokenizer().get_tokens(rest, characters)
        for raw in Parser().convert_tokens_to_raw_segments(tokens):
            position += 1
            if position > SEGMENTS_MAX:
                raise InputRejected(f"more than {SEGMENTS_MAX} segments in one file; split it")
            tag, *elements = map(_components, raw)
            if tag[0] not in ("UNG", "UNE"):
                yield Segment(tag[0].strip(), tuple(elements), position)
    except (
        EDISyntaxError, ValidationError, ValueError, IndexError, AttributeError, TypeError,
        RuntimeError,
    ) as error:  # fmt: skip
        raise InputRejected(
            f"segment {position + 1}: cannot be read as EDIFACT ({error})", field="segment"
        ) from error


def _service_characters(text: str) -> tuple[Characters, str]:
    """The separators that UNA gives, or those of level A, and the text behind it."""
    if not text.startswith("UNA"):
        return Characters.from_str(LEVEL_A), text
    return Characters.from_str(text[:UNA_CHARACTERS]), text[UNA_CHARACTERS:].lstrip("\r\n")


def _components(element: object) -> tuple[str, ...]:
    if isinstance(element, list):
        return tuple("" if part is None else str(part) for part in element)
    return ("" if element is None else str(element),)


def _messages(segments: Sequence[Segment]) -> list[Transaction]:
    documents: list[list[Segment]] = []
    for segment in segments:
        if segment.tag == "UNH":
            documents.append([])
        if not documents:
            raise segment.wrong(1, "stands before the first message (UNH)")
        documents[-1].append(segment)
    return [
        Transaction(
            set_id=document[0].text(2),
            control=document[0].text(1),
            group_id="",
            group_control="",
            segments=tuple(document[:-1] if document[-1].tag == "UNT" else document),
            problem=_fault(document),
        )
        for document in documents
    ]


def _fault(document: Sequence[Segment]) -> InputRejected | None:
    """What is wrong with the envelope of one message."""
    start, end = document[0], document[-1]
    if end.tag != "UNT":
        return end.wrong(1, "the message ends without UNT")
    if end.text(2) != start.text(1):
        return end.wrong(2, f"is '{end.text(2)}' and UNH01 is '{start.text(1)}'")
    if end.text(1) != str(len(document)):
        return end.wrong(1, f"counts {end.text(1)} segments and there are {len(document)}")
    return None
