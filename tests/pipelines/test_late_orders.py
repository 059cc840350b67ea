"""The daily job and an order that is late because a day ended: an alert, a shortage, a new day."""

from datetime import timedelta

from inventory.catalog import Channel
from inventory.reservations import AskedLine, Basket
from inventory.store import alerts, catalog, inbound, orders, reservations
from pipelines import daily
from pipelines.settings import Settings
from tests.inventory.ordering import DUE, NOW, do, open_centre, sent


def test_the_daily_job_tells_and_moves_what_time_alone_made_late(db):
    order = sent(open_centre(db))
    do(db, order, "confirm")
    catalog.put(db, Channel("web"))
    inbound.put(db, inbound_id="next", sku="TEA", location="DC", quantity=60, state="confirmed",
                expected_at=NOW + timedelta(days=17), now=NOW)  # fmt: skip
    basket = Basket("preorder", "web", "ship", (AskedLine("TEA", 60, "DC"),), order_id="o")
    reservations.place(db, basket, reservation_id="r", now=NOW)
    morning = NOW + timedelta(days=8)
    for _ in range(2):  # The second run of the day finds nothing to do.
        report = daily.DailyReport()
        daily._act(db, Settings(seed=7), report, now=morning, skus=None, progress=lambda _: None)
    late = alerts.list_alerts(db, kind="late_purchase_order")["alerts"]
    assert [
        (alert["detail"]["purchase_order"], alert["detail"]["days_late"]) for alert in late
    ] == [(order, 1)]
    kinds = db.execute(
        "select kind, count(*) from outbox where kind in ('shortage', 'promise_moved') "
        "group by kind order by kind"
    ).fetchall()
    assert kinds == [("promise_moved", 1), ("shortage", 1)]
    (line,) = orders.get(db, "o", now=morning).lines
    assert (line.first_promised_date, line.promised_date) == (DUE, DUE + timedelta(days=10))
