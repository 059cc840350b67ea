"""Naive use, masking and unconstraining of sold-out days, on hidden windows of FreshRetail.

Each model learns three times from the same history: with every day read as demand, with sold-out
days left out, and with what `features.demand` makes of them. They are judged on days that were in
stock, by loss and by what orders to their quantiles cost. The last window stays unseen.

Run with `pytest tests/benchmarks/test_censoring.py -m slow -s`, which prints the table.
"""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel, check
from inventory.demand import LEVELS
from inventory.periodic_review import order_up_to_costs
from models import metrics
from models.arima import ArimaForecaster
from models.baseline import MovingAverage
from models.boosting import BoostingForecaster
from pipelines.profiles import FRESHRETAIL_PROFILE

HORIZON = 14
SERIES = 300
WINDOWS_BACK = (1, 2)
SCORED = np.array(metrics.SCORED_LEVELS)
HOLDING, SHORTAGE = 1.0, 9.0
CRITICAL = SHORTAGE / (SHORTAGE + HOLDING)
LEAD_TIME, REVIEW = 1, 1
USES = ("naive", "masked", "unconstrained")
MODELS = {
    "moving_average": MovingAverage,
    "arima": ArimaForecaster,
    "boosting": lambda: BoostingForecaster(examples_max=80_000),
}


@pytest.fixture(scope="module")
def every(shared_data):
    """All days of series drawn at random, with the share of demand seen as `in_stock`."""
    raw = pl.read_parquet(shared_data / "freshretail" / "daily.parquet")
    ids = raw.select("store_id", "product_id").unique(maintain_order=True).sample(SERIES, seed=5)
    raw = raw.join(ids, on=["store_id", "product_id"], how="semi")
    seen = FRESHRETAIL_PROFILE.seen_share(
        raw["stockout_bits"].cast(pl.Int64).to_numpy(),
        weekday=raw["dt"].dt.weekday().to_numpy() - 1,
    )
    return raw.select(
        pl.col("product_id").cast(pl.String).alias("sku"),
        pl.col("store_id").cast(pl.String).alias("location"),
        pl.col("dt").alias("date"),
        (10 * pl.col("sale_amount")).round().cast(pl.Float64).alias("units"),
        pl.when(pl.col("stockout_hours_6_22") == 0).then(1.0).otherwise(pl.Series(seen))
        .alias("in_stock"),
        "discount", "holiday_flag", "activity_flag", "precpt", "avg_temperature",
    ).sort("sku", "location", "date")  # fmt: skip


def used(history, use):
    """The history as a reader of that kind sees it."""
    in_stock = pl.col("in_stock")
    if use == "naive":
        return history.with_columns(in_stock=pl.lit(1.0))
    if use == "masked":
        return history.with_columns(pl.when(in_stock < 1).then(0.0).otherwise(1.0)
                                    .alias("in_stock"))  # fmt: skip
    return history


def judged(forecast, actual, on_sale, scale):
    """Loss and bias on days in stock; cost of orders to the critical quantile on them; and cost of
    an order-up-to policy over series that were in stock throughout, so that demand is known."""
    levels = [int(np.argmin(np.abs(forecast.levels - level))) for level in SCORED]
    known = np.where(on_sale, actual, np.nan)
    quantiles = forecast.quantiles_units[..., levels]
    critical = quantiles[..., list(SCORED).index(CRITICAL)]
    order = HOLDING * np.maximum(critical - known, 0) + SHORTAGE * np.maximum(known - critical, 0)
    whole = np.flatnonzero(on_sale.all(axis=1))
    sure = forecast.select(whole)
    reach = LEAD_TIME + REVIEW
    target = np.stack([_sum_quantile(sure, first, reach) for first in range(HORIZON - reach)], 1)
    cost = order_up_to_costs(
        actual[whole], target, start_units=target[:, 0] / 2, lead_time_periods=LEAD_TIME,
        review_periods=REVIEW, holding_cost=HOLDING, shortage_cost=SHORTAGE,
    )  # fmt: skip
    return {
        "sql": metrics.scaled_quantile_loss(known, quantiles, SCORED, scale_units=scale),
        "bias": metrics.bias(known, forecast.mean_units),
        "newsvendor": np.nanmean(order),
        "simulated": cost.mean() / (HORIZON - LEAD_TIME),
    }


def _sum_quantile(forecast, first, reach):
    """Critical quantile of the sum over `reach` days from day `first` on, (N,)."""
    later = type(forecast)(
        skus=forecast.skus, locations=forecast.locations, levels=forecast.levels,
        first_day=forecast.first_day + timedelta(days=first),
        quantiles_units=forecast.quantiles_units[:, first:],
        mean_units=forecast.mean_units[:, first:], dependence=forecast.dependence,
    )  # fmt: skip
    return later.window_quantiles_units(np.array([CRITICAL]), periods=reach, seed=0)[:, 0]


def looked_back(every, back):
    """Figures of every model and use at the origin `back` windows before the end."""
    end = every["date"].max() - timedelta(days=HORIZON * back)
    origin = end - timedelta(days=HORIZON)
    history = every.filter(pl.col("date") <= origin)
    later = every.filter(pl.col("date").is_between(origin, end, closed="right"))
    N = len(later) // HORIZON
    actual, share = (later[c].to_numpy().reshape(N, HORIZON) for c in ("units", "in_stock"))
    past = history["units"].to_numpy().reshape(N, -1)
    scale = metrics.naive_error_units(past, 7)
    for use in USES:
        panel = Panel(check(used(history, use), period_days=1), later.drop("units", "in_stock"))
        for name, make in MODELS.items():
            fitted = make().fit(panel, horizon=HORIZON)
            forecast = fitted.predict(panel, horizon=HORIZON, levels=np.array(LEVELS))
            figures = judged(forecast, actual, share == 1, scale)
            yield {"model": name, "use": use, "back": back, **figures}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_sold_out_days_are_worth_more_than_at_face_value(every):
    rows = [row for back in WINDOWS_BACK for row in looked_back(every, back)]
    table = pl.DataFrame(rows).group_by("model", "use", maintain_order=True).agg(
        pl.col("sql", "bias", "newsvendor", "simulated").mean()
    )  # fmt: skip
    with pl.Config(tbl_rows=-1, float_precision=4):
        print(table)  # noqa: T201
    for figure in ("sql", "newsvendor", "simulated"):
        naive, masked, unconstrained = (
            dict(table.filter(use=use).select("model", figure).iter_rows()) for use in USES
        )
        means = [np.mean(list(costs.values())) for costs in (naive, masked, unconstrained)]
        # The simulation needs series that never sold out, which are the calmest of all.
        assert min(means[1:]) < means[0], figure
        if figure != "simulated":
            assert all(unconstrained[model] < naive[model] for model in MODELS), figure
