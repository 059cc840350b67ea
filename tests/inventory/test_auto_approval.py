"""Orders that need no person: which rule holds, what is left to people, and what share it was."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from inventory.auto_approval import AutoApproval
from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.order_calendar import OrderCalendar
from inventory.store import auto_approval, database, order_calendars, order_terms
from inventory.store.order_proposals import propose
from inventory.store.purchase_orders import edit, get_order, list_orders
from tests.inventory.ordering import NOW, do, open_centre, plan_of, proposed

TODAY = NOW.date()


@pytest.fixture
def centre(db):
    return open_centre(db)


def rule(db, name="r", **more):
    return auto_approval.put(db, AutoApproval(name, **more), actor="bea", now=NOW)


def segment(db, sku, letters):
    db.execute(
        "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
        "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at, "
        "segment) values (%s, 'DC', 0, 0, 0, 0, 1, 1, 0.9, 'r', %s, %s)",
        [sku, NOW, letters],
    )


def approved(db, now=NOW):
    auto_approval.approve_by_rules(db, now=now)
    return {order["vendor"] for order in list_orders(db, state="approved")["orders"]}


def test_value_decides(centre):
    propose(centre, plan_of(("ACME", "TEA", 100), ("BOLT", "NUT", 25)), now=NOW)
    rule(centre, value_max=100)
    assert approved(centre) == {"BOLT"}  # 25 at 4 is 100; TEA comes to 400.
    found = get_order(centre, list_orders(centre, vendor="BOLT")["orders"][0]["id"])
    assert [(e["act"], e["actor"], e["reason"]) for e in found["events"][1:]] == [
        ("accept", "rule:r", "rule r: value 100.00 <= 100.00"),
        ("approve", "rule:r", "rule r: value 100.00 <= 100.00"),
    ]
    assert all(line["firmed"] for line in found["lines"])
    assert auto_approval.approve_by_rules(centre, now=NOW) == []


def test_a_value_is_bounded_in_its_own_currency(centre):
    """A hundred dollars are not a hundred euros; a rule about a vendor is in the vendor's money."""
    propose(centre, plan_of(("ACME", "TEA", 1), currency="USD"), now=NOW)
    propose(centre, plan_of(("BOLT", "NUT", 1), currency="EUR"), now=NOW, skus=["NUT"])
    rule(centre, value_max=100)
    assert len(auto_approval.approve_by_rules(centre, now=NOW, currency="EUR")) == 1
    assert {o["vendor"] for o in list_orders(centre, state="approved")["orders"]} == {"BOLT"}
    rule(centre, "acme", value_max=100, vendor="ACME")
    assert len(auto_approval.approve_by_rules(centre, now=NOW, currency="EUR")) == 1


def test_vendor_and_segments_decide(centre):
    propose(centre, plan_of(("ACME", "TEA", 1), ("ACME", "CUP", 1), ("BOLT", "NUT", 1)), now=NOW)
    segment(centre, "TEA", "AX")
    segment(centre, "CUP", "CZ")
    segment(centre, "NUT", "AX")
    rule(centre, value_max=100, segments=("AX", "AY"), vendor="ACME")
    assert approved(centre) == set()
    rule(centre, value_max=100, segments=("AX", "AY"))
    assert approved(centre) == {"BOLT"}
    rule(centre, value_max=100, segments=("AX", "CZ"), vendor="ACME")
    assert approved(centre) == {"ACME", "BOLT"}


def test_the_usual_order_decides(centre):
    rule(centre, deviation_max=0.2)
    for number, units in enumerate((80, 100, 300)):  # The median is 100.
        order = proposed(centre, ("ACME", "TEA", units))
        assert approved(centre) == set()  # As long as there is no usual order, or it is off.
        do(centre, order, "accept", "approve", "send", now=NOW + timedelta(hours=number))
    proposed(centre, ("ACME", "TEA", 121))
    assert approved(centre) == set()
    proposed(centre, ("ACME", "TEA", 120))
    assert approved(centre) == {"ACME"}


def test_what_is_left_to_people(centre):
    rule(centre, value_max=1_000)
    order_calendars.put(centre, OrderCalendar("c", "BOLT", ("thursday",)))
    propose(centre, plan_of(("ACME", "TEA", 100), ("BOLT", "NUT", 1)), now=NOW)
    order_terms.put(centre, "ACME", second_approval_above=399, now=NOW, actor="bea")
    assert approved(centre) == set()  # Two buyers for ACME, and BOLT is ordered on Thursday.
    order_terms.put(centre, "ACME", second_approval_above=400, now=NOW, actor="bea")
    order = list_orders(centre, vendor="ACME")["orders"][0]["id"]
    edit(centre, order, actor="pia", role="planner", now=NOW, reason="more",
         lines=[{"sku": "TEA", "quantity": 90}])  # fmt: skip
    assert approved(centre, now=NOW + timedelta(days=3)) == {"BOLT"}
    centre.execute("update auto_approval_rules set enabled = false")
    propose(centre, plan_of(("BOLT", "NUT", 1)), now=NOW + timedelta(days=3))
    assert auto_approval.approve_by_rules(centre, now=NOW + timedelta(days=3)) == []


