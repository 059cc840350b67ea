"""What vendors' documents do to orders, and that they do all of it or nothing."""

from datetime import date

import pytest

from inventory.store import dispatches, documents, invoices
from inventory.store.purchase_orders import get_order
from serving.connectors import acknowledgements, intake
from serving.connectors.dispatch import deliver_due
from tests.inventory.ordering import NOW, do, inbound_of, sent
from tests.serving.connectors.replies import LATER, confirmation, invoice, lines_of, put
from tests.serving.edi import papers


@pytest.fixture
def shop(centre):
    put(centre)
    return centre


@pytest.fixture
def other(shop, order):
    """A second order of the same vendor: 50 teas, line 1."""
    return sent(shop, ("ACME", "TEA", 50))


@pytest.fixture
def orders(order, other):
    return order, other


@pytest.fixture
def edifact(shop):
    put(shop, edi_standard="edifact")

    def write(body, kind="ORDRSP", **more):
        return papers.edifact(body, kind=kind, **more)

    return write


def test_schedules_of_a_line_are_all_of_it(shop, takes, order, edifact):
    """60 of 100 teas on one day and 40 on another: each can be promised from its own."""
    (found,) = takes(
        edifact(f"""
            BGM+231+OR-1+4
            RFF+ON:{order}
            LIN+1+5+CUP:IN
            QTY+21:40:PCE
            LIN+2+3+TEA:IN
            QTY+21:100:PCE
            SCC+1
            QTY+113:60:PCE
            DTM+67:20260309:102
            SCC+1
            QTY+113:40:PCE
            DTM+67:20260323:102
            UNS+S
        """)
    )
    assert found["state"] == "applied", found
    assert lines_of(shop, order)["TEA"][0] == 100
    tea = [(units, day) for sku, units, _, day in inbound_of(shop) if sku == "TEA"]
    assert tea == [(60, date(2026, 3, 9)), (40, date(2026, 3, 23))]


def test_a_substitute_waits_for_a_person_and_the_vendor_hears_that_it_was_read(
    shop, takes, order, settings
):
    body = papers.CONFIRMED.replace("ACK*IA*40*EA*067*20260309", "ACK*IS*40*EA****VP*MUG-BLUE")
    before = get_order(shop, order)
    (found,) = takes(confirmation(order, body))
    assert (found["state"], found["reason"], found["field"]) == (
        "quarantined", "contradictory", "ACK01",
    )  # fmt: skip
    assert "line 1 'CUP', segment 7 (ACK): substitution offered: 'MUG-BLUE'" in found["problem"]
    assert (found["kind"], found["number"]) == ("confirmation", "SO-77")
    assert get_order(shop, order) == before
    listed = documents.page(shop, purchase_order=order)["documents"]
    assert [row["id"] for row in listed] == [found["id"]]
    acknowledgements.deliver_due(shop, settings, clock=lambda: LATER)
    (answer,) = (settings.data_dir / "edi" / "outbox" / "ACME").glob("997*")
    assert "AK5*A~" in answer.read_text()


def test_a_vendor_s_own_numbering_confirms_no_other_line(shop, takes, order, edifact):
    """Only EANs, and lines numbered its own way: what is meant cannot be told."""
    body = f"""
        BGM+231+OR-1+4
        RFF+ON:{order}
        LIN+1+5+4006381333931:EN
        QTY+113:100:PCE
        LIN+2+5+4006381333948:EN
        QTY+113:40:PCE
        UNS+S
    """
    (found,) = takes(edifact(body))
    assert found["state"] == "quarantined"
    assert "'4006381333931' is not on order" in found["problem"]
    said = body.replace("EN\n        QTY+113:100", f"EN\n        RFF+ON:{order}:2\nQTY+113:100")
    said = said.replace("EN\n        QTY+113:40", f"EN\n        RFF+ON:{order}:1\nQTY+113:40")
    (found,) = takes(edifact(said, control="346"), name="2")
    assert found["state"] == "applied", found
    assert {sku: units for sku, (units, *_) in lines_of(shop, order).items()} == {
        "CUP": 40, "TEA": 100,
    }  # fmt: skip


def both(order, other, *, teas=50):
    """A confirmation of two orders, which only its lines name."""
    return f"""
        BGM+231+OR-2+4
        DTM+137:20260303:102
        LIN+1+5+CUP:IN
        QTY+113:40:PCE
        RFF+ON:{order}
        LIN+2+5+TEA:IN
        QTY+113:100:PCE
        RFF+ON:{order}
        LIN+3+5+TEA:IN
        QTY+113:{teas}:PCE
        RFF+ON:{other}
        UNS+S
    """


