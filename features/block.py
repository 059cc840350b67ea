"""A stretch of series side by side, with every window that features ask for made once.

Arrays are (T, n): all periods of the history and the horizon, of n series that all end together; a
series that began later is unknown, NaN, before. A few hundred series at a time stay in the
processor's cache, which is what makes the catalogue cheap.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TypeVar

import numpy as np

from features.demand import CENSORED, DEMAND
from features.frame import IN_STOCK
from features.windows import (
    Comb,
    Line,
    Running,
    decayed,
    lagged,
    last,
    quantile_of,
    ratio,
    rolling_max,
    rows_since,
    sorted_windows,
)
from inventory.demand import Floats

Made = TypeVar("Made")

ROUNDING = 1e-10
"""Squares that differ by less than this share of their sum are equal: what is left of running sums
is rounding, and a price that never moved would be millions of its deviations away once it does."""

GROUPS_AT_ONCE = 1_000
"""Groups whose windows are made side by side: bounds memory."""


@dataclass(slots=True, eq=False)
class Block:
    """Columns of n series over T periods, and what was made of them so far.

    columns : by name, (T, n), or (T, 1) where all series agree, or (1, n) where time does not
        matter. `DEMAND`, `CENSORED` and `IN_STOCK` are always there.
    start : (n,), first row of each series.
    """

    columns: Mapping[str, Floats]
    start: np.ndarray
    period_days: int
    groups: Mapping[str, "Groups"] = field(default_factory=dict)
    """By name, all groups of one kind that the series belong to."""
    _made: dict[tuple[object, ...], object] = field(default_factory=dict)

    @property
    def demand(self) -> Floats:
        """Unconstrained demand, (T, n); NaN where nothing can be said."""
        return self.columns[DEMAND]

    @property
    def age(self) -> Floats:
        """Periods since the series began, (T, n); negative before."""
        age: Floats = np.arange(len(self.demand), dtype=np.float64)[:, None] - self.start
        return age

    @property
    def on_sale(self) -> Floats:
        """Share of each period on sale, (T, n)."""
        return self.columns[IN_STOCK]

    @property
    def censored(self) -> Floats:
        """1 where some of the period was off sale, (T, n)."""
        return self.columns[CENSORED]

    def once(self, key: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """What `make` returns, made at the first call with this key."""
        if key not in self._made:
            self._made[key] = make()
        made: Made = self._made[key]  # type: ignore[assignment]
        return made

    def column(self, name: str) -> Floats:
        """A column, given or made by `derive`."""
        if name in self.columns:
            return self.columns[name]
        made: Floats = self._made["column", name]  # type: ignore[assignment]
        return made

    def derive(self, name: str, make: Callable[[], Floats]) -> str:
        """Name a column made of others, so that windows can be asked of it."""
        self.once(("column", name), make)
        return name

    def of_group(self, group: str, make: Callable[["Block"], Floats]) -> Floats:
        """What `make` returns of the groups, spread over their series, (T, n)."""
        groups = self.groups[group]
        member_of = groups.member_of
        spread: Floats = groups.values(make)[:, member_of].astype(np.float64)
        spread[:, member_of < 0] = np.nan
        return spread

    def lag(self, name: str, periods: int) -> Floats:
        """The column `periods` earlier."""
        return self.once(("lag", name, periods), lambda: lagged(self.column(name), periods))

    def running(self, name: str) -> Running:
        """Running sums of a column."""
        return self.once(("running", name), lambda: Running.of(self.column(name)))

    def known(self, name: str, window: int) -> Floats:
        """Known values of the last `window` rows."""
        make = self.running(name)
        return self.once(("known", name, window), lambda: last(make.known, window))

    def total(self, name: str, window: int) -> Floats:
        """Sum of the known values of the last `window` rows."""
        make = self.running(name)
        return self.once(("total", name, window), lambda: last(make.total, window))

    def mean(self, name: str, window: int, *, known_min: int = 1) -> Floats:
        """Mean of the known values of the last `window` rows; NaN with fewer than `known_min`."""

        def make() -> Floats:
            known = self.known(name, window)
            return ratio(self.total(name, window), np.where(known >= known_min, known, 0.0))

        return self.once(("mean", name, window, known_min), make)

    def spread(self, name: str, window: int, *, known_min: int = 4) -> Floats:
        """Standard deviation (n - 1) of the last `window` rows."""

        def make() -> Floats:
            square = self.derive(f"{name}^2", lambda: self.column(name) ** 2)
            known, total = self.known(name, window), self.total(name, window)
            squares = self.total(square, window)
            apart = squares - ratio(total**2, known)
            apart = np.where(apart > ROUNDING * squares, apart, 0.0)
            return np.sqrt(ratio(apart, np.where(known >= known_min, known - 1, 0.0)))

        return self.once(("spread", name, window, known_min), make)

    def highest(self, name: str, window: int) -> Floats:
        """Largest known value of the last `window` rows."""
        return self.once(("highest", name, window), lambda: rolling_max(self.column(name), window))

    def lowest(self, name: str, window: int) -> Floats:
        """Smallest known value of the last `window` rows."""
        return self.once(("lowest", name, window), lambda: -rolling_max(-self.column(name), window))

    def quantile(self, name: str, window: int, level: float) -> Floats:
        """Quantile of the known values of the last `window` rows."""
        stack = self.once(
            ("sorted", name, window), lambda: sorted_windows(self.column(name), window)
        )
        return self.once(
            ("quantile", name, window, level),
            lambda: quantile_of(stack, self.known(name, window), level),
        )

    def slope(self, name: str, window: int) -> Floats:
        """Change per period of a straight line through the last `window` rows."""
        line = self.once(("line", name), lambda: Line.of(self.column(name), self.running(name)))
        return line.slope(window)

    def comb(self, name: str, *, stride: int, count: int) -> Comb:
        """Sums over this row and those `stride`, 2 `stride`, ... earlier."""
        return self.once(
            ("comb", name, stride, count),
            lambda: Comb.of(self.column(name), stride=stride, count=count),
        )

    def smooth(self, name: str, half_life: float) -> Floats:
        """Mean that forgets half in `half_life` known periods."""
        return self.once(("smooth", name, half_life), lambda: decayed(self.column(name), half_life))

    def since(self, name: str) -> Floats:
        """Periods since the (0 or 1) column was last 1."""
        return self.once(("since", name), lambda: rows_since(self.column(name) == 1))


@dataclass(slots=True, eq=False)
class Groups:
    """G groups side by side, each like one series, and which of them each series belongs to.

    columns : by name, (T, G), or (T, 1).
    member_of : (n,), -1 where a series belongs to none.
    """

    columns: Mapping[str, Floats]
    member_of: np.ndarray
    period_days: int
    _made: dict[Callable[[Block], Floats], Floats] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def values(self, make: Callable[[Block], Floats]) -> Floats:
        """What `make` returns of all groups, (T, G), made once."""
        with self._lock:
            if make not in self._made:
                self._made[make] = np.concatenate(
                    [
                        make(self._stripe(first)).astype(np.float32)
                        for first in range(0, self.count, GROUPS_AT_ONCE)
                    ],
                    axis=1,
                )
            return self._made[make]

    @property
    def count(self) -> int:
        """Number of groups."""
        return int(self.columns[DEMAND].shape[1])

    def of(self, series: slice) -> "Groups":
        """The same groups, for some of the series; what was made is shared."""
        return replace(self, member_of=self.member_of[series])

    def _stripe(self, first: int) -> Block:
        some = slice(first, min(first + GROUPS_AT_ONCE, self.count))
        columns = {name: v[:, some].astype(np.float64) for name, v in self.columns.items()}
        return Block(columns, np.zeros(some.stop - some.start, dtype=np.int64), self.period_days)
