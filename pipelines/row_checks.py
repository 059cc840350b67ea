"""What a column must hold, and what to say of a row that does not: all rows are judged at once.

Every problem names the row, the field, the value found, what is wrong and what to write instead.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Literal

import polars as pl

from inventory.errors import InputRejected
from pipelines.phrases import phrase
from pipelines.raw_table import ROW, RawTable

Kind = Literal["text", "integer", "number", "date", "moment", "time", "list", "json"]

PROBLEMS = {
    ROW: pl.Int64, "field": pl.String, "value": pl.String, "problem": pl.String,
    "remedy": pl.String,
}  # fmt: skip

WRITE = {
    "text": "text",
    "integer": "a whole number like 12",
    "number": "a number like 12.5",
    "date": "a date like 2026-05-31",
    "moment": "a time with zone like 2026-05-31T06:00:00Z",
    "time": "a time of day like 17:30",
    "list": "names separated by spaces, like `bopis ship`",
    "json": 'a JSON object like {"level": 0.9}',
}


INTEGER_MAX = 1_000_000_000
"""Beyond any stock, and within what the tables hold."""

CHARACTERS_MAX = 200
"""Of a name or id, as at the HTTP door."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a file: its type, and the values it may hold.

    maximum : by default none, for whole numbers `INTEGER_MAX`.
    refers_to : the kind of thing it names, which must be known; see `Judged.known`.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    refers_to: str | None = None


@dataclass(slots=True, eq=False)
class Judged:
    """Rows typed as their columns say, and the problems of those that cannot go in."""

    text: pl.DataFrame
    """The rows as the file has them, in the order of `frame`."""
    frame: pl.DataFrame
    problems: list[pl.DataFrame] = field(default_factory=list)

    @property
    def rejected(self) -> pl.DataFrame:
        """Every problem found, by row."""
        found = [p for p in self.problems if len(p)]
        table = pl.concat(found) if found else pl.DataFrame(schema=PROBLEMS)
        return table.sort(ROW, maintain_order=True)

    @property
    def sound(self) -> pl.DataFrame:
        """Rows without a problem."""
        bad = self.rejected.select(ROW).unique()
        return self.frame.join(bad, on=ROW, how="anti", maintain_order="left")

    def reject(self, wrong: pl.Expr, *, column: str, problem: pl.Expr | str, remedy: str) -> None:
        """Note the rows where `wrong` is true; null counts as not wrong."""
        mask = self.frame.select(wrong.fill_null(value=False)).to_series()
        if mask.any():
            text = pl.lit(problem) if isinstance(problem, str) else problem
            said = self.frame.filter(mask).select(text.alias("problem"))
            self._note(self.text.filter(mask), column, said.to_series(), remedy)

    def _note(self, rows: pl.DataFrame, column: str, problem: pl.Series, remedy: str) -> None:
        """Keep a problem per row, with the value as the file has it."""
        plain = column in rows.columns and not rows.schema[column].is_nested()
        value = pl.col(column).cast(pl.String).fill_null("") if plain else pl.lit("")
        noted = rows.select(
            ROW, pl.lit(column).alias("field"), value.alias("value"),
            pl.lit("").alias("problem"), pl.lit(remedy).alias("remedy"),
        )  # fmt: skip
        if len(problem) == 1:
            problem = pl.Series([problem[0]] * len(rows))
        self.problems.append(noted.with_columns(problem.alias("problem")))

    def reject_unknown(
        self, column: str, known: Collection[str], *, kind: str, remedy: str
    ) -> None:
        """Note the rows whose `column` names a thing that is not in the catalogue."""
        wrong = pl.col(column).is_not_null() & ~pl.col(column).is_in(sorted(known))
        problem = phrase(f"{kind} '{{}}' is not in the catalogue", pl.col(column))
        self.reject(wrong, column=column, problem=problem, remedy=remedy)

    def reject_repeats(self, key: Sequence[str]) -> None:
        """Note the rows whose key came before in the file."""
        first = self.frame.select(pl.col(ROW).min().over(key)).to_series()
        whole = self.frame.select(pl.all_horizontal(pl.col(key).is_not_null())).to_series()
        repeated = (first != self.frame.get_column(ROW)) & whole
        if repeated.any():
            named = ", ".join(key)
            said = pl.select(
                phrase(f"a row for this {named} came before, in row {{}}", first.filter(repeated))
            ).to_series()
            rows = self.text.filter(repeated)
            self._note(rows, key[0], said, f"keep one row per {named}")


