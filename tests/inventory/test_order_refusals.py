"""What people refuse to order is remembered with who, when and why, and left to people."""

from datetime import timedelta

import pytest

from inventory.auto_approval import AutoApproval
from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store import auto_approval, order_refusals
from inventory.store.order_proposals import propose
from inventory.store.purchase_orders import edit, get_order, list_orders
from tests.inventory.ordering import NOW, do, open_centre, plan_of, proposed

DAYS = 7


@pytest.fixture
def centre(db):
    open_centre(db)
    auto_approval.put(db, AutoApproval("small", value_max=5000), actor="bea", now=NOW)
    return db


def take_out(db, order, sku, reason="the cafe is closed"):
    return edit(db, order, actor="pia", role="planner", now=NOW, reason=reason,
                lines=[{"sku": sku, "quantity": 0}])  # fmt: skip


def refused(db, now=NOW):
    return {
        (each.sku, each.needed_units, each.refused_by, each.reason)
        for each in order_refusals.read_open(db, now=now, days=DAYS)
    }


def by_rules(db, now=NOW):
    return auto_approval.approve_by_rules(db, now=now)


def test_a_line_that_is_taken_out_and_an_order_that_is_rejected_are_remembered(centre):
    order = proposed(centre)
    take_out(centre, order, "CUP")
    assert refused(centre) == {("CUP", 40, "pia", "the cafe is closed")}
    do(centre, order, "reject", reason="under dispute")
    assert refused(centre) == {
        ("CUP", 40, "pia", "the cafe is closed"), ("TEA", 100, "ann", "under dispute"),
    }  # fmt: skip
    assert refused(centre, now=NOW + timedelta(days=7)) == set()


def test_an_order_that_is_cancelled_unsent_is_refused_and_one_that_was_sent_is_not(centre):
    order = proposed(centre, ("ACME", "TEA", 100))
    do(centre, order, "accept", "approve", "send", "cancel")
    assert refused(centre) == set()
    order = proposed(centre, ("ACME", "CUP", 40))
    do(centre, order, "accept", "cancel", reason="bought elsewhere")
    assert refused(centre) == {("CUP", 40, "ann", "bought elsewhere")}


def test_the_need_is_what_planning_saw_without_what_fills_an_order_up(centre):
    order = proposed(centre)
    centre.execute(
        'update purchase_order_lines set quantity = 60, explanation = \'{"terms": ['
        '{"term": "need", "quantity": 33}, {"term": "whole packs", "quantity": 7}, '
        '{"term": "supplier minimum", "quantity": 30}, {"term": "budget m", "quantity": -10}]}\' '
        "where sku = 'CUP'"
    )
    take_out(centre, order, "CUP")
    assert {units for _, units, *_ in refused(centre)} == {40}


def test_rules_approve_no_draft_that_a_person_touched(centre):
    """A line taken out, a day put off: each way the draft is that person's."""
    order = proposed(centre)
    take_out(centre, order, "CUP")
    propose(centre, plan_of(("ACME", "TEA", 100)), now=NOW)
    assert by_rules(centre) == []
    later = NOW.date() + timedelta(days=40)
    bolt = proposed(centre, ("ACME", "TEA", 100), ("BOLT", "NUT", 5))
    assert get_order(centre, bolt)["vendor"] == "BOLT"
    edit(centre, bolt, actor="pia", role="planner", now=NOW, reason="hold", expected_on=later)
    assert by_rules(centre) == []
    assert {o["state"] for o in list_orders(centre)["orders"]} == {"proposed"}


def test_what_is_refused_while_a_run_is_planning_is_left_out(centre):
    """The run began before the planner rejected, and writes its plan afterwards."""
    order = proposed(centre)
    soon = NOW + timedelta(seconds=1)
    do(centre, order, "reject", reason="under dispute", now=soon)
    done = propose(centre, plan_of(("ACME", "TEA", 100), ("BOLT", "NUT", 5)), now=NOW)
    assert (done.orders_created, done.lines_added) == (1, 1)
    assert [o["vendor"] for o in list_orders(centre, state="proposed")["orders"]] == ["BOLT"]


def test_what_came_back_because_its_need_grew_is_for_people_until_it_was_sent(centre):
    do(centre, proposed(centre, ("BOLT", "NUT", 10)), "reject", reason="enough")
    (found,) = order_refusals.read_open(centre, now=NOW, days=DAYS)
    order_refusals.end_by_planning(centre, {found.id: "the need grew"}, now=NOW)
    again = proposed(centre, ("BOLT", "NUT", 20))
    assert by_rules(centre) == []
    do(centre, again, "accept", "approve", "send", now=NOW + timedelta(hours=1))
    third = proposed(centre, ("BOLT", "NUT", 5))
    assert by_rules(centre) == [third]


def test_a_refusal_is_lifted_once_with_a_reason(centre):
    do(centre, proposed(centre, ("BOLT", "NUT", 10)), "reject", reason="enough")
    (listed,) = order_refusals.list_refusals(centre, now=NOW, days=DAYS)
    assert (listed["state"], listed["proposed_again_from_units"]) == ("held", 13)
    assert listed["until"] == NOW.date() + timedelta(days=7)
    told = {"actor": "bea", "now": NOW, "days": DAYS}
    with pytest.raises(InputRejected, match="say why"):
        order_refusals.lift(centre, listed["id"], reason=" ", **told)
    with pytest.raises(NotFound):
        order_refusals.lift(centre, 999, reason="x", **told)
    lifted = order_refusals.lift(centre, listed["id"], reason="a fair", **told)
    assert (lifted["state"], lifted["ended_by"], lifted["ended_reason"]) == (
        "ended", "bea", "a fair",
    )  # fmt: skip
    last = get_order(centre, lifted["purchase_order"])["events"][-1]
    assert (last["act"], last["actor"], last["changes"]) == ("lift", "bea", {"lifted": "NUT"})
    with pytest.raises(StateConflict, match="ended already"):
        order_refusals.lift(centre, listed["id"], reason="a fair", **told)
    assert order_refusals.list_refusals(centre, now=NOW, days=DAYS) == []
    # Refused anew it holds anew; a person's lift gives it back to the rules.
    proposed(centre, ("BOLT", "NUT", 10))
    assert len(by_rules(centre)) == 1
