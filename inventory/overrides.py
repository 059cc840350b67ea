"""What planners know that the statistics do not: a layer of adjustments over the forecast.

An override says of some items, places and days either how many units they will sell (`quantity`) or
how many times as many as forecast (`factor`). It is kept apart from the forecast and applied when
that is read, so that no training and no new run can lose it. Every level (category, vendor, place,
group of places, total) is the sum of the item-location layer, so all levels agree after any
override: one at a higher level is spread over the series below it (see `inventory.spreading_demand`
for how, and which of several holds), and quantiles follow the mean (`inventory.rescaling`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inventory.base_stock import tail_periods
from inventory.demand import DemandForecast, Floats
from inventory.rescaling import rescaled_quantiles_units
from inventory.spreading_demand import Grid, Stated, adjusted_units

Rows = NDArray[np.integer]
Basis = Literal["total", "per_day"]

REASONS = (
    "promotion",
    "event",
    "assortment-change",
    "competitor",
    "weather",
    "data-error",
    "new-item",
    "discontinued",
    "other",
)
"""Why a planner may know better: by these, what overrides added is summed up."""

REASON_CHARS_MAX = 200
NOTE_CHARS_MAX = 1000
"""Of a reason in words of one's own, and of a note or why an override was withdrawn."""

BASES: tuple[Basis, ...] = ("total", "per_day")

WEIGHT = {"sku": 3, "location": 2, "category": 1, "vendor": 1, "group": 1}
"""How much a named dimension narrows a scope: a SKU more than its category and vendor together."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which series: all that fit every name given; none given means all series."""

    sku: str | None = None
    location: str | None = None
    category: str | None = None
    vendor: str | None = None
    group: str | None = None

    @property
    def named(self) -> dict[str, str]:
        """The dimensions that are given.

        >>> Scope(category="tea", location="S1").named
        {'location': 'S1', 'category': 'tea'}
        """
        given = {name: getattr(self, name) for name in WEIGHT}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def narrowness(self) -> int:
        """Higher is narrower; a scope inside another is always the narrower one."""
        return sum(WEIGHT[name] for name in self.named)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in self.named.items()) or "everything"


