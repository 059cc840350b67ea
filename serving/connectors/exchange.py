"""What a server exchanges with vendors each minute: it sends what is due and takes what came."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg

from pipelines.settings import Settings
from serving.connectors import acknowledgements, dispatch, intake


@dataclass(frozen=True, slots=True)
class ExchangeReport:
    """What was sent, and what was taken."""

    sent: dispatch.DispatchReport
    taken: intake.IntakeReport
    acknowledged: int
    """Functional acknowledgements that went out."""

    def as_dict(self) -> dict[str, object]:
        return {
            "sent": self.sent.as_dict(),
            "taken": self.taken.as_dict(),
            "acknowledged": self.acknowledged,
        }

    def lines(self) -> list[str]:
        return [*self.sent.lines(), *self.taken.lines()]


def exchange(
    db: psycopg.Connection, settings: Settings, *, clock: Callable[[], datetime]
) -> ExchangeReport:
    """Send the orders that are due, take and apply the files that came, and acknowledge them."""
    sent = dispatch.deliver_due(db, settings, clock=clock)
    taken = intake.take_all(db, settings, now=clock())
    return ExchangeReport(sent, taken, acknowledgements.deliver_due(db, settings, clock=clock))
