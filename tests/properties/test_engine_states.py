"""Any sequence of commands to the real engine, against the shop on paper, step by step.

Hypothesis looks for the sequence and makes it small; the model and the commands are those of the
simulator. After every step some views are compared, and at the end everything that is stored.
"""

import itertools
import random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from inventory.store import database, verify
from tests.simulator.drawing import WEIGHTS
from tests.simulator.shop import Shop
from tests.simulator.simulation import History, Simulation

chance = st.randoms(use_true_random=False)
examples = itertools.count()


class Engine(RuleBasedStateMachine):
    """Every command is a rule; so are repeats, lost answers, and the clock."""

    simulation = None

    def __init__(self):
        super().__init__()
        self.history = None

    @initialize(rng=chance)
    def shop(self, rng):
        number = next(examples)
        self.history = History(self.simulation, number, Shop(f"example{number}"))
        self.history.use(rng)
        self.history.open_shop()

    @rule(rng=chance)
    def time_passes(self, rng):
        self.history.use(rng)
        self.history.pass_time()

    @rule(rng=chance)
    def repeat(self, rng):
        self.history.use(rng)
        self.history.one(rng.choice(self.history.sent).again(self.history.now), "repeated")

    @rule(rng=chance)
    def crash(self, rng):
        self.history.use(rng)
        self.history.crash(self.history.next_command())

    @rule(rng=chance)
    def retry(self, rng):
        self.history.use(rng)
        if self.history.lost:
            self.history.one(self.history.lost.pop().again(self.history.now), "retried")

    @rule(rng=chance)
    def several_at_once(self, rng):
        self.history.use(rng)
        self.history.at_once()

    @invariant()
    def what_is_published_is_what_the_model_can_promise(self):
        if self.history is not None:
            self.history.use(random.Random(len(self.history.trace)))
            self.history.look()

    def teardown(self):
        if self.history is not None:
            self.history.look_at_everything()


def _sending(kind):
    def send(self, rng):
        self.history.use(rng)
        history = self.history
        history.one(history.draw.command(kind, history.worlds[0], history.now), "")

    send.__name__ = f"send_{kind}"
    return rule(rng=chance)(send)


for kind in WEIGHTS:
    setattr(Engine, f"send_{kind}", _sending(kind))


@pytest.fixture
def simulation(database_url):
    simulation = Simulation(database_url)
    yield simulation
    simulation.close()
    with database.connect(database_url) as db:
        assert verify.verify(db).drifts == []


def explore(simulation, **how):
    """The same examples every time, so that what they cover does not depend on luck."""
    machine = type("EngineHere", (Engine,), {"simulation": simulation})
    run_state_machine_as_test(
        machine,
        settings=settings(
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            **how,
        ),
    )


def went_through(simulation):
    return {kind for kind, what in simulation.coverage.seen if what == "ok"}


def test_any_sequence_of_commands(simulation):
    explore(simulation, max_examples=12, stateful_step_count=25)
    # So that all of them are seen, whatever few examples came upon.
    assert simulation.cover([(kind, "ok") for kind in WEIGHTS]) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_any_long_sequence_of_commands(simulation):
    explore(simulation, max_examples=400, stateful_step_count=60)
    assert went_through(simulation) >= set(WEIGHTS), "\n".join(simulation.coverage.lines())