def test_a_collective_confirmation_confirms_every_order(shop, takes, order, other, edifact):
    (found,) = takes(edifact(both(order, other)))
    assert found["outcome"] == {
        "order": order, "state": "confirmed", "orders": {order: "confirmed", other: "confirmed"},
    }  # fmt: skip
    for asked in (order, other):
        assert get_order(shop, asked)["state"] == "confirmed"
        (row,) = documents.page(shop, purchase_order=asked)["documents"]
        assert row["id"] == found["id"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("RFF+ON:{}\n        UNS", "RFF+ON:PO-0\n        UNS"), ("113:50", "113:500")],
    ids=["an unknown order", "too many units"],
)
def test_a_collective_document_is_applied_whole_or_not_at_all(takes, orders, edifact, right, wrong):
    body = both(*orders)
    right = right.format(orders[1])
    assert right in body
    (found,) = takes(edifact(body.replace(right, wrong)))
    assert found["state"] == "quarantined"
    (again,) = takes(edifact(body, control="346"), name="2")
    assert again["state"] == "applied", "nothing had become of the first"


def test_a_collective_shipment_ships_every_order_once(shop, takes, order, other, edifact):
    body = f"""
        BGM+351+DES-7+9
        DTM+17:20260310:102
        CPS+1
        LIN+1++CUP:IN
        QTY+12:40:PCE
        RFF+ON:{order}
        LIN+2++TEA:IN
        QTY+12:50:PCE
        RFF+ON:{other}
    """
    (found,) = takes(edifact(body, "DESADV"))
    assert found["outcome"]["orders"] == {order: "shipped", other: "shipped"}
    (again,) = takes(edifact(body, "DESADV", control="346"), name="2")
    assert again["reason"] == "duplicate"
    head, _, part = body.partition("LIN+1")
    part = head + part[part.index("LIN+2") :]
    (less,) = takes(edifact(part, "DESADV", control="347"), name="3")
    assert "had the same number" in less["problem"], "one of its orders was in the shipment"
    assert lines_of(shop, other)["TEA"][1] == 50


def test_a_collective_invoice_is_one_and_books_each_line_on_its_order(
    shop, takes, order, other, edifact
):
    do(shop, order, "receive")
    do(shop, other, "receive")
    (found,) = takes(
        edifact(f"""
            BGM+385+INV-8+9
            DTM+137:20260311:102
            RFF+ON:{order}
            CUX+2:EUR:4
            LIN+1++TEA:IN
            QTY+47:100:PCE
            PRI+AAA:400:::100:PCE
            LIN+2++TEA:IN
            QTY+47:50:PCE
            PRI+AAA:4
            RFF+ON:{other}:1
            UNS+S
            MOA+77:600
        """, "INVOIC")
    )  # fmt: skip
    assert found["outcome"]["payable"], found
    lines = invoices.get(shop, found["outcome"]["invoice"])["lines"]
    assert [(n["order"], n["order_line"], n["quantity"], n["unit_price"]) for n in lines] == [
        (order, 2, 100, 4), (other, 1, 50, 4),
    ]  # fmt: skip


def test_an_invoice_put_right_under_its_number_is_matched(shop, takes, order):
    do(shop, order, "receive")
    dear = papers.INVOICED.replace("*60*EA*4.25", "*60*EA*5.25").replace("35050", "41050")
    (wrong,) = takes(invoice(order, dear), name="1")
    right = papers.INVOICED.replace("*40*EA*2*", "*40*EA*4*").replace("*4.25*", "*4*")
    text = invoice(order, right.replace("35050", "41550"), control="000000346")
    (early,) = takes(text, name="2")
    assert "had the same number" in early["problem"]
    invoices.decide(
        shop, wrong["outcome"]["invoice"], approved=False, reason="price", actor="bea", now=LATER
    )
    (found,) = takes(text, name="3")
    assert (found["state"], found["outcome"]["payable"]) == ("applied", True), found


