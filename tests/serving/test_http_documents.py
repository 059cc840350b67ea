"""Orders to vendors and what vendors answer, over HTTP."""

import uuid

import pytest

from inventory.store import database
from serving.connectors.edi.interchange import Party
from tests.inventory.ordering import NOW
from tests.serving.edi.papers import CONFIRMED, x12
from tests.serving.edi.papers import US as US_IN_PAPERS


@pytest.fixture
def sent(shop, client_of, http_database_url):
    """(shop, vendor, order id, edi id): an order of 40 cups and 100 teas that its vendor has."""
    vendor, dc, order = f"V-{shop.mark}", shop.location(), f"PO-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    skus = {name: shop.sku(name, vendor=vendor, unit_cost=2) for name in ("CUP", "TEA")}
    with database.connect(http_database_url) as db:
        db.execute(
            "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
            "updated_at, expected_on) values (%s, %s, %s, 'approved', %s, %s, '2030-03-09')",
            [order, vendor, dc, NOW, NOW],
        )
        for number, (name, units) in enumerate((("CUP", 40), ("TEA", 100)), start=1):
            db.execute(
                "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
                "unit_cost, explanation, run_id) values (%s, %s, %s, %s, 2, '{}', 'r')",
                [order, number, skus[name], units],
            )
    edi_id = shop.mark.upper()
    told = {"channel": "edi", "edi_standard": "x12", "edi_qualifier": "ZZ", "edi_id": edi_id}
    shop.ok(client_of("buyer").put(f"/vendors/{vendor}/dispatch", json=told))
    shop.ok(client_of("buyer").post(f"/purchase-orders/{order}/send"))
    return shop, vendor, order, edi_id


def reply(sent, body=CONFIRMED, **more):
    shop, _, order, edi_id = sent
    text = body.replace("PO-20260302-0001", order).replace("2026", "2030")
    text = text.replace("*CUP", f"*CUP-{shop.mark}").replace("*TEA", f"*TEA-{shop.mark}")
    return x12(text, sender=Party("ZZ", edi_id), receiver=US_IN_PAPERS, **more)


def hand_in(client, text, **query):
    headers = {"Content-Type": "application/octet-stream"}
    return client.post("/documents", content=text, headers=headers, params=query)


def test_settings_are_put_read_and_removed(shop, client_of):
    vendor = f"V-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"email": "a@b.example"}))
    path = f"/vendors/{vendor}/dispatch"
    by_mail = shop.ok(client_of("viewer").get(path))
    assert (by_mail["channel"], by_mail["emails"]) == ("email", ["a@b.example"])
    place = {"host": "sftp.acme.example", "user": "v", "host_key": "ssh-ed25519 AAAA"}
    told = {"channel": "edi", "edi_standard": "edifact", "edi_qualifier": "14",
            "edi_id": f"E{shop.mark}", "sftp": place}  # fmt: skip
    put = shop.ok(client_of("planner").put(path, json=told))
    assert put["sftp"] == {**place, "port": 22, "send_to": ".", "fetch_from": None}
    assert shop.ok(shop.client.get(path)) == {**put, "emails": ["a@b.example"]}
    for wrong, field in (
        ({"channel": "webhook"}, "webhook_url"),
        ({"channel": "webhook", "webhook_url": "http://vendor.example"}, "webhook_url"),
        ({"channel": "email", "emails": ["nobody"]}, "emails"),
        ({"channel": "fax"}, "channel"),
        ({**told, "sftp": {**place, "host_key": "none"}}, "sftp.host_key"),
        ({**told, "password": "x"}, "password"),
    ):
        refused = shop.client.put(path, json=wrong)
        assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert shop.client.delete(path).status_code == 204
    assert shop.client.delete(path).status_code == 404
    assert shop.client.put("/vendors/nobody/dispatch", json=told).status_code == 404


