"""What acts on a forecast, worked out again for some SKUs, because planners moved their demand."""

from collections.abc import Sequence
from datetime import UTC, datetime, time

import psycopg

from inventory.store import overrides, planning
from inventory.store.effective_forecasts import days_forecast
from inventory.store.policy_recomputes import due_recomputes
from inventory.store.retry import retrying
from pipelines.buffers import compute_buffers
from pipelines.replenish import replenish
from pipelines.settings import Settings

MORNING = time(6, tzinfo=UTC)


def planning_moment(db: psycopg.Connection, *, now: datetime) -> datetime:
    """Now; or, where every forecast is over by now, the morning on which the last one began.

    A history that ended long ago is planned as of its own time (`vouch daily --as-of`). Planned as
    of today, what was stated about its days would be over as well.
    """
    days = days_forecast(db)
    if days is None or days[1] >= now.date():
        return now
    return datetime.combine(days[0], MORNING)


RECOMPUTED_AT_ONCE = 2_000
"""SKUs whose policies follow the catalogue in one transaction."""


def replan(
    db: psycopg.Connection,
    settings: Settings,
    *,
    now: datetime,
    skus: Sequence[str],
    asked: bool = True,
) -> dict[str, int]:
    """Promise buffers, policies, proposals and alerts from the forecast as it acts now.

    It is what the daily job does after forecasting, and as of the same morning. Returns counts.
    Inside a transaction, whose end is the end of its turn. `asked`: a person asked for what
    changes, so that nothing waits for one.
    """
    planning.keep_turn(db)
    now = planning_moment(db, now=now)
    buffers = compute_buffers(db, now=now, seed=settings.seed, skus=skus)
    planned = replenish(db, settings, now=now, skus=skus, asked=asked)
    return {
        "buffers_changed": buffers.written + buffers.removed,
        "policies_changed": planned.policies_changed,
        "orders_created": planned.orders_created,
        "order_lines_changed": planned.lines_added + planned.lines_changed + planned.lines_removed,
    }


def replan_expired(db: psycopg.Connection, settings: Settings, *, now: datetime) -> int:
    """`replan` what overrides had moved that expired since; returns how many did.

    0 also where somebody else plans at the moment: they wait until the next call.
    """

    def act() -> int:
        with db.transaction():
            if not overrides.read_expired(db, now=now) or not planning.kept_turn(db):
                return 0
            expired = overrides.read_expired(db, now=now)  # Another server may have been first.
            keys = {key for gone in expired for key in overrides.series_in(db, gone.scope)}
            if keys:
                replan(db, settings, now=now, skus=sorted({sku for sku, _ in keys}))
            overrides.note_expired(db, expired, now=now)
            return len(expired)

    return retrying(db, act)


def replan_due(db: psycopg.Connection, settings: Settings, *, now: datetime) -> int:
    """`replan` SKUs whose price, terms or rules changed since; returns how many.

    0 also where somebody else plans at the moment: they wait until the next call.
    """

    def act() -> int:
        with db.transaction():
            if not planning.kept_turn(db):
                return 0
            skus = due_recomputes(db, limit=RECOMPUTED_AT_ONCE)
            if skus:
                replan(db, settings, now=now, skus=skus, asked=False)
            return len(skus)

    return retrying(db, act)
