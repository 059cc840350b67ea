"""What the tests of vendors' documents share: replies about an order that was sent."""

from datetime import timedelta

from inventory.store import vendor_dispatch
from inventory.store.purchase_orders import get_order
from inventory.vendor_dispatch import VendorDispatch
from tests.inventory.ordering import NOW
from tests.serving.connectors.dispatching import EDI
from tests.serving.edi import papers

LATER = NOW + timedelta(days=1)


def put(db, vendor="ACME", **changes):
    settings = VendorDispatch(vendor, "edi", **EDI | changes)
    vendor_dispatch.put(db, settings, actor="ann", now=NOW)


def of(order, body):
    return body.replace("PO-20260302-0001", order)


def confirmation(order, body=papers.CONFIRMED, **more):
    return papers.x12(of(order, body), **more)


def shipment(order, body=papers.SHIPPED, **more):
    return papers.x12(of(order, body), set_id="856", group="SH", **more)


def invoice(order, body=papers.INVOICED, **more):
    return papers.x12(of(order, body), set_id="810", group="IN", **more)


def lines_of(db, order):
    return {
        line["sku"]: (line["quantity"], line["shipped_units"], str(line["expected_on"]))
        for line in get_order(db, order)["lines"]
    }
