"""Any file that a vendor sends: its interchanges told apart, its standard told, documents read."""

import re

from inventory.errors import InputRejected
from inventory.vendor_documents import CONFIRMATION, INVOICE, SHIPMENT, Said
from serving.connectors.edi import (
    edifact,
    edifact_acknowledgement,
    edifact_replies,
    x12,
    x12_acknowledgement,
    x12_replies,
)
from serving.connectors.edi.acknowledged import Acknowledged
from serving.connectors.edi.interchange import X12, Interchange, Transaction

FILE_BYTES_MAX = 5 * 1024 * 1024
"""An invoice of a thousand lines has 100 kB; what is larger than this was not meant for us."""

INTERCHANGES_MAX = 1_000
"""Of one file; with more it is taken as one, which then cannot be read."""

BYTE_ORDER_MARK = "\ufeff"

KINDS = {
    "855": CONFIRMATION, "ORDRSP": CONFIRMATION,
    "856": SHIPMENT, "DESADV": SHIPMENT,
    "810": INVOICE, "INVOIC": INVOICE,
}  # fmt: skip


def interchanges(content: bytes) -> list[bytes]:
    """The interchanges of a file, each with what stands before it; together they are the file.

    Mailboxes put what came since the last look into one file. What does not end, or is followed by
    something else, stays with the last one, which is refused for it.
    """
    if len(content) > FILE_BYTES_MAX:
        return [content]
    text = content.decode("latin-1")  # A character for every byte: what is sought is ASCII.
    found: list[bytes] = []
    start = 0
    while len(found) < INTERCHANGES_MAX:
        end = _end(text, start)
        if end is None or not _begins(text, end):
            return [*found, content[start:]]
        found.append(content[start:end])
        start = end
    return [content]


_BLANK = re.compile(r"(?:\xef\xbb\xbf|\s)*")
_X12_END = r"{terminator}\s*IEA{element}[^{terminator}]*{terminator}"
_EDIFACT_END = r"{unreleased}{terminator}\s*UNZ{element}[^{terminator}]*{terminator}"
_UNRELEASED = r"(?<!{release})(?:{release}{release})*"
"""A terminator behind a release character is text, unless that one is released itself."""


def _begins(text: str, at: int) -> bool:
    """Whether an interchange begins there."""
    return text.startswith(("ISA", "UNA", "UNB"), _after_blanks(text, at))


def _after_blanks(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()


def _end(text: str, at: int) -> int | None:
    """Where the interchange ends that begins there; None where it cannot be told."""
    first = _after_blanks(text, at)
    if text.startswith("ISA", first) and len(text) >= first + x12.ISA_CHARACTERS:
        element, terminator = text[first + 3], text[first + x12.ISA_CHARACTERS - 1]
        release = ""
        pattern = _X12_END
    elif text.startswith(("UNA", "UNB"), first):
        una = text[first : first + edifact.UNA_CHARACTERS]
        given = una if una.startswith("UNA") else edifact.LEVEL_A
        element, release, terminator = given[4], given[6].strip(), given[-1]
        pattern = _EDIFACT_END
    else:
        return None
    if element.isalnum() or terminator.isalnum():
        return None
    unreleased = _UNRELEASED.format(release=re.escape(release)) if release else ""
    signs = {
        "element": re.escape(element),
        "terminator": re.escape(terminator),
        "unreleased": unreleased,
    }
    found = re.compile(pattern.format(**signs)).search(text, first)
    return found.end() if found else None


def read_interchange(content: bytes) -> Interchange:
    """The one interchange in a file. Raises `InputRejected`, naming segment and element."""
    if len(content) > FILE_BYTES_MAX:
        raise InputRejected(
            f"the file has {len(content)} bytes, {FILE_BYTES_MAX} at most; split it", field="file"
        )
    text = _text(content).lstrip(BYTE_ORDER_MARK).lstrip()
    if x12.looks_like(text):
        return x12.read(text)
    if edifact.looks_like(text):
        return edifact.read(text)
    raise InputRejected(
        "the file begins with none of ISA (X12), UNA and UNB (EDIFACT)", field="file"
    )


def read_document(transaction: Transaction, *, standard: str) -> Said | Acknowledged:
    """What one document says. Raises `InputRejected`, naming segment and element.

    `Unclear`, which is one, where it could be read and still is nothing that we can act on.
    """
    if transaction.problem is not None:
        raise transaction.problem
    if standard == X12:
        if transaction.set_id in x12_acknowledgement.SETS:
            return x12_acknowledgement.read(transaction)
        return x12_replies.read(transaction)
    if transaction.set_id == "CONTRL":
        return edifact_acknowledgement.read(transaction)
    return edifact_replies.read(transaction)


def outline(transaction: Transaction, *, standard: str) -> tuple[str, str | None, str | None]:
    """(kind, number, our order) of a document that is `Unclear`, as far as it says them."""
    if standard == X12:
        found = x12_replies.outline(transaction.set_id, transaction.segments)
    else:
        found = edifact_replies.outline(transaction.segments)
    return KINDS[transaction.set_id], *found


def _text(content: bytes) -> str:
    """UTF-8 where it is, or Latin-1, as which any bytes can be read; without NUL, which PostgreSQL
    cannot store in a text.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\x00", "\ufffd")
