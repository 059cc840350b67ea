"""Commands on orders on their way to vendors: send what is due, see what did not arrive."""

from pathlib import Path
from typing import Annotated

import typer

from inventory.store import dispatches as store
from serving.cli import vendor_settings
from serving.cli.screen import Json, opened, say, show, utc_now

cli = typer.Typer(help="Orders on their way to vendors.", no_args_is_help=True)
cli.add_typer(vendor_settings.cli, name="settings")

Number = Annotated[
    str, typer.Argument(help="The document, as `vouch dispatch list` prints it.", metavar="NUMBER")
]


@cli.callback()
def _group() -> None:
    """Orders on their way to vendors."""


@cli.command()
def run(*, as_json: Json = False) -> None:
    """Send the orders that are due and take what vendors sent, as a server does each minute.

    \b
    $ vouch dispatch run
    nothing was due
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.connectors.exchange import exchange

    with opened() as (settings, db):
        report = exchange(db, settings, clock=utc_now)
    show(report, as_json=as_json)


@cli.command("list")
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="As blocked, failed, waiting.")] = None,
    vendor: Annotated[str | None, typer.Option(help="Only of this vendor.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 100,
    as_json: Json = False,
) -> None:
    """Documents to vendors, newest first: number, vendor, state, and what is wrong.

    \b
    $ vouch dispatch list
    no orders were sent
    """  # noqa: D301
    with opened() as (_, db):
        found = store.page(db, state=state, vendor=vendor, limit=limit)
    rows = found["dispatches"]
    assert isinstance(rows, list)
    lines = [
        "  ".join(
            filter(None, (row["number"], row["vendor"], row["state"],
                          row["problem"] or row["delivered_to"]))
        )
        for row in rows
    ]  # fmt: skip
    show(found, as_json=as_json, lines=lines or ["no orders were sent"])


@cli.command()
def retry(number: Number) -> None:
    """Have a document tried again that failed or waits.

    \b
    $ vouch dispatch retry PO-1.4
    vouch: no dispatch 'PO-1.4'
    """  # noqa: D301
    with opened() as (_, db):
        store.retry(db, number, now=utc_now())
    say(f"{number} is tried again at the next `vouch dispatch run`, or by a server within a minute")


@cli.command("print")
def print_(
    number: Number,
    *,
    out: Annotated[Path, typer.Option(help="File to write: .pdf or .csv.")],
) -> None:
    """Write the document as it goes by mail.

    \b
    $ vouch dispatch print PO-1.4 --out order.pdf
    vouch: no dispatch 'PO-1.4'
    """  # noqa: D301
    from inventory.errors import InputRejected
    from serving.connectors import dispatch, order_pdf, order_text
    from serving.connectors.delivery import NotPossible

    with opened() as (settings, db):
        found = store.get(db, number)
    try:
        document = dispatch.document_of(found, settings)
    except NotPossible as why:
        raise InputRejected(str(why)) from why
    if out.suffix == ".pdf":
        content = order_pdf.write_pdf(
            document, buyer=settings.company_name, buyer_address=settings.company_address
        )
    elif out.suffix == ".csv":
        content = order_text.write_csv(document)
    else:
        raise InputRejected("name a file that ends in .pdf or .csv", field="out")
    out.write_bytes(content)
    say(f"wrote {out}")


@cli.command()
def secret(
    vendor: Annotated[str, typer.Argument(help="Id of the vendor.", metavar="VENDOR")],
) -> None:
    """The secret with which a vendor checks that a webhook is ours; hand it over safely.

    \b
    $ vouch dispatch secret ACME
    vouch: webhooks are signed, and no secret is set: VOUCH_WEBHOOK_SECRET
    """  # noqa: D301
    from inventory.errors import InputRejected
    from pipelines.settings import Settings
    from serving.connectors.delivery import NotPossible
    from serving.connectors.webhook import signing_secret

    try:
        say(signing_secret(Settings(), vendor))
    except NotPossible as why:
        raise InputRejected(str(why)) from why
