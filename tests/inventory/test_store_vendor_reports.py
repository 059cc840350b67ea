"""What documents of vendors do to an order: heard once, line by line, never half."""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.errors import IdempotencyConflict, InputRejected, NotFound, StateConflict
from inventory.store import order_terms, vendor_reports
from inventory.store.purchase_orders import get_order
from tests.inventory.ordering import (
    DUE,
    NOW,
    do,
    inbound_of,
    on_hand,
    open_centre,
    proposed,
    sent,
)

CUP, TEA = 1, 2


@pytest.fixture
def order(db):
    return sent(open_centre(db))


def hear(db, what, order, document="d1", **more):
    report = getattr(vendor_reports, what)
    return report(db, order, document_id=document, at=NOW, actor="edi:acme", **more)


def lines_of(found):
    return {line["sku"]: line for line in found["lines"]}


def test_a_confirmation_changes_only_the_lines_it_names(db, order):
    told = [{"line": TEA, "quantity": 60, "expected_at": DUE + timedelta(days=7), "unit_cost": 4.2}]
    found = hear(db, "confirm", order, lines=told)
    tea, cup = lines_of(found)["TEA"], lines_of(found)["CUP"]
    assert (tea["quantity"], tea["ordered_units"], tea["expected_on"]) == (60, 100, "2026-03-16")
    assert (tea["unit_cost"], tea["confirmed_unit_cost"]) == (4.0, 4.2)
    assert (cup["quantity"], cup["expected_on"], cup["unconfirmed_units"]) == (40, "2026-03-09", 40)
    assert inbound_of(db) == [("TEA", 60, "confirmed", DUE + timedelta(days=7))]
    assert sum(term["quantity"] for term in tea["explanation"]["terms"]) == 60
    event = found["events"][-1]
    assert (event["act"], event["actor"]) == ("confirm", "edi:acme")
    assert event["changes"]["unit_cost"] == [{"sku": "TEA", "from": 4.0, "to": 4.2}]


def test_a_moment_that_was_told_is_the_moment_of_the_supply(db, order):
    db.execute("update locations set timezone = 'America/New_York'")
    at = datetime(2026, 3, 11, 2, 30, tzinfo=UTC)  # The evening of the 10th in New York.
    found = hear(db, "confirm", order, lines=[{"sku": "TEA", "expected_at": at}])
    assert lines_of(found)["TEA"]["expected_on"] == "2026-03-10"
    hear(db, "ship", order, "d2")  # No other day was told: the moment stays.
    told = db.execute("select expected_at from inbound where sku = 'TEA'").fetchone()
    assert told == (at,)


def test_a_document_is_heard_once(db, order):
    told = [{"line": TEA, "quantity": 60}]
    for _ in range(3):
        found = hear(db, "confirm", order, lines=told)
    assert [event["act"] for event in found["events"]].count("confirm") == 1
    with pytest.raises(IdempotencyConflict):
        hear(db, "confirm", order, lines=[{"line": TEA, "quantity": 61}])
    # The same number may stand on another kind of document.
    assert hear(db, "ship", order)["state"] == "shipped"


def test_a_refused_document_stays_refused_and_changes_nothing(db, order):
    told = [{"line": CUP, "quantity": 30}, {"line": 7, "quantity": 1}]
    for _ in range(2):
        with pytest.raises(InputRejected, match="'7' is not on this order"):
            hear(db, "confirm", order, lines=told)
    found = get_order(db, order)
    assert (found["state"], lines_of(found)["CUP"]["quantity"]) == ("sent", 40)


def test_a_line_named_by_number_and_another_sku_contradicts_itself(db, order):
    with pytest.raises(InputRejected, match="'CUP' is not on this order"):
        hear(db, "confirm", order, lines=[{"line": TEA, "sku": "CUP", "quantity": 1}])


def test_more_than_ordered_is_confirmed_only_within_the_terms(db, order):
    with pytest.raises(InputRejected, match="at most 100 are tolerated"):
        hear(db, "confirm", order, lines=[{"line": TEA, "quantity": 101}])
    order_terms.put(db, "ACME", over_receipt_share=0.05, now=NOW, actor="bea")
    assert hear(db, "confirm", order, "d2", lines=[{"line": TEA, "quantity": 105}])
    with pytest.raises(InputRejected, match="at most 105 are tolerated"):
        hear(db, "confirm", order, "d3", lines=[{"line": TEA, "quantity": 106}])


def test_a_vendor_that_confirms_nothing_cancels(db, order):
    found = hear(db, "confirm", order, lines=[{"line": TEA, "quantity": 0}])
    assert found["state"] == "confirmed"
    assert (inbound_of(db), lines_of(found)["CUP"]["unconfirmed_units"]) == ([], 40)
    found = hear(db, "confirm", order, "d2", lines=[{"line": CUP, "quantity": 0}])
    assert found["state"] == "cancelled"
    assert inbound_of(db) == []
    with pytest.raises(StateConflict):
        hear(db, "ship", order, "d3")


