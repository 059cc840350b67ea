"""Markdowns: Walker's example, and what the required sales earn."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.policy.markdown import expected_end_units, required_sales_multiple

WALKER = {"start_units": 1000, "now_units": 825, "week": 2, "season_weeks": 16}


def test_walkers_example():
    """As the docstring of `possible_markdowns` in inventorize 1.2.6 computes it."""
    assert expected_end_units(**WALKER) == pytest.approx(214.60092441421503)
    assert required_sales_multiple(0.9, **WALKER) == pytest.approx(1.2651209562788333)


def test_stock_shrinks_by_the_same_share_each_week():
    units = 825.0
    for _ in range(14):
        units *= (825 / 1000) ** 0.5
    assert expected_end_units(**WALKER) == pytest.approx(units)


@given(now=st.floats(300, 990), ratio=st.floats(0.5, 1.0))
def test_required_sales_earn_at_the_low_price_what_was_earned_at_the_old(now, ratio):
    at = WALKER | {"now_units": now}
    multiple = required_sales_multiple(ratio, **at)
    sold_at_old_price = now - expected_end_units(**at)
    if multiple is None:
        assert ratio * now < sold_at_old_price
        return
    weekly_share = multiple * (1 - (now / 1000) ** 0.5)
    sold = now * (1 - (1 - weekly_share) ** 14)
    assert ratio * sold == pytest.approx(sold_at_old_price)


def test_at_the_old_price_sales_stay_as_they_are():
    assert required_sales_multiple(1.0, **WALKER) == pytest.approx(1)


def test_what_never_sold_has_no_multiple():
    assert required_sales_multiple(0.9, **WALKER | {"now_units": 1000}) is None
