"""Positions that may give or get stock, each with its futures, drawn no further than needed."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from inventory.base_stock import extended, starting_on
from inventory.demand import LEVELS, DemandForecast, Floats
from inventory.health import OVER_COVER_DAYS

RISE = 1.25
"""Demand a day in the weeks ahead over that of now, from which stock is moved ahead of it."""

AHEAD_DAYS = 28
"""How far ahead the look for rising demand goes."""

CLEARANCE_DAYS = 90
"""Stock that lasts longer than this is asked whether it would sell elsewhere."""

PATHS_KEPT = 256
"""Of the sample paths of a position: the first so many are spread as evenly as all are."""


@dataclass(slots=True, eq=False)
class Outlook:
    """A position and its futures. Units, money, days from today."""

    sku: str
    location: str
    family: str
    margin: float
    unit_cost: float
    own_need_units: int
    """Its reorder point: what it needs until its own supply comes."""
    order_up_to: float
    protection_days: int
    """Until an order to its vendor could be on the shelf."""
    shelf_life_days: float
    free_units: float
    """On hand, neither committed nor about to leave."""
    spare_units: float
    """Of these, what availability lets go."""
    rate_units: float
    """Mean demand a day until its own supply comes."""
    coming: tuple[tuple[int, float], ...]
    """Dated supply: days from today, units."""
    horizon_days: int
    """How far its futures are drawn: no look may look further."""
    demand_until: Mapping[float, NDArray[np.float32]]
    """Demand of each path up to a day, shape (S,), at the days that looks ask for."""
    mean_until: Mapping[float, float]

    def demand(self, day: float) -> Floats:
        """Units of each path up to a day."""
        units: Floats = self.demand_until[day].astype(float)
        return units

    def mean(self, day: float) -> float:
        """The same on average."""
        return self.mean_until[day]

    def arriving(self, after: float, until: float) -> float:
        """Units that come after one day, until another; what is overdue comes tomorrow."""
        return sum(units for day, units in self.coming if after < max(day, 1) <= until)

    @property
    def arrivals(self) -> set[int]:
        """Days on which something comes."""
        return {max(day, 1) for day, _ in self.coming}

    def leave(self, units: int) -> None:
        """Book what goes away."""
        self.free_units -= units
        self.spare_units -= units

    def arrive(self, units: int) -> None:
        """Book what comes: counted as there, since no further look wants it sooner."""
        self.free_units += units


def outlooks(
    table: pl.DataFrame,
    coming: pl.DataFrame,
    forecasts: Sequence[DemandForecast],
    *,
    today: date,
    seed: int,
    marks: Collection[int] = (),
    season_days: int | None = None,
) -> list[Outlook]:
    """One per row of `table` that some look may care for: candidates with a column `atp`.

    Futures are drawn only as far as the looks that may care need them, most not at all, and kept
    at the days that looks ask for: what they are until the end of protection, `AHEAD_DAYS`, the
    end of clearance, and `marks`.

    marks : further days from today, as the lead times of lanes.
    season_days : the last day of a season that was asked for, from today.
    """
    supply: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for sku, location, day, units in coming.iter_rows():
        supply.setdefault((sku, location), []).append(((day - today).days, float(units)))
    known = table.with_columns(
        pl.Series("supply", [tuple(supply.get(key, ())) for key in
                             table.select("sku", "location").iter_rows()], dtype=pl.Object)
    )  # fmt: skip
    found = []
    for forecast in forecasts:
        keys = pl.DataFrame({"sku": forecast.skus, "location": forecast.locations,
                             "series": np.arange(len(forecast.skus))})  # fmt: skip
        rows = known.join(keys, on=["sku", "location"], maintain_order="left")
        if rows.is_empty():
            continue
        part = starting_on(forecast.select(rows["series"].to_numpy()), today)
        part = extended(part, horizon=math.ceil(CLEARANCE_DAYS / part.period_days))
        needed = _days_needed(rows, part, season_days=season_days)
        for days in np.unique(needed[needed > 0]).tolist():
            chosen = np.flatnonzero(needed == days)
            found += _drawn(rows, part, chosen, days=days, marks=marks, seed=seed)
    return sorted(found, key=lambda p: (p.sku, p.location))


def silent(
    table: pl.DataFrame, forecasts: Sequence[DemandForecast], *, today: date
) -> list[DemandForecast]:
    """That nothing sells, of rows of `table` without a forecast: hubs that sell nothing."""
    known = {key for f in forecasts for key in zip(f.skus, f.locations, strict=True)}
    keys = [key for key in table.select("sku", "location").iter_rows() if key not in known]
    if not keys:
        return []
    count, days = len(keys), AHEAD_DAYS
    return [DemandForecast(
        skus=tuple(sku for sku, _ in keys), locations=tuple(at for _, at in keys),
        first_day=today, levels=np.array(LEVELS),
        quantiles_units=np.zeros((count, days, len(LEVELS))), mean_units=np.zeros((count, days)),
        dependence=np.zeros((count, 2)),
    )]  # fmt: skip


def _days_needed(
    rows: pl.DataFrame, forecast: DemandForecast, *, season_days: int | None
) -> NDArray[np.int64]:
    """How far ahead each row's futures are needed, (N,) days; 0 where no look cares.

    Means and targets say who runs short, whose demand rises and who has too much; a SKU with any
    of them needs its other places too.
    """
    protection = _protection_days(rows)
    means = _cumulated(forecast.mean_units.T)
    rate = _each_up_to(means, protection, forecast.period_days) / protection
    ahead = _each_up_to(means, np.full(len(rows), AHEAD_DAYS), forecast.period_days)
    rise = (ahead - rate * protection) / np.maximum(AHEAD_DAYS - protection, 1)
    clearing = np.minimum(CLEARANCE_DAYS, rows["shelf_life_days"].fill_null(np.inf).to_numpy())
    sold = _each_up_to(means, clearing, forecast.period_days)
    free = (rows["sellable"] - rows["leaving"]).to_numpy()
    own, up_to = rows["reorder_point"].to_numpy(), rows["order_up_to"].to_numpy()
    short = [
        _may_run_short(coming, units, need, days)
        for coming, units, need, days in zip(rows["supply"], free, own, protection, strict=True)
    ]
    told = rows.select("sku").with_columns(
        pl.Series("short", short, dtype=pl.Boolean),
        pl.Series("spare", np.minimum(free, rows["atp"].to_numpy()) > own),
        pl.Series("rises", (rise >= RISE * rate) & (ahead > 0) & (protection < AHEAD_DAYS)),
        pl.Series("clears", free > np.minimum(up_to + OVER_COVER_DAYS * rate,
                                              np.maximum(sold, own))),
        pl.Series("protection", protection),
    )  # fmt: skip
    any_of = {
        name: pl.col(name).any().over("sku") for name in ("short", "spare", "rises", "clears")
    }
    season = 0 if season_days is None else season_days
    far = (
        pl.when(any_of["clears"]).then(CLEARANCE_DAYS)
        .when(season > 0).then(season)
        .when(any_of["rises"]).then(AHEAD_DAYS)
        .otherwise(0)
    )  # fmt: skip
    near = pl.when(any_of["short"] & (pl.col("short") | pl.col("spare"))).then("protection")
    days = told.select(
        pl.when(any_of["spare"]).then(pl.max_horizontal(far, near.otherwise(0))).otherwise(0)
    ).to_series()
    needed: NDArray[np.int64] = days.to_numpy().astype(np.int64)
    return needed


def _may_run_short(
    coming: Sequence[tuple[int, float]], free_units: float, own_units: float, days: float
) -> bool:
    """Whether stock may not last until the next supply, or until the end of protection.

    What is needed for fewer days falls no faster than their root: a cheap bound, as this only says
    whose futures are drawn.
    """
    have = free_units
    for day, units in sorted((max(day, 1), units) for day, units in coming):
        if day > days:
            break
        if have < own_units * math.sqrt(day / days):
            return True
        have += units
    return have < own_units


def _protection_days(rows: pl.DataFrame) -> Floats:
    days: Floats = np.maximum(
        1, np.ceil((rows["lead_time_days"] + rows["review_period_days"]).to_numpy())
    )
    return days


def _drawn(
    rows: pl.DataFrame,
    forecast: DemandForecast,
    chosen: NDArray[np.intp],
    *,
    days: int,
    marks: Collection[int],
    seed: int,
) -> list[Outlook]:
    """Outlooks of the chosen rows, as far as `days`."""
    part = forecast.select(chosen)
    periods = math.ceil(days / part.period_days)
    found, first = [], 0
    for paths in part.sample_paths_units(seed=seed, paths=PATHS_KEPT, periods=periods):
        for offset in range(len(paths)):
            row = rows.row(int(chosen[first + offset]), named=True)
            mean = part.mean_units[first + offset, :periods]
            found.append(
                _outlook(row, paths[offset], mean, marks=marks, period_days=part.period_days)
            )
        first += len(paths)
    return found


def _outlook(
    row: Mapping[str, Any],
    paths: Floats,
    mean: Floats,
    *,
    marks: Collection[int],
    period_days: int,
) -> Outlook:
    """`paths` (H, S) of this position, `mean` (H,)."""
    horizon_days = len(mean) * period_days
    life = math.inf if row["shelf_life_days"] is None else row["shelf_life_days"]
    protection = max(1, math.ceil(row["lead_time_days"] + row["review_period_days"]))
    arrivals = {max(day, 1) for day, _ in row["supply"] if day < protection}
    days = {0, protection, AHEAD_DAYS, min(CLEARANCE_DAYS, life), *marks, *arrivals}
    added, means = _cumulated(paths), _cumulated(mean[:, None])
    near = [day for day in days if day <= horizon_days]
    demand = {day: _up_to(added, day / period_days).astype(np.float32) for day in near}
    mean_until = {day: float(_up_to(means, day / period_days)[0]) for day in near}
    free = row["sellable"] - row["leaving"]
    return Outlook(
        sku=row["sku"],
        location=row["location"],
        family=row["category"] or row["sku"],
        margin=row["price"] - row["unit_cost"],
        unit_cost=row["unit_cost"],
        own_need_units=math.ceil(row["reorder_point"] - 1e-9),
        order_up_to=row["order_up_to"],
        protection_days=protection,
        shelf_life_days=life,
        free_units=free,
        spare_units=min(free, row["atp"] - row["leaving"]),
        rate_units=mean_until.get(protection, 0.0) / protection,
        coming=row["supply"],
        horizon_days=horizon_days,
        demand_until=demand,
        mean_until=mean_until,
    )


def _each_up_to(added: NDArray[np.float32], days: Floats, period_days: int) -> Floats:
    """Mean units of each series up to a day of its own: (H + 1, N), (N,) -> (N,)."""
    periods = np.minimum(days / period_days, len(added) - 1)
    whole = periods.astype(int)
    after = np.minimum(whole + 1, len(added) - 1)
    each = np.arange(added.shape[1])
    low, high = added[whole, each].astype(float), added[after, each]
    units: Floats = low + (periods - whole) * (high - low)
    return units


def _cumulated(units: Floats) -> NDArray[np.float32]:
    """(H, S) -> (H + 1, S), zero first: half the memory, and one look-up per question."""
    added = np.zeros((len(units) + 1, units.shape[1]), np.float32)
    np.cumsum(units, axis=0, out=added[1:])
    return added


def _up_to(added: NDArray[np.float32], periods: float) -> Floats:
    """Units up to so many periods, a broken one in proportion; no further than the horizon."""
    whole = min(int(periods), len(added) - 1)
    after = min(whole + 1, len(added) - 1)
    share = min(periods, len(added) - 1) - whole
    units: Floats = added[whole].astype(float) + share * (added[after] - added[whole])
    return units
