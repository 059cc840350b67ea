"""Commands that ask: what may be promised of a SKU, by which policy it is replenished, and why."""

from datetime import datetime
from typing import Annotated

import typer

from serving.cli.screen import Json, figure, opened, show, utc_now

Sku = Annotated[str, typer.Argument(help="Id of the SKU.", metavar="SKU")]


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    cli.command()(availability)
    cli.command()(policy)
    cli.command()(explain)


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
    from inventory.catalog import METHODS, Channel
    from inventory.catalog_checks import one_of
    from inventory.store import catalog
    from inventory.store.availability import availability as ask

    if method is not None:
        one_of("method", method, METHODS)
    with opened() as (settings, db):
        known = channel is None or catalog.exists(db, Channel, channel)
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
    if not known:
        lines.append(f"no channel '{channel}' is registered: it has the terms of any channel")
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
    vouch: no policy 'SKU-1/S1'; the daily job works one out where sales are known: `vouch daily`
    """  # noqa: D301
    from inventory.store.policies import read_policy

    with opened() as (_, db):
        found = read_policy(db, sku, location)
    shown = ("safety_stock", "reorder_point", "order_quantity", "order_up_to", "lead_time",
             "target", "service_level", "segment", "demand_law", "run_id")  # fmt: skip
    lines = [
        f"{name.replace('_', ' '):<15} {figure(found[name])}" for name in shown if name in found
    ]
    show(found, as_json=as_json, lines=lines)


def explain(
    sku: Sku,
    *,
    location: Annotated[str, typer.Option(help="Where it is sold.")],
    as_json: Json = False,
) -> None:
    """Why the forecast of a SKU at a location is what it is, in units a day.

    \b
    $ vouch explain SKU-1 --location S1
    vouch: no forecast 'SKU-1 at S1'
    """  # noqa: D301
    from pipelines.explanation import read

    with opened() as (_, db):
        found = read(db, sku, location, now=utc_now())
    run = f"run {found.forecast.run_id}, {found.forecast.model_version}"
    days = f"the {found.periods} days from {found.forecast.first_day}"
    lines = [f"{found.mean:.2f} units a day of {sku} at {location}, {days}: {run}"]
    lines += [f"{part.units:>+9.2f}  {part.term}" for part in found.drivers]
    lines += ["strongest features:"]
    lines += [f"{part.units:>+9.2f}  {part.name} ({part.group}): {part.why}"
              for part in found.features]  # fmt: skip
    lines += ["members:"]
    lines += [f"{part.mean:>9.2f}  {part.member}, weight {part.weight:.2f}"
              for part in found.members]  # fmt: skip
    like = found.analogue
    if like is not None and like.followed is not None:
        lines.append(
            f"most like {like.first_day} to {like.last_day} at {like.location}; what followed, at "
            f"today's level: {like.followed.units_per_day:.2f} units a day"
        )
    show(found.as_dict(), as_json=as_json, lines=lines)
