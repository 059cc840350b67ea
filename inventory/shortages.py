"""Who loses when supply falls below what was promised, in a stated order.

Promises stay: nothing is cancelled here. The event names the victims so that somebody can act.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from inventory.projection import HARD, PEG, SOFT

_CLASS_ORDER = {SOFT: 0, PEG: 1, HARD: 2}
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class OpenLine:
    """An open line that takes from what fell short."""

    reservation_id: str
    order_id: str | None
    commitment_class: str
    units: int
    priority: int
    sequence: int
    expires_at: datetime | None
    promised_date: date
    method: str
    location: str | None = None
    group: str | None = None
    excluded: Sequence[str] = ()


def victims(lines: Iterable[OpenLine], short_units: int) -> list[tuple[OpenLine, int]]:
    """Lines with the units each would lose: carts that end soonest, then backorders of the lowest
    priority, then orders of the lowest priority; among equals the last to come.

    >>> day = date(2026, 6, 1)
    >>> cart = OpenLine("cart", None, SOFT, 2, 0, 3, None, day, "ship")
    >>> order = OpenLine("order", "o-1", HARD, 5, 0, 1, None, day, "ship")
    >>> [(line.reservation_id, units) for line, units in victims([order, cart], 3)]
    [('cart', 2), ('order', 1)]
    """
    chosen = []
    for line in sorted(lines, key=_order):
        if short_units <= 0:
            break
        lost = min(line.units, short_units)
        chosen.append((line, lost))
        short_units -= lost
    return chosen


def _order(line: OpenLine) -> tuple[int, datetime, int, int]:
    ends = line.expires_at or _NEVER
    soonest = ends if line.commitment_class == SOFT else _NEVER
    return _CLASS_ORDER[line.commitment_class], soonest, line.priority, -line.sequence
