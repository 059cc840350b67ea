"""Alerts on supply that is late: orders to vendors, and transfers between our own locations."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from inventory.alerts import Alert, action

LATE_PURCHASE_ORDER = "late_purchase_order"
LATE_TRANSFER = "late_transfer"

KINDS = (LATE_PURCHASE_ORDER, LATE_TRANSFER)

Lines = Sequence[Mapping[str, Any]]


def late_order_alert(
    *,
    order_id: str,
    vendor: str,
    location: str,
    expected_on: date,
    today: date,
    open_units: int,
    due_on: date | None = None,
    lines: Lines = (),
) -> Alert:
    """A purchase order that should have come, or was put off. One per order: by its id.

    due_on : the day on which it should have come; by default the one on which it is expected.

    lines : what is open of it, with stock: sku, open_units, current_stock, reorder_point,
        expected_stock_out_on; the most urgent first.
    """
    return _late(
        f"{LATE_PURCHASE_ORDER}:{order_id}", f"{order_id} from {vendor}", location,
        {"purchase_order": order_id, "vendor": vendor},
        action("Ask the vendor, and say when it comes", "POST",
               f"/purchase-orders/{order_id}/redate"),
        expected_on=expected_on, due_on=due_on or expected_on, today=today,
        open_units=open_units, lines=lines,
    )  # fmt: skip


def late_transfer_alert(
    *,
    transfer_id: str,
    origin: str,
    destination: str,
    expected_on: date,
    due_on: date,
    today: date,
    open_units: int,
    lines: Lines = (),
) -> Alert:
    """A transfer that should have come, or was put off, as `late_order_alert`."""
    return _late(
        f"{LATE_TRANSFER}:{transfer_id}", f"{transfer_id} from {origin}", destination,
        {"transfer": transfer_id, "origin": origin},
        action("Ask the origin, and say when it comes", "POST", f"/transfers/{transfer_id}/redate"),
        expected_on=expected_on, due_on=due_on, today=today, open_units=open_units, lines=lines,
    )  # fmt: skip


def _late(
    kind: str,
    name: str,
    location: str,
    ends: Mapping[str, object],
    remedy: Mapping[str, object],
    *,
    expected_on: date,
    due_on: date,
    today: date,
    open_units: int,
    lines: Lines,
) -> Alert:
    late_days = (max(today, expected_on) - due_on).days
    put_off = expected_on >= today
    when = f"is put off to {expected_on}, {late_days} days" if put_off else f"is {late_days} days"
    return Alert(
        kind=kind,
        severity="warning",
        message=f"{name} {when} late: {open_units} units are open",
        location=location,
        detail={
            **ends,
            "days_late": late_days,
            "expected_on": expected_on.isoformat(),
            "open_units": open_units,
            "lines": list(lines),
            "action": remedy,
        },
    )
