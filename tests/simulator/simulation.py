"""One seed, one history: clients, clock, order, repeats, losses and crashes, and what must hold.

The engine's answers are compared with those of the model. Where an answer was lost nobody knows
whether the request was carried out: the simulation then goes on with both worlds, and every later
answer rules worlds out. Requests of several clients at once must come out as if they had been
carried out one after the other, in some order. With no world left, the engine is wrong.
"""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import permutations

from inventory.store import announcements, reservations
from inventory.store.availability import AvailabilityItem, availability_many
from tests.simulator import faults
from tests.simulator.commands import send, told_lines
from tests.simulator.drawing import WEIGHTS, Draw
from tests.simulator.model import SELLABLE, Model
from tests.simulator.promisable import DAYS
from tests.simulator.rules import apply
from tests.simulator.shares import LINKED
from tests.simulator.shop import START, Shop

WORLDS_MAX = 6
"""With more, all that is stored is read: that leaves few."""
TRIPS_MAX = 14
"""The crash comes within so many round trips of the request."""

HISTORIES_MAX = 40
"""Histories at most to see everything; far fewer are needed."""

CHOSEN_BY_ENGINE = ("allocate", "source")

WAITING = ("confirmed", "allocated", "processed", "rejected")
"""States of an order in which goods that arrive may be given to it."""

NEXT = {
    "active": ["confirm", "confirm", "extend", "release"],
    "confirmed": ["allocate", "allocate", "cancel", "reject", "redate"],
    "allocated": ["process", "ship", "ship", "cancel", "reject", "redate"],
    "processed": ["ship", "ship", "reject"],
    "rejected": ["allocate", "cancel"],
    "shipped": ["return", "move"],
    "expired": ["reacquire", "reacquire", "extend", "confirm"],
}


class Wrong(AssertionError):
    """The engine said or did what no order of events explains."""


@dataclass
class Coverage:
    """How often each command went through, was refused, repeated, lost or raced."""

    seen: Counter = field(default_factory=Counter)

    def note(self, kind, what):
        self.seen[kind, what] += 1

    def note_outcome(self, kind, outcome):
        self.note(kind, "ok" if outcome[0] == "ok" else "refused")

    def lines(self):
        kinds = sorted({kind for kind, _ in self.seen})
        return [
            f"{kind:10} " + " ".join(f"{what} {n}" for (k, what), n in sorted(self.seen.items())
                                     if k == kind)
            for kind in kinds
        ]  # fmt: skip


