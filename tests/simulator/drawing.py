"""What clients ask for: commands drawn from a seed, that make sense often enough."""

from datetime import timedelta

from tests.simulator.commands import Command
from tests.simulator.order_rules import ALLOWED
from tests.simulator.shares import LINKED


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

    def _a_promise(self, model, now, *states, plain=False):
        """One that is in such a state, most of the time. `plain`: nothing sold ahead."""
        names = [
            name
            for name, promise in model.promises.items()
            if not plain or all(line.sku != self.shop.p for line in promise.lines)
        ]
        fitting = [name for name in names if model.state(name, now) in states]
        if fitting and self.rng.random() < 0.85:
            return self.rng.choice(fitting)
        return self.rng.choice(names) if names else "nobody"

    def _place(self, model, now, _kind):
        rng, shop = self.rng, self.shop
        if model.offer is not None and rng.random() < 0.15:
            return self._sold_ahead(model, now)
        channel = rng.choice(["web", "web", "web", "flash", LINKED])
        group = None if channel == LINKED else rng.choice([*shop.groups, None, None])
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
            "priority": rng.choice([0, 0, 1]),
        }  # fmt: skip

    def _sold_ahead(self, model, now):
        rng, shop = self.rng, self.shop
        whole = rng.random() < 0.5
        return {
            "kind": "preorder", "channel": rng.choice(["web", "flash"]), "method": "ship",
            "lines": [(shop.p, rng.choice([1, 2, 3]), shop.locations[0])],
            "on": max(now.date(), model.offer.day) if rng.random() < 0.5 else None,
            "partial": rng.random() < 0.2, "ttl": None,
            "order": f"o-{shop.name}-{self.count}" if whole else None, "priority": 0,
        }  # fmt: skip

    def _source(self, _model, _now, _kind):
        rng, shop = self.rng, self.shop
        skus = rng.sample(shop.loose, rng.choice([1, 1, 2]))
        return {
            "lines": [(sku, rng.choice([1, 2, 4])) for sku in skus], "channel": "web",
            "method": "ship", "group": rng.choice(list(shop.groups)),
            "strategy": rng.choice(["balanced", "performance"]),
            "order": f"o-{shop.name}-{self.count}",
        }  # fmt: skip

    def _confirm(self, model, now, _kind):
        name = self._a_promise(model, now, "active")
        return {"of": name, "order": f"o-{name}"}

    def _reacquire(self, model, now, _kind):
        name = self._a_promise(model, now, "expired", plain=True)
        return {"of": name, "order": f"o-{name}-again"}

    def _extend(self, model, now, _kind):
        return {"of": self._a_promise(model, now, "active"), "seconds": self.rng.choice([30, 300])}

    def _release(self, model, now, _kind):
        return {"of": self._a_promise(model, now, "active")}

    def _act(self, model, now, kind):
        rng = self.rng
        plain = kind in ("redate", "return", "ship", "reject")
        name = self._a_promise(model, now, *ALLOWED[kind], plain=plain)
        body = {"of": name, "lines": ()}
        # What is to be located is all of it: of parts, the model could not tell which is which.
        if name in model.promises and kind != "allocate" and rng.random() < 0.35:
            lines = model.promises[name].lines
            skus = sorted({line.sku for line in lines})
            sku = rng.choice(skus)
            units = sum(line.quantity for line in lines if line.sku == sku)
            body["lines"] = ((sku, rng.randint(0 if kind == "ship" else 1, units)),)
        if kind == "ship":
            told = rng.random() < 0.4
            behind = timedelta(seconds=rng.choice([0, 30, 600, -60]))
            body["at"] = now - behind if told else None
            body["rest"] = rng.choice([None, "backorder"])
        if kind == "redate":
            body["on"] = now.date() + timedelta(days=rng.randint(0, 4))
            body["on"] = body["on"] if rng.random() < 0.5 else None
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
            sku = rng.choice(
                [*shop.loose, shop.late, shop.late, "nobody"] if rng.random() < 0.2 else shop.loose
            )
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
            "units": rng.randint(2, 9), "expected_at": now + timedelta(days=rng.randint(-1, 4)),
            "state": rng.choice(["shipped", "confirmed", "confirmed", "planned", "cancelled"]),
        }  # fmt: skip

    def _receive(self, model, now, _kind):
        rng = self.rng
        coming = [name for name, item in model.inbound.items() if item["rest"]]
        known = coming if rng.random() < 0.85 else list(model.inbound)
        return {
            "of": rng.choice(known) if known and rng.random() < 0.95 else "nothing",
            "units": rng.randint(1, 4),
            "at": rng.choice([None, None, now - timedelta(seconds=rng.choice([0, 600]))]),
            "status": rng.choice(["available", "available", "inspection"]),
        }  # fmt: skip

    def _approve(self, model, _now, _kind):
        rng = self.rng
        known = [name for name, item in model.inbound.items() if item["awaiting"]]
        known = known if rng.random() < 0.9 else list(model.inbound)
        return {
            "of": rng.choice(known) if known else "nothing",
            "units": rng.choice([None, None, 1, 3]),
            "status": rng.choice(["available", "available", "frozen", "defective"]),
        }  # fmt: skip

    def _reset(self, _model, now, _kind):
        rng, shop = self.rng, self.shop
        skus = rng.sample(shop.loose, rng.choice([1, 3, 3, 3]))
        skus = [shop.late if rng.random() < 0.05 else sku for sku in skus]
        return {
            "location": rng.choice(shop.locations), "basis": "physical",
            "rows": [(sku, rng.randint(0, 8), rng.choice([None, None, 0, 2])) for sku in skus],
            "at": now - timedelta(seconds=rng.choice([0, 30, 600])),
            "source": f"day-{shop.name}",
        }  # fmt: skip

    def _introduce(self, _model, _now, _kind):
        return {"sku": self.shop.late}

    def _replay(self, _model, _now, _kind):
        return {"feed": self.shop.name}

    def _link(self, model, now, _kind):
        rng, shop = self.rng, self.shop
        at = rng.choice(shop.locations)
        return {
            "sku": shop.a, "location": at, "withdrawn": rng.random() < 0.25,
            "ratio": rng.choice([None, "0.5", "0.3", "0.8", "0.0"]),
            "reserve": rng.choice([0, 0, 2, 4]),
            "starts": rng.choice([None, None, now - timedelta(minutes=10),
                                  now + timedelta(minutes=5)]),
            "ends": rng.choice([None, None, now + timedelta(minutes=20)]),
        }  # fmt: skip

    def _offer(self, model, now, _kind):
        rng, shop = self.rng, self.shop
        return {
            "sku": shop.p, "location": shop.locations[0],
            "on": now.date() + timedelta(days=rng.randint(0, 3)), "cap": rng.randint(1, 6),
            "web_cap": rng.choice([None, 1, 3]),
            "ends": rng.choice([None, None, now + timedelta(minutes=20)]),
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
    "receive": 5, "withhold": 4, "sweep": 2, "tell": 2, "reacquire": 3, "redate": 3, "source": 4,
    "approve": 3, "reset": 3, "introduce": 1, "replay": 2, "link": 4, "offer": 2,
}  # fmt: skip
