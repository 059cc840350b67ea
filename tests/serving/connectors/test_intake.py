"""Files of vendors: taken once, applied or set aside with a reason; kept in any case."""

import asyncssh
import pytest

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store import alerts, documents
from inventory.store.purchase_orders import get_order
from inventory.vendor_dispatch import SftpPlace
from serving.connectors import acknowledgements, intake
from serving.connectors.edi.interchange import Party
from serving.connectors.edi.reading import FILE_BYTES_MAX, read_interchange
from tests.serving.connectors.partners import sftp_server
from tests.serving.connectors.replies import LATER, confirmation, put
from tests.serving.edi import papers


@pytest.fixture
def shop(centre):
    put(centre)
    return centre


WRONG = [
    (lambda t: t.replace("PO-", "XX-"), "unknown", "no order 'XX-"),
    (lambda t: t.replace("*ZZ*ACME ", "*ZZ*BOLT "), "unknown", "id 'ZZ:BOLT'"),
    (lambda t: t.replace("*ZZ*VOUCH", "*ZZ*OTHER"), "unknown", "addressed to 'OTHER'"),
    (lambda t: t.replace("BP*TEA", "BP*NUT"), "contradictory", "'NUT' is not on order"),
    (lambda t: t.replace("*60*EA*", "*60*CA*"), "contradictory", "single units"),
    (lambda t: t.replace("IQ*60", "IQ*160"), "contradictory", "190 units are told of and 100"),
    (lambda t: t.replace("CUR*SE*EUR", "CUR*SE*USD"), "contradictory", "USD"),
    (lambda t: t.replace("20260309", "20250309"), "contradictory", "before it was ordered"),
    (lambda t: t.replace("*067*", "*068*"), "contradictory", "set transit_days"),
    (lambda t: t.replace("*0*P*>", "*0*T*>"), "contradictory", "test document"),
    (lambda t: t.replace("IQ*60", "IQ*6O"), "unreadable", "segment 9 (ACK)"),
    (lambda t: t.replace("SE*10", "SE*99"), "unreadable", "counts 99"),
    (lambda t: t.replace("BP*TEA", "BP*T\x00A"), "contradictory", "'T\ufffdA' is not on order"),
    (lambda t: t[:300], "unreadable", "ends inside of a segment"),
    (lambda t: "Dear buyer, we will be late", "unreadable", "begins with none of"),
    (lambda t: b"\x00\xff\xfe" * 50, "unreadable", "begins with none of"),
    (lambda t: t + " " * FILE_BYTES_MAX, "unreadable", "at most; split it"),
]


def test_what_cannot_be_applied_is_set_aside_with_its_reason(shop, takes, order):
    before = get_order(shop, order)
    for number, (change, reason, words) in enumerate(WRONG):
        (found,) = takes(change(confirmation(order)), name=str(number))
        assert (found["state"], found["reason"]) == ("quarantined", reason), found
        assert words in found["problem"]
        assert get_order(shop, order) == before
    kept = shop.execute("select count(*), min(length(content)) from vendor_files").fetchone()
    assert kept == (len(WRONG), len("Dear buyer, we will be late"))


def test_the_same_file_is_taken_once_and_a_second_sending_is_a_duplicate(shop, takes, order):
    first = takes(confirmation(order), name="a.x12")
    assert takes(confirmation(order), name="a.x12") == first, "fetched again after a crash"
    (again,) = takes(confirmation(order), name="b.x12")
    assert (again["state"], again["reason"]) == ("quarantined", "duplicate")
    assert f"document {first[0]['id']} said the same" in again["problem"]
    (other,) = takes(confirmation(order, papers.CONFIRMED.replace("IQ*60", "IQ*50")), name="c")
    assert (other["reason"], other["field"]) == ("contradictory", "number")
    acts = [event["act"] for event in get_order(shop, order)["events"]]
    assert acts.count("confirm") == 1


def test_a_file_must_be_from_whom_it_says(shop, takes, order):
    put(shop, "BOLT", edi_id="BOLT")
    (found,) = takes(confirmation(order), came_from="BOLT")
    assert found["problem"].startswith("it came from 'BOLT' and names 'ZZ:ACME' as its sender")


