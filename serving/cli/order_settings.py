"""Commands on how we order: what needs no person or two of them, and on which days."""

from datetime import datetime
from typing import Annotated, Any

import typer

from serving.cli.screen import Json, figure, opened, person, show, utc_now

terms = typer.Typer(help="What may differ, and when two buyers must sign.", no_args_is_help=True)
rules = typer.Typer(help="Orders and transfers that need no person.", no_args_is_help=True)
calendars = typer.Typer(help="On which days vendors take orders.", no_args_is_help=True)

Vendor = Annotated[
    str, typer.Argument(help="Id of the vendor; '*' is every vendor.", metavar="VENDOR")
]
Rule = Annotated[str, typer.Argument(help="A name of your own.", metavar="RULE")]
Calendar = Annotated[str, typer.Argument(help="A name of your own.", metavar="CALENDAR")]

SHARE_HELP = "0.05 is 5 %."


def register(cli: typer.Typer) -> None:
    """Add these groups."""
    for name, group in (("terms", terms), ("rules", rules), ("calendars", calendars)):
        cli.add_typer(group, name=name)


@terms.callback()
def _terms() -> None:
    """What may differ from an order, and when two buyers must sign it."""


@terms.command("show")
def show_terms(vendor: Vendor, *, as_json: Json = False) -> None:
    """The terms of a vendor as they hold, and who said them.

    \b
    $ vouch orders terms show "*"
    one buyer approves an order, whatever it is worth
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store import order_terms
    from inventory.store.keys import names_of

    with opened() as (_, db):
        found = order_terms.get(db, vendor)
        by = names_of(db, [found["updated_by"] or ""])
    show(found, as_json=as_json, lines=_terms_told(found, by))


@terms.command("set")
def set_terms(
    vendor: Vendor,
    *,
    second_approval_above: Annotated[float | None, typer.Option(
        help="Orders worth more need a second, different buyer.", min=0)] = None,
    over_receipt: Annotated[float | None, typer.Option(
        help=f"Units beyond the order that need no approval, as a share of it. {SHARE_HELP}",
        min=0)] = None,
    invoice_quantity: Annotated[float | None, typer.Option(
        help="Units that may be invoiced beyond those received, as a share.", min=0)] = None,
    invoice_price: Annotated[float | None, typer.Option(
        help="By how much an invoiced price may differ, as a share.", min=0)] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Set all terms of a vendor; what is left out is as for every vendor ('*').

    \b
    $ vouch orders terms set "*" --second-approval-above 5000 --over-receipt 0.05
    two different buyers approve an order worth more than 5,000
    """  # noqa: D301
    from inventory.store import order_terms
    from inventory.store.keys import names_of

    with opened() as (_, db):
        found = order_terms.put(
            db, vendor, now=utc_now(), actor=person(), over_receipt_share=over_receipt,
            invoice_quantity_share=invoice_quantity, invoice_price_share=invoice_price,
            second_approval_above=second_approval_above,
        )  # fmt: skip
        by = names_of(db, [found["updated_by"]])
    show(found, as_json=as_json, lines=_terms_told(found, by))


def _terms_told(found: dict[str, Any], names: dict[str, str]) -> list[str]:
    holds = found["in_force"]
    above = holds["second_approval_above"]
    over, units, price = (
        f"{100 * holds[name]:.4g} %"
        for name in ("over_receipt_share", "invoice_quantity_share", "invoice_price_share")
    )
    signed = (
        "one buyer approves an order, whatever it is worth"
        if above is None
        else f"two different buyers approve an order worth more than {figure(above)}"
    )
    said = [f"said by {names[found['updated_by']]}"] if found["updated_by"] else []
    differ = f"an invoice may differ by {units} of the units and {price} of the price"
    return [signed, f"{over} beyond an order may come without approval", differ, *said]


@rules.callback()
def _rules() -> None:
    """Orders and transfers that are approved by themselves."""


@rules.command("list")
def list_rules(*, as_json: Json = False) -> None:
    """Rules in the order in which they are tried; `vouch orders approvals` says what they did.

    \b
    $ vouch orders rules list
    every order needs a person
    """  # noqa: D301
    from dataclasses import asdict

    from inventory.store import auto_approval

    with opened() as (_, db):
        found = [asdict(rule) for rule in auto_approval.list_rules(db)]
    lines = [_rule_told(rule) for rule in found] or ["every order needs a person"]
    show({"rules": found}, as_json=as_json, lines=lines)


def _rule_told(rule: dict[str, Any]) -> str:
    ends = [f"{end} {rule[end]}" for end in ("vendor", "origin", "destination") if rule[end]]
    if rule["segments"]:
        ends.append(f"only of class {', '.join(rule['segments'])}")
    if rule["value_max"] is not None:
        ends.append(f"worth {figure(rule['value_max'])} at most")
    if rule["deviation_max"] is not None:
        ends.append(f"no line more than {rule['deviation_max']:.0%} off its usual quantity")
    off = "" if rule["enabled"] else " (off)"
    return f"{rule['id']}{off}: {rule['subject'].replace('_', ' ')}s, {', '.join(ends)}"


