"""X12: our 850 and 997 pass pyx12; replies are read; what is wrong is named by its element."""

import io
import string
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyx12 import params, x12n_document

from inventory.errors import InputRejected
from inventory.order_document import DocumentLine
from inventory.vendor_documents import SaidLine, said_of
from serving.connectors.edi import x12_acknowledgement
from serving.connectors.edi.interchange import Envelope, Party
from serving.connectors.edi.reading import FILE_BYTES_MAX, read_document, read_interchange
from serving.connectors.edi.x12_order import write_order
from tests.serving.edi.papers import (
    CONFIRMED,
    ENVELOPE,
    INVOICED,
    NOW,
    SHIPPED,
    THEM,
    US,
    order,
    x12,
)  # fmt: skip
from tests.serving.edi.pyx12_map import map_folder


@pytest.fixture(scope="module")
def checked(tmp_path_factory):
    """`checked(text)`: (whether pyx12 finds nothing wrong, the 997 with which it answers)."""
    maps = map_folder(tmp_path_factory.mktemp("maps"))

    def check(text):
        answer = io.StringIO()
        with io.StringIO(text) as source:
            good = x12n_document.x12n_document(params.params(), source, answer, None, map_path=maps)
        return good, answer.getvalue()

    return check


def said(text):
    found = read_interchange(text.encode())
    return [read_document(t, standard=found.standard) for t in found.transactions]


def test_our_order_passes_pyx12(checked):
    good, answer = checked(write_order(order(), ENVELOPE, buyer="Our Shop"))
    assert good
    assert "AK9*A*1*1*1" in answer


def test_our_order_says_what_the_guide_wants():
    """As partner guides of the 850, 004010, show it."""
    lines = write_order(order(), ENVELOPE, buyer="Our Shop").splitlines()
    assert lines[0] == (
        "ISA*00*          *00*          *ZZ*VOUCH          *ZZ*ACME           "
        "*260302*0600*U*00401*000000012*0*P*>~"
    )
    assert lines[1:] == [
        "GS*PO*VOUCH*ACME*20260302*0600*12*X*004010~",
        "ST*850*0001~",
        "BEG*00*NE*PO-20260302-0001**20260302~",
        "CUR*BY*EUR~",
        "DTM*002*20260309~",
        "N1*BY*Our Shop*92*VOUCH~",
        "N1*ST*Centre*92*DC~",
        "N1*VN*Acme Ltd*92*ACME~",
        "PO1*1*40*EA*2*PE*BP*CUP~",
        "PID*F****Cup~",
        "PO1*2*100*EA*4.25*PE*BP*TEA~",
        "PID*F****Tea, creme & lemon's +1~",
        "CTT*2*140~",
        "AMT*TT*505~",
        "SE*14*0001~",
        "GE*1*12~",
        "IEA*1*000000012~",
    ]


def test_a_cancellation_and_a_test_say_so(checked):
    text = write_order(
        order(purpose="cancellation"), Envelope(US, THEM, 13, NOW, test=True), buyer="Our Shop"
    )
    assert "BEG*01*" in text
    assert "*0*T*>~" in text
    assert checked(text)[0]


def test_every_sign_a_name_may_have_passes_pyx12(checked):
    """Names in all signs there are, codes in all that X12 has: one line for each."""
    signs = string.printable + "äß€日\x00"
    carried = string.ascii_letters + string.digits + " !\"&'()+,-./:;?=%@[]_{}\\|<#$"
    lines = [
        DocumentLine(
            line_no=number,
            sku=f"A{sign if sign in carried else ''}B",
            name=f"{sign} of {sign}",
            units=10 ** min(number, 9),
            unit_price=Decimal(number).scaleb(-4),
        )
        for number, sign in enumerate(signs, start=1)
    ]
    document = order(vendor_name=signs, location_name=signs[::-1], lines=tuple(lines))
    text = write_order(document, ENVELOPE, buyer="`^`")
    assert checked(text)[0]
    assert next(line for line in text.splitlines() if line.startswith("PO1*")).startswith(
        "PO1*1*10*EA*0.0001*PE*BP*A0B"
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"order_id": "PO-" + "9" * 20}, "purchase_order"),
        ({"order_id": "PO*1"}, "purchase_order"),
        ({"location": "D"}, "location"),
        ({"vendor": "Ácme"}, "vendor"),
        ({"lines": (DocumentLine(1, "TEA~1", "Tea", 1, Decimal(1)),)}, "sku"),
    ],
)
def test_an_id_that_x12_cannot_carry_is_refused_and_never_changed(change, field):
    with pytest.raises(InputRejected) as refused:
        write_order(order(**change), ENVELOPE, buyer="Our Shop")
    assert refused.value.field == field


