"""From outside: confirming after expiry, and many callers at once with one id each."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor


def held_for_a_second(shop, sku, dc, quantity):
    lines = [{"sku": sku, "quantity": quantity}]
    held = shop.ok(shop.reserve(lines, place={"location": dc}, ttl_seconds=1), 201)
    time.sleep(1.05)
    return f"/reservations/{held['id']}/confirm"


def test_an_expired_hold_is_had_again_only_where_it_was_asked(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 5)
    confirm = held_for_a_second(shop, sku, dc, 4)
    order = {"order_id": f"O-{uuid.uuid4().hex}"}
    assert shop.client.post(confirm, json=order).status_code == 410
    made = shop.ok(shop.client.post(confirm, json=order | {"reacquire": True}))
    assert (made["state"], made["order_id"]) == ("confirmed", order["order_id"])
    assert shop.ok(shop.client.post(confirm, json=order | {"reacquire": True})) == made
    assert shop.atp(sku, location=dc)["atp"] == 1


def test_what_others_took_meanwhile_is_told(shop):
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 5)
    confirm = held_for_a_second(shop, sku, dc, 4)
    shop.ok(shop.reserve([{"sku": sku, "quantity": 2}], place={"location": dc}), 201)
    order = {"order_id": f"O-{uuid.uuid4().hex}", "reacquire": True}
    refused = shop.client.post(confirm, json=order)
    assert refused.status_code == 409
    assert refused.json()["type"].endswith("/insufficient-stock")
    (line,) = refused.json()["lines"]
    assert (line["asked"], line["available"]) == (4, 3)


def test_a_crowd_with_ids_of_their_own_gets_exactly_the_stock(shop):
    """Each request is sent twice: repeats get the answer of the first, whichever came first."""
    dc, sku = shop.location(), shop.sku()
    shop.stock(sku, dc, 7)
    body = {"kind": "soft", "channel": shop.channel, "method": "ship", "location": dc}
    body |= {"lines": [{"sku": sku, "quantity": 1}]}

    def send(key):
        answer = shop.client.post(
            "/reservations", json=body, headers={"Idempotency-Key": f"{shop.mark}-{key}"}
        )
        return key, answer.status_code, answer.json().get("id")

    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(send, [key for key in range(12) for _ in range(2)]))
    assert sorted({status for _, status, _ in answers}) == [201, 409]
    by_key = {key: {(s, i) for k, s, i in answers if k == key} for key in range(12)}
    assert all(len(outcomes) == 1 for outcomes in by_key.values())
    assert sum(status == 201 for ((status, _),) in by_key.values()) == 7
    assert shop.atp(sku, location=dc)["atp"] == 0
