"""Links and pre-sales that bear on positions, and what was promised under them."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import psycopg

from inventory.catalog import SupplyLink
from inventory.channel_supply import ChannelSupply, GroupUse, Use
from inventory.pre_sales import PreSaleFacts, SoldAhead
from inventory.projection import PositionFacts


def read(
    db: psycopg.Connection,
    positions: Mapping[str, Mapping[str, PositionFacts]],
    *,
    channels: Collection[str],
    now: datetime,
) -> ChannelSupply:
    """What bears on positions (by SKU and location) for any of the channels that ask.

    Pre-sales are noted at the positions themselves. For a decision, call it while the positions are
    held: then nobody else can promise from them, and what is read can only become more.
    """
    keys = [(sku, location) for sku, known in positions.items() for location in known]
    columns = [[sku for sku, _ in keys], [location for _, location in keys]]
    supply = ChannelSupply()
    rows = db.execute(
        "select * from channel_supply_facts(%s, %s, %s, %s)", [*columns, sorted(channels), now]
    )
    for kind, row in rows:
        match kind:
            case "link":
                supply.links.append(_link(row))
            case "linked":
                supply.linked.add((row[0], row[1]))
            case "use":
                supply.uses.setdefault((row[0], row[1]), []).append(_use(row))
            case "group_use":
                supply.group_uses.setdefault(row[0], []).append(_group_use(row))
            case "pre_sale":
                position = positions[row[1]][row[2]]
                position.pre_sales = [*position.pre_sales, _pre_sale(row)]
    return supply


def _link(row: Sequence[Any]) -> SupplyLink:
    link_id, channel, location, method, ratio, reserve, starts_at, ends_at, sku = row
    begins, ends = _moment(starts_at), _moment(ends_at)
    return SupplyLink(link_id, channel, location, method, ratio, reserve, begins, ends, sku)


def _use(row: Sequence[Any]) -> Use:
    _, _, channel, method, via_group, day, units, since = row
    promised_date = None if day is None else date.fromisoformat(day)
    return Use(channel, method, units, promised_date, _moment(since), via_group)


def _group_use(row: Sequence[Any]) -> GroupUse:
    _, group, excluded, channel, method, day, units, since = row
    promised_date = date.fromisoformat(day)
    return GroupUse(
        group, frozenset(excluded), channel, method, units, promised_date, _moment(since)
    )


def _pre_sale(row: Sequence[Any]) -> PreSaleFacts:
    pre_sale_id, _, _, available_on, cap_units, in_force, channel_caps, sold = row
    return PreSaleFacts(
        pre_sale_id,
        date.fromisoformat(available_on),
        cap_units,
        in_force,
        channel_caps or {},
        [
            SoldAhead(channel, date.fromisoformat(day), waiting, units)
            for channel, day, waiting, units in sold or ()
        ],
    )


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
