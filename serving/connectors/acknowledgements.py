"""Answer X12 of vendors with 997: each document came, and could be read or could not.

That it could be read says nothing about whether we agree: what contradicts an order is read all the
same, and waits for a person on our side.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

import psycopg

from inventory.errors import InputRejected
from inventory.store import edi_acknowledgements, vendor_dispatch
from inventory.store.documents import Document
from inventory.vendor_dispatch import VendorDispatch
from inventory.vendor_documents import UNREADABLE
from pipelines.settings import Settings
from serving.connectors import dispatch, folders
from serving.connectors.delivery import NotDelivered, NotPossible
from serving.connectors.edi.interchange import X12, Interchange, Transaction
from serving.connectors.edi.x12_acknowledgement import SETS, write_acknowledgement

log = logging.getLogger("vouch")

AT_ONCE_MAX = 200


def answer(
    db: psycopg.Connection,
    file_id: int,
    interchange: Interchange,
    found: Sequence[Document],
    *,
    vendor: str | None,
    settings: Settings,
    now: datetime,
) -> None:
    """Owe the sender a 997 for each group of its interchange, where it is a vendor with X12.

    found : the documents of the file. Acknowledgements are not acknowledged.
    """
    place = vendor_dispatch.get(db, vendor) if vendor else None
    if place is None or place.edi_standard != X12 or settings.edi_id is None:
        return
    if interchange.standard != X12:
        return
    unread = {document["control"] for document in found if document["kind"] == UNREADABLE}
    groups: dict[str, list[Transaction]] = {}
    for transaction in interchange.transactions:
        if transaction.set_id not in SETS:
            groups.setdefault(transaction.group_control, []).append(transaction)
    for group_control, transactions in groups.items():
        if edi_acknowledgements.is_owed(db, file_id, group_control):
            continue  # The file is taken again after a crash.
        readable = [
            f"{interchange.control}/{group_control}/{t.control}" not in unread for t in transactions
        ]
        with db.transaction():
            control = vendor_dispatch.next_control(db, place.vendor)
            envelope = dispatch.envelope_of(place, settings, control=control, at=now)
            try:
                text = write_acknowledgement(transactions, envelope, readable=readable)
            except InputRejected as problem:  # Our own id does not fit: nothing can be sent.
                log.warning("file %d cannot be acknowledged: %s", file_id, problem)
                raise psycopg.Rollback from problem
            edi_acknowledgements.write(
                db,
                vendor=place.vendor,
                file_id=file_id,
                group_control=group_control,
                control_number=control,
                name=folders.folder_name(f"997_{interchange.control}_{group_control}.x12"),
                content=text,
                now=now,
            )


def deliver_due(
    db: psycopg.Connection, settings: Settings, *, clock: Callable[[], datetime]
) -> int:
    """Deliver the acknowledgements that are due; returns how many."""
    count = 0
    for _ in range(AT_ONCE_MAX):
        claimed = edi_acknowledgements.claim(db, now=clock())
        if claimed is None:
            break
        place = vendor_dispatch.get(db, claimed["vendor"])
        try:
            _leave(place, claimed["name"], claimed["content"], settings)
        except (NotDelivered, NotPossible) as why:
            edi_acknowledgements.not_delivered(db, claimed, problem=str(why), now=clock())
            log.warning("acknowledgement %s was not delivered: %s", claimed["name"], why)
        else:
            edi_acknowledgements.delivered(db, claimed, now=clock())
            count += 1
    return count


def _leave(place: VendorDispatch | None, name: str, text: str, settings: Settings) -> None:
    if place is None or place.edi_id is None:
        raise NotPossible("the vendor has no EDI any more")
    dispatch.leave(place, name, text.encode("ascii"), settings)
