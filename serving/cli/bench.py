"""The commands that measure: every figure we print can be reproduced."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from inventory.errors import InputRejected
from pipelines.settings import Settings
from serving.cli.screen import Json, progress, show, utc_now

cli = typer.Typer(
    help="Measure the promise path on a server of its own, and forecasts beside those of others.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Seconds = Annotated[float, typer.Option(help="Length of each measurement.", min=0.1, max=3600)]
Workers = Annotated[int, typer.Option(help="Server processes.", min=1, max=64)]
Seed = Annotated[int, typer.Option(help="Which SKUs are asked for, in which order.")]
DataDir = Annotated[
    Path | None,
    typer.Option(help="Folder of the public data sets.", envvar="VOUCH_BENCH_DATA"),
]
Preset = Annotated[Literal["fast", "full"], typer.Option(help="Members of the ensemble.")]


@cli.command()
def http(
    *,
    seconds: Seconds = 20.0,
    workers: Workers = 1,
    seed: Seed = 7,
    as_json: Json = False,
) -> None:
    """Latency over HTTP on a small catalogue, and the CPU that a request takes.

    \b
    $ vouch bench http --seconds 0.5
    availability: 100/s p50 ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.bench import http as measures

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


@cli.command()
def availability(
    *,
    positions: Annotated[
        int, typer.Option(help="Size of the stock: SKUs times 50 locations.", min=1_000)
    ] = 1_000_000,
    only: Annotated[
        list[str] | None, typer.Option(help="Measure only this; repeat for several.")
    ] = None,
    sizes: Annotated[
        bool, typer.Option("--sizes", help="Compare 10,000, 100,000 and 1,000,000 positions.")
    ] = False,
    seconds: Seconds = 10.0,
    workers: Workers = 1,
    seed: Seed = 7,
    as_json: Json = False,
) -> None:
    """Speed of promises, feeds and reads on a large stock, beside the least they could cost.

    \b
    $ vouch bench availability --positions 10000 --seconds 0.2 --only position
    ... ATP of one position, engine: p50 ms ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.bench import availability as measures

    names = tuple(measures.MEASUREMENTS)
    for name in only or ():
        if name not in names:
            raise InputRejected(f"'{name}' is none of {', '.join(names)}", field="--only")
    plan = measures.Plan(positions, seconds, seed, workers, tuple(only or ()))
    run = measures.against_size if sizes else measures.measure
    show(run(plan, clock=utc_now, progress=progress), as_json=as_json)


@cli.command()
def accuracy(
    *,
    data: Annotated[str, typer.Option(help="Data sets.")] = "freshretail,rossmann,vn2",
    data_dir: DataDir = None,
    windows: Annotated[
        int | None, typer.Option(help="Windows of each data set; the last is untouched.", min=1)
    ] = None,
    series: Annotated[
        int | None, typer.Option(help="Series of each data set, drawn at random.", min=10)
    ] = None,
    sample: Annotated[
        int, typer.Option(help="Series that the slow statistical peers forecast.", min=3)
    ] = 300,
    peers: Annotated[str, typer.Option(help="Peers by name, or all, or none.")] = "all",
    hold_last: Annotated[
        bool, typer.Option("--hold-last", help="Leave the last window alone, as tuning must.")
    ] = False,
    preset: Preset = "full",
    seed: Seed = 7,
    as_json: Json = False,
) -> None:
    """Forecasts beside those of other libraries, on rolling windows of public data.

    \b
    $ vouch bench accuracy --data vn2 --series 20 --windows 2 --hold-last --preset fast --peers none
    verdict: data vn2, periods 8, sql ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.bench import accuracy as measures

    plan = measures.Plan(
        data=data.split(","),
        windows=windows,
        series=series,
        peers={"all": None, "none": ()}.get(peers, peers.split(",")),
        sample=sample,
        preset=preset,
        seed=seed,
        threads=Settings().threads,
        hold_last=hold_last,
    )
    show(measures.measure(plan, data_dir, progress=progress), as_json=as_json)


@cli.command()
def forecast(
    *,
    series: Annotated[str, typer.Option(help="Numbers of series.")] = "1000,10000,50000",
    data_dir: DataDir = None,
    preset: Preset = "full",
    seed: Seed = 7,
    as_json: Json = False,
) -> None:
    """Seconds and memory of `vouch predict` on more and more series of FreshRetail.

    \b
    $ vouch bench forecast --series 20 --preset fast
    20 series of 62 days: ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.bench import forecast as measures

    try:
        sizes = [int(size) for size in series.split(",")]
    except ValueError as error:
        raise InputRejected(
            f"'{series}' is not a list of whole numbers; write e.g. 1000,10000", field="series"
        ) from error
    report = measures.measure(
        data_dir, sizes=sizes, preset=preset, seed=seed, threads=Settings().threads,
        progress=progress,
    )  # fmt: skip
    show(report, as_json=as_json)


@cli.command()
def features(
    *,
    rows: Annotated[int, typer.Option(help="Rows of made-up daily sales.", min=1)] = 1_000_000,
    periods: Annotated[int, typer.Option(help="Days of each series.", min=30, max=2_000)] = 90,
    threads: Annotated[int | None, typer.Option(help="Threads; as set up.", min=1)] = None,
    seed: Seed = 7,
    as_json: Json = False,
) -> None:
    """Rows per second of building features, beside one rolling mean over the same rows.

    \b
    $ vouch bench features --rows 9000
    ... million rows/s: ... lags and rolling features on ... rows, ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.bench import features as measures

    report = measures.run(
        rows=rows, periods=periods, threads=threads or Settings().threads, seed=seed,
        progress=progress,
    )  # fmt: skip
    show(report, as_json=as_json)


@cli.command()
def inference(
    *,
    days: Annotated[int, typer.Option(help="History of each series.", min=60, max=1_500)] = 730,
    requests: Annotated[int, typer.Option(help="Requests, one by one.", min=1)] = 60,
    preset: Preset = "full",
    seed: Seed = 7,
    as_json: Json = False,
) -> None:
    """Latency of forecasts on demand of ten series each, by a champion trained for it.

    \b
    $ vouch bench inference --requests 5 --days 120 --preset fast
    one_by_one: p50 ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.bench import inference as measures

    plan = measures.Plan(days, requests, preset, seed, Settings().threads)
    report = measures.measure(plan, now=utc_now(), progress=progress)
    lines = [
        f"{name}: " + " ".join(f"{p} {report[name][f'{p}_ms']} ms" for p in ("p50", "p95", "max"))
        for name in ("one_by_one", "burst")
    ]
    verdict = "within" if report["fast_enough"] else "OVER"
    lines.append(f"p95 is {verdict} {report['p95_ms_max']:.0f} ms; on {report['machine']}")
    show(report, as_json=as_json, lines=lines)


@cli.command()
def policy(
    *,
    positions: Annotated[
        int, typer.Option(help="SKUs times 50 locations.", min=50, max=5_000_000)
    ] = 1_000_000,
    as_json: Json = False,
) -> None:
    """Safety stock, reorder point and lot of very many positions, beside bare passes and COPY.

    \b
    $ vouch bench policy --positions 500
    500 positions: ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from serving.bench import policy as measures

    show(measures.measure(positions=positions, now=utc_now(), progress=progress), as_json=as_json)
