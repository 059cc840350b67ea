from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from features.build import recipe_for
from features.frame import check
from inventory.errors import InputRejected
from inventory.store import database, history
from pipelines.history import load_panel
from pipelines.promotion import plan_promotion

NOW = datetime(2026, 6, 1, 6, tzinfo=UTC)
FIRST = date(2026, 5, 1)


@pytest.fixture
def db(postgres_url):
    with database.connect(postgres_url) as connection, connection.transaction(force_rollback=True):
        connection.execute(
            "insert into skus (sku, name, category) values ('A', 'A', 'tea'), ('B', 'B', 'jam')"
        )
        connection.execute(
            "insert into locations (location, name, type) "
            "values ('s1', 's1', 'store'), ('w1', 'w1', 'warehouse')"
        )
        yield connection


def write(db, *rows):
    """Rows of sku, location, day of May, units and further columns by name."""
    frame = pl.DataFrame(
        [
            {"sku": s, "location": p, "day": date(2026, 4, 30) + timedelta(days=d), "units": u} | x
            for s, p, d, u, x in rows
        ],
        schema=history.SALES_SCHEMA,
    )
    history.upsert_sales_days(db, frame, now=NOW)


def month(sku="A", location="s1", *, days=range(1, 32), **columns):
    return [(sku, location, d, float(d % 5), columns) for d in days]


def test_no_sales_say_how_to_bring_some(db):
    with pytest.raises(InputRejected, match="vouch import sales"):
        load_panel(db, horizon_days=7)


def test_every_series_is_gap_free_up_to_the_origin(db):
    write(db, *month(), *month("B", days=[5, 6, 9, 20]))
    panel = load_panel(db, horizon_days=7)
    check(panel.history, period_days=1)
    b = panel.history.filter(sku="B")
    assert (b["date"].min(), b["date"].max(), len(b)) == (date(2026, 5, 5), date(2026, 5, 31), 27)
    # This history says zero on some days: where it says nothing, nothing was recorded.
    assert b.filter(date=date(2026, 5, 7))["units"].to_list() == [None]
    assert b["in_stock"].null_count() == 0


def test_a_history_without_zeros_means_zero_where_it_is_silent(db):
    write(db, *[("A", "s1", d, 2.0, {}) for d in (1, 2, 30, 31)])
    units = load_panel(db, horizon_days=7).history["units"]
    assert units.to_list() == [2, 2, *[0] * 27, 2, 2]


def test_the_origin_may_be_earlier_and_hides_what_sold_later(db):
    write(db, *month())
    panel = load_panel(db, origin=date(2026, 5, 10), horizon_days=7)
    assert panel.origin == date(2026, 5, 10)
    assert panel.future["date"].max() == date(2026, 5, 17)
    assert "units" not in panel.future.columns


def test_series_that_ended_are_left_out(db):
    long_ago = [("B", "s1", d - 90, 1.0, {}) for d in range(1, 20)]
    write(db, *month(), *long_ago)
    assert load_panel(db, horizon_days=7).series.rows() == [("A", "s1")]


def test_only_the_skus_asked_for(db):
    write(db, *month(), *month("B"), *month("B", "w1"))
    assert load_panel(db, horizon_days=7, skus=["B"]).series.rows() == [("B", "s1"), ("B", "w1")]


def test_covariates_of_row_and_place_and_attributes_join(db):
    write(db, *month(covariates='{"queue": 3}'), *month("B", "w1"))
    history.upsert_location_days(
        db,
        pl.DataFrame(
            {"location": "s1", "day": [FIRST, date(2026, 5, 2)],
             "covariates": ['{"rain": 1.5}', '{"rain": 0}']}
        ),
        now=NOW,
    )  # fmt: skip
    panel = load_panel(db, horizon_days=7)
    first = panel.history.filter(sku="A", date=FIRST).row(0, named=True)
    assert (first["queue"], first["rain"]) == (3.0, 1.5)
    assert (first["category"], first["location_type"]) == ("tea", "store")
    assert "brand" not in panel.history.columns  # Nobody gave one, so it tells nothing apart.


