"""The worked examples of the availability rules, checked by hand there, number by number."""

from datetime import UTC, date, datetime, time, timedelta

import numpy as np
import pytest

from inventory.availability import atp_units, lowest_from_each_day, projected_units
from inventory.bundles import bundle_atp
from inventory.calendar import Calendar

DC = {
    "on_hand_units": 92,
    "supply_units": [0, 0, 4, 40, 0, 0, 60, 0],
    "committed_units": [26, 0, 10, 0, 0, 70, 25, 0],
}
DC_BUFFER = [10, 10, 10, 12, 12, 15, 15, 15]
S1 = {
    "on_hand_units": 8,
    "supply_units": [0, 0, 0, 0, 6, 0, 0, 0],
    "committed_units": [3, 0, 0, 1, 0, 0, 0, 0],
}


def projection(on_hand_units, supply_units, committed_units):
    return projected_units(
        on_hand_units=np.array([on_hand_units]),
        supply_units=np.array([supply_units]),
        committed_units=np.array([committed_units]),
    )


def test_distribution_centre_projection_and_look_ahead():
    projected = projection(**DC)
    assert projected.tolist() == [[66, 66, 60, 100, 100, 30, 65, 65]]
    assert lowest_from_each_day(projected).tolist() == [[30, 30, 30, 30, 30, 30, 65, 65]]
    assert (projected[0] - DC_BUFFER).tolist() == [56, 56, 50, 88, 88, 15, 50, 50]


def test_distribution_centre_atp():
    assert atp_units(**DC, buffer_units=DC_BUFFER) == [15, 15, 15, 15, 15, 15, 50, 50]


@pytest.mark.parametrize(
    ("method", "buffer", "expected"),
    [
        ("bopis", [2, 2, 3, 3, 2, 2, 2, 2], [1, 1, 1, 1, 8, 8, 8, 8]),
        ("sfs", [4] * 8, [0, 0, 0, 0, 6, 6, 6, 6]),
    ],
)
def test_one_stock_two_methods_two_answers(method, buffer, expected):
    assert projection(**S1).tolist() == [[5, 5, 5, 4, 10, 10, 10, 10]]
    assert atp_units(**S1, buffer_units=buffer) == expected


def test_a_shorter_buffer_look_ahead_does_not_let_a_far_season_freeze_stock():
    """W = 1: day 4's buffer of 9 holds back days 3 and 4 only."""
    buffer = [0, 0, 0, 0, 9, 0]
    supply, committed = [0] * 6, [0] * 6
    stock = {"on_hand_units": 10, "supply_units": supply, "committed_units": committed}
    assert atp_units(**stock, buffer_units=buffer) == [1, 1, 1, 1, 1, 10]
    assert atp_units(**stock, buffer_units=buffer, lookahead_days=1) == [10, 10, 10, 1, 1, 10]


def test_a_shorter_look_ahead_never_breaks_a_commitment():
    """Commitments are looked at over the whole horizon whatever W is."""
    got = atp_units(
        on_hand_units=10, supply_units=[0] * 4, committed_units=[0, 0, 0, 7], lookahead_days=0
    )
    assert got == [3, 3, 3, 3]


def test_oversell_adds_to_raw_before_the_floor():
    """4 promised of 3: one short; an allowance of 5 leaves 4."""
    got = atp_units(on_hand_units=3, supply_units=[0], committed_units=[4], oversell_units=5)
    assert got == [4]


def test_bundle_of_loose_components():
    """150 A, 200 B, C = 1 A + 2 B: 100 bundles."""
    assert bundle_atp({"A": 150, "B": 200}, {"A": 1, "B": 2}) == 100


NEW_YORK = Calendar("America/New_York", cutoff=time(17), put_away_lag_days=1)


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-02T21:59:00+00:00", "2026-03-02"),  # 16:59 in New York
        ("2026-03-02T22:00:00+00:00", "2026-03-02"),  # exactly the cut-off
        ("2026-03-02T22:00:01+00:00", "2026-03-03"),
        ("2026-03-03T04:59:00+00:00", "2026-03-03"),  # still the evening of the 2nd there
        ("2026-03-09T21:00:00+00:00", "2026-03-09"),  # summer time: 17:00 is one hour earlier
        ("2026-03-09T21:00:01+00:00", "2026-03-10"),
    ],
)
def test_day_zero_ends_at_the_cut_off_in_the_time_of_the_place(moment, day):
    assert NEW_YORK.day_of(datetime.fromisoformat(moment)) == date.fromisoformat(day)


def test_goods_can_be_picked_after_the_put_away_lag_and_not_at_all_while_overdue():
    now = datetime(2026, 3, 5, 12, tzinfo=UTC)
    expected = {-1: None, 0: date(2026, 3, 6), 3: date(2026, 3, 9)}
    for days, pickable_on in expected.items():
        assert NEW_YORK.pickable_on(now + timedelta(days=days), now=now) == pickable_on
