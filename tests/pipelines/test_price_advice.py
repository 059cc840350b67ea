"""Advice on prices from the database: where the past says enough, and why not where it does not."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from inventory.errors import NotFound
from pipelines.price_advice import advise, lines

NOW = datetime(2026, 3, 10, 6, 0, tzinfo=UTC)


@pytest.fixture
def shop(db):
    """TEA at 10, which sells 5 a day; 400 are there and policy would have 60."""
    db.execute("insert into locations (location, name, type) values ('DC', 'Centre', 'warehouse')")
    db.execute(
        "insert into skus (sku, name, unit_cost, price) values ('TEA', 'Tea', 4, 10), "
        "('NUT', 'Nut', 1, 2)"
    )
    db.execute(
        "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
        "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
        "values ('TEA', 'DC', 0, 30, 1, 60, 5, 1, 0.95, 'r', %s)",
        [NOW],
    )
    db.execute(
        "insert into demand_windows (sku, location, run_id, stated, planned_on, lead_time_days, "
        "lead_time_sd_days, review_period_days, lead_time_mean, review_mean, demand_rate, "
        "quantiles) values ('TEA', 'DC', 'r', '', %s, 5, 0, 1, 0, 0, 5, '{}')",
        [NOW.date()],
    )
    db.execute(
        "insert into balances (sku, location, status, units, updated_at) "
        "values ('TEA', 'DC', 'available', 400, %s)",
        [NOW],
    )
    return db


def history(db, prices, *, elasticity=-2.5):
    rng = np.random.default_rng(3)
    price = np.repeat(rng.choice(prices, 30), 14)
    units = rng.poisson(5 * (price / 10) ** elasticity)
    rows = [
        ("TEA", "DC", date(2026, 3, 9) - timedelta(days=n), int(u), float(p), NOW)
        for n, (u, p) in enumerate(zip(units, price, strict=True))
    ]
    db.cursor().executemany(
        "insert into sales_days (sku, location, day, units, price, known_at) "
        "values (%s, %s, %s, %s, %s, %s)",
        rows,
    )


def test_a_price_that_clears_is_recommended_with_its_uncertainty(shop):
    """150 sell in 30 days at 10; at 7 it would be 150 x 0.7^-2.5 = 366, at 10 x 366 x 0.7 = 2,562
    against 1,500: the truth lies in the interval, and the price among those that were tried.
    """
    history(shop, (10.0, 9.0, 8.0, 7.0))
    told = advise(shop, "TEA", now=NOW)
    assert told["elasticity"]["low"] <= -2.5 <= told["elasticity"]["high"]
    (found,) = told["clearance"]
    assert found["excess_units"] == 400 - 60 - 150
    best = found["recommendation"]
    assert 7.0 <= best["price"] < 8.0
    truth = 150 * (best["price"] / 10) ** -2.5
    assert best["sold_units"]["low"] <= min(truth, 400) <= best["sold_units"]["high"]
    assert best["gain"]["low"] > 0
    assert "at 7." in lines(told)[1]


def test_without_enough_prices_nothing_is_recommended_and_why(shop):
    history(shop, (10.0, 9.0))
    told = advise(shop, "TEA", now=NOW)
    assert told["elasticity"] is None
    assert "only 2 prices" in told["why_not"]
    assert told["clearance"][0]["recommendation"] is None
    assert "only 2 prices" in told["clearance"][0]["why_not"]
    assert "cannot be told" in lines(told)[0]


def test_what_has_no_policy_is_not_found(shop):
    with pytest.raises(NotFound):
        advise(shop, "NUT", now=NOW)
    with pytest.raises(NotFound):
        advise(shop, "TEA", now=NOW, location="ST")