def test_contrl_is_filed_as_997_is(shop, takes, order, settings, edifact):
    put(shop, edi_standard="edifact")
    deliver_due(shop, settings, clock=lambda: NOW)
    (row,) = dispatches.page(shop)["dispatches"]
    uci = f"UCI+{row['control_number']}+VOUCH:ZZ+ACME:ZZ+"
    for control, action, accepted, state, kept in (
        ("1", "8", None, "delivered", None),
        ("2", "7", True, "delivered", "accepted"),
        ("3", "4", False, "failed", "rejected"),
    ):
        (found,) = takes(edifact(uci + action, "CONTRL", control=control), name=control)
        assert (found["kind"], found["state"]) == ("acknowledgement", "applied"), found
        assert found["outcome"] == {"dispatch": row["number"], "accepted": accepted}
        (now,) = dispatches.page(shop)["dispatches"]
        assert (now["state"], now["acknowledgement"]) == (state, kept)
    (found,) = takes(edifact("UCI+77+VOUCH:ZZ+ACME:ZZ+7", "CONTRL", control="4"), name="4")
    assert found["reason"] == "unknown"


def test_a_mailbox_with_several_interchanges_is_taken_apart(shop, takes, order, other, settings):
    good = confirmation(order)
    bad = papers.x12(f"BAK*00*AK*{other}*20260302", control="000000346")
    found = takes(good + bad.replace("IEA*1", "IEA*2"), name="box")
    assert [(d["name"], d["state"], d["reason"]) for d in found] == [
        ("box", "applied", None), ("box#2", "quarantined", "unreadable"),
    ]  # fmt: skip
    assert takes(good + bad.replace("IEA*1", "IEA*2"), name="box") == found
    (first, last) = takes(good.replace("345", "347") + bad, name="next")
    assert (first["reason"], last["state"]) == ("duplicate", "applied")
    acknowledgements.deliver_due(shop, settings, clock=lambda: LATER)
    outbox = settings.data_dir / "edi" / "outbox" / "ACME"
    assert sorted(path.name for path in outbox.glob("997*")) == [
        "997_000000345_345.x12", "997_000000346_346.x12", "997_000000347_347.x12",
    ]  # fmt: skip


def test_a_mailbox_that_was_refused_before_is_taken_apart_when_tried_again(
    shop, order, other, settings
):
    text = confirmation(order) + papers.x12(f"BAK*00*AK*{other}*20260302", control="000000346")
    file = documents.Sent("test", "box", text.encode(), None, "test")
    unread = documents.Read("unreadable", None, None, problem=papers_refused())
    number = documents.keep(shop, file, [unread], vendor=None, now=LATER)
    (waits,) = documents.of_file(shop, number)
    found = intake.retry(shop, waits["id"], actor="ann", settings=settings, now=LATER)
    assert [document["state"] for document in found] == ["applied", "applied"]
    assert documents.get(shop, waits["id"])["state"] == "dismissed"


def papers_refused():
    from inventory.errors import InputRejected

    return InputRejected("is '346' and ISA13 is '345'", field="IEA02")


def test_documents_are_counted_once_also_after_a_crash(shop, order, settings):
    """Of 6 documents a crash left 5 pending, and the file where it lay."""
    text = confirmation(order)
    start, end = text.index("ST*"), text.index("GE*")
    sets = [f"ST*855*{n:04d}~\nBAK*00*AK*XX-{n}*20260302~\nSE*3*{n:04d}~\n" for n in range(1, 7)]
    many = (text[:start] + "".join(sets) + text[end:]).replace("GE*1", "GE*6")
    inbox = settings.data_dir / "edi" / "inbox" / "ACME"
    inbox.mkdir(parents=True)
    (inbox / "f.x12").write_text(many)
    intake.take(
        shop, many.encode(), source="folder:ACME", name="f.x12", came_from="ACME",
        actor="intake", settings=settings, now=LATER, apply_max=1,
    )  # fmt: skip
    report = intake.take_all(shop, settings, now=LATER)
    assert report.lines()[-1] == "1 file, 6 documents"
    assert {document["state"] for document in report.documents} == {"quarantined"}


def test_an_answer_to_an_envelope_is_filed_and_not_answered(shop, takes, order, settings):
    deliver_due(shop, settings, clock=lambda: NOW)
    (row,) = dispatches.page(shop)["dispatches"]
    text = papers.x12("BAK*00*AK*PO-1*20260302")
    for control, outcome, accepted, kept in (
        ("1", "A*000", None, None), ("2", "R*024", False, "rejected"),
    ):  # fmt: skip
        ta1 = f"TA1*{row['control_number']:09d}*260302*0600*{outcome}~\n"
        alone = text[: text.index("GS*")] + ta1 + "IEA*0*000000345~"
        (found,) = takes(alone.replace("000000345", control.zfill(9)), name=control)
        assert found["outcome"] == {"dispatch": row["number"], "accepted": accepted}, found
        assert dispatches.page(shop)["dispatches"][0]["acknowledgement"] == kept
    assert acknowledgements.deliver_due(shop, settings, clock=lambda: LATER) == 0
