"""Monitoring: days that came are compared with their forecasts, and what is wrong is told.

Run twice on the same facts, the second run changes nothing. A breach of all series is told once,
for all; only what is wrong in some segments alone is told for those: one cause is one alert.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import psycopg

from inventory.alerts import Alert
from inventory.store import forecast_outcomes, forecast_scores, series_segments
from inventory.store.alerts import open_causes, replace_alerts
from inventory.store.monitoring_reports import keep_report
from models.accuracy import accuracy, rounded, value_added
from models.alarms import (
    DRIFT,
    MEASURES,
    TOTAL,
    Breach,
    Thresholds,
    breaches,
    drift,
    named,
)
from models.segments import CV2_MAX, NEW_PERIODS, QUIET_PERIODS, SELLING_SHARE_MIN
from pipelines.drift import CORE_INPUTS, input_drift
from pipelines.settings import Settings

Progress = Callable[[str], None]

LOOK_BACK_DAYS = 42
"""Sales that are corrected later than this no longer change the figures; ledgers settle in 35."""

KEPT_DAYS = 400
"""Outcomes are kept for a year and a month, so that a month compares with that of last year."""

CLASSED_DAYS = 84
"""Sales that say what kind of seller a series is."""

MONITORED_LEAD = 1
"""Lead at which segments are watched: it shows first, and is there for every horizon."""

SEGMENTS_TOLD_MAX = 20
"""Alerts per measure, the segments that sell most; the rest is counted in the report."""

LINES_MAX = 20
"""Segments of a kind that are printed, those that sell most; JSON has all."""

BOUNDS = series_segments.Bounds(
    selling_share_min=SELLING_SHARE_MIN,
    cv2_max=CV2_MAX,
    new_days=NEW_PERIODS[1],
    quiet_days=QUIET_PERIODS[1],
)


def thresholds_of(settings: Settings) -> Thresholds:
    """The thresholds that an operator set."""
    return Thresholds(
        wape_over_naive_max=settings.monitor_wape_over_naive_max,
        bias_max=settings.monitor_bias_max,
        coverage_tolerance=settings.monitor_coverage_tolerance,
        psi_max=settings.monitor_psi_max,
    )


@dataclass(slots=True)
class MonitorReport:
    """What was compared, how each segment does, and what was told."""

    days: int = 0
    outcomes: int = 0
    first_day: date | None = None
    last_day: date | None = None
    segments: pl.DataFrame = field(default_factory=pl.DataFrame)
    psi: dict[str, float] = field(default_factory=dict)
    breaches: list[Breach] = field(default_factory=list)
    thresholds: Thresholds = field(default_factory=Thresholds)
    alerts_raised: int = 0
    alerts_resolved: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "first_day": self.first_day and self.first_day.isoformat(),
            "last_day": self.last_day and self.last_day.isoformat(),
            "lead": MONITORED_LEAD,
            "segments": [segment_as_dict(row) for row in self.segments.iter_rows(named=True)],
            "psi": {name: rounded(value) for name, value in self.psi.items()},
            "thresholds": thresholds_as_dict(self.thresholds),
            "breaches": [breach_as_dict(breach) for breach in self.breaches],
        }

    def lines(self) -> list[str]:
        """What to tell the person at the screen: one line per segment, then what is wrong."""
        told = [f"{self.days} days compared, {self.outcomes:,} outcomes written"]
        if self.last_day is None:
            return [*told, "no day has come yet for which a forecast was in force before"]
        told.append(f"{self.first_day} to {self.last_day}, forecast the evening before:")
        told.append(
            f"{'segment':<32}{'days':>5}{'observed':>10}{'censored':>9}{'WAPE':>8}{'naive':>8}"
            f"{'final':>8}{'bias':>8}{'signal':>7}{'cov .95':>8}{'cov .99':>8}"
        )
        for (kind,), rows in self.segments.group_by("kind", maintain_order=True):
            told += [_line(row) for row in rows.head(LINES_MAX).iter_rows(named=True)]
            if len(rows) > LINES_MAX:
                told.append(f"and {len(rows) - LINES_MAX:,} smaller ones by {kind}")
        told += [f"{name:<32}PSI {value:.3f}" for name, value in sorted(self.psi.items())]
        told += [f"breach: {breach.message}" for breach in _told(self)]
        others = len(self.breaches) - len(_told(self))
        if others:
            told.append(f"and {others:,} breaches of parts")
        told.append(f"{self.alerts_raised} alerts raised, {self.alerts_resolved} resolved")
        return told


def monitor(
    db: psycopg.Connection,
    *,
    now: datetime,
    as_of: date | None = None,
    window_days: int = 21,
    thresholds: Thresholds | None = None,
    progress: Progress = lambda _: None,
) -> MonitorReport:
    """Compare the days that are due, work out every segment, and raise and resolve alerts.

    as_of : the morning on which one stands; by default that of `now`. That day has not been yet.
    window_days : days up to the last one compared that the figures are about.
    """
    last = (as_of or now.date()) - timedelta(days=1)
    first = last - timedelta(days=LOOK_BACK_DAYS - 1)
    progress("comparing days with their forecasts")
    days, outcomes = forecast_outcomes.evaluate(db, first=first, last=last, now=now)
    series_segments.refresh(
        db, first=last - timedelta(days=CLASSED_DAYS - 1), last=last, bounds=BOUNDS
    )
    forecast_outcomes.drop_before(db, last - timedelta(days=KEPT_DAYS))
    report = look(db, last=last, now=now, window_days=window_days, thresholds=thresholds)
    report.days, report.outcomes = days, outcomes
    if report.last_day is not None:
        keep_report(db, report.as_dict(), last_day=report.last_day, now=now)
    report.alerts_raised, report.alerts_resolved = replace_alerts(
        db, [_alert(breach, report) for breach in _told(report)], kinds=MEASURES, now=now
    )
    return report


def look(
    db: psycopg.Connection,
    *,
    last: date,
    now: datetime,
    window_days: int = 21,
    thresholds: Thresholds | None = None,
) -> MonitorReport:
    """How each segment does over the window that ends with the last day compared by `last`."""
    report = MonitorReport(thresholds=thresholds or Thresholds())
    report.last_day = forecast_outcomes.last_day(db, until=last)
    if report.last_day is None:
        return report
    report.first_day = report.last_day - timedelta(days=window_days - 1)
    report.segments = _figures(db, first=report.first_day, last=report.last_day)
    report.psi = input_drift(db, last=report.last_day, now=now)
    rows = report.segments.iter_rows(named=True)
    report.breaches = [found for row in rows for found in breaches(row, report.thresholds)]
    report.breaches += drift(report.psi, report.thresholds)
    return report


def retraining_due(
    db: psycopg.Connection,
    *,
    now: datetime,
    trained_at: datetime | None,
    after_days: int,
    persists_days: int = 2,
    thresholds: Thresholds | None = None,
) -> str | None:
    """Why the model in use should be trained anew before its time, or None.

    A breach of all series must have been told for `persists_days`; the last training must be
    `after_days` ago, and the days since must show the breach still: older ones are the fault of the
    model before. Inputs count once after each training, since a training cannot mend them.

    after_days : 0 never retrains for a breach.
    """
    if after_days == 0 or trained_at is None or now - trained_at < timedelta(days=after_days):
        return None
    told = [
        cause
        for cause, raised_at in open_causes(db, kinds=MEASURES)
        if raised_at <= now - timedelta(days=persists_days)
        and (not cause.startswith(DRIFT) or raised_at > trained_at)
    ]
    core = {f"{DRIFT}:input:{name}" for name in CORE_INPUTS}
    for cause in sorted(core.intersection(told)):
        return f"input drift of {cause.split(':')[2]}"
    first, last = trained_at.date() + timedelta(days=1), now.date() - timedelta(days=1)
    since = _figures(db, first=first, last=last)
    # Too few days for a tracking signal; that the error is no chance was told before.
    told_of = thresholds or Thresholds()
    still = replace(
        told_of, days_min=min(after_days, told_of.days_min) - 1, tracking_deviations=0.0
    )
    for row in since.filter(pl.col("kind") == TOTAL).iter_rows(named=True):
        for breach in breaches(row, still):
            if breach.cause in told:
                return breach.message
    return None


def segment_as_dict(row: dict[str, Any]) -> dict[str, Any]:
    """One segment's figures for JSON."""
    return {
        "kind": row["kind"],
        "segment": row["segment"],
        "days": row["days"],
        "observed": row["observed"],
        "censored_share": rounded(row["censored_share"]),
        "wape": rounded(row["wape"]),
        "bias": rounded(row["bias"]),
        "tracking_signal": rounded(row["tracking_signal"]),
        "smoothed_tracking_signal": rounded(row["smoothed_tracking_signal"]),
        "coverage": {"q95": rounded(row["coverage95"]), "q99": rounded(row["coverage99"])},
        "fva": value_added(row),
    }


