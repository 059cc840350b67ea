"""What each message about stock does to the shelves on paper, and what the engine must answer."""

from tests.simulator.model import SELLABLE, Refused

FULL_SHARE_MIN = 0.5


def feed(model, command, _observed):
    """Outcome of every row. A row that is repeated does nothing; a broken one waits."""
    message, now = command.body, command.now
    outcomes, stated = [], []
    for row in message["rows"]:
        body = (message["mode"], message["basis"], *row[1:])
        if row[1] not in model.shop.loose:
            outcomes.append("quarantined")
            model.waiting[body] = row[0]
            continue
        stated.append(row)
        known = model.rows_seen.setdefault(row[0], body)
        fresh = known is body
        outcomes.append("fresh" if fresh else "duplicate" if known == body else "quarantined")
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
    return model.count(key, units, moment, sequence=sequence or 0, basis=message["basis"],
                       open_hard=open_hard)  # fmt: skip


def _zero_absent(model, message, stated, now):
    location = message["location"]
    last = model.full_rows.get(location)
    if last is not None and len(message["rows"]) < FULL_SHARE_MIN * last:
        return
    model.full_rows[location] = len(message["rows"])
    at, sequence = max((min(row[4], now), row[5] or 0) for row in stated)
    for sku in model.shop.loose:
        if sku not in {row[1] for row in message["rows"]}:
            open_hard = model.open_hard(sku, location, now) if message["basis"] == "net" else 0
            model.count((sku, location, SELLABLE), 0, at, sequence=sequence,
                        basis=message["basis"], open_hard=open_hard)  # fmt: skip


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
    key = (item["sku"], item["location"], body["status"])
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
    "withhold": withhold,
}  # fmt: skip
