"""Commands on plain files, with no database: anybody can try, and score, the brain alone."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inventory.errors import InputRejected
from pipelines.settings import Settings
from serving.cli.screen import Json, progress, show, utc_now

if TYPE_CHECKING:
    from pipelines.predict import PredictReport

SHOWN_MAX = 10
"""Rejected rows on the screen; `--json` lists them all."""

Preset = Annotated[Literal["fast", "full"], typer.Option(help="Members of the ensemble.")]


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    cli.command()(predict)
    cli.command()(order)


def predict(
    *,
    history: Annotated[Path, typer.Option(help="Parquet or CSV: sku, location, date, units, ...")],
    future: Annotated[
        Path | None, typer.Option(help="What is known ahead: sku, location, date, ...")
    ] = None,
    horizon: Annotated[int, typer.Option(help="Periods ahead.", min=1)],
    levels: Annotated[str, typer.Option(help="Quantile levels.")] = "0.05,0.5,0.95",
    window: Annotated[
        str | None,
        typer.Option(help="Also quantiles of the sum over this many periods; 7,14 for two sums."),
    ] = None,
    preset: Preset = "fast",
    country: Annotated[
        str | None, typer.Option(help="ISO code, like DE: its public holidays are known.")
    ] = None,
    signals: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE[:lag=N|:ahead]",
            help="Numbers from outside by date, and by location or sku where the file has them: "
            "known N periods after their own, or ahead. Repeat for several.",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Parquet to write.")],
    as_json: Json = False,
) -> None:
    """Forecast a file: quantiles per series and period, and of the sum over a window.

    \b
    $ vouch predict --history history.csv --horizon 7 --window 7,14 --out forecast.parquet
    2 series of 120 rows, 7 periods ahead: forecast.parquet, 7.parquet, 14.parquet

    \b
    $ vouch predict --history history.csv --horizon 7 --signals visits.csv:lag=2 --out forecast.parquet
    visits.csv: visits by location and date, known 2 periods later; 97% of the rows have one
    2 series of 120 rows, 7 periods ahead: forecast.parquet
    """  # noqa: D301, E501 - \b keeps the example's line breaks.
    from pipelines.predict import predict_file

    settings = Settings()
    report = predict_file(
        history,
        future,
        horizon=horizon,
        levels=levels_of(levels),
        out_path=out,
        window=windows_of(window),
        preset=preset,
        today=latest_today(utc_now()),
        country=country,
        signals=signals or (),
        seed=settings.seed,
        threads=settings.threads,
        progress=progress,
    )
    show(_told(report), as_json=as_json, lines=_lines(report, horizon=horizon))


def latest_today(now: datetime) -> date:
    """The latest date that it is anywhere on earth: fourteen hours ahead of UTC."""
    return (now + timedelta(hours=14)).date()


def _lines(report: "PredictReport", *, horizon: int) -> list[str]:
    hidden = len(report.rejected) - SHOWN_MAX
    return [
        *report.notes,
        *(f"row {row}: {reason}" for row, reason in report.rejected.head(SHOWN_MAX).rows()),
        *([f"and {hidden} more rows; --json lists them all"] if hidden > 0 else []),
        f"{report.series} series of {report.rows_read} rows, {horizon} periods ahead: "
        + ", ".join(_written(report)),
    ]


def _written(report: "PredictReport") -> list[str]:
    return [str(path) for path in (report.out_path, *report.window_paths)]


def _told(report: "PredictReport") -> dict[str, object]:
    return {
        "series": report.series,
        "rows_read": report.rows_read,
        "rejected": report.rejected.to_dicts(),
        "notes": report.notes,
        "origin": report.origin,
        "seconds": round(report.seconds, 1),
        "weights": report.weights.to_dicts(),
        "backtest": report.backtest.to_dicts(),
        "written": _written(report),
    }


def levels_of(text: str) -> list[float]:
    """`0.05,0.5` as numbers; raises `InputRejected` for anything else."""
    try:
        return [float(level) for level in text.split(",")]
    except ValueError as error:
        raise InputRejected(
            f"'{text}' is not a list of numbers; write e.g. 0.05,0.5,0.95", field="levels"
        ) from error


def windows_of(text: str | None) -> list[int]:
    """`7,14` as whole numbers; raises `InputRejected` for anything else."""
    try:
        return [int(periods) for periods in text.split(",")] if text is not None else []
    except ValueError as error:
        raise InputRejected(
            f"'{text}' is not a list of whole numbers; write e.g. 7 or 7,14", field="window"
        ) from error


def order(
    *,
    history: Annotated[Path, typer.Option(help="Parquet or CSV: sku, location, date, units, ...")],
    state: Annotated[
        Path, typer.Option(help="Parquet or CSV: sku, location, on_hand, on_order_1, ...")
    ],
    lead_time: Annotated[int, typer.Option(help="Periods from order to shelf.", min=0)],
    review: Annotated[int, typer.Option(help="Periods between orders.", min=1)] = 1,
    holding: Annotated[float, typer.Option(help="Cost per unit left over and period.", min=0)],
    shortage: Annotated[float, typer.Option(help="Cost per unit short.", min=0)],
    lost_sales: Annotated[
        bool, typer.Option("--lost-sales", help="Unmet demand is lost, not backordered.")
    ] = False,
    preset: Preset = "fast",
    out: Annotated[Path, typer.Option(help="Parquet to write.")],
    as_json: Json = False,
) -> None:
    """Order for a file: how much of each SKU now, given stock and what is on its way.

    A row of the state that cannot be right is listed with what to mend, and the others go on; exit
    code 2 when none is left.

    \b
    $ vouch order --history history.csv --state state.csv --lead-time 2 --holding 1 --shortage 9 --out order.parquet
    series: 2
    """  # noqa: D301, E501
    from pipelines.order_file import order_file

    settings = Settings()
    report = order_file(
        history,
        state,
        lead_time_periods=lead_time,
        review_periods=review,
        holding=holding,
        shortage=shortage,
        lost_sales=lost_sales,
        out_path=out,
        seed=settings.seed,
        threads=settings.threads,
        preset=preset,
        progress=progress,
    )
    show(report, as_json=as_json)
