"""The problem behind a sourcing request: orders, candidates and stock as they stand.

Stock is what each location can give in its own view, safe for everything that was promised before.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg

from inventory import asking
from inventory.asking import HORIZON_DAYS
from inventory.errors import InputRejected
from inventory.geography import great_circle_km, transit_days
from inventory.promising import day_asked
from inventory.sourcing import NEED_DISTANCE, Candidate, Limit, SourcingLine, SourcingOrder
from inventory.sourcing_assignment import Assignment, assign
from inventory.sourcing_request import LOCATIONS_MAX, PAIRS_MAX, SourcingTerms, Wish, check
from inventory.store import sourcing_places
from inventory.store.facts import Facts, Place, read
from inventory.store.fulfilment_tallies import Reliability
from inventory.store.sourcing_limits import JointLimits, supplies_for
from inventory.store.sourcing_places import SourcingPlace
from inventory.supply import SkuSupply


@dataclass(frozen=True, slots=True)
class Problem:
    """Orders with their candidates over the stock that was read."""

    wishes: Sequence[Wish]
    terms: SourcingTerms
    orders: Sequence[SourcingOrder]
    reasons: Sequence[Mapping[str, str]]
    stock: Mapping[tuple[str, str], int]
    places: Mapping[str, SourcingPlace]
    days: Mapping[str, date]
    not_linked: Mapping[str, Sequence[str]]
    """By SKU: members of the group that the channel does not sell it from."""
    find_limits: Callable[[Mapping[tuple[str, str], int]], Sequence[Limit]]

    def solve(self, seconds_max: float) -> Assignment:
        return assign(
            self.orders,
            self.stock,
            self.terms.rules,
            find_limits=self.find_limits,
            seconds_max=seconds_max,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of all locations at one moment."""

    facts: Facts
    terms: SourcingTerms
    stock: Mapping[tuple[str, str], int]
    days: Mapping[str, date]
    """The day on which a parcel would leave, of the locations that may send one."""
    places: Mapping[str, SourcingPlace]
    parcels: Mapping[str, int]
    """Assigned for that day, where the day is limited."""
    trust: Mapping[str, Reliability]


def read_problem(
    db: psycopg.Connection, wishes: Sequence[Wish], terms: SourcingTerms, *, now: datetime
) -> Problem:
    """The problem on what can be seen now. Raises `InputRejected`, `UnknownSku`, `NotFound`."""
    check(tuple(wishes), terms)
    asking.check_horizon(HORIZON_DAYS, terms.on, now=now)
    _check_size(db, wishes, terms)
    asked = asked_places(wishes, terms)
    facts = read(db, asked, channels=[terms.channel], methods=[terms.method], now=now)
    for place in asked:
        facts.check(place)
    return problem_of(db, facts, wishes, terms, now=now)


def asked_places(wishes: Sequence[Wish], terms: SourcingTerms) -> list[Place]:
    """Every SKU that is asked for, at every member of the group."""
    skus = dict.fromkeys(line.sku for wish in wishes for line in wish.lines)
    return [Place(sku, None, terms.group) for sku in skus]


def _check_size(db: psycopg.Connection, wishes: Sequence[Wish], terms: SourcingTerms) -> None:
    row = db.execute(
        "select count(*) from group_members where group_id = %s", [terms.group]
    ).fetchone()
    members = 0 if row is None else int(row[0])
    if members > LOCATIONS_MAX or members * len(wishes) > PAIRS_MAX:
        raise InputRejected(
            f"group '{terms.group}' has {members} locations, too many for {len(wishes)} orders; "
            f"name a group of at most {min(LOCATIONS_MAX, PAIRS_MAX // len(wishes))}",
            field="group",
        )


