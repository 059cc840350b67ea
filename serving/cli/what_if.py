"""The command that tries another policy before anybody sets it."""

from typing import Annotated

import typer

from serving.cli.screen import Json, opened, show, utc_now


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command()(whatif)


def whatif(
    sku: Annotated[str, typer.Argument(help="Id of the SKU.", metavar="SKU")],
    *,
    location: Annotated[str, typer.Option(help="Where it is kept.")],
    target: Annotated[
        float | None, typer.Option(help="Chance of no stockout in a cycle, 0..1.")
    ] = None,
    fill_rate: Annotated[
        float | None, typer.Option(help="Share of demand from the shelf, 0..1, as the target.")
    ] = None,
    lead_time: Annotated[float | None, typer.Option(help="Days from order to shelf.")] = None,
    lead_time_sd: Annotated[float | None, typer.Option(help="Their spread, days.")] = None,
    review: Annotated[float | None, typer.Option(help="Days between orders.")] = None,
    min_order: Annotated[float | None, typer.Option(help="Least units per line.")] = None,
    pack: Annotated[float | None, typer.Option(help="Units per pack.")] = None,
    max_order: Annotated[float | None, typer.Option(help="Most units per line.")] = None,
    order_cost: Annotated[float | None, typer.Option(help="Cost per line ordered.")] = None,
    days: Annotated[int, typer.Option(help="Days ahead that count.")] = 56,
    backorders: Annotated[
        bool, typer.Option("--backorders", help="Unmet demand waits; otherwise it is lost.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What another target, lead time, pack or rhythm would come to, beside the present policy.

    Both policies are worked out as the daily job does, and played along sample paths of the
    forecast in force, from the stock and supply there are. Nothing is changed.

    \b
    $ vouch whatif SKU-1 --location S1 --target 0.98 --pack 12
    vouch: no forecast 'SKU-1 at S1'
    """  # noqa: D301
    from pipelines.replan import planning_moment
    from pipelines.tried_terms import Changes
    from pipelines.what_if import read_question, what_if

    changes = Changes(
        service_level=target, fill_rate=fill_rate, lead_time_days=lead_time,
        lead_time_sd_days=lead_time_sd, review_period_days=review, min_order_quantity=min_order,
        pack_size=pack, max_order_quantity=max_order, order_cost=order_cost,
    )  # fmt: skip
    changes.check()
    with opened() as (settings, db):
        now = planning_moment(db, now=utc_now())
        question = read_question(db, sku, location, settings, now=now)
    answer = what_if(question, changes, days=days, lost_sales=not backorders, seed=settings.seed)
    show(answer, as_json=as_json)
