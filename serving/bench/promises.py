"""How many promises a second: one line, baskets, and everyone wanting the same unit."""

from uuid import uuid4

import numpy as np
import psycopg

from inventory.errors import InsufficientStock
from inventory.reservations import AskedLine, Basket
from inventory.store import bench_data, bench_floor, reservations
from serving.bench.bed import Bed, Row, Timed, Worker, beside, method_at, side_by_side

ONE_LINE_PER_SECOND_MIN = 5_000
ONE_LINE_SHARE_MIN = 0.5
BASKET_LINES = 100
BASKET_LINES_PER_SECOND_MIN = 40_000
HOT_LINES_PER_SECOND_MIN = 2_000


def one_line(bed: Bed) -> Row:
    """Reservations of one unit of one SKU at random positions, next to the bare statement."""

    def ours(db: psycopg.Connection, rng: np.random.Generator) -> int:
        ((sku, location),) = bed.pairs(rng, 1)
        return _reserve_one(bed, db, sku, location)

    def floor(db: psycopg.Connection, rng: np.random.Generator) -> int:
        (pair,) = bed.pairs(rng, 1)
        return bench_floor.reserve(db, pair, reservation_id=uuid4().hex, expires_at=bed.clock())

    bare, timed = _beside(bed, floor, ours)
    share = timed.per_second / bare.per_second
    return Row(
        "one-line reservations, 8 connections, in process",
        f">= {ONE_LINE_SHARE_MIN:.0%} of the floor and above {ONE_LINE_PER_SECOND_MIN:,}/s",
        _rates("reservations", timed, bare),
        share >= ONE_LINE_SHARE_MIN and timed.per_second > ONE_LINE_PER_SECOND_MIN,
        cost_ms=1000 / timed.per_second,
    )


def baskets(bed: Bed) -> Row:
    """Baskets of a hundred lines, all or none."""

    def ours(db: psycopg.Connection, rng: np.random.Generator) -> int:
        lines = tuple(AskedLine(sku, 1, location) for sku, location in bed.pairs(rng, BASKET_LINES))
        basket = Basket("soft", bench_data.CHANNEL, "ship", lines)
        reservations.place(db, basket, reservation_id=uuid4().hex, now=bed.clock())
        return BASKET_LINES

    def floor(db: psycopg.Connection, rng: np.random.Generator) -> int:
        pairs = sorted(bed.pairs(rng, BASKET_LINES))
        return bench_floor.reserve_many(
            db, pairs, reservation_id=uuid4().hex, expires_at=bed.clock()
        )

    bare, timed = _beside(bed, floor, ours)
    return Row(
        f"baskets batched {BASKET_LINES} lines a call",
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

        def ours(db: psycopg.Connection, _rng: np.random.Generator) -> int:
            return _reserve_one(bed, db, sku, location)

        # Far longer than it takes: every thread goes on until it is refused.
        timed = side_by_side(bed, ours, seconds=600.0)
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


def _reserve_one(bed: Bed, db: psycopg.Connection, sku: str, location: str) -> int:
    """Reserve one unit; 0 where there is none left."""
    lines = (AskedLine(sku, 1),)
    basket = Basket("soft", bench_data.CHANNEL, method_at(location), lines, location=location)
    try:
        reservations.place(db, basket, reservation_id=uuid4().hex, now=bed.clock())
    except InsufficientStock:
        return 0
    return 1


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
