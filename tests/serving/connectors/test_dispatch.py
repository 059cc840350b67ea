"""Orders on their way to vendors: over real mail, HTTP and SFTP servers, at least once."""

import base64
import csv
import hashlib
import hmac
import io
import json
import logging
import socket
from datetime import timedelta
from decimal import Decimal

import asyncssh
import psycopg
import pytest
from aiosmtpd.smtp import AuthResult

from inventory.errors import InputRejected, StateConflict
from inventory.order_document import DocumentLine
from inventory.store import alerts, dispatches, vendor_dispatch
from inventory.store.purchase_orders import act, get_order
from inventory.vendor_dispatch import SftpPlace, VendorDispatch
from pipelines.settings import Settings
from serving.connectors import folders, order_text, webhook
from serving.connectors.dispatch import deliver_due
from serving.connectors.edi.reading import read_interchange
from serving.connectors.order_pdf import write_pdf
from tests.inventory.ordering import NOW, do, proposed, sent
from tests.serving.connectors.partners import certified, http_server, mail_server, sftp_server
from tests.serving.edi.papers import order as a_document

SECRET = "a secret of sixteen or more"


@pytest.fixture
def shop(centre):
    return centre


@pytest.fixture
def settings(tmp_path):
    return Settings(
        data_dir=tmp_path / "data", company_name="Our Shop", company_address="Quay 1; Amsterdam",
        mail_from="orders@shop.example", edi_id="VOUCH", webhook_secret=SECRET,
    )  # fmt: skip


class Clock:
    """Time that a test moves."""

    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now

    def later(self, **how_long):
        self.now += timedelta(**how_long)


@pytest.fixture
def clock():
    return Clock()


def wants(db, channel, vendor="ACME", **more):
    vendor_dispatch.put(db, VendorDispatch(vendor, channel, **more), actor="ann", now=NOW)


def only(db):
    (row,) = dispatches.page(db)["dispatches"]
    return row


def with_mail(settings, host, port, **more):
    told = {"smtp_host": host, "smtp_port": port, "smtp_security": "none"}
    return settings.model_copy(update=told | more)


def test_an_order_goes_by_mail_with_pdf_and_csv(shop, settings, clock):
    shop.execute("update vendors set email = 'buy@acme.example' where vendor = 'ACME'")
    order = sent(shop)
    with mail_server() as (mailbox, host, port):
        report = deliver_due(shop, with_mail(settings, host, port), clock=clock)
    number = f"{order}.{get_order(shop, order)['version']}"
    assert report.delivered == [number]
    (message,) = mailbox.messages
    assert message["To"] == "buy@acme.example"
    assert message["Subject"] == f"Purchase order {order} from Our Shop"
    assert message["Message-ID"] == f"<{number}@shop.example>"
    pdf, sheet = message.iter_attachments()
    assert (pdf.get_filename(), pdf.get_content_type()) == (f"{number}.pdf", "application/pdf")
    assert pdf.get_content().startswith(b"%PDF-")
    rows = list(csv.DictReader(io.StringIO(sheet.get_content().lstrip("\ufeff"))))
    assert [(row["sku"], row["units"], row["unit_price"], row["amount"]) for row in rows] == [
        ("CUP", "40", "4", "160"), ("TEA", "100", "4", "400"),
    ]  # fmt: skip
    found = only(shop)
    assert (found["state"], found["delivered_to"]) == ("delivered", "buy@acme.example")
    assert deliver_due(shop, settings, clock=clock).delivered == []


def test_an_order_is_written_with_its_act_or_not_at_all(shop):
    order = proposed(shop)
    do(shop, order, "accept", "approve")
    assert dispatches.page(shop)["dispatches"] == []
    with shop.transaction() as power_goes:
        act(shop, order, "send", actor="ann", role="buyer", now=NOW)
        assert only(shop)["state"] == "waiting"
        raise psycopg.Rollback(power_goes)
    assert dispatches.page(shop)["dispatches"] == []
    do(shop, order, "send")
    assert only(shop)["number"] == f"{order}.{get_order(shop, order)['version']}"


