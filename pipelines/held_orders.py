"""Needs that planning holds back because a person refused to order them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
import psycopg
from numpy.typing import NDArray

from inventory.demand import Floats
from inventory.order_refusals import Refusal, held_message, lift_remedy, why_back
from inventory.store import order_refusals
from inventory.store.planning_exceptions import FOUND_SCHEMA
from pipelines.demand_windows import KEY

KIND = "refused_by_a_person"


@dataclass(frozen=True, slots=True, eq=False)
class Held:
    """Of N positions those that may not be ordered, shape (N,), and what is said of their needs."""

    rows: NDArray[np.bool_]
    exceptions: pl.DataFrame


def hold_back(
    db: psycopg.Connection,
    positions: pl.DataFrame,
    needed_units: Floats,
    *,
    now: datetime,
    days: int,
    skus: Sequence[str] | None = None,
) -> Held:
    """What of the needs (N,) of `positions`, with columns sku and location, a person refused.

    A need that clearly grew is let through, and its refusal has ended. `days`: how long one holds.
    """
    rows = np.zeros(len(positions), dtype=bool)
    found: list[dict[str, object]] = []
    back: dict[int, str] = {}
    for refusal, row in _refused(db, positions, now=now, days=days, skus=skus):
        needed = float(needed_units[row])
        why = why_back(refusal, needed_units=needed, today=now.date())
        if why is not None:
            back[refusal.id] = why
            continue
        rows[row] = True
        if needed > 0:
            found.append(_exception(refusal, needed))
    if back:
        order_refusals.end_by_planning(db, back, now=now)
    return Held(rows, pl.DataFrame(found, schema=FOUND_SCHEMA, orient="row"))


def _refused(
    db: psycopg.Connection,
    positions: pl.DataFrame,
    *,
    now: datetime,
    days: int,
    skus: Sequence[str] | None,
) -> list[tuple[Refusal, int]]:
    """Refusals that hold, each with the row of its position."""
    refusals = order_refusals.read_open(db, now=now, days=days, skus=skus)
    if not refusals:
        return []
    named = pl.DataFrame(
        [(i, refusal.sku, refusal.location) for i, refusal in enumerate(refusals)],
        schema={"refusal": pl.Int64, "sku": pl.String, "location": pl.String}, orient="row",
    )  # fmt: skip
    joined = positions.select(KEY).with_row_index("row").join(named, on=KEY).sort("row")
    return [(refusals[i], row) for row, i in joined.select("row", "refusal").iter_rows()]


def _exception(refusal: Refusal, needed: float) -> dict[str, object]:
    return {
        "kind": KIND,
        "sku": refusal.sku,
        "location": refusal.location,
        "vendor": None,
        "subject": None,
        "message": held_message(refusal, needed_units=needed),
        "remedy": lift_remedy(refusal),
        "blocks": True,
    }
