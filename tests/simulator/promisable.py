"""How many units may still be promised: by definition, one unit at a time.

    P(t)   = on hand + supply up to t - commitments up to t
    U(t)   = min P(u), u >= t           raw(t) = min( U(t), min P(u) - B, u >= t )
    net(t) = max(0, raw(t)) + min(0, U(t))     what a location gives to its groups, or lacks

A promise on a group is one unit that any member may give. All of them can be kept when each finds a
unit of stock of its own, there by its day: a matching of two lists.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import product

DAYS = 9
"""Days that the model looks ahead: nothing in a simulation happens later."""


@dataclass(frozen=True)
class Position:
    """One location on paper. `supply` and `committed`: units by day."""

    on_hand: int
    supply: tuple[int, ...]
    committed: tuple[int, ...]
    buffer: int
    reserved: int = 0
    """Kept for another channel."""

    @cached_property
    def projected(self):
        levels, units = [], self.on_hand
        for comes, goes in zip(self.supply, self.committed, strict=True):
            units += comes - goes
            levels.append(units)
        return levels

    def free(self, day):
        return min(self.projected[day:])

    def raw(self, day):
        return min(self.free(day), min(self.projected[day:]) - self.buffer) - self.reserved

    def net(self, day):
        return max(0, self.raw(day)) + min(0, self.free(day))

    @property
    def short(self):
        return max(0, -self.free(0))


@dataclass(frozen=True)
class Hold:
    """Units promised on a set of locations for a day."""

    members: frozenset
    day: int
    units: int


def connected(holds, asked):
    """The promises that can be in each other's way with what is asked for."""
    reached, found, rest = set(asked), [], list(holds)
    while touching := [hold for hold in rest if reached & hold.members]:
        found += touching
        rest = [hold for hold in rest if hold not in touching]
        reached.update(*(hold.members for hold in touching))
    return found


def takeable(net, holds, asked, day):
    """Most that can be taken at the asked locations on a day; below zero what is lacking.

    `net`: by location, a number per day.
    """
    near = connected(holds, asked)
    # What another location lacks is not held against what is asked for.
    net = {at: u if at in asked else [max(0, units) for units in u] for at, u in net.items()}
    if not near:
        return min(sum(net[at][t] for at in asked) for t in range(day, DAYS))
    if any(units < 0 for at in net for units in net[at]):
        return _by_cuts(net, near, asked, day)
    stock = [
        (at, next(t for t in range(DAYS) if net[at][t] > k))
        for at in net
        for k in range(net[at][-1])
    ]
    wishes = [(hold.members, hold.day) for hold in near for _ in range(hold.units)]
    wishes += [(asked, day)] * len(stock)
    return _matched(stock, wishes) - sum(hold.units for hold in near)


def lacking(net, holds):
    """Units of promises on groups for which there is nothing."""
    stock = [
        (at, next(t for t in range(DAYS) if units[t] > k))
        for at, units in net.items()
        for k in range(units[-1])
    ]
    wishes = [(hold.members, hold.day) for hold in holds for _ in range(hold.units)]
    return len(wishes) - _matched(stock, wishes)


def _matched(stock, wishes):
    """Size of the largest matching of wishes to units of stock, by augmenting paths."""
    owner = {}

    def serve(wish, seen):
        members, day = wishes[wish]
        for unit, (at, from_day) in enumerate(stock):
            if at in members and from_day <= day and unit not in seen:
                seen.add(unit)
                if unit not in owner or serve(owner[unit], seen):
                    owner[unit] = wish
                    return True
        return False

    found, failed = 0, set()
    for wish in range(len(wishes)):
        # A wish like one that found nothing finds nothing either.
        if wishes[wish] not in failed:
            if serve(wish, set()):
                found += 1
            else:
                failed.add(wishes[wish])
    return found


def _by_cuts(net, near, asked, day):
    """Where a location lacks units already: every choice of promises and days, one by one."""
    kinds = sorted({hold.members for hold in near}, key=sorted)
    days = sorted({0, *(hold.day for hold in near), day, *_changes(net)})
    least = None
    for joined, *chosen in product([t for t in days if t >= day], *[[None, *days]] * len(kinds)):
        last = dict.fromkeys(asked, joined)
        promised = 0
        for members, until in zip(kinds, chosen, strict=True):
            if until is None:
                continue
            promised += sum(h.units for h in near if h.members == members and h.day <= until)
            for at in members:
                last[at] = max(last.get(at, 0), until)
        slack = sum(net[at][until] for at, until in last.items()) - promised
        least = slack if least is None else min(least, slack)
    return least


def _changes(net):
    return [t for t in range(1, DAYS) if any(units[t] != units[t - 1] for units in net.values())]
