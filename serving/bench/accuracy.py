"""`vouch bench accuracy`: our forecasts beside those of others, on rolling windows of public data.

Everyone sees the same history and the same covariates known ahead, in the same run. The last
window of each data set is flagged: nothing was tuned on it.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

from inventory.errors import InputRejected
from models.members import Preset
from serving.bench import accuracy_ours, accuracy_peers, accuracy_scores
from serving.bench.accuracy_data import (
    DATA_SETS,
    DataSet,
    Split,
    data_folder,
    data_sets,
    load,
    split,
)
from serving.bench.accuracy_peers import Peer
from serving.bench.accuracy_scores import MEMBER, OURS, PEER, row, sum_coverage
from serving.bench.servers import machine

PACKAGES = ("vouch", "xgboost-cpu", "torch", "statsmodels", *accuracy_peers.PACKAGES)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure.

    windows, series : None takes each data set's own default.
    peers : names; None takes all, an empty list none.
    sample : series that the slow statistical peers are asked about.
    hold_last : leave out the last window of each data set, which nothing may be tuned on.
    """

    data: Sequence[str] = tuple(DATA_SETS)
    windows: int | None = None
    series: int | None = None
    peers: Sequence[str] | None = None
    sample: int = 300
    preset: Preset = "full"
    seed: int = 7
    threads: int = 2
    hold_last: bool = False

    def backs(self, data: DataSet) -> list[int]:
        """Windows to look at, oldest first, as counted back from the last."""
        windows = data.windows if self.windows is None else self.windows
        if self.hold_last and windows == 1:
            raise InputRejected("leaves no window without the last; ask for 2", field="windows")
        return list(reversed(range(1 if self.hold_last else 0, windows)))


@dataclass(slots=True)
class Report:
    """Every window's figures, their means, and what was reached."""

    plan: Plan
    machine: dict[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)
    sums: list[dict[str, Any]] = field(default_factory=list)
    weights: list[dict[str, Any]] = field(default_factory=list)

    @property
    def means(self) -> list[dict[str, Any]]:
        return accuracy_scores.means(self.rows)

    def verdicts(self, *, untouched: bool = False) -> list[dict[str, Any]]:
        """One verdict per data set and number of periods scored, over all windows or the last."""
        rows = [row for row in self.rows if row["untouched"]] if untouched else self.rows
        sums = [row for row in self.sums if row["untouched"]] if untouched else self.sums
        if not rows:
            return []
        # Sorting is stable: methods keep their order.
        by_place = groupby(sorted(accuracy_scores.means(rows), key=_place), key=_place)
        return [
            accuracy_scores.verdict(list(cell), [row for row in sums if row["data"] == place[0]])
            for place, cell in by_place
        ]

    def as_dict(self) -> dict[str, Any]:
        return {
            "machine": self.machine,
            "plan": asdict(self.plan),
            "verdicts": self.verdicts(),
            "verdicts_untouched": self.verdicts(untouched=True),
            "means": self.means,
            "sums": self.sums,
            "windows": self.rows,
            "weights": self.weights,
        }

    def lines(self) -> list[str]:
        """Tables for people: each window, the means, the verdicts."""
        return list(_lines(self))


def measure(
    plan: Plan, folder: Path | None, *, progress: Callable[[str], None] = lambda _: None
) -> Report:
    """Forecast and score every window of every data set in `folder`."""
    where = data_folder(folder)
    asked = accuracy_peers.peers(plan.peers)
    report = Report(plan, machine() | {"threads": plan.threads, "versions": _versions()})
    for data in data_sets(plan.data):
        rows = load(data, where, series=plan.series, seed=plan.seed)
        for back in plan.backs(data):
            _measure_window(plan, split(data, rows, back=back), asked, report, progress)
    return report


def _measure_window(
    plan: Plan,
    split: Split,
    asked: Sequence[Peer],
    report: Report,
    progress: Callable[[str], None],
) -> None:
    place = f"{split.data.name} from {split.origin}"
    progress(f"{place}: vouch predict, {len(split.keys)} series")
    with tempfile.TemporaryDirectory(prefix="vouch-bench-") as name:
        ours = accuracy_ours.forecast(
            split, Path(name), preset=plan.preset, seed=plan.seed, threads=plan.threads,
            progress=progress,
        )  # fmt: skip
    said = [("vouch", OURS, ours.ensemble)]
    said += [(name, MEMBER, member) for name, member in ours.members.items()]
    censored = not split.past_usable.all()
    for peer in asked:
        if peer.stock_outs and not censored:
            continue
        progress(f"{place}: {peer.name}")
        answer = accuracy_peers.ask(
            peer, split, sample=plan.sample, seed=plan.seed, threads=plan.threads
        )
        said.append((peer.name, PEER, answer))
    report.rows += [
        row(split, each, ours.ensemble, method=method, kind=kind, periods=periods)
        for periods in split.data.scored
        for method, kind, each in said
    ]
    where = {"data": split.data.name, "origin": split.origin.isoformat(),
             "untouched": split.back == 0}  # fmt: skip
    report.sums.append(where | sum_coverage(split, ours.ensemble))
    report.weights.append(where | ours.weights)


def _place(row: dict[str, Any]) -> tuple[str, int]:
    return row["data"], row["periods"]


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def _lines(report: Report) -> Iterator[str]:
    for window, cell in groupby(report.rows, key=lambda row: (*_place(row), row["origin"])):
        rows = list(cell)
        flag = ", untouched" if rows[0]["untouched"] else ""
        yield f"{window[0]}, {window[1]} periods from {window[2]}{flag}"
        yield from _table(rows)
    for place, cell in groupby(sorted(report.means, key=_place), key=_place):
        rows = list(cell)
        yield f"{place[0]}, {place[1]} periods, mean of {rows[0]['windows']} windows"
        yield from _table(rows)
    for sums in report.sums:
        yield "sums: " + ", ".join(f"{name} {_short(value)}" for name, value in sums.items())
    for verdict in report.verdicts():
        yield "verdict: " + ", ".join(f"{name} {_short(value)}" for name, value in verdict.items())
    yield f"on {report.machine}"


COLUMNS = ("series", "sql", "sql_in_stock", "wape_median", "wape_mean", "mase", "coverage95",
           "coverage99", "coverage95_in_stock", "coverage99_in_stock", "ours_sql")  # fmt: skip


def _table(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    width = max(len(name) for name in COLUMNS)
    yield " " * 34 + " ".join(name.rjust(width) for name in COLUMNS)
    for each in rows:
        figures = " ".join(_short(each[name]).rjust(width) for name in COLUMNS)
        yield f"  {each['kind']:6} {each['method']:25}{figures}"


def _short(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
