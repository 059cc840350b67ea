"""Charts as plain Plotly JSON: pure functions from data to figure, so that tests can read them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from serving.console import theme
from serving.console.projection import Projection
from serving.console.wording import STATE_WORDS, day, number, signed

Figure = dict[str, Any]

BANDS = ((0.05, 0.95, theme.WIDE_BAND), (0.25, 0.75, theme.NARROW_BAND))
"""Quantile bands of the fan, the widest first, so that the narrow one lies on top."""

LABEL_LENGTH_MAX = 34
IN_STOCK_ALL_DAY = 0.999


@dataclass(frozen=True, slots=True)
class Sold:
    """Sales of one position, day by day; `in_stock` is the share of the day it was on sale."""

    days: Sequence[date]
    units: Sequence[float]
    in_stock: Sequence[float]


@dataclass(frozen=True, slots=True)
class Fan:
    """A forecast of one position: median, mean and quantiles per period, in units."""

    days: Sequence[date]
    quantiles_units: Mapping[float, Sequence[float]]
    """By level; holds at least the levels of `BANDS` and 0.5."""
    period_days: int = 1
    plain_median_units: Sequence[float] | None = None
    """The median as the statistics have it, where a planner overrode it."""


def demand_figure(sold: Sold, fan: Fan | None, promotion_days: Iterable[date]) -> Figure:
    """Sales so far, stock-out days marked as censored, and the forecast as a fan."""
    traces = [_sold_line(sold), *_censored_markers(sold)]
    if fan is not None:
        traces += _fan_traces(fan)
    bands = [_promotion_band(first, last) for first, last in spans(promotion_days)]
    layout = theme.chart_layout(shapes=bands, annotations=[])
    if bands:
        traces.append(_legend_swatch("Promotion", theme.PROMOTION_BAND))
    if fan is not None and fan.days:
        _mark_day(layout, fan.days[0], "forecast")
    return {"data": traces, "layout": layout}


def _sold_line(sold: Sold) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "Sold",
        "x": [day.isoformat() for day in sold.days],
        "y": list(sold.units),
        "line": {"color": theme.HISTORY, "width": 1.5},
        "hovertemplate": "%{y:,.0f} sold<extra></extra>",
    }


def _censored_markers(sold: Sold) -> list[Figure]:
    """Days on which the shelf was empty for a while: sales there are a floor, not the demand."""
    short = [i for i, share in enumerate(sold.in_stock) if share < IN_STOCK_ALL_DAY]
    if not short:
        return []
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "Stock-out (censored)",
            "x": [sold.days[i].isoformat() for i in short],
            "y": [sold.units[i] for i in short],
            "customdata": [f"{1 - sold.in_stock[i]:.0%}" for i in short],
            "marker": {
                "color": theme.SURFACE,
                "size": 7,
                "line": {"color": theme.BAD, "width": 1.6},
            },
            "hovertemplate": "out of stock %{customdata} of the day:"
            " demand was at least this<extra></extra>",
        }
    ]


def _fan_traces(fan: Fan) -> list[Figure]:
    x = [day.isoformat() for day in fan.days]
    traces: list[Figure] = _plain_median(fan, x)
    for low, high, colour in BANDS:
        edge: Figure = {
            "type": "scatter",
            "mode": "lines",
            "x": x,
            "line": {"width": 0},
            "hoverinfo": "skip",
        }
        name = f"p{low * 100:02.0f}–p{high * 100:.0f}"
        traces += [
            edge
            | {"y": list(fan.quantiles_units[low]), "showlegend": False, "name": f"{name} low"},
            edge
            | {
                "y": list(fan.quantiles_units[high]),
                "fill": "tonexty",
                "fillcolor": colour,
                "name": name,
            },
        ]
    low, high = BANDS[0][:2]
    ranges = [
        f"{number(round(a, 1))}–{number(round(b, 1))}"
        for a, b in zip(fan.quantiles_units[low], fan.quantiles_units[high], strict=True)
    ]
    traces.append(
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Forecast median",
            "x": x,
            "y": list(fan.quantiles_units[0.5]),
            "customdata": ranges,
            "line": {"color": theme.ACCENT, "width": 2},
            "hovertemplate": "median %{y:,.1f}, 90 % between %{customdata}<extra></extra>",
        }
    )
    return traces


def _plain_median(fan: Fan, x: Sequence[str]) -> list[Figure]:
    if fan.plain_median_units is None:
        return []
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": "Without overrides",
            "x": x,
            "y": list(fan.plain_median_units),
            "line": {"color": theme.CALM, "width": 1.5, "dash": "dot"},
            "hovertemplate": "%{y:,.1f} without overrides<extra></extra>",
        }
    ]


def spans(days: Iterable[date]) -> list[tuple[date, date]]:
    """Days joined into first and last of each unbroken run.

    >>> [(a.day, b.day) for a, b in spans([date(2026, 1, d) for d in (1, 2, 3, 7, 9, 8)])]
    [(1, 3), (7, 9)]
    """
    runs: list[tuple[date, date]] = []
    for today in sorted(set(days)):
        if runs and today - runs[-1][1] == timedelta(days=1):
            runs[-1] = (runs[-1][0], today)
        else:
            runs.append((today, today))
    return runs


def _promotion_band(first: date, last: date) -> Figure:
    """From half a day before to half a day after, so that one day is wide enough to see."""
    return {
        "type": "rect",
        "layer": "below",
        "xref": "x",
        "yref": "paper",
        "x0": f"{first - timedelta(days=1)}T12:00",
        "x1": f"{last}T12:00",
        "y0": 0,
        "y1": 1,
        "fillcolor": theme.PROMOTION_BAND,
        "line": {"width": 0},
    }


def _legend_swatch(name: str, colour: str) -> Figure:
    """A legend entry for what is drawn as a shape."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "name": name,
        "marker": {"color": colour, "size": 12, "symbol": "square"},
        "hoverinfo": "skip",
    }


