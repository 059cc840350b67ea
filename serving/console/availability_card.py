"""What may be promised of a position through one view, as a waterfall of the engine's own terms."""

from collections.abc import Sequence

from dash import dcc, html
from dash.development.base_component import Component

from inventory.availability import Term
from serving.console import figures, wording
from serving.console.layout import attributes, card, chart, empty, sku_href, table
from serving.console.reading import Place
from serving.console.wording import MINUS, day, method, number


def availability_card(place: Place) -> Component:
    """The card: choose a view, see its terms add up to the answer, read where each comes from."""
    choice = _view_choice(place)
    answer = place.answer
    if isinstance(answer, str):
        return card("Available to promise", choice, empty("No answer", answer), wide=6)
    terms = answer.terms or ()
    label = ", ".join(f"{term.term} {term.quantity}" for term in terms)
    figure = figures.waterfall_figure(
        [(wording.term(term.term), term.quantity) for term in terms],
        raw_units=answer.raw,
        atp_units=answer.atp,
    )
    binding = answer.binding_date
    note = f"binding day {day(binding)}" if binding else None
    height = 44 + 27 * (len(terms) + 2)
    sources = [
        [wording.term(term.term), _signed_units(term.quantity), html.Span(term.source)]
        for term in terms
    ]
    return card(
        "Available to promise",
        choice,
        chart(figure, height=height, label=f"{label}; sum {answer.raw}, promised {answer.atp}"),
        *_buffer_words(terms),
        html.Details(
            [
                html.Summary("Where each term comes from"),
                table(["Term", "Units", "Source"], sources, figures={1}),
            ],
            className="sources",
        ),
        note=note,
        wide=6,
    )


def _buffer_words(terms: Sequence[Term]) -> list[Component]:
    """The buffer is the term that people ask about: what set it stands under the chart."""
    return [
        html.P(
            [
                html.Strong(f"{_signed_units(term.quantity)} promise buffer: "),
                term.source.removeprefix(f"{term.term}: "),
            ],
            className="explain",
        )
        for term in terms
        if term.term == "buffer"
    ]


def _signed_units(quantity: int) -> str:
    return f"{'+' if quantity > 0 else MINUS if quantity < 0 else ''}{number(abs(quantity))}"


def _view_choice(place: Place) -> Component:
    """Links, so that a view is an address like everything else."""
    sku, location = place.position.sku, place.position.location

    def links(name: str, codes: list[str], current: str | None) -> Component:
        made = []
        for code in codes:
            view = {"channel": place.view.channel, "method": place.view.method} | {name: code}
            words = method(code) if name == "method" else code
            made.append(
                dcc.Link(
                    words,
                    href=sku_href(sku, location=location, **view),
                    className="segment current" if code == current else "segment",
                )
            )
        return html.Div(
            made, className="segments", role="group", **attributes({"aria-label": name})
        )

    return html.Div(
        [
            links("channel", place.channels, place.view.channel),
            links("method", place.methods, place.view.method),
        ],
        className="views",
    )
