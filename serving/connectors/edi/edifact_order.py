"""Our purchase order as EDIFACT ORDERS, directory D.96A."""

from inventory.order_document import CANCELLATION, OrderDocument, plain
from serving.connectors.edi.edifact import Row, write
from serving.connectors.edi.interchange import Envelope
from serving.connectors.edi.segments import PRINTABLE_ASCII, check_code

ORDER_CHARACTERS_MAX = 35
"""Data element 1004."""
SKU_CHARACTERS_MAX = 35
"""Data element 7140."""
LOCATION_CHARACTERS_MAX = 17
"""Data element 3039."""
NAME_CHARACTERS_MAX = 35
"""Data elements 3036 and 7008; the latter twice."""


def write_order(document: OrderDocument, envelope: Envelope, *, buyer: str) -> str:
    """The interchange with one ORDERS. Raises `InputRejected` where an id does not fit the format.

    buyer : our name, as the vendor knows us.
    """
    return write(_rows(document, envelope, buyer), envelope, kind="ORDERS")


def _rows(document: OrderDocument, envelope: Envelope, buyer: str) -> list[Row]:
    cancelled = document.purpose == CANCELLATION
    rows: list[Row] = [
        ("BGM", "220", _code(document.order_id, "purchase_order", ORDER_CHARACTERS_MAX),
         "1" if cancelled else "9"),
        ("DTM", ("137", f"{document.issued_at:%Y%m%d}", "102")),
        ("DTM", ("2", f"{document.deliver_on:%Y%m%d}", "102")),
        ("NAD", "BY", (envelope.sender.id, "", "92"), "", _name(buyer)),
        ("NAD", "SU", (envelope.receiver.id, "", "92"), "", _name(document.vendor_name)),
        ("NAD", "DP", (_code(document.location, "location", LOCATION_CHARACTERS_MAX), "", "92"),
         "", _name(document.location_name)),
        ("CUX", ("2", document.currency, "9")),
    ]  # fmt: skip
    for line in document.lines:
        sku = _code(line.sku, "sku", SKU_CHARACTERS_MAX)
        name = _latin(line.name)
        rows += [
            ("LIN", str(line.line_no), "", (sku, "IN")),
            ("IMD", "F", "", ("", "", "", name[:NAME_CHARACTERS_MAX],
                              name[NAME_CHARACTERS_MAX:2 * NAME_CHARACTERS_MAX])),
            ("QTY", ("21", str(line.units), "PCE")),
            ("MOA", ("203", plain(line.amount(document.currency)))),
            ("PRI", ("AAA", plain(line.unit_price))),
        ]  # fmt: skip
    rows += [
        ("UNS", "S"),
        ("MOA", ("79", plain(document.total))),
        ("CNT", ("2", str(len(document.lines)))),
    ]
    return rows


def _name(name: str) -> str:
    return _latin(name)[:NAME_CHARACTERS_MAX]


def _latin(text: str) -> str:
    """Text in Latin-1 on one line; what that cannot say becomes a question mark."""
    kept = "".join(sign if sign.isprintable() else " " for sign in text)
    return kept.encode("latin-1", "replace").decode("latin-1").strip()


def _code(value: str, what: str, characters_max: int) -> str:
    # Separators need no exclusion: the release character carries them.
    return check_code(value, what=what, signs=PRINTABLE_ASCII, characters_max=characters_max)