def _mark_day(layout: Figure, when: date, label: str) -> None:
    layout["shapes"] = [
        *layout["shapes"],
        {
            "type": "line",
            "xref": "x",
            "yref": "paper",
            "x0": when.isoformat(),
            "x1": when.isoformat(),
            "y0": 0,
            "y1": 1,
            "line": {"color": theme.FAINT, "width": 1, "dash": "dot"},
        },
    ]
    layout["annotations"] = [
        {
            "x": when.isoformat(),
            "xref": "x",
            "y": 1,
            "yref": "paper",
            "xanchor": "left",
            "yanchor": "top",
            "xshift": 4,
            "text": label,
            "showarrow": False,
            "font": {"size": 11, "color": theme.MUTED},
        }
    ]


def projection_figure(projection: Projection) -> Figure:
    """Stock over the days ahead as steps, with what comes in and what is owed as bars."""
    x = [day.isoformat() for day in projection.days]
    traces = [
        _bars("Inbound", x, projection.inbound_units, "#7cc4ac"),
        _bars("Committed", x, [-units for units in projection.committed_units], "#e6a15c"),
        _steps("Uncommitted stock", x, projection.uncommitted_units, theme.HISTORY),
    ]
    if projection.expected_units is not None:
        traces.append(
            _steps("After expected demand", x, projection.expected_units, theme.ACCENT)
            | {"line": {"color": theme.ACCENT, "width": 2}}
        )
    levels = (
        ("Reorder point", projection.reorder_point, theme.WARNING, "dash"),
        ("Safety stock", projection.safety_stock, theme.BAD, "dot"),
    )
    for name, units, colour, dash in levels:
        if units is not None and x:
            traces.append(_level(name, x, units, colour, dash))
    layout = theme.chart_layout(barmode="relative")
    layout["yaxis"] = theme.unit_axis() | {"zeroline": True, "zerolinecolor": "#d0d5dd"}
    return {"data": traces, "layout": layout}


