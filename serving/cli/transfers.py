"""Commands on transfers: the ways there are, what is worth moving, and what is under way."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import typer

from inventory.amounts import counted
from inventory.errors import InputRejected
from serving.cli.jobs import AsOf, Skus, morning
from serving.cli.orders import From, To, happened, signatures, tell_approvals
from serving.cli.receipts import words
from serving.cli.screen import Json, figure, figures, opened, person, short_enough, show, utc_now

cli = typer.Typer(help="Moving stock between our own locations.", no_args_is_help=True)

Transfer = Annotated[str, typer.Argument(help="Id of the transfer.", metavar="TRANSFER")]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])]


@cli.callback()
def _group() -> None:
    """Moving stock between our own locations."""


@cli.command()
def lane(
    *,
    origin: Annotated[str, typer.Option(help="From this location.")],
    destination: Annotated[str, typer.Option(help="To this one.")],
    freight: Annotated[float, typer.Option(help="Money per unit for the way.", min=0)],
    handling: Annotated[float, typer.Option(help="Money per unit, off and on a shelf.", min=0)] = 0,
    lead_time: Annotated[int, typer.Option(help="Days from decision to shelf.", min=0, max=365)],
    capacity: Annotated[
        int | None, typer.Option(help="Units that one transfer carries.", min=1)
    ] = None,
) -> None:
    """Say what a way costs, how long it takes and what fits.

    \b
    $ vouch transfer lane --origin DC --destination S1 --freight 0.4 --lead-time 1
    vouch: field 'location': location 'DC' is not in the catalogue; add it with ...
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store import transfer_lanes
    from inventory.transfers import Lane

    way = Lane(origin, destination, freight, lead_time, handling, capacity)
    with opened() as (_, db):
        transfer_lanes.put(db, way)
    told = f"{origin} to {destination}: {way.cost_per_unit:.2f} a unit, {lead_time} days"
    show({}, as_json=False, lines=[told])


