"""What a person refused is not proposed the day after, and says so until the need has grown."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy.stats import norm

from inventory.auto_approval import AutoApproval
from inventory.demand import LEVELS, DemandForecast
from inventory.store import auto_approval, order_refusals
from inventory.store.forecasts import store_run
from inventory.store.planning_exceptions import list_exceptions
from inventory.store.purchase_orders import act, edit, list_orders
from pipelines.held_orders import KIND
from pipelines.replenish import replenish
from pipelines.settings import Settings

NOW = datetime(2026, 3, 2, 6, tzinfo=UTC)
LEVEL = np.array(LEVELS)


def forecast(db, *, tea=10.0, cup=4.0, now=NOW):
    mean = np.array([cup, tea])
    quantiles = mean[:, None] * np.maximum(1 + 0.3 * norm.ppf(LEVEL), 0)
    store_run(db, DemandForecast(
        skus=("CUP", "TEA"), locations=("S1",) * 2, first_day=now.date(), levels=LEVEL,
        quantiles_units=np.repeat(quantiles[:, None], 28, axis=1),
        mean_units=np.repeat(mean[:, None], 28, axis=1), dependence=np.full((2, 2), 0.1),
        run_id=f"run-{now:%d}-{tea:g}-{cup:g}", model_version="test",
    ), now=now)  # fmt: skip


@pytest.fixture
def shop(db):
    """TEA and CUP of one vendor in one store, nothing on hand, and a rule that approves."""
    db.execute("insert into locations (location, name, type) values ('S1', 'One', 'store')")
    db.execute(
        "insert into vendors (vendor, name, lead_time_days, email) "
        "values ('ACME', 'Acme', 5, 'acme@example.com')"
    )
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price) values "
        "('TEA', 'Tea', 'ACME', 4, 9), ('CUP', 'Cup', 'ACME', 2, 5)"
    )
    forecast(db)
    return db


def plan(db, *, days=0, **settings):
    """The proposed units by SKU after a run so many days later."""
    replenish(db, Settings(seed=7, **settings), now=NOW + timedelta(days=days))
    return {line["sku"]: line["quantity"] for order in drafts(db) for line in order["lines"]}


def drafts(db):
    return list_orders(db, state="proposed")["orders"]


def held(db):
    return {each["sku"]: each for each in list_exceptions(db, kind=KIND)}


def reject(db):
    (order,) = drafts(db)
    act(db, order["id"], "reject", actor="pia", role="planner", now=NOW, reason="under dispute")


def test_a_rejected_order_is_not_made_again_nor_approved(shop):
    """As a planner met it: rejected, and a rule had bought it at the next run."""
    auto_approval.put(shop, AutoApproval("all", value_max=1e6), actor="bea", now=NOW)
    shop.execute("update auto_approval_rules set enabled = false")
    first = plan(shop)
    assert set(first) == {"TEA", "CUP"}
    reject(shop)
    shop.execute("update auto_approval_rules set enabled = true")
    assert plan(shop) == {}
    assert {order["state"] for order in list_orders(shop)["orders"]} == {"rejected"}
    told = held(shop)["TEA"]
    assert told["blocks"]
    for words in (f"needs {first['TEA']} units", "pia refused", "under dispute", "2026-03-09"):
        assert words in told["message"]
    (tea,) = order_refusals.list_refusals(shop, now=NOW, days=7, sku="TEA")
    assert f"vouch planning lift {tea['id']}" in told["remedy"]
    assert f"/order-refusals/{tea['id']}/lift" in told["remedy"]
    events = shop.execute("select count(*) from purchase_order_events").fetchone()
    assert plan(shop) == {}  # And again nothing: neither lines nor history.
    assert shop.execute("select count(*) from purchase_order_events").fetchone() == events


def test_what_a_budget_had_cut_is_held_for_the_whole_need(shop):
    shop.execute(
        "insert into budgets (budget_id, amount, starts_on, ends_on) "
        "values ('march', 100, '2026-03-01', '2026-03-31')"
    )
    cut = plan(shop)
    reject(shop)
    assert plan(shop) == {}
    assert set(held(shop)) >= set(cut)


def test_a_line_that_is_taken_out_stays_out_and_the_others_follow_the_plan(shop):
    first = plan(shop)
    (order,) = drafts(shop)
    edit(shop, order["id"], actor="pia", role="planner", now=NOW, reason="the cafe is closed",
         lines=[{"sku": "CUP", "quantity": 0}])  # fmt: skip
    shop.execute("update vendors set min_order_value = 100000")
    again = plan(shop)
    assert set(again) == {"TEA"}  # Nor does it fill the order up to the vendor's minimum.
    assert again["TEA"] >= first["TEA"]
    assert set(held(shop)) == {"CUP"}


def test_it_is_proposed_again_once_its_term_is_over(shop):
    first = plan(shop)
    reject(shop)
    forecast(shop, now=NOW + timedelta(days=2))
    assert plan(shop, days=2) == {}
    assert plan(shop, days=2, refused_order_days=1) == first
    assert held(shop) == {}


def test_it_is_proposed_again_when_somebody_lifts_it(shop):
    first = plan(shop)
    reject(shop)
    assert plan(shop) == {}
    (tea,) = order_refusals.list_refusals(shop, now=NOW, days=7, sku="TEA")
    order_refusals.lift(shop, tea["id"], actor="bea", reason="settled", now=NOW, days=7)
    assert plan(shop) == {"TEA": first["TEA"]}
    assert set(held(shop)) == {"CUP"}


@pytest.mark.parametrize(("tea", "back"), [(11.0, False), (15.0, True)])
def test_it_is_proposed_again_when_the_need_has_clearly_grown(shop, tea, back):
    first = plan(shop)
    reject(shop)
    forecast(shop, tea=tea)
    found = plan(shop)
    assert set(found) == ({"TEA"} if back else set())
    if back:
        assert found["TEA"] >= 1.25 * first["TEA"]
        (ended,) = order_refusals.list_refusals(shop, now=NOW, days=7, sku="TEA", held_only=False)
        assert ended["ended_by"] == "planning"
        assert f"grew from {first['TEA']} to {found['TEA']} units" in ended["ended_reason"]
        forecast(shop, tea=tea - 0.5)
        assert set(plan(shop)) == {"TEA"}  # Said once that it is needed, it does not flicker.


def test_it_is_proposed_again_on_the_day_on_which_stock_was_to_run_out(shop):
    """55 TEA last five and a half days at 10 a day: they run out on 7 March."""
    shop.execute(
        "insert into balances (sku, location, status, units, updated_at) "
        "values ('TEA', 'S1', 'available', 55, %s)", [NOW],
    )  # fmt: skip
    assert "TEA" in plan(shop)
    (order,) = drafts(shop)
    out_on = next(line for line in order["lines"] if line["sku"] == "TEA")["worth"]["stock_out_on"]
    assert out_on == "2026-03-07"
    reject(shop)
    forecast(shop, now=NOW + timedelta(days=4))
    assert "TEA" not in plan(shop, days=4)
    assert "or 2026-03-07" in held(shop)["TEA"]["message"]
    assert "TEA" in plan(shop, days=5)
