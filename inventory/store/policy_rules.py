"""Rules of replenishment in PostgreSQL; they are written as kinds of the catalogue."""

from dataclasses import fields

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from inventory.policy_rules import PolicyRule

COLUMNS = tuple(field.name for field in fields(PolicyRule) if field.name != "id")


def read_rules(db: psycopg.Connection) -> list[PolicyRule]:
    """All rules, by id."""
    query = sql.SQL("select rule_id as id, {} from policy_rules order by 1").format(
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS))
    )
    with db.cursor(row_factory=dict_row) as cursor:
        return [PolicyRule(**row) for row in cursor.execute(query)]
