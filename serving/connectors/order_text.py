"""A purchase order as CSV, as the words of a mail, and as the payload of a webhook."""

import csv
import io
from typing import Any

from inventory.order_document import CANCELLATION, OrderDocument, money, plain

COLUMNS = (
    "order", "document", "purpose", "deliver_on", "location", "line", "sku", "name", "units",
    "unit_price", "amount", "currency",
)  # fmt: skip

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet may take for a formula to run."""


def write_csv(document: OrderDocument) -> bytes:
    """A row per line, UTF-8 with a mark that tells spreadsheets so."""
    text = io.StringIO()
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for line in document.lines:
        rows.writerow(
            [
                safe(document.order_id), safe(document.number), document.purpose,
                document.deliver_on.isoformat(), safe(document.location), line.line_no,
                safe(line.sku), safe(line.name), line.units, plain(line.unit_price),
                plain(line.amount(document.currency)), document.currency,
            ]
        )  # fmt: skip
    return text.getvalue().encode("utf-8-sig")


def safe(text: str) -> str:
    """A text that no spreadsheet runs: one that looks like a formula begins with an apostrophe.

    >>> safe("=HYPERLINK(1)"), safe("Tea")
    ("'=HYPERLINK(1)", 'Tea')
    """
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA_STARTS) else text


def subject(document: OrderDocument, *, buyer: str) -> str:
    """The subject of a mail, on one line."""
    what = "Cancellation of purchase order" if _cancelled(document) else "Purchase order"
    return " ".join(f"{what} {document.order_id} from {buyer}".split())


def words(document: OrderDocument, *, buyer: str) -> str:
    """What the mail says; the order itself is attached."""
    lines = len(document.lines)
    total = f"{document.currency} {money(document.total, document.currency)}"
    goods = (
        f"{document.units:,} units in {lines} {'line' if lines == 1 else 'lines'}, "
        f"{total} in total, to {document.location_name} "
        f"({document.location}) on {document.deliver_on}"
    )
    if _cancelled(document):
        asked = (
            f"we cancel our order {document.order_id}: {goods}.\n\n"
            "Please do not deliver it, and confirm the cancellation."
        )
    else:
        asked = (
            f"please find attached our order {document.order_id}: {goods}.\n\n"
            "Please confirm quantities and dates, and name the order on your confirmation, "
            "delivery note and invoice."
        )
    return (
        f"Dear {document.vendor_name},\n\n{asked}\n\n{buyer}\n\n--\n"
        f"Document {document.number}. A message that comes twice is the same order.\n"
    )


def payload(document: OrderDocument, *, buyer: str) -> dict[str, Any]:
    """What a webhook carries: prices and amounts as text, so that no digit is lost."""
    told = document.as_dict()
    for line, written in zip(document.lines, told["lines"], strict=True):
        written["amount"] = plain(line.amount(document.currency))
    kind = "purchase_order.cancelled" if _cancelled(document) else "purchase_order.sent"
    order = told | {"buyer": buyer, "total": plain(document.total), "units": document.units}
    return {"type": kind, "timestamp": document.issued_at.isoformat(), "data": order}


def _cancelled(document: OrderDocument) -> bool:
    return document.purpose == CANCELLATION
