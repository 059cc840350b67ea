"""One SKU: what sold, what will, what is there, what may be promised of it and why."""

from datetime import date, timedelta
from typing import Any

import polars as pl
from dash import dcc, html
from dash.development.base_component import Component

from inventory.availability import Availability
from inventory.demand import DemandForecast
from inventory.store.effective_forecasts import Adjusted
from serving.console import figures
from serving.console.availability_card import availability_card
from serving.console.explanation_card import explanation_cards
from serving.console.layout import (
    Child,
    attributes,
    card,
    chart,
    command,
    empty,
    facts,
    kpi,
    kpis,
    legend,
    sku_href,
    state_badge,
    table,
    term_rows,
    units,
)
from serving.console.projection import project
from serving.console.reading import Place, SkuPage, View
from serving.console.wording import (
    PREFIX,
    ago,
    compact,
    counted,
    day,
    method,
    number,
    sentence,
)

FAN_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def sku_page(page: SkuPage) -> Component:
    """The page of a SKU that exists; it may still be nowhere in stock."""
    place = page.place
    if place is None:
        remedy = [
            "Give it stock with ",
            command("POST /api/v2/inventory/sync"),
            " or ",
            command("vouch import stock FILE"),
            ".",
        ]
        nowhere = html.Div(empty("This SKU is in no location", remedy), className="card")
        return html.Div([_title(page), nowhere])
    return html.Div(
        [
            _title(page),
            _figures(place),
            html.Div(
                [
                    _demand(place),
                    _policy(page, place),
                    _projection(page, place),
                    availability_card(place),
                    _places(page, place),
                    _orders(place),
                    *(explanation_cards(place.explanation) if place.explanation else ()),
                ],
                className="grid",
            ),
        ]
    )


def unknown_sku(sku: str) -> Component:
    """What to do about an id that nobody knows."""
    remedy = ["Search above by name, or add it with ", command(f"PUT /api/v2/skus/{sku}"), "."]
    body = empty(f"No SKU '{sku}' in the catalogue", remedy)
    return html.Div(
        [html.Div(html.H1("Not found"), className="title"), html.Div(body, className="card")]
    )


def _title(page: SkuPage) -> Component:
    details = page.details
    about = [
        details["category"],
        details["brand"],
        f"from {details['vendor_name']}" if details["vendor_name"] else "",
        f"cost {details['unit_cost']:,.2f}, price {details['price']:,.2f}",
        f"packs of {details['pack_size']}" if details["pack_size"] > 1 else "",
    ]
    crumbs = html.Nav(
        [dcc.Link("SKUs", href=f"{PREFIX}/sku"), html.Span("/"), html.Span(details["sku"])],
        className="crumbs",
        **attributes({"aria-label": "Breadcrumb"}),
    )
    words = html.Div(
        [
            crumbs,
            html.H1(details["name"]),
            html.P(" · ".join(part for part in about if part), className="muted"),
        ]
    )
    return html.Div([words, _location_choice(page)], className="title")


def _location_choice(page: SkuPage) -> Component | None:
    if page.place is None:
        return None
    options = [
        {"label": f"{at.location} · {at.location_name}", "value": at.location}
        for at in page.positions
    ]
    choice = dcc.Dropdown(
        id={"choice": "location", "shown": page.place.position.location},
        options=options,
        value=page.place.position.location,
        clearable=False,
        searchable=len(options) > 1,
        className="choice",
    )
    label = html.Span("Location", className="choice-label")
    return html.Label([label, choice], className="choice-box")


def _figures(place: Place) -> Component:
    at = place.position
    answer = place.answer
    atp = number(answer.atp) if isinstance(answer, Availability) else "–"
    point = number(at.reorder_point) if at.reorder_point is not None else "–"
    safety = (
        f"safety stock {number(at.safety_stock)}" if at.safety_stock is not None else "no policy"
    )
    return kpis(
        kpi("On hand", number(at.on_hand_units), state_badge(at.state)),
        kpi("Committed", number(at.committed_units), "carts, orders, pre-orders"),
        kpi("Inbound", number(at.inbound_units), "confirmed and shipped"),
        kpi("Can be promised now", atp, _view_words(place.view)),
        kpi("Reorder point", point, safety),
        kpi("Expected demand", *_next_week(place.forecast)),
    )


