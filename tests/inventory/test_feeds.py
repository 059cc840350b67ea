"""Rows of feeds, read one by one: what is wrong is named with its remedy."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory import feeds
from inventory.feeds import Problem, Stated

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
GOOD = {
    "id": "m1",
    "sku": "A",
    "location": "S1",
    "quantity": 3,
    "effective_at": "2026-07-01T06:00:00Z",
}


def read(mode="delta", **changes):
    row = {name: value for name, value in (GOOD | changes).items() if value is not ...}
    return feeds.read_row(row, mode=mode, location=None, now=NOW)


def test_a_good_row():
    row = read(sequence=7, reason="sale")
    assert isinstance(row, Stated)
    assert row[:8] == (
        "m1", "A", "S1", "available", 3, datetime(2026, 7, 1, 6, tzinfo=UTC), 7, "sale",
    )  # fmt: skip
    assert not row.clamped


@pytest.mark.parametrize(
    ("field", "value", "remedy"),
    [
        ("id", ..., "every row needs one"),
        ("id", "", "every row needs one"),
        ("id", 17, "must be a text"),
        ("sku", ..., "every row needs one"),
        ("sku", "A\x00B", "printable"),
        ("sku", "\ud800", "printable"),
        ("sku", "x" * 201, "1 to 200"),
        ("location", ..., "every row needs one"),
        ("location", ["S1"], "must be a text"),
        ("status", "sold", "use one of available, inspection"),
        ("status", None, "use one of available, inspection"),
        ("quantity", ..., "send a whole number"),
        ("quantity", 2.5, "send units as an integer"),
        ("quantity", 2.0, "send units as an integer"),
        ("quantity", "2", "send units as an integer"),
        ("quantity", True, "send units as an integer"),
        ("quantity", float("nan"), "send units as an integer"),
        ("quantity", 10**13, "send at most"),
        ("effective_at", ..., "send an RFC 3339 time"),
        ("effective_at", "yesterday", "send an RFC 3339 time"),
        ("effective_at", 1751350000, "send an RFC 3339 time"),
        ("effective_at", "2026-07-01T06:00:00", "add Z for UTC"),
        ("effective_at", "2026-07-01", "add Z for UTC"),
        ("effective_at", "0001-01-01T00:00:00+14:00", "outside the calendar"),
        ("sequence", 1.5, "send an integer"),
        ("sequence", 2**63, "send an integer"),
        ("reason", 5, "must be a text"),
    ],
)
def test_a_wrong_field_is_named_with_its_remedy(field, value, remedy):
    problem = read(**{field: value})
    assert isinstance(problem, Problem)
    assert problem.field == field
    assert remedy in problem.problem


def test_a_change_may_be_negative_and_a_count_may_not():
    assert read("delta", quantity=-3).units == -3
    assert read("snapshot", quantity=0).units == 0
    assert read("snapshot", quantity=-3).field == "quantity"


@pytest.mark.parametrize("row", [None, 5, "row", ["A", 1]])
def test_a_row_that_is_no_object(row):
    assert "not an object" in feeds.read_row(row, mode="delta", location=None, now=NOW).problem


def test_the_location_of_the_feed_stands_in():
    assert feeds.read_row(GOOD, mode="delta", location="S9", now=NOW).location == "S1"
    row = {name: value for name, value in GOOD.items() if name != "location"}
    assert feeds.read_row(row, mode="delta", location="S9", now=NOW).location == "S9"


def test_another_offset_is_the_same_moment_and_the_same_message():
    other = read(effective_at="2026-07-01T08:00:00+02:00")
    assert other.effective_at == datetime(2026, 7, 1, 6, tzinfo=UTC)
    assert other.body_hash == read().body_hash


def test_every_field_is_part_of_the_message():
    changes = [
        {"sku": "B"}, {"location": "S2"}, {"quantity": 4}, {"status": "frozen"}, {"sequence": 1},
        {"effective_at": "2026-07-01T06:00:01Z"}, {"reason": "sale"}, {"mode": "snapshot"},
    ]  # fmt: skip
    hashes = {read(**change).body_hash for change in changes} | {read().body_hash}
    assert len(hashes) == len(changes) + 1


@pytest.mark.parametrize(
    ("ahead", "flagged"),
    [(timedelta(0), False), (feeds.CLOCK_TOLERANCE, False), (timedelta(minutes=5), True)],
)
def test_a_clock_ahead_of_ours_is_set_back_and_flagged(ahead, flagged):
    row = read(effective_at=(NOW + ahead).isoformat())
    assert row.effective_at == NOW
    assert row.clamped is flagged
    assert (feeds.clamp_notice(row, NOW) is not None) is flagged


def test_a_clamped_message_stays_the_same_message_later():
    ahead = (NOW + timedelta(hours=1)).isoformat()
    first = feeds.read_row(GOOD | {"effective_at": ahead}, mode="delta", location=None, now=NOW)
    later = NOW + timedelta(minutes=1)
    again = feeds.read_row(GOOD | {"effective_at": ahead}, mode="delta", location=None, now=later)
    assert first.body_hash == again.body_hash


@pytest.mark.parametrize(
    ("rows", "last_rows", "share_min", "refused"),
    [(1, None, 0.5, False), (50, 100, 0.5, False), (49, 100, 0.5, True), (49, 100, 0.0, False)],
)
def test_a_truncated_full_file(rows, last_rows, share_min, refused):
    problem = feeds.truncation(rows=rows, last_rows=last_rows, share_min=share_min, location="S1")
    assert (problem is not None) is refused
