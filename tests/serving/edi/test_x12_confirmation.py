"""What an 855 says of a line: each status of it, and what nobody could act on.

Meanings are those of data element 668 in versions 004010 and 004030, prices those of 639.
"""

import io
from datetime import date
from decimal import Decimal

import pytest
from pyx12.x12file import X12Reader

from inventory.errors import InputRejected
from serving.connectors.edi.reading import read_document, read_interchange
from serving.connectors.edi.segments import Unclear
from tests.serving.edi.papers import x12

NOV, DEC = "067*20261127", "067*20261211"


def said(body, set_id="855", group="PR"):
    text = x12(body, set_id=set_id, group=group)
    reader = X12Reader(io.StringIO(text))
    tags = [segment.get_seg_id() for segment in reader]
    assert (tags[:3], reader.pop_errors()) == (["ISA", "GS", "ST"], []), "to pyx12 it is X12 too"
    (transaction,) = read_interchange(text.encode()).transactions
    return read_document(transaction, standard="x12")


def lines(*segments, po1="PO1*1*100*EA*4.2*PE*BP*TEA"):
    return said("\n".join(["BAK*00*AC*PO-1*20261122", po1, *segments, "CTT*1"])).lines


def parts(*segments):
    """(units, day of November or December) of the parts of a line of 100."""
    return [(n.units, n.arrives_on and n.arrives_on.isoformat()[5:]) for n in lines(*segments)]


SPLIT = [(60, "11-27"), (40, "12-11")]


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        ([f"ACK*IA*60*EA*{NOV}", f"ACK*IB*40*EA*{DEC}"], SPLIT),
        ([f"ACK*BP*60*EA*{NOV}", f"ACK*IB*40*EA*{DEC}"], SPLIT),
        (["ACK*IA*60*EA", f"DTM*{NOV}", "ACK*IB*40*EA", f"DTM*{DEC}"], SPLIT),
        (["ACK*IA*100*EA", f"SCH*60*EA***{NOV}", f"SCH*40*EA***{DEC}"], SPLIT),
        (["ACK*IA"], [(100, None)]),
        ([f"ACK*IA*100*EA*{NOV}"], [(100, "11-27")]),
        ([f"ACK*IQ*90*EA*{NOV}"], [(90, "11-27")]),
        ([f"ACK*DR*100*EA*{DEC}"], [(100, "12-11")]),
        ([f"ACK*IA*60*EA*{NOV}", "ACK*IR*40*EA"], [(60, "11-27")]),
        (["ACK*ID"], [(0, None)]),
        (["ACK*R4*100*EA"], [(0, None)]),
        (["ACK*IA*100*EA*002*20261210", f"DTM*{NOV}"], [(100, "11-27")]),
        (["ACK*IA*100*EA*002*20261210", "ACK*IA*0*EA", f"DTM*{NOV}"], [(100, "11-27")]),
        (["DTM*002*20261210", "ACK*IA*100*EA"], [(100, "12-10")]),
    ],
    ids=[
        "now and later", "balance later", "days behind", "schedules", "all", "all on a day",
        "fewer", "another day", "a part refused", "deleted", "not available", "wish and promise",
        "promise behind the last", "wish alone",
    ],
)  # fmt: skip
def test_what_comes_of_a_line_and_when(segments, expected):
    assert parts(*segments) == expected


@pytest.mark.parametrize(
    ("segments", "field", "words"),
    [
        (["ACK*IS*100*EA*067*20261210**VP*GREEN"], "ACK01", "substitution offered: 'GREEN'"),
        (["ACK*IA*100*EA****SR*GREEN"], "ACK01", "substitution offered: 'GREEN'"),
        (["ACK*IC*100*EA*067*20261210**SW*GREEN*BP*COFFEE"], "ACK07", "'GREEN'"),
        (["ACK*IA*100*EA****BP*COFFEE"], "ACK07", "substitution offered: 'COFFEE'"),
        (["LIN**SR*GREEN", "ACK*IA"], "LIN01", "substitution offered: 'GREEN'"),
        (["LIN**BP*COFFEE", "ACK*IA"], "LIN02", "substitution offered: 'COFFEE'"),
        (["ACK*IH*100*EA"], "ACK01", "'IH': the item is on hold"),
        (["ACK*IF"], "ACK01", "on hold"),
        (["ACK*IB*100*EA"], "ACK05", "backordered"),
        (["ACK*IB*100*EA*002*20261210"], "ACK05", "backordered"),
        ([f"ACK*BP*60*EA*{NOV}"], "ACK02", "60 units are told of and 100 were ordered"),
        ([f"ACK*BP*100*EA*{NOV}"], "ACK02", "how many come when"),
        ([f"ACK*IA*100*EA*{NOV}", f"ACK*IB*8*EA*{DEC}"], "ACK02", "108 units"),
        ([f"ACK*IA**EA*{NOV}", f"ACK*IB*40*EA*{DEC}"], "ACK02", "of how many units"),
        (["ACK*IQ"], "ACK02", "of how many units"),
        (["ACK*DR*100*EA"], "ACK05", "another date, and gives none"),
        (["ACK*SP*100*EA"], "ACK05", "date is pending"),
        (["ACK*IA*100*EA", f"SCH*60*EA***{NOV}"], "SCH01", "60 units and 100 are taken"),
        (["SDQ*EA*92*0100*60*0131*40"], "SDQ01", "one place"),
    ],
)  # fmt: skip
def test_what_no_order_can_hold_is_refused_by_line_and_segment(segments, field, words):
    with pytest.raises(Unclear) as refused:
        lines(*segments)
    assert refused.value.field == field
    assert words in str(refused.value)
    assert "line 1 'TEA', segment " in str(refused.value)