def test_runs_at_once_approve_each_order_once(centre, database_url):
    propose(centre, plan_of(("ACME", "TEA", 1), ("BOLT", "NUT", 1)), now=NOW)
    rule(centre, value_max=100)

    def run(_):
        with database.connect(database_url) as other:
            return len(auto_approval.approve_by_rules(other, now=NOW))

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(run, range(4))) == 2
    acts = centre.execute("select act, count(*) from purchase_order_events group by act").fetchall()
    assert dict(acts) == {"propose": 2, "accept": 2, "approve": 2}


def test_the_report_says_what_share_was_automatic(centre):
    rule(centre, "small", value_max=100)
    order = proposed(centre, ("ACME", "TEA", 100), ("BOLT", "NUT", 25))
    approved(centre)
    order = list_orders(centre, vendor="ACME")["orders"][0]["id"]
    do(centre, order, "accept", "approve")
    found = auto_approval.report(centre, first=TODAY, last=TODAY)
    assert found == {
        "first": TODAY, "last": TODAY, "approved": 2, "automatic": 1, "share": 0.5, "value": 500,
        "automatic_value": 100, "value_share": 0.2,
        "by_rule": [{"rule": "small", "orders": 1, "value": 100}],
    }  # fmt: skip
    # Approved again by a person after an edit: then a person did.
    bolt = list_orders(centre, vendor="BOLT")["orders"][0]["id"]
    edit(centre, bolt, actor="bea", role="buyer", now=NOW, reason="more",
         lines=[{"sku": "NUT", "quantity": 30}])  # fmt: skip
    do(centre, bolt, "approve")
    assert auto_approval.report(centre, first=TODAY, last=TODAY)["automatic"] == 0
    empty = auto_approval.report(centre, first=TODAY + timedelta(1), last=TODAY + timedelta(2))
    assert (empty["approved"], empty["share"]) == (0, None)


def test_two_different_buyers_above_an_amount(centre):
    order_terms.put(centre, "*", second_approval_above=500, now=NOW, actor="bea")
    order = proposed(centre)  # 560.
    do(centre, order, "accept")
    found = do(centre, order, "approve", actor="buyer:1")
    assert (found["state"], found["approved_by"]) == ("accepted", ["buyer:1"])
    assert found["events"][-1]["changes"] == {"approvals": "1 of 2"}
    with pytest.raises(StateConflict, match="another buyer"):
        do(centre, order, "approve", actor="buyer:1")
    # An edit makes it another order: both must look again.
    edit(centre, order, actor="buyer:1", role="buyer", now=NOW, reason="less",
         lines=[{"sku": "TEA", "quantity": 99}])  # fmt: skip
    assert do(centre, order, "approve", actor="buyer:2")["state"] == "accepted"
    assert do(centre, order, "approve", actor="buyer:1")["state"] == "approved"


def test_two_approvals_at_once_by_one_buyer_are_one(centre, database_url):
    order_terms.put(centre, "*", second_approval_above=500, now=NOW, actor="bea")
    order = proposed(centre)
    do(centre, order, "accept")

    def approve(_):
        with database.connect(database_url) as other:
            try:
                return do(other, order, "approve", actor="buyer:1")["state"]
            except StateConflict:
                return "refused"

    with ThreadPoolExecutor(3) as threads:
        assert sorted(threads.map(approve, range(3))) == ["accepted", "refused", "refused"]


def test_an_order_of_no_great_value_needs_one(centre):
    order_terms.put(centre, "*", second_approval_above=500, now=NOW, actor="bea")
    order_terms.put(centre, "ACME", second_approval_above=560, now=NOW, actor="bea")
    order = proposed(centre)
    do(centre, order, "accept")
    assert do(centre, order, "approve")["state"] == "approved"


def test_rules_that_cannot_be_meant_are_refused(centre):
    for more, field in [
        ({}, "value_max"),
        ({"value_max": -1}, "value_max"),
        ({"deviation_max": float("nan")}, "deviation_max"),
        ({"value_max": 1, "segments": ()}, "segments"),
    ]:
        with pytest.raises(InputRejected) as refused:
            rule(centre, **more)
        assert refused.value.field == field
    with pytest.raises(NotFound):
        rule(centre, value_max=1, vendor="NOBODY")
    with pytest.raises(NotFound):
        auto_approval.delete(centre, "r")


def test_terms_fall_back_and_say_what_holds(centre):
    order_terms.put(centre, "*", over_receipt_share=0.05, second_approval_above=900, now=NOW,
                    actor="bea")  # fmt: skip
    found = order_terms.put(centre, "ACME", over_receipt_share=0.0, now=NOW, actor="bea")
    assert found["over_receipt_share"] == 0
    assert found["second_approval_above"] is None
    assert found["in_force"] == {
        "over_receipt_share": 0, "invoice_quantity_share": 0, "invoice_price_share": 0,
        "second_approval_above": 900,
    }  # fmt: skip
    with pytest.raises(InputRejected, match=r"5 % is 0.05"):
        order_terms.put(centre, "*", over_receipt_share=50, now=NOW, actor="bea")
    with pytest.raises(NotFound):
        order_terms.get(centre, "NOBODY")
