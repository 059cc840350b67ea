"""The command line: its help is true, and its refusals are clear."""

import json
import os
import re
import socket
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.main import get_command
from typer.testing import CliRunner

from inventory.demand import LEVELS, DemandForecast
from inventory.store import database, forecasts
from pipelines.daily import DailyReport
from serving.cli import cli
from tests.serving.edi.papers import x12

COMMAND = get_command(cli)


def commands(command=COMMAND, path=()):
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from commands(child, (*path, name))
    else:
        yield " ".join(path), command


COMMANDS = dict(commands())


def example_of(help_text):
    """The first `$ vouch ...` line and the line printed below it."""
    return re.search(r"\$ vouch (.+)\n\s*(.+)", help_text)


EXAMPLES = {name: example_of(command.help or "") for name, command in COMMANDS.items()}
STARTS_A_SERVER = {"serve", "mlflow"}
TAKES_MINUTES = {"demo", "bench http", "bench accuracy", "bench forecast", "bench inference"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name):
    assert EXAMPLES[name], (
        f"`vouch {name} --help` needs a line '$ vouch {name} ...' with its output"
    )
    assert EXAMPLES[name][1].startswith(name)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_the_example_on_lines_of_its_own(name):
    shown = CliRunner().invoke(cli, [*name.split(), "--help"], env={"COLUMNS": "200"})
    assert shown.exit_code == 0
    assert any(line.strip() == f"$ vouch {EXAMPLES[name][1]}" for line in shown.output.splitlines())


