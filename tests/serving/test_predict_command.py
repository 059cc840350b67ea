"""`vouch predict` as typed: what it says of rows it could not use, and what it refuses."""

import json
from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner

from models.baseline import MovingAverage, SeasonalNaive
from serving.cli import cli, files
from serving.cli import run as run_command

TODAY = datetime.now(UTC).date()


@pytest.fixture(autouse=True)
def _quick_members(monkeypatch):
    monkeypatch.setattr(
        "pipelines.predict.members_of", lambda *_, **__: [SeasonalNaive(), MovingAverage()]
    )


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("VOUCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(history, *more):
        history.write_csv("h.csv")
        capsys.readouterr()
        line = ["predict", "--history", "h.csv", "--horizon", "7", "--out", "o.parquet", *more]
        return run_command(line), *capsys.readouterr()

    return run


def history(*, series=12, days=40):
    rng = np.random.default_rng(0)
    rows = [
        (f"s{i:02d}", "x", TODAY - timedelta(days=days - t), float(rng.poisson(6)))
        for i in range(series)
        for t in range(days)
    ]
    return pl.DataFrame(rows, schema=["sku", "location", "date", "units"], orient="row")


def with_units(frame, row, units):
    at = pl.int_range(1, pl.len() + 1) == row
    return frame.with_columns(units=pl.when(at).then(units).otherwise("units"))


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (with_units(history(), 50, -3.0), "row 50: units is negative"),
        (with_units(history(), 50, None), "row 50: units is not a number"),
        (with_units(history(), 50, 900.0), "row 50: 900 units, where the series usually sells"),
        (pl.concat([history(), history()[70:71]]), "row 481: a row for this sku, location and"),
        (pl.concat([history(), history()[:1].with_columns(date=TODAY + timedelta(days=9))]),
         "row 481: dated after"),
        (pl.concat([history(), history()[:1].with_columns(date=date(2099, 1, 1))]),
         "row 481: dated after"),
    ],
)  # fmt: skip
def test_the_row_is_named_and_the_rest_is_forecast(desk, broken, said):
    code, out, _ = desk(broken)
    assert code == 0
    assert said in out
    forecast = pl.read_parquet("o.parquet")
    assert len(forecast) == 12 * 7
    assert forecast["date"].min() == TODAY


def test_only_some_rows_are_shown_but_json_has_all(desk):
    broken = history().with_columns(
        units=pl.when(pl.int_range(pl.len()) % 10 == 0).then(-1.0).otherwise("units")
    )
    _, out, _ = desk(broken)
    assert out.count("units is negative") == files.SHOWN_MAX
    assert "and 38 more rows; --json lists them all" in out
    _, out, _ = desk(broken, "--json")
    assert len(json.loads(out)["rejected"]) == 48


def test_a_file_without_a_sound_row_is_refused_in_one_sentence(desk):
    code, out, err = desk(history().with_columns(units=pl.lit(-1.0)))
    assert (code, out) == (2, "")
    assert "h.csv has no usable row; units is negative" in err
    assert "Traceback" not in err


def test_an_unknown_country_is_refused(desk):
    code, _, err = desk(history(), "--country", "Germany")
    assert code == 2
    assert "no public holidays are known for 'Germany'; give an ISO code like DE" in err
    assert desk(history(), "--country", "de")[0] == 0


def test_today_is_the_latest_that_it_is_anywhere():
    assert files.latest_today(datetime(2024, 5, 1, 9, tzinfo=UTC)).isoformat() == "2024-05-01"
    assert files.latest_today(datetime(2024, 5, 1, 11, tzinfo=UTC)).isoformat() == "2024-05-02"


def test_help_names_the_country():
    shown = CliRunner().invoke(cli, ["predict", "--help"], env={"COLUMNS": "200"})
    assert "--country" in shown.output
