"""The daily job: what sold becomes a forecast, and the forecast becomes buffers, policies, orders.

    ledger -> sales history -> monitoring -> features -> train -> forecast -> promise buffers
           -> safety stock, reorder points, order quantities
           -> proposed transfers -> proposed purchase orders for the rest, alerts

Run twice on one day with the same data, the second run changes nothing.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import psycopg

from features.frame import Panel
from inventory.errors import InputRejected, NotFound, Unavailable
from inventory.store import announcements, database, forecasts, late_supply, planning
from inventory.store.sales_rollup import roll_up_ledger_sales
from pipelines.buffers import compute_buffers
from pipelines.history import load_panel
from pipelines.monitor import monitor, retraining_due, thresholds_of
from pipelines.replenish import replenish
from pipelines.schedule import training_due
from pipelines.settings import Settings

Progress = Callable[[str], None]

TRAINED = "trained"
"""First word of the note on the first forecast run after a training."""

ONE = timedelta(days=1)

LAG_DAYS_TOLD = 2
"""A history that ends earlier than this before today is worth a word."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the job: how long it took, and what it counted."""

    name: str
    seconds: float
    counts: dict[str, int]


@dataclass(slots=True)
class DailyReport:
    """What the job did, step by step."""

    origin: date | None = None
    run_id: str = ""
    model_version: str = ""
    steps: list[Step] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "origin": self.origin.isoformat() if self.origin else None,
            "run_id": self.run_id,
            "model_version": self.model_version,
            "seconds": round(self.seconds, 1),
            "steps": [
                {"name": s.name, "seconds": round(s.seconds, 2), "counts": s.counts}
                for s in self.steps
            ],
            "notes": self.notes,
        }

    def lines(self) -> list[str]:
        """What to tell the person at the screen."""
        told = [
            f"{step.name:<10}{step.seconds:7.1f} s  "
            + ", ".join(f"{count:,} {what}" for what, count in step.counts.items())
            for step in self.steps
        ]
        told += [f"forecast run {self.run_id} by {self.model_version}, from {self.origin}"]
        return told + self.notes


def daily(
    database_url: str,
    settings: Settings,
    *,
    now: datetime,
    as_of: date | None = None,
    skus: Sequence[str] | None = None,
    train: bool | None = None,
    progress: Progress = lambda _: None,
) -> DailyReport:
    """Run the job for the day of `now`.

    Parameters
    ----------
    as_of : read only what sold before this day; by default all that is on record.
    skus : re-forecast only these, with the champion; all else keeps its forecast and policy.
    train : None trains when it is time by `pipelines.schedule.training_due`, or the champion sees
        fewer days ahead than asked.

    Raises
    ------
    InputRejected
        No sales are on record, or none of these SKUs.
    """
    report = DailyReport()
    with database.connect(database_url) as db:
        with _step(report, "history", progress) as counts:
            counts["days rolled up"] = roll_up_ledger_sales(
                db, through=now.date() - timedelta(days=1), now=now
            )
            panel = load_panel(db, as_of=as_of, horizon_days=settings.horizon_days)
            counts["series"], counts["days of sales"] = len(panel.series), len(panel.history)
        report.origin = panel.origin
        _note_lag(report, now.date())
        if skus is None:
            _monitor(db, settings, report, now=now, as_of=as_of, progress=progress)
        _forecast(db, panel, settings, report, now=now, skus=skus, train=train, progress=progress)
        with planning.turn(db):
            _act(db, settings, report, now=now, skus=skus, progress=progress)
    return report


def must_train(db: psycopg.Connection, settings: Settings, *, now: datetime) -> bool:
    """Whether it is time for a training, by the forecasts that trainings bore on this database."""
    return training_due(
        last_training(db),
        now=now,
        every_days=settings.train_every_days,
        weekday=settings.train_weekday,
    )


def last_training(db: psycopg.Connection) -> datetime | None:
    """When a training last bore a forecast on this database."""
    return forecasts.last_made(db, noted=TRAINED)


def _monitor(
    db: psycopg.Connection,
    settings: Settings,
    report: DailyReport,
    *,
    now: datetime,
    as_of: date | None,
    progress: Progress,
) -> None:
    """Compare what came with what was forecast, before anything is forecast anew."""
    with _step(report, "monitor", progress) as counts:
        watched = monitor(
            db,
            now=now,
            as_of=as_of,
            window_days=settings.monitor_days,
            thresholds=thresholds_of(settings),
        )
        counts |= {
            "days compared": watched.days,
            "breaches": len(watched.breaches),
            "alerts raised": watched.alerts_raised,
            "alerts resolved": watched.alerts_resolved,
        }


