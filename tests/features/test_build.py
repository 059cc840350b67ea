"""Features against a second method: polars counts rows back, the oracle joins on the calendar."""

from datetime import date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.as_of import as_of
from features.build import Recipe, build, recipe_for
from features.calendar import easter_sunday, holidays_between
from features.closures import closed_ahead, find_closures, without_closed
from features.demand import dense_demand
from features.frame import BadFrame, Panel

START = date(2024, 1, 1)


def series(units, *, sku="a", start=START, **columns):
    days = [start + timedelta(days=i) for i in range(len(units))]
    plain = {"sku": sku, "location": "x", "date": days}
    data = plain | {"units": pl.Series(units, dtype=pl.Float64), "in_stock": 1.0} | columns
    return pl.DataFrame(data)


def panel_of(*frames, future=None):
    history = pl.concat(frames).sort("sku", "location", "date")
    empty = history.head(0).select("sku", "location", "date")
    return Panel(history=history, future=empty if future is None else future)


@pytest.fixture(scope="module")
def table_and_panel():
    rng = np.random.default_rng(2)
    panel = panel_of(
        series(rng.poisson(7, 90)), series(rng.poisson(2, 60), sku="b", start=date(2024, 1, 31))
    )
    return build(panel, recipe_for(panel, horizon=14)), panel


