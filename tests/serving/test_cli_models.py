"""Models from the command line: trained, listed, refused, forced, and taken back."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from models import runs
from models.baseline import MovingAverage, SeasonalNaive
from pipelines import predict
from serving.cli import cli, run


@pytest.fixture
def vouch(database_url, tmp_path, monkeypatch, empty_mlflow_db):
    monkeypatch.setenv("VOUCH_DATABASE_URL", database_url)
    monkeypatch.setenv("VOUCH_DATA_DIR", os.fspath(tmp_path))
    monkeypatch.setattr(predict, "members_of", lambda *_, **__: [SeasonalNaive(), MovingAverage()])
    monkeypatch.setattr(runs, "_log_tables", lambda *_: None)
    shutil.copy(empty_mlflow_db, tmp_path / "mlflow.db")
    last = datetime.now(UTC).date() - timedelta(days=1)
    rows = [
        f"{sku},L1,{last - timedelta(days=back)},{(back * step) % 7 + 1}"
        for step, sku in enumerate("ABCDE", start=1)
        for back in reversed(range(80))
    ]
    (tmp_path / "sales.csv").write_text("sku,location,date,units\n" + "\n".join(rows))

    def invoke(*arguments):
        return CliRunner().invoke(cli, list(arguments), env={"COLUMNS": "200"})

    done = invoke("import", "sales", os.fspath(tmp_path / "sales.csv"), "--create-missing")
    assert done.exit_code == 0, done.output
    invoke.last = last
    return invoke


def test_a_model_is_judged_refused_forced_and_taken_back(vouch):
    early = (vouch.last - timedelta(days=9)).isoformat()
    assert "version 1 is champion: first model" in vouch("train", "--as-of", early).stdout
    assert "\n1        champion   " in vouch("models").stdout  # And no challenger of itself.
    judged = vouch("train")
    assert judged.exit_code == 0, judged.output
    # Sales to the day before `early` are known to version 1: ten days were judged.
    assert "5 series, beside version 1" in judged.stdout
    assert "simulated cost" in judged.stdout
    third = json.loads(vouch("train", "--json").stdout)
    assert (third["version"], third["alias"]) == ("3", "challenger")
    assert "to judge on" in third["verdict"]["reason"]

    refused = vouch("promote")
    assert refused.exit_code == 1
    assert "version 3 is not promoted: there are fewer than 7 periods" in refused.stdout
    forced = vouch("promote", "3", "--force", "--reason", "same sales, newer code")
    assert forced.exit_code == 0
    assert "version 3 is champion now, in place of 2: same sales" in forced.stdout
    back = vouch("rollback", "--reason", "it was slower")
    assert "version 2 is champion again, in place of 3" in back.stdout
    told = json.loads(vouch("models", "--json").stdout)
    assert [m["aliases"] for m in told["models"]] == [["challenger"], ["champion"], []]
    assert [c["act"] for c in told["changes"]] == ["rollback", "force", "promote", "promote"]
    assert told["changes"][0]["reason"] == "it was slower"
    listed = vouch("models").stdout
    assert "3        challenger" in listed


def test_reasons_are_as_short_as_over_http(capsys):
    for line in (["promote", "--force"], ["rollback"], ["quarantine", "dismiss", "7"]):
        assert run([*line, "--reason", "x" * 1001]) == 2
        assert "1000 at most" in capsys.readouterr().err


@pytest.mark.parametrize("line", [["promote", "--force"], ["promote", "--reason", "because"]])
def test_force_and_reason_go_together(line, capsys):
    assert run(line) == 2
    assert "--reason" in (said := capsys.readouterr().err) or "--force" in said
