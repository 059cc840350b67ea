"""Files that stay where they lie: told once, not read again, and in nobody's way."""

from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from inventory.store import alerts, documents
from inventory.store.left_files import LOOK_AGAIN
from inventory.store.purchase_orders import get_order
from inventory.vendor_dispatch import SftpPlace
from serving.connectors import folders, inboxes, intake
from serving.connectors.edi.reading import FILE_BYTES_MAX
from tests.serving.connectors.partners import sftp_server
from tests.serving.connectors.replies import LATER, confirmation, put


@pytest.fixture
def shop(centre):
    put(centre)
    return centre


@pytest.fixture
def inbox(settings):
    folder = folders.inbox_of(settings, "ACME")
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def reads(monkeypatch):
    """Names of the files that are read from folders."""
    found, read_bytes = [], Path.read_bytes

    def read(path):
        found.append(path.name)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    return found


def told(db, kind="vendor_files"):
    return [alert["message"] for alert in alerts.list_alerts(db, kind=kind)["alerts"]]


def test_a_file_that_cannot_be_moved_is_told_once_and_the_rest_is_taken(
    shop, order, settings, inbox, reads
):
    (inbox / folders.TAKEN).write_text("a file where the folder should be")
    (inbox / "1.x12").write_text("nonsense")
    (inbox / "2.x12").write_text(confirmation(order))
    first = intake.take_all(shop, settings, now=LATER)
    assert [d["state"] for d in first.documents] == ["quarantined", "applied", "quarantined"]
    assert get_order(shop, order)["state"] == "confirmed"
    (message,) = told(shop)
    assert message.startswith(f"3 files of ACME stayed in {inbox} after intake: '1.x12'")
    assert "cannot be moved to 'processed': File exists" in message
    reads.clear()
    (inbox / "3.x12").write_text("more nonsense")
    assert inboxes.is_due(shop, settings, now=LATER)
    second = intake.take_all(shop, settings, now=LATER)
    assert (second.files, reads) == (1, ["3.x12"])
    assert not inboxes.is_due(shop, settings, now=LATER), "what was left starts no process"
    assert intake.take_all(shop, settings, now=LATER).lines() == ["0 files, 0 documents"]
    (alert,) = alerts.list_alerts(shop, kind="vendor_files")["alerts"]
    assert (alert["detail"]["files"], alert["raised_at"]) == (4, LATER)
    assert "not taken twice" in alert["detail"]["action"]


def test_what_was_left_goes_once_it_can(shop, settings, inbox):
    (inbox / folders.TAKEN).write_text("in the way")
    (inbox / "1.x12").write_text("nonsense")
    intake.take_all(shop, settings, now=LATER)
    (inbox / folders.TAKEN).unlink()
    intake.take_all(shop, settings, now=LATER + LOOK_AGAIN - timedelta(seconds=1))
    assert (inbox / "1.x12").exists()
    assert inboxes.is_due(shop, settings, now=LATER + LOOK_AGAIN)
    report = intake.take_all(shop, settings, now=LATER + LOOK_AGAIN)
    assert (report.files, report.left) == (0, []), "it was taken before"
    assert [path.name for path in inbox.iterdir()] == [folders.TAKEN]
    assert told(shop) == []


def test_what_is_removed_by_hand_is_forgotten_and_may_come_again(shop, settings, inbox):
    (inbox / folders.TAKEN).write_text("in the way")
    file = inbox / "1.x12"
    file.write_text("nonsense")
    intake.take_all(shop, settings, now=LATER)
    file.write_text("other nonsense")  # The same name and another content is another file.
    assert intake.take_all(shop, settings, now=LATER).files == 1
    for path in inbox.iterdir():
        path.unlink()
    intake.take_all(shop, settings, now=LATER)
    assert told(shop) == []
    names = [document["name"] for document in documents.page(shop)["documents"]]
    assert names.count("1.x12") == 2


@pytest.fixture
def two_at_once(monkeypatch):
    monkeypatch.setattr(inboxes, "FILES_MAX", 2)


@pytest.mark.usefixtures("two_at_once")
def test_what_cannot_be_taken_is_in_nobodys_way(shop, order, settings, inbox, reads):
    for number in range(3):
        (inbox / f"{number}-big.x12").write_bytes(b" " * (FILE_BYTES_MAX + 1))
    (inbox / "9.x12").write_text(confirmation(order))
    first = intake.take_all(shop, settings, now=LATER)
    assert (len(first.left), first.documents) == (2, [])
    report = intake.take_all(shop, settings, now=LATER)
    assert [document["state"] for document in report.documents] == ["applied"]
    assert reads == ["9.x12"]
    (message,) = told(shop)
    assert message.startswith(f"3 files of ACME cannot be taken from {inbox}: '0-big.x12'")
    assert f"it has {FILE_BYTES_MAX + 1:,} bytes" in message
    assert not inboxes.is_due(shop, settings, now=LATER)


