"""On what terms the series of a replay are bought: lead times, packs, minimums, costs, targets.

Those of the catalogue, its rules and calendars, exactly as the daily job reads them, or columns of
a plain file under the same names. What is asked for goes before either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import numpy as np
import polars as pl
import psycopg

from features.frame import PRICE, SERIES, Panel
from inventory.demand import Floats
from inventory.errors import InputRejected
from inventory.next_order import UnitCosts
from inventory.order_plan import Constraints
from inventory.policy.lot_size import DAYS_PER_YEAR
from inventory.store import position_classes
from inventory.store.buying import read_price_tables
from inventory.store.order_calendars import list_calendars
from inventory.store.policies import read_positions
from inventory.store.policy_rules import read_rules
from inventory.targets import COST_RATIO
from pipelines.buying_lots import Prices
from pipelines.demand_windows import KEY
from pipelines.order_rhythm import with_order_days
from pipelines.policies import constraints_of
from pipelines.policy_settings import settled
from pipelines.settings import Settings

MORNING = time(6, tzinfo=UTC)

LEVEL_MAX = 1 - 1e-6
"""Where holding costs nothing, no finite stock would be too much."""

USUAL: dict[str, object] = {
    "lead_time_days": None, "review_period_days": None, "shelf_life_days": None,
    "pack_size": 1.0, "min_order_quantity": 0.0, "max_order_quantity": None,
    "order_cost": 0.0, "unit_cost": None, "holding_cost": None, PRICE: None,
}  # fmt: skip
"""Columns of a file that say how a series is bought, and what holds without them."""

ELSEWHERE = {
    "pallet_size": pl.lit(None, dtype=pl.Float64), "full_pallets": pl.lit("f"),
    "min_order_value": pl.lit(0.0), "truck_units": pl.lit(None, dtype=pl.Float64),
    "vendor_order_cost": pl.lit(0.0), "vendor": pl.lit(""), "sources": pl.lit("{}"),
}  # fmt: skip
"""What only a catalogue knows."""

MONEY = ("holding", "shortage", "waste")
"""Columns of the costs that are counted: per unit and period, unit short, unit thrown away."""


@dataclass(frozen=True, slots=True)
class AskedTerms:
    """Terms for all series alike; None: each series' own.

    lead_time_periods, review_periods, shelf_life_periods : in periods of the history.
    holding, shortage, waste : money per unit and period left, per unit short, per unit thrown away.
    order_cost : money per line ordered. pack_units, min_order_units, max_order_units : units.
    """

    lead_time_periods: int | None = None
    review_periods: int | None = None
    shelf_life_periods: int | None = None
    holding: float | None = None
    shortage: float | None = None
    waste: float | None = None
    order_cost: float | None = None
    unit_cost: float | None = None
    pack_units: float | None = None
    min_order_units: float | None = None
    max_order_units: float | None = None

    def check(self) -> None:
        """Refuse figures that cannot be meant."""
        for field in (*MONEY, "order_cost", "unit_cost", "min_order_units", "max_order_units"):
            value = getattr(self, field)
            if value is not None and not 0 <= value < np.inf:
                raise InputRejected("must be a number from 0 on", field=field)
        if self.pack_units is not None and not 1 <= self.pack_units < np.inf:
            raise InputRejected("must be 1 unit or more", field="pack_units")
        if self.holding == 0 and self.shortage == 0:
            raise InputRejected(
                "holding and shortage must not both be zero: no order would be better than any "
                "other",
                field="holding",
            )

    def given(self, period_days: int) -> dict[str, pl.Expr]:
        """What is asked for, under the names of columns."""
        days = {
            "lead_time_days": self.lead_time_periods, "review_period_days": self.review_periods,
            "shelf_life_days": self.shelf_life_periods,
        }  # fmt: skip
        per_year = DAYS_PER_YEAR / period_days
        plain = {
            "order_cost": self.order_cost, "unit_cost": self.unit_cost,
            "pack_size": self.pack_units, "min_order_quantity": self.min_order_units,
            "max_order_quantity": self.max_order_units,
            "holding_cost": None if self.holding is None else self.holding * per_year,
        }  # fmt: skip
        plain |= {n: None if k is None else float(k * period_days) for n, k in days.items()}
        return {name: pl.lit(float(v)) for name, v in plain.items() if v is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Bought:
    """How N series are bought: settings as `pipelines.policies.decided` reads them, and `MONEY`."""

    table: pl.DataFrame
    prices: Prices
    period_days: int

    def select(self, rows: np.ndarray) -> "Bought":
        """Of some of the series."""
        return Bought(self.table[rows], self.prices, self.period_days)

    @property
    def costs(self) -> UnitCosts:
        """Money per unit, each of shape (N,)."""
        return UnitCosts(*(self.table[name].to_numpy() for name in MONEY))

    @property
    def constraints(self) -> Constraints:
        """Packs, minimum and maximum of each line."""
        return constraints_of(self.table)

    @property
    def orders(self) -> np.ndarray:
        """Which order each series is on, shape (N,): one per vendor and location."""
        ranked = self.table.select(pl.struct("vendor", "location").rank("dense")).to_series()
        return ranked.to_numpy().astype(int)

    def periods(self, column: str) -> Floats:
        """A column in days as whole periods, NaN where it is not known: shape (N,)."""
        days = self.table[column].fill_null(np.nan).to_numpy()
        return np.ceil(days / self.period_days)

    def ordering_cost(self, ordered_units: Floats) -> float:
        """Money for orders (N, T): each line its own cost, and each order that of its vendor."""
        lines = ordered_units > 0
        money = float(self.table["order_cost"].to_numpy() @ lines.sum(axis=1))
        shared = self.table["vendor_order_cost"].fill_null(0.0).to_numpy()
        if not shared.any():
            return money
        orders = self.orders
        placed = [lines[orders == order].any(axis=0).sum() for order in np.unique(orders)]
        first = [shared[np.flatnonzero(orders == order)[0]] for order in np.unique(orders)]
        return money + float(np.dot(placed, first))


def of_file(panel: Panel, asked: AskedTerms) -> tuple[Bought, list[str]]:
    """Terms from columns of a history that are named as in the catalogue, the last of each series.

    The target is what the costs make best: p / (p + h · R).
    """
    given = asked.given(panel.period_days)
    read = [name for name in USUAL if name in panel.history.columns]
    own = panel.history.group_by(SERIES, maintain_order=True).agg(
        pl.col(read).cast(pl.Float64, strict=False).drop_nulls().last()
    )
    notes = [
        f"{own[name].null_count()} series have no {name}: {USUAL[name]:g} for them"
        for name in read
        if USUAL[name] is not None and name not in given and own[name].has_nulls()
    ]
    table = own.with_columns(
        pl.col(name).fill_null(usual) if name in read else pl.lit(usual, pl.Float64).alias(name)
        for name, usual in USUAL.items()
        if name not in read or usual is not None
    ).with_columns(**given, **ELSEWHERE)
    for name, field in (("lead_time_days", "lead_time"), ("review_period_days", "review")):
        if table[name].is_null().all():
            raise InputRejected(f"give it: the history has no column '{name}'", field=field)
    table = with_money(table, asked, panel.period_days)
    for name, column in (("holding", "holding_cost"), ("shortage", "unit_cost")):
        if table[name].is_null().all():
            raise InputRejected(f"give it: the history has no column '{column}'", field=name)
    held = pl.col("holding") * pl.col("review_period_days") / panel.period_days
    ratio = pl.col("shortage") / (pl.col("shortage") + held)
    table = table.with_columns(
        pl.lit(COST_RATIO).alias("target_kind"),
        ratio.clip(1 - LEVEL_MAX, LEVEL_MAX).alias("level"),
    )
    return Bought(table, Prices(), panel.period_days), notes


def of_catalogue(
    db: psycopg.Connection, panel: Panel, settings: Settings, asked: AskedTerms
) -> tuple[Bought, list[str]]:
    """Terms as the daily job reads them on the morning after the history; writes nothing.

    Places that a hub supplies are replayed as bought from the vendor of their SKU.
    """
    now = datetime.combine(panel.origin + timedelta(days=1), MORNING)
    own = terms_of(db, panel.series, settings, now=now)
    table = with_money(own.with_columns(**asked.given(panel.period_days)), asked, panel.period_days)
    supplied = int(table["hub"].is_not_null().sum())
    monies = table.select(pl.coalesce("vendor_currency", "currency")).to_series().drop_nulls()
    notes = [
        text
        for text, applies in (
            (f"{supplied} series have a hub: replayed as bought from their vendor", supplied),
            (f"money of {', '.join(sorted(monies.unique()))} is added as it is",
             monies.n_unique() > 1),
        )
        if applies
    ]  # fmt: skip
    return Bought(table, Prices.of(read_price_tables(db)), panel.period_days), notes


def terms_of(
    db: psycopg.Connection, series: pl.DataFrame, settings: Settings, *, now: datetime
) -> pl.DataFrame:
    """Positions with their settings by rules, catalogue and calendars, in the order of `series`."""
    positions = read_positions(db, now=now, named=series.rows())
    classed = series.join(positions, on=KEY, how="left", maintain_order="left").join(
        position_classes.read(db, skus=series["sku"].unique().to_list()),
        on=KEY, how="left", maintain_order="left",
    )  # fmt: skip
    table = classed.with_columns(pl.col("abc", "xyz").fill_null(""))
    timed = with_order_days(table, list_calendars(db), today=now.date())
    return settled(timed, read_rules(db), settings).with_columns(
        pl.col("pack_size").fill_null(1.0), pl.col("min_order_quantity").fill_null(0.0)
    )


def with_money(table: pl.DataFrame, asked: AskedTerms, period_days: int) -> pl.DataFrame:
    """Adds `MONEY`: holding cost of the catalogue, lost margin, and what was thrown away cost.

    A unit short loses its margin; its cost, where no price is known.
    """
    cost, price = pl.col("unit_cost"), pl.col(PRICE)
    margin = pl.when(price > 0).then((price - cost).clip(lower_bound=0.0)).otherwise(cost)
    own = {
        "holding": pl.col("holding_cost") * period_days / DAYS_PER_YEAR,
        "shortage": margin,
        "waste": cost.fill_null(0.0),
    }
    given = {name: getattr(asked, name) for name in MONEY}
    return table.with_columns(
        (own[name] if value is None else pl.lit(float(value))).alias(name)
        for name, value in given.items()
    )


def known_terms(bought: Bought) -> tuple[np.ndarray, list[str]]:
    """Which series (N,) can be replayed, and notes on those that cannot."""
    table = bought.table
    timed = np.isfinite(bought.periods("lead_time_days"))
    timed &= np.isfinite(bought.periods("review_period_days"))
    paid = table.select(
        (pl.col("holding") + pl.col("shortage") > 0).fill_null(value=False)
    ).to_series().to_numpy()  # fmt: skip
    notes = [
        f"{count} series without {what}: left out{_first(table, wrong)}"
        for wrong, what in (
            (~timed, "lead time or review period"), (timed & ~paid, "holding and shortage cost"),
        )
        if (count := int(wrong.sum()))
    ]  # fmt: skip
    if not timed.any():
        raise InputRejected("no series has one on record; give it in periods", field="lead_time")
    if not (timed & paid).any():
        raise InputRejected(
            "no series has a unit cost and price on record; give it and shortage", field="holding"
        )
    return timed & paid, notes


def _first(table: pl.DataFrame, wrong: Sequence[bool] | np.ndarray) -> str:
    sku, location = table.select(SERIES).filter(pl.Series(wrong)).row(0)
    return f" (first: {sku} at {location})"
