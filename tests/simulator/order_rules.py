"""What each act on an order must do to its promise on paper, and what the engine must answer."""

from dataclasses import replace
from datetime import timedelta

from tests.simulator.promisable import DAYS, connected, lacking
from tests.simulator.shelves import SELLABLE, Refused

ALLOWED = {
    "allocate": ("confirmed", "allocated", "rejected"),
    "process": ("allocated",),
    "ship": ("allocated", "processed"),
    "cancel": ("confirmed", "allocated", "processed", "rejected"),
    "reject": ("confirmed", "allocated", "processed"),
    "return": ("shipped",),
    "redate": ("confirmed", "allocated", "rejected"),
}


def found(model, command):
    """The promise that a command speaks of: its name, itself, its state."""
    name = command.body["of"]
    if name not in model.promises:
        raise Refused("NotFound")
    return name, model.promises[name], model.state(name, command.now)


def must(state, allowed):
    """Refuse what the state does not allow."""
    if state == "expired":
        raise Refused("ReservationExpired")
    if state not in allowed:
        raise Refused("StateConflict")


def act(model, command, observed):
    name, promise, state = found(model, command)
    verb = command.kind
    must(state, ALLOWED[verb])
    if state == "rejected" and not any(line.open for line in promise.lines):
        raise Refused("StateConflict")
    reached = ORDER_ACTS[verb](model, promise, command, observed)
    if verb in ("ship", "cancel"):
        if any(line.open for line in promise.lines):
            reached = state
        else:
            reached = "shipped" if any(line.shipped for line in promise.lines) else "cancelled"
    promise.state = reached
    return ("ok", reached, *model.lines(name, command.now))


def _allocate(model, promise, command, observed):
    """The engine may choose the locations: each must be a member, and every promise kept."""
    waiting = [line for line in promise.lines if line.open and line.location is None]
    if not waiting:
        return "allocated"
    if observed[0] == "refused":
        assert observed[1] == "InsufficientStock", observed
        assert not all(_can_be_located(model, line, command.now) for line in waiting), observed
        raise Refused(*observed[1:])
    lacked = {line.sku: _lacked(model, line.sku, command.now) for line in waiting}
    told = {number: rest for number, *rest in observed[2:]}
    parts = [told[number] for number in sorted(told) if number > len(promise.lines)]
    for number, line in enumerate(list(promise.lines), start=1):
        assert number in told, f"line {number} is gone"
        if line in waiting:
            _locate(model, promise, line, told[number], parts)
    for sku, units in lacked.items():
        # What is lost already is dealt out in turn, whole promises first come, first served.
        assert units or not _lacked(model, sku, command.now), "locating took what others need"
    return "allocated"


def _locate(model, promise, line, first, others):
    """Give the line the place the engine chose, and as many of the new lines as make it whole."""
    members = set(model.shop.members(line.group)) - line.excluded
    whole, left, part = replace(line), line.open, first
    while True:
        sku, at, day, units, *_ = part
        assert (sku, at in members) == (line.sku, True), f"{whole} at {at}"
        assert day == line.day or (promise.waits and day < line.day), f"{whole}: {day}"
        line.day = whole.day = day
        assert 0 < units <= left, f"{units} of {whole}"
        left -= units
        if part is first:
            line.location, line.open = at, units
        else:
            line.quantity -= units
            promise.lines.append(replace(whole, location=at, open=units, quantity=units,
                                         shipped=0, returned=0))  # fmt: skip
        if left == 0:
            return
        assert others, f"{whole} is not located in full"
        part = others.pop(0)


def _lacked(model, sku, now):
    """Units promised of a SKU for which there is nothing, buffers aside."""
    positions = model.positions(sku, None, (), now, buffers=False)
    net = {at: [max(0, p.raw(t)) for t in range(DAYS)] for at, p in positions.items()}
    return sum(p.short for p in positions.values()) + lacking(net, model.holds(sku, (), now))


def _can_be_located(model, line, now):
    positions = model.positions(line.sku, None, (), now, buffers=False)
    if any(p.short for p in positions.values()):
        return False
    net = {at: [p.net(t) for t in range(DAYS)] for at, p in positions.items()}
    members = frozenset(model.shop.members(line.group)) - line.excluded
    near = connected(model.holds(line.sku, (), now), members)
    return bool(members) and lacking(net, near) == 0


def _process(*_):
    return "processed"


def _named(lines, command, units_of):
    """(lines, units) for each SKU that a message names; all of each when it names none."""
    named = command.body["lines"]
    if not named:
        return [([li for li in lines if li.sku == sku], None)
                for sku in dict.fromkeys(li.sku for li in lines)]  # fmt: skip
    found = []
    for sku, units in named:
        touched = [line for line in lines if line.sku == sku]
        if not touched:
            raise Refused("InputRejected", "sku")
        if units > sum(units_of(line) for line in touched):
            raise Refused("InputRejected", "quantity")
        found.append((touched, units))
    return found


def _spread(lines, units, units_of):
    """Units over lines, in their order."""
    left = sum(units_of(line) for line in lines) if units is None else units
    for line in lines:
        taken = min(left, units_of(line))
        left -= taken
        yield line, taken


def _open(line):
    return line.open


