"""What the synthetic retailer sells: SKUs of eight categories, each with its own character."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from inventory.demand import Floats

Ints = np.ndarray


@dataclass(frozen=True, slots=True)
class Category:
    """Things that sell alike.

    season_peak_day : day of the year on which demand peaks; season : its amplitude, 0..1.
    warmth : change of demand per degree above normal. uplift : log demand per unit of discount.
    """

    name: str
    vendor: str
    nouns: tuple[str, ...]
    unit_cost: float
    season: float
    season_peak_day: int
    warmth: float
    uplift: float
    pack_size: int


CATEGORIES = (
    Category("drinks", "acme", ("Cola", "Iced tea", "Lemonade", "Mineral water", "Apple juice"),
             1.1, 0.30, 195, 0.025, 3.6, 12),
    Category("snacks", "acme", ("Crisps", "Salted nuts", "Crackers", "Chocolate", "Biscuits"),
             1.4, 0.15, 350, 0.0, 3.2, 12),
    Category("home", "borealis", ("Towel", "Candle", "Storage box", "Cushion", "Mug"),
             6.0, 0.10, 330, 0.0, 2.2, 6),
    Category("electronics", "cobalt", ("Headphones", "Charger", "Lamp", "Keyboard", "Speaker"),
             21.0, 0.35, 350, 0.0, 2.6, 2),
    Category("garden", "dahlia", ("Seed mix", "Plant pot", "Gloves", "Hose", "Fertiliser"),
             5.0, 0.60, 130, 0.02, 2.0, 6),
    Category("apparel", "ember", ("T-shirt", "Socks", "Cap", "Scarf", "Sweater"),
             9.0, 0.20, 300, -0.005, 2.8, 4),
    Category("care", "fjord", ("Soap", "Shampoo", "Hand cream", "Toothpaste", "Sun lotion"),
             2.3, 0.12, 190, 0.01, 2.4, 8),
    Category("toys", "borealis", ("Puzzle", "Ball", "Card game", "Building set", "Plush bear"),
             8.0, 0.45, 345, 0.0, 2.4, 4),
)  # fmt: skip

CHARACTERS = ("steady", "slow", "lumpy", "new")
CHARACTER_SHARES = (0.62, 0.20, 0.10, 0.08)

NOUNS_PER_CATEGORY = 5
VARIANTS = ("small", "classic", "family", "light", "premium", "organic", "travel", "gift")
BRANDS = ("Alba", "Brio", "Casa", "Delta", "Echo")


@dataclass(frozen=True, slots=True, eq=False)
class Assortment:
    """K SKUs. table : the columns of the catalogue; the arrays have one value per SKU."""

    table: pl.DataFrame
    category: Ints
    character: Ints
    rate_units: Floats
    """Mean demand per day at a location of size one."""
    uplift: Floats
    trend_per_year: Floats
    age_days: Ints
    """Days since the first sale; at least the length of the history for all but new items."""

    @property
    def skus(self) -> list[str]:
        return self.table.get_column("sku").to_list()


def make_assortment(rng: np.random.Generator, *, skus: int, days: int) -> Assortment:
    """K SKUs, evenly over the categories, the first of each category a steady one."""
    category = np.arange(skus) % len(CATEGORIES)
    character = rng.choice(len(CHARACTERS), size=skus, p=CHARACTER_SHARES)
    character[: len(CATEGORIES)] = 0
    rate = np.exp(rng.normal(np.log(5.0), 0.7, skus))
    rate = np.where(character == 1, rng.uniform(0.04, 0.4, skus), rate)
    rate = np.where(character == 2, rng.uniform(0.05, 0.2, skus), rate)  # noqa: PLR2004
    rate[: len(CATEGORIES)] = 14.0
    age = np.where(character == 3, rng.integers(25, 200, skus), days)  # noqa: PLR2004
    uplift = np.array([c.uplift for c in CATEGORIES])[category]
    return Assortment(
        table=_catalogue(rng, category),
        category=category,
        character=character,
        rate_units=rate,
        uplift=uplift * rng.uniform(0.8, 1.2, skus),
        trend_per_year=np.clip(rng.normal(0.04, 0.15, skus), -0.3, 0.4),
        age_days=age.astype(np.int64),
    )


def _catalogue(rng: np.random.Generator, category: Ints) -> pl.DataFrame:
    """The catalogue entries: names, costs, packs."""
    rows = []
    for k, c in enumerate(category):
        kind = CATEGORIES[c]
        turn = k // len(CATEGORIES)
        noun = kind.nouns[turn % NOUNS_PER_CATEGORY]
        variant = VARIANTS[turn // NOUNS_PER_CATEGORY % len(VARIANTS)]
        cost = round(float(kind.unit_cost * np.exp(rng.normal(0, 0.35))), 2)
        price = round(cost * float(rng.uniform(1.5, 2.2)), 1) - 0.01
        rows.append((
            f"{kind.name}-{turn + 1:03d}", f"{noun} {variant}", kind.name,
            BRANDS[int(rng.integers(len(BRANDS)))], kind.vendor, cost, max(price, cost),
            kind.pack_size, kind.pack_size, 120 if kind.vendor == "acme" else None,
        ))  # fmt: skip
    names = ("sku", "name", "category", "brand", "vendor", "unit_cost", "price", "pack_size",
             "min_order_quantity", "shelf_life_days")  # fmt: skip
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)


def make_bundles(assortment: Assortment) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three bundles of goods that are also sold loose: their catalogue entries and components."""
    of = assortment.table.group_by("category", maintain_order=True).agg(
        pl.col("sku").first().alias("one"), pl.col("price").first().alias("one_price")
    )
    first = {row[0]: row[1:] for row in of.iter_rows()}
    recipes = {
        "bundle-party": ("Party bundle", {"drinks": 6, "snacks": 4}),
        "bundle-garden": ("Garden starter", {"garden": 2, "care": 1}),
        "bundle-gift": ("Gift box", {"toys": 1, "home": 1, "snacks": 2}),
    }
    entries, parts = [], []
    for sku, (name, contents) in recipes.items():
        price = 0.9 * sum(n * first[c][1] for c, n in contents.items())
        entries.append((sku, name, "bundles", round(price, 2)))
        parts += [(sku, first[c][0], n) for c, n in contents.items()]
    return (
        pl.DataFrame(entries, schema=["sku", "name", "category", "price"], orient="row"),
        pl.DataFrame(parts, schema=["sku", "component", "units"], orient="row"),
    )
