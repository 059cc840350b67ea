"""What people are told of vendors' files and documents that need them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import psycopg

from inventory.alerts import Alert
from inventory.amounts import counted
from inventory.store import alerts, documents, left_files, vendor_dispatch
from pipelines.settings import Settings
from serving.connectors import folders, inboxes

WAITING = "vendor_documents"
"""Kind of the alerts on documents that wait for a person, one for each vendor."""

LEFT = "vendor_files"
"""Kind of the alerts on files that stay where they lie, one for each folder and reason."""

KINDS = (WAITING, LEFT, inboxes.MISPLACED)


def tell(
    db: psycopg.Connection, settings: Settings, *, unreachable: Mapping[str, str], now: datetime
) -> None:
    """Raise what is to be told now, and close what is over.

    unreachable : vendors whose server could not be asked, with the reason.
    """
    found = [*_waiting(db, unreachable), *_left(db, settings), *inboxes.misplaced(db, settings)]
    if found or alerts.open_causes(db, kinds=KINDS):
        alerts.replace_alerts(db, found, kinds=KINDS, now=now)


def _waiting(db: psycopg.Connection, unreachable: Mapping[str, str]) -> list[Alert]:
    told = {
        vendor: f"{counted(count, 'document')} of {vendor or 'unknown senders'} "
        f"{'waits' if count == 1 else 'wait'} for a person; the latest: {problem}"
        for vendor, count, problem in documents.waiting_by_vendor(db)
    }
    for vendor, why in unreachable.items():
        told[vendor] = "; ".join(filter(None, (told.get(vendor), f"{vendor}: {why}")))
    return [
        Alert(
            kind=f"{WAITING}:{vendor}",
            severity="warning",
            message=message,
            detail={"vendor": vendor or None, "action": "GET /api/v2/documents?state=quarantined"},
        )
        for vendor, message in told.items()
    ]


def _left(db: psycopg.Connection, settings: Settings) -> list[Alert]:
    places = {place.vendor: place for place in vendor_dispatch.partners(db)}
    found = []
    for row in left_files.by_place(db):
        place = str(folders.inbox_of(settings, row["vendor"]))
        if row["way"] == "sftp" and (server := places[row["vendor"]].sftp) is not None:
            place = f"'{server.fetch_from}' at {server.host}"
        found.append(_left_alert(row, place))
    return found


def _left_alert(row: Mapping[str, Any], place: str) -> Alert:
    vendor, count = row["vendor"], row["files"]
    names = ", ".join(f"'{name}'" for name in row["names"])
    more = f" and {count - len(row['names']):,} more" if count > len(row["names"]) else ""
    if row["taken"]:
        said = f"{counted(count, 'file')} of {vendor} stayed in {place} after intake"
        remedy = (
            f"let our account remove files from {place}, or have them removed there; "
            "nothing in them is lost, and they are not taken twice"
        )
    else:
        said = f"{counted(count, 'file')} of {vendor} cannot be taken from {place}"
        remedy = f"have {vendor} send them as they should be, and take these away from {place}"
    return Alert(
        kind=f"{LEFT}:{vendor}:{row['way']}:{'taken' if row['taken'] else 'untaken'}",
        severity="warning",
        message=f"{said}: {names}{more}: {row['problem']}",
        detail={"vendor": vendor, "folder": place, "files": count, "action": remedy},
    )