def _bars(name: str, x: Sequence[str], units: Sequence[int], colour: str) -> Figure:
    return {
        "type": "bar",
        "name": name,
        "x": list(x),
        "y": [moved or None for moved in units],
        "marker": {"color": colour},
        "hovertemplate": f"{name.lower()} %{{y:,.0f}}<extra></extra>",
    }


def _steps(name: str, x: Sequence[str], units: Sequence[float], colour: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": list(x),
        "y": list(units),
        "line": {"color": colour, "width": 2, "shape": "hv"},
        "hovertemplate": f"{name.lower()} %{{y:,.0f}}<extra></extra>",
    }


def _level(name: str, x: Sequence[str], units: float, colour: str, dash: str) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": [x[0], x[-1]],
        "y": [units, units],
        "line": {"color": colour, "width": 1.5, "dash": dash},
        "hovertemplate": f"{name.lower()} %{{y:,.1f}}<extra></extra>",
    }


def waterfall_figure(terms: Sequence[tuple[str, int]], *, raw_units: int, atp_units: int) -> Figure:
    """Signed terms from top to bottom, what they sum to, and what is published of it.

    The two totals are drawn from the engine's answer, not from the terms: a chart whose bars do
    not meet its total shows that something is wrong.
    """
    labels = [_short(label) for label, _ in terms] + ["Sum of terms", "Can be promised"]
    units = [units for _, units in terms]
    return {
        "data": [
            {
                "type": "waterfall",
                "orientation": "h",
                "measure": ["relative"] * len(units) + ["absolute", "absolute"],
                # A number before each label keeps two equal labels apart.
                "y": list(range(len(labels))),
                "x": [*units, raw_units, atp_units],
                "text": [*(signed(moved) for moved in units), number(raw_units), number(atp_units)],
                "textposition": "outside",
                "cliponaxis": False,
                "textfont": {"color": theme.INK, "size": 12},
                "hoverinfo": "skip",
                "increasing": {"marker": {"color": "#5fb39a"}},
                "decreasing": {"marker": {"color": "#e39a8f"}},
                "totals": {"marker": {"color": theme.ACCENT}},
                "connector": {"line": {"color": "#d0d5dd", "width": 1}},
            }
        ],
        "layout": theme.chart_layout(
            hovermode=False,
            margin={"l": 8, "r": 40, "t": 8, "b": 30},
            waterfallgap=0.4,
            xaxis=theme.unit_axis() | {"nticks": 5},
            yaxis={
                "tickmode": "array",
                "tickvals": list(range(len(labels))),
                "ticktext": labels,
                "autorange": "reversed",
                "automargin": True,
                "fixedrange": True,
                "showgrid": False,
                "zeroline": False,
                "tickfont": {"size": 12, "color": theme.INK},
            },
        ),
    }


def _short(label: str) -> str:
    return label if len(label) <= LABEL_LENGTH_MAX else f"{label[: LABEL_LENGTH_MAX - 1]}…"


def health_figure(positions_by_state: Mapping[str, int]) -> Figure:
    """All positions as one bar, divided by state."""
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "name": STATE_WORDS[state],
                "y": ["positions"],
                "x": [count],
                "marker": {
                    "color": theme.STATE_COLOURS[state],
                    "line": {"color": theme.SURFACE, "width": 2},
                },
                "hovertemplate": f"{STATE_WORDS[state]}: %{{x:,.0f}} positions<extra></extra>",
            }
            for state, count in positions_by_state.items()
        ],
        "layout": theme.chart_layout(
            barmode="stack",
            hovermode="closest",
            margin={"l": 0, "r": 0, "t": 0, "b": 0},
            bargap=0,
            xaxis={
                "visible": False,
                "fixedrange": True,
                "range": [0, sum(positions_by_state.values())],
            },
            yaxis={"visible": False, "fixedrange": True},
        ),
    }


def caption_of_days(days: Sequence[date]) -> str:
    """
    >>> caption_of_days([date(2026, 1, 30), date(2026, 2, 2)])
    '30 Jan 2026 to 2 Feb 2026'
    """
    return f"{day(days[0])} to {day(days[-1])}" if days else "no days"
