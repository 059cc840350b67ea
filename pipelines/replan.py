"""What acts on a forecast, worked out again for some SKUs, because planners moved their demand."""

from collections.abc import Sequence
from datetime import datetime

import psycopg

from pipelines.buffers import compute_buffers
from pipelines.replenish import replenish
from pipelines.settings import Settings


def replan(
    db: psycopg.Connection, settings: Settings, *, now: datetime, skus: Sequence[str]
) -> dict[str, int]:
    """Promise buffers, policies, proposed orders and alerts from the forecast as it acts now.

    It is what the daily job does after forecasting. Returns what it counted.
    """
    buffers = compute_buffers(db, now=now, seed=settings.seed, skus=skus)
    planned = replenish(
        db,
        now=now,
        seed=settings.seed,
        service_level=settings.service_level,
        holding_cost_rate=settings.holding_cost_rate,
        order_cost=settings.order_cost,
        skus=skus,
    )
    return {
        "buffers_changed": buffers.written + buffers.removed,
        "policies_changed": planned.policies_changed,
        "orders_created": planned.orders_created,
        "order_lines_changed": planned.lines_added + planned.lines_changed + planned.lines_removed,
    }
