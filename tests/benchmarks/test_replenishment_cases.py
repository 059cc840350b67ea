"""Cases that nobody on this project wrote: textbooks and other libraries, through `vouch solve`."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli import cli

DEFAULT = Path(__file__).parents[3] / "shared" / "data"
FILE = Path(os.environ.get("VOUCH_SHARED_DATA", DEFAULT)) / "cases" / "replenishment_cases.json"
CASES = json.loads(FILE.read_text())["cases"] if FILE.exists() else []
SHOWN_ONLY = {"printed", "printed_readme"}
"""Kept beside what is expected, to show how the source rounded it."""

pytestmark = pytest.mark.data


@pytest.fixture(scope="module")
def solved(tmp_path_factory):
    """Results by name, of a file from which what is expected was taken out."""
    asked = [{key: case[key] for key in case if key != "expected"} for case in CASES]
    file = tmp_path_factory.mktemp("cases") / "cases.json"
    file.write_text(json.dumps({"cases": asked}))
    done = CliRunner().invoke(cli, ["solve", str(file), "--json"])
    assert done.exit_code == 0, done.output
    return {each["name"]: each["result"] for each in json.loads(done.stdout)["results"]}


def test_all_cases_are_here(shared_data):
    """The ids of the next test come from a file that must be the one under `shared_data`."""
    there = shared_data / "cases" / "replenishment_cases.json"
    assert (
        len(json.loads(there.read_text())["cases"]) == len(CASES) == len({c["name"] for c in CASES})
    )


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_case(solved, case):
    for key, expected in case["expected"].items():
        if key not in SHOWN_ONLY:
            check(solved[case["name"]][key], expected, key, tolerance=case["tolerance"])


def check(got, expected, key, *, tolerance):
    if isinstance(expected, dict):
        assert set(got) == set(expected), key
        for name, each in expected.items():
            check(got[name], each, f"{key}.{name}", tolerance=tolerance)
    elif isinstance(expected, str):
        assert got == expected, key
    else:
        near = pytest.approx(expected, rel=max(tolerance, 1e-12), abs=max(tolerance, 1e-12))
        assert got == near, key
