"""What vendors send: applied once, or set aside with a reason; kept in any case."""

from datetime import date, timedelta
from decimal import Decimal

import asyncssh
import pytest

from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store import alerts, dispatches, documents, vendor_dispatch
from inventory.store.invoices import get as get_invoice
from inventory.store.purchase_orders import get_order
from inventory.vendor_dispatch import SftpPlace, VendorDispatch
from pipelines.settings import Settings
from serving.connectors import acknowledgements, intake
from serving.connectors.dispatch import deliver_due
from serving.connectors.edi.interchange import Party
from serving.connectors.edi.reading import FILE_BYTES_MAX, read_interchange
from tests.inventory.ordering import NOW, do, inbound_of, sent
from tests.serving.connectors.partners import sftp_server
from tests.serving.edi import papers

LATER = NOW + timedelta(days=1)
EDI = {"edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": "ACME"}


@pytest.fixture
def shop(centre):
    put(centre)
    return centre


def put(db, vendor="ACME", **changes):
    settings = VendorDispatch(vendor, "edi", **EDI | changes)
    vendor_dispatch.put(db, settings, actor="ann", now=NOW)


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path, company_name="Our Shop", edi_id="VOUCH")


@pytest.fixture
def takes(shop, settings):
    """`takes(text)`: what became of the documents of a file."""

    def take(text, *, name="file", came_from=None, source="test", now=LATER):
        content = text if isinstance(text, bytes) else text.encode()
        _, found = intake.take(
            shop, content, source=source, name=name, came_from=came_from, actor="test",
            settings=settings, now=now,
        )  # fmt: skip
        return found

    return take


@pytest.fixture
def order(shop):
    """The id of a sent order: 40 cups (line 1) and 100 teas (line 2) for 9 March."""
    return sent(shop)


def of(order, body):
    return body.replace("PO-20260302-0001", order)


def confirmation(order, body=papers.CONFIRMED, **more):
    return papers.x12(of(order, body), **more)


def shipment(order, body=papers.SHIPPED, **more):
    return papers.x12(of(order, body), set_id="856", group="SH", **more)


def invoice(order, body=papers.INVOICED, **more):
    return papers.x12(of(order, body), set_id="810", group="IN", **more)


def lines_of(db, order):
    return {
        line["sku"]: (line["quantity"], line["shipped_units"], str(line["expected_on"]))
        for line in get_order(db, order)["lines"]
    }


def test_x12_from_confirmation_to_invoice(shop, takes, order):
    (found,) = takes(confirmation(order), name="1")
    assert (found["state"], found["vendor"], found["number"]) == ("applied", "ACME", "SO-77")
    assert found["outcome"] == {"order": order, "state": "confirmed"}
    assert lines_of(shop, order) == {"CUP": (40, 0, "2026-03-09"), "TEA": (90, 0, "2026-03-16")}
    assert inbound_of(shop) == [
        ("CUP", 40, "confirmed", date(2026, 3, 9)), ("TEA", 90, "confirmed", date(2026, 3, 16)),
    ]  # fmt: skip
    (found,) = takes(shipment(order, control="000000346"), name="2")
    assert found["outcome"] == {"order": order, "state": "shipped"}
    assert lines_of(shop, order) == {"CUP": (40, 40, "2026-03-10"), "TEA": (90, 60, "2026-03-16")}
    came = [{"sku": "CUP", "quantity": 40}, {"sku": "TEA", "quantity": 60}]
    do(shop, order, "receive", lines=came, now=LATER)
    shop.execute("update purchase_order_lines set unit_cost = 2 where sku = 'CUP'")
    shop.execute("update purchase_order_lines set unit_cost = 4.25 where sku = 'TEA'")
    (found,) = takes(invoice(order, control="000000347"), name="3")
    assert (found["state"], found["outcome"]["payable"]) == ("applied", True), found
    kept = get_invoice(shop, found["outcome"]["invoice"])
    assert (kept["number"], kept["total"], kept["charges"]) == ("INV-9", 350.5, 15.5)
    actors = {event["actor"] for event in get_order(shop, order)["events"][-4:]}
    assert "vendor:ACME" in actors


