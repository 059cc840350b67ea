"""Alerts on their way to those who want them: by mail and by webhook."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from inventory import alert_messages as messages
from inventory.alert_fields import in_currency
from inventory.alert_messages import EMAIL, Subscription
from inventory.store import alert_deliveries as queue
from inventory.store.alert_settings import subscriptions
from pipelines.settings import Settings
from serving.api.context import jsonable
from serving.connectors import mail, webhook
from serving.connectors.delivery import NotDelivered, NotPossible


@dataclass(slots=True)
class DeliveryReport:
    """What a round did."""

    planned: int = 0
    sent: int = 0
    waiting: int = 0
    """Did not arrive, and will be tried again."""
    failed: int = 0


Clock = Callable[[], datetime]


def deliver(db: psycopg.Connection, settings: Settings, *, clock: Clock) -> DeliveryReport:
    """Plan what subscribers are to be told, and send all that is due.

    db : not within a transaction: each delivery is settled by itself.
    """
    report = DeliveryReport(planned=queue.plan(db, now=clock()))
    told = {each.id: each for each in subscriptions(db)}
    while claimed := queue.claim(db, now=clock()):
        for delivery in claimed:
            _deliver_one(db, told[delivery["subscription"]], delivery, settings, report, clock)
    return report


def _deliver_one(  # noqa: PLR0917 - one argument each for what a round has at hand.
    db: psycopg.Connection,
    to: Subscription,
    delivery: Mapping[str, Any],
    settings: Settings,
    report: DeliveryReport,
    clock: Clock,
) -> None:
    try:
        _send(to, delivery, settings, now=clock())
    except NotDelivered as error:
        problem, for_good = error.problem, error.for_good
    except NotPossible as error:
        problem, for_good = str(error), False  # A setting is missing, and may be mended.
    else:
        queue.sent(db, delivery["id"], now=clock())
        report.sent += 1
        return
    queue.failed(db, delivery["id"], problem=problem, attempts=delivery["attempts"],
                 for_good=for_good, now=clock())  # fmt: skip
    if for_good or delivery["attempts"] >= queue.ATTEMPTS_MAX:
        report.failed += 1
    else:
        report.waiting += 1


def _send(
    to: Subscription, delivery: Mapping[str, Any], settings: Settings, *, now: datetime
) -> None:
    key = f"alert-{to.id}-{delivery['id']}"
    digest = delivery["digest"]
    alerts = [
        alert | {"detail": in_currency(alert["detail"], settings.currency)}
        for alert in jsonable(delivery["alerts"])
    ]
    if to.method == EMAIL:
        letter = mail.Mail(
            key=key,
            to=[to.target],
            subject=messages.subject(alerts, digest=digest),
            text=messages.text(alerts, digest=digest),
            written_at=delivery["created_at"],
        )
        mail.send(letter, settings)
        return
    secret = webhook.signing_secret(settings, to.id)
    body = messages.payload(alerts, digest=digest) | {"timestamp": jsonable(delivery["created_at"])}
    webhook.post(to.target, body, key=key, secret=secret, now=now)
