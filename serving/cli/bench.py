"""The command that measures: every figure we print can be reproduced."""

from typing import Annotated, Literal

import typer

from serving.cli.screen import Json, progress, show, utc_now


def register(cli: typer.Typer) -> None:
    """Add this command."""
    cli.command()(bench)


def bench(
    name: Annotated[Literal["http"], typer.Argument(help="What to measure.")],
    *,
    seconds: Annotated[float, typer.Option(help="Length of each run.", min=0.2, max=3600)] = 20.0,
    workers: Annotated[int, typer.Option(help="Server processes.", min=1, max=64)] = 1,
    seed: Annotated[int, typer.Option(help="Which SKUs are asked for, in which order.")] = 7,
    as_json: Json = False,
) -> None:
    """Measure the promise path on a server of its own, and print the machine with the figures.

    \b
    $ vouch bench http --seconds 0.5
    availability: 100/s p50 ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving import bench as measures

    assert name == "http"
    report = measures.http(
        seconds=seconds, workers=workers, seed=seed, now=utc_now(), progress=progress
    )
    lines = [
        f"{run}: {report[run]['rate_per_second']:.0f}/s "
        + " ".join(f"{p} {report[run][f'{p}_ms']} ms" for p in ("p50", "p95", "p99", "max"))
        + f", server CPU {report[run]['server_cpu_ms']} ms  {report[run]['statuses']}"
        for run in ("availability", "reservation")
    ]
    show(report, as_json=as_json, lines=[*lines, f"on {report['machine']}"])
