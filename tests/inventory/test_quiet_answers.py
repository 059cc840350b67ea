"""The short way to an answer says the same as the long one, wherever it says anything."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from inventory import asking
from inventory.asking import Question
from inventory.availability import Availability, Term
from inventory.buffer_rules import BufferRule, RulesInOrder, most_specific_first, winning_rule
from inventory.calendar import Calendar
from inventory.projection import Commitment, Inbound, PositionFacts
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
    ),
    on_hand_units=st.dictionaries(
        st.sampled_from(["available", "defective"]), st.integers(-3, 9), max_size=2
    ),
)
views = {"method": maybe("bopis", "ship", "sfs"), "channel": maybe("web", "app")}


@given(rules=rules_strategy, position=positions_strategy, **views)
def test_rules_by_what_they_name_have_the_same_winner(rules, position, method, channel):
    view = position.view(method=method, channel=channel)
    expected = winning_rule(most_specific_first(rules), view)
    assert RulesInOrder(rules).winner(position, method=method, channel=channel) == expected


@given(
    rules=rules_strategy,
    position=positions_strategy,
    quantity=maybe(1, 4),
    **views,
)
def test_a_quiet_position_answers_as_its_projection_does(
    rules, position, method, channel, quantity
):
    horizon_days = 9
    question = Question(
        position.sku, position.location, None, channel, method, {position.location: position}, {}
    )
    last_day = asking.check_horizon(horizon_days, None, now=NOW)
    (supply,) = asking.supplies_of([question], rules, last_day=last_day, now=NOW)
    expected = asking.answer(
        supply, question, horizon_days=horizon_days, quantity=quantity, on=None, explain=False
    )
    quiet = QuietAnswers(rules, now=NOW, horizon_days=horizon_days)
    assert quiet.of(position, channel=channel, method=method, quantity=quantity) == expected


DATED = [
    {"commitments": [Commitment(date(2026, 6, 9), "hard", 1)]},
    {"inbound": [Inbound("PO", NOW, "confirmed", 1)]},
    {"calendar": Calendar(handling_days=2)},
]


def test_where_anything_is_dated_nothing_is_said():
    quiet = QuietAnswers([], now=NOW, horizon_days=7)
    position = PositionFacts("A", "S1", on_hand_units={"available": 5})
    view = {"channel": None, "method": None}
    assert quiet.of(position, **view).atp == 5
    for change in DATED:
        assert quiet.of(replace(position, **change), **view) is None
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
