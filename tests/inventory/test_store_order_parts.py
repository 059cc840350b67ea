"""Orders that come in parts: what comes early is promised early, and units are never lost."""

import random
from collections import Counter
from datetime import date, timedelta

import pytest

from inventory.catalog import Channel
from inventory.errors import InputRejected, StateConflict
from inventory.reservations import AskedLine, Basket
from inventory.store import (
    alert_facts,
    approvals,
    catalog,
    inbound,
    invoices,
    late_supply,
    lead_times,
    order_terms,
    orders,
    reservations,
    vendor_reports,
    verify,
)
from inventory.store.availability import availability
from inventory.store.purchase_orders import act, get_order, late_orders
from tests.inventory.ordering import DUE, NOW, do, on_hand, open_centre, race, sent

CUP, TEA = 1, 2
EARLY, LATE = DUE - timedelta(days=4), DUE + timedelta(days=10)


@pytest.fixture
def order(db):
    """40 CUP and 100 TEA that the vendor has, and has said nothing of."""
    db = open_centre(db)
    catalog.put(db, Channel("web"))
    yield sent(db)
    assert verify.verify(db).drifts == []


def hear(db, what, order, document, *, at=NOW, **more):
    report = getattr(vendor_reports, what)
    return report(db, order, document_id=document, at=at, actor="edi", **more)


def split(db, order, document="c1"):
    """60 TEA early and 40 late, all CUP as ordered."""
    parts = [{"quantity": 60, "expected_at": EARLY}, {"quantity": 40, "expected_at": LATE}]
    lines = [{"line": CUP}, {"line": TEA, "parts": parts}]
    return hear(db, "confirm", order, document, lines=lines)


def parts_of(db, order, line=TEA):
    found = next(x for x in get_order(db, order)["lines"] if x["line_no"] == line)
    return [
        (part["units"], date.fromisoformat(part["expected_on"]), part["state"])
        for part in found["parts"]
    ]


def line_of(found, line=TEA):
    return next(x for x in found["lines"] if x["line_no"] == line)


def promisable(db, sku="TEA", *, now=NOW):
    """Units that can be promised today, early, when due and late."""
    told = availability(db, sku=sku, location="DC", channel="web", method="ship", now=now,
                        horizon_days=25)  # fmt: skip
    by_day = dict(told.days)
    return tuple(by_day[day] for day in (now.date(), EARLY, DUE, LATE))


def preorder(db, name, units, on=None):
    basket = Basket("preorder", "web", "ship", (AskedLine("TEA", units, "DC"),), order_id=name,
                    on=on)  # fmt: skip
    return reservations.place(db, basket, reservation_id=f"r-{name}", now=NOW)


def test_what_comes_early_is_promised_early(db, order):
    """A confirmed split, shipped in two: nobody who was promised the early part has to wait."""
    hear(db, "confirm", order, "c0", lines=[{"line": TEA, "expected_at": EARLY}])
    preorder(db, "mine", 30)
    found = split(db, order)
    assert line_of(found)["expected_on"] == LATE.isoformat()
    assert promisable(db) == (0, 30, 30, 70)
    told = availability(db, sku="TEA", location="DC", channel="web", method="ship", now=NOW,
                        on=DUE, explain=True)  # fmt: skip
    assert [term.source for term in told.terms if term.term == "inbound"] == [
        f"{order}:2 (confirmed) on {EARLY}"
    ]
    notice = [{"line": TEA, "quantity": 60, "expected_at": EARLY, "shipment": "S1"}]
    hear(db, "ship", order, "s1", lines=notice)
    assert parts_of(db, order) == [(60, EARLY, "shipped"), (40, LATE, "confirmed")]
    assert promisable(db) == (0, 30, 30, 70)
    assert late_supply.move_due(db, now=NOW) == 0
    assert orders.get(db, "mine", now=NOW).lines[0].promised_date == EARLY
    # Only what is late is called late.
    assert late_orders(db, today=NOW.date()) == [
        {"order_id": order, "vendor": "ACME", "location": "DC", "due_on": DUE,
         "expected_on": LATE, "open_units": 40}
    ]  # fmt: skip
    (late,) = alert_facts.read_late_lines(db, [order], today=NOW.date(), limit=9)[order]
    assert (late["sku"], late["open_units"], late["lines"]) == ("TEA", 40, 1)
    came = [{"line": TEA, "quantity": 60, "shipment": "S1"}]
    hear(db, "receive", order, "r1", lines=came, at=NOW + timedelta(days=3))
    assert parts_of(db, order) == [(40, LATE, "confirmed")]
    assert promisable(db, now=NOW + timedelta(days=3)) == (30, 30, 30, 70)


