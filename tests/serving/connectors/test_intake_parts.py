"""Documents of vendors that deliver in parts: what each says of some units leaves the others be."""

from datetime import date

import pytest

from inventory.catalog import Channel
from inventory.store import catalog
from inventory.store.availability import availability
from inventory.store.purchase_orders import get_order
from tests.inventory.ordering import NOW, do, inbound_of
from tests.serving.connectors.replies import confirmation, of, put, shipment
from tests.serving.edi import papers

EARLY, LATE = date(2026, 3, 6), date(2026, 3, 20)

SPLIT = """
    BAK*00*AC*PO-20260302-0001*20260302****SO-77*20260303
    PO1*1*40*EA*2*PE*BP*CUP
    ACK*IA*40*EA*067*20260309
    PO1*2*100*EA*4.25*PE*BP*TEA
    ACK*IA*60*EA*067*20260306
    ACK*IB*40*EA*067*20260320
    CTT*2
"""
"""All the cups; of 100 teas 60 early, and 40 backordered."""


@pytest.fixture
def shop(centre):
    put(centre)
    catalog.put(centre, Channel("web"))
    return centre


def notice(order, number, *goods, control):
    """A shipment of (sku, units), here on the 6th."""
    packed = "".join(
        f"\n    HL*{n}*2*I\n    LIN*{n}*BP*{sku}\n    SN1**{units}*EA"
        for n, (sku, units) in enumerate(goods, start=3)
    )
    body = f"""
    BSN*00*{number}*20260303*1142*0001
    HL*1**S
    DTM*017*20260306
    HL*2*1*O
    PRF*PO-20260302-0001{packed}
    CTT*{2 + len(goods)}
    """
    return shipment(order, body, control=control)


def promisable(db, sku, on):
    told = availability(db, sku=sku, location="DC", channel="web", method="ship", now=NOW, on=on)
    return told.atp


def test_units_on_the_road_are_promised_though_others_are_backordered(shop, takes, order):
    (found,) = takes(confirmation(order, SPLIT), name="1")
    assert found["state"] == "applied", found
    assert (promisable(shop, "TEA", EARLY), promisable(shop, "TEA", LATE)) == (60, 100)
    (found,) = takes(notice(order, "SHP-1", ("TEA", 60), control="000000401"), name="2")
    assert found["state"] == "applied", found
    assert inbound_of(shop)[1:] == [
        ("TEA", 60, "shipped", EARLY), ("TEA", 40, "confirmed", LATE),
    ]  # fmt: skip
    assert (promisable(shop, "TEA", EARLY), promisable(shop, "TEA", LATE)) == (60, 100)
    tea = get_order(shop, order)["lines"][1]
    assert [(part["units"], part["shipment"]) for part in tea["parts"]] == [
        (60, "SHP-1"), (40, None),
    ]  # fmt: skip


def test_the_first_notice_says_nothing_of_other_lines_and_the_vendor_may(shop, takes, order):
    """A notice for TEA, then the confirmation, which has CUP late, then that CUP will not come."""
    takes(notice(order, "SHP-1", ("TEA", 100), control="000000401"), name="1")
    assert (promisable(shop, "TEA", EARLY), promisable(shop, "CUP", LATE)) == (100, 0)
    late = SPLIT.replace("ACK*IA*40*EA*067*20260309", "ACK*IA*40*EA*067*20260320")
    (found,) = takes(confirmation(order, late), name="2")
    assert (found["state"], found["outcome"]) == ("applied", {"order": order, "state": "shipped"})
    assert inbound_of(shop) == [("CUP", 40, "confirmed", LATE), ("TEA", 100, "shipped", EARLY)]
    none = late.replace("BAK*00*AC", "BAK*05*AC").replace("ACK*IA*40*EA*067*20260320", "ACK*IR")
    (found,) = takes(confirmation(order, none, control="000000402"), name="3")
    assert found["state"] == "applied", found
    assert [(sku, units) for sku, units, *_ in inbound_of(shop) if units] == [("TEA", 100)]
    assert do(shop, order, "receive")["state"] == "received"


def test_a_confirmation_of_what_left_already_is_held_against_the_one_before(shop, takes, order):
    takes(confirmation(order, SPLIT), name="1")
    takes(notice(order, "SHP-1", ("TEA", 60), control="000000401"), name="2")
    (same,) = takes(confirmation(order, SPLIT, control="000000402"), name="3")
    assert (same["state"], same["reason"]) == ("quarantined", "duplicate")
    other = SPLIT.replace("ACK*IB*40*EA*067*20260320", "ACK*IB*40*EA*067*20260327")
    (found,) = takes(confirmation(order, other, control="000000403"), name="4")
    assert (found["state"], found["reason"]) == ("quarantined", "contradictory")
    assert "60 on 2026-03-06, 40 on 2026-03-27 instead of" in found["problem"]


def test_edifact_tells_of_parts_too(shop, takes, order):
    put(shop, edi_standard="edifact")
    body = of(order, papers.CONFIRMED_EDIFACT).replace(
        "    QTY+113:60:PCE\n    DTM+67:202603101200:203\n",
        "    SCC+1\n    QTY+113:60:PCE\n    DTM+67:20260306:102\n"
        "    SCC+1\n    QTY+113:40:PCE\n    DTM+67:20260320:102\n",
    ).replace("    PRI+AAA:4,25\n", "")  # fmt: skip
    (found,) = takes(papers.edifact(body), name="1")
    assert found["state"] == "applied", found
    assert inbound_of(shop)[1:] == [
        ("TEA", 60, "confirmed", EARLY), ("TEA", 40, "confirmed", LATE),
    ]  # fmt: skip
