"""Deliver what waits for vendors: each document by the channel that its vendor has.

A document is claimed, prepared, marked as tried, delivered, and marked as delivered, in that order.
Whoever dies in between leaves it to be delivered again under the same number: the Message-ID of a
mail, the `webhook-id` of a webhook, the file name and control number of EDI.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import psycopg

from inventory.errors import InputRejected
from inventory.order_document import OrderDocument
from inventory.store import dispatches, vendor_dispatch
from inventory.vendor_dispatch import BY_HAND, EMAIL, WEBHOOK, VendorDispatch
from pipelines.settings import Settings
from serving.connectors import folders, leaving, mail, order_text, sftp, undelivered, webhook
from serving.connectors.delivery import NotDelivered, NotPossible
from serving.connectors.edi import edifact_order, x12_order
from serving.connectors.edi.interchange import X12, Envelope, Party

log = logging.getLogger("vouch")

AT_ONCE_MAX = 200
"""Documents of one look; the next is a minute later."""

Dispatch = dict[str, Any]


@dataclass(slots=True)
class DispatchReport:
    """What came of the documents that were due."""

    delivered: list[str] = field(default_factory=list)
    later: dict[str, str] = field(default_factory=dict)
    """Not delivered, and tried again by itself; with the reason."""
    failed: dict[str, str] = field(default_factory=dict)
    """Not delivered, and not tried again unless somebody asks."""
    blocked: dict[str, str] = field(default_factory=dict)
    """Cannot be delivered as things are."""

    def as_dict(self) -> dict[str, object]:
        return {
            "delivered": self.delivered,
            "later": self.later,
            "failed": self.failed,
            "blocked": self.blocked,
        }

    def lines(self) -> list[str]:
        told = [f"{number} is delivered" for number in self.delivered]
        told += [f"{number} is tried again later: {why}" for number, why in self.later.items()]
        told += [f"{number} failed: {why}" for number, why in self.failed.items()]
        told += [f"{number} cannot be sent: {why}" for number, why in self.blocked.items()]
        return told or ["nothing was due"]


def deliver_due(
    db: psycopg.Connection, settings: Settings, *, clock: Callable[[], datetime]
) -> DispatchReport:
    """Deliver every document that is due, and raise an alert for each that people must know of."""
    report = DispatchReport()
    for _ in range(AT_ONCE_MAX):
        claimed = dispatches.claim(db, now=clock())
        if claimed is None:
            break
        _deliver_one(db, claimed, settings, clock, report)
    undelivered.tell(db, settings, now=clock())
    return report


def _deliver_one(
    db: psycopg.Connection,
    claimed: Dispatch,
    settings: Settings,
    clock: Callable[[], datetime],
    report: DispatchReport,
) -> None:
    number = claimed["number"]
    try:
        way, deliver = prepare(db, claimed, settings, now=clock())
    except (NotPossible, InputRejected) as why:
        dispatches.blocked(db, claimed, problem=str(why), now=clock())
        report.blocked[number] = str(why)
        return
    except psycopg.OperationalError:
        raise
    except Exception as defect:  # Of this document: the others must go out.
        log.exception("order document %s cannot be written", number)
        dispatches.blocked(db, claimed, problem=f"cannot be written: {defect}", now=clock())
        report.blocked[number] = str(defect)
        return
    attempts = dispatches.begin(db, claimed, now=clock())
    if attempts is None:
        return
    try:
        to = deliver()
    except NotPossible as why:
        dispatches.blocked(db, claimed, problem=str(why), now=clock())
        report.blocked[number] = str(why)
    except NotDelivered as why:
        gone = why.for_good or attempts >= dispatches.ATTEMPTS_MAX
        dispatches.not_delivered(
            db, claimed, attempts=attempts, problem=why.problem, channel=way, gives_up=gone,
            now=clock(),
        )  # fmt: skip
        (report.failed if gone else report.later)[number] = why.problem
        log.warning("order document %s was not delivered by %s: %s", number, way, why.problem)
    else:
        dispatches.delivered(db, number, channel=way, to=to, now=clock())
        report.delivered.append(number)


def prepare(
    db: psycopg.Connection, claimed: Dispatch, settings: Settings, *, now: datetime
) -> tuple[str, Callable[[], str]]:
    """The channel of a document, and what delivers it and returns to where.

    Raises `NotPossible` and `InputRejected` where it cannot be delivered as things are.
    """
    vendor = claimed["vendor"]
    if (why := vendor_dispatch.obstacle(db, vendor)) is not None:
        raise NotPossible(why)
    place = vendor_dispatch.get(db, vendor)
    assert place is not None
    if (why := leaving.missing(place, settings)) is not None:
        raise NotPossible(why)
    if place.channel == BY_HAND:
        return BY_HAND, lambda: "a person"
    document = document_of(claimed, settings)
    if place.channel == EMAIL:
        message = mail_of(document, place, settings)
        return EMAIL, lambda: mail.send(message, settings)
    if place.channel == WEBHOOK:
        assert place.webhook_url is not None
        url, secret = place.webhook_url, webhook.signing_secret(settings, vendor)
        told = order_text.payload(document, buyer=settings.company_name)
        return (
            WEBHOOK,
            lambda: (
                f"{url} ({webhook.post(url, told, key=document.number, secret=secret, now=now)})"
            ),
        )
    name, content = interchange_of(db, document, place, settings, at=claimed["created_at"])
    return place.channel, lambda: leave(place, name, content, settings)


def document_of(dispatch: Dispatch, settings: Settings) -> OrderDocument:
    """What a dispatch says, in the order's currency. Raises `NotPossible` where we have no name."""
    if not settings.company_name:
        raise NotPossible("an order needs our name: VOUCH_COMPANY_NAME")
    said = dispatch["document"]
    return OrderDocument.from_dict({**said, "currency": said.get("currency") or settings.currency})