def test_what_was_mended_can_be_tried_again(shop, takes, order, settings):
    (found,) = takes(confirmation(order, sender=Party("ZZ", "ACME-2")))
    assert found["reason"] == "unknown"
    again = {"actor": "ann", "settings": settings, "now": LATER}
    (still,) = intake.retry(shop, found["id"], **again)
    assert (still["state"], still["attempts"]) == ("quarantined", 2)
    put(shop, edi_id="ACME-2")
    (now_applied,) = intake.retry(shop, found["id"], **again)
    assert (now_applied["state"], now_applied["settled_by"]) == ("applied", "ann")
    assert get_order(shop, order)["state"] == "confirmed"
    with pytest.raises(StateConflict):
        intake.retry(shop, found["id"], **again)
    with pytest.raises(NotFound):
        intake.retry(shop, 10**9, **again)


def test_what_could_not_be_read_is_read_again(shop, takes, order, settings, monkeypatch):
    """As after an update that reads a code which was not known before."""
    from serving.connectors.edi import x12_confirmation

    (found,) = takes(confirmation(order, papers.CONFIRMED.replace("IQ*60", "ZQ*60")))
    assert (found["reason"], found["field"]) == ("unreadable", "ACK01")
    monkeypatch.setattr(x12_confirmation, "ITEM_TAKEN", (*x12_confirmation.ITEM_TAKEN, "ZQ"))
    (read,) = intake.retry(shop, found["id"], actor="ann", settings=settings, now=LATER)
    assert read["state"] == "applied"
    old = documents.get(shop, found["id"])
    assert (old["state"], old["settled_why"]) == ("dismissed", "the file was read again")


def test_what_a_person_saw_to_is_dismissed_with_a_reason(shop, takes, order):
    (found,) = takes(confirmation("PO-9"))
    with pytest.raises(InputRejected, match="why"):
        documents.dismiss(shop, found["id"], why=" ", actor="ann", now=LATER)
    done = documents.dismiss(shop, found["id"], why="sent to us by mistake", actor="ann", now=LATER)
    assert (done["state"], done["settled_why"]) == ("dismissed", "sent to us by mistake")
    with pytest.raises(StateConflict):
        documents.dismiss(shop, found["id"], why="again", actor="ann", now=LATER)


def test_a_crash_leaves_documents_pending_and_the_next_look_applies_them(shop, order, settings):
    content = confirmation(order).encode()
    _, sent_file, read = intake._read(documents.Sent("test", "f", content, None, "test"))
    documents.keep(shop, sent_file, read, vendor="ACME", now=LATER)
    assert get_order(shop, order)["state"] == "sent"
    report = intake.take_all(shop, settings, now=LATER)
    assert [document["state"] for document in report.documents] == ["applied"]
    assert intake.take_all(shop, settings, now=LATER).documents == []


def test_two_servers_apply_a_document_once(shop, order, settings, shop_url):
    from concurrent.futures import ThreadPoolExecutor

    from inventory.store import database

    content = confirmation(order).encode()
    _, sent_file, read = intake._read(documents.Sent("test", "f", content, None, "test"))
    documents.keep(shop, sent_file, read, vendor="ACME", now=LATER)

    def look(_):
        with database.connect(shop_url) as db:
            intake.take_all(db, settings, now=LATER)

    with ThreadPoolExecutor(3) as threads:
        list(threads.map(look, range(3)))
    acts = [event["act"] for event in get_order(shop, order)["events"]]
    assert acts.count("confirm") == 1
    assert documents.page(shop)["documents"][0]["attempts"] == 1


def test_files_lie_in_the_inbox_and_are_put_away(shop, order, settings):
    inbox = settings.data_dir / "edi" / "inbox" / "ACME"
    inbox.mkdir(parents=True)
    (inbox / "1.x12").write_text(confirmation(order))
    (inbox / "2.x12.part").write_text("half")
    (inbox / "3.x12").write_text("nonsense")
    report = intake.take_all(shop, settings, now=LATER)
    assert [(d["name"], d["state"]) for d in report.documents] == [
        ("1.x12", "applied"), ("3.x12", "quarantined"),
    ]  # fmt: skip
    assert sorted(path.name for path in inbox.iterdir()) == ["2.x12.part", "processed"]
    assert sorted(path.name for path in (inbox / "processed").iterdir()) == ["1.x12", "3.x12"]
    (alert,) = alerts.list_alerts(shop, kind="vendor_documents")["alerts"]
    assert "1 document of" in alert["message"]
    documents.dismiss(shop, report.documents[1]["id"], why="nonsense", actor="ann", now=LATER)
    intake.take_all(shop, settings, now=LATER)
    assert alerts.list_alerts(shop, kind="vendor_documents")["alerts"] == []


