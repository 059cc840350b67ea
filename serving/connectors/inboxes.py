"""Which files in the inbox are taken next, and which lie where nobody takes them.

A server asks this each minute, so nothing is read here but names, sizes and times.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

import psycopg

from inventory.alerts import Alert
from inventory.amounts import counted
from inventory.store import alerts, left_files, vendor_dispatch
from inventory.store.left_files import LeftFile
from pipelines.settings import Settings
from serving.connectors import folders
from serving.connectors.folders import FILES_MAX, Choice, Lying

MISPLACED = "vendor_inbox"
"""Kind of the alerts on folders whose files nobody takes, one for each."""


def chooser(known: Mapping[str, LeftFile], *, now: datetime) -> Choice:
    """What is new comes first, then what was left and may be looked at again."""

    def choose(lying: Sequence[Lying]) -> Sequence[Lying]:
        new = [file for file in lying if not _is_known(file, known)]
        again = [
            file
            for file in lying
            if _is_known(file, known) and known[file.told].look_again_at <= now
        ]
        return (new + again)[:FILES_MAX]

    return choose


def _is_known(file: Lying, known: Mapping[str, LeftFile]) -> bool:
    left = known.get(file.told)
    return left is not None and (left.size_bytes, left.modified_at) == (
        file.size_bytes,
        file.modified_at,
    )


def is_due(db: psycopg.Connection, settings: Settings, *, now: datetime) -> bool:
    """Whether a look into the inbox would take a file, or change what people are told of it."""
    told = {kind for kind, _ in alerts.open_causes(db, kinds=[MISPLACED])}
    if told != {alert.kind for alert in misplaced(db, settings)}:
        return True
    return any(_any_for(db, place.vendor, settings, now) for place in vendor_dispatch.partners(db))


def _any_for(db: psycopg.Connection, vendor: str, settings: Settings, now: datetime) -> bool:
    try:
        lying = folders.lying(folders.inbox_of(settings, vendor))
    except OSError:
        return False  # Which `misplaced` tells.
    choose = chooser(left_files.known(db, vendor, "folder") if lying else {}, now=now)
    return bool(choose(lying))


def misplaced(db: psycopg.Connection, settings: Settings) -> list[Alert]:
    """An alert for each folder of the inbox that nobody takes files from though some lie there."""
    inbox = settings.data_dir / folders.INBOX
    partners = {folders.folder_name(place.vendor) for place in vendor_dispatch.partners(db)}
    found = []
    for folder in (inbox, *_folders(inbox)):
        try:
            lying = folders.lying(folder)
        except OSError as why:
            found.append(
                _alert(
                    folder,
                    f"{folder} cannot be read: {why.strerror}",
                    "let the account that runs the server read and write this folder",
                )
            )
            continue
        if lying and folder.name not in partners:
            remedy = _remedy(db, folder, is_inbox=folder == inbox)
            these = f"{counted(len(lying), 'file')} in {folder}"
            taken = "is not taken" if len(lying) == 1 else "are not taken"
            found.append(_alert(folder, f"{these} {taken}: {remedy}", remedy))
    return found


def _folders(inbox: Path) -> Iterator[Path]:
    if not inbox.is_dir():
        return
    yield from sorted(
        path for path in inbox.iterdir() if path.is_dir() and not path.name.startswith(".")
    )


def _remedy(db: psycopg.Connection, folder: Path, *, is_inbox: bool) -> str:
    if is_inbox:
        return "put each file into the folder in it that has its vendor's id as its name"
    vendor = unquote(folder.name)
    ids = vendor_dispatch.vendors(db)
    if vendor not in ids:
        alike = get_close_matches(vendor, ids, n=1)
        meant = f"; '{alike[0]}' perhaps" if alike else ""
        return f"there is no vendor '{vendor}'{meant}: name the folder after the vendor's id"
    if folder.name != folders.folder_name(vendor):
        return f"the folder of vendor '{vendor}' is '{folders.folder_name(vendor)}'"
    return (
        f"vendor '{vendor}' has no EDI: say its edi_standard and edi_id with "
        f"PUT /api/v2/vendors/{vendor}/dispatch or `vouch dispatch settings set {vendor}`, or take "
        "the files away"
    )


def _alert(folder: Path, message: str, remedy: str) -> Alert:
    told = folders.printable
    detail: dict[str, object] = {"folder": told(str(folder)), "action": told(remedy)}
    return Alert(f"{MISPLACED}:{told(folder.name)}", "warning", told(message), detail=detail)
