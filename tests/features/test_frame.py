"""The door through which every table of series enters, and what a panel knows at its origin."""

from datetime import date, timedelta

import polars as pl
import pytest

from features.closures import find_closures
from features.frame import BadFrame, Panel, check
from features.recipe import recipe_for

GOOD = pl.DataFrame(
    {
        "sku": ["a"] * 8 + ["b"] * 8,
        "location": "x",
        "date": [date(2024, 1, 1) + timedelta(days=i) for i in range(8)] * 2,
        "units": 1.0,
        "in_stock": 1.0,
    }
)


def test_a_table_of_series_passes_unchanged():
    assert check(GOOD, period_days=1).equals(GOOD)


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (pl.concat([GOOD.head(1), GOOD]), "not exactly one period after"),
        (pl.concat([GOOD.head(5), GOOD.slice(6)]), "2024, 1, 7"),
        (GOOD.reverse(), "sorted"),
        (GOOD.with_columns(pl.col("date").cast(pl.String)), "must hold dates"),
        (GOOD.drop("units"), "'units' is missing"),
    ],
    ids=["twice", "gap", "unsorted", "text dates", "no units"],
)
def test_what_is_no_series_is_refused(broken, says):
    """Members never see these; unreadable numbers stop one door earlier, where files are read."""
    with pytest.raises(BadFrame, match=says):
        check(broken, period_days=1)


RUN_OUT = GOOD.head(0).select("sku", "location", "date", promotion=pl.lit(0.0))
EMPTY_CELLS = pl.DataFrame(
    {"sku": ["a", "b"], "location": "x", "date": date(2024, 1, 9), "promotion": None},
    schema_overrides={"promotion": pl.Float64},
)


@pytest.mark.parametrize("future", [RUN_OUT, EMPTY_CELLS], ids=["no rows", "no values"])
def test_a_future_that_says_nothing_makes_no_past_foreseen(future):
    """A plan of promotions that was not renewed: models are not judged on knowing past ones."""
    promotion = pl.Series([float(i % 2) for i in range(16)])
    panel = Panel(history=GOOD.with_columns(promotion=promotion), future=future)
    assert panel.until(date(2024, 1, 4)).future.columns == ["sku", "location", "date"]
    assert [c.known_ahead for c in recipe_for(panel, horizon=2).covariates] == [False]
    assert find_closures(panel) == ()


def test_what_is_planned_stays_planned_at_an_earlier_origin():
    promotion = pl.Series([float(i % 2) for i in range(16)])
    planned = EMPTY_CELLS.with_columns(promotion=pl.Series([1.0, None]))
    panel = Panel(history=GOOD.with_columns(promotion=promotion), future=planned)
    then = panel.until(date(2024, 1, 6)).future.filter(pl.col("sku") == "a")
    assert then["promotion"].to_list() == [0.0, 1.0, 1.0]
