"""What commands share: the settings and database they stand on, and how they print."""

import contextlib
import getpass
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import typer
from rich.console import Console

from inventory.errors import InputRejected
from inventory.store import database
from pipelines.settings import Settings, database_of
from serving.messages import TEXT_CHARS_MAX

err = Console(stderr=True, highlight=False, soft_wrap=True)
out = Console(highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of sentences.")]


def utc_now() -> datetime:
    """The moment a command starts: read here, passed down from here."""
    return datetime.now(UTC)


def person() -> str:
    """Who types, for the record: the name of the account on this machine."""
    return f"cli:{getpass.getuser()}"


def short_enough(parameter: typer.CallbackParam, said: str | None) -> str | None:
    """What somebody said, within the length that the API takes: a callback of options."""
    if said is not None and len(said) > TEXT_CHARS_MAX:
        raise InputRejected(
            f"has {len(said)} characters, {TEXT_CHARS_MAX} at most; shorten it",
            field=parameter.name,
        )
    return said


def complain(message: str) -> None:
    """One clear message to the person, on stderr."""
    err.print(f"vouch: {message}", style="bold red", markup=False)


def progress(sentence: str) -> None:
    """One step of a longer job, on stderr so that stdout stays data."""
    err.print(f"[dim]{utc_now():%H:%M:%S}[/dim]", sentence, markup=True)


def say(*lines: str) -> None:
    """Result lines on stdout, as they are."""
    for line in lines:
        out.print(line, markup=False)


def show(report: Any, *, as_json: bool, lines: Sequence[str] | None = None) -> None:  # noqa: ANN401
    """Print a report: as JSON, or as its own lines."""
    if as_json:
        say(json.dumps(_plain(report), indent=2, default=_text))
    else:
        say(*(lines if lines is not None else report.lines()))


def _plain(report: Any) -> Any:  # noqa: ANN401 - any report.
    if hasattr(report, "as_dict"):
        return report.as_dict()
    if is_dataclass(report) and not isinstance(report, type):
        return asdict(report)
    return report


def _text(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    return getattr(value, "tolist", lambda: str(value))()


def figures(report: Any) -> list[str]:  # noqa: ANN401 - any dataclass of figures.
    """`name: value` lines of a flat report; what is empty is left out."""
    plain: Mapping[str, Any] = _plain(report)
    return [
        f"{name.replace('_', ' ')}: {figure(value)}"
        for name, value in plain.items()
        if value not in ({}, [], ())
    ]


WHOLE_FROM = 1_000
"""From here on decimals tell nobody anything."""


def figure(value: object) -> str:
    """A value as people read it: never in powers of ten, and without needless decimals.

    >>> figure(111_234.5), figure(36.4375), figure(4.0), figure(1e-5), figure({"a": None})
    ('111,234', '36.44', '4', '0.000010', 'a -')
    """
    if value is None:
        return "-"
    if isinstance(value, float) and math.isfinite(value):
        shown = f"{value:,.0f}" if abs(value) >= WHOLE_FROM else f"{value:.4g}"
        return f"{value:.6f}" if "e" in shown else shown
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {figure(part)}" for name, part in value.items())
    if isinstance(value, list | tuple):
        return "; ".join(figure(part) for part in value)
    return str(value)


@contextlib.contextmanager
def opened(
    report: Callable[[str], None] = lambda _: None,
    *,
    horizon_days: int | None = None,
) -> Iterator[tuple[Settings, psycopg.Connection]]:
    """The settings, with the database in use named, and a connection to it, tables in place.

    horizon_days : in place of what the settings say, where given.
    """
    asked = {} if horizon_days is None else {"horizon_days": horizon_days}
    with database_of(Settings()) as url, database.connect(url) as db:
        database.migrate(db, now=utc_now(), report=report)
        yield Settings(database_url=url).model_copy(update=asked), db
