"""A planner's spreadsheet of overrides: good rows act, bad rows are named, nothing twice."""

from datetime import UTC, date, datetime

import numpy as np
import pytest

from inventory.demand import LEVELS, DemandForecast
from inventory.overrides import Scope
from inventory.store import overrides
from inventory.store.forecasts import store_run
from pipelines.ingest import import_file
from tests.pipelines.importing import undone

NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)


@pytest.fixture
def db(postgres_url):
    with undone(postgres_url) as connection:
        yield connection


@pytest.fixture
def bring(db, tmp_path):
    db.execute("insert into skus (sku, name, category) values ('A', 'A', 'tea'), ('B', 'B', 'tea')")
    db.execute("insert into locations (location, name, type) values ('s1', 'One', 'store')")
    run = DemandForecast(
        skus=("A",),
        locations=("s1",),
        first_day=date(2026, 6, 10),
        levels=np.array(LEVELS),
        quantiles_units=np.full((1, 14, len(LEVELS)), 5.0),
        mean_units=np.full((1, 14), 5.0),
        dependence=np.zeros((1, 2)),
        run_id="run-1",
    )
    store_run(db, run, now=NOW)

    def bring(content, name="plan"):
        path = tmp_path / f"{name}.csv"
        path.write_text(content)
        return import_file(db, kind="overrides", path=path, now=NOW, actor="cli:ann")

    return bring


HEADER = "sku,category,total,from,to,quantity,factor,reason,expires_at,confirm\n"
GOOD = (
    "A,,,2026-06-12,2026-06-13,40,,promotion,,\n"
    ",tea,,2026-06-12,2026-06-18,,1.2,weather,2026-06-15T00:00:00Z,\n"
    ",,yes,2026-06-20,2026-06-20,,20,other,,yes\n"
)


def test_rows_are_stated_in_the_name_of_who_brought_them(db, bring):
    report = bring(HEADER + GOOD)
    assert (report.accepted, report.rejected) == (3, 0)
    assert report.outcomes == {"stated": 3}
    first, second, third = overrides.read_overrides(db)
    assert (first.scope, first.quantity, first.created_by) == (Scope(sku="A"), 40, "cli:ann")
    assert (second.scope, second.factor) == (Scope(category="tea"), 1.2)
    assert second.expires_at == datetime(2026, 6, 15, tzinfo=UTC)
    assert (third.scope, third.factor) == (Scope(), 20)
    assert any("vouch buffers" in line for line in report.lines())


def test_the_same_file_again_states_nothing(db, bring):
    bring(HEADER + GOOD)
    report = bring(HEADER + GOOD + "A,,,2026-06-19,2026-06-19,3,,event,,\n", "mended")
    assert report.outcomes == {"stated": 1, "stated already": 3}
    assert len(overrides.read_overrides(db)) == 4


def test_bad_rows_are_named_and_the_good_one_goes_in(db, bring):
    bad = {
        "Z,,,2026-06-12,2026-06-13,40,,event,,": "sku",
        "B,,,2026-06-12,2026-06-13,40,,event,,": "sku",  # known, but without a forecast
        ",toys,,2026-06-12,2026-06-13,40,,event,,": "category",
        ",,,2026-06-12,2026-06-13,40,,event,,": "total",
        "A,,,2026-06-14,2026-06-13,40,,event,,": "to",
        "A,,,2026-05-14,2026-05-15,40,,event,,": "to",
        "A,,,2026-06-12,2026-06-13,40,2,event,,": "factor",
        "A,,,2026-06-12,2026-06-13,,,event,,": "quantity",
        "A,,,2026-06-12,2026-06-13,-4,,event,,": "quantity",
        "A,,,2026-06-12,2026-06-13,,50,event,,": "factor",
        "A,,,2026-06-12,2026-06-13,,2,,,": "reason",
        "A,,,12/06/2026,2026-06-13,,2,event,,": "from",
    }
    good = "A,,,2026-06-12,2026-06-13,,2,event,,\n"
    report = bring(HEADER + "".join(f"{row}\n" for row in bad) + good)
    told = dict(report.problems.select("row", "field").iter_rows())
    assert told == dict(enumerate(bad.values(), start=1))
    assert report.accepted == len(overrides.read_overrides(db)) == 1
