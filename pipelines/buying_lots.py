"""Lots of items whose price falls with the quantity, or whose vendor asks money for every order."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from inventory.demand import Floats
from inventory.errors import InputRejected
from inventory.lots import Break, discounted_lot_units, joint_lots, price_table, unit_cost_at
from inventory.order_plan import LOT_COVER_DAYS_MAX
from inventory.policy.discounts import PriceTable
from inventory.policy.lot_size import on_grid
from inventory.store.planning_exceptions import FOUND_SCHEMA

Tables = Mapping[str, tuple[str, Sequence[Break]]]


@dataclass(slots=True)
class Prices:
    """Price tables that make sense, by SKU, and what is wrong with the others."""

    tables: dict[str, tuple[str, PriceTable]] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, sent: Tables) -> "Prices":
        """The tables as they were sent."""
        found = cls()
        for sku, (discount, breaks) in sent.items():
            try:
                found.tables[sku] = discount, price_table(breaks)
            except InputRejected as error:
                found.broken[sku] = error.problem
        return found

    def exceptions(self, table: pl.DataFrame) -> pl.DataFrame:
        """Broken tables of planned SKUs: columns `FOUND_SCHEMA`."""
        planned = set(table["sku"].unique())
        rows = [
            {
                "kind": "discount_table", "sku": sku, "location": None, "vendor": None,
                "subject": None,
                "message": f"the price table of {sku} cannot be used: {problem}; it is planned at "
                "its unit cost, without a discount",
                "remedy": f"mend it with PUT /api/v2/price-tables/{sku} or "
                "`vouch import price-tables`",
                "blocks": False,
            }
            for sku, problem in self.broken.items()
            if sku in planned
        ]  # fmt: skip
        return pl.DataFrame(rows, schema=FOUND_SCHEMA)

    def unit_cost(self, sku: str, units: float, *, listed: float) -> float:
        """What a unit of an order costs; the catalogue's cost where no table says."""
        if sku not in self.tables:
            return listed
        discount, table = self.tables[sku]
        return unit_cost_at(table, discount, units)


@dataclass(frozen=True, slots=True, eq=False)
class Lots:
    """Lots of N positions on the grid, and from one joint order to the next, 0 where alone."""

    units: Floats
    joint_days: Floats
    said: dict[int, str]
    """Where a lot comes from, of the rows whose lot is not the economic one."""


def lots_of(table: pl.DataFrame, economic: Floats, rate: Floats, prices: Prices) -> Lots:
    """Lots by price tables, by joint replenishment, else the economic ones.

    table : positions with their settings. economic, rate : shape (N,), units and units per day.
    """
    units, days = economic.copy(), np.zeros(len(economic))
    said: dict[int, str] = {}
    keeps = table["shelf_life_days"].fill_null(LOT_COVER_DAYS_MAX).to_numpy()
    largest = rate * np.minimum(LOT_COVER_DAYS_MAX, keeps)
    cost, holding = table["order_cost"].to_numpy(), table["holding_cost"].to_numpy()
    for rows, vendor, location, shared in _joint_groups(table, rate, holding):
        found = joint_lots(
            shared_order_cost=shared, item_order_costs=cost[rows],
            holding_costs_per_year=holding[rows], demand_per_day_units=rate[rows],
        )  # fmt: skip
        units[rows], days[rows] = found.lots_units, found.cycle_days
        text = (
            f"ordered together with the items of vendor {vendor} at {location}, every "
            f"{found.cycle_days:.1f} days"
        )
        said |= dict.fromkeys(rows.tolist(), text)
    priced = table.with_row_index("row").filter(pl.col("sku").is_in(sorted(prices.tables)))
    for row, sku, base in priced.select("row", "sku", "unit_cost").iter_rows():
        if rate[row] > 0 and holding[row] > 0 and cost[row] > 0:
            discount, breaks = prices.tables[sku]
            units[row] = discounted_lot_units(
                breaks, discount, demand_per_day_units=rate[row], order_cost=cost[row],
                holding_rate=holding[row] / (base if base > 0 else breaks.unit_costs[0]),
            )  # fmt: skip
            region = breaks.region(units[row])
            said[row] = (
                f"price table, {discount.replace('_', ' ')}: {breaks.unit_costs[region]:g} from "
                f"{breaks.breakpoints_units[region]:g} units"
            )
    return Lots(on_grid(np.minimum(units, largest)), days, said)


def _joint_groups(
    table: pl.DataFrame, rate: Floats, holding: Floats
) -> list[tuple[np.ndarray, str, str, float]]:
    """Rows of items that share orders: those that sell and cost to hold."""
    shared = table.select("vendor", "location", "vendor_order_cost").with_row_index("row")
    sharing = shared.filter(pl.col("vendor_order_cost") > 0, pl.Series((rate > 0) & (holding > 0)))
    return [
        (part["row"].to_numpy(), str(vendor), str(location), float(part["vendor_order_cost"][0]))
        for (vendor, location), part in sharing.group_by("vendor", "location", maintain_order=True)
    ]


def with_lot_sources(table: pl.DataFrame, said: Mapping[int, str]) -> pl.DataFrame:
    """`table` with what was said of lots among its sources."""
    if not said:
        return table
    texts = table["sources"].to_list()
    for row, sentence in said.items():
        texts[row] = json.dumps(json.loads(texts[row]) | {"lot": sentence})
    return table.with_columns(pl.Series("sources", texts, dtype=pl.String))
