"""Files of external signals, as named on the command line: `weather.csv:ahead`, `visits.csv:lag=2`.

Without a word after the file, a day's figures are known when the day ends, as sales are.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from features.frame import DATE, LOCATION, SKU, Panel
from features.signals import ExternalSignal, checked, key_of, with_signal
from inventory.errors import InputRejected
from pipelines.panel_file import read_table

_SPEC = re.compile(r"(?P<path>.+?)(?::(?P<word>ahead|lag=\d{1,3}))?")
_DECLARED = re.compile(r":(?=[^:/\\]*$)(?P<word>[a-z]+(?:=.*)?)$")


@dataclass(frozen=True, slots=True)
class SignalFile:
    """A file and when what it says is known.

    lag_periods : periods after a row's own until it is known. known_ahead : it tells the future.
    """

    path: Path
    lag_periods: int = 0
    known_ahead: bool = False

    @classmethod
    def parse(cls, text: str) -> "SignalFile":
        """From `FILE`, `FILE:lag=N` (in periods of the history) or `FILE:ahead`.

        >>> SignalFile.parse("visits.csv:lag=2")
        SignalFile(path=PosixPath('visits.csv'), lag_periods=2, known_ahead=False)
        """
        found = _SPEC.fullmatch(text)
        path = found["path"] if found else text
        word = found["word"] if found else None
        wrong = _DECLARED.search(path)
        if wrong and not Path(path).exists():
            raise InputRejected(
                f"'{wrong['word']}' of '{text}' says nothing; write FILE:lag=2 or FILE:ahead",
                field="signals",
            )
        lag = int(word.removeprefix("lag=")) if word and word != "ahead" else 0
        return cls(Path(path), lag, known_ahead=word == "ahead")


def with_signals(panel: Panel, files: Sequence[str], *, horizon: int) -> tuple[Panel, list[str]]:
    """The panel with the signals of all files, and a note for the person on each file.

    Raises
    ------
    InputRejected
        A file cannot be read or used; names the row, the column and the remedy.
    """
    notes = []
    for text in files:
        file = SignalFile.parse(text)
        table = checked(read_table(file.path), name=file.path.name)
        key = key_of(table)
        signals = tuple(
            ExternalSignal(name, lag_periods=file.lag_periods, known_ahead=file.known_ahead)
            for name in table.columns
            if name not in key
        )
        panel = with_signal(panel, table, signals, horizon=horizon)
        found = panel.history.get_column(signals[0].name).count() / len(panel.history)
        known = "known ahead" if file.known_ahead else f"known {file.lag_periods} periods later"
        by = " and ".join(column for column in (SKU, LOCATION, DATE) if column in key)
        notes.append(
            f"{file.path.name}: {', '.join(s.name for s in signals)} by {by}, {known}; "
            f"{found:.0%} of the rows have one"
        )
    return panel, notes
