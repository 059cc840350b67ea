"""Recompute what is stored from what it came from, by a second road, and report every difference.

Balances are recomputed twice: as the sum of their entries, and from the facts alone (the latest
count, and the changes that became true after it), which also catches a wrong decision. Commitments
are compared with the states of their reservations, and receipts with their inbound. Promises on
groups can all be located, or an event said that some cannot.
"""

from dataclasses import asdict, dataclass

import psycopg

from inventory.store import group_feasibility


@dataclass(frozen=True, slots=True)
class Drift:
    """One figure that is not what it should be."""

    check: str
    key: str
    stored_units: int
    recomputed_units: int


@dataclass(frozen=True, slots=True)
class Report:
    """How many balances were compared, and everything that differs."""

    balances: int
    drifts: list[Drift]

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    def lines(self) -> list[str]:
        drifting = {d.key for d in self.drifts if d.check.startswith("balance")}
        told = f"{len(drifting)} of {self.balances} balances drift from their ledger entries"
        return [told] + [
            f"{d.check}: {d.key}: stored {d.stored_units}, recomputed {d.recomputed_units}"
            for d in self.drifts
        ]


def verify(db: psycopg.Connection) -> Report:
    """Compare everything, at one moment. No drift means that the books are right."""
    with db.transaction():
        db.execute("set transaction isolation level repeatable read, read only")
        # Sums of millions of entries stay in memory, rather than in files of their own.
        db.execute("set local work_mem = '256MB'")
        drifts = [
            Drift(check, *row) for check, query in _CHECKS.items() for row in db.execute(query)
        ]
        drifts += [Drift("promises on groups", *row) for row in group_feasibility.broken(db)]
        (balances,) = db.execute("select count(*) from balances").fetchone() or (0,)
    return Report(balances, drifts)


_BALANCES_AGAINST_ENTRIES = """
    select concat_ws(' / ', sku, location, status),
        coalesce(b.units, 0)::bigint, coalesce(e.units, 0)::bigint
    from balances b full join (
        select sku, location, status, sum(units) as units from entries group by 1, 2, 3
    ) e using (sku, location, status)
    where coalesce(b.units, 0) <> coalesce(e.units, 0)
    order by 1
"""

_BALANCES_AGAINST_FACTS = """
    with counts as (
        -- Of counts of one moment, the one that was taken last replaced the others.
        select distinct on (sku, location, status)
            sku, location, status, entry_id, effective_at, stated_units
        from entries where kind = 'snapshot' and outcome = 'applied'
        order by sku, location, status, effective_at desc, coalesce(sequence, 0) desc, entry_id desc
    ), changes as (
        select e.sku, e.location, e.status, sum(e.stated_units) as units
        from entries e left join counts c using (sku, location, status)
            left join balances b using (sku, location, status)
        where e.kind <> 'snapshot' and (
            c.effective_at is null or e.effective_at > c.effective_at
            -- A NET count was made physical by adding an order that had in truth been shipped.
            or b.snapshot_basis = 'net' and e.kind = 'shipment'
                and e.reservation_id is not null and e.entry_id > c.entry_id)
        group by 1, 2, 3
    )
    select concat_ws(' / ', sku, location, status), b.units,
        (coalesce(c.stated_units, 0) + coalesce(d.units, 0))::bigint
    from balances b
        left join counts c using (sku, location, status)
        left join changes d using (sku, location, status)
    where b.units <> coalesce(c.stated_units, 0) + coalesce(d.units, 0)
        or c.effective_at is distinct from b.snapshot_at
    order by 1
"""

_COMMITMENTS_OF_CLOSED_RESERVATIONS = """
    select concat_ws(' / ', reservation_id, line_no), open_units, 0::bigint
    from reservation_lines join reservations using (reservation_id)
    where open_units > 0 and state in ('shipped', 'released', 'expired', 'cancelled')
    order by 1
"""

_COMMITMENTS_OF_OPEN_RESERVATIONS = """
    select concat_ws(' / ', reservation_id, line_no), open_units, quantity - shipped_units
    from reservation_lines l join reservations using (reservation_id)
    where open_units <> quantity - shipped_units
        and state in ('active', 'confirmed', 'allocated', 'processed', 'rejected')
        -- These alone can give up units and leave the order open.
        and not exists (
            select from reservation_events e
            where e.reservation_id = l.reservation_id and e.act in ('ship', 'reject', 'cancel'))
    order by 1
"""

