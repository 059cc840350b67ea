"""Alerts on their way: through a real mail server and a real webhook receiver on this machine."""

import email
import email.policy
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from inventory.alert_messages import Subscription
from inventory.alerts import Alert
from inventory.store import alert_deliveries, alert_settings, database
from inventory.store.alerts import replace_alerts
from pipelines.settings import Settings
from serving.connectors import webhook
from serving.connectors.alert_delivery import deliver
from tests.serving.conftest import free_port

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


class Mailbox:
    """What a mail server took; it refuses for a while where told to."""

    def __init__(self):
        self.letters, self.refuse = [], 0

    async def handle_DATA(self, _server, _session, envelope):  # noqa: N802 - aiosmtpd's name.
        if self.refuse:
            self.refuse -= 1
            return "451 later, please"
        self.letters.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"


@pytest.fixture
def mailbox():
    box = Mailbox()
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    box.port = controller.port
    yield box
    controller.stop()


@pytest.fixture
def receiver():
    """A webhook receiver: what came, and what it answers."""
    came = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            came.append((dict(self.headers), body))
            self.send_response(server.answer)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.answer, server.came = 200, came
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def raised(db, *skus, at=NOW):
    alerts = [
        Alert("out_of_stock", "critical", f"{sku} at DC is out of stock", sku, "DC",
              {"current_stock": 0, "recommended_quantity": 40, "currency": None,
               "missed_units": {"so_far": 6.0}, "missed_money": {"so_far": 11931.0}})
        for sku in skus
    ]  # fmt: skip
    replace_alerts(db, alerts, kinds=["out_of_stock"], now=at)


def subscribe(db, method, target):
    told = Subscription("ops", method, target)
    alert_settings.put_subscription(db, told, now=NOW - timedelta(minutes=1), by="ann")


def test_an_alert_arrives_by_mail_once(db, mailbox):
    settings = Settings(
        smtp_host="127.0.0.1", smtp_port=mailbox.port, smtp_security="none",
        mail_from="vouch@example.com",
    )  # fmt: skip
    subscribe(db, "email", "ops@example.com")
    raised(db, "TEA")
    mailbox.refuse = 1
    assert deliver(db, settings, clock=lambda: NOW).waiting == 1
    later = NOW + timedelta(minutes=1)
    assert deliver(db, settings, clock=lambda: later).sent == 1
    assert deliver(db, settings, clock=lambda: later + timedelta(hours=1)).sent == 0
    (letter,) = mailbox.letters
    assert letter["subject"] == "[critical] TEA at DC is out of stock"
    assert "Recommended quantity: 40" in letter.get_content()
    assert "Missed sales so far: 6 units, EUR 11,931.00" in letter.get_content()
    assert letter["to"] == "ops@example.com"


def test_an_alert_arrives_by_webhook_signed(db, receiver):
    settings = Settings(webhook_secret="a secret of sixteen signs")
    subscribe(db, "webhook", f"http://127.0.0.1:{receiver.server_port}/hook")
    raised(db, "TEA")
    receiver.answer = 503
    assert deliver(db, settings, clock=lambda: NOW).waiting == 1
    receiver.answer = 200
    later = NOW + timedelta(minutes=1)
    assert deliver(db, settings, clock=lambda: later).sent == 1
    (first, _), (headers, body) = receiver.came
    assert first["webhook-id"] == headers["webhook-id"]
    told = json.loads(body)
    assert (told["type"], told["data"]["sku"]) == ("alert.raised", "TEA")
    assert headers["webhook-signature"] == webhook.signature(
        webhook.signing_secret(settings, "ops"), key=headers["webhook-id"],
        timestamp=int(headers["webhook-timestamp"]), body=body,
    )  # fmt: skip


def test_a_storm_is_one_message(db, receiver):
    settings = Settings(webhook_secret="a secret of sixteen signs")
    subscribe(db, "webhook", f"http://127.0.0.1:{receiver.server_port}/hook")
    raised(db, *(f"S{n:03}" for n in range(400)))
    assert deliver(db, settings, clock=lambda: NOW).sent == 1
    ((_, body),) = receiver.came
    told = json.loads(body)
    assert (told["type"], told["data"]["count"]) == ("alert.digest", 400)


def test_of_several_servers_one_tells(db, database_url, receiver):
    """Six processes look at once; two alerts are two messages."""
    settings = Settings(webhook_secret="a secret of sixteen signs")
    subscribe(db, "webhook", f"http://127.0.0.1:{receiver.server_port}/hook")
    raised(db, "TEA", "CUP")

    def look(_):
        with database.connect(database_url) as own:
            return deliver(own, settings, clock=lambda: NOW).sent

    with ThreadPoolExecutor(6) as threads:
        assert sum(threads.map(look, range(6))) == 2
    assert sorted(json.loads(body)["data"]["sku"] for _, body in receiver.came) == ["CUP", "TEA"]


def test_a_receiver_that_will_never_take_it_is_not_asked_again(db, receiver):
    settings = Settings(webhook_secret="a secret of sixteen signs")
    subscribe(db, "webhook", f"http://127.0.0.1:{receiver.server_port}/hook")
    raised(db, "TEA")
    receiver.answer = 410
    assert deliver(db, settings, clock=lambda: NOW).failed == 1
    assert deliver(db, settings, clock=lambda: NOW + timedelta(days=1)).sent == 0
    (told,) = alert_deliveries.recent(db)
    assert told["problem"].startswith("the receiver answered 410")


def test_without_a_mail_server_it_waits_and_says_why(db):
    subscribe(db, "email", "ops@example.com")
    raised(db, "TEA")
    assert deliver(db, Settings(), clock=lambda: NOW).waiting == 1
    (told,) = alert_deliveries.recent(db)
    assert "VOUCH_SMTP_HOST" in told["problem"]
