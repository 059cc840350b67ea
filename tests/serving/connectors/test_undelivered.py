"""Orders that do not reach their vendor: told after a term, once, until they are delivered."""

import socket
from datetime import timedelta

import pytest

from inventory.store import alerts, dispatches
from serving.connectors import undelivered
from serving.connectors.dispatch import deliver_due
from serving.exchanger import Exchanger
from tests.inventory.ordering import do, sent
from tests.serving.connectors.dispatching import only, wants, with_mail
from tests.serving.connectors.partners import mail_server


@pytest.fixture
def away(shop, settings):
    """Settings with a mail server that nobody reaches."""
    wants(shop, "email", emails=("buy@acme.example",))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        yield with_mail(settings, "127.0.0.1", closed.getsockname()[1])


def told(db):
    return alerts.list_alerts(db, kind="undelivered_order", open_only=False)["alerts"]


def minutes_until_told(db, settings, clock, *, most=70):
    """Looks each minute, as a server does, until there is an alert; the minutes that took."""
    for minute in range(most):
        if dispatches.any_due(db, now=clock.now) or undelivered.is_due(db, settings, now=clock.now):
            deliver_due(db, settings, clock=clock)
        if told(db):
            return minute
        clock.later(minutes=1)
    return None


@pytest.mark.parametrize(
    ("urgency", "terms", "told_after"),
    [
        ("low", {}, (30, "warning")),
        (None, {}, (30, "warning")),
        ("critical", {}, (5, "critical")),
        ("high", {"dispatch_alert_minutes": 12}, (12, "warning")),
        ("critical", {"dispatch_alert_minutes": 2}, (2, "critical")),
        ("critical", {"dispatch_alert_minutes_critical": 0}, (0, "critical")),
    ],
    ids=["low", "unknown", "critical", "high", "both-short", "at-once"],
)
def test_a_dead_mail_server_is_told_after_a_term(shop, away, clock, urgency, terms, told_after):  # noqa: PLR0917
    minutes, severity = told_after
    sent(shop)
    shop.execute("update purchase_orders set urgency = %s", [urgency])
    settings = away.model_copy(update=terms)
    assert minutes_until_told(shop, settings, clock) == minutes
    (alert,) = told(shop)
    assert alert["severity"] == severity
    assert "failing since 2026-03-02 06:00" in alert["message"]
    assert "cannot be reached" in alert["message"]


def test_it_is_told_once_and_closed_when_delivered(shop, away, settings, clock):
    sent(shop)
    minutes_until_told(shop, away, clock)
    (first,) = told(shop)
    for _ in range(90):
        clock.later(minutes=1)
        deliver_due(shop, away, clock=clock)
    (still,) = told(shop)
    assert (still["id"], still["resolved_at"]) == (first["id"], None)
    with mail_server() as (mailbox, host, port):
        clock.later(hours=6)
        deliver_due(shop, with_mail(settings, host, port), clock=clock)
    assert len(mailbox.messages) == 1
    (over,) = told(shop)
    assert over["resolved_at"] == clock.now
    assert only(shop)["failing_since"] is None


def test_what_is_delivered_in_time_is_not_told(shop, away, settings, clock):
    sent(shop)
    for _ in range(5):
        deliver_due(shop, away, clock=clock)
        clock.later(minutes=5)
    with mail_server() as (_, host, port):
        clock.later(minutes=4)
        assert deliver_due(shop, with_mail(settings, host, port), clock=clock).delivered
    clock.later(days=1)
    deliver_due(shop, away, clock=clock)
    assert told(shop) == []


def test_an_alert_stays_while_a_person_has_it_tried_again(shop, away, clock):
    sent(shop)
    number = only(shop)["number"]
    shop.execute("update dispatches set attempts = %s", [dispatches.ATTEMPTS_MAX - 1])
    assert deliver_due(shop, away, clock=clock).failed
    (first,) = told(shop)
    assert (first["severity"], "failed after 16 attempts" in first["message"]) == ("critical", True)
    clock.later(hours=1)
    dispatches.retry(shop, number, now=clock.now)
    assert deliver_due(shop, away, clock=clock).later
    (still,) = told(shop)
    assert (still["id"], still["resolved_at"]) == (first["id"], None)


def test_who_dies_at_each_attempt_is_told_too(shop, away, clock):
    sent(shop)
    for _ in range(4):
        claimed = dispatches.claim(shop, now=clock.now)
        assert dispatches.begin(shop, claimed, now=clock.now)
        clock.later(minutes=11)
    undelivered.tell(shop, away, now=clock.now)
    (alert,) = told(shop)
    assert "being delivered, 4 attempts" in alert["message"]


def test_a_cancelled_order_is_told_no_more(shop, settings, clock):
    order = sent(shop)
    deliver_due(shop, settings, clock=clock)
    assert told(shop)[0]["resolved_at"] is None
    do(shop, order, "cancel")
    exchanger = Exchanger()
    assert exchanger.is_due(shop, settings, now=clock.now)
    deliver_due(shop, settings, clock=clock)
    assert told(shop)[0]["resolved_at"] == clock.now
    assert not exchanger.is_due(shop, settings, now=clock.now + timedelta(days=1))
