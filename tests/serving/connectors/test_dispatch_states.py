"""An order tells whether it reached its vendor: waiting, failing, blocked and why, delivered."""

import socket

import pytest

from inventory.store.purchase_orders import get_order, list_orders
from serving.connectors import leaving
from serving.connectors.dispatch import deliver_due
from tests.inventory.ordering import NOW, do, proposed, sent
from tests.serving.connectors.dispatching import EDI, wants, with_mail
from tests.serving.connectors.partners import mail_server

MAIL = {"emails": ("buy@acme.example",)}


def state_of(db, order):
    """(state, summary) as the order tells them, alone and in a list."""
    told = get_order(db, order)["dispatch"]
    (listed,) = list_orders(db)["orders"]
    assert listed["dispatch"] == told
    return told["state"], told["summary"]


def test_what_was_not_sent_has_no_document(shop):
    assert get_order(shop, proposed(shop))["dispatch"] is None
    assert list_orders(shop)["orders"][0]["dispatch"] is None


def test_an_order_tells_each_state_of_its_document(shop, settings, clock):
    wants(shop, "email", **MAIL)
    order = sent(shop)
    assert state_of(shop, order) == ("waiting", "waiting to be delivered")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = with_mail(settings, "127.0.0.1", closed.getsockname()[1])
        deliver_due(shop, away, clock=clock)
        clock.later(minutes=1)
        deliver_due(shop, away, clock=clock)
    state, summary = state_of(shop, order)
    assert state == "failing"
    assert summary.startswith(
        "failing since 2026-03-02 06:00, 2 attempts, the next at 2026-03-02 06:03: "
    )
    assert "cannot be reached" in summary
    with mail_server() as (mailbox, host, port):
        ours = with_mail(settings, host, port)
        clock.later(minutes=2)
        mailbox.answers.append("554 not today")
        deliver_due(shop, ours, clock=clock)
        state, summary = state_of(shop, order)
        assert state == "failed"
        assert summary.startswith("failed after 3 attempts: ")
        assert "not today" in summary
        told = get_order(shop, order)["dispatch"]
        assert summary.endswith(f"`vouch dispatch retry {told['number']}` tries again")
        shop.execute("update dispatches set state = 'waiting', due_at = %s", [clock.now])
        deliver_due(shop, ours, clock=clock)
    assert state_of(shop, order) == (
        "delivered", "delivered at 2026-03-02 06:03 by email to buy@acme.example",
    )  # fmt: skip
    told = get_order(shop, order)["dispatch"]
    assert (told["problem"], told["failing_since"], told["next_attempt_at"]) == (None, None, None)
    do(shop, order, "cancel", now=clock.now, reason="too much")
    assert state_of(shop, order) == ("waiting", "cancellation: waiting to be delivered")


def test_an_order_for_nobody_is_blocked_as_it_is_sent(shop, settings, clock):
    order = sent(shop)
    state, summary = state_of(shop, order)
    assert (state, get_order(shop, order)["state"]) == ("blocked", "sent")
    assert summary.startswith("blocked: vendor 'ACME' has no address: set its email in")
    deliver_due(shop, settings, clock=clock)
    assert state_of(shop, order) == (state, summary)
    wants(shop, "by_hand")
    deliver_due(shop, settings, clock=clock)
    assert state_of(shop, order) == (
        "by_hand", "left at 2026-03-02 06:00 to a person to pass on",
    )  # fmt: skip


def test_an_order_that_is_over_tells_that_it_never_left(shop):
    order = sent(shop)
    do(shop, order, "cancel", reason="too much")
    assert state_of(shop, order) == ("withdrawn", "withdrawn: the order was cancelled")


WANTING = [
    ("email", MAIL, {"company_name": ""}, "VOUCH_COMPANY_NAME"),
    ("email", MAIL, {}, "VOUCH_SMTP_HOST"),
    ("email", MAIL, {"smtp_host": "mail.example", "mail_from": None}, "VOUCH_MAIL_FROM"),
    ("webhook", {"webhook_url": "https://acme.example/"}, {"webhook_secret": None},
     "VOUCH_WEBHOOK_SECRET"),
    ("edi", EDI, {"edi_id": None}, "VOUCH_EDI_ID"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("channel", "place", "ours", "name"), WANTING, ids=[name for *_, name in WANTING]
)
def test_who_sends_is_told_at_once_of_a_setting_that_is_missing(  # noqa: PLR0917
    shop, settings, channel, place, ours, name
):
    wants(shop, channel, **place)
    order = get_order(shop, sent(shop))
    found = leaving.checked(shop, order, settings.model_copy(update=ours), now=NOW)
    assert found["dispatch"]["state"] == "blocked"
    assert name in found["dispatch"]["problem"]
    assert get_order(shop, order["id"])["dispatch"] == found["dispatch"]
    do(shop, order["id"], "cancel", reason="too much")
    (state,) = shop.execute("select array_agg(state) from dispatches").fetchone()
    assert state == ["withdrawn"], "nothing was tried, so there is nothing to cancel"


def test_a_server_that_lacks_nothing_says_nothing(shop, settings):
    wants(shop, "edi", **EDI)
    order = get_order(shop, sent(shop))
    assert leaving.checked(shop, order, settings, now=NOW) == order
    early = get_order(shop, proposed(shop, ("BOLT", "NUT", 10)))
    assert leaving.checked(shop, early, settings, now=NOW) == early
