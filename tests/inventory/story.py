"""Small stories about promises: commands with their outcomes, run against a real shop.

Each line is a command and, after `=>`, its outcome: a state, a number of units, or the refusal.
Stock facts arrive an hour before the story starts. `key=` makes a request one that is sent again.
"""

import itertools
from datetime import UTC, date, datetime, timedelta

from inventory.errors import InsufficientStock, VouchError
from inventory.ledger import Fact
from inventory.orders import ActLine, OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    announcements,
    feeds,
    idempotency,
    inbound,
    ledger,
    orders,
    reservations,
    stock,
    supply_shocks,
)
from inventory.store.availability import availability

START = datetime(2026, 6, 1, 9, tzinfo=UTC)
KINDS = {"hold": "soft", "order": "hard", "preorder": "preorder"}


TABLES = """outbox, idempotency, reservation_events, reservation_lines, reservations, entries,
    feed_messages, quarantine, balances, inbound, group_members, groups, bundles, channels, skus,
    locations"""


class Story:
    """One small shop: A, B and bundle C = 1 A + 2 B; L1, L2, L3; pool = all, near = L1 and L2."""

    def __init__(self, db):
        self.db = db
        self.now = START
        self.ids = itertools.count()
        for sku in "ABC":
            db.execute("insert into skus (sku, name) values (%s, %s)", [sku, sku])
        for location in ("L1", "L2", "L3"):
            db.execute(
                "insert into locations (location, name, type) values (%s, %s, 'warehouse')",
                [location, location],
            )
        db.execute("insert into bundles values ('C', 'A', 1), ('C', 'B', 2)")
        db.execute("insert into groups values ('pool', 'pool'), ('near', 'near')")
        db.execute(
            "insert into group_members values ('pool', 'L1'), ('pool', 'L2'), ('pool', 'L3'), "
            "('near', 'L1'), ('near', 'L2')"
        )
        db.execute("insert into channels (channel, name) values ('web', 'web')")
        db.execute(
            "insert into channels (channel, name, soft_ttl_seconds, oversell_units) "
            "values ('flash', 'flash', 60, 2)"
        )

    def check(self, script):
        for line in script.strip().splitlines():
            command, _, expected = line.split("#")[0].partition("=>")
            if command.strip():
                got = self.run(*command.split())
                assert got == (expected.strip() or "ok"), f"{line.strip()}: got {got}"

    def run(self, verb, *words):
        plain = [word for word in words if "=" not in word]
        options = dict(word.split("=") for word in words if "=" in word)
        method = getattr(self, "do_" + {"order": "hold", "preorder": "hold"}.get(verb, verb))
        try:
            if verb in KINDS:
                return method(KINDS[verb], *plain, **options)
            return method(*plain, **options)
        except InsufficientStock as error:
            parts = [f"{s.sku}@{s.place} {s.asked_units}>{s.available_units}"
                     for s in error.shortages]  # fmt: skip
            return "short " + ", ".join(parts)
        except VouchError as error:
            return type(error).__name__

    def do_wait(self, seconds):
        self.now += timedelta(seconds=int(seconds))
        return "ok"

    def do_stock(self, what, units, status="available"):
        sku, location = what.split("@")
        at = self.now - timedelta(hours=1) if self.now == START else self.now
        fact = Fact(sku, location, status, "delta", int(units), at, "test")
        with self.db.transaction():
            ledger.record(self.db, [fact], now=self.now)
            change = {"risen" if int(units) > 0 else "fallen": [(sku, location)]}
            supply_shocks.settle(self.db, **change, now=self.now, cause="test")
        return "ok"

    def do_move(self, what, units, from_status, to_status):
        sku, location = what.split("@")
        stock.move(self.db, message_id=f"move-{next(self.ids)}", sku=sku, location=location,
                   units=int(units), from_status=from_status, to_status=to_status,
                   now=self.now)  # fmt: skip
        return "ok"

    def do_look(self):
        """The server looks at what writers could not settle themselves."""
        announcements.announce_due(self.db, now=self.now)
        return "ok"

    def do_coming(self, what, units, day, name=None):
        """Confirmed supply that comes so many days after the start; told again, it is changed."""
        sku, location = what.split("@")
        inbound.put(
            self.db, inbound_id=name or f"in-{next(self.ids)}", sku=sku, location=location,
            quantity=int(units), expected_at=START + timedelta(days=int(day)), state="confirmed",
            now=self.now,
        )  # fmt: skip
        return "ok"

    def do_receive(self, name, units):
        inbound.receive(self.db, name, message_id=f"receipt-{next(self.ids)}", quantity=int(units),
                        now=self.now)  # fmt: skip
        return "ok"

    def do_count(self, what, units, at):
        """A physical count, true `at` so many seconds after the start, told now."""
        sku, location = what.split("@")
        eff = (START + timedelta(seconds=int(at))).isoformat()
        row = {"id": f"count-{next(self.ids)}", "sku": sku, "location": location,
               "quantity": int(units), "effective_at": eff}  # fmt: skip
        told = feeds.sync(self.db, mode="snapshot", rows=[row], now=self.now, source="test")
        return told.results[0].outcome

    def do_hold(self, kind, name, *lines, key=None, ttl=None, order=None, partial="", channel="web",
                on=None, priority=0):  # fmt: skip
        asked = []
        group = None
        for line in lines:
            sku, _, place = line.partition("@")
            sku, _, units = sku.partition("*")
            group = place if place in ("pool", "near") else group
            asked.append(AskedLine(sku, int(units or 1), None if place == group else place))
        basket = Basket(
            kind, channel, "ship", tuple(asked), group=group, order_id=order,
            on=None if on is None else (START + timedelta(days=int(on))).date(),
            ttl_seconds=None if ttl is None else int(ttl), allow_partial=bool(partial),
            priority=int(priority),
        )  # fmt: skip

        def place():
            made = reservations.place(
                self.db, basket, reservation_id=name if key is None else f"{name}.{next(self.ids)}",
                now=self.now,
            )  # fmt: skip
            return made.as_dict()

        if key is None:
            body = place()
        else:
            body = idempotency.once(
                self.db, scope="test", key=key, body=[name, lines], now=self.now, act=place
            ).response
        units = [line["quantity"] for line in body["lines"]]
        return body["state"] + (f" {' '.join(map(str, units))}" if partial else "")

    def do_state(self, name):
        return reservations.get(self.db, name, now=self.now).state

    def do_confirm(self, name, order_id=None):
        return reservations.confirm(self.db, name, order_id=order_id, now=self.now).state

    def do_extend(self, name, ttl):
        made = reservations.extend(self.db, name, ttl_seconds=int(ttl), now=self.now)
        assert made.expires_at == self.now + timedelta(seconds=int(ttl))
        return made.state

    def do_release(self, name):
        return reservations.release(self.db, name, now=self.now).state

    def do_sweep(self):
        return str(reservations.sweep(self.db, now=self.now))

    def do_act(self, message, order_id, act, *lines, reason=None, at=None, rest=None, on=None,
               status=None):  # fmt: skip
        asked = []
        for line in lines:
            sku, _, place = line.partition("@")
            sku, _, units = sku.partition("*")
            asked.append(ActLine(sku, int(units) if units else None, place or None, status))
        when = None if at is None else START + timedelta(seconds=int(at))
        day = None if on is None else (START + timedelta(days=int(on))).date()
        sent = OrderMessage(message, tuple(asked), reason=reason, at=when, rest=rest, on=day)
        return orders.perform(self.db, order_id, act, sent, now=self.now).response["state"]

    def do_located(self, order_id):
        lines = orders.get(self.db, order_id, now=self.now).lines
        return " ".join(f"{li.sku}*{li.open_units}@{li.location or li.group}" for li in lines)

    def do_dates(self, order_id):
        """Open units with the day they are promised for, and whether they wait for goods."""
        rows = self.db.execute(
            "select l.sku, l.open_units, l.promised_date - %s::date, l.class from reservation_lines"
            " l join reservations r using (reservation_id) where coalesce(order_id, "
            "reservation_id) = %s and open_units > 0 order by line_no",
            [START.date(), order_id],
        )
        return " ".join(
            f"{sku}*{units}:d{day}" + ("?" if kind == "peg" else "")
            for sku, units, day, kind in rows
        )

    def do_offers(self):
        """New days that were offered so far, for lost ones or because sooner ones are possible."""
        rows = self.db.execute(
            "select coalesce(payload -> 'victims', payload -> 'lines') from outbox "
            "where kind in ('shortage', 'sooner_possible') order by event_id"
        ).fetchall()
        lines = [line for (told,) in rows for line in told]
        offers = [
            f"{line['reservation']}*{line['units']}:" + (
                f"d{(date.fromisoformat(line['new_date']) - START.date()).days}"
                if line["new_date"] else "never"
            )
            for line in lines
        ]  # fmt: skip
        return " ".join(offers) or "none"

    def do_events(self):
        """Events since the last time, shortages aside."""
        rows = self.db.execute(
            "delete from outbox where kind not in ('shortage', 'sooner_possible') "
            "returning event_id, kind, sku, location, payload"
        ).fetchall()
        return ", ".join(
            f"{kind} {payload['order']}*{payload['units']}"
            if kind == "peg_filled"
            else f"{kind} {sku}@{location}"
            for _, kind, sku, location, payload in sorted(rows, key=lambda row: row[0])
        ) or "none"  # fmt: skip

    def do_atp(self, what, channel="web", on=None):
        sku, place = what.split("@")
        key = "group" if place in ("pool", "near") else "location"
        day = None if on is None else (START + timedelta(days=int(on))).date()
        got = availability(self.db, sku=sku, **{key: place}, channel=channel, method="ship",
                           now=self.now, on=day)  # fmt: skip
        return str(got.atp)

    def do_units(self, what, status="available"):
        sku, location = what.split("@")
        row = self.db.execute(
            "select units from balances where sku = %s and location = %s and status = %s",
            [sku, location, status],
        ).fetchone()
        return str(row[0] if row else 0)

    def do_shortages(self):
        rows = self.db.execute(
            "select payload from outbox where kind = 'shortage' order by event_id"
        ).fetchall()
        told = "; ".join(
            f"{p['short_units']} of " + " ".join(f"{v['reservation']}*{v['units']}"
                                                 for v in p["victims"])
            for (p,) in rows
        )  # fmt: skip
        return told or "none"
