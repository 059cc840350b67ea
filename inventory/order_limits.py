"""What a line of an order may hold: whole packs, a minimum and a maximum, and the nearest to it."""

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class OrderLimits:
    """What a vendor or a shelf asks of one line, whole units."""

    pack_units: int = 1
    min_units: int = 0
    max_units: int | None = None
    """None: no maximum."""

    def breaches(self, units: int) -> list[str]:
        """What so many units break, in words; nothing is ordered where `units` is 0.

        >>> OrderLimits(pack_units=6, min_units=10).breaches(3)
        ['not whole packs of 6', 'fewer than the minimum of 10']
        >>> OrderLimits(pack_units=6, min_units=10).breaches(12)
        []
        """
        if units <= 0:
            return []
        found = []
        if units % self.pack_units:
            found.append(f"not whole packs of {self.pack_units}")
        if units < self.min_units:
            found.append(f"fewer than the minimum of {self.min_units}")
        if self.max_units is not None and units > self.max_units:
            found.append(f"more than the maximum of {self.max_units}")
        return found

    def nearest(self, units: int) -> int | None:
        """The next larger quantity that breaks nothing, else the largest; None where none exists.

        >>> limits = OrderLimits(pack_units=6, min_units=10, max_units=40)
        >>> limits.nearest(3), limits.nearest(50)
        (12, 36)
        """
        pack = self.pack_units
        least = ceil(max(self.min_units, 1) / pack) * pack
        wanted = max(ceil(units / pack) * pack, least)
        if self.max_units is not None:
            wanted = min(wanted, self.max_units // pack * pack)
        return wanted if wanted >= least else None
