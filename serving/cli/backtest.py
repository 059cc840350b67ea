"""The commands that replay the past: what would another way of ordering have come to?"""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipelines.settings import Settings
from serving.cli.screen import Json, opened, progress, show

cli = typer.Typer(
    help="Replay the past: what another way of ordering would have come to.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@cli.callback()
def replaying() -> None:
    """Replay the past: what another way of ordering would have come to."""


History = Annotated[
    Path | None,
    typer.Option(help="Parquet or CSV: sku, location, date, units, ...; else the database."),
]
LeadTime = Annotated[
    int | None,
    typer.Option(help="Periods from order to shelf; from the database, its vendors'.", min=0),
]
Review = Annotated[
    int | None,
    typer.Option(help="Periods between orders; from the database, its vendors'.", min=1),
]
Holding = Annotated[float, typer.Option(help="Cost per unit left over and period.", min=0)]
Shortage = Annotated[float, typer.Option(help="Cost per unit short.", min=0)]
Waste = Annotated[float, typer.Option(help="Cost per unit thrown away.", min=0)]
LostSales = Annotated[
    bool, typer.Option("--lost-sales", help="Unmet demand is lost, not backordered.")
]
ShelfLife = Annotated[int | None, typer.Option(help="Periods in which a unit can sell.", min=1)]
Unseen = Annotated[
    Literal["estimate", "sold"],
    typer.Option(help="Demand that an empty shelf hid: estimated, or as sold."),
]
Policies = Annotated[str, typer.Option(help="Names with commas between, or all.")]
Windows = Annotated[int, typer.Option(help="Rolling windows, end to end.", min=1)]
Orders = Annotated[int, typer.Option(help="Orders that count, per window.", min=1)]
Settling = Annotated[int, typer.Option(help="Orders before them that do not count.", min=0)]
Start = Annotated[
    Literal["seasonal", "lean"],
    typer.Option(help="Stock to begin with: as `seasonal` leaves it, or a period's sales."),
]
Series = Annotated[int | None, typer.Option(help="So many series, drawn at random.", min=1)]
Curve = Annotated[
    bool, typer.Option("--curve", help="Stock of ours and of safety_factor at equal fill rates.")
]
Preset = Annotated[Literal["fast", "full"], typer.Option(help="Members of the ensemble.")]


@cli.command()
def policy(
    *,
    history: History = None,
    lead_time: LeadTime = None,
    review: Review = None,
    holding: Holding,
    shortage: Shortage,
    lost_sales: LostSales = False,
    shelf_life: ShelfLife = None,
    waste: Waste = 0.0,
    unseen: Unseen = "estimate",
    policies: Policies = "all",
    windows: Windows = 3,
    orders: Orders = 6,
    settling: Settling = 0,
    start: Start = "seasonal",
    series: Series = None,
    curve: Curve = False,
    preset: Preset = "fast",
    as_json: Json = False,
) -> None:
    """Replay ways of ordering over history: cost, service and stock of each, side by side.

    vouch: what `vouch order` would order, with forecasts as they would have been.
    min_max: at a minimum up to a maximum, both fixed at the window's start.
    days_of_cover: up to the average of 13 weeks, for lead time, review and one period more.
    safety_factor: up to the average over lead time and review plus z * sigma * sqrt(periods).
    seasonal: up to the 13-week average with its season, the VN2 organiser's benchmark.

    All begin each window with the same stock and see the same demand, each period once it has ended.
    Counted from the first period that the first order can reach.

    \b
    $ vouch backtest policy --history history.csv --lead-time 1 --review 1 --holding 0.2 --shortage 1 --lost-sales --policies safety_factor,seasonal --windows 1
    series: 2; windows: 1; periods in each: 6
    """  # noqa: D301, E501
    from pipelines.replay_run import Asked, replay_database, replay_file

    settings = Settings()
    asked = Asked(
        lead_time_periods=lead_time, review_periods=review, holding=holding, shortage=shortage,
        waste=waste, lost_sales=lost_sales, shelf_life_periods=shelf_life, unseen=unseen,
        policies=tuple(policies.split(",")), windows=windows, orders=orders,
        settling_orders=settling, start=start, series=series, curve=curve, preset=preset,
        seed=settings.seed, threads=settings.threads,
    )  # fmt: skip
    if history is not None:
        show(replay_file(history, asked, progress=progress), as_json=as_json)
        return
    with opened(progress) as (_, db):
        report = replay_database(db, asked, progress=progress)
    show(report, as_json=as_json)
