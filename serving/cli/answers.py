"""Commands that ask: what may be promised of a SKU, and by which policy it is replenished."""

from datetime import datetime
from typing import Annotated

import typer

from serving.cli.screen import Json, opened, show, utc_now

Sku = Annotated[str, typer.Argument(help="Id of the SKU.", metavar="SKU")]


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    cli.command()(availability)
    cli.command()(policy)


def availability(
    sku: Sku,
    *,
    location: Annotated[str | None, typer.Option(help="At this location.")] = None,
    group: Annotated[str | None, typer.Option(help="Or in this group of them.")] = None,
    channel: Annotated[str | None, typer.Option(help="Who sells it.")] = None,
    method: Annotated[str | None, typer.Option(help="How it is handed over, as bopis.")] = None,
    on: Annotated[datetime | None, typer.Option(help="On this day.", formats=["%Y-%m-%d"])] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Add the terms.")] = False,
    as_json: Json = False,
) -> None:
    """Units of a SKU that may be promised now, and with --explain why so many.

    \b
    $ vouch availability SKU-1 --location S1
    5 units of SKU-1 may be promised at S1
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store.availability import availability as ask

    with opened() as (settings, db):
        answer = ask(
            db,
            sku=sku,
            location=location,
            group=group,
            channel=channel,
            method=method,
            on=on.date() if on else None,
            now=utc_now(),
            horizon_days=settings.atp_horizon_days,
            explain=explain,
        )
    view = " ".join(
        part for part in (channel and f"to {channel}", method and f"by {method}") if part
    )
    where = " ".join(part for part in (f"at {location or group}", view) if part)
    lines = [f"{answer.atp} units of {sku} may be promised {where}"]
    lines += [f"{term.quantity:>8}  {term.term:<14} {term.source}" for term in answer.terms or ()]
    if explain:
        lines.append(f"{answer.raw:>8}  on {answer.binding_date}, the day that binds")
    lines += [
        f"{left.units} more may be sold ahead for {left.available_on} at {left.location} "
        f"(pre-sale {left.pre_sale})"
        for left in answer.pre_sales
    ]
    show(answer.as_dict(), as_json=as_json, lines=lines)


def policy(
    sku: Sku,
    *,
    location: Annotated[str, typer.Option(help="Where it is kept.")],
    as_json: Json = False,
) -> None:
    """Safety stock, reorder point and order quantity of a SKU at a location, with their run.

    \b
    $ vouch policy SKU-1 --location S1
    vouch: no policy 'SKU-1/S1'
    """  # noqa: D301
    from inventory.store.policies import read_policy

    with opened() as (_, db):
        found = read_policy(db, sku, location)
    shown = ("safety_stock", "reorder_point", "order_quantity", "order_up_to", "lead_time",
             "service_level", "run_id")  # fmt: skip
    lines = [
        f"{name.replace('_', ' '):<15} {_figure(found[name])}" for name in shown if name in found
    ]
    show(found, as_json=as_json, lines=lines)


def _figure(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
