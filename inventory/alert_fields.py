"""The fields of an alert in words, for mails and commands: stock, money, days, and the act."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from inventory.amounts import money

Detail = Mapping[str, Any]

LINES_TOLD = 10

NAMED = {
    "current_stock": "Stock",
    "reorder_point": "Reorder point",
    "recommended_quantity": "Recommended quantity",
    "expected_stock_out_on": "Expected stock-out",
}
"""What every alert about stock tells, also in a digest."""

FIELDS = {
    **NAMED,
    "on_order": "On order",
    "days_of_cover": "Days of cover",
    "out_since": "Out since",
    "excess_units": "Units too many",
    "oldest_days": "Oldest, days",
    "expiring_units": "Units expiring",
    "expired_units": "Of these expired",
    "expires_on": "First expire on",
    "purchase_order": "Purchase order",
    "transfer": "Transfer",
    "vendor": "Vendor",
    "days_late": "Days late",
    "expected_on": "Expected on",
    "open_units": "Units open",
    "missing_units": "Units missing",
    "awaiting_units": "Units that await approval",
    "waits_since": "Since",
    "quarantined_rows": "Rows in quarantine",
    "last_entry_at": "Last entry",
    "positions": "Positions affected",
    "positions_at_risk": "Of these at risk of running out",
}
"""Plain fields: text, units, days."""

MONEY = {
    "excess_value": "Their value",
    "expiring_value": "Their value",
    "awaiting_value": "Their value",
    "more_money": "More to pay",
}

MISSED = {
    "per_day": "Missed sales per day",
    "so_far": "Missed sales so far",
    "until_supply": "Missed sales until supply comes",
}
"""Parts of `missed_units` and `missed_money`."""


def in_currency(detail: Detail, currency: str) -> dict[str, Any]:
    """The detail of an alert with the currency of its money, where only the house has one."""
    named = "currency" in detail and detail["currency"] is None
    return {**detail, "currency": currency} if named else dict(detail)


def sentences(detail: Detail) -> list[str]:
    """Each field that has a value as `Words: value`, then lines, most urgent first.

    >>> sentences({"current_stock": 1200, "reorder_point": 20.0, "currency": "EUR",
    ...            "missed_units": {"so_far": 6.0}, "missed_money": {"so_far": 11931.0}})
    ['Stock: 1,200', 'Reorder point: 20', 'Missed sales so far: 6 units, EUR 11,931.00']
    """
    found = [f"{words}: {value}" for words, value in _named(detail, FIELDS)]
    found += _missed(detail)
    currency = detail.get("currency")
    found += [
        f"{words}: {money(detail[name], currency)}"
        for name, words in MONEY.items()
        if detail.get(name) is not None
    ]
    lines: Sequence[Detail] = detail.get("lines") or ()
    if lines:
        title = "First to run out:" if "current_stock" in lines[0] else "Lines of most money:"
        found += ["", title]
        found += [f"- {line_sentence(line, currency)}" for line in lines[:LINES_TOLD]]
    return found


def short(detail: Detail) -> str:
    """The fields that every alert about stock has, in one line; empty where it has none.

    >>> short({"current_stock": 0, "recommended_quantity": 45, "expected_stock_out_on": None})
    'stock 0, recommended quantity 45'
    """
    found = [f"{words[0].lower()}{words[1:]} {value}" for words, value in _named(detail, NAMED)]
    so_far = next((said for said in _missed(detail) if said.startswith(MISSED["so_far"])), None)
    if so_far is not None:
        found.append(so_far[0].lower() + so_far[1:].replace(":", "", 1))
    return ", ".join(found)


def act_sentence(detail: Detail) -> str | None:
    """The act that resolves an alert, as it is asked for over HTTP."""
    told = detail.get("action")
    if not isinstance(told, Mapping):
        return told if isinstance(told, str) else None
    body = f" {json.dumps(told['body'])}" if told.get("body") else ""
    return f"{told['label']}: {told['method']} {told['path']}{body}"


def line_sentence(line: Detail, currency: str | None = None) -> str:
    """One line of an order, or position of a silent feed.

    >>> line_sentence({"sku": "TEA", "location": "S1", "current_stock": 3, "reorder_point": 20.0})
    'TEA at S1: stock 3, reorder point 20'
    >>> line_sentence({"sku": "TEA", "missing_units": 6, "ordered_units": 40, "money": 24.0}, "EUR")
    'TEA: 6 of 40 missing, EUR 24.00'
    >>> line_sentence({"sku": "A", "unit_cost": 4, "confirmed_unit_cost": 4.5, "money": 20}, "EUR")
    'A: EUR 4.50 instead of 4.00, EUR 20.00 more'
    """
    place = f"{line['sku']} at {line['location']}" if line.get("location") else str(line["sku"])
    said = short(line)
    if line.get("missing_units"):
        said = f"{line['missing_units']:,} of {line['ordered_units']:,} missing"
        said += f", {money(line['money'], currency)}"
    elif line.get("confirmed_unit_cost") is not None:
        told = money(line["confirmed_unit_cost"], currency)
        more = money(line["money"], currency)
        said = f"{told} instead of {line['unit_cost']:,.2f}, {more} more"
    return f"{place}: {said}"


def _missed(detail: Detail) -> list[str]:
    units, worth = detail.get("missed_units") or {}, detail.get("missed_money") or {}
    found = []
    for part, words in MISSED.items():
        if units.get(part) is None:
            continue
        told = "1 unit" if units[part] == 1 else f"{_number(units[part])} units"
        if worth.get(part) is not None:
            told += f", {money(worth[part], detail.get('currency'))}"
        found.append(f"{words}: {told}")
    return found


def _named(detail: Detail, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, words in names.items():
        if (value := detail.get(name)) not in (None, ""):
            yield words, _number(value)


def _number(value: object) -> str:
    """Text as it is, figures with thousands and one decimal where it is one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.1f}".removesuffix(".0")
