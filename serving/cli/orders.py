"""Commands on orders to vendors: what is urgent, what is late, one step further."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer

from inventory.amounts import counted
from inventory.auto_approval import Subject
from inventory.purchase_orders import ACTS, EXPLAINED
from serving.cli import order_settings, receipts
from serving.cli.receipts import Order, told_units, words
from serving.cli.screen import Json, opened, person, short_enough, show, utc_now

cli = typer.Typer(help="Orders to vendors.", no_args_is_help=True)

Version = Annotated[
    int | None,
    typer.Option(help="Of the order as you read it: where it changed since, nothing is done.",
                 min=1),
]  # fmt: skip
Vendor = Annotated[str | None, typer.Option(help="Of this vendor.")]

REPORTED_DAYS = 28


@cli.callback()
def _group() -> None:
    """Orders to vendors, from proposal to receipt."""


@cli.command("list")
def list_(
    *,
    state: Annotated[str | None, typer.Option(help="proposed, accepted, approved, ...")] = None,
    vendor: Vendor = None,
    location: Annotated[str | None, typer.Option(help="For this location.")] = None,
    urgency: Annotated[str | None, typer.Option(help="critical, high, medium or low.")] = None,
    sort: Annotated[str, typer.Option(help="newest, urgency or value.")] = "urgency",
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """Orders with urgency, value, days of cover and the sales they save, the most urgent first.

    Open ones, unless a state is named. The most urgent run out first, then save the most money.

    \b
    $ vouch orders list
    no orders
    """  # noqa: D301 - \b keeps the example's line breaks.
    from inventory.store.purchase_orders import list_orders

    with opened() as (_, db):
        page = list_orders(
            db, state=state, vendor=vendor, location=location, urgency=urgency, sort=sort,
            limit=limit,
        )  # fmt: skip
    orders: Any = page["orders"]
    show(page, as_json=as_json, lines=[_line(order) for order in orders] or ["no orders"])


def _line(order: dict[str, Any]) -> str:
    lasts = "" if order["cover_days"] is None else f", lasts {order['cover_days']:.0f} days"
    saves = order["revenue_protected"]
    saved = "" if saves is None else f", saves {saves:,.2f}"
    out = "" if order["stock_out_on"] is None else f", out on {order['stock_out_on']}"
    return (
        f"{order['id']}  {words(order['state']):<18}  {order['urgency'] or 'unknown':<8}  "
        f"{order['vendor']} for {order['location']} on {order['expected_on']}: "
        f"{order['value']:,.2f}{lasts}{saved}{out}"
    )


@cli.command("show")
def show_(order: Order, *, as_json: Json = False) -> None:
    """One order: its lines with the terms of their quantities, and what happened to it.

    \b
    $ vouch orders show PO-20270104-0001
    vouch: no purchase order 'PO-20270104-0001'
    """  # noqa: D301
    from inventory.store.purchase_orders import get_order

    with opened() as (_, db):
        found = get_order(db, order)
    lines = [f"{_line(found)}; version {found['version']}", *signatures(found)]
    if found["dispatch"]:
        lines.append(f"to {found['vendor']}: {found['dispatch']['summary']}")
    for line in found["lines"]:
        lines.append(
            f"{line['line_no']:>3}  {line['sku']}: {line['quantity']} at {line['unit_cost']:g} is "
            f"{line['value']:,.2f}; {line['received_units']} received{_waits(found, line)}"
        )
        lines += [
            f"{part['units']:>14}  {part['state']}, expected {part['expected_on']}"
            + (f", in shipment {part['shipment']}" if part["shipment"] else "")
            for part in line["parts"]
        ]
        terms = line["explanation"].get("terms", [])
        lines += [f"{term['quantity']:>+14.2f}  {term['term']}" for term in terms]
    lines += happened(found)
    show(found, as_json=as_json, lines=lines)


def happened(found: dict[str, Any]) -> list[str]:
    """Who did what with an order or a transfer, when and why."""
    return [
        f"{event['at']:%Y-%m-%d %H:%M}  {words(event['act'])} by {event['actor_name']}"
        + (f": {event['reason']}" if event["reason"] else "")
        for event in found["events"]
    ]


UNDECIDED = ("proposed", "accepted", "approved")
"""States in which it matters who approved, of orders and of transfers."""


def signatures(found: dict[str, Any]) -> list[str]:
    """Who approved an order or a transfer that two must approve, and who is still to."""
    needed, names = found["approvals_needed"], found["approved_by_names"]
    if needed < 2 or found["state"] not in UNDECIDED:  # noqa: PLR2004 - one needs no words.
        return []
    signed = f"{' and '.join(names)} did" if names else "nobody did yet"
    more = ", another buyer must too" if 0 < len(names) < needed else ""
    above = found["second_approval_above"]
    why = f"two different buyers must approve it, as it is worth more than {above:,.2f}"
    return [f"{why}: {signed}{more}"]


def _waits(order: dict[str, Any], line: dict[str, Any]) -> str:
    """What of a line waits for approval, and the command that decides."""
    waits = line["awaiting_units"]
    receipt = f"{order['id']}:{line['line_no']}"
    return f", {waits} wait: `vouch orders approve-receipt {receipt}`" if waits else ""


@cli.command("act")
def act_(
    order: Order,
    step: Annotated[str, typer.Argument(help="accept, approve, reject, send, confirm, ship, "
                                             "redate, receive, cancel or close.")],
    *,
    reason: Annotated[str | None, typer.Option(help="Why; to reject and to cancel, always.",
                                               callback=short_enough)] = None,
    on: Annotated[datetime | None, typer.Option(help="The day on which it comes, where that is "
                                                "another: to confirm, ship or redate.",
                                                formats=["%Y-%m-%d"])] = None,
    version: Version = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Take an order one step further, all of its lines.

    \b
    In this order:
    accept     planner           what planning proposed is wanted; its lines are firm
    approve    buyer             a second, different one too above `vouch orders terms`
    send       buyer             to the vendor, as `vouch dispatch settings` say
    confirm    buyer or vendor   it will come
    ship       buyer or vendor   it is on its way
    receive    buyer or oms      it came; in part: `vouch orders receive`
    close      buyer             what did not come is given up

    \b
    Besides:
    reject     planner or buyer  before it is sent, with a reason
    redate     buyer or vendor   once sent: it comes on another day
    cancel     buyer             before it is shipped, with a reason

    Over the API a key may what its role may; whoever types here may all of it, as admin.

    \b
    $ vouch orders act PO-20270104-0001 accept
    vouch: no purchase order 'PO-20270104-0001'
    """  # noqa: D301
    from inventory.errors import InputRejected
    from inventory.store.purchase_orders import act, get_order
    from serving.connectors import leaving

    if step not in ACTS:
        raise InputRejected(f"'{step}' is none of {', '.join(ACTS)}", field="step")
    if on is not None and step not in DATED:
        raise InputRejected(f"only {', '.join(DATED)} take a day", field="on")
    if step in EXPLAINED and not (reason and reason.strip()):
        raise InputRejected(f"say why you {step} it: --reason TEXT", field="reason")
    with opened() as (settings, db):
        lines = None if on is None else _dated(get_order(db, order), step, on)
        found = act(
            db, order, step, actor=person(), role="admin", now=utc_now(), reason=reason,
            lines=lines, version=version,
        )  # fmt: skip
        found = leaving.checked(db, found, settings, now=utc_now())
    said = [f"{found['id']} is {words(found['state'])}"]
    if step == "approve":
        said += signatures(found)
    if step == "send":
        said += _cannot_leave(found)
    show(found, as_json=as_json, lines=said)