@rules.command("set")
def set_rule(
    rule: Rule,
    *,
    value_max: Annotated[float | None, typer.Option(help="Worth so much at most.", min=0)] = None,
    deviation_max: Annotated[float | None, typer.Option(
        help=f"No line is further off its usual quantity, as a share. {SHARE_HELP}",
        min=0)] = None,
    vendor: Annotated[str | None, typer.Option(help="Orders from this vendor.")] = None,
    segment: Annotated[list[str] | None, typer.Option(
        help="Only lines of this class, as AX; may be repeated.")] = None,
    transfers: Annotated[bool, typer.Option(
        "--transfers", help="About transfers, not orders.")] = False,
    origin: Annotated[str | None, typer.Option(help="Transfers from there.")] = None,
    destination: Annotated[str | None, typer.Option(help="Transfers to there.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Keep it, and do not let it act.")] = False,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Let proposals be approved by themselves of which all this holds; bound value or deviation.

    It acts with the next planning run, and never on an order that needs two buyers.

    \b
    $ vouch orders rules set small --value-max 500 --segment AX
    small: purchase orders, only of class AX, worth 500 at most
    """  # noqa: D301
    from dataclasses import asdict

    from inventory.auto_approval import AutoApproval
    from inventory.store import auto_approval

    told = AutoApproval(
        rule, "transfer" if transfers else "purchase_order", vendor, origin, destination,
        tuple(segment) if segment else None, value_max, deviation_max, not off,
    )  # fmt: skip
    with opened() as (_, db):
        found = asdict(auto_approval.put(db, told, actor=person(), now=utc_now()))
    show(found, as_json=as_json, lines=[_rule_told(found)])


@rules.command("remove")
def remove_rule(rule: Rule) -> None:
    """Take a rule away; what it approved stays approved.

    \b
    $ vouch orders rules remove small
    vouch: no auto-approval rule 'small'
    """  # noqa: D301
    from inventory.store import auto_approval

    with opened() as (_, db):
        auto_approval.delete(db, rule)
    show({}, as_json=False, lines=[f"{rule} approves nothing any more"])


@calendars.callback()
def _calendars() -> None:
    """On which days vendors take orders."""


@calendars.command("list")
def list_calendars(
    *,
    vendor: Annotated[str | None, typer.Option(help="Of this vendor.")] = None,
    as_json: Json = False,
) -> None:
    """Order days of vendors; without any, a vendor takes orders every day.

    \b
    $ vouch orders calendars list
    every vendor takes orders every day
    """  # noqa: D301
    from dataclasses import asdict

    from inventory.store import order_calendars

    with opened() as (_, db):
        found = [asdict(each) for each in order_calendars.list_calendars(db, vendor=vendor)]
    usual = f"{vendor or 'every vendor'} takes orders every day"
    lines = [_calendar_told(each) for each in found] or [usual]
    show({"order_calendars": found}, as_json=as_json, lines=lines)


def _calendar_told(found: dict[str, Any]) -> str:
    scope = "".join(
        f" {word} {found[name]}"
        for word, name in (("for", "location"), ("of category", "category"))
        if found[name]
    )
    closed = ", ".join(map(str, found["closed_on"]))
    return (
        f"{found['id']}: {found['vendor']}{scope} on {', '.join(found['weekdays'])}"
        + (f"; closed on {closed}" if closed else "")
    )  # fmt: skip


@calendars.command("set")
def set_calendar(
    calendar: Calendar,
    *,
    vendor: Annotated[str, typer.Option(help="Whose days they are.")],
    weekday: Annotated[list[str], typer.Option(help="As monday; may be repeated.")],
    location: Annotated[str | None, typer.Option(help="Only for this location.")] = None,
    category: Annotated[str | None, typer.Option(help="Only of this category.")] = None,
    closed_on: Annotated[list[datetime] | None, typer.Option(
        help="A day without orders all the same; may be repeated.", formats=["%Y-%m-%d"])] = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Say on which days a vendor takes orders; the most specific calendar of a line holds.

    Proposals follow with the next planning run.

    \b
    $ vouch orders calendars set mondays --vendor ACME --weekday monday
    vouch: no vendor 'ACME'
    """  # noqa: D301
    from dataclasses import asdict

    from inventory.order_calendar import OrderCalendar
    from inventory.store import order_calendars

    days = tuple(day.date() for day in closed_on or ())
    told = OrderCalendar(calendar, vendor, tuple(weekday), location, category, days)
    with opened() as (_, db):
        found = asdict(order_calendars.put(db, told))
    show(found, as_json=as_json, lines=[_calendar_told(found)])


@calendars.command("remove")
def remove_calendar(calendar: Calendar) -> None:
    """Take a calendar away: what it named may be ordered on any day.

    \b
    $ vouch orders calendars remove mondays
    vouch: no order calendar 'mondays'
    """  # noqa: D301
    from inventory.store import order_calendars

    with opened() as (_, db):
        order_calendars.delete(db, calendar)
    show({}, as_json=False, lines=[f"{calendar} is no calendar any more"])
