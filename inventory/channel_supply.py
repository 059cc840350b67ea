"""Who may sell what: shares of the stock at a place, and units set aside for one channel.

A *link* (channel, location, method, SKU) says that a channel may sell there; without a method or
SKU it speaks of all of them. While a channel has a link in force for a SKU, it sells that SKU only
where its links say; a channel without links sells everywhere, as far as the stock goes.

**Share.** Links with a ratio divide the stock of a position among their channels:

    quota(t) = largest remainder of base(t) over the ratios
    base(t)  = on hand + counted supply up to t                 before any commitment
    used(t)  = open units that the channel promised there, due up to t
    room(t)  = min over u ≥ t of quota(u) − used(u)

    ATP_channel(t) = max(0, min(room(t), ATP(t)))

Base and used speak of the same units: what a channel promised is still on hand, until it ships.
Units that shipped have left both, so a share is always a share of what is there now or announced.
Units that several ratios leave over belong to nobody in particular. Quotas never add up to more
than the base, as largest remainder deals out exactly the base; and whatever the quotas say, no
channel gets more than the ATP, so shares cannot oversell. Where ratios add up to more than 1 they
are taken as proportions. A share is looked at when a promise is made, and never again.

**Reserve.** Units set aside for a channel are kept from everybody else while the link is in force,
as far as the channel has not used them:

    ATP_other(t) = max(0, raw(t) − unused),        unused = max(0, reserve − used)

Of a link without a start, the channel's open units there use it: what ships has left the shelf, and
the units are set aside anew. Of a link with a start, units sold since then use it, shipped or not:
so many units are sold once, as for a campaign. The channel may sell its share or its reserve,
whichever is more; a ratio of 0 leaves it the reserve alone.

Where several links of one channel speak of one view, the most specific one that has a ratio gives
the share (a SKU says more than a method, both more than neither; then the first id), and reserves
are each set aside.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction
from functools import lru_cache

from inventory.catalog import SupplyLink
from inventory.projection import member_method


def largest_remainder(total_units: int, weights: Sequence[Fraction]) -> list[int]:
    """Whole units in proportion to the weights, together exactly `total_units` (Hamilton).

        q_i = w_i · total / Σ w,     units_i = ⌊q_i⌋, and one more for the largest remainders

    Of equal remainders the earlier one gets the unit. Each differs from q_i by less than 1.

    Source: Balinski & Young, Fair Representation, ch. 3 (the method of Hamilton).

    >>> largest_remainder(12, [Fraction(3, 5), Fraction(2, 5)])
    [7, 5]
    """
    assert total_units >= 0
    whole = sum(weights, Fraction(0))
    if not whole:
        return [0] * len(weights)
    exact = [weight * total_units / whole for weight in weights]
    units = [math.floor(share) for share in exact]
    by_remainder = sorted(range(len(weights)), key=lambda i: units[i] - exact[i])
    for i in by_remainder[: total_units - sum(units)]:
        units[i] += 1
    return units


def quota_units(base_units: int, ratios: Sequence[float]) -> list[int]:
    """What each share of `base_units` comes to, in whole units; their sum is never more than that.

    Ratios are read as the decimals they are written as. What they leave of 1 takes part as one more
    share, the last of equals; ratios of more than 1 together are taken as proportions.

    >>> quota_units(100, [0.8]), quota_units(50, [0.8])
    ([80], [40])
    >>> quota_units(100, [0.4, 0.6])
    [40, 60]
    >>> quota_units(12, [0.6, 0.4])
    [7, 5]
    """
    return list(_quotas(max(base_units, 0), tuple(ratios)))


@lru_cache(maxsize=16_384)
def _quotas(base_units: int, ratios: tuple[float, ...]) -> tuple[int, ...]:
    """The same, kept: long questions ask for the same figures again and again."""
    shares = [Fraction(str(ratio)) for ratio in ratios]
    nobody = max(Fraction(0), 1 - sum(shares, Fraction(0)))
    return tuple(largest_remainder(base_units, [*shares, nobody])[:-1])


@dataclass(frozen=True, slots=True)
class Use:
    """Units that a channel promised at a position."""

    channel: str
    method: str
    units: int
    promised_date: date | None
    """None: shipped already."""
    since: datetime | None = None
    """The latest start of a link of the channel before it was promised; None: none had begun."""
    via_group: bool = False
    """Asked for on a group, and fulfilled as a member of it does."""
    located: bool = True
    """False for units on a group that are only thought of as being here."""

    def method_at(self, location_type: str) -> str:
        """How the place fulfils it."""
        return (
            member_method(self.method, location_type) if self.via_group else None
        ) or self.method


@dataclass(frozen=True, slots=True)
class GroupUse:
    """Units that a channel promised on a group, not located yet."""

    group: str
    excluded: frozenset[str]
    channel: str
    method: str
    units: int
    promised_date: date
    since: datetime | None = None


@dataclass(slots=True)
class ChannelSupply:
    """The links in force at the positions that were read, and what was promised under them."""

    links: list[SupplyLink] = field(default_factory=list)
    linked: set[tuple[str, str | None]] = field(default_factory=set)
    """(channel, SKU or None for all) of every link in force, wherever it is."""
    uses: dict[tuple[str, str], list[Use]] = field(default_factory=dict)
    """By SKU and location."""
    group_uses: dict[str, list[GroupUse]] = field(default_factory=dict)
    """By SKU."""

    def restricts(self, channel: str | None, sku: str) -> bool:
        """Whether the channel sells the SKU only where its links say."""
        return channel is not None and not self.linked.isdisjoint({(channel, None), (channel, sku)})

    def links_at(self, sku: str, location: str) -> list[SupplyLink]:
        """The links that speak of a position, the most specific first."""
        found = [k for k in self.links if k.location == location and k.sku in (None, sku)]
        return sorted(found, key=lambda k: (k.sku is None, k.method is None, k.id))


def covers(link: SupplyLink, channel: str | None, method: str | None) -> bool:
    """Whether the link speaks of what that channel hands over in that way."""
    return link.channel == channel and link.method in (None, method)


def share_of(
    links: Sequence[SupplyLink], channel: str | None, method: str | None
) -> SupplyLink | None:
    """The link whose ratio holds for a view; None where its share is not limited."""
    return next((k for k in links if k.ratio is not None and covers(k, channel, method)), None)
