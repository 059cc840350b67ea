"""A sender that is killed after the vendor took an order, and before it could say so."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from inventory.store import dispatches, vendor_dispatch
from inventory.vendor_dispatch import VendorDispatch
from pipelines.settings import Settings
from serving.connectors.dispatch import deliver_due
from tests.inventory.ordering import NOW, do, open_centre, proposed
from tests.serving.connectors.partners import Mailbox, mail_server

SECRET = "a secret of sixteen or more"


class SlowMailbox(Mailbox):
    """Takes a message and never says so."""

    def __init__(self):
        super().__init__()
        self.taken, self.slow = threading.Event(), True

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        import asyncio

        answer = await super().handle_DATA(server, session, envelope)
        self.taken.set()
        while self.slow:  # noqa: ASYNC110 - another thread says when.
            await asyncio.sleep(0.02)
        return answer


@contextlib.contextmanager
def slow_receiver():
    """(requests, taken, release, url): takes a request and answers when released."""
    requests, taken, release = [], threading.Event(), threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append((self.headers["webhook-id"], body))
            taken.set()
            release.wait(30)
            with contextlib.suppress(OSError):  # Nobody listens any more.
                self.send_response(200)
                self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield requests, taken, release, f"http://127.0.0.1:{server.server_port}/"
    finally:
        release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def order(db):
    open_centre(db)
    order = proposed(db)
    do(db, order, "accept", "approve", "send", now=datetime.now(UTC))
    return order


def killed_once(taken, database_url, environment, folder):
    """Run `vouch dispatch run`, and kill it as soon as the vendor has the order."""
    told = {"VOUCH_DATABASE_URL": database_url, "VOUCH_DATA_DIR": str(folder),
            "VOUCH_COMPANY_NAME": "Our Shop", **environment}  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-m", "serving.cli", "dispatch", "run"], env=os.environ | told
    )
    try:
        assert taken.wait(60)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()


def settings_of(environment):
    names = {name.removeprefix("VOUCH_").lower(): value for name, value in environment.items()}
    return Settings(company_name="Our Shop", **names)


def when_the_claim_has_lapsed():
    """Nobody else sends it before; then it is sent again."""
    return datetime.now(UTC) + dispatches.LEASE + timedelta(seconds=1)


def sent_again(db, environment):
    settings = settings_of(environment)
    assert deliver_due(db, settings, clock=lambda: datetime.now(UTC)).delivered == []
    (number,) = deliver_due(db, settings, clock=when_the_claim_has_lapsed).delivered
    (row,) = dispatches.page(db)["dispatches"]
    assert (row["number"], row["state"], row["attempts"]) == (number, "delivered", 2)
    return number


def test_a_webhook_comes_again_under_its_id(db, order, database_url, tmp_path):
    with slow_receiver() as (requests, taken, release, url):
        place = VendorDispatch("ACME", "webhook", webhook_url=url)
        vendor_dispatch.put(db, place, actor="ann", now=NOW)
        environment = {"VOUCH_WEBHOOK_SECRET": SECRET}
        killed_once(taken, database_url, environment, tmp_path)
        (row,) = dispatches.page(db)["dispatches"]
        assert (row["state"], row["delivered_at"]) == ("waiting", None)
        release.set()
        number = sent_again(db, environment)
    assert [key for key, _ in requests] == [number, number]
    assert requests[0] == requests[1]


def test_a_mail_comes_again_under_its_message_id(db, order, database_url, tmp_path):
    mailbox = SlowMailbox()
    with mail_server(mailbox) as (_, host, port):
        place = VendorDispatch("ACME", "email", emails=("buy@acme.example",))
        vendor_dispatch.put(db, place, actor="ann", now=NOW)
        environment = {"VOUCH_SMTP_HOST": host, "VOUCH_SMTP_PORT": str(port),
                       "VOUCH_SMTP_SECURITY": "none",
                       "VOUCH_MAIL_FROM": "orders@shop.example"}  # fmt: skip
        killed_once(mailbox.taken, database_url, environment, tmp_path)
        mailbox.slow = False
        number = sent_again(db, environment)
    first, second = mailbox.messages
    assert first["Message-ID"] == second["Message-ID"] == f"<{number}@shop.example>"
    attachments = [
        [part.get_content() for part in mail.iter_attachments()] for mail in (first, second)
    ]
    assert attachments[0] == attachments[1]


def test_a_sent_order_and_its_document_survive_together(db, database_url):
    """Killed at any moment, an order is sent with its document or not sent and without."""
    open_centre(db)
    orders = [proposed(db, ("ACME", "TEA", 1)) for _ in range(1)]
    do(db, orders[0], "accept", "approve")
    for _ in range(24):
        order = proposed(db, ("ACME", "CUP", 1))
        do(db, order, "accept", "approve")
        orders.append(order)
    child = subprocess.Popen([sys.executable, "-c", SENDER, database_url, *orders],
                             stdout=subprocess.PIPE, text=True)  # fmt: skip
    try:
        for _ in range(8):
            child.stdout.readline()
        time.sleep(0.002)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    sent = db.execute("select count(*) from purchase_orders where state = 'sent'").fetchone()[0]
    kept = db.execute(
        "select count(*) from dispatches d join purchase_orders p using (purchase_order_id) "
        "where p.state = 'sent' and d.version = p.version"
    ).fetchone()[0]
    assert kept == sent >= 8
    assert db.execute("select count(*) from dispatches").fetchone()[0] == sent


SENDER = """
import sys
from datetime import UTC, datetime
from inventory.store import database
from inventory.store.purchase_orders import act
with database.connect(sys.argv[1]) as db:
    for order in sys.argv[2:]:
        act(db, order, "send", actor="ann", role="buyer", now=datetime.now(UTC))
        print(order, flush=True)
"""
