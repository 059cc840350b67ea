"""The daily job's orders in a replay: its own functions, on the terms of the catalogue."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from inventory.demand import LEVELS, DemandForecast
from inventory.errors import InputRejected
from inventory.simulate import StockState
from models.baseline import MovingAverage, SeasonalNaive
from pipelines.planned_orders import quantities
from pipelines.replay_run import Asked, replay, replay_database
from pipelines.replay_terms import AskedTerms, of_catalogue, of_file
from pipelines.settings import Settings

LEVEL = np.array(LEVELS)
DAYS = [date(2024, 1, 1) + timedelta(days=day) for day in range(80)]


@pytest.fixture(autouse=True)
def quick_members(monkeypatch):
    monkeypatch.setattr(
        "pipelines.predict.members_of", lambda *_, **__: [SeasonalNaive(), MovingAverage()]
    )


def panel_of(units=10.0, skus=("A",), **columns):
    history = pl.concat(
        pl.DataFrame({
            "sku": [sku] * 80, "location": ["S"] * 80, "date": DAYS,
            "units": [float(units)] * 80, "in_stock": [1.0] * 80,
        } | {name: [value] * 80 for name, value in columns.items()})
        for sku in skus
    )  # fmt: skip
    return Panel(history=history, future=history.head(0)[["sku", "location", "date"]])


def certain(units=10.0, skus=("A",), horizon=28):
    N = len(skus)
    return DemandForecast(
        skus=tuple(skus), locations=("S",) * N, first_day=DAYS[-1] + timedelta(days=1),
        levels=LEVEL, quantiles_units=np.full((N, horizon, len(LEVEL)), float(units)),
        mean_units=np.full((N, horizon), float(units)), dependence=np.zeros((N, 2)),
    )  # fmt: skip


TERMS = AskedTerms(lead_time_periods=2, review_periods=3, holding=0.2, shortage=1.0)


def wanted(*on_hand, asked=TERMS, recent=None, **columns):
    skus = tuple("ABCD"[: len(on_hand)])
    bought, _ = of_file(panel_of(skus=skus, **columns), asked)
    state = StockState(
        np.array(on_hand, dtype=float), np.zeros((len(on_hand), 2)),
        None if recent is None else np.array([recent] * len(on_hand), dtype=float),
    )  # fmt: skip
    return quantities(certain(skus=skus), state, bought, seed=7).tolist()


def test_orders_go_from_the_reorder_point_up_to_a_lot_more():
    """Ten a day, two days and three: at 50 or less, up to 50; with a lot of 20, up to 70.

    A year sells 3,650: √(2 · 3,650 · 4 / 73) is 20 with holding 0.2 a day, 73 a year.
    """
    assert wanted(60, 50, 49, 0) == [0, 0, 1, 50]
    with_lots = replace(TERMS, order_cost=4.0)
    assert wanted(60, 51, 50, 0, asked=with_lots) == [0, 0, 20, 70]


def test_orders_are_whole_packs_between_minimum_and_maximum():
    asked = replace(TERMS, pack_units=12, min_order_units=24, max_order_units=48)
    assert wanted(49, 20, 0, asked=asked) == [24, 36, 48]


def test_terms_of_a_file_are_its_columns_named_alike():
    assert wanted(49, 0, pack_size=12.0, min_order_quantity=24.0) == [24, 60]


def test_what_will_expire_is_not_counted_on():
    """Thirty that came three days ago keep five: twenty sell in the two days left, ten do not."""
    asked = replace(TERMS, shelf_life_periods=5)
    assert wanted(30, asked=asked, recent=[0, 30, 0, 0]) == [50 - 20]
    assert wanted(30, asked=asked, recent=[0, 0, 0, 30]) == [50 - 30]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"holding": 0.0, "shortage": 0.0}, "holding"),
        ({"holding": None}, "holding"),
        ({"shortage": None}, "shortage"),
        ({"review_periods": None}, "review"),
        ({"pack_units": 0.0}, "pack_units"),
        ({"order_cost": float("nan")}, "order_cost"),
    ],
    ids=["no costs", "no holding", "no shortage", "no review", "no pack", "no number"],
)
def test_terms_that_cannot_be_meant_are_refused(given, field):
    with pytest.raises(InputRejected) as refused:
        replay(panel_of(), replace(ASKED, **given))
    assert refused.value.field == field


ASKED = Asked(
    lead_time_periods=2, review_periods=3, holding=0.2, shortage=1.0, lost_sales=True,
    policies=("planned",), windows=1, orders=3,
)  # fmt: skip


def test_steady_sales_are_served_from_what_sells_in_a_review_period():
    """Fifty are left, on the shelf and on order, when thirty are ordered every third day."""
    report = replay(panel_of(), replace(ASKED, order_cost=7.0, unit_cost=2.0))
    (row,) = report.policies
    assert (row.fill_rate, row.stock_outs, row.orders) == (1.0, 0, 3)
    assert row.order_cost == 21
    assert row.cost == pytest.approx(row.holding_cost + 21)


def test_parameters_are_part_of_a_policys_name():
    asked = replace(ASKED, policies=("planned:0.99", " min_max:20/60", "min_max:20/60"))
    report = replay(panel_of(), asked)
    assert {row.policy for row in report.policies} == {"planned:0.99", "min_max:20/60"}


@pytest.mark.parametrize(
    "written",
    ["best", "planned:1", "planned:0.9/2", "min_max:20", "min_max:60/20", "days_of_cover:0",
     "safety_factor:z", "seasonal:4", "vouch:1", "min_max:", "days_of_cover:nan", ""],
)  # fmt: skip
def test_what_is_no_policy_is_refused_with_the_list(written):
    with pytest.raises(InputRejected, match="none of: planned or planned") as refused:
        replay(panel_of(), replace(ASKED, policies=("seasonal", written)))
    assert refused.value.field == "policies"


@pytest.fixture
def catalogued(db):
    """Two SKUs by one vendor, three days from it, sold at ten a day; a rule asks for 0.8."""
    now = datetime(2024, 3, 21, 6, tzinfo=UTC)
    db.execute("insert into locations (location, name, type) values ('S', 'S', 'store')")
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, lead_time_sd_days, "
        "review_period_days, order_cost) values ('V', 'V', 2.5, 1, 3, 11)"
    )
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price, pack_size, min_order_quantity, "
        "max_order_quantity, order_cost, holding_cost, shelf_life_days) values "
        "('A', 'A', 'V', 4, 10, 6, 12, 60, 5, 73, null), ('B', 'B', 'V', 4, 3, 1, 0, null, "
        "null, null, 400), ('C', 'C', null, 4, 3, 1, 0, null, null, null, null)"
    )
    db.execute("insert into policy_rules (rule_id, sku, cycle_service) values ('r', 'A', 0.8)")
    for sku in "ABC":
        for day in DAYS:
            db.execute(
                "insert into sales_days (sku, location, day, units, in_stock, known_at) "
                "values (%s, 'S', %s, 10, 1, %s)", [sku, day, now],
            )  # fmt: skip
    return db


def test_terms_of_the_catalogue_are_those_of_the_daily_job(catalogued):
    panel = panel_of(skus=("A", "B", "C"))
    bought, notes = of_catalogue(catalogued, panel, Settings(order_cost=6), AskedTerms())
    a, b, c = bought.table.iter_rows(named=True)
    assert bought.periods("lead_time_days").tolist()[:2] == [3, 3]
    assert (a["level"], b["level"]) == (0.8, 0.95)
    assert (a["order_cost"], b["order_cost"]) == (5, 6)
    assert (a["holding"], a["shortage"], a["waste"]) == (0.2, 6, 4)
    assert (b["holding"], b["shortage"]) == (pytest.approx(1 / 365), 0)  # Sold below its cost.
    asks = bought.constraints
    assert [x[0] for x in (asks.pack_units, asks.min_order_units, asks.max_units)] == [6, 12, 60]
    assert c["lead_time_days"] is None
    assert notes == []
    # Three lines on two of three days, by one vendor: 5 + 5 + 6, and twice its 11.
    ordered = np.array([[6.0, 12.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert bought.ordering_cost(ordered) == 5 + 5 + 6 + 2 * 11


def test_a_database_is_replayed_on_its_own_terms(catalogued):
    asked = Asked(lost_sales=True, policies=("planned", "safety_factor"), windows=1, orders=3)
    report = replay_database(catalogued, asked, Settings(order_cost=6))
    assert report.series == 2
    assert any("1 series without lead time" in note and "C at S" in note for note in report.notes)
    assert any("1 series keep longer" in note for note in report.notes)
    for row in report.policies:
        assert row.order_cost > 0
        assert row.cost == pytest.approx(
            row.holding_cost + row.shortage_cost + row.waste_cost + row.order_cost
        )
    head, *rows = report.lines()[-3:]
    told = dict(zip(head.split(), rows[0].split(), strict=False))
    assert {"holding", "shortage", "ordering", "turns", "orders"} <= told.keys()
