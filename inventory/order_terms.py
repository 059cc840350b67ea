"""How far deliveries and invoices may differ from an order, and whose word an order needs."""

import math
from dataclasses import dataclass

EVERY_VENDOR = "*"
"""The name under which terms for all vendors stand."""

SHARE_MAX = 10.0
"""A larger tolerance is a percentage taken for a share."""


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Terms of one vendor. Without any word nothing may differ, and one buyer approves."""

    over_receipt_share: float = 0.0
    """Units above those agreed that go on the shelf at once, as a share of them."""
    invoice_quantity_share: float = 0.0
    """Units that may be invoiced above those received, as a share of them."""
    invoice_price_share: float = 0.0
    """By how much an invoiced price may differ from the order's, as a share of it."""
    second_approval_above: float | None = None
    """Money above which an order needs a second, different buyer; None: none does."""


def approvals_needed(value: float, above: float | None) -> int:
    """How many different buyers must approve what is worth so much; `above`: one signs up to it.

    >>> approvals_needed(500.0, 500.0), approvals_needed(500.01, 500.0), approvals_needed(9e9, None)
    (1, 2, 1)
    """
    return 2 if above is not None and value > above else 1


def units_tolerated(
    quantity: int, *, agreed_units: int, received_units: int, over_receipt_share: float
) -> int:
    """Of `quantity` units that arrive, how many are agreed or within the tolerance.

    >>> units_tolerated(40, agreed_units=100, received_units=70, over_receipt_share=0.05)
    35
    """
    # A share of whole units that is whole in decimals must not lose one to binary fractions.
    most = agreed_units + math.floor(agreed_units * over_receipt_share + 1e-9)
    return max(0, min(quantity, most - received_units))
