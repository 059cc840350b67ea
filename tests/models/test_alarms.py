"""What is a breach, what is not yet, and in which words it is told."""

from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest

from models.accuracy import accuracy, value_added
from models.alarms import Thresholds, breaches, drift

LIMITS = Thresholds()


def sums(n_days=14, *, actual=10.0, forecast=10.0, naive_off=4.0, covered=(100, 100), n=100):
    """One segment whose every day is alike: `n` series, each off by the same units."""
    off = abs(actual - forecast) * n
    return pl.DataFrame({
        "kind": ["total"] * n_days, "segment": [""] * n_days,
        "day": [date(2026, 3, 2) + timedelta(days=d) for d in range(n_days)],
        "observed": n, "censored": 0, "units": actual * n, "forecast_units": forecast * n,
        "absolute_units": off, "percentages": off / actual, "percented": n,
        "compared_units": actual * n, "naive_absolute_units": naive_off * n,
        "statistical_absolute_units": off, "final_absolute_units": off / 2,
        "censored_forecast_units": 0.0, "censored_least_units": 0.0,
        "observed95": n, "covered95": covered[0], "observed99": n, "covered99": covered[1],
    })  # fmt: skip


def row(**more):
    (found,) = accuracy(sums(**more), ["kind", "segment"]).iter_rows(named=True)
    return found


def measures(figures, limits=LIMITS):
    return [breach.measure for breach in breaches(figures, limits)]


def test_all_is_well():
    assert measures(row()) == []


def test_too_high_by_a_quarter_every_day():
    figures = row(forecast=12.5)
    assert (figures["bias"], figures["wape"], figures["tracking_signal"]) == (0.25, 0.25, -14)
    assert figures["smoothed_tracking_signal"] == -1
    (breach,) = breaches(figures, LIMITS)
    assert (breach.measure, breach.value, breach.threshold) == ("forecast_bias", 0.25, 0.1)
    assert "25.0% above demand for 14 days" in breach.message


@pytest.mark.parametrize("more", [{"n_days": 6}, {"n": 2, "covered": (0, 0)}])
def test_few_days_or_observations_say_nothing(more):
    assert measures(row(**{"actual": 30.0, "naive_off": 1.0} | more)) == []


def test_a_bias_that_wavers_is_no_bias():
    up, down = sums(forecast=14.0), sums(forecast=8.0)
    wavering = pl.concat([up[::2], down[1::2]])
    (figures,) = accuracy(wavering, ["kind", "segment"]).iter_rows(named=True)
    assert figures["bias"] == pytest.approx(0.1)
    assert measures(figures, replace(LIMITS, bias_max=0.05)) == []


def test_days_out_of_stock_may_excuse_a_forecast_that_looks_too_high():
    """A fifth too high on days on sale; as many days sold out, at what was forecast or above."""
    days = sums(forecast=12.0).with_columns(
        censored=pl.lit(100), censored_forecast_units=pl.lit(1200.0)
    )
    for least in (1200.0, 1500.0):
        excused = days.with_columns(censored_least_units=pl.lit(least))
        (figures,) = accuracy(excused, ["kind", "segment"]).iter_rows(named=True)
        assert figures["bias"] == pytest.approx(0.2)
        # (1200 + 1200 - 1000 - 1200) / (1000 + 1200), or less.
        assert figures["bias_at_least"] <= 200 / 2200 + 1e-9
        assert measures(figures) == []
    (figures,) = accuracy(sums(forecast=8.0).with_columns(
        censored_forecast_units=pl.lit(800.0), censored_least_units=pl.lit(1500.0)
    ), ["kind", "segment"]).iter_rows(named=True)  # fmt: skip
    assert measures(figures) == ["forecast_bias"], "too low is too low"


def test_no_better_than_last_week():
    assert measures(row(forecast=10.5, naive_off=0.6)) == []
    assert measures(row(forecast=10.5, naive_off=0.4)) == ["forecast_accuracy"]


def test_one_alert_for_both_quantiles():
    assert measures(row(covered=(90, 100))) == ["forecast_coverage"]
    assert measures(row(covered=(95, 96))) == ["forecast_coverage"]
    (breach,) = breaches(row(covered=(80, 80)), LIMITS)
    assert "0.95 quantile" in breach.message


def test_a_part_may_waver_more_than_the_whole():
    figures = row(forecast=11.4)
    assert measures(figures) == ["forecast_bias"]
    assert measures(figures | {"kind": "location", "segment": "S1"}) == []
    worse = row(forecast=11.6) | {"kind": "location", "segment": "S1"}
    (breach,) = breaches(worse, LIMITS)
    assert breach.cause == "forecast_bias:location:S1"
    assert breach.message.startswith("location S1: ")


def test_drift_beyond_the_usual_reading():
    found = drift({"price": 0.3, "units": 0.2}, LIMITS)
    assert [breach.cause for breach in found] == ["input_drift:input:price"]


def test_the_stairstep():
    """Gilliland's report: naive 40 %, statistical 20 %, final 10 %."""
    steps = value_added(row(forecast=12.0))
    assert [steps[layer]["wape"] for layer in steps] == [0.4, 0.2, 0.1]
    assert [steps[layer]["value_added"]["wape"] for layer in list(steps)[1:]] == [0.2, 0.1]
    assert steps["final"]["value_added"] == {"over": "statistical", "wape": 0.1, "units": 1400}


def test_nothing_sold_is_no_percentage():
    (empty,) = accuracy(sums().with_columns(
        pl.col(pl.Float64) * 0, observed=pl.lit(0), observed95=pl.lit(0), observed99=pl.lit(0)
    ), ["kind", "segment"]).iter_rows(named=True)  # fmt: skip
    assert [empty[name] for name in ("wape", "bias", "coverage95", "censored_share")] == [None] * 4
    assert breaches(empty, LIMITS) == []
    assert value_added(empty)["statistical"]["value_added"]["wape"] is None
