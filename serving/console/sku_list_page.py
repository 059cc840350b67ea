"""All SKUs, those with most to do first: the way in for who does not know an id."""

from dash import html
from dash.development.base_component import Component

from inventory.store.sku_overview import SkuSummary
from serving.console.layout import command, empty
from serving.console.overview_page import grid
from serving.console.wording import number

Rows = list[dict[str, object]]


def sku_list_page(skus: list[SkuSummary], *, total: int) -> Component:
    """The list, or what to do when the catalogue is empty."""
    if not skus:
        remedy = ["Load the demo retailer with ", command("vouch demo"), "."]
        body = html.Div(empty("The catalogue is empty", remedy), className="card")
        return html.Div([html.Div(html.H1("SKUs"), className="title"), body])
    some = f"the {number(len(skus))} most urgent of " if len(skus) < total else ""
    rows: Rows = [
        {
            "sku": sku.sku,
            "name": sku.name,
            "category": sku.category,
            "vendor": sku.vendor_name or "–",
            "on_hand": sku.on_hand_units,
            "value": round(sku.value_at_cost),
            "out": sku.out_of_stock,
            "low": sku.low,
            "positions": sku.positions,
        }
        for sku in skus
    ]
    units = {"type": "rightAligned", "valueFormatter": {"function": "d3.format(',')(params.value)"}}
    columns: list[dict[str, object]] = [
        {"field": "sku", "headerName": "SKU", "width": 130, "cellRenderer": "SkuLink"},
        {"field": "name", "headerName": "Name", "flex": 1, "minWidth": 200},
        {"field": "category", "headerName": "Category", "width": 130},
        {"field": "vendor", "headerName": "Vendor", "width": 160},
        {"field": "on_hand", "headerName": "On hand", "width": 104, **units},
        {"field": "value", "headerName": "Value at cost", "width": 122, **units},
        {"field": "out", "headerName": "Out of stock", "width": 116, **units},
        {"field": "low", "headerName": "Low", "width": 84, **units},
        {"field": "positions", "headerName": "Locations", "width": 104, **units},
    ]
    words = html.P(f"{some}{number(total)} SKUs · locations that are out of stock or low",
                   className="muted")  # fmt: skip
    return html.Div(
        [
            html.Div([html.Div([html.H1("SKUs"), words])], className="title"),
            html.Div(grid("skus", columns, rows, height=680), className="card flush"),
        ]
    )
