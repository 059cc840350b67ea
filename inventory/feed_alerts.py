"""The alert of a feed that fails: what came of it last, and what stock nobody sees without it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from inventory.alerts import SYNC_FAILURE, Alert, action
from inventory.amounts import counted

LOCATIONS_TOLD = 20
"""Locations that an alert names; it counts positions of all of them."""


@dataclass(frozen=True, slots=True)
class UnseenLine:
    """A position that a feed told of, as it was known last; units."""

    sku: str
    location: str
    current_stock_units: float
    reorder_point_units: float
    recommended_units: float
    stock_out_on: date | None
    """The day on which mean demand has sold what was there; None: not in sight."""

    def told(self) -> dict[str, object]:
        """As an alert shows it."""
        return {
            "sku": self.sku,
            "location": self.location,
            "current_stock": round(self.current_stock_units),
            "reorder_point": round(self.reorder_point_units, 1),
            "recommended_quantity": round(self.recommended_units),
            "expected_stock_out_on": _day(self.stock_out_on),
        }


@dataclass(frozen=True, slots=True)
class Unseen:
    """What a feed told of, all positions together; units are sums."""

    positions: int
    positions_at_risk: int = 0
    """Out, or at their reorder point."""
    locations: Sequence[str] = ()
    current_stock_units: float = 0.0
    reorder_point_units: float = 0.0
    recommended_units: float = 0.0
    lines: Sequence[UnseenLine] = ()
    """Those that run out first."""


def sync_alert(
    *,
    feed: str,
    quarantined_rows: int,
    problem: str | None,
    last_entry_at: datetime | None,
    silent_since: datetime | None,
    unseen: Unseen,
) -> Alert:
    """A feed that fails: rows that could not go in, or silence. One alert per feed.

    silent_since : its last entry, where it should have come since; None where it did.
    """
    said = []
    if quarantined_rows:
        wait = "waits" if quarantined_rows == 1 else "wait"
        rows = counted(quarantined_rows, "row")
        said.append(f"{rows} {wait} in quarantine, the last since {problem}")
    if silent_since is not None:
        said.append(f"nothing came since {silent_since:%Y-%m-%d %H:%M} UTC")
    if unseen.positions_at_risk:
        risk = f"{unseen.positions_at_risk:,} of {counted(unseen.positions, 'position')}"
        said.append(f"{risk} may run out unseen")
    first = min((x.stock_out_on for x in unseen.lines if x.stock_out_on), default=None)
    mend = (
        action("Look at the rows, mend and send them again", "GET", f"/quarantine?feed={feed}")
        if quarantined_rows
        else action("Start the feed again: send what is on the shelves now", "POST",
                    "/inventory/sync")
    )  # fmt: skip
    return Alert(
        f"{SYNC_FAILURE}:{feed}", "warning", f"feed '{feed}': " + "; ".join(said),
        detail={
            "feed": feed,
            "quarantined_rows": quarantined_rows,
            "last_entry_at": _day(last_entry_at),
            "silent_since": _day(silent_since),
            "locations": list(unseen.locations[:LOCATIONS_TOLD]),
            "positions": unseen.positions,
            "positions_at_risk": unseen.positions_at_risk,
            "current_stock": round(unseen.current_stock_units),
            "reorder_point": round(unseen.reorder_point_units, 1),
            "recommended_quantity": round(unseen.recommended_units),
            "expected_stock_out_on": _day(first),
            "lines": [line.told() for line in unseen.lines],
            "action": mend,
        },
    )  # fmt: skip


def _day(when: date | None) -> str | None:
    return None if when is None else when.isoformat()
