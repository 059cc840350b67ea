"""Why the figures of a policy are what they are: signed terms with sources that sum exactly.

Nothing of it is stored: what a policy was made of is, and the terms follow from that.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from inventory.policy.lot_size import round_order

Term = dict[str, object]

ALWAYS_TOLD = (
    "demand over lead time", "demand over review period", "safety stock",
    "on hand", "on order", "commitments",
)  # fmt: skip
"""Terms that a reader looks for, also where they are zero."""

TARGET_WORDS = {
    "cycle_service": "cycle service {:.4g}",
    "fill_rate": "fill rate {:.4g}",
    "cost_ratio": "cost ratio {:.4g}",
}


def sources(policy: Mapping[str, Any]) -> dict[str, str]:
    """A sentence per term of one policy: columns of its row, with `vendor` and `sources`."""
    run = f"forecast run {policy['run_id']}"
    said: Mapping[str, str] = policy.get("sources") or {}
    lead, review = policy["lead_time_days"], policy["review_period_days"]
    from_lead = said.get("lead_time") or f"vendor {policy['vendor']}"
    between = said.get("review_period") or f"vendor {policy['vendor']}"
    wanted = TARGET_WORDS[policy["target_kind"]].format(policy["service_level"])
    of_target = f", {said['target']}" if "target" in said else ""
    return {
        "demand over lead time": f"mean of {run} over {lead:g} days, {from_lead}",
        "demand over review period": f"mean of {run} over {review:g} days, {between}",
        "safety stock": f"stock for {wanted} minus mean, {policy['demand_law']} demand, {run}"
        + of_target,
        "target quantile": f"stock for {wanted} over {lead + review:g} days, "
        f"{policy['demand_law']} demand, {run}" + of_target,
        "on hand": "ledger",
        "on order": "purchase orders and inbound",
        "commitments": "orders and live holds",
        "estimated outdating": "receipts that expire before they sell, oldest first at mean demand",
        "places supplied": "what places that this hub supplies need by their policies",
        "transfers proposed to here": "waiting for a planner; what is refused is bought",
        "transfers proposed from here": "waiting for a planner or a buyer",
        "not due": "above its reorder point",
        "supplier minimum": f"minimum order value of vendor {policy['vendor']}, filled up where "
        "stock lasts least",
        "full trucks": f"truck of vendor {policy['vendor']}, filled up where stock lasts least",
        "economic lot": said.get("lot") or "order cost against holding cost, at mean demand",
        "minimum order": "minimum order quantity of the SKU",
        "whole packs": said.get("packs") or "pack size of the SKU",
        "maximum": said.get("max_order_quantity") or "maximum order of the SKU",
    }


def explanation(policy: Mapping[str, Any]) -> dict[str, dict[str, list[Term]]]:
    """For each figure of a policy the terms that sum to it.

    Parameters
    ----------
    policy : a row of the policies with `vendor` and `sources` beside its columns.
    """
    lead, review = policy["lead_time_mean"], policy["review_mean"]
    safety, target, lot = policy["safety_stock"], policy["target_units"], policy["economic_lot"]
    most = policy["max_units"]
    rounded = round_order(
        lot,
        min_order_units=policy["min_order_units"],
        pack_units=policy["pack_units"],
        max_units=np.inf if most is None else most,
    )
    means = {"demand over lead time": lead, "demand over review period": review}
    figures = {
        "safety_stock": {
            "target quantile": target,
            "demand over lead time": -lead,
            "demand over review period": -review,
            "not below zero": safety - (target - lead - review),
        },
        "reorder_point": {**means, "safety stock": safety},
        "order_quantity": {
            "economic lot": lot,
            **{name: float(units[0]) for name, units in rounded.steps.items()},
        },
        "order_up_to": {**means, "safety stock": safety, "economic lot": lot},
    }
    said = sources(policy)
    return {name: {"terms": told(terms, said)} for name, terms in figures.items()}


def told(terms: Mapping[str, float], said: Mapping[str, str]) -> list[Term]:
    """Terms of one figure, in order; what adds nothing is left out unless always told."""
    return [
        {"term": name, "quantity": float(units), "source": said.get(name, "planning")}
        for name, units in terms.items()
        if units or name in ALWAYS_TOLD
    ]
