"""Commands that plan: train, forecast, buffers, replenish, the daily job, promotions."""

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from inventory.errors import InputRejected
from serving.cli.screen import Json, figures, opened, person, progress, say, show, utc_now

if TYPE_CHECKING:
    from pipelines.daily import DailyReport

Skus = Annotated[list[str] | None, typer.Option("--sku", help="Only this SKU; may be repeated.")]

AsOf = Annotated[
    datetime | None,
    typer.Option(help="Work as on the morning of this day, e.g. 2024-06-12.", formats=["%Y-%m-%d"]),
]
Horizon = Annotated[
    int | None, typer.Option(help="Days ahead; else VOUCH_HORIZON_DAYS, or 28.", min=1, max=365)
]

MORNING_HOUR = 6
"""UTC; sales of the day before have arrived by then."""

EARLIEST = date(1970, 1, 1)
"""An earlier day is a slip."""

promotion_cli = typer.Typer(help="Planned promotions.", no_args_is_help=True)


@promotion_cli.callback()
def _group() -> None:
    """Planned promotions: what the next forecast should know."""


def register(cli: typer.Typer) -> None:
    """Add these commands."""
    for command in (train, forecast, buffers, replenish, daily):
        cli.command()(command)


def morning(as_of: datetime | None) -> tuple[datetime, date | None]:
    """The moment at which a command works, and the day to work as of, if one was given."""
    now = utc_now()
    if as_of is None:
        return now, None
    if as_of.date() > now.date():
        raise InputRejected(f"must not be after today, {now.date()}", field="as-of")
    if as_of.date() < EARLIEST:
        raise InputRejected(f"must not be before {EARLIEST}", field="as-of")
    return min(now, as_of.replace(hour=MORNING_HOUR, tzinfo=UTC)), as_of.date()


def train(
    *,
    horizon: Horizon = None,
    as_of: AsOf = None,
    preset: Annotated[
        Literal["fast", "full"], typer.Option(help="Members: full adds ARIMA and LSTM.")
    ] = "full",
    as_json: Json = False,
) -> None:
    """Train the ensemble on the sales so far, and register it as champion or challenger.

    It becomes champion when it is not worse than the present one: see `vouch promote`.

    \b
    $ vouch train
    vouch: no sales are on record; import some with `vouch import sales FILE`
    """  # noqa: D301 - \b keeps the example's line breaks.
    from pipelines import history
    from pipelines.champion import table
    from pipelines.train import train as fit

    _, day = morning(as_of)
    with opened(horizon_days=horizon) as (settings, db):
        panel = history.load_panel(db, as_of=day, horizon_days=settings.horizon_days)
    model = fit(panel, settings, now=utc_now(), preset=preset, by=person(), progress=progress)
    told = {
        "version": model.version,
        "alias": model.alias,
        "reason": model.reason,
        "mlflow_run_id": model.run_id,
        "metrics": model.metrics,
        "verdict": model.verdict.as_dict(),
    }
    lines = table(model.verdict)
    lines += [f"model version {model.version} is {model.alias}: {model.reason}"]
    lines += [f"{name}: {value:.4g}" for name, value in sorted(model.metrics.items())]
    show(told, as_json=as_json, lines=lines)


def forecast(
    *, sku: Skus = None, horizon: Horizon = None, as_of: AsOf = None, as_json: Json = False
) -> None:
    """Forecast with the champion, and put the run in force.

    \b
    $ vouch forecast
    vouch: no sales are on record; import some with `vouch import sales FILE`
    """  # noqa: D301
    from inventory.store.overrides import read_acting
    from models import registry
    from pipelines import history
    from pipelines.forecast import forecast as run

    now, day = morning(as_of)
    with opened(horizon_days=horizon) as (settings, db):
        panel = history.load_panel(db, as_of=day, horizon_days=settings.horizon_days)
        champion = registry.load_champion(settings.tracking_uri, progress=progress)
        version = f"{registry.MODEL}/{champion.version}"
        run_id = run(
            db,
            panel,
            champion.ensemble,
            model_version=version,
            now=now,
            horizon=settings.horizon_days,
            mlflow_run_id=champion.run_id,
            explained=settings.explain,
            skus=sku,
            progress=progress,
        )
        over = len(read_acting(db, now=now, since=panel.first_day, skus=sku))
    told = {"run_id": run_id, "model_version": version, "origin": panel.origin, "overrides": over}
    lines = [f"run {run_id} is in force: {version}, sales to {panel.origin}"]
    lines += [f"{over} overrides act over it: see `vouch override list`"] if over else []
    lines += ["buffers and policies follow where a server runs; or: vouch buffers, vouch replenish"]
    show(told, as_json=as_json, lines=lines)


