"""How fast a feed goes in: ten thousand changes of stock in one message, ledgered, each once."""

from uuid import uuid4

import numpy as np

from inventory.store import bench_floor, feeds
from serving.bench.bed import Bed, Row, Timed, beside, repeat

ROWS = 10_000
P95_MS_MAX = 250
ROWS_PER_SECOND_MIN = 40_000
CALLS_MIN = 3
"""Of each turn, however short."""


def sync(bed: Bed) -> Row:
    """Messages of `ROWS` delta rows at random positions, one after the other."""
    rng = bed.rng()
    with bed.connect() as db:

        def ours(seconds: float) -> Timed:
            return repeat(
                take, prepare=lambda: _rows(bed, rng), seconds=seconds, calls_min=CALLS_MIN
            )

        def take(rows: list[dict[str, object]]) -> int:
            taken = feeds.sync(db, mode="delta", rows=rows, now=bed.clock(), source="bench")
            assert taken.counts["applied"] == ROWS, taken.counts
            return ROWS

        def floor(seconds: float) -> Timed:
            return repeat(
                lambda pairs: bench_floor.upsert(db, pairs, [1] * len(pairs)),
                prepare=lambda: bed.pairs(rng, min(ROWS, bed.loaded.positions)),
                seconds=seconds / 2,
                calls_min=CALLS_MIN,
            )

        bare, timed = beside(bed, floor=floor, ours=ours)
    return Row(
        f"sync of {ROWS:,} delta rows",
        f"p95 <= {P95_MS_MAX} ms, sustained >= {ROWS_PER_SECOND_MIN:,} rows/s",
        {
            "rows_per_second": round(timed.per_second),
            "floor_rows_per_second": round(bare.per_second),
            "share_of_floor": round(timed.per_second / bare.per_second, 3),
            "calls": len(timed.seconds),
            **timed.percentiles(),
        },
        timed.milliseconds(95) <= P95_MS_MAX and timed.per_second >= ROWS_PER_SECOND_MIN,
        cost_ms=timed.milliseconds(50),
    )


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
