"""Why the forecast of a position is what it is: drivers that add up, members, and a precedent."""

from collections.abc import Iterable

from dash import html
from dash.development.base_component import Component

from inventory.store.explanations import FeaturePart
from pipelines.explanation import Explanation, Precedent
from serving.console.layout import Child, card, table, term_rows
from serving.console.wording import counted, day, member_name, number

TOO_SMALL_UNITS = 0.05
"""Terms that would be shown as zero are left out."""

SOURCES = {
    "level": "what it sells of late",
    "other members": "what the other members of the ensemble say",
    "calibration": "what past errors taught",
    "overrides": "what planners stated",
}


def explanation_cards(told: Explanation) -> list[Component]:
    """Drivers from top to bottom that sum to the mean; beside them, what else speaks for it."""
    terms = [
        {"term": part.term, "quantity": round(part.units, 2), "source": _source(part.term, told)}
        for part in told.drivers
        if abs(part.units) >= TOO_SMALL_UNITS
    ]
    mean = number(round(told.mean, 1))
    note = f"{mean} units a day, mean of {counted(told.periods, 'day')}"
    drivers = card("Why this forecast", term_rows(terms), note=note, wide=6)
    return [drivers, _members(told)]


def _members(told: Explanation) -> Component:
    rows: list[list[Child]] = [
        [member_name(part.member), number(round(part.mean, 1)), f"{part.weight:.0%}"]
        for part in sorted(told.members, key=lambda part: -part.weight)
    ]
    body: list[Child] = [table(["Member", "Units a day", "Counts"], rows, figures={1, 2})]
    if told.analogue is not None:
        body.append(html.P(_precedent(told.analogue), className="explain"))
    return card("What each member says", *body, wide=6)


def _source(term: str, told: Explanation) -> str:
    """What stands behind a term: its strongest features, or what it is."""
    features = [part for part in told.features if part.group == term]
    return SOURCES.get(term) or _named(features) or "many small effects"


def _named(features: Iterable[FeaturePart]) -> str:
    return ", ".join(part.name.replace("_", " ") for part in features)


def _precedent(found: Precedent) -> str:
    words = f"Most like {day(found.first_day)} to {day(found.last_day)} at {found.location}"
    if found.followed is None:
        return f"{words}."
    units = number(round(found.followed.units_per_day, 1))
    return f"{words}; what followed, at today's level: {units} units a day."