@dataclass(frozen=True, slots=True)
class Override:
    """One adjustment, as a planner stated it. Exactly one of `quantity` and `factor` is given.

    Parameters
    ----------
    first_day, last_day : the days it is about, both included.
    reason : one of `REASONS`, or words of one's own.
    quantity : units of the whole scope, at least 0
        Over all those days together (`quantity_basis` "total"), or on each one ("per_day").
    factor : times the statistical forecast, at least 0.
    expires_at : from this moment on it does not act, whatever its days.
    withdrawn_at : from this moment on it does not act, because a person took it back.
    """

    override_id: int
    scope: Scope
    first_day: date
    last_day: date
    reason: str
    created_by: str
    created_at: datetime
    quantity: float | None = None
    quantity_basis: Basis = "total"
    factor: float | None = None
    note: str = ""
    expires_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def __post_init__(self) -> None:
        assert self.first_day <= self.last_day
        assert (self.quantity is None) != (self.factor is None)
        assert (self.quantity or 0) >= 0
        assert (self.factor or 0) >= 0

    @property
    def reason_code(self) -> str:
        """The reason as one of `REASONS`; words of a planner's own are `other`."""
        code = "-".join(self.reason.lower().replace("_", " ").split())
        return code if code in REASONS else "other"

    def in_force(self, at: datetime) -> bool:
        """Whether it acts at that moment: stated by then, not expired, not withdrawn."""
        ends = [moment for moment in (self.expires_at, self.withdrawn_at) if moment is not None]
        return self.created_at <= at and all(at < moment for moment in ends)


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a scope may name beside SKU and location.

    category, vendor : by SKU. groups : by location, all the groups that it is a member of.
    """

    category: Mapping[str, str] = field(default_factory=dict)
    vendor: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeriesIndex:
    """N series, found by what a scope may name."""

    skus: Sequence[str]
    locations: Sequence[str]
    attributes: Attributes
    _rows: dict[str, dict[str, Rows]] = field(default_factory=dict)

    def rows(self, scope: Scope) -> Rows:
        """The series of a scope, in order."""
        nothing = np.empty(0, dtype=np.intp)
        found = [self._by(name).get(value, nothing) for name, value in scope.named.items()]
        if not found:
            return np.arange(len(self.skus))
        fewest, *others = sorted(found, key=len)
        for other in others:
            fewest = np.intersect1d(fewest, other, assume_unique=True)
        return fewest

    def _by(self, name: str) -> dict[str, Rows]:
        if name not in self._rows:
            listed: dict[str, list[int]] = {}
            for row, values in enumerate(self._values(name)):
                for value in values:
                    listed.setdefault(value, []).append(row)
            self._rows[name] = {value: np.array(rows) for value, rows in listed.items()}
        return self._rows[name]

    def _values(self, name: str) -> list[tuple[str, ...]]:
        known = self.attributes
        match name:
            case "sku":
                return [(sku,) for sku in self.skus]
            case "location":
                return [(location,) for location in self.locations]
            case "group":
                return [tuple(known.groups.get(location, ())) for location in self.locations]
        by_sku = known.category if name == "category" else known.vendor
        return [(by_sku[sku],) if sku in by_sku else () for sku in self.skus]


def effective(
    forecast: DemandForecast, overrides: Sequence[Override], attributes: Attributes
) -> DemandForecast:
    """The forecast as the planners want it; the same object where no override touches it.

    overrides : those that act, see `Override.in_force`; their order does not matter.

    A quantity is spread over the series of its scope that `forecast` holds: give it all of them.
    Days outside an override's range, and series outside its scope, stay exactly as they were.
    """
    return effective_together([forecast], overrides, attributes)[0]


def effective_together(
    forecasts: Sequence[DemandForecast], overrides: Sequence[Override], attributes: Attributes
) -> list[DemandForecast]:
    """Several runs at once, in order, each series in one of them: a scope reaches across runs."""
    index = SeriesIndex(
        [sku for forecast in forecasts for sku in forecast.skus],
        [location for forecast in forecasts for location in forecast.locations],
        attributes,
    )
    scopes = {override.scope: index.rows(override.scope) for override in overrides}
    touched = np.unique(np.concatenate([np.empty(0, dtype=np.intp), *scopes.values()]))
    if not len(touched):
        return list(forecasts)
    own = _own_rows(forecasts, touched)
    grid = _grid(
        [forecast.select(rows) for forecast, rows in zip(forecasts, own, strict=True)],
        first_day=min(override.first_day for override in overrides),
        last_day=max(override.last_day for override in overrides),
    )
    stated = [
        Stated(
            rows=np.searchsorted(touched, scopes[override.scope]),
            first=(override.first_day - grid.first_day).days,
            last=(override.last_day - grid.first_day).days,
            scope=override.scope,
            narrowness=override.scope.narrowness,
            age=(override.created_at, override.override_id),
            quantity=override.quantity,
            per_day=override.quantity_basis == "per_day",
            factor=override.factor,
        )
        for override in overrides
    ]
    adjusted = adjusted_units(grid, stated)
    cuts = np.cumsum([0, *(len(rows) for rows in own)])
    parts = [slice(start, end) for start, end in pairwise(cuts)]
    return [
        _with_means(forecast, rows, grid.part(part), adjusted[part])
        for forecast, rows, part in zip(forecasts, own, parts, strict=True)
    ]


def _own_rows(forecasts: Sequence[DemandForecast], touched: Rows) -> list[Rows]:
    """Of rows counted through all forecasts: those of each, counted from its own first."""
    starts = np.cumsum([0, *(len(forecast.skus) for forecast in forecasts)])
    cuts = pairwise(np.searchsorted(touched, starts))
    return [touched[low:high] - start for (low, high), start in zip(cuts, starts[:-1], strict=True)]


def _grid(forecasts: Sequence[DemandForecast], *, first_day: date, last_day: date) -> Grid:
    """Means per day of all series on one calendar; beyond its end, a forecast's last week repeats.

    So does every use of a forecast beyond its horizon (see `inventory.base_stock`).
    """
    days = (last_day - first_day).days + 1
    parts, covered, usual = [], [], []
    for forecast in forecasts:
        begins = (forecast.first_day - first_day).days
        ahead = np.arange(-begins, days - begins)
        period = np.maximum(ahead, 0) // forecast.period_days
        H, tail = forecast.horizon, tail_periods(forecast)
        period = np.where(period < H, period, H - tail + (period - H) % tail)
        parts.append(forecast.mean_units[:, period] / forecast.period_days * (ahead >= 0))
        covered.append(np.broadcast_to(ahead >= 0, parts[-1].shape))
        usual.append(forecast.mean_units.mean(axis=1) / forecast.period_days)
    return Grid(first_day, np.concatenate(parts), np.concatenate(covered), np.concatenate(usual))


def _with_means(
    forecast: DemandForecast, rows: Rows, grid: Grid, adjusted_units: Floats
) -> DemandForecast:
    """The forecast with other means per day in some rows, and quantiles around those."""
    begins = (forecast.first_day - grid.first_day).days
    first = max(0, begins)
    last = max(first, begins + forecast.horizon * forecast.period_days)
    added = np.zeros((len(rows), forecast.horizon * forecast.period_days))
    changes = (adjusted_units - grid.units)[:, first:last]
    added[:, first - begins : first - begins + changes.shape[1]] = changes
    by_period = added.reshape(len(rows), forecast.horizon, forecast.period_days)
    changed = (by_period != 0).any(axis=2)
    if not changed.any():
        return forecast
    at, period = np.nonzero(changed)
    cells = (rows[at], period)
    before = forecast.mean_units[cells]
    wanted = np.maximum(before + by_period.sum(axis=2)[changed], 0.0)
    mean_units, quantiles_units = forecast.mean_units.copy(), forecast.quantiles_units.copy()
    mean_units[cells] = wanted
    quantiles_units[cells] = rescaled_quantiles_units(
        forecast.quantiles_units[cells],
        forecast.levels,
        mean_units=before,
        wanted_mean_units=wanted,
    )
    return replace(forecast, mean_units=mean_units, quantiles_units=quantiles_units)