def test_the_lead_time_of_the_vendor_comes_with_the_sku(db):
    db.execute(
        "insert into vendors (vendor, name, lead_time_days) "
        "values ('near', 'n', 2), ('far', 'f', 9)"
    )
    db.execute("update skus set vendor = case sku when 'A' then 'near' else 'far' end")
    write(db, *month(), *month("B"))
    panel = load_panel(db, horizon_days=7)
    told = panel.history.select("sku", "vendor", "lead_time_days").unique().sort("sku")
    assert told.rows() == [("A", "near", 2.0), ("B", "far", 9.0)]
    features = {f.name: f.group for f in recipe_for(panel, horizon=7).features}
    assert (features["vendor"], features["lead_time_days"]) == ("product", "inventory")


def test_a_covariate_is_known_ahead_only_when_it_is_there_for_the_whole_horizon(db):
    write(db, *month())

    def told(name, days):
        rows = pl.DataFrame(
            {"location": "s1", "day": [FIRST + timedelta(days=d) for d in range(days)]}
        ).with_columns(covariates=pl.lit(f'{{"{name}": 1}}'))
        history.upsert_location_days(db, rows, now=NOW)

    told("holiday", 31 + 7)
    told("weather", 31 + 3)
    panel = load_panel(db, horizon_days=7)
    assert {"holiday", "weather"} <= set(panel.history.columns)
    assert "holiday" in panel.future.columns
    assert "weather" not in panel.future.columns


def test_planned_promotions_and_the_prices_they_make_are_known_ahead(db):
    write(db, *month(price=10.0, promotion=0.0))
    plan_promotion(
        db, sku="A", starts_on=date(2026, 5, 4), ends_on=date(2026, 5, 5), discount=0.5, now=NOW
    )
    plan_promotion(
        db, sku="A", starts_on=date(2026, 6, 3), ends_on=date(2026, 6, 4), discount=0.25, now=NOW
    )
    future = load_panel(db, horizon_days=5).future
    assert future["promotion"].to_list() == [0, 0, 0.25, 0.25, 0]
    assert future["price"].to_list() == [10, 10, 7.5, 7.5, 10]


def test_where_nobody_plans_the_usual_discount_goes_on(db):
    write(db, *month(promotion=0.2))
    assert load_panel(db, horizon_days=3).future["promotion"].to_list() == pytest.approx([0.2] * 3)


def test_a_promotion_at_one_location_stays_there(db):
    write(db, *month(promotion=0.0), *month("A", "w1", promotion=0.0))
    plan_promotion(
        db, sku="A", starts_on=date(2026, 6, 1), ends_on=date(2026, 6, 2), discount=0.3,
        location="w1", now=NOW,
    )  # fmt: skip
    future = load_panel(db, horizon_days=2).future
    assert future.filter(location="s1")["promotion"].to_list() == [0, 0]
    assert future.filter(location="w1")["promotion"].to_list() == pytest.approx([0.3, 0.3])


def test_planning_twice_is_one_promotion_and_nonsense_is_refused(db):
    plan = {"sku": "A", "starts_on": date(2026, 6, 1), "ends_on": date(2026, 6, 2), "now": NOW}
    assert plan_promotion(db, discount=0.3, **plan) == plan_promotion(db, discount=0.4, **plan)
    assert db.execute("select discount from promotions").fetchall() == [(pytest.approx(0.4),)]
    for wrong in ({"discount": 30}, {"sku": "Z"}, {"location": "x"}, {"ends_on": FIRST}):
        with pytest.raises(InputRejected):
            plan_promotion(db, **({"discount": 0.3} | plan | wrong))


def test_a_first_promotion_has_none_to_learn_from(db):
    write(db, *month(promotion=0.0))
    asked = {"sku": "A", "discount": 0.3, "now": NOW}
    plan_promotion(db, starts_on=date(2026, 6, 3), ends_on=date(2026, 6, 4), **asked)
    assert not history.promoted_before(db, date(2026, 6, 3))
    plan_promotion(db, starts_on=date(2026, 5, 4), ends_on=date(2026, 5, 5), **asked)
    assert history.promoted_before(db, date(2026, 6, 3))
    write(db, *month("A", "w1", promotion=0.1))
    assert history.promoted_before(db, date(2026, 5, 4))
