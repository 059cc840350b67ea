"""EDIFACT: our ORDERS is read back by pydifact; replies are read; faults are named."""

import warnings
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydifact.segmentcollection import Interchange

from inventory.errors import InputRejected
from inventory.order_document import DocumentLine
from inventory.vendor_documents import said_of
from serving.connectors.edi.edifact_order import write_order
from serving.connectors.edi.interchange import Envelope
from serving.connectors.edi.reading import read_document, read_interchange
from tests.serving.edi.papers import (
    CONFIRMED_EDIFACT,
    ENVELOPE,
    INVOICED_EDIFACT,
    NOW,
    SHIPPED_EDIFACT,
    THEM,
    US,
    edifact,
    order,
)  # fmt: skip


def said(text):
    found = read_interchange(text.encode())
    return [read_document(t, standard=found.standard) for t in found.transactions]


def read_back(text):
    """(interchange, [(tag, elements)]) as pydifact reads it, which validates UNB and UNZ."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It tells of directories that it does not have.
        found = Interchange.from_str(text)
        (message,) = found.get_messages()
    return found, message, [(s.tag, s.elements) for s in message.segments]


def test_our_order_is_read_back_by_pydifact():
    text = write_order(order(), ENVELOPE, buyer='Our Shop: "A+B"\'s')
    found, message, segments = read_back(text)
    assert (found.sender, found.recipient) == (["VOUCH", "ZZ"], ["ACME", "ZZ"])
    assert (found.control_reference, found.syntax_identifier) == ("12", ("UNOC", 3))
    assert (message.type, message.version) == ("ORDERS", "D.96A")
    assert segments == [
        ("BGM", ["220", "PO-20260302-0001", "9"]),
        ("DTM", [["137", "20260302", "102"]]),
        ("DTM", [["2", "20260309", "102"]]),
        ("NAD", ["BY", ["VOUCH", "", "92"], "", 'Our Shop: "A+B"\'s']),
        ("NAD", ["SU", ["ACME", "", "92"], "", "Acme Ltd"]),
        ("NAD", ["DP", ["DC", "", "92"], "", "Centre"]),
        ("CUX", [["2", "EUR", "9"]]),
        ("LIN", ["1", "", ["CUP", "IN"]]),
        ("IMD", ["F", "", ["", "", "", "Cup"]]),
        ("QTY", [["21", "40", "PCE"]]),
        ("MOA", [["203", "80"]]),
        ("PRI", [["AAA", "2"]]),
        ("LIN", ["2", "", ["TEA", "IN"]]),
        ("IMD", ["F", "", ["", "", "", "Tea, crème & lemon's +1"]]),
        ("QTY", [["21", "100", "PCE"]]),
        ("MOA", [["203", "425"]]),
        ("PRI", [["AAA", "4.25"]]),
        ("UNS", ["S"]),
        ("MOA", [["79", "505"]]),
        ("CNT", [["2", "2"]]),
    ]
    assert text.splitlines()[-2:] == ["UNT+22+1'", "UNZ+1+12'"]


def test_a_cancellation_and_a_test_say_so():
    envelope = Envelope(US, THEM, 13, NOW, test=True)
    text = write_order(order(purpose="cancellation"), envelope, buyer="Our Shop")
    assert "BGM+220+PO-20260302-0001+1'" in text
    assert read_interchange(text.encode("latin-1")).test


@settings(max_examples=60, deadline=None)
@given(name=st.text(max_size=80), sku=st.text(st.sampled_from("AB1-.:+'? x"), min_size=1))
def test_any_name_and_code_come_back_as_they_went(name, sku):
    sku = sku.strip()[:35] or "A"
    lines = (DocumentLine(1, sku, name, 1, Decimal(1)),)
    text = write_order(order(lines=lines), ENVELOPE, buyer="b")
    _, _, segments = read_back(text.encode("latin-1").decode("latin-1"))
    assert ("LIN", ["1", "", [sku, "IN"]]) in segments


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_id": "P" * 36}, "purchase_order"),
        ({"location": "L" * 18}, "location"),
        ({"lines": (DocumentLine(1, "Té", "Tea", 1, Decimal(1)),)}, "sku"),
    ],
)
def test_an_id_that_edifact_cannot_carry_is_refused(change, field):
    with pytest.raises(InputRejected) as refused:
        write_order(order(**change), ENVELOPE, buyer="b")
    assert refused.value.field == field


def test_a_confirmation_line_by_line():
    (found,) = said(edifact(CONFIRMED_EDIFACT))
    assert (found.kind, found.number, found.order_id) == (
        "confirmation", "OR-5", "PO-20260302-0001",
    )  # fmt: skip
    assert (found.replaces, found.currency, found.issued_on) == (True, "EUR", date(2026, 3, 3))
    cup, tea = found.lines
    assert (cup.sku, cup.other_codes, cup.units) == ("CUP", ("C-1",), 40)
    assert (tea.units, tea.arrives_on, tea.unit_price) == (60, date(2026, 3, 10), Decimal("4.25"))
    assert said_of(found.as_dict()) == found


@pytest.mark.parametrize(
    ("function", "rejected", "in_full", "replaces"),
    [("27", True, False, False), ("29", False, True, False), ("5", False, False, True)],
)
def test_an_answer_to_the_whole_order(function, rejected, in_full, replaces):
    body = f"BGM+231+OR-5+{function}\nRFF+ON:PO-1\nUNS+S"
    (found,) = said(edifact(body))
    assert (found.rejected, found.in_full, found.replaces) == (rejected, in_full, replaces)


def test_a_line_that_is_refused_is_zero_units():
    (found,) = said(edifact("BGM+231+1+4\nRFF+ON:P\nLIN+1+7+TEA:IN\nUNS+S"))
    assert [(line.rejected, line.units) for line in found.lines] == [(True, 0)]


def test_a_backorder_adds_to_what_comes_if_it_says_when():
    body = "BGM+231+1+4\nRFF+ON:P\nLIN+1+24+9780307263964:EN\nQTY+21:2\nQTY+12:0\nQTY+83:2"
    with pytest.raises(InputRejected, match="backordered") as refused:
        said(edifact(body))
    assert refused.value.field == "QTY01"
    (found,) = said(edifact(body + "\nDTM+67:20260401:102"))
    (line,) = found.lines
    assert (line.units, line.arrives_on) == (2, date(2026, 4, 1))
    assert (line.sku, line.other_codes) == (None, ("9780307263964",))


def test_a_shipment():
    (found,) = said(edifact(SHIPPED_EDIFACT, kind="DESADV"))
    assert (found.kind, found.number) == ("shipment", "DES-1")
    assert [(line.sku, line.units) for line in found.lines] == [("CUP", 40), ("TEA", 60)]
    assert {line.arrives_on for line in found.lines} == {date(2026, 3, 10)}


def test_a_shipment_of_two_orders_speaks_of_each():
    text = edifact(SHIPPED_EDIFACT.replace("QTY+12:60:PCE", "QTY+12:60:PCE\nRFF+ON:PO-2:7"),
                   kind="DESADV")  # fmt: skip
    (found,) = said(text)
    first, second = found.by_order()
    assert (first.order_id, second.order_id) == ("PO-20260302-0001", "PO-2")
    assert [(line.line_no, line.line_is_ours) for line in second.lines] == [(7, True)]
    assert said_of(found.as_dict()) == found


def test_an_invoice_adds_up():
    (found,) = said(edifact(INVOICED_EDIFACT, kind="INVOIC"))
    goods = sum(line.units * line.unit_price for line in found.lines)
    assert (goods, found.charges, found.total) == (335, Decimal("63.65"), Decimal("398.65"))


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        (lambda t: t.replace("QTY+113:60", "QTY+113:6O"), "QTY01", "no number"),
        (lambda t: t.replace("67:20260309:102", "67:20260399:102"), "DTM01", "CCYYMMDD"),
        (lambda t: t.replace("67:20260309:102", "67:0903:106"), "DTM01", "format '106'"),
        (lambda t: t.replace("LIN+2+3", "LIN+2+77"), "LIN02", "'77'"),
        (lambda t: t.replace("OR-5+4", "OR-5+44"), "BGM03", "'44'"),
        (lambda t: t.replace("RFF+ON", "RFF+VN"), "BGM02", "RFF+ON"),
        (lambda t: t.replace("ORDRSP", "ORDCHG"), "UNH02", "ORDCHG"),
        (lambda t: t.replace("UNT+18", "UNT+17"), "UNT01", "counts 17"),
        (lambda t: t.replace("UNT+18+1", "UNT+18+2"), "UNT02", "UNH01"),
        (lambda t: t.replace("UNZ+1", "UNZ+2"), "UNZ01", "counts 2"),
        (lambda t: t.replace("UNZ+1+345", "UNZ+1+346"), "UNZ02", "UNB05"),
        (lambda t: t.rsplit("UNZ", 1)[0], "UNT01", "cut short"),
        (lambda t: t[:-4], "segment", "cannot be read"),
        (lambda t: "UNB'", "UNB01", "without UNZ"),
    ],
)
def test_a_fault_is_named_by_segment_and_element(wrong, field, words):
    text = wrong(edifact(CONFIRMED_EDIFACT))
    assert text != edifact(CONFIRMED_EDIFACT)
    with pytest.raises(InputRejected, match="segment") as refused:
        said(text)
    assert refused.value.field == field
    assert words in str(refused.value)


def test_separators_of_ones_own_and_a_group():
    """UNA may name others; UNG and UNE around messages of one kind are read over."""
    plain = edifact(CONFIRMED_EDIFACT).replace("4,25", "4.25")
    other = plain.translate(str.maketrans({":": "^", "+": "|", "'": "~"}))
    grouped = other.replace("UNH|", "UNG|ORDRSP|ACME|VOUCH|260303^0915|1|UN|D^96A~\nUNH|", 1)
    grouped = grouped.replace("UNZ|1", "UNE|1|1~\nUNZ|1")
    assert said("UNA^|.? ~\n" + grouped) == said(plain)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_mangled_file_is_read_or_refused_but_never_a_crash(data):
    kinds = [(CONFIRMED_EDIFACT, "ORDRSP"), (SHIPPED_EDIFACT, "DESADV"),
             (INVOICED_EDIFACT, "INVOIC")]  # fmt: skip
    body, kind = data.draw(st.sampled_from(kinds))
    text = edifact(body, kind=kind)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        sign = data.draw(
            st.sampled_from(["", "+", "'", "?", ":", "0", "UNH+1'", "LIN'", "é", "''"])
        )
        text = text[:place] + sign + text[place + data.draw(st.integers(0, 3)) :]
    try:
        said(text)
    except InputRejected as refused:
        assert refused.field