def test_any_name_can_be_left(shop, settings, inbox):
    (inbox / folders.TAKEN).write_text("in the way")
    (inbox / "order-\udce4.x12").write_text("nonsense")
    report = intake.take_all(shop, settings, now=LATER)
    assert report.files == 2
    assert not inboxes.is_due(shop, settings, now=LATER)
    assert "'order-\\udce4.x12'" in told(shop)[0]


@contextmanager
def partner(db, settings, folder):
    """Settings with which a real server is reached that has `folder` as its root."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(settings.data_dir.parent / "key")
    ours = settings.model_copy(update={"sftp_key_file": settings.data_dir.parent / "key"})
    with sftp_server(folder, passwords={}, client_key=key) as (port, host_key):
        put(db, sftp=SftpPlace("127.0.0.1", "v", host_key, port, fetch_from="out"))
        yield ours


@pytest.fixture
def theirs(tmp_path):
    folder = tmp_path / "theirs" / "out"
    folder.mkdir(parents=True)
    return folder


def test_a_server_where_we_may_not_remove_is_told_once(shop, order, settings, theirs, monkeypatch):
    opened, open_file = [], asyncssh.SFTPServer.open

    def opens(server, path, *told):
        opened.append(path.rpartition(b"/")[2].decode())
        return open_file(server, path, *told)

    def refuses(_server, path):
        raise asyncssh.SFTPPermissionDenied("read only")

    (theirs / "1.x12").write_text("nonsense")
    (theirs / "2.x12").write_text(confirmation(order))
    with partner(shop, settings, theirs.parent) as ours, monkeypatch.context() as theirs_way:
        theirs_way.setattr(asyncssh.SFTPServer, "remove", refuses)
        theirs_way.setattr(asyncssh.SFTPServer, "open", opens)
        report = intake.take_all(shop, ours, now=LATER)
        assert [d["state"] for d in report.documents] == ["quarantined", "applied"]
        assert opened == ["1.x12", "2.x12"]
        (theirs / "3.x12").write_text("more")
        assert intake.take_all(shop, ours, now=LATER).files == 1
        assert intake.take_all(shop, ours, now=LATER).files == 0
        assert opened == ["1.x12", "2.x12", "3.x12"]
        (message,) = told(shop)
        assert message.startswith("3 files of ACME stayed in 'out' at 127.0.0.1 after intake")
        assert "it cannot be removed: read only" in message
        theirs_way.undo()
        assert intake.take_all(shop, ours, now=LATER + LOOK_AGAIN).files == 0
    assert list(theirs.iterdir()) == []
    assert told(shop) == []


def test_a_file_that_the_server_will_not_show_is_in_nobodys_way(
    shop, order, settings, theirs, monkeypatch
):
    open_file = asyncssh.SFTPServer.open

    def opens(server, path, *told):
        if path.endswith(b"1.x12"):
            raise asyncssh.SFTPPermissionDenied("not yours")
        return open_file(server, path, *told)

    monkeypatch.setattr(asyncssh.SFTPServer, "open", opens)
    (theirs / "1.x12").write_text("secret")
    (theirs / "2.x12").write_text(confirmation(order))
    with partner(shop, settings, theirs.parent) as ours:
        report = intake.take_all(shop, ours, now=LATER)
    assert [document["state"] for document in report.documents] == ["applied"]
    assert report.left == ["'1.x12' of ACME was left: it cannot be read: not yours"]
    assert report.unreachable == {}


def test_hidden_and_unfinished_files_on_a_server_starve_nobody(
    shop, order, settings, theirs, monkeypatch
):
    monkeypatch.setattr(inboxes, "FILES_MAX", 3)
    for number in range(4):
        (theirs / f".{number}").touch()
        (theirs / f"1{number}.x12.filepart").touch()
        (theirs / f"2{number}.tmp").touch()
    (theirs / "9.x12").write_text(confirmation(order))
    with partner(shop, settings, theirs.parent) as ours:
        report = intake.take_all(shop, ours, now=LATER)
    assert [document["state"] for document in report.documents] == ["applied"]
    assert len(list(theirs.iterdir())) == 12
    assert told(shop) == []


def test_hidden_and_unfinished_files_starve_nobody(shop, order, settings, inbox):
    for number in range(2 * folders.FILES_MAX):
        (inbox / f".{number}").touch()
    for ending in ("part", "PART", "tmp", "filepart"):
        (inbox / f"1.{ending}").touch()
    assert not inboxes.is_due(shop, settings, now=LATER)
    (inbox / "9.x12").write_text(confirmation(order))
    assert inboxes.is_due(shop, settings, now=LATER)
    report = intake.take_all(shop, settings, now=LATER)
    assert [document["state"] for document in report.documents] == ["applied"]
    assert not inboxes.is_due(shop, settings, now=LATER)


def test_a_place_that_is_not_looked_into_any_more_is_forgotten(shop, settings, inbox):
    (inbox / folders.TAKEN).write_text("in the way")
    (inbox / "1.x12").write_text("nonsense")
    intake.take_all(shop, settings, now=LATER)
    shop.execute("delete from vendor_dispatch")
    intake.take_all(shop, settings, now=LATER)
    assert told(shop) == []
