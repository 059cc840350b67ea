"""Orders by mail: over a real mail server, refused, away, or one that wants TLS and a password."""

import csv
import io
import logging
import socket
from datetime import timedelta

import pytest
from aiosmtpd.smtp import AuthResult

from inventory.errors import StateConflict
from inventory.store import alerts, dispatches
from inventory.store.purchase_orders import get_order
from pipelines.settings import Settings
from serving.connectors.dispatch import deliver_due
from tests.inventory.ordering import sent
from tests.serving.connectors.dispatching import only, wants, with_mail
from tests.serving.connectors.partners import certified, mail_server


def test_an_order_goes_by_mail_with_pdf_and_csv(shop, settings, clock):
    shop.execute("update vendors set email = 'buy@acme.example' where vendor = 'ACME'")
    order = sent(shop)
    with mail_server() as (mailbox, host, port):
        report = deliver_due(shop, with_mail(settings, host, port), clock=clock)
    number = f"{order}.{get_order(shop, order)['version']}"
    assert report.delivered == [number]
    (message,) = mailbox.messages
    assert message["To"] == "buy@acme.example"
    assert message["Subject"] == f"Purchase order {order} from Our Shop"
    assert message["Message-ID"] == f"<{number}@shop.example>"
    pdf, sheet = message.iter_attachments()
    assert (pdf.get_filename(), pdf.get_content_type()) == (f"{number}.pdf", "application/pdf")
    assert pdf.get_content().startswith(b"%PDF-")
    rows = list(csv.DictReader(io.StringIO(sheet.get_content().lstrip("\ufeff"))))
    assert [(row["sku"], row["units"], row["unit_price"], row["amount"]) for row in rows] == [
        ("CUP", "40", "4", "160"), ("TEA", "100", "4", "400"),
    ]  # fmt: skip
    found = only(shop)
    assert (found["state"], found["delivered_to"]) == ("delivered", "buy@acme.example")
    assert deliver_due(shop, settings, clock=clock).delivered == []


def test_a_mail_server_that_is_away_is_tried_again_with_growing_waits(shop, settings, clock):
    wants(shop, "email", emails=("buy@acme.example",))
    sent(shop)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = with_mail(settings, "127.0.0.1", closed.getsockname()[1])
        for minutes in (1, 2, 4):
            (why,) = deliver_due(shop, away, clock=clock).later.values()
            assert "cannot be reached" in why
            assert only(shop)["due_at"] == clock.now + timedelta(minutes=minutes)
            clock.later(minutes=minutes, seconds=-1)
            assert deliver_due(shop, away, clock=clock).later == {}
            clock.later(seconds=1)
    with mail_server() as (mailbox, host, port):
        mailbox.answers.append("451 greylisted")
        assert deliver_due(shop, with_mail(settings, host, port), clock=clock).later
        clock.later(minutes=8)
        assert deliver_due(shop, with_mail(settings, host, port), clock=clock).delivered
    assert len(mailbox.messages) == 1
    assert only(shop)["attempts"] == 5


def test_what_is_refused_for_good_waits_for_a_person_and_says_so(shop, settings, clock):
    wants(shop, "email", emails=("gone@acme.example",))
    sent(shop)
    with mail_server() as (mailbox, host, port):
        mailbox.refused.add("gone@acme.example")
        ours = with_mail(settings, host, port)
        (why,) = deliver_due(shop, ours, clock=clock).failed.values()
        assert "no such mailbox" in why
        (alert,) = alerts.list_alerts(shop, kind="undelivered_order")["alerts"]
        assert "did not reach ACME" in alert["message"]
        clock.later(days=3)
        assert deliver_due(shop, ours, clock=clock).as_dict() == {
            "delivered": [], "later": {}, "failed": {}, "blocked": {},
        }  # fmt: skip
        wants(shop, "email", emails=("buy@acme.example", "gone@acme.example"))
        number = only(shop)["number"]
        dispatches.retry(shop, number, now=clock.now)
        assert deliver_due(shop, ours, clock=clock).delivered == [number]
    assert only(shop)["delivered_to"] == "buy@acme.example (refused: gone@acme.example)"
    assert alerts.list_alerts(shop, kind="undelivered_order")["alerts"] == []
    with pytest.raises(StateConflict):
        dispatches.retry(shop, number, now=clock.now)


def test_a_vendor_without_an_address_is_an_exception_until_it_has_one(shop, settings, clock):
    order = sent(shop)
    (why,) = deliver_due(shop, settings, clock=clock).blocked.values()
    assert why.startswith("vendor 'ACME' has no address: set its email")
    assert get_order(shop, order)["state"] == "sent"
    (alert,) = alerts.list_alerts(shop, kind="undelivered_order")["alerts"]
    assert alert["detail"]["purchase_order"] == order
    wants(shop, "email", emails=("buy@acme.example",))  # Which unblocks it at once.
    with mail_server() as (mailbox, host, port):
        assert deliver_due(shop, with_mail(settings, host, port), clock=clock).delivered
    assert len(mailbox.messages) == 1
    assert alerts.list_alerts(shop, kind="undelivered_order")["alerts"] == []


def guard(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b"sesame-77", handled=False)


def test_a_password_goes_over_tls_to_whom_we_trust_and_to_no_log(
    shop, settings, clock, caplog, monkeypatch
):
    wants(shop, "email", emails=("buy@acme.example",))
    sent(shop)
    trusted, context = certified(settings.data_dir.parent)
    with (
        caplog.at_level(logging.DEBUG),
        mail_server(tls_context=context, require_starttls=True, authenticator=guard,
                    auth_required=True) as (mailbox, host, port),
    ):  # fmt: skip
        told = settings.model_dump() | {"smtp_host": host, "smtp_port": port, "smtp_user": "vouch"}
        right = Settings(**told | {"smtp_password": "sesame-77"})
        wrong = Settings(**told | {"smtp_password": "wrong-88"})
        (stranger,) = deliver_due(shop, right, clock=clock).later.values()
        assert "certificate" in stranger.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        clock.later(minutes=1)
        (refused,) = deliver_due(shop, wrong, clock=clock).later.values()
        assert "535" in refused
        clock.later(minutes=2)
        assert deliver_due(shop, right, clock=clock).delivered
    assert len(mailbox.messages) == 1
    ours = [record.getMessage() for record in caplog.records if record.name == "vouch"]
    assert len(ours) == 2
    assert not [said for said in (*ours, repr(right), str(right.model_dump()), refused)
                if "sesame" in said or "wrong-88" in said]  # fmt: skip
