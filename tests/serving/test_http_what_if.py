"""Trying another policy over HTTP, on a forecast that planning would write."""

from datetime import UTC, datetime

import numpy as np
import pytest

from inventory.demand import LEVELS, DemandForecast
from inventory.store import database, forecasts

NOW = datetime.now(UTC)


@pytest.fixture
def steady(shop, http_database_url):
    """A SKU that sells three a day for certain, two days from its vendor."""
    vendor, dc = f"V-{shop.mark}", shop.location()
    shop.ok(shop.client.put(f"/vendors/{vendor}", json={"lead_time_days": 2}))
    sku = shop.sku(vendor=vendor, unit_cost=2.5, price=4, order_cost=0)
    certain = DemandForecast(
        skus=(sku,), locations=(dc,), first_day=NOW.date(), levels=np.array(LEVELS),
        quantiles_units=np.full((1, 14, len(LEVELS)), 3.0), mean_units=np.full((1, 14), 3.0),
        dependence=np.zeros((1, 2)), run_id=f"run-{shop.mark}", model_version="7",
    )  # fmt: skip
    with database.connect(http_database_url) as db:
        forecasts.store_run(db, certain, now=NOW)
    return sku, dc


def test_a_longer_lead_time_beside_the_present_one(shop, steady, client_of, http_database_url):
    sku, dc = steady
    asked = {"sku": sku, "location": dc, "lead_time_days": 4, "days": 14}
    answer = shop.ok(client_of("planner").post("/policies/what-if", json=asked))
    assert answer["changes"] == {"lead_time_days": 4}
    assert (answer["days"], answer["lost_sales"]) == (14, True)
    now, then = answer["present"], answer["what_if"]
    # Three a day over lead time and a day of review.
    assert (now["policy"]["reorder_point"], then["policy"]["reorder_point"]) == (9, 15)
    assert now["ahead"]["fill_rate"] == then["ahead"]["fill_rate"] == 1
    # The shelf was empty: until the fourth day nothing sells of the longer one's first order.
    assert (now["ahead"]["units_ordered"], then["ahead"]["units_ordered"]) == (14 * 3, 13 * 3)
    assert now["ahead"]["stock"] == 0
    assert then["ahead"]["stock"] == pytest.approx((12 + 9 + 6 + 3) / 14)
    with database.connect(http_database_url) as db:
        kept = db.execute("select count(*) from policies where sku = %s", [sku]).fetchone()
    assert kept == (0,)  # Nothing was changed.


@pytest.mark.parametrize(
    ("given", "status", "field"),
    [
        ({}, 422, None),
        ({"service_level": 2}, 422, "service_level"),
        ({"pack_size": 12, "days": 181}, 422, "days"),
        ({"fill_rate": 0.9, "service_level": 0.9}, 422, "fill_rate"),
        ({"pack": 12}, 422, "pack"),
        ({"location": "nowhere", "pack_size": 12}, 404, None),
    ],
    ids=["nothing", "certainty", "too long", "two targets", "a misspelling", "no forecast"],
)
def test_what_cannot_be_tried_is_refused(steady, client_of, given, status, field):
    sku, dc = steady
    body = {"sku": sku, "location": dc} | given
    answer = client_of("planner").post("/policies/what-if", json=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("field") == field


@pytest.mark.parametrize("role", ["viewer", "oms", "scientist"])
def test_only_who_plans_may_try(steady, client_of, role):
    sku, dc = steady
    body = {"sku": sku, "location": dc, "pack_size": 12}
    assert client_of(role).post("/policies/what-if", json=body).status_code == 403