def _ship(model, promise, command, _observed):
    waiting = [line for line in promise.lines if line.open]
    if any(line.location is None for line in waiting):
        waiting = [line for line in waiting if line.location]
    if not waiting:
        raise Refused("InputRejected", "lines")
    told_at = command.body["at"]
    at = command.now if told_at is None else min(told_at, command.now)
    rests = []
    for lines, units in _named(waiting, command, _open):
        for line, shipped in list(_spread(lines, units, _open)):
            rests.append((line, line.open - shipped))
            line.open, line.shipped = 0, line.shipped + shipped
            if shipped:
                place = (line.sku, line.location)
                model.change((*place, SELLABLE), -shipped, at, of_order=True)
                promise.left[place] = max(at, promise.left.get(place, at))
    if command.body["rest"] == "backorder":
        for line, units in rests:
            if units:
                _owe(model, promise, line, units, command.now)


def _owe(model, promise, line, units, now):
    """The rest waits for the first day that has it, wherever its group may take it from."""
    rest = replace(line, location=None if line.group else line.location, filled=False,
                   backordered=True)  # fmt: skip
    day, _ = _first_day(model, rest, units, now)
    if day is None:
        raise Refused("InsufficientStock", (rest.sku, rest.group or rest.location, units, 0))
    rest.day, rest.open, rest.quantity = now.date() + timedelta(days=day), units, units
    if line.quantity == units:
        vars(line).update(vars(rest))
        return
    line.quantity -= units
    rest.shipped = rest.returned = 0
    promise.lines.append(rest)


def _first_day(model, line, units, now, on=None):
    """The first day (or that day) on which a line finds so many units; what the last one has."""
    asked = [line.location] if line.location else model.shop.members(line.group)
    free = model.room(line.sku, frozenset(asked) - line.excluded if line.group else
                      frozenset(asked), now)  # fmt: skip
    days = range(DAYS) if on is None else [(on - now.date()).days]
    day = next((t for t in days if free[t] >= units), None)
    return day, max(0, free[days[-1]])


def _redate(model, promise, command, _observed):
    """Lines are taken out, and come back one after the other on the first day that has room."""
    named, now, on = {sku for sku, _ in command.body["lines"]}, command.now, command.body["on"]
    lines = [line for line in promise.lines if line.open and (not named or line.sku in named)]
    if named - {line.sku for line in lines}:
        raise Refused("InputRejected", "lines")
    units = [line.open for line in lines]
    for line in lines:
        line.open = 0
    together = {}
    for line, open_units in zip(lines, units, strict=True):
        key = (line.asked, line.bundle) if line.bundle else id(line)
        together.setdefault(key, []).append((line, open_units))
    for parts in together.values():
        days = []
        for line, n in parts:
            day, most = _first_day(model, line, n, now, on)
            if day is None:
                raise Refused("InsufficientStock",
                              (line.sku, line.location or line.group, n, most))  # fmt: skip
            days.append(now.date() + timedelta(days=day))
        for line, n in parts:
            line.filled = line.filled and max(days) <= line.day
            line.open, line.day = n, max(days)
    return promise.state


def _cancel(_model, promise, command, _observed):
    waiting = [line for line in promise.lines if line.open]
    for lines, units in _named(waiting, command, _open):
        for line, given_up in list(_spread(lines, units, _open)):
            line.open -= given_up


def _reject(model, promise, command, _observed):
    located = [line for line in promise.lines if line.open and line.location]
    if not located:
        raise Refused("InputRejected", "lines")
    moved = []
    for lines, units in _named(located, command, _open):
        moved += [(line, n, line.location) for line, n in list(_spread(lines, units, _open)) if n]
    shelves = {(line.sku, at, SELLABLE) for line, _, at in moved}
    seen_at = model.moment(shelves, command.now)
    reason = command.body["reason"]
    if reason == "not-in-stock":
        for key in shelves:
            if (units := model.units(key)) > 0:
                model.change(key, -units, seen_at)
    else:
        for line, units, at in moved:
            model.change((line.sku, at, SELLABLE), -units, seen_at)
            if reason == "damaged":
                model.change((line.sku, at, "defective"), units, seen_at)
    for line, units, _ in moved:
        _send_back(promise, line, units)
    return "rejected"


def _send_back(promise, line, units):
    if line.group is None:
        line.open -= units
        return
    excluded = line.excluded | {line.location}
    if units == line.quantity:
        line.location, line.excluded = None, excluded
        return
    line.open -= units
    line.quantity -= units
    promise.lines.append(
        replace(line, location=None, excluded=excluded, open=units, quantity=units, shipped=0,
                returned=0)
    )  # fmt: skip


def _return(model, promise, command, _observed):
    def out(line):
        return line.shipped - line.returned

    shipped = [line for line in promise.lines if out(line)]
    for lines, units in _named(shipped, command, out):
        for line, back in list(_spread(lines, units, out)):
            line.returned += back
            if back:
                key = (line.sku, line.location, command.body["status"])
                model.change(key, back, command.now)
    return "shipped"


ORDER_ACTS = {
    "allocate": _allocate, "process": _process, "ship": _ship, "cancel": _cancel,
    "reject": _reject, "return": _return, "redate": _redate,
}  # fmt: skip
