"""The alert of goods that nobody ordered: raised when they come, closed when somebody decides."""

from inventory.store import approvals, vendor_reports
from inventory.store.alerts import list_alerts
from pipelines.stock_alerts import refresh_supply
from tests.inventory.ordering import NOW, do, open_centre, sent


def waiting(db):
    refresh_supply(db, now=NOW)
    return list_alerts(db, kind="awaiting_approval")["alerts"]


def came(db, units):
    order = sent(db)
    do(db, order, "confirm", "ship")
    lines = [{"line": 2, "quantity": units}]
    vendor_reports.receive(db, order, lines=lines, document_id="r1", at=NOW, actor="dock")
    return order


def test_units_that_nobody_ordered_ask_for_a_decision(db):
    """115 came of 100: 15 wait, and the 100 can be sold."""
    order = came(open_centre(db), 115)
    (found,) = waiting(db)
    assert (found["severity"], found["sku"]) == ("warning", "TEA")
    assert found["message"].startswith(
        f"15 units of TEA at DC of {order} wait for approval since {NOW:%Y-%m-%d}"
    )
    assert found["message"].endswith("; 15 more came than ordered")
    told = {"awaiting_units": 15, "excess_units": 15, "current_stock": 100,
            "recommended_quantity": 0}  # fmt: skip
    assert found["detail"] | told == found["detail"]
    act = found["detail"]["action"]
    assert (act["method"], act["path"]) == ("POST", f"/api/v2/inbound/{order}:2/approve")
    body = act["body"]
    approvals.approve(
        db, f"{order}:2", message_id=body["id"], quantity=body["quantity"], status=body["status"],
        now=NOW, actor="bea",
    )  # fmt: skip
    assert waiting(db) == []


def test_what_a_place_approves_in_any_case_is_only_a_note(db):
    open_centre(db)
    db.execute("update locations set receipt_approval = true")
    came(db, 40)
    (found,) = waiting(db)
    assert (found["severity"], found["detail"]["excess_units"]) == ("info", 0)
    assert "more came" not in found["message"]


def test_as_many_as_ordered_raise_nothing(db):
    came(open_centre(db), 100)
    assert waiting(db) == []
