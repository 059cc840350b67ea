"""Files of overrides: a planner's spreadsheet, one statement a row.

A row that says what an override in force says already states nothing new, so the same file, or the
same file mended, may be sent again.
"""

from datetime import datetime
from typing import Any

import polars as pl
import psycopg

from inventory.errors import InputRejected, NotFound
from inventory.override_statement import state_override
from inventory.overrides import BASES, Scope
from inventory.store import overrides
from pipelines.raw_table import ROW, RawTable
from pipelines.row_checks import Column, Judged, judge

YES, NO = "yes", "no"

COLUMNS = (
    *(Column(name) for name in overrides.SCOPE_NAMES),
    Column("total", choices=(YES, NO)),
    Column("from", "date", required=True),
    Column("to", "date", required=True),
    Column("quantity", "number", minimum=0),
    Column("quantity_basis", choices=BASES),
    Column("factor", "number", minimum=0),
    Column("reason", required=True),
    Column("note"),
    Column("expires_at", "moment"),
    Column("confirm", choices=(YES, NO)),
)

REMEDY = "mend the row and send the file again: rows that went in are not stated twice"

FOLLOWS = (
    "the forecast follows at once; buffers and policies with `vouch buffers` and "
    "`vouch replenish`, or with the next `vouch daily`"
)
"""What to tell whoever brought a file."""


def state_file(
    db: psycopg.Connection, raw: RawTable, *, name: str, actor: str, now: datetime
) -> tuple[Judged, dict[str, int]]:
    """State the sound rows of a file; what is wrong with the others is noted.

    Returns the rows as judged, and how many were stated, and how many had been before.
    """
    judged = judge(raw, COLUMNS, name=name)
    outcomes = {"stated": 0, "stated already": 0}
    for row in judged.sound.iter_rows(named=True):
        try:
            outcomes[_state(db, row, actor=actor, now=now)] += 1
        except (InputRejected, NotFound) as error:
            field = getattr(error, "field", None) or "sku"
            problem = getattr(error, "problem", None) or str(error)
            judged.reject(pl.col(ROW) == row[ROW], column=field, problem=problem, remedy=REMEDY)
    return judged, {outcome: rows for outcome, rows in outcomes.items() if rows}


def _state(db: psycopg.Connection, row: dict[str, Any], *, actor: str, now: datetime) -> str:
    scope = Scope(**{name: row.get(name) for name in overrides.SCOPE_NAMES})
    if (row.get("total") == YES) == bool(scope.named):
        raise InputRejected(
            "name a sku, location, category, vendor or group, or else write 'yes' under 'total'",
            field="total",
        )
    override = state_override(
        scope=scope,
        first_day=row["from"],
        last_day=row["to"],
        reason=row["reason"],
        actor=actor,
        now=now,
        quantity=row.get("quantity"),
        quantity_basis=row.get("quantity_basis") or BASES[0],
        factor=row.get("factor"),
        note=row.get("note") or "",
        expires_at=row.get("expires_at"),
        confirmed=row.get("confirm") == YES,
    )
    if overrides.stated_already(db, override) is not None:
        return "stated already"
    overrides.add(db, override)
    return "stated"
