"""Accuracy, value added and monitoring over HTTP, on days that came to a shop of its own."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from inventory.demand import LEVELS, DemandForecast
from inventory.errors import InputRejected
from inventory.store import database, forecasts, history
from pipelines.monitor import monitor
from serving.api import forecast_accuracy

NOW = datetime.now(UTC)
TODAY = NOW.date()


@pytest.fixture(scope="module")
def judged(client_of, http_database_url):
    """Two items at two places, forecast as 10 and sold as 8 and 12 for nine days."""
    from tests.serving.conftest import Shop

    shop = Shop(client_of("admin"))
    vendor = f"V-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    category = f"drinks-{shop.mark}"
    skus = [shop.sku("tea", category=category, vendor=vendor), shop.sku("cocoa", category=category)]
    places = [shop.location("one", kind="store"), shop.location("two", kind="store")]
    series = [(sku, place) for sku in skus for place in places]
    days = [TODAY - timedelta(days=back) for back in range(20, 0, -1)]
    with database.connect(http_database_url) as db:
        for day in days[9:]:
            forecasts.store_run(
                db, _certain(series, day, run_id=f"run-{day}-{shop.mark}"),
                now=datetime(day.year, day.month, day.day, 6, tzinfo=UTC),
            )  # fmt: skip
        for n, day in enumerate(days):
            sold = [8.0, 12.0, 8.0, 12.0] if n % 2 else [12.0, 8.0, 12.0, 8.0]
            rows = {"sku": [s for s, _ in series], "location": [p for _, p in series],
                    "day": [day] * 4, "units": sold}  # fmt: skip
            history.upsert_sales_days(db, pl.DataFrame(rows), now=NOW)
        monitor(db, now=NOW)
    return shop, skus, places, category, vendor


def _certain(series, day, *, run_id, units=10.0):
    N = len(series)
    return DemandForecast(
        skus=tuple(sku for sku, _ in series),
        locations=tuple(place for _, place in series),
        first_day=day,
        levels=np.array(LEVELS),
        quantiles_units=np.full((N, 14, len(LEVELS)), units),
        mean_units=np.full((N, 14), units),
        dependence=np.zeros((N, 2)),
        run_id=run_id,
        model_version="m/1",
    )


def asked(judged, **query):
    shop, *_ = judged
    return shop.ok(shop.client.get("/forecasts/accuracy", params=query))


def test_errors_net_out_by_level(judged):
    _, skus, _, category, _ = judged
    answer = asked(judged, category=category)
    # Ten days have a forecast of the evening before, each two units off ten on average.
    assert (answer["lead"], answer["days"], answer["n"]) == (1, 10, 40)
    assert answer["wape"] == 0.2
    assert answer["bias"] == 0
    # |8 - 10| / 8 and |12 - 10| / 12, as often.
    assert answer["mape"] == pytest.approx((2 / 8 + 2 / 12) / 2, abs=1e-6)
    assert answer["coverage"] == {"q95": 0.5, "q99": 0.5}
    assert answer["censored_share"] == 0
    (first, week) = answer["horizons"]
    assert [first["lead"], week["lead"]] == [1, 7]
    # Over the places of an item, and over a category, errors of opposite sign cancel.
    assert first["wape_by_level"] == {"item-location": 0.2, "item": 0, "category": 0}
    for level in ("item", "category", "total"):
        netted = asked(judged, level=level, category=category)
        assert netted["wape"] == 0
        # The naive forecast is seven days old, an odd number: each series is the other way round.
    one = asked(judged, level="location", category=category, sku=skus[0])
    assert one["wape"] == 0.2
    assert {worst["location"] for worst in one["worst"]} == set(judged[2])


def test_value_added_step_by_step(judged):
    _, _, _, category, _ = judged
    fva = asked(judged, category=category, lead=1)["fva"]
    # Seven days before, each series sold the other number: 4 units off.
    assert fva["naive"] == {"wape": 0.4, "error_units": 160}
    assert fva["statistical"]["value_added"] == {"over": "naive", "wape": 0.2, "units": 80}
    assert fva["final"]["value_added"] == {"over": "statistical", "wape": 0, "units": 0}


def test_days_and_leads_can_be_named(judged):
    _, skus, _, _, _ = judged
    since = (TODAY - timedelta(days=3)).isoformat()
    answer = asked(judged, sku=skus[0], **{"from": since, "to": since}, horizon=6)
    assert (answer["days"], answer["n"]) == (1, 2)
    assert [row["lead"] for row in answer["horizons"]] == [1]
    nothing = asked(judged, sku=skus[0], lead=28)
    assert (nothing["n"], nothing["wape"], nothing["horizons"]) == (0, None, [])


def test_what_is_not_understood_is_said(judged):
    shop, *_ = judged
    for query, field in (
        ({"lead": 3}, "lead"),
        ({"from": "2026-03-02", "to": "2026-03-01"}, "from"),
        ({"level": "planet"}, "level"),
        ({"to": "0001-01-01"}, "to"),
    ):
        refused = shop.client.get("/forecasts/accuracy", params=query)
        assert refused.status_code == 422
        assert refused.json()["field"] == field


def test_a_question_that_takes_too_long_is_ended(db, database_url, monkeypatch):
    monkeypatch.setattr(forecast_accuracy, "STATEMENT_SECONDS_MAX", 0.2)
    call = SimpleNamespace(
        now=NOW, principal=SimpleNamespace(vendor=None), db=lambda: database.connect(database_url)
    )
    assert forecast_accuracy.accuracy(call=call)["n"] == 0
    with db.transaction():
        db.execute("lock table forecast_outcomes")
        with pytest.raises(InputRejected, match="fewer days"):
            forecast_accuracy.accuracy(call=call)


def test_a_vendor_sees_its_own_items_and_no_planners(judged, client_of):
    _, skus, _, category, vendor = judged
    client = client_of("vendor", vendor)
    own = client.get("/forecasts/accuracy", params={"category": category}).json()
    assert own["n"] == 20
    assert {worst["sku"] for worst in own["worst"]} == {skus[0]}
    assert "overrides" not in own
    assert client.get("/forecasts/accuracy", params={"sku": skus[1]}).status_code == 403
    assert client.get("/forecasts/monitoring").status_code == 403


def test_the_latest_monitoring(judged):
    shop, _, places, category, _ = judged
    report = shop.ok(shop.client.get("/forecasts/monitoring"))
    assert report["last_day"] == (TODAY - timedelta(days=1)).isoformat()
    segments = {(row["kind"], row["segment"]): row for row in report["segments"]}
    assert segments["category", category]["wape"] == pytest.approx(0.2)
    assert {("total", ""), ("location", places[0]), ("demand_class", "new")} <= set(segments)
    assert report["thresholds"]["bias_max"] == 0.1
    # Both quantiles are 10 units, and half of the days sold 12.
    measures = {(b["measure"], b["kind"]) for b in report["breaches"]}
    assert ("forecast_coverage", "category") in measures
    found = shop.ok(shop.client.get("/alerts", params={"kind": "forecast_coverage"}))
    assert found["alerts"]
