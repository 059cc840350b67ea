"""Who may do what to an order, and where it leads: every pair of state and act."""

import pytest

from inventory.errors import StateConflict
from inventory.purchase_orders import ACTS, STATES, may, next_state, state_after_edit

ALLOWED = """
    proposed            accept    accepted
    proposed            reject    rejected
    proposed            cancel    cancelled
    accepted            approve   approved
    accepted            reject    rejected
    accepted            cancel    cancelled
    approved            send      sent
    approved            reject    rejected
    approved            cancel    cancelled
    sent                confirm   confirmed
    sent                ship      shipped
    sent                redate    sent
    sent                receive   received
    sent                cancel    cancelled
    sent                cancel_rest sent
    confirmed           confirm   confirmed
    confirmed           ship      shipped
    confirmed           redate    confirmed
    confirmed           receive   received
    confirmed           cancel    cancelled
    confirmed           cancel_rest confirmed
    shipped             confirm   shipped
    shipped             cancel_rest shipped
    shipped             ship      shipped
    shipped             redate    shipped
    shipped             receive   received
    shipped             close     closed
    partially_received  confirm   partially_received
    partially_received  cancel_rest partially_received
    partially_received  ship      partially_received
    partially_received  redate    partially_received
    partially_received  receive   received
    partially_received  close     closed
    received            close     closed
    received            receive   received
    closed              receive   closed
    cancelled           receive   cancelled
"""
TABLE = {
    (state, act): to for state, act, to in (line.split() for line in ALLOWED.strip().splitlines())
}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", STATES)
def test_every_state_and_act(state, act):
    if (state, act) in TABLE:
        assert next_state("PO-1", state, act) == TABLE[state, act]
        return
    with pytest.raises(StateConflict) as refused:
        next_state("PO-1", state, act)
    assert (refused.value.state, refused.value.act) == (state, act)


def test_a_receipt_that_leaves_units_open_is_partial():
    assert next_state("PO-1", "shipped", "receive", everything_received=False) == (
        "partially_received"
    )


@pytest.mark.parametrize(
    ("role", "acts"),
    [
        ("viewer", set()),
        ("scientist", set()),
        ("oms", {"receive"}),
        ("planner", {"accept", "reject", "edit"}),
        ("vendor", {"confirm", "ship", "redate"}),
        ("buyer", {"approve", "reject", "send", "confirm", "ship", "redate", "receive",
                   "cancel", "cancel_rest", "close", "edit"}),
        ("admin", {*ACTS, "edit"}),
    ],
)  # fmt: skip
def test_roles(role, acts):
    assert {act for act in (*ACTS, "edit") if may(act, role)} == acts


def test_nobody_but_an_admin_both_accepts_and_approves():
    assert not any(
        may("accept", role) and may("approve", role)
        for role in ("viewer", "oms", "vendor", "planner", "buyer", "scientist")
    )


def test_an_edit_after_approval_asks_for_approval_again():
    assert state_after_edit("PO-1", "approved") == "accepted"
    assert state_after_edit("PO-1", "proposed") == "proposed"
    with pytest.raises(StateConflict):
        state_after_edit("PO-1", "sent")
