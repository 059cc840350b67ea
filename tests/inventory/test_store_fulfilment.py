"""The chance of a promise from the tables: what is read, and where nothing can be said."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from inventory.demand import DemandForecast
from inventory.ledger import Fact
from inventory.reservations import AskedLine, Basket
from inventory.store import forecasts, fulfilment, inbound, ledger, reservations
from inventory.store.availability import availability

NOW = datetime(2026, 6, 1, tzinfo=UTC)
UNIFORM = np.arange(1, 100) / 100
"""Levels of a demand that is anything from 0 to 10 units, all alike: F(x) = x / 10."""


@pytest.fixture
def shop(db):
    db.execute("insert into vendors (vendor, name, lead_time_sd_days) values ('V', 'V', 2)")
    db.execute("insert into skus (sku, name, vendor) values ('A', 'A', 'V'), ('B', 'B', null)")
    db.execute("insert into locations (location, name, type) values ('S1', 'x', 'store'), "
               "('S2', 'x', 'store'), ('DC', 'x', 'warehouse')")  # fmt: skip
    db.execute("insert into groups values ('g', 'g')")
    db.execute("insert into group_members values ('g', 'S1'), ('g', 'S2')")
    db.execute("insert into bundles (sku, component, units) values ('B', 'A', 2)")
    db.execute("insert into channels (channel, name) values ('web', 'web')")
    for location, units in (("S1", 20), ("S2", 20), ("DC", 20)):
        fact = Fact("A", location, "available", "delta", units, NOW, "test")
        with db.transaction():
            ledger.record(db, [fact], now=NOW)
    return db


def predict(db, *locations):
    days, N = 30, len(locations)
    forecast = DemandForecast(
        skus=("A",) * N, locations=locations, first_day=NOW.date(), levels=UNIFORM,
        quantiles_units=np.tile(10 * UNIFORM, (N, days, 1)), mean_units=np.full((N, days), 5.0),
        dependence=np.zeros((N, 2)), run_id="run", model_version="m",
    )  # fmt: skip
    forecasts.store_run(db, forecast, now=NOW)


def chance(db, place, quantity, *, sku="A", on=None, method="ship"):
    asked_day = None if on is None else (NOW + timedelta(days=on)).date()
    answer = availability(db, sku=sku, **place, channel="web", method=method, quantity=quantity,
                          on=asked_day, now=NOW)  # fmt: skip
    fulfilment.add_chances(db, [(answer, asked_day)], now=NOW)
    return answer.as_dict().get("fulfilment_probability")


S1, DC, POOL = {"location": "S1"}, {"location": "DC"}, {"group": "g"}


def test_nobody_walks_into_a_warehouse_and_a_store_without_a_forecast_is_unknown(shop):
    assert chance(shop, DC, 20) == 1.0
    assert chance(shop, S1, 1) is None
    assert chance(shop, POOL, 1) is None


@pytest.mark.parametrize(("quantity", "expected"), [(10, 1.0), (13, 0.7), (15, 0.5), (19, 0.1)])
def test_walk_in_sales_come_first(shop, quantity, expected):
    predict(shop, "S1", "S2")
    # Beyond the last level there is a thin tail.
    assert chance(shop, S1, quantity) == pytest.approx(expected, abs=0.006)


def test_what_is_promised_already_takes_its_share_and_is_known_demand(shop):
    """5 of 20 are promised for today: they are part of the ten that may come in all."""
    predict(shop, "S1", "S2")
    place(shop, "o1", 5)
    # 15 left; 5 of the day's demand have come: 10 are free beside a demand of up to 5 more.
    assert chance(shop, S1, 12) == pytest.approx(0.8, abs=1e-3)


def place(db, name, units, *, day=0, at="S1"):
    basket = Basket("hard", "web", "ship", (AskedLine("A", units, at),), order_id=name,
                    on=(NOW + timedelta(days=day)).date())  # fmt: skip
    return reservations.place(db, basket, reservation_id=name, now=NOW)


def test_a_promise_says_how_likely_it_is_kept_as_it_was_when_it_was_asked_for(shop):
    predict(shop, "S1", "S2")
    asked = chance(shop, S1, 13)
    promise = place(shop, "o1", 13)
    told = fulfilment.with_chances(shop, promise, now=NOW).as_dict()["lines"][0]
    assert told["fulfilment_probability"] == asked
    place(shop, "o2", 4)
    # Who comes after is served after; and of the day's demand four are known now.
    told = fulfilment.with_chances(shop, promise, now=NOW).as_dict()["lines"][0]
    assert asked == pytest.approx(0.7, abs=1e-3)
    assert told["fulfilment_probability"] > 0.99


def test_a_rule_says_what_competes_and_for_how_long(shop):
    predict(shop, "S1", "S2", "DC")
    shop.execute(
        "insert into buffer_rules (rule_id, method, forecast) values ('r', 'ship', "
        """'{"level": 0.9, "competing_share": 0.5, "record_error_units": 2}')"""
    )
    # Half of the demand, up to 5 units; two more may be missing from the shelf.
    assert chance(shop, DC, 15) == pytest.approx(0.6, abs=1e-3)
    assert chance(shop, DC, 15, method="bopis") == 1.0


def test_supply_that_may_come_late(shop):
    """20 there and 10 due on day 2 at midnight, 2 days of spread; the pick may wait for its end.

    On day 2 the goods have one day of slack: Φ(0.5) = 0.6915; on day 4 three: Φ(1.5) = 0.9332.
    """
    inbound.put(shop, inbound_id="in", sku="A", location="DC", quantity=10,
                expected_at=NOW + timedelta(days=2), state="confirmed", now=NOW)  # fmt: skip
    assert chance(shop, DC, 25) == pytest.approx(0.6915, abs=1e-3)
    assert chance(shop, DC, 25, on=4) == pytest.approx(0.9332, abs=1e-3)
    assert chance(shop, DC, 20, on=4) == 1.0
    assert chance(shop, DC, 31, on=4) == 0.0
    assert chance(shop, DC, 12, sku="B", on=4) == pytest.approx(0.9332, abs=1e-3)


def test_a_group_draws_on_all_its_shelves(shop):
    """Two shelves of 20 with a demand of 0 to 10 each: 30 are free half of the time, 20 always."""
    predict(shop, "S1", "S2")
    assert chance(shop, POOL, 20) > 0.99
    assert chance(shop, POOL, 29) == pytest.approx(0.5, abs=0.07)
    basket = Basket("hard", "web", "ship", (AskedLine("A", 9),), group="g", order_id="o")
    promise = reservations.place(shop, basket, reservation_id="o", now=NOW)
    assert chance(shop, POOL, 20) == pytest.approx(0.5, abs=0.07)
    (line,) = fulfilment.with_chances(shop, promise, now=NOW).lines
    assert line.fulfilment_probability > 0.99


def test_a_place_keeps_what_groups_around_it_were_promised(shop):
    """The group holds 30 of the 40: S1 can spare 10 of its 20."""
    predict(shop, "S1", "S2")
    basket = Basket("hard", "web", "ship", (AskedLine("A", 30),), group="g", order_id="o")
    reservations.place(shop, basket, reservation_id="o", now=NOW)
    assert chance(shop, S1, 4) == pytest.approx(0.6, abs=1e-3)