def buffers(
    *,
    sku: Skus = None,
    add_rules: Annotated[
        float | None,
        typer.Option(
            metavar="COST",
            min=0,
            help="First add rules for what stores promise, where "
            "there are none of that name; COST is what a broken promise costs.",
        ),
    ] = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Work out the promise buffers that come from the forecast in force.

    \b
    $ vouch buffers
    rules: 0
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store import planning
    from pipelines.buffers import compute_buffers
    from pipelines.defaults import add_store_buffers

    now, _ = morning(as_of)
    with opened() as (settings, db), planning.turn(db):
        if add_rules is not None:
            add_store_buffers(db, cancellation_cost=add_rules)
        report = compute_buffers(db, now=now, seed=settings.seed, skus=sku)
    show(report, as_json=as_json, lines=figures(report))


def replenish(*, sku: Skus = None, as_of: AsOf = None, as_json: Json = False) -> None:
    """Work out policies from the forecast in force, and propose orders to vendors.

    \b
    $ vouch replenish
    policies: 0
    """  # noqa: D301
    from inventory.store import planning
    from pipelines.replenish import replenish as plan

    now, _ = morning(as_of)
    with opened() as (settings, db), planning.turn(db):
        report = plan(db, settings, now=now, skus=sku)
    show(report, as_json=as_json, lines=figures(report))


def daily(
    *,
    sku: Skus = None,
    horizon: Horizon = None,
    as_of: AsOf = None,
    train: Annotated[
        bool | None, typer.Option(help="Train first; by default when it is time.")
    ] = None,
    again: Annotated[
        bool, typer.Option(help="Even where it ran for that day, here or in the server.")
    ] = False,
    of_server: Annotated[bool, typer.Option(hidden=True)] = False,
    as_json: Json = False,
) -> None:
    """The daily job: sales, training when due, forecast, buffers, policies, proposed orders.

    It runs alone, and once for a day; of single SKUs as often as asked.

    \b
    $ vouch daily
    vouch: no sales are on record; import some with `vouch import sales FILE`
    """  # noqa: D301
    from pipelines.daily import daily as job
    from pipelines.schedule import run_daily_asked

    now, day = morning(as_of)
    with opened(horizon_days=horizon) as (settings, db):
        url = settings.database_url
        assert url is not None
        found: list[DailyReport] = []

        def run() -> dict[str, object]:
            found.append(
                job(url, settings, now=now, as_of=day, skus=sku, train=train, progress=progress)
            )
            return found[0].as_dict()

        if of_server or sku is not None:  # The server that started this keeps its turn itself.
            run()
        else:
            done = run_daily_asked(db, day or now.date(), now=utc_now, run=run, again=again)
    if found:
        show(found[0], as_json=as_json)
        return
    line = f"{done['job_id']} did this at {done['updated_at']:%H:%M}; `--again` does it once more"
    show(done["result"], as_json=as_json, lines=[line])


@promotion_cli.command()
def plan(
    *,
    sku: Annotated[str, typer.Option(help="What is promoted.")],
    starts: Annotated[datetime, typer.Option(help="First day.", formats=["%Y-%m-%d"])],
    ends: Annotated[datetime, typer.Option(help="Last day.", formats=["%Y-%m-%d"])],
    discount: Annotated[float, typer.Option(help="Share off the price.", min=0, max=1)],
    location: Annotated[str | None, typer.Option(help="Only there; else everywhere.")] = None,
) -> None:
    """Plan a promotion, so that the next forecast expects it.

    \b
    $ vouch promotion plan --sku SKU-1 --starts 2027-01-04 --ends 2027-01-10 --discount 0.3
    promotion ... on SKU-1: re-forecast with `vouch daily --sku SKU-1`
    """  # noqa: D301
    from inventory.store.history import promoted_before
    from pipelines.promotion import plan_promotion

    with opened() as (_, db):
        promotion_id = plan_promotion(
            db,
            sku=sku,
            starts_on=starts.date(),
            ends_on=ends.date(),
            discount=discount,
            now=utc_now(),
            location=location,
        )
        learned = promoted_before(db, starts.date())
    say(f"promotion {promotion_id} on {sku}: re-forecast with `vouch daily --sku {sku}`")
    if not learned:
        say(
            "no past promotion is on record, so forecasts cannot tell what it brings: "
            "say it with `vouch override add --factor`"
        )
