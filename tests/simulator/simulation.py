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

from tests.simulator import faults
from tests.simulator.commands import send
from tests.simulator.drawing import WEIGHTS, Draw
from tests.simulator.looking import WAITING, Looking, Wrong, sums_of
from tests.simulator.model import Model
from tests.simulator.rules import apply
from tests.simulator.shop import START, Shop

WORLDS_MAX = 6
"""With more, all that is stored is read: that leaves few."""
TRIPS_MAX = 14
"""The crash comes within so many round trips of the request."""

HISTORIES_MAX = 40
"""Histories at most to see everything; far fewer are needed."""

CHOSEN_BY_ENGINE = ("allocate", "source")

NEXT = {
    "active": ["confirm", "confirm", "extend", "release"],
    "confirmed": ["allocate", "allocate", "cancel", "reject", "redate"],
    "allocated": ["process", "ship", "ship", "cancel", "reject", "redate"],
    "processed": ["ship", "ship", "reject"],
    "rejected": ["allocate", "cancel"],
    "shipped": ["return", "move"],
    "expired": ["reacquire", "reacquire", "extend", "confirm"],
}


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
    return expected[:2] == answer[:2] and sums_of(expected[2:]) == sums_of(answer[2:])


class History(Looking):
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
