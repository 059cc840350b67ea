"""`vouch audit`: the record of who did what, for keeping outside."""

from datetime import datetime
from typing import Annotated

import typer

from serving.cli.screen import Json, opened, progress, show, utc_now

cli = typer.Typer(no_args_is_help=True, help="The record of who did what, when and why.")


@cli.callback()
def _group() -> None:
    """Keep `export` a subcommand, also while it is the only one."""


@cli.command()
def export(
    *,
    to: Annotated[str, typer.Option(help="A folder, or s3://bucket/prefix.")],
    from_: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="First day (UTC); the first there is."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option("--until", formats=["%Y-%m-%d"], help="Last day; yesterday."),
    ] = None,
    endpoint_url: Annotated[
        str | None, typer.Option(help="Of an S3-compatible store other than Amazon's.")
    ] = None,
    with_open_days: Annotated[
        bool, typer.Option("--open", help="Also today, as it stands.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write ledger entries and reservation events as Parquet, one folder per day.

    Exporting a day again replaces it. Keys for S3 come from AWS_ACCESS_KEY_ID and
    AWS_SECRET_ACCESS_KEY, or from where AWS's own tools find them.

    \b
    $ vouch audit export --to audit
    0 rows in 0 parts at audit
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.connectors import audit_export

    with opened() as (_, db):
        report = audit_export.export(
            db,
            target=to,
            first_day=None if from_ is None else from_.date(),
            last_day=None if until is None else until.date(),
            now=utc_now(),
            endpoint_url=endpoint_url,
            with_open_days=with_open_days,
            progress=progress,
        )
    show(report, as_json=as_json)
