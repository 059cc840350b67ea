"""`vouch order`: the right period, the right quantile, and files that cannot be used."""

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from inventory.demand import LEVELS, DemandForecast
from inventory.errors import InputRejected
from inventory.next_order import UnitCosts
from pipelines.order_file import decided_rows, order_file
from pipelines.order_state import checked_state
from pipelines.panel_file import read_table

LEVEL = np.array(LEVELS)


def forecast_of(means, *, sd=0.0, dependence=(0.0, 0.0)):
    """One weekly series with the given means."""
    mean = np.array([means], dtype=float)
    quantiles = np.maximum(mean[..., None] + sd * norm.ppf(LEVEL), 0)
    return DemandForecast(
        skus=("A",),
        locations=("S",),
        first_day=date(2024, 4, 15),
        levels=LEVEL,
        quantiles_units=quantiles,
        mean_units=mean,
        dependence=np.array([dependence], dtype=float),
        period_days=7,
    )


def test_rows_explain_themselves_and_keep_the_order_of_the_state():
    state = pl.DataFrame({
        "sku": ["X", "A"], "location": ["S", "S"], "on_hand": [9.0, 3.0],
        "on_order_1": [0.0, 1.0], "on_order_2": [0.0, 2.0],
    })  # fmt: skip
    rows = decided_rows(
        forecast_of([4, 6, 8], sd=2), state, UnitCosts(0.25, 1.0), lead_time_periods=2,
        review_periods=1, lost_sales=True, seed=7,
    )  # fmt: skip
    assert rows["sku"].to_list() == ["X", "A"]
    assert rows["quantity"].to_list()[0] == 0
    assert "no history" in rows["explanation"][0]
    terms = json.loads(rows["explanation"][1])["terms"]
    assert sum(term["quantity"] for term in terms) == rows["quantity"][1]
    assert rows["mean"][1] == 18


def write_state(folder, **columns):
    path = folder / "state.parquet"
    pl.DataFrame({"sku": ["A", "B"], "location": ["S", "S"]} | columns).write_parquet(path)
    return path


def test_a_state_without_rows_is_refused_before_anything_is_forecast():
    nothing = pl.DataFrame({"sku": [], "location": [], "on_hand": []})
    with pytest.raises(InputRejected, match=r"state\.parquet has no rows"):
        checked_state(nothing, name="state.parquet")


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"on_order_1": [0, 0]}, "on_hand"),
        ({"on_hand": [1, 2], "on_order_2": [0, 0]}, "on_order_1"),
        ({"on_hand": [None, None]}, "on_hand"),
        ({"on_hand": ["many", "x"]}, "on_hand"),
    ],
    ids=["no stock", "a gap", "empty", "words"],
)
def test_a_state_that_cannot_be_used_names_its_column(tmp_path, columns, field):
    with pytest.raises(InputRejected) as refused:
        checked_state(read_table(write_state(tmp_path, **columns)), name="state.parquet")
    assert refused.value.field == field


ROWS = {
    "sku": ["A", "B", "C", "A", None, "D", "E", "C"],
    "location": ["S"] * 8,
    "on_hand": ["1", "", "many", "4", "5", "6", "-2", "8"],
    "on_order_1": [None, "0", "0", "0", "0", "-1", "3", "x"],
}


def test_rows_that_cannot_be_right_are_refused_by_themselves():
    state = checked_state(pl.DataFrame(ROWS), name="state.csv")
    assert state.rows.rows() == [("A", "S", 1.0, 0.0), ("E", "S", -2.0, 3.0)]
    told = state.problems.select("row", "field", "value", "problem").rows()
    assert told == [
        (2, "on_hand", "", "is not a number"),
        (3, "on_hand", "many", "is not a number"),
        (4, "sku", "A", "a row of the same sku and location came before"),
        (5, "sku", "", "is empty"),
        (6, "on_order_1", "-1", "is negative"),
        (8, "on_order_1", "x", "is not a number"),
    ]
    assert state.refused_rows == 6
    assert all(state.problems["remedy"])


def test_a_row_that_is_refused_makes_no_other_a_second_one():
    table = pl.DataFrame({"sku": ["A", "A"], "location": ["S", "S"], "on_hand": [None, 7.0]})
    state = checked_state(table, name="state.csv")
    assert state.rows.rows() == [("A", "S", 7.0)]


def test_with_lost_sales_nothing_is_owed():
    table = pl.DataFrame({"sku": ["A", "B"], "location": ["S", "S"], "on_hand": [-7.0, 3.0]})
    state = checked_state(table, name="state.csv", lost_sales=True)
    assert state.rows["on_hand"].to_list() == [0, 3]
    assert "1 rows of state.csv have stock below zero" in state.notes[0]
    assert "(A at S)" in state.notes[0]
    assert checked_state(table, name="state.csv").rows["on_hand"].to_list() == [-7, 3]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"lead_time_periods": -1}, "lead_time"),
        ({"review_periods": 0}, "review"),
        ({"holding": -1.0}, "holding"),
        ({"holding": 0.0, "shortage": 0.0}, "holding"),
    ],
)
def test_figures_that_make_no_sense_are_refused_before_any_work(tmp_path, given, field):
    usual = {"lead_time_periods": 2, "holding": 0.2, "shortage": 1.0}
    with pytest.raises(InputRejected) as refused:
        order_file(
            tmp_path / "none.parquet", tmp_path / "none.parquet", out_path=tmp_path / "out.parquet",
            **(usual | given),
        )  # fmt: skip
    assert refused.value.field == field


def test_from_file_to_file(tmp_path):
    """Two steady weekly series; the one with stock orders less."""
    rng = np.random.default_rng(5)
    weeks = [date(2023, 1, 2) + timedelta(days=7 * w) for w in range(80)]
    history = pl.concat(
        pl.DataFrame({"sku": [sku] * 80, "location": ["S"] * 80, "date": weeks,
                      "units": rng.poisson(20, 80)})
        for sku in ("A", "B", "C")
    )  # fmt: skip
    history.write_parquet(tmp_path / "history.parquet")
    state = write_state(
        tmp_path, sku=["A", "B", "B"], location=["S"] * 3, on_hand=[0, 60, 9], on_order_1=[0, 0, 0]
    )
    report = order_file(
        tmp_path / "history.parquet", state, lead_time_periods=1, holding=0.2, shortage=1.0,
        lost_sales=True, out_path=tmp_path / "out.parquet", seed=7, threads=1,
    )  # fmt: skip
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out.columns == ["sku", "location", "quantity", "target", "mean", "explanation"]
    assert report.series == 2
    assert report.refused_rows == 1
    assert report.problems[0]["row"] == 3
    assert any("no sound row in state.parquet" in n and "C at S" in n for n in report.notes)
    assert "row 3 of the state, sku" in "\n".join(report.lines())
    assert report.ordered_units == out["quantity"].sum()
    a, b = out["quantity"].to_list()
    assert 15 <= a <= 35  # Poisson 20 at 0.83: 24.
    assert b < a