def test_promises_on_the_part_that_is_late_move_and_the_others_stay(db, order):
    split(db, order)
    preorder(db, "early", 50)
    preorder(db, "late", 40)
    assert orders.get(db, "late", now=NOW).lines[0].promised_date == LATE
    later = LATE + timedelta(days=3)
    hear(db, "redate", order, "d1", lines=[{"line": TEA, "part": 2, "expected_at": later}])
    assert parts_of(db, order) == [(60, EARLY, "confirmed"), (40, later, "confirmed")]
    assert late_supply.move_due(db, now=NOW) == 1
    assert [orders.get(db, name, now=NOW).lines[0].promised_date for name in ("early", "late")] == [
        EARLY, later,
    ]  # fmt: skip
    # The name of a part is that of its delivery; without a part, all that is open moves.
    inbound.put(db, inbound_id=f"{order}:2:2", sku="TEA", location="DC", quantity=40,
                expected_at=NOW + timedelta(days=20), state="shipped", now=NOW)  # fmt: skip
    assert line_of(get_order(db, order))["expected_on"] == "2026-03-22"
    hear(db, "redate", order, "d2", lines=[{"line": TEA, "expected_at": DUE}])
    assert {day for _, day, _ in parts_of(db, order)} == {DUE}


def test_one_line_that_left_says_nothing_of_the_others(db, order):
    """The vendor ships TEA, then tells that CUP comes late, then that it does not come."""
    hear(db, "ship", order, "s1", lines=[{"line": TEA, "quantity": 100, "expected_at": EARLY}])
    assert (promisable(db), promisable(db, "CUP")) == ((0, 100, 100, 100), (0, 0, 0, 0))
    found = hear(db, "confirm", order, "c1", lines=[{"line": CUP, "expected_at": LATE}])
    assert (found["state"], promisable(db, "CUP")) == ("shipped", (0, 0, 0, 40))
    assert promisable(db) == (0, 100, 100, 100)
    found = hear(db, "confirm", order, "c2", lines=[{"line": CUP, "quantity": 0}])
    assert (found["state"], promisable(db, "CUP")) == ("shipped", (0, 0, 0, 0))
    assert (line_of(found, CUP)["quantity"], line_of(found, CUP)["ordered_units"]) == (0, 40)
    found = hear(db, "receive", order, "r1")
    assert (found["state"], on_hand(db)) == ("received", {"TEA": 100})


def test_one_unit_that_came_announces_nothing_else(db, order):
    found = hear(db, "receive", order, "r1", lines=[{"line": TEA, "quantity": 1}])
    assert found["state"] == "partially_received"
    assert (promisable(db), promisable(db, "CUP")) == ((1, 1, 1, 1), (0, 0, 0, 0))
    assert [line["unconfirmed_units"] for line in found["lines"]] == [40, 99]
    hear(db, "confirm", order, "c1")
    assert (promisable(db)[2], promisable(db, "CUP")[2]) == (100, 40)


def test_less_than_has_left_cannot_be_confirmed_and_nothing_means_no_more(db, order):
    split(db, order)
    hear(db, "ship", order, "s1", lines=[{"line": TEA, "quantity": 60}])
    with pytest.raises(InputRejected, match="60 are here or on their way already"):
        hear(db, "confirm", order, "c2", lines=[{"line": TEA, "quantity": 59}])
    lines = [{"line": TEA, "quantity": 70, "parts": [{"quantity": 50}]}]
    with pytest.raises(InputRejected, match="the parts add up to 50 units and the line says 70"):
        hear(db, "confirm", order, "c3", lines=lines)
    found = hear(db, "confirm", order, "c4", lines=[{"line": TEA, "quantity": 0}])
    assert (line_of(found)["quantity"], parts_of(db, order)) == (60, [(60, EARLY, "shipped")])


