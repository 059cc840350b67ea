"""What mails say of each kind of alert: figures as people read them, and the act."""

from datetime import date, timedelta

from inventory.alert_fields import in_currency, short
from inventory.alert_messages import text
from inventory.alerts import Situation, position_alerts
from inventory.late_alerts import late_order_alert
from inventory.shelf import Lot, Supply

TODAY = date(2026, 3, 10)


def told(alert, event="raised"):
    return {
        "event": event, "id": 7, "kind": alert.kind.split(":")[0],
        "severity": alert.severity, "sku": alert.sku, "location": alert.location,
        "message": alert.message,
        "detail": in_currency(alert.detail, "EUR"),
    }  # fmt: skip


def mail(alert, event="raised"):
    return text([told(alert, event)], digest=False).splitlines()


def alert_of(health, **more):
    given = {
        "sku": "TEA", "location": "S1", "health": health, "today": TODAY, "sellable_units": 0.0,
        "on_order_units": 5.0, "reorder_point_units": 20.0, "order_up_to_units": 50.0,
        "cover_days": 0.0, "demand_per_day_units": 150.0, "proposed_units": 1450.0, "price": 26.5,
        "unit_cost": 4.0, "purchase_order": "PO-1",
    }  # fmt: skip
    (found,) = position_alerts([Situation(**(given | more))])
    return found


def late(**more):
    return late_order_alert(
        order_id="PO-2", vendor="ACME", location="S1", expected_on=date(2026, 3, 9), today=TODAY,
        open_units=30, lines=[
            {"sku": "TEA", "open_units": 20, "current_stock": 3, "reorder_point": 12.0,
             "recommended_quantity": 20, "expected_stock_out_on": "2026-03-11"},
            {"sku": "CUP", "open_units": 10, "current_stock": 9, "reorder_point": None,
             "recommended_quantity": 10, "expected_stock_out_on": None},
        ], stock={"lines": 2, "current_stock": 12, "reorder_point": 12.0}, **more,
    )  # fmt: skip


def test_an_empty_shelf_tells_what_it_costs():
    """150 a day at 26.50, out for 3 days: 450 units, 11,925.00; supply in 2 days: 300."""
    out = alert_of(
        "out", out_since=TODAY - timedelta(days=3), supply=[Supply(TODAY + timedelta(days=2), 5)]
    )
    assert mail(out)[2:] == [
        "Stock: 0",
        "Reorder point: 20",
        "Recommended quantity: 1,450",
        "Expected stock-out: 2026-03-10",
        "On order: 5",
        "Days of cover: 0",
        "Out since: 2026-03-07",
        "Missed sales per day: 150 units, EUR 3,975.00",
        "Missed sales so far: 450 units, EUR 11,925.00",
        "Missed sales until supply comes: 300 units, EUR 7,950.00",
        "",
        "Accept the order: POST /api/v2/purchase-orders/PO-1/accept",
        "",
        "To hear of it later: POST /api/v2/alerts/7/snooze",
    ]


def test_a_late_order_tells_its_stock_and_what_runs_out_first():
    assert mail(late())[:-2] == [
        "PO-2 from ACME is 1 day late: 30 units are open",
        "",
        "Stock: 12",
        "Reorder point: 12",
        "Recommended quantity: 30",
        "Expected stock-out: 2026-03-11",
        "Purchase order: PO-2",
        "Vendor: ACME",
        "Days late: 1",
        "Expected on: 2026-03-09",
        "Units open: 30",
        "",
        "First to run out:",
        "- TEA: stock 3, reorder point 12, recommended quantity 20, expected stock-out 2026-03-11",
        "- CUP: stock 9, recommended quantity 10",
        "",
        "Ask the vendor, and say when it comes: POST /api/v2/purchase-orders/PO-2/redate",
    ]


def test_what_expires_tells_its_value_and_what_to_do():
    """10 of 12 kept 5 days and came 6 days ago; 2 came today."""
    lots = [Lot(TODAY - timedelta(days=6), 10), Lot(TODAY, 2)]
    gone = alert_of("healthy", sellable_units=12.0, shelf_life_days=5.0, lots=lots)
    found = mail(gone)
    assert "Of these expired: 10" in found
    assert "Their value: EUR 40.00" in found
    assert next(line for line in found if "/inventory/move" in line).endswith(
        '"quantity": 10, "from_status": "available", "to_status": "scrap"}'
    )


def test_a_digest_tells_fields_and_acts_too():
    out = alert_of("out", out_since=TODAY - timedelta(days=3))
    lines = text([told(late()), told(out, "escalated")], digest=True).splitlines()
    assert lines[0] == "[critical] 2 alerts: 1 late purchase order, 1 out of stock"
    assert lines[2].startswith("* [critical] TEA at S1 is out of stock")
    assert lines[2].endswith("(now critical)")
    assert lines[3] == (
        "  stock 0, reorder point 20, recommended quantity 1,450, expected stock-out 2026-03-10, "
        "missed sales so far 450 units, EUR 11,925.00"
    )
    assert lines[4] == "  Accept the order: POST /api/v2/purchase-orders/PO-1/accept"
    assert lines[6].startswith("  stock 12, reorder point 12")


def test_what_is_over_asks_for_nothing():
    found = mail(late(), "resolved")
    assert found[0].endswith("(resolved)")
    assert not [line for line in found if "POST" in line]


def test_money_of_a_sku_keeps_its_currency():
    assert in_currency({"currency": "USD"}, "EUR") == {"currency": "USD"}
    assert in_currency({"current_stock": 1}, "EUR") == {"current_stock": 1}
    assert short({}) == ""
