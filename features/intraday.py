"""The intraday profile: how demand spreads over the hours of a day, and what share of it was seen.

An empty shelf from 20 h on hides little of a day, one from 8 h on hides most of it: counting hours
says 12 % and 87 %. The profile is learned from days fully in stock, so that no empty shelf bends
it, and a group with few such days borrows from the weekday, and a weekday from all days.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats

HOURS = 24
WEEKDAYS = 7
WEEKEND_FROM = 5
"""Weekdays count from Monday, 0: Saturday and Sunday shop at other hours than the rest."""

PRIOR_UNITS = 200.0
"""Units at which a group's own profile weighs as much as the one it borrows from: a share of 5 %
is then known to 1.5 points from its own sales alone."""


@dataclass(frozen=True, slots=True, eq=False)
class IntradayProfile:
    """Shares of a day's demand by hour, per group and weekday.

    share : shape (G + 1, 7, 24); sums to one over open hours. The last group is everything else.
    groups : the G names, such as categories.
    """

    share: Floats
    groups: tuple[str, ...] = ()

    def seen_share(
        self,
        out_of_stock_bits: NDArray[np.integer],
        *,
        weekday: NDArray[np.integer],
        group: NDArray[np.str_] | None = None,
    ) -> Floats:
        """Share of each day's demand that fell into hours on sale, (n,), in 0..1.

        out_of_stock_bits : (n,), bit h set where the shelf was empty in hour h. weekday : (n,),
        Monday is 0. group : (n,), names; unknown ones read the last row of the profile.

        >>> flat = IntradayProfile(np.full((1, 7, 24), 1 / 24))
        >>> flat.seen_share(np.array([0b111111 << 18]), weekday=np.array([0])).round(3)
        array([0.75])
        """
        row = np.full(len(weekday), len(self.groups))
        if group is not None:
            names, code = np.unique(group, return_inverse=True)
            order = {name: i for i, name in enumerate(self.groups)}
            row = np.array([order.get(str(n), len(self.groups)) for n in names], dtype=int)[code]
        unseen = np.zeros(len(weekday))
        for hour in range(HOURS):  # One by one: days times hours would not fit the memory.
            empty = (out_of_stock_bits >> hour) & 1
            unseen += np.where(empty == 1, self.share[row, weekday, hour], 0.0)
        seen: Floats = np.clip(1.0 - unseen, 0.0, 1.0)
        return seen


def learn_profile(
    units: Floats,
    *,
    out_of_stock_bits: NDArray[np.integer],
    weekday: NDArray[np.integer],
    group: NDArray[np.str_] | None = None,
    opens_hour: int = 0,
    closes_hour: int = HOURS,
) -> IntradayProfile | None:
    """The profile of hourly sales (n, 24), from days without an empty shelf in open hours.

    Each profile is that of its own units plus `PRIOR_UNITS` of the one it borrows from (a Dirichlet
    posterior): group and weekday from weekday, weekday from all. None where nothing sold on such
    days. Sales outside open hours are left out.
    """
    is_open = (np.arange(HOURS) >= opens_hour) & (np.arange(HOURS) < closes_hour)
    open_bits = (1 << closes_hour) - (1 << opens_hour)
    sound = (out_of_stock_bits & open_bits) == 0
    sold = np.where(is_open, np.nan_to_num(units[sound]), 0.0)
    if not sold.sum() > 0:
        return None
    day = weekday[sound]
    all_days = sold.sum(axis=0) / sold.sum()
    by_weekday = np.stack([_shrunk(sold[day == d].sum(axis=0), all_days) for d in range(WEEKDAYS)])
    if group is None:
        return IntradayProfile(by_weekday[None])
    names, code = np.unique(group[sound], return_inverse=True)
    own = np.zeros((len(names), WEEKDAYS, HOURS))
    np.add.at(own, (code, day), sold)
    share = np.concatenate([_shrunk(own, by_weekday), by_weekday[None]])
    return IntradayProfile(share, tuple(str(name) for name in names))


def _shrunk(units: Floats, towards: Floats) -> Floats:
    """Shares by hour of `units` (..., 24), with the weight of `PRIOR_UNITS` on `towards`."""
    total = units.sum(axis=-1, keepdims=True)
    shares: Floats = (units + PRIOR_UNITS * towards) / (total + PRIOR_UNITS)
    return shares


def from_day_types(
    *, weekdays_by_hour: Sequence[float], weekends_by_hour: Sequence[float], opens_hour: int
) -> IntradayProfile:
    """A profile of two kinds of day: shares by hour from opening, Monday to Friday and weekend."""
    share = np.zeros((1, WEEKDAYS, HOURS))
    closes_hour = opens_hour + len(weekdays_by_hour)
    share[0, :WEEKEND_FROM, opens_hour:closes_hour] = weekdays_by_hour
    share[0, WEEKEND_FROM:, opens_hour:closes_hour] = weekends_by_hour
    return IntradayProfile(share / share.sum(axis=-1, keepdims=True))