def test_a_buyer_cancels_the_rest_of_a_line_and_the_others_go_on(db, order):
    split(db, order)
    hear(db, "ship", order, "s1", lines=[{"line": TEA, "quantity": 60}])
    preorder(db, "late", 30, on=LATE)
    doing = {"actor": "bea", "role": "buyer", "now": NOW}
    with pytest.raises(InputRejected, match="say why"):
        act(db, order, "cancel", lines=[{"line": TEA}], **doing)
    with pytest.raises(InputRejected, match="only 40 units are still with the vendor"):
        act(db, order, "cancel", lines=[{"line": TEA, "quantity": 41}], reason="slow", **doing)
    found = act(db, order, "cancel", lines=[{"line": TEA}], reason="too slow", **doing)
    assert (found["state"], line_of(found)["quantity"]) == ("shipped", 60)
    assert found["events"][-1]["act"] == "cancel_rest"
    assert line_of(found)["explanation"]["terms"][-1] == {
        "term": "cancelled by hand", "quantity": -40, "source": "bea: too slow",
    }  # fmt: skip
    assert parts_of(db, order) == [(60, EARLY, "shipped")]
    assert parts_of(db, order, CUP) == [(40, DUE, "confirmed")]
    # Nobody's word brings them back.
    whole = [{"line": TEA, "quantity": 100}]
    with pytest.raises(InputRejected, match=r"60 were ordered \(40 cancelled since\)"):
        hear(db, "confirm", order, "c9", lines=whole)
    with pytest.raises(InputRejected, match="nothing of 'TEA' is still with the vendor; 60 units"):
        act(db, order, "cancel", lines=[{"line": TEA}], reason="slow", **doing)
    act(db, order, "cancel", lines=[{"line": CUP}], reason="too slow", **doing)
    assert hear(db, "receive", order, "r1")["state"] == "received"


def test_what_a_buyer_took_back_is_no_failure_of_the_vendor(db, order):
    """60 of 100 came and the rest was cancelled by us: it delivered all that was wanted."""
    lines = [{"line": TEA, "quantity": 60}, {"line": CUP, "quantity": 40}]
    hear(db, "receive", order, "r1", lines=lines, at=NOW + timedelta(days=3))
    found = do(db, order, "cancel", lines=[{"line": TEA}], reason="season is over")
    assert (found["state"], line_of(found)["cancelled_units"]) == ("received", 40)
    lead_times.refresh(db, now=NOW + timedelta(days=4))
    learned = lead_times.page(db, vendor="ACME")
    assert [(row["fill_share"], row["observed_mean_days"]) for row in learned] == [(1.0, 3.0)] * 2


@pytest.mark.parametrize(
    "error",
    [
        "update inbound set quantity = quantity + 1 where order_line = 2 and part_no = 2",
        "update purchase_order_lines set received_units = received_units + 1 where line_no = 2",
        "update purchase_orders set state = 'closed'",
    ],
    ids=["a unit too many", "one that never came", "supply of what is over"],
)
def test_parts_that_do_not_add_up_to_their_line_are_found(db, error):
    order = sent(open_centre(db))
    split(db, order)
    assert verify.verify(db).drifts == []
    db.execute(error)
    assert {drift.check for drift in verify.verify(db).drifts} == {"parts of order lines"}


def test_without_any_line_left_the_order_is_cancelled(db, order):
    lines = [{"line": TEA}, {"line": CUP}]
    found = do(db, order, "cancel", lines=lines, reason="closed down")
    assert (found["state"], promisable(db)) == ("cancelled", (0, 0, 0, 0))
    with pytest.raises(StateConflict):
        do(db, order, "cancel", lines=lines, reason="again")


def test_a_notice_that_comes_after_its_goods_changes_nothing(db, order):
    hear(db, "confirm", order, "c1")
    hear(db, "receive", order, "r1", lines=[{"line": TEA, "quantity": 60}])
    notice = [{"line": TEA, "quantity": 60, "expected_at": NOW.date()}]
    found = hear(db, "ship", order, "s1", lines=notice)
    assert (line_of(found)["shipped_units"], parts_of(db, order)) == (60, [(40, DUE, "confirmed")])
    later = [{"line": TEA, "quantity": 40, "expected_at": LATE}]
    hear(db, "ship", order, "s2", lines=later)
    assert parts_of(db, order) == [(40, LATE, "shipped")]


