"""The intraday profile: shares by hand, what it learns from, and the one kept for FreshRetail."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from features.intraday import HOURS, PRIOR_UNITS, from_day_types, learn_profile
from pipelines.profiles import CLOSES_HOUR, FRESHRETAIL_PROFILE, OPENS_HOUR


def bits(*hours):
    return sum(1 << hour for hour in hours)


def hourly(**units):
    day = np.zeros(HOURS)
    for hour, sold in units.items():
        day[int(hour[1:])] = sold
    return day


def test_seen_share_is_that_of_the_demand_in_hours_on_sale():
    profile = from_day_types(
        weekdays_by_hour=(0.5, 0.3, 0.2), weekends_by_hour=(0.1, 0.1, 0.8), opens_hour=9
    )
    out = np.array([0, bits(11), bits(11), bits(9, 10, 11), bits(3, 20)])
    seen = profile.seen_share(out, weekday=np.array([0, 4, 5, 2, 2]))
    assert seen == pytest.approx([1, 0.8, 0.2, 0, 1])


def test_learns_only_from_days_fully_in_stock():
    sold = np.stack([hourly(h9=30, h15=10), hourly(h9=500)])
    profile = learn_profile(
        sold, out_of_stock_bits=np.array([0, bits(12)]), weekday=np.array([1, 1])
    )
    assert profile.share[-1, 1, [9, 15]] == pytest.approx([0.75, 0.25])
    assert profile.share.sum(axis=-1) == pytest.approx(np.ones((1, 7)))


def test_nights_are_no_part_of_the_day():
    sold = np.stack([hourly(h2=50, h9=30, h15=10)])
    profile = learn_profile(
        sold, out_of_stock_bits=np.array([bits(0, 23)]), weekday=np.array([1]),
        opens_hour=6, closes_hour=22,
    )  # fmt: skip
    assert profile.share[-1, 1, [2, 9, 15]] == pytest.approx([0, 0.75, 0.25])


def test_a_small_group_borrows_and_a_large_one_stands_alone():
    """Group b sold as much as the prior is worth: half its own, half of what all sold."""
    own = PRIOR_UNITS
    sold = np.stack([hourly(h9=1e6), hourly(h15=own)])
    profile = learn_profile(
        sold, out_of_stock_bits=np.zeros(2, dtype=int), weekday=np.array([3, 3]),
        group=np.array(["a", "b"]),
    )  # fmt: skip
    seen = profile.seen_share(
        np.array([bits(15)] * 3), weekday=np.full(3, 3), group=np.array(["a", "b", "new"])
    )
    assert seen == pytest.approx([1, 0.5, 1], abs=1e-3)


def test_nothing_sold_in_stock_teaches_nothing():
    assert learn_profile(
        np.ones((1, HOURS)), out_of_stock_bits=np.array([bits(7)]), weekday=np.array([0])
    ) is None  # fmt: skip


@pytest.mark.data
def test_the_freshretail_profile_is_the_sum_of_its_hourly_sales(shared_data):
    found = (
        pl.scan_parquet(shared_data / "freshretail" / "hourly_sample.parquet")
        .filter(pl.col("dt") < date(2024, 5, 15))
        .filter(pl.col("stockout_bits") & sum(1 << h for h in range(OPENS_HOUR, CLOSES_HOUR)) == 0)
        .with_columns((pl.col("dt").dt.weekday() > 5).alias("weekend"))
        .group_by("weekend")
        .agg(pl.col("hours_sale").list.get(h).sum().alias(f"h{h}") for h in range(6, 22))
        .sort("weekend")
        .drop("weekend")
        .collect()
        .to_numpy()
    )
    shares = found / found.sum(axis=1, keepdims=True)
    assert FRESHRETAIL_PROFILE.share[0, [0, 6], 6:22] == pytest.approx(shares, abs=0.0011)
