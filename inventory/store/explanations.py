"""Why forecasts are what they are, in PostgreSQL: the only statements that keep or read a reason.

What is the same for all series of a run (names of terms and members, what a feature means) is kept
once; each series has its numbers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import psycopg
from psycopg.types.json import Jsonb

from inventory.demand import Floats

SIGNIFICANT_DIGITS = 7
"""Numbers are kept in single precision; they travel as text no longer than that."""


@dataclass(frozen=True, slots=True)
class FeatureMeaning:
    """What a feature reads: its group, and why it is looked at."""

    group: str
    why: str


@dataclass(frozen=True, slots=True, eq=False)
class RunExplanation:
    """Of N series of one run, over its first `periods`; all figures in units per period.

    skus, locations : N each. terms : T names. term_units : (N, T), a row sums to the mean forecast.
    members : M names. member_units : (N, M), what each said. weights : (N, M), rows sum to one.
    effects : per series its strongest features and their units, strongest first.
    features : what each of those features means.
    """

    skus: tuple[str, ...]
    locations: tuple[str, ...]
    periods: int
    terms: tuple[str, ...]
    term_units: Floats
    members: tuple[str, ...]
    member_units: Floats
    weights: Floats
    effects: Sequence[Sequence[tuple[str, float]]]
    features: Mapping[str, FeatureMeaning]


@dataclass(frozen=True, slots=True)
class Driver:
    """One term of the sum that is the forecast."""

    term: str
    units: float


@dataclass(frozen=True, slots=True)
class FeaturePart:
    """What one feature moved, and what it is."""

    name: str
    group: str
    units: float
    why: str


@dataclass(frozen=True, slots=True)
class MemberPart:
    """What one member said, and how much it counts."""

    member: str
    mean: float
    weight: float


@dataclass(frozen=True, slots=True)
class SeriesExplanation:
    """Of one series of a run; units per period, over its first `periods`."""

    periods: int
    drivers: tuple[Driver, ...]
    features: tuple[FeaturePart, ...]
    members: tuple[MemberPart, ...]


def store_explanation(db: psycopg.Connection, run_id: str, found: RunExplanation) -> None:
    """Keep the reasons of a run that is stored already; in the caller's transaction."""
    meaning = {name: [told.group, told.why] for name, told in found.features.items()}
    db.execute(
        "insert into explained_runs (run_id, periods, terms, members, features) "
        "values (%s, %s, %s, %s, %s)",
        [run_id, found.periods, list(found.terms), list(found.members), Jsonb(meaning)],
    )
    statement = (
        "copy forecast_explanations (run_id, sku, location, term_units, member_units, weights, "
        "feature_names, feature_units) from stdin"
    )
    with db.cursor() as cursor, cursor.copy(statement) as copy:
        for row in _rows(found):
            copy.write_row([run_id, *row])


def read_explanation(
    db: psycopg.Connection, run_id: str, sku: str, location: str
) -> SeriesExplanation | None:
    """Why a run forecast what it did for one series; None where that was not kept."""
    row = db.execute(
        """
        select periods, terms, members, features, term_units, member_units, weights,
            feature_names, feature_units
        from forecast_explanations join explained_runs using (run_id)
        where run_id = %s and sku = %s and location = %s
        """,
        [run_id, sku, location],
    ).fetchone()
    if row is None:
        return None
    periods, terms, members, meaning, units, said, weights, names, moved = row
    return SeriesExplanation(
        periods,
        tuple(Driver(*pair) for pair in zip(terms, units, strict=True)),
        tuple(
            FeaturePart(name, meaning[name][0], part, meaning[name][1])
            for name, part in zip(names, moved, strict=True)
        ),
        tuple(MemberPart(*told) for told in zip(members, said, weights, strict=True)),
    )


def _rows(found: RunExplanation) -> Iterator[tuple[str, str, str, str, str, list[str], str]]:
    terms, said, weights = map(_arrays, (found.term_units, found.member_units, found.weights))
    for i, (sku, location) in enumerate(zip(found.skus, found.locations, strict=True)):
        names = [name for name, _ in found.effects[i]]
        moved = _array([units for _, units in found.effects[i]])
        yield sku, location, terms[i], said[i], weights[i], names, moved


def _arrays(values: Floats) -> list[str]:
    return [_array(row) for row in np.asarray(values).tolist()]


def _array(values: Sequence[float]) -> str:
    """A `real[]` as PostgreSQL writes it."""
    return "{" + ",".join(f"{value:.{SIGNIFICANT_DIGITS}g}" for value in values) + "}"
