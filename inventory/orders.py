"""What happens to a confirmed order: located, picked, shipped, or not.

Each function decides on the lines of a reservation and returns them as they are afterwards; what
that means for stock on hand is worked out from the difference. Nothing here touches a balance.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from inventory.errors import InputRejected
from inventory.reservations import PromisedLine

ACTS = ("allocate", "process", "ship", "cancel", "reject", "return", "redate")

NOT_IN_STOCK, MISMATCH, DAMAGED = "not-in-stock", "mismatch", "damaged"
REJECT_REASONS = (NOT_IN_STOCK, MISMATCH, DAMAGED)

CANCEL_REST, BACK_ORDER_REST = "cancel", "backorder"
RESTS = (CANCEL_REST, BACK_ORDER_REST)
"""What becomes of the rest of a line that ships short: given up, or owed for a later day."""

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
    rest: str | None = None
    """Of a shipment: what becomes of units that are not in it; given up when it does not say."""
    on: date | None = None
    """Of a new date: the day; the earliest that can be kept when it does not say."""
    strategy: str | None = None
    """Of an allocation: how locations are compared; as before when it does not say."""

    def as_dict(self) -> dict[str, object]:
        """The body that a repeat of the message must agree with."""
        body: dict[str, object] = {
            "id": self.id,
            "lines": [[li.sku, li.quantity, li.location, li.status] for li in self.lines],
            "location": self.location,
            "at": None if self.at is None else self.at.isoformat(),
            "reason": self.reason,
        }
        if self.rest is not None:
            body["rest"] = self.rest
        if self.on is not None:
            body["on"] = self.on.isoformat()
        if self.strategy is not None:
            body["strategy"] = self.strategy
        return body


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
    rests: list[Moved] = field(default_factory=list)
    """Units that nobody is owed any more: cancelled, or left out of a shipment."""
    split_from: dict[int, int] = field(default_factory=dict)
    """By number, for lines that are new: the one that they were part of."""

    def put(self, line: PromisedLine) -> None:
        self.lines = [line if old.line_no == line.line_no else old for old in self.lines]

    def split(self, line: PromisedLine) -> PromisedLine:
        """Append a line with a number of its own."""
        numbered = replace(line, line_no=max(old.line_no for old in self.lines) + 1)
        self.split_from[numbered.line_no] = self.split_from.get(line.line_no, line.line_no)
        self.lines.append(numbered)
        return numbered


def _named(
    lines: Sequence[PromisedLine],
    message: OrderMessage,
    verb: str,
    order: Sequence[PromisedLine],
) -> list[ActLine]:
    """What a message names: bundles exploded, repeats summed; every open SKU when it names none.

    `order`: all lines of it, to tell what was never in it from what is done.
    """
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
        elif any(asked.sku in (line.sku, line.bundle) for line in order):
            problem = f"nothing of '{asked.sku}' is left to {verb} in this order"
            raise InputRejected(problem, field="sku", row=row)
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


def parts_to_locate(
    lines: Sequence[PromisedLine], message: OrderMessage
) -> tuple[Decided, dict[int, str | None]]:
    """Lines split as a message wants to have them located; and by number, where it wishes them.

    Everything that waits on a group is located; what the message does not name, anywhere.
    """
    decided = Decided(list(lines))
    left = {line.line_no: line for line in lines if line.open_units and line.location is None}
    wished: dict[int, str | None] = {}
    waiting = [line for line in lines if line.open_units]
    for asked in _named(waiting, message, "allocate", lines):
        same = [line for line in decided.lines if line.sku == asked.sku]
        units = _quantity(asked, sum(map(_open, same)), message, verb="allocate")
        for line in [left[line.line_no] for line in same if line.line_no in left]:
            part = _part(decided, left, line, min(units, line.open_units))
            if part is not None:
                units -= part.open_units
                wished[part.line_no] = asked.location or message.location
    return decided, wished | dict.fromkeys(left, message.location)


def _part(
    decided: Decided, left: dict[int, PromisedLine], line: PromisedLine, units: int
) -> PromisedLine | None:
    """So many units of a line as a line of their own, taken out of `left`; None for no units."""
    if not units:
        return None
    if units == line.open_units:
        return left.pop(line.line_no)
    rest = replace(line, open_units=line.open_units - units, quantity=line.quantity - units)
    decided.put(rest)
    left[line.line_no] = rest
    part = replace(line, open_units=units, quantity=units, shipped_units=0, returned_units=0)
    return decided.split(part)


def ship(lines: Sequence[PromisedLine], message: OrderMessage) -> Decided:
    """Units leave. The rest of a line that ships short is given up, or waits as a backorder."""
    decided = Decided(list(lines))
    located = _located(lines)
    _check_place(located, message)
    for _, line, units in _taken(decided, message, located, open_units=_open, verb="ship"):
        rest = line.open_units - units
        shipped = replace(line, open_units=0, shipped_units=line.shipped_units + units)
        decided.put(shipped)
        if units:
            decided.moved.append(Moved(line, units))
        if rest:
            decided.rests.append(Moved(shipped, rest))
    return decided


def back_order(decided: Decided, rest: Moved, *, promised_date: date) -> None:
    """The rest of a line that shipped short waits for supply, where its group may have it."""
    line = rest.line
    waiting = replace(
        line,
        location=line.location if line.group is None else None,
        promised_date=promised_date,
        first_promised_date=line.first_promised_date or line.promised_date,
        open_units=rest.units,
        filled_at=None,
        backordered=True,
    )
    if line.quantity == rest.units:
        decided.put(waiting)
        return
    decided.put(replace(line, quantity=line.quantity - rest.units))
    decided.split(replace(waiting, quantity=rest.units, shipped_units=0, returned_units=0))


def cancel(lines: Sequence[PromisedLine], message: OrderMessage) -> Decided:
    """The customer wants less: all that is open is given up, or what the lines name of it."""
    decided = Decided(list(lines))
    waiting = [line for line in lines if line.open_units]
    _check_place(waiting, message)
    for _, line, units in _taken(decided, message, waiting, open_units=_open, verb="cancel"):
        if units:
            decided.put(replace(line, open_units=line.open_units - units))
            decided.rests.append(Moved(line, units))
    return decided


def reject(lines: Sequence[PromisedLine], message: OrderMessage) -> Decided:
    """A location cannot fulfil. Its units go back to the group without it, or are given up."""
    if message.reason not in REJECT_REASONS:
        raise InputRejected(f"must be one of {', '.join(REJECT_REASONS)}", field="reason")
    decided = Decided(list(lines))
    located = _located(lines)
    _check_place(located, message)
    for _, line, units in _taken(decided, message, located, open_units=_open, verb="reject"):
        if units:
            decided.moved.append(Moved(line, units))
            _send_back(decided, line, units)
    return decided


def _located(lines: Sequence[PromisedLine]) -> list[PromisedLine]:
    located = [line for line in lines if line.open_units and line.location is not None]
    if not located:
        raise InputRejected(
            "no line of this order is at a location yet; allocate it first", field="lines"
        )
    return located


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
    shipped = [line for line in lines if _out(line)]
    # The place of a return is where it arrives, not where it left from.
    for asked, line, units in _taken(
        decided, message, shipped, open_units=_out, verb="return", anywhere=True
    ):
        status = asked.status or "inspection"
        if status not in RETURN_STATUSES:
            raise InputRejected(f"must be one of {', '.join(RETURN_STATUSES)}", field="status")
        if units:
            decided.put(replace(line, returned_units=line.returned_units + units))
            at = replace(line, location=asked.location or message.location or line.location)
            decided.moved.append(Moved(at, units, status))
    return decided


def _open(line: PromisedLine) -> int:
    return line.open_units


def _out(line: PromisedLine) -> int:
    """Units that the customer has."""
    return line.shipped_units - line.returned_units


def _taken(
    decided: Decided,
    message: OrderMessage,
    pool: Sequence[PromisedLine],
    *,
    open_units: Callable[[PromisedLine], int],
    verb: str,
    anywhere: bool = False,
) -> Iterator[tuple[ActLine, PromisedLine, int]]:
    """What a message takes of each line in `pool`: the line as it stands by then, and units of it.

    Also lines of which it takes nothing, when what it names was used up by the lines before.
    """
    numbers = {line.line_no for line in pool}
    for asked in _named(pool, message, verb, decided.lines):
        touched = [
            line
            for line in decided.lines
            if line.line_no in numbers
            and open_units(line)
            and (line.sku == asked.sku if anywhere else _at(line, asked, message))
        ]
        left = _quantity(asked, sum(map(open_units, touched)), message, verb=verb)
        for line in touched:
            units = min(left, open_units(line))
            left -= units
            yield asked, line, units


def _quantity(asked: ActLine, open_units: int, message: OrderMessage, *, verb: str) -> int:
    if asked.quantity is None:
        return open_units
    if asked.quantity > open_units:
        problem = f"cannot {verb} {asked.quantity} of '{asked.sku}': {open_units} are open for it"
        # Of a bundle it is the component that there is too little of: no row names it.
        rows = [row for row, line in enumerate(message.lines) if line.sku == asked.sku]
        raise InputRejected(problem, field="quantity", row=rows[-1] if rows else None)
    return asked.quantity


def state_after(state: str, lines: Sequence[PromisedLine], *, before: str) -> str:
    """An order stays where it was while units are open; with none shipped it was cancelled."""
    if state in ("shipped", "cancelled"):
        if any(line.open_units for line in lines):
            return before
        return "shipped" if any(line.shipped_units for line in lines) else "cancelled"
    return state
