"""One id, one outcome for ever: answers, refusals, and what leaves no trace."""

from datetime import UTC, date, datetime

import pytest

from inventory import errors
from inventory.errors import (
    IdempotencyConflict,
    InputRejected,
    InsufficientStock,
    NotFound,
    ReservationExpired,
    Shortage,
    StateConflict,
    UnknownLocation,
    UnknownSku,
    VouchError,
)
from inventory.refusals import FIELDS, as_record, from_record
from inventory.store.idempotency import once

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)

REFUSALS = [
    UnknownSku("A", row=3),
    UnknownLocation("L1"),
    InputRejected("must be whole", field="quantity", row=1),
    NotFound("group", "g"),
    InsufficientStock(
        [Shortage("A", "L1", date(2026, 6, 1), 5, 2, earliest_date=date(2026, 6, 4))]
    ),
    ReservationExpired("r1"),
    StateConflict("order", "o1", state="shipped", act="cancel"),
]
TRY_AGAIN = {
    "VouchError", "EventsExpired", "IdempotencyConflict", "VersionConflict", "Unavailable",
}  # fmt: skip
"""Refusals that are not outcomes: they say nothing about what the first request came to."""


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda error: type(error).__name__)
def test_a_refusal_comes_back_as_it_was(refusal):
    again = from_record(as_record(refusal))
    assert type(again) is type(refusal)
    assert (str(again), vars(again)) == (str(refusal), vars(refusal))


def test_every_refusal_is_either_an_outcome_or_a_reason_to_try_again():
    known = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, VouchError)
    }
    assert {error.__name__ for error in FIELDS} | TRY_AGAIN == known
    assert {type(refusal) for refusal in REFUSALS} == set(FIELDS)


class Counter:
    """An act that says how often it ran, or refuses."""

    def __init__(self, db, refusal=None):
        self.db = db
        self.refusal = refusal
        self.runs = 0

    def __call__(self):
        self.runs += 1
        self.db.execute("insert into groups values ('made', 'x')")
        if self.refusal is not None:
            raise self.refusal
        return {"runs": self.runs}


def send(db, act, *, key="k", body="b"):
    return once(db, scope="s", key=key, body=body, now=NOW, act=act, status=201)


def test_an_answer_is_given_again_without_acting_again(db):
    act = Counter(db)
    first, second = send(db, act), send(db, act)
    assert (first.status, first.response, first.replayed) == (201, {"runs": 1}, False)
    assert (second.status, second.response, second.replayed) == (201, {"runs": 1}, True)
    assert act.runs == 1


def test_a_refusal_undoes_what_it_did_and_stands_for_ever(db):
    act = Counter(db, REFUSALS[4])
    for _ in range(2):
        with pytest.raises(InsufficientStock, match="asked for 5 units, 2 can be promised"):
            send(db, act)
    assert act.runs == 1
    assert db.execute("select from groups where group_id = 'made'").fetchone() is None


def test_the_order_of_keys_in_a_body_does_not_matter_but_its_values_do(db):
    act = Counter(db)
    send(db, act, body={"a": 1, "b": [1, 2]})
    assert send(db, act, body={"b": [1, 2], "a": 1}).replayed
    with pytest.raises(IdempotencyConflict):
        send(db, act, body={"a": 1, "b": [2, 1]})


@pytest.mark.parametrize("accident", [RuntimeError("bug"), errors.Unavailable("later")])
def test_an_accident_leaves_no_trace_so_that_a_retry_is_a_first_attempt(db, accident):
    with pytest.raises(type(accident)):
        send(db, Counter(db, accident))
    assert send(db, Counter(db)).replayed is False
