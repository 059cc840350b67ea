"""Price against its own past and against its neighbours, and what demand made of it before."""

import numpy as np

from features.block import Block
from features.catalog import KNOWN_AHEAD, Anchor, Feature, Values
from features.covariates import MEMORY_PERIODS, Covariate
from features.groups import EVERY, group_name, price_name
from features.history import level_window
from features.roles import Role, meaning_of
from features.windows import banded, lagged, ratio, rows_since
from inventory.demand import Floats

CHANGES_MIN = 4
"""Known periods below which a price response is not told."""

RIDGE = 0.05
"""Variance of the log price (about 22 %) that the evidence must outweigh before it counts."""

BAND_CUTS = (0.5, 0.8, 1.25, 2.0)
"""Bands of the price against the mean over all series."""

SAME_PRICE = 0.005
"""Prices nearer than half a per cent are one price."""


def price_features(
    covariate: Covariate, *, groups: tuple[str, ...], period_days: int
) -> tuple[Feature, ...]:
    """Features that only a price has; none for any other covariate."""
    if meaning_of(covariate.name).role != Role.PRICE or covariate.binary:
        return ()
    name, window = covariate.name, level_window(period_days)
    anchor = Anchor.TARGET if covariate.known_ahead else Anchor.ORIGIN
    known = KNOWN_AHEAD if covariate.known_ahead else 0

    def of_price(suffix: str, unit: str, why: str, values: Values) -> Feature:
        return Feature(f"{name}_{suffix}", unit, "product", anchor, known, why, values)

    def depth(block: Block) -> Floats:
        return ratio(block.column(name), block.highest(name, window))

    def held(block: Block) -> Floats:
        price = block.column(name)
        moved = np.abs(price - lagged(price, 1)) > SAME_PRICE * np.abs(price)
        return np.minimum(rows_since(moved), window)

    features = [
        of_price("depth", "share", "Against its highest of late: how deep the cut is.", depth),
        of_price("held", "periods", "Shoppers get used to a price.", held),
        Feature(
            f"{name}_elasticity", "1", "product", Anchor.ORIGIN, 0,
            "Per cent of demand per per cent of price, as this series showed it; 0 unproved.",
            lambda block: elasticity(block, name, MEMORY_PERIODS[period_days]), default=False,
        ),
    ]  # fmt: skip
    features += [
        of_price(
            f"against_{group_name(group)}", "ratio",
            "Position among the neighbours: shoppers take the cheaper one.",
            _against(name, group),
        )
        for group in groups
    ]  # fmt: skip
    if EVERY in groups:
        against = _against(name, EVERY)
        features.append(Feature(
            f"{name}_band", "class", "product", anchor, known,
            "Cheap to dear in five bands of the assortment; the ratio itself says more to a tree.",
            lambda block: banded(against(block), BAND_CUTS), default=False,
        ))  # fmt: skip
    return tuple(features)


def _against(name: str, group: str) -> Values:
    def mean(groups: Block) -> Floats:
        return groups.column(price_name(name))

    return lambda block: ratio(block.column(name), block.of_group(group, mean))


def elasticity(block: Block, name: str, memory: int) -> Floats:
    """Slope of log demand over log price in the last `memory` rows, shrunk to 0, (T, n).

    Ridge regression of log(demand + 1) on log(price), both about their means in the window.
    """
    price = block.column(name)
    seen = ~np.isnan(block.demand) & (price > 0)
    x = np.log(np.where(seen, price, np.nan))
    y = np.log1p(np.where(seen, block.demand, np.nan))
    log_x, log_y = (
        block.derive(f"log {name}", lambda: x),
        block.derive(f"log demand|{name}", lambda: y),
    )
    xy, xx = block.derive(f"{log_x}*", lambda: x * y), block.derive(f"{log_x}^2", lambda: x * x)
    n = block.known(log_x, memory)
    mean_x, mean_y = block.mean(log_x, memory), block.mean(log_y, memory)
    both = block.mean(xy, memory) - mean_x * mean_y
    spread = np.maximum(block.mean(xx, memory) - mean_x**2, 0.0)
    slope = both * n / (spread * n + RIDGE)
    return np.where(n >= CHANGES_MIN, np.clip(slope, -10.0, 10.0), np.nan)
