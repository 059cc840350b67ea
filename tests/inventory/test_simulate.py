"""The timing contract, as tables that a stock clerk can check."""

import numpy as np
import pytest

from inventory.simulate import StockState, play_period, project, simulate


def state(on_hand, *arriving):
    return StockState(np.array([float(on_hand)]), np.array([arriving], dtype=float))


def test_with_lead_time_two_an_order_of_week_x_serves_week_x_plus_three():
    """Ordered on the eve of week 1 (the end of week 0): on the shelf from the start of week 3."""
    demand = np.array([[1.0, 1, 1, 1, 1]])
    outcome = simulate(
        demand, state(0, 0, 0), lambda t, s: np.array([9.0 if t == -1 else 0.0]),
        lead_time_periods=2, lost_sales=True,
    )  # fmt: skip
    assert outcome.unmet_units.tolist() == [[1, 1, 0, 0, 0]]
    assert outcome.left_units.tolist() == [[0, 0, 8, 7, 6]]
    assert outcome.ordered_units.tolist() == [[9, 0, 0, 0, 0]]


def test_lead_time_zero_arrives_for_the_very_next_period():
    outcome = simulate(
        np.array([[5.0, 5]]), state(0), lambda t, s: np.array([5.0]),
        lead_time_periods=0, lost_sales=True,
    )  # fmt: skip
    assert outcome.unmet_units.sum() == 0


def test_arrivals_come_in_the_period_they_are_due():
    """On hand 2; 4 arrive in one period, 6 in two. Demand 3, 1, 9."""
    now = state(2, 4, 6)
    demand = [3.0, 1.0, 9.0]
    left, unmet = [], []
    for units in demand:
        period = play_period(now, np.array([units]), lost_sales=True)
        now = period.state
        left.append(period.left_units.item())
        unmet.append(period.unmet_units.item())
    assert left == [3, 8, 0]
    assert unmet == [0, 0, 1]


def test_lost_sales_forget_and_backorders_remember():
    demand = np.array([[10.0, 0.0]])
    lost = project(state(4, 0, 5), demand, lost_sales=True)
    owed = project(state(4, 0, 5), demand, lost_sales=False)
    assert lost.on_hand_units.tolist() == [5]
    assert owed.on_hand_units.tolist() == [-1]


def test_backorders_count_each_unit_short_once():
    outcome = simulate(
        np.array([[10.0, 2.0, 0.0]]), state(4, 0, 5), lambda t, s: np.array([0.0]),
        lead_time_periods=5, lost_sales=False,
    )  # fmt: skip
    # 4 met, 6 owed; the 5 that arrive go to those owed, so the next 2 wait as well.
    assert outcome.unmet_units.tolist() == [[6, 2, 0]]


def test_with_lost_sales_the_mean_of_paths_is_not_the_path_of_means():
    paths = np.array([[[0.0, 20.0]]])  # One period, two equally likely demands.
    start = StockState(np.array([[10.0, 10.0]]), np.zeros((1, 2, 0)))
    after = project(start, paths, lost_sales=True)
    assert after.on_hand_units.mean() == 5
    assert project(state(10), np.array([[10.0]]), lost_sales=True).on_hand_units.item() == 0


def test_the_last_order_may_be_before_the_last_period():
    outcome = simulate(
        np.ones((1, 4)), state(9), lambda t, s: np.array([1.0]),
        lead_time_periods=0, lost_sales=True, orders=2,
    )  # fmt: skip
    assert outcome.ordered_units.tolist() == [[1, 1, 0, 0]]


def test_cost_is_holding_on_what_is_left_and_shortage_on_what_was_lost():
    outcome = simulate(
        np.array([[3.0, 9.0]]), state(5), lambda t, s: np.array([0.0]),
        lead_time_periods=0, lost_sales=True,
    )  # fmt: skip
    assert outcome.cost(holding=0.2, shortage=1.0) == pytest.approx(2 * 0.2 + 7 * 1.0)
    assert outcome.fill_rate == pytest.approx(5 / 12)


def test_units_are_conserved_whatever_the_policy():
    rng = np.random.default_rng(3)
    demand = rng.poisson(4, (50, 30)).astype(float)
    start = StockState(rng.poisson(8, 50).astype(float), rng.poisson(3, (50, 2)).astype(float))
    orders = rng.poisson(4, (50, 30)).astype(float)
    outcome = simulate(
        demand, start, lambda t, s: orders[:, t + 1], lead_time_periods=2, lost_sales=True
    )
    arrived = start.pipeline_units.sum(axis=1) + orders[:, :28].sum(axis=1)
    sold = outcome.met_units.sum(axis=1)
    assert (start.on_hand_units + arrived - sold == outcome.left_units[:, -1]).all()


