"""An order in another currency than the house's: so it is written, confirmed and invoiced."""

import pytest

from inventory.store.dispatches import claim
from inventory.store.invoices import get as get_invoice
from inventory.store.order_proposals import propose
from inventory.store.purchase_orders import get_order, list_orders
from serving.connectors.dispatch import deliver_due, document_of
from tests.inventory.ordering import NOW, do, plan_of
from tests.serving.connectors.dispatching import EDI, wants
from tests.serving.connectors.replies import confirmation, invoice
from tests.serving.edi import papers

IN_DOLLARS = papers.CONFIRMED.replace("CUR*SE*EUR", "CUR*SE*USD")


@pytest.fixture
def order(shop):
    """40 cups and 100 teas in dollars, sent; the house's own currency is the euro."""
    wants(shop, "edi", **EDI)
    lines = (("ACME", "TEA", 100), ("ACME", "CUP", 40))
    propose(shop, plan_of(*lines, currency="USD"), now=NOW)
    po_id = list_orders(shop)["orders"][0]["id"]
    do(shop, po_id, "accept", "approve", "send")
    return po_id


def test_it_is_written_in_its_own_currency(shop, settings, clock, order):
    assert get_order(shop, order)["currency"] == "USD"
    (number,) = deliver_due(shop, settings, clock=clock).delivered
    text = (settings.data_dir / f"edi/outbox/ACME/850_{number}.x12").read_text()
    assert "CUR*BY*USD~" in text


def test_one_from_before_currencies_were_kept_is_in_that_of_the_house(shop, settings, order):
    shop.execute("update dispatches set document = document - 'currency'")
    assert document_of(claim(shop, now=NOW), settings).currency == "EUR"


def test_a_confirmation_is_held_against_it(shop, takes, order):
    (found,) = takes(confirmation(order))
    assert (found["state"], found["field"]) == ("quarantined", "currency")
    assert found["problem"] == "it is in EUR and the order in USD"
    (found,) = takes(confirmation(order, IN_DOLLARS, control="000000346"))
    assert found["state"] == "applied", found


def test_an_invoice_that_names_no_currency_is_in_that_of_the_order(shop, takes, order):
    takes(confirmation(order, IN_DOLLARS))
    nameless = papers.INVOICED.replace("CUR*SE*EUR\n", "")
    (found,) = takes(invoice(order, nameless, control="000000347"))
    assert found["state"] == "applied", found
    assert get_invoice(shop, found["outcome"]["invoice"])["currency"] == "USD"
