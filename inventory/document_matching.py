"""What a vendor's document means for an order of ours, or how it contradicts it.

Nothing is guessed: an item that is not on the order, another unit of measure, a line that nobody
speaks of, a day of shipping without a way to tell that of arrival: each is refused with a remedy.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from inventory.errors import InputRejected
from inventory.vendor_documents import UNITS_WORDS, Said, SaidLine


@dataclass(frozen=True, slots=True)
class OrderedLine:
    """A line of our order as it stands."""

    line_no: int
    sku: str
    units: int
    """Agreed: ordered, or confirmed since."""
    expected_on: date
    schedule: tuple[tuple[date, int], ...] = ()
    """Units that are still to come, by the day on which they are expected."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a document is held against."""

    order_id: str
    sent_on: date
    currency: str
    lines: tuple[OrderedLine, ...]
    transit_days: int | None
    """From the vendor's door to ours; None: not known."""
    echoes_lines: bool = False
    """The vendor gives its lines the numbers that ours have."""


Meant = dict[str, Any]
"""A line as `inventory.store.vendor_reports` takes it: line, quantity, expected_at?, unit_cost?,
shipment?, and parts?, [quantity, expected_at?], where it comes on several days."""


def confirmed_lines(said: Said, ordered: Ordered) -> list[Meant]:
    """What a confirmation says of every line that it speaks of.

    Raises `InputRejected` where it contradicts the order.
    """
    _check_currency(said, ordered)
    if said.rejected:
        return [{"line": line.line_no, "quantity": 0} for line in ordered.lines]
    by_line = _by_line(said, ordered)
    missing = [line for line in ordered.lines if line.line_no not in by_line and line.units]
    if missing and not said.in_full:
        raise InputRejected(
            f"it says nothing of line {missing[0].line_no}, '{missing[0].sku}'; a confirmation "
            "names every line, or says that the order is taken as it is",
            field="lines",
        )
    found = []
    for line in ordered.lines:
        parts = by_line.get(line.line_no, [])
        told: Meant = {"line": line.line_no}
        if parts:
            told |= _scheduled(said, parts, ordered, line)
            prices = {part.unit_price for part in parts if part.unit_price is not None}
            if prices:
                told["unit_cost"] = float(max(prices))
        elif (day := _arrival(said, _WHOLE, ordered, line)) is not None:
            told["expected_at"] = day.isoformat()
        if len(told) > 1:
            found.append(told)
    return found


def shipped_lines(said: Said, ordered: Ordered) -> list[Meant]:
    """What a shipment notice says is on its way; parts of one line in several packages add up.

    Raises `InputRejected` where it contradicts the order.
    """
    found = []
    for number, parts in sorted(_by_line(said, ordered).items()):
        line = next(line for line in ordered.lines if line.line_no == number)
        told = {"line": number, **_scheduled(said, parts, ordered, line)}
        if said.number:
            told["shipment"] = said.number
        if told["quantity"]:
            found.append(told)
    if not found:
        raise InputRejected("nothing of this order is in the shipment", field="lines")
    return found


def invoiced_lines(said: Said, ordered: Ordered) -> list[Meant]:
    """What an invoice charges for: each line by our SKU where that can be told, else as it says.

    An item that is not on the order is for the match of invoices to question. Raises
    `InputRejected` for another currency or unit of measure.
    """
    _check_currency(said, ordered)
    found = []
    for line in said.lines:
        _check_measure(line)
        ours = _line_of(line, ordered)
        sku = ours.sku if ours else line.sku or next(iter(line.other_codes), None)
        told: Meant = {"quantity": line.units, "unit_price": line.unit_price}
        told |= {"sku": sku} if sku else {"line": line.line_no}
        if line.units:
            found.append(told)
    if not found:
        raise InputRejected("the invoice charges for no goods", field="lines")
    return found


def differences(found: Sequence[Meant], ordered: Ordered) -> list[str]:
    """How a confirmation differs from what is agreed now, in words: empty where it does not."""
    known = {line.line_no: line for line in ordered.lines}
    told = []
    for said in found:
        line = known[said["line"]]
        if said.get("quantity", line.units) != line.units:
            told.append(f"'{line.sku}' {said['quantity']} instead of {line.units}")
        else:
            told += _other_days(said, line)
    return told


def _other_days(said: Meant, line: OrderedLine) -> list[str]:
    """How the days differ from those agreed, where the document tells of any."""
    if "expected_at" not in said and "parts" not in said:
        return []
    whole = {"quantity": said.get("quantity", line.units), "expected_at": said.get("expected_at")}
    agreed = dict(line.schedule or ((line.expected_on, line.units),))
    told = _by_day(said.get("parts", [whole]), line, skipped=line.units - sum(agreed.values()))
    if told == agreed:
        return []
    if len(told) == len(agreed) == 1:
        return [f"'{line.sku}' on {next(iter(told))} instead of {next(iter(agreed))}"]
    return [f"'{line.sku}' {_in_words(told)} instead of {_in_words(agreed)}"]