def test_a_mail_server_that_is_away_is_tried_again_with_growing_waits(shop, settings, clock):
    wants(shop, "email", emails=("buy@acme.example",))
    sent(shop)
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        away = with_mail(settings, "127.0.0.1", closed.getsockname()[1])
        for minutes in (1, 2, 4):
            (why,) = deliver_due(shop, away, clock=clock).later.values()
            assert "cannot be reached" in why
            assert only(shop)["due_at"] == clock.now + timedelta(minutes=minutes)
            clock.later(minutes=minutes, seconds=-1)
            assert deliver_due(shop, away, clock=clock).later == {}
            clock.later(seconds=1)
    with mail_server() as (mailbox, host, port):
        mailbox.answers.append("451 greylisted")
        assert deliver_due(shop, with_mail(settings, host, port), clock=clock).later
        clock.later(minutes=8)
        assert deliver_due(shop, with_mail(settings, host, port), clock=clock).delivered
    assert len(mailbox.messages) == 1
    assert only(shop)["attempts"] == 5


def test_what_is_refused_for_good_waits_for_a_person_and_says_so(shop, settings, clock):
    wants(shop, "email", emails=("gone@acme.example",))
    sent(shop)
    with mail_server() as (mailbox, host, port):
        mailbox.refused.add("gone@acme.example")
        ours = with_mail(settings, host, port)
        (why,) = deliver_due(shop, ours, clock=clock).failed.values()
        assert "no such mailbox" in why
        (alert,) = alerts.list_alerts(shop, kind="undelivered_order")["alerts"]
        assert "did not reach ACME" in alert["message"]
        clock.later(days=3)
        assert deliver_due(shop, ours, clock=clock).as_dict() == {
            "delivered": [], "later": {}, "failed": {}, "blocked": {},
        }  # fmt: skip
        wants(shop, "email", emails=("buy@acme.example", "gone@acme.example"))
        number = only(shop)["number"]
        dispatches.retry(shop, number, now=clock.now)
        assert deliver_due(shop, ours, clock=clock).delivered == [number]
    assert only(shop)["delivered_to"] == "buy@acme.example (refused: gone@acme.example)"
    assert alerts.list_alerts(shop, kind="undelivered_order")["alerts"] == []
    with pytest.raises(StateConflict):
        dispatches.retry(shop, number, now=clock.now)


def test_after_the_last_attempt_it_has_failed(shop, settings, clock):
    with http_server(status=503) as (requests, url):
        wants(shop, "webhook", webhook_url=url)
        sent(shop)
        for _ in range(dispatches.ATTEMPTS_MAX):
            report = deliver_due(shop, settings, clock=clock)
            clock.later(hours=6)
    assert report.failed
    assert only(shop)["attempts"] == len(requests) == dispatches.ATTEMPTS_MAX


def test_a_vendor_without_an_address_is_an_exception_until_it_has_one(shop, settings, clock):
    order = sent(shop)
    (why,) = deliver_due(shop, settings, clock=clock).blocked.values()
    assert why.startswith("vendor 'ACME' has no address: set its email")
    assert get_order(shop, order)["state"] == "sent"
    (alert,) = alerts.list_alerts(shop, kind="undelivered_order")["alerts"]
    assert alert["detail"]["purchase_order"] == order
    wants(shop, "email", emails=("buy@acme.example",))  # Which unblocks it at once.
    with mail_server() as (mailbox, host, port):
        assert deliver_due(shop, with_mail(settings, host, port), clock=clock).delivered
    assert len(mailbox.messages) == 1
    assert alerts.list_alerts(shop, kind="undelivered_order")["alerts"] == []


@pytest.mark.parametrize(
    ("channel", "more", "missing"),
    [
        ("email", {"emails": ("a@b.example",)}, "VOUCH_SMTP_HOST"),
        ("email", {}, "no mail address"),
        ("webhook", {"webhook_url": "https://a.example/"}, "VOUCH_WEBHOOK_SECRET"),
        ("edi", {"edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": "A"}, "VOUCH_EDI_ID"),
    ],
)
def test_a_missing_setting_is_named(shop, settings, clock, *, channel, more, missing):
    wants(shop, channel, **more)
    sent(shop)
    none = settings.model_copy(update={"webhook_secret": None, "edi_id": None})
    (why,) = deliver_due(shop, none, clock=clock).blocked.values()
    assert missing in why


