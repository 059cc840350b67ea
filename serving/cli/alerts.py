"""Commands on alerts: what is open, and telling those who want to hear of it."""

from typing import Annotated, Any

import typer

from serving.cli.screen import Json, figures, opened, show, utc_now

cli = typer.Typer(help="What needs somebody's eyes.", no_args_is_help=True)


@cli.callback()
def _group() -> None:
    """What needs somebody's eyes."""


@cli.command(name="list")
def list_(
    *,
    kind: Annotated[str | None, typer.Option(help="Of this kind, as out_of_stock.")] = None,
    sku: Annotated[str | None, typer.Option(help="Of this SKU.")] = None,
    as_json: Json = False,
) -> None:
    """Open alerts that do not wait, the newest first.

    \b
    $ vouch alert list
    no open alerts
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store.alerts import list_alerts

    with opened() as (_, db):
        page = list_alerts(db, kind=kind, sku=sku, snoozed=False, now=utc_now(), limit=1000)
    found: Any = page["alerts"]
    lines = [f"{a['id']} [{a['severity']}] {a['message']}" for a in found]
    show({"alerts": found}, as_json=as_json, lines=lines or ["no open alerts"])


@cli.command()
def deliver(*, as_json: Json = False) -> None:
    """Look at stock, orders and feeds anew, and tell subscribers; a server does it by itself.

    \b
    $ vouch alert deliver
    raised: 0
    """  # noqa: D301
    from pipelines.stock_alerts import refresh_alerts
    from serving.connectors.alert_delivery import deliver as send

    with opened() as (settings, db):
        looked = refresh_alerts(db, now=utc_now())
        told = send(db, settings, clock=utc_now)
    report = {"raised": looked.raised, "resolved": looked.resolved, "messages": told.planned,
              "sent": told.sent, "waiting": told.waiting, "failed": told.failed}  # fmt: skip
    show(report, as_json=as_json, lines=figures(report))
