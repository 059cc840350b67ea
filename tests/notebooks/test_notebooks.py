"""Every notebook runs from top to bottom: its assertions are tests too."""

import runpy
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.py"))


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.name for path in NOTEBOOKS])
def test_runs_from_top_to_bottom(path, capsys):
    runpy.run_path(str(path))
    assert "->" in capsys.readouterr().out
