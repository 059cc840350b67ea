"""Quantities, items and prices of lines in EDIFACT, as vendors write them.

Meanings are those of the directory D.96A: 6063 (12 despatched, 21 ordered, 59 consumer units in the
traded unit, 83 backordered, 113 to be delivered), 4347 (3 substituted by, 4 substituted for) and
5284 (unit price basis). EANCOM's ORDRSP splits a line by schedules (SCC) or places (LOC), whose
quantities come to that of the line.
"""

import warnings
from datetime import date
from decimal import Decimal

import pytest
from pydifact.segmentcollection import Interchange

from inventory.errors import InputRejected
from serving.connectors.edi.reading import read_document, read_interchange
from serving.connectors.edi.segments import Unclear
from tests.serving.edi.papers import edifact


def said(body, kind="ORDRSP"):
    text = edifact(body, kind=kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # It tells of directories that it does not have.
        (message,) = Interchange.from_str(text).get_messages()
    assert message.type == kind, "what we read is EDIFACT to pydifact too"
    (transaction,) = read_interchange(text.encode()).transactions
    return read_document(transaction, standard="edifact")


def confirmed(*segments):
    body = "\n".join(["BGM+231+OR-9+4", "DTM+137:20261122:102", "RFF+ON:PO-1", *segments, "UNS+S"])
    return said(body)


def parts(*segments):
    """(units, day of November or December) of the parts of a line."""
    lines = confirmed("LIN+1+3+TEA:IN", *segments).lines
    return [(line.units, line.arrives_on and line.arrives_on.isoformat()[5:]) for line in lines]


NOV, DEC = "DTM+67:20261127:102", "DTM+67:20261211:102"
SPLIT = [(60, "11-27"), (40, "12-11")]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        (["QTY+21:100:PCE", "SCC+1", "QTY+113:60:PCE", NOV, "SCC+1", "QTY+113:40:PCE", DEC], SPLIT),
        (["QTY+21:100", "QTY+113:100", NOV, "SCC+1", "QTY+12:60", NOV, "SCC+1", "QTY+83:40", DEC],
         SPLIT),
        (["QTY+21:100", "LOC+7+DC", "QTY+11:60", NOV, "LOC+7+DC", "QTY+11:40", DEC], SPLIT),
        (["QTY+21:100", "QTY+113:60", NOV, "QTY+113:40", DEC], SPLIT),
        (["QTY+21:100", "QTY+12:60", NOV, "QTY+83:40", DEC], SPLIT),
        (["QTY+113:60", "QTY+113:40", NOV], [(60, "11-27"), (40, "11-27")]),
        (["DTM+67:20261127:102", "QTY+113:100"], [(100, "11-27")]),
        (["QTY+21:100", "QTY+113:60", NOV], [(60, "11-27")]),
        (["QTY+21:100", NOV], [(100, "11-27")]),
        (["QTY+21:100", "QTY+83:100", DEC], [(100, "12-11")]),
        (["QTY+21:100", "QTY+12:0", "QTY+83:100", DEC], [(100, "12-11")]),
        (["QTY+113:100", "QTY+59:1", "QTY+52:12", NOV], [(100, "11-27")]),
        (["QTY+113:100", "DTM+2:20261210:102", NOV], [(100, "11-27")]),
        (["QTY+113:100", "ALC+A", "QTY+1:7", "DTM+67:20300101:102"], [(100, None)]),
    ],
    ids=[
        "schedules", "schedules of a total", "places", "two quantities", "backorder",
        "one day for both", "a day before", "less", "as ordered", "all later", "none now",
        "single units", "our wish repeated", "an allowance",
    ],
)  # fmt: skip
def test_every_quantity_of_a_line_counts_with_its_day(segments, expected):
    assert parts(*segments) == expected


@pytest.mark.parametrize(
    ("segments", "field", "words"),
    [
        (["QTY+21:100", "QTY+83:40", DEC], "QTY01", "40 of 100 ordered units are backordered"),
        (["QTY+21:100", "QTY+113:100", NOV, "QTY+83:8", DEC], "QTY01", "108 units come"),
        (["QTY+21:100", "QTY+113:60", "QTY+83:40", DEC], "QTY01", "whose it is"),
        (["QTY+113:60", NOV, "QTY+83:40"], "QTY01", "need the date"),
        (["QTY+113:60", NOV, "QTY+83:40", "DTM+2:20261211:102"], "QTY01", "need the date"),
        (["QTY+12:60", "QTY+113:40", NOV], "QTY01", "113 and 12"),
        (["QTY+113:10", "QTY+59:6", NOV], "QTY01", "traded units of 6"),
        (["QTY+113:100", "QTY+192:5", NOV], "QTY01", "'192'"),
        (["QTY+194:100", NOV], "QTY01", "'194'"),
        (["QTY+21:100", "SCC+1", "QTY+113:60", NOV], "QTY01", "100 with the line and 60"),
        (["QTY+21:100", "QTY+113:60", NOV, "QVR+40:83+BP"], "QVR02", "balance of 40"),
        (["QTY+113:100", "PIA+3+GREENTEA:SA"], "PIA01", "'TEA' is replaced by 'GREENTEA'"),
        (["PIA+4+BLACKTEA:IN", "QTY+113:100"], "PIA01", "'TEA' is sent in place of 'BLACKTEA'"),
        (["PIA+1+COFFEE:IN", "QTY+113:100"], "LIN03", "'TEA' and 'COFFEE'"),
        (["PIA+77+X:SA", "QTY+113:100"], "PIA01", "'77'"),
        (["QTY+113:100", "PRI+AAA:4.2:::1:KGM"], "PRI01", "per 'KGM'"),
        (["QTY+113:100", "PRI+AAA:4.2", "PRI+AAA:4"], "PRI01", "a second net price"),
        (["QTY+113:100", "RFF+ON:PO-1", "RFF+ON:PO-2"], "RFF01", "PO-1, PO-2"),
    ],
)  # fmt: skip
def test_what_can_mean_two_things_is_refused_by_line_and_segment(segments, field, words):
    with pytest.raises(Unclear) as refused:
        parts(*segments)
    assert refused.value.field == field
    assert words in str(refused.value)
    assert "line 1 'TEA', segment " in str(refused.value)


