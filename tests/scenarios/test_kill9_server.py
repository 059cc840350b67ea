"""`kill -9` of the server and of PostgreSQL at random points under load, again and again.

What was answered is there exactly once after the restart, and what was retried has one outcome. The
moments are drawn from the seed in the name of each test.
"""

import random
import time

import pytest

from tests.scenarios.under_fire import Shop

ROUNDS, MANY_ROUNDS = 1, 20


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """One shop for all kills: it has to stand all of them."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    with shop.open(), shop.serving():
        yield shop


def under_fire(shop, what, *, rounds, seed):
    kill = KILLS[what](shop)
    rng = random.Random(f"{what} {seed}")
    for number in range(rounds):
        with shop.load(f"{what}-{seed}-{number}"):
            before = len(shop.answers)
            time.sleep(rng.uniform(0.3, 1.2))
            kill(rng)
            # The clients that had no answer got one, and others after them.
            deadline = time.monotonic() + 30
            while len(shop.answers) < before + 20:
                assert time.monotonic() < deadline, "the clients do not get on"
                time.sleep(0.02)
        assert shop.check() > 0


KILLS = {
    "the server with all workers": lambda shop: lambda _rng: shop.restart_server(),
    "the postmaster": lambda shop: lambda _rng: shop.kill_postgresql(),
    "a server process of PostgreSQL": lambda shop: shop.kill_a_server_process,
}


@pytest.mark.parametrize("what", KILLS)
@pytest.mark.parametrize("seed", [1])
def test_killed_once(shop, what, seed):
    under_fire(shop, what, rounds=ROUNDS, seed=seed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("what", KILLS)
@pytest.mark.parametrize("seed", [2])
def test_killed_many_times(shop, what, seed):
    under_fire(shop, what, rounds=MANY_ROUNDS, seed=seed)
