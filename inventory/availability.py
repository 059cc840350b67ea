"""Available to promise: how many units of a position may still be promised, day by day.

    P(t)   = on hand + Σ supply up to t − Σ commitments up to t      projected balance
    U(t)   = min P(u) for u ≥ t                                      what is free to take at t
    raw(t) = min( U(t), min P(u) − B(u) for t ≤ u ≤ t + W )          what a view may take at t
    ATP(t) = max(0, raw(t) + oversell)

A unit taken at t is gone on every later day: hence the look-ahead. B is the promise buffer of the
view, W how far ahead it is looked at. With W over the whole horizon, ATP(t) is exactly the largest
quantity that can be taken at t with every later day staying at or above its buffer, and it never
falls with t.

Arrays have shape (N, D): N positions, D days, day 0 first. Quantities are whole units.
"""

import json
import operator
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Units = NDArray[np.int64]


def projected_units(*, on_hand_units: Units, supply_units: Units, committed_units: Units) -> Units:
    """P, shape (N, D): the balance at the end of each day if nothing else is promised.

    `on_hand_units` has shape (N,); supply and commitments, (N, D), fall at the start of their day.
    """
    projected: Units = np.cumsum(supply_units - committed_units, axis=1)
    projected += on_hand_units[:, None]
    return projected


def lowest_from_each_day(units: Units) -> Units:
    """The minimum over each day and all later ones, shape as given."""
    lowest: Units = np.minimum.accumulate(units[:, ::-1], axis=1)[:, ::-1]
    return lowest


def raw_units(projected: Units, buffer_units: Units, lookahead_days: Sequence[int | None]) -> Units:
    """raw, shape (N, D): may be negative, when supply fell short of what was promised.

    `lookahead_days`: W per position; None looks over the whole horizon.
    """
    free = lowest_from_each_day(projected)
    above_buffer = projected - buffer_units
    lowest = lowest_from_each_day(above_buffer)
    for row, days in enumerate(lookahead_days):
        if days is not None and days < projected.shape[1]:
            lowest[row] = _lowest_in_window(above_buffer[row], days)
    raw: Units = np.minimum(free, lowest)
    return raw


def _lowest_in_window(units: Units, days: int) -> Units:
    """The minimum over each day and the `days` after it, as far as the horizon goes."""
    beyond = np.full(days, np.iinfo(np.int64).max)
    windows = np.lib.stride_tricks.sliding_window_view(np.concatenate([units, beyond]), days + 1)
    lowest: Units = windows.min(axis=1)
    return lowest


def atp_units(
    *,
    on_hand_units: int,
    supply_units: Sequence[int],
    committed_units: Sequence[int],
    buffer_units: Sequence[int] | None = None,
    lookahead_days: int | None = None,
    oversell_units: int = 0,
) -> list[int]:
    """ATP of one position over D days; each sequence has one entry per day.

    >>> atp_units(on_hand_units=10, supply_units=[0, 0, 5], committed_units=[2, 4, 0])
    [4, 4, 9]
    >>> stock = {"on_hand_units": 5, "supply_units": [0, 20], "committed_units": [0, 0]}
    >>> atp_units(**stock, buffer_units=[2, 9])
    [3, 16]
    """
    assert len(committed_units) == len(supply_units)
    buffer = [0] * len(supply_units) if buffer_units is None else buffer_units
    projected = projected_units(
        on_hand_units=np.array([on_hand_units]),
        supply_units=np.array([supply_units]),
        committed_units=np.array([committed_units]),
    )
    raw = raw_units(projected, np.array([buffer]), [lookahead_days])[0]
    return [max(0, int(units) + oversell_units) for units in raw]


def binding_index(
    projected: Sequence[int],
    buffer_units: Sequence[int],
    *,
    day: int,
    lookahead_days: int | None,
) -> tuple[int, bool]:
    """Which later day holds back the answer at `day`, and whether through its buffer.

    Both have length D. The earliest such day is named, and its buffer when both bind.

    >>> binding_index([9, 5, 7], [0, 1, 4], day=0, lookahead_days=None)
    (2, True)
    >>> binding_index([9, 5, 7], [0, 1, 4], day=0, lookahead_days=0)
    (1, False)
    """
    last = len(projected) if lookahead_days is None else day + lookahead_days + 1
    above_buffer = list(map(operator.sub, projected[day:last], buffer_units[day:last]))
    free = projected[day:]
    lowest_above, lowest_free = min(above_buffer), min(free)
    if lowest_above <= lowest_free:
        return day + above_buffer.index(lowest_above), True
    return day + free.index(lowest_free), False


