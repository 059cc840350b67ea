"""How likely promises are to be kept, from what PostgreSQL knows: read beside an answer.

Where competing demand is unknown there is no figure: a store whose walk-in sales nobody forecasts,
or a view whose buffer rule wants a forecast that is not there. Elsewhere than in stores nothing
competes unless a forecast rule says so: whoever wants a unit there gets it by a promise.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg

from inventory.availability import Availability, lowest_from_each_day
from inventory.base_stock import starting_on
from inventory.buffer_rules import BufferRule, most_specific_first, winning_rule
from inventory.calendar import zone
from inventory.demand import DemandForecast
from inventory.fulfilment import (
    NOBODY_COMPETES,
    Lot,
    Shelf,
    WindowDemand,
    chance_in_time,
    group_chance,
    window_demand,
)
from inventory.projection import PositionFacts, member_method, serves
from inventory.promise_buffer import Exposure, exposure_of
from inventory.reservations import Reservation
from inventory.store.effective_forecasts import read_effective
from inventory.store.facts import Facts, Place, read
from inventory.store.shortages import unbuffered_supply

SEED = 0
SECONDS_PER_DAY = 86_400
STORE = "store"


@dataclass(frozen=True, slots=True)
class Pick:
    """So many of a SKU or bundle, to be picked at a place on a day."""

    sku: str
    quantity: int
    day: date
    location: str | None
    group: str | None
    channel: str | None
    method: str | None
    line: tuple[str, int] | None = None
    """The line of a reservation that was promised this already: its id and number."""


def chances(db: psycopg.Connection, picks: Sequence[Pick], *, now: datetime) -> list[float | None]:
    """For each pick, the chance that it can be made, in [0, 1]; None where nothing can be said."""
    if not picks:
        return []
    known = _Known(db, picks, now=now)
    return [known.chance(pick) for pick in picks]


def add_chances(
    db: psycopg.Connection,
    asked: Sequence[tuple[Availability, date | None]],
    *,
    now: datetime,
) -> None:
    """Say in each answer about a quantity how likely it is to be had on the day it is offered for.

    `asked`: answers with the day that was asked about. The day offered is the earliest for the
    quantity; where there is none, the chance is that of the day asked about, day 0 by default.
    """
    answers = [(answer, on) for answer, on in asked if answer.quantity is not None]
    picks = [
        Pick(
            answer.sku,
            answer.quantity or 0,
            answer.earliest_date or on or answer.first_day,
            answer.location,
            answer.group,
            answer.channel,
            answer.method,
        )
        for answer, on in answers
    ]
    for (answer, _), chance in zip(answers, chances(db, picks, now=now), strict=True):
        answer.fulfilment_probability = chance


def with_chances(db: psycopg.Connection, promise: Reservation, *, now: datetime) -> Reservation:
    """A promise that says of each open line how likely it is to be kept."""
    waiting = [line for line in promise.lines if line.open_units]
    picks = [
        Pick(
            line.sku,
            line.open_units,
            line.promised_date,
            line.location,
            line.group if line.location is None else None,
            promise.channel,
            promise.method,
            line=(promise.id, line.line_no),
        )
        for line in waiting
    ]
    found = dict(zip((line.line_no for line in waiting), chances(db, picks, now=now), strict=True))
    lines = tuple(
        replace(line, fulfilment_probability=found.get(line.line_no)) for line in promise.lines
    )
    return replace(promise, lines=lines)


class _Known:
    """Everything that chances rest on, read for all picks together."""

    def __init__(self, db: psycopg.Connection, picks: Sequence[Pick], *, now: datetime) -> None:
        self.now = now
        self.facts = read(
            db,
            [Place(pick.sku, pick.location, pick.group) for pick in picks],
            channels={pick.channel for pick in picks},
            methods={pick.method for pick in picks},
            now=now,
        )
        self.rules = most_specific_first(self.facts.rules)
        self.exposures = _exposures(db, self.facts.rules)
        self.forecasts = _forecasts(db, self.facts, now=now)
        self.lateness = _lateness(db, self.facts)
        self.ahead = _ahead(db, [pick.line for pick in picks if pick.line is not None], now=now)

    def chance(self, pick: Pick) -> float | None:
        """Of a bundle: all its components, taken as independent."""
        chance = 1.0
        for sku, units in self.facts.components(pick.sku).items():
            of_part = (
                self._at_location(pick, sku, pick.quantity * units)
                if pick.location is not None
                else self._on_group(pick, sku, pick.quantity * units)
            )
            if of_part is None:
                return None
            chance *= of_part
        return round(chance, 4)

    def _at_location(self, pick: Pick, sku: str, quantity: int) -> float | None:
        position = self.facts.position(sku, pick.location or "")
        if position is None:
            return None
        if pick.line is not None:
            promised = self.ahead[pick.line]
        else:
            promised = self._due_units(position, pick)
            promised += self._kept_for_groups(sku, position, pick)
        shelf = self._shelf(position, pick, method=pick.method, promised_units=promised)
        return None if shelf is None else shelf.chance(quantity)

    def _on_group(self, pick: Pick, sku: str, quantity: int) -> float | None:
        """Over the members that may fulfil; None unless something is known of all with stock."""
        shelves = []
        for location in self.facts.groups.get(pick.group or "", ()):
            position = self.facts.position(sku, location)
            if position is None:
                continue
            method = member_method(pick.method, position.location_type)
            if not serves(position, method):
                continue
            promised = self._due_units(position, pick)
            shelf = self._shelf(position, pick, method=method, promised_units=promised)
            if shelf is None:
                return None
            shelves.append(shelf)
        own = quantity if pick.line is not None else 0
        held = sum(
            hold.units for hold in self.facts.holds.get(sku, ()) if hold.promised_date <= pick.day
        )
        return group_chance(shelves, held_units=max(0, held - own), quantity=quantity, seed=SEED)

    def _day(self, position: PositionFacts, pick: Pick) -> date:
        """When the pick is made: what is overdue is picked when the next thing can leave."""
        calendar = position.calendar
        return max(pick.day, calendar.day_of(self.now) + timedelta(days=calendar.handling_days))

    def _due_units(self, position: PositionFacts, pick: Pick) -> int:
        day = self._day(position, pick)
        return sum(c.units for c in position.commitments if c.promised_date <= day)

    def _due_in_window(self, position: PositionFacts, exposure: Exposure, pick: Pick) -> float:
        """Open commitments in the exposure window: demand of the forecast that is known already."""
        first = self._day(position, pick)
        ends = first + timedelta(days=math.ceil(exposure.exposure_days))
        today = position.calendar.day_of(self.now)
        due = sum(
            c.units for c in position.commitments if first <= max(c.promised_date, today) < ends
        )
        own = pick.quantity if pick.line is not None else 0
        return max(0, due - own) * exposure.competing_share

    def _kept_for_groups(self, sku: str, position: PositionFacts, pick: Pick) -> int:
        """Units there that promises on groups around it cannot do without."""
        if sku not in self.facts.holds:
            return 0
        supply = unbuffered_supply(self.facts, sku, now=self.now)
        row = supply.rows[position.location]
        on = supply.projection.index(self._day(position, pick))
        day = min(on, supply.projection.days - 1)
        free = lowest_from_each_day(supply.projection.projected[row][None, :])[0, day]
        return max(0, int(free) - int(supply.at_location(position.location).raw[day]))

    def _shelf(
        self, position: PositionFacts, pick: Pick, *, method: str | None, promised_units: int
    ) -> Shelf | None:
        exposure = self._exposure(position, method=method, channel=pick.channel)
        day = self._day(position, pick)
        demand, known_units, record_units = NOBODY_COMPETES, 0.0, 0.0
        if exposure is not None:
            forecast = self.forecasts.get((position.sku, position.location))
            if forecast is None or forecast.period_days != 1:
                return None
            demand = self._demand(position, forecast, exposure, day)
            known_units = self._due_in_window(position, exposure, pick)
            record_units = exposure.record_error_units
        on_hand = position.on_hand_units.get("available", 0)
        free = on_hand - promised_units + known_units - record_units
        return Shelf(free, demand, self._lots(position, day))

    def _exposure(
        self, position: PositionFacts, *, method: str | None, channel: str | None
    ) -> Exposure | None:
        rule = winning_rule(self.rules, position.view(method=method, channel=channel))
        if rule is not None and rule.from_forecast:
            return self.exposures[rule.rule_id]
        return Exposure() if position.location_type == STORE else None

    def _demand(
        self, position: PositionFacts, forecast: DemandForecast, exposure: Exposure, day: date
    ) -> WindowDemand:
        today = position.calendar.day_of(self.now)
        local = self.now.astimezone(zone(position.calendar.timezone))
        begun = forecast.first_day <= today == local.date()
        elapsed = (local.hour * 3600 + local.minute * 60 + local.second) / SECONDS_PER_DAY
        chosen = starting_on(forecast, today)
        return window_demand(
            chosen,
            exposure,
            start=max(0, (day - chosen.first_day).days),
            elapsed_share=elapsed if begun else 0.0,
            seed=SEED,
        )

    def _lots(self, position: PositionFacts, day: date) -> tuple[Lot, ...]:
        """Supply that is dated so that the pick may rest on it; of one moment, one delivery."""
        calendar = position.calendar
        together: dict[tuple[datetime, float], int] = defaultdict(int)
        for inbound in position.inbound:
            pickable_on = calendar.pickable_on(inbound.expected_at, now=self.now)
            if pickable_on is not None and pickable_on <= day:
                sd_days = self.lateness.get(inbound.inbound_id, 0.0)
                together[inbound.expected_at, sd_days] += inbound.units
        return tuple(
            Lot(
                units,
                chance_in_time(
                    expected_at,
                    calendar=calendar,
                    pick_day_index=(day - calendar.day_of(self.now)).days,
                    now=self.now,
                    sd_days=sd_days,
                ),
            )
            for (expected_at, sd_days), units in sorted(together.items())
        )


def _exposures(db: psycopg.Connection, rules: Collection[BufferRule]) -> dict[str, Exposure]:
    ids = [rule.rule_id for rule in rules if rule.from_forecast]
    if not ids:
        return {}
    found: list[tuple[str, Mapping[str, Any]]] = db.execute(
        "select rule_id, forecast from buffer_rules where rule_id = any (%s)", [ids]
    ).fetchall()
    return {rule_id: exposure_of(given) for rule_id, given in found}


def _forecasts(
    db: psycopg.Connection, facts: Facts, *, now: datetime
) -> dict[tuple[str, str], DemandForecast]:
    """The forecast in force of each position that was read, if it has one."""
    positions = {(sku, at) for sku, known in facts.by_sku.items() for at in known}
    runs = read_effective(
        db,
        now=now,
        skus=sorted({sku for sku, _ in positions}),
        locations=sorted({location for _, location in positions}),
    )
    return {
        key: run.select(np.array([row]))
        for run in runs
        for row, key in enumerate(zip(run.skus, run.locations, strict=True))
        if key in positions
    }


def _lateness(db: psycopg.Connection, facts: Facts) -> dict[str, float]:
    """By inbound id: by how many days (standard deviation) its vendor misses the day."""
    ids = [
        inbound.inbound_id
        for known in facts.by_sku.values()
        for position in known.values()
        for inbound in position.inbound
    ]
    if not ids:
        return {}
    found: list[tuple[str, float]] = db.execute(_LATENESS, [ids]).fetchall()
    return dict(found)


_LATENESS = """
    select i.inbound_id, v.lead_time_sd_days
    from inbound i join skus s on s.sku = i.sku
    left join purchase_orders p on p.purchase_order_id = i.purchase_order_id
    join vendors v on v.vendor = coalesce(p.vendor, s.vendor)
    where i.inbound_id = any (%s) and i.source = 'purchase_order'
