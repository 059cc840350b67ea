"""What became of a feed message: one outcome per row, in the order of the rows."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from inventory.feeds import Problem
from inventory.ledger import Outcome

RowOutcome = Literal[Outcome, "duplicate", "quarantined"]
OUTCOMES: tuple[RowOutcome, ...] = (
    "applied", "already_counted", "superseded", "duplicate", "quarantined",
)  # fmt: skip


class RowResult(NamedTuple):
    """What became of one row. An applied row can carry a problem too: a clock that was clamped."""

    message_id: str | None
    outcome: RowOutcome
    problem: Problem | None = None

    def as_dict(self) -> dict[str, object]:
        body: dict[str, object] = {"id": self.message_id, "outcome": self.outcome}
        if self.problem is not None:
            body["problem"] = self.problem.as_dict()
        return body


@dataclass(frozen=True, slots=True)
class SyncResult:
    """Outcomes in the order of the rows, how many of each, and what is wrong with the whole."""

    counts: dict[str, int]
    results: list[RowResult]
    problems: list[Problem]
    """Of the feed rather than of a row: a FULL file that looks cut off."""
    zeroed: int = 0
    """Accounts set to zero because a FULL file did not list them."""

    def as_dict(self) -> dict[str, object]:
        return {
            "counts": self.counts,
            "results": [result.as_dict() for result in self.results],
            "problems": [problem.as_dict() for problem in self.problems],
            "zeroed": self.zeroed,
        }
