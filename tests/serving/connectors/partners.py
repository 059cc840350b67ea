"""Vendors' servers for tests, real ones on this machine: mail, HTTP and SFTP."""

import asyncio
import contextlib
import socket
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import asyncssh
from aiosmtpd.controller import Controller
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Mailbox:
    """What an SMTP server took; `answers` are given instead of taking, one each."""

    def __init__(self):
        self.messages = []
        self.answers = []
        self.refused = set()

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):  # noqa: N802
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        self.messages.append(message_from_bytes(envelope.content, policy=default))
        return "250 taken"


@contextlib.contextmanager
def mail_server(mailbox=None, **options):
    """(mailbox, host, port) of a running SMTP server."""
    mailbox = mailbox or Mailbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield mailbox, "127.0.0.1", port
    finally:
        controller.stop()


@contextlib.contextmanager
def http_server(status=200):
    """(requests, url): requests as (headers, body); `requests.status` is what is answered."""

    class Requests(list):
        pass

    requests = Requests()
    requests.status = status

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            requests.append((dict(self.headers.items()), body))
            self.send_response(requests.status)
            self.send_header("location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            self.wfile.write(b"because " * 1000)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield requests, f"http://127.0.0.1:{server.server_port}/orders"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def certified(folder):
    """(a certificate that signs itself for 127.0.0.1, a context to serve with it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a partner")])
    here = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name)
        .public_key(key.public_key()).serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(here, critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file, key_file = folder / "partner.pem", folder / "partner.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(file, key_file)
    return file, context


class _Door(asyncssh.SSHServer):
    def __init__(self, passwords):
        self.passwords = passwords

    def password_auth_supported(self):
        return True

    def validate_password(self, username, password):
        return self.passwords.get(username) == password


@contextlib.contextmanager
def sftp_server(folder, *, passwords, client_key=None):
    """(port, host key): an SFTP server whose root is `folder`, in a thread of its own."""
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    ready, told = threading.Event(), {}

    def chrooted(channel):
        return asyncssh.SFTPServer(channel, chroot=str(folder).encode())

    async def serve():
        keys = None
        if client_key is not None:
            keys = asyncssh.import_authorized_keys(client_key.export_public_key().decode())
        server = await asyncssh.listen(
            "127.0.0.1", 0, server_host_keys=[host_key], authorized_client_keys=keys,
            server_factory=lambda: _Door(passwords), sftp_factory=chrooted,
        )  # fmt: skip
        told["server"], told["port"] = server, server.get_port()
        ready.set()

    def run():
        asyncio.set_event_loop(loop)
        loop.run_until_complete(serve())
        loop.run_forever()

    async def stop():
        told["server"].close()
        await told["server"].wait_closed()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    try:
        yield told["port"], host_key.export_public_key().decode().strip()
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
