"""Why a policy or an order line is what it is: terms with sources, as JSON, that sum exactly."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inventory.demand import Floats
from inventory.order_plan import OrderPlan, Policy

Term = dict[str, object]

ROUNDING = ("whole units", "minimum order", "whole packs", "maximum")
"""Steps of the rounding, in order: they are also told in money."""


ALWAYS_TOLD = (
    "demand over lead time", "demand over review period", "safety stock",
    "on hand", "on order", "commitments",
)  # fmt: skip
"""Terms that a reader looks for, also where they are zero."""


@dataclass(frozen=True, slots=True, eq=False)
class Sources:
    """Where the figures of N positions come from; each of length N, but for the level."""

    run_ids: Sequence[str]
    vendors: Sequence[str]
    lead_time_days: Floats
    review_period_days: Floats
    service_level: float

    def of(self, row: int) -> dict[str, str]:
        """A sentence per term of one position."""
        run = f"forecast run {self.run_ids[row]}"
        vendor = f"vendor {self.vendors[row]}"
        lead, review = self.lead_time_days[row], self.review_period_days[row]
        return {
            "demand over lead time": f"mean of {run} over {lead:g} days, {vendor}",
            "demand over review period": f"mean of {run} over {review:g} days, {vendor}",
            "safety stock": f"{self.service_level:g} quantile over both minus mean, {run}",
            "target quantile": f"{self.service_level:g} quantile of {lead + review:g} days, {run}",
            "on hand": "ledger",
            "on order": "purchase orders and inbound",
            "commitments": "orders and live holds",
            "economic lot": "order cost against holding cost, at mean demand",
            "minimum order": "minimum order quantity of the SKU",
            "whole packs": "pack size of the SKU",
        }


def policy_texts(chosen: Policy, sources: Sources) -> list[str]:
    """JSON per position: for each figure of the policy the terms that sum to it."""
    demand = chosen.demand
    lead, review = demand.lead_time_mean_units, demand.review_mean_units
    safety = chosen.safety_stock_units
    figures: dict[str, dict[str, Floats]] = {
        "safety_stock": {
            "target quantile": demand.target_units,
            "demand over lead time": -lead,
            "demand over review period": -review,
            "not below zero": safety - (demand.target_units - lead - review),
        },
        "reorder_point": {
            "demand over lead time": lead,
            "demand over review period": review,
            "safety stock": safety,
        },
        "order_quantity": {"economic lot": chosen.economic_lot_units, **chosen.lot.steps},
        "order_up_to": {
            "demand over lead time": lead,
            "demand over review period": review,
            "safety stock": safety,
            "economic lot": chosen.economic_lot_units,
        },
    }
    return [
        json.dumps({
            figure: {"terms": _terms(terms, row, sources.of(row))}
            for figure, terms in figures.items()
        })
        for row in range(len(lead))
    ]  # fmt: skip


def line_texts(
    plan: OrderPlan, sources: Sources, *, rows: Sequence[int], unit_cost: Floats
) -> list[str]:
    """JSON per ordered row: the terms that sum to its quantity, rounding steps with their money."""
    texts = []
    for row in rows:
        terms = _terms(plan.terms, row, sources.of(row))
        for term in terms:
            if term["term"] in ROUNDING:
                term["money"] = round(_number(term["quantity"]) * unit_cost[row], 2)
        texts.append(json.dumps({"terms": terms, "run_id": sources.run_ids[row]}))
    return texts


def _terms(terms: dict[str, Floats], row: int, sources: dict[str, str]) -> list[Term]:
    """Terms of one position, in order; what adds nothing is left out unless always told."""
    return [
        {"term": name, "quantity": float(units[row]), "source": sources.get(name, "planning")}
        for name, units in terms.items()
        if units[row] or name in ALWAYS_TOLD
    ]


def _number(quantity: object) -> float:
    assert isinstance(quantity, float | int | np.floating)
    return float(quantity)
