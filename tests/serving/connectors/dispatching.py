"""What the tests of orders on their way share: how vendors want them, and a clock."""

from datetime import timedelta

from inventory.store import dispatches, vendor_dispatch
from inventory.vendor_dispatch import VendorDispatch
from tests.inventory.ordering import NOW

SECRET = "a secret of sixteen or more"
EDI = {"edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": "ACME"}


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def later(self, **how_long):
        self.now += timedelta(**how_long)


def wants(db, channel, vendor="ACME", **more):
    vendor_dispatch.put(db, VendorDispatch(vendor, channel, **more), actor="ann", now=NOW)


def only(db):
    (row,) = dispatches.page(db)["dispatches"]
    return row


def with_mail(settings, host, port, **more):
    told = {"smtp_host": host, "smtp_port": port, "smtp_security": "none"}
    return settings.model_copy(update=told | more)
