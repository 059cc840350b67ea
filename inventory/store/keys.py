"""API keys: made once, shown once, and stored only as the hash of their secret part.

A key reads `vk_<key id>_<secret>`. The id finds the row; the secret has 256 random bits, so a plain
SHA-256 is as good as a slow hash and costs a request nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import psycopg
from psycopg.errors import ForeignKeyViolation
from psycopg.rows import dict_row

from inventory.errors import InputRejected, NotFound

ROLES = ("viewer", "oms", "vendor", "planner", "buyer", "scientist", "admin")

PREFIX = "vk"
KEY_ID_BYTES = 6
SECRET_BYTES = 32


class ApiKey(NamedTuple):
    """Who a key stands for."""

    key_id: str
    role: str
    vendor: str | None
    label: str


def create_key(
    db: psycopg.Connection,
    *,
    role: str,
    now: datetime,
    vendor: str | None = None,
    label: str = "",
) -> str:
    """Make a key and return it: this is the only time that it can be seen."""
    if role not in ROLES:
        raise InputRejected(f"'{role}' is not one of {', '.join(ROLES)}", field="role")
    if (role == "vendor") != (vendor is not None):
        raise InputRejected("a vendor key names its vendor, and no other key does", field="vendor")
    # Hexadecimal: the id never holds the underscore that ends it.
    key_id, secret = secrets.token_hex(KEY_ID_BYTES), secrets.token_hex(SECRET_BYTES)
    try:
        db.execute(
            "insert into api_keys (key_id, key_hash, role, vendor, label, created_at) "
            "values (%s, %s, %s, %s, %s, %s)",
            [key_id, _hash(secret), role, vendor, label, now],
        )
    except ForeignKeyViolation as error:
        raise InputRejected(
            f"vendor '{vendor}' is not in the catalogue; add it first", field="vendor"
        ) from error
    return f"{PREFIX}_{key_id}_{secret}"


def verify_key(db: psycopg.Connection, key: str) -> ApiKey | None:
    """Who the key stands for; None when it is unknown, wrong or revoked."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or not (key.isascii() and key.isprintable()):
        return None
    found = db.execute(
        "select key_id, role, vendor, label, key_hash from api_keys "
        "where key_id = %s and revoked_at is null",
        [key_id],
    ).fetchone()
    if found is None or not hmac.compare_digest(bytes(found[4]), _hash(secret)):
        return None
    return ApiKey(*found[:4])


def revoke_key(db: psycopg.Connection, key_id: str, *, now: datetime) -> None:
    """Take a key out of use; a second time changes nothing."""
    done = db.execute(
        "update api_keys set revoked_at = coalesce(revoked_at, %s) where key_id = %s",
        [now, key_id],
    )
    if done.rowcount == 0:
        raise NotFound("key", key_id)


def list_keys(db: psycopg.Connection) -> list[dict[str, object]]:
    """All keys without their hashes, oldest first."""
    with db.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select key_id, role, vendor, label, created_at, revoked_at "
            "from api_keys order by created_at, key_id"
        ).fetchall()


def names_of(db: psycopg.Connection, actors: Collection[str]) -> dict[str, str]:
    """By actor as on record, `ROLE:KEY ID`: who that is to people, `LABEL (ROLE)`.

    Who has no key, or one without a label, is named as on record.
    """
    named = db.execute(
        "select role || ':' || key_id, label || ' (' || role || ')' from api_keys "
        "where label <> '' and key_id = any(%s)",
        [[actor.partition(":")[2] for actor in actors]],
    ).fetchall()
    return {actor: actor for actor in actors} | {a: name for a, name in named if a in actors}


def any_key(db: psycopg.Connection) -> bool:
    """Whether anybody can call at all."""
    return (
        db.execute("select from api_keys where revoked_at is null limit 1").fetchone() is not None
    )


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
