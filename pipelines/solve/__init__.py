"""A calculator for planners: a file of cases in, each solved by its topic and inputs.

A case is an object with `name`, `topic` and `inputs`; what else it has, as `expected`, is not read
to compute it, only its `name`, `notes` and `source` where inputs fit more than one method.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inventory.errors import InputRejected
from pipelines.solve import forms
from pipelines.solve.topics import TOPICS

TOLD_BY = ("name", "notes", "source")
"""Where a case may name its method, most believed first."""

BIG = 100_000
"""From here on people read whole numbers."""


@dataclass(frozen=True, slots=True)
class Solved:
    """What became of one case: a result, or the error that it alone has."""

    name: str
    topic: str | None
    result: dict[str, Any] | None = None
    error: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Name, and result or error."""
        if self.error is not None:
            return {"name": self.name, "error": self.error}
        return {"name": self.name, "result": self.result}


@dataclass(frozen=True, slots=True)
class SolveReport:
    """All cases of a file, in its order."""

    cases: tuple[Solved, ...]

    @property
    def failed(self) -> int:
        """How many have an error."""
        return sum(case.error is not None for case in self.cases)

    def as_dict(self) -> dict[str, Any]:
        """`{"results": [{"name", "result"} or {"name", "error"}]}`."""
        return {"results": [case.as_dict() for case in self.cases]}

    def lines(self) -> list[str]:
        """Cases as a table for people."""
        shown = []
        for case in self.cases:
            if case.error is not None:
                shown += ["", case.error]
                continue
            shown += ["", f"{case.name} ({case.topic})"]
            shown += [f"  {key:<28} {_figure(value)}" for key, value in (case.result or {}).items()]
        told = f"{len(self.cases) - self.failed} of {len(self.cases)} cases solved"
        return [*shown, "", told]


def _figure(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= BIG else f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(_figure(each) for each in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_figure(each)}" for name, each in value.items())
    return str(value)


def solve_file(path: Path) -> SolveReport:
    """Solve every case of a JSON file. Raises `InputRejected` where it is no file of cases."""
    try:
        asked = json.loads(path.read_text())
    except OSError as error:
        raise InputRejected(
            f"cannot read {path}: {error.strerror}; check the path", field="file"
        ) from error
    except ValueError as error:
        raise InputRejected(f"{path} is not JSON: {error}; mend it there", field="file") from error
    cases = asked.get("cases") if isinstance(asked, dict) else None
    if not isinstance(cases, list):
        raise InputRejected(
            f'{path} has no list of cases; write {{"cases": [{{"name": ..., "topic": ..., '
            '"inputs": {...}}]}',
            field="cases",
        )
    return SolveReport(tuple(solve_case(case, number=n + 1) for n, case in enumerate(cases)))


def solve_case(case: object, *, number: int = 1) -> Solved:
    """Solve one case; what is wrong with it becomes its error.

    >>> solve_case({"name": "mouse", "topic": "safety_stock_rop", "inputs": {
    ...     "avg_daily_sales": 50, "lead_time_days": 10, "safety_stock": 100}}).result
    {'reorder_point': 600.0, 'safety_stock': 100.0}
    """
    name = str(case["name"]) if isinstance(case, dict) and "name" in case else f"case {number}"
    topic = case.get("topic") if isinstance(case, dict) else None
    try:
        result = _solved(case)
    except InputRejected as refusal:
        return Solved(name, topic, error=f"case '{name}': {refusal}")
    except (ArithmeticError, ValueError, AssertionError) as error:
        return Solved(
            name, topic, error=f"case '{name}': these inputs have no finite answer ({error}); "
            "check their sizes and units",
        )  # fmt: skip
    return Solved(name, topic, result=result)


def _solved(case: object) -> dict[str, Any]:
    if not isinstance(case, dict):
        raise InputRejected("is no object; write name, topic and inputs")
    topic, inputs = case.get("topic"), case.get("inputs")
    if not isinstance(topic, str) or topic not in TOPICS:
        raise InputRejected(
            f"'{topic}' is no topic here; choose from: {', '.join(sorted(TOPICS))}", field="topic"
        )
    if not isinstance(inputs, dict):
        raise InputRejected("must be an object of names and values", field="inputs")
    told = [text for key in TOLD_BY if isinstance(text := case.get(key), str)]
    found = forms.solve(TOPICS[topic], inputs, told=told)
    return {key: _finite(value, key) for key, value in found.items()}


def _finite(value: Any, key: str) -> Any:  # noqa: ANN401 - any JSON.
    """A plain value, or `ArithmeticError` where it is no number."""
    if isinstance(value, list | tuple):
        return [_finite(each, key) for each in value]
    if isinstance(value, Mapping):
        return {str(name): _finite(each, key) for name, each in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise ArithmeticError(f"{key} would be {value}")
    return value
