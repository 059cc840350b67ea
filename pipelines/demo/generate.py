"""The synthetic retailer as tables: the same for the same seed and day."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from inventory.demand import Floats
from pipelines.demo.assortment import CATEGORIES, Assortment, Ints, make_assortment, make_bundles
from pipelines.demo.places import PLACES, VENDORS
from pipelines.demo.surroundings import Surroundings, make_surroundings
from pipelines.demo.trade import (
    Series,
    Shelf,
    draw_demand,
    make_series,
    promotion_lift,
    run_shelf,
)

LEDGER_DAYS = 2
"""The last days of trade also reach the ledger, movement by movement, after a count."""

PRICE_RISE = 1.04
"""Prices rose by this on the first of January."""


@dataclass(frozen=True, slots=True)
class DemoHero:
    """A position to show things on: sells well, is well stocked, had promotions before."""

    sku: str
    location: str
    group: str
    channel: str


@dataclass(frozen=True, slots=True, eq=False)
class Retailer:
    """Everything about the synthetic retailer up to the evening before `today`.

    sales : sku, location, day, units, in_stock, price, promotion. counts : sku, location, status,
    quantity, true on the morning `LEDGER_DAYS` before today. movements : sku, location, day, units
    (signed), reason. inbound : sku, location, quantity, due_on.
    """

    today: date
    assortment: Assortment
    bundles: pl.DataFrame
    components: pl.DataFrame
    around: Surroundings
    sales: pl.DataFrame
    counts: pl.DataFrame
    movements: pl.DataFrame
    inbound: pl.DataFrame
    hero: DemoHero


def generate(*, seed: int, today: date, skus: int, days: int) -> Retailer:
    """Draw the retailer: what customers wanted, what the shelves let them have, what is left."""
    rng = np.random.default_rng(seed)
    assortment = make_assortment(rng, skus=skus, days=days)
    series = make_series(rng, assortment)
    around = make_surroundings(rng, assortment, today=today, days=days)
    demand = draw_demand(rng, assortment, series, around, days=days)
    first_day = days - assortment.age_days[series.sku]
    shelf = run_shelf(
        rng,
        demand,
        lift=promotion_lift(assortment, series, around, days=days),
        first_day=first_day,
        lead_days=_lead_days(assortment)[series.sku],
        well_kept=len(PLACES) * len(CATEGORIES),
    )
    bundles, components = make_bundles(assortment)
    keys = _keys(assortment, series)
    return Retailer(
        today=today,
        assortment=assortment,
        bundles=bundles,
        components=components,
        around=around,
        sales=_sales(
            keys,
            assortment=assortment,
            series=series,
            around=around,
            shelf=shelf,
            first_day=first_day,
        ),
        counts=_counts(rng, keys, shelf),
        movements=_movements(keys, shelf, today),
        inbound=_inbound(keys, shelf, today),
        hero=DemoHero(assortment.skus[0], "store-berlin", "ship-to-home", "web"),
    )


def _lead_days(assortment: Assortment) -> Ints:
    """Days from ordering to receiving each SKU: its vendor's."""
    by_vendor = {vendor: round(days) for vendor, _, days, *_ in VENDORS}
    of_category = np.array([by_vendor[category.vendor] for category in CATEGORIES])
    lead: Ints = of_category[assortment.category]
    return lead


def _keys(assortment: Assortment, series: Series) -> pl.DataFrame:
    return pl.DataFrame({
        "sku": np.array(assortment.skus)[series.sku],
        "location": np.array([place.location for place in PLACES])[series.place],
    })  # fmt: skip


def _sales(
    keys: pl.DataFrame,
    *,
    assortment: Assortment,
    series: Series,
    around: Surroundings,
    shelf: Shelf,
    first_day: Ints,
) -> pl.DataFrame:
    """One row per series and day since the item came on sale."""
    T = shelf.sales.shape[1]
    dates = pl.Series("day", around.dates[:T])
    discount = around.discount[series.sku, :T]
    row, t = np.nonzero(np.arange(T) >= first_day[:, None])
    price = _list_prices(assortment, around.dates[:T])[series.sku] * (1 - discount)
    return keys[row].with_columns(
        dates[t],
        units=shelf.sales[row, t],
        in_stock=shelf.in_stock[row, t],
        price=price[row, t].round(2),
        promotion=discount[row, t],
    )


def _list_prices(assortment: Assortment, dates: list[date]) -> Floats:
    """Shape (SKUs, T): today's catalogue price, less the rises since each day."""
    now = assortment.table.get_column("price").to_numpy()
    rises = np.array([dates[-1].year - day.year for day in dates])
    prices: Floats = now[:, None] / PRICE_RISE**rises
    return prices


def _counts(rng: np.random.Generator, keys: pl.DataFrame, shelf: Shelf) -> pl.DataFrame:
    """What a count found before the last days of trade, and what the warehouses set aside."""
    later = (shelf.received - shelf.sales)[:, -LEDGER_DAYS:].sum(axis=1)
    counted = (shelf.on_hand - later).astype(np.int64)
    available = keys.with_columns(status=pl.lit("available"), quantity=counted)
    warehouses = keys.filter(pl.col("location").str.starts_with("dc-"))
    aside = [
        warehouses.sample(fraction=share, seed=int(rng.integers(2**31))).with_columns(
            status=pl.lit(status), quantity=pl.lit(units, dtype=pl.Int64)
        )
        for status, share, units in (("defective", 0.10, 3), ("inspection", 0.06, 12))
    ]
    return pl.concat([available, *aside])


def _movements(keys: pl.DataFrame, shelf: Shelf, today: date) -> pl.DataFrame:
    """Sales and receipts of the last days, as the ledger hears of them."""
    found = []
    for back in range(LEDGER_DAYS, 0, -1):
        day = today - timedelta(days=back)
        for reason, units in (
            ("sale", -shelf.sales[:, -back]),
            ("restock", shelf.received[:, -back]),
        ):
            moved = keys.with_columns(
                day=pl.lit(day), units=units.astype(np.int64), reason=pl.lit(reason)
            )
            found.append(moved.filter(pl.col("units") != 0))
    return pl.concat(found)


def _inbound(keys: pl.DataFrame, shelf: Shelf, today: date) -> pl.DataFrame:
    """Open orders, by the day they are due."""
    row, ahead = np.nonzero(shelf.due_units)
    due = [today + timedelta(days=int(days)) for days in ahead]
    return keys[row].with_columns(
        quantity=shelf.due_units[row, ahead].astype(np.int64),
        due_on=pl.Series(due, dtype=pl.Date),
    )
