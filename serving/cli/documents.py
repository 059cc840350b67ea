"""Commands on what vendors send: take a file, see what waits, try it again, dismiss it."""

from pathlib import Path
from typing import Annotated

import typer

from inventory.store import documents as store
from serving.cli.screen import Json, opened, person, say, short_enough, show, utc_now

cli = typer.Typer(help="What vendors send of orders.", no_args_is_help=True)

REFUSED = 2

Number = Annotated[
    int, typer.Argument(help="The number that `vouch documents list` prints.", metavar="NUMBER")
]


@cli.callback()
def _group() -> None:
    """What vendors send of orders."""


@cli.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="X12 or EDIFACT.", metavar="FILE")],
    *,
    vendor: Annotated[
        str | None, typer.Option(help="From whom you have it; else as the file says.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Take a file: 855, 856, 810, 997 of X12, or ORDRSP, DESADV, INVOIC of EDIFACT.

    Each document in it is applied, or set aside with a reason; the exit code is 2 when none was
    applied. The same file again changes nothing.

    \b
    $ vouch documents import reply.x12
    1  confirmation PO-1 of PO-1: quarantined, unknown: ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.errors import InputRejected
    from serving.connectors import intake

    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputRejected(f"{file} cannot be read: {error.strerror}", field="file") from error
    with opened() as (settings, db):
        file_id, found = intake.take(
            db,
            content,
            source="cli",
            name=file.name,
            came_from=vendor,
            actor=person(),
            settings=settings,
            now=utc_now(),
        )
    report = {"file": file_id, "documents": found}
    show(report, as_json=as_json, lines=[intake.line_of(document) for document in found])
    if not any(document["state"] == store.APPLIED for document in found):
        raise typer.Exit(REFUSED)


@cli.command("list")
def list_(
    *,
    state: Annotated[
        str, typer.Option(help="quarantined, applied, pending, dismissed.")
    ] = store.QUARANTINED,
    vendor: Annotated[str | None, typer.Option(help="Only of this vendor.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 100,
    as_json: Json = False,
) -> None:
    """Documents that wait for a person, newest first, each with its reason.

    \b
    $ vouch documents list
    no documents are quarantined
    """  # noqa: D301
    from serving.connectors import intake

    with opened() as (_, db):
        found = store.page(db, state=state, vendor=vendor, limit=limit)
    rows = found["documents"]
    assert isinstance(rows, list)
    lines = [intake.line_of(row) for row in rows] or [f"no documents are {state}"]
    show(found, as_json=as_json, lines=lines)


@cli.command()
def retry(number: Number, *, as_json: Json = False) -> None:
    """Try a document again after mending what was wrong; an unreadable file is read again.

    \b
    $ vouch documents retry 7
    vouch: no vendor document '7'
    """  # noqa: D301
    from serving.connectors import intake

    with opened() as (settings, db):
        found = intake.retry(db, number, actor=person(), settings=settings, now=utc_now())
    show({"documents": found}, as_json=as_json, lines=[intake.line_of(row) for row in found])


@cli.command()
def dismiss(
    number: Number,
    *,
    reason: Annotated[str, typer.Option(help="How it was seen to.", callback=short_enough)],
) -> None:
    """Take a document off the list; who did and why stays on record.

    \b
    $ vouch documents dismiss 7 --reason "confirmed on the phone"
    vouch: no vendor document '7'
    """  # noqa: D301
    with opened() as (_, db):
        store.dismiss(db, number, why=reason, actor=person(), now=utc_now())
    say(f"dismissed {number}")