def mail_of(document: OrderDocument, place: VendorDispatch, settings: Settings) -> mail.Mail:
    """The order as a mail with PDF and CSV."""
    from serving.connectors import order_pdf

    name = folders.folder_name(document.number)
    sheet = order_pdf.write_pdf(
        document, buyer=settings.company_name, buyer_address=settings.company_address
    )
    return mail.Mail(
        key=document.number,
        to=place.emails,
        subject=order_text.subject(document, buyer=settings.company_name),
        text=order_text.words(document, buyer=settings.company_name),
        written_at=document.issued_at,
        attachments=(
            mail.Attachment(f"{name}.pdf", "application/pdf", sheet),
            mail.Attachment(f"{name}.csv", "text/csv", order_text.write_csv(document)),
        ),
    )


def interchange_of(
    db: psycopg.Connection,
    document: OrderDocument,
    place: VendorDispatch,
    settings: Settings,
    *,
    at: datetime,
) -> tuple[str, bytes]:
    """File name and content of an order as EDI; the same on every delivery of the document."""
    envelope = envelope_of(place, settings, control=1, at=at)
    if place.edi_standard == X12:
        name, write, signs = f"850_{document.number}.x12", x12_order.write_order, "ascii"
    else:
        name, write, signs = f"ORDERS_{document.number}.edi", edifact_order.write_order, "latin-1"
    # What the format cannot carry is refused before it takes a number.
    write(document, envelope, buyer=settings.company_name)
    control = dispatches.control_number(db, document.number, document.vendor)
    text = write(document, replace(envelope, control=control), buyer=settings.company_name)
    return folders.folder_name(name), text.encode(signs)


def envelope_of(
    place: VendorDispatch, settings: Settings, *, control: int, at: datetime
) -> Envelope:
    """From us to a vendor. Raises `NotPossible` where we have no id."""
    if settings.edi_id is None:
        raise NotPossible("EDI needs our own id: VOUCH_EDI_ID")
    assert place.edi_id is not None
    return Envelope(
        sender=Party(settings.edi_qualifier, settings.edi_id),
        receiver=Party(place.edi_qualifier, place.edi_id),
        control=control,
        at=at,
        test=place.edi_test,
    )


def leave(place: VendorDispatch, name: str, content: bytes, settings: Settings) -> str:
    """Put a file where the vendor takes it from; returns where."""
    if place.sftp is not None:
        return sftp.upload(place.sftp, name, content, vendor=place.vendor, settings=settings)
    folder = folders.outbox_of(settings, place.vendor)
    try:
        return str(folders.write(folder, name, content))
    except OSError as error:
        raise NotDelivered(f"{folder} cannot be written: {error}", for_good=False) from error