def _next_week(forecast: DemandForecast | None) -> tuple[str, str]:
    if forecast is None:
        return "–", "no forecast yet"
    periods = max(1, min(forecast.horizon, 7 // forecast.period_days))
    mean = float(forecast.window_mean_units(periods=periods)[0])
    return number(
        round(mean, 1)
    ), f"units in {counted(periods * forecast.period_days, 'day')}, mean"


def _view_words(view: View) -> str:
    return " · ".join(part for part in (view.channel, method(view.method or "")) if part)


def _demand(place: Place) -> Component:
    sold = place.sales.filter(pl.col("units").is_not_null())
    if sold.is_empty() and place.forecast is None:
        remedy = ["Import sales with ", command("vouch import sales FILE"), "."]
        return card("Demand", empty("No sales recorded here", remedy), wide=8)
    series = figures.Sold(
        days=sold["day"].to_list(),
        units=sold["units"].to_list(),
        in_stock=sold["in_stock"].to_list(),
    )
    fan = _fan(place.adjusted) if place.adjusted else None
    figure = figures.demand_figure(series, fan, promotion_days(place))
    label = (
        f"Units sold per day, {figures.caption_of_days(series.days)}, "
        f"and the forecast, {figures.caption_of_days(fan.days if fan else [])}"
    )
    body: list[Child] = [legend(figure), chart(figure, height=184, label=label)]
    if place.forecast is None:
        body.append(empty("No forecast yet", ["Run ", command("vouch daily"), "."]))
    return card("Demand and forecast", *body, note=_run_words(place.adjusted), wide=8)


def _run_words(adjusted: Adjusted | None) -> Child:
    if adjusted is None:
        return "units per day"
    forecast = adjusted.final
    words: list[Child] = [
        f"units per {'day' if forecast.period_days == 1 else 'week'} · run ",
        html.Code(forecast.run_id),
    ]
    if adjusted.overrides:
        reasons = ", ".join(dict.fromkeys(override.reason for override in adjusted.overrides))
        words.append(f" · {counted(len(adjusted.overrides), 'override')}: {reasons}")
    return words


def _fan(adjusted: Adjusted) -> figures.Fan:
    forecast = adjusted.final
    by_level = {
        level: forecast.day_quantiles_units(level)[0].round(2).tolist() for level in FAN_LEVELS
    }
    plain = adjusted.statistical.day_quantiles_units(0.5)[0].round(2).tolist()
    return figures.Fan(
        forecast.days,
        by_level,
        forecast.period_days,
        plain_median_units=plain if adjusted.overrides else None,
    )


def promotion_days(place: Place) -> set[date]:
    """Days with a promotion, from the sales records and from the plan, inside what is shown."""
    recorded = place.sales.filter(pl.col("promotion").fill_null(0) > 0)["day"].to_list()
    last = place.forecast.days[-1] if place.forecast else place.today
    first = place.sales["day"].min() if len(place.sales) else place.today
    assert isinstance(first, date)
    planned = [
        starts_on + timedelta(days=n)
        for starts_on, ends_on in place.promotions.select("starts_on", "ends_on").iter_rows()
        for n in range((ends_on - starts_on).days + 1)
    ]
    return {day for day in [*recorded, *planned] if first <= day <= last}


def _policy(page: SkuPage, place: Place) -> Component:
    policy = place.policy
    if policy is None:
        remedy = ["Run ", command("vouch daily"), " to compute safety stock and reorder point."]
        return card("Replenishment policy", empty("No policy yet", remedy), wide=4)
    shown = (
        ("reorder_point", "Reorder point"),
        ("safety_stock", "Safety stock"),
        ("order_quantity", "Order quantity"),
        ("order_up_to", "Order up to"),
    )
    details: list[Child] = [
        _explained(name, policy[key], policy["explanation"].get(key)) for key, name in shown
    ]
    return card(
        "Replenishment policy",
        html.Div(details, className="explained"),
        facts(
            [
                ("Service level", f"{policy['service_level']:.1%}"),
                ("Lead time", f"{number(round(_lead_time_days(policy), 1))} days"),
                *_other_run(place),
            ]
        ),
        note=f"computed {ago(policy['computed_at'], now=page.now)}",
        wide=4,
    )


def _other_run(place: Place) -> list[tuple[str, Child]]:
    """The policy's forecast run, where it is not the one that is drawn beside it."""
    forecast, policy = place.forecast, place.policy
    if policy is None or (forecast is not None and forecast.run_id == policy["run_id"]):
        return []
    return [("Forecast run", html.Code(policy["run_id"]))]


def _lead_time_days(policy: dict[str, Any]) -> float:
    lead_time = policy["lead_time"]
    return float(lead_time["mean_days"] if isinstance(lead_time, dict) else lead_time)


def _explained(name: str, value: float, explanation: dict[str, Any] | None) -> Component:
    """A figure that opens into the terms it is the sum of."""
    head = [html.Span(name), html.Strong(f"{number(round(value, 1))} units")]
    terms = (explanation or {}).get("terms") or []
    return html.Details([html.Summary(head), term_rows(terms)])


def _projection(page: SkuPage, place: Place) -> Component:
    at = place.position
    forecast = place.forecast
    projection = project(
        [place.today + timedelta(days=n) for n in range(page.horizon_days + 1)],
        on_hand_units=at.on_hand_units,
        inbound_units=place.flows.inbound_units,
        committed_units=place.flows.committed_units,
        mean_demand_units=_mean_by_day(forecast) if forecast else None,
        reorder_point=at.reorder_point,
        safety_stock=at.safety_stock,
    )
    lowest = min(projection.expected_units or projection.uncommitted_units)
    label = (
        f"Projected stock over {page.horizon_days} days from {number(at.on_hand_units)} on hand; "
        f"lowest {number(round(lowest, 1))}"
    )
    figure = figures.projection_figure(projection)
    return card(
        "Stock projection",
        legend(figure),
        chart(figure, height=210, label=label),
        note=f"units, next {page.horizon_days} days, nothing new ordered",
        wide=6,
    )


def _mean_by_day(forecast: DemandForecast) -> dict[date, float]:
    """A weekly forecast is spread evenly over its days."""
    return {
        first + timedelta(days=n): float(mean) / forecast.period_days
        for first, mean in zip(forecast.days, forecast.mean_units[0], strict=True)
        for n in range(forecast.period_days)
    }


def _places(page: SkuPage, place: Place) -> Component:
    rows: list[list[Child]] = [
        [
            dcc.Link(
                at.location,
                href=sku_href(
                    at.sku,
                    location=at.location,
                    channel=place.view.channel,
                ),
                className="strong" if at == place.position else "",
            ),
            at.location_name,
            state_badge(at.state),
            number(at.on_hand_units),
            number(at.committed_units),
            number(at.inbound_units),
            number(at.reorder_point) if at.reorder_point is not None else "–",
        ]
        for at in page.positions
    ]
    heads = ["Location", "Name", "State", "On hand", "Committed", "Inbound", "Reorder point"]
    total = sum(at.on_hand_units for at in page.positions)
    note = f"{units(total)} in {counted(len(rows), 'location')}"
    return card("Where it is", table(heads, rows, figures={3, 4, 5, 6}), note=note, wide=8)


def _orders(place: Place) -> Component:
    if not place.order_lines:
        remedy = "When stock reaches the reorder point, the daily job proposes an order."
        return card("Purchase orders", empty("None open for this position", remedy), wide=4)
    rows: list[list[Child]] = [
        [
            html.Div(
                [
                    html.Strong(line.vendor_name),
                    html.Span(f"{sentence(line.state)}, due {day(line.expected_on)}"),
                ],
                className="two-lines",
            ),
            html.Div(
                [
                    html.Strong(units(line.quantity - line.received_units)),
                    html.Span(f"{compact(line.quantity * line.unit_cost)} at cost"),
                ],
                className="two-lines",
            ),
        ]
        for line in place.order_lines
    ]
    return card("Purchase orders", table(["Vendor", "Open"], rows, figures={1}), wide=4)
