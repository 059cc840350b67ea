"""Alerts on supply that is late: orders to vendors, and transfers between our own locations."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from inventory.alerts import Alert, action
from inventory.amounts import counted

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
    stock: Mapping[str, Any] | None = None,
) -> Alert:
    """A purchase order that should have come, or was put off. One per order: by its id.

    due_on : the day on which it should have come; by default the one on which it is expected.

    lines : what is open of it, with stock: sku, open_units, current_stock, reorder_point,
        expected_stock_out_on; the most urgent first.
    stock : of all its open lines together: lines, current_stock, reorder_point.
    """
    return _late(
        f"{LATE_PURCHASE_ORDER}:{order_id}", f"{order_id} from {vendor}", location,
        {"purchase_order": order_id, "vendor": vendor},
        action("Ask the vendor, and say when it comes", "POST",
               f"/purchase-orders/{order_id}/redate"),
        expected_on=expected_on, due_on=due_on or expected_on, today=today,
        open_units=open_units, lines=lines,
        stock=stock,
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
    stock: Mapping[str, Any] | None = None,
) -> Alert:
    """A transfer that should have come, or was put off, as `late_order_alert`."""
    return _late(
        f"{LATE_TRANSFER}:{transfer_id}", f"{transfer_id} from {origin}", destination,
        {"transfer": transfer_id, "origin": origin},
        action("Ask the origin, and say when it comes", "POST", f"/transfers/{transfer_id}/redate"),
        expected_on=expected_on, due_on=due_on, today=today, open_units=open_units, lines=lines,
        stock=stock,
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
    stock: Mapping[str, Any] | None,
) -> Alert:
    late_days = (max(today, expected_on) - due_on).days
    late = f"{counted(late_days, 'day')} late"
    when = f"is put off to {expected_on}, {late}" if expected_on >= today else f"is {late}"
    units = f"{counted(open_units, 'unit')} {'is' if open_units == 1 else 'are'} open"
    out_days = [line["expected_stock_out_on"] for line in lines]
    return Alert(
        kind=kind,
        severity="warning",
        message=f"{name} {when}: {units}",
        location=location,
        detail={
            **ends,
            "days_late": late_days,
            "expected_on": expected_on.isoformat(),
            "open_units": open_units,
            "current_stock": None if stock is None else stock["current_stock"],
            "reorder_point": None if stock is None else stock["reorder_point"],
            # What is open is wanted still, and nothing beside it.
            "recommended_quantity": open_units,
            "expected_stock_out_on": min(
                (day for day in out_days if day is not None), default=None
            ),
            "lines_open": len(lines) if stock is None else stock["lines"],
            "lines": list(lines),
            "action": remedy,
        },
    )