@cli.command()
def plan(
    *,
    sku: Skus = None,
    season_from: Day = None,
    season_to: Day = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Find what is worth moving, and propose it; the daily job does the same.

    With a season, its days' demand is met from stock that lies elsewhere now.

    \b
    $ vouch transfer plan
    positions: 0
    """  # noqa: D301
    from inventory.store import planning
    from pipelines.replenish import propose_moves
    from pipelines.stock_alerts import refresh_alerts
    from pipelines.transfer_looks import Season

    if (season_from is None) != (season_to is None):
        raise InputRejected("give --season-from and --season-to, or neither", field="season")
    season = None
    if season_from and season_to:
        season = Season(season_from.date(), season_to.date())
    now, _ = morning(as_of)
    with opened() as (settings, db), planning.turn(db):
        report = propose_moves(db, settings, now=now, skus=sku, season=season)
        refresh_alerts(db, now=now, skus=sku)  # What would help is another act now.
    unmet = [str(need["message"]) for need in report.unmet]
    counts = figures(replace(report, unmet=[], problems=[]))
    show(report, as_json=as_json, lines=[*counts, *unmet, *report.problems])


@cli.command(name="list")
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="proposed, approved, shipped, ...")] = None,
    as_json: Json = False,
) -> None:
    """Transfers, the newest first.

    \b
    $ vouch transfer list
    no transfers
    """  # noqa: D301
    from inventory.store.transfers import list_transfers

    with opened() as (_, db):
        found: list[dict[str, Any]] = list_transfers(db, state=state)["transfers"]  # type: ignore[assignment]
    lines = [_line(transfer) for transfer in found]
    show({"transfers": found}, as_json=as_json, lines=lines or ["no transfers"])


def _line(transfer: dict[str, Any]) -> str:
    return (
        f"{transfer['id']} {words(transfer['state'])}: {counted(transfer['units'], 'unit')} of "
        f"{counted(len(transfer['lines']), 'SKU')} from {transfer['origin']} to "
        f"{transfer['destination']}, saves {transfer['saving']:,.2f}"
    )


@cli.command("show")
def show_(transfer: Transfer, *, as_json: Json = False) -> None:
    """One transfer: its lines, whose approval it needs, and what happened to it.

    \b
    $ vouch transfer show TR-20270104-0001
    vouch: no transfer 'TR-20270104-0001'
    """  # noqa: D301
    from inventory.store.transfers import get_transfer

    with opened() as (_, db):
        found = get_transfer(db, transfer)
    lines = [f"{_line(found)}, expected on {found['expected_on']}", *signatures(found)]
    lines += [
        f"{line['line_no']:>3}  {line['sku']}: {line['quantity']}, {line['shipped_units']} "
        f"shipped, {line['received_units']} received; {words(line['reason'])}, "
        f"saves {line['saving']:,.2f}"
        for line in found["lines"]
    ]
    show(found, as_json=as_json, lines=lines + happened(found))


@cli.command("act")
def act_(
    transfer: Transfer,
    step: Annotated[str, typer.Argument(help="accept, approve, reject, ship, redate, receive, "
                                             "cancel or close.")],
    *,
    reason: Annotated[str | None, typer.Option(help="Why; to reject and to cancel, always.",
                                               callback=short_enough)] = None,
    on: Annotated[datetime | None, typer.Option(help="The day on which it comes: to redate, or "
                                                "to ship where the way takes another time.",
                                                formats=["%Y-%m-%d"])] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take a transfer one step further, all of its lines.

    \b
    In this order:
    accept     planner           what planning proposed is wanted; its lines are firm
    approve    buyer             the origin commits them; a second one too above `transfer terms`
    ship       buyer or oms      they left
    receive    buyer or oms      they came

    \b
    Besides:
    reject     planner or buyer  before it is approved, with a reason
    redate     buyer or oms      once approved: it comes on another day
    cancel     planner or buyer  before it is shipped, with a reason
    close      buyer             what did not come is given up

    Over the API a key may what its role may; whoever types here may all of it, as admin.

    \b
    $ vouch transfer act TR-20270104-0001 redate --on 2027-01-08
    vouch: no transfer 'TR-20270104-0001'
    """  # noqa: D301
    from inventory.store.transfers import act
    from inventory.transfers import ACTS, EXPLAINED

    if step not in ACTS:
        raise InputRejected(f"'{step}' is none of {', '.join(ACTS)}", field="step")
    if step in EXPLAINED and not (reason and reason.strip()):
        raise InputRejected(f"say why you {step} it: --reason TEXT", field="reason")
    with opened() as (_, db):
        found = act(
            db, transfer, step, actor=person(), role="admin", now=utc_now(), reason=reason,
            expected_on=on.date() if on else None,
        )  # fmt: skip
    told = f"{found['id']} is {found['state'].replace('_', ' ')}, expected {found['expected_on']}"
    more = signatures(found) if step == "approve" else []
    show(found, as_json=as_json, lines=[told, *more])


@cli.command()
def late(*, as_json: Json = False) -> None:
    """Transfers that should have come, or were put off.

    \b
    $ vouch transfer late
    no transfer is late
    """  # noqa: D301
    from inventory.store.transfers import late_transfers

    today = utc_now().date()
    with opened() as (_, db):
        found = late_transfers(db, today=today)
    lines = [
        f"{row['transfer_id']} from {row['origin']} to {row['destination']}: {row['open_units']} "
        f"units were due on {row['due_on']}, "
        f"{counted((max(today, row['expected_on']) - row['due_on']).days, 'day')} late"
        for row in found
    ]
    show({"transfers": found}, as_json=as_json, lines=lines or ["no transfer is late"])


@cli.command()
def approvals(*, first: From = None, to: To = None, as_json: Json = False) -> None:
    """What share of the transfers that were approved needed no person; by default of 28 days.

    \b
    $ vouch transfer approvals --from 2027-01-01 --to 2027-01-31
    0 transfers were approved from 2027-01-01 to 2027-01-31
    """  # noqa: D301
    tell_approvals("transfer", first=first, to=to, as_json=as_json)


terms = typer.Typer(help="When two buyers must approve a transfer.", no_args_is_help=True)
cli.add_typer(terms, name="terms")

Origin = Annotated[
    str, typer.Argument(help="The location it leaves; '*' is every one.", metavar="ORIGIN")
]


@terms.callback()
def _terms() -> None:
    """When two buyers must approve a transfer."""


@terms.command("show")
def show_terms(origin: Origin, *, as_json: Json = False) -> None:
    """The terms of what leaves a location, as they hold.

    \b
    $ vouch transfer terms show "*"
    one buyer approves a transfer, whatever it is worth
    """  # noqa: D301
    from inventory.store import transfer_terms

    with opened() as (_, db):
        found = transfer_terms.get(db, origin)
    show(found, as_json=as_json, lines=[_terms_told(found)])


@terms.command("set")
def set_terms(
    origin: Origin,
    *,
    second_approval_above: Annotated[float | None, typer.Option(
        help="Worth more at unit cost, it needs a second, different buyer; left out, as for "
        "every location.", min=0)] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Set the terms of what leaves a location.

    \b
    $ vouch transfer terms set "*" --second-approval-above 2000
    two different buyers approve a transfer worth more than 2,000
    """  # noqa: D301
    from inventory.store import transfer_terms

    with opened() as (_, db):
        found = transfer_terms.put(
            db, origin, second_approval_above=second_approval_above, now=utc_now(), actor=person()
        )
    show(found, as_json=as_json, lines=[_terms_told(found)])


def _terms_told(found: dict[str, Any]) -> str:
    above = found["in_force"]["second_approval_above"]
    if above is None:
        return "one buyer approves a transfer, whatever it is worth"
    return f"two different buyers approve a transfer worth more than {figure(above)}"