ALIKE = 0.85
"""Share of letters in common from which on a column looks like another misspelt."""


def judge(
    raw: RawTable, columns: Sequence[Column], *, name: str, open_ended: bool = False
) -> Judged:
    """Type every column of the file that `columns` names, and note what does not fit.

    Columns that are not named stay as they are. Raises `InputRejected` when a required column is
    missing, one is of a type that no row of it can be right, or, unless any further column means
    something (`open_ended`), one looks like a known one misspelt.
    """
    _refuse_missing(raw, columns, name=name)
    if not open_ended:
        _refuse_misspelt(raw, columns, name=name)
    given = [c for c in columns if c.name in raw.columns]
    text = raw.frame.with_columns(
        pl.col(c.name).str.strip_chars().replace("", None)
        for c in given
        if raw.frame.schema[c.name] == pl.String
    )
    typed = text.with_columns(_typed(c, text.schema[c.name]) for c in given)
    judged = Judged(text, typed)
    _note_ragged(judged, raw)
    for column in given:
        _note_type(judged, text, column)
        _note_values(judged, column)
    return judged


def _refuse_missing(raw: RawTable, columns: Sequence[Column], *, name: str) -> None:
    for column in columns:
        if column.required and column.name not in raw.columns:
            raise InputRejected(
                f"{name} has no column '{column.name}', which should hold {WRITE[column.kind]}; "
                f"it has {', '.join(raw.columns)}",
                field=column.name,
            )


def _refuse_misspelt(raw: RawTable, columns: Sequence[Column], *, name: str) -> None:
    known = {column.name for column in columns}
    absent = sorted(known - set(raw.columns))
    for column in raw.columns:
        like = get_close_matches(column.lower(), absent, n=1, cutoff=ALIKE)
        if column not in known and like:
            raise InputRejected(
                f"{name} has a column '{column}'; if '{like[0]}' is meant, name it so, "
                "else take it out",
                field=column,
            )


def _typed(column: Column, kind: pl.DataType) -> pl.Expr:
    """The column as its kind, null where it cannot be read."""
    value = pl.col(column.name)
    match column.kind:
        case "text" if not kind.is_nested():
            return value.cast(pl.String)
        case "integer" | "number" if _is_number(kind):
            number = value.cast(pl.Float64, strict=False)
            return pl.when(number.is_finite()).then(number).alias(column.name)
        case "date" | "time" | "moment" if kind == pl.String or kind.is_temporal():
            return _TEMPORAL[column.kind](value, kind)
        case "list" if kind in (pl.String, pl.List(pl.String)):
            return value if kind != pl.String else _words(value)
        case "json" if kind == pl.String:
            return value
    raise InputRejected(f"should hold {WRITE[column.kind]}, not {kind}", field=column.name)


def _is_number(kind: pl.DataType) -> bool:
    return kind.is_numeric() or kind in (pl.String, pl.Boolean, pl.Null)


def _words(value: pl.Expr) -> pl.Expr:
    split = value.str.replace_all(r"[;,|]", " ").str.split(" ")
    return split.list.eval(pl.element().filter(pl.element() != ""))


