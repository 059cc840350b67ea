"""Take what vendors send: files from folders, SFTP servers, the API and the command line.

A file is read and kept first, then each document in it is applied by itself; what a crash leaves
pending is applied at the next look.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import psycopg

from inventory.amounts import counted
from inventory.errors import InputRejected
from inventory.store import documents, left_files, vendor_dispatch
from inventory.store.document_acts import Us, apply
from inventory.store.documents import Document, Read, Sent
from inventory.store.left_files import LeftFile
from inventory.vendor_dispatch import VendorDispatch
from inventory.vendor_documents import ACKNOWLEDGEMENT, UNREADABLE
from pipelines.settings import Settings
from serving.connectors import acknowledgements, folders, inboxes, intake_alerts, sftp
from serving.connectors.delivery import NotDelivered, NotPossible
from serving.connectors.edi import reading
from serving.connectors.edi.acknowledged import Acknowledged
from serving.connectors.edi.interchange import DOCUMENTS_MAX, Interchange, Transaction
from serving.connectors.edi.reading import FILE_BYTES_MAX, read_interchange
from serving.connectors.edi.segments import Unclear
from serving.connectors.folders import Choice, Found, Look

log = logging.getLogger("vouch")

NAME_CHARACTERS_MAX = 200
TEXT_CHARACTERS_MAX = 200
PROBLEM_CHARACTERS_MAX = 1000


@dataclass(slots=True)
class IntakeReport:
    """What came of the files that were taken."""

    files: int = 0
    by_id: dict[int, Document] = field(default_factory=dict)
    """What became of each document, once: a file may come again that a crash left half applied."""
    unreachable: dict[str, str] = field(default_factory=dict)
    """Vendors whose server could not be asked, with the reason."""
    left: list[str] = field(default_factory=list)
    """Files that stay where they lie, each with the reason."""
    misplaced: list[str] = field(default_factory=list)
    """Folders of the inbox from which nobody takes what lies there."""

    @property
    def documents(self) -> list[Document]:
        return list(self.by_id.values())

    def add(self, found: Sequence[Document]) -> None:
        """Documents as they are now."""
        self.by_id.update((document["id"], document) for document in found)

    def as_dict(self) -> dict[str, object]:
        return {
            "files": self.files,
            "documents": self.documents,
            "unreachable": self.unreachable,
            "left": self.left,
            "misplaced": self.misplaced,
        }

    def lines(self) -> list[str]:
        told = [f"{vendor} cannot be asked: {why}" for vendor, why in self.unreachable.items()]
        told += [*self.left, *self.misplaced]
        told += [line_of(document) for document in self.documents]
        files, read = counted(self.files, "file"), counted(len(self.documents), "document")
        return [*told, f"{files}, {read}"]


def line_of(document: Document) -> str:
    """One document in a sentence."""
    what = f"{document['id']}  {document['kind']} {document['number'] or document['name']}"
    order = f" of {document['purchase_order']}" if document["purchase_order"] else ""
    why = f", {document['reason']}: {document['problem']}" if document["problem"] else ""
    return f"{what}{order}: {document['state']}{why}"


def us_of(settings: Settings) -> Us:
    """Who we are in documents."""
    return Us(currency=settings.currency, edi_id=settings.edi_id)


def take(
    db: psycopg.Connection,
    content: bytes,
    *,
    source: str,
    name: str,
    came_from: str | None,
    actor: str,
    settings: Settings,
    now: datetime,
    apply_max: int = DOCUMENTS_MAX,
) -> tuple[int, list[Document]]:
    """Keep a file and apply its documents; returns its id and what became of each.

    Of several interchanges in it each is kept by itself, and the id is that of the first.

    came_from : the vendor, where the way it came tells. The same file under the same name from the
        same source is taken once; a repeat returns what became of it. Never raises for what is in
        the file: that is set aside with the reason.
    apply_max : of more documents the rest stay pending, for `take_all`.
    """
    files: list[int] = []
    settled: list[Document] = []
    for place, piece in enumerate(reading.interchanges(content), start=1):
        own = name if place == 1 else f"{name[: NAME_CHARACTERS_MAX - 6]}#{place}"
        sent = Sent(source, own[:NAME_CHARACTERS_MAX], piece, came_from, actor)
        left = max(0, apply_max - len(settled))
        file_id, found = _take_interchange(db, sent, settings=settings, now=now, apply_max=left)
        files.append(file_id)
        settled += found
    return files[0], settled


def _take_interchange(
    db: psycopg.Connection, sent: Sent, *, settings: Settings, now: datetime, apply_max: int
) -> tuple[int, list[Document]]:
    actor = sent.actor
    interchange, sent, found = _read(sent)
    vendor = _vendor(db, sent)
    file_id = documents.keep(db, sent, found, vendor=vendor, now=now)
    fresh = [d["id"] for d in documents.of_file(db, file_id) if d["state"] == documents.PENDING]
    for document_id in fresh[:apply_max]:
        apply(db, document_id, us=us_of(settings), actor=actor, now=now)
    settled = documents.of_file(db, file_id)
    if interchange is not None:
        acknowledgements.answer(
            db, file_id, interchange, settled, vendor=vendor, settings=settings, now=now
        )
    return file_id, settled


def retry(
    db: psycopg.Connection, document_id: int, *, actor: str, settings: Settings, now: datetime
) -> list[Document]:
    """Try a document again that was set aside; one that could not be read is read again.

    Returns what became of it: several where a file can be read now. Raises `NotFound`, and
    `StateConflict` for one that does not wait.
    """
    found = documents.get(db, document_id)
    if found["said"] is None and found["state"] == documents.QUARANTINED:
        sent = documents.content(db, found["file"])
        if len(reading.interchanges(sent.content)) > 1:  # It came before files were split.
            return _take_apart(db, found["file"], sent, actor=actor, settings=settings, now=now)
        _, sent, read = _read(sent)
        documents.read_again(
            db, found["file"], sent, read, vendor=_vendor(db, sent), actor=actor, now=now
        )
        waiting = [d for d in documents.of_file(db, found["file"]) if d["state"] == "pending"]
        for document in waiting:
            apply(db, document["id"], us=us_of(settings), actor=actor, now=now)
        left = documents.of_file(db, found["file"])
        return [document for document in left if document["state"] != documents.DISMISSED]
    documents.check_waits(found, act="retry")
    return [apply(db, document_id, us=us_of(settings), actor=actor, now=now)]


def _take_apart(
    db: psycopg.Connection,
    file_id: int,
    sent: Sent,
    *,
    actor: str,
    settings: Settings,
    now: datetime,
) -> list[Document]:
    _, taken = take(
        db,
        sent.content,
        source=sent.source,
        name=sent.name,
        came_from=sent.came_from,
        actor=actor,
        settings=settings,
        now=now,
    )
    documents.read_again(db, file_id, sent, [], vendor=None, actor=actor, now=now)
    return taken


def _vendor(db: psycopg.Connection, sent: Sent) -> str | None:
    """Whose file it seems to be, by its sender or the way it came."""
    if sent.sender_id is None:
        return sent.came_from
    named = vendor_dispatch.vendor_of(
        db, qualifier=sent.sender_qualifier or "", edi_id=sent.sender_id
    )
    return named or sent.came_from


def _read(sent: Sent) -> tuple[Interchange | None, Sent, list[Read]]:
    """A file with what its envelope says, and its documents."""
    try:
        interchange = read_interchange(sent.content)
    except InputRejected as problem:
        return None, sent, [Read(UNREADABLE, None, None, problem=_storable(problem))]
    told = replace(
        sent,
        standard=interchange.standard,
        sender_qualifier=_text(interchange.sender.qualifier),
        sender_id=_text(interchange.sender.id),
        receiver_id=_text(interchange.receiver.id),
        test=interchange.test,
    )
    found = [_document(interchange, transaction) for transaction in interchange.transactions]
    return interchange, told, found


def _document(interchange: Interchange, transaction: Transaction) -> Read:
    control = _text(f"{interchange.control}/{transaction.group_control}/{transaction.control}")
    set_id, standard = _text(transaction.set_id), interchange.standard
    try:
        heard = reading.read_document(transaction, standard=standard)
    except Unclear as problem:  # The vendor's system did well: it is for people to agree.
        kind, number, order = reading.outline(transaction, standard=standard)
        return Read(
            kind,
            set_id,
            control,
            number=number and _text(number),
            order_id=order and _text(order),
            problem=_storable(problem),
        )
    except InputRejected as problem:
        return Read(UNREADABLE, set_id, control, problem=_storable(problem))
    if isinstance(heard, Acknowledged):
        said: dict[str, Any] = {
            "group_id": heard.group_id,
            "group_control": heard.group_control,
            "accepted": heard.accepted,
            "notes": heard.notes[:PROBLEM_CHARACTERS_MAX],
        }
        return Read(ACKNOWLEDGEMENT, set_id, control, number=control, said=said)
    return Read(
        heard.kind,
        set_id,
        control,
        number=_text(heard.number),
        order_id=_text(heard.order_id),
        said=heard.as_dict(),
    )


def _text(text: str) -> str:
    """Some text of a file as a column takes it."""
    return text[:TEXT_CHARACTERS_MAX]


def _storable(problem: InputRejected) -> InputRejected:
    return InputRejected(problem.problem[:PROBLEM_CHARACTERS_MAX], field=problem.field)


def take_all(db: psycopg.Connection, settings: Settings, *, now: datetime) -> IntakeReport:
    """Take what lies in the inbox and on the servers of vendors, and what a crash left pending."""
    report = IntakeReport()
    for document_id in documents.pending(db):
        report.add([apply(db, document_id, us=us_of(settings), actor="intake", now=now)])
    ways = [way for place in vendor_dispatch.partners(db) for way in _ways(place, settings)]
    left_files.forget_elsewhere(db, [(way.vendor, way.name) for way in ways])
    for way in ways:
        try:
            _take_from(db, way, settings=settings, now=now, report=report)
        except OSError:  # Of our folder; `inboxes.misplaced` tells of it.
            log.warning("the inbox of vendor %s cannot be read", way.vendor)
        except (NotDelivered, NotPossible) as why:
            report.unreachable[way.vendor] = str(why)
            log.warning("files of vendor %s could not be fetched: %s", way.vendor, why)
    report.misplaced = [alert.message for alert in inboxes.misplaced(db, settings)]
    intake_alerts.tell(db, settings, unreachable=report.unreachable, now=now)
    return report


@dataclass(frozen=True, slots=True)
class _Way:
    """One folder from which files of a vendor are taken."""

    vendor: str
    name: str
    look: Callable[[Choice], Look]
    put_away: Callable[[Sequence[str]], dict[str, str]]


def _ways(place: VendorDispatch, settings: Settings) -> Iterator[_Way]:
    vendor, folder = place.vendor, folders.inbox_of(settings, place.vendor)
    yield _Way(
        vendor,
        "folder",
        lambda choose: folders.take(folder, choose=choose, bytes_max=FILE_BYTES_MAX),
        lambda names: folders.put_away(folder, names),
    )
    server = place.sftp
    if server is None or server.fetch_from is None:
        return
    at: dict[str, Any] = {"vendor": vendor, "settings": settings}
    yield _Way(
        vendor,
        "sftp",
        lambda choose: sftp.download(server, choose=choose, bytes_max=FILE_BYTES_MAX, **at),
        lambda names: sftp.remove(server, names, **at),
    )


def _take_from(
    db: psycopg.Connection, way: _Way, *, settings: Settings, now: datetime, report: IntakeReport
) -> None:
    """Take what is new in a folder; what stays there is noted, and left alone from then on."""
    known = left_files.known(db, way.vendor, way.name)
    look = way.look(inboxes.chooser(known, now=now))
    left_files.forget(db, way.vendor, way.name, names=known.keys() - look.names)
    taken: dict[str, Found] = {}
    for found in look.found:
        before = known.get(found.file.told)
        why = found.problem
        if found.content is not None:
            digest = hashlib.sha256(found.content).digest()
            if before is None or not before.taken or before.digest != digest:
                why = _take_one(db, found, way, settings=settings, now=now, report=report)
        if why:
            _note(db, found, way, why, taken=False, now=now, report=report)
        else:
            taken[found.file.name] = found
    # Not before they are kept: who dies in between takes them again, and knows them.
    problems = way.put_away(list(taken)) if taken else {}
    gone = [found.file.told for name, found in taken.items() if name not in problems]
    left_files.forget(db, way.vendor, way.name, names=gone)
    for name, why in problems.items():
        _note(db, taken[name], way, why, taken=True, now=now, report=report)


def _take_one(
    db: psycopg.Connection,
    found: Found,
    way: _Way,
    *,
    settings: Settings,
    now: datetime,
    report: IntakeReport,
) -> str:
    """Take a file; returns why it could not be taken, or nothing."""
    assert found.content is not None
    try:
        _, settled = take(
            db,
            found.content,
            source=f"{way.name}:{way.vendor}",
            name=found.file.told,
            came_from=way.vendor,
            actor="intake",
            settings=settings,
            now=now,
        )
    except psycopg.OperationalError:
        raise
    except Exception as defect:  # The files of others must go on.
        log.exception("file %s of vendor %s could not be taken", found.file.told, way.vendor)
        return str(defect) or type(defect).__name__
    report.files += 1
    report.add(settled)
    return ""


def _note(
    db: psycopg.Connection,
    found: Found,
    way: _Way,
    why: str,
    *,
    taken: bool,
    now: datetime,
    report: IntakeReport,
) -> None:
    digest = None if found.content is None else hashlib.sha256(found.content).digest()
    file, again = found.file, now + left_files.LOOK_AGAIN
    stays = LeftFile(
        file.told, file.size_bytes, file.modified_at, digest, taken, why[:TEXT_CHARACTERS_MAX],
        again,
    )  # fmt: skip
    left_files.note(db, way.vendor, way.name, stays, now=now)
    report.left.append(f"'{file.told}' of {way.vendor} was {'taken and ' * taken}left: {why}")
