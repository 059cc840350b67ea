"""Signals from outside: what stands on a row was known by its end, found by a search over dates."""

from datetime import date, timedelta
from itertools import product

import numpy as np
import polars as pl
import pytest

from features.build import build, recipe_for
from features.frame import Panel
from features.signals import ExternalSignal, checked, with_signal
from inventory.errors import InputRejected

START = date(2025, 3, 3)


def day(n):
    return START + timedelta(days=n)


def panel(periods=40, period_days=1):
    rng = np.random.default_rng(1)
    history = pl.concat(
        pl.DataFrame(
            {
                "sku": sku,
                "location": place,
                "date": [day(i * period_days) for i in range(periods)],
                "units": rng.poisson(5, periods).astype(float),
                "in_stock": 1.0,
            }
        )
        for sku in "ab"
        for place in "xy"
    )
    return Panel(history, history.head(0).select("sku", "location", "date"), period_days)


def gappy(rng, last=40, **key):
    """Values on about every third day, some of them empty."""
    days = [d for d in range(-9, last) if rng.random() < 0.4]
    values = [None if rng.random() < 0.2 else float(rng.integers(0, 99)) for _ in days]
    return pl.DataFrame({**key, "date": [day(d) for d in days], "visits": values})


def joined(panel, table, *signals, horizon=7):
    return with_signal(panel, checked(table, name="file.csv"), signals, horizon=horizon)


@pytest.mark.parametrize("lag", [0, 1, 5])
@pytest.mark.parametrize("key", [(), ("location",), ("sku",), ("sku", "location")])
def test_each_row_holds_the_newest_value_that_was_known(lag, key):
    rng = np.random.default_rng(lag)
    named = {"location": "xy", "sku": "ab"}
    places = [dict(zip(key, each, strict=True)) for each in product(*(named[k] for k in key))]
    table = pl.concat(gappy(rng, **each) for each in places)
    got = joined(panel(), table, ExternalSignal("visits", lag_periods=lag)).history
    for row in got.sample(60, seed=lag).iter_rows(named=True):
        known = [
            r
            for r in table.iter_rows(named=True)
            if r["visits"] is not None
            and all(r[k] == row[k] for k in key)
            and r["date"] + timedelta(days=lag) <= row["date"]
        ]
        newest = max(known, key=lambda r: r["date"], default={"visits": None})
        assert row["visits"] == newest["visits"]


def test_a_week_sees_the_days_up_to_its_end():
    table = pl.DataFrame({"date": [day(i) for i in range(70)], "visits": range(70)})
    weekly = panel(10, period_days=7)
    now = joined(weekly, table, ExternalSignal("visits")).history.head(10)["visits"].to_list()
    assert now == [7 * i + 6 for i in range(10)]
    late = joined(weekly, table, ExternalSignal("visits", lag_periods=1)).history.head(10)
    assert late["visits"].to_list() == [None, *(7 * i + 6 for i in range(9))]


def test_what_is_known_ahead_stands_on_its_own_day_and_reaches_the_target():
    table = pl.DataFrame({"date": [day(i) for i in range(47)],
                          "school_break": [float(i % 5 == 0) for i in range(47)]})  # fmt: skip
    wide = joined(panel(), table, ExternalSignal("school_break", known_ahead=True))
    assert len(wide.future) == 4 * 7
    recipe = recipe_for(wide, horizon=7)
    made = build(wide, recipe)
    matrix, _ = made.matrix(
        series=np.zeros(7, dtype=int), origin_place=np.full(7, 39), ahead=np.arange(1, 8)
    )
    column = matrix[:, made.names.index("school_break")]
    assert column.tolist() == [float(i % 5 == 0) for i in range(40, 47)]


def test_a_late_signal_is_never_read_at_the_target():
    table = pl.DataFrame({"date": [day(i) for i in range(60)], "visits": np.arange(60.0) % 9})
    late = joined(panel(), table, ExternalSignal("visits", lag_periods=2))
    assert "visits" not in late.future.columns
    read = [f for f in recipe_for(late, horizon=7).features if f.name.startswith("visits")]
    assert read
    assert {str(f.anchor) for f in read} == {"origin"}


def test_known_ahead_must_reach_the_end_of_the_horizon():
    table = pl.DataFrame({"date": [day(i) for i in range(44)], "rain": 1.0})
    with pytest.raises(InputRejected, match=f"nothing for {day(44)}.*:lag=1") as refusal:
        joined(panel(), table, ExternalSignal("rain", known_ahead=True))
    assert refusal.value.field == "rain"


GOOD = {"date": [day(0), day(1)], "visits": [1.0, 2.0]}


@pytest.mark.parametrize(
    ("table", "field", "row", "says"),
    [
        ({"visits": [1.0]}, "date", None, "no column 'date'"),
        ({"date": [day(0)]}, None, None, "no signal"),
        (GOOD | {"date": ["2025-03-03", "3.4.2025"]}, "date", 2, "not a date like"),
        (GOOD | {"visits": ["7", "many"]}, "visits", 2, "not a number"),
        (GOOD | {"visits": [1.0, float("inf")]}, "visits", 2, "not a number"),
        (GOOD | {"visits": [float("nan"), 1.0]}, "visits", 1, "not a number"),
        (GOOD | {"date": [day(0), day(0)]}, "date", 2, "keep one"),
        (GOOD | {"sku": ["a", None]}, "sku", 2, "empty"),
        (GOOD | {"visits": [day(0), day(1)]}, "visits", None, "give numbers"),
    ],
)
def test_a_bad_table_is_refused_by_row_and_column(table, field, row, says):
    with pytest.raises(InputRejected, match=says) as refusal:
        checked(pl.DataFrame(table), name="file.csv")
    assert (refusal.value.field, refusal.value.row) == (field, row)


def test_a_signal_may_not_take_the_place_of_a_column():
    table = pl.DataFrame(GOOD).rename({"visits": "units"})
    with pytest.raises(InputRejected, match="rename"):
        joined(panel(), table, ExternalSignal("units"))


def test_a_lag_is_late_or_ahead_but_not_both():
    with pytest.raises(InputRejected, match="ahead or late"):
        ExternalSignal("x", lag_periods=2, known_ahead=True)
    with pytest.raises(InputRejected, match="negative"):
        ExternalSignal("x", lag_periods=-1)
