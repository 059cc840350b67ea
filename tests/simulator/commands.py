"""The commands of the workload: drawn from a seed, sent to the real engine, and told alike."""

from dataclasses import dataclass, replace
from datetime import date, timedelta

from inventory.catalog import BufferRule
from inventory.errors import InputRejected, InsufficientStock, VouchError
from inventory.orders import ActLine, OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    announcements,
    catalog,
    feeds,
    idempotency,
    inbound,
    orders,
    reservations,
    stock,
)
from tests.simulator.rules import ALLOWED

SOURCE = "simulator"
ONCE = {"place": "place", "correct": "correction", "move": "move", "receive": "inbound",
        **dict.fromkeys(ALLOWED, "orders")}  # fmt: skip
"""Commands with an id of their own: one id, one outcome for ever."""


@dataclass(frozen=True)
class Command:
    """One request of a client. A repeat has the same id and body, and a later clock."""

    kind: str
    id: str
    now: object
    body: dict

    @property
    def once(self):
        return self.kind in ONCE

    @property
    def scope(self):
        return ONCE.get(self.kind)

    def again(self, now):
        return replace(self, now=now)


# Sent ---------------------------------------------------------------------------------------


def send(db, command):
    """The engine's answer, in the words of the model."""
    try:
        return SEND[command.kind](db, command)
    except InsufficientStock as error:
        short = sorted((s.sku, s.place, s.asked_units, s.available_units) for s in error.shortages)
        return ("refused", "InsufficientStock", *short)
    except InputRejected as error:
        return ("refused", type(error).__name__, error.field)
    except VouchError as error:
        return ("refused", type(error).__name__)


def _body_lines(response):
    entries = [part for line in response["lines"] for part in line.get("components", [line])]
    return sorted(
        (li["line"], li["sku"], li.get("location") or li["group"],
         date.fromisoformat(li["promised_date"]), li["open"], li["shipped"], li.get("returned", 0))
        for li in entries
    )  # fmt: skip


def told_lines(reservation):
    return sorted(
        (li.line_no, li.sku, li.location or li.group, li.promised_date, li.open_units,
         li.shipped_units, li.returned_units)
        for li in reservation.lines
    )  # fmt: skip


def _place(db, command):
    asked = command.body
    groups = [at for _, _, at in asked["lines"] if at.endswith(("-near", "-far"))]
    lines = tuple(AskedLine(s, n, None if at in groups else at) for s, n, at in asked["lines"])
    basket = Basket(
        asked["kind"], asked["channel"], asked["method"], lines,
        group=groups[0] if groups else None, on=asked["on"], ttl_seconds=asked["ttl"],
        allow_partial=asked["partial"], order_id=asked["order"],
    )  # fmt: skip

    def act():
        made = reservations.place(db, basket, reservation_id=command.id, now=command.now)
        return made.as_dict()

    done = idempotency.once(
        db, scope="place", key=command.id, body=asked, now=command.now, act=act
    ).response
    return ("ok", done["state"], *_body_lines(done))


def _hold(act):
    def sent(db, command):
        done = act(db, command)
        return ("ok", done.state, *told_lines(done))

    return sent


def _act(db, command):
    body = command.body
    message = OrderMessage(
        command.id,
        tuple(ActLine(sku, units, status=body.get("status")) for sku, units in body["lines"]),
        at=body.get("at"),
        reason=body.get("reason"),
    )
    done = orders.perform(db, body["of"], command.kind, message, now=command.now).response
    return ("ok", done["state"], *_body_lines(done))


def _feed(db, command):
    message = command.body
    names = ("id", "sku", "location", "quantity", "effective_at", "sequence")
    done = feeds.sync(
        db, mode=message["mode"], basis=message["basis"],
        rows=[dict(zip(names, row, strict=True)) for row in message["rows"]],
        scope="full" if message["full"] else "partial",
        location=message["location"] if message["full"] else None,
        now=command.now, source=SOURCE, feed=message["feed"],
    )  # fmt: skip
    return ("ok", *(result.outcome for result in done.results))


def _correct(db, command):
    done = stock.correct(db, **command.body, reason="correction", now=command.now,
                         message_id=command.id)  # fmt: skip
    return ("ok", done["outcome"], done["units"])


def _move(db, command):
    body = command.body
    done = stock.move(
        db, message_id=command.id, sku=body["sku"], location=body["location"],
        units=body["units"], from_status=body["from"], to_status=body["to"], now=command.now,
    )  # fmt: skip
    return ("ok", done["statuses"][body["from"]], done["statuses"][body["to"]])


