"""Days arrive, are compared with their forecasts, and what goes wrong is told, once, and untold."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import numpy as np
import pytest

from inventory.store import alerts, database, history
from pipelines.monitor import monitor, retraining_due
from tests.pipelines.monitored import (
    SERIES,
    day,
    forecast,
    morning,
    noise,
    sales,
    sell,
    stock_catalogue,
)


@pytest.fixture
def shop(db):
    stock_catalogue(db)
    return db


def outcomes(db):
    return db.execute(
        "select day, lead, sku, location, run_id, units, censored, naive_units, statistical_units, "
        "final_units, round(q95_units::numeric, 3) from forecast_outcomes order by 1, 2, 3, 4"
    ).fetchall()


def told(db):
    return [a["kind"] for a in alerts.list_alerts(db)["alerts"]]


def total(report):
    (row,) = report.segments.filter(kind="total").iter_rows(named=True)
    return row


def live(db, n, units, mean, **more):
    """One morning: the sales of the day before, monitoring, a new forecast."""
    if n > 0:
        sell(db, n - 1, units)
    report = monitor(db, now=morning(n), **more)
    forecast(db, n, mean)
    return report


def test_each_lead_is_judged_by_what_was_in_force_that_evening(shop):
    for n in range(9):
        forecast(shop, n, 10 + n)
    # Later that day, one SKU is forecast anew: that is what was in force in the evening.
    again = [s for s in SERIES if s[0] == "tea"]
    forecast(shop, 8, 99, run_id="promotion", series=again)
    sell(shop, 9, 20)
    report = monitor(shop, now=morning(10))
    assert (report.days, report.outcomes) == (1, 8)
    found = {(lead, sku, location): (run, mean)
             for _, lead, sku, location, run, _, _, _, mean, _, _ in outcomes(shop)}  # fmt: skip
    assert found[1, "tea", "S1"] == ("promotion", 99)
    assert found[1, "soap", "S1"] == ("run-8", 18)
    # Seven days before the end of day 2 was the last moment: made on its morning.
    assert found[7, "soap", "S2"] == found[7, "soap", "S1"] == ("run-2", 12)


def test_a_forecast_made_on_the_day_itself_is_no_forecast_of_it(shop):
    forecast(shop, 5, 10)
    sell(shop, 5, 10)
    assert monitor(shop, now=morning(6)).outcomes == 0
    sell(shop, 6, 10)
    assert monitor(shop, now=morning(7)).outcomes == len(SERIES)


def test_the_evening_is_that_of_the_place(shop):
    shop.execute("update locations set timezone = 'Pacific/Auckland' where location = 'S1'")
    shop.execute("update locations set timezone = 'America/Los_Angeles' where location = 'S2'")
    forecast(shop, 0, 10)
    # 18:00 UTC on day 0: in Auckland day 1 has begun, in Los Angeles it is noon of day 0.
    forecast(shop, 1, 30, run_id="late")
    shop.execute(
        "update forecast_moments set in_force_at = %s where run_id = 'late'", [morning(0, hour=18)]
    )
    sell(shop, 1, 10)
    monitor(shop, now=morning(3))
    runs = {(location, run) for _, _, _, location, run, *_ in outcomes(shop)}
    assert runs == {("S1", "run-0"), ("S2", "late")}


def test_the_naive_forecast_repeats_the_last_weekday_that_was_known(shop):
    for n in range(21):
        sell(shop, n, 100 + n)
    sell(shop, 13, 50, in_stock=0.5)
    forecast(shop, 14, 10)
    sell(shop, 21, 7)
    sell(shop, 20, 7)
    monitor(shop, now=morning(22))
    naive = {row[0]: row[7] for row in outcomes(shop) if row[1] == 1}
    # Day 21 is of the weekday of day 14, which the run of that morning had not seen: day 7.
    assert naive[day(21)] == 107
    # Day 13 was out of stock half of the day: day 6 instead.
    assert naive[day(20)] == 106


def test_a_model_that_falls_short_is_told_trained_anew_and_forgiven(shop):
    trained = morning(0)
    for n in range(30):
        report = live(shop, n, 10 + noise(n), 10)
    assert told(shop) == []
    assert abs(total(report)["bias"]) < 0.05

    # From day 29 on, half as much again is sold.
    for n in range(30, 34):
        report = live(shop, n, 15 + noise(n), 10)
    assert told(shop) == ["forecast_coverage"], "what is above the quantiles shows first"
    assert retraining_due(shop, now=morning(33), trained_at=trained, after_days=3) is not None
    for n in range(34, 40):
        report = live(shop, n, 15 + noise(n), 10)
    assert set(told(shop)) == {"forecast_accuracy", "forecast_bias", "forecast_coverage"}
    row = total(report)
    assert row["bias"] < -0.1
    assert row["tracking_signal"] > 14
    (bias,) = alerts.list_alerts(shop, kind="forecast_bias")["alerts"]
    assert bias["severity"] == "warning"
    assert "below demand" in bias["message"]

    # Once, not every day: days since the training say that the new model is right.
    trained = morning(40)
    for n in range(40, 66):
        report = live(shop, n, 15 + noise(n), 15)
        assert n == 40 or retraining_due(
            shop, now=morning(n), trained_at=trained, after_days=3) is None, n  # fmt: skip
    assert told(shop) == []
    raised = alerts.list_alerts(shop, open_only=False)["alerts"]
    assert len(raised) == 3, "one alert for each cause, however many mornings found it"
    assert all(alert["resolved_at"] for alert in raised)


def test_retraining_waits_for_persistence_and_for_the_last_training(shop):
    for n in range(12):
        live(shop, n, 10, 5)
    since = min(a["raised_at"] for a in alerts.list_alerts(shop)["alerts"])

    def due(n, trained, after_days=3):
        trained_at = None if trained is None else morning(trained)
        return retraining_due(shop, now=morning(n), trained_at=trained_at, after_days=after_days)

    n = (since.date() - day(0)).days
    assert due(n + 1, 0) is None, "told for one day only"
    assert "0.95 quantile" in due(n + 2, 0)
    assert due(n + 2, n) is None, "trained two days ago"
    assert due(n + 2, None) is None, "the first training has a reason of its own"
    assert due(n + 2, 0, after_days=0) is None, "switched off"


def test_one_segment_alone_is_told_alone(shop):
    for n in range(40):
        forecast(shop, n, [10, 10, 100, 100])
        # Tea sells two fifths more, but soap sells so much that all series are fine.
        sell(shop, n, np.array([14, 14, 100, 100]) + noise(n))
    monitor(shop, now=morning(40))
    kinds = shop.execute(
        "select distinct kind from alerts where kind like 'forecast_bias%' order by 1"
    ).fetchall()
    assert ("forecast_bias:category:drinks",) in kinds
    assert not any("total" in kind for (kind,) in kinds)


def test_few_observations_raise_nothing(shop):
    for n in range(6):
        live(shop, n, 50, 10)
    assert told(shop) == []


def test_a_censored_day_is_counted_and_not_judged(shop):
    for n in range(5):
        forecast(shop, n, 10)
    sell(shop, 3, 10)
    sell(shop, 4, 0, in_stock=0.4)
    row = total(monitor(shop, now=morning(5)))
    assert (row["observed"], row["censored"], row["censored_share"]) == (4, 4, 0.5)
    assert (row["wape"], row["bias"]) == (0, 0)


def test_silence_is_zero_where_zero_is_never_said(shop):
    forecast(shop, 0, 10)
    some = SERIES[:1]
    sell(shop, 1, 4, series=some)
    monitor(shop, now=morning(2))
    assert sorted(row[5] for row in outcomes(shop)) == [0, 0, 0, 4]
    sell(shop, 2, 0, series=some)
    monitor(shop, now=morning(3))
    assert [row[5] for row in outcomes(shop)] == [4, 0], (
        "now silence means that nobody wrote it down"
    )


def test_running_again_changes_nothing(shop):
    for n in range(12):
        live(shop, n, 10 + noise(n), 8)
    monitor(shop, now=morning(12))
    before = outcomes(shop), told(shop), shop.execute("select * from monitoring_reports").fetchall()
    again = monitor(shop, now=morning(12))
    assert (again.days, again.outcomes) == (0, 0)
    assert (again.alerts_raised, again.alerts_resolved) == (0, 0)
    reports = shop.execute("select * from monitoring_reports").fetchall()
    assert (outcomes(shop), told(shop), reports) == before


def test_a_day_is_not_compared_again_because_old_forecasts_grow_older(shop):
    for n in range(103):  # The look back, and the life of a forecast before its first day.
        forecast(shop, n, 10)
    for n in range(59, 104):
        sell(shop, n, 10)
    assert monitor(shop, now=morning(103)).days == 42
    assert monitor(shop, now=morning(104)).days == 1


def test_a_correction_reaches_its_day_and_what_repeats_it(shop):
    for n in range(16):
        forecast(shop, n, 10)
        sell(shop, n, 10)
    monitor(shop, now=morning(16))
    corrected = sales(3, 17)
    history.upsert_sales_days(shop, corrected, now=morning(16))
    report = monitor(shop, now=morning(16))
    assert report.days == 2, "the day itself, and the same weekday after it"
    units = {row[0]: (row[5], row[7]) for row in outcomes(shop) if row[1] == 1}
    assert units[day(3)][0] == 17
    assert units[day(10)] == (10, 17)
    assert units[day(11)] == (10, 10)


@pytest.mark.parametrize("seed", range(3))
def test_any_order_of_arrival_ends_in_the_same_figures(db, database_url, seed):
    stock_catalogue(db)
    for n in range(20):
        forecast(db, n, 10)
    arrivals = [(n, 10 + noise(n)) for n in range(1, 20)]
    for n, units in arrivals:
        sell(db, n, units)
    monitor(db, now=morning(20))
    expected = outcomes(db), db.execute("select report from monitoring_reports").fetchall()

    db.execute("truncate sales_days, forecast_outcomes, forecast_outcome_days, monitoring_reports")
    random.Random(seed).shuffle(arrivals)
    for i, (n, units) in enumerate(arrivals):
        sell(db, n, units + 1)  # A first word that is wrong, corrected later.
        if i % 5 == 0:
            monitor(db, now=morning(20))
    for n, units in reversed(arrivals):
        sell(db, n, units)
    monitor(db, now=morning(20) + timedelta(hours=1))
    kept = "select report from monitoring_reports order by last_day desc limit 1"
    assert (outcomes(db), db.execute(kept).fetchall()) == expected


def test_two_at_once_end_in_what_one_does(shop, database_url):
    for n in range(6):
        forecast(shop, n, 10)
        sell(shop, n, 10 + noise(n))

    def run(_):
        with database.connect(database_url) as db:
            return monitor(db, now=morning(6)).outcomes

    with ThreadPoolExecutor(2) as pool:
        assert max(pool.map(run, range(2))) == 5 * len(SERIES)
    assert len(outcomes(shop)) == 5 * len(SERIES)
    assert monitor(shop, now=morning(6)).days == 0


def test_without_forecasts_or_sales_there_is_nothing_to_say(shop):
    report = monitor(shop, now=morning(0))
    assert (report.days, report.last_day, report.breaches) == (0, None, [])
    assert "no day has come yet" in report.lines()[-1]
    sell(shop, 0, 5)
    assert monitor(shop, now=morning(1)).days == 0
