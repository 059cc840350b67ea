"""Positions side by side over the same days: from stock facts to what each view may take.

All positions of one question share a date axis, so that group answers can add them up. A position
whose day 0 is later than the first day (another time zone, or past its cut-off) gives nothing on
the days before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np

from inventory.availability import Units, lowest_from_each_day, projected_units, raw_units
from inventory.buffer_rules import (
    BufferRule,
    DatedUnits,
    View,
    buffer_units,
)
from inventory.calendar import UTC_DAYS, Calendar
from inventory.pre_sales import Axis, PreSaleFacts, claimed_units, waiting_units
from inventory.transfers import TRANSFER

SOFT, HARD, PEG = "soft", "hard", "peg"
"""The class of a unit of demand: a cart, an order, a pre-order waiting for dated supply."""


@dataclass(frozen=True, slots=True)
class Commitment:
    """Open units of one class promised for one day."""

    promised_date: date
    commitment_class: str
    units: int


@dataclass(frozen=True, slots=True)
class Inbound:
    """Dated supply that is still to come, in a state that counts."""

    inbound_id: str
    expected_at: datetime
    state: str
    units: int


@dataclass(slots=True)
class PositionFacts:
    """All that availability needs to know of one (SKU, location), as of one moment."""

    sku: str
    location: str
    category: str = ""
    location_type: str = "warehouse"
    methods: Sequence[str] = ()
    calendar: Calendar = UTC_DAYS
    on_hand_units: Mapping[str, int] = field(default_factory=dict)
    """By status; only `available` may be promised."""
    commitments: Sequence[Commitment] = ()
    inbound: Sequence[Inbound] = ()
    computed_buffers: Mapping[str, DatedUnits] = field(default_factory=dict)
    """By rule id, for the rules that follow the forecast."""
    forecast: DatedUnits | None = None
    pre_sales: Sequence[PreSaleFacts] = ()
    """What is sold ahead there; what still waits of it is among the commitments."""

    def view(self, *, method: str | None, channel: str | None) -> View:
        return View(self.sku, self.category, self.location, self.location_type, method, channel)


def member_method(method: str | None, location_type: str) -> str | None:
    """How a member of a group fulfils what was asked of the group.

    A parcel that leaves from a store is shipped from store, whatever the customer was told.
    """
    if method in ("ship", "sfs"):
        return "sfs" if location_type == "store" else "ship"
    return method


def serves(facts: PositionFacts, method: str | None) -> bool:
    """Whether a location may fulfil that way on behalf of a group; without a list it may all.

    What moves between our own locations needs no customer's method.
    """
    return not facts.methods or method in (None, TRANSFER) or method in facts.methods


def offers(facts: PositionFacts, method: str | None) -> bool:
    """Whether a location that was asked for by name may fulfil that way.

    A parcel is a parcel: a store that ships from store may be asked to ship.
    """
    return serves(facts, method) or serves(facts, member_method(method, facts.location_type))


class Projection:
    """P, B and raw of N positions over D days, each position under one view.

    `day_zero` has one index per position: its own day 0 on the common axis. `opens`: the first day
    on which something can leave from there, later than day 0 by the days of handling.
    """

    def __init__(
        self,
        positions: Sequence[PositionFacts],
        *,
        rules: Sequence[BufferRule | None],
        first_day: date,
        days: int,
        now: datetime,
    ) -> None:
        N = len(positions)
        self.positions = list(positions)
        self.rules = list(rules)
        self.first_day = first_day
        self.days = days
        self.now = now
        self.day_zero = [self.index(p.calendar.day_of(now)) for p in positions]
        self.opens = [
            day + p.calendar.handling_days for day, p in zip(self.day_zero, positions, strict=True)
        ]
        self.supply = np.zeros((N, days), np.int64)
        self.committed = np.zeros((N, days), np.int64)
        self.buffer = np.zeros((N, days), np.int64)
        self.on_hand = np.array([p.on_hand_units.get("available", 0) for p in positions], np.int64)
        self.claimed: dict[int, Units] = {}
        """By row: what pre-sales take of announced supply up to each day, shape (D,)."""
        self.reserved: dict[int, Units] = {}
        """By row: what is set aside for other channels than that of the view, shape (D,)."""
        self.reserved_for: dict[int, str] = {}
        """By row: in words, for whom."""
        for row in range(N):
            self._fill(row)
        self.recompute()
        self._claim_for_pre_sales()

    def index(self, day: date) -> int:
        """Where a date lies on the axis; negative before it."""
        return (day - self.first_day).days

    def date(self, index: int) -> date:
        return self.first_day + timedelta(days=index)

    def _fill(self, row: int) -> None:
        position, rule = self.positions[row], self.rules[row]
        for commitment in position.commitments:
            self.commit(row, self.index(commitment.promised_date), commitment.units)
        for inbound in position.inbound:
            pickable_on = position.calendar.pickable_on(inbound.expected_at, now=self.now)
            if pickable_on is not None and self.index(pickable_on) < self.days:
                self.supply[row, max(self.index(pickable_on), 0)] += inbound.units
        if rule is not None:
            self.buffer[row] = buffer_units(
                rule,
                first_day=self.first_day,
                days=self.days,
                computed=position.computed_buffers.get(rule.rule_id),
                forecast=position.forecast,
            )

    def axis(self, row: int) -> Axis:
        """The days as pre-sales at a position count them."""
        return Axis(self.first_day, self.days, self.day_zero[row], self.opens[row])

    def _claim_for_pre_sales(self) -> None:
        """Let what is sold ahead wait for announced supply, rather than take what is there."""
        for row, position in enumerate(self.positions):
            if not position.pre_sales:
                continue
            axis = self.axis(row)
            self.committed[row] -= waiting_units(position.pre_sales, axis)
            self.recompute()
            self.claimed[row] = claimed_units(
                position.pre_sales,
                axis,
                supply_units=np.cumsum(self.supply[row]),
                free_units=lowest_from_each_day(self.projected[row][None, :])[0],
            )
            self.recompute()

    def base_units(self, row: int) -> Units:
        """What shares of a position are taken of, shape (D,): its stock before commitments."""
        base: Units = self.on_hand[row] + np.cumsum(self.supply[row])
        return base - self.claimed[row] if row in self.claimed else base

    def set_aside(self, row: int, reserved_units: Units, *, source: str) -> None:
        """Keep units from the view of a row, from day 0 on: whoever they are for may come today."""
        self.reserved[row] = reserved_units
        self.reserved_for[row] = source
        self._recompute_raw(row)

    def balance(self, row: int) -> Units:
        """P less what is set aside for others, shape (D,)."""
        projected: Units = self.projected[row]
        return projected - self.reserved[row] if row in self.reserved else projected

    def _recompute_raw(self, row: int) -> None:
        rule = self.rules[row]
        lookahead = [None if rule is None else rule.lookahead_days]
        one = slice(row, row + 1)
        self.raw[one] = raw_units(self.balance(row)[None, :], self.buffer[one], lookahead)

    def commit(self, row: int, day: int, units: int) -> None:
        """Count a commitment; call `recompute` when done.

        An overdue one sits in day 0, and one that is being handled on the day handling ends.
        """
        day = max(day, self.opens[row])
        if day < self.days:
            self.committed[row, day] += units

    def take(self, row: int, day: int, units: int) -> None:
        """Count one commitment more, and what it leaves of that position."""
        self.commit(row, day, units)
        self.projected[row, max(day, self.opens[row]) :] -= units
        self._recompute_raw(row)

    def recompute(self) -> None:
        """Work out P and raw again after commitments were added."""
        self.projected = projected_units(
            on_hand_units=self.on_hand, supply_units=self.supply, committed_units=self.committed
        )
        for row, units in self.claimed.items():
            self.projected[row] -= units
        lookahead = [None if rule is None else rule.lookahead_days for rule in self.rules]
        self.raw = raw_units(self.projected, self.buffer, lookahead)
        for row in self.reserved:
            self._recompute_raw(row)

    def takeable(self, rows: Sequence[int]) -> Units:
        """What raw is of some positions, but nothing before the day they open, shape (rows, D)."""
        raw = self.raw[rows]
        opens = [self.opens[row] for row in rows]
        if any(opens):
            closed = np.arange(self.days) < np.array(opens)[:, None]
            raw[closed] = np.minimum(raw[closed], 0)
        return raw

    @property
    def short_units(self) -> Units:
        """Units promised that no supply covers, shape (N,): zero while all promises hold."""
        short: Units = np.maximum(-lowest_from_each_day(self.projected)[:, 0], 0)
        return short
