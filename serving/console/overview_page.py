"""The first page: how much there is, where it hurts, and what waits for a person."""

import dash_ag_grid as dag
from dash import html
from dash.development.base_component import Component

from inventory.store import overview
from serving.console import figures
from serving.console.layout import (
    Child,
    card,
    chart,
    command,
    empty,
    facts,
    kpi,
    kpis,
    state_badge,
    table,
    units,
)
from serving.console.reading import ORDERS_MAX, OverviewPage
from serving.console.wording import (
    STATE_MEANINGS,
    STATE_WORDS,
    ago,
    compact,
    counted,
    day,
    moment,
    number,
    sentence,
)

GRID_THEME = (
    "themeQuartz.withParams({"
    "fontFamily: 'inherit', headerFontFamily: 'inherit', fontSize: 13, headerFontSize: 12,"
    "headerFontWeight: 500, headerTextColor: '#475467', foregroundColor: '#101828',"
    "headerBackgroundColor: '#f9fafb', borderColor: '#eaecf0', rowHoverColor: '#f5f8ff',"
    "wrapperBorder: false, wrapperBorderRadius: 0, accentColor: '#1d4ed8', spacing: 6,"
    "columnBorder: false, cellHorizontalPaddingScale: 0.7,"
    "headerColumnResizeHandleColor: '#d0d5dd'})"
)


def overview_page(page: OverviewPage) -> Component:
    """The page, or what to do when there is nothing to show."""
    if page.stock.skus == 0 and not page.health:
        return html.Div([_title(page), _nothing_yet()])
    return html.Div(
        [
            _title(page),
            _figures(page),
            html.Div(
                [_health(page), _run(page), _promises(page), _alerts(page), _orders(page)],
                className="grid",
            ),
        ]
    )


def _title(page: OverviewPage) -> Component:
    changed = page.stock.updated_at
    note = f"As of {moment(page.now)}"
    if changed:
        note += f" · stock last changed {ago(changed, now=page.now)}"
    return html.Div([html.H1("Overview"), html.P(note, className="muted")], className="title")


PERIODS = {1: "day", 7: "week"}

OWN_DATA = (
    ("Places", "vouch import locations FILE"),
    ("Products", "vouch import skus FILE"),
    ("Stock on hand", "vouch import stock FILE"),
    ("Past sales", "vouch import sales FILE"),
    ("Forecasts, buffers and orders", "vouch daily"),
)
"""What to bring, in the order in which each needs the one before."""


def _nothing_yet() -> Component:
    steps = [html.Li([html.Span(what), command(line)]) for what, line in OWN_DATA]
    return html.Div(
        [
            card(
                "See it work",
                html.P("A made-up retailer with two years of sales, in a few minutes.",
                       className="muted"),
                html.Ol(html.Li([html.Span("Demo retailer"), command("vouch demo")]),
                        className="steps"),
                note="No stock yet",
                wide=6,
            ),
            card(
                "Bring your own data",
                html.P("CSV or Parquet. Rows that cannot go in are listed with the reason.",
                       className="muted"),
                html.Ol(steps, className="steps"),
                wide=6,
            ),
        ],
        className="grid",
    )  # fmt: skip


def _figures(page: OverviewPage) -> Component:
    stock, promises, orders = page.stock, page.promises, page.order_totals
    critical = page.alert_counts.get("critical", 0)
    alerts = sum(page.alert_counts.values())
    promised = promises.soft_units + promises.hard_units + promises.peg_units
    waiting = orders.proposed + orders.accepted
    aside = f" · {compact(stock.unsellable_units)} set aside" if stock.unsellable_units else ""
    return kpis(
        kpi(
            "Sellable units",
            compact(stock.available_units),
            f"{counted(stock.locations, 'location')}{aside}",
        ),
        kpi(
            "Stock value", compact(stock.value_at_cost), f"at unit cost, {number(stock.skus)} SKUs"
        ),
        kpi(
            "Promised units",
            compact(promised),
            f"in {counted(promises.reservations, 'open reservation')}",
        ),
        kpi(
            "Open alerts",
            number(alerts),
            f"{number(critical)} critical" if alerts else "nothing needs you",
            tone="bad" if critical else "",
        ),
        kpi(
            "Orders waiting",
            number(waiting),
            f"{units(orders.units)}, {compact(orders.cost)} at cost" if waiting else "all decided",
        ),
    )


def _health(page: OverviewPage) -> Component:
    counted_positions = {count.state: count.positions for count in page.health}
    total = sum(counted_positions.values())
    rows: list[list[Child]] = [
        [
            html.Span([state_badge(count.state)], title=STATE_MEANINGS[count.state]),
            number(count.positions),
            f"{count.positions / total:.0%}",
            compact(count.units),
            compact(count.value_at_cost),
        ]
        for count in page.health
    ]
    label = "; ".join(f"{STATE_WORDS[state]}: {n}" for state, n in counted_positions.items())
    return card(
        "Stock health",
        chart(figures.health_figure(counted_positions), height=22, label=label, grows=False),
        table(["State", "Positions", "Share", "Units", "Value"], rows, figures={1, 2, 3, 4}),
        note=f"{number(total)} positions, SKU × location",
        wide=6,
    )


