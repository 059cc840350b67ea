"""What is to be tried of a position's policy: another target, other terms, another rhythm."""

from dataclasses import asdict, dataclass

import polars as pl

from inventory.errors import InputRejected
from inventory.targets import CYCLE_SERVICE, FILL_RATE

TIME_DAYS_MAX = 180
"""Longest lead time and review period that can be tried."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be tried; None: as it is. Days, units and money per line.

    service_level, fill_rate : in (0, 1); one of them at most.
    """

    service_level: float | None = None
    fill_rate: float | None = None
    lead_time_days: float | None = None
    lead_time_sd_days: float | None = None
    review_period_days: float | None = None
    min_order_quantity: float | None = None
    pack_size: float | None = None
    max_order_quantity: float | None = None
    order_cost: float | None = None

    @property
    def given(self) -> dict[str, float]:
        """Those that change something, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def check(self) -> None:
        """Refuse what cannot be meant."""
        if not self.given:
            raise InputRejected(f"change at least one of {', '.join(asdict(self))}")
        if self.service_level is not None and self.fill_rate is not None:
            raise InputRejected("give a service level or a fill rate, not both", field="fill_rate")
        for name, value in self.given.items():
            low, high = BOUNDS[name]
            if not low <= value <= high:
                raise InputRejected(f"must be between {low:g} and {high:g}", field=name)

    def laid_over(self, table: pl.DataFrame) -> pl.DataFrame:
        """The position with them."""
        plain = {n: pl.lit(v) for n, v in self.given.items() if n in table.columns}
        level = self.service_level if self.fill_rate is None else self.fill_rate
        if level is not None:
            kind = CYCLE_SERVICE if self.fill_rate is None else FILL_RATE
            plain |= {"target_kind": pl.lit(kind), "level": pl.lit(level)}
        if self.pack_size is not None:
            plain["full_pallets"] = pl.lit("f")
        return table.with_columns(**plain)


BOUNDS = {
    "service_level": (0.01, 0.9999), "fill_rate": (0.01, 0.9999),
    "lead_time_days": (0, TIME_DAYS_MAX), "lead_time_sd_days": (0, TIME_DAYS_MAX),
    "review_period_days": (1, TIME_DAYS_MAX), "min_order_quantity": (0, 1e9),
    "pack_size": (1, 1e9), "max_order_quantity": (1, 1e9), "order_cost": (0, 1e12),
}  # fmt: skip
