"""The API described: `/openapi.json`, and `/docs` whose assets come from this server, not a CDN.

The page's Swagger UI reads OpenAPI 3.0, while FastAPI writes 3.1; `as_openapi_30` rewrites the few
constructs that differ, for the page alone.
"""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles


def install(app: FastAPI) -> None:
    """Serve `/docs`, its assets and its document."""
    import swagger_ui_bundle

    generate = app.openapi

    def titled() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_titles(generate())
        return app.openapi_schema

    app.openapi = titled  # type: ignore[method-assign]  # As FastAPI documents it.
    app.mount("/docs/assets", StaticFiles(directory=Path(swagger_ui_bundle.swagger_ui_path)))

    @app.get("/docs/openapi.json", include_in_schema=False)
    def document() -> Any:  # noqa: ANN401 - a JSON document.
        return as_openapi_30(app.openapi())

    @app.get("/docs", include_in_schema=False)
    def page() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/docs/openapi.json",
            title=f"{app.title} API",
            swagger_js_url="/docs/assets/swagger-ui-bundle.js",
            swagger_css_url="/docs/assets/swagger-ui.css",
            swagger_favicon_url="/docs/assets/favicon-32x32.png",
        )


def with_titles(document: dict[str, Any]) -> dict[str, Any]:
    """Call each operation by what it does, the first sentence of its description.

    Else it is called by its function: two dozen are named read.
    """
    for methods in document["paths"].values():
        for operation in methods.values():
            sentence = operation["description"].partition("\n\n")[0].partition(". ")[0]
            operation["summary"] = " ".join(sentence.split()).removesuffix(".")
    return document


def as_openapi_30(document: dict[str, Any]) -> dict[str, Any]:
    """The same API in the words of OpenAPI 3.0.

    >>> as_openapi_30({"anyOf": [{"type": "string"}, {"type": "null"}], "title": "Channel"})
    {'title': 'Channel', 'type': 'string', 'nullable': True, 'openapi': '3.0.3'}
    """
    rewritten: dict[str, Any] = _rewritten(document)
    return rewritten | {"openapi": "3.0.3"}


def _rewritten(node: Any) -> Any:  # noqa: ANN401 - any part of a JSON document.
    if isinstance(node, list):
        return [_rewritten(part) for part in node]
    if not isinstance(node, dict):
        return node
    node = {name: _rewritten(part) for name, part in node.items()}
    options = node.get("anyOf")
    if isinstance(options, list) and {"type": "null"} in options:
        node = _nullable(node, [option for option in options if option != {"type": "null"}])
    for old, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(node.get(old), int | float) and not isinstance(node.get(old), bool):
            node |= {bound: node[old], old: True}
    if "const" in node:
        node["enum"] = [node.pop("const")]
    return node


def _nullable(node: dict[str, Any], options: list[dict[str, Any]]) -> dict[str, Any]:
    rest = {name: part for name, part in node.items() if name != "anyOf"}
    if len(options) == 1 and "$ref" not in options[0]:
        return rest | options[0] | {"nullable": True}
    return rest | {"anyOf": options, "nullable": True}
