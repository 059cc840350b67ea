"""What documents of vendors mean for an order, against a model that is too simple to be wrong."""

from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory.document_matching import (
    Ordered,
    OrderedLine,
    confirmed_lines,
    differences,
    invoiced_lines,
    shipped_lines,
)
from inventory.errors import InputRejected
from inventory.order_document import CANCELLATION, DocumentLine, OrderDocument
from inventory.vendor_documents import CONFIRMATION, INVOICE, SHIPMENT, Said, SaidLine, said_of
from tests.serving.edi.papers import order as a_document

DUE = date(2026, 3, 9)


def ordered(*lines, transit_days=None):
    """(sku, units) of an order for 9 March, sent a week before."""
    return Ordered(
        order_id="PO-1",
        sent_on=date(2026, 3, 2),
        currency="EUR",
        lines=tuple(OrderedLine(n, sku, units, DUE) for n, (sku, units) in enumerate(lines, 1)),
        transit_days=transit_days,
    )


def said(*lines, kind=CONFIRMATION, **more):
    return Said(kind=kind, number="N", order_id="PO-1", lines=lines, **more)


def line(sku=None, units=1, line_no=None, **more):
    return SaidLine(sku=sku, line_no=line_no, units=units, **more)


TEA_AND_CUP = ordered(("TEA", 100), ("CUP", 40))


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (line("TEA", 100, line_no=9), 1),  # A vendor's own numbering of lines.
        (line(None, 100, line_no=1), 1),
        (line(None, 100, line_no=1, line_is_ours=True, other_codes=("4012345",)), 1),
        (line(None, 100, line_no=2, other_codes=("4012345", "TEA")), 1),
    ],
)
def test_a_line_is_meant_by_our_number_then_another_then_its_place(told, meant):
    (found,) = confirmed_lines(said(told, in_full=True), TEA_AND_CUP)
    assert found["line"] == meant


def test_a_number_of_a_line_counts_beside_a_foreign_code_only_where_it_is_ours():
    told = line(None, 100, line_no=1, other_codes=("4006381333931",))
    with pytest.raises(InputRejected, match="set echoes_lines"):
        confirmed_lines(said(told, in_full=True), TEA_AND_CUP)
    echoes = replace(TEA_AND_CUP, echoes_lines=True)
    assert [found["line"] for found in confirmed_lines(said(told, in_full=True), echoes)] == [1]


@pytest.mark.parametrize("told", [line("NUT", line_no=1), line(None, line_no=7), line(None)])
def test_what_is_not_on_the_order_is_no_line_of_it(told):
    with pytest.raises(InputRejected, match="not on order PO-1"):
        confirmed_lines(said(told, in_full=True), TEA_AND_CUP)


def test_a_day_of_shipping_needs_the_way_only_where_it_is_late():
    early, late = DUE, DUE + timedelta(days=1)
    lines = [line("TEA", 100, ships_on=early), line("CUP", 40, ships_on=early)]
    assert [found.get("expected_at") for found in confirmed_lines(said(*lines), TEA_AND_CUP)] == [
        None, None,
    ]  # fmt: skip
    lines[1] = line("CUP", 40, ships_on=late)
    with pytest.raises(InputRejected, match="set transit_days"):
        confirmed_lines(said(*lines), TEA_AND_CUP)
    known = ordered(("TEA", 100), ("CUP", 40), transit_days=2)
    assert [found["expected_at"] for found in confirmed_lines(said(*lines), known)] == [
        "2026-03-11", "2026-03-12",
    ]  # fmt: skip


def test_a_line_s_own_day_goes_before_that_of_the_document():
    told = said(line("TEA", 100, arrives_on=DUE), line("CUP", 40), arrives_on=date(2026, 3, 30))
    assert [found["expected_at"] for found in confirmed_lines(told, TEA_AND_CUP)] == [
        "2026-03-09", "2026-03-30",
    ]  # fmt: skip


def test_a_refused_line_has_no_day():
    told = said(line("TEA", 0, rejected=True, arrives_on=DUE), line("CUP", 40))
    assert confirmed_lines(told, TEA_AND_CUP)[0] == {"line": 1, "quantity": 0}


def test_differences_are_told_in_words():
    told = said(line("TEA", 90), line("CUP", 40, arrives_on=date(2026, 3, 10)))
    assert differences(confirmed_lines(told, TEA_AND_CUP), TEA_AND_CUP) == [
        "'TEA' 90 instead of 100", "'CUP' on 2026-03-10 instead of 2026-03-09",
    ]  # fmt: skip


