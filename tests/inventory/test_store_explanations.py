"""Reasons of forecasts are kept with their run, read back one by one, and go with it."""

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pytest

from inventory.demand import LEVELS, DemandForecast
from inventory.store import forecasts
from inventory.store.explanations import (
    Driver,
    FeatureMeaning,
    FeaturePart,
    MemberPart,
    RunExplanation,
    read_explanation,
)

NOW = datetime(2026, 3, 1, tzinfo=UTC)
WHY = 'quotes ", tabs \t and {braces}'


def run_of(run_id):
    return DemandForecast(
        skus=("a", "b"), locations=("N", "N"), first_day=date(2026, 3, 1), levels=np.array(LEVELS),
        quantiles_units=np.full((2, 3, len(LEVELS)), 2.0), mean_units=np.full((2, 3), 2.0),
        dependence=np.zeros((2, 2)), run_id=run_id, model_version="7",
    )  # fmt: skip


REASONS = RunExplanation(
    skus=("b",), locations=("N",), periods=3, terms=("level", "history"),
    term_units=np.array([[3.25, -1.25]]), members=("one", "two"),
    member_units=np.array([[1.5, 2.5]]), weights=np.array([[0.25, 0.75]]),
    effects=[[('x,"y"', -1.0), ("z", -0.25)]],
    features={'x,"y"': FeatureMeaning("history", WHY), "z": FeatureMeaning("external", "so")},
)  # fmt: skip


def kept(db):
    return read_explanation(db, "r1", "b", "N")


def test_what_was_kept_is_read_back(db):
    assert forecasts.store_run(db, run_of("r1"), now=NOW, explanation=REASONS)
    found = kept(db)
    assert found.periods == 3
    assert found.drivers == (Driver("level", 3.25), Driver("history", -1.25))
    assert found.members == (MemberPart("one", 1.5, 0.25), MemberPart("two", 2.5, 0.75))
    assert found.features == (
        FeaturePart('x,"y"', "history", -1.0, WHY),
        FeaturePart("z", "external", -0.25, "so"),
    )
    assert read_explanation(db, "r1", "a", "N") is None, "no reasons were given for it"
    assert read_explanation(db, "r2", "b", "N") is None


def test_a_run_stored_again_keeps_its_reasons(db):
    forecasts.store_run(db, run_of("r1"), now=NOW, explanation=REASONS)
    assert not forecasts.store_run(db, run_of("r1"), now=NOW, explanation=REASONS)
    assert kept(db) is not None


def test_reasons_that_cannot_be_kept_leave_no_run(db):
    with pytest.raises(Exception, match="forecast_explanations"):
        forecasts.store_run(
            db, run_of("r1"), now=NOW, explanation=replace(REASONS, skus=("nosuch",))
        )
    assert forecasts.forecast_runs(db) == []


def test_reasons_go_with_their_run(db):
    forecasts.store_run(db, run_of("r1"), now=NOW, explanation=REASONS)
    forecasts.store_run(db, run_of("r2"), now=NOW)
    assert forecasts.drop_runs_made_before(db, datetime(2026, 3, 2, tzinfo=UTC)) == 1
    assert kept(db) is None
    assert db.execute("select count(*) from forecast_explanations").fetchone() == (0,)
    assert db.execute("select count(*) from explained_runs").fetchone() == (0,)
