"""Numbers and moments as PostgreSQL's binary arrays, made at once rather than one by one.

A list of ten thousand numbers takes the driver some milliseconds; the array below takes none.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import psycopg
from numpy.typing import NDArray
from psycopg.abc import Buffer
from psycopg.adapt import Dumper
from psycopg.pq import Format

BIGINT, MOMENT = 20, 1184
"""Types of PostgreSQL, by their numbers."""

BIGINTS, MOMENTS = 1016, 1185
"""The arrays of these."""

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_EXACT_FROM, _EXACT_UNTIL = datetime(1970, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
"""Between these, seconds as a floating-point number tell every microsecond."""


class Bigints(bytes):
    """A `bigint[]` as it travels."""


class Moments(bytes):
    """A `timestamptz[]` as it travels."""


class _Dumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: bytes) -> Buffer:
        return obj


class _BigintsDumper(_Dumper):
    oid = BIGINTS


class _MomentsDumper(_Dumper):
    oid = MOMENTS


psycopg.adapters.register_dumper(Bigints, _BigintsDumper)
psycopg.adapters.register_dumper(Moments, _MomentsDumper)


def bigints(values: Sequence[int] | NDArray[np.int64]) -> Bigints:
    """Whole numbers, none of them missing, as a parameter `%b`."""
    return Bigints(_array(values, BIGINT))


def moments(values: Sequence[datetime]) -> Moments:
    """Moments with a zone as a parameter `%b`: microseconds since 2000."""
    if values and min(values) > _EXACT_FROM and max(values) < _EXACT_UNTIL:
        seconds = np.array([value.timestamp() for value in values]) - _EPOCH.timestamp()
        return Moments(_array(np.rint(seconds * 1_000_000).astype(np.int64), MOMENT))
    return Moments(_array([(value - _EPOCH) // _MICROSECOND for value in values], MOMENT))


def _array(values: Sequence[int] | NDArray[np.int64], kind: int) -> bytes:
    """One dimension, no nulls, counted from 1; each value after its length in bytes."""
    elements = np.empty(len(values), dtype=[("bytes", ">i4"), ("value", ">i8")])
    elements["bytes"] = 8
    elements["value"] = values
    dimensions = 1 if len(values) else 0
    head = [dimensions, 0, kind] + [len(values), 1] * dimensions
    return np.array(head, dtype=">i4").tobytes() + elements.tobytes()
