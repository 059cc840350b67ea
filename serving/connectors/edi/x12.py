"""X12 as text: segments in envelopes that count what is in them.

    ISA ─ interchange ─ IEA
      GS ─ group of one kind ─ GE
        ST ─ document ─ SE

Between ISA and the first GS may stand TA1, which answers an interchange of ours. An ISA segment has
fixed widths, which is how a reader learns the separators from it. An envelope that does not add up
spoils the file; a document that does not spoils itself.
"""

import string
from collections.abc import Iterable, Sequence

from inventory.errors import InputRejected
from serving.connectors.edi.interchange import (
    DOCUMENTS_MAX,
    SEGMENTS_MAX,
    X12,
    Envelope,
    Interchange,
    Party,
    Transaction,
)
from serving.connectors.edi.segments import Segment, check_code

ELEMENT, COMPONENT, TERMINATOR = "*", ">", "~"
SIGNS = frozenset(string.ascii_letters + string.digits + " !\"&'()+,-./:;?=%@[]_{}\\|<#$")
"""The extended character set of X12, without our separators."""
VERSION = "004010"

ISA_CHARACTERS = 106
ISA_ELEMENTS = 16
ID_CHARACTERS = 15
QUALIFIERS = ("01", "02", "08", "12", "14", "16", "20", "27", "28", "29", "30", "33", "ZZ")
"""Who gave an id: 01 Dun & Bradstreet, 12 a telephone number, ZZ agreed between the two."""

TA1 = "TA1"
"""What a partner says of the envelope of an interchange, in a segment without a document."""

Row = Sequence[str]
"""A segment to write: its tag and elements."""


def write(rows: Iterable[Row], envelope: Envelope, *, group: str, set_id: str) -> str:
    """One document in its own group and interchange, a segment per line.

    group : GS01, the kind of documents in the group, as PO; set_id : ST01, as 850.
    """
    number = f"{envelope.control:09d}"
    at, test = envelope.at, "T" if envelope.test else "P"
    sender, receiver = _party(envelope.sender), _party(envelope.receiver)
    body: list[Row] = [("ST", set_id, "0001"), *rows]
    lines: list[Row] = [
        ("ISA", "00", " " * 10, "00", " " * 10,
         sender.qualifier, sender.id.ljust(ID_CHARACTERS),
         receiver.qualifier, receiver.id.ljust(ID_CHARACTERS),
         f"{at:%y%m%d}", f"{at:%H%M}", "U", "00401", number, "0", test, COMPONENT),
        ("GS", group, sender.id, receiver.id, f"{at:%Y%m%d}", f"{at:%H%M}",
         str(envelope.control), "X", VERSION),
        *body,
        ("SE", str(len(body) + 1), "0001"),
        ("GE", "1", str(envelope.control)),
        ("IEA", "1", number),
    ]  # fmt: skip
    return "".join(_segment(row) + "\n" for row in lines)


def _party(party: Party) -> Party:
    check_code(party.id, what="edi_id", signs=SIGNS, characters_max=ID_CHARACTERS)
    return Party(check_qualifier(party.qualifier), party.id)


def check_qualifier(qualifier: str) -> str:
    """A qualifier of an interchange id, or `InputRejected`."""
    if qualifier not in QUALIFIERS:
        known = ", ".join(QUALIFIERS)
        raise InputRejected(f"'{qualifier}' is not one of {known}", field="qualifier")
    return qualifier


def _segment(row: Row) -> str:
    tag, *elements = row
    while elements and not elements[-1] and tag != "ISA":
        elements.pop()
    assert not any(set(e) & {ELEMENT, TERMINATOR} for e in elements), row
    return ELEMENT.join([tag, *elements]) + TERMINATOR


def looks_like(text: str) -> bool:
    """Whether a file claims to be X12."""
    return text.startswith("ISA")