def test_a_confirmation_line_by_line():
    (found,) = said(x12(CONFIRMED))
    assert (found.kind, found.number, found.order_id) == (
        "confirmation", "SO-77", "PO-20260302-0001",
    )  # fmt: skip
    assert (found.issued_on, found.currency) == (date(2026, 3, 3), "EUR")
    assert (found.replaces, found.rejected, found.in_full) == (False, False, False)
    cup, *tea = found.lines
    assert cup == SaidLine(
        "CUP", 1, 40, "EA", date(2026, 3, 9), None, Decimal(2), other_codes=("C-1",)
    )
    assert [(part.sku, part.units, part.arrives_on) for part in tea] == [
        ("TEA", 60, date(2026, 3, 9)), ("TEA", 30, date(2026, 3, 16)),
    ]  # fmt: skip
    assert said_of(found.as_dict()) == found


def test_a_line_that_is_refused_and_one_that_only_says_when_it_ships():
    (found,) = said(
        x12("""
            BAK*05*AC*PO-1*20260302
            PO1*1*40*EA*2**BP*CUP
            ACK*IR
            PO1*2*100*EA*4.25**BP*TEA
            ACK*DR*100*EA*068*20260312
        """)
    )
    cup, tea = found.lines
    assert (cup.rejected, cup.units) == (True, 0)
    assert (tea.rejected, tea.ships_on, tea.arrives_on) == (False, date(2026, 3, 12), None)
    assert found.replaces


@pytest.mark.parametrize(("answer", "rejected", "in_full"), [
    ("AK", False, True), ("AD", False, True), ("AE", False, True), ("AC", False, False),
    ("RJ", True, False), ("RD", True, False),
])  # fmt: skip
def test_an_answer_to_the_whole_order(answer, rejected, in_full):
    (found,) = said(x12(f"BAK*00*{answer}*PO-1*20260302\nDTM*067*20260309"))
    assert (found.rejected, found.in_full, found.lines) == (rejected, in_full, ())


def test_a_shipment_is_read_through_its_levels():
    (found,) = said(x12(SHIPPED, set_id="856", group="SH"))
    assert (found.kind, found.number, found.reference) == ("shipment", "SHP-1", "BOL-55501")
    assert [(line.sku, line.units) for line in found.lines] == [("CUP", 40), ("TEA", 60)]
    assert {(line.ships_on, line.arrives_on) for line in found.lines} == {
        (date(2026, 3, 6), date(2026, 3, 10))
    }


def test_a_shipment_of_two_orders_speaks_of_each():
    more = SHIPPED.replace("CTT*5", "HL*6*1*O\nPRF*PO-2\nDTM*017*20260312\nHL*7*6*I\n"
                           "LIN**UP*400123\nSN1*3*5*EA\nCTT*7")  # fmt: skip
    (found,) = said(x12(more, set_id="856", group="SH"))
    first, second = found.by_order()
    assert (first.order_id, second.order_id) == ("PO-20260302-0001", "PO-2")
    (line,) = second.lines
    assert (line.sku, line.other_codes, line.line_no, line.units) == (None, ("400123",), 3, 5)
    assert line.arrives_on == date(2026, 3, 12)


