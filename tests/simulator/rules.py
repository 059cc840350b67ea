"""What each command must do to the promises on paper, and what the engine must answer."""

from datetime import timedelta

from tests.simulator import shares
from tests.simulator.order_rules import ALLOWED, act, found, must
from tests.simulator.promisable import DAYS
from tests.simulator.shelves import ORDER_SECONDS, TERMS, Line, Promise, Refused
from tests.simulator.stock_rules import STOCK_RULES

UNDONE = ("ship", "redate")
"""What is refused half way."""

CONFIRMED = ("confirmed", "allocated", "processed", "shipped", "rejected")


def apply(model, command, observed):
    """Carry out a command. `observed`: the engine's answer, where it has a choice."""
    key = (command.scope, command.id)
    if command.once and key in model.answered:
        body, outcome = model.answered[key]
        return outcome if body == command.body else ("refused", "IdempotencyConflict")
    before = model.copy() if command.kind in UNDONE else None
    try:
        outcome = RULES[command.kind](model, command, observed)
    except Refused as refused:
        outcome = refused.outcome
        if before is not None:
            vars(model).update(vars(before))
    if command.once:
        model.answered[key] = command.body, outcome
    model.note_what_is_there()
    return outcome


# Promises -----------------------------------------------------------------------------------


def place(model, command, _observed):
    asked, now = command.body, command.now
    if asked["on"] is not None and asked["on"] < now.date():
        raise Refused("InputRejected", "on")
    return _promise(model, command.id, asked, now)


def _promise(model, name, asked, now):
    view = asked["channel"], asked["method"]
    soft = asked["kind"] == "soft"

    def atp(sku, at, extra):
        if sku == model.shop.p:
            return shares.ahead(model, view[0], now)
        return model.atp(sku, at, view, now, extra=extra, soft=soft)

    grants = (_partly if asked["partial"] else _in_full)(model, asked, atp, now)
    whole = not soft and asked["order"] is not None and asked["ttl"] is None
    life = asked["ttl"] or (TERMS[view[0]][0] if soft else ORDER_SECONDS)
    model.promises[name] = Promise(
        asked["kind"], "confirmed" if whole else "active", *view,
        None if whole else now + timedelta(seconds=life), asked["order"], now, asked["priority"],
        [_line(model, grant) for grant in grants],
    )  # fmt: skip
    return ("ok", model.promises[name].state, *model.lines(name, now))


def _line(model, grant):
    sku, at, day, units, asked, bundle, bundle_units = grant
    group = at if at in model.shop.groups else None
    return Line(sku, units, day, None if group else at, group, open=units, asked=asked,
                bundle=bundle, bundle_units=bundle_units)  # fmt: skip


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
    for number, (sku, units, at) in enumerate(asked["lines"], start=1):
        day = _day(asked, (sku, together[sku, at], at), atp, now)
        of = (number, sku, units) if sku == model.shop.c else (number, None, 0)
        for part, n in model.shop.parts(sku).items():
            grants.append((part, at, now.date() + timedelta(days=day), n * units, *of))
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
    for number, (sku, units, at) in enumerate(asked["lines"], start=1):
        day = _day(asked, (sku, units, at), atp, now, extra)
        available = atp(sku, at, extra)[day]
        granted = min(units, available)
        if not granted:
            short.append((sku, at, units, available))
            continue
        day = _day(asked, (sku, granted, at), atp, now, extra)
        promised_on = now.date() + timedelta(days=day)
        of = (number, sku, granted) if sku == model.shop.c else (number, None, 0)
        for part, n in model.shop.parts(sku).items():
            grants.append((part, at, promised_on, n * granted, *of))
            extra.append(_extra(model, part, at, promised_on, n * granted))
    if not grants:
        raise Refused("InsufficientStock", *sorted(short))
    return grants


def _extra(model, sku, at, day, units):
    """Units taken by an earlier line of the basket."""
    group = at if at in model.shop.groups else None
    return (sku, None if group else at, group, day, units)


def confirm(model, command, _observed):
    name, promise, state = found(model, command)
    order = command.body["order"]
    if state in CONFIRMED and order == promise.order:
        return ("ok", state, *model.lines(name, command.now))
    must(state, ("active",))
    promise.state, promise.order, promise.expires_at = "confirmed", order, None
    return ("ok", "confirmed", *model.lines(name, command.now))


def reacquire(model, command, observed):
    """An expired hold is promised anew, under a name of its own, and confirmed at once."""
    name, promise, state = found(model, command)
    if state != "expired":
        return confirm(model, command, observed)
    again, order, now = f"{name}-again", command.body["order"], command.now
    if again in model.promises:
        if model.promises[again].order != order:
            raise Refused("StateConflict")
        return ("ok", model.promises[again].state, *model.lines(again, now))
    lines, bundles = [], set()
    for line in promise.lines:
        if line.bundle is None:
            lines.append((line.sku, line.quantity, line.location or line.group))
        elif line.asked not in bundles:
            bundles.add(line.asked)
            lines.append((line.bundle, line.bundle_units, line.location or line.group))
    last_day = max(line.day for line in promise.lines)
    asked = {"kind": promise.kind, "channel": promise.channel, "method": promise.method,
             "lines": lines, "on": last_day if last_day > now.date() else None, "partial": False,
             "ttl": None, "order": order, "priority": promise.priority}  # fmt: skip
    _promise(model, again, asked, now)
    promised = model.promises[again]
    promised.state, promised.expires_at = "confirmed", None
    return ("ok", "confirmed", *model.lines(again, now))


def extend(model, command, _observed):
    name, promise, state = found(model, command)
    must(state, ("active",))
    promise.expires_at = command.now + timedelta(seconds=command.body["seconds"])
    return ("ok", "active", *model.lines(name, command.now))


def release(model, command, _observed):
    name, promise, state = found(model, command)
    must(state, ("active", "released"))
    promise.state = "released"
    for line in promise.lines:
        line.open = 0
    return ("ok", "released", *model.lines(name, command.now))


def source(model, command, observed):
    """The engine chooses the locations: members of the group, each with what it takes."""
    asked, now = command.body, command.now
    view, group = (asked["channel"], asked["method"]), asked["group"]
    if observed[0] == "refused":
        assert observed[1] == "InsufficientStock", observed
        assert model.nobody_waits(asked["lines"]) is False or any(
            model.atp(sku, group, view, now)[0] < units for sku, units in asked["lines"]
        ), "there was enough"
        raise Refused(*observed[1:])
    sums, taken, lines = {}, [], []
    for _, sku, at, day, units, *_ in observed[2:]:
        assert at in model.shop.members(group), at
        index = (day - now.date()).days
        # Of what is left beside the lines before: as a member of the group, and as promises go.
        assert units <= model.atp(sku, at, view, now, extra=taken, member=True)[index]
        taken.append((sku, at, None, day, units))
        sums[sku] = sums.get(sku, 0) + units
        lines.append(Line(sku, units, day, at, group, open=units, asked=len(lines) + 1))
    assert sums == dict(asked["lines"]), sums
    model.promises[command.id] = Promise(
        "hard", "confirmed", *view, None, asked["order"], now, 0, lines
    )  # fmt: skip
    return ("ok", "confirmed", *model.lines(command.id, now))


def nothing(*_):
    return ("ok",)


RULES = {
    "place": place, "confirm": confirm, "reacquire": reacquire, "extend": extend,
    "release": release, "source": source, **dict.fromkeys(ALLOWED, act),
    **STOCK_RULES, "sweep": nothing, "tell": nothing,
}  # fmt: skip
