"""What describes one kind of catalogue file: its table, its key, its columns."""

from dataclasses import dataclass, field

from pipelines.row_checks import Column


@dataclass(frozen=True, slots=True)
class CatalogKind:
    """One kind of file: its table, its key, its columns.

    renamed : column of the file -> column of the table, where they differ.
    defaults : value of an empty cell, for columns that must have one.
    named_after : column whose value is the name where a row gives none.
    """

    table: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    renamed: dict[str, str] = field(default_factory=dict)
    defaults: dict[str, object] = field(default_factory=dict)
    named_after: str | None = None
    members: str | None = None
    """Column of the parent, where the file lists members and replaces those a parent had."""
    kept_beside: tuple[Column, ...] = ()
    """Columns that are worked out and not read from the file."""
