"""Colours and chart defaults. The style sheet in assets/ holds the same palette for HTML."""

from typing import Any

INK = "#101828"
MUTED = "#475467"
FAINT = "#98a2b3"
LINE = "#eaecf0"
SURFACE = "#ffffff"
ACCENT = "#1d4ed8"
HISTORY = "#344054"
GOOD = "#0f7b5f"
WARNING = "#b54708"
BAD = "#b42318"
CALM = "#7a8bb8"
NEUTRAL = "#98a2b3"
PROMOTION_BAND = "rgba(181, 71, 8, 0.09)"
WIDE_BAND = "rgba(29, 78, 216, 0.13)"
NARROW_BAND = "rgba(29, 78, 216, 0.26)"

STATE_COLOURS = {
    "out": BAD,
    "low": "#dc8a1f",
    "healthy": GOOD,
    "over": CALM,
    "no_policy": "#d0d5dd",
}

FONT = 'Inter, "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif'

GRAPH_CONFIG = {"displayModeBar": False, "responsive": True, "scrollZoom": False}
"""No tool bar: the pages need none of its buttons, and it covers the legend."""


def chart_layout(**changes: Any) -> dict[str, Any]:  # noqa: ANN401 - Plotly's layout is JSON.
    """Plotly's layout with our type, grid and margins; `changes` replace top-level parts."""
    layout: dict[str, Any] = {
        "font": {"family": FONT, "size": 12, "color": MUTED},
        "paper_bgcolor": SURFACE,
        "plot_bgcolor": SURFACE,
        "margin": {"l": 42, "r": 6, "t": 8, "b": 26},
        "hovermode": "x unified",
        "hoverlabel": {
            "bgcolor": SURFACE,
            "bordercolor": LINE,
            "font": {"family": FONT, "size": 12, "color": INK},
        },
        "showlegend": False,
        "xaxis": time_axis(),
        "yaxis": unit_axis(),
        "bargap": 0.35,
        "separators": ".,",
    }
    return layout | changes


def time_axis() -> dict[str, Any]:
    """A date axis without a grid: the days are read from its labels."""
    return {
        "type": "date",
        "showgrid": False,
        "linecolor": LINE,
        "tickcolor": LINE,
        "ticks": "outside",
        "ticklen": 4,
        "hoverformat": "%a %-d %b %Y",
        "tickformatstops": [
            {"dtickrange": [None, 604800000], "value": "%-d %b"},
            {"dtickrange": [604800000, "M1"], "value": "%-d %b"},
            {"dtickrange": ["M1", None], "value": "%b %Y"},
        ],
        "fixedrange": True,
    }


def unit_axis() -> dict[str, Any]:
    """A value axis in units, from zero, with a light grid."""
    return {
        "gridcolor": LINE,
        "zeroline": False,
        "rangemode": "tozero",
        "title": {"text": "units", "font": {"size": 11, "color": MUTED}, "standoff": 6},
        "tickformat": ",~r",
        "fixedrange": True,
        "nticks": 6,
    }
