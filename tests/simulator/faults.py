"""Connections that fail where a simulation wants them to, and clients that take turns.

Everything that a connection says to the server passes through `wait`, one round trip at a time:
there it can be cut before the server hears it, cut after the server did it (so that only the answer
is lost), or have its server process killed. And there a client can be made to wait for its turn.
"""

import threading
import time

import psycopg

CRASHES = ("before", "after", "killed")
"""A round trip is never sent, is done and its answer lost, or finds its server process dead."""

BLOCKED_SECONDS = 0.003
"""A client that has not come back after this is looked at: it may wait for another one's lock."""


class Crashed(Exception):
    """The connection was cut as the simulation wished."""


class FaultyConnection(psycopg.Connection):
    """A connection whose round trips can be cut short, and made to wait for their turn."""

    crash_in = None
    """Round trips until the crash; None: no crash."""
    crash_how = "before"
    kill = None
    """Called with the process id of the server process that must die."""
    crashed = False
    turn = None
    """Called before every round trip."""

    def plan_crash(self, trips, how, kill):
        self.crash_in, self.crash_how, self.kill, self.crashed = trips, how, kill, False

    def wait(self, gen, *args, **options):
        if self.turn is not None:
            self.turn()
        if self.crash_in is None:
            return super().wait(gen, *args, **options)
        self.crash_in -= 1
        if self.crash_in != 0:
            return super().wait(gen, *args, **options)
        self.crash_in = None
        self.crashed = True
        if self.crash_how == "killed":
            self.kill(self.info.backend_pid)
            return super().wait(gen, *args, **options)
        if self.crash_how == "after":
            super().wait(gen, *args, **options)
        gen.close()
        self.pgconn.finish()
        raise Crashed


def connect(url):
    return FaultyConnection.connect(url, autocommit=True)


class Turns:
    """Runs several clients one round trip at a time, in an order that a seed decides.

    A client that waits for a lock of another is left alone until it gets it.
    """

    def __init__(self, rng, admin):
        self.rng = rng
        self.admin = admin
        self.arrived = threading.Condition()
        self.waiting = set()
        self.done = set()
        self.go = {}

    def run(self, acts):
        """`acts`: (connection, function) pairs. The result of each, or the exception it raised."""
        results = [None] * len(acts)
        for number, (db, _) in enumerate(acts):
            self.go[number] = threading.Event()
            db.turn = lambda number=number: self._pause(number)
        threads = [
            threading.Thread(target=self._client, args=(number, act, results), daemon=True)
            for number, (_, act) in enumerate(acts)
        ]
        for thread in threads:
            thread.start()
        pids = [db.info.backend_pid for db, _ in acts]
        blocked = set()
        while len(self.done) < len(acts):
            ready = self._ready(len(acts), blocked, pids)
            if not ready:
                continue
            number = self.rng.choice(ready)
            self.waiting.discard(number)
            self.go[number].set()
            self._settle(number, blocked, pids)
        for thread in threads:
            thread.join()
        for db, _ in acts:
            db.turn = None
        return results

    def _client(self, number, act, results):
        try:
            results[number] = act()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is this client's result.
            results[number] = error
        with self.arrived:
            self.done.add(number)
            self.arrived.notify()

    def _pause(self, number):
        with self.arrived:
            self.waiting.add(number)
            self.arrived.notify()
        self.go[number].wait()
        self.go[number].clear()

    def _here(self, number):
        return number in self.waiting or number in self.done

    def _settle(self, number, blocked, pids):
        """Wait until the client comes back, or is found to wait for a lock."""
        while True:
            with self.arrived:
                if self.arrived.wait_for(lambda: self._here(number), BLOCKED_SECONDS):
                    return
            if self._is_blocked(pids[number]):
                blocked.add(number)
                return

    def _is_blocked(self, pid):
        (found,) = self.admin.execute(
            "select cardinality(pg_blocking_pids(%s)) > 0", [pid]
        ).fetchone()
        return found

    def _ready(self, clients, blocked, pids):
        for number in sorted(blocked):
            if not self._is_blocked(pids[number]):
                blocked.discard(number)
                self._settle(number, blocked, pids)
            elif self._here(number):
                blocked.discard(number)
        with self.arrived:
            self.arrived.wait_for(
                lambda: all(self._here(n) for n in range(clients) if n not in blocked), 1
            )
            ready = sorted(self.waiting - blocked)
        if not ready and blocked:
            time.sleep(BLOCKED_SECONDS)  # A deadlock: the server ends it.
        return ready