def test_files_are_fetched_over_sftp_and_gone_there(shop, order, settings, tmp_path):
    theirs = tmp_path / "theirs" / "out"
    theirs.mkdir(parents=True)
    (theirs / "reply.x12").write_text(confirmation(order))
    (theirs / "big.x12").write_bytes(b" " * (FILE_BYTES_MAX + 1))
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "key")
    ours = settings.model_copy(update={"sftp_key_file": tmp_path / "key"})
    with sftp_server(theirs.parent, passwords={}, client_key=key) as (port, host_key):
        put(shop, sftp=SftpPlace("127.0.0.1", "v", host_key, port, fetch_from="out", send_to="out"))
        report = intake.take_all(shop, ours, now=LATER)
        assert [document["state"] for document in report.documents] == ["applied"]
        assert "big.x12" in report.left[0]
        assert sorted(path.name for path in theirs.iterdir()) == ["big.x12"]
        acknowledgements.deliver_due(shop, ours, clock=lambda: LATER)
        assert sorted(path.name for path in theirs.iterdir()) == [
            "997_000000345_345.x12",
            "big.x12",
        ]
    (why,) = intake.take_all(shop, ours, now=LATER).unreachable.values()
    assert "cannot be reached" in why


def test_x12_is_acknowledged_once_for_each_group(shop, takes, order, settings):
    takes(confirmation(order, papers.CONFIRMED.replace("IQ*60", "IQ*6O")), name="1")
    takes(
        confirmation(order, papers.CONFIRMED.replace("TEA", "NUT"), control="000000346"), name="2"
    )
    takes(
        confirmation(order, papers.CONFIRMED.replace("TEA", "NUT"), control="000000346"), name="2"
    )
    # What contradicts the order could be read all the same. What could not be read has no vendor
    # but by its sender.
    assert acknowledgements.deliver_due(shop, settings, clock=lambda: LATER) == 2
    outbox = settings.data_dir / "edi" / "outbox" / "ACME"
    texts = {path.name: path.read_text() for path in outbox.iterdir()}
    assert "AK5*R~" in texts["997_000000345_345.x12"]
    assert "AK5*A~" in texts["997_000000346_346.x12"]
    controls = sorted(read_interchange(text.encode()).control for text in texts.values())
    assert controls == ["000000001", "000000002"]
    assert acknowledgements.deliver_due(shop, settings, clock=lambda: LATER) == 0


def test_of_many_documents_some_are_left_for_the_next_look(shop, order, settings):
    """What a request takes must not keep promises waiting."""
    text = confirmation(order)
    start, end = text.index("ST*"), text.index("GE*")
    sets = [f"ST*855*{n:04d}~\nBAK*00*AK*XX-{n}*20260302~\nSE*3*{n:04d}~\n" for n in range(1, 6)]
    many = (text[:start] + "".join(sets) + text[end:]).replace("GE*1", "GE*5")
    _, found = intake.take(
        shop, many.encode(), source="test", name="f", came_from=None, actor="test",
        settings=settings, now=LATER, apply_max=2,
    )  # fmt: skip
    assert [d["state"] for d in found] == ["quarantined"] * 2 + ["pending"] * 3
    intake.take_all(shop, settings, now=LATER)
    assert {d["state"] for d in documents.page(shop)["documents"]} == {"quarantined"}


def test_a_defect_of_one_file_leaves_the_others_alone(shop, order, settings, monkeypatch):
    inbox = settings.data_dir / "edi" / "inbox" / "ACME"
    inbox.mkdir(parents=True)
    (inbox / "1.x12").write_text("boom")
    (inbox / "2.x12").write_text(confirmation(order))

    def read(content):
        if content == b"boom":
            raise ZeroDivisionError("by nought")
        return read_interchange(content)

    monkeypatch.setattr(intake, "read_interchange", read)
    report = intake.take_all(shop, settings, now=LATER)
    assert [d["state"] for d in report.documents] == ["applied"]
    assert report.left == ["'1.x12' of ACME was left: by nought"]
    assert (inbox / "1.x12").exists()


def test_pages_hold_every_document_once(shop, takes, order):
    for number in range(5):
        takes(f"nonsense {number}", name=str(number))
    seen, cursor = [], None
    while True:
        page = documents.page(shop, state="quarantined", limit=2, cursor=cursor)
        seen += [document["name"] for document in page["documents"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["4", "3", "2", "1", "0"]
    assert documents.page(shop, state="applied")["documents"] == []
    with pytest.raises(InputRejected):
        documents.page(shop, state="lost")
