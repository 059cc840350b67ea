"""What a position can spare and could use, seen with the eyes of each reason to move stock."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from inventory.base_stock import chunks, extended, starting_on
from inventory.demand import DemandForecast, Floats
from inventory.errors import InputRejected
from inventory.health import OVER_COVER_DAYS
from inventory.rebalancing import Move, Side
from inventory.transfer_value import gains, losses, shortfall_units

RISE = 1.25
"""Demand a day in the weeks ahead over that of now, from which stock is moved ahead of it."""

AHEAD_DAYS = 28
"""How far ahead the look for rising demand goes."""

CLEARANCE_DAYS = 90
"""Stock that lasts longer than this is asked whether it would sell elsewhere."""

SEASON_DAYS_MAX = 365

PATHS_KEPT = 256
"""Of the sample paths of a position: the first so many are spread as evenly as all are, and those
of twenty thousand positions fit into two gigabytes."""


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


@dataclass(slots=True, eq=False)
class Outlook:
    """A position and its futures. Units, money, days from today."""

    sku: str
    location: str
    family: str
    margin: float
    unit_cost: float
    own_need_units: int
    """Its reorder point: what it needs until its own supply comes."""
    order_up_to: float
    protection_days: int
    """Until an order to its vendor could be on the shelf."""
    shelf_life_days: float
    free_units: float
    """On hand, neither committed nor about to leave."""
    spare_units: float
    """Of these, what availability lets go."""
    rate_units: float
    """Mean demand a day until its own supply comes."""
    coming: tuple[tuple[int, float], ...]
    """Dated supply: days from today, units."""
    demand: Callable[[float], Floats]
    """Demand of each path up to a day, shape (S,)."""
    mean: Callable[[float], float]

    def arriving(self, after: float, until: float) -> float:
        """Units that come after one day, until another; what is overdue comes tomorrow."""
        return sum(units for day, units in self.coming if after < max(day, 1) <= until)

    def leave(self, units: int) -> None:
        """Book what goes away."""
        self.free_units -= units
        self.spare_units -= units

    def arrive(self, units: int) -> None:
        """Book what comes: counted as there, since no further look wants it sooner."""
        self.free_units += units


def outlooks(
    table: pl.DataFrame,
    coming: pl.DataFrame,
    forecasts: Sequence[DemandForecast],
    *,
    today: date,
    seed: int,
) -> list[Outlook]:
    """One per row of `table` that a forecast covers: candidates with a column `atp`."""
    supply: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for sku, location, day, units in coming.iter_rows():
        supply.setdefault((sku, location), []).append(((day - today).days, float(units)))
    rows = {(row["sku"], row["location"]): row for row in table.iter_rows(named=True)}
    found = []
    for forecast in forecasts:
        keys = list(zip(forecast.skus, forecast.locations, strict=True))
        chosen = [number for number, key in enumerate(keys) if key in rows]
        if not chosen:
            continue
        part = starting_on(forecast.select(np.array(chosen)), today)
        part = extended(part, horizon=math.ceil(CLEARANCE_DAYS / part.period_days))
        for slice_, paths in chunks(part, seed=seed):
            for offset, number in enumerate(chosen[slice_]):
                row = rows[keys[number]]
                mean = part.mean_units[slice_][offset]
                found.append(
                    _outlook(
                        row,
                        tuple(supply.get(keys[number], ())),
                        paths[offset, :, :PATHS_KEPT],
                        mean,
                        period_days=part.period_days,
                    )
                )
    return sorted(found, key=lambda p: (p.sku, p.location))


def _outlook(
    row: Mapping[str, Any],
    coming: tuple[tuple[int, float], ...],
    paths: Floats,
    mean: Floats,
    *,
    period_days: int,
) -> Outlook:
    """`paths` (H, S) of this position, `mean` (H,)."""
    added, means = _cumulated(paths), _cumulated(mean[:, None])

    def demand(day: float) -> Floats:
        return _up_to(added, day / period_days)

    def mean_until(day: float) -> float:
        return float(_up_to(means, day / period_days)[0])

    protection = max(1, math.ceil(row["lead_time_days"] + row["review_period_days"]))
    free = row["sellable"] - row["leaving"]
    return Outlook(
        sku=row["sku"],
        location=row["location"],
        family=row["category"] or row["sku"],
        margin=row["price"] - row["unit_cost"],
        unit_cost=row["unit_cost"],
        own_need_units=math.ceil(row["reorder_point"] - 1e-9),
        order_up_to=row["order_up_to"],
        protection_days=protection,
        shelf_life_days=math.inf if row["shelf_life_days"] is None else row["shelf_life_days"],
        free_units=free,
        spare_units=min(free, row["atp"] - row["leaving"]),
        rate_units=mean_until(protection) / protection,
        coming=coming,
        demand=demand,
        mean=mean_until,
    )


def _cumulated(units: Floats) -> NDArray[np.float32]:
    """(H, S) -> (H + 1, S), zero first: half the memory, and one look-up per question."""
    added = np.zeros((len(units) + 1, units.shape[1]), np.float32)
    np.cumsum(units, axis=0, out=added[1:])
    return added


def _up_to(added: NDArray[np.float32], periods: float) -> Floats:
    """Units up to so many periods, a broken one in proportion; no further than the horizon."""
    whole = min(int(periods), len(added) - 1)
    after = min(whole + 1, len(added) - 1)
    share = min(periods, len(added) - 1) - whole
    units: Floats = added[whole].astype(float) + share * (added[after] - added[whole])
    return units


@dataclass(frozen=True, slots=True)
class Look:
    """One reason to move stock: what an origin offers for it, what a destination wants."""

    reason: str
    gain: str
    loss: str
    offer: Callable[[Outlook], Side | None]
    want: Callable[..., Side | None]

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


def _wanted(p: Outlook, missed: Floats, worth: float, most_units: float = math.inf) -> Side | None:
    most = min(most_units, float(missed.max(initial=0.0)))
    steps = gains(missed, worth=worth, most_units=max(0, math.floor(most))) if worth > 0 else ()
    return Side(p.sku, p.location, p.family, steps) if steps else None


def _risk_offer(p: Outlook) -> Side | None:
    return _offered(p, p.own_need_units, p.protection_days, p.margin)


def _risk_want(p: Outlook, *, lead_time_days: int) -> Side | None:
    """Sales missed from the arrival of the transfer until the arrival of an order to the vendor."""
    end = p.protection_days
    if lead_time_days >= end:
        return None
    before = p.demand(lead_time_days)
    missed = shortfall_units(
        before_units=before,
        during_units=p.demand(end) - before,
        stock_units=max(p.free_units, 0.0) + p.arriving(0, lead_time_days),
        arriving_units=p.arriving(lead_time_days, end),
    )
    return _wanted(p, missed, p.margin)


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
    return _offered(p, p.order_up_to, p.protection_days, p.margin)


def _ahead_want(p: Outlook, *, lead_time_days: int) -> Side | None:
    first = max(p.protection_days, lead_time_days)
    if first >= AHEAD_DAYS:
        return None
    rate = (p.mean(AHEAD_DAYS) - p.mean(first)) / (AHEAD_DAYS - first)
    if rate < RISE * p.rate_units:
        return None
    return _wanted(p, _beyond_usual(p, first, AHEAD_DAYS), p.margin)


def season_look(season: Season, *, today: date) -> Look:
    """The look at days that somebody named; `InputRejected` where they are over, or too far."""
    first, last = (season.first - today).days, (season.last - today).days + 1
    if last <= 0 or last > CLEARANCE_DAYS:
        raise InputRejected(
            f"{season.first} to {season.last} must end within {CLEARANCE_DAYS} days from now",
            field="season",
        )

    def want(p: Outlook, *, lead_time_days: int) -> Side | None:
        begins = max(first, lead_time_days, 0)
        return None if begins >= last else _wanted(p, _beyond_usual(p, begins, last), p.margin)

    return Look("season", "sales saved", "sales missed at the origin", _ahead_offer, want)


def _too_much(p: Outlook) -> float:
    return p.order_up_to + OVER_COVER_DAYS * p.rate_units


def _clearing_days(p: Outlook) -> float:
    return min(CLEARANCE_DAYS, p.shelf_life_days)


def _clearance_offer(p: Outlook) -> Side | None:
    """Units above what is too much, or that will not sell before they expire."""
    keep = min(_too_much(p), max(p.mean(_clearing_days(p)), p.own_need_units))
    return _offered(p, keep, _clearing_days(p), p.unit_cost)


def _clearance_want(p: Outlook, *, lead_time_days: int) -> Side | None:
    """Demand there that a purchase would have to serve, up to what is not too much there."""
    days = _clearing_days(p)
    if lead_time_days >= days:
        return None
    stock = max(p.free_units, 0.0) + p.arriving(0, days)
    before = p.demand(lead_time_days)
    missed = shortfall_units(
        before_units=before,
        during_units=p.demand(days) - before,
        stock_units=stock,
        arriving_units=0.0,
    )
    return _wanted(p, missed, p.unit_cost, most_units=max(0.0, p.order_up_to - stock))


_SAVED, _MISSED = "sales saved", "sales missed at the origin"

LOOKS = {
    "stock_out_risk": Look("stock_out_risk", _SAVED, _MISSED, _risk_offer, _risk_want),
    "pre_position": Look("pre_position", _SAVED, _MISSED, _ahead_offer, _ahead_want),
    "clearance": Look(
        "clearance", "purchases saved", "purchases needed at the origin", _clearance_offer,
        _clearance_want,
    ),
}  # fmt: skip
"""Looks by reason, in the order in which they are taken."""
