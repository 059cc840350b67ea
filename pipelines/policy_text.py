"""Why an order line is what it is: terms with sources, as JSON, that sum exactly."""

import json
from collections.abc import Sequence

import polars as pl

from inventory.order_plan import OrderPlan
from inventory.policy_terms import sources, told

ROUNDING = ("whole units", "minimum order", "whole packs", "maximum")
"""Steps of the rounding, in order: they are also told in money."""


def line_texts(plan: OrderPlan, table: pl.DataFrame, *, rows: Sequence[int]) -> list[str]:
    """JSON per ordered row: the terms that sum to its quantity, rounding steps with their money.

    table : the positions with their settings, row by row as the plan.
    """
    texts = []
    for row, position in zip(rows, table[rows].iter_rows(named=True), strict=True):
        said = sources(
            position
            | {
                "service_level": position["level"],
                "sources": json.loads(position["sources"]),
            }
        )
        terms = told({name: float(units[row]) for name, units in plan.terms.items()}, said)
        for term in terms:
            if term["term"] in ROUNDING:
                term["money"] = round(float(str(term["quantity"])) * position["unit_cost"], 2)
        texts.append(json.dumps({"terms": terms, "run_id": position["run_id"]}))
    return texts
