"""What became of an order on its way to its vendor, as people read it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

FAILING = "failing"
"""Waiting, and tried in vain so far."""

TOLD = (
    "number",
    "purpose",
    "attempts",
    "channel",
    "delivered_at",
    "delivered_to",
    "acknowledgement",
)


def of_order(row: Mapping[str, Any]) -> dict[str, Any]:
    """What an order tells of its document, with all of it in one sentence as `summary`.

    row : a document as the store keeps it.
    """
    state = FAILING if row["state"] == "waiting" and row["problem"] else row["state"]
    waits = state in ("waiting", FAILING, "blocked")
    told = {name: row[name] for name in TOLD} | {
        "state": state,
        "problem": row["problem"],
        "failing_since": row["failing_since"] if row["problem"] else None,
        "next_attempt_at": row["due_at"] if waits else None,
    }
    return told | {"summary": summary(told)}


def summary(told: Mapping[str, Any]) -> str:
    """One sentence on a document of an order.

    >>> at = datetime(2026, 3, 2, 6, 30)
    >>> summary({"number": "PO-1.4", "purpose": "original", "state": "delivered",
    ...          "channel": "email", "delivered_at": at, "delivered_to": "buy@acme.example"})
    'delivered at 2026-03-02 06:30 by email to buy@acme.example'
    """
    what = "cancellation: " if told["purpose"] == "cancellation" else ""
    return what + _SENTENCES[told["state"]](told)


def _delivered(told: Mapping[str, Any]) -> str:
    return (
        f"delivered at {_at(told['delivered_at'])} by {told['channel']} to {told['delivered_to']}"
    )


def _failing(told: Mapping[str, Any]) -> str:
    tried = f", {_attempts(told)}" if told["attempts"] else ""
    return (
        f"failing since {_at(told['failing_since'])}{tried}, "
        f"the next at {_at(told['next_attempt_at'])}: {told['problem']}"
    )


def _failed(told: Mapping[str, Any]) -> str:
    return (
        f"failed after {_attempts(told)}: {told['problem']}; "
        f"`vouch dispatch retry {told['number']}` tries again"
    )


def _waiting(told: Mapping[str, Any]) -> str:
    return f"being delivered, {_attempts(told)}" if told["attempts"] else "waiting to be delivered"


_SENTENCES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "waiting": _waiting,
    FAILING: _failing,
    "blocked": lambda told: f"blocked: {told['problem']}",
    "failed": _failed,
    "delivered": _delivered,
    "by_hand": lambda told: f"left at {_at(told['delivered_at'])} to a person to pass on",
    "withdrawn": lambda told: f"withdrawn: {told['problem']}",
}


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def _attempts(told: Mapping[str, Any]) -> str:
    return "1 attempt" if told["attempts"] == 1 else f"{told['attempts']} attempts"
