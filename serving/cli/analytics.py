"""Figures on the command line, as a table, JSON or CSV; and advice on prices."""

from datetime import datetime
from typing import Annotated, Any

import typer

from inventory.analytics import FIGURES
from serving.cli.screen import Json, figure, opened, say, show, utc_now


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    for command in (analytics, prices):
        cli.command()(command)


def analytics(
    *,
    name: Annotated[str, typer.Argument(help=f"{', '.join(FIGURES)}.")],
    first: Annotated[
        datetime | None, typer.Option("--from", help="First day.", formats=["%Y-%m-%d"])
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--to", help="Last day.", formats=["%Y-%m-%d"])
    ] = None,
    of: Annotated[str | None, typer.Option(help="Only this location, vendor or channel.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Print figures of the last 90 whole days, or of the days that are named.

    \b
    $ vouch analytics orders
    Cancelled orders and accepted backorders, ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store import analytics as store
    from serving.api.analytics import as_csv as csv_of

    told = store.figure(name)
    days = store.days(first and first.date(), last and last.date(), today=utc_now().date())
    with opened() as (_, db):
        rows = store.read(db, name, first=days[0], last=days[1], now=utc_now(), of=of)
    if as_csv:
        say(csv_of(list(told.columns), rows).rstrip("\n"))
        return
    when = f"{days[0]} to {days[1]}" if told.dated else "now"
    lines = [f"{told.title}, {when}", *(_line(row) for row in rows)]
    if not rows:
        lines.append("nothing on record" + (f" of '{of}'" if of else ""))
    period = {"from": days[0], "to": days[1]} if told.dated else {}
    show(told.as_dict() | period | {"rows": rows}, as_json=as_json, lines=lines)


def prices(
    *,
    sku: Annotated[str, typer.Option(help="Of this SKU.")],
    location: Annotated[str | None, typer.Option(help="Only there.")] = None,
    days: Annotated[
        float | None, typer.Option(help="Until what is too much should be gone.", min=1, max=365)
    ] = None,
    salvage: Annotated[float, typer.Option(help="Money for a unit that is left then.")] = 0.0,
    as_json: Json = False,
) -> None:
    """Say how demand answers to price, and which price would clear what is too much.

    \b
    $ vouch prices --sku SKU-1
    vouch: no policy 'SKU-1'; the daily job works one out where sales are known
    """  # noqa: D301
    from pipelines.price_advice import advise
    from pipelines.price_advice import lines as sentences

    with opened() as (_, db):
        told = advise(db, sku, now=utc_now(), location=location, days=days, salvage=salvage)
    show(told, as_json=as_json, lines=sentences(told))


def _line(row: dict[str, Any]) -> str:
    """`DC: sold units 40, turnover 18.7`; the row of everything says so."""
    (_, key), *others = row.items()
    shown = [f"{name.replace('_', ' ')} {figure(value)}" for name, value in others]
    return f"{'everything' if key is None else key}: {', '.join(shown)}"
