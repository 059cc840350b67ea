"""Commands on the stored data: migrate, import, verify."""

from pathlib import Path
from typing import Annotated

import typer

from serving.cli.screen import Json, complain, err, opened, person, progress, show, utc_now

IMPORT_REFUSED = 2


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    cli.command()(migrate)
    cli.command("import")(import_)
    cli.command()(verify)


def migrate(*, as_json: Json = False) -> None:
    """Bring the tables up to date; harmless to repeat.

    \b
    $ vouch migrate
    the tables are up to date
    """  # noqa: D301 - \b keeps the example's line breaks.
    applied: list[str] = []
    with opened(report=applied.append):
        lines = [*applied, "the tables are up to date"]
        show({"applied": applied}, as_json=as_json, lines=lines)


def import_(
    kind: Annotated[str, typer.Argument(help="What the rows are, as below.")],
    file: Annotated[Path, typer.Argument(help="CSV or Parquet.")],
    *,
    profile: Annotated[str, typer.Option(help="Layout of the file.")] = "generic",
    series: Annotated[int | None, typer.Option(help="Only the first N series.", min=1)] = None,
    create_missing: Annotated[
        bool, typer.Option(help="Add SKUs and locations that the catalogue lacks.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Load a file: good rows go in, bad rows are listed with field and remedy.

    Kinds, each after those that it needs: locations, vendors, skus, channels, groups, bundles,
    price-tables, budgets, supply-lanes, policy-rules, buffer-rules, supply-links, pre-sales,
    stock, inbound, sales, promotions, location-days, overrides. Their columns are in
    pipelines/README.md; a file without a column that must be there is told which one.

    The exit code is 2 when no row could go in. Rejected rows are written to the folder rejected/
    of VOUCH_DATA_DIR.

    \b
    $ vouch import locations locations.csv
    2 of 2 rows in, ...
    """  # noqa: D301
    from pipelines import ingest

    with opened() as (settings, db):
        report = ingest.import_file(
            db,
            kind=kind,
            path=file,
            now=utc_now(),
            profile=profile,
            series=series,
            create_missing=create_missing or profile == "freshretail",
            rejected_dir=settings.data_dir / "rejected",
            actor=person(),
            progress=progress,
        )
    show(report, as_json=as_json)
    if not report.accepted:
        why = "every row was rejected" if report.rows_read else f"{file.name} has no rows"
        complain(f"nothing went in: {why}")
        raise typer.Exit(IMPORT_REFUSED)


def verify(*, as_json: Json = False) -> None:
    """Recompute every balance from the ledger and compare.

    \b
    $ vouch verify
    0 of 0 balances drift from their ledger entries
    """  # noqa: D301
    from inventory.store import verify as check

    with opened() as (_, db):
        report = check.verify(db)
    show(report, as_json=as_json)
    if report.drifts:
        err.print("the ledger and the balances disagree", style="bold red")
        raise typer.Exit(1)