@cli.command()
def edit(
    order: Order,
    *,
    reason: Annotated[str, typer.Option(help="Why.", callback=short_enough)],
    quantity: Annotated[list[str] | None, typer.Option(
        help="A new quantity as SKU=UNITS; 0 takes the line out. May be repeated.")] = None,
    on: Annotated[datetime | None, typer.Option(help="The day on which it is to come.",
                                                formats=["%Y-%m-%d"])] = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Also where that breaks packs, minimum "
                                         "or maximum: the reason stands for it.")] = False,
    version: Version = None,
    as_json: Json = False,
) -> None:  # fmt: skip
    """Change quantities or the day of an order that is not sent yet.

    \b
    $ vouch orders edit PO-20270104-0001 --quantity TEA=60 --reason "half a pallet"
    vouch: no purchase order 'PO-20270104-0001'
    """  # noqa: D301
    from inventory.errors import InputRejected
    from inventory.store.purchase_orders import edit as edit_order

    if not quantity and on is None:
        raise InputRejected("say what changes: --quantity, --on or both", field="quantity")
    changed = [told_units(told, "quantity") for told in quantity or ()]
    with opened() as (_, db):
        found = edit_order(
            db, order, actor=person(), role="admin", now=utc_now(), reason=reason,
            lines=[{"sku": sku, "quantity": units} for sku, units in changed], override=anyway,
            expected_on=None if on is None else on.date(), version=version,
        )  # fmt: skip
    show(found, as_json=as_json, lines=[f"{_line(found)}; version {found['version']}"])