def test_edifact_from_confirmation_to_invoice(shop, takes, order):
    put(shop, edi_standard="edifact")
    (found,) = takes(papers.edifact(of(order, papers.CONFIRMED_EDIFACT)), name="1")
    assert (found["state"], found["number"]) == ("applied", "OR-5"), found
    assert lines_of(shop, order) == {"CUP": (40, 0, "2026-03-09"), "TEA": (60, 0, "2026-03-10")}
    text = papers.edifact(of(order, papers.SHIPPED_EDIFACT), kind="DESADV", control="346")
    (found,) = takes(text, name="2")
    assert found["outcome"] == {"order": order, "state": "shipped"}
    assert lines_of(shop, order) == {"CUP": (40, 40, "2026-03-10"), "TEA": (60, 60, "2026-03-10")}
    assert {state for _, _, state, _ in inbound_of(shop)} == {"shipped"}
    text = papers.edifact(of(order, papers.INVOICED_EDIFACT), kind="INVOIC", control="347")
    (found,) = takes(text, name="3")
    assert found["state"] == "applied"
    assert get_invoice(shop, found["outcome"]["invoice"])["total"] == 398.65


def test_a_promise_moves_with_the_vendor_s_date(shop, takes, order):
    """What availability promises from is what the vendor said last."""
    takes(confirmation(order), name="1")
    later = confirmation(order, control="000000400").replace("20260309", "20260320")
    (found,) = takes(later.replace("BAK*00", "BAK*05"), name="2")
    assert found["state"] == "applied", found
    assert {day for *_, day in inbound_of(shop)} == {date(2026, 3, 20)}


def test_a_whole_refusal_cancels_and_sends_no_cancellation(shop, takes, order):
    (found,) = takes(papers.x12(f"BAK*00*RJ*{order}*20260302"))
    assert found["outcome"] == {"order": order, "state": "cancelled"}
    purposes = [row["purpose"] for row in dispatches.page(shop)["dispatches"]]
    assert purposes == ["original"]


def test_a_line_that_is_refused_will_not_come(shop, takes, order):
    body = papers.CONFIRMED.replace("ACK*IA*40*EA*067*20260309", "ACK*IR")
    assert takes(confirmation(order, body))[0]["state"] == "applied"
    assert lines_of(shop, order)["CUP"][0] == 0
    assert [sku for sku, units, *_ in inbound_of(shop) if units] == ["TEA"]


def test_taken_in_full_needs_no_lines(shop, takes, order):
    (found,) = takes(papers.x12(f"BAK*00*AK*{order}*20260302\nDTM*067*20260312"))
    assert found["state"] == "applied", found
    assert lines_of(shop, order) == {"CUP": (40, 0, "2026-03-12"), "TEA": (100, 0, "2026-03-12")}


