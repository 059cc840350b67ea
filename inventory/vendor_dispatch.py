"""Where a vendor wants its orders, checked once where it comes in."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from inventory.errors import InputRejected

EMAIL = "email"
WEBHOOK = "webhook"
EDI = "edi"
BY_HAND = "by_hand"
CHANNELS = (EMAIL, WEBHOOK, EDI, BY_HAND)
EDI_STANDARDS = ("x12", "edifact")

ADDRESS = re.compile(r"[^\s@,;<>\"]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?")
"""One mail address without a name or a comment: what a mail server is told."""
EMAILS_MAX = 20
URL_CHARACTERS_MAX = 2000
PORT_MAX = 65535
X12_ID = re.compile(r"[A-Za-z0-9 .&/-]{1,15}")
"""Fits the fixed width of an ISA segment; other signs do not survive every network."""
EDIFACT_ID = re.compile(r"[A-Za-z0-9 .,()/=&-]{1,35}")
X12_QUALIFIER, EDIFACT_QUALIFIER = re.compile(r"[A-Z0-9]{2}"), re.compile(r"[A-Z0-9]{0,4}")
HOST_KEY = re.compile(r"(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)) [A-Za-z0-9+/=]+")


@dataclass(frozen=True, slots=True)
class SftpPlace:
    """A partner's SFTP server. Its key is pinned: whoever has another is not the partner."""

    host: str
    user: str
    host_key: str
    """As in known_hosts, without the name: `ssh-ed25519 AAAA...`."""
    port: int = 22
    send_to: str = "."
    """Folder into which our documents go."""
    fetch_from: str | None = None
    """Folder from which we take the vendor's; None: it sends them otherwise."""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9.:-]{1,253}", self.host):
            raise InputRejected(f"'{self.host}' is not the name of a host", field="sftp.host")
        if not 1 <= self.port <= PORT_MAX:
            raise InputRejected(f"{self.port} is no port", field="sftp.port")
        if not HOST_KEY.fullmatch(self.host_key):
            raise InputRejected(
                "give the server's public key, as `ssh-ed25519 AAAA...`; `ssh-keyscan HOST` "
                "prints it, and the partner must confirm it",
                field="sftp.host_key",
            )
        for name in ("user", "send_to", "fetch_from"):
            value = getattr(self, name)
            if value is not None and not (value and value.isprintable()):
                raise InputRejected("must be a printable text", field=f"sftp.{name}")


@dataclass(frozen=True, slots=True)
class VendorDispatch:
    """How one vendor gets its orders, and sends its answers."""

    vendor: str
    channel: str
    emails: tuple[str, ...] = ()
    """None: the vendor's address in the catalogue."""
    webhook_url: str | None = None
    edi_standard: str | None = None
    edi_qualifier: str = ""
    edi_id: str | None = None
    edi_test: bool = False
    sftp: SftpPlace | None = None
    """None: documents lie in a folder of ours, from which some other program takes them."""
    transit_days: int | None = None
    """From the day the vendor ships to the day it arrives, for documents that tell only the first.
    None: not known, and such a document waits for a person."""
    echoes_lines: bool = False
    """Its documents number lines as our orders do: then a number tells the line where it calls the
    item by a code that is not ours."""

    def __post_init__(self) -> None:
        if self.channel not in CHANNELS:
            known = ", ".join(CHANNELS)
            raise InputRejected(f"'{self.channel}' is not one of {known}", field="channel")
        if len(self.emails) > EMAILS_MAX:
            raise InputRejected(f"at most {EMAILS_MAX} addresses", field="emails")
        for address in self.emails:
            check_address(address, field="emails")
        if self.webhook_url is not None:
            check_url(self.webhook_url)
        elif self.channel == WEBHOOK:
            raise InputRejected("a webhook needs a URL", field="webhook_url")
        self._check_edi()
        if self.transit_days is not None and not 0 <= self.transit_days <= 365:  # noqa: PLR2004 - a year.
            raise InputRejected("must be 0 to 365 days", field="transit_days")

    def _check_edi(self) -> None:
        if self.edi_standard is None and self.edi_id is None:
            if self.channel == EDI:
                raise InputRejected("EDI needs edi_standard and edi_id", field="edi_id")
            return
        if self.edi_standard not in EDI_STANDARDS:
            known = " or ".join(EDI_STANDARDS)
            raise InputRejected(f"must be {known}", field="edi_standard")
        pattern = X12_ID if self.edi_standard == "x12" else EDIFACT_ID
        if self.edi_id is None or not pattern.fullmatch(self.edi_id):
            raise InputRejected(
                f"'{self.edi_id}' is no id for {self.edi_standard}: letters, digits and a few "
                "signs, 15 at most in X12 and 35 in EDIFACT",
                field="edi_id",
            )
        pattern = X12_QUALIFIER if self.edi_standard == "x12" else EDIFACT_QUALIFIER
        if not pattern.fullmatch(self.edi_qualifier):
            raise InputRejected(
                "who gave the id: two letters or digits in X12, as ZZ, and up to four in EDIFACT",
                field="edi_qualifier",
            )


def check_address(address: str, *, field: str) -> None:
    """Raise `InputRejected` unless it is one mail address."""
    if not ADDRESS.fullmatch(address):
        raise InputRejected(f"'{address}' is not a mail address like orders@example.com",
                            field=field)  # fmt: skip


def check_url(url: str) -> None:
    """Raise `InputRejected` unless it is https, or http on this machine.

    >>> check_url("https://vendor.example/orders")
    >>> check_url("http://127.0.0.1:8081/")
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise InputRejected(f"'{url}' is not a URL", field="webhook_url") from error
    secure = parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))
    if not host or not secure or parts.username is not None or parts.fragment:
        raise InputRejected(
            "give a URL that begins with https://, without a user name or a fragment",
            field="webhook_url",
        )
    if len(url) > URL_CHARACTERS_MAX or not url.isprintable() or " " in url:
        raise InputRejected(f"at most {URL_CHARACTERS_MAX} printable characters, without blanks",
                            field="webhook_url")  # fmt: skip


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