def test_our_name_is_wanted_on_an_order(shop, settings, clock):
    wants(shop, "email", emails=("a@b.example",))
    sent(shop)
    nameless = settings.model_copy(update={"company_name": ""})
    (why,) = deliver_due(shop, nameless, clock=clock).blocked.values()
    assert "VOUCH_COMPANY_NAME" in why


def test_an_order_that_goes_by_hand_is_done(shop, settings, clock):
    wants(shop, "by_hand")
    sent(shop)
    deliver_due(shop, settings, clock=clock)
    assert only(shop)["state"] == "by_hand"


def guard(server, session, envelope, mechanism, data):
    return AuthResult(success=data.password == b"sesame-77", handled=False)


def test_a_password_goes_over_tls_to_whom_we_trust_and_to_no_log(
    shop, settings, clock, caplog, monkeypatch
):
    wants(shop, "email", emails=("buy@acme.example",))
    sent(shop)
    trusted, context = certified(settings.data_dir.parent)
    with (
        caplog.at_level(logging.DEBUG),
        mail_server(tls_context=context, require_starttls=True, authenticator=guard,
                    auth_required=True) as (mailbox, host, port),
    ):  # fmt: skip
        told = settings.model_dump() | {"smtp_host": host, "smtp_port": port, "smtp_user": "vouch"}
        right = Settings(**told | {"smtp_password": "sesame-77"})
        wrong = Settings(**told | {"smtp_password": "wrong-88"})
        (stranger,) = deliver_due(shop, right, clock=clock).later.values()
        assert "certificate" in stranger.lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        clock.later(minutes=1)
        (refused,) = deliver_due(shop, wrong, clock=clock).later.values()
        assert "535" in refused
        clock.later(minutes=2)
        assert deliver_due(shop, right, clock=clock).delivered
    assert len(mailbox.messages) == 1
    ours = [record.getMessage() for record in caplog.records if record.name == "vouch"]
    assert len(ours) == 2
    assert not [said for said in (*ours, repr(right), str(right.model_dump()), refused)
                if "sesame" in said or "wrong-88" in said]  # fmt: skip


