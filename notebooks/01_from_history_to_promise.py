# %% [markdown]
# # From history to promise
#
# One SKU at one store. Two years of sales become a forecast, the forecast becomes a reorder point
# and a promise buffer, and the buffer changes what a channel may promise. Then the same again with
# a promotion next week. No database is needed: these are the functions that the jobs call.

# %%
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.frame import Panel
from inventory.availability import atp_units
from inventory.base_stock import protection_demand
from inventory.demand import LEVELS, DemandForecast
from inventory.promise_buffer import Exposure, critical_level, promise_buffer
from models.baseline import SeasonalNaive
from models.boosting import BoostingForecaster
from models.ensemble import Ensemble

HORIZON_DAYS = 14
ORIGIN = date(2026, 6, 7)  # A Sunday: what is known when we forecast.

# %% [markdown]
# ## A history with stock-outs
#
# Twelve stores sell one SKU. Demand has a weekly rhythm and doubles on promotion. On some days the
# shelf ran empty at noon: those sales are *censored*, demand was at least as high.

# %%
rng = np.random.default_rng(7)
days = [ORIGIN - timedelta(days=back) for back in range(729, -1, -1)]
weekday = np.array([1.0, 0.9, 0.9, 1.0, 1.3, 1.8, 1.5])[[day.weekday() for day in days]]
stores = []
for store in range(12):
    promotion = (rng.random(len(days) // 7 + 1) < 0.12).repeat(7)[: len(days)]
    demand = rng.poisson(6 * weekday * np.where(promotion, 2.0, 1.0))
    in_stock = np.where(rng.random(len(days)) < 0.05, 0.5, 1.0)
    stores.append(
        pl.DataFrame(
            {
                "sku": "ESPRESSO-1KG",
                "location": f"STORE-{store:02}",
                "date": days,
                "units": np.floor(demand * in_stock),
                "in_stock": in_stock,
                "promotion": promotion.astype(float),
            }
        )
    )
history = pl.concat(stores)


def panel_with(promotion_share: float) -> Panel:
    """The history, and next week's promotion as planned for every store."""
    ahead = [ORIGIN + timedelta(days=h) for h in range(1, HORIZON_DAYS + 1)]
    planned = [promotion_share if h < 7 else 0.0 for h in range(HORIZON_DAYS)]
    plan = pl.DataFrame({"date": ahead, "promotion": planned})
    future = history.select("sku", "location").unique().join(plan, how="cross")
    return Panel(history=history, future=future.sort("sku", "location", "date"))


# %% [markdown]
# ## The forecast
#
# Trained once; asked twice, without and with the promotion.

# %%
ensemble = Ensemble([BoostingForecaster(seed=7), SeasonalNaive()], seed=7, windows=2)
ensemble.fit(panel_with(0.0), horizon=HORIZON_DAYS)


def forecast(promotion_share: float) -> DemandForecast:
    """Daily quantiles of the first store."""
    panel = panel_with(promotion_share)
    return ensemble.predict(panel, horizon=HORIZON_DAYS, levels=np.array(LEVELS)).select(slice(1))


plain, promoted = forecast(0.0), forecast(1.0)
for name, made in (("as usual", plain), ("promotion next week", promoted)):
    week = made.window_quantiles_units(np.array([0.05, 0.5, 0.95]), periods=7)[0]
    print(
        f"{name:20} next 7 days: {week[0]:5.0f} {week[1]:5.0f} {week[2]:5.0f} units (5, 50, 95 %)"
    )

# %% [markdown]
# The 95 % quantile of the week is less than seven daily 95 % quantiles: bad days do not all come
# together.

# %%
week_q95 = plain.window_quantiles_units(np.array([0.95]), periods=7)[0, 0]
assert week_q95 < plain.day_quantiles_units(0.95)[0, :7].sum()

# %% [markdown]
# ## Policy: safety stock and reorder point
#
# Stock must last over lead time and review period. Safety stock is the distance from mean demand
# to its 95 % quantile over that time; it is there to be sold.


# %%
def reorder_point_units(made: DemandForecast) -> float:
    """Position at or below which the store orders: two days of lead time, reviewed daily."""
    one = np.ones(1)
    return protection_demand(
        made,
        lead_time_days=2 * one,
        lead_time_sd_days=0.5 * one,
        review_period_days=one,
        service_level=0.95 * one,
        seed=7,
    ).target_units[0]


print(f"reorder point: {reorder_point_units(plain):.0f} -> {reorder_point_units(promoted):.0f}")

# %% [markdown]
# ## The promise buffer
#
# A unit promised for pick-up can be bought by a walk-in customer before it is picked. We withhold a
# unit as long as the expected cost of cancelling exceeds the expected margin of selling it.

# %%
level = critical_level(cancellation_cost=12.0, margin=4.0)


def buffer_units(made: DemandForecast) -> list[int]:
    """Units withheld from the pick-up view on each of the next five days."""
    buffer = promise_buffer(
        made,
        Exposure(exposure_days=0.5),
        level=np.array([level]),
        days=5,
        elapsed_share_of_first_day=0.0,
        known_units=np.zeros((1, 5)),
        seed=7,
    )
    return buffer.units[0].tolist()


def atp(made: DemandForecast) -> list[int]:
    """What the pick-up view may promise: 40 on hand, 6 promised, 30 arriving on day 3."""
    return atp_units(
        on_hand_units=40,
        supply_units=[0, 0, 0, 30, 0],
        committed_units=[4, 2, 0, 0, 0],
        buffer_units=buffer_units(made),
    )


print(f"buffer   {buffer_units(plain)} -> {buffer_units(promoted)}")
print(f"ATP      {atp(plain)} -> {atp(promoted)}")

# %% [markdown]
# The promotion raises what is withheld, and lowers what a channel may promise: the forecast
# directly adjusts availability.

# %%
assert reorder_point_units(promoted) > reorder_point_units(plain)
assert all(
    more > less for more, less in zip(buffer_units(promoted), buffer_units(plain), strict=True)
)
assert all(less < more for less, more in zip(atp(promoted), atp(plain), strict=True))