def _by_day(parts: Sequence[Meant], line: OrderedLine, *, skipped: int) -> dict[date, int]:
    """Units by day, without the first ones, which are here already."""
    dated = [
        (date.fromisoformat(day) if (day := part.get("expected_at")) else line.expected_on,
         part["quantity"])
        for part in parts
    ]  # fmt: skip
    found: dict[date, int] = {}
    for day, units in sorted(dated):
        rest = max(units - skipped, 0)
        skipped -= units - rest
        if rest:
            found[day] = found.get(day, 0) + rest
    return found


def _in_words(units_by_day: Mapping[date, int]) -> str:
    return ", ".join(f"{units} on {day}" for day, units in sorted(units_by_day.items())) or "none"


def _by_line(said: Said, ordered: Ordered) -> dict[int, list[SaidLine]]:
    found: dict[int, list[SaidLine]] = {}
    for line in said.lines:
        _check_measure(line)
        ours = _line_of(line, ordered)
        if ours is None:
            raise _not_on_order(line, ordered)
        found.setdefault(ours.line_no, []).append(line)
    return found


def _line_of(said: SaidLine, ordered: Ordered) -> OrderedLine | None:
    """Our line, by our number of the item, by another that is ours too, or by the line's number.

    A vendor may number the lines of its documents as it likes, and one of our items that is not on
    the order is no other line. So a number tells the line only where the vendor names no item, says
    that the number is of our order, or is known to repeat ours.
    """
    by_sku = {line.sku: line for line in ordered.lines}
    if said.sku is not None:
        return by_sku.get(said.sku)
    for code in said.other_codes:
        if code in by_sku:
            return by_sku[code]
    if said.other_codes and not (said.line_is_ours or ordered.echoes_lines):
        return None
    return next((line for line in ordered.lines if line.line_no == said.line_no), None)


def _not_on_order(line: SaidLine, ordered: Ordered) -> InputRejected:
    called = line.sku or ", ".join(line.other_codes) or f"line {line.line_no}"
    by_number = line.sku is None and line.other_codes and line.line_no is not None
    remedy = (
        f"; that it is line {line.line_no} counts only for vendors that repeat the numbers of our "
        "lines: set echoes_lines of its dispatch settings where this one does"
        if by_number
        else ""
    )
    return InputRejected(f"'{called}' is not on order {ordered.order_id}{remedy}", field="sku")


def _check_measure(line: SaidLine) -> None:
    if line.unit_of_measure.upper() not in UNITS_WORDS:
        raise InputRejected(
            f"quantities are in '{line.unit_of_measure}' and we order single units (EA, PCE); ask "
            "the vendor for those",
            field="unit_of_measure",
        )


def _check_currency(said: Said, ordered: Ordered) -> None:
    if said.currency is not None and said.currency != ordered.currency:
        raise InputRejected(
            f"it is in {said.currency} and the order in {ordered.currency}", field="currency"
        )


def _scheduled(said: Said, parts: Sequence[SaidLine], ordered: Ordered, line: OrderedLine) -> Meant:
    """Units of a line and when they come: on one day, or in parts, those of one day together."""
    units_by_day: dict[date | None, int] = {}
    for part in parts:
        units = 0 if part.rejected else part.units
        if units:
            day = _arrival(said, part, ordered, line)
            units_by_day[day] = units_by_day.get(day, 0) + units
    told: Meant = {"quantity": sum(units_by_day.values())}
    if len(units_by_day) == 1:
        return told | _on(*units_by_day)
    if units_by_day:
        dated = sorted(units_by_day.items(), key=lambda found: found[0] or line.expected_on)
        told["parts"] = [{"quantity": units, **_on(day)} for day, units in dated]
    return told


def _on(day: date | None) -> Meant:
    return {} if day is None else {"expected_at": day.isoformat()}


def _arrival(said: Said, part: SaidLine, ordered: Ordered, line: OrderedLine) -> date | None:
    """The day on which a part of a line arrives; None where the document does not say."""
    if part.arrives_on or part.ships_on:  # Closer to the goods than what the whole says.
        arrives, ships = part.arrives_on, part.ships_on
    else:
        arrives, ships = said.arrives_on, said.ships_on
    if arrives is None and ships is not None:
        arrives = _after_transit(ships, ordered, line)
    if arrives is not None and arrives < ordered.sent_on:
        raise InputRejected(
            f"'{line.sku}' would come on {arrives}, before it was ordered", field="expected_at"
        )
    return arrives


_WHOLE = SaidLine(sku=None, line_no=None, units=0)
"""Stands for a line of which the document says nothing by itself."""


def _after_transit(ships_on: date, ordered: Ordered, line: OrderedLine) -> date | None:
    if ordered.transit_days is not None:
        return ships_on + timedelta(days=ordered.transit_days)
    if ships_on <= line.expected_on:
        return None  # It may well be on time: the day that is expected stands.
    raise InputRejected(
        f"'{line.sku}' ships on {ships_on}, after the {line.expected_on} on which it is expected, "
        "and nobody knows how long the way is: set transit_days of the vendor's dispatch settings",
        field="expected_at",
    )
