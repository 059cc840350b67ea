"""Commands on alerts: what is open, what it says, hearing of it later, and telling others."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import typer

from inventory.errors import InputRejected
from serving.cli import alert_settings
from serving.cli.screen import Json, figures, opened, person, short_enough, show, utc_now

cli = typer.Typer(help="What needs somebody's eyes.", no_args_is_help=True)
cli.add_typer(alert_settings.thresholds, name="thresholds")
cli.add_typer(alert_settings.subscriptions, name="subscriptions")

Alert = Annotated[int, typer.Argument(help="The number that `vouch alert list` prints.", min=1)]


@cli.callback()
def _group() -> None:
    """What needs somebody's eyes."""


@cli.command(name="list")
def list_(
    *,
    kind: Annotated[str | None, typer.Option(help="Of this kind, as out_of_stock.")] = None,
    sku: Annotated[str | None, typer.Option(help="Of this SKU.")] = None,
    location: Annotated[str | None, typer.Option(help="At this location.")] = None,
    snoozed: Annotated[bool, typer.Option("--snoozed", help="Those that wait instead.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 1000,
    as_json: Json = False,
) -> None:
    """Open alerts that do not wait, the newest first, with stock and what to order.

    \b
    $ vouch alert list
    no open alerts
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.alert_fields import in_currency, short
    from inventory.store.alerts import list_alerts

    with opened() as (settings, db):
        page = list_alerts(
            db, kind=kind, sku=sku, location=location, snoozed=snoozed, now=utc_now(), limit=limit
        )
    found: Any = page["alerts"]
    lines = []
    for alert in found:
        alert["detail"] = in_currency(alert["detail"], settings.currency)
        lines.append(f"{alert['id']} [{alert['severity']}] {alert['message']}")
        if said := short(alert["detail"]):
            lines.append(f"    {said}")
    show({"alerts": found}, as_json=as_json, lines=lines or ["no open alerts"])


@cli.command("show")
def show_(alert: Alert, *, as_json: Json = False) -> None:
    """One alert in full: its figures, and the act that resolves it.

    \b
    $ vouch alert show 1
    vouch: no alert '1'
    """  # noqa: D301
    from inventory.alert_fields import act_sentence, in_currency, sentences
    from inventory.store.alerts import get_alert

    with opened() as (settings, db):
        found = get_alert(db, alert, now=utc_now())
    found["detail"] = in_currency(found["detail"], settings.currency)
    lines = [f"{found['id']} [{found['severity']}] {found['message']}"]
    lines += [f"{words}: {found[name]:%Y-%m-%d %H:%M} UTC" for name, words in _MOMENTS.items()
              if found[name] is not None]  # fmt: skip
    lines += ["", *sentences(found["detail"])]
    if (act := act_sentence(found["detail"])) is not None:
        lines += ["", act]
    show(found, as_json=as_json, lines=lines)


_MOMENTS = {
    "raised_at": "Raised", "resolved_at": "Over since", "snoozed_until": "Waits until",
}  # fmt: skip


@cli.command()
def snooze(
    alert: Alert,
    *,
    days: Annotated[float | None, typer.Option(help="So many days.", min=0.01, max=365)] = None,
    until: Annotated[datetime | None, typer.Option(help="Or until this day, UTC.",
                                                   formats=["%Y-%m-%d"])] = None,
    reason: Annotated[str | None, typer.Option(help="Why.", callback=short_enough)] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Not to hear of its cause until later, also where it ends and comes back before.

    \b
    $ vouch alert snooze 1 --days 2 --reason "supply is due"
    vouch: no alert '1'
    """  # noqa: D301
    from inventory.store import alert_settings as store

    if (days is None) == (until is None):
        raise InputRejected("give --days or --until", field="days")
    now = utc_now()
    moment = until.replace(tzinfo=UTC) if until else now + timedelta(days=days or 0)
    with opened() as (_, db):
        found = store.snooze(db, alert, until=moment, now=now, by=person(), reason=reason)
    said = f"alert {alert} waits until {found['until']:%Y-%m-%d %H:%M} UTC"
    show(found, as_json=as_json, lines=[said])


@cli.command()
def unsnooze(alert: Alert) -> None:
    """Take a snooze back.

    \b
    $ vouch alert unsnooze 1
    vouch: no alert '1'
    """  # noqa: D301
    from inventory.store.alert_settings import wake

    with opened() as (_, db):
        wake(db, alert)
    show({}, as_json=False, lines=[f"alert {alert} does not wait"])


@cli.command()
def close(alert: Alert) -> None:
    """Close an alert by hand; while its cause lasts, the next look opens it again.

    That of a feed which fell silent stays closed until the feed is heard again.

    \b
    $ vouch alert close 1
    vouch: no alert '1'
    """  # noqa: D301
    from inventory.store.alerts import resolve_alert

    with opened() as (_, db):
        resolve_alert(db, alert, now=utc_now(), by=person())
    show({}, as_json=False, lines=[f"alert {alert} is closed"])


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
