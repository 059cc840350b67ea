"""The shop on paper: lists of what was said and promised, and nothing else.

Every command has a method that carries it out or raises `Refused`. A balance is worked out from all
that was ever said of the account; what may be promised from `tests.simulator.promisable`.
"""

from dataclasses import replace

from tests.simulator import shares
from tests.simulator.promisable import DAYS, Hold, Position, connected, lacking, takeable
from tests.simulator.shelves import SELLABLE, TERMS, Line, Promise, Stock


class Model(Stock):
    """Stock, and what was promised from it."""

    def __init__(self, shop):
        super().__init__(shop)
        self.promises = {}
        self.answered = {}
        self.rows_seen = {}
        self.waiting = {}
        self.fills = {}
        """Lines that were given goods by the last command, and where they stood in line."""
        self.were_there = set()
        """Accounts that ever held units when a command was done."""

    def note_what_is_there(self):
        self.were_there |= {key for key in self.said if self.units(key) > 0}

    def copy(self):
        """A second world that goes on by itself."""
        other = Model(self.shop)
        other.said = {key: list(said) for key, said in self.said.items()}
        other.arrivals = self.arrivals
        other.inbound = {key: dict(item) for key, item in self.inbound.items()}
        other.buffers = dict(self.buffers)
        other.full_rows = dict(self.full_rows)
        other.full_told = dict(self.full_told)
        other.promises = {
            key: Promise(**{**vars(p), "lines": [Line(**vars(line)) for line in p.lines],
                            "left": dict(p.left)})
            for key, p in self.promises.items()
        }  # fmt: skip
        other.known, other.links, other.offer = set(self.known), dict(self.links), self.offer
        other.answered = dict(self.answered)
        other.rows_seen = dict(self.rows_seen)
        other.waiting = dict(self.waiting)
        other.were_there = set(self.were_there)
        return other

    def fingerprint(self):
        """Equal for worlds that no later answer can tell apart."""
        said = {
            key: sorted(
                (s.count, s.units, s.at, s.rank, s.of_order, s.of_order and s.arrived)
                for s in facts
            )
            for key, facts in self.said.items()
        }
        promises = {key: {**vars(p)} for key, p in self.promises.items()}
        parts = (said, promises, self.inbound, self.buffers, self.full_rows, self.full_told,
                 self.answered, self.rows_seen, self.waiting, self.links)  # fmt: skip
        rest = (sorted(self.known), self.offer)
        return repr([*(sorted(part.items(), key=repr) for part in parts), rest])

    # What is promised -----------------------------------------------------------------------

    def state(self, name, now):
        promise = self.promises[name]
        if promise.state == "active" and promise.expires_at <= now:
            return "expired"
        return promise.state

    def live_lines(self, now):
        for name, promise in self.promises.items():
            if self.state(name, now) != "expired":
                for line in promise.lines:
                    if line.open:
                        yield promise, line

    def lines(self, name, now):
        """All lines of a promise as they stand, with their numbers."""
        lines = self.promises[name].lines
        if self.state(name, now) == "expired":
            lines = [replace(line, open=0) for line in lines]
        return [(number, *line.told) for number, line in enumerate(lines, start=1)]

    def adopt_fills(self, name, told):
        """Follow the engine where it gave goods that are there to a pre-order that waits for them.

        `told`: (number, sku, place, day, open, filled) of its lines. What is not filled of a line
        becomes a line of its own. False when anything else is different too.
        """
        promise = self.promises[name]
        lines = [replace(line) for line in promise.lines]
        new = [part for part in told if part[0] > len(lines)]
        for line, part in zip(lines, told, strict=False):
            surplus = line.open - part[4]
            if surplus < 0 or (surplus and not part[5]):
                return False
            parts = [part]
            while surplus > 0 and new and new[0][1:3] == part[1:3]:
                surplus -= new[0][4]
                parts.append(new.pop(0))
            if surplus or not self._can_be_filled(line, parts):
                return False
            if part[5] and not line.filled:
                self.fills[name, part[0]] = self._rank(name, line, part[0])
            for _, _, _, day, units, filled in parts[1:]:
                lines.append(replace(line, quantity=units, open=units, shipped=0, returned=0,
                                     day=min(day, line.day), filled=filled))  # fmt: skip
                line.quantity -= units
                line.open -= units
            line.day, line.filled = min(part[3], line.day), part[5]
        promise.lines = lines
        return not new

    def _rank(self, name, line, number):
        """Who is served first: by day, orders before pegs, by priority, by who came first."""
        promise = self.promises[name]
        came = list(self.promises).index(name)
        return (line.day, promise.is_peg(line), -promise.priority, came, number)

    def check_filling(self, now):
        """Goods on a shelf went to those that are first in line: whoever got some had nobody
        before him who lacks any.

        Only where both can come from that shelf alone.
        """
        live = [
            (name, number, line)
            for name, promise in self.promises.items()
            if self.state(name, now) != "expired"
            for number, line in enumerate(promise.lines, start=1)
            if line.open and line.location
        ]
        ranks = {
            (name, number): self.fills.get((name, number)) or self._rank(name, line, number)
            for name, number, line in live
        }
        for name, number, line in live:
            if (name, number) in self.fills:
                before = sum(
                    other.open
                    for of, n, other in live
                    if (other.sku, other.location) == (line.sku, line.location)
                    and ranks[of, n] < ranks[name, number]
                )
                there = self.units((line.sku, line.location, SELLABLE))
                assert before + line.open <= there, f"{name} was filled before its turn"

    def _can_be_filled(self, line, parts):
        """Nothing is filled over what stands on the shelves."""
        units = 0 if line.filled else sum(part[4] for part in parts if part[5])
        shelves = [line.location] if line.location else self.shop.members(line.group)
        there = sum(max(0, self.units((line.sku, at, SELLABLE))) for at in shelves)
        return units <= there and all(part[5] or part[3] == line.day for part in parts)

    def open_hard(self, sku, location, now):
        """Open units of orders there. A NET count has them taken off already."""
        return sum(
            line.open
            for promise, line in self.live_lines(now)
            if (line.sku, line.location) == (sku, location)
            and not promise.is_peg(line)
            and not (promise.kind == "soft" and promise.state == "active")
        )

    def position(self, sku, location, method, extra, now, *, buffers=True, channel=None):
        committed = [0] * DAYS
        found = [(line.day, line.open) for _, line in self.live_lines(now)
                 if (line.sku, line.location) == (sku, location)]  # fmt: skip
        found += [(day, units) for s, at, _, day, units in extra if (s, at) == (sku, location)]
        for day, units in found:
            committed[max(0, (day - now.date()).days)] += units
        return Position(
            self.units((sku, location, SELLABLE)),
            self.supply(sku, location, now),
            tuple(committed),
            self.buffer(sku, location, method) if buffers else 0,
            shares.reserved(self, channel, sku, location, now),
        )

    def holds(self, sku, extra, now):
        found = []
        for _, line in self.live_lines(now):
            if line.sku == sku and line.location is None:
                members = frozenset(self.shop.members(line.group)) - line.excluded
                found.append((members, line.day, line.open))
        found += [(frozenset(self.shop.members(group)), day, units)
                  for s, _, group, day, units in extra if s == sku and group]  # fmt: skip
        return [Hold(m, max(0, (day - now.date()).days), units) for m, day, units in found]

    def nobody_waits(self, lines):
        """Whether nothing of these SKUs is promised on a group, or lacking."""
        skus = {sku for sku, _ in lines}
        return not any(
            line.sku in skus and (line.location is None or line.open > self.units(
                (line.sku, line.location, SELLABLE)))
            for promise in self.promises.values() for line in promise.lines if line.open
        )  # fmt: skip

    def positions(self, sku, method, extra, now, *, named=(), buffers=True, channel=None):
        """Every location under a view; one that is not named serves as a member of a group."""
        return {
            at: self.position(
                sku, at, method if at in named else self.shop.member_method(at, method), extra,
                now, buffers=buffers, channel=channel,
            )
            for at in self.shop.locations
        }  # fmt: skip

    def atp(self, sku, place, view, now, *, extra=(), soft=True, member=False):
        """What may be promised per day: of a SKU or bundle, at a location or on a group.

        `member`: of a location that fulfils on behalf of its group.
        """
        parts = self.shop.parts(sku)
        if parts != {sku: 1}:
            found = [self.atp(part, place, view, now, extra=extra, soft=soft)
                     for part in parts]  # fmt: skip
            return [min(units // n for units, n in zip(day, parts.values(), strict=True))
                    for day in zip(*found, strict=True)]  # fmt: skip
        channel, method = view
        group = self.shop.groups.get(place)
        asked = frozenset(group or [place])
        named = () if group or member else (place,)
        positions = self.positions(sku, method, extra, now, named=named, channel=channel)
        net = {at: [p.net(t) for t in range(DAYS)] for at, p in positions.items()}
        given = {at: [max(0, units) for units in days] for at, days in net.items()}
        holds = self.holds(sku, extra, now)
        allowance = TERMS[channel][1] if soft else 0
        if allowance:
            allowance -= sum(p.short for at, p in positions.items() if at not in asked)
            far = [hold for hold in holds if hold not in connected(holds, asked)]
            allowance -= lacking(given, far)
        answer = []
        for day in range(DAYS):
            raw = takeable(net, holds, asked, day)
            if group is None:
                raw = min(raw, positions[place].raw(day))
            answer.append(max(0, raw + max(0, allowance)))
        room = shares.room(self, sku, place, extra, now) if channel == shares.LINKED else None
        if room is None:
            return answer
        return [max(0, min(pair)) for pair in zip(answer, room, strict=True)]

    def free(self, sku, location, now):
        """Units free now at a location, before any buffer, leaving room for the groups'."""
        return self.room(sku, frozenset([location]), now)[0]

    def room(self, sku, asked, now):
        """Units free per day at any of the places asked, before any buffer or share."""
        positions = self.positions(sku, None, (), now, buffers=False)
        net = {at: [p.net(t) for t in range(DAYS)] for at, p in positions.items()}
        holds = self.holds(sku, (), now)
        found = [takeable(net, holds, asked, t) for t in range(DAYS)]
        if len(asked) == 1:
            (at,) = asked
            found = [min(units, positions[at].raw(t)) for t, units in enumerate(found)]
        return found

    def short_positions(self, now):
        return {
            (sku, at)
            for sku in self.shop.loose
            for at in self.shop.locations
            if self._broken(sku, at, now)
        }

    def _broken(self, sku, location, now):
        """Whether some day has less than was promised up to it, and something was promised."""
        position = self.position(sku, location, None, (), now)
        return any(
            units < 0 and any(position.committed[: t + 1])
            for t, units in enumerate(position.projected)
        )