def test_an_invoice_adds_up():
    (found,) = said(x12(INVOICED, set_id="810", group="IN"))
    assert (found.kind, found.number, found.total) == ("invoice", "INV-9", Decimal("350.50"))
    assert found.charges == Decimal("15.50")
    goods = sum(line.units * line.unit_price for line in found.lines)
    assert goods + found.charges == found.total


@pytest.mark.parametrize(
    ("wrong", "field", "words"),
    [
        (lambda t: t.replace("ACK*IQ*60", "ACK*ZZ*60"), "ACK01", "'ZZ'"),
        (lambda t: t.replace("ACK*IQ*60", "ACK*IQ*6O"), "ACK02", "no number"),
        (lambda t: t.replace("ACK*IQ*60", "ACK*IQ*60.5"), "ACK02", "whole units"),
        (lambda t: t.replace("*4.25*", "*4." + "1" * 40 + "*"), "PO104", "no number"),
        (lambda t: t.replace("*4.25*", "*1e999999999*"), "PO104", "no number"),
        (lambda t: t.replace("ACK*IQ*60", "ACK*IQ*-60"), "ACK02", "whole units"),
        (lambda t: t.replace("067*20260316", "067*20261316"), "ACK05", "CCYYMMDD"),
        (lambda t: t.replace("IB*30*EA*067*20260316", "IB*30"), "ACK05", "backordered"),
        (lambda t: t.replace("BAK*00", "BAK*01"), "BAK01", "purpose"),
        (lambda t: t.replace("*AC*PO", "*XX*PO"), "BAK02", "'XX'"),
        (lambda t: t.replace("PO-20260302-0001", ""), "BAK03", "missing"),
        (lambda t: t.replace("*4.25*", "*-4.25*"), "PO104", "0 or more"),
        (lambda t: t.replace("BAK*", "BAC*"), "ST01", "BAK"),
        (lambda t: t.replace("ST*855", "ST*865"), "ST01", "'865'"),
        (lambda t: t.replace("GS*PR", "GS*PO"), "ST01", "'PO'"),
        (lambda t: t.replace("SE*10", "SE*11"), "SE01", "counts 11"),
        (lambda t: t.replace("0001~\nGE", "0002~\nGE"), "SE02", "ST02"),
    ],
)
def test_a_fault_is_named_by_segment_and_element(wrong, field, words):
    text = wrong(x12(CONFIRMED))
    assert text != x12(CONFIRMED)
    with pytest.raises(InputRejected, match="segment") as refused:
        said(text)
    assert refused.value.field == field
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (lambda t: t[:200], "IEA02"),
        (lambda t: t.rsplit("IEA", 1)[0], "GE01"),
        (lambda t: t.replace("IEA*1*", "IEA*2*"), "IEA01"),
        (lambda t: t.replace("IEA*1*", f"IEA*{'1' * 5000}*"), "IEA01"),
        (lambda t: t.replace("IEA*1*000000345", "IEA*1*000000346"), "IEA02"),
        (lambda t: t.replace("GE*1*345", "GE*1*346"), "GE02"),
        (lambda t: t.replace("GE*1*345", "GE*2*345"), "GE01"),
        (lambda t: t.replace("GE*1*345~\n", ""), "SE01"),
        (lambda t: t.replace("*00401*", "*401*"), "ISA16"),
        (lambda t: "ISA*00*", "ISA16"),
        (lambda t: "hello", "file"),
        (lambda t: "", "file"),
        (lambda t: t + " " * FILE_BYTES_MAX, "file"),
    ],
)  # fmt: skip
def test_a_broken_envelope_spoils_the_file(wrong, field):
    with pytest.raises(InputRejected) as refused:
        read_interchange(wrong(x12(CONFIRMED)).encode())
    assert refused.value.field == field


