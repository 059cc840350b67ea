"""The gate at work: a worse recipe waits, an equal one takes over, a rollback takes it back."""

import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from features.frame import KEY, Panel
from inventory.errors import StateConflict
from models import registry, runs
from models.baseline import MovingAverage, SeasonalNaive
from models.ensemble import Ensemble
from pipelines import champion, train
from pipelines.settings import Settings

START = date(2024, 1, 1)
NOW = datetime(2024, 4, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)


def panel_until(days, *, series=40):
    rng = np.random.default_rng(0)
    frames = [
        pl.DataFrame(
            {
                "sku": f"s{i:03}",
                "location": "x",
                "date": [START + timedelta(days=d) for d in range(120)],
                "units": rng.poisson(4 + i % 7, 120).astype(float),
                "in_stock": 1.0,
            }
        )
        for i in range(series)
    ]
    frame = pl.concat(frames)
    last = START + timedelta(days=days - 1)
    return Panel(frame.filter(pl.col("date") <= last), frame.select(KEY).clear())


@pytest.fixture
def settings(tmp_path, empty_mlflow_db, monkeypatch):
    monkeypatch.setattr(runs, "_log_tables", lambda *_: None)  # Pictures take half the time.
    shutil.copy(empty_mlflow_db, tmp_path / "mlflow.db")
    return Settings(data_dir=tmp_path, horizon_days=7, threads=1)


@pytest.fixture
def fitted_on(monkeypatch):
    """Origins at which ensembles were fitted, whose members are these two."""
    origins = []

    def fit(panel, *, horizon, **_):
        origins.append(panel.origin)
        return Ensemble([SeasonalNaive(), MovingAverage()], windows=2).fit(panel, horizon=horizon)

    monkeypatch.setattr(train, "fit_ensemble", fit)
    return origins


def trained(days, settings, now=NOW):
    return train.train(panel_until(days), settings, now=now, by="tests")


def spoiled(factor):
    """What `Ensemble.predict` answers when something is wrong with the new recipe."""

    def predict(self, panel, *, horizon, levels):
        said, _ = self.predict_with_members(panel, horizon=horizon, levels=levels)
        return replace(said, quantiles_units=said.quantiles_units * factor)

    return predict


def test_weekly_training_judges_on_the_days_since(settings, fitted_on):
    assert trained(80, settings).verdict == champion.FIRST
    again = trained(87, settings, NOW + 7 * DAY)
    since = START + timedelta(days=79)
    assert fitted_on == [since, since, START + timedelta(days=86)], "as of the champion's last day"
    assert again.alias == "champion"
    verdict = again.verdict
    assert verdict.days == ("2024-03-21", "2024-03-27")
    assert (verdict.against, verdict.series) == ("1", 40)
    assert [c.difference for c in verdict.criteria] == [0, 0, 0], "the same recipe, the same sales"
    assert all(c.champion > 0 for c in verdict.criteria)
    (latest, _) = registry.changes(settings.tracking_uri)
    assert (latest.version, latest.previous, latest.reason) == ("2", "1", verdict.reason)
    assert registry.version_of(settings.tracking_uri, version="2").verdict == verdict


@pytest.mark.parametrize(("factor", "worse"), [(0.6, "calibration is worse"), (1.6, "cost")])
def test_a_worse_recipe_waits(settings, fitted_on, monkeypatch, factor, worse):
    trained(80, settings)
    real = champion.compare

    def compare(held, challenger, *rest):
        bad = type("Bad", (Ensemble,), {"predict": spoiled(factor)})
        challenger.__class__ = bad
        return real(held, challenger, *rest)

    monkeypatch.setattr(champion, "compare", compare)
    second = trained(94, settings)
    assert (second.alias, second.version) == ("challenger", "2")
    assert worse in second.reason
    assert registry.load_champion(settings.tracking_uri).version == "1"
    told = champion.table(second.verdict)
    assert "beside version 1" in told[0]
    assert any(line.startswith("simulated cost") for line in told)
    assert any(line.endswith("refused") for line in told)

    # On record it stays refused, where there are no newer days to judge on.
    asked = champion.promote(
        settings, lambda: panel_until(94), version=None, by="me", now=NOW + DAY
    )
    assert asked.change is None
    assert asked.verdict == second.verdict
    assert champion.promote_as_recorded(
        settings.tracking_uri, "2", by="me", now=NOW
    ).change is None  # fmt: skip
    forced = champion.promote(
        settings, lambda: panel_until(94), version="2", by="me", now=NOW + DAY,
        force_reason="the till was broken",
    )  # fmt: skip
    assert (forced.change.act, forced.change.reason) == ("force", "the till was broken")
    assert registry.load_champion(settings.tracking_uri).version == "2"


