"""The command that lists what the models may see."""

from pathlib import Path
from typing import Annotated

import typer

from serving.cli.screen import Json, show


def register(cli: typer.Typer) -> None:
    """Add this command."""
    cli.command()(features)


def features(
    *,
    history: Annotated[
        Path | None, typer.Option(help="List what this file gets; else one column of each kind.")
    ] = None,
    future: Annotated[Path | None, typer.Option(help="What is known ahead.")] = None,
    horizon: Annotated[int, typer.Option(help="Periods ahead.", min=1)] = 14,
    out: Annotated[Path | None, typer.Option(help="Page to write: .md or .html.")] = None,
    as_json: Json = False,
) -> None:
    """List all features: unit, group, when each is known, and why it is there.

    \b
    $ vouch features --history history.csv --out features.md
    ... features (... by default): ... history, ... external, ... product, 0 customer, 0 inventory
    """  # noqa: D301 - \b keeps the example's line breaks.
    from features.listing import rows_of, summary
    from pipelines.feature_list import features_of, write_page

    found = features_of(history, future, horizon=horizon)
    if out is not None:
        write_page(found, out)
    wide = max(len(f.name) for f in found)
    lines = [] if out else [f"{f.name:<{wide}}  {f.unit:<14} {f.known_when}" for f in found]
    show(rows_of(found), as_json=as_json, lines=[*lines, summary(found)])
