"""How many promises a second: one line, baskets, and everyone wanting the same unit.

Two ways are measured: calls of their own, one connection each, and calls that the server would put
together (`PromiseBatcher`), many callers over the same number of connections.
"""

import contextlib
from collections.abc import Callable, Iterator
from uuid import uuid4

import numpy as np
import psycopg

from inventory.errors import InsufficientStock, VouchError
from inventory.reservations import AskedLine, Basket
from inventory.store import bench_data, bench_floor, database, reservations
from inventory.store.promise_batches import PromiseBatcher
from inventory.store.wanted import Wanted
from serving.bench.bed import (
    CONNECTIONS,
    Bed,
    Pair,
    Row,
    Timed,
    Worker,
    beside,
    in_threads,
    method_at,
    side_by_side,
)

ONE_LINE_PER_SECOND_MIN = 5_000
ONE_LINE_SHARE_MIN = 0.5
LINES_A_CALL = 100
LINES_A_BASKET = 5
BASKET_LINES_PER_SECOND_MIN = 40_000
HOT_LINES_PER_SECOND_MIN = 2_000
CALLERS = 32
"""Threads behind the batcher: requests that a busy server works on at once."""


def one_line(bed: Bed) -> Row:
    """Reservations of one unit of one SKU at random positions, next to the bare statement."""

    def ours(db: psycopg.Connection, rng: np.random.Generator) -> int:
        (pair,) = bed.pairs(rng, 1)
        want = _one_of(pair)
        reservations.place(db, want.basket, reservation_id=want.reservation_id, now=bed.clock())
        return 1

    def floor(db: psycopg.Connection, rng: np.random.Generator) -> int:
        (pair,) = bed.pairs(rng, 1)
        return bench_floor.reserve(db, pair, reservation_id=uuid4().hex, expires_at=bed.clock())

    def batched(batcher: PromiseBatcher, rng: np.random.Generator) -> int:
        (pair,) = bed.pairs(rng, 1)
        batcher.place(_one_of(pair), now=bed.clock())
        return 1

    bare, timed = _beside(bed, floor, ours)
    together = _together(bed, batched, seconds=bed.seconds)
    best = max(timed.per_second, together.per_second)
    return Row(
        f"one-line reservations, {CONNECTIONS} connections, in process",
        f">= {ONE_LINE_SHARE_MIN:.0%} of the floor and above {ONE_LINE_PER_SECOND_MIN:,}/s, "
        "one by one or put together",
        _rates("reservations", timed, bare)
        | {
            "put_together_per_second": round(together.per_second),
            "put_together_share_of_floor": round(together.per_second / bare.per_second, 3),
            "put_together_p95_ms": together.milliseconds(95),
        },
        best >= ONE_LINE_SHARE_MIN * bare.per_second and best > ONE_LINE_PER_SECOND_MIN,
        cost_ms=1000 / best,
    )


def baskets(bed: Bed) -> Row:
    """Baskets of a few lines, each all or none, a hundred lines in a call."""

    def ours(db: psycopg.Connection, rng: np.random.Generator) -> int:
        pairs = bed.pairs(rng, LINES_A_CALL)
        wanted = [
            Wanted(uuid4().hex, _basket(pairs[first : first + LINES_A_BASKET]))
            for first in range(0, LINES_A_CALL, LINES_A_BASKET)
        ]
        for outcome in reservations.place_many(db, wanted, now=bed.clock()):
            if isinstance(outcome, VouchError):
                raise outcome
        return LINES_A_CALL

    def floor(db: psycopg.Connection, rng: np.random.Generator) -> int:
        pairs = sorted(bed.pairs(rng, LINES_A_CALL))
        return bench_floor.reserve_many(
            db, pairs, reservation_id=uuid4().hex, expires_at=bed.clock()
        )

    bare, timed = _beside(bed, floor, ours)
    return Row(
        f"baskets batched {LINES_A_CALL} lines a call",
        f">= {BASKET_LINES_PER_SECOND_MIN:,} lines/s",
        _rates("lines", timed, bare),
        timed.per_second >= BASKET_LINES_PER_SECOND_MIN,
        cost_ms=1000 / timed.per_second,
    )


def hot(bed: Bed) -> Row:
    """Everyone wants the same SKU: exactly its stock is sold, and how fast."""
    units = max(200, int(HOT_LINES_PER_SECOND_MIN * bed.seconds))
    with bed.connect() as db:
        name = f"HOT-{uuid4().hex[:8]}"
        sku, location = bench_data.add_hot_sku(db, name=name, units=units, now=bed.clock())

        def take(batcher: PromiseBatcher, _rng: np.random.Generator) -> int:
            try:
                batcher.place(_one_of((sku, location)), now=bed.clock())
            except InsufficientStock:
                return 0
            return 1

        # Far longer than it takes: every caller goes on until it is refused.
        timed = _together(bed, take, seconds=600.0)
        sold = bench_data.sold_units(db, sku=sku, location=location)
    exact = sold == units == timed.units
    figures = {"units": units, "sold_units": sold, "acknowledged_units": timed.units}
    return Row(
        "hot SKU: everyone wants the same one",
        f">= {HOT_LINES_PER_SECOND_MIN:,} lines/s, exactly the stock is sold",
        {"lines_per_second": round(timed.per_second), **timed.percentiles(), **figures},
        exact and timed.per_second >= HOT_LINES_PER_SECOND_MIN,
        cost_ms=1000 / timed.per_second,
    )


def _one_of(pair: Pair) -> Wanted:
    """One unit at a position, for the customers it has."""
    sku, location = pair
    lines = (AskedLine(sku, 1),)
    basket = Basket("soft", bench_data.CHANNEL, method_at(location), lines, location=location)
    return Wanted(uuid4().hex, basket)


def _basket(pairs: list[Pair]) -> Basket:
    lines = tuple(AskedLine(sku, 1, location) for sku, location in pairs)
    return Basket("soft", bench_data.CHANNEL, "ship", lines)


Caller = Callable[[PromiseBatcher, np.random.Generator], int]


def _together(bed: Bed, act: Caller, *, seconds: float) -> Timed:
    """Many callers behind one batcher, as in the server."""
    with database.pool(bed.url, size_max=CONNECTIONS) as pool:
        batcher = PromiseBatcher(pool.connection)

        @contextlib.contextmanager
        def shared() -> Iterator[PromiseBatcher]:
            yield batcher

        return in_threads(bed, act, means=shared, seconds=seconds, threads=CALLERS)


def _beside(bed: Bed, floor: Worker, ours: Worker) -> tuple[Timed, Timed]:
    return beside(
        bed,
        floor=lambda seconds: side_by_side(bed, floor, seconds=seconds),
        ours=lambda seconds: side_by_side(bed, ours, seconds=seconds),
    )


def _rates(what: str, timed: Timed, bare: Timed) -> dict[str, object]:
    return {
        f"{what}_per_second": round(timed.per_second),
        "floor_per_second": round(bare.per_second),
        "share_of_floor": round(timed.per_second / bare.per_second, 3),
        **timed.percentiles(),
    }
