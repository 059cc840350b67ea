"""Open promises on groups of one SKU, in the order in which they are served.

Earlier dates first; at the same date orders before pre-orders, then the higher priority, then who
came first. Carts come after everything that somebody ordered.
"""

from datetime import datetime

import psycopg

from inventory.supply import GroupHold


def served_around(
    db: psycopg.Connection, *, sku: str, reservation_id: str, line_no: int, now: datetime
) -> tuple[list[GroupHold], list[GroupHold]]:
    """The live promises on groups that are served before a line of the same SKU, and after it."""
    rows = db.execute(_CLAIMS, [sku, now])
    around: tuple[list[GroupHold], list[GroupHold]] = ([], [])
    passed = False
    for reservation, line, group, promised_date, units, method, excluded in rows:
        if (reservation, line) == (reservation_id, line_no):
            passed = True
        else:
            hold = GroupHold(group, promised_date, units, method, frozenset(excluded))
            around[passed].append(hold)
    return around


_CLAIMS = """
    select l.reservation_id, l.line_no, l.group_id, l.promised_date, l.open_units, l.method,
        l.excluded_locations
    from reservation_lines l join reservations r on r.reservation_id = l.reservation_id
    where l.sku = %s and l.location is null and l.open_units > 0
        and (l.expires_at is null or l.expires_at > %s)
    order by l.class = 'soft', l.promised_date, l.class = 'peg', r.priority desc, r.sequence,
        l.line_no
"""
