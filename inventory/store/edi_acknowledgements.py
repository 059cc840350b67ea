"""Functional acknowledgements that we owe vendors: one for each group of each file of theirs."""

from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from inventory.store.dispatches import LEASE, wait_after


def write(
    db: psycopg.Connection,
    *,
    vendor: str,
    file_id: int,
    group_control: str,
    control_number: int,
    name: str,
    content: str,
    now: datetime,
) -> None:
    """Owe a vendor this answer. Once for each group of a file."""
    db.execute(
        "insert into edi_acknowledgements (vendor, file_id, group_control, control_number, name, "
        "content, created_at, due_at) values (%s, %s, %s, %s, %s, %s, %s, %s) "
        "on conflict do nothing",
        [vendor, file_id, group_control, control_number, name, content, now, now],
    )


def is_owed(db: psycopg.Connection, file_id: int, group_control: str) -> bool:
    """Whether that group has its answer, delivered or not."""
    found = db.execute(
        "select from edi_acknowledgements where file_id = %s and group_control = %s",
        [file_id, group_control],
    ).fetchone()
    return found is not None


def any_due(db: psycopg.Connection, *, now: datetime) -> bool:
    """Whether there is anything to `claim`."""
    found = db.execute(
        "select from edi_acknowledgements where delivered_at is null and due_at <= %s limit 1",
        [now],
    ).fetchone()
    return found is not None


def claim(db: psycopg.Connection, *, now: datetime) -> dict[str, Any] | None:
    """The answer that is due longest, for the caller alone to deliver; None where none is."""
    with db.cursor(row_factory=dict_row) as rows:
        return rows.execute(
            """
            -- Materialized: a plan may run a subquery once a row, and would then claim them all.
            with next as materialized (
                select file_id, group_control from edi_acknowledgements
                where delivered_at is null and due_at <= %(now)s
                order by due_at, control_number limit 1 for update skip locked
            )
            update edi_acknowledgements a set due_at = %(lost_at)s, attempts = attempts + 1
            from next
            where a.file_id = next.file_id and a.group_control = next.group_control
            returning a.vendor, a.file_id, a.group_control, a.name, a.content, a.attempts
            """,
            {"now": now, "lost_at": now + LEASE},
        ).fetchone()


def delivered(db: psycopg.Connection, claimed: dict[str, Any], *, now: datetime) -> None:
    """It lies where the vendor takes it from."""
    db.execute(
        "update edi_acknowledgements set delivered_at = %s, problem = null "
        "where file_id = %s and group_control = %s",
        [now, claimed["file_id"], claimed["group_control"]],
    )


def not_delivered(
    db: psycopg.Connection, claimed: dict[str, Any], *, problem: str, now: datetime
) -> None:
    """It is tried again: the vendor waits for it, and sends the file anew if it never comes."""
    db.execute(
        "update edi_acknowledgements set due_at = %s, problem = %s "
        "where file_id = %s and group_control = %s",
        [now + wait_after(claimed["attempts"]), problem, claimed["file_id"],
         claimed["group_control"]],
    )  # fmt: skip
