"""What others are told of positions that ran low, ran out, or came back.

Whoever changes what is free at a position holds its sellable balance, and calls `announce` before
letting go: an event follows when the change crossed a threshold, and only then. Ids of events rise
in the order in which a position changed, because they are taken under that lock.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.types.json import Jsonb

from inventory.store import outbox
from inventory.store.facts import COUNTED_INBOUND_STATES, Place, read
from inventory.store.shortages import in_use, unbuffered_supply
from inventory.thresholds import event_kind, stock_state


class _Crossing(NamedTuple):
    """A position as others know it, and the units that are free there now."""

    sku: str
    location: str
    announced: str
    low_units: int | None
    free_units: int
    grouped: bool

    @property
    def state(self) -> str:
        return stock_state(self.free_units, self.low_units)


def announce(
    db: psycopg.Connection,
    positions: Iterable[tuple[str, str]],
    *,
    now: datetime,
    cause: str | None = None,
) -> int:
    """Tell others which of these positions ran low, ran out, or came back; returns how many did.

    Call once per transaction, after the last change, holding the sellable balances of `positions`
    (SKU, location). What is free is judged as it stands then: on hand, dated supply, orders and
    live holds, before any buffer, and leaving room for promises on groups. Any number of positions
    is one statement, and a second one where something crossed. `cause` goes into the event.
    """
    columns = _columns(positions)
    if not columns[0]:
        return 0
    found = db.execute(_CROSSINGS, [*columns, list(COUNTED_INBOUND_STATES), now])
    near = [_Crossing(*row) for row in found]
    grouped = [position for position in near if position.grouped]
    crossed = [position for position in near if not position.grouped]
    if grouped:
        crossed += _beside_group_promises(db, grouped, now=now)
    if crossed:
        _tell(db, sorted(crossed), now=now, cause=cause)
    return len(crossed)


def _columns(positions: Iterable[tuple[str, str]]) -> list[list[str]]:
    distinct = sorted(set(positions))
    return [[sku for sku, _ in distinct], [location for _, location in distinct]]


_CROSSINGS = "select * from announced_crossings(%s, %s, %s, %s)"


def _beside_group_promises(
    db: psycopg.Connection, positions: Sequence[_Crossing], *, now: datetime
) -> list[_Crossing]:
    """Those that crossed, when room is left for what groups were promised around them.

    Positions that nobody holds here may have crossed with them: their SKUs are noted for
    `inventory.store.announcements`.
    """
    asked = defaultdict(list)
    for position in positions:
        asked[position.sku].append(position)
    places = [Place(position.sku, position.location) for position in positions]
    facts = read(db, places, channels=[], methods=[], now=now)
    crossed = []
    for sku, here in asked.items():
        supply = unbuffered_supply(facts, sku, now=now)
        for position in here:
            bounds = {
                stock_state(units, position.low_units)
                for units in supply.free_between(position.location)
            }
            if bounds == {position.announced}:
                continue
            opens = supply.projection.opens[supply.rows[position.location]]
            free = supply.at_location(position.location).raw[opens]
            known = position._replace(free_units=int(free))
            if known.state != known.announced:
                crossed.append(known)
    held = {(position.sku, position.location) for position in positions}
    beyond = [sku for sku in asked if not in_use(facts, sku) <= held]
    outbox.look_again(db, beyond, now=now)
    return crossed


def _tell(
    db: psycopg.Connection, crossed: Sequence[_Crossing], *, now: datetime, cause: str | None
) -> None:
    rows = [
        (
            position.sku,
            position.location,
            position.state,
            event_kind(position.announced, position.state),
            Jsonb(
                {
                    "free_units": position.free_units,
                    "low_units": position.low_units,
                    "from": position.announced,
                    "to": position.state,
                    "cause": cause,
                }
            ),
        )
        for position in crossed
    ]
    db.execute(_TELL, [*map(list, zip(*rows, strict=True)), now])


_TELL = """
    with told as (
        select * from unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::jsonb[])
            with ordinality as k (sku, location, state, kind, payload, place)
    ), remembered as (
        update balances b set announced = t.state from told t
        where b.sku = t.sku and b.location = t.location and b.status = 'available'
    )
    insert into outbox (kind, sku, location, payload, created_at)
    select kind, sku, location, payload, %s from told order by place
"""
