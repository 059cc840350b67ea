"""The loop, end to end: a promotion next week on one SKU changes what may be promised today.

A boosting model is trained for real on a small retailer whose past promotions sold more. Then a
planner plans a promotion, one SKU is re-forecast, and everything built on its forecast moves.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from inventory.store import database
from inventory.store.availability import availability
from inventory.store.forecasts import read_forecast
from inventory.store.policies import read_policy
from models.baseline import SeasonalNaive
from models.boosting import BoostingForecaster
from pipelines import predict
from pipelines.daily import daily
from pipelines.demo import load_demo
from pipelines.promotion import plan_promotion
from pipelines.settings import Settings

NOW = datetime(2026, 6, 12, 6, tzinfo=UTC)
"""A Friday; the promotion starts tomorrow and lasts through next week."""


def small_members(_preset, *, seed, threads, **_):
    return [
        BoostingForecaster(seed=seed, threads=threads, examples_max=6_000),
        SeasonalNaive(),
    ]


def state_of(db, hero, *, now):
    """Safety stock and reorder point, and what the web may promise for pick-up, with its terms."""
    policy = read_policy(db, hero.sku, hero.location)
    promise = availability(
        db, sku=hero.sku, location=hero.location, channel=hero.channel, method="bopis", now=now,
        explain=True,
    )  # fmt: skip
    buffer = next(term for term in promise.terms if term.term == "buffer")
    return policy, promise, buffer


@pytest.mark.timeout(600)
def test_a_promotion_raises_stock_and_buffer_and_lowers_the_promise(
    database_url, tmp_path, monkeypatch
):
    monkeypatch.setattr(predict, "members_of", small_members)
    settings = Settings(data_dir=tmp_path, horizon_days=14, threads=1)
    with database.connect(database_url) as db:
        hero = load_demo(db, now=NOW, skus=8, days=300).hero
        first = daily(database_url, settings, now=NOW, train=True)
        policy, promise, buffer = state_of(db, hero, now=NOW)
        usual = read_forecast(db, hero.sku, hero.location)

        plan_promotion(
            db, sku=hero.sku, starts_on=date(2026, 6, 13), ends_on=date(2026, 6, 21),
            discount=0.4, now=NOW,
        )  # fmt: skip
        later = NOW + timedelta(minutes=5)
        second = daily(database_url, settings, now=later, skus=[hero.sku])
        policy_after, promise_after, buffer_after = state_of(db, hero, now=later)
        promoted = read_forecast(db, hero.sku, hero.location)

        # The demo's uplift at 0.4 off is fourfold; the model has seen only a few such weeks.
        assert (
            promoted.window_mean_units(periods=9)[0] > 1.5 * usual.window_mean_units(periods=9)[0]
        )
        assert policy_after["safety_stock"] > policy["safety_stock"]
        assert policy_after["reorder_point"] > policy["reorder_point"]
        assert buffer_after.quantity < buffer.quantity < 0
        assert promise_after.atp < promise.atp
        assert first.run_id in buffer.source
        assert second.run_id in buffer_after.source
        assert second.run_id != first.run_id
        assert sum(term.quantity for term in promise_after.terms) == promise_after.raw

        others = db.execute(
            "select count(*) from policies where run_id = %s and sku <> %s",
            [second.run_id, hero.sku],
        ).fetchone()
        assert others == (0,)
