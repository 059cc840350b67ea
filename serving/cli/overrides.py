"""Commands on overrides: state what the statistics cannot know, see it, take it back."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inventory.errors import InputRejected
from serving.cli.screen import Json, opened, person, show, utc_now

if TYPE_CHECKING:
    from inventory.overrides import Override

cli = typer.Typer(help="What planners state over the forecast.", no_args_is_help=True)

Sku = Annotated[str | None, typer.Option(help="Of this SKU.")]
Location = Annotated[str | None, typer.Option(help="At this location.")]
Category = Annotated[str | None, typer.Option(help="Of all SKUs of this category.")]
Vendor = Annotated[str | None, typer.Option(help="Of all SKUs of this vendor.")]
Group = Annotated[str | None, typer.Option(help="At all locations of this group.")]

Total = Annotated[bool, typer.Option("--total", help="Of everything.")]
From = Annotated[datetime, typer.Option("--from", help="First day.", formats=["%Y-%m-%d"])]
To = Annotated[datetime, typer.Option(help="Last day, included.", formats=["%Y-%m-%d"])]
Quantity = Annotated[
    float | None, typer.Option(help="Units of all that is named, over all days together.")
]
PerDay = Annotated[bool, typer.Option("--per-day", help="The quantity is of each day by itself.")]
Factor = Annotated[float | None, typer.Option(help="Or times the forecast: 1.2 is a fifth more.")]
Reason = Annotated[str, typer.Option(help="promotion, event, weather, ... or words of your own.")]
Note = Annotated[str, typer.Option(help="What else should be remembered.")]
Expires = Annotated[
    datetime | None,
    typer.Option(help="It acts until then (UTC), as 2027-01-08.", formats=["%Y-%m-%d"]),
]
Confirm = Annotated[bool, typer.Option("--confirm", help="A factor above 10 is meant.")]


@cli.callback()
def _group() -> None:
    """What planners state over the forecast; no training and no new run loses it."""


@cli.command()
def add(
    *,
    sku: Sku = None,
    location: Location = None,
    category: Category = None,
    vendor: Vendor = None,
    group: Group = None,
    total: Total = False,
    from_: From,
    to: To,
    quantity: Quantity = None,
    per_day: PerDay = False,
    factor: Factor = None,
    reason: Reason,
    note: Note = "",
    expires: Expires = None,
    confirm: Confirm = False,
    as_json: Json = False,
) -> None:
    """State demand; forecast, promise buffers, policies and proposed orders follow at once.

    \b
    $ vouch override add --sku SKU-1 --from 2027-01-04 --to 2027-01-10 --factor 1.3 --reason event
    override ... on sku SKU-1: 70 units from 2027-01-04 to 2027-01-10 become 91
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.override_statement import state_override
    from inventory.overrides import Scope

    scope = Scope(sku, location, category, vendor, group)
    if total == bool(scope.named):
        raise InputRejected(
            "name --sku, --location, --category, --vendor or --group, or else --total",
            field="total",
        )
    override = state_override(
        scope=scope,
        first_day=from_.date(),
        last_day=to.date(),
        reason=reason,
        actor=person(),
        now=utc_now(),
        quantity=quantity,
        quantity_basis="per_day" if per_day else "total",
        factor=factor,
        note=note,
        expires_at=expires and expires.replace(tzinfo=UTC),
        confirmed=confirm,
    )
    _carry_out(override, as_json=as_json)


def _carry_out(stated: "Override", *, as_json: bool) -> None:
    """Store it, plan again what it moves, and tell what it does."""
    from inventory.store import overrides as store
    from inventory.store.effective_forecasts import read_expected_units
    from pipelines.replan import replan

    now = stated.created_at
    with opened() as (settings, db), db.transaction():
        override = store.add(db, stated)
        keys = store.series_in(db, override.scope)
        statistical, final = read_expected_units(
            db, keys, first_day=override.first_day, last_day=override.last_day, now=now
        )
        counts = replan(db, settings, now=now, skus=sorted({sku for sku, _ in keys}))
        beside = store.acting_beside(db, override, keys, now=now)
    told = {
        "id": override.override_id,
        "scope": override.scope.named,
        "series": len(keys),
        "expected": {"statistical": statistical, "final": final},
        "beside": beside,
        "replanned": counts,
    }
    line = (
        f"override {override.override_id} on {override.scope}: {statistical:.4g} units from "
        f"{override.first_day} to {override.last_day} become {final:.4g}"
    )
    lines = [line]
    if beside:
        ids = ", ".join(map(str, beside))
        lines.append(f"also acting on some of these days: {ids}; see `vouch override list`")
    show(told, as_json=as_json, lines=lines)


@cli.command("list")
def list_(
    *,
    sku: Sku = None,
    location: Location = None,
    category: Category = None,
    vendor: Vendor = None,
    group: Group = None,
    everything: Annotated[bool, typer.Option("--all", help="Also those that act no more.")] = False,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """Overrides that act, the latest first.

    \b
    $ vouch override list
    no overrides
    """  # noqa: D301
    from inventory.store import overrides as store

    active = None if everything else True
    wanted = store.OverrideFilter(sku, location, category, vendor, group, active)
    with opened() as (_, db):
        rows = store.page(db, wanted, at=utc_now(), limit=limit)
    show({"overrides": rows}, as_json=as_json, lines=[_line(r) for r in rows] or ["no overrides"])


def _line(row: dict[str, Any]) -> str:
    from inventory.overrides import Scope

    scope = Scope(row["sku"], row["location"], row["category"], row["vendor"], row["group_id"])
    if row["quantity"] is None:
        says = f"x {row['factor']:g}"
    else:
        each = " a day" if row["quantity_basis"] == "per_day" else ""
        says = f"{row['quantity']:g} units{each}"
    over = "" if row["active"] else ", withdrawn" if row["withdrawn_at"] else ", expired"
    days = f"{row['first_day']} to {row['last_day']}"
    return f"{row['override_id']}  {scope}  {days}  {says}  ({row['reason']}{over})"


@cli.command()
def withdraw(
    number: Annotated[int, typer.Argument(help="The number that `vouch override list` prints.")],
    *,
    reason: Annotated[str, typer.Option(help="Why it no longer holds.")],
) -> None:
    """Take an override back; it stays on record, with who did and why.

    \b
    $ vouch override withdraw 7 --reason "the fair is off"
    vouch: no override '7'
    """  # noqa: D301
    from inventory.store import overrides as store
    from pipelines.replan import replan

    now = utc_now()
    with opened() as (settings, db), db.transaction():
        gone = store.withdraw(db, number, reason=reason, actor=person(), now=now)
        keys = store.series_in(db, gone.scope)
        replan(db, settings, now=now, skus=sorted({sku for sku, _ in keys}))
    show({}, as_json=False, lines=[f"withdrew override {number} on {gone.scope}"])
