"""Commands on invoices of vendors: record, look at what does not match, decide."""

import json
from pathlib import Path
from typing import Annotated, Any

import pydantic
import typer

from inventory.amounts import counted
from inventory.errors import InputRejected
from serving.cli.screen import Json, opened, person, short_enough, show, utc_now

cli = typer.Typer(help="Invoices of vendors.", no_args_is_help=True)


def _ours(told: str) -> int:
    """The number that we gave an invoice; its vendor's is another."""
    if not told.isdecimal():
        raise InputRejected(
            f"'{told}' is not a number that `vouch invoices list` prints first", field="number"
        )
    return int(told)


Number = Annotated[
    int,
    typer.Argument(
        help="The number that `vouch invoices list` prints first.", parser=_ours, metavar="NUMBER"
    ),
]
Vendor = Annotated[str | None, typer.Option(help="Of this vendor.")]
Limit = Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)]
Reason = Annotated[str | None, typer.Option(help="Why.", callback=short_enough)]


@cli.callback()
def _group() -> None:
    """Invoices of vendors, held against order and receipt."""


@cli.command("list")
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="open, approved or rejected.")] = None,
    vendor: Vendor = None,
    limit: Limit = 20,
    as_json: Json = False,
) -> None:
    """Invoices, the newest first, and how many things on each do not match.

    \b
    $ vouch invoices list
    no invoices
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store.invoices import list_invoices

    with opened() as (_, db):
        page = list_invoices(db, state=state, vendor=vendor, limit=limit)
    lines = [_line(invoice) for invoice in page["invoices"]]
    show(page, as_json=as_json, lines=lines or ["no invoices"])


def _line(invoice: dict[str, Any]) -> str:
    wrong = len(invoice["discrepancies"])
    says = (
        "payable"
        if invoice["payable"]
        else counted(wrong, "discrepancy", "discrepancies")
        if wrong
        else "refused"
    )
    return (
        f"{invoice['id']:>6}  {invoice['vendor']} {invoice['number']}  {invoice['state']:<8}  "
        f"{invoice['goods'] + invoice['charges']:,.2f}  {says}"
    )


@cli.command()
def discrepancies(
    *,
    kind: Annotated[
        str | None,
        typer.Option(
            help="not_ordered, not_received, quantity, price, total, duplicate or currency."
        ),
    ] = None,
    vendor: Vendor = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """What open invoices charge that order and receipt do not bear out, the oldest first.

    \b
    $ vouch invoices discrepancies
    every open invoice matches
    """  # noqa: D301
    from inventory.store.invoice_discrepancies import list_discrepancies

    with opened() as (_, db):
        page = list_discrepancies(db, kind=kind, vendor=vendor, limit=limit)
    lines = [
        f"{row['invoice']:>6}  {row['vendor']} {row['number']}"
        + (f" line {row['line']}" if row["line"] else "")
        + (f" ({' '.join(filter(None, (row['order'], row['sku'])))})" if row["order"] else "")
        + f": {_what(row)}, {row['money']:+,.2f}"
        for row in page["discrepancies"]
    ]
    show(page, as_json=as_json, lines=lines or ["every open invoice matches"])


@cli.command()
def record(
    file: Annotated[Path, typer.Argument(help="JSON as for POST /api/v2/invoices.")],
    *,
    as_json: Json = False,
) -> None:
    """Keep an invoice from a file; a repeat of its `id` changes nothing.

    \b
    $ vouch invoices record invoice.json
    vouch: field 'file': cannot read invoice.json: ...
    """  # noqa: D301
    from inventory.store.invoices import record_invoice

    said = _read(file)
    with opened() as (settings, db):
        found = record_invoice(
            db,
            **said.model_dump(exclude={"id", "order", "lines"}),
            lines=[line.model_dump(exclude_none=True) for line in said.lines],
            order_id=said.order,
            document_id=said.id,
            at=utc_now(),
            actor=person(),
            house_currency=settings.currency,
        )
    wrong = [f"  {row['kind']}: {row['money']:+,.2f}" for row in found["discrepancies"]]
    show(found, as_json=as_json, lines=[_line(found), *wrong])


def _what(row: dict[str, Any]) -> str:
    """What does not match, in words."""
    if row["kind"] == "currency":
        return f"in {row['currency']} and the order in {row['order_currency']}"
    return f"{row['kind'].replace('_', ' ')}, {row['found']:g} instead of {row['expected']:g}"


def _read(file: Path) -> Any:  # noqa: ANN401 - the message, imported late.
    from serving.messages_invoices import Invoice

    try:
        return Invoice.model_validate(json.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as wrong:
        if isinstance(wrong, pydantic.ValidationError):
            fault = wrong.errors()[0]
            where = ".".join(str(part) for part in fault["loc"])
            raise InputRejected(f"{file}: {fault['msg']}", field=where) from wrong
        why = wrong.strerror if isinstance(wrong, OSError) else wrong
        raise InputRejected(f"cannot read {file}: {why}", field="file") from wrong


@cli.command()
def approve(number: Number, *, reason: Reason = None, as_json: Json = False) -> None:
    """Pay an invoice as it is; where it does not match, say why.

    \b
    $ vouch invoices approve 7 --reason "agreed by phone"
    vouch: no invoice '7'
    """  # noqa: D301
    _decide(number, approved=True, reason=reason, as_json=as_json)


@cli.command()
def reject(
    number: Number,
    *,
    reason: Annotated[str, typer.Option(help="Why.", callback=short_enough)],
    as_json: Json = False,
) -> None:
    """Refuse an invoice, and say why; nothing of it counts any more.

    \b
    $ vouch invoices reject 7 --reason "billed twice"
    vouch: no invoice '7'
    """  # noqa: D301
    _decide(number, approved=False, reason=reason, as_json=as_json)


def _decide(number: int, *, approved: bool, reason: str | None, as_json: bool) -> None:
    from inventory.store.invoices import decide

    with opened() as (_, db):
        found = decide(db, number, approved=approved, reason=reason, actor=person(), now=utc_now())
    show(found, as_json=as_json, lines=[_line(found)])
