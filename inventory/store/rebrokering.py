"""Locating an order, or what was rejected of it, the way its sourcing strategy would.

Which locations get the parcels of a promise on a group is the strategy's choice: the one that the
message names, or the one that the order was sourced by before. Locations that rejected it are out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import psycopg

from inventory.geography import Point
from inventory.reservations import AskedLine, PromisedLine, Reservation
from inventory.sourcing import NEED_DISTANCE, SourcingRules, Weights
from inventory.sourcing_assignment import Assignment, assign
from inventory.sourcing_request import SourcingTerms, Wish
from inventory.store import sourcing_places
from inventory.store.facts import Facts
from inventory.store.general_promises import order_supplies
from inventory.store.sourcing_problem import order_of, see
from inventory.supply import GroupHold, SkuSupply

Choice = dict[int, list[tuple[str, int]]]
"""By line number: locations, and units from each."""


@dataclass(frozen=True, slots=True)
class _Decided:
    """How an order was sourced before."""

    rules: SourcingRules
    destination: Point | None
    splits_max: int | None = None


def choose(
    db: psycopg.Connection,
    facts: Facts,
    order: Reservation,
    waiting: Sequence[PromisedLine],
    *,
    strategy: str | None,
    now: datetime,
) -> Choice | None:
    """Where each waiting line should come from; None where there is no strategy, or no such way.

    Runs while all positions of the groups are held. Promises on groups stay feasible.
    """
    decided = _decided(db, order.id, strategy)
    groups = {line.group for line in waiting}
    if decided is None or len(groups) != 1 or any(line.bundle for line in waiting):
        return None
    if decided.destination is None and NEED_DISTANCE & set(decided.rules.emphasis):
        return None
    terms = SourcingTerms(
        decided.rules,
        channel=order.channel,
        method=order.method,
        group=str(groups.pop()),
        splits_max=decided.splits_max,
    )
    supplies = _supplies(facts, order, waiting, now=now)
    stock, days = _stock(supplies, waiting, terms)
    if not days:
        return None
    sourcing_places.hold_days(db, days)
    seen = see(db, facts, terms, stock, days, now=now, without=order.id)
    wish = Wish(
        order.id,
        tuple(AskedLine(line.sku, line.open_units) for line in waiting),
        decided.destination,
        exclude=frozenset(at for line in waiting for at in line.excluded),
    )
    sourced, _ = order_of(wish, seen)
    assignment = assign([sourced], stock, terms.rules)
    return _choice(assignment, waiting) if _stands(assignment, supplies, days) else None


def _decided(db: psycopg.Connection, order_id: str, strategy: str | None) -> _Decided | None:
    row = db.execute(
        "select strategy, latitude, longitude, rules from sourcing_decisions "
        "where reservation_id = %s",
        [order_id],
    ).fetchone()
    if row is None:
        return None if strategy is None else _Decided(SourcingRules(strategy), None)
    before, latitude, longitude, rules = row
    weights = Weights(*rules["weights"])
    chosen = SourcingRules(strategy or before, weights, rules["split_penalty"])
    return _Decided(chosen, Point(latitude, longitude), rules["splits_max"])


def _supplies(
    facts: Facts, order: Reservation, waiting: Sequence[PromisedLine], *, now: datetime
) -> dict[str, SkuSupply]:
    """What there is beside all other promises: those of the lines themselves are taken back."""
    supplies = order_supplies(facts, order, now=now)
    for line in waiting:
        assert line.group is not None
        supplies[line.sku].withdraw(
            GroupHold(
                line.group,
                line.promised_date,
                line.open_units,
                order.method,
                frozenset(line.excluded),
            )
        )
    return supplies


def _stock(
    supplies: dict[str, SkuSupply], waiting: Sequence[PromisedLine], terms: SourcingTerms
) -> tuple[dict[tuple[str, str], int], dict[str, date]]:
    stock: dict[tuple[str, str], int] = {}
    days: dict[str, date] = {}
    for line in waiting:
        supply = supplies[line.sku]
        for at in supply.members(terms.group, terms.method, line.excluded):
            taking = supply.at_location(at, named=False)
            day = max(supply.projection.index(line.promised_date), taking.day_zero)
            units = taking.atp[day]
            stock[line.sku, at] = min(units, stock.get((line.sku, at), units))
            days[at] = max(supply.projection.date(day), days.get(at, date.min))
    return stock, days


def _stands(assignment: Assignment, supplies: dict[str, SkuSupply], days: dict[str, date]) -> bool:
    """Whether everything is sent, and the places can give it together."""
    (sourced,) = assignment.orders
    if sourced.unmet_units:
        return False
    for row, line in enumerate(sourced.order.lines):
        supply = supplies[line.sku]
        for units, at in zip(sourced.taken[row], sourced.order.candidates, strict=True):
            day = supply.projection.index(days[at.location])
            if units > supply.at_location(at.location, named=False).atp[day]:
                return False
            supply.commit_at(at.location, day, int(units))
    return True


def _choice(assignment: Assignment, waiting: Sequence[PromisedLine]) -> Choice:
    (sourced,) = assignment.orders
    return {
        line.line_no: [
            (at.location, int(units))
            for units, at in zip(sourced.taken[row], sourced.order.candidates, strict=True)
            if units
        ]
        for row, line in enumerate(waiting)
    }
