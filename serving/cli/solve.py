"""The calculator: inventory questions from a file, no database needed."""

from pathlib import Path
from typing import Annotated

import typer

from serving.cli.screen import Json, show

UNSOLVED = 1
"""Exit code where some cases could not be solved; the others are printed all the same."""


def register(cli: typer.Typer) -> None:
    """Add this command."""
    cli.command()(solve)


def solve(
    file: Annotated[Path, typer.Argument(help='JSON: {"cases": [{name, topic, inputs}, ...]}.')],
    *,
    as_json: Json = False,
) -> None:
    """Solve inventory questions: lots, reorder points, newsvendors, networks, by topic and inputs.

    Exit code 1 when some cases could not be solved; each says which input is wrong and what to do.
    An unknown topic lists all topics, a wrong input the inputs of its topic.

    \b
    $ vouch solve cases.json
    mouse (eoq)
      order_quantity               955.249
    """  # noqa: D301 - \b keeps the example's line breaks.
    from pipelines.solve import solve_file

    report = solve_file(file)
    show(report, as_json=as_json)
    if report.failed:
        raise typer.Exit(UNSOLVED)
