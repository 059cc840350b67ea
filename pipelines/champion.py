"""Champion against challenger: a fair trial, the change of the one in use, and the way back.

Both are judged on days of which neither has seen any. At a training, the challenger's recipe is
fitted as of the champion's last day (at most four weeks back), judged on the days since, and only
then fitted on everything. Two registered versions are judged as they are, on the days since the
younger one was trained.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from features.frame import SERIES, Panel
from inventory.errors import NotFound, StateConflict, Unavailable
from models import gate, registry, trial
from models.ensemble import Ensemble
from models.gate import Criterion, Verdict
from models.registry import CHALLENGER, CHAMPION, MODEL, Champion, Change, Version
from models.tracking import changing
from pipelines.settings import Settings

Progress = Callable[[str], None]

SERIES_KNOWN_MIN = 0.5
"""A champion that was trained on fewer of today's series than this is replaced: other data."""

FIRST = Verdict(promoted=True, reason="first model")


@dataclass(frozen=True, slots=True)
class Promotion:
    """What came of asking for a promotion. `change` is None where it was refused."""

    version: str
    verdict: Verdict
    change: Change | None

    def as_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return {
            "version": self.version,
            "promoted": self.change is not None,
            "verdict": self.verdict.as_dict(),
            "change": self.change.as_dict() if self.change else None,
        }

    def lines(self) -> list[str]:
        """The table of both sides, and the outcome."""
        if self.change is not None:
            was = f", in place of {self.change.previous}" if self.change.previous else ""
            outcome = f"version {self.version} is champion now{was}: {self.change.reason}"
        else:
            outcome = f"version {self.version} is not promoted: {self.verdict.reason}"
        return [*table(self.verdict), outcome]


def judge_recipe(
    fit: Callable[[Panel], Ensemble],
    panel: Panel,
    settings: Settings,
    *,
    progress: Progress = lambda _: None,
) -> Verdict:
    """Whether a model fitted on the panel by `fit` may take the champion's place.

    `fit` is called at most once, with the panel as it stood on the champion's last day.
    """
    held = _registered(settings.tracking_uri, CHAMPION)
    if held is None:
        return FIRST
    try:
        champion = registry.load_champion(settings.tracking_uri)
    except Unavailable as unreadable:
        return Verdict(True, str(unreadable), against=held.version)
    unfit = _unfit(champion, panel, horizon=settings.horizon_days)
    if unfit:
        return Verdict(True, unfit, against=champion.version)
    ground = _ground(panel, held)
    if ground is None:
        return _too_early(panel, held, against=held.version)
    cutoff = ground.plan.cutoff
    progress(f"fitting as of {cutoff}, to be judged beside version {held.version}")
    trained = fit(panel.until(cutoff))
    progress(f"judging both on {ground.plan.periods} days after {cutoff}")
    return compare(champion, trained, ground, settings)


def judge_registered(
    version: Version, panel: Panel, settings: Settings, *, progress: Progress = lambda _: None
) -> Verdict:
    """Whether a registered version may take the champion's place: on newer days, or as recorded.

    Where neither a trial on newer days is possible nor one against this champion is on record, it
    may not, and the reason says from when on it can be told.
    """
    uri = settings.tracking_uri
    held = _registered(uri, CHAMPION)
    if held is None:
        return FIRST
    younger = max((v for v in (held, version) if v.origin), key=_origin, default=held)
    ground = _ground(panel, younger)
    if ground is None:
        recorded = version.verdict
        if recorded is not None and recorded.against == held.version and recorded.criteria:
            return recorded
        return _too_early(panel, younger, against=held.version)
    progress(f"judging versions {held.version} and {version.version} on the days since "
             f"{ground.plan.cutoff}")  # fmt: skip
    challenger = registry.load_version(uri, version.version)
    return compare(registry.load_champion(uri), challenger.ensemble, ground, settings)


def compare(
    champion: Champion, challenger: Ensemble, ground: trial.Ground, settings: Settings
) -> Verdict:
    """Both on the same ground; neither may have been fitted on it."""
    horizon = _common_horizon(champion.ensemble, challenger, settings.horizon_days)
    sheets = [
        trial.judge(
            ensemble, ground, horizon=horizon, service_level=settings.service_level,
            seed=settings.seed,
        )
        for ensemble in (champion.ensemble, challenger)
    ]  # fmt: skip
    criteria = gate.decide(*sheets, seed=settings.seed)
    agreed = ground.plan
    step = timedelta(days=ground.panel.period_days)
    days = (agreed.cutoff + step, agreed.cutoff + agreed.periods * step)
    policy = (
        f"order up to the {settings.service_level:g} quantile of {agreed.window_periods} periods "
        f"(lead time {agreed.lead_time_periods}, review {agreed.review_periods}), sales lost"
    )
    return Verdict(
        promoted=all(criterion.passed for criterion in criteria),
        reason=gate.reason_of(criteria),
        against=champion.version,
        days=(days[0].isoformat(), days[1].isoformat()),
        series=len(sheets[0].costs),
        policy=policy,
        criteria=criteria,
        coverages=gate.coverages_of(*sheets),
    )


