"""Thousands of small histories of clients, clocks, repeats, losses and crashes, one seed each.

VOUCH_SIM_SEEDS says how many seeds to run and VOUCH_SIM_FIRST where to start; a failure prints the
seed, all that happened, and the command that replays it.
"""

import os

import pytest

from inventory.store import database, verify
from tests.simulator.drawing import WEIGHTS
from tests.simulator.simulation import Simulation

SHARDS = 2
SEEDS = int(os.environ.get("VOUCH_SIM_SEEDS", "500"))
FIRST = int(os.environ.get("VOUCH_SIM_FIRST", "0"))
SHORT_ROUNDS, LONG_ROUNDS = 6, 40
FOREVER = 3_600
"""Seconds: these are stopped by their number of seeds."""


@pytest.fixture
def simulation(database_url):
    """A database for many seeds; at the end nothing in it has drifted or ended twice."""
    name = database_url.split("/")[3].split("?")[0]
    with database.connect(database_url) as db:
        # Nobody pulls the plug here; that is for `test_kill9`.
        db.execute(f"alter database {name} set synchronous_commit = off")
    simulation = Simulation(database_url)
    yield simulation
    simulation.close()
    with database.connect(database_url) as db:
        assert verify.verify(db).drifts == []
        ended_twice = db.execute(
            """select reservation_id from reservation_events
            where to_state in ('released', 'expired', 'cancelled', 'shipped')
                and from_state is distinct from to_state
            group by reservation_id having count(*) > 1"""
        ).fetchall()
        assert ended_twice == []


def shard(number):
    """The shards share all seeds, so that two processes run half of them each."""
    return range(FIRST + number, FIRST + SEEDS, SHARDS)


@pytest.mark.timeout(FOREVER)
@pytest.mark.parametrize("number", range(SHARDS))
def test_seeds(simulation, number):
    for seed in shard(number):
        simulation.run(seed, rounds=SHORT_ROUNDS)
    if SEEDS >= 400:
        every_command_went_through_and_was_refused(simulation)


def every_command_went_through_and_was_refused(simulation):
    """Else the histories would show nothing about it."""
    cannot_fail = {"feed", "sweep", "tell", "announce", "introduce", "replay", "offer"}
    wanted = [
        (kind, what)
        for kind in WEIGHTS
        for what in ("ok", "refused", "at once")
        if not (what == "refused" and kind in cannot_fail)
    ]
    # What is rare is done on purpose where few seeds did not come upon it.
    lacking = simulation.cover(wanted)
    for what in ("crashed", "repeated", "retried"):
        kinds = [kind for kind in WEIGHTS if simulation.coverage.seen[kind, what]]
        if len(kinds) < 10:
            lacking.append((what, kinds))
    assert lacking == [], "\n".join(simulation.coverage.lines())


@pytest.mark.slow
@pytest.mark.timeout(FOREVER)
@pytest.mark.parametrize("number", range(SHARDS))
def test_long_histories(simulation, number):
    for seed in range(1_000_000 + number, 1_002_000, SHARDS):
        simulation.run(seed, rounds=LONG_ROUNDS)
    every_command_went_through_and_was_refused(simulation)
