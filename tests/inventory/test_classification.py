"""Classes of items: a worked ABC table, and what must hold of any."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventory.classification import CutOffs, abc_classes, variation, xyz_classes
from inventory.errors import InputRejected


def test_a_table_worked_by_hand():
    """Ten items that turn over 10,000: cumulated 45, 70, 80, 86, 91, 95, 97, 98.5, 99.5, 100 %.

    Those before the fourth reach 80 %, so it is the first B; those before the seventh 95 %.
    """
    value = np.array([4500, 2500, 1000, 600, 500, 400, 200, 150, 100, 50], dtype=float)
    assert "".join(abc_classes(value)) == "AAABBBCCCC"
    assert "".join(abc_classes(value[::-1])) == "CCCCBBBAAA"


def test_cut_offs_move_the_classes():
    value = np.array([50.0, 30.0, 20.0])
    assert "".join(abc_classes(value, CutOffs(value_shares=(0.5, 0.8)))) == "ABC"
    assert "".join(abc_classes(value, CutOffs(value_shares=(0.51, 1.0)))) == "AAB"
    assert "".join(xyz_classes(np.array([0.1, 0.3]), CutOffs(variations=(0.2, 0.25)))) == "XZ"


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=40), st.floats(0.1, 0.9))
@example([5e-324], 0.5)
def test_a_items_turn_over_their_share_and_no_fewer_do(values, share):
    value = np.array(values)
    words = abc_classes(value, CutOffs(value_shares=(share, 1.0)))
    chosen = value[words == "A"]
    total = value.sum()
    if total > 0:
        assert chosen.sum() / total >= share * (1 - 1e-9)
        assert (chosen.sum() - chosen.min()) / total < share * (1 + 1e-9)
        assert chosen.min() >= value[words != "A"].max(initial=0)


def test_what_is_not_known_is_not_classed():
    assert abc_classes(np.array([np.nan, 5.0])).tolist() == ["", "A"]
    assert np.isnan(variation(np.array([0.0]), np.array([1.0]))).all()
    assert abc_classes(np.array([])).tolist() == []
    assert abc_classes(np.zeros(2)).tolist() == ["C", "C"]


@pytest.mark.parametrize(
    "wrong",
    [{"value_shares": (0.9, 0.8)}, {"value_shares": (0, 1)}, {"variations": (1, 0.5)}],
    ids=str,
)
def test_cut_offs_must_rise(wrong):
    with pytest.raises(InputRejected) as refused:
        CutOffs(**wrong)
    assert refused.value.field == next(iter(wrong))


def test_a_negative_value_is_refused():
    with pytest.raises(InputRejected):
        abc_classes(np.array([-1.0]))
