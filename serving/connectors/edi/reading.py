"""Any file that a vendor sends: its standard told by its first letters, its documents read."""

from inventory.errors import InputRejected
from inventory.vendor_documents import Said
from serving.connectors.edi import edifact, edifact_replies, x12, x12_replies
from serving.connectors.edi.interchange import X12, Interchange, Transaction

FILE_BYTES_MAX = 5 * 1024 * 1024
"""An invoice of a thousand lines has 100 kB; what is larger than this was not meant for us."""

BYTE_ORDER_MARK = "\ufeff"


def read_interchange(content: bytes) -> Interchange:
    """The interchange in a file. Raises `InputRejected`, naming segment and element."""
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


def read_documents(transaction: Transaction, *, standard: str) -> list[Said]:
    """What one document says of each order. Raises `InputRejected`, naming segment and element."""
    if transaction.problem is not None:
        raise transaction.problem
    if standard == X12:
        return x12_replies.read(transaction)
    return edifact_replies.read(transaction)


def _text(content: bytes) -> str:
    """UTF-8 where it is, or Latin-1, as which any bytes can be read; without NUL, which PostgreSQL
    cannot store in a text.
    """
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    return text.replace("\x00", "\ufffd")
