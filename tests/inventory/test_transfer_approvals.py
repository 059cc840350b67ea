"""Transfers that need no person, or two: the rules of orders to vendors, at unit cost."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from inventory.auto_approval import AutoApproval
from inventory.errors import InputRejected, StateConflict, UnknownLocation
from inventory.store import audit, auto_approval, database, transfer_terms
from inventory.store.transfer_proposals import propose
from inventory.store.transfers import edit, get_transfer, list_transfers
from tests.inventory.moving import NOW, do, hand, open_ends, plan_of

TODAY = NOW.date()


@pytest.fixture
def shop(db):
    return open_ends(db)


def rule(db, name="r", **more):
    return auto_approval.put(
        db, AutoApproval(name, subject="transfer", **more), actor="bea", now=NOW
    )


def approved(db):
    """Whether rules approve what planning proposes: 6 TEA at 4 and 2 CUP at 2, 28 in money."""
    propose(db, plan_of(("TEA", 6), ("CUP", 2)), now=NOW)
    return len(auto_approval.approve_by_rules(db, now=NOW, subject="transfer"))


def test_value_at_unit_cost_decides(shop):
    rule(shop, value_max=27.99)
    assert approved(shop) == 0
    rule(shop, value_max=28)
    assert approved(shop) == 1
    (found,) = list_transfers(shop)["transfers"]
    assert (found["state"], found["value"]) == ("approved", 28.0)
    assert [(e["act"], e["actor"], e["reason"]) for e in get_transfer(shop, found["id"])["events"]][
        1:
    ] == [
        ("accept", "rule:r", "rule r: value 28.00 <= 28.00"),
        ("approve", "rule:r", "rule r: value 28.00 <= 28.00"),
    ]
    assert auto_approval.approve_by_rules(shop, now=NOW, subject="transfer") == []


def test_both_ends_decide(shop):
    rule(shop, value_max=100, origin="ST")
    rule(shop, "s", value_max=100, destination="DC")
    assert approved(shop) == 0
    rule(shop, value_max=100, origin="DC", destination="ST")
    assert approved(shop) == 1


def test_a_rule_of_orders_moves_nothing(shop):
    auto_approval.put(shop, AutoApproval("o", value_max=100), actor="bea", now=NOW)
    assert approved(shop) == 0


def test_what_is_usual_on_the_way_decides(shop):
    rule(shop, deviation_max=0.5)
    assert approved(shop) == 0  # Nothing was ever moved.
    do(shop, list_transfers(shop)["transfers"][0]["id"], "accept", "approve", "ship")
    propose(shop, plan_of(("TEA", 10)), now=NOW)  # 6 is usual: 10 differs by two thirds.
    assert auto_approval.approve_by_rules(shop, now=NOW, subject="transfer") == []
    propose(shop, plan_of(("TEA", 9)), now=NOW)
    assert len(auto_approval.approve_by_rules(shop, now=NOW, subject="transfer")) == 1


def test_what_is_left_to_people(shop):
    rule(shop, value_max=100)
    hand(shop)  # A person's own proposal.
    assert auto_approval.approve_by_rules(shop, now=NOW, subject="transfer") == []
    transfer_terms.put(shop, "DC", second_approval_above=27, now=NOW, actor="bea")
    assert approved(shop) == 0
    transfer_terms.put(shop, "DC", second_approval_above=None, now=NOW, actor="bea")
    propose(shop, plan_of(("TEA", 16)), now=NOW)  # 20 are there, of which 5 stay.
    assert auto_approval.approve_by_rules(shop, now=NOW, subject="transfer") == []
    planned = next(t for t in list_transfers(shop)["transfers"] if t["planned"])
    assert planned["state"] == "proposed"
    assert [e["act"] for e in get_transfer(shop, planned["id"])["events"]] == ["propose", "replan"]
    edit(shop, planned["id"], actor="pia", role="planner", now=NOW, reason="less",
         lines=[{"sku": "TEA", "quantity": 3}])  # fmt: skip
    assert auto_approval.approve_by_rules(shop, now=NOW, subject="transfer") == []


def test_runs_at_once_approve_each_transfer_once(shop, database_url):
    propose(shop, plan_of(("TEA", 6)), now=NOW)
    rule(shop, value_max=100)

    def run(_):
        with database.connect(database_url) as other:
            return len(auto_approval.approve_by_rules(other, now=NOW, subject="transfer"))

    with ThreadPoolExecutor(3) as threads:
        assert sum(threads.map(run, range(3))) == 1


def test_two_different_buyers_above_an_amount(shop):
    transfer_terms.put(shop, "*", second_approval_above=20, now=NOW, actor="bea")
    transfer = hand(shop)  # 24.
    do(shop, transfer, "accept")
    found = do(shop, transfer, "approve", actor="buyer:1")
    assert (found["state"], found["approved_by"]) == ("accepted", ["buyer:1"])
    assert found["events"][-1]["changes"] == {"approvals": "1 of 2"}
    assert shop.execute("select from reservations").fetchall() == []  # Nothing is committed yet.
    with pytest.raises(StateConflict, match="another buyer"):
        do(shop, transfer, "approve", actor="buyer:1")
    edit(shop, transfer, actor="pia", role="planner", now=NOW, reason="more",
         lines=[{"sku": "TEA", "quantity": 7}])  # fmt: skip
    assert do(shop, transfer, "approve", actor="buyer:2")["state"] == "accepted"
    assert do(shop, transfer, "approve", actor="buyer:1")["state"] == "approved"


def test_terms_of_an_origin_hold_over_those_of_all(shop):
    transfer_terms.put(shop, "*", second_approval_above=20, now=NOW, actor="bea")
    transfer_terms.put(shop, "DC", second_approval_above=24, now=NOW, actor="bea")
    transfer = hand(shop)
    assert do(shop, transfer, "accept", "approve")["state"] == "approved"
    found = transfer_terms.get(shop, "ST")
    assert (found["second_approval_above"], found["in_force"]) == (
        None, {"second_approval_above": 20},
    )  # fmt: skip
    with pytest.raises(InputRejected):
        transfer_terms.put(shop, "*", second_approval_above=-1, now=NOW, actor="bea")
    with pytest.raises(UnknownLocation):
        transfer_terms.get(shop, "XX")


def test_the_report_says_what_share_was_automatic(shop):
    rule(shop, "small", value_max=28)
    assert approved(shop) == 1
    do(shop, hand(shop, [{"sku": "TEA", "quantity": 1}]), "accept", "approve")
    days = {"first": TODAY, "last": TODAY}
    assert auto_approval.report(shop, **days, subject="transfer") == {
        **days, "approved": 2, "automatic": 1, "share": 0.5, "value": 32.0,
        "automatic_value": 28.0, "value_share": 0.875,
        "by_rule": [{"rule": "small", "transfers": 1, "value": 28.0}],
    }  # fmt: skip
    assert auto_approval.report(shop, **days)["approved"] == 0
    before = TODAY - timedelta(days=1)
    none = auto_approval.report(shop, first=before, last=before, subject="transfer")
    assert (none["approved"], none["share"]) == (0, None)


def test_rules_that_cannot_be_meant_are_refused(shop):
    for subject, more, field in [
        ("transfer", {"vendor": "ACME"}, "vendor"),
        ("purchase_order", {"origin": "DC"}, "origin"),
    ]:
        with pytest.raises(InputRejected) as refused:
            auto_approval.put(shop, AutoApproval("r", subject=subject, value_max=1, **more),
                              actor="bea", now=NOW)  # fmt: skip
        assert refused.value.field == field
    with pytest.raises(UnknownLocation):
        rule(shop, value_max=1, destination="XX")


def test_what_was_done_is_in_the_record_of_changes(shop):
    transfer = hand(shop, reason="a fair")
    do(shop, transfer, "accept", actor="pia")
    for wanted in ({"sku": "TEA"}, {"location": "DC"}, {"location": "ST"}):
        found, _ = audit.page(shop, audit.AuditFilter(**wanted), before=audit.Position(), limit=100)
        assert [
            (row["act"], row["actor"], row["reason"], row["source"])
            for row in found
            if row["record"] == "transfer"
        ] == [
            ("accept", "pia", "accept as asked", f"transfer {transfer}"),
            ("propose", "pia", "a fair", f"transfer {transfer}"),
        ]
    found, _ = audit.page(shop, audit.AuditFilter(sku="CUP"), before=audit.Position(), limit=100)
    assert "transfer" not in {row["record"] for row in found}
