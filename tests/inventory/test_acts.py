"""What a refusal of a step says: the way to it, and who may take it."""

import pytest

from inventory import purchase_orders as rules
from inventory.errors import InputRejected, StateConflict
from inventory.refusals import as_record, from_record
from inventory.store.purchase_orders import act
from tests.inventory.ordering import NOW, do, open_centre, proposed


@pytest.mark.parametrize(
    ("state", "act", "remedy"),
    [
        ("proposed", "approve", "first accept it (planner)"),
        ("proposed", "send", "first accept it (planner), then approve it (buyer)"),
        ("accepted", "send", "first approve it (buyer)"),
        ("approved", "receive", "first send it (buyer)"),
        ("sent", "close", "cancel it instead (buyer)"),
        ("partially_received", "cancel", "close it instead (buyer)"),
        ("sent", "reject", "cancel it instead (buyer)"),
        ("shipped", "reject", "close it instead (buyer)"),
        ("accepted", "cancel_rest", "change its quantities instead (planner, buyer)"),
        ("closed", "approve", ""),
        ("accepted", "accept", ""),
    ],
)
def test_a_step_that_comes_too_early_or_late_names_the_right_one(state, act, remedy):
    assert rules.remedy(state, act) == remedy


@pytest.mark.parametrize("state", rules.STATES)
@pytest.mark.parametrize("name", rules.ACTS)
def test_remedies_that_are_named_work(state, name):
    """Followed to the letter, each leads to where the act, or what stands for it, is allowed."""
    if state in rules.ACTS[name].from_states:
        return
    remedy = rules.remedy(state, name)
    if " instead " in remedy:
        other = remedy.split()[0]
        assert other == "change" or state in rules.ACTS[other].from_states
    elif remedy:
        for step in remedy.removeprefix("first ").split(", then "):
            state = rules.next_state("PO-1", state, step.split()[0])
        assert state in rules.ACTS[name].from_states


def test_refusals_of_an_order_say_what_helps(db):
    order = proposed(open_centre(db))
    told = rf"cannot approve purchase order '{order}': it is proposed; first accept it \(planner\)"
    with pytest.raises(StateConflict, match=told) as refused:
        do(db, order, "approve")
    assert str(from_record(as_record(refused.value))) == str(refused.value)
    with pytest.raises(InputRejected, match=r"'buyer' may not accept.*; planner or admin may"):
        act(db, order, "accept", actor="bea", role="buyer", now=NOW)


def test_a_refusal_that_was_kept_before_remedies_were_is_read():
    old = {"error": "StateConflict", "kind": "order", "key": "o", "state": "shipped", "act": "edit"}
    assert str(from_record(old)) == "cannot edit order 'o': it is shipped"
