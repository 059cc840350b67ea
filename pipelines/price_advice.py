"""Advice on prices: what past prices say of demand, and which price clears what is too much."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import psycopg

from inventory.clearance_price import Recommendation, best_price, clearance_price
from inventory.errors import NotFound
from inventory.store import alert_facts
from inventory.store.price_history import read_price_history
from models.elasticity import Learned, Unsupported, learn

HISTORY_DAYS = 730
"""Two years: two of each season, and shoppers of before that were others."""

CLEAR_DAYS = 30.0
"""Until what is too much should be gone, where nothing expires before."""


def advise(
    db: psycopg.Connection,
    sku: str,
    *,
    now: datetime,
    location: str | None = None,
    days: float | None = None,
    salvage: float = 0.0,
) -> dict[str, Any]:
    """What the history of a SKU says of its price, and for each position with too much, what to do.

    `{"sku", "elasticity": {...} | None, "why_not", "best_price", "clearance": [...]}`: where
    something is not known the answer says why, and recommends nothing.

    Parameters
    ----------
    location : only this position; the elasticity is learned from all places all the same.
    days : until what is too much should be gone; by default `CLEAR_DAYS`, or the shelf life.
    salvage : money for a unit that is left then.

    Raises `NotFound` where no such SKU has a policy.
    """
    positions = alert_facts.read_positions(db, now=now, skus=[sku])
    if positions.is_empty():
        raise NotFound("policy", sku, remedy="the daily job works one out where sales are known")
    if location is not None:
        positions = positions.filter(location=location)
        if positions.is_empty():
            raise NotFound("policy", f"{sku}/{location}")
    since = now.date() - timedelta(days=HISTORY_DAYS)
    learned = learn(read_price_history(db, sku, since=since, until=now.date()))
    told: dict[str, Any] = {"sku": sku, "elasticity": None, "why_not": None, "best_price": None}
    if isinstance(learned, Unsupported):
        told["why_not"] = learned.reason
    else:
        told["elasticity"] = asdict(learned.elasticity) | {
            "level": 0.9, "with_promotions": learned.with_promotions,
        }  # fmt: skip
        told["best_price"] = _best(positions.row(0, named=True), learned)
    told |= {"days_used": learned.days, "prices_tried": [round(p, 2) for p in learned.prices]}
    told["clearance"] = [
        _clearance(row, learned, days=days, salvage=salvage)
        for row in positions.iter_rows(named=True)
        if _excess(row) > 0 or location is not None
    ]
    return told


def _excess(row: Mapping[str, Any]) -> float:
    """Units beyond what policy would order up to, and some weeks of demand."""
    most = row["order_up_to"] + row["over_cover_days"] * row["rate"]
    excess: float = max(row["sellable"] - most, 0.0)
    return excess


def _best(row: Mapping[str, Any], learned: Learned) -> dict[str, Any]:
    if row["unit_cost"] <= 0:
        return {"why_not": "the SKU has no unit cost"}
    found = best_price(
        learned.elasticity,
        unit_cost=row["unit_cost"],
        price_min=learned.prices[0],
        price_max=learned.prices[-1],
    )
    return {"why_not": found} if isinstance(found, str) else _plain(asdict(found))


def _clearance(
    row: Mapping[str, Any], learned: Learned | Unsupported, *, days: float | None, salvage: float
) -> dict[str, Any]:
    """One position: its stock, and the price that returns most of it."""
    life = row["shelf_life_days"]
    horizon = days or (CLEAR_DAYS if life is None else min(life, CLEAR_DAYS))
    told = {
        "location": row["location"], "current_stock": round(row["sellable"]),
        "excess_units": round(_excess(row)), "demand_per_day": round(row["rate"], 2),
        "present_price": row["price"], "days": horizon, "recommendation": None, "why_not": None,
    }  # fmt: skip
    if isinstance(learned, Unsupported):
        return told | {"why_not": learned.reason}
    if row["price"] <= 0 or row["rate"] <= 0 or row["sellable"] <= 0:
        missing = "price" if row["price"] <= 0 else "demand" if row["rate"] <= 0 else "stock"
        return told | {"why_not": f"the position has no {missing}"}
    found = clearance_price(
        learned.elasticity,
        price=row["price"],
        salvage=salvage,
        units=row["sellable"],
        per_day_units=row["rate"],
        days=horizon,
        price_min=min(learned.prices[0], row["price"]),
        price_max=max(learned.prices[-1], row["price"]),
    )
    if isinstance(found, Recommendation):
        return told | {"recommendation": _plain(asdict(found))}
    return told | {"why_not": found}


def _plain(found: Mapping[str, Any]) -> dict[str, Any]:
    """Money and units to two digits."""
    return {
        name: _plain(value) if isinstance(value, dict) else round(float(value), 2)
        for name, value in found.items()
    }


def lines(told: Mapping[str, Any]) -> list[str]:
    """Sentences for a person."""
    if told["elasticity"] is None:
        said = [f"{told['sku']}: how demand answers to price cannot be told: {told['why_not']}"]
    else:
        e = told["elasticity"]
        said = [f"{told['sku']}: elasticity {e['value']:.2f} ({e['low']:.2f} to {e['high']:.2f})"]
    for each in told["clearance"]:
        at = f"{each['location']}: {each['current_stock']} units, {each['excess_units']} too many"
        if (found := each["recommendation"]) is None:
            said.append(f"{at}; {each['why_not']}")
        else:
            gain = found["gain"]
            said.append(
                f"{at}; at {found['price']:.2f} some {found['sold_units']['mean']:.0f} sell in "
                f"{each['days']:.0f} days, {gain['mean']:.2f} more "
                f"({gain['low']:.2f} to {gain['high']:.2f})"
            )
    return said
