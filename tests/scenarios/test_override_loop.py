"""The loop, end to end: what a planner states moves stock and promise, and outlives the forecast.

A small retailer is forecast and planned. A planner expects three times the demand of one item for
two weeks; then comes the next day with new sales and a new run, and at last the override expires.
"""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.override_statement import state_override
from inventory.overrides import Scope
from inventory.store import database, overrides
from inventory.store.availability import availability
from inventory.store.effective_forecasts import read_adjusted
from inventory.store.policies import read_policy
from models.baseline import SeasonalNaive
from pipelines.demo import load_demo
from pipelines.forecast import forecast
from pipelines.history import load_panel
from pipelines.replan import planning_moment, replan
from pipelines.settings import Settings

NOW = datetime(2026, 6, 12, 6, tzinfo=UTC)
LATER, NEXT_DAY, EXPIRED = (NOW + timedelta(minutes=5), NOW + timedelta(days=1),
                            NOW + timedelta(days=9))  # fmt: skip
DAYS = 14


def planned(db, panel, hero, settings, *, now):
    """Forecast, plan, and look: mean demand of two weeks, policy, buffer and promise."""
    model = SeasonalNaive().fit(panel, horizon=DAYS)
    forecast(db, panel, model, model_version=f"naive/{now.date()}", now=now, horizon=DAYS)
    return acted(db, hero, settings, now=now)


def acted(db, hero, settings, *, now):
    skus = [sku for (sku,) in db.execute("select sku from skus order by 1").fetchall()]
    replan(db, settings, now=now, skus=skus)
    return state_of(db, hero, now=now)


def state_of(db, hero, *, now):
    found = read_adjusted(db, hero.sku, hero.location, now=now)
    promise = availability(
        db, sku=hero.sku, location=hero.location, channel=hero.channel, method="bopis", now=now,
        explain=True,
    )  # fmt: skip
    (buffer,) = (term.quantity for term in promise.terms if term.term == "buffer")
    policy = read_policy(db, hero.sku, hero.location)
    return found, policy, -buffer, promise.atp


def policies_but(db, sku):
    query = "select sku, location, safety_stock from policies where sku <> %s order by 1, 2"
    return db.execute(query, [sku]).fetchall()


@pytest.mark.timeout(300)
def test_an_override_acts_at_once_and_outlives_the_run_and_ends_when_it_expires(
    database_url, tmp_path
):
    settings = Settings(data_dir=tmp_path, horizon_days=DAYS, threads=1)
    with database.connect(database_url) as db:
        hero = load_demo(db, now=NOW, skus=8, days=120).hero
        yesterday = NOW.date() - timedelta(days=1)
        panel = load_panel(db, as_of=yesterday, horizon_days=DAYS)
        plain, policy, buffer, atp = planned(db, panel, hero, settings, now=NOW)
        others = policies_but(db, hero.sku)
        stated = overrides.add(
            db,
            state_override(
                scope=Scope(sku=hero.sku, location=hero.location),
                first_day=yesterday,
                last_day=NOW.date() + timedelta(days=20),
                factor=3,
                reason="event",
                actor="planner:ann",
                now=NOW + timedelta(minutes=1),
                expires_at=NOW + timedelta(days=8),
            ),
        )

        # At once, with nothing trained and nothing forecast again.
        found, policy_after, buffer_after, atp_after = acted(db, hero, settings, now=LATER)
        assert found.statistical.run_id == plain.statistical.run_id
        assert found.final.mean_units == pytest.approx(3 * plain.final.mean_units)
        assert policy_after["safety_stock"] > policy["safety_stock"]
        assert policy_after["reorder_point"] > policy["reorder_point"]
        assert buffer_after > buffer
        assert atp_after < atp
        assert policies_but(db, hero.sku) == others

        # A new day, a model trained anew, and its run.
        panel = load_panel(db, as_of=NOW.date(), horizon_days=DAYS)
        found, policy_next, _, _ = planned(db, panel, hero, settings, now=NEXT_DAY)
        assert found.statistical.run_id != plain.statistical.run_id
        assert found.overrides == (stated,)
        assert found.final.mean_units == pytest.approx(3 * found.statistical.mean_units)
        assert policy_next["reorder_point"] > 2 * policy["reorder_point"]

        # Whoever comes years later to this history is not answered as of then.
        assert planning_moment(db, now=EXPIRED) == EXPIRED
        years_later = NOW + timedelta(days=900)
        assert planning_moment(db, now=years_later) == NOW

        # Expired: the statistics alone, although the same run is in force.
        found, policy_last, buffer_last, _ = acted(db, hero, settings, now=EXPIRED)
        assert found.overrides == ()
        assert (found.final.mean_units == found.statistical.mean_units).all()
        assert policy_last["reorder_point"] < policy_next["reorder_point"] / 2
        assert buffer_last < buffer_after
