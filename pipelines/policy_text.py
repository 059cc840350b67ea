"""Why an order line is what it is: terms with sources, as JSON, that sum exactly."""

import json
from collections.abc import Sequence

from inventory.policy_terms import sources, told
from pipelines.order_plans import Planned

NEED = frozenset((
    "demand over lead time", "demand over review period", "safety stock", "on hand", "on order",
    "commitments", "estimated outdating", "places supplied", "transfers proposed to here",
    "transfers proposed from here", "economic lot", "not due",
))  # fmt: skip
"""Terms of the need; all others are steps that made an order of it, and are told in money too."""


def line_texts(planned: Planned, *, rows: Sequence[int]) -> list[str]:
    """JSON per ordered row: the terms that sum to its quantity, steps with their money.

    `marginal_value` is the money that the last pack saves in lost sales.
    """
    texts = []
    chosen = planned.table[rows].iter_rows(named=True)
    for row, position in zip(rows, chosen, strict=True):
        said = sources(
            position
            | {"service_level": position["level"], "sources": json.loads(position["sources"])}
        )
        units = {name: float(each[row]) for name, each in planned.plan.terms.items()}
        terms = told(units, said)
        for term in terms:
            if term["term"] not in NEED:
                cost = float(planned.unit_cost[row])
                term["money"] = round(float(str(term["quantity"])) * cost, 2)
        texts.append(json.dumps({
            "terms": terms, "run_id": position["run_id"],
            "marginal_value": round(float(planned.last_pack_value[row]), 2),
        }))  # fmt: skip
    return texts
