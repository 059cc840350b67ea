"""What happens to a confirmed order: located, picked, shipped, or not.

Each function decides on the lines of a reservation and returns them as they are afterwards; what
that means for stock on hand is worked out from the difference. Nothing here touches a balance.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from inventory.errors import InputRejected
from inventory.reservations import PromisedLine

ACTS = ("allocate", "process", "ship", "cancel", "reject", "return")

NOT_IN_STOCK, MISMATCH, DAMAGED = "not-in-stock", "mismatch", "damaged"
REJECT_REASONS = (NOT_IN_STOCK, MISMATCH, DAMAGED)

RETURN_STATUSES = ("inspection", "available", "frozen", "defective", "scrap")


@dataclass(frozen=True, slots=True)
class ActLine:
    """So many units of a SKU or bundle; all that are open when no quantity is given."""

    sku: str
    quantity: int | None = None
    location: str | None = None
    status: str | None = None
    """Of returned goods; they are inspected first unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class OrderMessage:
    """An instruction about an order. `id` names the message: one id, one outcome for ever."""

    id: str
    lines: tuple[ActLine, ...] = ()
    location: str | None = None
    at: datetime | None = None
    reason: str | None = None

    def as_dict(self) -> dict[str, object]:
        """The body that a repeat of the message must agree with."""
        return {
            "id": self.id,
            "lines": [[li.sku, li.quantity, li.location, li.status] for li in self.lines],
            "location": self.location,
            "at": None if self.at is None else self.at.isoformat(),
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Moved:
    """Units of a line that an act moved: shipped, rejected or returned at a location."""

    line: PromisedLine
    units: int
    status: str = "available"


@dataclass(slots=True)
class Decided:
    """Lines after an act, by line number, and what it moved at which location."""

    lines: list[PromisedLine]
    moved: list[Moved] = field(default_factory=list)

    def put(self, line: PromisedLine) -> None:
        self.lines = [line if old.line_no == line.line_no else old for old in self.lines]

    def split(self, line: PromisedLine) -> PromisedLine:
        """Append a line with a number of its own."""
        numbered = replace(line, line_no=max(old.line_no for old in self.lines) + 1)
        self.lines.append(numbered)
        return numbered


def _named(lines: Sequence[PromisedLine], message: OrderMessage) -> list[ActLine]:
    """What a message names: bundles exploded, repeats summed; every open SKU when it names none."""
    if not message.lines:
        return [ActLine(sku) for sku in dict.fromkeys(line.sku for line in lines)]
    named = []
    for row, asked in enumerate(message.lines):
        if asked.quantity is not None and asked.quantity < 0:
            raise InputRejected("must not be negative", field="quantity", row=row)
        parts = [line for line in lines if line.bundle == asked.sku]
        if any(line.sku == asked.sku for line in lines):
            named.append(asked)
        elif parts:
            named += _components(asked, parts)
        else:
            raise InputRejected(f"'{asked.sku}' is not in this order", field="sku", row=row)
    return _summed(named)


def _summed(named: Sequence[ActLine]) -> list[ActLine]:
    """One line per SKU, location and status: orders may list a SKU twice, and so may messages."""
    sums: dict[tuple[str, str | None, str | None], ActLine] = {}
    for line in named:
        key = (line.sku, line.location, line.status)
        earlier = sums.get(key)
        if earlier is None or earlier.quantity is None or line.quantity is None:
            sums[key] = line if earlier is None else replace(line, quantity=None)
        else:
            sums[key] = replace(line, quantity=earlier.quantity + line.quantity)
    return list(sums.values())


def _components(asked: ActLine, parts: Sequence[PromisedLine]) -> list[ActLine]:
    per_bundle: dict[str, int] = {}
    seen: set[int] = set()
    bundles = 0
    for line in parts:
        if line.request_line not in seen:
            seen.add(line.request_line)
            bundles += line.bundle_units or 0
        per_bundle[line.sku] = per_bundle.get(line.sku, 0) + line.quantity
    return [
        replace(asked, sku=sku, quantity=asked.quantity and asked.quantity * units // bundles)
        for sku, units in per_bundle.items()
    ]


def _at(line: PromisedLine, asked: ActLine, message: OrderMessage) -> bool:
    location = asked.location or message.location
    return line.sku == asked.sku and location in (None, line.location)


def _check_place(lines: Sequence[PromisedLine], message: OrderMessage) -> None:
    """Refuse a location that has none of the open lines: a message from there is a mistake."""
    here = {line.location for line in lines}
    named = {message.location, *(asked.location for asked in message.lines)} - {None}
    if odd := sorted(str(location) for location in named - here):
        raise InputRejected(f"no open line of this order is at '{odd[0]}'", field="location")


def ship(lines: Sequence[PromisedLine], message: OrderMessage) -> Decided:
    """Units leave. The rest of a line that ships short goes back to what may be promised."""
    decided = Decided(list(lines))
    waiting = [line for line in lines if line.open_units]
    _check_place(waiting, message)
    for asked in _named(waiting, message):
        touched = [li for li in decided.lines if li.open_units and _at(li, asked, message)]
        left = _quantity(asked, sum(line.open_units for line in touched), verb="ship")
        for line in touched:
            shipped = min(left, line.open_units)
            left -= shipped
            decided.put(replace(line, open_units=0, shipped_units=line.shipped_units + shipped))
            if shipped:
                decided.moved.append(Moved(line, shipped))
    return decided


def cancel(lines: Sequence[PromisedLine], message: OrderMessage) -> Decided:
    """The customer wants less: all that is open is given up, or what the lines name of it."""
    decided = Decided(list(lines))
    waiting = [line for line in lines if line.open_units]
    _check_place(waiting, message)
    for asked in _named(waiting, message):
        touched = [line for line in waiting if _at(line, asked, message)]
        left = _quantity(asked, sum(line.open_units for line in touched), verb="cancel")
        for line in touched:
            units = min(left, line.open_units)
            left -= units
            decided.put(replace(line, open_units=line.open_units - units))
    return decided


def reject(lines: Sequence[PromisedLine], message: OrderMessage) -> Decided:
    """A location cannot fulfil. Its units go back to the group without it, or are given up."""
    if message.reason not in REJECT_REASONS:
        raise InputRejected(f"must be one of {', '.join(REJECT_REASONS)}", field="reason")
    decided = Decided(list(lines))
    located = [line for line in lines if line.open_units and line.location is not None]
    if not located:
        raise InputRejected("no line of this order is at a location yet", field="lines")
    _check_place(located, message)
    for asked in _named(located, message):
        touched = [li for li in located if _at(li, asked, message)]
        left = _quantity(asked, sum(line.open_units for line in touched), verb="reject")
        for line in touched:
            units = min(left, line.open_units)
            left -= units
            if units:
                decided.moved.append(Moved(line, units))
                _send_back(decided, line, units)
    return decided


def _send_back(decided: Decided, line: PromisedLine, units: int) -> None:
    assert line.location is not None
    kept = replace(line, open_units=line.open_units - units)
    if line.group is None:
        decided.put(kept)
        return
    excluded = tuple(sorted({*line.excluded, line.location}))
    back = replace(line, location=None, excluded=excluded, open_units=units)
    if units == line.quantity:
        decided.put(back)
        return
    decided.put(replace(kept, quantity=line.quantity - units))
    decided.split(replace(back, quantity=units, shipped_units=0, returned_units=0))


def take_back(lines: Sequence[PromisedLine], message: OrderMessage) -> Decided:
    """Customers return what was shipped, at most that; it arrives in inspection."""
    decided = Decided(list(lines))
    shipped = [line for line in lines if line.shipped_units > line.returned_units]
    for asked in _named(shipped, message):
        status = asked.status or "inspection"
        if status not in RETURN_STATUSES:
            raise InputRejected(f"must be one of {', '.join(RETURN_STATUSES)}", field="status")
        touched = [line for line in decided.lines if line.sku == asked.sku]
        open_units = sum(line.shipped_units - line.returned_units for line in touched)
        left = _quantity(asked, open_units, verb="return")
        for line in touched:
            units = min(left, line.shipped_units - line.returned_units)
            left -= units
            if units:
                decided.put(replace(line, returned_units=line.returned_units + units))
                at = replace(line, location=asked.location or message.location or line.location)
                decided.moved.append(Moved(at, units, status))
    return decided


def _quantity(asked: ActLine, open_units: int, *, verb: str) -> int:
    if asked.quantity is None:
        return open_units
    if asked.quantity > open_units:
        problem = f"cannot {verb} {asked.quantity} of '{asked.sku}': {open_units} are open for it"
        raise InputRejected(problem, field="quantity")
    return asked.quantity


def state_after(state: str, lines: Sequence[PromisedLine], *, before: str) -> str:
    """An order stays where it was while units are open; with none shipped it was cancelled."""
    if state in ("shipped", "cancelled"):
        if any(line.open_units for line in lines):
            return before
        return "shipped" if any(line.shipped_units for line in lines) else "cancelled"
    return state