def test_a_second_confirmation_puts_the_first_right(db, order):
    hear(db, "confirm", order, lines=[{"line": TEA, "quantity": 60}])
    hear(db, "confirm", order, "d2", lines=[{"line": TEA, "quantity": 80}])
    assert inbound_of(db) == [("TEA", 80, "confirmed", DUE)]


def test_lines_are_confirmed_one_after_the_other_or_all_at_once(db, order):
    hear(db, "confirm", order, lines=[{"sku": "CUP", "quantity": 40}])
    assert inbound_of(db) == [("CUP", 40, "confirmed", DUE)]
    found = hear(db, "confirm", order, "d2", lines=[{"sku": "TEA", "quantity": 60}])
    assert inbound_of(db) == [("CUP", 40, "confirmed", DUE), ("TEA", 60, "confirmed", DUE)]
    assert [line["unconfirmed_units"] for line in found["lines"]] == [0, 0]


def test_a_confirmation_without_lines_is_of_all_of_them(db, order):
    hear(db, "confirm", order)
    assert inbound_of(db) == [("CUP", 40, "confirmed", DUE), ("TEA", 100, "confirmed", DUE)]


def test_shipments_add_up_and_what_nobody_spoke_of_is_no_supply(db, order):
    early = DUE - timedelta(days=3)
    found = hear(db, "ship", order, lines=[{"line": TEA, "quantity": 60, "expected_at": early}])
    assert (found["state"], lines_of(found)["TEA"]["shipped_units"]) == ("shipped", 60)
    # 40 of TEA are still with the vendor, which said nothing of them, nor of any CUP.
    assert inbound_of(db) == [("TEA", 60, "shipped", early)]
    assert (lines_of(found)["TEA"]["expected_on"], found["expected_on"]) == ("2026-03-09", DUE)
    rest = [{"line": TEA, "quantity": 40, "expected_at": early}]
    hear(db, "ship", order, "d2", lines=rest)
    assert inbound_of(db) == [("TEA", 100, "shipped", early)]
    with pytest.raises(InputRejected, match="101 units of 'TEA' are told as shipped"):
        hear(db, "ship", order, "d3", lines=[{"line": TEA, "quantity": 1}])
    hear(db, "ship", order, "d4")
    with pytest.raises(InputRejected, match="all of the order was told as shipped already"):
        hear(db, "ship", order, "d5")


def test_goods_that_come_without_a_word_are_received(db, order):
    assert inbound_of(db) == []
    found = hear(db, "receive", order)
    assert found["state"] == "received"
    assert on_hand(db) == {"CUP": 40, "TEA": 100}


def test_a_new_day_moves_the_supply_and_the_order(db, order):
    hear(db, "confirm", order)
    later = DUE + timedelta(days=10)
    found = hear(db, "redate", order, lines=[{"line": TEA, "expected_at": later}], reason="strike")
    assert (found["state"], found["expected_on"]) == ("confirmed", later)
    assert inbound_of(db) == [("CUP", 40, "confirmed", DUE), ("TEA", 100, "confirmed", later)]
    event = found["events"][-1]
    assert (event["reason"], event["changes"]["dates"]) == (
        "strike", [{"sku": "TEA", "from": "2026-03-09", "to": "2026-03-19"}],
    )  # fmt: skip
    with pytest.raises(InputRejected, match="which lines"):
        hear(db, "redate", order, "d2", lines=[])


def test_the_day_moves_before_anything_is_confirmed_too(db, order):
    found = hear(db, "redate", order, lines=[{"line": TEA, "expected_at": date(2026, 3, 20)}])
    assert (found["state"], inbound_of(db)) == ("sent", [])
    hear(db, "confirm", order)
    assert inbound_of(db)[1] == ("TEA", 100, "confirmed", date(2026, 3, 20))


def test_what_cannot_be_meant_is_refused(db):
    order = proposed(open_centre(db))
    with pytest.raises(StateConflict):
        hear(db, "confirm", order)
    with pytest.raises(NotFound):
        hear(db, "ship", "PO-0")
    do(db, order, "accept", "approve", "send")
    for line, field in [
        ({"line": TEA, "quantity": -1}, "quantity"),
        ({"line": TEA, "quantity": 1.5}, "quantity"),
        ({"line": TEA, "unit_cost": -1}, "unit_cost"),
        ({"line": TEA, "expected_at": "soon"}, "expected_on"),
        ({"line": TEA, "expected_at": datetime(2026, 3, 9)}, "expected_at"),  # noqa: DTZ001
    ]:
        with pytest.raises(InputRejected) as refused:
            hear(db, "confirm", order, str(line), lines=[line])
        assert (refused.value.field, refused.value.row) == (field, 1)
    with pytest.raises(InputRejected, match="named twice"):
        hear(db, "confirm", order, "twice", lines=[{"line": TEA}, {"sku": "TEA"}])
