"""Who wants to hear of alerts, and what they are sent: one message for one alert, or a digest."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inventory.alert_fields import act_sentence, sentences, short
from inventory.alerts import SEVERITIES
from inventory.amounts import counted
from inventory.errors import InputRejected
from inventory.vendor_dispatch import check_address, check_url

EMAIL, WEBHOOK = "email", "webhook"
METHODS = (EMAIL, WEBHOOK)

LISTED_MAX = 20
"""Alerts that a digest tells one by one; the rest it counts."""

RAISED, ESCALATED, RESOLVED = "raised", "escalated", "resolved"
"""What happened to an alert: it opened, it became more severe, its cause ended."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """Who is told of which alerts, and how. Empty `kinds` or `locations`: all of them."""

    id: str
    method: str
    target: str
    kinds: tuple[str, ...] = ()
    locations: tuple[str, ...] = ()
    severity_min: str = "warning"
    with_resolved: bool = False
    digest_above: int = 5
    """More than so many within `digest_minutes` go as one digest, no oftener than that."""
    digest_minutes: int = 60

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InputRejected(f"must be one of {', '.join(METHODS)}", field="method")
        if self.severity_min not in SEVERITIES:
            raise InputRejected(f"must be one of {', '.join(SEVERITIES)}", field="severity_min")
        if self.method == EMAIL:
            check_address(self.target, field="target")
        else:
            _check_target(self.target)

    @property
    def severities(self) -> tuple[str, ...]:
        """Those that are wanted."""
        return SEVERITIES[SEVERITIES.index(self.severity_min) :]


def _check_target(url: str) -> None:
    try:
        check_url(url)
    except InputRejected as error:
        raise InputRejected(error.problem, field="target") from error


Told = Mapping[str, Any]
"""An alert as it is sent: event, id, kind, severity, sku, location, message, detail, raised_at …"""


def subject(alerts: Sequence[Told], *, digest: bool) -> str:
    """One line that says it all, or how much there is.

    >>> subject([{"event": "raised", "severity": "critical", "message": "TEA at S1 is out"}],
    ...         digest=False)
    '[critical] TEA at S1 is out'
    """
    if digest:
        worst = max((a["severity"] for a in alerts), key=SEVERITIES.index)
        return f"[{worst}] {counted(len(alerts), 'alert')}: {_counted(alerts)}"
    (alert,) = alerts
    mark = RESOLVED if alert["event"] == RESOLVED else alert["severity"]
    return f"[{mark}] {alert['message']}"[:200]


def text(alerts: Sequence[Told], *, digest: bool) -> str:
    """The body of a mail: what happened, what is there, and what to do."""
    if digest:
        shown = sorted(alerts, key=lambda a: -SEVERITIES.index(a["severity"]))[:LISTED_MAX]
        lines = [subject(alerts, digest=True), ""]
        for alert in shown:
            lines += [f"* [{alert['severity']}] {alert['message']}{_since(alert)}"]
            lines += [f"  {said}" for said in (short(alert["detail"]), _act(alert)) if said]
        rest = len(alerts) - len(shown)
        lines += ["", f"{rest:,} more: GET /api/v2/alerts"] if rest else []
        return "\n".join(lines) + "\n"
    (alert,) = alerts
    lines = [alert["message"] + _since(alert), "", *sentences(alert["detail"])]
    lines += ["", act] if (act := _act(alert)) else []
    if alert["event"] != RESOLVED:
        lines += ["", f"To hear of it later: POST /api/v2/alerts/{alert['id']}/snooze"]
    return "\n".join(lines) + "\n"


def payload(alerts: Sequence[Told], *, digest: bool) -> dict[str, Any]:
    """What a webhook is sent. A digest tells `LISTED_MAX` alerts, the worst, and counts all."""
    if not digest:
        (alert,) = alerts
        return {"type": f"alert.{alert['event']}", "data": dict(alert)}
    shown = sorted(alerts, key=lambda a: -SEVERITIES.index(a["severity"]))[:LISTED_MAX]
    return {
        "type": "alert.digest",
        "data": {
            "count": len(alerts),
            "by_kind": dict(Counter(a["kind"] for a in alerts)),
            "alerts": [dict(alert) for alert in shown],
        },
    }


def _counted(alerts: Sequence[Told]) -> str:
    kinds = Counter(a["kind"].replace("_", " ") for a in alerts)
    return ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())


def _act(alert: Told) -> str | None:
    """What to do about it; nothing once it is over."""
    return None if alert["event"] == RESOLVED else act_sentence(alert["detail"])


def _since(alert: Told) -> str:
    """What became of an alert after it was told first."""
    said = {RESOLVED: " (resolved)", ESCALATED: f" (now {alert['severity']})"}
    return said.get(alert["event"], "")
