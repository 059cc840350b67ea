"""The daily job on a small synthetic retailer, with quick members in place of the slow ones."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.errors import InputRejected
from inventory.store import database
from models.baseline import MovingAverage, SeasonalNaive
from pipelines import predict
from pipelines.daily import daily, must_train
from pipelines.demo import load_demo
from pipelines.settings import Settings

NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)


@pytest.fixture
def quick(monkeypatch):
    """Members that need no training: this file tests the day, not the models."""
    monkeypatch.setattr(
        predict, "members_of", lambda _preset, **_: [SeasonalNaive(), MovingAverage()]
    )


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, horizon_days=14, threads=1)


def state(db):
    """What a second run must leave as it is."""
    return [
        db.execute(query).fetchall()
        for query in (
            "select sku, location, run_id from current_forecasts order by 1, 2",
            "select sku, location, rule_id, units from forecast_buffers order by 1, 2, 3",
            "select sku, location, reorder_point, run_id from policies order by 1, 2",
            "select sku, quantity from purchase_order_lines order by 1, 2",
            "select kind, sku, location from alerts where resolved_at is null order by 1, 2, 3",
            "select count(*) from sales_days",
        )
    ]


def test_without_sales_the_day_says_what_to_do(database_url, settings):
    with pytest.raises(InputRejected, match="vouch import sales"):
        daily(database_url, settings, now=NOW)


def test_a_day_from_ledger_to_orders_and_again(database_url, settings, quick):
    said = []
    with database.connect(database_url) as db:
        load_demo(db, now=NOW, skus=10, days=120)
        assert must_train(db, settings, now=NOW)
        report = daily(database_url, settings, now=NOW, progress=said.append)
        counts = {step.name: step.counts for step in report.steps}
        assert list(counts) == [
            "history", "monitor", "train", "forecast", "buffers", "replenish", "announce",
        ]  # fmt: skip
        assert set(counts) <= set(said)
        series = counts["history"]["series"]
        assert counts["replenish"]["policies"] == series > 30
        assert counts["buffers"]["positions"] > 0
        assert report.run_id.startswith("f-20260610-")
        assert report.model_version == "vouch-forecaster/1"
        assert not must_train(db, settings, now=NOW + timedelta(days=1))
        assert must_train(db, settings, now=NOW + timedelta(days=7))

        before = state(db)
        assert all(before[:4])
        again = daily(database_url, settings, now=NOW)
        assert "train" not in {step.name for step in again.steps}
        assert again.run_id == report.run_id
        assert state(db) == before
        assert len(again.lines()) >= len(again.steps)

        one = daily(database_url, settings, now=NOW, skus=["drinks-001"])
        moved = db.execute("select sku from current_forecasts where run_id = %s", [one.run_id])
        assert {sku for (sku,) in moved} == {"drinks-001"}

        new_day = NOW + timedelta(days=1)
        sold = {"id": "till", "sku": "drinks-001", "location": "store-berlin", "quantity": -4,
                "reason": "sale", "effective_at": "2026-06-10T10:00:00Z"}  # fmt: skip
        from inventory.store import feeds

        feeds.sync(db, mode="delta", rows=[sold], now=new_day, source="till")
        next_report = daily(database_url, settings, now=new_day)
        assert str(next_report.origin) == "2026-06-10"
        units = db.execute(
            "select units, source from sales_days where day = '2026-06-10' "
            "and (sku, location) = ('drinks-001', 'store-berlin')"
        ).fetchone()
        assert units == (4.0, "ledger")


def test_a_past_morning_knows_only_what_had_sold(database_url, settings, quick):
    with database.connect(database_url) as db:
        load_demo(db, now=NOW, skus=8, days=100)
        morning = NOW - timedelta(days=20)
        fewer = settings.model_copy(update={"horizon_days": 5})
        report = daily(database_url, fewer, now=morning, as_of=morning.date())
        assert str(report.origin) == "2026-05-20"
        assert report.run_id.startswith("f-20260521-")
        (days,) = db.execute(
            "select distinct cardinality(mean_units) from forecasts where run_id = %s",
            [report.run_id],
        ).fetchone()
        assert days == 5


def test_a_champion_that_sees_too_few_days_is_trained_again(
    database_url, settings, quick, monkeypatch
):
    from models.ensemble import Ensemble

    with database.connect(database_url) as db:
        load_demo(db, now=NOW, skus=8, days=100)
    first = daily(database_url, settings, now=NOW)
    monkeypatch.setattr(Ensemble, "horizon_max", 14)
    assert "train" not in {step.name for step in daily(database_url, settings, now=NOW).steps}
    longer = settings.model_copy(update={"horizon_days": 20})
    with pytest.raises(InputRejected, match="trained for 14 days ahead, not 20"):
        daily(database_url, longer, now=NOW, train=False)
    monkeypatch.setattr(Ensemble, "fit", _seeing_as_far_as_asked(Ensemble.fit, monkeypatch))
    again = daily(database_url, longer, now=NOW)
    assert "train" in {step.name for step in again.steps}
    assert again.run_id != first.run_id


def _seeing_as_far_as_asked(fit, monkeypatch):
    def fitted(self, panel, *, horizon):
        monkeypatch.setattr(type(self), "horizon_max", horizon)
        return fit(self, panel, horizon=horizon)

    return fitted


def test_an_old_history_is_told(database_url, settings, quick):
    with database.connect(database_url) as db:
        load_demo(db, now=NOW, skus=8, days=100)
    report = daily(database_url, settings, now=NOW + timedelta(days=30), train=True)
    assert any("31 days before today" in note for note in report.notes)


def test_a_champion_of_another_version_is_trained_anew(database_url, settings, quick, tmp_path):
    with database.connect(database_url) as db:
        load_demo(db, now=NOW, skus=8, days=100)
    daily(database_url, settings, now=NOW)
    for state in tmp_path.rglob("ensemble.json"):
        state.write_text(state.read_text().replace("models.baseline:", "models.bygone:"))
    report = daily(database_url, settings, now=NOW)
    assert "train" in {step.name for step in report.steps}
    assert report.model_version == "vouch-forecaster/2"
    assert any("cannot be read" in note for note in report.notes)
