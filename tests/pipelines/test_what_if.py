"""What another policy would come to: by hand where demand is certain, path by path where not."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest
from scipy.stats import nbinom

from inventory.demand import LEVELS, DemandForecast
from inventory.errors import InputRejected, NotFound
from inventory.store.demand_laws import LAW_SCHEMA
from inventory.targets import CYCLE_SERVICE
from pipelines.buying_lots import Prices
from pipelines.demo import load_demo
from pipelines.settings import Settings
from pipelines.tried_terms import Changes
from pipelines.what_if import Question, read_question, what_if

LEVEL = np.array(LEVELS)
MONDAY = date(2026, 6, 1)
ROW = {
    "sku": "A", "location": "S", "vendor": "V", "lead_time_days": 2.0, "lead_time_sd_days": 0.0,
    "review_period_days": 1.0, "shelf_life_days": None, "pack_size": 1.0,
    "min_order_quantity": 0.0, "max_order_quantity": None, "pallet_size": None,
    "full_pallets": "f", "vendor_order_cost": None, "order_cost": 0.0, "unit_cost": 4.0,
    "holding_cost": 1.0, "target_kind": CYCLE_SERVICE, "level": 0.95, "demand_law": None,
    "sources": "{}", "on_hand": 30.0, "committed": 0.0, "holding": 0.01, "shortage": 2.0,
    "waste": 4.0,
}  # fmt: skip
TYPES = {
    "shelf_life_days": pl.Float64, "max_order_quantity": pl.Float64, "pallet_size": pl.Float64,
    "vendor_order_cost": pl.Float64, "demand_law": pl.String,
}  # fmt: skip


def forecast_of(quantiles, mean):
    return DemandForecast(
        skus=("A",), locations=("S",), first_day=MONDAY, levels=LEVEL,
        quantiles_units=np.broadcast_to(quantiles, (1, 28, len(LEVEL))).astype(float),
        mean_units=np.full((1, 28), float(mean)), dependence=np.zeros((1, 2)),
    )  # fmt: skip


CERTAIN = forecast_of(10.0, 10)
RANDOM = forecast_of(nbinom.ppf(LEVEL, 3, 0.3), 7)


def question(forecast=CERTAIN, *, coming=(), **row):
    units = np.zeros(365)
    units[: len(coming)] = coming
    table = pl.DataFrame([ROW | row], schema_overrides=TYPES)
    laws = pl.DataFrame(schema=LAW_SCHEMA)
    return Question(table, forecast, laws, Prices(), units, ())


def test_steady_sales_by_hand():
    """Ten a day, two days and one: up to thirty, of which twenty are always on their way."""
    answer = what_if(question(), Changes(lead_time_days=4), days=28, seed=7)
    now, then = answer.present, answer.what_if
    assert (now.policy["reorder_point"], then.policy["reorder_point"]) == (30, 50)
    assert (now.policy["safety_stock"], now.policy["lead_time"]) == (0, 2)
    assert answer.counted_from == date(2026, 6, 5)
    assert now.ahead["fill_rate"] == 1
    assert (now.ahead["orders"], now.ahead["units_ordered"], now.ahead["stock"]) == (28, 280, 0)
    assert then.ahead["fill_rate"] == 1
    assert now.ahead["cost"] == 0


def test_a_pack_of_forty_lasts_four_days():
    """Ordered at thirty or less, so every fourth day: seven times in four weeks."""
    asked = question(holding_cost=0.0)
    then = what_if(asked, Changes(pack_size=40, order_cost=3), days=28, seed=7).what_if
    assert (then.ahead["orders"], then.ahead["units_ordered"]) == (7, 280)
    assert then.ahead["ordering_cost"] == 21
    # Thirty, twenty, ten and none are left, by turns.
    assert then.ahead["stock"] == 15
    assert then.ahead["holding_cost"] == pytest.approx(0.01 * 15 * 28)
    assert then.ahead["cost"] == pytest.approx(21 + 0.01 * 15 * 28)


def test_what_is_coming_is_not_ordered_again():
    """An empty shelf until the third day. Ten that come then are ten that are ordered less today;
    with forty coming nothing is, and on the two days after it ten less are lacking.
    """
    placed = [
        what_if(question(on_hand=0.0, coming=each), Changes(order_cost=0), days=3, seed=7)
        .present.ahead["units_ordered"]
        for each in ((), (0, 0, 10), (0, 0, 40))
    ]  # fmt: skip
    assert placed == [10 + 10, 10 + 10, 10]


@pytest.mark.parametrize("lost_sales", [True, False], ids=["lost", "owed"])
def test_figures_are_those_of_every_path_by_itself(lost_sales):
    """The same paths in a loop, by the reorder point and order-up-to level that are told."""
    asked = question(RANDOM, order_cost=1.5, holding_cost=30.0, holding=30 / 365)
    answer = what_if(asked, Changes(service_level=0.7), days=21, lost_sales=lost_sales, seed=7)
    for outlook in (answer.present, answer.what_if):
        low, high = (outlook.policy[name] for name in ("reorder_point", "order_up_to"))
        paths = next(RANDOM.sample_paths_units(seed=7, periods=23))[0].T
        met = asked_for = left = orders = 0
        for path in paths:
            shelf, coming = 30.0, [0.0, 0.0, 0.0]
            for day, demand in enumerate(path):
                position = shelf + sum(coming)
                coming[2] = np.ceil(high - position) if position <= low else 0.0
                orders += day >= 2 and coming[2] > 0
                shelf, coming = shelf + coming[0], [coming[1], coming[2], 0.0]
                sold = min(max(shelf, 0.0), demand)
                shelf -= sold if lost_sales else demand
                if day >= 2:
                    met, asked_for, left = met + sold, asked_for + demand, left + max(shelf, 0)
        assert outlook.ahead["fill_rate"] == pytest.approx(met / asked_for)
        assert outlook.ahead["stock"] == pytest.approx(left / len(paths) / 21)
        assert outlook.ahead["orders"] == pytest.approx(orders / len(paths))
    assert answer.what_if.ahead["fill_rate"] < answer.present.ahead["fill_rate"]
    assert answer.what_if.ahead["stock"] < answer.present.ahead["stock"]


def test_late_deliveries_cost_service():
    steady = question(RANDOM, lead_time_days=5.0)
    answer = what_if(steady, Changes(lead_time_sd_days=3.0), days=28, seed=7)
    assert answer.what_if.policy["safety_stock"] > answer.present.policy["safety_stock"]
    assert answer.what_if.ahead["stock"] > answer.present.ahead["stock"]


def test_the_same_question_has_the_same_answer():
    first, again = (
        what_if(question(RANDOM), Changes(fill_rate=0.99), days=14, seed=3) for _ in range(2)
    )
    assert first == again
    assert first.what_if.policy["target"] == "fill_rate"
    assert len({len(line) for line in first.lines()[1:]}) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, None),
        ({"service_level": 1.0}, "service_level"),
        ({"service_level": 0.9, "fill_rate": 0.9}, "fill_rate"),
        ({"lead_time_days": -1.0}, "lead_time_days"),
        ({"pack_size": 0.0}, "pack_size"),
        ({"review_period_days": float("nan")}, "review_period_days"),
        ({"lead_time_sd_days": 90.0, "lead_time_days": 90.0}, "lead_time_sd_days"),
    ],
    ids=["nothing", "certainty", "two targets", "the past", "no pack", "no number", "years late"],
)
def test_what_cannot_be_meant_is_refused(given, field):
    with pytest.raises(InputRejected) as refused:
        what_if(question(), Changes(**given), seed=7)
    assert refused.value.field == field


def test_a_position_nobody_delivers_is_refused():
    nobody = question(lead_time_days=None)
    nobody = replace(nobody, table=nobody.table.cast({"lead_time_days": pl.Float64}))
    with pytest.raises(InputRejected) as refused:
        what_if(nobody, Changes(pack_size=6), seed=7)
    assert refused.value.field == "lead_time_days"


def test_the_present_policy_is_the_one_in_force(db):
    """The only position of a database: the daily job draws the very same paths."""
    from inventory.store import forecasts
    from inventory.store.policies import read_policy
    from pipelines.replenish import replenish

    now = datetime(2026, 6, 10, 6, tzinfo=UTC)
    load_demo(db, now=now, skus=12, days=60)
    sku, at = db.execute("select sku, location from sales_days limit 1").fetchone()
    sold = replace(
        RANDOM, skus=(sku,), locations=(at,), first_day=now.date(), run_id="r", model_version="1"
    )
    forecasts.store_run(db, sold, now=now)
    replenish(db, Settings(), now=now)
    asked = read_question(db, sku, at, Settings(), now=now)
    answer = what_if(asked, Changes(service_level=0.99), days=14, seed=Settings().seed)
    stored = read_policy(db, sku, at)
    told = answer.present.policy
    for name in ("safety_stock", "reorder_point", "order_quantity", "order_up_to", "lead_time"):
        assert told[name] == pytest.approx(stored[name], rel=0.02)
    with pytest.raises(NotFound):
        read_question(db, sku, "nowhere", Settings(), now=now)