def _announce(db, command):
    body = command.body
    done = inbound.put(
        db, inbound_id=body["of"], sku=body["sku"], location=body["location"],
        quantity=body["units"], expected_at=body["expected_at"], state=body["state"],
        now=command.now,
    )  # fmt: skip
    return ("ok", done["quantity"], done["state"])


def _receive(db, command):
    body = command.body
    done = inbound.receive(
        db, body["of"], message_id=command.id, quantity=body["units"], received_at=body["at"],
        status=body["status"], now=command.now,
    )  # fmt: skip
    return ("ok", done["outcome"], done["open"], done["state"])


def _withhold(db, command):
    body = command.body
    rule_id = f"{body['sku']}-{body['location']}-{body['method']}"
    if body["units"] is None:
        catalog.remove_rule(db, rule_id)
    else:
        catalog.put(db, BufferRule(rule_id, sku=body["sku"], location=body["location"],
                                   method=body["method"], quantity=body["units"]))  # fmt: skip
    return ("ok",)


def _sweep(db, command):
    reservations.sweep(db, now=command.now)
    return ("ok",)


def _tell(db, command):
    """What became true by time alone is announced, as the server does now and then."""
    announcements.announce_due(db, now=command.now)
    return ("ok",)


SEND = {
    "place": _place,
    "confirm": _hold(lambda db, c: reservations.confirm(
        db, c.body["of"], order_id=c.body["order"], now=c.now)),
    "extend": _hold(lambda db, c: reservations.extend(
        db, c.body["of"], ttl_seconds=c.body["seconds"], now=c.now)),
    "release": _hold(lambda db, c: reservations.release(db, c.body["of"], now=c.now)),
    **dict.fromkeys(ALLOWED, _act),
    "feed": _feed, "correct": _correct, "move": _move, "announce": _announce,
    "receive": _receive, "withhold": _withhold, "sweep": _sweep,
    "tell": _tell,
}  # fmt: skip


# Drawn --------------------------------------------------------------------------------------


