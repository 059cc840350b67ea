"""The figures that say how stock, orders and promises went: what each means, in which unit.

The figures themselves are functions and views of the database (`inventory.store.analytics`), so
that a spreadsheet, the API and a report read one definition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

DAYS_DEFAULT = 90
"""The stretch that is looked at where nobody says: whole days, up to yesterday."""

DAYS_MAX = 1100
"""Three years: more is a slip, and slow."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A table of figures. `columns`: name -> (unit, meaning); the first names the row."""

    name: str
    title: str
    view: str
    """In SQL: the last `DAYS_DEFAULT` days, or what is now."""
    source: str
    columns: Mapping[str, tuple[str, str]]
    of: Literal["days", "moment", "last job"] = "days"
    """What it is of: a stretch of days, the moment it is asked, or the last daily job."""

    @property
    def dated(self) -> bool:
        """Whether it is of a stretch of days."""
        return self.of == "days"

    @property
    def key(self) -> str:
        """What a row is of; null: everything."""
        return next(iter(self.columns))

    def as_dict(self) -> dict[str, object]:
        """The definition, for whoever reads the figures."""
        return {
            "name": self.name,
            "title": self.title,
            "view": self.view,
            "of": self.of,
            "source": self.source,
            "columns": [
                {"name": name, "unit": unit, "meaning": meaning}
                for name, (unit, meaning) in self.columns.items()
            ],
        }


_LOCATION = ("", "where; null for all locations together")
_FIGURES = (
    Figure(
        "turnover", "Inventory turnover and days of inventory", "turnover",
        "Chopra & Meindl, Supply Chain Management, ch. 3: cost of goods sold over average "
        "inventory, both at unit cost; average inventory is weighted by time",
        {
            "location": _LOCATION,
            "known_from": (
                "date",
                "the first day that counts: that the ledger of the location knows all of",
            ),
            "sold_units": ("units", "sold from then on"),
            "transferred_units": ("units", "sent to other locations from then on"),
            "cost_of_goods": ("money", ("sold at unit cost; of one location what it sent to others "
                              "too")),
            "average_units": ("units", "on hand, whatever its status but scrap, mean over time"),
            "average_value": ("money", "the same at unit cost"),
            "closing_value": ("money", "on hand at the end of the last day, at unit cost"),
            "turnover": ("per year", "cost of goods of a year over average value"),
            "days_of_inventory": ("days", "how long the average stock lasts: 365 / turnover"),
            "positions_without_cost": ("positions", ("with stock or sales and no unit cost: they "
                                       "count nothing")),
        },
    ),
    Figure(
        "ageing", "Age of what is on the shelves", "stock_ageing",
        "first in, first out: what is left is of the latest arrivals",
        {
            "location": _LOCATION,
            "age": ("days", "since it arrived at the location"),
            "units": ("units", "on hand and available"),
            "value": ("money", "at unit cost"),
            "share": ("share", "of the value there"),
        },
        of="moment",
    ),
    Figure(
        "abc", "Classes by value and variation", "abc_xyz",
        "Silver, Pyke & Thomas, 2.3; the cut-offs are settings; `inventory.classification`",
        {
            "location": _LOCATION,
            "abc": ("", "class by value turned over; empty without a cost"),
            "xyz": ("", "class by variation of weekly sales; empty where not known"),
            "positions": ("positions", "of the class"),
            "value_per_year": ("money per year", "turned over at unit cost"),
            "value_share": ("share", "of all value turned over there"),
        },
        of="last job",
    ),
    Figure(
        "health", "Stock-health score with its parts", "stock_health",
        "our own: a weighted mean of four shares, so that its parts can be argued about",
        {
            "location": _LOCATION,
            "part": ("", ("in_stock: share of demand (at price) whose position has units to sell; "
                     "covered: whose stock and supply on its way are above the reorder point; "
                     "lean: 1 - share of value above the order-up-to level by over 30 days of "
                     "demand; fresh: 1 - share of value older than 90 days")),
            "value": ("share", "of the part"),
            "weight": ("share", "of the part in the score"),
            "points": ("points", "100 x weight x value"),
            "score": ("points", "sum of the points of the parts: 0 to 100"),
            "positions": ("positions", "with a policy"),
        },
        of="moment",
    ),
    Figure(
        "reorder", "Reorder accuracy", "reorder_accuracy",
        "lines of orders to vendors, by when they were sent or first received",
        {
            "vendor": ("", "null for all vendors together"),
            "lines_sent": ("lines", "sent in these days"),
            "unchanged_lines": ("lines", "of these, sent as planning proposed them"),
            "unchanged_share": ("share", "unchanged of those sent"),
            "lines_received": ("lines", "first received in these days"),
            "lines_judged": ("lines", ("of these, with days on record from sending to receipt: a "
                             "hub without sales has none")),
            "without_stock_out": ("lines", "of these, with stock on all of those days"),
            "reorder_accuracy": ("share", "without stock-out of those judged"),
            "on_time_lines": ("lines", "received no later than due when sent"),
            "on_time_share": ("share", "on time of those received"),
        },
    ),
    Figure(
        "automation", "Orders approved without a person", "automation",
        "approvals of orders to vendors by rules, of all approvals",
        {
            "vendor": ("", "null for all vendors together"),
            "approved": ("orders", "approved in these days"),
            "automatic": ("orders", "of these, by a rule"),
            "automatic_share": ("share", "automatic of those approved"),
            "value": ("money", "of the orders approved"),
            "automatic_value": ("money", "of those approved by a rule"),
            "value_share": ("share", "the same, by value"),
        },
    ),
    Figure(
        "stockouts", "Stock-outs that happened, and that receipts prevented", "stock_outs",
        "ledger and daily sales: a receipt prevented a stock-out when more left between it and "
        "the next one than was there before it",
        {
            "location": _LOCATION,
            "prevented": ("receipts", "that prevented a stock-out"),
            "prevented_units": ("units", "that left and would not have been there"),
            "prevented_margin": ("money", "the same at price less unit cost"),
            "position_days": ("position-days", "with sales on record"),
            "stock_out_days": ("position-days", "of these, without stock, by share of the day"),
            "stock_out_share": ("share", "of position-days"),
        },
    ),
    Figure(
        "orders", "Cancelled orders and accepted backorders", "order_outcomes",
        "customers' orders by the day they were confirmed, pre-orders by the day they were asked",
        {
            "channel": ("", "null for all channels together"),
            "orders": ("orders", "confirmed in these days"),
            "cancelled": ("orders", "of these, cancelled altogether"),
            "cancellation_rate": ("share", "cancelled of those confirmed"),
            "units": ("units", "ordered"),
            "cancelled_units": ("units", ("of these, given up: cancelled, or left out of a "
                                "shipment")),
            "backorders_offered": ("lines", ("told a later day: pre-orders that were decided, and "
                                   "rests of short shipments")),
            "backorders_accepted": ("lines", "of these, confirmed and not cancelled since"),
            "backorder_acceptance": ("share", "accepted of those offered"),
        },
    ),
)  # fmt: skip

FIGURES: dict[str, Figure] = {figure.name: figure for figure in _FIGURES}
