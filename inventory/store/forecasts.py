"""Forecasts in PostgreSQL: the only statements that store, choose or read one.

A run is stored whole, by binary COPY with one row of arrays per series, and becomes the forecast in
force for its series in the same transaction: a reader sees the old forecast or the new one, never
parts of both. A run of one SKU moves only that SKU.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg.rows import class_row

from inventory.demand import DemandForecast, Floats
from inventory.store.explanations import RunExplanation, store_explanation

COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + struct.pack("!ii", 0, 0)
COPY_TRAILER = struct.pack("!h", -1)
REAL_OID = 700
REAL_ARRAY_OID = 1021
ARRAY_HEADER = struct.Struct("!iiiii")
"""Dimensions, null flag, element type, length, lower bound: PostgreSQL's binary array."""
ELEMENT = np.dtype([("bytes", ">i4"), ("value", ">f4")])
NO_ARRAY_BYTES = 12
"""An empty array has no length and no bound."""

MOMENT_DAYS = 60
"""How long after it was put in force a forecast is asked for as it stood then: past its horizon."""

COLUMNS = sql.SQL("f.sku, f.location, f.mean_units, f.quantiles_units, f.dependence")
RUN_COLUMNS = sql.SQL(
    "r.run_id, r.first_day, r.period_days, r.horizon, r.levels, r.model_version, "
    "r.mlflow_run_id, r.series, r.made_at, r.note"
)


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One forecast run as it was stored: who made it, when, of what."""

    run_id: str
    first_day: date
    period_days: int
    horizon: int
    levels: list[float]
    model_version: str
    mlflow_run_id: str | None
    series: int
    made_at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class ForecastRun(RunRecord):
    """A run, and how many of its series it is in force for."""

    current: int


class RealArrayLoader(Loader):
    """`real[]` straight into numpy, without a Python object per number."""

    format = Format.BINARY

    def load(self, data: Buffer) -> Floats:
        """One field."""
        raw = bytes(data)
        if len(raw) <= NO_ARRAY_BYTES:
            return np.empty(0, dtype=np.float64)
        return np.frombuffer(raw, ELEMENT, offset=ARRAY_HEADER.size)["value"].astype(np.float64)


def store_run(
    db: psycopg.Connection,
    forecast: DemandForecast,
    *,
    now: datetime,
    mlflow_run_id: str | None = None,
    note: str = "",
    explanation: RunExplanation | None = None,
) -> bool:
    """Store the forecast under its `run_id` and put it in force for its series.

    explanation : why it is what it is, of any of its series; kept with it.

    Returns whether it was new. A run that is there already is not stored again, but is put in force
    again. The order in which runs are stored decides, not the day that they begin.
    """
    assert forecast.run_id, "a stored forecast needs a run id"
    with db.transaction():
        new = _insert_run(db, forecast, now=now, mlflow_run_id=mlflow_run_id, note=note)
        if new:
            _copy_series(db, forecast)
        if new and explanation is not None:
            store_explanation(db, forecast.run_id, explanation)
        put_in_force(db, forecast.run_id, now=now)
    return new


def has_run(db: psycopg.Connection, run_id: str) -> bool:
    """Whether a run is stored."""
    found = db.execute("select 1 from forecast_runs where run_id = %s", [run_id]).fetchone()
    return found is not None


def put_in_force(db: psycopg.Connection, run_id: str, *, now: datetime) -> int:
    """Make a stored run the forecast in force for its series; returns how many changed.

    The moment is kept where any did, so that it can be told later what was in force when. Positions
    are taken in key order, so that two runs at once wait for each other, not for ever. Policies of
    the SKUs are due: whoever plans next makes them follow.
    """
    with db.transaction():
        moved = db.execute(
            """
            insert into current_forecasts (sku, location, run_id)
            select sku, location, run_id from forecasts where run_id = %s order by sku, location
            on conflict (sku, location) do update set run_id = excluded.run_id
            where current_forecasts.run_id <> excluded.run_id
            """,
            [run_id],
        ).rowcount
        if moved:
            db.execute(
                "insert into forecast_moments (run_id, in_force_at) values (%s, %s)", [run_id, now]
            )
            db.execute(_DUE, [run_id])
    return moved


_DUE = """
    insert into policy_recomputes (sku, because)
    select distinct f.sku, 'forecast run ' || f.run_id
    from forecasts f join policies p using (sku, location)
    where f.run_id = %s and p.run_id <> f.run_id order by 1
