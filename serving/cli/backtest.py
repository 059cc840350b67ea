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
Holding = Annotated[
    float | None,
    typer.Option(help="Cost per unit left over and period; by default each SKU's own.", min=0),
]
Shortage = Annotated[
    float | None, typer.Option(help="Cost per unit short; by default each SKU's margin.", min=0)
]
Waste = Annotated[
    float | None, typer.Option(help="Cost per unit thrown away; by default its unit cost.", min=0)
]
OrderCost = Annotated[float | None, typer.Option(help="Cost per line ordered.", min=0)]
UnitCost = Annotated[float | None, typer.Option(help="What a unit costs.", min=0)]
Pack = Annotated[float | None, typer.Option(help="Units per pack.", min=1)]
MinOrder = Annotated[float | None, typer.Option(help="Least units per line.", min=0)]
MaxOrder = Annotated[float | None, typer.Option(help="Most units per line.", min=0)]
LostSales = Annotated[
    bool, typer.Option("--lost-sales", help="Unmet demand is lost, not backordered.")
]
ShelfLife = Annotated[int | None, typer.Option(help="Periods in which a unit can sell.", min=1)]
Unseen = Annotated[
    Literal["estimate", "sold"],
    typer.Option(help="Demand that an empty shelf hid: estimated, or as sold."),
]
Policies = Annotated[
    str, typer.Option(help="Names with commas between, with parameters (see above), or all.")
]
Windows = Annotated[int, typer.Option(help="Rolling windows, end to end.", min=1)]
Orders = Annotated[int, typer.Option(help="Orders that count, per window.", min=1)]
Settling = Annotated[int, typer.Option(help="Orders before them that do not count.", min=0)]
Start = Annotated[
    Literal["seasonal", "lean"],
    typer.Option(help="Stock to begin with: as `seasonal` leaves it, or a period's sales."),
]
Series = Annotated[int | None, typer.Option(help="So many series, drawn at random.", min=1)]
Curve = Annotated[
    bool, typer.Option("--curve", help="Stock of planned, vouch and safety_factor at equal fill.")
]
Preset = Annotated[Literal["fast", "full"], typer.Option(help="Members of the ensemble.")]


HELP = """Replay ways of ordering over history: cost, service and stock of each, side by side.

\b
planned        what `vouch replenish` would order; planned:0.98 at a service level
vouch          what `vouch order` would order
min_max        from a minimum up to a maximum; min_max:20/60 in units
days_of_cover  lead time, review and one period; days_of_cover:14 in days
safety_factor  mean + z * sigma * sqrt(periods), and a lot; safety_factor:1.64 is z
seasonal       the VN2 organiser's 13-week average with its season

The first two read forecasts as they would have been. All begin each window with the same stock,
see the same demand, each period once it has ended, and get whole packs between minimum and
maximum. Counted from the first period that the first order can reach.

From the database, terms are those of the catalogue, its rules and calendars; of a file, those
of its columns named alike (lead_time_days, review_period_days, shelf_life_days, pack_size,
min_order_quantity, max_order_quantity, order_cost, unit_cost, price, holding_cost a year). An
option goes before either.

\b
$ vouch backtest policy --history history.csv --lead-time 1 --review 1 --holding 0.2 --shortage 1 --lost-sales --policies "min_max:20/60, safety_factor:1.64" --windows 1
series: 2; windows: 1; periods in each: 6
"""  # noqa: E501


@cli.command(help=HELP)
def policy(
    *,
    history: History = None,
    lead_time: LeadTime = None,
    review: Review = None,
    holding: Holding = None,
    shortage: Shortage = None,
    order_cost: OrderCost = None,
    unit_cost: UnitCost = None,
    pack: Pack = None,
    min_order: MinOrder = None,
    max_order: MaxOrder = None,
    lost_sales: LostSales = False,
    shelf_life: ShelfLife = None,
    waste: Waste = None,
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
    """Replay ways of ordering over history: cost, service and stock of each, side by side."""
    from pipelines.replay_run import Asked, replay_database, replay_file

    settings = Settings()
    asked = Asked(
        lead_time_periods=lead_time, review_periods=review, holding=holding, shortage=shortage,
        waste=waste, order_cost=order_cost, unit_cost=unit_cost, pack_units=pack,
        min_order_units=min_order, max_order_units=max_order,
        lost_sales=lost_sales, shelf_life_periods=shelf_life, unseen=unseen,
        policies=tuple(policies.split(",")), windows=windows, orders=orders,
        settling_orders=settling, start=start, series=series, curve=curve, preset=preset,
        seed=settings.seed, threads=settings.threads,
    )  # fmt: skip
    if history is not None:
        show(replay_file(history, asked, progress=progress), as_json=as_json)
        return
    with opened(progress) as (stored, db):
        report = replay_database(db, asked, stored, progress=progress)
    show(report, as_json=as_json)
