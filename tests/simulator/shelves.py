"""Paper for shelves and promises: what was said of stock, and the lines of a promise."""

from dataclasses import dataclass, field
from datetime import timedelta

from tests.simulator.promisable import DAYS

SELLABLE = "available"
COUNTED = ("confirmed", "shipped")
TICK = timedelta(microseconds=1)
TERMS = {"web": (900, 0), "flash": (60, 2), "outlet": (900, 0)}
"""Per channel: seconds that a cart lives, and units it may sell below zero."""
ORDER_SECONDS = 172_800


class Refused(Exception):
    """What the engine must say: the name of its refusal, and what it is about."""

    def __init__(self, name, *detail):
        super().__init__(name, *detail)
        self.outcome = ("refused", name, *detail)


@dataclass
class Said:
    """One statement about an account: a count, or a change."""

    count: bool
    units: int
    at: object
    sequence: int = 0
    stated: int = 0
    basis: str = "physical"
    of_order: bool = False
    arrived: int = 0

    @property
    def rank(self):
        return (self.at, self.sequence, self.basis == "physical", -self.stated)


@dataclass
class Line:
    sku: str
    quantity: int
    day: object
    location: str | None
    group: str | None
    open: int = 0
    shipped: int = 0
    returned: int = 0
    excluded: frozenset = frozenset()
    filled: bool = False
    """A pre-order whose goods are there: from now on an order like others."""
    backordered: bool = False
    """The rest of a shipment, owed for a later day."""
    asked: int = 0
    """Which line of the request it came from."""
    bundle: str | None = None
    bundle_units: int = 0

    @property
    def told(self):
        return (self.sku, self.location or self.group, self.day, self.open, self.shipped,
                self.returned)  # fmt: skip


@dataclass
class Promise:
    kind: str
    state: str
    channel: str
    method: str
    expires_at: object
    order: str | None
    created_at: object = None
    priority: int = 0
    lines: list = field(default_factory=list)
    left: dict = field(default_factory=dict)
    """By SKU and location: the latest moment at which some of it was shipped."""

    @property
    def waits(self):
        """Whether goods that arrive may be given to it."""
        return self.kind == "preorder" or any(line.backordered for line in self.lines)

    def is_peg(self, line):
        return (self.kind == "preorder" or line.backordered) and not line.filled


def _is_later(change, last):
    if last is None or change.at > last.at:
        return True
    # A NET count was made physical by adding this order, which had in truth been shipped.
    return last.basis == "net" and change.of_order and change.arrived > last.arrived


class Stock:
    """What is on the shelves, on its way, and withheld."""

    def __init__(self, shop):
        self.shop = shop
        self.said = {}
        self.arrivals = 0
        self.inbound = {}
        self.buffers = {}
        self.full_rows = {}
        self.full_told = {}
        self.known = set(shop.loose)
        """SKUs of the catalogue."""
        self.links = {}
        self.offer = None

    def say(self, key, said):
        self.arrivals += 1
        said.arrived = self.arrivals
        self.said.setdefault(key, self._born(key)).append(said)

    def _born(self, key):
        """What a full file said of an account by leaving it out before it was there: nothing."""
        _, location, status = key
        told = self.full_told.get(location) if status == SELLABLE else None
        return [told] if told else []

    def last_count(self, key):
        counts = [said for said in self.said.get(key, self._born(key)) if said.count]
        return max(counts, key=lambda said: said.rank, default=None)

    def counts(self, key, said):
        """Whether a change would still be counted, or the last count has it already."""
        return _is_later(said, self.last_count(key))

    def units(self, key):
        last = self.last_count(key)
        changes = [s for s in self.said.get(key, ()) if not s.count and _is_later(s, last)]
        return (last.units if last else 0) + sum(change.units for change in changes)

    def change(self, key, units, at, *, of_order=False):
        """Outcome of a change."""
        said = Said(count=False, units=units, at=at, of_order=of_order)
        self.say(key, said)
        return "applied" if self.counts(key, said) else "already_counted"

    def count(self, key, units, at, *, sequence=0, basis="physical", open_hard=0):
        said = Said(True, units + open_hard, at, sequence, units, basis)
        before = self.last_count(key)
        if before is not None and said.rank <= before.rank:
            return "superseded"
        self.say(key, said)
        return "applied"

    def moment(self, keys, now):
        """A person's act is later than every count it meets."""
        counts = [self.last_count(key) for key in keys]
        return max([now, *(count.at + TICK for count in counts if count)])

    def supply(self, sku, location, now):
        by_day = [0] * DAYS
        for item in self.inbound.values():
            if (item["sku"], item["location"]) == (sku, location) and item["state"] in COUNTED:
                day = (item["expected_at"].date() - now.date()).days
                pickable = day + self.shop.lag(location)
                if day >= 0 and pickable < DAYS:
                    by_day[pickable] += item["rest"]
        return tuple(by_day)

    def buffer(self, sku, location, method):
        rules = [(m is not None, units) for (s, at, m), units in self.buffers.items()
                 if (s, at) == (sku, location) and m in (None, method)]  # fmt: skip
        return max(rules)[1] if rules else 0
