"""Unconstraining against shops whose true demand is known, and against real days cut short."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.demand import SHARE_READABLE_MIN, demand_of, dense_demand, with_demand
from features.expected import expected
from features.frame import Panel
from features.lost_sales import interval, lost_rows, summed
from inventory.periodic_review import order_up_to_costs
from models.baseline import MovingAverage
from pipelines.profiles import FRESHRETAIL_PROFILE

START = date(2024, 1, 1)
WARM_UP_DAYS = 14


def series(units, in_stock=None, sku="a", location="x", **more):
    n = len(units)
    return pl.DataFrame(
        {
            "sku": sku, "location": location,
            "date": [START + timedelta(days=i) for i in range(n)],
            "units": [float(u) if u is not None else None for u in units],
            "in_stock": [1.0] * n if in_stock is None else [float(s) for s in in_stock],
            **more,
        },
        schema_overrides={"units": pl.Float64},
    )  # fmt: skip


def shop(*, seed=1, shape=3.0, cover=(0.7, 1.8), skus=12, places=12, days=100):
    """Histories of a shop with negative binomial demand, and that demand, (rows,).

    Each day starts with a stock drawn without looking at its demand; of D buyers who come evenly
    over the day (in shares of demand), the Q-th takes the last unit: a Beta(Q, D - Q + 1) moment.
    """
    rng = np.random.default_rng(seed)
    level = 4 * np.exp(0.8 * rng.normal(size=(skus, places, 1)))
    weekday = np.array([0.8, 0.85, 0.9, 1, 1.1, 1.3, 1.2])[np.arange(days) % 7]
    together = rng.gamma(10, 0.1, size=(skus, 1, days))
    rate = level * weekday * together
    demand = rng.poisson(rate * rng.gamma(shape, 1 / shape, size=rate.shape)).astype(float)
    stock = np.maximum(1, np.round(level * rng.uniform(*cover, size=demand.shape)))
    out = demand >= stock
    share = np.where(out, rng.beta(stock, np.maximum(demand - stock, 0) + 1), 1.0)
    sold = np.minimum(demand, stock)
    frames = [
        series(sold[i, j], share[i, j], sku=f"s{i:02d}", location=f"p{j:02d}")
        for i in range(skus)
        for j in range(places)
    ]
    return pl.concat(frames), demand.ravel()


def errors(estimate, truth):
    """Bias as a share of the truth, and root mean squared error."""
    return (estimate - truth).sum() / truth.sum(), np.sqrt(((estimate - truth) ** 2).mean())


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("usual", {}), ("wild", {"shape": 1.0}), ("calm", {"shape": 20.0}),
        ("scarce", {"cover": (0.3, 1.0)}),
    ],
)  # fmt: skip
def test_estimate_is_near_the_truth_where_sold_out_days_are_the_busy_ones(kind, more):
    history, truth = shop(**more)
    units, share = history["units"].to_numpy(), history["in_stock"].to_numpy()
    cut = (share < 1) & ((history["date"] - START).dt.total_days() >= WARM_UP_DAYS).to_numpy()
    estimates = {
        "naive": units,
        "divided": units / np.maximum(share, SHARE_READABLE_MIN),
        "elasticity": units / np.maximum(share, SHARE_READABLE_MIN) ** 0.3,
        "ours": units + expected(history).unseen_units,
    }
    found = {name: errors(e[cut], truth[cut]) for name, e in estimates.items()}
    bias, rmse = found["ours"]
    assert abs(bias) < 0.07
    assert rmse < 0.9 * min(found["naive"][1], found["divided"][1], found["elasticity"][1])
    # Leaving sold-out days out does not help either: those in stock are the calm ones.
    whole = np.where(share < 1, estimates["ours"], units)
    masked = units[share == 1].mean()
    late = (history["date"] - START).dt.total_days().to_numpy() >= WARM_UP_DAYS
    assert abs(whole[late].mean() / truth[late].mean() - 1) < 0.05 < 1 - masked / truth.mean()


@pytest.mark.parametrize("seed", range(2, 8))
def test_interval_holds_the_units_lost(seed):
    history, truth = shop(seed=seed, skus=6, places=6)
    rows = lost_rows(history).with_columns(true=pl.Series(truth) - pl.col("units"))
    rows = rows.filter(pl.col("date") >= START + timedelta(days=WARM_UP_DAYS))
    by_sku = summed(rows, ["sku"]).join(rows.group_by("sku").agg(pl.col("true").sum()), on="sku")
    inside = by_sku["true"].is_between(by_sku["lost_low_units"], by_sku["lost_high_units"])
    assert inside.sum() >= 5
    (total,) = summed(rows, []).to_dicts()
    assert total["lost_low_units"] < rows["true"].sum() < total["lost_high_units"]


def test_interval_of_nothing_is_nothing_and_of_chance_is_poisson():
    low, high = interval(np.array([0.0, 400.0]), np.array([0.0, 400.0]))
    assert (low[0], high[0]) == (0, 0)
    # 400 with sd sqrt(3 · 400 + 60²) = 69.3: a gamma is close to normal here, 1.645 sd each side.
    assert (low[1], high[1]) == pytest.approx((400 - 114, 400 + 114), abs=8)


@pytest.mark.data
def test_real_days_cut_short_are_found_again(shared_data):
    """FreshRetail days in stock, emptied by us at a random hour: the estimate against the sales."""
    hourly = (
        pl.scan_parquet(shared_data / "freshretail" / "hourly_sample.parquet")
        .filter(pl.col("dt") < date(2024, 5, 15), pl.col("store_id") < 200)
        .select(
            pl.col("product_id").cast(pl.String).alias("sku"),
            pl.col("store_id").cast(pl.String).alias("location"),
            pl.col("dt").alias("date"), "hours_sale", "stockout_bits",
        )
        .sort("sku", "location", "date")
        .collect()
    )  # fmt: skip
    sold = 10 * np.array(hourly["hours_sale"].to_list(), dtype=float)
    bits = hourly["stockout_bits"].to_numpy().astype(np.int64)
    open_bits = sum(1 << h for h in range(6, 22))
    rng = np.random.default_rng(0)
    cut = ((bits & open_bits) == 0) & (rng.random(len(bits)) < 0.3)
    emptied = rng.integers(9, 20, len(bits))
    after = cut[:, None] & (np.arange(24) >= emptied[:, None])
    bits = np.where(cut, (1 << 24) - (1 << emptied), bits)
    share = FRESHRETAIL_PROFILE.seen_share(bits, weekday=hourly["date"].dt.weekday().to_numpy() - 1)
    history = hourly.select("sku", "location", "date").with_columns(
        units=pl.Series(np.where(after, 0.0, sold).sum(axis=1).round()),
        in_stock=pl.Series(np.where((bits & open_bits) == 0, 1.0, share)),
    )
    truth, units = sold.sum(axis=1), history["units"].to_numpy()
    found = expected(history)
    cut &= ~np.isnan(found.mean_units)
    hours = 1 - (22 - np.maximum(emptied, 6)) / 16
    naive, divided, by_hours, ours = (
        errors(e[cut], truth[cut])
        for e in (units, units / np.maximum(share, 0.3), units / hours, units + found.unseen_units)
    )
    assert abs(ours[0]) < 0.1 < abs(naive[0])
    assert ours[1] < min(naive[1], divided[1], by_hours[1])
    rows = lost_rows(history).with_columns(true=pl.Series(truth - units)).filter(pl.Series(cut))
    for by in (["location"], ["sku"], ["sku", "location"]):
        totals = summed(rows, by).join(rows.group_by(by).agg(pl.col("true").sum()), on=by)
        low, high = pl.col("lost_low_units") - 0.5, pl.col("lost_high_units") + 0.5
        assert totals.select(pl.col("true").is_between(low, high).mean()).item() > 0.85


def test_an_estimate_is_never_below_what_sold_and_unread_is_unknown():
    history = series([8, 8, 8, None, 0], in_stock=[1, 0.5, 0.1, 1, 1])
    demand = demand_of(history).to_list()
    assert demand[0] == 8
    assert 8 < demand[1] < 16
    assert demand[2:4] == [None, None]
    assert demand[4] == 0
    assert with_demand(history)["censored"].to_list() == [False, True, True, False, False]
    assert np.isnan(dense_demand(Panel(history=history, future=history.clear()))[0, 2])


@pytest.mark.parametrize(
    ("units", "in_stock"),
    [
        ([0] * 9, [0.5] * 9), ([None] * 5, [0.5] * 5), ([3], [0.5]), ([], []),
        ([1e9, 0, 1e9, 5], [1, 0.5, 1, 0.3]), ([0.3, 0.2, 0.4, 0.1], [1, 1, 0.5, 0.5]),
    ],
)  # fmt: skip
def test_odd_series_are_read_too(units, in_stock):
    history = series(units, in_stock)
    demand = demand_of(history).to_numpy()
    known = ~np.isnan(demand)
    assert (demand[known] >= history["units"].to_numpy()[known]).all()
    assert np.isfinite(demand[known]).all()


def test_a_share_that_is_all_but_nothing_moves_nothing():
    history = series([5, 4, 6, 5, 5], in_stock=[1e-17, 1, 1, 0.5, 1])
    lost = lost_rows(history)["lost_units"].to_list()
    assert lost[0] is None
    assert 2 < lost[3] < 10


def test_nothing_is_said_of_a_first_day_cut_short():
    assert demand_of(series([5, 5], in_stock=[0.6, 0.6])).to_list()[0] is None


def test_no_later_row_and_not_the_rows_own_sales_are_read():
    history, _ = shop(skus=3, places=3, days=60)
    before = expected(history).mean_units
    late = pl.col("date") >= START + timedelta(days=40)
    changed = history.with_columns(
        units=pl.when(late).then(pl.col("units") * 7 + 3).otherwise("units"),
        in_stock=pl.when(late).then(0.4).otherwise("in_stock"),
    )
    after = expected(changed)
    early = ((history["date"] - START).dt.total_days() < 40).to_numpy()
    assert np.array_equal(before[early], after.mean_units[early], equal_nan=True)
    assert not np.array_equal(before[~early], after.mean_units[~early], equal_nan=True)
    alone = (pl.col("sku") == "s01") & (pl.col("location") == "p01")
    last = alone & (pl.col("date") == history["date"].max())
    own = history.with_columns(units=pl.when(last).then(999.0).otherwise("units"))
    assert expected(own).mean_units[history.select(last).to_series().to_numpy()] == pytest.approx(
        before[history.select(last).to_series().to_numpy()]
    )


@pytest.mark.parametrize("rows_per_day", [1_000, 4])
def test_as_of_an_earlier_day_the_estimate_is_the_same(rows_per_day, monkeypatch):
    """Also where the usual spread is learned from a sample of the rows, and SKUs came later."""
    monkeypatch.setattr("features.expected.SHAPE_ROWS_PER_DAY", rows_per_day)
    history, _ = shop(skus=4, places=4, days=60)
    late_skus = (pl.col("sku") == "s01") & (pl.col("date") < START + timedelta(days=50))
    history = history.filter(~late_skus)
    then = history.filter(pl.col("date") < START + timedelta(days=40))
    now = history.select((pl.col("date") < START + timedelta(days=40)).alias("then"))["then"]
    for name in ("mean_units", "shape"):
        np.testing.assert_array_equal(
            getattr(expected(history), name)[now.to_numpy()], getattr(expected(then), name)
        )


def test_neighbours_on_the_same_day_raise_the_estimate():
    """Elsewhere the SKU sold three times as usual: so it would have here, had there been stock."""
    days = 60
    usual, busy = [10.0] * days, [10.0] * (days - 1) + [30.0]
    here = [10.0] * (days - 1) + [0.0]
    share = [1.0] * (days - 1) + [0.0]

    def lost(elsewhere):
        others = [series(elsewhere, location=f"y{i}") for i in range(8)]
        rows = lost_rows(pl.concat([series(here, share), *others]))
        return rows.filter(pl.col("location") == "x")["lost_units"][-1]

    assert lost(usual) == pytest.approx(10, rel=0.02)
    assert 20 < lost(busy) < 30


def test_lost_units_money_and_days_are_summed():
    history = pl.concat(
        [
            series([6, 6, 0, 6], in_stock=[1, 1, 0, 1], price=[2.0, 2.5, None, 2.5]),
            series([1, 1, 1, 1], sku="b", in_stock=[0.5, 1, 1, 1], price=[None] * 4),
        ]
    )
    a, b = summed(lost_rows(history), ["sku"]).sort("sku").to_dicts()
    assert (a["sold_units"], a["censored_share"], a["periods"]) == (18, 0.25, 4)
    assert a["lost_units"] == pytest.approx(6, rel=0.05)
    assert a["lost_low_units"] < a["lost_units"] < a["lost_high_units"]
    assert a["lost_value"] == pytest.approx(2.5 * a["lost_units"])
    assert (b["lost_units"], b["lost_value"], b["periods_not_estimated"]) == (0, None, 1)


def test_orders_cost_less_than_with_naive_use_or_masking_where_true_demand_is_known():
    """The last two weeks of a shop, at what orders to the critical quantile cost against the demand
    that there was: each day for itself, and with what is left over kept, in the simulator."""
    history, truth = shop(skus=10, places=10)
    split, horizon = START + timedelta(days=86), 14
    past = history.filter(pl.col("date") < split)
    wanted = truth.reshape(-1, 100)[:, 86:]
    uses = {
        "naive": past.with_columns(in_stock=pl.lit(1.0)),
        "masked": past.with_columns((pl.col("in_stock") >= 1).cast(pl.Float64).alias("in_stock")),
        "unconstrained": past,
    }
    newsvendor, simulated = {}, {}
    for name, read in uses.items():
        panel = Panel(read, read.clear())
        forecast = MovingAverage().predict(panel, horizon=horizon, levels=np.array([0.9]))
        order = forecast.quantiles_units[:, :, 0]
        gap = wanted - order
        newsvendor[name] = np.where(gap > 0, 9 * gap, -gap).mean()
        simulated[name] = order_up_to_costs(
            wanted, order, start_units=np.zeros(len(order)), lead_time_periods=0, review_periods=1,
            holding_cost=1.0, shortage_cost=9.0,
        ).mean()  # fmt: skip
    for cost in (newsvendor, simulated):
        assert cost["unconstrained"] < 0.95 * cost["naive"] < 0.95 * cost["masked"], cost