WRONG = [
    (lambda t: t.replace("PO-", "XX-"), "unknown", "no order 'XX-"),
    (lambda t: t.replace("*ZZ*ACME ", "*ZZ*BOLT "), "unknown", "id 'ZZ:BOLT'"),
    (lambda t: t.replace("*ZZ*VOUCH", "*ZZ*OTHER"), "unknown", "addressed to 'OTHER'"),
    (lambda t: t.replace("BP*TEA", "BP*NUT"), "contradictory", "'NUT' is not on order"),
    (lambda t: t.replace("*60*EA*", "*60*CA*"), "contradictory", "single units"),
    (lambda t: t.replace("IQ*60", "IQ*160"), "contradictory", "190 units of 'TEA'"),
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


def test_a_confirmation_that_leaves_a_line_out_is_asked_about(takes, order):
    body = "\n".join(line for line in papers.CONFIRMED.splitlines() if "TEA" not in line
                     and "ACK*I" not in line.replace("ACK*IA", ""))  # fmt: skip
    (found,) = takes(confirmation(order, body))
    assert found["problem"].startswith("it says nothing of line 2, 'TEA'")


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


def test_a_second_confirmation_must_say_that_it_changes_the_first(shop, takes, order):
    takes(confirmation(order), name="1")
    (same,) = takes(confirmation(order, control="000000346"), name="2")
    assert same["reason"] == "duplicate"
    less = papers.CONFIRMED.replace("IQ*60", "IQ*50")
    (other,) = takes(confirmation(order, less, control="000000347"), name="3")
    assert other["reason"] == "contradictory"
    assert "'TEA' 80 instead of 90" in other["problem"]
    changed = less.replace("BAK*00", "BAK*04")
    (found,) = takes(confirmation(order, changed, control="000000348"), name="4")
    assert found["state"] == "applied"
    assert lines_of(shop, order)["TEA"][0] == 80


def test_shipments_add_up_and_each_counts_once(shop, takes, order):
    takes(shipment(order), name="1")
    (again,) = takes(shipment(order, control="000000400"), name="2")
    assert again["reason"] == "duplicate", "the same shipment under another control number"
    more = papers.SHIPPED.replace("SHP-1", "SHP-2").replace("SN1**40", "SN1**0")
    assert takes(shipment(order, more, control="000000401"), name="3")[0]["state"] == "quarantined"
    fits = more.replace("SN1**60", "SN1**40")
    assert takes(shipment(order, fits, control="000000402"), name="4")[0]["state"] == "applied"
    assert lines_of(shop, order)["TEA"][1] == 100


def test_an_order_that_was_never_sent_is_confirmed_by_nobody(shop, takes):
    from tests.inventory.ordering import proposed

    (found,) = takes(confirmation(proposed(shop)))
    assert found["reason"] == "contradictory"
    assert "was never sent" in found["problem"]


def test_a_cancelled_order_is_shipped_by_nobody(shop, takes, order):
    do(shop, order, "cancel")
    (found,) = takes(shipment(order))
    assert found["reason"] == "contradictory"
    assert "it is cancelled" in found["problem"]


def test_another_vendor_s_order_does_not_exist(shop, takes, order):
    put(shop, "BOLT", edi_id="BOLT")
    (found,) = takes(confirmation(order, sender=Party("ZZ", "BOLT")))
    assert (found["reason"], found["vendor"]) == ("unknown", "BOLT")


def test_a_file_must_be_from_whom_it_says(shop, takes, order):
    put(shop, "BOLT", edi_id="BOLT")
    (found,) = takes(confirmation(order), came_from="BOLT")
    assert found["problem"].startswith("it came from 'BOLT' and names 'ZZ:ACME' as its sender")


def test_a_ship_date_counts_with_the_way_to_us(shop, takes, order):
    put(shop, transit_days=3)
    (found,) = takes(confirmation(order).replace("*067*", "*068*"))
    assert found["state"] == "applied"
    assert lines_of(shop, order) == {"CUP": (40, 0, "2026-03-12"), "TEA": (90, 0, "2026-03-19")}


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
    from serving.connectors.edi import x12_replies

    (found,) = takes(confirmation(order, papers.CONFIRMED.replace("IQ*60", "ZQ*60")))
    assert (found["reason"], found["field"]) == ("unreadable", "ACK01")
    monkeypatch.setattr(x12_replies, "ITEM_TAKEN", (*x12_replies.ITEM_TAKEN, "ZQ"))
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
    assert "1 documents of" in alert["message"]
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
        assert "big.x12" in report.unreachable["ACME"]
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


def test_an_acknowledgement_of_our_order_is_noted(shop, takes, order, settings):
    deliver_due(shop, settings, clock=lambda: NOW)
    said = "AK1*PO*{}\nAK2*850*0001\nAK3*PO1*9\nAK4*7**8\nAK5*{}\nAK9*{}*1*1*1"
    accepted = papers.x12(said.format(1, "A", "A"), set_id="997", group="FA")
    (found,) = takes(accepted, name="1")
    (row,) = dispatches.page(shop)["dispatches"]
    assert found["outcome"] == {"dispatch": row["number"], "accepted": True}
    assert (row["state"], row["acknowledgement"]) == ("delivered", "accepted")
    refused = papers.x12(said.format(1, "R", "R"), set_id="997", group="FA", control="000000346")
    takes(refused, name="2")
    (row,) = dispatches.page(shop)["dispatches"]
    assert (row["state"], row["acknowledgement"]) == ("failed", "rejected")
    assert "AK4 7 8" in row["problem"]
    unknown = papers.x12(said.format(7, "A", "A"), set_id="997", group="FA", control="000000347")
    (found,) = takes(unknown, name="3")
    assert found["reason"] == "unknown"


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
    assert report.unreachable["ACME"] == "'1.x12' was left: by nought"
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


def test_items_by_their_other_names(shop, takes, order):
    """A vendor that repeats only an EAN which is our SKU too, or only the number of the line."""
    body = papers.CONFIRMED.replace("BP*CUP*VP*C-1", "UP*CUP").replace("BP*TEA", "VP*T-9")
    assert takes(confirmation(order, body))[0]["state"] == "applied"
    assert lines_of(shop, order)["TEA"][0] == 90


def test_the_total_of_an_invoice_is_kept_to_the_cent(shop, takes, order):
    (found,) = takes(invoice(order))
    assert found["state"] == "applied"
    said = documents.get(shop, found["id"])["said"]
    assert Decimal(said["total"]) == Decimal("350.50")
    assert said["issued_on"] == "2026-03-11"