def test_an_invoice_for_what_was_not_ordered_is_left_to_the_match():
    nuts = line("NUT", 3, unit_price=Decimal(1))
    first = line(None, 2, line_no=1, unit_price=Decimal(2))
    told = said(nuts, first, kind=INVOICE)
    assert invoiced_lines(told, TEA_AND_CUP) == [
        {"sku": "NUT", "quantity": 3, "unit_price": Decimal(1)},
        {"sku": "TEA", "quantity": 2, "unit_price": Decimal(2)},
    ]


parts = st.lists(
    st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 50), st.integers(0, 20)),
    min_size=1, max_size=12,
)  # fmt: skip


def schedule_of(told):
    """(day, units) of a line as it is meant, by day."""
    parts = told.get("parts", [told])
    return sorted((part["expected_at"], part["quantity"]) for part in parts)


@settings(deadline=None)
@given(parts=parts, kind=st.sampled_from([SHIPMENT, CONFIRMATION]))
def test_units_of_a_line_add_up_day_by_day(parts, kind):
    """The model: a counter of units by item and day."""
    whole = ordered(("A", 1), ("B", 1), ("C", 1))
    lines = [line(sku, units, arrives_on=DUE + timedelta(days=n)) for sku, units, n in parts]
    units = Counter()
    for sku, count, n in parts:
        units[sku, (DUE + timedelta(days=n)).isoformat()] += count
    expected = {
        number: sorted((day, count) for (of, day), count in units.items() if of == sku and count)
        for number, sku in enumerate("ABC", 1)
    }
    told = said(*lines, kind=kind, in_full=True)
    if kind == SHIPMENT and not any(expected.values()):
        with pytest.raises(InputRejected, match="nothing of this order"):
            shipped_lines(told, whole)
        return
    found = (shipped_lines if kind == SHIPMENT else confirmed_lines)(told, whole)
    schedules = {f["line"]: schedule_of(f) for f in found if f["quantity"]}
    assert schedules == {number: days for number, days in expected.items() if days}
    assert all(f["quantity"] == sum(u for _, u in schedules.get(f["line"], [])) for f in found)
    assert {f.get("shipment") for f in found} == {"N" if kind == SHIPMENT else None}


def test_a_part_without_a_day_has_none():
    told = said(line("TEA", 60, arrives_on=DUE), line("TEA", 40), line("CUP", 40))
    assert confirmed_lines(told, TEA_AND_CUP)[0]["parts"] == [
        {"quantity": 60, "expected_at": "2026-03-09"}, {"quantity": 40},
    ]  # fmt: skip


def test_other_days_of_parts_are_told_in_words():
    later = DUE + timedelta(days=14)
    agreed = replace(
        TEA_AND_CUP,
        lines=(replace(TEA_AND_CUP.lines[0], schedule=((DUE, 60), (later, 40))),
               TEA_AND_CUP.lines[1]),
    )  # fmt: skip
    parts = [line("TEA", 60, arrives_on=DUE), line("TEA", 40, arrives_on=later), line("CUP", 40)]
    assert differences(confirmed_lines(said(*parts), agreed), agreed) == []
    whole = [line("TEA", 100, arrives_on=later), line("CUP", 40)]
    assert differences(confirmed_lines(said(*whole), agreed), agreed) == [
        "'TEA' 100 on 2026-03-23 instead of 60 on 2026-03-09, 40 on 2026-03-23"
    ]
    # What came already is the first of it, and is not held against days.
    rest = replace(agreed, lines=(replace(agreed.lines[0], schedule=((later, 40),)),
                                  agreed.lines[1]))  # fmt: skip
    assert differences(confirmed_lines(said(*parts), rest), rest) == []


@settings(deadline=None)
@given(parts=parts, data=st.data())
def test_what_a_vendor_said_is_kept_to_the_digit(parts, data):
    price = st.none() | st.decimals(0, 10**6, places=4)
    day = st.none() | st.dates(date(2000, 1, 1))
    lines = [
        line(sku, units, arrives_on=data.draw(day), unit_price=data.draw(price),
             other_codes=("X", "Y")[:n % 3])
        for sku, units, n in parts
    ]  # fmt: skip
    told = said(*lines, total=data.draw(price), issued_on=data.draw(day), currency="EUR")
    assert said_of(told.as_dict()) == told


def test_an_order_is_kept_to_the_digit():
    lines = (DocumentLine(1, "TEA", "Tea", 3, Decimal("0.1000")),)
    told = a_document(lines=lines, purpose=CANCELLATION)
    again = OrderDocument.from_dict(told.as_dict())
    assert again == told
    assert again.total == Decimal("0.30")
