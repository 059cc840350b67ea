"""Files of vendors that stay where they lie, in PostgreSQL: known, and not read again and again.

What was taken may not be ours to remove, and some files cannot be taken. Each is remembered with
what its folder says of it; it is looked at again when that changes, and after `LOOK_AGAIN`, since
somebody may have mended what was wrong.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

LOOK_AGAIN = timedelta(hours=1)

NAMES_TOLD = 3


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file that lay there at the last look."""

    name: str
    size_bytes: int
    modified_at: float
    """Seconds since 1970, by the clock of whose folder it is."""
    digest: bytes | None
    """SHA-256 of what is in it; None where nobody could read it."""
    taken: bool
    """Whether it was taken and could not be removed; else it could not be taken."""
    problem: str
    look_again_at: datetime


def known(db: psycopg.Connection, vendor: str, way: str) -> dict[str, LeftFile]:
    """Files left in a vendor's folder, by name."""
    with db.cursor(row_factory=class_row(LeftFile)) as rows:
        found = rows.execute(
            "select name, size_bytes, modified_at, digest, taken, problem, look_again_at "
            "from left_files where vendor = %s and way = %s",
            [vendor, way],
        ).fetchall()
    return {file.name: file for file in found}


def note(db: psycopg.Connection, vendor: str, way: str, file: LeftFile, *, now: datetime) -> None:
    """Remember a file that stays, as it is now."""
    db.execute(
        "insert into left_files (vendor, way, name, size_bytes, modified_at, digest, taken, "
        "problem, left_since, look_again_at) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict (vendor, way, name) do update set size_bytes = excluded.size_bytes, "
        "modified_at = excluded.modified_at, digest = excluded.digest, taken = excluded.taken, "
        "problem = excluded.problem, look_again_at = excluded.look_again_at",
        [vendor, way, file.name, file.size_bytes, file.modified_at, file.digest, file.taken,
         file.problem, now, file.look_again_at],
    )  # fmt: skip


def forget(db: psycopg.Connection, vendor: str, way: str, *, names: Collection[str]) -> None:
    """These do not lie there any more."""
    db.execute(
        "delete from left_files where vendor = %s and way = %s and name = any(%s)",
        [vendor, way, list(names)],
    )


def forget_elsewhere(db: psycopg.Connection, places: Collection[tuple[str, str]]) -> None:
    """Nobody looks any more but into these folders, each a vendor and a way."""
    db.execute(
        "delete from left_files where (vendor, way) not in "
        "(select * from unnest(%s::text[], %s::text[]))",
        [[vendor for vendor, _ in places], [way for _, way in places]],
    )


def by_place(db: psycopg.Connection) -> list[dict[str, Any]]:
    """`[{vendor, way, taken, files, names, problem, since}]`: what lies where, and why.

    `names` are `NAMES_TOLD` of the files, `problem` is that of the first.
    """
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            "select vendor, way, taken, count(*) as files, min(left_since) as since, "
            "(array_agg(name order by name))[:%s] as names, "
            "(array_agg(problem order by name))[1] as problem "
            "from left_files group by 1, 2, 3 order by 1, 2, 3",
            [NAMES_TOLD],
        ).fetchall()