def _line(row: dict[str, Any]) -> str:
    """One segment as a line of the table."""

    def share(name: str) -> str:
        return "-" if row[name] is None else f"{row[name]:.1%}"

    name = named(row["kind"], row["segment"])
    return (
        f"{name:<32}{row['days']:>5}{row['observed']:>10,}{share('censored_share'):>9}"
        f"{share('wape'):>8}{share('naive_wape'):>8}{share('final_wape'):>8}{share('bias'):>8}"
        f"{row['tracking_signal'] or 0:>7.1f}{share('coverage95'):>8}{share('coverage99'):>8}"
    )


def breach_as_dict(breach: Breach) -> dict[str, Any]:
    """One breach for JSON."""
    return {
        "measure": breach.measure,
        "kind": breach.segment_kind,
        "segment": breach.segment,
        "value": rounded(breach.value),
        "threshold": rounded(breach.threshold),
        "message": breach.message,
    }


def thresholds_as_dict(thresholds: Thresholds) -> dict[str, float]:
    """Thresholds by name, for JSON."""
    return {name: getattr(thresholds, name) for name in Thresholds.__slots__}


def _figures(db: psycopg.Connection, *, first: date, last: date) -> pl.DataFrame:
    """Accuracy per segment, the total first, then the segments that sell most."""
    days = forecast_scores.segment_days(db, first=first, last=last, lead=MONITORED_LEAD)
    place = pl.col("kind").replace_strict(
        {kind: i for i, kind in enumerate(forecast_scores.SEGMENT_KINDS)}, return_dtype=pl.Int64
    )
    return accuracy(days, ["kind", "segment"]).sort(
        place, "units", "segment", descending=[False, True, False]
    )


def _told(report: MonitorReport) -> list[Breach]:
    """The breaches worth an alert: of all series, else of the largest segments."""
    for_all = {b.measure for b in report.breaches if b.segment_kind == TOTAL}
    told = []
    for measure in MEASURES:
        own = [b for b in report.breaches if b.measure == measure]
        if measure in for_all:
            own = [b for b in own if b.segment_kind == TOTAL]
        told += own[:SEGMENTS_TOLD_MAX]
    return told


def _alert(breach: Breach, report: MonitorReport) -> Alert:
    """One breach as an alert; a place's own alerts carry the place."""
    assert report.first_day is not None
    assert report.last_day is not None
    others = [
        b.segment_kind + (f" {b.segment}" if b.segment else "")
        for b in report.breaches
        if b.measure == breach.measure and b.cause != breach.cause
    ]
    serious = breach.segment_kind == TOTAL or breach.segment in CORE_INPUTS
    return Alert(
        kind=breach.cause,
        severity="warning" if serious else "info",
        message=breach.message,
        location=breach.segment if breach.segment_kind == "location" else None,
        detail={
            **breach_as_dict(breach),
            "from": report.first_day.isoformat(),
            "to": report.last_day.isoformat(),
            "also": others[:10],
        },
    )