def problem_of(
    db: psycopg.Connection,
    facts: Facts,
    wishes: Sequence[Wish],
    terms: SourcingTerms,
    *,
    now: datetime,
) -> Problem:
    """Candidates and stock from facts; `facts` may be of positions that are held."""
    supplies = supplies_for(facts, terms, now=now)
    stock, days = _stock(supplies, sorted(facts.groups[terms.group]), terms)
    seen = see(db, facts, terms, stock, days, now=now)
    made = [order_of(wish, seen) for wish in wishes]
    limits = JointLimits(facts, terms, days, now=now)
    orders, reasons = [order for order, _ in made], [reason for _, reason in made]
    apart = {sku: supply.not_linked(terms.group) for sku, supply in supplies.items()}
    return Problem(wishes, terms, orders, reasons, stock, seen.places, days, apart, limits)


def see(
    db: psycopg.Connection,
    facts: Facts,
    terms: SourcingTerms,
    stock: Mapping[tuple[str, str], int],
    days: Mapping[str, date],
    *,
    now: datetime,
    without: str | None = None,
) -> Seen:
    """What is known of the members of the group; parcels of reservation `without` do not count."""
    members = sorted(facts.groups[terms.group])
    places = sourcing_places.read(db, members)
    limited = {at: day for at, day in days.items() if places[at].daily_capacity is not None}
    return Seen(
        facts,
        terms,
        stock,
        days,
        places,
        sourcing_places.parcels_assigned(db, limited, now=now, without=without),
        sourcing_places.reliability(db, members, now=now),
    )


def _stock(
    supplies: Mapping[str, SkuSupply], members: Collection[str], terms: SourcingTerms
) -> tuple[dict[tuple[str, str], int], dict[str, date]]:
    """What each member that may fulfil this way can give on its day, and that day."""
    stock: dict[tuple[str, str], int] = {}
    days: dict[str, date] = {}
    for sku, supply in supplies.items():
        able = (
            set(supply.members(terms.group, terms.method))
            if terms.group in supply.groups
            else set()
        )
        for at in set(able).intersection(members):
            taking = supply.at_location(at, named=False)
            day = taking.day_zero
            if terms.on is not None:
                day = day_asked(supply.projection, terms.on, day_zero=day)
            stock[sku, at] = taking.atp[day]
            days[at] = supply.projection.date(day)
    return stock, days


def order_of(wish: Wish, seen: Seen) -> tuple[SourcingOrder, dict[str, str]]:
    """The order with its candidates, and why other locations are none."""
    terms = seen.terms
    lines = tuple(
        SourcingLine(line.sku, line.quantity, seen.facts.bundles.get(line.sku) or {})
        for line in wish.lines
    )
    skus = {sku for line in lines for sku in line.components}
    on_map = bool(NEED_DISTANCE & set(terms.rules.emphasis))
    candidates, reasons = [], dict[str, str]()
    for location, place in sorted(seen.places.items()):
        if location in wish.exclude:
            reasons[location] = "it is excluded for this order"
        elif location not in seen.days:
            reasons[location] = f"it does not fulfil by '{terms.method}' for this channel"
        elif on_map and place.point is None:
            reasons[location] = "its latitude and longitude are not known"
        elif not any(seen.stock.get((sku, location), 0) > 0 for sku in skus):
            reasons[location] = "it has nothing of this order to give"
        else:
            candidates.append(_candidate(place, wish, seen))
    order = SourcingOrder(
        wish.id,
        lines,
        tuple(candidates),
        priority=wish.priority,
        allow_partial=terms.allow_partial,
        parcels_max=terms.parcels_max,
    )
    return order, reasons


def _candidate(place: SourcingPlace, wish: Wish, seen: Seen) -> Candidate:
    day = seen.days[place.location]
    distance_km, days = None, (day - min(seen.days.values())).days
    if place.point is not None and wish.destination is not None:
        distance_km = great_circle_km(place.point, wish.destination)
        days += transit_days(distance_km, km_per_day=place.km_per_day)
    return Candidate(
        place.location,
        day,
        days=days,
        distance_km=distance_km,
        cost_per_parcel=place.cost_per_parcel,
        cost_per_unit=place.cost_per_unit,
        cost_per_km=place.cost_per_km,
        performance=seen.trust[place.location].share,
        assigned_parcels=seen.parcels.get(place.location, 0),
        capacity_parcels=place.daily_capacity,
    )