class Draw:
    """Draws commands that make sense often enough, from a random number generator."""

    def __init__(self, rng, shop):
        self.rng = rng
        self.shop = shop
        self.count = 0

    def command(self, kind, model, now):
        self.count += 1
        body = getattr(self, f"_{kind}" if kind not in ALLOWED else "_act")(model, now, kind)
        return Command(kind, f"{self.shop.name}-{self.count}", now, body)

    def _a_promise(self, model, now, *states):
        """One that is in such a state, most of the time."""
        names = list(model.promises)
        fitting = [name for name in names if model.state(name, now) in states]
        if fitting and self.rng.random() < 0.85:
            return self.rng.choice(fitting)
        return self.rng.choice(names) if names else "nobody"

    def _place(self, model, now, _kind):
        rng, shop = self.rng, self.shop
        channel = rng.choice(["web", "web", "web", "flash"])
        group = rng.choice([*shop.groups, None, None])
        lines = []
        for _ in range(rng.choice([1, 1, 1, 2, 3])):
            sku = rng.choice([shop.a, shop.a, shop.b, shop.c, shop.d])
            at = rng.choice(shop.locations) if group is None or rng.random() < 0.2 else group
            lines.append((sku, rng.choice([1, 1, 2, 3, 5]), at))
        kind = rng.choice(["soft", "soft", "hard", "hard", "preorder"])
        on = None if rng.random() < 0.6 else now.date() + timedelta(days=rng.randint(-1, 4))
        if on is not None and on < now.date() and rng.random() < 0.7:
            on = None
        whole = kind != "soft" and rng.random() < 0.6
        return {
            "kind": kind, "channel": channel, "method": rng.choice(["ship", "bopis"]),
            "lines": lines, "on": on, "partial": rng.random() < 0.2,
            "ttl": None if whole or rng.random() < 0.5 else rng.choice([60, 600]),
            "order": f"o-{shop.name}-{self.count}" if whole else None,
        }  # fmt: skip

    def _confirm(self, model, now, _kind):
        name = self._a_promise(model, now, "active")
        return {"of": name, "order": f"o-{name}"}

    def _extend(self, model, now, _kind):
        return {"of": self._a_promise(model, now, "active"), "seconds": self.rng.choice([30, 300])}

    def _release(self, model, now, _kind):
        return {"of": self._a_promise(model, now, "active")}

    def _act(self, model, now, kind):
        rng = self.rng
        name = self._a_promise(model, now, *ALLOWED[kind])
        body = {"of": name, "lines": ()}
        if name in model.promises and rng.random() < 0.35:
            lines = model.promises[name].lines
            skus = sorted({line.sku for line in lines})
            sku = rng.choice(skus)
            units = sum(line.quantity for line in lines if line.sku == sku)
            body["lines"] = ((sku, rng.randint(0 if kind == "ship" else 1, units)),)
        if kind == "ship":
            told = rng.random() < 0.4
            behind = timedelta(seconds=rng.choice([0, 30, 600, -60]))
            body["at"] = now - behind if told else None
        if kind == "reject":
            body["reason"] = rng.choice(["not-in-stock", "mismatch", "damaged"])
        if kind == "return":
            # Only a line has a status of its own; all that was shipped comes back to inspection.
            body["status"] = rng.choice(["inspection", "available"])
            body["status"] = body["status"] if body["lines"] else "inspection"
        return body

    def _feed(self, _model, now, _kind):
        rng, shop = self.rng, self.shop
        mode = rng.choice(["delta", "snapshot"])
        basis = rng.choice(["physical", "physical", "net"]) if mode == "snapshot" else "physical"
        full = mode == "snapshot" and rng.random() < 0.35
        location = rng.choice(shop.locations)
        rows = []
        for i in range(rng.choice([1, 1, 2, 3])):
            sku = rng.choice([*shop.loose, "nobody"] if rng.random() < 0.2 else shop.loose)
            at = location if full or rng.random() < 0.7 else rng.choice(shop.locations)
            units = rng.randint(-3, 5) if mode == "delta" else rng.randint(0, 8)
            behind = 0 if basis == "net" else rng.choice([0, 0, 30, 600, 3600, -120])
            row_id = f"{self.count}-{i}"
            if self.count > 1 and rng.random() < 0.1:
                row_id = f"{rng.randint(1, self.count - 1)}-0"
            rows.append((row_id, sku, at, units, now - timedelta(seconds=behind),
                         rng.choice([None, None, 1])))  # fmt: skip
        return {"mode": mode, "basis": basis, "full": full, "location": location,
                "rows": tuple(rows), "feed": shop.name}  # fmt: skip

    def _correct(self, _model, _now, _kind):
        rng = self.rng
        counted = rng.random() < 0.4
        return {
            "sku": rng.choice(self.shop.loose), "location": rng.choice(self.shop.locations),
            "status": rng.choice(["available", "available", "inspection"]),
            "quantity": rng.randint(0, 8) if counted else None,
            "delta": None if counted else rng.choice([-4, -2, -1, 1, 2, 4]),
        }  # fmt: skip

    def _move(self, model, _now, _kind):
        rng = self.rng
        statuses = ("available", "inspection", "defective", "frozen")
        held = sorted(key for key in model.said if model.units(key) > 0)
        if held and rng.random() < 0.9:
            sku, at, source = rng.choice(held)
        else:
            sku, at = rng.choice(self.shop.loose), rng.choice(self.shop.locations)
            source = rng.choice(statuses)
        target = rng.choice([status for status in statuses if status != source])
        return {"sku": sku, "location": at, "units": rng.randint(1, 3), "from": source,
                "to": target}  # fmt: skip

    def _announce(self, model, now, _kind):
        rng = self.rng
        known = list(model.inbound)
        item = {"sku": rng.choice(self.shop.loose), "location": rng.choice(self.shop.locations)}
        name = f"in-{self.shop.name}-{self.count}"
        if known and rng.random() < 0.5:
            name = rng.choice(known)
            item = model.inbound[name]
        return {
            "of": name, "sku": item["sku"], "location": item["location"],
            "units": rng.randint(1, 8), "expected_at": now + timedelta(days=rng.randint(-1, 4)),
            "state": rng.choice(["shipped", "confirmed", "confirmed", "planned", "cancelled"]),
        }  # fmt: skip

    def _receive(self, model, now, _kind):
        rng = self.rng
        known = list(model.inbound)
        return {
            "of": rng.choice(known) if known and rng.random() < 0.95 else "nothing",
            "units": rng.randint(1, 5),
            "at": rng.choice([None, None, now - timedelta(seconds=rng.choice([0, 600]))]),
            "status": rng.choice(["available", "available", "inspection"]),
        }  # fmt: skip

    def _withhold(self, _model, _now, _kind):
        rng = self.rng
        return {
            "sku": rng.choice(self.shop.loose), "location": rng.choice(self.shop.locations),
            "method": rng.choice([None, "sfs", "bopis"]),
            "units": rng.choice([None, 1, 2, 3]),
        }  # fmt: skip

    def _sweep(self, _model, _now, _kind):
        return {}

    _tell = _sweep


WEIGHTS = {
    "place": 34, "confirm": 9, "extend": 4, "release": 4, "allocate": 9, "process": 3, "ship": 6,
    "cancel": 3, "reject": 4, "return": 2, "feed": 12, "correct": 5, "move": 3, "announce": 6,
    "receive": 5, "withhold": 4, "sweep": 2, "tell": 2,
}  # fmt: skip
