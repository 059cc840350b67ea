"""What each message about stock does to the shelves on paper, and what the engine must answer."""

from tests.simulator.shares import Link, Offer
from tests.simulator.shelves import SELLABLE, Refused, Said

FULL_SHARE_MIN = 0.5


def feed(model, command, _observed):
    """Outcome of every row. A row that is repeated does nothing; a broken one waits."""
    message, now = command.body, command.now
    outcomes, stated = [], []
    for row in message["rows"]:
        body = (message["mode"], message["basis"], *row[1:])
        if row[1] not in model.known:
            outcomes.append("quarantined")
            model.waiting[row[0], body] = None
            continue
        stated.append(row)
        known = model.rows_seen.setdefault(row[0], body)
        fresh = known is body
        outcomes.append("fresh" if fresh else "duplicate" if known == body else "quarantined")
        if not fresh and known != body:
            model.waiting[row[0], body] = None
    for i, row in enumerate(message["rows"]):
        if outcomes[i] == "fresh":
            outcomes[i] = _take_row(model, message, row, now)
    if message["full"] and stated:
        _zero_absent(model, message, stated, now)
    return ("ok", *outcomes)


def _take_row(model, message, row, now):
    _, sku, at, units, told_at, sequence = row
    key, moment = (sku, at, SELLABLE), min(told_at, now)
    if message["mode"] == "delta":
        return model.change(key, units, moment)
    open_hard = model.open_hard(sku, at, now) if message["basis"] == "net" else 0
    return model.count(
        key, units, moment, sequence=sequence or 0, basis=message["basis"], open_hard=open_hard
    )


def _zero_absent(model, message, stated, now):
    location = message["location"]
    file = message["feed"], location
    last = model.full_rows.get(file)
    if last is not None and len(message["rows"]) < FULL_SHARE_MIN * last:
        return
    model.full_rows[file] = len(message["rows"])
    at, sequence = max((min(row[4], now), row[5] or 0) for row in stated)
    told = Said(True, 0, at, sequence, 0, message["basis"])
    model.full_told[location] = max(
        model.full_told.get(location, told), told, key=lambda said: said.rank
    )
    listed = {row[1] for row in message["rows"]}
    for sku in sorted(model.known - listed):
        key = (sku, location, SELLABLE)
        if key in model.said:
            open_hard = model.open_hard(sku, location, now) if message["basis"] == "net" else 0
            model.count(key, 0, at, sequence=sequence, basis=message["basis"], open_hard=open_hard)


def reset(model, command, _observed):
    """The day begins at a store: all of its counts as of one moment, or nothing."""
    body, now = command.body, command.now
    rows = [(f"{command.id}:{n}", sku, body["location"], units + (picked or 0), body["at"], None)
            for n, (sku, units, picked) in enumerate(body["rows"], start=1)]  # fmt: skip
    message = {"mode": "snapshot", "basis": body["basis"], "location": body["location"],
               "feed": f"day-{model.shop.name}", "rows": rows}  # fmt: skip
    for row in rows:
        if row[1] not in model.known:
            raise Refused("InputRejected", "sku")
    last = model.full_rows.get((message["feed"], message["location"]))
    if last is not None and len(rows) < FULL_SHARE_MIN * last:
        raise Refused("InputRejected", "rows")
    outcomes = [_take_row(model, message, row, now) for row in rows]
    for row in rows:
        model.rows_seen[row[0]] = ("snapshot", body["basis"], *row[1:])
    _zero_absent(model, message, rows, now)
    counts = sorted((what, outcomes.count(what)) for what in set(outcomes))
    flying = sum(line.open for _, line in model.live_lines(now)
                 if line.location == body["location"])  # fmt: skip
    return ("ok", tuple(counts), flying)


def introduce(model, _command, _observed):
    model.known.add(model.shop.late)
    return ("ok",)


def replay(model, command, _observed):
    """Rows that waited go in if what kept them out is mended: once, whatever came meanwhile."""
    went_in = []
    for (row_id, body), _ in list(model.waiting.items()):
        mode, basis, *row = body
        if row[0] not in model.known:
            continue
        known = model.rows_seen.setdefault(row_id, body)
        if known is body:
            message = {"mode": mode, "basis": basis}
            _take_row(model, message, (row_id, *row), command.now)
            went_in.append(row_id)
        if known == body:
            del model.waiting[row_id, body]
    return ("ok", *sorted(went_in))


