"""Following the outbox: whoever reads on from the last sequence misses nothing."""

import random
import threading
from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import EventsExpired
from inventory.store import database, outbox

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


def follow(db, *, after=None, **chosen):
    found = outbox.read(db, after=after, **chosen)
    return [event["payload"]["n"] for event in found], found[-1]["sequence"] if found else after


def emit(db, n, sku="A", *, days=0):
    outbox.emit(db, kind="test", payload={"n": n}, now=NOW + timedelta(days=days), sku=sku)


def prune(db, *, on, **options):
    return outbox.prune(db, kept=timedelta(days=30), now=NOW + timedelta(days=on), **options)


def test_an_event_that_commits_late_comes_after_what_was_read_before(db, database_url):
    """The id of 1 is lower than that of 2, and 2 is visible first: by id, 1 would be missed."""
    with database.connect(database_url) as other, other.transaction():
        emit(other, 1)
        emit(db, 2)
        seen, last = follow(db)
        assert seen == [2]
    assert follow(db, after=last)[0] == [1]
    assert follow(db)[0] == [2, 1]


def test_an_event_that_is_undone_is_never_read(db):
    with db.transaction(force_rollback=True):
        emit(db, 1)
    emit(db, 2)
    assert follow(db)[0] == [2]


def test_filters_keep_the_order_of_all(db):
    for n, sku in enumerate(["A", "B", "A", "A", "B"]):
        emit(db, n, sku)
    assert follow(db, sku="A")[0] == [0, 2, 3]
    assert follow(db, sku="A", after=1)[0] == [2, 3]
    assert follow(db, kind="other")[0] == []
    assert follow(db, limit=2) == ([0, 1], 2)


def test_old_events_go_and_who_was_away_is_told_where_to_go_on(db):
    for n in range(6):
        emit(db, n, days=n)
    assert follow(db)[1] == 6
    assert prune(db, on=29) == 0
    assert prune(db, on=32) == 3, "30 days old or older: those of days 0, 1 and 2"
    assert follow(db) == ([3, 4, 5], 6)
    assert follow(db, after=3) == ([3, 4, 5], 6), "nothing after 3 is gone"
    for after in (0, 2):
        with pytest.raises(EventsExpired) as told:
            outbox.read(db, after=after, sku="other")
        assert (told.value.after, told.value.oldest) == (after, 4)
        assert follow(db, after=told.value.oldest - 1)[0] == [3, 4, 5]


def test_what_has_no_sequence_yet_is_never_taken_away(db):
    emit(db, 1)
    assert prune(db, on=400) == 0
    assert follow(db) == ([1], 1)
    assert prune(db, on=400) == 1


def test_sequences_go_on_when_all_events_are_gone(db):
    emit(db, 1)
    _, last = follow(db)
    prune(db, on=31)
    emit(db, 2, days=31)
    assert follow(db, after=last) == ([2], 2)
    prune(db, on=100)
    assert follow(db, after=2) == ([], 2)
    emit(db, 3)
    assert follow(db, after=2) == ([3], 3)


def test_an_old_event_behind_a_young_one_waits_for_it(db):
    """Its transaction was slow: by its own clock it is older than what came before it."""
    emit(db, 1, days=5)
    emit(db, 2, days=0)
    assert follow(db)[0] == [1, 2]
    assert prune(db, on=32) == 0
    assert prune(db, on=35) == 2


def test_pruning_stops_at_its_limit_and_goes_on_next_time(db, monkeypatch):
    monkeypatch.setattr(outbox, "PRUNED_AT_ONCE_MAX", 2)
    for n in range(7):
        emit(db, n)
    outbox.number(db)
    assert prune(db, on=31, limit=5) == 5
    assert follow(db) == ([5, 6], 7)
    assert prune(db, on=31) == 2


def test_one_process_prunes_at_a_time(db, database_url):
    emit(db, 1)
    outbox.number(db)
    with database.connect(database_url) as other, other.transaction():
        other.execute("select pg_advisory_xact_lock(%s)", [outbox.PRUNING_LOCK])
        assert prune(db, on=31) == 0
    assert prune(db, on=31) == 1


POSITIONS = [("A", "L1"), ("A", "L2"), ("B", "L1")]


def write(database_url, seed):
    """Count positions up, each count an event, under the locks of the positions counted."""
    rng = random.Random(seed)
    with database.connect(database_url) as db:
        for _ in range(40):
            with db.transaction():
                for place in sorted(rng.sample(POSITIONS, rng.randrange(1, 3))):
                    (n,) = db.execute(
                        "update counters set n = n + 1 where (sku, location) = (%s, %s) "
                        "returning n", place,
                    ).fetchone()  # fmt: skip
                    sku, location = place
                    outbox.emit(db, kind="test", payload={"n": n}, now=NOW, sku=sku,
                                location=location)  # fmt: skip


def read(database_url, into, finished):
    """Follow the outbox until the writers have finished and nothing more comes."""
    after, idle = 0, False
    with database.connect(database_url) as db:
        while True:
            found = outbox.read(db, after=after, limit=7)
            into += [(e["sequence"], e["sku"], e["location"], e["payload"]["n"]) for e in found]
            after = found[-1]["sequence"] if found else after
            if idle and not found:
                return
            idle = not found and finished.is_set()


def test_readers_beside_writers_miss_nothing_and_see_each_position_in_order(db, database_url):
    db.execute("create table counters (sku text, location text, n int)")
    db.cursor().executemany("insert into counters values (%s, %s, 0)", POSITIONS)
    finished, seen, seen_too = threading.Event(), [], []
    reading = [
        threading.Thread(target=read, args=(database_url, into, finished))
        for into in (seen, seen_too)
    ]
    writing = [threading.Thread(target=write, args=(database_url, seed)) for seed in range(8)]
    for thread in reading + writing:
        thread.start()
    for thread in writing:
        thread.join()
    finished.set()
    for thread in reading:
        thread.join()
    assert seen == seen_too
    assert [sequence for sequence, *_ in seen] == list(range(1, len(seen) + 1))
    for sku, location, last in db.execute("select sku, location, n from counters"):
        counts = [n for _, *place, n in seen if place == [sku, location]]
        assert counts == list(range(1, last + 1))
