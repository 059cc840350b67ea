"""Commands on when alerts come and who is told: thresholds and subscriptions."""

from typing import Annotated, Any

import typer

from serving.cli.screen import Json, opened, person, show, utc_now

thresholds = typer.Typer(help="From when on a SKU is worth an alert.", no_args_is_help=True)
subscriptions = typer.Typer(help="Who is told of alerts.", no_args_is_help=True)

Sku = Annotated[str, typer.Argument(help="The SKU; '*' is every SKU.", metavar="SKU")]
Subscriber = Annotated[str, typer.Argument(help="A name of your own.", metavar="NAME")]

DAYS_MAX = 3650


@thresholds.callback()
def _thresholds() -> None:
    """From when on a SKU is worth an alert."""


@subscriptions.callback()
def _subscriptions() -> None:
    """Who is told of alerts."""


@thresholds.command("list")
def list_thresholds(*, as_json: Json = False) -> None:
    """SKUs with thresholds of their own.

    \b
    $ vouch alert thresholds list
    every SKU has the usual thresholds
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store import alert_settings as store

    with opened() as (_, db):
        found = store.list_thresholds(db)
    lines = [f"{row['sku']}: {_days(row)}, said by {row['updated_by']}" for row in found]
    usual = "every SKU has the usual thresholds"
    show({"thresholds": found}, as_json=as_json, lines=lines or [usual])


def _days(row: dict[str, Any]) -> str:
    from inventory.store.alert_settings import THRESHOLDS

    said = [
        f"{name.removesuffix('_days').replace('_', ' ')} {row[name]:g} days"
        for name in THRESHOLDS
        if row[name] is not None
    ]
    return ", ".join(said) or "as usual"


@thresholds.command("set")
def set_thresholds(
    sku: Sku,
    *,
    low_cover: Annotated[float | None, typer.Option(
        help="Stock that lasts fewer days is low although supply is coming; usually 3.", min=0,
        max=DAYS_MAX)] = None,
    over_cover: Annotated[float | None, typer.Option(
        help="Stock above the level is too much where it lasts so many days more; usually 30.",
        min=0, max=DAYS_MAX)] = None,
    slow_cover: Annotated[float | None, typer.Option(
        help="Stock that lasts more days moves slowly; usually 180.", min=0.01,
        max=DAYS_MAX)] = None,
    expiring: Annotated[float | None, typer.Option(
        help="What will expire unsold is told so many days ahead; usually 7.", min=0,
        max=DAYS_MAX)] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say from when on a SKU is worth an alert; what is left out is as usual.

    \b
    $ vouch alert thresholds set "*" --low-cover 2 --expiring 14
    *: low cover 2 days, over cover 30 days, slow cover 180 days, expiring 14 days
    """  # noqa: D301
    from inventory.store import alert_settings as store
    from pipelines.stock_alerts import refresh_alerts

    values = {"low_cover_days": low_cover, "over_cover_days": over_cover,
              "slow_cover_days": slow_cover, "expiring_days": expiring}  # fmt: skip
    now = utc_now()
    with opened() as (_, db), db.transaction():
        found = store.put_thresholds(db, sku, values, now=now, by=person())
        refresh_alerts(db, now=now, skus=None if sku == store.EVERY_SKU else [sku])
    show(found, as_json=as_json, lines=[f"{sku}: {_days(found['hold'])}"])


@thresholds.command("remove")
def remove_thresholds(sku: Sku) -> None:
    """Let what holds for every SKU hold for this one again; of '*', what is usual.

    \b
    $ vouch alert thresholds remove TEA
    vouch: no alert thresholds 'TEA'
    """  # noqa: D301
    from inventory.store import alert_settings as store
    from pipelines.stock_alerts import refresh_alerts

    with opened() as (_, db), db.transaction():
        store.remove_thresholds(db, sku)
        refresh_alerts(db, now=utc_now(), skus=None if sku == store.EVERY_SKU else [sku])
    show({}, as_json=False, lines=[f"{sku} has no thresholds of its own"])


@subscriptions.command("list")
def list_subscriptions(*, as_json: Json = False) -> None:
    """Who is told of which alerts.

    \b
    $ vouch alert subscriptions list
    nobody is told
    """  # noqa: D301
    from dataclasses import asdict

    from inventory.store.alert_settings import subscriptions as everybody

    with opened() as (_, db):
        found = everybody(db)
    lines = [
        f"{told.id}: {told.method} to {told.target}, {told.severity_min} and above"
        + (f", {', '.join(told.kinds)}" if told.kinds else "")
        + (f", at {', '.join(told.locations)}" if told.locations else "")
        for told in found
    ]
    told_all = {"subscriptions": [asdict(each) for each in found]}
    show(told_all, as_json=as_json, lines=lines or ["nobody is told"])


@subscriptions.command("add")
def add_subscription(
    name: Subscriber,
    target: Annotated[str, typer.Argument(help="A mail address, or the https URL of a webhook.")],
    *,
    kind: Annotated[list[str] | None, typer.Option(
        help="Only of this kind, as out_of_stock; may be repeated.")] = None,
    location: Annotated[list[str] | None, typer.Option(
        help="Only at this location; may be repeated.")] = None,
    severity: Annotated[str, typer.Option(
        help="info, warning or critical, and above.")] = "warning",
    with_resolved: Annotated[bool, typer.Option(
        "--with-resolved", help="Also when an alert is over.")] = False,
    digest_above: Annotated[int, typer.Option(
        help="More than so many at once come as one message.", min=0, max=1000)] = 5,
    digest_minutes: Annotated[int, typer.Option(
        help="No oftener than so.", min=1, max=1440)] = 60,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Tell somebody of alerts raised from now on, each once; the same name again changes it.

    \b
    $ vouch alert subscriptions add ops ops@example.com --severity critical
    ops is told by email at ops@example.com
    """  # noqa: D301
    from dataclasses import asdict

    from inventory.alert_messages import EMAIL, WEBHOOK, Subscription
    from inventory.store.alert_settings import put_subscription
    from serving.connectors import webhook
    from serving.connectors.delivery import NotPossible

    method = WEBHOOK if "://" in target else EMAIL
    told = Subscription(
        name, method, target, tuple(kind or ()), tuple(location or ()), severity, with_resolved,
        digest_above, digest_minutes,
    )  # fmt: skip
    with opened() as (settings, db):
        put_subscription(db, told, now=utc_now(), by=person())
    lines, found = [f"{name} is told by {method} at {target}"], asdict(told)
    if method == WEBHOOK:
        try:
            found["secret"] = webhook.signing_secret(settings, name)
            lines.append(f"its signatures are checked with {found['secret']}")
        except NotPossible as missing:
            lines.append(f"nothing is sent until then: {missing}")
    show(found, as_json=as_json, lines=lines)


@subscriptions.command("remove")
def remove_subscription(name: Subscriber) -> None:
    """Tell them nothing any more.

    \b
    $ vouch alert subscriptions remove ops
    vouch: no alert subscription 'ops'
    """  # noqa: D301
    from inventory.store import alert_settings as store

    with opened() as (_, db):
        store.remove_subscription(db, name)
    show({}, as_json=False, lines=[f"{name} is told nothing any more"])
