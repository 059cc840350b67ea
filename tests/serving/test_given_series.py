"""Series that come with a question: what is too much for a server that also promises."""

from datetime import date, timedelta

import pytest

from inventory.errors import InputRejected
from serving.given_series import Question, given_panel


def rows(first):
    """Thirty days of one series, and one more day before them."""
    days = [first, *(date(2026, 1, 1) + timedelta(days=n) for n in range(30))]
    return [{"sku": "a", "location": "x", "date": day.isoformat(), "units": 3} for day in days]


def test_a_slip_in_the_year_fills_no_memory():
    panel, _ = given_panel(Question(history=rows(date(2025, 12, 30))))
    assert len(panel.history) == 32
    with pytest.raises(InputRejected, match="span too long a time; remove misdated rows") as told:
        given_panel(Question(history=rows(date(226, 12, 30))))
    assert told.value.field == "date"
