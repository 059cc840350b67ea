"""Stock health and the alerts that follow from it."""

import numpy as np
import pytest

from inventory.alerts import Situation, late_order_alert, position_alert
from inventory.health import days_of_cover, stock_health


def health_of(sellable, *, reorder_point=20.0, up_to=50.0, rate=2.0):
    return stock_health(
        sellable_units=np.array([float(sellable)]),
        reorder_point_units=np.array([reorder_point]),
        order_up_to_units=np.array([up_to]),
        demand_per_day_units=np.array([rate]),
    )[0]


@pytest.mark.parametrize(
    ("sellable", "word"),
    [(-3, "out"), (0, "out"), (1, "low"), (20, "low"), (21, "healthy"), (110, "healthy"),
     (111, "over")],
)  # fmt: skip
def test_words_change_at_their_limits(sellable, word):
    """Over means more than the order-up-to level of 50 by thirty days of 2."""
    assert health_of(sellable) == word


def test_what_does_not_sell_is_healthy_without_stock_and_over_with_it():
    assert health_of(0, reorder_point=0, up_to=0, rate=0) == "healthy"
    assert health_of(5, reorder_point=0, up_to=0, rate=0) == "over"


def test_cover_is_endless_where_nothing_sells():
    cover = days_of_cover(
        sellable_units=np.array([10.0, 10.0, -4.0]), demand_per_day_units=np.array([4.0, 0.0, 1.0])
    )
    assert cover.tolist() == [2.5, np.inf, 0.0]


def alert_for(health, *, sellable=5.0, on_order=0.0, cover=2.5):
    return position_alert(Situation(
        sku="TEA", location="S1", health=health, sellable_units=sellable,
        on_order_units=on_order, reorder_point_units=20.0, order_up_to_units=50.0,
        cover_days=cover, demand_per_day_units=2.0, proposed_units=45.0,
    ))  # fmt: skip


def test_each_kind_of_trouble_has_its_alert():
    assert alert_for("out").severity == "critical"
    assert alert_for("low").kind == "low_stock"
    assert alert_for("over").severity == "info"
    assert alert_for("healthy") is None


def test_low_stock_with_enough_on_order_is_no_alarm_until_it_is_urgent():
    assert alert_for("low", on_order=40.0, cover=6.0) is None
    assert alert_for("low", on_order=40.0, cover=2.9).kind == "low_stock"


def test_an_alert_tells_what_to_do():
    detail = alert_for("out").detail
    assert detail["recommended_quantity"] == 45
    assert detail["reorder_point"] == 20.0


def test_a_late_order_says_how_late():
    from datetime import date

    alert = late_order_alert(
        order_id="PO-1", vendor="ACME", location="S1", expected_on=date(2026, 3, 1),
        today=date(2026, 3, 4), open_units=12,
    )  # fmt: skip
    assert "3 days late" in alert.message
    assert alert.detail["purchase_order"] == "PO-1"
