"""The console without a browser: charts as data, figures against plain counting, and its door."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from inventory.health import stock_health
from inventory.store import alert_settings, database, overview, sku_overview
from serving.console import figures, mount
from serving.console.figures import Fan, Sold
from serving.console.projection import project

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
STORY = Path(__file__).parents[1] / "browser" / "story.sql"


def days(count, first=MONDAY):
    return [first + timedelta(days=n) for n in range(count)]


def traces(figure):
    """By name; that plotly itself accepts the figure is checked on the way."""
    go.Figure(figure)
    return {trace.get("name"): trace for trace in figure["data"]}


FAN = Fan(
    days=days(3, MONDAY + timedelta(days=4)),
    quantiles_units={0.05: [1, 1, 2], 0.25: [2, 3, 3], 0.5: [4, 4, 5], 0.75: [6, 6, 7],
                     0.95: [9, 9, 12]},
)  # fmt: skip


def test_stock_out_days_are_marked_as_censored():
    sold = Sold(days(4), [5, 0, 3, 6], [1.0, 0.0, 0.5, 1.0])
    marked = traces(figures.demand_figure(sold, None, []))["Stock-out (censored)"]
    assert marked["x"] == ["2026-03-03", "2026-03-04"]
    assert marked["y"] == [0, 3]
    assert marked["customdata"] == ["100%", "50%"]


def test_a_position_that_was_never_out_has_no_such_marks():
    sold = Sold(days(2), [5, 6], [1.0, 1.0])
    assert list(traces(figures.demand_figure(sold, None, []))) == ["Sold"]


def test_the_fan_has_both_bands_around_the_median():
    drawn = traces(figures.demand_figure(Sold(days(4), [1] * 4, [1] * 4), FAN, []))
    assert drawn["p05–p95 low"]["y"] == [1, 1, 2]
    assert drawn["p05–p95"]["y"] == [9, 9, 12]
    assert drawn["p25–p75 low"]["y"] == [2, 3, 3]
    assert drawn["p25–p75"]["y"] == [6, 6, 7]
    assert drawn["p05–p95"]["fill"] == "tonexty"
    assert drawn["Forecast median"]["y"] == [4, 4, 5]
    order = list(drawn)
    assert order.index("p05–p95 low") + 1 == order.index("p05–p95")  # Filled to the one before.


def test_an_overridden_forecast_shows_what_it_was():
    sold = Sold(days(4), [1] * 4, [1] * 4)
    assert "Without overrides" not in traces(figures.demand_figure(sold, FAN, []))
    overridden = replace(FAN, plain_median_units=[3, 3, 3])
    drawn = traces(figures.demand_figure(sold, overridden, []))
    assert drawn["Without overrides"]["y"] == [3, 3, 3]
    assert drawn["Forecast median"]["y"] == [4, 4, 5]


def test_promotions_are_bands_from_noon_to_noon():
    promoted = [MONDAY + timedelta(days=n) for n in (1, 2, 6)]
    figure = figures.demand_figure(Sold(days(4), [1] * 4, [1] * 4), FAN, promoted)
    bands = [(s["x0"], s["x1"]) for s in figure["layout"]["shapes"] if s["type"] == "rect"]
    assert bands == [("2026-03-02T12:00", "2026-03-04T12:00"),
                     ("2026-03-07T12:00", "2026-03-08T12:00")]  # fmt: skip
    assert "Promotion" in traces(figure)


def test_projection_of_the_store_in_the_worked_example():
    """availability: S1 with 8 on hand; D0 2 + 1, D3 1 committed; 6 arrive on D4."""
    projection = project(
        days(8),
        on_hand_units=8,
        inbound_units={MONDAY + timedelta(days=4): 6},
        committed_units={MONDAY: 3, MONDAY + timedelta(days=3): 1},
        mean_demand_units=None,
        reorder_point=None,
        safety_stock=None,
    )
    assert projection.uncommitted_units == [5, 5, 5, 4, 10, 10, 10, 10]
    assert projection.expected_units is None


def test_an_order_is_not_counted_again_as_expected_demand():
    """Ten ordered for day 0, two expected a day: only from day 5 on does more leave."""
    projection = project(
        days(8),
        on_hand_units=15,
        inbound_units={},
        committed_units={MONDAY: 10},
        mean_demand_units={MONDAY: 2.0},
        reorder_point=4.0,
        safety_stock=1.5,
    )
    assert projection.expected_units == [5, 5, 5, 5, 5, 3, 1, 0]
    drawn = traces(figures.projection_figure(projection))
    assert drawn["Reorder point"]["y"] == [4.0, 4.0]
    assert drawn["Safety stock"]["y"] == [1.5, 1.5]
    assert drawn["Committed"]["y"] == [-10] + [None] * 7


def test_waterfall_ends_in_the_answer():
    terms = [("On hand", 8), ("Orders", -2), ("Carts", -1), ("Promise buffer", -6)]
    figure = figures.waterfall_figure(terms, raw_units=-1, atp_units=0)
    (trace,) = figure["data"]
    go.Figure(figure)
    moved = [x for x, how in zip(trace["x"], trace["measure"], strict=True) if how == "relative"]
    assert sum(moved) == -1
    assert trace["x"][-2:] == [-1, 0]
    assert trace["text"] == ["+8", "−2", "−1", "−6", "−1", "0"]
    assert figure["layout"]["yaxis"]["ticktext"][-1] == "Can be promised"


def test_health_bar_holds_every_position():
    figure = figures.health_figure({"out": 1, "low": 2, "healthy": 7})
    assert [trace["x"] for trace in figure["data"]] == [[1], [2], [7]]
    assert figure["layout"]["xaxis"]["range"] == [0, 10]
    go.Figure(figure)


POSITIONS = [
    # on hand, committed, reorder point, order up to, mean demand per day
    (0, 0, 10.0, 30.0, 2.0),
    (12, 12, 10.0, 30.0, 2.0),
    (10, 0, 10.0, 30.0, 2.0),
    (11, 0, 10.0, 30.0, 2.0),
    (90, 0, 10.0, 30.0, 2.0),
    (91, 0, 10.0, 30.0, 2.0),
    (0, 0, 0.0, 0.0, 0.0),
    (95, 5, 10.0, 30.0, 2.0),
]


def test_health_by_sql_agrees_with_the_rule(db):
    db.execute("insert into locations (location, name, type) values ('S1', 'Store', 'store')")
    db.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at)"
        " values ('R', 'hard', 'confirmed', 'web', 'ship', now())"
    )
    db.execute(
        "insert into forecast_runs values"
        " ('run', '2026-03-02', 7, 2, '{0.5}', 'm', null, 8, '2026-03-02', '')"
    )
    for n, (on_hand, committed, point, up_to, mean) in enumerate(POSITIONS):
        put_position(db, n, on_hand, committed=committed, policy=(point, up_to), mean_per_day=mean)
    columns = np.array(POSITIONS)
    expected = stock_health(
        sellable_units=columns[:, 0] - columns[:, 1],
        reorder_point_units=columns[:, 2],
        order_up_to_units=columns[:, 3],
        demand_per_day_units=columns[:, 4],
    )
    found = [
        sku_overview.sku_positions(db, f"SKU-{n}", now=NOW)[0].state for n in range(len(POSITIONS))
    ]
    assert found == expected.tolist()
    assert set(found) == {"out", "low", "healthy", "over"}
    counted = {c.state: c.positions for c in overview.stock_health(db, now=NOW)}
    assert counted == {state: found.count(state) for state in set(found)}


def put_position(db, number, on_hand, *, committed, policy, mean_per_day):
    sku = f"SKU-{number}"
    db.execute("insert into skus (sku, name) values (%s, %s)", [sku, sku])
    db.execute(
        "insert into balances (sku, location, status, units, updated_at)"
        " values (%s, 'S1', 'available', %s, now())",
        [sku, on_hand],
    )
    if committed:
        db.execute(
            "insert into reservation_lines (reservation_id, line_no, request_line, sku, method,"
            " location, promised_date, quantity, open_units, class)"
            " values ('R', %s, 1, %s, 'ship', 'S1', '2026-03-02', %s, %s, 'hard')",
            [number, sku, committed, committed],
        )
    weekly = [7 * mean_per_day] * 2
    db.execute(
        "insert into forecasts values ('run', %s, 'S1', %s, %s, '{0,0}')", [sku, weekly, weekly]
    )
    db.execute("insert into current_forecasts values (%s, 'S1', 'run')", [sku])
    db.execute(
        "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
        "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
        "values (%s, 'S1', 0, %s, 10, %s, 5, 1, 0.95, 'run', '2026-03-02')",
        [sku, *policy],
    )


def test_overview_counts_what_the_story_tells(db):
    """Every expected figure is worked out in the comments of story.sql."""
    db.execute(STORY.read_text())
    stock = overview.stock_totals(db)
    assert (stock.available_units, stock.value_at_cost, stock.unsellable_units) == (467, 769.0, 7)
    promises = overview.promise_totals(db, now=NOW)
    assert (promises.soft_units, promises.hard_units, promises.peg_units) == (3, 15, 0)
    assert (promises.reservations, promises.overdue_units, promises.due_7_days_units) == (3, 9, 9)
    orders = overview.order_totals(db)
    assert (orders.proposed, orders.accepted, orders.units, orders.cost) == (1, 1, 156, 234.0)
    assert overview.alert_counts(db, now=NOW) == {"critical": 1, "warning": 1, "info": 1}
    alerts = overview.open_alerts(db, now=NOW, limit=2)
    assert [a.severity for a in alerts] == ["critical", "warning"]
    run = overview.run_in_force(db)
    assert (run.run_id, run.series_in_force, run.series_on_other_runs) == ("run-2026-03-02", 1, 0)


def test_orders_wait_by_what_runs_out_first_and_then_by_what_they_save(db):
    db.execute(STORY.read_text())
    for order, runs_out, saves in [("PO-1", "2026-03-09", 900), ("PO-2", "2026-03-05", 20)]:
        db.execute(
            "update purchase_orders set stock_out_on = %s, revenue_protected = %s "
            "where purchase_order_id = %s", [runs_out, saves, order],
        )  # fmt: skip
    assert [o.purchase_order_id for o in overview.waiting_orders(db, limit=9)] == ["PO-2", "PO-1"]
    db.execute("update purchase_orders set stock_out_on = '2026-03-05'")
    assert [o.purchase_order_id for o in overview.waiting_orders(db, limit=9)] == ["PO-1", "PO-2"]


def test_what_was_put_off_is_not_open(db):
    db.execute(STORY.read_text())
    (first, *_) = overview.open_alerts(db, now=NOW, limit=9)
    until = NOW + timedelta(hours=1)
    alert_settings.snooze(db, first.alert_id, until=until, reason="known", by="p", now=NOW)
    assert first not in overview.open_alerts(db, now=NOW, limit=9)
    assert sum(overview.alert_counts(db, now=NOW).values()) == 2
    assert first in overview.open_alerts(db, now=until, limit=9)


def test_carts_end_by_the_clock(db):
    db.execute(STORY.read_text())
    later = NOW + timedelta(minutes=10)  # The instant at which R3 expires: no longer live.
    assert overview.promise_totals(db, now=later).soft_units == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("sku-1", ["SKU-1"]),
        ("kiln", ["SKU-2", "SKU/3 50%"]),
        ("coffee kiln", ["SKU/3 50%"]),
        ("50%", ["SKU/3 50%"]),
        ("%", ["SKU/3 50%"]),
        ("_", []),
        ("nothing like it", []),
    ],
)
def test_search_takes_words_literally(db, text, found):
    db.execute(STORY.read_text())
    assert [hit.sku for hit in overview.find_skus(db, text, limit=5)] == found


def test_flows_leave_out_planned_and_overdue_supply(db):
    db.execute(STORY.read_text())
    moves = sku_overview.flows(db, "SKU-1", "S1", today=MONDAY, now=NOW)
    assert moves.inbound_units == {date(2026, 3, 6): 24, date(2026, 3, 16): 48}
    assert moves.committed_units == {MONDAY: 3, date(2026, 3, 4): 6}
    later = sku_overview.flows(db, "SKU-1", "S1", today=date(2026, 3, 7), now=NOW)
    assert later.inbound_units == {date(2026, 3, 16): 48}
    assert later.committed_units == {date(2026, 3, 7): 9}


@pytest.fixture
def visitor(database_url, db):
    db.execute(STORY.read_text())
    with database.pool(database_url, size_max=2) as pool:
        app = FastAPI()
        mount(
            app,
            pool=pool,
            session_of_key=lambda key: "good" if key == "right" else None,
            role_of_session=lambda session: "viewer" if session == "good" else None,
            clock=lambda: NOW,
            atp_horizon_days=28,
        )
        yield TestClient(app, follow_redirects=False)


@pytest.mark.parametrize("path", ["/console/", "/console/sku/SKU-1?location=S1&method=bopis"])
def test_a_stranger_is_led_to_the_form_and_back(visitor, path):
    sent = visitor.get(path)
    assert sent.status_code == 307
    assert sent.headers["location"].startswith("/console/login?next=/console/")
    form = visitor.get(sent.headers["location"])
    assert form.status_code == 200
    action = form.text.split('action="')[1].split('"')[0]
    entered = visitor.post(action, data={"key": "right"})
    assert entered.status_code == 303
    assert entered.headers["location"] == path


def test_the_session_cookie_is_out_of_reach_of_scripts(visitor):
    entered = visitor.post("/console/login", data={"key": "right"})
    cookie = entered.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/console" in cookie
    assert visitor.get("/console/").status_code == 200
    assert "max-age=0" in visitor.get("/console/logout").headers["set-cookie"].lower()


@pytest.mark.parametrize("key", ["", "wrong", "x" * 5000])
def test_a_wrong_key_gets_no_session(visitor, key):
    refused = visitor.post("/console/login", data={"key": key})
    assert refused.status_code == 401
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize(
    "next_path", ["https://example.com/", "//example.com/", "/console/\\..", "/api/v2/skus"]
)
def test_sign_in_never_leads_out_of_the_console(visitor, next_path):
    entered = visitor.post("/console/login", params={"next": next_path}, data={"key": "right"})
    assert entered.headers["location"] == "/console/"


def test_nobody_reads_figures_without_a_session(visitor):
    assert visitor.post("/console/_dash-update-component", json={}).status_code == 401
    assert visitor.get("/console/_dash-layout").status_code == 401
    assert visitor.get("/console/assets/console.css").status_code == 200


def test_pages_may_load_nothing_from_elsewhere(visitor):
    visitor.cookies.set("vouch_session", "good")
    shown = visitor.get("/console/sku/SKU-1")
    assert "default-src 'self'" in shown.headers["content-security-policy"]
    assert 'src="http' not in shown.text
    assert 'href="http' not in shown.text


def test_other_paths_are_none_of_its_business(visitor):
    assert visitor.get("/consoles").status_code == 404
    assert visitor.get("/healthz").status_code == 404