def _run(page: OverviewPage) -> Component:
    run = page.run
    if run is None:
        remedy = ["Run ", command("vouch daily"), " to train, forecast and set policies."]
        return card("Forecast in force", empty("No forecast yet", remedy), wide=3)
    period = PERIODS.get(run.period_days, "period")
    rows: list[tuple[str, Child]] = [
        ("Run", html.Code(run.run_id, title=run.run_id)),
        ("Model", html.Span(run.model_version, title=run.model_version)),
        ("Made", moment(run.made_at)),
        (
            "Covers",
            f"{counted(run.horizon, period)} from {day(run.first_day)}",
        ),
        ("Series", _series(run)),
    ]
    if run.note:
        rows.append(("Note", run.note))
    return card("Forecast in force", facts(rows), wide=3)


def _series(run: overview.RunInForce) -> str:
    other = run.series_on_other_runs
    return number(run.series_in_force) + (f" (+{number(other)} on later runs)" if other else "")


def _promises(page: OverviewPage) -> Component:
    promises = page.promises
    if promises.reservations == 0:
        remedy = [
            "Hold stock with ",
            command("POST /api/v2/reservations"),
            " and it appears here at once.",
        ]
        return card("Promises", empty("Nothing is promised", remedy), wide=3)
    return card(
        "Promises",
        facts(
            [
                ("In carts (soft holds)", units(promises.soft_units)),
                ("Ordered (hard)", units(promises.hard_units)),
                ("Pre-orders", units(promises.peg_units)),
                ("Due in 7 days", units(promises.due_7_days_units)),
                ("Overdue", units(promises.overdue_units)),
            ]
        ),
        wide=3,
    )


def _alerts(page: OverviewPage) -> Component:
    total = sum(page.alert_counts.values())
    if not total:
        remedy = "Alerts are raised by the daily job and by feeds that contradict each other."
        return card("Open alerts", empty("No open alerts", remedy), wide=8)
    rows: list[dict[str, object]] = [
        {
            "severity": alert.severity,
            "alert": sentence(alert.kind),
            "sku": alert.sku,
            "location": alert.location,
            "message": what_happened(alert),
            "raised": ago(alert.raised_at, now=page.now),
        }
        for alert in page.alerts
    ]
    columns: list[dict[str, object]] = [
        {"field": "severity", "headerName": "Severity", "width": 98, "cellRenderer": "Severity"},
        {"field": "sku", "headerName": "SKU", "width": 112, "cellRenderer": "SkuLink"},
        {"field": "location", "headerName": "Location", "width": 126},
        {"field": "message", "headerName": "What happened", "flex": 1, "minWidth": 220,
         "wrapText": True, "autoHeight": True, "cellClass": "wrapped"},
        {"field": "raised", "headerName": "Raised", "width": 94, "sortable": False},
    ]  # fmt: skip
    shown = f"{number(len(rows))} of {number(total)}" if len(rows) < total else number(total)
    return card("Open alerts", grid("alerts", columns, rows, height=306), note=shown, wide=8)


def what_happened(alert: overview.OpenAlert) -> str:
    """The message without the SKU and location that stand in columns of their own."""
    words = alert.message.removeprefix(f"{alert.sku} at {alert.location}").lstrip(" :")
    return words[:1].upper() + words[1:]


def grid(
    name: str, columns: list[dict[str, object]], rows: list[dict[str, object]], *, height: int
) -> Component:
    """A table that can be sorted and walked by keyboard, at most `height` pixels high."""
    table_of_rows: Component = dag.AgGrid(
        id=f"grid-{name}",
        columnDefs=columns,
        rowData=rows,
        defaultColDef={"resizable": True, "sortable": True, "suppressMovable": True},
        dashGridOptions={
            "theme": {"function": GRID_THEME},
            "rowHeight": 38,
            "headerHeight": 36,
            "animateRows": False,
            "enableCellTextSelection": True,
            "tooltipShowDelay": 400,
            "suppressColumnVirtualisation": True,
        },
        style={"height": f"{min(height, 40 + 38 * len(rows))}px", "width": "100%"},
        className="ag",
    )
    return table_of_rows


def _orders(page: OverviewPage) -> Component:
    totals = page.order_totals
    if not page.orders:
        remedy = ["Proposals appear here after ", command("vouch daily"), "."]
        return card("Purchase orders", empty("No order waits for you", remedy), wide=4)
    rows: list[list[Child]] = [
        [
            html.Div(
                [
                    html.Strong(f"{order.vendor_name} to {order.location}"),
                    html.Span(f"{order.purchase_order_id} · due {day(order.expected_on)}"),
                ],
                className="two-lines",
            ),
            _runs_out(order),
            html.Div(
                [
                    html.Strong(compact(order.cost)),
                    html.Span(counted(order.lines, "line")),
                ],
                className="two-lines",
            ),
        ]
        for order in page.orders[:ORDERS_MAX]
    ]
    note = f"{number(totals.proposed)} proposed, {number(totals.accepted)} accepted"
    return card(
        "Purchase orders waiting",
        table(["Order", "Runs out", "Cost"], rows, figures={2}),
        note=note,
        wide=4,
    )


URGENCY_DOTS = {"critical": "critical", "high": "warning"}


def _runs_out(order: overview.WaitingOrder) -> Child:
    """The day on which the first of its items would be sold out, and how near that is."""
    if order.stock_out_on is None:
        return ""
    dot = html.I(className=f"dot {URGENCY_DOTS.get(order.urgency or '', 'info')}")
    return html.Span([dot, day(order.stock_out_on)], className="badge", title=order.urgency)
