"""What vendors say of orders: confirmed, refused, shipped, invoiced, acknowledged."""

from datetime import date
from decimal import Decimal

import pytest

from inventory.store import dispatches, documents
from inventory.store.invoices import get as get_invoice
from inventory.store.purchase_orders import get_order
from serving.connectors.dispatch import deliver_due
from serving.connectors.edi.interchange import Party
from tests.inventory.ordering import NOW, do, inbound_of
from tests.serving.connectors.replies import (
    LATER,
    confirmation,
    invoice,
    lines_of,
    of,
    put,
    shipment,
)
from tests.serving.edi import papers


@pytest.fixture
def shop(centre):
    put(centre)
    return centre


def test_x12_from_confirmation_to_invoice(shop, takes, order):
    (found,) = takes(confirmation(order), name="1")
    assert (found["state"], found["vendor"], found["number"]) == ("applied", "ACME", "SO-77")
    assert found["outcome"] == {"order": order, "state": "confirmed"}
    assert lines_of(shop, order) == {"CUP": (40, 0, "2026-03-09"), "TEA": (90, 0, "2026-03-16")}
    assert inbound_of(shop) == [
        ("CUP", 40, "confirmed", date(2026, 3, 9)), ("TEA", 60, "confirmed", date(2026, 3, 9)),
        ("TEA", 30, "confirmed", date(2026, 3, 16)),
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
    days = {(sku, units): day.day for sku, units, _, day in inbound_of(shop)}
    assert days == {("CUP", 40): 20, ("TEA", 60): 20, ("TEA", 30): 16}


def test_a_whole_refusal_cancels_and_sends_no_cancellation(shop, takes, order):
    (found,) = takes(papers.x12(f"BAK*00*RJ*{order}*20260302"))
    assert found["outcome"] == {"order": order, "state": "cancelled"}
    purposes = [row["purpose"] for row in dispatches.page(shop)["dispatches"]]
    assert purposes == ["original"]


def test_a_line_that_is_refused_will_not_come(shop, takes, order):
    body = papers.CONFIRMED.replace("ACK*IA*40*EA*067*20260309", "ACK*IR")
    assert takes(confirmation(order, body))[0]["state"] == "applied"
    assert lines_of(shop, order)["CUP"][0] == 0
    assert {sku for sku, units, *_ in inbound_of(shop) if units} == {"TEA"}


def test_taken_in_full_needs_no_lines(shop, takes, order):
    (found,) = takes(papers.x12(f"BAK*00*AK*{order}*20260302\nDTM*067*20260312"))
    assert found["state"] == "applied", found
    assert lines_of(shop, order) == {"CUP": (40, 0, "2026-03-12"), "TEA": (100, 0, "2026-03-12")}


def test_a_confirmation_that_leaves_a_line_out_is_asked_about(takes, order):
    body = "\n".join(line for line in papers.CONFIRMED.splitlines() if "TEA" not in line
                     and "ACK*I" not in line.replace("ACK*IA", ""))  # fmt: skip
    (found,) = takes(confirmation(order, body))
    assert found["problem"].startswith("it says nothing of line 2, 'TEA'")


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


def test_a_ship_date_counts_with_the_way_to_us(shop, takes, order):
    put(shop, transit_days=3)
    (found,) = takes(confirmation(order).replace("*067*", "*068*"))
    assert found["state"] == "applied"
    assert lines_of(shop, order) == {"CUP": (40, 0, "2026-03-12"), "TEA": (90, 0, "2026-03-19")}


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


def test_items_by_their_other_names(shop, takes, order):
    """A vendor that repeats only an EAN which is our SKU too, or the numbers of our lines."""
    put(shop, echoes_lines=True)
    body = papers.CONFIRMED.replace("BP*CUP*VP*C-1", "UP*CUP").replace("BP*TEA", "VP*T-9")
    assert takes(confirmation(order, body))[0]["state"] == "applied"
    assert lines_of(shop, order)["TEA"][0] == 90


def test_the_total_of_an_invoice_is_kept_to_the_cent(shop, takes, order):
    (found,) = takes(invoice(order))
    assert found["state"] == "applied"
    said = documents.get(shop, found["id"])["said"]
    assert Decimal(said["total"]) == Decimal("350.50")
    assert said["issued_on"] == "2026-03-11"
