"""A stock of any size for measurements, made by SQL in seconds, whose books are in order.

Every position has a count in the ledger; 5 % of them also have a live hold, an order for a later
day, and dated supply. `verify` finds no drift in it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import psycopg

LOCATIONS = 50
WAREHOUSES = 10
"""The first so many locations; the others are stores."""

UNITS = 10_000
"""Counted at every position: no run uses them up."""
HELD_UNITS, ORDERED_UNITS, INBOUND_UNITS = 2, 3, 20
BUSY_STEP = 20
"""One position in so many has a hold, an order and dated supply."""

STORE_BUFFER, PICKY_BUFFER, POSITION_BUFFER = 2, 3, 5
"""Units withheld at stores, from pick-up of category 0 there, and of a few positions."""
CATEGORIES = 25
POSITION_RULE_STEP = 1_000

GROUP = "all"
CHANNEL = "web"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What there is: `skus` SKUs at each of `LOCATIONS` locations, counted at `counted_at`."""

    skus: int
    counted_at: datetime

    @property
    def positions(self) -> int:
        return self.skus * LOCATIONS

    def pairs(self) -> Iterator[tuple[str, str]]:
        """Every position, in the order of its key."""
        for n in range(self.skus):
            for m in range(LOCATIONS):
                yield sku(n), location(m)


def sku(number: int) -> str:
    """The id of a SKU that was loaded."""
    return f"S{number:06d}"


def location(number: int) -> str:
    """The id of a location that was loaded; below `WAREHOUSES` it is a warehouse."""
    return f"L{number:02d}"


def is_busy(sku_number: int, location_number: int) -> bool:
    """Whether a position has a hold, an order and dated supply."""
    return (sku_number + location_number) % BUSY_STEP == 0


