"""Webhooks as the Standard Webhooks specification has them: signed, numbered, one POST each.

A receiver checks `webhook-signature` (`v1,` and the base64 of HMAC-SHA256 over
`id.timestamp.body`) with its own secret, and knows a repeat by `webhook-id`.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import httpx

from pipelines.settings import Settings
from serving.connectors.delivery import NotDelivered, NotPossible

SECONDS_MAX = 15.0
ANSWER_BYTES_MAX = 2000
RETRIED_STATUSES = (408, 409, 425, 429)
"""Besides 5xx: the receiver says itself that it may take it later."""
SECRET_PREFIX = "whsec_"  # noqa: S105 - how such secrets begin.


def signing_secret(settings: Settings, receiver: str) -> str:
    """The secret of one receiver, to be given to it: made from ours, and from no other's.

    Raises `NotPossible` where no secret is set.
    """
    if settings.webhook_secret is None:
        raise NotPossible("webhooks are signed, and no secret is set: VOUCH_WEBHOOK_SECRET")
    master = settings.webhook_secret.get_secret_value().encode()
    own = hmac.new(master, f"webhook:{receiver}".encode(), hashlib.sha256).digest()
    return SECRET_PREFIX + base64.b64encode(own).decode()


def signature(secret: str, *, key: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`."""
    signed = f"{key}.{timestamp}.".encode() + body
    own = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    return "v1," + base64.b64encode(hmac.new(own, signed, hashlib.sha256).digest()).decode()


def post(url: str, payload: Mapping[str, Any], *, key: str, secret: str, now: datetime) -> str:
    """Send one message; returns what the receiver answered, as `200`.

    key : names the message for ever; a repeat has the same. Redirects are not followed.
    Raises `NotDelivered`.
    """
    body = json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()
    timestamp = int(now.timestamp())
    headers = {
        "content-type": "application/json",
        "webhook-id": key,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, key=key, timestamp=timestamp, body=body),
        "idempotency-key": key,
        "user-agent": "Vouch",
    }
    try:
        with (
            httpx.Client(timeout=SECONDS_MAX, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", url, content=body, headers=headers) as answer,
        ):
            status = answer.status_code
            told = b"" if answer.is_success else next(answer.iter_bytes(ANSWER_BYTES_MAX), b"")
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        problem = f"the receiver cannot be reached: {type(error).__name__} {error}".rstrip()
        raise NotDelivered(problem, for_good=False) from error
    if not 200 <= status < 300:  # noqa: PLR2004 - the class of successes.
        later = status in RETRIED_STATUSES or status >= 500  # noqa: PLR2004 - that of server errors.
        said = " ".join(told.decode("utf-8", "replace").split())[:300]
        raise NotDelivered(f"the receiver answered {status} {said}".rstrip(), for_good=not later)
    return str(status)
