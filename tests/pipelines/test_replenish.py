"""From stored forecasts to proposed orders: idempotent, explained, and moved by the forecast."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.order_calendar import OrderCalendar
from inventory.store import alerts, order_calendars, purchase_orders
from inventory.store.database import connect
from inventory.store.forecasts import store_run
from inventory.store.policies import list_policies, read_policy
from inventory.store.policy_recomputes import due_recomputes
from pipelines import replenish as replenishing
from pipelines.buffers import compute_buffers
from pipelines.replan import replan
from pipelines.replenish import replenish
from pipelines.settings import Settings
from pipelines.stock_alerts import refresh_alerts

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
LEVEL = np.array(LEVELS)


def forecast_of(means, *, run_id, horizon=28, first_day=date(2026, 3, 2)):
    """Daily normal demand with a deviation of 0.3 of the mean, per (sku, location)."""
    keys = sorted(means)
    mean = np.array([means[key] for key in keys], dtype=float)
    quantiles = mean[:, None] * np.maximum(1 + 0.3 * norm.ppf(LEVEL), 0)
    return DemandForecast(
        skus=tuple(sku for sku, _ in keys),
        locations=tuple(location for _, location in keys),
        first_day=first_day,
        levels=LEVEL,
        quantiles_units=np.repeat(quantiles[:, None], horizon, axis=1),
        mean_units=np.repeat(mean[:, None], horizon, axis=1),
        dependence=np.full((len(keys), 2), 0.2),
        run_id=run_id,
        model_version="test",
    )


def stock(db, sku, location, units):
    db.execute(
        "insert into balances (sku, location, status, units, updated_at) "
        "values (%s, %s, 'available', %s, %s)",
        [sku, location, units, NOW],
    )


MEANS = {("TEA", "S1"): 10, ("TEA", "S2"): 4, ("SOAP", "S1"): 6, ("DUST", "S1"): 0}


@pytest.fixture
def retailer(db):
    """Two stores, two vendors; nothing on hand but 600 SOAP."""
    db.execute(
        "insert into locations (location, name, type, methods) values "
        "('S1', 'One', 'store', '{bopis}'), ('S2', 'Two', 'store', '{bopis}')"
    )
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, lead_time_sd_days) values "
        "('ACME', 'Acme', 5, 1), ('BOLT', 'Bolt', 2, 0)"
    )
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price, pack_size, min_order_quantity) "
        "values ('TEA', 'Tea', 'ACME', 4, 9, 12, 24), ('SOAP', 'Soap', 'BOLT', 1, 2, 1, 0), "
        "('DUST', 'Dust', 'BOLT', 1, 2, 1, 0)"
    )
    stock(db, "SOAP", "S1", 600)
    store_run(db, forecast_of(MEANS, run_id="run-1"), now=NOW)
    return db


def plan(db, *, now=NOW, **more):
    return replenish(db, Settings(seed=7), now=now, **more)


def lines_of(db):
    found = {}
    for order in purchase_orders.list_orders(db, state="proposed")["orders"]:
        for line in order["lines"]:
            found[line["sku"], order["location"]] = line
    return found


def everything(db):
    return [
        db.execute(f"select * from {table} order by 1, 2").fetchall()
        for table in ("purchase_orders", "purchase_order_lines", "purchase_order_events",
                      "policies", "alerts", "forecast_buffers")
    ]  # fmt: skip


def test_a_policy_explains_each_figure_by_terms_that_sum_exactly(retailer):
    plan(retailer)
    policy = read_policy(retailer, "TEA", "S1")
    for figure, explained in policy["explanation"].items():
        total = sum(term["quantity"] for term in explained["terms"])
        assert total == policy[figure], figure
    assert policy["lead_time"] == 5
    assert policy["run_id"] == "run-1"
    # Mean demand over lead time 5 and review 1, then the safety stock.
    assert policy["reorder_point"] - policy["safety_stock"] == pytest.approx(60, rel=0.002)
    assert policy["safety_stock"] > 0
    assert policy["order_quantity"] % 12 == 0


def test_an_order_line_explains_its_quantity_by_terms_that_sum_exactly(retailer):
    plan(retailer)
    lines = lines_of(retailer)
    assert set(lines) == {("TEA", "S1"), ("TEA", "S2")}  # SOAP has plenty, DUST does not sell.
    for line in lines.values():
        terms = line["explanation"]["terms"]
        assert sum(term["quantity"] for term in terms) == line["quantity"]
        assert line["quantity"] % 12 == 0
        assert {"demand over lead time", "safety stock", "on hand"} <= {t["term"] for t in terms}


def test_after_the_order_the_position_is_at_or_above_the_order_up_to_level(retailer):
    plan(retailer)
    for (sku, location), line in lines_of(retailer).items():
        policy = read_policy(retailer, sku, location)
        assert policy["order_up_to"] <= line["quantity"] < policy["order_up_to"] + 12


def test_one_order_per_vendor_and_location(retailer):
    report = plan(retailer)
    orders = purchase_orders.list_orders(retailer)["orders"]
    assert report.orders_created == len(orders) == 2
    assert {(o["vendor"], o["location"]) for o in orders} == {("ACME", "S1"), ("ACME", "S2")}
    assert {o["expected_on"] for o in orders} == {NOW.date() + timedelta(days=5)}


def test_running_again_changes_nothing(retailer):
    plan(retailer)
    compute_buffers(retailer, now=NOW, seed=7)
    before = everything(retailer)
    later = NOW + timedelta(minutes=5)
    report = plan(retailer, now=later)
    assert report.policies == 4
    assert report.triggered == 2
    assert (report.policies_changed, report.orders_created, report.lines_added) == (0, 0, 0)
    assert (report.lines_changed, report.lines_removed, report.alerts_raised) == (0, 0, 0)
    assert everything(retailer) == before


def test_what_was_accepted_counts_as_on_order_and_is_not_ordered_twice(retailer):
    plan(retailer)
    for order in purchase_orders.list_orders(retailer)["orders"]:
        purchase_orders.act(retailer, order["id"], "accept", actor="pia", role="planner", now=NOW)
    report = plan(retailer)
    assert report.triggered == 0
    assert len(purchase_orders.list_orders(retailer)["orders"]) == 2


def test_a_firmed_line_survives_re_planning(retailer):
    plan(retailer)
    order = next(
        o for o in purchase_orders.list_orders(retailer)["orders"] if o["location"] == "S1"
    )
    purchase_orders.edit(
        retailer, order["id"], actor="pia", role="planner", now=NOW, reason="shelf is small",
        lines=[{"sku": "TEA", "quantity": 36}],
    )  # fmt: skip
    store_run(retailer, forecast_of({k: 3 * v for k, v in MEANS.items()}, run_id="run-2"), now=NOW)
    plan(retailer)
    kept = lines_of(retailer)["TEA", "S1"]
    assert kept["quantity"] == 36
    assert kept["firmed"]
    assert sum(t["quantity"] for t in kept["explanation"]["terms"]) == 36


def test_stock_that_arrives_withdraws_the_proposal(retailer):
    plan(retailer)
    stock(retailer, "TEA", "S1", 999)
    stock(retailer, "TEA", "S2", 999)
    report = plan(retailer)
    assert report.orders_withdrawn == 2
    assert lines_of(retailer) == {}
    states = {o["state"] for o in purchase_orders.list_orders(retailer)["orders"]}
    assert states == {"cancelled"}


def test_commitments_and_inbound_move_the_position(retailer):
    """600 SOAP on hand; 590 sold but not shipped leave 10, below the reorder point."""
    retailer.execute("insert into channels (channel, name) values ('web', 'Web')")
    retailer.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at) "
        "values ('r', 'hard', 'confirmed', 'web', 'bopis', %s)", [NOW],
    )  # fmt: skip
    retailer.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, method, sku, "
        "location, promised_date, quantity, open_units, class) "
        "values ('r', 1, 1, 'bopis', 'SOAP', 'S1', %s, 590, 590, 'hard')",
        [NOW.date()],
    )
    plan(retailer)
    assert ("SOAP", "S1") in lines_of(retailer)
    retailer.execute(
        "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, source, "
        "updated_at) values ('t', 'SOAP', 'S1', 300, %s, 'confirmed', 'transfer', %s)", [NOW, NOW],
    )  # fmt: skip
    plan(retailer)
    assert ("SOAP", "S1") not in lines_of(retailer)


def test_a_promotion_raises_policy_and_buffer_of_its_own_sku_only(retailer):
    """The loop: re-forecast one SKU higher, and everything built on it rises."""
    retailer.execute(
        "insert into buffer_rules (rule_id, method, forecast) values ('bopis', 'bopis', "
        """'{"cancellation_cost": 15, "exposure_days": 1}')"""
    )
    plan(retailer)
    compute_buffers(retailer, now=NOW, seed=7)
    others = [p for p in list_policies(retailer)["policies"] if p["sku"] != "TEA"]
    before = read_policy(retailer, "TEA", "S1")
    buffers = dict(retailer.execute(
        "select sku, units from forecast_buffers where location = 'S1'").fetchall())  # fmt: skip

    raised = {("TEA", "S1"): 25, ("TEA", "S2"): 10}
    store_run(retailer, forecast_of(raised, run_id="promotion"), now=NOW)
    plan(retailer, skus=["TEA"])
    compute_buffers(retailer, now=NOW, seed=7, skus=["TEA"])
    after = read_policy(retailer, "TEA", "S1")
    higher = dict(retailer.execute(
        "select sku, units from forecast_buffers where location = 'S1'").fetchall())  # fmt: skip

    for figure in ("safety_stock", "reorder_point", "order_up_to"):
        assert after[figure] > before[figure] * 1.5
    assert after["run_id"] == "promotion"
    assert "promotion" in after["explanation"]["safety_stock"]["terms"][0]["source"]
    assert all(new > old for new, old in zip(higher["TEA"], buffers["TEA"], strict=True))
    assert higher["SOAP"] == buffers["SOAP"]
    assert [p for p in list_policies(retailer)["policies"] if p["sku"] != "TEA"] == others


def test_alerts_name_the_worst_of_a_position_and_close_by_themselves(retailer):
    plan(retailer)
    kinds = {(a["kind"], a["sku"], a["location"]) for a in alerts.list_alerts(retailer)["alerts"]}
    assert kinds == {
        ("out_of_stock", "TEA", "S1"), ("out_of_stock", "TEA", "S2"), ("overstock", "SOAP", "S1"),
    }  # fmt: skip
    stock(retailer, "TEA", "S1", 120)
    report = plan(retailer)
    assert report.alerts_resolved == 1


def test_a_sku_without_vendor_is_told_and_does_not_stop_the_run(retailer):
    retailer.execute("update skus set vendor = null where sku = 'TEA'")
    report = plan(retailer)
    assert report.policies == 2
    assert "TEA has no vendor" in report.problems[0]


def test_an_item_without_cost_has_no_lot_and_is_told(retailer):
    retailer.execute("update skus set unit_cost = 0 where sku = 'TEA'")
    report = plan(retailer)
    assert any("no unit cost" in problem for problem in report.problems)
    policy = read_policy(retailer, "TEA", "S1")
    assert policy["order_quantity"] == 0
    assert policy["order_up_to"] == policy["reorder_point"]


def test_an_order_below_the_vendors_minimum_is_told(retailer):
    retailer.execute("update vendors set min_order_value = 1e6 where vendor = 'ACME'")
    assert any("minimum order value" in problem for problem in plan(retailer).problems)


def test_lead_times_that_receipts_showed_are_planned_with(retailer):
    """Ten orders of TEA took ten days to S1, where ACME states five."""
    plan(retailer)
    before = read_policy(retailer, "TEA", "S1")
    sent = NOW - timedelta(days=40)
    for n in range(10):
        retailer.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on, sent_at) values (%s, 'ACME', 'S1', 'closed', %s, %s, %s, %s)",
            [f"OLD-{n}", sent, sent, sent.date(), sent],
        )
        retailer.execute(
            "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
            "received_units, unit_cost, explanation, run_id) "
            "values (%s, 1, 'TEA', 12, 12, 4, '{}', 'r')", [f"OLD-{n}"],
        )  # fmt: skip
        retailer.execute(
            "insert into purchase_order_receipts (purchase_order_id, line_no, quantity, status, "
            "received_at, recorded_at, actor) values (%s, 1, 12, 'available', %s, %s, 'a')",
            [f"OLD-{n}", sent + timedelta(days=10), sent],
        )
    plan(retailer)
    after = read_policy(retailer, "TEA", "S1")
    assert after["lead_time"] == pytest.approx((5 * 5 + 10 * 10) / 15, abs=1e-5)
    assert after["reorder_point"] > before["reorder_point"]
    assert after["sources"]["lead_time"] == "10 orders received from vendor ACME at S1"
    other = read_policy(retailer, "TEA", "S2")
    assert other["sources"]["lead_time"] == (
        "10 orders received from vendor ACME on its other lanes"
    )


def test_an_empty_database_plans_nothing(db):
    report = replenish(db, Settings(seed=7), now=NOW)
    assert (report.policies, report.orders_created, report.problems) == (0, 0, [])


def test_a_late_order_raises_one_alert_and_its_receipt_closes_it(retailer):
    plan(retailer)
    for order in purchase_orders.list_orders(retailer)["orders"]:
        for act in ("accept", "approve", "send", "confirm"):
            purchase_orders.act(retailer, order["id"], act, actor="a", role="admin", now=NOW)
    later = NOW + timedelta(days=8)
    plan(retailer, now=later)
    plan(retailer, now=later)
    late = alerts.list_alerts(retailer, kind="late_purchase_order")["alerts"]
    assert len(late) == 2
    assert "3 days late" in late[0]["message"]
    for order in purchase_orders.list_orders(retailer, state="confirmed")["orders"]:
        purchase_orders.act(retailer, order["id"], "receive", actor="a", role="admin", now=later)
    plan(retailer, now=later)
    assert alerts.list_alerts(retailer, kind="late_purchase_order")["alerts"] == []


def test_numbers_of_orders_go_on_after_a_day_of_many(retailer):
    retailer.execute(
        "insert into purchase_orders values ('PO-20260302-9999', 'BOLT', 'S1', 'closed', "
        "%s, %s, %s)", [NOW, NOW, date(2026, 3, 9)],
    )  # fmt: skip
    plan(retailer)
    ids = sorted(o["id"] for o in purchase_orders.list_orders(retailer, state="proposed")["orders"])
    assert ids == ["PO-20260302-10000", "PO-20260302-10001"]


def test_an_order_lasts_until_the_vendors_next_order_day(retailer):
    plan(retailer)
    daily = read_policy(retailer, "TEA", "S1")
    order_calendars.put(retailer, OrderCalendar("w", "ACME", ("monday",)))
    assert due_recomputes(retailer, limit=9) == ["TEA"]
    plan(retailer, asked=True)
    weekly = read_policy(retailer, "TEA", "S1")
    assert (daily["review_period"], weekly["review_period"]) == (1, 7)
    terms = {term["term"]: term for term in weekly["explanation"]["reorder_point"]["terms"]}
    lasts = terms["demand over review period"]
    assert lasts["quantity"] == pytest.approx(70, abs=0.01)  # Ten a day.
    assert lasts["source"].endswith("over 7 days, order calendar 'w' of vendor ACME")
    order_calendars.delete(retailer, "w")
    assert due_recomputes(retailer, limit=9) == ["TEA"]


def test_a_new_forecast_asks_for_policies_and_nothing_asked_meanwhile_is_lost(
    retailer, database_url, monkeypatch
):
    plan(retailer)
    assert due_recomputes(retailer, limit=9) == []
    grown = {**MEANS, ("TEA", "S1"): 20}
    store_run(retailer, forecast_of(grown, run_id="run-2"), now=NOW)
    assert due_recomputes(retailer, limit=9) == ["DUST", "SOAP", "TEA"]

    def refresh_while_another_sets_a_price(db, **asked):
        with connect(database_url) as other:
            other.execute("update skus set price = 10 where sku = 'TEA'")
        return refresh_alerts(db, **asked)

    monkeypatch.setattr(replenishing, "refresh_alerts", refresh_while_another_sets_a_price)
    plan(retailer)
    assert due_recomputes(retailer, limit=9) == ["TEA"]


def test_what_an_alert_recommends_is_what_planning_then_proposes(retailer):
    """Without any draft the alerts say how much, and the act they name makes those drafts."""
    stock(retailer, "TEA", "S2", 5)
    plan(retailer)
    proposed = {key: line["quantity"] for key, line in lines_of(retailer).items()}
    assert set(proposed) == {("TEA", "S1"), ("TEA", "S2")}
    retailer.execute("delete from purchase_orders")
    refresh_alerts(retailer, now=NOW)
    told = {
        (alert["sku"], alert["location"]): alert["detail"]
        for alert in alerts.list_alerts(retailer)["alerts"]
        if alert["kind"] in {"out_of_stock", "low_stock"}
    }
    assert {key: detail["recommended_quantity"] for key, detail in told.items()} == proposed
    act = {
        "label": "Plan it now, which proposes the order", "method": "POST",
        "path": "/api/v2/policies/compute", "body": {"skus": ["TEA"]},
    }  # fmt: skip
    assert [detail["action"] for detail in told.values()] == [act, act]
    with retailer.transaction():
        replan(retailer, Settings(seed=7), now=NOW, skus=["TEA"], asked=False)
    assert {key: line["quantity"] for key, line in lines_of(retailer).items()} == proposed
    (low,) = alerts.list_alerts(retailer, kind="low_stock")["alerts"]
    assert low["detail"]["action"]["label"] == "Accept the order"
