"""`vouch backtest policy`: from a history to figures."""

import json
from dataclasses import asdict, replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import Panel
from inventory.errors import InputRejected
from models.baseline import MovingAverage, SeasonalNaive
from pipelines.replay_run import Asked, cases_of, replay, replay_database, replay_file

ASKED = Asked(
    lead_time_periods=1, review_periods=1, holding=0.2, shortage=1.0, lost_sales=True,
    policies=("seasonal", "min_max"), windows=2, orders=6,
)  # fmt: skip


@pytest.fixture(autouse=True)
def quick_members(monkeypatch):
    monkeypatch.setattr(
        "pipelines.predict.members_of", lambda *_, **__: [SeasonalNaive(), MovingAverage()]
    )


def history(skus=("A", "B"), periods=80, **columns):
    rng = np.random.default_rng(3)
    days = [date(2024, 1, 1) + timedelta(days=day) for day in range(periods)]
    return pl.concat(
        pl.DataFrame({
            "sku": [sku] * periods, "location": ["S"] * periods, "date": days,
            "units": rng.poisson(6, periods).astype(float), "in_stock": np.ones(periods),
        } | {name: [values[sku]] * periods for name, values in columns.items()})
        for sku in skus
    )  # fmt: skip


def panel_of(frame):
    return Panel(history=frame, future=frame.head(0)[["sku", "location", "date"]])


def test_a_file_is_replayed_under_every_policy(tmp_path):
    history().write_parquet(tmp_path / "history.parquet")
    report = replay_file(tmp_path / "history.parquet", replace(ASKED, policies=("all",)))
    names = {row.policy for row in report.policies}
    assert names == {"planned", "vouch", "min_max", "days_of_cover", "safety_factor", "seasonal"}
    assert [row.cost for row in report.policies] == sorted(row.cost for row in report.policies)
    assert len(report.by_window) == 2 * 6
    assert report.lines()[0] == "series: 2; windows: 2; periods in each: 6"
    told = json.loads(json.dumps(report.as_dict(), default=str))
    assert told["policies"][0]["fill_rate"] == report.policies[0].fill_rate


def test_demand_is_the_same_for_all():
    report = replay(panel_of(history()), replace(ASKED, policies=("all",)))
    assert len({row.demand_units for row in report.policies}) == 1


def test_our_orders_of_a_window_know_nothing_of_it():
    """Sales that come later change no order before."""
    frame = history()
    later = frame.with_columns(
        pl.when(pl.col("date") > date(2024, 3, 16)).then(99.0).otherwise("units").alias("units")
    )
    asked = replace(ASKED, policies=("vouch",), windows=1, orders=2)
    from pipelines.forecast_orders import ForecastOrders, PastForecasts
    from pipelines.starting_stock import warmed_up

    said = []
    for rows in (frame, later):
        panel = panel_of(rows)
        case = cases_of(panel, asked)[0][0]
        order = ForecastOrders(PastForecasts(panel, longest_periods=2))(case, 75)
        said.append(order(-1, warmed_up(case, origin=75)))
    assert said[0].tolist() == said[1].tolist()
    assert said[0].sum() > 0


def test_series_are_bought_on_their_own_terms():
    frame = history(
        skus=("A", "B", "C"),
        lead_time_days={"A": 1.0, "B": 3.0, "C": 1.0},
        review_period_days={"A": 1.0, "B": 2.0, "C": 1.0},
    )
    cases, notes = cases_of(
        panel_of(frame), replace(ASKED, lead_time_periods=None, review_periods=None)
    )
    terms = {(c.terms.lead_time_periods, c.terms.review_periods): c.rows.tolist() for c in cases}
    assert terms == {(1, 1): [0, 2], (3, 2): [1]}
    assert notes == []


def test_series_whose_terms_nobody_knows_are_left_out_and_told():
    frame = history(lead_time_days={"A": 1.0, "B": None})
    cases, notes = cases_of(panel_of(frame), replace(ASKED, lead_time_periods=None))
    assert [case.rows.tolist() for case in cases] == [[0]]
    assert notes == ["1 series without lead time or review period: left out (first: B at S)"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"policies": ("seasonal", "best")}, "policies"),
        ({"windows": 50}, "windows"),
        ({"lead_time_periods": None}, "lead_time"),
    ],
    ids=["a policy unknown", "too many windows", "no lead time"],
)
def test_what_cannot_be_replayed_is_refused(given, field):
    with pytest.raises(InputRejected) as refused:
        replay(panel_of(history()), replace(ASKED, **given))
    assert refused.value.field == field


def test_curves_are_read_at_equal_fill_rates():
    asked = replace(ASKED, policies=("seasonal",), windows=1, curve=True)
    report = replay(panel_of(history()), asked)
    assert report.at_equal_fill
    for point in report.at_equal_fill:
        assert 0 < point.fill_rate <= 1
        assert asdict(point)["stock_units"] > 0
    assert any("at a fill rate of" in line for line in report.lines())


def test_of_days_ahead_only_what_is_planned_is_known(monkeypatch):
    """Weather on record is what came: an order of the past could not have known it."""
    frame = history().with_columns(promotion=0.1, temperature=20.0)
    ahead = frame.tail(1).select("sku", "location", "date", "promotion", "temperature")
    stored = replace(panel_of(frame), future=ahead)
    replayed = []
    monkeypatch.setattr("pipelines.replay_run.load_panel", lambda *_, **__: stored)
    monkeypatch.setattr(
        "pipelines.replay_run.replay", lambda panel, *_, **__: replayed.append(panel)
    )
    monkeypatch.setattr("pipelines.replay_run.of_catalogue", lambda *_: (None, []))
    replay_database(None, ASKED, None)
    assert replayed[0].known_ahead == ("promotion",)