def test_a_bad_document_leaves_its_neighbour_alone():
    bad = x12(CONFIRMED).replace("SE*10", "SE*9").replace("GE*1", "GE*2")
    good = "ST*855*0002~\nBAK*00*AK*PO-1*20260302~\nSE*3*0002~\n"
    first, second = read_interchange(bad.replace("GE*2", good + "GE*2").encode()).transactions
    assert first.problem.field == "SE01"
    assert read_document(second, standard="x12").order_id == "PO-1"


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_mangled_file_is_read_or_refused_but_never_a_crash(data):
    kinds = [(CONFIRMED, "855", "PR"), (SHIPPED, "856", "SH"), (INVOICED, "810", "IN")]
    body, set_id, group = data.draw(st.sampled_from(kinds))
    text = x12(body, set_id=set_id, group=group)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text) - 1))
        sign = data.draw(st.sampled_from(["", "*", "~", "~\n", ">", "0", "X", "HL*9*9*I~", "é"]))
        text = text[:place] + sign + text[place + data.draw(st.integers(0, 3)) :]
    try:
        said(text)
    except InputRejected as refused:
        assert refused.field


def test_a_partner_s_acknowledgement_is_read_as_pyx12_writes_it(checked):
    good = write_order(order(), ENVELOPE, buyer="Our Shop")
    for text, accepted in ((good, True), (good.replace("PO1*2*100*EA", "PO1*2*100*XX"), False)):
        _, answer = checked(text)
        (transaction,) = read_interchange(answer.encode()).transactions
        found = x12_acknowledgement.read(transaction)
        assert (found.group_id, found.group_control, found.accepted) == ("PO", "12", accepted)
        assert ("AK3 PO1" in found.notes) is not accepted


@pytest.mark.parametrize(
    ("outcome", "accepted", "notes"),
    [("A*000", None, ""), ("E*011", None, ""), ("R*024", False, "TA1 000000012 260302 0600 R 024")],
)
def test_an_envelope_is_answered_without_a_document(outcome, accepted, notes):
    """TA1 stands between ISA and IEA; a mailbox may send it beside documents or alone."""
    text = x12("AK1*PO*12\nAK9*A*1*1*1", set_id="997", group="FA")
    ta1 = f"TA1*000000012*260302*0600*{outcome}~\n"
    alone = text[: text.index("GS*")] + ta1 + "IEA*0*000000345~"
    beside = text.replace("GS*", ta1 + "GS*", 1)
    for file, sets in ((alone, ["TA1"]), (beside, ["TA1", "997"])):
        found = read_interchange(file.encode())
        assert [transaction.set_id for transaction in found.transactions] == sets
        heard = read_document(found.transactions[0], standard="x12")
        assert (heard.group_id, int(heard.group_control)) == ("PO", 12)
        assert (heard.accepted, heard.notes) == (accepted, notes)


def test_a_999_says_what_a_997_says():
    """Version 005010 has IK3 to IK5 in the place of AK3 to AK5."""
    body = "AK1*PO*12*005010\nAK2*850*0001\nIK3*PO1*9**8\nIK4*7**8\nIK5*R*5\nAK9*R*1*1*0"
    (transaction,) = read_interchange(x12(body, set_id="999", group="FA").encode()).transactions
    found = read_document(transaction, standard="x12")
    assert (found.group_control, found.accepted) == ("12", False)
    assert found.notes == "IK3 PO1 9 8; IK4 7 8; IK5 R 5"


def test_our_acknowledgement_passes_pyx12(checked):
    transactions = read_interchange(x12(CONFIRMED).encode()).transactions
    for readable, outcome in ((True, "AK9*A*1*1*1"), (False, "AK9*R*1*1*0")):
        text = x12_acknowledgement.write_acknowledgement(
            transactions, ENVELOPE, readable=[readable]
        )
        assert "AK1*PR*345~" in text
        assert outcome in text
        assert checked(text)[0]


def test_a_partner_must_have_an_id_that_fits():
    with pytest.raises(InputRejected, match="qualifier"):
        write_order(order(), Envelope(US, Party("??", "ACME"), 1, NOW), buyer="b")
    with pytest.raises(InputRejected, match="1 to 15"):
        write_order(order(), Envelope(US, Party("ZZ", "A" * 16), 1, NOW), buyer="b")
