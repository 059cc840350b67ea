"""The supply of a SKU as one channel sees it: within its shares, less what is kept for others."""

from collections.abc import Sequence

import numpy as np

from inventory.availability import lowest_from_each_day
from inventory.channel_limits import Position, ViewLimits, placed_in_thought, view_limits
from inventory.channel_quotas import ChannelQuotas
from inventory.channel_supply import ChannelSupply, GroupUse, Use, share_of
from inventory.groups import GroupPromise
from inventory.pre_sales import PreOrders
from inventory.projection import PositionFacts, member_method
from inventory.supply import SkuSupply


def limit_to_channel(
    supply: SkuSupply,
    links: ChannelSupply | None,
    *,
    channel: str | None,
    method: str | None,
) -> None:
    """Make a supply, to which nothing was committed yet, that of a channel.

    `links` None: nothing is limited, but what is sold ahead is still sold to anybody.
    """
    if links is not None:
        _apply_links(supply, links, channel=channel, method=method)
    for location, row in supply.rows.items():
        sales = supply.projection.positions[row].pre_sales
        if sales and (supply.quotas is None or supply.quotas.links(supply.row_at(location))):
            pre_orders = PreOrders(sales, channel, supply.projection.axis(row))
            if pre_orders:
                supply.pre_orders[location] = pre_orders


def _apply_links(
    supply: SkuSupply, links: ChannelSupply, *, channel: str | None, method: str | None
) -> None:
    projection = supply.projection
    facts = {at: projection.positions[row] for at, row in supply.rows.items()}
    types = {at: position.location_type for at, position in facts.items()}
    elsewhere = placed_in_thought(links, supply.sku, groups=supply.groups, location_types=types)
    limits: dict[int, ViewLimits] = {}
    for rows, named in ((supply.rows, False), (supply.named_rows, True)):
        for at, row in rows.items():
            limits[row] = view_limits(
                links,
                _position(supply, row),
                channel=channel,
                method=method if named else member_method(method, types[at]),
                elsewhere=elsewhere.get(at, ()),
            )
            reserved = limits[row].reserved_units
            if reserved is not None:
                projection.set_aside(row, reserved, source=limits[row].reserved_source)
    if links.restricts(channel, supply.sku):
        own = [hold for hold in links.group_uses.get(supply.sku, ()) if hold.channel == channel]
        promises = _promises(supply, links, own, limits, method=method)
        supply.quotas = ChannelQuotas(limits, promises, days=projection.days)


def _position(supply: SkuSupply, row: int) -> Position:
    projection = supply.projection
    facts: PositionFacts = projection.positions[row]
    return Position(
        facts.sku,
        facts.location,
        facts.location_type,
        base_units=np.maximum(projection.base_units(row), 0),
        free_units=lowest_from_each_day(projection.projected[row][None, :])[0],
        first_day=projection.first_day,
        day_zero=projection.opens[row],
    )


def _promises(
    supply: SkuSupply,
    links: ChannelSupply,
    holds: Sequence[GroupUse],
    limits: dict[int, ViewLimits],
    *,
    method: str | None,
) -> list[GroupPromise]:
    """What the channel promised on groups, where it takes from the shares that are asked about."""
    promises = []
    for hold in holds:
        members = frozenset(
            supply.rows[at]
            for at in supply.members(hold.group, hold.method, hold.excluded)
            if limits[supply.rows[at]].linked and _same_share(supply, links, hold, at, method)
        )
        if members:
            day = max(supply.projection.index(hold.promised_date), 0)
            by_day = [0] * day + [hold.units] * (supply.projection.days - day)
            promises.append(GroupPromise(hold.group, members, tuple(by_day)))
    return promises


def _same_share(
    supply: SkuSupply, links: ChannelSupply, hold: GroupUse, location: str, method: str | None
) -> bool:
    kind = supply.projection.positions[supply.rows[location]].location_type
    there = links.links_at(supply.sku, location)
    asked = share_of(there, hold.channel, member_method(method, kind))
    use = Use(hold.channel, hold.method, hold.units, hold.promised_date, via_group=True)
    return method is None or asked is share_of(there, hold.channel, use.method_at(kind))
