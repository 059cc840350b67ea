"""Where a vendor wants its orders and how it answers, and what lists of documents are asked by."""

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictInt

from inventory import vendor_dispatch as rules
from serving.messages import Cursor, Id, Message, PageLimit

Line = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]


@dataclass(frozen=True, slots=True)
class DocumentsAsked:
    """Which documents to or from vendors a page shows."""

    state: str | None = None
    vendor: Id | None = None
    purchase_order: Id | None = None
    cursor: Cursor = None
    limit: PageLimit = 100


class SftpPlace(Message):
    """A vendor's SFTP server. Passwords and keys to sign in are settings of ours, never here."""

    host: Line
    user: Line
    host_key: Line
    """The server's public key, as `ssh-ed25519 AAAA...`: any other server is refused."""
    port: Annotated[StrictInt, Field(ge=1, le=rules.PORT_MAX)] = 22
    send_to: Line = "."
    """Folder there into which our documents go."""
    fetch_from: Line | None = None
    """Folder there from which we take the vendor's, and remove what was taken."""

    def place(self) -> rules.SftpPlace:
        """As the rules have it; raises `InputRejected` where it makes no sense."""
        return rules.SftpPlace(**self.model_dump())


class VendorDispatch(Message):
    """How one vendor gets its orders: one channel, and what that needs."""

    channel: Literal["email", "webhook", "edi", "by_hand"]
    """`by_hand`: somebody calls or prints; nothing is sent."""
    emails: Annotated[tuple[Line, ...], Field(max_length=rules.EMAILS_MAX)] = ()
    """None: the address of the vendor in the catalogue."""
    webhook_url: Line | None = None
    """https, and signed; `vouch dispatch secret VENDOR` prints the secret to check it with."""
    edi_standard: Literal["x12", "edifact"] | None = None
    edi_qualifier: Annotated[str, Field(max_length=4)] = ""
    """Who gave the vendor its id: ZZ, 01, 14 ..."""
    edi_id: Line | None = None
    """The vendor's id in interchanges; with it, its documents are taken whatever the channel."""
    edi_test: StrictBool = False
    """Whether our documents say that they are tests, and the vendor's tests are taken."""
    sftp: SftpPlace | None = None
    """Not given: documents lie in a folder of the server, for another program to carry."""
    transit_days: Annotated[StrictInt, Field(ge=0, le=365)] | None = None
    """From the vendor's door to ours, for documents that tell only when goods ship."""
    echoes_lines: StrictBool = False
    """Whether its documents number lines as our orders do; else only item codes tell a line."""

    def settings(self, vendor: str) -> rules.VendorDispatch:
        """As the rules have it; raises `InputRejected` where it makes no sense."""
        place = self.sftp.place() if self.sftp else None
        told = self.model_dump() | {"sftp": place}
        return rules.VendorDispatch(vendor=vendor, **told)