def test_a_dispatch_is_listed_printed_and_tried_again(sent, client_of):
    shop, vendor, order, _ = sent
    page = shop.ok(client_of("viewer").get("/dispatches", params={"vendor": vendor}))
    (row,) = page["dispatches"]
    assert (row["purchase_order"], row["purpose"]) == (order, "original")
    found = shop.ok(shop.client.get(f"/dispatches/{row['number']}"))
    assert [line["units"] for line in found["document"]["lines"]] == [40, 100]
    # The server of these tests has no name to put on an order, and says so.
    refused = shop.client.get(f"/dispatches/{row['number']}/pdf")
    assert refused.status_code == 409
    assert "VOUCH_COMPANY_NAME" in refused.json()["detail"]
    assert shop.client.get("/dispatches/none").status_code == 404
    assert shop.client.get("/dispatches", params={"state": "lost"}).status_code == 422
    assert shop.client.post("/dispatches/none/retry").status_code == 404


def test_a_document_is_handed_in_once_and_changes_the_order(sent, client_of):
    shop, vendor, order, _ = sent
    client = client_of("vendor", vendor)
    answer = shop.ok(hand_in(client, reply(sent), name="reply-1"))
    (document,) = answer["documents"]
    assert (document["state"], document["vendor"]) == ("applied", vendor), document
    assert shop.ok(hand_in(client, reply(sent), name="reply-1")) == answer
    found = shop.ok(shop.client.get(f"/purchase-orders/{order}"))
    assert found["state"] == "confirmed"
    assert [line["quantity"] for line in found["lines"]] == [40, 90]
    read = shop.ok(shop.client.get(f"/documents/{document['id']}"))
    assert read["said"]["order_id"] == order
    file = shop.client.get(f"/documents/{document['id']}/file")
    assert file.content.decode() == reply(sent)


def test_what_waits_is_listed_tried_again_and_dismissed(sent, client_of):
    shop, vendor, order, _ = sent
    buyer = client_of("buyer")
    wrong = reply(sent).replace("SE*EUR", "SE*USD")
    (document,) = shop.ok(hand_in(buyer, wrong))["documents"]
    assert (document["state"], document["reason"]) == ("quarantined", "contradictory")
    query = {"state": "quarantined", "vendor": vendor, "purchase_order": order}
    listed = shop.ok(client_of("viewer").get("/documents", params=query))
    assert [row["id"] for row in listed["documents"]] == [document["id"]]
    path = f"/documents/{document['id']}"
    assert client_of("oms").post(f"{path}/retry").status_code == 403
    (again,) = shop.ok(buyer.post(f"{path}/retry"))["documents"]
    assert (again["state"], again["attempts"]) == ("quarantined", 2)
    assert buyer.delete(path).status_code == 422
    done = shop.ok(buyer.delete(path, params={"reason": "asked the vendor"}))
    assert (done["state"], done["settled_why"]) == ("dismissed", "asked the vendor")
    assert buyer.post(f"{path}/retry").status_code == 409
    assert buyer.get("/documents/999999999").status_code == 404


def test_a_vendor_cannot_speak_for_another(sent, client_of, shop):
    other = f"VX-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{other}", json={"lead_time_days": 2}))
    (document,) = shop.ok(hand_in(client_of("vendor", other), reply(sent)))["documents"]
    assert (document["state"], document["reason"]) == ("quarantined", "contradictory")
    assert client_of("vendor", other).get("/documents").status_code == 403


def test_a_file_that_is_too_large_or_none_at_all_is_refused(shop, client_of):
    large = hand_in(client_of("buyer"), b" " * (1024 * 1024 + 1))
    assert large.status_code == 413
    assert hand_in(client_of("buyer"), b"").status_code == 422
    (document,) = shop.ok(hand_in(shop.client, uuid.uuid4().hex))["documents"]
    assert (document["state"], document["reason"]) == ("quarantined", "unreadable")


def test_the_description_says_that_a_file_is_sent_as_it_is(stranger):
    document = stranger.get("/openapi.json").json()
    body = document["paths"]["/api/v2/documents"]["post"]["requestBody"]
    assert list(body["content"]) == ["application/octet-stream"]