@pytest.mark.parametrize("ahead", [1, 7, 8, 14])
def test_lags_against_a_join_on_dates(table_and_panel, ahead):
    table, panel = table_and_panel
    matrix, level = table.matrix(
        series=np.arange(2), origin_place=table.origin_place, ahead=np.full(2, ahead)
    )
    sold = {(r["sku"], r["date"]): r["units"] for r in panel.history.iter_rows(named=True)}
    target = panel.origin + timedelta(days=ahead)
    for row, sku in enumerate(("a", "b")):
        value = {n: matrix[row, j] * level[row] for j, n in enumerate(table.names)}
        for k in range(7):
            then = panel.origin - timedelta(days=k)
            assert value[f"demand_lag_{k}"] == pytest.approx(sold[sku, then], rel=1e-5)
        weeks_back = -(-ahead // 7)
        same_weekday = target - timedelta(days=7 * weeks_back)
        assert value["season_lag_1"] == pytest.approx(sold[sku, same_weekday], rel=1e-5)
        four = [sold[sku, same_weekday - timedelta(days=7 * k)] for k in range(4)]
        assert value["season_mean_4"] == pytest.approx(np.mean(four), rel=1e-5)
        last28 = [sold[sku, panel.origin - timedelta(days=k)] for k in range(28)]
        assert value["demand_mean_28"] == pytest.approx(np.mean(last28), rel=1e-5)


def test_calendar_columns_speak_of_the_target(table_and_panel):
    table, panel = table_and_panel
    matrix, _ = table.matrix(
        series=np.zeros(3, dtype=int), origin_place=np.repeat(table.origin_place[:1], 3),
        ahead=np.array([1, 2, 3]),
    )  # fmt: skip
    weekdays = [(panel.origin + timedelta(days=h)).isoweekday() for h in (1, 2, 3)]
    assert matrix[:, table.names.index("weekday")].tolist() == weekdays


def test_a_recipe_survives_json(table_and_panel):
    _, panel = table_and_panel
    recipe = recipe_for(panel, horizon=14)
    again = Recipe.from_dict(recipe.as_dict())
    assert [f.name for f in again.features] == [f.name for f in recipe.features]


def test_a_column_may_have_a_name_of_ours():
    rng = np.random.default_rng(3)
    panel = panel_of(series(rng.poisson(5, 60), weekday=rng.random(60), _series=1.0, age=2.0))
    names = build(panel, recipe_for(panel, horizon=3)).names
    assert len(set(names)) == len(names)
    assert "weekday_given_mean_28" in names


def test_an_attribute_not_seen_in_training_has_no_code():
    old = panel_of(series([3.0] * 40, brand="p"), series([9.0] * 40, sku="b", brand="q"))
    recipe = recipe_for(old, horizon=2)
    new = panel_of(series([3.0] * 40, brand="new"), series([9.0] * 40, sku="b", brand="q"))
    table = build(new, recipe)
    brand = table.every_row(slice(0, 2))["brand"][-1]
    assert np.isnan(brand[0])
    assert brand[1] == 1.0, "the last of two names"


def test_codes_know_nothing_of_what_sells():
    few = panel_of(series([3.0] * 40, brand="p"), series([9.0] * 40, sku="b", brand="q"))
    many = panel_of(series([9.0] * 40, brand="p"), series([3.0] * 40, sku="b", brand="q"))
    assert recipe_for(few, horizon=2).codes == recipe_for(many, horizon=2).codes


@pytest.mark.parametrize(
    ("year", "easter"),  # US Naval Observatory, Dates of Easter
    [(2000, date(2000, 4, 23)), (2023, date(2023, 4, 9)), (2024, date(2024, 3, 31)),
     (2025, date(2025, 4, 20)), (2038, date(2038, 4, 25))],
)  # fmt: skip
def test_easter(year, easter):
    assert easter_sunday(year) == easter


def test_holidays_of_a_country():
    german = holidays_between(date(2024, 9, 20), date(2024, 10, 10), country="DE")
    assert date(2024, 10, 3) in german
    assert date(2024, 10, 3) not in holidays_between(
        date(2024, 9, 20), date(2024, 10, 10), country=None
    )


def shop(days=60):
    is_open = [0.0 if i % 7 == 6 else 1.0 for i in range(days)]
    rng = np.random.default_rng(4)
    frames = [
        series([u * o for u, o in zip(rng.poisson(20, days) + 1, is_open, strict=True)],
               sku=s, open=is_open)
        for s in "abcde"
    ]  # fmt: skip
    ahead = pl.DataFrame(
        [(s, "x", START + timedelta(days=days + h), 0.0 if h == 2 else 1.0)
         for s in "abcde" for h in range(4)],
        schema=["sku", "location", "date", "open"], orient="row",
    )  # fmt: skip
    return panel_of(*frames, future=ahead)


def test_closed_days_are_found_masked_and_foretold():
    panel = shop()
    closures = find_closures(panel)
    assert [(c.column, c.value) for c in closures] == [("open", 0.0)]
    assert np.isnan(dense_demand(without_closed(panel, closures))[0, 6])
    assert closed_ahead(panel, closures, horizon=5)[0].tolist() == [False, False, True, False,
                                                                    False]  # fmt: skip


def test_a_promotion_is_no_closure():
    panel = shop()
    promoted = panel.history.with_columns(units=pl.col("units") + 1)
    assert find_closures(Panel(history=promoted, future=panel.future)) == ()


def utc(day, hour):
    return datetime.fromisoformat(f"2024-03-{day:02d}T{hour:02d}:00:00+00:00")


def test_as_of_sees_the_version_of_its_time():
    rows = pl.DataFrame(
        [("a", "x", date(2024, 3, 1), 5.0, utc(2, 1)), ("a", "x", date(2024, 3, 1), 7.0, utc(9, 1)),
         ("a", "x", date(2024, 3, 2), 4.0, utc(3, 1))],
        schema=["sku", "location", "date", "units", "known_at"], orient="row",
    )  # fmt: skip
    assert as_of(rows, utc(2, 6))["units"].to_list() == [5]
    assert as_of(rows, utc(5, 0))["units"].to_list() == [5, 4]
    assert as_of(rows, utc(9, 1))["units"].to_list() == [7, 4]
    with pytest.raises(BadFrame, match="zone"):
        as_of(rows, datetime(2024, 3, 5))  # noqa: DTZ001


def test_examples_in_any_order_and_on_any_number_of_threads_read_the_same(monkeypatch):
    monkeypatch.setattr("features.build.CELLS_AT_ONCE", 1)
    monkeypatch.setattr("features.build.SERIES_AT_ONCE_MIN", 2)  # Several stretches of series.
    rng = np.random.default_rng(8)
    panel = panel_of(
        *(
            series(
                rng.poisson(4, 70 - k),
                sku=sku,
                start=START + timedelta(days=k),
                price=rng.random(70 - k),
            )
            for k, sku in enumerate("abcdefg")
        )
    )
    recipe = recipe_for(panel, horizon=7, everything=True)
    whom, ahead = np.repeat(np.arange(7), 5), np.tile(np.arange(1, 6), 7)
    mixed = rng.permutation(35)
    one, two = build(panel, recipe), build(panel, recipe, threads=2)
    origin = one.origin_place[whom] - ahead
    plain, _ = one.matrix(series=whom, origin_place=origin, ahead=ahead)
    shuffled, _ = two.matrix(series=whom[mixed], origin_place=origin[mixed], ahead=ahead[mixed])
    np.testing.assert_array_equal(shuffled, plain[mixed])
    np.testing.assert_array_equal(build(panel, recipe).demand_units, one.demand_units)


def test_a_figure_beyond_all_measure_says_nothing_and_spoils_no_other_series():
    wild = series([5.0] * 60, visits=[1e300 if i == 50 else float(i % 9) for i in range(60)])
    calm = series([5.0] * 60, sku="b", visits=[float(i % 9) for i in range(60)])
    panel = panel_of(wild, calm)
    table = build(panel, recipe_for(panel, horizon=3))
    matrix, _ = table.matrix(
        series=np.arange(2), origin_place=table.origin_place, ahead=np.ones(2, dtype=int)
    )
    assert not np.isinf(matrix).any()
    assert matrix[1, table.names.index("visits_mean_28")] == pytest.approx(
        np.mean([i % 9 for i in range(32, 60)])
    )


def test_a_series_of_which_nothing_is_known_yet_is_taken_for_a_typical_one():
    """Sold out since its first day: small beside the others is the last thing that it is."""
    sold_out = series([0.0] * 40, sku="c").with_columns(in_stock=0.0)
    panel = panel_of(series([10.0] * 40), series([20.0] * 40, sku="b"), sold_out)
    table = build(panel, recipe_for(panel, horizon=3))
    _, level = table.matrix(
        series=np.arange(3), origin_place=table.origin_place, ahead=np.ones(3, dtype=int)
    )
    assert level.tolist() == [10.0, 20.0, 15.0]


def test_the_level_of_a_small_series_is_told_by_others_up_to_its_day_alone():
    """A fiftieth of the median level so far: what all sell later moves no earlier row."""
    small = series([1.0] + [0.0] * 59, sku="z")
    before = panel_of(*(series([100.0] * 60, sku=s) for s in "abc"), small)
    after = panel_of(*(series([100.0] * 10 + [9e3] * 50, sku=s) for s in "abc"), small)
    place = np.array([9])
    early, late = (
        build(p, recipe_for(p, horizon=3)).matrix(
            series=np.array([3]), origin_place=place, ahead=np.array([1])
        )[1]
        for p in (before, after)
    )
    assert early == late == [2.0]
