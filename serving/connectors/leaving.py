"""Whether an order that is sent can leave at all: said to whoever sends it, not a minute later."""

from datetime import datetime
from typing import Any

import psycopg

from inventory.purchase_orders import SENT
from inventory.store import dispatches, vendor_dispatch
from inventory.store.purchase_orders import get_order
from inventory.vendor_dispatch import BY_HAND, EMAIL, WEBHOOK, VendorDispatch
from pipelines.settings import Settings


def missing(place: VendorDispatch, settings: Settings) -> str | None:
    """The first setting of ours without which no order reaches a vendor; None where all are set."""
    if place.channel == BY_HAND:
        return None
    if not settings.company_name:
        return "an order needs our name: VOUCH_COMPANY_NAME"
    if place.channel == EMAIL:
        if settings.smtp_host is None:
            return "no mail server is set: VOUCH_SMTP_HOST"
        return None if settings.mail_from else "no sender is set: VOUCH_MAIL_FROM"
    if place.channel == WEBHOOK:
        signed = settings.webhook_secret is not None
        return None if signed else "webhooks are signed, and no secret is set: VOUCH_WEBHOOK_SECRET"
    return None if settings.edi_id else "EDI needs our own id: VOUCH_EDI_ID"


def checked(
    db: psycopg.Connection, order: dict[str, Any], settings: Settings, *, now: datetime
) -> dict[str, Any]:
    """The order after an act; one just sent tells at once if its document cannot leave."""
    told = order["dispatch"]
    if order["state"] != SENT or told is None or told["state"] != "waiting" or told["attempts"]:
        return order
    place = vendor_dispatch.get(db, order["vendor"])
    why = None if place is None else missing(place, settings)
    if why is None:
        return order
    waiting = {"number": told["number"], "due_at": told["next_attempt_at"]}
    dispatches.blocked(db, waiting, problem=why, now=now)
    return get_order(db, order["id"])