def read(text: str) -> Interchange:
    """The one interchange in a text. Raises `InputRejected`, which names segment and element."""
    segments = _split(text)
    isa, iea = segments[0], segments[-1]
    if len(isa.elements) != ISA_ELEMENTS:
        raise isa.wrong(ISA_ELEMENTS, f"has {len(isa.elements)} elements instead of 16")
    if iea.tag != "IEA":
        raise iea.wrong(1, "the file ends without IEA: it was cut short; send it again")
    control = isa.needed(13, "the interchange control number")
    if iea.text(2) != control:
        raise iea.wrong(2, f"is '{iea.text(2)}' and ISA13 is '{control}'")
    found = Interchange(X12, _sender(isa, 5), _sender(isa, 7), control, test=isa.text(15) == "T")
    answers = [segment for segment in segments[1:-1] if segment.tag == TA1]
    groups = _groups([segment for segment in segments[1:-1] if segment.tag != TA1])
    if not iea.counts(1, len(groups)):
        raise iea.wrong(1, f"counts {iea.text(1)} groups and there are {len(groups)}")
    found.transactions = [Transaction(TA1, s.text(1), "", "", (s,)) for s in answers]
    for group in groups:
        found.transactions += _transactions(group)
    if len(found.transactions) > DOCUMENTS_MAX:
        raise iea.wrong(1, f"more than {DOCUMENTS_MAX} documents in one file; split it")
    return found


def _sender(isa: Segment, qualifier_at: int) -> Party:
    return Party(isa.text(qualifier_at), isa.needed(qualifier_at + 1, "the interchange id"))


def _split(text: str) -> list[Segment]:
    if len(text) < ISA_CHARACTERS:
        raise InputRejected("the file is shorter than an ISA segment", field="ISA16")
    element, component, terminator = text[3], text[104], text[105]
    if len({element, component, terminator}) != 3 or terminator.isalnum():  # noqa: PLR2004
        raise InputRejected(
            "segment 1 (ISA): its elements do not have their fixed widths, so the separators "
            "cannot be told", field="ISA16",
        )  # fmt: skip
    raw = [part.strip("\r\n") for part in text.split(terminator)]
    if raw[-1].strip():
        raise InputRejected(
            f"segment {len(raw)}: the file ends inside of a segment; send it again", field="IEA02"
        )
    raw = [part for part in raw if part.strip()]
    if len(raw) > SEGMENTS_MAX:
        raise InputRejected(f"more than {SEGMENTS_MAX} segments in one file; split it")
    found = []
    for position, part in enumerate(raw, start=1):
        tag, *elements = part.strip().split(element) if position > 1 else part.split(element)
        # The component separator of an ISA stands for itself.
        parts = [(e,) if position == 1 else tuple(e.split(component)) for e in elements]
        found.append(Segment(tag, tuple(parts), position))
    return found


def _groups(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Each group from GS to GE; anything between two groups is refused."""
    groups: list[list[Segment]] = []
    is_open = False
    for segment in segments:
        if segment.tag == "GS":
            if is_open:
                raise segment.wrong(1, "a group begins before the last one ended with GE")
            groups.append([])
            is_open = True
        elif not is_open:
            raise segment.wrong(1, "stands outside of any group (GS to GE)")
        groups[-1].append(segment)
        if segment.tag == "GE":
            is_open = False
    if is_open:
        raise groups[-1][-1].wrong(1, "the last group does not end with GE")
    for group in groups:
        start, end = group[0], group[-1]
        if start.needed(6, "the group control number") != end.text(2):
            raise end.wrong(2, f"is '{end.text(2)}' and GS06 is '{start.text(6)}'")
    return groups


def _transactions(group: Sequence[Segment]) -> list[Transaction]:
    start, end = group[0], group[-1]
    documents: list[list[Segment]] = []
    for segment in group[1:-1]:
        if segment.tag == "ST":
            documents.append([])
        if not documents:
            raise segment.wrong(1, "stands before the first document (ST)")
        documents[-1].append(segment)
    if not end.counts(1, len(documents)):
        raise end.wrong(1, f"counts {end.text(1)} documents and there are {len(documents)}")
    return [
        Transaction(
            set_id=document[0].text(1),
            control=document[0].text(2),
            group_id=start.text(1),
            group_control=start.text(6),
            segments=tuple(document[:-1] if document[-1].tag == "SE" else document),
            problem=_fault(document),
        )
        for document in documents
    ]


def _fault(document: Sequence[Segment]) -> InputRejected | None:
    """What is wrong with the envelope of one document."""
    start, end = document[0], document[-1]
    if end.tag != "SE":
        return end.wrong(1, "the document ends without SE")
    if not start.text(2) or end.text(2) != start.text(2):
        return end.wrong(2, f"is '{end.text(2)}' and ST02 is '{start.text(2)}'")
    if end.text(1) != str(len(document)):
        return end.wrong(1, f"counts {end.text(1)} segments and there are {len(document)}")
    return None
