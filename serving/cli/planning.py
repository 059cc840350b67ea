"""Commands on what planning could not do by itself: exceptions, changes that wait, refusals."""

from typing import Annotated, Literal

import typer

from serving.cli.screen import Json, opened, person, short_enough, show, utc_now

cli = typer.Typer(
    help="What planning could not do by itself.", no_args_is_help=True, rich_markup_mode=None
)

Sku = Annotated[str | None, typer.Option(help="Only of this SKU.")]
Limit = Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)]
Change = Annotated[int, typer.Argument(help="The number of the change.", min=0)]
Reason = Annotated[str, typer.Option(help="Why.", callback=short_enough)]


@cli.callback()
def _group() -> None:
    """What planning could not do by itself."""


@cli.command()
def exceptions(
    *,
    kind: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    sku: Sku = None,
    every: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """What stands in the way of a good plan, and what to do about it.

    \b
    $ vouch planning exceptions
    none
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store.planning_exceptions import list_exceptions

    with opened() as (_, db):
        found = list_exceptions(db, kind=kind, sku=sku, open_only=not every, limit=limit)
    lines = [
        f"{'BLOCKS ' if each['blocks'] else ''}{each['kind']}: {each['message']}; {each['remedy']}"
        for each in found
    ]
    show({"exceptions": found}, as_json=as_json, lines=lines or ["none"])


@cli.command()
def changes(
    *,
    sku: Sku = None,
    state: Annotated[
        Literal["applied", "held", "approved", "refused", "lapsed"] | None,
        typer.Option(help="Only in this state; held ones wait for a planner."),
    ] = None,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """What changed in policies, why, and what waits for a planner.

    \b
    $ vouch planning changes --state held
    none
    """  # noqa: D301
    from inventory.store.policy_changes import list_changes

    with opened() as (_, db):
        found = list_changes(db, sku=sku, state=state, limit=limit)
    lines = [
        f"{each['id']} {each['state']}: {each['sku']} at {each['location']}, reorder point "
        f"{each['old']['reorder_point']:.1f} to {each['new']['reorder_point']:.1f}, "
        f"order up to {each['old']['order_up_to']:.1f} to {each['new']['order_up_to']:.1f} "
        f"({', '.join(each['reasons'])})"
        for each in found
    ]
    show({"changes": found}, as_json=as_json, lines=lines or ["none"])


@cli.command()
def refusals(
    *,
    sku: Sku = None,
    every: Annotated[bool, typer.Option("--all", help="Those that hold no more too.")] = False,
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """What people refused to order, and until when it is not proposed again.

    \b
    $ vouch planning refusals
    none
    """  # noqa: D301
    from inventory.store.keys import names_of
    from inventory.store.order_refusals import list_refusals

    with opened() as (settings, db):
        found = list_refusals(
            db, now=utc_now(), days=settings.refused_order_days, sku=sku, held_only=not every,
            limit=limit,
        )  # fmt: skip
        names = names_of(db, {each["refused_by"] for each in found})
    lines = [
        f"{each['id']} {each['state']}: {each['needed_units']} {each['sku']} at "
        f"{each['location']}, refused by {names[each['refused_by']]} on "
        f"{each['refused_at']:%Y-%m-%d} ({each['reason'] or 'no reason given'}), "
        f"until {each['until']} or until {each['proposed_again_from_units']} are needed"
        for each in found
    ]
    show({"refusals": found}, as_json=as_json, lines=lines or ["none"])


@cli.command()
def lift(
    refusal: Annotated[int, typer.Argument(help="The number of the refusal.", min=0)],
    *,
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Have planning propose again what somebody refused to order.

    \b
    $ vouch planning lift 1 --reason "the cafe opens again"
    vouch: no refusal of an order '1'
    """  # noqa: D301
    from inventory.store import order_refusals

    with opened() as (settings, db):
        done = order_refusals.lift(
            db, refusal, actor=person(), reason=reason, now=utc_now(),
            days=settings.refused_order_days,
        )  # fmt: skip
    line = f"{done['sku']} at {done['location']} is proposed by the next run, where it is needed"
    show(done, as_json=as_json, lines=[line])


@cli.command()
def approve(change: Change, *, reason: Reason, as_json: Json = False) -> None:
    """Put a change that waits in force.

    \b
    $ vouch planning approve 1 --reason "a new contract"
    vouch: no policy change '1'
    """  # noqa: D301
    _decide(change, approve=True, reason=reason, as_json=as_json)


@cli.command()
def refuse(change: Change, *, reason: Reason, as_json: Json = False) -> None:
    """Leave the policy as it is.

    \b
    $ vouch planning refuse 1 --reason "a one-off"
    vouch: no policy change '1'
    """  # noqa: D301
    _decide(change, approve=False, reason=reason, as_json=as_json)


def _decide(change: int, *, approve: bool, reason: str, as_json: bool) -> None:
    from inventory.store.policy_changes import decide

    with opened() as (_, db):
        done = decide(db, change, approve=approve, actor=person(), reason=reason, now=utc_now())
    line = f"{done['sku']} at {done['location']}: change {done['id']} is {done['state']}"
    show(done, as_json=as_json, lines=[line])
