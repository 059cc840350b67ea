"""Where a vendor wants its orders: what makes no sense is refused by name."""

import pytest

from inventory.errors import InputRejected
from inventory.vendor_dispatch import SftpPlace, VendorDispatch


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "fax"}, "channel"),
        ({"emails": ("a@b.example\nBcc: x@y.example",)}, "emails"),
        ({"emails": ("a@b.example, x@y.example",)}, "emails"),
        ({"channel": "webhook"}, "webhook_url"),
        ({"webhook_url": "http://vendor.example/"}, "webhook_url"),
        ({"webhook_url": "https://u:p@vendor.example/"}, "webhook_url"),
        ({"webhook_url": "file:///etc/passwd"}, "webhook_url"),
        ({"webhook_url": "https://[::1"}, "webhook_url"),
        ({"channel": "edi"}, "edi_id"),
        ({"edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": "A*B"}, "edi_id"),
        ({"edi_standard": "x12", "edi_id": "AB"}, "edi_qualifier"),
        ({"edi_standard": "tradacoms", "edi_id": "AB"}, "edi_standard"),
        ({"transit_days": -1}, "transit_days"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, field):
    with pytest.raises(InputRejected) as refused:
        VendorDispatch(**{"vendor": "ACME", "channel": "email"} | change)
    assert refused.value.field == field


def test_a_pinned_key_must_be_one():
    for key in ("", "ssh-dss AAAA", "SHA256:abc"):
        with pytest.raises(InputRejected, match="public key"):
            SftpPlace("a.example", "u", key)
