"""Twelve bugs that other systems shipped, each as a story with its figures worked out by hand.

How to read a story: `tests/inventory/story.py`. Nothing may have drifted after any of them. Those
that a client can run into are told over HTTP too, in `tests/serving/test_http_regressions.py`.
"""

import pytest

from inventory.store import database, reservations, verify
from tests.databases import copied
from tests.inventory.story import START, TABLES, Story
from tests.scenarios.racing import race

STORIES = {
    "two lines of one SKU in one request": """
        stock  A@L1 10
        hold   r1 A*6@L1 A*6@L1             => short A@L1 12>10
        hold   r2 A*6@L1 A*4@L1             => active
        atp    A@L1                         => 0
    """,
    "a bundle and its loose component in one cart": """
        stock  A@L1 10
        stock  B@L1 10
        hold   r1 C*4@L1 B*3@L1             => short B@L1 11>10
        hold   r2 C*4@L1 B*2@L1             => active
        atp    A@L1                         => 6
        atp    B@L1                         => 0
        atp    C@L1                         => 0
    """,
    "extend after expiry": """
        stock  A@L1 5
        hold   r1 A*5@L1 ttl=60             => active
        wait   59
        extend r1 60                        => active
        wait   60
        extend r1 60                        => ReservationExpired
        atp    A@L1                         => 5
    """,
    "confirm exactly at expiry": """
        stock   A@L1 5
        hold    r1 A*2@L1 ttl=60            => active
        hold    r2 A*2@L1 ttl=61            => active
        wait    60
        confirm r1 o1                       => ReservationExpired
        confirm r2 o2                       => confirmed
        state   r1                          => expired
        atp     A@L1                        => 3
    """,
    "retry of a failed id after stock arrived": """
        stock A@L1 1
        hold  r1 A*2@L1 key=k1              => short A@L1 2>1
        stock A@L1 5
        hold  r1 A*2@L1 key=k1              => short A@L1 2>1
        hold  r1 A*2@L1 key=k2              => active
    """,
    "same id with another body": """
        stock A@L1 5
        hold  r1 A*2@L1 key=k1              => active
        hold  r1 A*3@L1 key=k1              => IdempotencyConflict
        atp   A@L1                          => 3
    """,
    "lost response then retry": """
        stock A@L1 5
        hold  r1 A*2@L1 key=k1              => active
        hold  r1 A*2@L1 key=k1              => active
        atp   A@L1                          => 3
    """,
    "a multi-location split that exceeds the request": """
        stock A@L1 3
        stock A@L2 4
        stock A@L3 4
        order r1 A*9@pool order=o1          => confirmed
        act   m1 o1 allocate                => allocated
        located o1                          => A*4@L2 A*4@L3 A*1@L1
        atp   A@pool                        => 2
        act   m1 o1 allocate                => allocated
        act   m2 o1 ship                    => shipped
        units A@L1                          => 2
        units A@L2                          => 0
    """,
    "a snapshot between ship and its message": """
        stock A@L1 93
        order r1 A*3@L1 order=o1            => confirmed
        act   m1 o1 allocate                => allocated
        wait  3600
        count A@L1 90 at=600                => applied
        act   m2 o1 ship at=300             => shipped  # left before the count, told after it
        units A@L1                          => 90
        atp   A@L1                          => 90
        act   m2 o1 ship at=300             => shipped
        units A@L1                          => 90
        order r2 A*2@L1 order=o2            => confirmed
        act   m3 o2 allocate                => allocated
        act   m4 o2 ship at=900             => shipped  # left after the count
        units A@L1                          => 88
    """,
    "cancel twice": """
        stock A@L1 5
        order r1 A*3@L1 order=o1            => confirmed
        act   m1 o1 cancel                  => cancelled
        act   m1 o1 cancel                  => cancelled
        act   m2 o1 cancel                  => StateConflict
        atp   A@L1                          => 5
    """,
}


@pytest.fixture(scope="module")
def shop_url(postgres_url):
    """One database for all stories: each starts by emptying it."""
    with copied(postgres_url, "regressions") as url:
        yield url


@pytest.fixture
def shop(shop_url):
    with database.connect(shop_url) as db:
        db.execute(f"truncate {TABLES} cascade")
        yield db
        assert verify.verify(db).drifts == []


def test_two_clients_and_the_last_unit(shop, shop_url):
    story = Story(shop)
    story.check("""
        stock A@L1 1
    """)
    told = []

    def client(name):
        def ask(db):
            here = Story.__new__(Story)
            here.__dict__.update(story.__dict__, db=db)
            told.append(here.run("hold", name, "A@L1"))

        return ask

    race(shop_url, client("r1"), client("r2"))
    assert sorted(told) == ["active", "short A@L1 1>0"]
    story.check("""
        atp   A@L1                          => 0
    """)


def test_more_lines_than_a_page(shop):
    """A basket of 301 lines over one SKU too little: none of them, and one more fits exactly."""
    story = Story(shop)
    story.check("""
        stock A@L1 300
    """)
    lines = ["A@L1"] * 300
    assert story.run("hold", "r1", *lines, "A@L1") == "short A@L1 301>300"
    assert story.run("hold", "r2", *lines) == "active"
    assert len(reservations.get(shop, "r2", now=START).lines) == 300
    story.check("""
        atp     A@L1                        => 0
        release r2                          => released
        atp     A@L1                        => 300
    """)


@pytest.mark.parametrize("title", STORIES)
def test_bug_that_others_shipped(shop, title):
    Story(shop).check(STORIES[title])
