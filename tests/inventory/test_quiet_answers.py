"""The short way to an answer says the same as the long one, wherever it says anything."""

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from inventory import asking
from inventory.asking import Question
from inventory.availability import Availability, Term
from inventory.buffer_rules import BufferRule, RulesInOrder, most_specific_first, winning_rule
from inventory.calendar import Calendar
from inventory.projection import HARD, PEG, SOFT, Commitment, Inbound, PositionFacts
from inventory.quiet_answers import QuietAnswers

NOW = datetime(2026, 6, 1, 21, 30, tzinfo=UTC)


def maybe(*values):
    return st.sampled_from([None, *values])


rules_strategy = st.lists(
    st.builds(
        BufferRule,
        rule_id=st.sampled_from("abcdefgh"),
        sku=maybe("A", "B"),
        category=maybe("toys"),
        location=maybe("S1", "DC"),
        location_type=maybe("store"),
        method=maybe("bopis", "ship"),
        channel=maybe("web"),
        quantity=st.integers(0, 6),
        lookahead_days=maybe(0, 3),
    ),
    max_size=8,
    unique_by=lambda rule: rule.rule_id,
)
positions_strategy = st.builds(
    PositionFacts,
    sku=st.sampled_from("AB"),
    location=st.sampled_from(["S1", "DC"]),
    category=st.sampled_from(["toys", ""]),
    location_type=st.sampled_from(["store", "warehouse"]),
    calendar=st.builds(
        Calendar,
        st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland"]),
        maybe(time(17), time(22)),
        st.integers(0, 2),
    ),
    on_hand_units=st.dictionaries(
        st.sampled_from(["available", "defective"]), st.integers(-3, 9), max_size=2
    ),
)
dated_strategy = st.builds(
    lambda position, commitments, inbound: replace(
        position, commitments=commitments, inbound=inbound
    ),
    positions_strategy,
    st.lists(
        st.builds(
            Commitment,
            st.integers(-2, 14).map(lambda t: NOW.date() + timedelta(days=t)),
            st.sampled_from([SOFT, HARD, PEG]),
            st.integers(1, 5),
        ),
        max_size=4,
    ),
    st.lists(
        st.builds(
            Inbound,
            st.just("PO"),
            st.integers(-50, 350).map(lambda hours: NOW + timedelta(hours=hours)),
            st.just("confirmed"),
            st.integers(1, 9),
        ),
        max_size=4,
    ),
)
views = {"method": maybe("bopis", "ship", "sfs"), "channel": maybe("web", "app")}


@given(rules=rules_strategy, position=positions_strategy, **views)
def test_rules_by_what_they_name_have_the_same_winner(rules, position, method, channel):
    view = position.view(method=method, channel=channel)
    expected = winning_rule(most_specific_first(rules), view)
    assert RulesInOrder(rules).winner(position, method=method, channel=channel) == expected


@settings(max_examples=300)
@given(
    rules=rules_strategy,
    position=dated_strategy,
    asked=st.tuples(maybe(1, 4), st.sampled_from([0, 5, 9])),
    **views,
)
def test_a_position_by_itself_answers_as_its_projection_does(
    rules, position, method, channel, asked
):
    quantity, horizon_days = asked
    question = Question(
        position.sku, position.location, None, channel, method, {position.location: position}, {}
    )
    last_day = asking.check_horizon(horizon_days, None, now=NOW)
    (supply,) = asking.supplies_of([question], rules, last_day=last_day, now=NOW)
    expected = asking.answer(
        supply, question, horizon_days=horizon_days, quantity=quantity, on=None, explain=False
    )
    quiet = QuietAnswers(rules, now=NOW, horizon_days=horizon_days)
    got = quiet.of(position, channel=channel, method=method, quantity=quantity)
    rule = RulesInOrder(rules).winner(position, method=method, channel=channel)
    dated = bool(position.commitments or position.inbound)
    changes = dated and rule is not None and rule.lookahead_days is not None
    waits = quantity is not None and bool(position.inbound) and expected.atp_by_day[-1] < quantity
    assert got == (None if changes or waits else expected)


