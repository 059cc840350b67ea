"""The frame of every page and the parts that pages are made of."""

from collections.abc import Sequence
from typing import Any, cast
from urllib.parse import quote, urlencode

from dash import dcc, html
from dash.development.base_component import Component

from serving.console import theme
from serving.console.wording import PREFIX, STATE_WORDS, number, signed

Child = Any
"""What may stand inside a component: text, components, lists. Dash's own type is narrower."""

PAGES = (("Overview", f"{PREFIX}/"), ("SKUs", f"{PREFIX}/sku"))
"""The navigation: only pages that work are in it."""


def shell() -> Component:
    """What stays on screen while pages change."""
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="page-title"),
            html.A("Skip to content", href="#main", className="skip"),
            html.Aside(
                [
                    dcc.Link(
                        [html.Img(src=f"{PREFIX}/assets/mark.svg", alt=""), html.Span("Vouch")],
                        href=f"{PREFIX}/",
                        className="brand",
                        title="Vouch, to the overview",
                    ),
                    html.Nav(
                        navigation(""), id="navigation", **attributes({"aria-label": "Pages"})
                    ),
                    html.A("Sign out", href=f"{PREFIX}/logout", className="sign-out"),
                ],
                className="side",
            ),
            html.Div(
                [
                    html.Header(search_box(), className="top"),
                    dcc.Loading(
                        html.Main(skeleton(), id="main", tabIndex=-1),
                        delay_show=250,
                        overlay_style={"visibility": "visible", "opacity": 0.45},
                        custom_spinner=html.Div(className="progress", role="progressbar"),
                        target_components=cast("Any", {"main": "children"}),
                    ),
                ],
                className="content",
            ),
        ],
        className="app",
    )


def attributes(given: dict[str, str]) -> dict[str, Any]:
    """HTML attributes whose names are no Python names, such as aria-label."""
    return given


def navigation(current: str) -> list[Component]:
    """Links to the pages; the one that is open is marked, also for a screen reader."""
    return [
        dcc.Link(name, href=href, className="nav-link current" if name == current else "nav-link")
        for name, href in PAGES
    ]


def search_box() -> Component:
    """Type, then Enter for the first hit or Tab to another."""
    return html.Div(
        [
            html.Label("Search SKUs", htmlFor="search", className="visually-hidden"),
            dcc.Input(
                id="search",
                type="search",
                placeholder="Search SKUs by id, name, category or brand",
                autoComplete="off",
                debounce=0.15,
                className="search-input",
            ),
            html.Kbd("/", title="Press / to search"),
            html.Div(id="hits", className="hits", **attributes({"aria-live": "polite"})),
        ],
        className="search",
        role="search",
    )


def skeleton() -> Component:
    """Grey blocks in the shape of a page, until the first figures are here."""
    blocks = [html.Div(className="bone") for _ in range(5)]
    return html.Div(
        [
            html.Div(className="bone bone-title"),
            html.Div(blocks, className="kpis"),
            html.Div(className="bone bone-large"),
        ],
        className="skeleton",
        **attributes({"aria-label": "Loading", "aria-busy": "true"}),
    )


def sku_href(sku: str, **query: str | None) -> str:
    """The address of a SKU's page: it can be kept, sent and opened again."""
    given = {name: value for name, value in query.items() if value}
    tail = f"?{urlencode(given)}" if given else ""
    return f"{PREFIX}/sku/{quote(sku, safe='')}{tail}"


def card(title: str, *children: Child, note: Child = None, wide: int = 6) -> Component:
    """A titled box that takes `wide` of twelve columns."""
    head = [html.H2(title), html.Div(note, className="note") if note else None]
    return html.Section(
        [html.Div(head, className="card-head"), *children], className=f"card span-{wide}"
    )