"""


def _ahead(
    db: psycopg.Connection, lines: Sequence[tuple[str, int]], *, now: datetime
) -> dict[tuple[str, int], int]:
    """For lines at a location: units there that are served before them."""
    if not lines:
        return {}
    ids, numbers = zip(*lines, strict=True)
    values = {"ids": list(ids), "numbers": list(numbers), "now": now}
    found = db.execute(_AHEAD, values)
    return {(reservation_id, line_no): units for reservation_id, line_no, units in found}


_AHEAD = """
    select l.reservation_id, l.line_no, coalesce((
        select sum(o.open_units) from reservation_lines o
        join reservations q on q.reservation_id = o.reservation_id
        where o.sku = l.sku and o.location = l.location and o.open_units > 0
            and (o.expires_at is null or o.expires_at > %(now)s)
            and (o.promised_date, o.class = 'peg', -q.priority, q.sequence, o.line_no)
                < (l.promised_date, l.class = 'peg', -r.priority, r.sequence, l.line_no)
    ), 0)::bigint
    from unnest(%(ids)s::text[], %(numbers)s::int[]) as k (reservation_id, line_no)
    join reservation_lines l on l.reservation_id = k.reservation_id and l.line_no = k.line_no
    join reservations r on r.reservation_id = l.reservation_id
"""
