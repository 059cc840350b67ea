"""`vouch monitor`: what came of the forecasts."""

import typer

from serving.cli.jobs import AsOf, morning
from serving.cli.screen import Json, opened, progress, show


def register(cli: typer.Typer) -> None:
    """Add the command."""
    cli.command()(monitor)


def monitor(*, as_of: AsOf = None, as_json: Json = False) -> None:
    """Compare days that came with the forecasts in force before, and tell what goes wrong.

    Prints accuracy, bias, coverage and drift of inputs per segment. What is beyond a threshold is
    an alert until it is back. `vouch daily` does the same each day.

    \b
    $ vouch monitor
    0 days compared, 0 outcomes written
    """  # noqa: D301 - \b keeps the example's line breaks.
    from pipelines.monitor import monitor as run
    from pipelines.monitor import thresholds_of

    now, day = morning(as_of)
    with opened() as (settings, db):
        report = run(
            db,
            now=now,
            as_of=day,
            window_days=settings.monitor_days,
            thresholds=thresholds_of(settings),
            progress=progress,
        )
    show(report, as_json=as_json)
