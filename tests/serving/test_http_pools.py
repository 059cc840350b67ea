"""The pool over all tiers and bundles on groups, over HTTP."""

from datetime import UTC, datetime, timedelta


def test_the_pool_and_its_tiers(shop):
    """4 in a store today; 9 at a hub that handles for 2 days; 50 at a vendor that needs 6."""
    vendor = f"v-{shop.mark}"
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 6}))
    sku = shop.sku(vendor=vendor)
    store = shop.location("S1", kind="store")
    hub = shop.location("H1", kind="hub", handling_days=2)
    at_vendor = shop.location("V1", kind="vendor")
    for location, units in ((store, 4), (hub, 9), (at_vendor, 50)):
        shop.stock(sku, location, units)
    late = (datetime.now(UTC).date() + timedelta(days=6)).isoformat()
    pool = shop.atp(sku, group="*", horizon=7, quantity=60, explain=True)
    assert [day["atp"] for day in pool["days"]] == [4, 4, 13, 13, 13, 13, 63, 63]
    assert pool["earliest_date"] == late
    assert [term["source"] for term in pool["terms"]] == [f"store: {store}"]
    assert shop.atp(sku, group="tier:hub", horizon=3)["days"][2]["atp"] == 9

    lines = [{"sku": sku, "quantity": 60}]
    assert shop.reserve(lines, place={"group": "*"}).status_code == 409
    order = f"O-{shop.mark}"
    shop.ok(shop.reserve(lines, place={"group": "*"}, kind="hard", on=late, order_id=order), 201)
    assert shop.atp(sku, group="*", horizon=6)["days"][6]["atp"] == 3
    told = shop.ok(shop.client.post(f"/orders/{order}/allocate", json={"id": shop.mark}))
    places = {line["location"]: line["quantity"] for line in told["lines"]}
    assert (places[at_vendor], places[hub], sum(places.values())) == (50, 9, 60)


def test_built_in_groups_can_be_read_and_not_written(shop):
    location = shop.location("S1", kind="store")
    for group in ("*", "tier:store"):
        assert location in shop.ok(shop.client.get(f"/groups/{group}"))["locations"]
        refused = shop.client.put(f"/groups/{group}", json={"locations": [location]})
        assert (refused.status_code, refused.json()["field"]) == (422, "id")


def test_a_bundle_that_ships_together_on_a_group(shop):
    pair, left, right = (shop.sku(name) for name in ("pair", "left", "right"))
    body = {"components": {left: 1, right: 1}, "ship_together": True}
    told = shop.ok(shop.client.put(f"/bundles/{pair}", json=body))
    assert told["ship_together"] is True
    one, two = shop.location("one"), shop.location("two")
    group = f"g-{shop.mark}"
    shop.ok(shop.client.put(f"/groups/{group}", json={"locations": [one, two]}))
    for sku, location, units in ((left, one, 3), (right, one, 1), (right, two, 5)):
        shop.stock(sku, location, units)
    assert shop.atp(pair, group=group, explain=True)["atp"] == 1
    made = shop.ok(shop.reserve([{"sku": pair, "quantity": 1}], place={"group": group}), 201)
    assert made["lines"][0]["location"] == one
    shop.ok(shop.client.put(f"/bundles/{pair}", json={"components": body["components"]}))
    assert shop.atp(pair, group=group)["atp"] == 2