def test_a_possible_substitute_and_a_successor_are_other_items():
    """PIA with 2 or 6 names what we did not order, and is no name of what we did."""
    (line,) = confirmed("LIN+1+5+C-1:SA", "PIA+5+CUP:IN", "PIA+2+MUG:SA", "PIA+6+MUG2:IN",
                        "QTY+113:5").lines  # fmt: skip
    assert (line.sku, line.other_codes) == ("CUP", ("C-1",))


def test_a_further_delivery_may_be_a_line_of_its_own():
    """EANCOM: 1 in 1229 adds a line for the second delivery of a line of the order."""
    lines = confirmed(
        "LIN+1+3+4012345678901:EN", "RFF+ON:PO-1:1", "QTY+113:60", NOV,
        "LIN+2+1+4012345678901:EN", "RFF+ON:PO-1:1", "QTY+113:40", DEC,
    ).lines  # fmt: skip
    assert [(n.line_no, n.line_is_ours, n.units, n.order_id) for n in lines] == [
        (1, True, 60, None), (1, True, 40, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("pri", "price"),
    [
        ("PRI+AAA:420:::100:PCE", Decimal("4.2")),
        ("PRI+AAA:4,20", Decimal("4.20")),
        ("PRI+AAA:4.2:CT:NTP:1:EA", Decimal("4.2")),
        ("PRI+AAB:9.98", None),
    ],
)
def test_a_price_is_of_one_unit(pri, price):
    (line,) = confirmed("LIN+1+5+TEA:IN", "QTY+113:100", pri).lines
    assert line.unit_price == price


def test_a_price_basis_of_nought_is_no_number_of_units():
    with pytest.raises(InputRejected, match="price basis is 0"):
        confirmed("LIN+1+5+TEA:IN", "QTY+113:100", "PRI+AAA:4:::0")


def test_a_promise_for_all_goes_before_a_wish_that_a_line_repeats():
    found = confirmed("DTM+69:20261205:102", "LIN+1+5+TEA:IN", "QTY+113:9", "DTM+2:20261210:102")
    assert found.lines[0].arrives_on == date(2026, 12, 5)


def test_a_discount_s_last_day_is_no_day_of_shipping():
    """2005: 12 is when payment terms end."""
    found = confirmed("DTM+12:20270131:102", "LIN+1+5+TEA:IN", "QTY+113:9")
    assert (found.ships_on, found.lines[0].ships_on) == (None, None)


def test_despatched_units_add_up_and_packages_are_not_counted_twice():
    head = "BGM+351+DES-9+9\nDTM+137:20261122:102\nDTM+17:20261127:102\nRFF+ON:PO-1\nCPS+1\n"
    for lines, expected in (
        ("LIN+1++TEA:IN\nQTY+12:60\nQTY+12:40", [60, 40]),
        ("LIN+1++TEA:IN\nQTY+21:200\nQTY+12:100\nPCI+33E\nQTY+12:60\nPCI+33E\nQTY+12:40", [60, 40]),
        ("LIN+1++TEA:IN\nQTY+12:100\nQTY+83:7\nQVR+7:21+BP\nDTM+17:20270101:102", [100]),
    ):
        found = said(head + lines, "DESADV")
        assert [line.units for line in found.lines] == expected
        assert {line.arrives_on for line in found.lines} == {date(2026, 11, 27)}
    with pytest.raises(Unclear, match="is 100 with the line and 90"):
        said(head + "LIN+1++TEA:IN\nQTY+12:100\nPCI+33E\nQTY+12:90", "DESADV")


@pytest.mark.parametrize("response", ["RE", "AJ"])
def test_a_response_that_the_function_does_not_bear_out_is_asked_about(response):
    body = f"BGM+231+OR-9+9+{response}\nRFF+ON:PO-1\nLIN+1++TEA:IN\nQTY+21:5\nUNS+S"
    with pytest.raises(Unclear) as refused:
        said(body)
    assert refused.value.field == "BGM04"
    assert said(body.replace("+9+RE", "+27+RE").replace("+9+AJ", "+27+AJ")).rejected


COLLECTIVE = """
    BGM+385+INV-77+9
    DTM+137:20261130:102
    CUX+2:EUR:4
    LIN+1++TEA:IN
    QTY+47:50:PCE
    PRI+AAA:420:::100:PCE
    RFF+ON:PO-A:1
    LIN+2++TEA:IN
    QTY+47:30:PCE
    PRI+AAA:4.20
    RFF+ON:PO-B:1
    UNS+S
    MOA+77:336
"""


def test_a_collective_invoice_names_the_order_of_each_line():
    found = said(COLLECTIVE, "INVOIC")
    assert [(p.order_id, [n.units for n in p.lines]) for p in found.by_order()] == [
        ("PO-A", [50]), ("PO-B", [30]),
    ]  # fmt: skip
    goods = sum(line.units * line.unit_price for line in found.lines)
    assert goods == found.total == Decimal(336)
    with pytest.raises(InputRejected, match="each of its lines must name our order"):
        said(COLLECTIVE.replace("RFF+ON:PO-B:1", "RFF+LI:7"), "INVOIC")
