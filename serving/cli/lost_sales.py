"""The command that tells what empty shelves cost."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from serving.cli.screen import Json, opened, show

By = Literal["total", "sku", "location", "category", "series", "day"]


def register(cli: typer.Typer) -> None:
    """Add this command."""
    cli.command(name="lost-sales")(lost_sales)


def lost_sales(
    *,
    history: Annotated[
        Path | None, typer.Option(help="A file instead of the database, as for predict.")
    ] = None,
    sku: Annotated[str | None, typer.Option(help="Only this SKU.")] = None,
    location: Annotated[str | None, typer.Option(help="Only this location.")] = None,
    category: Annotated[str | None, typer.Option(help="Only this category.")] = None,
    first: Annotated[
        datetime | None,
        typer.Option("--from", help="First day; else 28 days to the last.", formats=["%Y-%m-%d"]),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", help="Last day; else the last on record.", formats=["%Y-%m-%d"]),
    ] = None,
    by: Annotated[By, typer.Option(help="Totals by this.")] = "total",
    as_json: Json = False,
) -> None:
    """Units sold, and units estimated lost while the shelf was empty, with a 90 % interval.

    \b
    $ vouch lost-sales --history history.csv
    2026-01-01 to 2026-03-01: 348 units sold, 0 lost (0 to 0); 0% of 120 periods cut short
    """  # noqa: D301 - \b keeps the example's line breaks.
    from pipelines import lost_sales as report

    wanted = report.Filter(
        sku=sku,
        location=location,
        category=category,
        first=first.date() if first else None,
        last=last.date() if last else None,
    )
    if history is not None:
        found = report.of_file(history, wanted, by=by)
    else:
        with opened() as (_, db):
            found = report.of_database(db, wanted, by=by)
    show(found, as_json=as_json)
