"""Orders filled up to a vendor's minimum and to whole trucks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inventory.order_fill import OrderLines, to_trucks, to_value


def lines(quantity, position, rate, pack, *, cost=1.0, room=1e6, least=0.0):
    n = len(quantity)
    return OrderLines(*(np.broadcast_to(np.asarray(a, dtype=float), n)
                        for a in (quantity, position, rate, pack, cost, room, least)))  # fmt: skip


def test_packs_go_where_stock_lasts_least():
    """A covers 10 days, B 2 and C 6: B gets packs until it covers as long as C, then both."""
    order = lines([10, 0, 0], [100, 20, 60], 10.0, 10.0)
    assert to_value(order, 50.0).tolist() == [0, 40, 0]
    assert to_value(order, 90.0).tolist() == [0, 60, 20]


def test_what_does_not_sell_is_never_added():
    assert to_value(lines([10, 0], [10, 0], [5, 0], 1.0), 100.0).tolist() == [90, 0]


def test_a_line_that_begins_holds_its_minimum():
    assert to_value(lines([12, 0], [120, 0], 10.0, 6.0, least=[0, 20]), 20.0).tolist() == [0, 24]


def test_where_room_ends_the_order_stays_small():
    assert to_value(lines([10], [10], 1.0, 10.0, room=25.0), 500.0).tolist() == [20]


def test_nothing_is_filled_where_nothing_is_due():
    assert to_value(lines([0, 0], [5, 5], 1.0, 1.0), 500.0).tolist() == [0, 0]
    assert to_trucks(lines([0, 0], [5, 5], 1.0, 1.0), 500.0).tolist() == [0, 0]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 300), st.integers(1, 40), st.integers(1, 12)),
        min_size=1, max_size=6,
    ),
    st.integers(1, 400),
)  # fmt: skip
def test_trucks_are_full_or_no_pack_fits(rows, truck):
    packs, position, rate, pack = np.array(rows, dtype=float).T
    order = lines(packs * pack, position, rate, pack)
    added = to_trucks(order, float(truck))
    total = order.quantity_units.sum() + added.sum()
    assert (added % order.pack_units == 0).all()
    if order.quantity_units.any():
        missing = -total % truck
        assert missing < order.pack_units.min() or missing == 0
