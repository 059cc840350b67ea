"""Inputs that drift are found, named and told; those that do not stay quiet."""

import json

import numpy as np
import polars as pl
import pytest

from inventory.store import alerts, history
from pipelines.drift import input_drift
from pipelines.monitor import monitor, retraining_due
from tests.pipelines.monitored import day, forecast, morning, sales, stock_catalogue

DAYS = range(-120, 0)
SERIES = tuple((f"tea-{i}", "S1") for i in range(10))


@pytest.fixture
def trained(db):
    """Four months of sales with price, promotion and weather, then a model, then nothing yet."""
    stock_catalogue(db)
    db.execute("insert into skus (sku, name) select 'tea-' || i, '' from generate_series(0, 9) i")
    rng = np.random.default_rng(0)
    arrive(db, DAYS, rng)
    forecast(db, 0, 10, series=SERIES, horizon=60)
    return db


def arrive(db, days, rng, *, price=3.0, units=10.0):
    frames = [
        sales(
            n,
            rng.poisson(units, len(SERIES)),
            price=np.round(rng.normal(price, 0.2, len(SERIES)), 2),
            promotion=(rng.random(len(SERIES)) < 0.2).astype(float),
            covariates=json.dumps({"visitors": int(rng.integers(50, 60))}),
            series=SERIES,
        )
        for n in days
    ]
    history.upsert_sales_days(db, pl.concat(frames), now=morning(max(days) + 1, hour=5))
    places = pl.DataFrame({
        "location": ["S1"] * len(frames), "day": [day(n) for n in days],
        "covariates": [json.dumps({"rain": rain}) for rain in rng.gamma(1, 2, len(frames))],
    })  # fmt: skip
    history.upsert_location_days(db, places, now=morning(0))


def test_the_same_trade_goes_on(trained):
    arrive(trained, range(56), np.random.default_rng(1))
    monitor(trained, now=morning(56))
    psi = input_drift(trained, last=day(55), now=morning(56))
    assert set(psi) == {"units", "in_stock", "price", "promotion", "visitors"}
    # It rained on 28 days at one place: too few values to tell, however many items are sold there.
    assert max(psi[name] for name in ("units", "in_stock", "price", "promotion")) < 0.1


def test_a_new_price_is_a_drift_of_price_alone(trained):
    rng = np.random.default_rng(2)
    for n in range(56):
        arrive(trained, range(n, n + 1), rng, price=3.0 if n < 28 else 4.0)
    report = monitor(trained, now=morning(56))
    assert report.psi["price"] > 0.25
    told = [a["message"] for a in alerts.list_alerts(trained, kind="input_drift")["alerts"]]
    assert len(told) == 1
    assert told[0].startswith("price is spread otherwise")

    def due(n, trained_on):
        return retraining_due(trained, now=morning(n), trained_at=morning(trained_on), after_days=3)

    assert due(58, 0) == "input drift of price"
    assert due(70, 60) is None, "trained since, and a training cannot bring the price back"


def test_the_reference_is_kept_with_the_model(trained):
    arrive(trained, range(28), np.random.default_rng(3))
    monitor(trained, now=morning(28))
    kept = "select input, edges, shares, first_day, last_day from input_references order by 1"
    before = trained.execute(kept).fetchall()
    assert {row[4] for row in before} == {day(-1)}
    trained.execute("update sales_days set price = 9 where day < %s", [day(0)])
    monitor(trained, now=morning(28))
    assert trained.execute(kept).fetchall() == before
    forecast(trained, 28, 10, series=SERIES, version="m/2")
    monitor(trained, now=morning(29))
    versions = trained.execute("select distinct model_version from input_references").fetchall()
    assert sorted(versions) == [("m/1",)], "the new model's days have not come yet"


def test_without_a_model_nothing_drifts(db):
    assert input_drift(db, last=day(0), now=morning(1)) == {}
