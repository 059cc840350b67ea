"""Folders on this machine through which documents come and go, one of each vendor.

A file appears under its name in one step, so nobody reads half of one; writing it again replaces
it.
"""

import contextlib
import os
from collections.abc import Callable
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
class Found:
    """A file that lay in a folder, and how to have it lie there no more."""

    name: str
    content: bytes | None
    """None: larger than was to be read."""
    size_bytes: int
    done: Callable[[], None]


def folder_name(text: str) -> str:
    """Any id as one part of a path, and no two as the same."""
    return (
        quote(text, safe=" -_").replace(".", "%2E")
        if text.startswith(".")
        else quote(text, safe=" -_.")
    )


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


def take(folder: Path, *, bytes_max: int) -> list[Found]:
    """Files that lie in a folder, the oldest name first; hidden and unfinished ones are left."""
    if not folder.is_dir():
        return []
    found = []
    for path in sorted(folder.iterdir())[:FILES_MAX]:
        if not path.is_file() or path.name.startswith(".") or path.name.endswith(UNFINISHED):
            continue
        size = path.stat().st_size
        content = path.read_bytes() if size <= bytes_max else None
        found.append(Found(path.name, content, size, _putter_away(path)))
    return found


def _putter_away(path: Path) -> Callable[[], None]:
    def put_away() -> None:
        kept = path.parent / TAKEN
        kept.mkdir(exist_ok=True)
        with contextlib.suppress(FileNotFoundError):  # Another server was quicker.
            path.replace(kept / path.name)

    return put_away


def inbox_of(settings: Settings, vendor: str) -> Path:
    """Where files of a vendor are put."""
    return settings.data_dir / INBOX / folder_name(vendor)


def outbox_of(settings: Settings, vendor: str) -> Path:
    """Where a vendor's files are taken from."""
    return settings.data_dir / OUTBOX / folder_name(vendor)


def anything_in(settings: Settings) -> bool:
    """Whether some vendor's inbox holds a file."""
    inbox = settings.data_dir / INBOX
    if not inbox.is_dir():
        return False
    return any(
        path.is_file() for folder in inbox.iterdir() if folder.is_dir() for path in folder.iterdir()
    )