_COMMITMENTS_WITH_ANOTHER_EXPIRY = """
    select concat_ws(' / ', reservation_id, line_no, l.expires_at, r.expires_at), open_units,
        0::bigint
    from reservation_lines l join reservations r using (reservation_id)
    where open_units > 0 and l.expires_at is distinct from r.expires_at
    order by 1
"""

_COMMITMENTS_IN_THE_WRONG_CLASS = """
    select concat_ws(' / ', reservation_id, line_no, class, state), open_units, 0::bigint
    from reservation_lines join reservations using (reservation_id)
    where open_units > 0 and (class = 'soft') <> (state = 'active' and kind = 'soft')
        and not (state = 'active' and kind <> 'soft')
    order by 1
"""

_COMMITTED_UNITS = """
    with sellable as (
        select sku, location, committed_units, lapsed_through from balances
        where status = 'available'
    ), promised as (
        -- Holds that the position is past are not counted any more.
        select l.sku, l.location, sum(l.open_units) as units
        from reservation_lines l left join sellable b using (sku, location)
        where l.open_units > 0 and l.location is not null
            and (l.expires_at is null or b.lapsed_through is null
                or l.expires_at > b.lapsed_through)
        group by 1, 2
    )
    select concat_ws(' / ', sku, location), coalesce(b.committed_units, 0)::bigint,
        coalesce(p.units, 0)::bigint
    from sellable b full join promised p using (sku, location)
    where coalesce(b.committed_units, 0) <> coalesce(p.units, 0)
    order by 1
"""

_SHIPMENTS = """
    with shipped as (
        select reservation_id, sku, -sum(stated_units) as units
        from entries where kind = 'shipment' and reservation_id is not null group by 1, 2
    ), lines as (
        select reservation_id, sku, sum(shipped_units) as units
        from reservation_lines group by 1, 2
    )
    select concat_ws(' / ', reservation_id, sku),
        coalesce(l.units, 0)::bigint, coalesce(s.units, 0)::bigint
    from lines l full join shipped s using (reservation_id, sku)
    where coalesce(l.units, 0) <> coalesce(s.units, 0)
    order by 1
"""

_RECEIPTS = """
    select inbound_id, coalesce(i.received_units, 0)::bigint, coalesce(e.units, 0)::bigint
    from inbound i full join (
        select inbound_id, sum(stated_units) as units
        from entries where kind = 'receipt' and inbound_id is not null group by 1
    ) e using (inbound_id)
    where coalesce(i.received_units, 0) <> coalesce(e.units, 0)
    order by 1
"""

_PARTS = """
    with parts as (
        select purchase_order_id, order_line as line_no, sum(received_units) as received,
            sum(quantity) filter (where state in ('planned', 'confirmed', 'shipped')) as coming
        from inbound where order_line is not null group by 1, 2
    )
    select concat_ws(' / ', purchase_order_id, line_no), found::bigint, expected::bigint
    from purchase_order_lines l left join parts p using (purchase_order_id, line_no)
    join purchase_orders o using (purchase_order_id)
    cross join lateral (values
        (coalesce(p.received, 0), l.received_units, coalesce(p.received, 0) <> l.received_units),
        (p.coming, greatest(l.quantity - l.received_units, 0),
            p.coming > greatest(l.quantity - l.received_units, 0)),
        -- What is over brings nothing more.
        (p.coming, 0, p.coming > 0 and o.state in ('received', 'closed', 'cancelled', 'rejected'))
    ) as checked (found, expected, differs)
    where differs order by 1
"""

_CHECKS = {
    "balance against entries": _BALANCES_AGAINST_ENTRIES,
    "balance against facts": _BALANCES_AGAINST_FACTS,
    "commitment of a closed reservation": _COMMITMENTS_OF_CLOSED_RESERVATIONS,
    "open units of an open reservation": _COMMITMENTS_OF_OPEN_RESERVATIONS,
    "commitment with another expiry": _COMMITMENTS_WITH_ANOTHER_EXPIRY,
    "commitment in the wrong class": _COMMITMENTS_IN_THE_WRONG_CLASS,
    "committed units against lines": _COMMITTED_UNITS,
    "shipped units against entries": _SHIPMENTS,
    "received units against entries": _RECEIPTS,
    "parts of order lines": _PARTS,
}
