"""Our purchase order as X12 850, version 004010.

A cancelled order is the same document with purpose 01: the vendor sees what it is about.
"""

from inventory.order_document import CANCELLATION, OrderDocument, plain
from serving.connectors.edi.interchange import Envelope
from serving.connectors.edi.segments import check_code, text_in
from serving.connectors.edi.x12 import SIGNS, Row, write

ORDER_CHARACTERS_MAX = 22
"""BEG03, data element 324 in 004010."""
SKU_CHARACTERS_MAX = 48
"""PO107, data element 234."""
PARTY_CHARACTERS_MIN, PARTY_CHARACTERS_MAX = 2, 80
"""N104, data element 67."""
NAME_CHARACTERS_MAX = 60
"""N102, data element 93."""
DESCRIPTION_CHARACTERS_MAX = 80
"""PID05, data element 352."""
HASH_CHARACTERS_MAX = 10
"""CTT02, data element 347, which is optional."""


def write_order(document: OrderDocument, envelope: Envelope, *, buyer: str) -> str:
    """The interchange with one 850. Raises `InputRejected` where an id does not fit the format.

    buyer : our name, as the vendor knows us.
    """
    return write(_rows(document, envelope, buyer), envelope, group="PO", set_id="850")


def _rows(document: OrderDocument, envelope: Envelope, buyer: str) -> list[Row]:
    cancelled = document.purpose == CANCELLATION
    order = _code(document.order_id, "purchase_order", ORDER_CHARACTERS_MAX)
    rows: list[Row] = [
        ("BEG", "01" if cancelled else "00", "NE", order, "", f"{document.issued_at:%Y%m%d}"),
        ("CUR", "BY", document.currency),
        ("DTM", "002", f"{document.deliver_on:%Y%m%d}"),
        _party("BY", buyer, envelope.sender.id),
        _party("ST", document.location_name, document.location),
        _party("VN", document.vendor_name, document.vendor),
    ]
    for line in document.lines:
        sku = _code(line.sku, "sku", SKU_CHARACTERS_MAX)
        price = plain(line.unit_price)
        rows.append(("PO1", str(line.line_no), str(line.units), "EA", price, "PE", "BP", sku))
        name = text_in(SIGNS, line.name, characters_max=DESCRIPTION_CHARACTERS_MAX)
        if name:
            rows.append(("PID", "F", "", "", "", name))
    units = str(document.units)
    rows.append(
        ("CTT", str(len(document.lines)), units if len(units) <= HASH_CHARACTERS_MAX else "")
    )
    rows.append(("AMT", "TT", plain(document.total)))
    return rows


def _party(role: str, name: str, code: str) -> Row:
    """N1 with our own code, qualifier 92 (assigned by buyer)."""
    shown = text_in(SIGNS, name, characters_max=NAME_CHARACTERS_MAX)
    check_code(
        code,
        what={"BY": "edi_id", "ST": "location", "VN": "vendor"}[role],
        signs=SIGNS,
        characters_min=PARTY_CHARACTERS_MIN,
        characters_max=PARTY_CHARACTERS_MAX,
    )
    return ("N1", role, shown, "92", code)


def _code(value: str, what: str, characters_max: int) -> str:
    return check_code(value, what=what, signs=SIGNS, characters_max=characters_max)