@given(
    rules=rules_strategy,
    positions=st.lists(positions_strategy, min_size=2, max_size=6),
    quantity=maybe(1, 4),
    **views,
)
def test_positions_alike_answer_alike(rules, positions, method, channel, quantity):
    """A place is one place: its calendar and its type are those of whoever came first."""
    first = {position.location: position for position in reversed(positions)}
    quiet = QuietAnswers(rules, now=NOW, horizon_days=9)
    for position in positions:
        at = first[position.location]
        alike = replace(position, calendar=at.calendar, location_type=at.location_type)
        view = {"channel": channel, "method": method, "quantity": quantity}
        units = position.on_hand_units.get("available", 0)
        got = quiet.undated(position.sku, position.location, position.category, units, **view)
        expected = quiet.of(alike, **view)
        assert got is None or got == expected
        again = quiet.undated(position.sku, position.location, position.category, units, **view)
        named = any(
            rule.sku == position.sku or rule.location == position.location for rule in rules
        )
        assert named or again is not None


def test_where_more_must_be_looked_at_nothing_is_said():
    position = PositionFacts("A", "S1", on_hand_units={"available": 5})
    view = {"channel": None, "method": None}
    assert QuietAnswers([], now=NOW, horizon_days=7).of(position, **view).atp == 5
    handled = replace(position, calendar=Calendar(handling_days=2))
    assert QuietAnswers([], now=NOW, horizon_days=7).of(handled, **view) is None
    forecast_rule = BufferRule("r", days_of_cover=2.0)
    assert QuietAnswers([forecast_rule], now=NOW, horizon_days=7).of(position, **view) is None


@given(
    sku=st.text(min_size=1),
    atp=st.lists(st.integers(0, 10**9), min_size=1, max_size=40),
    group=maybe("everywhere"),
    quantity=maybe(3),
    source=maybe('a "quoted" rule\n'),
)
def test_both_forms_of_an_answer_say_the_same(sku, atp, group, quantity, source):
    terms = None if source is None else (Term("on-hand", -2, source),)
    answer = Availability(
        sku, None if group else "S1", group, "web", None, NOW, atp[0], -2, NOW.date(), NOW.date(),
        tuple(atp), quantity, None if quantity is None else NOW.date() + timedelta(days=1), terms,
    )  # fmt: skip
    assert json.loads(answer.as_json()) == answer.as_dict()


@given(
    rules=rules_strategy,
    position=positions_strategy,
    methods=st.sampled_from([(), ("bopis",), ("ship",), ("sfs", "bopis")]),
    **views,
)
def test_a_location_promises_nothing_through_a_method_it_does_not_offer(
    rules, position, methods, method, channel
):
    position = replace(position, methods=methods)
    question = Question(
        position.sku, position.location, None, channel, method, {position.location: position}, {}
    )
    (supply,) = asking.supplies_of([question], rules, last_day=NOW.date(), now=NOW)
    got = asking.answer(supply, question, horizon_days=9, quantity=1, on=None, explain=True)
    parcel = "sfs" if position.location_type == "store" else "ship"
    sent = method in {"ship", "sfs"} and parcel in methods
    offered = not methods or method is None or method in methods or sent
    quiet = QuietAnswers(rules, now=NOW, horizon_days=9)
    assert (quiet.of(position, channel=channel, method=method) is None) == (not offered)
    assert sum(term.quantity for term in got.terms) == got.raw
    if not offered:
        assert (max(got.atp_by_day), got.earliest_date, max(got.raw, 0)) == (0, None, 0)
        reasons = {term.source for term in got.terms if term.term == "method"}
        assert reasons <= {f"{position.location} offers {', '.join(methods)} only"}
