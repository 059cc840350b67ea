"""What vendors answer in X12: 855 confirmations, 856 shipment notices, 810 invoices.

Each reader takes the segments of one document and returns what it says, without format. Codes it
does not know are refused by name: guessing what a vendor means costs more than asking.
"""

from collections.abc import Callable, Sequence

from inventory.vendor_documents import Said
from serving.connectors.edi import x12_confirmation, x12_invoice, x12_shipment
from serving.connectors.edi.interchange import Transaction
from serving.connectors.edi.segments import Segment, first_of

GROUP_OF_SET = {"855": "PR", "856": "SH", "810": "IN", "997": "FA"}
"""GS01 of the documents we read."""

READERS: dict[str, Callable[[Sequence[Segment]], Said]] = {
    "855": x12_confirmation.read,
    "856": x12_shipment.read,
    "810": x12_invoice.read,
}

NUMBER_AT = {"855": ("BAK", 8), "856": ("BSN", 2), "810": ("BIG", 2)}
ORDER_AT = {"855": ("BAK", 3), "856": ("PRF", 1), "810": ("BIG", 4)}
"""Where each document has its number, and that of our order."""


def read(transaction: Transaction) -> Said:
    """What a document says. Raises `InputRejected` with segment and element.

    A document on several orders names them in its lines.
    """
    start = transaction.segments[0]
    reader = READERS.get(transaction.set_id)
    if reader is None:
        raise start.wrong(1, f"'{transaction.set_id}' is none of {', '.join(READERS)}, 997")
    wanted = GROUP_OF_SET[transaction.set_id]
    if transaction.group_id != wanted:
        raise start.wrong(1, f"stands in a group '{transaction.group_id}' instead of '{wanted}'")
    return reader(transaction.segments)


def outline(set_id: str, segments: Sequence[Segment]) -> tuple[str | None, str | None]:
    """(number, our order) of a document that cannot be read to its end, as far as it says them."""
    found = []
    for tag, element in (NUMBER_AT[set_id], ORDER_AT[set_id]):
        segment = first_of(segments, tag)
        found.append(segment.text(element) or None if segment else None)
    return found[0], found[1]