def test_a_webhook_is_signed_and_known_again(shop, settings, clock):
    with http_server(status=503) as (requests, url):
        wants(shop, "webhook", webhook_url=url)
        order = sent(shop)
        (why,) = deliver_due(shop, settings, clock=clock).later.values()
        assert why.startswith("the receiver answered 503 because because")
        clock.later(minutes=1)
        requests.status = 202
        (number,) = deliver_due(shop, settings, clock=clock).delivered
    (first, body), (second, again) = requests
    assert (first["webhook-id"], body) == (second["webhook-id"], again) == (number, body)
    assert first["idempotency-key"] == number
    # As the Standard Webhooks specification has it: HMAC-SHA256 over id.timestamp.body.
    secret = webhook.signing_secret(settings, "ACME")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{number}.{second['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert second["webhook-signature"] == f"v1,{expected}"
    assert second["webhook-timestamp"] == str(int(clock.now.timestamp()))
    told = json.loads(body)
    assert told["type"] == "purchase_order.sent"
    assert (told["data"]["order_id"], told["data"]["total"]) == (order, "560")
    assert [line["amount"] for line in told["data"]["lines"]] == ["160", "400"]


@pytest.mark.parametrize(
    ("status", "outcome"), [(400, "failed"), (302, "failed"), (410, "failed"), (429, "later")]
)
def test_a_receiver_that_says_no_is_believed(shop, settings, clock, status, outcome):
    with http_server(status=status) as (requests, url):
        wants(shop, "webhook", webhook_url=url)
        sent(shop)
        report = deliver_due(shop, settings, clock=clock)
    assert len(requests) == 1, "a redirect is not followed"
    assert getattr(report, outcome)


def test_no_receiver_has_the_secret_of_another(settings):
    assert webhook.signing_secret(settings, "ACME") != webhook.signing_secret(settings, "BOLT")


EDI = {"edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": "ACME"}


def test_edi_lies_in_a_folder_under_rising_control_numbers(shop, settings, clock):
    wants(shop, "edi", **EDI)
    wants(shop, "edi", "BOLT", edi_standard="edifact", edi_qualifier="14", edi_id="4012345000009")
    first = sent(shop, ("ACME", "TEA", 10))
    second = sent(shop, ("ACME", "CUP", 10))
    third = sent(shop, ("BOLT", "NUT", 10))
    report = deliver_due(shop, settings, clock=clock)
    numbers = {row["purchase_order"]: row for row in dispatches.page(shop)["dispatches"]}
    assert sorted(report.delivered) == sorted(row["number"] for row in numbers.values())
    outbox = settings.data_dir / "edi" / "outbox"
    found = []
    for order, vendor, name in ((first, "ACME", "850_{}.x12"), (second, "ACME", "850_{}.x12"),
                                (third, "BOLT", "ORDERS_{}.edi")):  # fmt: skip
        path = outbox / vendor / name.format(numbers[order]["number"])
        assert numbers[order]["delivered_to"] == str(path)
        found.append(read_interchange(path.read_bytes()))
    assert [interchange.control for interchange in found] == ["000000001", "000000002", "1"]
    assert str(found[2].receiver) == "14:4012345000009"
    assert not [path for path in outbox.rglob("*") if path.name.startswith(".")]


def test_what_edi_cannot_carry_is_an_exception_and_takes_no_number(shop, settings, clock):
    wants(shop, "edi", **EDI)
    shop.execute("insert into skus (sku, name, vendor) values ('T^A', 'Tea', 'ACME')")
    sent(shop, ("ACME", "T^A", 10))
    (why,) = deliver_due(shop, settings, clock=clock).blocked.values()
    assert "'T^A' has '^'" in why
    assert only(shop)["control_number"] is None


def test_a_cancelled_order_is_told_to_who_heard_of_it(shop, settings, clock):
    wants(shop, "edi", **EDI)
    unheard, heard = sent(shop, ("ACME", "TEA", 1)), sent(shop, ("ACME", "CUP", 1))
    do(shop, unheard, "cancel")
    deliver_due(shop, settings, clock=clock)
    do(shop, heard, "cancel")
    (number,) = deliver_due(shop, settings, clock=clock).delivered
    told = dispatches.get(shop, number)
    assert (told["purchase_order"], told["purpose"]) == (heard, "cancellation")
    assert "BEG*01*" in (settings.data_dir / f"edi/outbox/ACME/850_{number}.x12").read_text()
    states = {(row["purchase_order"], row["purpose"]): row["state"]
              for row in dispatches.page(shop)["dispatches"]}  # fmt: skip
    assert states == {(unheard, "original"): "withdrawn", (heard, "original"): "delivered",
                      (heard, "cancellation"): "delivered"}  # fmt: skip


def test_an_order_that_the_vendor_confirms_to_nothing_never_leaves(shop, settings, clock):
    """By telephone, before it was delivered: the vendor must not get it as a new one."""
    wants(shop, "edi", **EDI)
    order = sent(shop, ("ACME", "TEA", 10))
    found = do(shop, order, "confirm", lines=[{"sku": "TEA", "quantity": 0}])
    assert found["state"] == "cancelled"
    assert deliver_due(shop, settings, clock=clock).delivered == []
    assert (only(shop)["state"], only(shop)["problem"]) == ("withdrawn", "the order was cancelled")
    assert not (settings.data_dir / "edi/outbox").exists()


@pytest.mark.parametrize("state", ["waiting", "blocked"])
def test_whatever_cancelled_an_order_it_does_not_leave(shop, settings, clock, state):
    """Also where its document was missed: a copy that was restored, a repeat by hand."""
    wants(shop, "edi", **EDI)
    sent(shop)
    shop.execute("update purchase_orders set state = 'cancelled'")
    shop.execute("update dispatches set state = %s", [state])
    assert deliver_due(shop, settings, clock=clock).delivered == []
    assert only(shop)["state"] == "withdrawn"


def test_an_order_that_is_cancelled_while_it_is_prepared_does_not_leave(shop, settings, clock):
    wants(shop, "edi", **EDI)
    order = sent(shop)
    claimed = dispatches.claim(shop, now=clock.now)
    do(shop, order, "cancel")
    assert dispatches.begin(shop, claimed) is None
    assert only(shop)["state"] == "withdrawn"  # And nothing to cancel: the vendor never heard.


def test_an_order_that_somebody_acts_on_is_claimed_afterwards(shop, settings, clock, shop_url):
    from inventory.store import database

    wants(shop, "edi", **EDI)
    order = sent(shop)
    with database.connect(shop_url) as worker:
        with shop.transaction():
            do(shop, order, "cancel")
            assert dispatches.claim(worker, now=clock.now) is None
        assert dispatches.claim(worker, now=clock.now) is None
    assert only(shop)["state"] == "withdrawn"


def test_over_sftp_a_file_appears_whole_and_once(shop, settings, clock, tmp_path):
    theirs = tmp_path / "theirs"
    (theirs / "in").mkdir(parents=True)
    key = asyncssh.generate_private_key("ssh-ed25519")
    key_file = tmp_path / "key"
    key.write_private_key(key_file)
    ours = settings.model_copy(update={"sftp_key_file": key_file})
    with sftp_server(theirs, passwords={}, client_key=key) as (port, host_key):
        place = SftpPlace("127.0.0.1", "vouch", host_key, port, send_to="in")
        wants(shop, "edi", **EDI, sftp=place)
        sent(shop)
        (number,) = deliver_due(shop, ours, clock=clock).delivered
        # As after a crash between delivery and record: the same file, over itself.
        shop.execute("update dispatches set state = 'waiting', due_at = %s", [NOW])
        before = {path.name: path.read_bytes() for path in (theirs / "in").iterdir()}
        assert deliver_due(shop, ours, clock=clock).delivered == [number]
        after = {path.name: path.read_bytes() for path in (theirs / "in").iterdir()}
    assert before == after
    assert list(after) == [f"850_{number}.x12"]


def test_a_server_with_another_key_gets_nothing(shop, settings, clock, tmp_path):
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    ours = Settings(**{**settings.model_dump(), "sftp_passwords": {"ACME": "open-99"}})
    with sftp_server(tmp_path, passwords={"vouch": "open-99"}) as (port, host_key):
        wants(shop, "edi", **EDI, sftp=SftpPlace("127.0.0.1", "vouch", other, port))
        sent(shop)
        (why,) = deliver_due(shop, ours, clock=clock).failed.values()
        assert "another key than the pinned one" in why
        wants(shop, "edi", **EDI, sftp=SftpPlace("127.0.0.1", "vouch", host_key, port,
                                                 send_to="nowhere"))  # fmt: skip
        dispatches.retry(shop, only(shop)["number"], now=clock.now)
        (why,) = deliver_due(shop, ours, clock=clock).failed.values()
        assert "the folder" in why
        wants(shop, "edi", **EDI, sftp=SftpPlace("127.0.0.1", "vouch", host_key, port))
        dispatches.retry(shop, only(shop)["number"], now=clock.now)
        wrong = Settings(**{**ours.model_dump(), "sftp_passwords": {"ACME": "shut-11"}})
        (why,) = deliver_due(shop, wrong, clock=clock).later.values()
        assert "does not let us in" in why
        assert "shut-11" not in why
        clock.later(minutes=1)
        assert deliver_due(shop, ours, clock=clock).delivered


def test_who_dies_while_delivering_leaves_it_to_another(shop, settings, clock):
    wants(shop, "edi", **EDI)
    sent(shop)
    claimed = dispatches.claim(shop, now=clock.now)
    assert dispatches.claim(shop, now=clock.now) is None
    clock.later(minutes=10)
    assert dispatches.claim(shop, now=clock.now)["number"] == claimed["number"]
    # The one that was taken for dead wakes up: its failure is nobody's any more.
    dispatches.not_delivered(shop, claimed, attempts=1, problem="late", channel="edi",
                             gives_up=True, now=clock.now)  # fmt: skip
    assert only(shop)["state"] == "waiting"


def test_two_workers_share_the_work(shop, settings, shop_url, clock):
    from concurrent.futures import ThreadPoolExecutor

    from inventory.store import database

    wants(shop, "edi", **EDI)
    for _ in range(12):
        sent(shop, ("ACME", "TEA", 1))

    def work(_):
        with database.connect(shop_url) as db:
            return deliver_due(db, settings, clock=clock).delivered

    with ThreadPoolExecutor(3) as threads:
        done = [number for numbers in threads.map(work, range(3)) for number in numbers]
    assert len(done) == len(set(done)) == 12
    controls = [row["control_number"] for row in dispatches.page(shop)["dispatches"]]
    assert sorted(controls) == list(range(1, 13))


def test_csv_never_runs_as_a_formula():
    lines = (DocumentLine(1, "-1+2", "=cmd|'/C calc'!A0", 5, Decimal("0.30")),)
    rows = list(csv.reader(io.StringIO(order_text.write_csv(a_document(lines=lines)).decode())))
    assert (rows[1][6], rows[1][7]) == ("'-1+2", "'=cmd|'/C calc'!A0")
    assert rows[1][8:11] == ["5", "0.3", "1.5"]


def test_a_pdf_of_many_lines_has_many_pages_and_is_the_same_every_time():
    lines = tuple(DocumentLine(n, f"S-{n}", "Кружка, crème", 3, Decimal("1.05"))
                  for n in range(1, 61))  # fmt: skip
    document = a_document(lines=lines)
    first = write_pdf(document, buyer="Our Shop", buyer_address="Quay 1; Amsterdam")
    assert first == write_pdf(document, buyer="Our Shop", buyer_address="Quay 1; Amsterdam")
    assert first.count(b"/Type /Page\n") >= 2


def test_amounts_sum_to_the_total_as_they_are_printed():
    """3 x 0.335 = 1.005: each line is rounded, half up, and the total is what a reader adds up."""
    lines = tuple(DocumentLine(n, f"S-{n}", "", 3, Decimal("0.335")) for n in (1, 2))
    document = a_document(lines=lines)
    assert [line.amount("EUR") for line in lines] == [Decimal("1.01")] * 2
    assert document.total == Decimal("2.02")
    assert a_document(lines=lines, currency="JPY").total == Decimal(2)


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "A B", "ä", "V.1", "%2E%2E"])
def test_any_id_is_one_folder_of_its_own(tmp_path, name):
    folder = folders.folder_name(name)
    assert (tmp_path / folder).parent == tmp_path
    assert not folder.startswith(".")
    assert folder != folders.folder_name(name + ".")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"channel": "fax"}, "channel"),
        ({"emails": ("a@b.example\nBcc: x@y.example",)}, "emails"),
        ({"emails": ("a@b.example, x@y.example",)}, "emails"),
        ({"channel": "webhook"}, "webhook_url"),
        ({"webhook_url": "http://vendor.example/"}, "webhook_url"),
        ({"webhook_url": "https://u:p@vendor.example/"}, "webhook_url"),
        ({"webhook_url": "file:///etc/passwd"}, "webhook_url"),
        ({"webhook_url": "https://[::1"}, "webhook_url"),
        ({"channel": "edi"}, "edi_id"),
        ({"edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": "A*B"}, "edi_id"),
        ({"edi_standard": "x12", "edi_id": "AB"}, "edi_qualifier"),
        ({"edi_standard": "tradacoms", "edi_id": "AB"}, "edi_standard"),
        ({"transit_days": -1}, "transit_days"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, field):
    with pytest.raises(InputRejected) as refused:
        VendorDispatch(**{"vendor": "ACME", "channel": "email"} | change)
    assert refused.value.field == field


def test_a_pinned_key_must_be_one():
    for key in ("", "ssh-dss AAAA", "SHA256:abc"):
        with pytest.raises(InputRejected, match="public key"):
            SftpPlace("a.example", "u", key)


def test_two_vendors_cannot_have_one_edi_id(shop):
    wants(shop, "edi", **EDI)
    with pytest.raises(InputRejected, match="another vendor"):
        wants(shop, "edi", "BOLT", **EDI)
