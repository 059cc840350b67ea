"""The seasonal average: level times season, by hand."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from inventory.demand import LEVELS
from models.seasonal_average import season_factors, seasonal_average, week_of_year

START = date(2022, 1, 3)


def panel_of(*series, period_days=7):
    frames = [
        pl.DataFrame({
            "sku": [f"SKU-{row}"] * len(units), "location": ["S"] * len(units),
            "date": [START + timedelta(days=period_days * t) for t in range(len(units))],
            "units": np.asarray(units, dtype=float), "in_stock": np.ones(len(units)),
        })
        for row, units in enumerate(series)
    ]  # fmt: skip
    history = pl.concat(frames)
    return Panel(
        history=history, future=history.head(0)[["sku", "location", "date"]],
        period_days=period_days,
    )  # fmt: skip


def forecast(panel, horizon):
    return seasonal_average(panel, horizon=horizon, levels=np.array(LEVELS))


def test_the_week_of_the_year_comes_back():
    year = [30.0] * 4 + [10.0] * 48
    said = forecast(panel_of(year + year, [3 * units for units in year + year]), 6)
    assert said.mean_units[0] == pytest.approx([30, 30, 30, 30, 10, 10], rel=1e-6)
    assert said.mean_units[1] == pytest.approx(3 * said.mean_units[0])


def test_daily_it_is_the_weekday():
    week = [1.0, 1, 1, 1, 1, 4, 5]
    said = forecast(panel_of(week * 20, period_days=1), 7)
    assert said.mean_units[0] == pytest.approx(week, rel=1e-6)


def test_a_new_level_is_half_believed_after_thirteen_weeks():
    """No season (the panel's other series are steady), ten until then and twenty since."""
    steady = [[1000.0] * 104] * 20
    said = forecast(panel_of([10.0] * 91 + [20.0] * 13, *steady), 1)
    assert said.mean_units[0, 0] == pytest.approx(15.3, abs=0.2)


def test_quantiles_are_those_of_counts_as_dispersed_as_the_history():
    rng = np.random.default_rng(4)
    units = rng.negative_binomial(2, 2 / (2 + 4), (200, 104)).astype(float)
    said = forecast(panel_of(*units), 1)
    ahead = rng.negative_binomial(2, 2 / (2 + 4), (200, 500))
    for level in (0.5, 0.8, 0.95):
        below = (ahead <= said.day_quantiles_units(level)[:, :1]).mean()
        assert level - 0.03 <= below <= level + 0.08  # Whole units overshoot a level a little.


def test_weeks_not_seen_yet_are_usual_ones():
    season = week_of_year(np.array(["2022-01-03", "2022-01-10"], dtype="datetime64[D]"))
    factors = season_factors(np.array([[10.0, 30.0]]), season, seasons=52)
    assert factors[:3].tolist() == [0.5, 1.5, 1.0]


def test_one_giant_does_not_set_the_season_of_the_others():
    """Twenty series sell double in January; a giant that never does is a tenth of what counts."""
    year = [20.0] * 4 + [10.0] * 48
    said = forecast(panel_of(*[year + year] * 20, [1e6] * 104), 5)
    assert said.mean_units[0, 0] == pytest.approx(20, rel=0.07)
    assert said.mean_units[0, 4] == pytest.approx(10, rel=0.07)


def test_series_that_know_nothing_forecast_nothing():
    said = forecast(panel_of([np.nan] * 30, [0.0] * 30), 3)
    assert said.mean_units.tolist() == [[0, 0, 0], [0, 0, 0]]
