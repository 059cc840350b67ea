"""The alert of a transfer that is late: what it tells, and that it opens and closes by itself."""

from datetime import timedelta

from inventory.store.alerts import list_alerts
from pipelines.stock_alerts import refresh_supply
from tests.inventory.moving import NOW, do, hand, open_ends

DAY = timedelta(days=1)


def late(db, now):
    refresh_supply(db, now=now)
    return list_alerts(db, kind="late_transfer")["alerts"]


def test_a_late_transfer_raises_an_alert_until_it_is_there(db):
    """6 TEA are due on the 4th; the store has one."""
    open_ends(db)
    transfer = hand(db)
    do(db, transfer, "accept", "approve", "ship")
    assert late(db, NOW + 2 * DAY) == []
    (found,) = late(db, NOW + 5 * DAY)
    assert (found["message"], found["location"]) == (
        f"{transfer} from DC is 3 days late: 6 units are open", "ST",
    )  # fmt: skip
    assert found["detail"] == {
        "transfer": transfer, "origin": "DC", "days_late": 3, "expected_on": "2026-03-04",
        "open_units": 6, "current_stock": 1, "reorder_point": None, "recommended_quantity": 6,
        "expected_stock_out_on": None, "lines_open": 1,
        "lines": [{"sku": "TEA", "open_units": 6, "current_stock": 1, "reorder_point": None,
                   "recommended_quantity": 6, "expected_stock_out_on": None}],
        "action": {"label": "Ask the origin, and say when it comes", "method": "POST",
                   "path": f"/api/v2/transfers/{transfer}/redate"},
    }  # fmt: skip
    do(db, transfer, "redate", expected_on=(NOW + 9 * DAY).date())
    (again,) = late(db, NOW + 5 * DAY)
    assert again["id"] == found["id"]
    assert "is put off to 2026-03-11, 7 days late" in again["message"]
    do(db, transfer, "receive", now=NOW + 6 * DAY)
    assert late(db, NOW + 6 * DAY) == []
