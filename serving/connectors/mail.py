"""Mail over SMTP: one message to some addresses, recognisable when it comes twice."""

import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from pipelines.settings import Settings
from serving.connectors.delivery import NotDelivered, NotPossible

SECONDS_MAX = 30.0
PERMANENT_CODES = range(500, 600)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with a message."""

    name: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Mail:
    """A message. `key` names it for ever: the same key is the same Message-ID."""

    key: str
    to: Sequence[str]
    subject: str
    text: str
    written_at: datetime
    attachments: Sequence[Attachment] = ()


def send(mail: Mail, settings: Settings) -> str:
    """Hand a message to the mail server; returns who took it.

    Raises `NotPossible` where settings are missing and `NotDelivered` where the server refuses. A
    server that refuses some of several addresses has delivered: it says to whom.
    """
    if settings.smtp_host is None:
        raise NotPossible("no mail server is set: VOUCH_SMTP_HOST")
    if settings.mail_from is None:
        raise NotPossible("no sender is set: VOUCH_MAIL_FROM")
    message = compose(mail, sender=settings.mail_from)
    try:
        with _connected(settings) as server:
            refused = server.send_message(message, settings.mail_from, list(mail.to))
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        told = "; ".join(f"{to}: {_said(why)}" for to, (_, why) in error.recipients.items())
        raise NotDelivered(
            f"the mail server refused every address: {told}",
            for_good=all(code in PERMANENT_CODES for code in codes),
        ) from error
    except smtplib.SMTPResponseException as error:
        # A wrong password is ours to mend, and may be: the message waits for that.
        for_good = error.smtp_code in PERMANENT_CODES and not isinstance(
            error,
            smtplib.SMTPAuthenticationError | smtplib.SMTPConnectError | smtplib.SMTPHeloError,
        )
        problem = f"the mail server answered {error.smtp_code}: {_said(error.smtp_error)}"
        raise NotDelivered(problem, for_good=for_good) from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"the mail server cannot be reached: {error}", for_good=False) from error
    taken = [address for address in mail.to if address not in refused]
    missed = f" (refused: {', '.join(refused)})" if refused else ""
    return ", ".join(taken) + missed


def compose(mail: Mail, *, sender: str) -> EmailMessage:
    """The message as it leaves; the same mail is the same bytes but for its MIME boundaries."""
    message = EmailMessage(policy=SMTP)
    message["From"] = sender
    message["To"] = ", ".join(mail.to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.written_at)
    message["Message-ID"] = f"<{_local_part(mail.key)}@{sender.rpartition('@')[2]}>"
    message["X-Vouch-Document"] = _local_part(mail.key)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(mail.text)
    for attachment in mail.attachments:
        main, _, sub = attachment.media_type.partition("/")
        message.add_attachment(
            attachment.content, maintype=main, subtype=sub, filename=attachment.name
        )
    return message


def _local_part(key: str) -> str:
    """A key as the left side of a Message-ID: other signs by their numbers, so that none meet."""
    return "".join(
        sign if sign.isascii() and (sign.isalnum() or sign in ".-") else f"_{ord(sign):x}_"
        for sign in key
    )


def _connected(settings: Settings) -> smtplib.SMTP:
    """A session with the server, encrypted and signed in as the settings say."""
    assert settings.smtp_host is not None
    trusted = ssl.create_default_context()
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            settings.smtp_host, settings.smtp_port, timeout=SECONDS_MAX, context=trusted
        )
    else:
        server = smtplib.SMTP(settings.smtp_host, settings.smtp_port, timeout=SECONDS_MAX)
    try:
        if settings.smtp_security == "starttls":
            server.starttls(context=trusted)
        if settings.smtp_user is not None and settings.smtp_password is not None:
            server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
    except BaseException:
        server.close()
        raise
    return server


def _said(answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text.split())[:300]
