"""Alerts on what a vendor confirms: fewer units than were ordered, dearer ones, or nothing at all.

One for each confirmation that brings such news, not for the order: a second cut is news again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from inventory.alerts import Alert, action
from inventory.amounts import counted

CONFIRMED_LESS = "confirmed_less"
CONFIRMED_DEARER = "confirmed_dearer"
DECLINED = "declined_order"

KINDS = (CONFIRMED_LESS, CONFIRMED_DEARER, DECLINED)

LINES_TOLD = 10
"""Lines of an order in its alert, those of most money first; the message names `NAMED` of them."""
NAMED = 3

PENNY = 1e-9

Line = Mapping[str, Any]
"""A line of an order: line_no, sku, quantity, ordered_units, cancelled_units?, unit_cost,
confirmed_unit_cost."""


def is_short(line: Line) -> bool:
    """Whether fewer units are confirmed than the vendor was asked for and still is.

    >>> is_short({"quantity": 150, "ordered_units": 206})
    True
    >>> is_short({"quantity": 150, "ordered_units": 206, "cancelled_units": 56})
    False
    """
    return _missing(line) > 0


def _missing(line: Line) -> int:
    asked: int = (line["ordered_units"] or 0) - line.get("cancelled_units", 0)
    return max(asked - int(line["quantity"]), 0)


def is_dear(line: Line, *, tolerated_share: float) -> bool:
    """Whether the confirmed price is above the order's by more than that share of it.

    >>> is_dear({"unit_cost": 6.0, "confirmed_unit_cost": 6.5}, tolerated_share=0.05)
    True
    >>> is_dear({"unit_cost": 6.0, "confirmed_unit_cost": 6.3}, tolerated_share=0.05)
    False
    """
    told = line["confirmed_unit_cost"]
    return told is not None and told > line["unit_cost"] * (1 + tolerated_share) + PENNY


def shortened(before: Sequence[Line], after: Sequence[Line]) -> bool:
    """Whether a confirmation took units from any line."""
    were = {line["line_no"]: line["quantity"] for line in before}
    return any(line["quantity"] < were[line["line_no"]] for line in after)


def made_dearer(before: Sequence[Line], after: Sequence[Line], *, tolerated_share: float) -> bool:
    """Whether a confirmation brought a price that is too dear and was not told before."""
    were = {line["line_no"]: line["confirmed_unit_cost"] for line in before}
    return any(
        is_dear(line, tolerated_share=tolerated_share)
        and line["confirmed_unit_cost"] != were[line["line_no"]]
        for line in after
    )


def less_alert(cause: str, order: Mapping[str, Any], lines: Sequence[Line]) -> Alert:
    """What is missing of an order whose vendor confirmed fewer units, or none."""
    short = [_short(line) for line in lines if is_short(line)]
    short.sort(key=lambda line: (-line["money"], line["sku"]))
    declined = cause.startswith(DECLINED)
    missing = sum(line["missing_units"] for line in short)
    named = _named([f"{line['missing_units']} {line['sku']}" for line in short])
    are = "is" if missing == 1 else "are"
    says = "delivers nothing of" if declined else "confirms less of"
    remedy = (
        action("See what is proposed instead", "GET",
               f"/purchase-orders?state=proposed&location={order['location']}")
        if declined
        else action("Agree and confirm the quantity, or cancel; what is needed is proposed anew",
                    "POST", f"/purchase-orders/{order['id']}/confirm")
    )  # fmt: skip
    return Alert(
        kind=cause,
        severity="critical" if declined else "warning",
        message=f"{order['vendor']} {says} {order['id']}: {named} {are} missing",
        location=order["location"],
        detail={
            "purchase_order": order["id"],
            "vendor": order["vendor"],
            "missing_units": missing,
            "lines": short[:LINES_TOLD],
            "action": remedy,
        },
    )


def dearer_alert(
    cause: str, order: Mapping[str, Any], lines: Sequence[Line], *, tolerated_share: float
) -> Alert:
    """What an order costs more whose vendor confirmed dearer prices than are tolerated."""
    dear = [_dear(line) for line in lines if is_dear(line, tolerated_share=tolerated_share)]
    dear.sort(key=lambda line: (-line["money"], line["sku"]))
    more = round(sum(line["money"] for line in dear), 2)
    named = _named([
        f"{line['sku']} at {line['confirmed_unit_cost']:g} instead of {line['unit_cost']:g}"
        for line in dear
    ])  # fmt: skip
    return Alert(
        kind=cause,
        severity="warning",
        message=f"{order['vendor']} confirms {order['id']} dearer: {named}, {more:,.2f} more",
        location=order["location"],
        detail={
            "purchase_order": order["id"],
            "vendor": order["vendor"],
            "more_money": more,
            "tolerated_share": tolerated_share,
            "lines": dear[:LINES_TOLD],
            "action": action(
                "Agree and confirm the price, or cancel the order", "POST",
                f"/purchase-orders/{order['id']}/confirm",
            ),
        },
    )  # fmt: skip


def _short(line: Line) -> dict[str, Any]:
    missing = _missing(line)
    return {
        "line": line["line_no"],
        "sku": line["sku"],
        "ordered_units": line["ordered_units"],
        "confirmed_units": line["quantity"],
        "missing_units": missing,
        "money": round(missing * line["unit_cost"], 2),
    }


def _dear(line: Line) -> dict[str, Any]:
    more = line["confirmed_unit_cost"] - line["unit_cost"]
    return {
        "line": line["line_no"],
        "sku": line["sku"],
        "unit_cost": line["unit_cost"],
        "confirmed_unit_cost": line["confirmed_unit_cost"],
        "units": line["quantity"],
        "money": round(more * line["quantity"], 2),
    }


def _named(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {counted(rest, 'more line')}" if rest > 0 else "")
