"""Windows against polars and numpy, which count rows one series at a time; ragged, with gaps."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.block import Block
from features.covariates import deviation
from features.demand import CENSORED, DEMAND
from features.frame import IN_STOCK
from features.windows import lagged, quantile_of, rolling_max, sorted_windows

T, N = 130, 7


def ragged(seed):
    """Demand (T, N) with a fifth unknown; series begin at different rows, one of them is empty."""
    rng = np.random.default_rng(seed)
    demand = rng.poisson(rng.gamma(1.0, 5.0, N), (T, N)).astype(float)
    demand[rng.random((T, N)) < 0.2] = np.nan
    start = np.sort(rng.integers(0, T - 5, N))
    demand[np.arange(T)[:, None] < start] = np.nan
    demand[:, -1] = np.nan
    return demand, start


def block_of(demand, start, **columns):
    known = {DEMAND: demand, CENSORED: 0 * demand, IN_STOCK: 1 + 0 * demand}
    return Block(known | columns, start, 1)


def column_by_column(demand, expr):
    """A polars expression on each series alone."""
    out = [
        pl.DataFrame({"x": pl.Series(column).fill_nan(None)})
        .select(expr.cast(pl.Float64))
        .to_series()
        .fill_null(np.nan)
        .to_numpy()
        for column in demand.T
    ]
    return np.array(out).T


X = pl.col("x")
WINDOWS = {
    "mean": (lambda b, w: b.mean(DEMAND, w), lambda w: X.rolling_mean(w, min_samples=1)),
    "spread": (lambda b, w: b.spread(DEMAND, w), lambda w: X.rolling_std(w, min_samples=4)),
    "max": (lambda b, w: b.highest(DEMAND, w), lambda w: X.rolling_max(w, min_samples=1)),
    "min": (lambda b, w: b.lowest(DEMAND, w), lambda w: X.rolling_min(w, min_samples=1)),
    "median": (
        lambda b, w: b.quantile(DEMAND, w, 0.5),
        lambda w: X.rolling_median(w, min_samples=1),
    ),
    "q90": (
        lambda b, w: b.quantile(DEMAND, w, 0.9),
        lambda w: X.rolling_quantile(0.9, "linear", w, min_samples=1),
    ),
    "sum": (
        lambda b, w: np.where(b.known(DEMAND, w) > 0, b.total(DEMAND, w), np.nan),
        lambda w: X.rolling_sum(w, min_samples=1),
    ),
}


CASES = [
    (name, window)
    for name in WINDOWS
    for window in (1, 2, 7, 13, 28, 56, 200)
    if name != "spread" or window >= 4  # Four values make a spread.
]


@pytest.mark.parametrize(("name", "window"), CASES)
def test_a_window_is_what_polars_says_of_each_series_alone(name, window):
    ours, theirs = WINDOWS[name]
    demand, start = ragged(window)
    got, expected = ours(block_of(demand, start), window), column_by_column(demand, theirs(window))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_what_never_moved_has_no_spread_whatever_it_was_before():
    """Prices of two decimals, 20 % dearer once: running sums carry rounding from then."""
    price = np.random.default_rng(4).uniform(1, 50, 300).round(2).astype(np.float32)
    column = np.tile(price.astype(float), (200, 1))
    column[:90] *= 1.2
    column[190:] *= 0.8
    block = block_of(np.ones_like(column), np.zeros(300, dtype=int), price=column)
    assert (block.spread("price", 28)[117:190] == 0).all()
    assert np.isnan(deviation(block, "price", 28)[190]).all()
    assert (block.spread("price", 28)[195] > 0).all()


@pytest.mark.parametrize("half_life", [3, 10])
def test_a_mean_that_forgets_is_that_of_polars_where_something_is_known(half_life):
    demand, start = ragged(1)
    got = block_of(demand, start).smooth(DEMAND, half_life)
    expected = column_by_column(demand, X.ewm_mean(half_life=half_life, ignore_nulls=True))
    known = ~np.isnan(demand)
    np.testing.assert_allclose(got[known], expected[known], rtol=1e-9)


@pytest.mark.parametrize("window", [7, 28])
def test_a_slope_is_that_of_a_fitted_line(window):
    demand, start = ragged(2)
    got = block_of(demand, start).slope(DEMAND, window)
    for t in range(0, T, 9):
        for i in range(N):
            y = demand[max(0, t - window + 1) : t + 1, i]
            x = np.arange(len(y))[~np.isnan(y)]
            if len(x) < 4:
                assert np.isnan(got[t, i])
            else:
                fitted = np.polyfit(x, y[~np.isnan(y)], 1)[0]
                assert got[t, i] == pytest.approx(fitted, abs=1e-7)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6, width=32) | st.just(float("nan")), min_size=1, max_size=40),
    st.integers(1, 40),
)
def test_sorted_windows_sort_and_their_maximum_is_last(values, window):
    column = np.array(values, dtype=float)[:, None]
    ranks, highest = sorted_windows(column, window), rolling_max(column, window)
    assert len(ranks) == window
    for t in range(len(values)):
        seen = column[max(0, t - window + 1) : t + 1, 0]
        seen = np.sort(seen[~np.isnan(seen)])
        np.testing.assert_array_equal(ranks[: len(seen), t, 0], seen.astype(np.float32))
        assert np.isinf(ranks[len(seen) :, t, 0]).all()
        assert np.array_equal(highest[t, 0], seen[-1] if len(seen) else np.nan, equal_nan=True)


@pytest.mark.parametrize("level", [0.0, 0.1, 0.5, 0.99, 1.0])
def test_a_quantile_is_that_of_numpy(level):
    demand, start = ragged(3)
    known = block_of(demand, start).known(DEMAND, 28)
    got = quantile_of(sorted_windows(demand, 28), known, level)
    for t in range(3, T, 11):
        for i in range(N - 1):
            seen = demand[max(0, t - 27) : t + 1, i]
            seen = seen[~np.isnan(seen)]
            expected = np.quantile(seen, level) if len(seen) else np.nan
            assert got[t, i] == pytest.approx(expected, rel=1e-6, nan_ok=True)


def test_a_lag_looks_back_and_a_negative_one_ahead():
    column = np.arange(4.0)[:, None]
    assert lagged(column, 1).ravel().tolist()[1:] == [0, 1, 2]
    assert lagged(column, -3).ravel()[0] == 3
    assert np.isnan(lagged(column, 9)).all()
    assert np.isnan(lagged(column, -9)).all()


@pytest.mark.parametrize("flags", [[0, 1, 1, 0, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0]])
def test_runs_and_waits_counted_one_by_one(flags):
    column = np.array(flags, dtype=float)[:, None]
    block = block_of(column, np.zeros(1, dtype=int), flag=column)
    since, expected = None, []
    for flag in flags:
        since = 0 if flag else (None if since is None else since + 1)
        expected.append(np.nan if since is None else since)
    np.testing.assert_array_equal(block.since("flag").ravel(), expected)
