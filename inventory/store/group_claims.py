"""Open promises on groups of one SKU, in the order in which they are served.

Earlier dates first; at the same date orders before pre-orders, then the higher priority, then who
came first. Carts come after everything that somebody ordered.
"""

from datetime import datetime

import psycopg

from inventory.supply import GroupHold


def served_after(
    db: psycopg.Connection, *, sku: str, reservation_id: str, line_no: int, now: datetime
) -> list[GroupHold]:
    """The live promises on groups that are served after a line of the same SKU, the last first."""
    rows = db.execute(
        _BEHIND, {"sku": sku, "reservation": reservation_id, "line": line_no, "now": now}
    )
    return [
        GroupHold(group, promised_date, units, method, frozenset(excluded))
        for group, promised_date, units, method, excluded in rows
    ]


_BEHIND = """
    with claims as (
        select l.group_id, l.promised_date, l.open_units, l.method, l.excluded_locations,
            l.reservation_id, l.line_no,
            row_number() over (order by l.class = 'soft', l.promised_date, l.class = 'peg',
                r.priority desc, r.sequence, l.line_no) as turn
        from reservation_lines l join reservations r on r.reservation_id = l.reservation_id
        where l.sku = %(sku)s and l.location is null and l.open_units > 0
            and (l.expires_at is null or l.expires_at > %(now)s)
    )
    select group_id, promised_date, open_units, method, excluded_locations from claims
    where turn > (
        select turn from claims where reservation_id = %(reservation)s and line_no = %(line)s)
    order by turn desc
"""