def test_what_outlives_its_shelf_life_goes_at_the_end_of_its_last_period():
    """Nine arrive for period 0 and keep for three: two a period sell, three are thrown away."""
    outcome = simulate(
        np.full((1, 4), 2.0), state(0), lambda t, s: np.array([9.0 if t == -1 else 0.0]),
        lead_time_periods=0, lost_sales=True, shelf_life_periods=3,
    )  # fmt: skip
    assert outcome.left_units.tolist() == [[7, 5, 0, 0]]
    assert outcome.expired_units.tolist() == [[0, 0, 3, 0]]
    assert outcome.unmet_units.tolist() == [[0, 0, 0, 2]]
    assert outcome.cost(holding=1, shortage=10, waste=100) == 12 + 20 + 300


def test_the_oldest_sells_first():
    """Five a period that keep for two, demand four: what is left over sells before the next."""
    outcome = simulate(
        np.full((1, 6), 4.0), state(0), lambda t, s: np.array([5.0]),
        lead_time_periods=0, lost_sales=True, shelf_life_periods=2,
    )  # fmt: skip
    # 1, 2, 3 and 4 fresh ones are left; from then on five fresh and four old for a demand of four.
    assert outcome.left_units.tolist() == [[1, 2, 3, 4, 5, 5]]
    assert outcome.expired_units.tolist() == [[0, 0, 0, 0, 0, 1]]


def test_goods_of_one_period_never_last():
    outcome = simulate(
        np.array([[3.0, 9.0]]), state(0), lambda t, s: np.array([5.0]),
        lead_time_periods=0, lost_sales=True, shelf_life_periods=1,
    )  # fmt: skip
    assert outcome.left_units.tolist() == [[0, 0]]
    assert outcome.expired_units.tolist() == [[2, 0]]


def test_shelf_lives_agree_with_counting_every_batch():
    """A second way: batches by age, one history at a time."""
    rng = np.random.default_rng(8)
    demand = rng.poisson(4, (30, 40)).astype(float)
    orders = rng.poisson(5, (30, 40)).astype(float)
    for life in (1, 2, 5):
        outcome = simulate(
            demand, StockState(np.zeros(30), np.zeros((30, 1))), lambda t, s: orders[:, t + 1],
            lead_time_periods=1, lost_sales=True, shelf_life_periods=life,
        )  # fmt: skip
        for row in range(30):
            batches, expired = [], []
            for t in range(40):
                batches.append([life, orders[row, t - 1] if t >= 1 else 0.0])
                wanted = demand[row, t]
                for batch in batches:
                    taken = min(batch[1], wanted)
                    batch[1] -= taken
                    wanted -= taken
                    batch[0] -= 1
                expired.append(sum(units for left, units in batches if left == 0))
                batches = [batch for batch in batches if batch[0] > 0]
            assert outcome.expired_units[row].tolist() == expired


def test_orders_come_every_review_period():
    outcome = simulate(
        np.ones((1, 7)), state(20), lambda t, s: np.array([1.0]),
        lead_time_periods=0, lost_sales=True, review_periods=3, orders=2,
    )  # fmt: skip
    assert outcome.ordered_units.tolist() == [[1, 0, 0, 1, 0, 0, 0]]


def test_each_history_may_have_a_lead_time_of_its_own():
    """Together they come to what each comes to by itself."""
    demand = np.random.default_rng(4).poisson(5, (3, 30)).astype(float)
    lead = np.array([0, 3, 1])

    def up_to_thirty(_, state):
        return np.maximum(30 - state.position_units, 0)

    def played(rows, lead_time):
        start = StockState(np.full(len(demand[rows]), 10.0), np.zeros((len(demand[rows]), 0)))
        return simulate(
            demand[rows], start, up_to_thirty, lead_time_periods=lead_time, lost_sales=True
        )

    together = played(slice(None), lead)
    for row, periods in enumerate(lead.tolist()):
        alone = played(slice(row, row + 1), periods)
        assert np.array_equal(together.left_units[row], alone.left_units[0])
        assert np.array_equal(together.ordered_units[row], alone.ordered_units[0])
