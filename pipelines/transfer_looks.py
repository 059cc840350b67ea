"""What a position can spare and could use, seen with the eyes of each reason to move stock."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from inventory.demand import Floats
from inventory.errors import InputRejected
from inventory.health import OVER_COVER_DAYS
from inventory.rebalancing import Move, Side
from inventory.transfer_value import Misses, losses, missed_units, shortfall_units
from pipelines.transfer_outlooks import AHEAD_DAYS, CLEARANCE_DAYS, RISE, Outlook

SEASON_DAYS_MAX = 365


@dataclass(frozen=True, slots=True)
class Season:
    """Days, both included, whose demand is to be met from stock that lies elsewhere now."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.first > self.last or (self.last - self.first).days >= SEASON_DAYS_MAX:
            raise InputRejected(
                f"{self.first} to {self.last} is no season of 1 to {SEASON_DAYS_MAX} days",
                field="season",
            )

    def days_from(self, today: date) -> tuple[int, int]:
        """The days after which it begins and ends, from today; it may have begun."""
        return max((self.first - today).days, 0), (self.last - today).days + 1


@dataclass(frozen=True, slots=True)
class Look:
    """One reason to move stock: what an origin offers for it, what a destination wants."""

    reason: str
    gain: str
    loss: str
    offer: Callable[[Outlook], Side | None]
    missed: Callable[[Outlook, int], Floats | None]
    """Units missed on each path that a way of so many days could save; None: it saves none."""
    worth: Callable[[Outlook], float]
    """Money of one of them."""
    most: Callable[[Outlook], float] = lambda _: math.inf
    """Units that a destination takes at most."""

    def want(self, p: Outlook, leads: Collection[int]) -> Misses | None:
        """What a destination would miss, by the days of the ways to it; None: nothing."""
        worth = self.worth(p)
        found = {lead: missed for lead in leads if (missed := self.missed(p, lead)) is not None}
        largest = max((float(missed.max(initial=0.0)) for missed in found.values()), default=0.0)
        most = math.floor(min(self.most(p), largest))
        return Misses(found, worth, most) if worth > 0 and most > 0 else None

    def source(self, term: str, move: Move) -> str:
        """Where a term comes from, in words."""
        if term in ("freight", "handling"):
            return f"lane {move.origin} to {move.destination}"
        return f"forecast of {move.destination if term == self.gain else move.origin}"


def _offered(p: Outlook, keep_units: float, days: float, worth: float) -> Side | None:
    """What is beyond `keep_units`, each unit at the sales it may cost within `days`."""
    most = math.floor(min(p.spare_units, p.free_units - math.ceil(keep_units - 1e-9)))
    if most <= 0:
        return None
    own = p.demand(days) - p.arriving(0, days)
    steps = losses(own, stock_units=p.free_units, worth=max(worth, 0.0), most_units=most)
    return Side(p.sku, p.location, p.family, steps)


def _risk_offer(p: Outlook) -> Side | None:
    if p.horizon_days < p.protection_days:
        return None
    return _offered(p, p.own_need_units, p.protection_days, p.margin)


def _risk_missed(p: Outlook, lead_time_days: int) -> Floats | None:
    """Sales missed from the arrival of the transfer until the arrival of an order to the vendor."""
    end = p.protection_days
    if lead_time_days >= end or p.horizon_days < end:
        return None
    marks = sorted({0, lead_time_days, end, *(day for day in p.arrivals if day < end)})
    stretches = [
        (p.demand(last) - p.demand(first), p.arriving(first - 1, first))
        for first, last in pairwise(marks)
    ]
    return missed_units(
        stretches, stock_units=max(p.free_units, 0.0), spared=marks.index(lead_time_days)
    )


def _beyond_usual(p: Outlook, first: float, last: float) -> Floats:
    """Sales of the days after `first` until `last` that stock and the usual supply do not carry."""
    usual = p.rate_units * (last - first)
    return shortfall_units(
        before_units=p.demand(first),
        during_units=np.maximum(p.demand(last) - p.demand(first) - usual, 0.0),
        stock_units=max(p.free_units, 0.0) + p.arriving(0, first),
        arriving_units=p.arriving(first, last),
    )


def _ahead_offer(p: Outlook) -> Side | None:
    if p.horizon_days < p.protection_days:
        return None
    return _offered(p, p.order_up_to, p.protection_days, p.margin)


def _ahead_missed(p: Outlook, lead_time_days: int) -> Floats | None:
    first = max(p.protection_days, lead_time_days)
    if first >= AHEAD_DAYS or p.horizon_days < AHEAD_DAYS:
        return None
    rate = (p.mean(AHEAD_DAYS) - p.mean(first)) / (AHEAD_DAYS - first)
    if rate < RISE * p.rate_units:
        return None
    return _beyond_usual(p, first, AHEAD_DAYS)


def season_look(season: Season, *, today: date) -> Look:
    """The look at days that somebody named; `InputRejected` where they are over, or too far."""
    first, last = season.days_from(today)
    if last <= 0 or last > CLEARANCE_DAYS:
        raise InputRejected(
            f"{season.first} to {season.last} must end within {CLEARANCE_DAYS} days from now",
            field="season",
        )

    def missed(p: Outlook, lead_time_days: int) -> Floats | None:
        begins = max(first, lead_time_days)
        if begins >= last or p.horizon_days < last:
            return None
        return _beyond_usual(p, begins, last)

    return Look("season", _SAVED, _MISSED, _ahead_offer, missed, _margin)


def _too_much(p: Outlook) -> float:
    return p.order_up_to + OVER_COVER_DAYS * p.rate_units


def _clearing_days(p: Outlook) -> float:
    return min(CLEARANCE_DAYS, p.shelf_life_days)


def _clearance_offer(p: Outlook) -> Side | None:
    """Units above what is too much, or that will not sell before they expire."""
    if p.horizon_days < _clearing_days(p):
        return None
    keep = min(_too_much(p), max(p.mean(_clearing_days(p)), p.own_need_units))
    return _offered(p, keep, _clearing_days(p), p.unit_cost)


def _stock_in_time(p: Outlook) -> float:
    return max(p.free_units, 0.0) + p.arriving(0, _clearing_days(p))


def _clearance_missed(p: Outlook, lead_time_days: int) -> Floats | None:
    """Demand there that a purchase would have to serve."""
    days = _clearing_days(p)
    if lead_time_days >= days or p.horizon_days < days:
        return None
    before = p.demand(lead_time_days)
    return shortfall_units(
        before_units=before,
        during_units=p.demand(days) - before,
        stock_units=_stock_in_time(p),
        arriving_units=0.0,
    )


def _not_too_much(p: Outlook) -> float:
    return max(0.0, p.order_up_to - _stock_in_time(p))


def _margin(p: Outlook) -> float:
    return p.margin


_SAVED, _MISSED = "sales saved", "sales missed at the origin"

LOOKS = {
    "stock_out_risk": Look("stock_out_risk", _SAVED, _MISSED, _risk_offer, _risk_missed, _margin),
    "pre_position": Look("pre_position", _SAVED, _MISSED, _ahead_offer, _ahead_missed, _margin),
    "clearance": Look(
        "clearance", "purchases saved", "purchases needed at the origin", _clearance_offer,
        _clearance_missed, lambda p: p.unit_cost, _not_too_much,
    ),
}  # fmt: skip
"""Looks by reason, in the order in which they are taken."""
