"""The door through which every table of series enters."""

from datetime import date, timedelta

import polars as pl
import pytest

from features.frame import BadFrame, check

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
