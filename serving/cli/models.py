"""Commands on registered models: list them, promote one, go back to the one before."""

from typing import TYPE_CHECKING, Annotated

import typer

from inventory.errors import InputRejected
from serving.cli.screen import Json, opened, person, progress, say, short_enough, show, utc_now

if TYPE_CHECKING:
    from models.registry import Version

REFUSED = 1
"""Exit code of a promotion that the gate refused; a wrong argument is 2."""

REASON_DEFAULT = "asked for on the command line"

Reason = Annotated[str | None, typer.Option(help="Why, for the record.", callback=short_enough)]


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    for command in (models, promote, rollback):
        cli.command()(command)


def models(*, as_json: Json = False) -> None:
    """Registered models, the newest first, and which one forecasts.

    \b
    $ vouch models
    no model is registered yet: `vouch train` makes one
    """  # noqa: D301 - \b keeps the example's line breaks.
    from models import registry
    from pipelines.settings import Settings

    uri = Settings().tracking_uri
    found, changes = registry.versions(uri), registry.changes(uri)
    told = {
        "models": [one.as_dict() for one in found],
        "changes": [change.as_dict() for change in changes],
    }
    lines = [_line(one) for one in found]
    if lines:
        lines.insert(0, f"{'version':<9}{'in use as':<22}{'sales to':<12}{'SQL':>8}{'WAPE':>8}"
                        f"{'q0.95':>8}  verdict")  # fmt: skip
    for change in changes:
        was = f" in place of {change.previous}" if change.previous else ""
        lines.append(
            f"{change.at:%Y-%m-%d %H:%M} {change.act} {change.version}{was} by {change.by}: "
            f"{change.reason}"
        )
    show(told, as_json=as_json,
         lines=lines or ["no model is registered yet: `vouch train` makes one"])  # fmt: skip


def _line(one: "Version") -> str:
    figures = [one.metrics.get(f"ensemble.{name}") for name in ("sql", "wape", "coverage95")]
    told = "".join("       -" if value is None else f"{value:8.3f}" for value in figures)
    verdict = one.verdict.reason if one.verdict else ""
    # The first model is both: nothing challenges it.
    used = "champion" if "champion" in one.aliases else " ".join(one.aliases)
    return f"{one.version:<9}{used:<22}{one.origin!s:<12}{told}  {verdict}"


def promote(
    *,
    version: Annotated[
        str | None, typer.Argument(help="Version to promote; else the challenger.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Promote it whatever the comparison says.")] = False,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Compare a model with the champion, and put it in its place if nothing gets worse.

    Both are judged on the same days, which neither has seen: accuracy, calibration and what the
    orders would have cost. Exit code 1 when the model is refused.

    \b
    $ vouch promote
    vouch: no registered model 'vouch-forecaster@challenger'
    """  # noqa: D301
    from pipelines import champion, history

    if force and not reason:
        raise InputRejected("a promotion by force needs `--reason TEXT`", field="reason")
    if reason and not force:
        raise InputRejected(
            "goes with `--force`; else the comparison is the reason", field="reason"
        )
    with opened() as (settings, db):
        found = champion.promote(
            settings,
            lambda: history.load_panel(db, horizon_days=settings.horizon_days),
            version=version,
            by=person(),
            now=utc_now(),
            force_reason=reason,
            progress=progress,
        )
    show(found, as_json=as_json)
    if found.change is None:
        raise typer.Exit(REFUSED)


def rollback(
    *,
    to: Annotated[str | None, typer.Option(help="Version; else the champion before.")] = None,
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Give the champion's place back to the model that had it before.

    The next forecast is made by it: `vouch forecast`, or the daily job.

    \b
    $ vouch rollback
    vouch: no registered model 'vouch-forecaster@champion'
    """  # noqa: D301
    from models import registry
    from pipelines.settings import Settings

    change = registry.roll_back(
        Settings().tracking_uri, by=person(), reason=reason or REASON_DEFAULT, now=utc_now(), to=to
    )
    if as_json:
        show(change, as_json=True)
        return
    say(
        f"version {change.version} is champion again, in place of {change.previous}; "
        "`vouch forecast` puts its forecast in force"
    )
