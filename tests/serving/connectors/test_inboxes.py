"""Folders of the inbox from which nobody takes files: told with a remedy, and without a process."""

import pytest

from inventory.store import alerts, documents
from inventory.vendor_dispatch import EMAIL
from serving.connectors import inboxes, intake
from tests.serving.connectors.dispatching import wants
from tests.serving.connectors.replies import LATER, put


@pytest.fixture
def shop(centre):
    put(centre)
    return centre


@pytest.fixture
def inbox(settings):
    folder = settings.data_dir / "edi" / "inbox"
    folder.mkdir(parents=True)
    return folder


def lay(inbox, *names):
    for name in names:
        (inbox / name).parent.mkdir(exist_ok=True)
        (inbox / name).write_text("x")


def told(db):
    found = alerts.list_alerts(db, kind="vendor_inbox")["alerts"]
    return sorted(alert["message"] for alert in found)


REMEDIES = [
    ("AMCE/1.x12", "there is no vendor 'AMCE'; 'ACME' perhaps: name the folder after"),
    ("zzz/1.x12", "there is no vendor 'zzz': name the folder after the vendor's id"),
    ("BOLT/1.x12", "vendor 'BOLT' has no EDI: say its edi_standard and edi_id with PUT"),
    ("%41CME/1.x12", "the folder of vendor 'ACME' is 'ACME'"),
    ("1.x12", "put each file into the folder in it that has its vendor's id"),
]


@pytest.mark.parametrize(("name", "remedy"), REMEDIES, ids=["near", "far", "mail", "%", "none"])
def test_a_folder_that_nobody_takes_from_is_told_with_its_remedy(
    shop, settings, inbox, name, remedy
):
    wants(shop, EMAIL, "BOLT", emails=("b@bolt.example",))
    lay(inbox, name)
    assert inboxes.is_due(shop, settings, now=LATER)
    report = intake.take_all(shop, settings, now=LATER)
    (message,) = told(shop)
    assert remedy in message
    assert message.startswith(f"1 file in {(inbox / name).parent} is not taken")
    assert report.lines()[0] == message
    assert (inbox / name).exists(), "nothing is taken away from whom it may belong to"
    assert documents.page(shop)["documents"] == []
    assert not inboxes.is_due(shop, settings, now=LATER), "one process tells it, not one a minute"
    (inbox / name).unlink()
    assert inboxes.is_due(shop, settings, now=LATER)
    intake.take_all(shop, settings, now=LATER)
    assert told(shop) == []
    assert not inboxes.is_due(shop, settings, now=LATER)


def test_each_folder_is_told_once(shop, settings, inbox):
    lay(inbox, "AMCE/1.x12", "AMCE/2.x12", "BOLT/1.x12", "BOLT/.hidden", "BOLT/2.part")
    intake.take_all(shop, settings, now=LATER)
    first = alerts.list_alerts(shop, kind="vendor_inbox")["alerts"]
    assert [message.split(" in ")[0] for message in told(shop)] == ["1 file", "2 files"]
    intake.take_all(shop, settings, now=LATER)
    assert alerts.list_alerts(shop, kind="vendor_inbox")["alerts"] == first
    put(shop, "BOLT", edi_id="BOLT")
    report = intake.take_all(shop, settings, now=LATER)
    assert report.files == 1
    assert len(told(shop)) == 1


def test_folders_without_files_are_no_news(shop, settings, inbox):
    lay(inbox, ".trash/1.x12", "AMCE/.hidden", "AMCE/1.tmp")
    (inbox / "BOLT" / "processed").mkdir(parents=True)
    assert not inboxes.is_due(shop, settings, now=LATER)
    intake.take_all(shop, settings, now=LATER)
    assert told(shop) == []


def test_any_folder_can_be_told(shop, settings, inbox):
    lay(inbox, "V-\udce4/1.x12")
    intake.take_all(shop, settings, now=LATER)
    assert f"{inbox}/V-\\udce4 is not taken" in told(shop)[0]
    assert not inboxes.is_due(shop, settings, now=LATER)
