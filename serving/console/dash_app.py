"""The Dash application: a few callbacks, and no state but the address in the browser.

Each callback is a coroutine that reads in the thread pool. Dash runs plain ones on the event loop,
where a slow page would hold up every promise that this process is asked for.
"""

import logging
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

import psycopg
from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component
from fastapi import FastAPI
from psycopg_pool import PoolTimeout
from starlette.concurrency import run_in_threadpool

from inventory.store.overview import FoundSku
from serving.console.layout import empty, navigation, shell, sku_href
from serving.console.overview_page import overview_page
from serving.console.reading import Source, View, find, read_overview, read_sku, read_sku_list
from serving.console.sku_list_page import sku_list_page
from serving.console.sku_page import sku_page, unknown_sku
from serving.console.wording import PREFIX

log = logging.getLogger("vouch")

SKU_PREFIX = f"{PREFIX}/sku/"

INDEX = """<!doctype html>
<html lang="en">
<head>
{%metas%}
<title>{%title%}</title>
<link rel="icon" href="/console/assets/mark.svg" type="image/svg+xml">
{%css%}
</head>
<body>
{%app_entry%}
<footer>
{%config%}
{%scripts%}
{%renderer%}
</footer>
</body>
</html>
"""


def build_dash(pages: FastAPI, source: Source) -> Dash:
    """Dash on `pages`, reading from `source`."""
    dash = Dash(
        __name__,
        server=pages,  # type: ignore[arg-type]  # Dash takes a FastAPI since 4.1.
        requests_pathname_prefix=f"{PREFIX}/",
        routes_pathname_prefix=f"{PREFIX}/",
        assets_folder=str(Path(__file__).parent / "assets"),
        title="Vouch",
        update_title="",
        index_string=INDEX,
        suppress_callback_exceptions=True,
        add_log_handler=False,
        serve_locally=True,
    )
    # Otherwise every page opens a socket that no callback of ours uses.
    dash.backend.websocket_capability = False
    dash.layout = shell()
    _answer_addresses(dash, source)
    _answer_search(dash, source)
    return dash


def _answer_addresses(dash: Dash, source: Source) -> None:
    @dash.callback(
        Output("main", "children"),
        Output("navigation", "children"),
        Output("page-title", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
    )
    async def show(path: str | None, search: str | None) -> tuple[Any, Any, str]:
        body, name, title = await run_in_threadpool(safe_page, source, path or "", search or "")
        return body, navigation(name), title

    @dash.callback(
        Output("url", "search"),
        Input({"choice": "location", "shown": ALL}, "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    async def choose(chosen: list[str], search: str | None) -> Any:  # noqa: ANN401
        shown = (ctx.triggered_id or {}).get("shown")
        if not chosen or chosen[0] in (None, shown):
            return no_update  # The choice was drawn, not made.
        return f"?{urlencode(asked(search or '') | {'location': chosen[0]})}"

    dash.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction(namespace="console", function_name="title"),
        Output("page-title", "id"),
        Input("page-title", "data"),
        prevent_initial_call=True,
    )
    # In the browser, at once: a page that arrives late must not erase what was typed meanwhile.
    dash.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction(namespace="console", function_name="emptied"),
        Output("search", "value"),
        Input("url", "pathname"),
        prevent_initial_call=True,
    )


def _answer_search(dash: Dash, source: Source) -> None:
    @dash.callback(Output("hits", "children"), Input("search", "value"))
    async def offer(text: str | None) -> Any:  # noqa: ANN401
        return await run_in_threadpool(hits, source, text or "")

    @dash.callback(
        Output("url", "pathname"),
        Output("url", "search", allow_duplicate=True),
        Input("search", "n_submit"),
        State("search", "value"),
        prevent_initial_call=True,
    )
    async def open_first(_enter: int | None, text: str | None) -> Any:  # noqa: ANN401
        found = await run_in_threadpool(find, source, text or "")
        return (sku_href(found[0].sku), "") if found else (no_update, no_update)


def asked(search: str) -> dict[str, str]:
    """The query of an address as names and first values.

    >>> asked("?location=S1&method=bopis")
    {'location': 'S1', 'method': 'bopis'}
    """
    return {name: values[0] for name, values in parse_qs(search.removeprefix("?")).items()}


def safe_page(source: Source, path: str, search: str) -> tuple[Component, str, str]:
    """`page_at`, or what went wrong in its place: Dash itself would lose the error."""
    try:
        return page_at(source, path, search)
    except (psycopg.OperationalError, PoolTimeout):
        log.exception("the console found no database at %s", path)
        problem = "The database does not answer. Try again in a moment."
    except Exception:
        log.exception("the console failed at %s", path)
        problem = "Vouch failed on this page; the server's log has the cause."
    return _message("Something broke", "This page could not be made", problem), "", "Error · Vouch"


def page_at(source: Source, path: str, search: str) -> tuple[Component, str, str]:
    """What is at an address: the page, its name in the navigation, and the window's title."""
    if path.rstrip("/") == PREFIX:
        return overview_page(read_overview(source)), "Overview", "Overview · Vouch"
    if path.rstrip("/") == f"{PREFIX}/sku":
        skus, total = read_sku_list(source)
        return sku_list_page(skus, total=total), "SKUs", "SKUs · Vouch"
    if path.startswith(SKU_PREFIX):
        sku, query = unquote(path.removeprefix(SKU_PREFIX)), asked(search)
        view = View(query.get("channel"), query.get("method"))
        page = read_sku(source, sku, location=query.get("location"), view=view)
        if page is None:
            return unknown_sku(sku), "SKUs", "Not found · Vouch"
        return sku_page(page), "SKUs", f"{sku} · Vouch"
    return _no_page(path), "", "Not found · Vouch"


def _no_page(path: str) -> Component:
    home = dcc.Link("Go to the overview", href=f"{PREFIX}/")
    return _message("Not found", f"There is no page at {path}", home)


def _message(heading: str, what: str, remedy: Component | str) -> Component:
    card = html.Div(empty(what, remedy), className="card", role="alert")
    return html.Div([html.Div(html.H1(heading), className="title"), card])


def hits(source: Source, text: str) -> Component | None:
    """The list under the search box."""
    if not text.strip():
        return None
    found = find(source, text)
    if not found:
        return html.P(f"No SKU matches “{text.strip()}”.", className="no-hit")
    return html.Ul([html.Li(_hit(sku)) for sku in found])


def _hit(sku: FoundSku) -> Component:
    words = [html.Strong(sku.sku), html.Span(sku.name), html.Small(sku.category)]
    return dcc.Link(words, href=sku_href(sku.sku), className="hit")
