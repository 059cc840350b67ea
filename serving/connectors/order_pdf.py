"""A purchase order on paper: PDF, A4, in a font that has Latin, Greek and Cyrillic letters.

The same document is the same bytes: it carries no moment but its own.
"""

import importlib.resources
from pathlib import Path

from fpdf import FPDF
from fpdf.enums import TableBordersLayout, TableCellFillMode, XPos, YPos
from fpdf.fonts import FontFace

from inventory.order_document import CANCELLATION, OrderDocument, money, plain

FONT = "dejavu"
MARGIN_MM = 18
INK, QUIET, RULE, SHADE = (20, 24, 31), (98, 106, 120), (205, 210, 218), (243, 245, 248)
COLUMN_SHARES = (7, 24, 41, 14, 18, 20)
TITLES = {False: "Purchase order", True: "Cancellation of purchase order"}


class _Sheet(FPDF):
    """Pages with their number and the document's at the foot."""

    def __init__(self, document: OrderDocument) -> None:
        super().__init__(format="A4")
        self.document = document
        fonts = _fonts()
        self.add_font(FONT, "", fonts / "DejaVuSans.ttf")
        self.add_font(FONT, "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_margins(MARGIN_MM, MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=MARGIN_MM + 6)
        self.set_text_color(*INK)
        self.set_creation_date(document.issued_at)
        self.set_title(f"{TITLES[document.purpose == CANCELLATION]} {document.order_id}")
        self.set_producer("Vouch")

    def footer(self) -> None:
        self.set_y(-MARGIN_MM)
        self.set_font(FONT, "", 7)
        self.set_text_color(*QUIET)
        left = f"{self.document.order_id}, document {self.document.number}"
        self.cell(self.epw / 2, 4, left)
        self.cell(self.epw / 2, 4, f"Page {self.page_no()} of {{nb}}", align="R")
        self.set_text_color(*INK)


def write_pdf(document: OrderDocument, *, buyer: str, buyer_address: str) -> bytes:
    """The order as PDF. buyer_address: lines separated by semicolons."""
    sheet = _Sheet(document)
    sheet.add_page()
    _head(sheet, document, buyer, [line.strip() for line in buyer_address.split(";")])
    _parties(sheet, document)
    _lines(sheet, document)
    _foot(sheet, document)
    return bytes(sheet.output())


def _fonts() -> Path:
    """Of matplotlib, which brings DejaVu; its licence lets anybody embed it."""
    return Path(str(importlib.resources.files("matplotlib"))) / "mpl-data" / "fonts" / "ttf"


def _head(sheet: _Sheet, document: OrderDocument, buyer: str, address: list[str]) -> None:
    cancelled = document.purpose == CANCELLATION
    top = sheet.get_y()
    sheet.set_font(FONT, "B", 12)
    sheet.multi_cell(sheet.epw / 2, 6, buyer, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
    sheet.set_font(FONT, "", 8)
    sheet.set_text_color(*QUIET)
    for line in filter(None, address):
        sheet.cell(sheet.epw / 2, 4, line, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    below = sheet.get_y()
    sheet.set_text_color(*INK)
    right, width = MARGIN_MM + sheet.epw / 2, sheet.epw / 2
    sheet.set_xy(right, top)
    sheet.set_font(FONT, "B", 13 if cancelled else 18)
    sheet.cell(width, 9, TITLES[cancelled], align="R")
    facts = [("Order", document.order_id), ("Date", f"{document.issued_at:%Y-%m-%d}")]
    for row, (name, value) in enumerate(facts):
        sheet.set_xy(right, top + 11 + 5 * row)
        sheet.set_font(FONT, "", 9)
        sheet.set_text_color(*QUIET)
        sheet.cell(width - 58, 5, name, align="R")
        sheet.set_text_color(*INK)
        sheet.set_font(FONT, "B", 9)
        sheet.cell(58, 5, value, align="R")
    sheet.set_y(max(below, top + 11 + 5 * len(facts)) + 4)
    sheet.set_draw_color(*RULE)
    sheet.line(MARGIN_MM, sheet.get_y(), MARGIN_MM + sheet.epw, sheet.get_y())
    sheet.ln(5)


def _parties(sheet: _Sheet, document: OrderDocument) -> None:
    third, day = sheet.epw / 3, document.deliver_on
    blocks = (
        ("Vendor", [document.vendor_name, _id_line(document.vendor, document.vendor_name)]),
        ("Deliver to", [document.location_name,
                        _id_line(document.location, document.location_name)]),
        ("Deliver on", [f"{day:%A}, {day.day} {day:%B %Y}", f"{day:%Y-%m-%d}"]),
    )  # fmt: skip
    top, lowest = sheet.get_y(), 0.0
    for column, (title, texts) in enumerate(blocks):
        left = MARGIN_MM + column * third
        sheet.set_xy(left, top)
        sheet.set_font(FONT, "", 7)
        sheet.set_text_color(*QUIET)
        sheet.cell(third, 4, title.upper())
        sheet.set_text_color(*INK)
        y = top + 5
        for style, text in zip(("B", ""), texts, strict=True):
            sheet.set_xy(left, y)
            sheet.set_font(FONT, style, 9)
            sheet.multi_cell(third - 4, 4.5, text, align="L", new_x=XPos.LEFT, new_y=YPos.NEXT)
            y = sheet.get_y()
        lowest = max(lowest, y)
    sheet.set_xy(MARGIN_MM, lowest + 6)


def _id_line(code: str, name: str) -> str:
    return "" if code == name else code


def _lines(sheet: _Sheet, document: OrderDocument) -> None:
    sheet.set_font(FONT, "", 8)
    sheet.set_draw_color(*RULE)
    currency = document.currency
    decimals = max(len(plain(line.unit_price).partition(".")[2]) for line in document.lines)
    titles = ("#", "Item", "Description", "Units", f"Price {currency}", f"Amount {currency}")
    with sheet.table(
        col_widths=COLUMN_SHARES,
        text_align=("RIGHT", "LEFT", "LEFT", "RIGHT", "RIGHT", "RIGHT"),
        borders_layout=TableBordersLayout.HORIZONTAL_LINES,
        headings_style=FontFace(emphasis="BOLD", fill_color=SHADE),
        cell_fill_mode=TableCellFillMode.NONE,
        line_height=4.5,
        padding=(1.1, 1.2),
        repeat_headings=1,
    ) as table:
        heading = table.row()
        for title in titles:
            heading.cell(title)
        for line in document.lines:
            row = table.row()
            for text in (
                str(line.line_no),
                line.sku,
                line.name,
                f"{line.units:,}",
                money(line.unit_price, currency, decimals),
                money(line.amount(currency), currency),
            ):
                row.cell(text)


def _foot(sheet: _Sheet, document: OrderDocument) -> None:
    if sheet.will_page_break(30):
        sheet.add_page()
    sheet.ln(3)
    sheet.set_font(FONT, "", 9)
    lines = len(document.lines)
    count = f"{document.units:,} units in {lines} {'line' if lines == 1 else 'lines'}"
    sheet.cell(sheet.epw / 2, 7, count)
    sheet.set_font(FONT, "B", 11)
    total = f"Total {document.currency} {money(document.total, document.currency)}"
    sheet.cell(sheet.epw / 2, 7, total, align="R", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    sheet.ln(4)
    sheet.set_font(FONT, "", 8)
    sheet.set_text_color(*QUIET)
    sheet.multi_cell(sheet.epw, 4.5, _note(document), align="L")


def _note(document: OrderDocument) -> str:
    if document.purpose == CANCELLATION:
        return (
            f"We cancel order {document.order_id}. Please do not deliver the items above, and "
            "confirm the cancellation."
        )
    return (
        f"Please confirm this order with quantities and dates, and name {document.order_id} on "
        "your confirmation, delivery note and invoice. Prices are net of taxes."
    )
