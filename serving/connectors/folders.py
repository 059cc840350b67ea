"""Folders on this machine through which documents come and go, one of each vendor.

A file appears under its name in one step, so nobody reads half of one; writing it again replaces
it.
"""

import contextlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from pipelines.settings import Settings

INBOX, OUTBOX = Path("edi") / "inbox", Path("edi") / "outbox"
"""Below the data folder: into the first other programs put vendors' files, and from the second they
take ours, where a vendor has no SFTP server."""

FILES_MAX = 100
"""Files taken from one folder at a time; the next look takes more."""
TAKEN = "processed"
"""Folder beside taken files, where they stay."""
PART, UNFINISHED = ".part", (".part", ".tmp", ".filepart")


@dataclass(frozen=True, slots=True)
class Lying:
    """A file as its folder tells of it."""

    name: str
    size_bytes: int
    modified_at: float
    """Seconds since 1970, by the clock of whose folder it is."""

    @property
    def told(self) -> str:
        """Its name as people and databases can read it, whatever bytes it is made of."""
        return printable(self.name)


@dataclass(frozen=True, slots=True)
class Found:
    """A file that was looked at."""

    file: Lying
    content: bytes | None
    problem: str = ""
    """Why there is no content."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look into a folder found."""

    names: frozenset[str]
    """Of every file that lies there, as they are told."""
    found: list[Found]
    """Those that were chosen."""


Choice = Callable[[Sequence[Lying]], Sequence[Lying]]
"""Which of the files that lie in a folder are read."""


def folder_name(text: str) -> str:
    """Any id as one part of a path, and no two as the same."""
    return (
        quote(text, safe=" -_").replace(".", "%2E")
        if text.startswith(".")
        else quote(text, safe=" -_.")
    )


def printable(text: str) -> str:
    r"""A name of a file as text, also where its bytes are none.

    >>> printable("order-\udce4.x12")
    'order-\\udce4.x12'
    """
    return text.encode(errors="backslashreplace").decode()


def write(folder: Path, name: str, content: bytes) -> Path:
    """Write a file so that it is there whole or not at all, also after a power cut."""
    folder.mkdir(parents=True, exist_ok=True)
    path, part = folder / name, folder / f".{name}{PART}"
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return path


def is_document(name: str) -> bool:
    """Whether a file of that name is one: hidden ones and those still being written are not.

    >>> [is_document(name) for name in ("reply.x12", ".reply.x12", "reply.x12.PART", "a.tmp")]
    [True, False, False, False]
    """
    return not name.startswith(".") and not name.lower().endswith(UNFINISHED)


def lying(folder: Path) -> list[Lying]:
    """Documents that lie in a folder, by name. Raises `OSError` where it cannot be read."""
    found: list[Lying] = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(FileNotFoundError):  # Another server was quicker.
                if is_document(entry.name) and entry.is_file():
                    told = entry.stat()
                    found.append(Lying(entry.name, told.st_size, told.st_mtime))
    return sorted(found, key=lambda file: file.name)


def take(folder: Path, *, choose: Choice, bytes_max: int) -> Look:
    """Read the chosen ones of the documents in a folder. Raises `OSError`."""
    there = lying(folder)
    found = []
    for file in choose(there):
        with contextlib.suppress(FileNotFoundError):
            found.append(_read(folder, file, bytes_max))
    return Look(frozenset(file.told for file in there), found)


def _read(folder: Path, file: Lying, bytes_max: int) -> Found:
    if file.size_bytes > bytes_max:
        return Found(file, None, too_large(file, bytes_max))
    try:
        return Found(file, (folder / file.name).read_bytes())
    except FileNotFoundError:
        raise
    except OSError as why:
        return Found(file, None, f"it cannot be read: {why.strerror}")


def too_large(file: Lying, bytes_max: int) -> str:
    """Why such a file is not read."""
    return f"it has {file.size_bytes:,} bytes, {bytes_max:,} at most"


def put_away(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Move taken files to where they stay; returns those that could not be moved, and why."""
    kept, problems = folder / TAKEN, {}
    for name in names:
        try:
            kept.mkdir(exist_ok=True)
            (folder / name).replace(kept / name)
        except FileNotFoundError:
            continue  # Another server was quicker.
        except OSError as why:
            problems[name] = f"it cannot be moved to '{TAKEN}': {why.strerror}"
    return problems


def inbox_of(settings: Settings, vendor: str) -> Path:
    """Where files of a vendor are put."""
    return settings.data_dir / INBOX / folder_name(vendor)


def outbox_of(settings: Settings, vendor: str) -> Path:
    """Where a vendor's files are taken from."""
    return settings.data_dir / OUTBOX / folder_name(vendor)
