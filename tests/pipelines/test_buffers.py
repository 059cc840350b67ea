"""Promise buffers from stored forecasts: whose rule, which day, and why so many."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.store.forecast_buffers import read_buffer
from inventory.store.forecasts import store_run
from pipelines.buffers import compute_buffers, without_rules
from pipelines.defaults import add_store_buffers

NOW = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
LEVEL = np.array(LEVELS)


def forecast_of(means, *, run_id="run-1", horizon=14):
    keys = sorted(means)
    mean = np.array([means[key] for key in keys], dtype=float)
    quantiles = mean[:, None] * np.maximum(1 + 0.3 * norm.ppf(LEVEL), 0)
    return DemandForecast(
        skus=tuple(sku for sku, _ in keys),
        locations=tuple(location for _, location in keys),
        first_day=date(2026, 3, 2),
        levels=LEVEL,
        quantiles_units=np.repeat(quantiles[:, None], horizon, axis=1),
        mean_units=np.repeat(mean[:, None], horizon, axis=1),
        dependence=np.zeros((len(keys), 2)),
        run_id=run_id,
        model_version="test",
    )


MEANS = {("TEA", "S1"): 20, ("TEA", "DC"): 60, ("CUP", "S1"): 8}


@pytest.fixture
def shop(db):
    db.execute(
        "insert into locations (location, name, type, timezone, methods) values "
        "('S1', 'Store', 'store', 'UTC', '{bopis}'), "
        "('DC', 'Centre', 'warehouse', 'UTC', '{ship}')"
    )
    db.execute(
        "insert into skus (sku, name, category, unit_cost, price) values "
        "('TEA', 'Tea', 'drink', 4, 5), ('CUP', 'Cup', 'ware', 1, 3)"
    )
    store_run(db, forecast_of(MEANS), now=NOW)
    return db


def rule(db, rule_id, forecast, **columns):
    names = ["rule_id", "forecast", *columns]
    db.execute(
        f"insert into buffer_rules ({', '.join(names)}) values ({', '.join(['%s'] * len(names))})",
        [rule_id, json.dumps(forecast), *columns.values()],
    )


def compute(db, *, now=NOW, **more):
    return compute_buffers(db, now=now, seed=7, **more)


def units(db, sku="TEA", location="S1", rule_id="r"):
    found = read_buffer(db, sku=sku, location=location, rule_id=rule_id)
    return None if found is None else found[1]


def test_the_costs_of_the_rule_set_the_quantile(shop):
    """Cancelling costs 19, TEA earns 1: the 0.95 quantile of a day of 20 ± 6."""
    rule(shop, "r", {"cancellation_cost": 19}, method="bopis")
    report = compute(shop)
    assert (report.rules, report.positions, report.written) == (1, 2, 2)
    assert report.problems == []
    expected = 20 + 6 * norm.ppf(0.95)
    assert abs(units(shop)[1] - np.ceil(expected)) <= 1
    assert len(units(shop)) == 14


def test_only_positions_that_the_rule_speaks_of(shop):
    rule(shop, "by-place", {"level": 0.9}, location_type="warehouse")
    rule(shop, "by-category", {"level": 0.9}, category="ware")
    rule(shop, "by-sku", {"level": 0.9}, sku="TEA", location="S1")
    compute(shop)
    found = shop.execute(
        "select rule_id, sku, location from forecast_buffers order by 1"
    ).fetchall()
    assert found == [
        ("by-category", "CUP", "S1"), ("by-place", "TEA", "DC"), ("by-sku", "TEA", "S1"),
    ]  # fmt: skip


def test_each_day_is_explained_by_terms_that_sum(shop):
    rule(shop, "r", {"level": 0.9, "record_error_units": 1.5, "floor": 2}, method="bopis")
    compute(shop, now=NOW + timedelta(hours=7))
    first_day, per_day, run_id, explanation = read_buffer(
        shop, sku="TEA", location="S1", rule_id="r"
    )
    assert (first_day, run_id) == (date(2026, 3, 2), "run-1")
    for day, terms in enumerate(explanation["days"]):
        assert sum(term["quantity"] for term in terms) == per_day[day]
    assert "run-1" in explanation["terms"][0]["source"]


def test_the_buffer_of_today_shrinks_through_the_day_and_those_after_stay(shop):
    rule(shop, "r", {"level": 0.95}, method="bopis")
    seen = []
    for hour in (0, 8, 16, 23):
        compute(shop, now=NOW + timedelta(hours=hour))
        seen.append(units(shop))
    assert [today for today, *_ in seen] == sorted((s[0] for s in seen), reverse=True)
    assert seen[-1][0] < seen[0][0] / 4
    assert len({tuple(later) for _, *later in seen}) == 1


def test_tomorrow_the_same_forecast_starts_a_day_later(shop):
    rule(shop, "r", {"level": 0.95}, method="bopis")
    compute(shop, now=NOW + timedelta(days=1))
    first_day, per_day, *_ = read_buffer(shop, sku="TEA", location="S1", rule_id="r")
    assert first_day == date(2026, 3, 3)
    assert len(per_day) == 14


def test_orders_in_hand_leave_the_buffer(shop):
    rule(shop, "r", {"level": 0.95}, method="bopis")
    compute(shop)
    before = units(shop)
    shop.execute("insert into channels (channel, name) values ('web', 'Web')")
    shop.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at) "
        "values ('r', 'hard', 'confirmed', 'web', 'bopis', %s)", [NOW],
    )  # fmt: skip
    shop.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, method, sku, "
        "location, promised_date, quantity, open_units, class) "
        "values ('r', 1, 1, 'bopis', 'TEA', 'S1', '2026-03-04', 5, 5, 'hard')"
    )
    compute(shop)
    after = units(shop)
    assert after[2] == before[2] - 5
    assert after[:2] + after[3:] == before[:2] + before[3:]


def test_running_again_writes_nothing(shop):
    rule(shop, "r", {"level": 0.95})
    assert compute(shop).written == 3
    assert compute(shop).written == 0


def test_a_higher_forecast_withholds_more(shop):
    rule(shop, "r", {"level": 0.95})
    compute(shop)
    before, other = units(shop), units(shop, sku="CUP")
    store_run(shop, forecast_of({("TEA", "S1"): 40}, run_id="promotion"), now=NOW)
    compute(shop, skus=["TEA"])
    assert all(new > old for new, old in zip(units(shop), before, strict=True))
    assert units(shop, sku="CUP") == other
    assert read_buffer(shop, sku="TEA", location="S1", rule_id="r")[2] == "promotion"


def test_a_rule_that_no_longer_speaks_takes_its_buffers_along(shop):
    rule(shop, "r", {"level": 0.95})
    compute(shop)
    shop.execute("update buffer_rules set sku = 'CUP'")
    report = compute(shop)
    assert report.removed == 2
    assert units(shop) is None


@pytest.mark.parametrize(
    ("forecast", "sentence"),
    [
        ({}, "give 'cancellation_cost'"),
        ({"level": 1.2}, "must lie between 0 and 1"),
        ({"level": 0.9, "exposure_days": -1}, "'exposure_days' must be above 0"),
        ({"cancellation_cost": 3, "margin": 0}, "earn no margin"),
    ],
)
def test_a_rule_that_cannot_be_followed_is_told_and_stops_nobody(shop, forecast, sentence):
    rule(shop, "bad", forecast)
    rule(shop, "r", {"level": 0.95})
    report = compute(shop)
    assert any(sentence in problem and "'bad'" in problem for problem in report.problems)
    assert units(shop) is not None
    assert units(shop, rule_id="bad") is None


def test_no_rules_nothing_to_do(shop):
    report = compute(shop)
    assert (report.rules, report.positions, report.written) == (0, 0, 0)


def test_stores_that_promise_without_any_rule_are_told(shop):
    shop.execute("update locations set methods = '{}'")
    assert without_rules(shop).is_empty()  # Nothing is promised out of them.
    shop.execute("update locations set methods = '{bopis}'")
    (told,) = without_rules(shop).to_dicts()
    assert "vouch buffers --add-rules" in told["remedy"]
    add_store_buffers(shop, cancellation_cost=8)
    assert without_rules(shop).is_empty()
    assert compute(shop).written > 0
