"""The commands of the workload: drawn from a seed, sent to the real engine, and told alike."""

from dataclasses import dataclass, replace
from datetime import date

from inventory.catalog import BufferRule, PreSale, Sku, SupplyLink
from inventory.errors import InputRejected, InsufficientStock, VouchError
from inventory.orders import ActLine, OrderMessage
from inventory.reservations import AskedLine, Basket
from inventory.sourcing import SourcingRules
from inventory.sourcing_request import SourcingTerms, Wish
from inventory.store import (
    announcements,
    approvals,
    catalog,
    feeds,
    idempotency,
    inbound,
    orders,
    replays,
    reservations,
    sourcing,
    start_of_day,
    stock,
)
from tests.simulator.order_rules import ALLOWED
from tests.simulator.shares import LINKED

SOURCE = "simulator"
ONCE = {"place": "place", "correct": "correction", "move": "move", "receive": "inbound",
        "approve": "approval", "reset": "start of day", "source": "source",
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
        priority=asked["priority"],
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
        rest=body.get("rest"),
        on=body.get("on"),
    )
    done = orders.perform(db, body["of"], command.kind, message, now=command.now).response
    return ("ok", done["state"], *_body_lines(done))


def _feed(db, command):
    message = command.body
    names = ("id", "sku", "location", "quantity", "effective_at", "sequence")
    done = feeds.sync(
        db, mode=message["mode"], basis=message["basis"],
        # As text, the way it comes over the wire: quarantine keeps what was said, word for word.
        rows=[dict(zip(names, (*row[:4], row[4].isoformat(), row[5]), strict=True))
              for row in message["rows"]],
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
        catalog.remove(db, BufferRule, rule_id)
    else:
        catalog.put(db, BufferRule(rule_id, sku=body["sku"], location=body["location"],
                                   method=body["method"], quantity=body["units"]))  # fmt: skip
    return ("ok",)


def _source(db, command):
    asked = command.body
    wish = Wish(command.id, tuple(AskedLine(*line) for line in asked["lines"]))
    terms = SourcingTerms(SourcingRules(asked["strategy"]), channel=asked["channel"],
                          method=asked["method"], group=asked["group"])  # fmt: skip
    hold = sourcing.Hold(command.id, "hard", order_id=asked["order"])

    def act():
        made = sourcing.reserve_one(db, wish, terms, hold, now=command.now)
        return made.reservation.as_dict()

    done = idempotency.once(
        db, scope="source", key=command.id, body=asked, now=command.now, act=act
    ).response
    return ("ok", done["state"], *_body_lines(done))


def _approve(db, command):
    body = command.body
    done = approvals.approve(
        db, body["of"], message_id=command.id, quantity=body["units"], status=body["status"],
        now=command.now,
    )  # fmt: skip
    return ("ok", done["decided"], done["awaiting"])


def _reset(db, command):
    body = command.body
    rows = [{"sku": sku, "quantity": units, "picked": picked}
            for sku, units, picked in body["rows"]]  # fmt: skip
    done = start_of_day.reset(
        db, message_id=command.id, location=body["location"], counted_at=body["at"], rows=rows,
        basis=body["basis"], source=body["source"], now=command.now,
    )  # fmt: skip
    return ("ok", tuple(sorted(done["counts"].items())), sum(done["in_flight"].values()))


def _introduce(db, command):
    catalog.put(db, Sku(command.body["sku"], "late"))
    return ("ok",)


def _replay(db, command):
    done = replays.replay(db, feed=command.body["feed"], actor="simulator", now=command.now)
    went_in = {"applied", "already_counted", "superseded"}
    return (
        "ok",
        *sorted(row.result.message_id for row in done.results if row.result.outcome in went_in),
    )


def _link(db, command):
    body = command.body
    link_id = f"{body['sku']}-{body['location']}"
    if body["withdrawn"]:
        catalog.remove(db, SupplyLink, link_id)
    else:
        ratio = None if body["ratio"] is None else float(body["ratio"])
        catalog.put(db, SupplyLink(
            link_id, LINKED, body["location"], ratio=ratio, reserve=body["reserve"],
            starts_at=body["starts"], ends_at=body["ends"], sku=body["sku"],
        ))  # fmt: skip
    return ("ok",)


def _offer(db, command):
    body = command.body
    caps = {} if body["web_cap"] is None else {"web": body["web_cap"]}
    catalog.put(db, PreSale(body["sku"], body["sku"], body["location"], body["on"], body["cap"],
                            caps, ends_at=body["ends"]))  # fmt: skip
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
    "reacquire": _hold(lambda db, c: reservations.confirm(
        db, c.body["of"], order_id=c.body["order"], reacquire=True, now=c.now)),
    "extend": _hold(lambda db, c: reservations.extend(
        db, c.body["of"], ttl_seconds=c.body["seconds"], now=c.now)),
    "release": _hold(lambda db, c: reservations.release(db, c.body["of"], now=c.now)),
    **dict.fromkeys(ALLOWED, _act),
    "feed": _feed, "correct": _correct, "move": _move, "announce": _announce,
    "receive": _receive, "withhold": _withhold, "sweep": _sweep,
    "tell": _tell, "source": _source, "approve": _approve, "reset": _reset,
    "introduce": _introduce, "replay": _replay, "link": _link, "offer": _offer,
}  # fmt: skip