def test_on_newer_days_both_are_judged_as_they_are(settings, fitted_on, monkeypatch):
    trained(80, settings)
    real, spoil = champion.compare, "challenger"

    def compare(held, challenger, *rest):
        bad = challenger if spoil == "challenger" else held.ensemble
        bad.__class__ = type("Bad", (Ensemble,), {"predict": spoiled(0.5)})
        return real(held, challenger, *rest)

    monkeypatch.setattr(champion, "compare", compare)
    assert trained(88, settings).alias == "challenger"
    spoil, fits = "champion", len(fitted_on)
    found = champion.promote(
        settings, lambda: panel_until(100), version=None, by="me", now=NOW + DAY
    )
    assert found.change is not None
    assert found.verdict.days == ("2024-03-29", "2024-04-09"), "what neither has seen"
    assert len(fitted_on) == fits, "nothing is fitted anew"
    assert found.lines()[-1].startswith("version 2 is champion now, in place of 1")
    with pytest.raises(StateConflict):
        champion.promote(settings, lambda: panel_until(100), version="2", by="me", now=NOW)


def test_days_that_the_champion_has_seen_prove_nothing(settings, fitted_on):
    trained(80, settings)
    second = trained(84, settings)
    assert second.alias == "challenger"
    assert "once sales to 2024-03-27 are on record" in second.reason
    assert fitted_on[1:] == [START + timedelta(days=83)], "no trial, no second fit"
    asked = champion.promote(settings, lambda: panel_until(84), version="2", by="me", now=NOW)
    assert asked.change is None
    assert "2024-03-31" in asked.verdict.reason
    unjudged = champion.promote_as_recorded(settings.tracking_uri, "2", by="me", now=NOW)
    assert unjudged.change is None


def test_who_wins_against_a_champion_of_the_past_waits(settings, fitted_on, monkeypatch):
    for days in (80, 84, 85):  # Too early to tell: one champion, and two that wait.
        trained(days, settings)
    real = champion.compare

    def compare(*given):
        found = real(*given)
        champion.promote(settings, None, version="3", by="you", now=NOW, force_reason="in a hurry")
        return found

    monkeypatch.setattr(champion, "compare", compare)
    asked = champion.promote(settings, lambda: panel_until(100), version="2", by="me", now=NOW)
    assert asked.change is None
    assert "never compared with version 3" in asked.verdict.reason
    assert registry.load_champion(settings.tracking_uri).version == "3"
    recorded = registry.version_of(settings.tracking_uri, version="2").verdict
    assert recorded.against == "1", "what was found stays on record"


def test_a_champion_that_cannot_go_on_is_replaced(settings, fitted_on, tmp_path):
    trained(80, settings)
    others = panel_until(84)
    renamed = others.history.with_columns(sku=pl.lit("n") + pl.col("sku"))
    second = train.train(Panel(renamed, others.future), settings, now=NOW)
    assert second.alias == "champion"
    assert "0% of the series" in second.reason
    for state in tmp_path.rglob("ensemble.json"):
        state.write_text(state.read_text().replace("models.baseline:", "models.bygone:"))
    third = train.train(Panel(renamed, others.future), settings, now=NOW)
    assert third.alias == "champion"
    assert "cannot be read" in third.reason
