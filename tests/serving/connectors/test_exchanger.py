"""A server exchanges with vendors by itself, in a process of its own, and only when it is due."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from inventory.store import dispatches, vendor_dispatch
from inventory.store.purchase_orders import get_order
from inventory.vendor_dispatch import SftpPlace, VendorDispatch
from pipelines.settings import Settings
from serving.connectors import folders
from serving.exchanger import FETCH_EVERY, Exchanger
from tests.inventory.ordering import NOW, do, proposed, sent
from tests.serving.connectors.dispatching import EDI
from tests.serving.edi.papers import CONFIRMED, x12


@pytest.fixture
def settings(shop_url, tmp_path):
    return Settings(database_url=shop_url, data_dir=tmp_path)


def wants_edi(db, **more):
    place = VendorDispatch("ACME", "edi", **EDI, **more)
    vendor_dispatch.put(db, place, actor="ann", now=NOW)


def test_a_server_sends_and_takes_by_itself(centre, settings, monkeypatch):
    monkeypatch.setenv("VOUCH_COMPANY_NAME", "Our Shop")
    monkeypatch.setenv("VOUCH_EDI_ID", "VOUCH")
    wants_edi(centre)
    order = proposed(centre)
    do(centre, order, "accept", "approve", "send", now=datetime.now(UTC))
    inbox = folders.inbox_of(settings, "ACME")
    inbox.mkdir(parents=True)
    reply = CONFIRMED.replace("PO-20260302-0001", order).replace("*2026", "*2036")
    (inbox / "reply.x12").write_text(x12(reply))
    server = SimpleNamespace(settings=settings, clock=lambda: datetime.now(UTC))
    Exchanger().exchange(server)
    (row,) = dispatches.page(centre)["dispatches"]
    assert row["state"] == "delivered"
    names = {path.name for path in folders.outbox_of(settings, "ACME").iterdir()}
    assert names == {f"850_{row['number']}.x12", "997_000000345_345.x12"}
    assert get_order(centre, order)["state"] == "confirmed"


def test_what_is_due_is_told_without_a_process(centre, settings):
    def due(exchanger, now=NOW):
        return exchanger.is_due(centre, settings, now=now)

    wants_edi(centre)
    assert not due(Exchanger())
    sent(centre)
    assert due(Exchanger())
    centre.execute("update dispatches set due_at = %s", [NOW + timedelta(minutes=1)])
    assert not due(Exchanger())
    assert due(Exchanger(), NOW + timedelta(minutes=1))
    inbox = folders.inbox_of(settings, "ACME")
    (inbox / folders.TAKEN).mkdir(parents=True)
    assert not due(Exchanger()), "what was taken is no reason"
    (inbox / "reply.x12").write_text("x")
    assert due(Exchanger())


def test_sftp_is_looked_into_every_few_minutes(centre, settings):
    place = SftpPlace("127.0.0.1", "v", "ssh-ed25519 AAAA", fetch_from="out")
    wants_edi(centre, sftp=place)
    exchanger = Exchanger()
    at = [NOW + n * FETCH_EVERY / 5 for n in range(11)]
    found = [exchanger.is_due(centre, settings, now=now) for now in at]
    assert [n for n, due in enumerate(found) if due] == [0, 5, 10]


def test_a_server_that_ends_ends_its_exchange(centre, settings):
    sent(centre)
    exchanger = Exchanger()
    exchanger.stop()
    exchanger.exchange(SimpleNamespace(settings=settings, clock=lambda: NOW))
    assert exchanger._child.returncode not in (None, 0)