def kpi(label: str, value: str, note: Child, *, tone: str = "") -> Component:
    """One figure with what it counts; `tone` is '', 'bad' or 'warning'."""
    return html.Div(
        [html.Dt(label), html.Dd(value, className=f"value {tone}"), html.Dd(note, className="sub")],
        className="kpi",
    )


def kpis(*figures: Component) -> Component:
    """A row of figures."""
    return html.Dl(list(figures), className="kpis")


def chart(figure: dict[str, Any], *, height: int, label: str, grows: bool = True) -> Component:
    """A chart with a description for those who cannot see it.

    `height` is in pixels; where it `grows`, the chart also takes what its card has left.
    """
    graph = dcc.Graph(
        figure=figure,
        config=cast("Any", theme.GRAPH_CONFIG),
        style={"height": "100%"},
        responsive=True,
    )
    size = {"flex": f"{int(grows)} 0 {height}px", "height": f"{height}px"}
    return html.Div(graph, role="img", style=size, **attributes({"aria-label": label}))


def legend(figure: dict[str, Any]) -> Component:
    """The names of a chart's traces with their marks; Plotly's own legend cannot be aligned."""
    items = []
    for trace in figure["data"]:
        if trace.get("showlegend", True):
            kind, colour = _mark(trace)
            mark = html.I(className=f"mark mark-{kind}", style={"color": colour})
            items.append(html.Li([mark, trace["name"]]))
    return html.Ul(items, className="legend", **attributes({"aria-hidden": "true"}))


def _mark(trace: dict[str, Any]) -> tuple[str, str]:
    if "fillcolor" in trace:
        return "area", trace["fillcolor"]
    if trace["type"] == "bar":
        return "area", trace["marker"]["color"]
    if trace["mode"] == "markers":
        ring = trace["marker"].get("line")
        return ("ring", ring["color"]) if ring else ("area", trace["marker"]["color"])
    return trace["line"].get("dash", "solid"), trace["line"]["color"]


def empty(title: str, remedy: Child) -> Component:
    """A place with nothing in it yet, and what to do about that."""
    return html.Div([html.Strong(title), html.P(remedy)], className="empty")


def command(text: str) -> Component:
    """Something to type."""
    return html.Code(text)


def state_badge(state: str) -> Component:
    """The state of a position: its colour never stands alone."""
    return html.Span([html.I(className=f"dot {state}"), STATE_WORDS[state]], className="badge")


def facts(rows: Sequence[tuple[str, Child]]) -> Component:
    """Names and values, one per line."""
    lines = [html.Div([html.Dt(name), html.Dd(value)]) for name, value in rows]
    return html.Dl(lines, className="facts")


def term_rows(terms: Sequence[dict[str, Any]]) -> Component:
    """Signed terms, each above its source."""
    rows = [
        html.Div(
            [
                html.Dt([_term_name(term), html.Small(str(term["source"]))]),
                html.Dd(signed(term["quantity"])),
            ]
        )
        for term in terms
    ]
    return html.Dl(rows, className="terms")


def _term_name(term: dict[str, Any]) -> str:
    name = str(term["term"]).replace("_", " ")
    return name[:1].upper() + name[1:]


def table(heads: Sequence[str], rows: Sequence[Sequence[Child]], *, figures: set[int]) -> Component:
    """A small table; columns in `figures` are numbers, set to the right."""
    kind = ["figure" if column in figures else "" for column in range(len(heads))]
    head = [html.Th(name, className=kind[i], scope="col") for i, name in enumerate(heads)]
    body = [
        html.Tr([html.Td(cell, className=kind[i]) for i, cell in enumerate(row)]) for row in rows
    ]
    return html.Div(
        html.Table([html.Thead(html.Tr(head)), html.Tbody(body)], className="plain"),
        className="scroll",
    )


def units(value: float) -> str:
    """
    >>> units(1), units(3)
    ('1 unit', '3 units')
    """
    return f"{number(value)} {'unit' if value == 1 else 'units'}"
