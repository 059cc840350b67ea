"""A hundred thousand holds end at one instant: the first read after it, and reads beside the sweep.

The instant is a moment that the reads and the sweep are given, so nobody waits for it.
"""

import threading
import time
from datetime import datetime, timedelta

from inventory.store import bench_data, reservations
from serving.bench.bed import Bed, Pair, Row, Timed, repeat
from serving.bench.reads import ask, atp_of

HOLDS = 100_000
POSITIONS = 1_000
"""The holds lie on so many positions, or on all where there are fewer."""
SLOWER_MAX = 2.0
JUST_BEFORE = timedelta(microseconds=1)


def expiry(bed: Bed) -> Row:
    """ATP the microsecond before, at the instant, and while the sweep is busy."""
    positions = min(POSITIONS, bed.loaded.positions)
    pairs = [pair for pair, _ in zip(bed.loaded.pairs(), range(positions), strict=False)]
    instant = bed.clock() + timedelta(hours=1)
    with bed.connect() as db:
        free_before = atp_of(db, pairs, now=instant - JUST_BEFORE)
        free = atp_of(db, pairs, now=instant)
        bench_data.add_holds(
            db, holds=HOLDS, positions=positions, now=bed.clock(), expires_at=instant
        )
        held = atp_of(db, pairs, now=instant - JUST_BEFORE)
        began = time.perf_counter()
        found = atp_of(db, pairs, now=instant)
        first_read_ms = round((time.perf_counter() - began) * 1000, 1)
    each = HOLDS // positions
    right = found == free and held == [units - each for units in free_before]
    quiet = _reads(bed, pairs, instant, done=None)
    beside, sweep_seconds = _beside_the_sweep(bed, pairs, instant)
    after = _reads(bed, pairs, instant, done=None)
    slower = round(beside.milliseconds(50) / quiet.milliseconds(50), 2)
    return Row(
        f"expiry of {HOLDS:,} holds at one instant",
        f"right in the first read after it; reads beside the sweep at most {SLOWER_MAX:g}x slower",
        {
            "first_read_right": right,
            f"first_read_of_{positions}_positions_ms": first_read_ms,
            "read_p50_ms": quiet.milliseconds(50),
            "read_p95_ms": quiet.milliseconds(95),
            "read_beside_sweep_p50_ms": beside.milliseconds(50),
            "read_beside_sweep_p95_ms": beside.milliseconds(95),
            "read_after_sweep_p50_ms": after.milliseconds(50),
            "times_slower": slower,
            "sweep_seconds": round(sweep_seconds, 2),
        },
        right and slower <= SLOWER_MAX,
        cost_ms=first_read_ms,
    )


def _beside_the_sweep(bed: Bed, pairs: list[Pair], instant: datetime) -> tuple[Timed, float]:
    done = threading.Event()
    spent: list[float] = []

    def sweep() -> None:
        began = time.perf_counter()
        with bed.connect() as db:
            try:
                while reservations.sweep(db, now=instant):
                    pass
            finally:
                spent.append(time.perf_counter() - began)
                done.set()

    sweeper = threading.Thread(target=sweep)
    sweeper.start()
    timed = _reads(bed, pairs, instant, done=done)
    sweeper.join()
    return timed, spent[0]


def _reads(
    bed: Bed, pairs: list[Pair], instant: datetime, *, done: threading.Event | None
) -> Timed:
    """Reads of one position each, for a while or until `done`."""
    rng = bed.rng()
    total = Timed()
    with bed.connect() as db:

        def read(pair: Pair) -> int:
            ask(db, pair, now=instant)
            return 1

        while True:
            timed = repeat(
                read,
                prepare=lambda: pairs[int(rng.integers(len(pairs)))],
                seconds=bed.seconds / 4 if done is None else 0.1,
                calls_min=20,
            )
            total.seconds += timed.seconds
            if done is None or done.is_set():
                return total
