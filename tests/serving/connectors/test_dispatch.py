"""The way of an order to its vendor: at least once, and never once it is cancelled."""

import psycopg
import pytest

from inventory.store import dispatches
from inventory.store.purchase_orders import act, get_order
from serving.connectors.dispatch import deliver_due
from tests.inventory.ordering import NOW, do, proposed, sent
from tests.serving.connectors.dispatching import EDI, only, wants


def test_an_order_is_written_with_its_act_or_not_at_all(shop):
    wants(shop, "edi", **EDI)
    order = proposed(shop)
    do(shop, order, "accept", "approve")
    assert dispatches.page(shop)["dispatches"] == []
    with shop.transaction() as power_goes:
        act(shop, order, "send", actor="ann", role="buyer", now=NOW)
        assert only(shop)["state"] == "waiting"
        raise psycopg.Rollback(power_goes)
    assert dispatches.page(shop)["dispatches"] == []
    do(shop, order, "send")
    assert only(shop)["number"] == f"{order}.{get_order(shop, order)['version']}"


@pytest.mark.parametrize(
    ("channel", "more", "missing"),
    [
        ("email", {"emails": ("a@b.example",)}, "VOUCH_SMTP_HOST"),
        ("email", {}, "no mail address"),
        ("webhook", {"webhook_url": "https://a.example/"}, "VOUCH_WEBHOOK_SECRET"),
        ("edi", {"edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": "A"}, "VOUCH_EDI_ID"),
    ],
)
def test_a_missing_setting_is_named(shop, settings, clock, *, channel, more, missing):
    wants(shop, channel, **more)
    sent(shop)
    none = settings.model_copy(update={"webhook_secret": None, "edi_id": None})
    (why,) = deliver_due(shop, none, clock=clock).blocked.values()
    assert missing in why


def test_our_name_is_wanted_on_an_order(shop, settings, clock):
    wants(shop, "email", emails=("a@b.example",))
    sent(shop)
    nameless = settings.model_copy(update={"company_name": ""})
    (why,) = deliver_due(shop, nameless, clock=clock).blocked.values()
    assert "VOUCH_COMPANY_NAME" in why


def test_an_order_that_goes_by_hand_is_done(shop, settings, clock):
    wants(shop, "by_hand")
    sent(shop)
    deliver_due(shop, settings, clock=clock)
    assert only(shop)["state"] == "by_hand"


def test_a_cancelled_order_is_told_to_who_heard_of_it(shop, settings, clock):
    wants(shop, "edi", **EDI)
    unheard, heard = sent(shop, ("ACME", "TEA", 1)), sent(shop, ("ACME", "CUP", 1))
    do(shop, unheard, "cancel")
    deliver_due(shop, settings, clock=clock)
    do(shop, heard, "cancel")
    (number,) = deliver_due(shop, settings, clock=clock).delivered
    told = dispatches.get(shop, number)
    assert (told["purchase_order"], told["purpose"]) == (heard, "cancellation")
    assert "BEG*01*" in (settings.data_dir / f"edi/outbox/ACME/850_{number}.x12").read_text()
    states = {(row["purchase_order"], row["purpose"]): row["state"]
              for row in dispatches.page(shop)["dispatches"]}  # fmt: skip
    assert states == {(unheard, "original"): "withdrawn", (heard, "original"): "delivered",
                      (heard, "cancellation"): "delivered"}  # fmt: skip


def test_an_order_that_the_vendor_confirms_to_nothing_never_leaves(shop, settings, clock):
    """By telephone, before it was delivered: the vendor must not get it as a new one."""
    wants(shop, "edi", **EDI)
    order = sent(shop, ("ACME", "TEA", 10))
    found = do(shop, order, "confirm", lines=[{"sku": "TEA", "quantity": 0}])
    assert found["state"] == "cancelled"
    assert deliver_due(shop, settings, clock=clock).delivered == []
    assert (only(shop)["state"], only(shop)["problem"]) == ("withdrawn", "the order was cancelled")
    assert not (settings.data_dir / "edi/outbox").exists()


@pytest.mark.parametrize("over", ["cancelled", "received", "closed"])
@pytest.mark.parametrize("state", ["waiting", "blocked"])
def test_whatever_ended_an_order_it_does_not_leave(shop, settings, clock, state, over):
    """Also where its document was missed: a copy that was restored, a repeat by hand."""
    wants(shop, "edi", **EDI)
    sent(shop)
    shop.execute("update purchase_orders set state = %s", [over])
    shop.execute("update dispatches set state = %s", [state])
    assert deliver_due(shop, settings, clock=clock).delivered == []
    assert (only(shop)["state"], only(shop)["problem"]) == ("withdrawn", f"the order was {over}")


def test_an_order_that_is_cancelled_while_it_is_prepared_does_not_leave(shop, settings, clock):
    wants(shop, "edi", **EDI)
    order = sent(shop)
    claimed = dispatches.claim(shop, now=clock.now)
    do(shop, order, "cancel")
    assert dispatches.begin(shop, claimed, now=clock.now) is None
    assert only(shop)["state"] == "withdrawn"  # And nothing to cancel: the vendor never heard.


def test_an_order_that_somebody_acts_on_is_claimed_afterwards(shop, settings, clock, shop_url):
    from inventory.store import database

    wants(shop, "edi", **EDI)
    order = sent(shop)
    with database.connect(shop_url) as worker:
        with shop.transaction():
            do(shop, order, "cancel")
            assert dispatches.claim(worker, now=clock.now) is None
        assert dispatches.claim(worker, now=clock.now) is None
    assert only(shop)["state"] == "withdrawn"


def test_who_dies_while_delivering_leaves_it_to_another(shop, settings, clock):
    wants(shop, "edi", **EDI)
    sent(shop)
    claimed = dispatches.claim(shop, now=clock.now)
    assert dispatches.claim(shop, now=clock.now) is None
    clock.later(minutes=10)
    assert dispatches.claim(shop, now=clock.now)["number"] == claimed["number"]
    # The one that was taken for dead wakes up: its failure is nobody's any more.
    dispatches.not_delivered(shop, claimed, attempts=1, problem="late", channel="edi",
                             gives_up=True, now=clock.now)  # fmt: skip
    assert only(shop)["state"] == "waiting"


def test_two_workers_share_the_work(shop, settings, shop_url, clock):
    from concurrent.futures import ThreadPoolExecutor

    from inventory.store import database

    wants(shop, "edi", **EDI)
    for _ in range(12):
        sent(shop, ("ACME", "TEA", 1))

    def work(_):
        with database.connect(shop_url) as db:
            return deliver_due(db, settings, clock=clock).delivered

    with ThreadPoolExecutor(3) as threads:
        done = [number for numbers in threads.map(work, range(3)) for number in numbers]
    assert len(done) == len(set(done)) == 12
    controls = [row["control_number"] for row in dispatches.page(shop)["dispatches"]]
    assert sorted(controls) == list(range(1, 13))
