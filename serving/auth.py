"""Who is calling, and what that role may do.

Machines send `Authorization: Bearer KEY`. People sign in to the console with a key once and carry a
signed cookie after that. A verified key is remembered for a few seconds, so that a promise pays no
extra query; a revoked key therefore works for at most `REMEMBERED_SECONDS` more.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psycopg

from inventory.store import keys
from serving.problems import Forbidden

ROLES = keys.ROLES

COOKIE_NAME = "vouch_session"
SESSION_LIFETIME = timedelta(hours=8)
"""One working day: then sign in again."""

REMEMBERED_SECONDS = 5.0
KEYS_REMEMBERED_MAX = 10_000
"""Strangers can fill this with wrong keys; then it is emptied and fills again."""

PROMISE_WRITERS = ("oms", "admin")
STOCK_WRITERS = ("oms", "planner", "admin")
SOURCERS = ("oms", "planner", "admin")
AUDITORS = ("planner", "admin")
CATALOGUE_WRITERS = ("planner", "buyer", "admin")
OVERRIDERS = ("planner", "admin")
STAFF = ("viewer", "oms", "planner", "buyer", "scientist", "admin")
"""Everybody but vendors, who may see their own SKUs only."""
READERS = (*STAFF, "vendor")
ORDER_ACTORS = ("planner", "buyer", "vendor", "oms", "admin")


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller: a key, its role, and for vendors whose SKUs it may see."""

    key_id: str
    role: str
    vendor: str | None = None


def require(principal: Principal, roles: tuple[str, ...]) -> None:
    """Raise `Forbidden` unless the caller has one of `roles`."""
    if principal.role not in roles:
        raise Forbidden(
            f"role '{principal.role}' may not do this; it needs one of: {', '.join(roles)}"
        )


@dataclass(slots=True)
class KeyRing:
    """Verified keys of the last seconds, in this process."""

    clock_seconds: Callable[[], float] = time.monotonic
    _known: dict[bytes, tuple[Principal | None, float]] = field(default_factory=dict)

    def remembered(self, key: str) -> tuple[bool, Principal | None]:
        """(True, who) where the key was looked up lately; (False, None) where it must be."""
        principal, until = self._known.get(_digest(key), (None, 0.0))
        fresh = until > self.clock_seconds()
        return fresh, principal if fresh else None

    def look_up(self, db: psycopg.Connection, key: str) -> Principal | None:
        """Ask the table of keys, and remember the answer, also when it is no."""
        principal = principal_of_key(db, key)
        if len(self._known) >= KEYS_REMEMBERED_MAX:
            self._known.clear()
        self._known[_digest(key)] = (principal, self.clock_seconds() + REMEMBERED_SECONDS)
        return principal


def _digest(key: str) -> bytes:
    """Keys are not kept in memory either."""
    return hashlib.sha256(key.encode()).digest()


def principal_of_key(db: psycopg.Connection, key: str) -> Principal | None:
    """Who a key belongs to; None when it is unknown or revoked."""
    found = keys.verify_key(db, key)
    if found is None:
        return None
    return Principal(key_id=found.key_id, role=found.role, vendor=found.vendor)


def cookie_secret(data_dir: Path) -> bytes:
    """The secret that signs sessions: made once, readable by the server's user only."""
    path = data_dir / "session.secret"
    data_dir.mkdir(parents=True, exist_ok=True)
    made = data_dir / f".session.secret.{os.getpid()}"
    if not path.exists():
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(made, path)  # Atomic: of two workers that start at once, one wins.
        except FileExistsError:
            pass
        finally:
            made.unlink()
    return path.read_bytes()


def issue_cookie(principal: Principal, *, secret: bytes, now: datetime) -> str:
    """A session as text: who, until when, and a signature over both."""
    told = {
        "key_id": principal.key_id,
        "role": principal.role,
        "vendor": principal.vendor,
        "until": (now + SESSION_LIFETIME).timestamp(),
    }
    payload = base64.urlsafe_b64encode(json.dumps(told).encode()).decode()
    return f"{payload}.{_signature(payload, secret)}"


def principal_of_cookie(cookie: str | None, *, secret: bytes, now: datetime) -> Principal | None:
    """Who a session belongs to; None when it is absent, forged or over."""
    payload, _, signature = (cookie or "").partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(payload, secret).encode()):
        return None
    told = json.loads(base64.urlsafe_b64decode(payload))
    if told["until"] <= now.timestamp():
        return None
    return Principal(key_id=told["key_id"], role=told["role"], vendor=told["vendor"])


def role_of_cookie(cookie: str | None, *, secret: bytes, now: datetime) -> str | None:
    """The role of a session; None when not signed in."""
    principal = principal_of_cookie(cookie, secret=secret, now=now)
    return principal.role if principal else None


def _signature(payload: str, secret: bytes) -> str:
    return hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()