def fill(
    db: psycopg.Connection,
    *,
    positions: int,
    now: datetime,
    report: Callable[[str], None] = lambda _: None,
) -> Loaded:
    """Fill empty tables. `positions` is rounded down to whole SKUs, at least one.

    Needs the rights of the embedded server's owner: for stock and promises nothing is checked or
    triggered row by row, as it is true by construction.
    """
    loaded = Loaded(max(1, positions // LOCATIONS), now - timedelta(hours=1))
    parameters = {
        "skus": loaded.skus,
        "locations": LOCATIONS,
        "warehouses": WAREHOUSES,
        "now": now,
        "counted_at": loaded.counted_at,
        "busy": BUSY_STEP,
        "units": UNITS,
        "held": HELD_UNITS,
        "ordered": ORDERED_UNITS,
        "inbound": INBOUND_UNITS,
        "store_buffer": STORE_BUFFER,
        "picky": PICKY_BUFFER,
        "buffer": POSITION_BUFFER,
        "categories": CATEGORIES,
        "rule_step": POSITION_RULE_STEP,
        "group": GROUP,
        "channel": CHANNEL,
    }
    for what, statements in _STEPS.items():
        report(f"{what} ({loaded.positions:,} positions)")
        with db.transaction():
            if statements is not _CATALOGUE:
                db.execute("set local session_replication_role = replica")
            for statement in statements:
                db.execute(statement, parameters)
    settle(db)
    return loaded


def settle(db: psycopg.Connection) -> None:
    """Statistics, visibility and a checkpoint: what a server that runs for a while has anyway."""
    db.execute("vacuum analyze")
    db.execute("checkpoint")


def add_hot_sku(db: psycopg.Connection, *, name: str, units: int, now: datetime) -> tuple[str, str]:
    """One more SKU with so many units at one warehouse only; returns its position."""
    place = location(0)
    parameters = {"sku": name, "location": place, "units": units, "now": now}
    with db.transaction():
        db.execute("insert into skus (sku, name) values (%(sku)s, %(sku)s)", parameters)
        db.execute(_HOT_BALANCE, parameters)
        db.execute(_HOT_ENTRY, parameters)
    return name, place


def add_holds(
    db: psycopg.Connection, *, holds: int, positions: int, now: datetime, expires_at: datetime
) -> None:
    """So many holds of one unit, spread evenly over the first positions, that expire together."""
    parameters = {
        "holds": holds, "positions": positions, "now": now, "expires_at": expires_at,
        "locations": LOCATIONS, "channel": CHANNEL,
    }  # fmt: skip
    with db.transaction():
        db.execute("set local session_replication_role = replica")
        for statement in _HOLDS:
            db.execute(statement, parameters)
    db.execute("analyze reservations, reservation_lines")


def sold_units(db: psycopg.Connection, *, sku: str, location: str) -> int:
    """Units of a position that are promised and not shipped."""
    row = db.execute(
        "select coalesce(sum(open_units), 0)::bigint from reservation_lines "
        "where sku = %s and location = %s and open_units > 0",
        [sku, location],
    ).fetchone()
    assert row is not None
    return int(row[0])


def server_facts(db: psycopg.Connection) -> dict[str, str]:
    """The version of the server and whether its commits are durable, as it says itself."""
    names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
    rows = (db.execute("select current_setting(%s)", [name]).fetchone() for name in names)
    return {name: row[0] for name, row in zip(names, rows, strict=True) if row is not None}


_CATALOGUE = (
    """
    create temp table bench_positions as
    select n, m, 'S' || lpad(n::text, 6, '0') as sku, 'L' || lpad(m::text, 2, '0') as location
    from generate_series(0, %(skus)s - 1) as n, generate_series(0, %(locations)s - 1) as m
    """,
    """
    insert into locations (location, name, type, methods, timezone, cutoff)
    select location, 'Location ' || m,
        case when m < %(warehouses)s then 'warehouse' else 'store' end,
        case when m < %(warehouses)s then array['ship'] else array['sfs', 'bopis'] end,
        case when m %% 2 = 0 then 'UTC' else 'Europe/Berlin' end,
        case when m %% 5 = 0 then time '17:00' end
    from bench_positions where n = 0
    """,
    """
    insert into skus (sku, name, category)
    select sku, 'SKU ' || n, 'category ' || n %% %(categories)s from bench_positions where m = 0
    """,
    "insert into channels (channel, name) values (%(channel)s, 'Web')",
    "insert into groups values (%(group)s, 'Everywhere')",
    "insert into group_members select %(group)s, location from locations",
    """
    insert into buffer_rules (rule_id, location_type, category, method, quantity) values
        ('stores', 'store', null, 'bopis', %(store_buffer)s),
        ('from stores', 'store', null, 'sfs', %(store_buffer)s),
        ('picky', 'store', 'category 0', 'bopis', %(picky)s)
    """,
    """
    insert into buffer_rules (rule_id, sku, location, method, quantity)
    select concat_ws(' ', 'position', sku, location), sku, location, 'bopis', %(buffer)s
    from bench_positions where (n * %(locations)s + m) %% %(rule_step)s = %(rule_step)s - 1
    """,
)

_STOCK = (
    """
    insert into balances (sku, location, status, units, snapshot_at, snapshot_units, updated_at)
    select sku, location, 'available', %(units)s, %(counted_at)s, %(units)s, %(now)s
    from bench_positions
    """,
    """
    insert into entries (sku, location, status, kind, units, stated_units, outcome,
        effective_at, recorded_at, message_id, source, sequence)
    select sku, location, 'available', 'snapshot', %(units)s, %(units)s, 'applied',
        %(counted_at)s, %(now)s, concat_ws(' ', 'count', sku, location), 'bench', 0
    from bench_positions
    """,
)

_PROMISES = (
    "delete from bench_positions where (n + m) %% %(busy)s <> 0",
    """
    insert into reservations (reservation_id, kind, state, channel, method, order_id,
        created_at, expires_at, confirmed_at)
    select concat_ws(' ', kind, sku, location), kind, state, %(channel)s, 'bopis',
        case kind when 'hard' then concat_ws(' ', 'order', sku, location) end,
        %(now)s, %(now)s + life, case kind when 'hard' then %(now)s end
    from bench_positions, (values ('soft', 'active', interval '1 day'), ('hard', 'confirmed', null))
        as k (kind, state, life)
    """,
    """
    insert into reservation_lines (reservation_id, line_no, request_line, sku, method, location,
        promised_date, quantity, open_units, class, expires_at)
    select concat_ws(' ', kind, sku, location), 1, 1, sku, 'bopis', location,
        %(now)s::date + days, units, units, kind, %(now)s + life
    from bench_positions,
        (values ('soft', 0, %(held)s, interval '1 day'), ('hard', 5, %(ordered)s, null))
        as k (kind, days, units, life)
    """,
    "select recount_commitments()",
    """
    insert into inbound (inbound_id, sku, location, quantity, expected_at, state, updated_at)
    select concat_ws(' ', 'PO', sku, location), sku, location, %(inbound)s,
        %(now)s + (1 + (n + m) %% 14) * interval '1 day', 'confirmed', %(now)s
    from bench_positions
    """,
    "drop table bench_positions",
)

_STEPS = {
    "places, SKUs and rules": _CATALOGUE,
    "counts and their ledger entries": _STOCK,
    "holds, orders and dated supply": _PROMISES,
}

_HOT_BALANCE = """
    insert into balances (sku, location, status, units, updated_at)
    values (%(sku)s, %(location)s, 'available', %(units)s, %(now)s)
"""
_HOT_ENTRY = """
    insert into entries (sku, location, status, kind, units, stated_units, outcome, effective_at,
        recorded_at, source)
    values (%(sku)s, %(location)s, 'available', 'receipt', %(units)s, %(units)s, 'applied',
        %(now)s, %(now)s, 'bench')
"""

_HOLDS = (
    """
    create temp table bench_holds on commit drop as
    select 'ending ' || h as reservation_id,
        'S' || lpad((place / %(locations)s)::text, 6, '0') as sku,
        'L' || lpad((place %% %(locations)s)::text, 2, '0') as location
    from generate_series(0, %(holds)s - 1) as h, lateral (select h %% %(positions)s as place) as p
    """,
    """
    insert into reservations (reservation_id, kind, state, channel, method, created_at, expires_at)
    select reservation_id, 'soft', 'active', %(channel)s, 'bopis', %(now)s, %(expires_at)s
    from bench_holds
    """,
    """
    insert into reservation_lines (reservation_id, line_no, request_line, sku, method, location,
        promised_date, quantity, open_units, class, expires_at)
    select reservation_id, 1, 1, sku, 'bopis', location, %(now)s::date, 1, 1, 'soft',
        %(expires_at)s
    from bench_holds
    """,
    "select recount_commitments()",
)