def test_a_receipt_goes_over_parts_as_one(db, order):
    """One receipt, whatever parts it covers; the surplus waits, and only what is kept is owed."""
    split(db, order)
    hear(db, "ship", order, "s1", lines=[{"line": TEA, "quantity": 60}])
    told = inbound.receive(db, f"{order}:2", message_id="m1", quantity=105, now=NOW, actor="dock")
    assert (told["received"], told["held"], told["awaiting"], told["open"]) == (105, 5, 5, 0)
    assert told["parts"] == {f"{order}:2": 60, f"{order}:2:2": 45}
    assert (on_hand(db), on_hand(db, "inspection")) == ({"TEA": 100}, {"TEA": 5})
    assert db.execute("select count(*) from purchase_order_receipts").fetchone() == (1,)
    kept = invoices.record_invoice(
        db, vendor="ACME", number="I1", order_id=order, at=NOW, actor="edi", document_id=None,
        lines=[{"sku": "TEA", "quantity": 105, "unit_price": 4}],
    )  # fmt: skip
    found = [(x["kind"], float(x["expected"]), float(x["found"])) for x in kept["discrepancies"]]
    assert found == [("quantity", 100.0, 105.0)]
    approvals.approve(db, f"{order}:2", message_id="a1", now=NOW, actor="bea")
    assert invoices.get(db, kept["id"])["discrepancies"] == []


def conserved(db, order):
    """Of each line: what is ordered is here, on its way, announced, unspoken of, or cancelled."""
    for line in get_order(db, order)["lines"]:
        coming = sum(part["units"] for part in line["parts"])
        agreed = line["received_units"] + coming + line["unconfirmed_units"]
        over = max(line["received_units"] - line["quantity"], 0)
        assert agreed - over == line["quantity"], line
        # Only what the vendor confirmed, or sent, made it other than that.
        assert line["quantity"] <= 1.1 * (line["ordered_units"] - line["cancelled_units"]) + 1
        rows = db.execute(
            "select coalesce(sum(quantity), 0), coalesce(sum(received_units), 0) from inbound "
            "where order_line = %s and state in ('confirmed', 'shipped', 'received')",
            [line["line_no"]],
        ).fetchone()
        assert rows == (coming, line["received_units"])


@pytest.mark.parametrize("seed", range(6))
def test_units_are_conserved_whatever_is_told(db, order, seed):
    drawn = random.Random(seed)
    order_terms.put(db, "ACME", over_receipt_share=0.1, now=NOW, actor="bea")
    done = Counter()
    for step in range(14):
        line, units = drawn.choice([CUP, TEA]), drawn.randint(1, 60)
        day = NOW.date() + timedelta(days=drawn.randint(0, 20))
        shipment = drawn.choice([None, "S1", "S2"])
        said = {"line": line, "quantity": units}
        what, lines = drawn.choice([
            ("confirm", [said | {"expected_at": day}]),
            ("confirm", [{"line": line, "parts": [{"quantity": units, "expected_at": day},
                                                  {"quantity": 20}]}]),
            ("ship", [said | {"expected_at": day, "shipment": shipment}]),
            ("receive", [said | {"shipment": shipment}]),
            ("redate", [{"line": line, "expected_at": day}]),
            ("cancel", [said]),
        ])  # fmt: skip
        try:
            act(db, order, what, actor="bea", role="buyer", now=NOW, reason="story", lines=lines,
                document_id=f"{what}-{step}" if what != "cancel" else None)  # fmt: skip
            done[what] += 1
        except (InputRejected, StateConflict):
            done["refused"] += 1
        conserved(db, order)
    assert len(done) > 2
    assert sum(on_hand(db).values()) + sum(on_hand(db, "inspection").values()) == sum(
        line["received_units"] for line in get_order(db, order)["lines"]
    )


def test_a_notice_a_receipt_and_a_cancellation_at_once_agree(db, order, database_url):
    split(db, order)

    race(
        database_url,
        lambda other: hear(other, "ship", order, "s1",
                           lines=[{"line": TEA, "quantity": 70, "shipment": "S1"}]),
        lambda other: hear(other, "receive", order, "r1", lines=[{"line": TEA, "quantity": 70}]),
        lambda other: do(other, order, "cancel", lines=[{"line": TEA, "quantity": 30}],
                         reason="too slow"),
    )  # fmt: skip
    conserved(db, order)
    line = line_of(get_order(db, order))
    assert line["received_units"] == 70
    assert line["quantity"] in {70, 100}
