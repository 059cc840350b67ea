"""Who did what to an order, by the names on their keys, and whose approval it still needs."""

import pytest

from inventory.errors import StateConflict, VersionConflict
from inventory.store import keys, order_terms
from inventory.store.act_history import nameless
from inventory.store.purchase_orders import get_order
from tests.inventory.ordering import NOW, do, open_centre, proposed


@pytest.fixture
def buyer(db):
    """`buyer(label)`: how a key of that label is on record."""

    def made(label):
        key = keys.create_key(db, role="buyer", label=label, now=NOW)
        return f"buyer:{key.split('_')[1]}"

    return made


def test_a_dear_order_says_who_signed_and_that_another_must(db, buyer):
    order = proposed(open_centre(db))  # Worth 560.
    order_terms.put(db, "ACME", second_approval_above=559.99, now=NOW, actor="bea")
    do(db, order, "accept")
    anna, unnamed = buyer("anna"), buyer("")
    found = do(db, order, "approve", actor=anna)
    assert (found["state"], found["approvals_needed"]) == ("accepted", 2)
    assert (found["second_approval_above"], found["approved_by_names"]) == (
        559.99,
        ["anna (buyer)"],
    )
    with pytest.raises(StateConflict, match="another buyer must approve it too"):
        do(db, order, "approve", actor=anna)
    found = do(db, order, "approve", actor=unnamed)
    assert (found["state"], found["approved_by_names"]) == ("approved", ["anna (buyer)", unnamed])


def test_events_name_people_by_the_labels_of_their_keys(db, buyer):
    order = proposed(open_centre(db))
    anna = buyer("anna")
    do(db, order, "accept", actor=anna)
    do(db, order, "approve", actor="cli:root")
    told = [(e["act"], e["actor"], e["actor_name"]) for e in get_order(db, order)["events"]]
    assert told[-2:] == [("accept", anna, "anna (buyer)"), ("approve", "cli:root", "cli:root")]
    assert "actor_name" not in nameless(get_order(db, order)["events"][-1])
    with pytest.raises(VersionConflict, match=r"accept by anna \(buyer\)"):
        do(db, order, "send", version=1)
    do(db, order, "send")
    with pytest.raises(VersionConflict) as refused:  # A vendor reads no names of ours.
        do(db, order, "confirm", role="vendor", version=1)
    assert "anna" not in str(refused.value)
    assert "anna" not in str(refused.value.changes)


def test_a_key_of_another_role_is_not_that_actor(db, buyer):
    anna = buyer("anna").replace("buyer:", "planner:")
    assert keys.names_of(db, [anna, "rule:small"]) == {anna: anna, "rule:small": "rule:small"}


def test_one_buyer_is_enough_without_terms(db):
    found = do(db, proposed(open_centre(db)), "accept", "approve")
    assert (found["approvals_needed"], found["second_approval_above"]) == (1, None)
    assert found["approved_by_names"] == ["ann"]
