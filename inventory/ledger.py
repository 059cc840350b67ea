"""The stock ledger: facts go in, entries stay for ever, and a balance is only ever their sum.

A source states *facts*: "three were shipped at 05:50", "the count at 06:00 was 90". What a fact
does to a balance depends on when it was true, never on when it arrived:

    snapshot(eff, qty, seq)   accepted iff (eff, seq) > stored; balance := qty + deltas after eff
    delta(eff, q)             applied iff eff > snapshot.eff, else it is already in that count

So the balance after any set of facts is the same for every order of arrival:

    balance = qty of the latest snapshot + sum of the deltas that became true after it

Two refinements keep that sentence true where the two rules alone would not:

* Two different counts for one (eff, seq) contradict each other. The lower one holds: no unit is
  promised that one of the counts denies, and it does not matter which arrived first.
* A NET count was made physical by adding the hard orders that *we* held open at its moment. A
  shipment of such an order that we hear of later was therefore added, and comes off again even when
  it was shipped before the count.

Nothing here reads a clock, a database or a setting; `inventory.store.ledger` does.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

Status = Literal["available", "inspection", "frozen", "in_transit", "defective", "scrap"]
STATUSES: tuple[Status, ...] = (
    "available", "inspection", "frozen", "in_transit", "defective", "scrap",
)  # fmt: skip
"""Where a physical unit can be in its life. Only `available` is sellable."""

AVAILABLE: Status = "available"

Outcome = Literal["applied", "already_counted", "superseded"]
Basis = Literal["physical", "net"]

SNAPSHOT = "snapshot"
SHIPMENT = "shipment"
KINDS = (
    SNAPSHOT, SHIPMENT, "delta", "receipt", "move", "return", "correction",
)  # fmt: skip
"""What a fact tells of. All but the snapshot are deltas to the rules above."""


class Key(NamedTuple):
    """One account of the ledger: a position (SKU, location) in one status."""

    sku: str
    location: str
    status: str


class Fact(NamedTuple):
    """One thing that a source says happened. A named tuple: ten thousand are made per feed."""

    sku: str
    location: str
    status: str
    kind: str
    stated_units: int
    """The signed change of a delta, or the count of a snapshot."""
    effective_at: datetime
    """When it became true, at the source. Aware, UTC."""
    source: str
    message_id: str | None = None
    actor: str = ""
    reason: str | None = None
    reservation_id: str | None = None
    inbound_id: str | None = None
    sequence: int | None = None
    """Orders snapshots of one moment; none counts as zero."""
    clamped: bool = False
    """The source's clock was ahead of ours, and `effective_at` was set back to our now."""

    @property
    def key(self) -> Key:
        return Key(self.sku, self.location, self.status)


class Balance(NamedTuple):
    """Units of one account, and the last count they rest on."""

    units: int = 0
    snapshot_at: datetime | None = None
    snapshot_sequence: int = 0
    snapshot_units: int = 0
    """As the source stated it: physical or net."""
    snapshot_basis: Basis = "physical"


class Recorded(NamedTuple):
    """A fact with what it did. Zero units unless it was applied."""

    fact: Fact
    outcome: Outcome
    units: int


def decide_delta(balance: Balance, fact: Fact) -> tuple[Recorded, Balance]:
    """A change is applied unless the last count already contains it."""
    assert fact.kind != SNAPSHOT
    if balance.snapshot_at is None or fact.effective_at > balance.snapshot_at:
        applies = True
    else:
        applies = balance.snapshot_basis == "net" and _ships_an_order(fact)
    if not applies:
        return Recorded(fact, "already_counted", 0), balance
    after = Balance(balance.units + fact.stated_units, *balance[1:])
    return Recorded(fact, "applied", fact.stated_units), after


def _ships_an_order(fact: Fact) -> bool:
    return fact.kind == SHIPMENT and fact.reservation_id is not None


def accepts_snapshot(balance: Balance, fact: Fact, *, basis: Basis = "physical") -> bool:
    """Whether the count is later than the one held, or as late and to be preferred.

    Of two counts of one moment a physical one is preferred, then the lower one. Both are compared
    as their sources stated them: what we add to a NET count depends on what we know when it comes.
    """
    assert fact.kind == SNAPSHOT
    if balance.snapshot_at is None:
        return True
    new = (fact.effective_at, fact.sequence or 0, basis == "physical", -fact.stated_units)
    held = (
        balance.snapshot_at,
        balance.snapshot_sequence,
        balance.snapshot_basis == "physical",
        -balance.snapshot_units,
    )
    return new > held


def decide_snapshot(
    balance: Balance,
    fact: Fact,
    *,
    later_units: int,
    basis: Basis = "physical",
    open_hard_units: int = 0,
) -> tuple[Recorded, Balance]:
    """A count replaces the balance, except for what happened after it.

    Parameters
    ----------
    later_units : sum of the recorded changes with `effective_at` after the count's.
    open_hard_units : for a NET count, units of orders that were open at its moment. The entry
        states the physical count that follows.
    """
    if not accepts_snapshot(balance, fact, basis=basis):
        return Recorded(fact, "superseded", 0), balance
    counted_units = fact.stated_units + open_hard_units
    after = Balance(
        units=counted_units + later_units,
        snapshot_at=fact.effective_at,
        snapshot_sequence=fact.sequence or 0,
        snapshot_units=fact.stated_units,
        snapshot_basis=basis,
    )
    entry = fact._replace(stated_units=counted_units) if open_hard_units else fact
    return Recorded(entry, "applied", after.units - balance.units), after


def decide_deltas(
    balances: Mapping[Key, Balance], facts: Iterable[Fact]
) -> tuple[list[Recorded], dict[Key, Balance]]:
    """Decide on many changes, in order. Returns the outcomes and the balances after."""
    after = dict(balances)
    recorded = []
    for fact in facts:
        key = fact.key
        entry, after[key] = decide_delta(after[key], fact)
        recorded.append(entry)
    return recorded, after


def balance_of(facts: Iterable[Fact]) -> int:
    """Units after a set of PHYSICAL facts of one account, straight from the definition.

    The long way round, for `verify` and for tests: latest count plus the changes after it.
    """
    facts = list(facts)
    counts = [f for f in facts if f.kind == SNAPSHOT]
    changes = [f for f in facts if f.kind != SNAPSHOT]
    if not counts:
        return sum(f.stated_units for f in changes)
    last = max(counts, key=lambda f: (f.effective_at, f.sequence or 0, -f.stated_units))
    return last.stated_units + sum(
        f.stated_units for f in changes if f.effective_at > last.effective_at
    )
