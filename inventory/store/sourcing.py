"""Sourcing orders from stock: proposals on what can be seen, reservations on what is held.

A proposal is worked out without locks. To reserve it, its positions are locked and everything is
judged again on fresh facts; where the proposal does not hold any more a new one is worked out. When
others were faster several times, all positions that could matter are locked before working it out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import psycopg
from psycopg.types.json import Jsonb

from inventory.errors import InputRejected, InsufficientStock, Shortage
from inventory.reservations import AskedLine, Basket, Reservation
from inventory.sourcing_answer import proposals_of
from inventory.sourcing_assignment import SECONDS_MAX, Assignment, Sourced
from inventory.sourcing_request import SourcingTerms, Wish
from inventory.store import reservations, sourcing_places
from inventory.store.facts import Facts, Place
from inventory.store.positions import decide_on
from inventory.store.retry import retrying
from inventory.store.sourcing_problem import Problem, asked_places, problem_of, read_problem

ROUNDS_WITHOUT_LOCKS = 3

Proposal = dict[str, object]


@dataclass(frozen=True, slots=True)
class Hold:
    """How a proposal is to be reserved."""

    reservation_id: str
    kind: str = "soft"
    ttl_seconds: int | None = None
    order_id: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one order, and the reservation that holds it."""

    proposal: Proposal
    reservation: Reservation | None = None

    def as_dict(self) -> dict[str, object]:
        if self.reservation is None:
            return self.proposal
        return self.proposal | {"reservation": self.reservation.as_dict()}


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request to reserve."""

    wishes: Sequence[Wish]
    terms: SourcingTerms
    holds: Sequence[Hold]
    now: datetime
    actor: str
    seconds_max: float


class _TooLate(Exception):
    """Somebody else took the day's last parcel of a location."""


def propose(
    db: psycopg.Connection,
    wishes: Sequence[Wish],
    terms: SourcingTerms,
    *,
    now: datetime,
    seconds_max: float = SECONDS_MAX,
) -> list[Proposal]:
    """The best way to send each order, all of them together, on what can be seen now.

    Nothing is held. Raises `InputRejected`, `UnknownSku`, and `NotFound` for a group.
    """
    problem = read_problem(db, wishes, terms, now=now)
    return _proposals(problem, problem.solve(seconds_max))


def reserve(
    db: psycopg.Connection,
    wishes: Sequence[Wish],
    terms: SourcingTerms,
    holds: Sequence[Hold],
    *,
    now: datetime,
    actor: str = "",
    seconds_max: float = SECONDS_MAX,
) -> list[Decision]:
    """Source orders and reserve what was found, in one transaction.

    An order that cannot be met has no reservation in the answer. Raises what `propose` raises, and
    `StateConflict` for an order id that is taken.
    """
    if not terms.channel:
        raise InputRejected("say through which channel it is sold", field="channel")

    asked = _Asked(wishes, terms, holds, now, actor, seconds_max)

    def attempt() -> list[Decision]:
        with db.transaction():
            for _ in range(ROUNDS_WITHOUT_LOCKS):
                decided = _try(db, asked)
                if decided is not None:
                    return decided
            return _settle(db, asked)

    return retrying(db, attempt)


def reserve_one(
    db: psycopg.Connection,
    wish: Wish,
    terms: SourcingTerms,
    hold: Hold,
    *,
    now: datetime,
    actor: str = "",
) -> Decision:
    """Source and reserve one order, or `InsufficientStock` with what there is of each line."""
    (decision,) = reserve(db, [wish], terms, [hold], now=now, actor=actor)
    if decision.reservation is None:
        raise InsufficientStock(_shortages(decision.proposal, terms, now=now))
    return decision


def _shortages(proposal: Proposal, terms: SourcingTerms, *, now: datetime) -> list[Shortage]:
    day = terms.on or now.date()
    missing = proposal["unfulfillable"]
    assert isinstance(missing, list)
    return [
        Shortage(line["sku"], terms.group, day, line["asked"], line["available"], in_group=True)
        for line in missing
    ]


def _try(db: psycopg.Connection, asked: _Asked) -> list[Decision] | None:
    """Propose without locks, then hold the positions of the proposal; None: it stands no more."""
    problem = read_problem(db, asked.wishes, asked.terms, now=asked.now)
    assignment = problem.solve(asked.seconds_max)
    places = _places(assignment)
    if not places:
        return [Decision(proposal) for proposal in _proposals(problem, assignment)]
    try:
        return _decide_on(db, places, asked, lambda _: _place_all(db, problem, assignment, asked))
    except (InsufficientStock, _TooLate):
        return None


def _settle(db: psycopg.Connection, asked: _Asked) -> list[Decision]:
    """Hold everything that could matter, then decide: nobody can come in between."""

    def decide(facts: Facts) -> list[Decision]:
        sourcing_places.hold_days(db, facts.groups[asked.terms.group])
        problem = problem_of(db, facts, asked.wishes, asked.terms, now=asked.now)
        return _place_all(db, problem, problem.solve(asked.seconds_max), asked)

    return _decide_on(db, asked_places(asked.wishes, asked.terms), asked, decide)


