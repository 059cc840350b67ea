"""What is seen of the engine, held against every world that may be the real one."""

from collections import Counter

from inventory.store import announcements, reservations
from inventory.store.availability import AvailabilityItem, availability_many
from tests.simulator.commands import told_lines
from tests.simulator.promisable import DAYS
from tests.simulator.shares import LINKED
from tests.simulator.shelves import SELLABLE

WAITING = ("confirmed", "allocated", "processed", "rejected")
"""States of an order in which goods that arrive may be given to it."""


def sums_of(lines):
    sums = Counter()
    for _, sku, place, _, *units in lines:
        for what, n in zip(("open", "shipped", "returned"), units, strict=True):
            sums[sku, place, what] += n
    return +sums


class Wrong(AssertionError):
    """The engine said or did what no order of events explains."""


class Looking:
    """The eyes of a history: its worlds that the engine's answers do not rule out stay."""

    def _views(self, count):
        skus = [self.shop.a, self.shop.b, self.shop.c, self.shop.d]
        views = [(sku, place, channel, method) for sku in skus for place in self.shop.places
                 for channel, method in (("web", "ship"), ("web", "bopis"), ("flash", "ship"))
                 ]  # fmt: skip
        views += [(sku, at, LINKED, "ship") for sku in skus for at in self.shop.locations]
        return self.rng.sample(views, count)

    def look(self):
        """Published availability of some views against the model."""
        views = self._views(5)
        items = [
            AvailabilityItem(sku, **{self._of(place): place}, channel=channel, method=method,
                             explain=True)
            for sku, place, channel, method in views
        ]  # fmt: skip
        db = self.simulation.db(0)
        told = availability_many(db, items, now=self.now, horizon_days=DAYS - 1)
        published = [
            list(answer.atp_by_day) if hasattr(answer, "atp_by_day") else repr(answer)
            for answer in told
        ]
        worlds, nearest = [], None
        for world in self.worlds:
            expected = [
                world.atp(sku, place, (channel, method), self.now)
                for sku, place, channel, method in views
            ]
            differ = [
                f"{view}: {got}, not {want}"
                for view, got, want in zip(views, published, expected, strict=True)
                if got != want
            ]
            if not differ:
                worlds.append(world)
            nearest = differ if nearest is None else min(nearest, differ, key=len)
        if not worlds:
            raise Wrong("published " + "; ".join(nearest))
        self.coverage.note("look", "ok")
        self.worlds = worlds

    def _of(self, place):
        return "group" if place in self.shop.groups else "location"

    def look_at_everything(self):
        """Every balance, every promise, and that each shortage was announced."""
        db = self.simulation.db(0)
        stored = {
            (sku, at, status): units
            for sku, at, status, units in db.execute(
                "select sku, location, status, units from balances where location = any (%s)",
                [list(self.shop.locations)],
            )
        }
        short = {
            (sku, at)
            for sku, at in db.execute(
                "select sku, location from outbox where kind = 'shortage' and sku = any (%s)",
                [list(self.shop.loose)],
            )
        }
        promised = {}
        for name in {name for world in self.worlds for name in world.promises}:
            found = db.execute("select 1 from reservations where reservation_id = %s", [name])
            if found.fetchone():
                kept = reservations.get(db, name, now=self.now)
                promised[name] = (kept.state, told_lines(kept))
        answered = {
            tuple(row)
            for row in db.execute(
                "select scope, key from idempotency where key = any (%s)",
                [[command.id for command in self.sent + self.lost]],
            )
        }
        read = (stored, promised, short, answered)
        worlds = [world for world in self.worlds if self._is_stored(world, *read)]
        if not worlds:
            raise Wrong(f"stored {self.difference}")
        self.worlds = worlds

    def _is_stored(self, world, stored, promised, short, answered):
        keys = {*stored, *world.said}
        units = {key: (stored.get(key, 0), world.units(key)) for key in keys}
        kept = {
            name: (world.state(name, self.now), world.lines(name, self.now))
            for name in world.promises
        }
        for name, promise in world.promises.items():
            if promise.waits and promise.state not in WAITING and name in promised:
                # It may have been filled just before it came to its end, at the same moment.
                kept[name] = (kept[name][0], sums_of(kept[name][1]))
                promised = {**promised, name: (promised[name][0], sums_of(promised[name][1]))}
        self.difference = [
            *((key, pair) for key, pair in units.items() if pair[0] != pair[1]),
            *(
                (name, promised.get(name), kept.get(name))
                for name in {*promised, *kept}
                if promised.get(name) != kept.get(name)
            ),
            *(("no shortage event", key) for key in self._unannounced(world, short)),
            *(("answered once", key) for key in answered ^ set(world.answered)),
        ]
        return not self.difference

    def _unannounced(self, world, short):
        """Positions with less than was promised, and no event that says so: only carts that a
        channel may oversell do that."""
        flash = {
            (line.sku, line.location)
            for promise, line in world.live_lines(self.now)
            if promise.channel == "flash"
        }
        return {p for p in world.short_positions(self.now) if p not in short and p not in flash}

    def look_at_the_announcements(self):
        """Once all is announced, others know of each position what is true, step by step."""
        db = self.simulation.db(0)
        reservations.sweep(db, now=self.now, limit=1_000_000)
        announcements.announce_due(db, now=self.now, limit=1_000_000)
        self.worlds = self._worlds_after([], [])
        skus = [*self.shop.loose, self.shop.late]
        known = {(sku, at): "in" for sku in skus for at in self.shop.locations}
        told = db.execute(
            "select sku, location, payload->>'from', payload->>'to' from outbox "
            "where sku = any (%s) and payload ? 'from' order by event_id",
            [skus],
        )
        for sku, at, before, after in told:
            if known[sku, at] != before or before == after:
                raise Wrong(f"{sku} at {at} was {known[sku, at]}, then {before} to {after}")
            known[sku, at] = after
        worlds = [world for world in self.worlds if self._is_known(world, known)]
        if not worlds:
            raise Wrong(f"announced {self.difference}")

    def _is_known(self, world, known):
        # What was never there does not run out.
        stocked = {key[:2] for key in world.were_there if key[2] == SELLABLE}
        self.difference = [
            (*position, known[position], free)
            for position in sorted(stocked)
            if known[position] != ("in" if (free := world.free(*position, self.now)) > 0 else "out")
        ]
        return not self.difference