class Simulation:
    """Runs seeds against one database; each has a shop of its own in it."""

    def __init__(self, url, *, clients=3):
        self.url = url
        self.admin = faults.connect(url)
        self.clients = [faults.connect(url) for _ in range(clients)]
        self.coverage = Coverage()

    def close(self):
        for db in [self.admin, *self.clients]:
            db.close()

    def run(self, seed, *, rounds=14, prefix="s"):
        """One history from beginning to end; raises `Wrong` with all that happened in it."""
        history = History(self, seed, Shop(f"{prefix}{seed}"))
        try:
            history.run(rounds)
        except Exception as error:
            raise Wrong(history.report(error)) from error

    def cover(self, wanted, *, steps=40, prefix="cover"):
        """Histories of their own seeds that do what was not seen yet, until it was."""
        for seed in range(HISTORIES_MAX):
            missing = [pair for pair in wanted if not self.coverage.seen[pair]]
            if not missing:
                return []
            history = History(self, seed, Shop(f"{prefix}{seed}"))
            history.open_shop()
            for step in range(steps):
                history.pass_time()
                kind, what = missing[(step // 3) % len(missing)]
                chosen = history.next_command()
                if step % 3 == 0:
                    chosen = history.draw.command(kind, history.worlds[0], history.now)
                if what == "at once":
                    history.at_once([chosen, history.next_command()])
                else:
                    history.one(chosen, "")
            history.look_at_everything()
        return [pair for pair in wanted if not self.coverage.seen[pair]]

    def db(self, number):
        if self.clients[number].closed:
            self.clients[number].close()
            self.clients[number] = faults.connect(self.url)
        return self.clients[number]

    def kill(self, pid):
        self.admin.execute("select pg_terminate_backend(%s, 5000)", [pid])


def _same(world, command, expected, answer):
    """Whether two answers say the same; of a pre-order, whatever was filled of it by then."""
    of = world.promises.get(command.body.get("of", command.id))
    if of is None or not of.waits or not expected[0] == answer[0] == "ok":
        return expected == answer
    return expected[:2] == answer[:2] and _sums(expected[2:]) == _sums(answer[2:])


def _sums(lines):
    sums = Counter()
    for _, sku, place, _, *units in lines:
        for what, n in zip(("open", "shipped", "returned"), units, strict=True):
            sums[sku, place, what] += n
    return +sums


class History:
    """One seed on its way."""

    def __init__(self, simulation, seed, shop):
        self.simulation = simulation
        self.coverage = simulation.coverage
        self.seed = seed
        self.rng = random.Random(seed)
        self.shop = shop
        self.draw = Draw(self.rng, shop)
        self.worlds = [Model(shop)]
        self.now = START
        self.sent = []
        self.lost = []
        self.trace = []

    def report(self, error):
        replay = (
            f"VOUCH_SIM_FIRST={self.seed} VOUCH_SIM_SEEDS=1 "
            "pytest -m 'not slow' tests/properties/test_simulator.py -k seeds"
        )
        what = f"seed {self.seed}: {type(error).__name__}: {error}"
        return "\n".join([what, f"replay: {replay}", *self.trace])

    def open_shop(self):
        self.shop.build(self.simulation.admin)
        self.stock_the_shelves()

    def use(self, rng):
        """Draw from this source of chance from now on."""
        self.rng = self.draw.rng = rng

    def run(self, rounds):
        self.open_shop()
        for _ in range(rounds):
            self.pass_time()
            dice = self.rng.random()
            if dice < 0.12 and self.sent:
                self.one(self.rng.choice(self.sent).again(self.now), "repeated")
            elif dice < 0.30 and self.lost:
                lost = self.lost.pop(self.rng.randrange(len(self.lost)))
                self.one(lost.again(self.now), "retried")
            elif dice < 0.42:
                self.at_once()
            elif dice < 0.50:
                self.crash(self.next_command())
            elif dice < 0.53:
                self.lose(self.next_command())
            else:
                self.one(self.next_command(), "")
            if self.rng.random() < 0.35:
                self.look()
        for lost in self.lost:
            self.one(lost.again(self.now), "retried")
        self.look()
        self.look_at_everything()
        self.look_at_the_announcements()

    def stock_the_shelves(self):
        rows = tuple(
            (f"first-{at}-{sku}", sku, at, self.rng.randint(0, 6), START - timedelta(hours=2), None)
            for at in self.shop.locations
            for sku in self.shop.loose
        )
        first = self.draw.command("feed", self.worlds[0], self.now)
        message = {"mode": "delta", "basis": "physical", "full": False, "rows": rows}
        first.body.update(message)
        self.one(first, "")

    def pass_time(self):
        dice = self.rng.random()
        world = self.worlds[0]
        ends = [p.expires_at for p in world.promises.values()
                if p.state == "active" and p.expires_at > self.now]  # fmt: skip
        if dice < 0.2 and ends:
            # To the very instant at which a hold ends, or a tick before it.
            instant = self.rng.choice(ends)
            if instant < self.now + timedelta(hours=1):
                self.now = instant - timedelta(microseconds=self.rng.randint(0, 1))
        elif dice < 0.6:
            self.now += timedelta(seconds=self.rng.choice([1, 20, 59, 60, 300]))
        elif dice < 0.64:
            self.now += timedelta(days=1)

    def next_command(self):
        world = self.worlds[0]
        kind = self.rng.choices(list(WEIGHTS), WEIGHTS.values())[0]
        if world.promises and self.rng.random() < 0.45:
            # What comes next in the life of some promise.
            state = world.state(self.rng.choice(list(world.promises)), self.now)
            kind = self.rng.choice(NEXT.get(state, [kind]))
        elif world.inbound and self.rng.random() < 0.15:
            waits = any(item["awaiting"] for item in world.inbound.values())
            kind = self.rng.choice(["receive", "approve" if waits else "announce"])
        return self.draw.command(kind, world, self.now)

    # What happens to a request ------------------------------------------------------------

    def one(self, command, note):
        self.sent.append(command)
        observed = send(self.simulation.db(0), command)
        self._told(command, note, observed)
        if note:
            self.coverage.note(command.kind, note)
        self._keep(self._worlds_after([command], [observed]))

    def _told(self, command, note, observed):
        self.trace.append(f"{command.now:%d %H:%M:%S.%f} {command.kind} {note} {command.id} "
                          f"{command.body}\n    -> {observed}")  # fmt: skip
        if observed is not None:
            self.coverage.note_outcome(command.kind, observed)

    def _worlds_after(self, commands, observed):
        """Every world in which this order of commands gives the answers that were observed."""
        worlds = []
        for world in self.worlds:
            after = world.copy()
            if self._agrees(after, commands, observed):
                worlds.append(after)
        return worlds

    def _agrees(self, world, commands, observed):
        self.expected = []
        for command, answer in zip(commands, observed, strict=True):
            try:
                expected = apply(world, command, answer)
            except AssertionError as error:
                self.expected.append(error)
                return False
            self.expected.append(expected)
            if answer is not None and not _same(world, command, expected, answer):
                return False
        world.fills = {}
        self._adopt_fills(world)
        if world.fills:
            self.coverage.note("peg", "filled")
        if len(commands) < 2:
            # Of several at once nobody knows what stood in line when goods were dealt out.
            try:
                world.check_filling(self.now)
            except AssertionError as error:
                self.expected.append(error)
                return False
        return True

    def _adopt_fills(self, world):
        """Goods that arrive are dealt out to pre-orders: the engine may do so when it likes."""
        for name, promise in world.promises.items():
            if promise.waits and promise.state in WAITING:
                told = self._told_fills(name)
                if told:
                    world.adopt_fills(name, told)

    def _told_fills(self, name):
        return self.simulation.admin.execute(
            "select line_no, sku, coalesce(location, group_id), promised_date, open_units, "
            "filled_at is not null from reservation_lines where reservation_id = %s "
            "order by line_no",
            [name],
        ).fetchall()

    def _keep(self, worlds):
        if not worlds:
            raise Wrong(f"expected {self.expected}")
        self.worlds = list({world.fingerprint(): world for world in worlds}.values())
        if len(self.worlds) > WORLDS_MAX:
            self.look_at_everything()

    def lose(self, command):
        """It never arrives; the client sends it again some time later."""
        if self._is_of_its_moment(command):
            return
        self.lost.append(command)
        self.coverage.note(command.kind, "never arrived")

    def _is_of_its_moment(self, command):
        """A NET count has taken off the orders that are open now: the model keeps no history."""
        return command.kind == "feed" and command.body["basis"] == "net"

    def crash(self, command):
        """Cut the connection somewhere in it; perhaps the request was carried out, perhaps not."""
        if self._is_of_its_moment(command):
            return
        db = self.simulation.db(0)
        how = self.rng.choice(faults.CRASHES)
        db.plan_crash(self.rng.randint(1, TRIPS_MAX), how, self.simulation.kill)
        try:
            observed = send(db, command)
        except Exception:
            if not db.crashed:
                raise
            observed = None
            db.close()
        db.crash_in = None
        if observed is not None:
            # Over before it came to that.
            self._told(command, "", observed)
            self._keep(self._worlds_after([command], [observed]))
            self.sent.append(command)
            return
        self._told(command, f"crashed ({how})", None)
        self.coverage.note(command.kind, "crashed")
        if command.kind in CHOSEN_BY_ENGINE:
            self.one(command, "retried")
            return
        self.lost.append(command)
        self._keep(self.worlds + self._worlds_after([command], [None]))

    def at_once(self, commands=None):
        """Several clients at the same moment, round trip by round trip."""
        if commands is None:
            commands = [self.next_command() for _ in range(self.rng.choice([2, 2, 3]))]
        dbs = [self.simulation.db(number) for number in range(len(commands))]
        turns = faults.Turns(self.rng, self.simulation.admin)
        answers = turns.run(
            [(db, lambda db=db, c=c: send(db, c)) for db, c in zip(dbs, commands, strict=True)]
        )
        for command, answer in zip(commands, answers, strict=True):
            if isinstance(answer, Exception):
                raise Wrong(f"{command} came to {answer!r}") from answer
            self._told(command, "at once", answer)
            self.coverage.note(command.kind, "at once")
        self.sent += commands
        worlds = []
        for order in permutations(range(len(commands))):
            worlds += self._worlds_after([commands[i] for i in order], [answers[i] for i in order])
        self._keep(worlds)

    # What is seen of the engine -----------------------------------------------------------

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
                kept[name] = (kept[name][0], _sums(kept[name][1]))
                promised = {**promised, name: (promised[name][0], _sums(promised[name][1]))}
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
