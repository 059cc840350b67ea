"""How fast the engine answers: one position, a thousand, a group over four weeks."""

from collections.abc import Callable, Sequence
from datetime import datetime

import psycopg

from inventory.availability import Availability
from inventory.errors import VouchError
from inventory.store import bench_data, bench_floor
from inventory.store.availability import AvailabilityItem, availability, availability_many
from serving.bench.bed import Bed, Pair, Prepared, Row, Timed, beside, method_at, repeat

POSITION_P99_MS_MAX = 1.0
MANY = 1_000
MANY_P95_MS_MAX = 15.0
GROUP_DAYS = 28
GROUP_P95_MS_MAX = 10.0
WARM_UP_CALLS = 20
"""A connection plans each statement a few times before it keeps the plan."""


def position(bed: Bed) -> Row:
    """ATP of one random position."""
    rng = bed.rng()
    with bed.connect() as db:
        bare, timed = _beside(
            bed,
            floor=lambda pair: bench_floor.read_one(db, pair),
            ours=lambda pair: ask(db, pair, now=bed.clock()),
            prepare=lambda: bed.pairs(rng, 1)[0],
        )
    return _row("ATP of one position, engine", bare, timed, percent=99, ms_max=POSITION_P99_MS_MAX)


def positions(bed: Bed) -> Row:
    """ATP of a thousand random positions in one query."""
    rng = bed.rng()
    with bed.connect() as db:
        bare, timed = _beside(
            bed,
            floor=lambda pairs: bench_floor.read_many(db, pairs),
            ours=lambda pairs: atp_of(db, pairs, now=bed.clock()),
            prepare=lambda: bed.pairs(rng, MANY),
        )
    name = f"ATP of {MANY:,} positions in one query, engine"
    return _row(name, bare, timed, percent=95, ms_max=MANY_P95_MS_MAX)


def group(bed: Bed) -> Row:
    """ATP of a random SKU in the group of every location, day by day."""
    rng = bed.rng()
    with bed.connect() as db:

        def floor(sku: str) -> object:
            places = [bench_data.location(m) for m in range(bench_data.LOCATIONS)]
            return bench_floor.read_many(db, [(sku, place) for place in places])

        def ours(sku: str) -> object:
            answer = availability(
                db,
                sku=sku,
                group=bench_data.GROUP,
                channel=bench_data.CHANNEL,
                method="ship",
                now=bed.clock(),
                horizon_days=GROUP_DAYS,
            )
            return answer.atp_by_day

        bare, timed = _beside(bed, floor=floor, ours=ours, prepare=lambda: bed.pairs(rng, 1)[0][0])
    name = f"ATP of a group of {bench_data.LOCATIONS} locations, {GROUP_DAYS} days"
    return _row(name, bare, timed, percent=95, ms_max=GROUP_P95_MS_MAX)


def ask(db: psycopg.Connection, pair: Pair, *, now: datetime) -> Availability:
    """The availability of a position, for the customers it has."""
    sku, place = pair
    return availability(
        db,
        sku=sku,
        location=place,
        channel=bench_data.CHANNEL,
        method=method_at(place),
        now=now,
    )


def atp_of(db: psycopg.Connection, pairs: Sequence[Pair], *, now: datetime) -> list[int]:
    """The ATP of each position, for the customers it has."""
    items = [
        AvailabilityItem(sku, location=place, channel=bench_data.CHANNEL, method=method_at(place))
        for sku, place in pairs
    ]
    return [_atp(answer) for answer in availability_many(db, items, now=now)]


def _atp(answer: Availability | VouchError) -> int:
    if isinstance(answer, VouchError):
        raise answer
    return answer.atp


def _beside(
    bed: Bed,
    *,
    floor: Callable[[Prepared], object],
    ours: Callable[[Prepared], object],
    prepare: Callable[[], Prepared],
) -> tuple[Timed, Timed]:
    def turn(act: Callable[[Prepared], object], seconds: float) -> Timed:
        def counted(prepared: Prepared) -> int:
            act(prepared)
            return 1

        repeat(counted, prepare=prepare, seconds=0, calls_min=WARM_UP_CALLS)
        return repeat(counted, prepare=prepare, seconds=seconds, calls_min=WARM_UP_CALLS)

    return beside(
        bed,
        floor=lambda seconds: turn(floor, seconds / 4),
        ours=lambda seconds: turn(ours, seconds),
    )


def _row(name: str, bare: Timed, timed: Timed, *, percent: int, ms_max: float) -> Row:
    reached = timed.milliseconds(percent)
    figures = {
        **timed.percentiles(),
        "floor_p50_ms": bare.milliseconds(50),
        "times_the_floor": round(timed.milliseconds(50) / bare.milliseconds(50), 1),
        "calls": len(timed.seconds),
    }
    reach = f"p{percent} <= {ms_max:g} ms"
    return Row(name, reach, figures, reached <= ms_max, cost_ms=timed.milliseconds(50))