def _decide_on(
    db: psycopg.Connection,
    places: Sequence[Place],
    asked: _Asked,
    decide: Callable[[Facts], list[Decision]],
) -> list[Decision]:
    terms = asked.terms
    return decide_on(db, places, decide, channel=terms.channel, method=terms.method, now=asked.now)


def _place_all(
    db: psycopg.Connection, problem: Problem, assignment: Assignment, asked: _Asked
) -> list[Decision]:
    """Reserve what was found; the positions are held already, so that no two orders can cross."""
    _check_days(db, problem, assignment, now=asked.now)
    decisions = []
    proposals = _proposals(problem, assignment)
    for wish, hold, sourced, proposal in zip(
        problem.wishes, asked.holds, assignment.orders, proposals, strict=True
    ):
        basket = _basket(wish, hold, _asked_lines(sourced), asked.terms)
        if not basket.lines:
            decisions.append(Decision(proposal))
            continue
        reservation = reservations.place(
            db, basket, reservation_id=hold.reservation_id, now=asked.now, actor=asked.actor
        )
        reservation = _exclude(db, problem, wish, reservation)
        _note(db, wish, asked.terms, reservation, proposal, now=asked.now)
        decisions.append(Decision(proposal, reservation))
    return decisions


def _exclude(
    db: psycopg.Connection, problem: Problem, wish: Wish, reservation: Reservation
) -> Reservation:
    """What may not send it now may not either when a parcel is rejected and goes back."""
    lines = [
        replace(line, excluded=tuple(sorted({*wish.exclude, *problem.not_linked[line.sku]})))
        for line in reservation.lines
    ]
    for line in lines:
        if line.excluded:
            db.execute(
                "update reservation_lines set excluded_locations = %s "
                "where reservation_id = %s and line_no = %s",
                [list(line.excluded), reservation.id, line.line_no],
            )
    return replace(reservation, lines=tuple(lines))


def _basket(wish: Wish, hold: Hold, lines: tuple[AskedLine, ...], terms: SourcingTerms) -> Basket:
    return Basket(
        kind=hold.kind,
        channel=terms.channel,
        method=terms.method,
        lines=lines,
        group=terms.group,
        on=terms.on,
        ttl_seconds=hold.ttl_seconds,
        priority=wish.priority,
        order_id=hold.order_id,
    )


def _check_days(
    db: psycopg.Connection, problem: Problem, assignment: Assignment, *, now: datetime
) -> None:
    """Raise `_TooLate` unless the parcels still fit into the days of their locations."""
    more: dict[str, int] = {}
    for sourced in assignment.orders:
        for at in {line.location for line in _asked_lines(sourced) if line.location is not None}:
            more[at] = more.get(at, 0) + 1
    limited = {at: problem.days[at] for at in more if problem.places[at].daily_capacity is not None}
    if not limited:
        return
    sourcing_places.hold_days(db, limited)
    assigned = sourcing_places.parcels_assigned(db, limited, now=now)
    for at in limited:
        if assigned.get(at, 0) + more[at] > (problem.places[at].daily_capacity or 0):
            raise _TooLate


def _note(
    db: psycopg.Connection,
    wish: Wish,
    terms: SourcingTerms,
    reservation: Reservation,
    proposal: Proposal,
    *,
    now: datetime,
) -> None:
    """Keep why it was decided so, and where the order goes."""
    if wish.destination is None:
        return
    weights = terms.rules.weights
    rules = {
        "weights": [weights.time, weights.cost, weights.performance],
        "split_penalty": terms.rules.split_penalty,
        "splits_max": terms.splits_max,
    }
    db.execute(
        "insert into sourcing_decisions (reservation_id, strategy, latitude, longitude, rules, "
        "proposal, decided_at) values (%s, %s, %s, %s, %s, %s, %s)",
        [reservation.id, terms.rules.strategy, wish.destination.latitude,
         wish.destination.longitude, Jsonb(rules), Jsonb(proposal), now],
    )  # fmt: skip


def _asked_lines(sourced: Sourced) -> tuple[AskedLine, ...]:
    return tuple(
        AskedLine(line.sku, int(units), at.location, on_behalf=True)
        for row, line in enumerate(sourced.order.lines)
        for units, at in zip(sourced.taken[row], sourced.order.candidates, strict=True)
        if units
    )


def _places(assignment: Assignment) -> list[Place]:
    return [
        Place(line.sku, line.location)
        for sourced in assignment.orders
        for line in _asked_lines(sourced)
    ]


def _proposals(problem: Problem, assignment: Assignment) -> list[Proposal]:
    return proposals_of(assignment, problem.reasons)
