"""Kinds of sellers, told from examples whose kind the sources name."""

import numpy as np

from models.segments import SEGMENTS, segments


def named(*series, period_days=1):
    found = segments(np.stack(series), period_days=period_days)
    return [SEGMENTS[s] for s in found]


def test_demand_classes_follow_syntetos_and_boylan():
    smooth = np.full(60, 8.0)
    erratic = np.tile([1.0, 1.0, 1.0, 20.0], 15)
    rare = np.tile([0.0, 0.0, 3.0], 20)
    assert named(smooth, erratic, rare) == ["smooth", "erratic", "intermittent"]


def test_an_item_is_new_until_enough_is_known_of_it():
    new = np.concatenate([np.full(45, np.nan), np.full(15, 5.0)])
    settled = np.concatenate([np.full(30, np.nan), np.full(30, 5.0)])
    assert named(new, settled) == ["new", "smooth"]
    assert named(np.full(60, np.nan)) == ["new"], "nothing is known of it at all"


def test_an_item_that_stopped_is_quiet_and_one_that_seldom_sells_is_not():
    stopped = np.concatenate([np.full(60, 5.0), np.zeros(40)])
    seldom = np.zeros(200)
    seldom[::50] = 1.0  # 49 days since the last sale, as often before
    never = np.zeros(60)
    assert named(stopped, period_days=1) == ["quiet"]
    assert named(seldom, period_days=1) == ["intermittent"]
    assert named(never, period_days=1) == ["quiet"]


def test_a_long_stock_out_is_no_silence():
    emptied = np.concatenate([np.full(60, 5.0), np.full(40, np.nan)])
    assert named(emptied) == ["smooth"]
