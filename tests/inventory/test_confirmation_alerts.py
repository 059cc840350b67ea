"""What a vendor cuts, makes dearer or declines is told once, with the act that resolves it."""

from datetime import timedelta

import pytest

from inventory.store import confirmation_alerts, order_terms, vendor_reports
from inventory.store.alerts import list_alerts
from tests.inventory.ordering import NOW, do, open_centre, proposed

KINDS = ("confirmed_less", "confirmed_dearer", "declined_order")


@pytest.fixture
def centre(db):
    return open_centre(db)


@pytest.fixture
def order(centre):
    """100 TEA and 206 CUP at 4.00, with the vendor."""
    order = proposed(centre, ("ACME", "TEA", 100), ("ACME", "CUP", 206))
    do(centre, order, "accept", "approve", "send")
    return order


def confirm(db, order, *lines, document="d1"):
    return vendor_reports.confirm(db, order, lines=lines, document_id=document, at=NOW,
                                  actor="vendor:ACME")  # fmt: skip


def told(db, *, open_only=True):
    found = list_alerts(db, open_only=open_only, now=NOW)["alerts"]
    return [alert for alert in found if alert["kind"] in KINDS]


def test_as_ordered_is_no_news(centre, order):
    confirm(centre, order)
    confirm(centre, order, {"sku": "TEA", "quantity": 100, "unit_cost": 4.0}, document="d2")
    assert told(centre, open_only=False) == []


def test_a_cut_is_told_once_and_a_second_one_again(centre, order):
    for _ in range(2):  # The repeat of a document is none.
        confirm(centre, order, {"sku": "CUP", "quantity": 150})
    (alert,) = told(centre)
    assert (alert["kind"], alert["severity"], alert["location"]) == (
        "confirmed_less", "warning", "DC",
    )  # fmt: skip
    assert alert["message"] == f"ACME confirms less of {order}: 56 CUP are missing"
    detail = alert["detail"]
    assert detail["lines"] == [{"line": 1, "sku": "CUP", "ordered_units": 206,
                                "confirmed_units": 150, "missing_units": 56,
                                "money": 224.0}]  # fmt: skip
    assert detail["action"]["path"] == f"/api/v2/purchase-orders/{order}/confirm"
    confirm(centre, order, {"sku": "CUP", "expected_on": "2026-03-20"}, document="d2")
    assert [each["id"] for each in told(centre)] == [alert["id"]]  # A day is other news.
    confirm(centre, order, {"sku": "TEA", "quantity": 90}, document="d3")
    (again,) = told(centre)
    assert again["id"] != alert["id"]
    assert "56 CUP, 10 TEA are missing" in again["message"]
    confirm(centre, order, {"sku": "CUP", "quantity": 206}, document="d4")
    (less,) = told(centre)
    assert (less["id"], less["detail"]["missing_units"]) == (again["id"], 10)
    confirm(centre, order, {"sku": "TEA", "quantity": 100}, document="d5")
    assert told(centre) == []
    assert len(told(centre, open_only=False)) == 2


@pytest.mark.parametrize(("share", "raised"), [(0.0, True), (0.05, True), (0.125, False)])
def test_a_dearer_price_is_told_beyond_what_the_terms_tolerate(centre, order, share, raised):
    order_terms.put(centre, "ACME", invoice_price_share=share, now=NOW, actor="bea")
    confirm(centre, order, {"sku": "TEA", "unit_cost": 4.5}, {"sku": "CUP", "unit_cost": 3.5})
    assert bool(told(centre)) == raised
    if raised:
        (alert,) = told(centre)
        assert alert["message"] == (
            f"ACME confirms {order} dearer: TEA at 4.5 instead of 4, 50.00 more"
        )
        # Said again it is no news; agreed upon it is none any more.
        confirm(centre, order, {"sku": "TEA", "unit_cost": 4.5}, document="d2")
        assert [each["id"] for each in told(centre)] == [alert["id"]]
        confirm(centre, order, {"sku": "TEA", "unit_cost": 4.0}, document="d3")
        assert told(centre) == []


def test_an_order_that_is_declined_stays_told_though_it_is_cancelled(centre, order):
    confirm(centre, order, {"sku": "TEA", "quantity": 0}, {"sku": "CUP", "quantity": 0})
    assert confirmation_alerts.settle(centre, now=NOW) == 0
    (alert,) = told(centre)
    assert (alert["kind"], alert["severity"]) == ("declined_order", "critical")
    assert alert["message"] == f"ACME delivers nothing of {order}: 206 CUP, 100 TEA are missing"


def test_an_alert_closes_with_its_order(centre, order):
    confirm(centre, order, {"sku": "CUP", "quantity": 150, "unit_cost": 5})
    assert {alert["kind"] for alert in told(centre)} == {"confirmed_less", "confirmed_dearer"}
    assert confirmation_alerts.settle(centre, now=NOW) == 0
    do(centre, order, "receive")
    assert confirmation_alerts.settle(centre, now=NOW + timedelta(minutes=1)) == 1
    assert {alert["kind"] for alert in told(centre)} == {"confirmed_dearer"}
    do(centre, order, "close")
    assert confirmation_alerts.settle(centre, now=NOW + timedelta(minutes=2)) == 1


def test_what_is_undone_with_its_document_is_not_told(centre, order):
    """A document that speaks against the order leaves nothing behind, also no alert."""
    with pytest.raises(Exception, match="is not on this order"):
        confirm(centre, order, {"sku": "CUP", "quantity": 150}, {"sku": "NUT", "quantity": 1})
    assert told(centre, open_only=False) == []
