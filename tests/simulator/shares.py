"""Shares, units set aside and sales ahead on paper: by their definitions, one position at a time.

The linked channel sells one SKU, at named locations only, and may have one link at each.

    quota(t) = ratio x (on hand + supply up to t), rounded half up (two shares: its own, the rest)
    room(t)  = min over u >= t of max( quota(u) - its open units due up to u, its unused reserve )
    unused   = reserve - what it sold there and has not shipped (since the start, shipped or not)
"""

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import floor

from tests.simulator.promisable import DAYS

LINKED = "outlet"
"""The channel that sells what its links give it."""


@dataclass(frozen=True)
class Link:
    ratio: str | None
    reserve: int
    starts_at: datetime | None
    ends_at: datetime | None

    def in_force(self, now):
        return (self.starts_at is None or self.starts_at <= now) and (
            self.ends_at is None or self.ends_at > now
        )


@dataclass(frozen=True)
class Offer:
    """What is sold ahead of a day: so much over all channels, so much through web."""

    day: object
    cap: int
    web_cap: int | None
    ends_at: datetime | None


def link_at(model, sku, location, now):
    link = model.links.get((sku, location))
    return link if link is not None and link.in_force(now) else None


def is_linked(model, sku, now):
    return any(link_at(model, sku, at, now) for at in model.shop.locations)


def unused(model, link, sku, location, now):
    """What is left of the units set aside."""
    sold = 0
    for name, promise in model.promises.items():
        if promise.channel != LINKED:
            continue
        live = model.state(name, now) != "expired"
        for line in promise.lines:
            if (line.sku, line.location) != (sku, location):
                continue
            if link.starts_at is None:
                sold += line.open if live else 0
            elif promise.created_at >= link.starts_at:
                sold += line.open if live else 0
                left_at = promise.left.get((sku, location))
                if left_at is not None and left_at >= link.starts_at:
                    sold += line.shipped
    return max(0, link.reserve - sold)


def reserved(model, channel, sku, location, now):
    """Units kept from this channel."""
    link = link_at(model, sku, location, now)
    if link is None or channel in (None, LINKED):
        return 0
    return unused(model, link, sku, location, now)


def room(model, sku, location, extra, now):
    """What the linked channel may take per day; None: as much as there is."""
    if not is_linked(model, sku, now):
        return None
    link = link_at(model, sku, location, now)
    if link is None:
        return [0] * DAYS
    if link.ratio is None:
        return None
    position = model.position(sku, location, None, (), now, buffers=False)
    mine = [
        (line.day, line.open)
        for promise, line in model.live_lines(now)
        if promise.channel == LINKED and (line.sku, line.location) == (sku, location)
    ]
    taken = [(day, units) for s, at, _, day, units in extra if (s, at) == (sku, location)]
    left = unused(model, link, sku, location, now)
    base, by_day = position.on_hand, []
    for t in range(DAYS):
        base += position.supply[t]
        quota = floor(Fraction(link.ratio) * max(base, 0) + Fraction(1, 2))
        share = quota - _due(mine, t, now)
        aside = min(left, max(0, position.free(t)))
        by_day.append(max(share, aside) - _due(taken, t, now))
    return [min(by_day[t:]) for t in range(DAYS)]


def _due(lines, day, now):
    return sum(units for on, units in lines if (on - now.date()).days <= day)


def ahead(model, channel, now):
    """What may be sold ahead through a channel, per day."""
    offer = model.offer
    days = DAYS if offer is None else (offer.day - now.date()).days
    if days < 0 or days >= DAYS or (offer.ends_at is not None and offer.ends_at <= now):
        return [0] * DAYS
    sold = {}
    for name, promise in model.promises.items():
        live = model.state(name, now) != "expired"
        for line in promise.lines:
            if line.sku == model.shop.p and live:
                sold[promise.channel] = sold.get(promise.channel, 0) + line.open + line.shipped
    left = offer.cap - sum(sold.values())
    if channel == "web" and offer.web_cap is not None:
        left = min(left, offer.web_cap - sold.get("web", 0))
    return [0] * days + [max(0, left)] * (DAYS - days)
