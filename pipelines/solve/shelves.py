"""Topics on what a buyer does with a need: packs and minimums, and clearing a season's rest."""

import math
from typing import Annotated

from pydantic import Field

from inventory.errors import InputRejected
from inventory.policy import markdown
from inventory.policy.lot_size import round_order
from pipelines.solve.forms import NonNegative, Number, Positive, Result

PRICE_RATIOS = tuple(round(1 - step / 100, 2) for step in range(5, 100, 5))
"""Prices tried in a markdown: 95 % of the old one, 90 %, ... 5 %."""

Ratio = Annotated[Number, Field(gt=0, le=1)]


def min_max(
    *,
    forecast: Number,
    min_qty: NonNegative,
    max_qty: NonNegative,
    multiple: NonNegative = 0.0,
    moq: NonNegative = 0.0,
) -> Result:
    """Order to a maximum when the stock forecast is below the minimum, in whole multiples.

    Multiples are rounded up, past the maximum: the maximum is the target, and no limit.
    """
    if forecast >= min_qty:
        return {"qty_to_order": 0}
    return rounded(need=max(min_qty, max_qty) - forecast, moq=moq, multiple=multiple)


def rounded(
    *,
    need: Number,
    moq: NonNegative = 0.0,
    multiple: NonNegative = 0.0,
    max_qty: NonNegative | None = None,
) -> Result:
    """A need as an order: at least the minimum, in whole multiples, at most a maximum."""
    _refuse_impossible(moq=moq, multiple=multiple, max_qty=max_qty)
    if multiple:
        limits = {"min_order_units": moq, "pack_units": multiple}
        if max_qty is not None:
            limits["max_units"] = max_qty
        units = float(round_order(need, **limits).ordered_units[0])
    else:
        units = max(need, moq) if need > 0 else 0.0
        if max_qty is not None:
            units = min(units, max_qty)
    return {"qty_to_order": int(units) if units == int(units) else units}


def _refuse_impossible(*, moq: float, multiple: float, max_qty: float | None) -> None:
    """Raise where no quantity but zero is a whole multiple within minimum and maximum."""
    if max_qty is None:
        return
    if max_qty < multiple:
        raise InputRejected(
            f"{multiple:g} in a pack exceed the maximum {max_qty:g}; raise it", field="max_qty"
        )
    most = math.floor(max_qty / multiple) * multiple if multiple else max_qty
    if most < moq:
        packs = f" in multiples of {multiple:g}" if multiple else ""
        raise InputRejected(
            f"at least {moq:g} and at most {max_qty:g}{packs}: no order is all of that; raise "
            "max_qty or lower moq",
            field="max_qty",
        )


def clearance(
    *,
    begining_inventory: Positive,
    weeks: Positive,
    current_week: Positive,
    inventory_at_week: NonNegative,
    expected_at_season_end: NonNegative,
    price_ratios: list[Ratio] | None = None,
) -> Result:
    """Stock at the season's end, whether that is too much, and what lower prices must sell."""
    if inventory_at_week > begining_inventory:
        raise InputRejected(
            f"{inventory_at_week:g} is above the {begining_inventory:g} of the beginning; start "
            "from the last delivery",
            field="inventory_at_week",
        )
    if current_week > weeks:
        raise InputRejected(
            f"week {current_week:g} is after the season's {weeks:g}", field="current_week"
        )
    at = {
        "start_units": begining_inventory,
        "now_units": inventory_at_week,
        "week": current_week,
        "season_weeks": weeks,
    }
    end = markdown.expected_end_units(**at)
    found: Result = {
        "expected_end_inventory": end,
        "verdict": "Regular" if end < expected_at_season_end else "Slow moving",
    }
    for ratio in price_ratios or PRICE_RATIOS:
        multiple = markdown.required_sales_multiple(ratio, **at)
        if multiple is not None:
            found[f"required_sales_multiple_at_price_ratio_{ratio:g}"] = multiple
    return found