def _falls_short(settings: Settings) -> bool:
    """Whether the champion is gone, cannot be read any more, or sees fewer days than asked."""
    from models import registry
    from pipelines.forecast import horizon_of

    try:
        champion = registry.load_champion(settings.tracking_uri)
    except (NotFound, Unavailable):
        return True
    return horizon_of(champion.ensemble) < settings.horizon_days


def _forecast(
    db: psycopg.Connection,
    panel: Panel,
    settings: Settings,
    report: DailyReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
    train: bool | None,
    progress: Progress,
) -> None:
    """Train if it is time, and put the champion's forecast in force."""
    from models import registry
    from pipelines.forecast import forecast
    from pipelines.train import train as train_model

    reason = None
    if train is None and skus is None:
        reason = retraining_due(
            db,
            now=now,
            trained_at=last_training(db),
            after_days=settings.retrain_after_days,
            thresholds=thresholds_of(settings),
        )
    because = f": {reason}" if reason else ""
    if train is None:
        train = skus is None and (
            reason is not None or must_train(db, settings, now=now) or _falls_short(settings)
        )
    if train:
        with _step(report, "train", progress) as counts:
            trained = train_model(
                panel, settings, now=now, by="daily job", because=reason or "", progress=progress
            )
            counts["members"] = len(trained.ensemble.members)
        report.notes.append(f"model {trained.version} is {trained.alias}: {trained.reason}")
    with _step(report, "forecast", progress) as counts:
        try:
            champion = registry.load_champion(settings.tracking_uri, progress=progress)
        except NotFound as error:
            raise InputRejected("no model was trained yet; run `vouch daily` or `vouch train`"
                                ) from error  # fmt: skip
        report.model_version = f"{registry.MODEL}/{champion.version}"
        report.run_id = forecast(
            db,
            panel,
            champion.ensemble,
            model_version=report.model_version,
            now=now,
            horizon=settings.horizon_days,
            mlflow_run_id=champion.run_id,
            explained=settings.explain,
            skus=skus,
            note=f"{TRAINED} {now.date()}{because}" if train else "",
            progress=progress,
        )
        counts["days ahead"] = settings.horizon_days
        # The last training is told from its run's note, so that run is spared.
        kept = now - timedelta(days=settings.forecasts_kept_days)
        counts["old runs dropped"] = forecasts.drop_runs_made_before(db, kept, spared_note=TRAINED)


def _act(
    db: psycopg.Connection,
    settings: Settings,
    report: DailyReport,
    *,
    now: datetime,
    skus: Sequence[str] | None,
    progress: Progress,
) -> None:
    """From the forecast in force to what is withheld, what is ordered, and who is told."""
    with _step(report, "buffers", progress) as counts:
        buffers = compute_buffers(db, now=now, seed=settings.seed, skus=skus)
        counts |= {"positions": buffers.positions, "changed": buffers.written + buffers.removed}
    with _step(report, "replenish", progress) as counts:
        planned = replenish(db, settings, now=now, skus=skus)
        counts |= {
            "policies": planned.policies,
            "triggered": planned.triggered,
            "transfers": planned.transfers_created,
            "transfer lines": planned.transfer_lines,
            "purchase orders": planned.orders_created,
            "order lines": planned.lines_added,
            "alerts raised": planned.alerts_raised,
            "alerts resolved": planned.alerts_resolved,
        }
    with _step(report, "announce", progress) as counts:
        # What the servers would say in time: supply that is overdue by now, above all.
        counts["events"] = announcements.announce_due(db, now=now)
        counts["promises moved"] = late_supply.move_due(db, now=now)
    report.notes += [*buffers.problems, *planned.problems]


def _note_lag(report: DailyReport, today: date) -> None:
    assert report.origin is not None
    lag_days = (today - report.origin).days
    if lag_days > LAG_DAYS_TOLD:
        report.notes.append(
            f"sales end on {report.origin}, {lag_days} days before today: forecasts start there; "
            f"import newer sales, or plan as on that morning with `--as-of {report.origin + ONE}`"
        )


@contextmanager
def _step(report: DailyReport, name: str, progress: Progress) -> Iterator[dict[str, int]]:
    """Time a step and keep what it counted."""
    progress(name)
    counts: dict[str, int] = {}
    started = time.perf_counter()
    yield counts
    report.steps.append(Step(name, time.perf_counter() - started, counts))
