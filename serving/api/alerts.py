"""What needs somebody's eyes: alerts, when they may wait, from when on they come, who is told."""

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse

from inventory import alert_messages as messages
from inventory.alert_fields import in_currency
from inventory.store import alert_deliveries as deliveries
from inventory.store import alert_settings as settings
from inventory.store import alerts as store
from pipelines.settings import Settings
from pipelines.stock_alerts import refresh_alerts
from serving.api.context import PREFIX, CatalogueWriter, Staff, jsonable
from serving.connectors import webhook
from serving.connectors.delivery import NotPossible
from serving.messages import Cursor, Id, PageLimit
from serving.messages_alerts import Snooze, Subscription, Thresholds

router = APIRouter(prefix=PREFIX, tags=["Alerts"])

AlertId = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("/alerts")
def alerts(
    *,
    call: Staff,
    kind: str | None = None,
    sku: Id | None = None,
    location: Id | None = None,
    severity: Literal["info", "warning", "critical"] | None = None,
    state: Literal["open", "snoozed", "all"] = "open",
    cursor: Cursor = None,
    limit: PageLimit = 100,
) -> JSONResponse:
    """Alerts, newest first; open ones that do not wait, unless `state` says otherwise.

    Each tells what is there, when it runs out, how much to order, and the act that resolves it.
    """
    with call.db() as db:
        page = store.list_alerts(
            db,
            kind=kind,
            sku=sku,
            location=location,
            severity=severity,
            open_only=state != "all",
            snoozed=None if state == "all" else state == "snoozed",
            now=call.now,
            cursor=cursor,
            limit=limit,
        )
    found: Any = page["alerts"]
    told = [_told(alert, call.server.settings) for alert in found]
    return JSONResponse(jsonable(page | {"alerts": told}))


@router.get("/alerts/{id}")
def read(id: AlertId, call: Staff) -> JSONResponse:  # noqa: A002
    """One alert, open or over."""
    with call.db() as db:
        found = store.get_alert(db, id, now=call.now)
    return JSONResponse(jsonable(_told(found, call.server.settings)))


def _told(alert: dict[str, Any], operator: Settings) -> dict[str, Any]:
    return alert | {"detail": in_currency(alert["detail"], operator.currency)}


@router.post("/alerts/{id}/snooze")
def snooze(id: AlertId, body: Snooze, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Not to hear of this cause until later, also where it ends and comes back before."""
    until = body.until or call.now + timedelta(days=body.days or 0)
    with call.db() as db:
        return call.once(
            db,
            scope=f"POST /alerts/{id}/snooze",
            body=body,
            act=lambda: jsonable(
                settings.snooze(
                    db, id, until=until, now=call.now, by=call.actor, reason=body.reason
                )
            ),
        )


@router.post("/alerts/{id}/wake", status_code=204)
def wake(id: AlertId, call: CatalogueWriter) -> None:  # noqa: A002
    """Take a snooze back."""
    with call.db() as db:
        settings.wake(db, id)


@router.post("/alerts/{id}/resolve", status_code=204)
def resolve(id: AlertId, call: CatalogueWriter) -> None:  # noqa: A002
    """Close an alert by hand. While its cause lasts, the next look opens it again.

    That of a feed which fell silent stays closed until the feed is heard again.
    """
    with call.db() as db:
        store.resolve_alert(db, id, now=call.now, by=call.actor)


@router.put("/alert-thresholds/{sku}")
def put_thresholds(sku: Id, body: Thresholds, call: CatalogueWriter) -> JSONResponse:
    """Say from when on a SKU is worth an alert; `*` is every SKU. One SKU is looked at at once."""
    with call.db() as db:

        def act() -> dict[str, Any]:
            found = settings.put_thresholds(db, sku, body.model_dump(), now=call.now, by=call.actor)
            if sku != settings.EVERY_SKU:
                refresh_alerts(db, now=call.now, skus=[sku])
            return found

        return call.once(db, scope=f"PUT /alert-thresholds/{sku}", body=body, act=act)


@router.get("/alert-thresholds/{sku}")
def get_thresholds(sku: Id, call: Staff) -> dict[str, Any]:
    """The thresholds of a SKU, its own and those that hold."""
    with call.db() as db:
        return settings.thresholds_of(db, sku)


@router.delete("/alert-thresholds/{sku}", status_code=204)
def remove_thresholds(sku: Id, call: CatalogueWriter) -> None:
    """Let what holds for every SKU hold for this one again; of `*`, what is usual."""
    with call.db() as db, db.transaction():
        settings.remove_thresholds(db, sku)
        if sku != settings.EVERY_SKU:
            refresh_alerts(db, now=call.now, skus=[sku])


@router.get("/alert-thresholds")
def list_thresholds(call: Staff) -> dict[str, Any]:
    """SKUs with thresholds of their own; `*` is every SKU."""
    with call.db() as db:
        return {"thresholds": [jsonable(each) for each in settings.list_thresholds(db)]}


@router.put("/alert-subscriptions/{id}")
def put_subscription(id: Id, body: Subscription, call: CatalogueWriter) -> JSONResponse:  # noqa: A002
    """Tell somebody of alerts that are raised from now on, each once, by mail or webhook.

    A webhook's answer holds the secret that its signatures are checked with.
    """
    given = body.model_dump() | {"kinds": tuple(body.kinds), "locations": tuple(body.locations)}
    subscription = messages.Subscription(id=id, **given)
    with call.db() as db:

        def act() -> dict[str, Any]:
            created = settings.put_subscription(db, subscription, now=call.now, by=call.actor)
            told: dict[str, Any] = jsonable(asdict(subscription)) | {"created": created}
            if subscription.method == messages.WEBHOOK:
                told["secret"] = _secret(call.server.settings, id)
            return told

        return call.once(db, scope=f"PUT /alert-subscriptions/{id}", body=body, act=act)


def _secret(operator: Settings, receiver: str) -> str | None:
    try:
        return webhook.signing_secret(operator, receiver)
    except NotPossible:
        return None  # Nothing is sent until the operator sets one.


@router.get("/alert-subscriptions")
def list_subscriptions(call: CatalogueWriter) -> dict[str, Any]:
    """Who is told of what."""
    with call.db() as db:
        found = settings.subscriptions(db)
    return {"subscriptions": [jsonable(asdict(each)) for each in found]}


@router.delete("/alert-subscriptions/{id}", status_code=204)
def remove_subscription(id: Id, call: CatalogueWriter) -> None:  # noqa: A002
    """Tell them nothing any more."""
    with call.db() as db:
        settings.remove_subscription(db, id)


@router.get("/alert-deliveries")
def list_deliveries(call: CatalogueWriter, limit: PageLimit = 100) -> JSONResponse:
    """The latest messages about alerts, newest first, and what came of them."""
    with call.db() as db:
        return JSONResponse({"deliveries": jsonable(deliveries.recent(db, limit=limit))})
