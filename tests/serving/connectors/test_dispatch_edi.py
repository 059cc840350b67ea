"""Orders as EDI: in folders and over real SFTP, under rising control numbers."""

import asyncssh
import pytest

from inventory.errors import InputRejected
from inventory.store import dispatches
from inventory.vendor_dispatch import SftpPlace
from pipelines.settings import Settings
from serving.connectors import folders
from serving.connectors.dispatch import deliver_due
from serving.connectors.edi.reading import read_interchange
from tests.inventory.ordering import NOW, sent
from tests.serving.connectors.dispatching import EDI, only, wants
from tests.serving.connectors.partners import sftp_server


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


@pytest.mark.parametrize("name", ["..", ".hidden", "a/b", "A B", "ä", "V.1", "%2E%2E"])
def test_any_id_is_one_folder_of_its_own(tmp_path, name):
    folder = folders.folder_name(name)
    assert (tmp_path / folder).parent == tmp_path
    assert not folder.startswith(".")
    assert folder != folders.folder_name(name + ".")


def test_two_vendors_cannot_have_one_edi_id(shop):
    wants(shop, "edi", **EDI)
    with pytest.raises(InputRejected, match="another vendor"):
        wants(shop, "edi", "BOLT", **EDI)