def test_the_codes_of_one_item_may_be_repeated_and_added_to():
    (line,) = lines("ACK*IA*100*EA****BP*TEA*VP*T-9", po1="PO1*1*100*EA*4.2*PE*BP*TEA*VP*T-9")
    assert (line.sku, line.other_codes) == ("TEA", ("T-9",))


def test_a_line_number_that_is_said_to_be_ours_is():
    """PL in 235 is the purchaser's order line number."""
    (line,) = lines("ACK*IA", po1="PO1*7*100*EA*4.2*PE*UP*400638133393*PL*2")
    assert (line.line_no, line.line_is_ours, line.sku) == (2, True, None)
    (line,) = lines("ACK*IA", po1="PO1*7*100*EA*4.2*PE*UP*400638133393")
    assert (line.line_no, line.line_is_ours) == (7, False)


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("4.2*PE", "4.2"), ("4.2*", "4.2"), ("4.2*UM", "4.2"), ("4.2*CA", "4.2"), ("4*CT", "4"),
        ("4*PR", "4"), ("420*HP", "4.2"), ("420*TC", "4.2"), ("4200*TP", "4.2"), ("50.4*PD", "4.2"),
        ("42*PN", "4.2"), ("0*NC", "0"), ("*NQ", None), ("4.2*TB", None),
    ],
)  # fmt: skip
def test_a_price_is_of_one_unit_whatever_it_is_per(price, expected):
    (line,) = lines("ACK*IA", po1=f"PO1*1*100*EA*{price}*BP*TEA")
    assert line.unit_price == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize("code", ["PP", "PK", "SR", "RE", "ZZ", "PT"])
def test_a_price_per_weight_or_for_shoppers_is_none_of_ours(code):
    with pytest.raises(Unclear, match=f"by '{code}'"):
        lines("ACK*IA", po1=f"PO1*1*100*EA*4.2*{code}*BP*TEA")


def test_a_price_that_is_pending_is_none():
    (line,) = lines("ACK*IE*100*EA")
    assert line.unit_price is None


def test_no_charge_and_a_price_contradict_each_other():
    with pytest.raises(Unclear, match="no charge"):
        lines("ACK*IA", po1="PO1*1*100*EA*4.2*NC*BP*TEA")


COLLECTIVE = """
    BIG*20261130*INV-77
    CUR*SE*EUR
    IT1*1*50*EA*420*HP*BP*TEA
    REF*PO*PO-A
    IT1*2*30*EA*4.20*PE*BP*TEA*PO*PO-B*PL*1
    TDS*33600
    CTT*2
"""


def test_a_collective_invoice_names_the_order_of_each_line():
    found = said(COLLECTIVE, "810", "IN")
    assert [(p.order_id, [n.units for n in p.lines]) for p in found.by_order()] == [
        ("PO-A", [50]), ("PO-B", [30]),
    ]  # fmt: skip
    goods = sum(line.units * line.unit_price for line in found.lines)
    assert goods == found.total == Decimal(336)
    with pytest.raises(InputRejected, match="here or in each line") as refused:
        said(COLLECTIVE.replace("REF*PO*PO-A", "REF*VN*PO-A"), "810", "IN")
    assert refused.value.field == "BIG04"


def test_a_shipped_substitute_is_refused():
    head = "BSN*00*S-1*20261122*1142\nHL*1**S\nHL*2*1*O\nPRF*PO-1\nHL*3*2*I\n"
    with pytest.raises(Unclear, match="'GREEN'"):
        said(head + "LIN*1*BP*TEA*SR*GREEN\nSN1**5*EA\nCTT*3", "856", "SH")


def test_an_order_without_items_is_not_in_a_shipment():
    body = "BSN*00*S-1*20261122*1142\nHL*1**S\nHL*2*1*O\nPRF*PO-1\nCTT*2"
    with pytest.raises(InputRejected, match="'PO-1' has no items"):
        said(body, "856", "SH")


def test_the_day_of_a_level_is_that_above_it_where_it_names_none():
    body = (
        "BSN*00*S-1*20261122*1142\nHL*1**S\nDTM*079*20261201\nHL*2*1*O\nPRF*PO-1\nHL*3*2*I\n"
        "LIN*1*BP*TEA\nSN1**5*EA\nHL*4*2*I\nDTM*371*20261203\nLIN*2*BP*CUP\nSN1**6*EA\nCTT*4"
    )
    assert [(n.ships_on, n.arrives_on) for n in said(body, "856", "SH").lines] == [
        (date(2026, 12, 1), None), (None, date(2026, 12, 3)),
    ]  # fmt: skip
