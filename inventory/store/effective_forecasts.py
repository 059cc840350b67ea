"""The forecast that acts: what the statistics expect, with the planners' overrides over it.

A quantity for a category is spread over all series of the category. So whoever reads one of them
has the others read too, by their means only, and nobody needs to know.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import LiteralString

import numpy as np
import psycopg

from inventory.base_stock import extended, starting_on, tail_periods
from inventory.demand import DemandForecast, Floats
from inventory.overrides import Attributes, Override, Scope, SeriesIndex, effective_together
from inventory.store.forecasts import MOMENT_DAYS, REAL_ARRAY_OID, RealArrayLoader, read_current
from inventory.store.overrides import SCOPE_NAMES, read_acting, read_attributes

ONE = timedelta(days=1)

LENGTHENED_DAYS_MAX = 90
"""An override that goes on further beyond the horizon than this goes on, past it, for good."""

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Adjusted:
    """A forecast of one series, before and after the overrides that shaped it."""

    statistical: DemandForecast
    final: DemandForecast
    overrides: tuple[Override, ...]


def read_effective(
    db: psycopg.Connection,
    *,
    now: datetime,
    skus: Sequence[str] | None = None,
    locations: Sequence[str] | None = None,
) -> list[DemandForecast]:
    """The forecasts in force with the overrides in force, newest run first, as policy uses them.

    A run some of whose series are overridden comes in two parts: those, long enough to show where
    the last override ends, and the others exactly as they are stored.
    """
    forecasts = read_current(db, skus=skus, locations=locations)
    layer = _layer(db, forecasts, now=now, whole=skus is None and locations is None)
    if layer is None:
        return forecasts
    parts = [part for forecast in forecasts for part in layer.parts(forecast, today=now.date())]
    return layer.applied(parts)


def read_adjusted(
    db: psycopg.Connection, sku: str, location: str, *, now: datetime
) -> Adjusted | None:
    """The forecast in force of one series, as stored and as overridden; None without one."""
    found = read_current(db, skus=[sku], locations=[location])
    if not found:
        return None
    statistical = found[0]
    layer = _layer(db, [statistical], now=now, whole=False)
    if layer is None:
        return Adjusted(statistical, statistical, ())
    (final,) = layer.applied([statistical])
    shaping = [o for o in layer.overrides if _names(layer, o, statistical)]
    return Adjusted(statistical, final, tuple(shaping))


def days_forecast(db: psycopg.Connection) -> tuple[date, date] | None:
    """First and last day of the run in force that reaches furthest; None without a forecast."""
    row: tuple[date, date] | None = db.execute(
        """
        select r.first_day, r.first_day + r.horizon * r.period_days - 1
        from forecast_runs r
        where exists (select from current_forecasts c where c.run_id = r.run_id)
        order by 2 desc, 1 desc limit 1
        """
    ).fetchone()
    return row


def read_expected_units(
    db: psycopg.Connection, keys: Sequence[Key], *, first_day: date, last_day: date, now: datetime
) -> tuple[float, float]:
    """Mean demand of some series over some days, as forecast and as overridden, in units.

    Of days that their forecasts do not reach, nothing.
    """
    stored = read_means(db, set(keys))
    layer = _layer(db, stored, now=now, whole=False)
    final = stored if layer is None else layer.applied(stored)

    def within(forecasts: Sequence[DemandForecast]) -> float:
        return sum(_units_between(forecast, first_day, last_day) for forecast in forecasts)

    return within(stored), within(final)


def _units_between(forecast: DemandForecast, first_day: date, last_day: date) -> float:
    """Mean units of all series on these days; of a longer period, the share of its days."""
    day = np.arange(forecast.horizon * forecast.period_days)
    begins = (forecast.first_day - first_day).days
    named = (day + begins >= 0) & (day + begins <= (last_day - first_day).days)
    share = named.reshape(forecast.horizon, forecast.period_days).mean(axis=1)
    return float((forecast.mean_units * share).sum())


def _names(layer: "_Layer", override: Override, forecast: DemandForecast) -> bool:
    """Whether an override is about some of the days of a forecast of one series."""
    ends = forecast.days[-1] + timedelta(days=forecast.period_days - 1)
    index = SeriesIndex(forecast.skus, forecast.locations, layer.attributes)
    return (
        override.first_day <= ends
        and override.last_day >= forecast.first_day
        and bool(len(index.rows(override.scope)))
    )


@dataclass(frozen=True, slots=True)
class _Layer:
    """The overrides that touch what was asked for, and what else their quantities are spread on."""

    overrides: Sequence[Override]
    attributes: Attributes
    context: Sequence[DemandForecast]

    def applied(self, forecasts: Sequence[DemandForecast]) -> list[DemandForecast]:
        """The forecasts as overridden, without the context."""
        together = effective_together([*forecasts, *self.context], self.overrides, self.attributes)
        return together[: len(forecasts)]

    def parts(self, forecast: DemandForecast, *, today: date) -> list[DemandForecast]:
        """The series that no override touches, and those that one does: long enough."""
        index = SeriesIndex(forecast.skus, forecast.locations, self.attributes)
        touched = np.zeros(len(forecast.skus), dtype=bool)
        for override in self.overrides:
            touched[index.rows(override.scope)] = True
        if not touched.any():
            return [forecast]
        last_day = max(override.last_day for override in self.overrides)
        long = lengthened(forecast.select(np.flatnonzero(touched)), last_day, today=today)
        if touched.all():
            return [long]
        return [forecast.select(np.flatnonzero(~touched)), long]


def lengthened(forecast: DemandForecast, last_day: date, *, today: date) -> DemandForecast:
    """A forecast that reaches from yesterday at the latest to a plain week after `last_day`.

    Beyond its end a forecast is taken to go on as its last week: which must not be the week that a
    planner changed.
    """
    # What is yesterday here is still today somewhere.
    yesterday = today - ONE
    ends = forecast.days[-1] + timedelta(days=forecast.period_days - 1)
    if ends < yesterday:
        forecast = starting_on(forecast, yesterday)
    reach = min(last_day, forecast.days[-1] + timedelta(days=LENGTHENED_DAYS_MAX))
    periods = -(-((reach - forecast.first_day).days + 1) // forecast.period_days)
    if periods + tail_periods(forecast) <= forecast.horizon:
        return forecast
    return extended(forecast, horizon=periods + tail_periods(forecast))


def _layer(
    db: psycopg.Connection, forecasts: Sequence[DemandForecast], *, now: datetime, whole: bool
) -> _Layer | None:
    """What to apply to these forecasts; None where nothing touches them.

    whole : they are all there are, so that no quantity reaches beyond them.
    """
    if not forecasts:
        return None
    asked = {sku for forecast in forecasts for sku in forecast.skus}
    since = min(forecast.first_day for forecast in forecasts)
    overrides = read_acting(db, now=now, since=since, skus=None if whole else sorted(asked))
    if not overrides:
        return None
    attributes = read_attributes(db, skus=None if whole else sorted(asked))
    index = _index(forecasts, attributes)
    touching = [override for override in overrides if len(index.rows(override.scope))]
    if not touching:
        return None
    if whole or all(map(_stays_within, touching)):
        return _Layer(touching, attributes, ())
    return _wide_layer(db, forecasts, touching, now=now)


def _stays_within(override: Override) -> bool:
    """Whether an override says nothing of one series by way of another."""
    scope = override.scope
    return override.factor is not None or (scope.sku is not None and scope.location is not None)


def _wide_layer(
    db: psycopg.Connection,
    forecasts: Sequence[DemandForecast],
    touching: Sequence[Override],
    *,
    now: datetime,
) -> _Layer:
    """All that hangs together with the asked series by quantities, and the means to spread them."""
    asked = {
        key for forecast in forecasts for key in zip(forecast.skus, forecast.locations, strict=True)
    }
    attributes = read_attributes(db)
    keys = _keys_in_force(db)
    index = SeriesIndex([sku for sku, _ in keys], [at for _, at in keys], attributes)
    overrides = read_acting(db, now=now)
    rows = {override.scope: index.rows(override.scope) for override in overrides}
    reached = np.array([key in asked for key in keys])
    first_day = min(override.first_day for override in touching)
    last_day = max(override.last_day for override in touching)
    acting: list[Override] = []
    left = overrides
    while True:
        meeting = [
            override
            for override in left
            if override.first_day <= last_day
            and override.last_day >= first_day
            and reached[rows[override.scope]].any()
        ]
        if not meeting:
            break
        acting += meeting
        met = {override.override_id for override in meeting}
        left = [override for override in left if override.override_id not in met]
        first_day = min(first_day, *(override.first_day for override in meeting))
        last_day = max(last_day, *(override.last_day for override in meeting))
        for override in meeting:
            if override.quantity is not None:
                reached[rows[override.scope]] = True
    others = {keys[row] for row in np.flatnonzero(reached)} - asked
    return _Layer(acting, attributes, read_means(db, others))


def _index(forecasts: Sequence[DemandForecast], attributes: Attributes) -> SeriesIndex:
    return SeriesIndex(
        [sku for forecast in forecasts for sku in forecast.skus],
        [location for forecast in forecasts for location in forecast.locations],
        attributes,
    )


def _keys_in_force(db: psycopg.Connection) -> list[Key]:
    return db.execute("select sku, location from current_forecasts order by 1, 2").fetchall()


def read_means(db: psycopg.Connection, keys: set[Key]) -> list[DemandForecast]:
    """The forecasts in force of some series without their quantiles, one per run."""
    if not keys:
        return []
    skus, locations = zip(*sorted(keys), strict=True)
    source: LiteralString = """
        from unnest(%(skus)s::text[], %(locations)s::text[]) as k (sku, location)
        join current_forecasts using (sku, location)
    """
    return _read_means(db, source, {"skus": list(skus), "locations": list(locations)})


def read_means_in_force(
    db: psycopg.Connection, scopes: Collection[Scope], *, at: datetime
) -> list[DemandForecast]:
    """What `read_means` gives, as it was in force just before a moment, of the series in scopes.

    What was put in force `MOMENT_DAYS` before it or earlier is left out: it is over by then.
    """
    source: LiteralString = """
        from (
            select distinct on (f.sku, f.location) f.sku, f.location, f.run_id
            from forecasts f
            join forecast_moments m using (run_id)
            left join skus s on s.sku = f.sku
            where m.in_force_at < %(at)s and m.in_force_at >= %(since)s and exists (
                select from unnest(%(sku)s::text[], %(location)s::text[], %(category)s::text[],
                    %(vendor)s::text[], %(group)s::text[])
                    as o (sku, location, category, vendor, group_id)
                where (o.sku is null or o.sku = f.sku)
                    and (o.location is null or o.location = f.location)
                    and (o.category is null or o.category = s.category)
                    and (o.vendor is null or o.vendor = s.vendor)
                    and (o.group_id is null or exists (
                        select from group_members g
                        where g.group_id = o.group_id and g.location = f.location))
            )
            order by f.sku, f.location, m.in_force_at desc, m.moment_id desc
        ) k
    """
    named = {name: [getattr(scope, name) for scope in scopes] for name in SCOPE_NAMES}
    return _read_means(db, source, {**named, "at": at, "since": at - timedelta(days=MOMENT_DAYS)})


def _read_means(
    db: psycopg.Connection, source: LiteralString, values: Mapping[str, object]
) -> list[DemandForecast]:
    """Means of the series that `source` names, one `DemandForecast` per run."""
    rows: dict[tuple[str, date, int], list[tuple[str, str, Floats]]] = {}
    with db.cursor(binary=True) as cursor:
        cursor.adapters.register_loader(REAL_ARRAY_OID, RealArrayLoader)
        found = cursor.execute(
            "select r.run_id, r.first_day, r.period_days, f.sku, f.location, f.mean_units "
            f"{source} join forecasts f using (sku, location, run_id) "
            "join forecast_runs r using (run_id) order by r.run_id, f.sku, f.location",
            values,
        )
        for run_id, first_day, period_days, *series in found:
            rows.setdefault((run_id, first_day, period_days), []).append(tuple(series))
    return [_means(*run, series) for run, series in rows.items()]


def _means(
    run_id: str, first_day: date, period_days: int, rows: Sequence[tuple[str, str, Floats]]
) -> DemandForecast:
    skus, locations, means = zip(*rows, strict=True)
    mean_units = np.stack(means)
    return DemandForecast(
        skus=skus,
        locations=locations,
        first_day=first_day,
        levels=np.empty(0),
        quantiles_units=np.empty((*mean_units.shape, 0)),
        mean_units=mean_units,
        dependence=np.zeros((len(rows), 2)),
        run_id=run_id,
        period_days=period_days,
    )