"""


def read_forecast(db: psycopg.Connection, sku: str, location: str) -> DemandForecast | None:
    """The forecast in force for one series, or None."""
    found = read_current(db, skus=[sku], locations=[location])
    return found[0] if found else None


def read_current(
    db: psycopg.Connection,
    *,
    skus: Sequence[str] | None = None,
    locations: Sequence[str] | None = None,
    since: date | None = None,
) -> list[DemandForecast]:
    """The forecasts in force, one `DemandForecast` per run, newest run first.

    skus, locations : leave out all others, where given.
    since : leave out runs that begin earlier; series that ended keep their last run in force.
    """
    return _read(
        db,
        sql.SQL("""
        from current_forecasts c
        join forecasts f using (sku, location, run_id)
        where (%(skus)s::text[] is null or f.sku = any(%(skus)s))
          and (%(locations)s::text[] is null or f.location = any(%(locations)s))
        """),
        {"skus": _listed(skus), "locations": _listed(locations)},
        since=since,
    )


def read_run(db: psycopg.Connection, run_id: str) -> DemandForecast | None:
    """All series of one run, in force or not, or None when there is no such run."""
    found = _read(db, sql.SQL("from forecasts f where f.run_id = %(run_id)s"), {"run_id": run_id})
    return found[0] if found else None


def forecast_runs(
    db: psycopg.Connection, *, run_id: str | None = None, limit: int = 50
) -> list[ForecastRun]:
    """Runs, newest first, or the one asked for."""
    with db.cursor(row_factory=class_row(ForecastRun)) as cursor:
        return cursor.execute(
            sql.SQL("""
            select {columns},
                (select count(*) from current_forecasts c where c.run_id = r.run_id)::int as current
            from forecast_runs r
            where %(run_id)s::text is null or r.run_id = %(run_id)s
            order by r.made_at desc, r.run_id
            limit %(limit)s
            """).format(columns=RUN_COLUMNS),
            {"run_id": run_id, "limit": limit},
        ).fetchall()


def last_made(db: psycopg.Connection, *, noted: str) -> datetime | None:
    """When the newest run was made whose note begins so; None without one."""
    row = db.execute(
        "select max(made_at) from forecast_runs where starts_with(note, %s)", [noted]
    ).fetchone()
    return row[0] if row else None


def drop_runs_made_before(
    db: psycopg.Connection, made_before: datetime, *, spared_note: str | None = None
) -> int:
    """Delete older runs that are in force for no series; returns how many.

    spared_note : the newest run whose note begins so stays, however old.
    """
    dropped = db.execute(
        """
        delete from forecast_runs r
        where made_at < %(before)s
          and not exists (select 1 from current_forecasts c where c.run_id = r.run_id)
          and r.run_id is distinct from (
            select run_id from forecast_runs where starts_with(note, %(spared)s)
            order by made_at desc, run_id limit 1
          )
        """,
        {"before": made_before, "spared": spared_note},
    )
    return dropped.rowcount


def _insert_run(
    db: psycopg.Connection,
    forecast: DemandForecast,
    *,
    now: datetime,
    mlflow_run_id: str | None,
    note: str,
) -> bool:
    inserted = db.execute(
        """
        insert into forecast_runs (run_id, first_day, period_days, horizon, levels, model_version,
            mlflow_run_id, series, made_at, note)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        on conflict (run_id) do nothing
        """,
        [
            forecast.run_id,
            forecast.first_day,
            forecast.period_days,
            forecast.horizon,
            forecast.levels.tolist(),
            forecast.model_version,
            mlflow_run_id,
            len(forecast.skus),
            now,
            note,
        ],
    )
    return inserted.rowcount == 1


def _copy_series(db: psycopg.Connection, forecast: DemandForecast) -> None:
    statement = (
        "copy forecasts (run_id, sku, location, mean_units, quantiles_units, dependence) "
        "from stdin (format binary)"
    )
    with db.cursor() as cursor, cursor.copy(statement) as copy:
        copy.write(COPY_HEADER)
        for row in _binary_rows(forecast):
            copy.write(row)
        copy.write(COPY_TRAILER)


def _binary_rows(forecast: DemandForecast) -> Iterator[bytes]:
    """Rows of the table in the binary COPY format: field count, then length and bytes of each."""
    N = len(forecast.skus)
    head = struct.pack("!h", 6) + _field(forecast.run_id.encode())
    arrays = (
        _real_arrays(forecast.mean_units),
        _real_arrays(forecast.quantiles_units.reshape(N, -1)),
        _real_arrays(forecast.dependence),
    )
    for i, (sku, location) in enumerate(zip(forecast.skus, forecast.locations, strict=True)):
        yield b"".join(
            [head, _field(sku.encode()), _field(location.encode()), *(rows[i] for rows in arrays)]
        )


def _field(value: bytes) -> bytes:
    return struct.pack("!i", len(value)) + value


def _real_arrays(values: Floats) -> list[bytes]:
    """Each row of (N, M), M > 0, as a binary `real[]` field."""
    elements = np.empty(values.shape, ELEMENT)
    elements["bytes"], elements["value"] = 4, values
    head = ARRAY_HEADER.pack(1, 0, REAL_OID, values.shape[1], 1)
    return [_field(head + row.tobytes()) for row in elements]


def _listed(values: Sequence[str] | None) -> list[str] | None:
    return None if values is None else list(values)


def _read(
    db: psycopg.Connection, source: sql.SQL, where: dict[str, object], *, since: date | None = None
) -> list[DemandForecast]:
    """Forecasts of the rows that `source` selects as `f`, one per run, newest first."""
    with db.cursor(binary=True) as cursor:
        cursor.adapters.register_loader(REAL_ARRAY_OID, RealArrayLoader)
        cursor.execute(
            sql.SQL(
                "select f.run_id, {columns} {source} order by f.run_id, f.sku, f.location"
            ).format(columns=COLUMNS, source=source),
            where,
        )
        rows: dict[str, list[tuple[str, str, Floats, Floats, Floats]]] = {}
        for run_id, *series in cursor:
            rows.setdefault(run_id, []).append(tuple(series))
    kept = [run for run in _records(db, list(rows)) if since is None or run.first_day >= since]
    return [_forecast(run, rows[run.run_id]) for run in kept]


def _records(db: psycopg.Connection, run_ids: list[str]) -> list[RunRecord]:
    """The runs of these ids, newest first."""
    with db.cursor(row_factory=class_row(RunRecord)) as cursor:
        return cursor.execute(
            sql.SQL(
                "select {columns} from forecast_runs r where r.run_id = any(%s) "
                "order by r.made_at desc, r.run_id"
            ).format(columns=RUN_COLUMNS),
            [run_ids],
        ).fetchall()


def _forecast(
    run: RunRecord, rows: Sequence[tuple[str, str, Floats, Floats, Floats]]
) -> DemandForecast:
    skus, locations, mean, quantiles, dependence = zip(*rows, strict=True)
    N, Q = len(rows), len(run.levels)
    return DemandForecast(
        skus=skus,
        locations=locations,
        first_day=run.first_day,
        levels=np.array(run.levels),
        quantiles_units=np.stack(quantiles).reshape(N, run.horizon, Q),
        mean_units=np.stack(mean),
        dependence=np.stack(dependence),
        run_id=run.run_id,
        model_version=run.model_version,
        period_days=run.period_days,
    )