def link(model, command, _observed):
    body = command.body
    key = body["sku"], body["location"]
    if body["withdrawn"]:
        if model.links.pop(key, None) is None:
            raise Refused("NotFound")
    else:
        model.links[key] = Link(body["ratio"], body["reserve"], body["starts"], body["ends"])
    return ("ok",)


def offer(model, command, _observed):
    body = command.body
    model.offer = Offer(body["on"], body["cap"], body["web_cap"], body["ends"])
    return ("ok",)


def approve(model, command, _observed):
    """What awaits approval becomes sellable, or is refused."""
    body = command.body
    item = model.inbound.get(body["of"])
    if item is None:
        raise Refused("NotFound")
    if item["awaiting"] < (body["units"] or 1):
        raise Refused("InputRejected", "quantity")
    units = body["units"] or item["awaiting"]
    place = item["sku"], item["location"]
    here, there = (*place, "inspection"), (*place, body["status"])
    at = model.moment({here, there, (*place, SELLABLE)}, command.now)
    if model.units(here) < units:
        raise Refused("InputRejected", "quantity")
    model.change(here, -units, at)
    model.change(there, units, at)
    item["awaiting"] -= units
    return ("ok", units, item["awaiting"])


def correct(model, command, _observed):
    body = command.body
    key = (body["sku"], body["location"], body["status"])
    at = model.moment([key], command.now)
    if body["delta"] is None:
        return ("ok", model.count(key, body["quantity"], at), model.units(key))
    if body["delta"] < 0 and model.units(key) + body["delta"] < 0:
        raise Refused("InputRejected", "delta")
    return ("ok", model.change(key, body["delta"], at), model.units(key))


def move(model, command, _observed):
    body = command.body
    ends = [(body["sku"], body["location"], body[end]) for end in ("from", "to")]
    if model.units(ends[0]) < body["units"]:
        raise Refused("InputRejected", "quantity")
    at = model.moment(ends, command.now)
    model.change(ends[0], -body["units"], at)
    model.change(ends[1], body["units"], at)
    return ("ok", *(model.units(end) for end in ends))


def announce(model, command, _observed):
    """Supply that is on its way, or a change of it: its day, its units, its state."""
    body = command.body
    item = model.inbound.get(body["of"])
    received = item["received"] if item else 0
    if body["units"] < received:
        raise Refused("InputRejected", "quantity")
    rest = body["units"] - received
    done = rest == 0 and received and body["state"] != "cancelled"
    model.inbound[body["of"]] = {
        "sku": body["sku"], "location": body["location"], "rest": rest, "received": received,
        "expected_at": body["expected_at"], "state": "received" if done else body["state"],
        "awaiting": item["awaiting"] if item else 0,
    }  # fmt: skip
    return ("ok", rest, model.inbound[body["of"]]["state"])


def receive(model, command, _observed):
    body = command.body
    item = model.inbound.get(body["of"])
    if item is None:
        raise Refused("NotFound")
    if item["state"] not in ("planned", "confirmed", "shipped"):
        raise Refused("StateConflict")
    if body["units"] > item["rest"]:
        raise Refused("InputRejected", "quantity")
    item["rest"] -= body["units"]
    item["received"] += body["units"]
    item["state"] = item["state"] if item["rest"] else "received"
    status = body["status"]
    if status == SELLABLE and model.shop.approves(item["location"]):
        status = "inspection"
        item["awaiting"] += body["units"]
    key = (item["sku"], item["location"], status)
    told_at = body["at"]
    at = model.moment([key], command.now) if told_at is None else min(told_at, command.now)
    outcome = model.change(key, body["units"], at)
    return ("ok", outcome, item["rest"], item["state"])


def withhold(model, command, _observed):
    """A buffer rule is written, or (no units) removed."""
    body = command.body
    key = (body["sku"], body["location"], body["method"])
    before = model.buffers.pop(key, None)
    if body["units"] is None:
        if before is None:
            raise Refused("NotFound")
    else:
        model.buffers[key] = body["units"]
    return ("ok",)


STOCK_RULES = {
    "feed": feed, "correct": correct, "move": move, "announce": announce, "receive": receive,
    "withhold": withhold, "approve": approve, "reset": reset, "introduce": introduce,
    "replay": replay, "link": link, "offer": offer,
}  # fmt: skip