def _date(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind == pl.String:
        return value.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    # With a time zone, the day where it was: in UTC, a midnight may be on the day before.
    return value.dt.date() if isinstance(kind, pl.Datetime) else value.cast(pl.Date)


def _time(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind == pl.String:
        return value.str.slice(0, 5).str.to_time("%H:%M", strict=False)
    return value.cast(pl.Time)


def _moment(value: pl.Expr, kind: pl.DataType) -> pl.Expr:
    """A time in UTC; one without a zone is taken to be in UTC."""
    if kind == pl.String:
        spaced = value.str.replace(" ", "T", literal=True)
        zoned = spaced.str.to_datetime("%+", time_zone="UTC", strict=False)
        plain = ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d")
        return pl.coalesce(
            zoned,
            *(
                spaced.str.to_datetime(form, strict=False).dt.replace_time_zone("UTC")
                for form in plain
            ),
        )
    moment = value.cast(pl.Datetime("us", getattr(kind, "time_zone", None)))
    if getattr(kind, "time_zone", None) is None:
        return moment.dt.replace_time_zone("UTC")
    return moment.dt.convert_time_zone("UTC")


_TEMPORAL = {"date": _date, "time": _time, "moment": _moment}


def _note_ragged(judged: Judged, raw: RawTable) -> None:
    if raw.ragged.is_empty():
        return
    expected = len(raw.columns)
    judged.problems.append(
        raw.ragged.select(
            ROW,
            pl.lit("").alias("field"),
            pl.col("fields").cast(pl.String).alias("value"),
            phrase(f"the row has {{}} fields, the header {expected}", "fields").alias("problem"),
            pl.lit("put values that hold a separator in double quotes").alias("remedy"),
        )
    )


def _note_type(judged: Judged, text: pl.DataFrame, column: Column) -> None:
    """What is empty but must not be, and what could not be read as its type."""
    name = column.name
    remedy = f"write {WRITE[column.kind]}"
    given = text.get_column(name).is_not_null()
    unread = judged.frame.get_column(name).is_null() & given
    if column.required:
        judged.reject(pl.lit(~given), column=name, problem=f"{name} is empty", remedy=remedy)
    problem = f"{name} is not {WRITE[column.kind].split(' like ')[0]}"
    judged.reject(pl.lit(unread), column=name, problem=problem, remedy=remedy)


def _note_values(judged: Judged, column: Column) -> None:
    """What is of the right type, but out of range or not among the choices."""
    value = pl.col(column.name)
    if column.kind == "text":
        _note_text(judged, column)
    if column.kind == "integer":
        judged.reject(
            value != value.round(),
            column=column.name,
            problem=f"{column.name} is a fraction",
            remedy="write whole units",
        )
    if column.minimum is not None:
        least = f"{column.minimum:.12g}"
        sign = "is negative" if column.minimum == 0 else f"is below {least}"
        judged.reject(
            value < column.minimum,
            column=column.name,
            problem=f"{column.name} {sign}",
            remedy=f"write {least} or more",
        )
    maximum = column.maximum
    if maximum is None and column.kind == "integer":
        maximum = INTEGER_MAX
    if maximum is not None:
        most = f"{maximum:.16g}"
        judged.reject(
            value > maximum,
            column=column.name,
            problem=f"{column.name} is above {most}",
            remedy=f"write at most {most}",
        )
    if column.choices and column.kind == "text":
        judged.reject(
            ~value.is_in(column.choices),
            column=column.name,
            problem=f"no such {column.name}",
            remedy="write one of " + ", ".join(column.choices),
        )


def _note_text(judged: Judged, column: Column) -> None:
    """Text that no screen shows and no database takes, or that is a whole file in a cell."""
    value = pl.col(column.name)
    judged.reject(
        value.str.contains(r"\p{Cc}"),
        column=column.name,
        problem=f"{column.name} holds a character that cannot be printed",
        remedy="remove it",
    )
    judged.reject(
        value.str.len_chars() > CHARACTERS_MAX,
        column=column.name,
        problem=f"{column.name} is longer than {CHARACTERS_MAX} characters",
        remedy="shorten it",
    )