def matches(printed, shown):
    """Whether `printed` is what the help shows, where `...` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in shown.strip().split("..."))
    return re.fullmatch(pattern, printed.strip())


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - STARTS_A_SERVER - TAKES_MINUTES))
def test_example_in_help_is_true(desk, name):
    prepare(desk, name)
    example = EXAMPLES[name]
    done = desk(example[1])
    said = done.stdout.strip() or done.stderr.strip()
    assert any(matches(line, example[2]) for line in said.splitlines()), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def prepare(desk, name):
    """What an example takes for granted."""
    days = [(date(2026, 1, 1) + timedelta(days=n)).isoformat() for n in range(60)]
    sold = [f"{sku},S1,{day},{n % 7}" for sku in ("A", "B") for n, day in enumerate(days)]
    (desk.folder / "history.csv").write_text("sku,location,date,units\n" + "\n".join(sold))
    (desk.folder / "state.csv").write_text("sku,location,on_hand\nA,S1,3\nB,S1,0\n")
    (desk.folder / "reply.x12").write_text(x12("BAK*00*AK*PO-1*20260302"))
    (desk.folder / "locations.csv").write_text(
        "location,name,type\nDC,Central,warehouse\nS1,Store 1,store\n"
    )
    mouse = {"demand_rate": 18_250, "fixed_cost": 50, "holding_cost": 2}
    cases = {"cases": [{"name": "mouse", "topic": "eoq", "inputs": mouse}]}
    (desk.folder / "cases.json").write_text(json.dumps(cases))
    if name in {"promotion plan", "availability"}:
        (desk.folder / "skus.csv").write_text("sku,name\nSKU-1,First\n")
        (desk.folder / "stock.csv").write_text("sku,location,quantity\nSKU-1,S1,5\n")
        for kind in ("skus", "locations", "stock"):
            assert desk(f"import {kind} {kind}.csv").returncode == 0
    if name == "override add":
        with database.connect(os.environ["VOUCH_DATABASE_URL"]) as db:
            db.execute("insert into skus (sku, name) values ('SKU-1', 'First')")
            db.execute("insert into locations (location, name, type) values ('S1', '1', 'store')")
            ten_a_day = DemandForecast(
                skus=("SKU-1",),
                locations=("S1",),
                first_day=date(2027, 1, 4),
                levels=np.array(LEVELS),
                quantiles_units=np.full((1, 14, len(LEVELS)), 10.0),
                mean_units=np.full((1, 14), 10.0),
                dependence=np.zeros((1, 2)),
                run_id="run-1",
            )
            forecasts.store_run(db, ten_a_day, now=datetime(2027, 1, 4, tzinfo=UTC))


def test_overrides_are_stated_listed_and_withdrawn(desk):
    prepare(desk, "override add")
    week = "--from 2027-01-04 --to 2027-01-10 --reason event"
    for line in (
        f"override add --sku SKU-1 --location S1 {week} --quantity 20 --per-day",
        f"override add --total {week} --factor 2",
    ):
        assert desk(line).returncode == 0
    shown = desk("override list").stdout.splitlines()
    number, _, rest = shown[0].partition("  ")
    assert rest.startswith("everything  2027-01-04 to 2027-01-10  x 2")
    assert "20 units a day" in shown[1]
    assert desk(f"override withdraw {number} --reason off").returncode == 0
    assert len(desk("override list").stdout.splitlines()) == 1
    told = json.loads(desk("override list --all --json").stdout)["overrides"]
    assert [row["withdrawn_because"] for row in told] == ["off", None]
    assert told[0]["withdrawn_by"].startswith("cli:")
    for line, word in (
        (f"override add {week} --factor 2", "--total"),
        (f"override add --sku SKU-1 {week}", "quantity"),
        (f"override add --sku GONE {week} --factor 2", "GONE"),
    ):
        done = desk(line)
        assert done.returncode == 2
        assert word in done.stderr


def test_the_daily_job_runs_once_a_day_unless_asked_again(desk, monkeypatch):
    runs = []

    def job(*_, **asked):
        runs.append(asked["skus"])
        return DailyReport(run_id=f"run-{len(runs)}")

    monkeypatch.setattr("pipelines.daily.daily", job)
    assert "run-1" in desk("daily").stdout
    done = desk("daily")
    assert (done.returncode, len(runs)) == (0, 1)
    assert "`--again` does it once more" in done.stdout
    assert json.loads(desk("daily --json").stdout)["run_id"] == "run-1"
    assert "run-2" in desk("daily --again").stdout
    assert "run-3" in desk("daily --sku SKU-1").stdout
    assert "run-4" in desk("daily --as-of 2024-06-12").stdout, "another day"
    assert runs == [None, None, ["SKU-1"], None]


def test_a_refusal_is_one_message_without_a_traceback(desk):
    done = desk("import stock no-such-file.csv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("vouch: no-such-file.csv ")
    assert "Traceback" not in done.stderr


def test_a_promise_is_explained_by_terms_that_sum_to_it(desk):
    prepare(desk, "availability")
    (desk.folder / "rules.csv").write_text("rule,sku,quantity\nspare,SKU-1,2\n")
    assert desk("import buffer-rules rules.csv").returncode == 0
    first, *terms, last = desk("availability SKU-1 --location S1 --explain").stdout.splitlines()
    assert first == "3 units of SKU-1 may be promised at S1"
    assert [int(term.split()[0]) for term in terms] == [5, -2]
    assert "spare" in terms[1]
    assert last.split()[0] == "3"


def test_a_policy_is_shown_with_its_run(desk, database_url):
    from inventory.store import database, policies, policy_changes

    prepare(desk, "availability")
    row = ("SKU-1", "S1", 2.0, 7.5, 10.0, 17.5, 3.0, 0.0, 1.0, 0.95, "cycle_service",
           4.0, 1.5, 7.5, 10.0, 0.0, 1.0, None, "AX", "path", "f-1", None,
           4.0, 5.0, 1.0)  # fmt: skip
    with database.connect(database_url) as db:
        frame = pl.DataFrame([row], schema=policies.POLICY_SCHEMA, orient="row")
        bounded = frame.with_columns(change_factor_max=4.0)
        policy_changes.put_in_force(db, bounded, now=datetime(2026, 3, 1, tzinfo=UTC))
    lines = desk("policy SKU-1 --location S1").stdout.splitlines()
    assert {"safety stock    2", "reorder point   7.5", "lead time       3"} <= set(lines)
    assert json.loads(desk("policy SKU-1 --location S1 --json").stdout)["order_up_to"] == 17.5


def test_a_defect_is_one_message_and_its_traceback_is_kept(desk, monkeypatch):
    def broken(_db):
        raise ZeroDivisionError("by nought\nand more")

    monkeypatch.setattr("inventory.store.verify.verify", broken)
    done = desk("verify")
    assert done.returncode == 70
    (line,) = done.stderr.splitlines()
    assert line.startswith("vouch: unexpected ZeroDivisionError: by nought; this is a defect")
    kept = Path(line.rsplit(" ", 1)[1])
    assert "Traceback" in kept.read_text()
    kept.unlink()


def test_ctrl_c_is_one_word(desk, monkeypatch):
    def stopped(_db):
        raise KeyboardInterrupt

    monkeypatch.setattr("inventory.store.verify.verify", stopped)
    done = desk("verify")
    assert done.returncode == 130
    assert done.stderr.strip() == "vouch: stopped"


def test_an_import_of_which_nothing_went_in_fails(desk):
    (desk.folder / "bad.csv").write_text("location,type\nL1,shop\n")
    done = desk("import locations bad.csv")
    assert done.returncode == 2
    assert "row 1, type: no such type ('shop'); write one of" in done.stdout
    assert done.stderr.splitlines()[-1] == "vouch: nothing went in: every row was rejected"
    (desk.folder / "none.csv").write_text("location,type\n")
    done = desk("import locations none.csv")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "vouch: nothing went in: none.csv has no rows"
    (desk.folder / "half.csv").write_text("location,type\nL1,shop\nL2,store\n")
    assert desk("import locations half.csv").returncode == 0


def test_a_day_that_is_not_yet_is_refused(desk):
    done = desk("daily --as-of 2999-01-01")
    assert done.returncode == 2
    assert "field 'as-of': must not be after today" in done.stderr
    done = desk("monitor --as-of 0001-01-01")
    assert done.returncode == 2
    assert "field 'as-of': must not be before 1970-01-01" in done.stderr


def test_a_wrong_setting_is_named(here, monkeypatch):
    monkeypatch.setenv("VOUCH_PORT", "many")
    done = here("verify")
    assert done.returncode == 2
    assert "VOUCH_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_is_away(here, monkeypatch):
    monkeypatch.setenv("VOUCH_DATABASE_URL", "postgresql://x:y@127.0.0.1:9/none")
    done = here("verify")
    assert done.returncode == 2
    assert "VOUCH_DATABASE_URL" in done.stderr


def test_a_data_folder_without_rights(here, monkeypatch):
    (here.folder / "file").write_text("in the way")
    monkeypatch.setenv("VOUCH_DATA_DIR", str(here.folder / "file" / "data"))
    done = here("verify")
    assert done.returncode == 2
    assert "VOUCH_DATA_DIR" in done.stderr


@pytest.mark.parametrize("command", ["serve", "demo", "mlflow"])
def test_a_port_in_use_is_said_before_anything_starts(here, command):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = here(f"{command} --port {port}")
    assert done.returncode == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr
    assert not (here.folder / "data").exists()


def test_json_is_only_json(desk):
    done = desk("verify --json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {"balances": 0, "drifts": []}
