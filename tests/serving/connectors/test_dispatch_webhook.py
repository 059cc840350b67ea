"""Orders by webhook: signed over real HTTP, a refusal believed, the last attempt the last."""

import base64
import hashlib
import hmac
import json

import pytest

from inventory.store import dispatches
from serving.connectors import webhook
from serving.connectors.dispatch import deliver_due
from tests.inventory.ordering import sent
from tests.serving.connectors.dispatching import only, wants
from tests.serving.connectors.partners import http_server


def test_after_the_last_attempt_it_has_failed(shop, settings, clock):
    with http_server(status=503) as (requests, url):
        wants(shop, "webhook", webhook_url=url)
        sent(shop)
        for _ in range(dispatches.ATTEMPTS_MAX):
            report = deliver_due(shop, settings, clock=clock)
            clock.later(hours=6)
    assert report.failed
    assert only(shop)["attempts"] == len(requests) == dispatches.ATTEMPTS_MAX


def test_a_webhook_is_signed_and_known_again(shop, settings, clock):
    with http_server(status=503) as (requests, url):
        wants(shop, "webhook", webhook_url=url)
        order = sent(shop)
        (why,) = deliver_due(shop, settings, clock=clock).later.values()
        assert why.startswith("the receiver answered 503 because because")
        clock.later(minutes=1)
        requests.status = 202
        (number,) = deliver_due(shop, settings, clock=clock).delivered
    (first, body), (second, again) = requests
    assert (first["webhook-id"], body) == (second["webhook-id"], again) == (number, body)
    assert first["idempotency-key"] == number
    # As the Standard Webhooks specification has it: HMAC-SHA256 over id.timestamp.body.
    secret = webhook.signing_secret(settings, "ACME")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{number}.{second['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert second["webhook-signature"] == f"v1,{expected}"
    assert second["webhook-timestamp"] == str(int(clock.now.timestamp()))
    told = json.loads(body)
    assert told["type"] == "purchase_order.sent"
    assert (told["data"]["order_id"], told["data"]["total"]) == (order, "560")
    assert [line["amount"] for line in told["data"]["lines"]] == ["160", "400"]


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "failed"), (302, "failed"), (410, "failed"), (429, "later")]
)
def test_a_receiver_that_says_no_is_believed(shop, settings, clock, status, outcome):
    with http_server(status=status) as (requests, url):
        wants(shop, "webhook", webhook_url=url)
        sent(shop)
        report = deliver_due(shop, settings, clock=clock)
    assert len(requests) == 1, "a redirect is not followed"
    assert getattr(report, outcome)


def test_no_receiver_has_the_secret_of_another(settings):
    assert webhook.signing_secret(settings, "ACME") != webhook.signing_secret(settings, "BOLT")
