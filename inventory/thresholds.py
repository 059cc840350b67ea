"""Thresholds of availability: what others are told of a position, and when.

A position is `in` stock, `low` or `out`, by the units that are free there before any buffer. Others
are told when that changes, and not otherwise.
"""

IN, LOW, OUT = "in", "low", "out"

OUT_OF_STOCK = "out_of_stock"
LOW_STOCK = "low_stock"
BACK_IN_STOCK = "back_in_stock"
NO_LONGER_LOW = "no_longer_low"
KINDS = (LOW_STOCK, OUT_OF_STOCK, BACK_IN_STOCK, NO_LONGER_LOW)
"""Kinds of threshold events."""


def stock_state(free_units: int, low_units: int | None) -> str:
    """What a position with so many free units is; without a mark it is never low.

    >>> [stock_state(units, 3) for units in (-1, 0, 1, 3, 4)]
    ['out', 'out', 'low', 'low', 'in']
    >>> stock_state(1, None)
    'in'
    """
    if free_units <= 0:
        return OUT
    return IN if low_units is None or free_units > low_units else LOW


def event_kind(before: str, after: str) -> str:
    """The kind of event that a change of state is.

    >>> event_kind("out", "low")
    'back_in_stock'
    >>> event_kind("low", "in")
    'no_longer_low'
    """
    assert before != after
    if after == OUT:
        return OUT_OF_STOCK
    if before == OUT:
        return BACK_IN_STOCK
    return LOW_STOCK if after == LOW else NO_LONGER_LOW
