"""Commands on goods that came for orders: book them, and decide on those that wait."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from inventory.amounts import counted
from serving.cli.screen import Json, opened, person, show, utc_now

Order = Annotated[str, typer.Argument(help="Id of the order.", metavar="ORDER")]


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    cli.command()(receive)
    cli.command()(waiting)
    cli.command("approve-receipt")(approve_receipt)


def receive(
    order: Order,
    *,
    line: Annotated[list[str] | None, typer.Option(
        help="What came, as NUMBER=UNITS of a line, e.g. 1=10. May be repeated.")] = None,
    quantity: Annotated[list[str] | None, typer.Option(
        help="Or as SKU=UNITS. May be repeated.")] = None,
    status: Annotated[str | None, typer.Option(
        help="What it came as: available, inspection, frozen or defective.")] = None,
    shipment: Annotated[str | None, typer.Option(help="The vendor's number of it.")] = None,
    document: Annotated[str | None, typer.Option(
        help="The number of the delivery note: who books it again changes nothing.")] = None,
    on: Annotated[datetime | None, typer.Option(help="The day on which it came, UTC, if not now.",
                                                formats=["%Y-%m-%d"])] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Book what came of an order, in part or beyond it; without lines, all that is open.

    What is beyond the order and the tolerance of its terms waits for approval: `vouch orders
    waiting`.

    \b
    $ vouch orders receive PO-20270104-0001 --line 1=10 --quantity TEA=48
    vouch: no purchase order 'PO-20270104-0001'
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store.purchase_orders import act

    numbered = [told_units(said, "line") for said in line or ()]
    named = [told_units(said, "quantity") for said in quantity or ()]
    lines: list[dict[str, Any]] = [
        *({"line": int(number), "quantity": units} for number, units in numbered),
        *({"sku": sku, "quantity": units} for sku, units in named),
    ]
    extra = {"status": status, "shipment": shipment}
    with opened() as (_, db):
        found = act(
            db, order, "receive", actor=person(), role="admin", now=utc_now(),
            lines=[row | extra for row in lines] or None, document_id=document,
            at=on.replace(tzinfo=UTC) if on else None,
        )  # fmt: skip
    show(found, as_json=as_json, lines=[f"{found['id']} is {words(found['state'])}",
                                        *map(progress_of, found["lines"])])  # fmt: skip


def words(state: str) -> str:
    """A state as people say it."""
    return state.replace("_", " ")


def progress_of(line: dict[str, Any]) -> str:
    """How much of a line of an order came, and what of that waits."""
    said = (
        f"{line['line_no']:>3}  {line['sku']}: {line['received_units']} of {line['quantity']} came"
    )
    waits = line["awaiting_units"]
    return said + (f", {waits} of them wait for approval: `vouch orders waiting`" if waits else "")


def told_units(told: str, field: str) -> tuple[str, int]:
    """`WHAT=UNITS`; a SKU may hold an equals sign itself, and a line is told by its number."""
    from inventory.errors import InputRejected

    what, _, units = told.rpartition("=")
    if not what or not units.isdecimal() or (field == "line" and not what.isdecimal()):
        form = "NUMBER=UNITS, e.g. 1=60" if field == "line" else "SKU=UNITS, e.g. TEA=60"
        raise InputRejected(f"'{told}' is not {form}", field=field)
    return what, int(units)


def waiting(*, as_json: Json = False) -> None:
    """Goods that came and wait for approval; nothing is promised from them until then.

    \b
    $ vouch orders waiting
    nothing waits for approval
    """  # noqa: D301
    from inventory.store.held_receipts import read_held

    with opened() as (_, db):
        found = read_held(db)
    lines = [
        f"{row['inbound_id']}  {row['awaiting_units']} of {row['sku']} at {row['location']} since "
        f"{row['waits_since']}"
        + (f", from {row['vendor']}" if row["vendor"] else "")
        + (f"; {row['excess_units']} beyond what was ordered" if row["excess_units"] else "")
        for row in found
    ]
    show({"receipts": found}, as_json=as_json, lines=lines or ["nothing waits for approval"])


def approve_receipt(
    receipt: Annotated[str, typer.Argument(help="What waits, as `vouch orders waiting` names it: "
                                           "ORDER:LINE.", metavar="RECEIPT")],
    *,
    units: Annotated[int | None, typer.Option(help="So many; else all that wait.", min=1)] = None,
    become: Annotated[str, typer.Option("--as", help="available, or frozen, defective or scrap "
                                        "where refused: then nothing is owed for it.")
                      ] = "available",
    key: Annotated[str | None, typer.Option("--id", help="A name for this decision: said twice, "
                                            "it is taken once.")] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Decide on goods that wait for approval.

    \b
    $ vouch orders approve-receipt PO-20270104-0001:2
    vouch: no inbound 'PO-20270104-0001:2'
    """  # noqa: D301
    from inventory.store.approvals import approve

    with opened() as (_, db):
        found = approve(
            db, receipt, message_id=key or str(uuid.uuid4()), now=utc_now(), quantity=units,
            status=become, actor=person(),
        )  # fmt: skip
    left = f", {found['awaiting']} wait" if found["awaiting"] else ""
    said = f"{counted(found['decided'], 'unit')} of {found['sku']} at {found['location']}"
    show(found, as_json=as_json, lines=[f"{said} are {found['status']}{left}"])