def earliest_index(atp: Sequence[int], quantity: int, *, start: int = 0) -> int | None:
    """The first day from `start` on with at least `quantity`; None when no day has.

    A binary search while ATP never falls, as it does not unless a buffer is looked at for less
    than the horizon.

    >>> earliest_index([15, 15, 15, 50], 16)
    3
    >>> earliest_index([5, 0, 7], 1, start=1)
    2
    """
    if any(later < earlier for earlier, later in pairwise(atp)):
        return next((t for t in range(start, len(atp)) if atp[t] >= quantity), None)
    found = bisect_left(atp, quantity, lo=start)
    return found if found < len(atp) else None


@dataclass(frozen=True, slots=True)
class Term:
    """One signed part of an answer, and where it comes from."""

    term: str
    quantity: int
    source: str


@dataclass(frozen=True, slots=True)
class PreSaleLeft:
    """What the view may still sell ahead at a location, for a day or later ones."""

    pre_sale: str
    location: str
    available_on: date
    units: int


@dataclass(slots=True)  # Not frozen: that makes a thousand answers take ten times as long to make.
class Availability:
    """What one view may promise of one SKU at a place, from `as_of` on.

    `atp` and `raw` are those of the day asked about (`on`; day 0 when none was given), and the
    terms sum to `raw` on `binding_date`, the day that holds the answer back.
    """

    sku: str
    location: str | None
    group: str | None
    channel: str | None
    method: str | None
    as_of: datetime
    atp: int
    raw: int
    binding_date: date
    first_day: date
    atp_by_day: tuple[int, ...]
    quantity: int | None = None
    earliest_date: date | None = None
    terms: tuple[Term, ...] | None = None
    pre_sales: tuple[PreSaleLeft, ...] = ()
    """Beside `atp`: only pre-orders may take it."""
    fulfilment_probability: float | None = None
    """Of `quantity` on its earliest date, for who asks: `inventory.fulfilment`."""

    def __post_init__(self) -> None:
        assert self.terms is None or sum(term.quantity for term in self.terms) == self.raw

    @property
    def days(self) -> list[tuple[date, int]]:
        """Each day with what may be promised for it."""
        return [(self.first_day + timedelta(days=t), atp) for t, atp in enumerate(self.atp_by_day)]

    def as_dict(self) -> dict[str, object]:
        """The answer as it goes over the wire."""
        days = [{"date": day.isoformat(), "atp": atp} for day, atp in self.days]
        return {**self._without_days(), "days": days}

    def as_json(self) -> str:
        """`as_dict` as JSON text. The days, most of it, are filled into a text made once."""
        days = _days_template(self.first_day, len(self.atp_by_day)) % self.atp_by_day
        return f'{_encode(self._without_days())[:-1]},"days":[{days}]}}'

    def _without_days(self) -> dict[str, object]:
        place = {"location": self.location} if self.group is None else {"group": self.group}
        body: dict[str, object] = {
            "sku": self.sku,
            **place,
            "channel": self.channel,
            "method": self.method,
            "as_of": self.as_of.isoformat(),
            "atp": self.atp,
            "raw": self.raw,
            "binding_date": self.binding_date.isoformat(),
        }
        if self.quantity is not None:
            earliest = self.earliest_date
            body["earliest_date"] = None if earliest is None else earliest.isoformat()
        if self.fulfilment_probability is not None:
            body["fulfilment_probability"] = self.fulfilment_probability
        if self.pre_sales:
            body["pre_sales"] = [
                asdict(left) | {"available_on": left.available_on.isoformat()}
                for left in self.pre_sales
            ]
        if self.terms is not None:
            body["terms"] = [
                {"term": t.term, "quantity": t.quantity, "source": t.source} for t in self.terms
            ]
        return body


_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


@lru_cache(maxsize=256)
def _days_template(first_day: date, days: int) -> str:
    """The JSON of so many days from one on, with `%d` for what may be promised for each."""
    dates = (first_day + timedelta(days=t) for t in range(days))
    return ",".join(f'{{"date":"{day.isoformat()}","atp":%d}}' for day in dates)