def _cannot_leave(order: dict[str, Any]) -> list[str]:
    """What keeps an order that was just sent from leaving."""
    told = order["dispatch"]
    if told is None or told["state"] != "blocked":
        return []
    return [f"but it cannot leave yet: {told['problem']}; then it goes by itself"]


DATED = ("confirm", "ship", "redate")


def _dated(order: dict[str, Any], step: str, on: datetime) -> list[dict[str, Any]]:
    """Every line that is open, with its new day; a shipment is of all that is not under way."""
    told = []
    for line in order["lines"]:
        rest = line["unconfirmed_units"] + sum(
            part["units"] for part in line["parts"] if part["state"] == "confirmed"
        )
        if step == "ship" and rest > 0:
            told.append({"line": line["line_no"], "quantity": rest, "expected_on": on.date()})
        elif step != "ship" and line["quantity"] > line["received_units"]:
            told.append({"line": line["line_no"], "expected_on": on.date()})
    return told


@cli.command()
def late(*, as_json: Json = False) -> None:
    """Orders that should have come, or were put off by their vendor.

    \b
    $ vouch orders late
    no order is late
    """  # noqa: D301
    from inventory.store.purchase_orders import late_orders

    today = utc_now().date()
    with opened() as (_, db):
        found = late_orders(db, today=today)
    lines = [
        f"{row['order_id']} from {row['vendor']} for {row['location']}: {row['open_units']} units "
        f"were due on {row['due_on']}, "
        f"{counted((max(today, row['expected_on']) - row['due_on']).days, 'day')} late"
        for row in found
    ]
    show({"orders": found}, as_json=as_json, lines=lines or ["no order is late"])


From = Annotated[datetime | None, typer.Option("--from", help="First day.", formats=["%Y-%m-%d"])]
To = Annotated[datetime | None, typer.Option(help="Last day, included.", formats=["%Y-%m-%d"])]


@cli.command()
def approvals(*, first: From = None, to: To = None, as_json: Json = False) -> None:
    """What share of the orders that were approved needed no person; by default of 28 days.

    \b
    $ vouch orders approvals --from 2027-01-01 --to 2027-01-31
    0 orders were approved from 2027-01-01 to 2027-01-31
    """  # noqa: D301
    tell_approvals("purchase_order", first=first, to=to, as_json=as_json)


def tell_approvals(
    subject: Subject, *, first: datetime | None, to: datetime | None, as_json: bool
) -> None:
    """Print how many orders or transfers were approved, and what share by rules alone."""
    from inventory.store.auto_approval import report

    last = to.date() if to else utc_now().date()
    begin = first.date() if first else last - timedelta(days=REPORTED_DAYS - 1)
    with opened() as (_, db):
        found = report(db, first=begin, last=last, subject=subject)
    counted = "transfers" if subject == "transfer" else "orders"
    lines = [f"{found['approved']} {counted} were approved from {begin} to {last}"]
    if found["approved"]:
        lines.append(
            f"{found['automatic']} by rules alone, {found['share']:.0%}; of "
            f"{found['value']:,.2f} in money {found['value_share'] or 0:.0%}"
        )
    lines += [f"{row['rule']}: {row[counted]} {counted}, {row['value']:,.2f}"
              for row in found["by_rule"]]  # fmt: skip
    show(found, as_json=as_json, lines=lines)


receipts.register(cli)
order_settings.register(cli)
