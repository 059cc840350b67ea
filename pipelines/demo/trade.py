"""What customers want from the synthetic retailer, and what its shelves let them have."""

from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats
from pipelines.demo.assortment import CATEGORIES, Assortment, Ints
from pipelines.demo.places import PLACES
from pipelines.demo.surroundings import Surroundings

WEEK = np.array([0.85, 0.82, 0.88, 0.95, 1.15, 1.35, 1.0])
"""Trade of Monday to Sunday; warehouses sell online and feel the weekend less."""

LUMP_UNITS = 12
"""Mean size of an order for a lumpy item."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """N pairs of SKU number and place number that are on sale."""

    sku: Ints
    place: Ints


def make_series(rng: np.random.Generator, assortment: Assortment) -> Series:
    """Every SKU at both warehouses; each other place carries its share, best sellers first."""
    pairs = []
    for p, place in enumerate(PLACES):
        draw = rng.random(len(assortment.skus))
        draw[: len(CATEGORIES)] = 0.0
        pairs += [(k, p) for k in np.flatnonzero(draw < place.assortment)]
    sku, place_numbers = np.array(sorted(pairs), dtype=np.int64).T
    return Series(sku, place_numbers)


def draw_demand(
    rng: np.random.Generator,
    assortment: Assortment,
    series: Series,
    around: Surroundings,
    *,
    days: int,
) -> Floats:
    """Units wanted, shape (N, T); zero before a new item's first day."""
    k, p = series.sku, series.place
    t = np.arange(days)
    rate = assortment.rate_units[k] * np.array([place.size for place in PLACES])[p]
    rate = rate * np.exp(rng.normal(0, 0.25, len(k)))
    level = rate[:, None] * _season(assortment, around, days)[k] * _week(around, days)[p]
    level *= 1 + assortment.trend_per_year[k, None] * (t - days) / 365.25
    level *= np.exp(assortment.uplift[k, None] * around.discount[k, :days])
    warmth = np.array([c.warmth for c in CATEGORIES])[assortment.category]
    level *= np.exp(warmth[k, None] * around.warmth[p, :days])
    level *= np.where(around.holiday[:days] > 0, 0.6, 1.0)
    level *= np.exp(_drift(rng, len(assortment.skus), days)[k])
    level = np.where(t >= days - assortment.age_days[k, None], level, 0.0)
    steady = rng.poisson(rng.gamma(6.0, level / 6.0))
    lumps = rng.poisson(level) * rng.poisson(LUMP_UNITS, level.shape)
    is_lumpy = assortment.character[k, None] == 2  # noqa: PLR2004
    demand: Floats = np.where(is_lumpy, lumps, steady).astype(float)
    return demand


def _season(assortment: Assortment, around: Surroundings, days: int) -> Floats:
    """Yearly wave of each SKU's category, shape (SKUs, T), around one."""
    day = np.array([d.timetuple().tm_yday for d in around.dates[:days]])
    waves = [
        np.exp(c.season * np.cos(2 * np.pi * (day - c.season_peak_day) / 365.25))
        for c in CATEGORIES
    ]
    season: Floats = np.stack(waves)[assortment.category]
    return season


def _week(around: Surroundings, days: int) -> Floats:
    """Weekly shape of each place, shape (places, T)."""
    weekday = np.array([d.weekday() for d in around.dates[:days]])
    strength = np.array([place.weekend for place in PLACES])[:, None]
    saturday = weekday == 5  # noqa: PLR2004
    week: Floats = np.where(saturday, WEEK[weekday] * strength / 1.3, WEEK[weekday])
    return week


def _drift(rng: np.random.Generator, skus: int, days: int) -> Floats:
    """A slow wandering of each SKU's level, in logs: what no calendar explains."""
    weeks = days // 7 + 2
    steps = rng.normal(0, 0.035, (skus, weeks)).cumsum(axis=1)
    steps -= steps.mean(axis=1, keepdims=True)
    drift: Floats = np.repeat(steps, 7, axis=1)[:, :days]
    return drift


@dataclass(frozen=True, slots=True, eq=False)
class Shelf:
    """What the shelves did: sales, share in stock and receipts, each of shape (N, T).

    on_hand : units at the end of the last day, (N,). due_units : open orders, (N, D): units that
    arrive in 1 .. D days.
    """

    sales: Floats
    in_stock: Floats
    received: Floats
    on_hand: Floats
    due_units: Floats


LEAD_DAYS_MAX = 14
REVIEW_DAYS = 3

MISPLANNED_SHARE = 0.2
MISPLANNED = (0.7, 1.1)
PLANNED = (1.8, 3.2)
CAREFUL = 2.2
"""Stock aimed at, as a multiple of the mean demand until the next delivery: by planners who forget
the spread of demand, by those who allow for it, and for the series that the demo is shown on."""


def run_shelf(
    rng: np.random.Generator,
    demand: Floats,
    *,
    lift: Floats,
    first_day: Ints,
    lead_days: Ints,
    well_kept: int,
) -> Shelf:
    """Sell what is there, reorder every third day up to a level that some planners set too low.

    The level follows the mean of the last four weeks as the shop saw it: sales, not demand, so a
    shelf that ran empty is restocked too little, which is the trap that censoring sets.

    Parameters
    ----------
    lift : shape (N, T), the factor by which a promotion in the days ahead raises demand.
    first_day : shape (N,), when the item came on sale.
    well_kept : so many series, the first ones, are planned with care.
    """
    N, T = demand.shape
    cover_days = lead_days + REVIEW_DAYS
    generosity: Floats = np.where(
        rng.random(N) < MISPLANNED_SHARE, rng.uniform(*MISPLANNED, N), rng.uniform(*PLANNED, N)
    )
    generosity[:well_kept] = CAREFUL
    usual: Floats = np.array(
        [max(demand[i, f : f + 28].mean(), 0.1) for i, f in enumerate(first_day)]
    )
    on_hand: Floats = np.ceil(usual * cover_days * generosity) + 1
    due = np.zeros((N, LEAD_DAYS_MAX + 1))
    sales, share, received = np.zeros((N, T)), np.ones((N, T)), np.zeros((N, T))
    offset = rng.integers(REVIEW_DAYS, size=N)
    for t in range(T):
        received[:, t] = due[:, 0]
        on_hand += due[:, 0]
        due = np.concatenate([due[:, 1:], np.zeros((N, 1))], axis=1)
        wanted = demand[:, t]
        share[:, t] = np.where(wanted > on_hand, on_hand / np.maximum(wanted, 1), on_hand > 0)
        sales[:, t] = np.minimum(wanted, on_hand)
        on_hand -= sales[:, t]
        on_sale = t >= first_day
        usual = usual + np.where(on_sale, (sales[:, t] / lift[:, t] - usual) / 28, 0.0)
        target = np.ceil(np.maximum(usual, 0.1) * cover_days * generosity * lift[:, t]) + 1
        lacking = np.maximum(target - on_hand - due.sum(axis=1), 0)
        ordering = on_sale & ((t + offset) % REVIEW_DAYS == 0)
        due[np.arange(N), lead_days - 1] += np.where(ordering, lacking, 0)
    return Shelf(sales, share.round(3), received, on_hand, due)


def promotion_lift(
    assortment: Assortment, series: Series, around: Surroundings, *, days: int
) -> Floats:
    """Factor on demand of the deepest promotion within a week from each day, shape (N, T)."""
    ahead = np.stack([around.discount[:, h : h + days] for h in range(7)]).max(axis=0)
    lift: Floats = np.exp(assortment.uplift[:, None] * ahead)[series.sku]
    return lift
