"""Signal files as they are named on the command line, and forecasts made with them."""

import re
import shlex
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.main import get_command

from inventory.errors import InputRejected
from pipelines.signals import SignalFile
from serving.cli import cli, run

DAYS = [date(2026, 1, 1) + timedelta(days=n) for n in range(60)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("visits.csv", SignalFile(Path("visits.csv"))),
        ("visits.csv:lag=2", SignalFile(Path("visits.csv"), lag_periods=2)),
        ("a:b/visits.csv:lag=0", SignalFile(Path("a:b/visits.csv"))),
        ("weather.parquet:ahead", SignalFile(Path("weather.parquet"), known_ahead=True)),
    ],
)
def test_a_file_and_when_it_is_known(text, expected):
    assert SignalFile.parse(text) == expected


@pytest.mark.parametrize("text", ["visits.csv:lag=two", "visits.csv:lag=-1", "visits.csv:later"])
def test_a_word_that_says_nothing_is_refused(text):
    with pytest.raises(InputRejected, match="FILE:lag=2 or FILE:ahead"):
        SignalFile.parse(text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("VOUCH_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    pl.DataFrame(
        [(s, "S1", d, float(n % 7)) for s in "AB" for n, d in enumerate(DAYS)],
        schema=["sku", "location", "date", "units"], orient="row",
    ).write_csv("history.csv")  # fmt: skip
    pl.DataFrame({"location": "S1", "date": DAYS, "visits": range(60)}).write_csv("visits.csv")
    return tmp_path


def test_the_example_with_signals_in_the_help_is_true(folder, capsys):
    told = get_command(cli).commands["predict"].help
    line, printed = re.search(r"\$ vouch (predict .*--signals.*)\n((?:.*\S.*\n?)+)", told).groups()
    assert run(shlex.split(line)) == 0
    shown = [text.strip() for text in printed.strip().splitlines()]
    assert capsys.readouterr().out.splitlines() == shown
    assert (folder / "forecast.parquet").exists()


def test_a_signal_that_ends_with_the_history_cannot_be_known_ahead(folder, capsys):
    line = "predict --history history.csv --horizon 7 --signals visits.csv:ahead --out o.parquet"
    assert run(shlex.split(line)) == 2
    assert "field 'visits': has nothing for 2026-03-02" in capsys.readouterr().err
    assert not (folder / "o.parquet").exists()
