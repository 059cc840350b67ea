"""What planners' overrides added, judged as they stood then: some help, some hurt."""

from datetime import timedelta

import pytest

from inventory.overrides import Override, Scope
from inventory.store import overrides
from inventory.store.effective_forecasts import read_means_in_force
from inventory.store.forecast_scores import Asked
from pipelines.accuracy import accuracy_report
from pipelines.monitor import monitor
from tests.pipelines.monitored import SERIES, day, forecast, morning, noise, sell, stock_catalogue


@pytest.fixture
def shop(db):
    """Every series is forecast as 10 a day, for 28 days, from day 0 on."""
    stock_catalogue(db)
    for n in range(9):
        sell(db, n - 9, 10)
    forecast(db, 0, 10)
    return db


def state(db, scope, first, last, *, at, by="key-1", reason="promotion", **what):
    return overrides.add(
        db,
        Override(
            override_id=0,
            scope=scope,
            first_day=day(first),
            last_day=day(last),
            reason=reason,
            created_by=by,
            created_at=at,
            **what,
        ),
    ).override_id


def report(db, n, **limits):
    monitor(db, now=morning(n))
    asked = Asked(first=day(0), last=day(n), leads=[1], **limits)
    return accuracy_report(db, asked, level="item-location", limit=10)


TEA = Scope(sku="tea", location="S1")
SOAP = Scope(sku="soap", location="S2")


def test_one_override_helps_and_one_hurts(shop):
    helps = state(shop, TEA, 1, 4, at=morning(0), factor=2.0, by="anna", reason="event")
    hurts = state(shop, SOAP, 1, 4, at=morning(0), factor=1.5, by="ben", reason="weather")
    for n in range(1, 5):
        sell(shop, n, [20, 10, 10, 10])  # Tea at S1 doubles, as Anna knew; nothing else does.
    answer = report(shop, 5)
    # 16 series-days, of which 4 are 10 off without overrides, and 4 are 5 off with them.
    fva = answer["fva"]
    assert fva["statistical"]["error_units"] == 40
    assert fva["final"]["error_units"] == 20
    assert fva["final"]["value_added"] == {"over": "statistical", "wape": 0.1, "units": 20}
    added = answer["overrides"]
    assert [(row["override_id"], row["value_added_units"]) for row in added["each"]] == [
        (helps, 40), (hurts, -20),
    ]  # fmt: skip
    assert (added["helped"], added["hurt"]) == (1, 1)
    anna, ben = added["by_planner"]
    assert (anna["planner"], anna["n"], anna["statistical_wape"], anna["final_wape"]) == (
        "anna", 4, 0.5, 0,
    )  # fmt: skip
    assert (ben["planner"], ben["statistical_wape"], ben["final_wape"]) == ("ben", 0, 0.5)
    assert [row["reason"] for row in added["by_reason"]] == ["event", "weather"]


def test_only_what_was_stated_by_the_evening_before_counts(shop):
    state(shop, TEA, 1, 3, at=morning(2), factor=2.0)
    gone = state(shop, SOAP, 1, 3, at=morning(0), factor=2.0)
    overrides.withdraw(shop, gone, reason="mistake", actor="ben", now=morning(2))
    for n in range(1, 4):
        sell(shop, n, 10)
    monitor(shop, now=morning(4))
    final = {
        (on - day(0)) // timedelta(days=1): (tea, soap)
        for on, tea, soap in shop.execute(
            "select day, max(final_units) filter (where (sku, location) = ('tea', 'S1')), "
            "max(final_units) filter (where (sku, location) = ('soap', 'S2')) "
            "from forecast_outcomes group by day"
        ).fetchall()
    }
    # On the morning of day 2 it is too late for day 2.
    assert final == {1: (10, 20), 2: (10, 20), 3: (20, 10)}


def test_an_override_of_a_category_is_spread_as_it_was_then(shop):
    state(shop, Scope(category="drinks"), 1, 2, at=morning(0), quantity=60.0)
    for n in range(1, 3):
        sell(shop, n, 15)
    answer = report(shop, 3, category="drinks")
    # 60 units over two places and two days: 15 each, as sold.
    assert answer["fva"]["final"]["error_units"] == 0
    assert answer["fva"]["statistical"]["error_units"] == 20
    untouched = report(shop, 3, category="care")
    assert untouched["fva"]["final"] == untouched["fva"]["statistical"] | {
        "value_added": {"over": "statistical", "wape": 0, "units": 0}
    }
    assert untouched["overrides"]["each"] == []


def test_of_a_wide_scope_means_alone_are_read(shop):
    state(shop, Scope(category="drinks"), 1, 2, at=morning(0), quantity=60.0)
    shop.execute("update forecasts set quantiles_units = '{}', dependence = '{}'")
    for n in range(1, 3):
        sell(shop, n, 15)
    monitor(shop, now=morning(3))
    final = shop.execute("select distinct sku, final_units from forecast_outcomes").fetchall()
    assert set(final) >= {("tea", 15.0), ("soap", 10.0)}


@pytest.mark.parametrize(
    ("scope", "series"),
    [
        (Scope(), SERIES),
        (Scope(vendor="ACME"), SERIES[:2]),
        (Scope(group="north"), SERIES[1::2]),
        (Scope(sku="soap", group="north"), SERIES[3:]),
        (TEA, SERIES[:1]),
    ],
)
def test_each_kind_of_scope_reads_its_series(shop, scope, series):
    shop.execute("insert into groups (group_id, name) values ('north', 'North')")
    shop.execute("insert into group_members (group_id, location) values ('north', 'S2')")
    (found,) = read_means_in_force(shop, [scope], at=morning(2))
    assert set(zip(found.skus, found.locations, strict=True)) == set(series)


def test_a_late_word_about_overrides_judges_the_day_again(shop):
    sell(shop, 1, 20 + noise(1))
    assert monitor(shop, now=morning(2)).days == 1
    # Imported late, with the moment at which it was stated.
    state(shop, TEA, 1, 1, at=morning(0), factor=2.0)
    assert monitor(shop, now=morning(2)).days == 1
    assert monitor(shop, now=morning(2)).days == 0
