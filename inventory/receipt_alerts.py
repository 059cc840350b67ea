"""The alert of goods that arrived and wait in inspection until somebody decides on them."""

from datetime import date

from inventory.alerts import Alert, action
from inventory.amounts import counted, money

AWAITING_APPROVAL = "awaiting_approval"


def awaiting_approval_alert(
    *,
    inbound_id: str,
    sku: str,
    location: str,
    awaiting_units: int,
    excess_units: int,
    received_units: int,
    waits_since: date,
    unit_cost: float,
    currency: str | None,
    current_stock: int,
    reorder_point: float | None,
    stock_out_on: date | None,
    purchase_order: str | None = None,
    vendor: str | None = None,
) -> Alert:
    """Units that cannot be sold until they are approved. One per inbound: by its id.

    excess_units : of those that wait, what nobody ordered. A warning; where a location approves
        all that arrives, waiting is how it works, and only worth a note.
    """
    units = counted(awaiting_units, "unit")
    source = f" of {purchase_order}" if purchase_order else ""
    waits = "waits" if awaiting_units == 1 else "wait"
    value = awaiting_units * unit_cost
    worth = f", worth {money(value, currency)}" if value > 0 else ""
    more = f"; {excess_units:,} more came than ordered" if excess_units else ""
    body = {"id": f"approve:{inbound_id}:{received_units}:{awaiting_units}"[-200:],
            "quantity": awaiting_units, "status": "available"}  # fmt: skip
    return Alert(
        f"{AWAITING_APPROVAL}:{inbound_id}", "warning" if excess_units else "info",
        f"{units} of {sku} at {location}{source} {waits} for approval since {waits_since}"
        f"{worth}{more}",
        sku, location,
        {
            "inbound": inbound_id,
            "purchase_order": purchase_order,
            "vendor": vendor,
            "awaiting_units": awaiting_units,
            "excess_units": excess_units,
            "awaiting_value": round(value, 2) if value > 0 else None,
            "currency": currency,
            "waits_since": waits_since.isoformat(),
            "current_stock": current_stock,
            "reorder_point": reorder_point,
            # They are here: what they lack is a decision, and no order.
            "recommended_quantity": 0,
            "expected_stock_out_on": None if stock_out_on is None else stock_out_on.isoformat(),
            "action": action("Approve them, or say what becomes of them", "POST",
                             f"/inbound/{inbound_id}/approve", body=body),
        },
    )  # fmt: skip