def promote(
    settings: Settings,
    panel_of: Callable[[], Panel],
    *,
    version: str | None,
    by: str,
    now: datetime,
    force_reason: str | None = None,
    progress: Progress = lambda _: None,
) -> Promotion:
    """Make a version (default: the challenger) champion if it may be, or by force with a reason.

    panel_of : the sales so far; asked only where they are needed.

    Raises
    ------
    NotFound
        No such version.
    StateConflict
        It is the champion already.
    """
    uri = settings.tracking_uri
    wanted = registry.version_of(uri, version=version, alias=CHALLENGER)
    if CHAMPION in wanted.aliases:
        raise StateConflict(
            "registered model", f"{MODEL}/{wanted.version}", state=CHAMPION, act="promote"
        )
    if force_reason is not None:
        verdict = Verdict(True, force_reason)
        change = registry.put_in_force(
            uri, wanted.version, by=by, reason=force_reason, now=now, act="force"
        )
        return Promotion(wanted.version, verdict, change)
    verdict = judge_registered(wanted, panel_of(), settings, progress=progress)
    return enact(uri, wanted.version, verdict, by=by, now=now)


def promote_as_recorded(
    uri: str, version: str, *, by: str, now: datetime, force_reason: str | None = None
) -> Promotion:
    """`promote` by what is on record alone, which takes no model and no sales."""
    wanted = registry.version_of(uri, version=version)
    if force_reason is not None:
        change = registry.put_in_force(
            uri, version, by=by, reason=force_reason, now=now, act="force"
        )
        return Promotion(version, Verdict(True, force_reason), change)
    with changing(uri):
        held = _registered(uri, CHAMPION)
        recorded = wanted.verdict
        if held is None:
            recorded = FIRST
        elif recorded is None or recorded.against != held.version:
            recorded = _never_compared(version, held)
        if not recorded.promoted:
            return Promotion(version, recorded, None)
        done = registry.put_in_force(uri, version, by=by, reason=recorded.reason, now=now)
    return Promotion(version, recorded, done)


def enact(uri: str, version: str, verdict: Verdict, *, by: str, now: datetime) -> Promotion:
    """Write down what a comparison came to, and do what the verdict says.

    A comparison takes minutes. Where another version became champion meanwhile, it says nothing of
    that one, and nothing is changed.
    """
    if verdict.criteria:
        registry.keep_verdict(uri, version, verdict)
    with changing(uri):
        held = _registered(uri, CHAMPION)
        if verdict.promoted and held is not None and held.version != verdict.against:
            verdict = _never_compared(version, held)
        if not verdict.promoted:
            return Promotion(version, verdict, None)
        change = registry.put_in_force(uri, version, by=by, reason=verdict.reason, now=now)
    return Promotion(version, verdict, change)


def table(verdict: Verdict) -> list[str]:
    """Lines for the screen: what was judged, the three criteria of both sides, the coverages."""
    if not verdict.criteria or verdict.days is None:
        return []
    first, last = verdict.days
    head = "".join(
        f"{name:>{width}}"
        for name, width in (
            ("champion", 12), ("challenger", 12), ("difference", 13), ("nine in ten draws", 21),
        )
    )  # fmt: skip
    return [
        f"judged on {first} to {last}, {verdict.series:,} series, beside version {verdict.against}",
        verdict.policy,
        " " * LABEL + head,
        *(_row(criterion) for criterion in verdict.criteria),
        *(
            f"{f'  coverage, {name}':<{LABEL}}{champion:>12.1%}{challenger:>12.1%}"
            for name, champion, challenger in verdict.coverages
        ),
    ]


LABEL = 26
"""Width of the first column of the table."""


def _row(c: Criterion) -> str:
    share = c.name == gate.CALIBRATION
    unit = "pt" if share else "% "
    champion, challenger = (
        f"{side * 100:.2f} pt" if share else f"{side:,.4g}" for side in (c.champion, c.challenger)
    )
    return (
        f"{gate.FIGURES[c.name]:<{LABEL}}{champion:>12}{challenger:>12}"
        f"{f'{c.difference * 100:+.1f} {unit}':>13}"
        f"{f'{c.low * 100:+.1f} to {c.high * 100:+.1f} {unit}':>21}"
        f"  {'passed' if c.passed else 'refused'}"
    )


def _registered(uri: str, alias: str) -> Version | None:
    try:
        return registry.version_of(uri, alias=alias)
    except NotFound:
        return None


def _origin(version: Version) -> date:
    return version.origin or date.min


def _ground(panel: Panel, seen: Version) -> trial.Ground | None:
    if seen.origin is None:
        return None
    agreed = trial.plan(panel, seen_until=seen.origin)
    return None if agreed is None else trial.ground(panel, agreed)


def _never_compared(version: str, held: Version) -> Verdict:
    return Verdict(
        False,
        f"it was never compared with version {held.version}, the champion; "
        f"`vouch promote {version}` does that",
        against=held.version,
    )


def _too_early(panel: Panel, seen: Version, *, against: str) -> Verdict:
    least = trial.PERIODS_MIN[panel.period_days]
    since = f"since {seen.origin}" if seen.origin else "that it has not seen"
    when = ""
    if seen.origin:
        ready = seen.origin + timedelta(days=least * panel.period_days)
        when = f"; there are once sales to {ready} are on record"
    return Verdict(
        promoted=False,
        reason=f"there are fewer than {least} periods of sales {since} to judge on, which is as "
        f"far as version {seen.version} has seen{when}",
        against=against,
    )


def _unfit(champion: Champion, panel: Panel, *, horizon: int) -> str:
    """Why a champion cannot go on, whatever takes its place; empty when it can."""
    shared = len(panel.series.join(champion.series, on=SERIES, how="semi")) / len(panel.series)
    if shared < SERIES_KNOWN_MIN:
        return f"the champion knows only {shared:.0%} of the series"
    most = champion.ensemble.horizon_max
    if most is not None and most < horizon:
        return f"the champion sees only {most} days ahead, not {horizon}"
    return ""


def _common_horizon(one: Ensemble, other: Ensemble, horizon: int) -> int:
    reaches = [one.horizon_max, other.horizon_max]
    return min([horizon, *(reach for reach in reaches if reach is not None)])
