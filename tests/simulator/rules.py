"""What each command must do to the promises on paper, and what the engine must answer."""

from dataclasses import replace
from datetime import timedelta

from tests.simulator.model import ORDER_SECONDS, SELLABLE, TERMS, Line, Promise, Refused
from tests.simulator.promisable import DAYS, connected, lacking
from tests.simulator.stock_rules import STOCK_RULES

CONFIRMED = ("confirmed", "allocated", "processed", "shipped", "rejected")
ALLOWED = {
    "allocate": ("confirmed", "allocated", "rejected"),
    "process": ("allocated",),
    "ship": ("allocated", "processed"),
    "cancel": ("confirmed", "allocated", "processed", "rejected"),
    "reject": ("confirmed", "allocated", "processed"),
    "return": ("shipped",),
}


def apply(model, command, observed):
    """Carry out a command. `observed`: the engine's answer, where it has a choice."""
    key = (command.scope, command.id)
    if command.once and key in model.answered:
        body, outcome = model.answered[key]
        return outcome if body == command.body else ("refused", "IdempotencyConflict")
    try:
        outcome = RULES[command.kind](model, command, observed)
    except Refused as refused:
        outcome = refused.outcome
    if command.once:
        model.answered[key] = command.body, outcome
    model.note_what_is_there()
    return outcome


# Promises -----------------------------------------------------------------------------------


def place(model, command, _observed):
    asked, now = command.body, command.now
    if asked["on"] is not None and asked["on"] < now.date():
        raise Refused("InputRejected", "on")
    view = asked["channel"], asked["method"]
    soft = asked["kind"] == "soft"

    def atp(sku, at, extra):
        return model.atp(sku, at, view, now, extra=extra, soft=soft)

    grants = (_partly if asked["partial"] else _in_full)(model, asked, atp, now)
    whole = not soft and asked["order"] is not None and asked["ttl"] is None
    life = asked["ttl"] or (TERMS[view[0]][0] if soft else ORDER_SECONDS)
    model.promises[command.id] = Promise(
        asked["kind"], "confirmed" if whole else "active", *view,
        None if whole else now + timedelta(seconds=life), asked["order"],
        [_line(model, sku, at, day, units) for sku, at, day, units in grants],
    )  # fmt: skip
    return ("ok", model.promises[command.id].state, *model.lines(command.id, now))


def _line(model, sku, at, day, units):
    group = at if at in model.shop.groups else None
    return Line(sku, units, day, None if group else at, group, open=units)


def _day(asked, line, atp, now, extra=()):
    """Index of the day that so many of a SKU at a place are for."""
    sku, units, at = line
    if asked["on"] is not None:
        return (asked["on"] - now.date()).days
    if asked["kind"] != "preorder":
        return 0
    found = atp(sku, at, extra)
    return next((t for t in range(DAYS) if found[t] >= units), DAYS - 1)


def _in_full(model, asked, atp, now):
    together = {}
    for sku, units, at in asked["lines"]:
        together[sku, at] = together.get((sku, at), 0) + units
    grants, sums = [], {}
    for sku, units, at in asked["lines"]:
        day = _day(asked, (sku, together[sku, at], at), atp, now)
        for part, n in model.shop.parts(sku).items():
            grants.append((part, at, now.date() + timedelta(days=day), n * units))
            sums[part, at, day] = sums.get((part, at, day), 0) + n * units
    extra, short = [], []
    for (sku, at, day), units in sums.items():
        available = atp(sku, at, extra)[day]
        if units <= available:
            extra.append(_extra(model, sku, at, now.date() + timedelta(days=day), units))
        else:
            short.append((sku, at, units, available))
    if short:
        raise Refused("InsufficientStock", *sorted(short))
    return grants


def _partly(model, asked, atp, now):
    grants, extra, short = [], [], []
    for sku, units, at in asked["lines"]:
        day = _day(asked, (sku, units, at), atp, now, extra)
        available = atp(sku, at, extra)[day]
        granted = min(units, available)
        if not granted:
            short.append((sku, at, units, available))
            continue
        day = _day(asked, (sku, granted, at), atp, now, extra)
        promised_on = now.date() + timedelta(days=day)
        for part, n in model.shop.parts(sku).items():
            grants.append((part, at, promised_on, n * granted))
            extra.append(_extra(model, part, at, promised_on, n * granted))
    if not grants:
        raise Refused("InsufficientStock", *sorted(short))
    return grants


def _extra(model, sku, at, day, units):
    """Units taken by an earlier line of the basket."""
    group = at if at in model.shop.groups else None
    return (sku, None if group else at, group, day, units)


def _found(model, command):
    name = command.body["of"]
    if name not in model.promises:
        raise Refused("NotFound")
    return name, model.promises[name], model.state(name, command.now)


def _must(state, allowed):
    if state == "expired":
        raise Refused("ReservationExpired")
    if state not in allowed:
        raise Refused("StateConflict")


def confirm(model, command, _observed):
    name, promise, state = _found(model, command)
    order = command.body["order"]
    if state in CONFIRMED and order == promise.order:
        return ("ok", state, *model.lines(name, command.now))
    _must(state, ("active",))
    promise.state, promise.order, promise.expires_at = "confirmed", order, None
    return ("ok", "confirmed", *model.lines(name, command.now))


def extend(model, command, _observed):
    name, promise, state = _found(model, command)
    _must(state, ("active",))
    promise.expires_at = command.now + timedelta(seconds=command.body["seconds"])
    return ("ok", "active", *model.lines(name, command.now))


def release(model, command, _observed):
    name, promise, state = _found(model, command)
    _must(state, ("active", "released"))
    promise.state = "released"
    for line in promise.lines:
        line.open = 0
    return ("ok", "released", *model.lines(name, command.now))


# Orders -------------------------------------------------------------------------------------


def act(model, command, observed):
    name, promise, state = _found(model, command)
    verb = command.kind
    _must(state, ALLOWED[verb])
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
        assert _lacked(model, sku, command.now) <= units, "locating took what others need"
    return "allocated"


def _locate(model, promise, line, first, others):
    """Give the line the place the engine chose, and as many of the new lines as make it whole."""
    members = set(model.shop.members(line.group)) - line.excluded
    whole, left, part = replace(line), line.open, first
    while True:
        sku, at, day, units, *_ = part
        assert (sku, at in members) == (line.sku, True), f"{whole} at {at}"
        assert day == line.day or (promise.kind == "preorder" and day < line.day), f"{whole}: {day}"
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
    told_at = command.body["at"]
    at = command.now if told_at is None else min(told_at, command.now)
    for lines, units in _named(waiting, command, _open):
        for line, shipped in list(_spread(lines, units, _open)):
            line.open, line.shipped = 0, line.shipped + shipped
            if shipped:
                key = (line.sku, line.location, SELLABLE)
                model.change(key, -shipped, at, of_order=True)


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
    "reject": _reject, "return": _return,
}  # fmt: skip


def nothing(*_):
    return ("ok",)


RULES = {
    "place": place, "confirm": confirm, "extend": extend, "release": release,
    **dict.fromkeys(ORDER_ACTS, act),
    **STOCK_RULES, "sweep": nothing, "tell": nothing,
}  # fmt: skip
