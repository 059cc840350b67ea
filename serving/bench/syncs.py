"""How fast a feed goes in: ten thousand changes of stock in one message, ledgered, each once.

How long one message takes is measured on one connection; how much goes in for long, on two: one
message is then read while the database is at the other. Both count from the moment at which pages
have been changed once since the last checkpoint, which a server reaches in its first messages.
"""

import math
from uuid import uuid4

import numpy as np
import psycopg

from inventory.store import bench_floor, feeds
from serving.bench.bed import Bed, Row, Timed, beside, in_threads, repeat

ROWS = 10_000
P95_MS_MAX = 250
ROWS_PER_SECOND_MIN = 40_000
CALLS_MIN = 3
"""Of each turn, however short."""
WARM_UP_CALLS = 5
SENDERS = 2
SUSTAINED_CALLS_MAX = 40
"""Messages that fit into memory together."""


def sync(bed: Bed) -> Row:
    """Messages of `ROWS` delta rows at random positions."""
    rng = bed.rng()
    with bed.connect() as db:

        def ours(seconds: float) -> Timed:
            return repeat(
                lambda rows: _take(bed, db, rows),
                prepare=lambda: _rows(bed, rng),
                seconds=seconds,
                calls_min=CALLS_MIN,
            )

        def floor(seconds: float) -> Timed:
            return repeat(
                lambda pairs: bench_floor.upsert(db, pairs, [1] * len(pairs)),
                prepare=lambda: bed.pairs(rng, min(ROWS, bed.loaded.positions)),
                seconds=seconds / 2,
                calls_min=CALLS_MIN,
            )

        for _ in range(WARM_UP_CALLS):
            _take(bed, db, _rows(bed, rng))
        bare, timed = beside(bed, floor=floor, ours=ours)
    sustained = _sustained(bed)
    return Row(
        f"sync of {ROWS:,} delta rows",
        f"p95 <= {P95_MS_MAX} ms, sustained >= {ROWS_PER_SECOND_MIN:,} rows/s",
        {
            "rows_per_second": round(sustained.per_second),
            "alone_rows_per_second": round(timed.per_second),
            "floor_rows_per_second": round(bare.per_second),
            "share_of_floor": round(timed.per_second / bare.per_second, 3),
            "calls": len(timed.seconds),
            **timed.percentiles(),
        },
        timed.milliseconds(95) <= P95_MS_MAX and sustained.per_second >= ROWS_PER_SECOND_MIN,
        cost_ms=timed.milliseconds(50),
    )


def _take(bed: Bed, db: psycopg.Connection, rows: list[dict[str, object]]) -> int:
    taken = feeds.sync(db, mode="delta", rows=rows, now=bed.clock(), source="bench")
    assert taken.counts["applied"] == ROWS, taken.counts
    return ROWS


def _sustained(bed: Bed) -> Timed:
    """Messages from `SENDERS` sides at once; they are made before the clock starts."""
    calls = min(
        SUSTAINED_CALLS_MAX, max(CALLS_MIN, round(bed.seconds * ROWS_PER_SECOND_MIN / ROWS))
    )
    rng = np.random.default_rng((bed.seed, SENDERS))
    messages = iter([_rows(bed, rng) for _ in range(calls)])

    def act(db: psycopg.Connection, _: np.random.Generator) -> int:
        rows = next(messages, None)
        return 0 if rows is None else _take(bed, db, rows)

    return in_threads(bed, act, means=bed.connect, seconds=math.inf, threads=SENDERS)


def _rows(bed: Bed, rng: np.random.Generator) -> list[dict[str, object]]:
    """A message as it comes out of JSON."""
    message, moment = uuid4().hex, bed.clock().isoformat()
    changes = rng.integers(1, 10, size=ROWS).tolist()
    return [
        {
            "id": f"{message}-{number}",
            "sku": sku,
            "location": location,
            "quantity": change,
            "effective_at": moment,
        }
        for number, ((sku, location), change) in enumerate(
            zip(bed.pairs(rng, ROWS), changes, strict=True)
        )
    ]
