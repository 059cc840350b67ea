"""An order as CSV and PDF: amounts that sum as printed, and nothing that runs."""

import csv
import io
from decimal import Decimal

from inventory.order_document import DocumentLine
from serving.connectors import order_text
from serving.connectors.order_pdf import write_pdf
from tests.serving.edi.papers import order as a_document


def test_csv_never_runs_as_a_formula():
    lines = (DocumentLine(1, "-1+2", "=cmd|'/C calc'!A0", 5, Decimal("0.30")),)
    rows = list(csv.reader(io.StringIO(order_text.write_csv(a_document(lines=lines)).decode())))
    assert (rows[1][6], rows[1][7]) == ("'-1+2", "'=cmd|'/C calc'!A0")
    assert rows[1][8:11] == ["5", "0.3", "1.5"]


def test_a_pdf_of_many_lines_has_many_pages_and_is_the_same_every_time():
    lines = tuple(DocumentLine(n, f"S-{n}", "Кружка, crème", 3, Decimal("1.05"))
                  for n in range(1, 61))  # fmt: skip
    document = a_document(lines=lines)
    first = write_pdf(document, buyer="Our Shop", buyer_address="Quay 1; Amsterdam")
    assert first == write_pdf(document, buyer="Our Shop", buyer_address="Quay 1; Amsterdam")
    assert first.count(b"/Type /Page\n") >= 2


def test_amounts_sum_to_the_total_as_they_are_printed():
    """3 x 0.335 = 1.005: each line is rounded, half up, and the total is what a reader adds up."""
    lines = tuple(DocumentLine(n, f"S-{n}", "", 3, Decimal("0.335")) for n in (1, 2))
    document = a_document(lines=lines)
    assert [line.amount("EUR") for line in lines] == [Decimal("1.01")] * 2
    assert document.total == Decimal("2.02")
    assert a_document(lines=lines, currency="JPY").total == Decimal(2)
