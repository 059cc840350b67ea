"""Overrides over HTTP: stated at any level, seen at once in forecast, buffer, policy, promise."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import poisson

from inventory.demand import LEVELS, DemandForecast
from inventory.store import database, forecasts, planning
from inventory.store import overrides as store
from pipelines.settings import Settings
from serving import app
from serving.api import overrides
from serving.api.context import Call
from serving.auth import Principal
from serving.messages_overrides import SeriesOverride

NOW = datetime.now(UTC)
TODAY = NOW.date()
LEVEL = np.array(LEVELS)


def day(ahead):
    return (TODAY + timedelta(days=ahead)).isoformat()


def forecast_of(keys, mean, *, run_id):
    return DemandForecast(
        skus=tuple(sku for sku, _ in keys),
        locations=tuple(location for _, location in keys),
        first_day=TODAY,
        levels=LEVEL,
        quantiles_units=np.broadcast_to(poisson.ppf(LEVEL, mean), (len(keys), 14, len(LEVEL))),
        mean_units=np.full((len(keys), 14), float(mean)),
        dependence=np.full((len(keys), 2), 0.1),
        run_id=run_id,
        model_version="7",
    )


class Plan:
    """Two stores that sell three things at 6 a day each, with policies and a promise buffer."""

    def __init__(self, shop, database_url):
        self.shop = shop
        self.database_url = database_url
        self.category = f"tea-{shop.mark}"
        self.stores = [shop.location(name, kind="store") for name in ("N", "S")]
        shop.ok(shop.client.put(f"/vendors/V-{shop.mark}", json={"lead_time_days": 2}))
        facts = {"vendor": f"V-{shop.mark}", "unit_cost": 2, "price": 5, "category": self.category}
        self.skus = [shop.sku(name, **facts) for name in ("GREEN", "BLACK", "RED")]
        self.keys = sorted((sku, at) for sku in self.skus for at in self.stores)
        self.run("run")
        rule = {"sku": self.skus[0], "forecast": {"level": 0.95}}
        shop.ok(shop.client.put(f"/buffer-rules/R-{shop.mark}", json=rule))
        shop.stock(self.skus[0], self.stores[0], 100)

    def run(self, name, mean=6):
        """A new forecast run comes into force."""
        with database.connect(self.database_url) as db:
            run = forecast_of(self.keys, mean, run_id=f"{name}-{self.shop.mark}")
            forecasts.store_run(db, run, now=datetime.now(UTC))

    def state(self, path="", *, client=None, status=201, **body):
        body = {"from": day(0), "to": day(6), "reason": "promotion"} | body
        client = client or self.shop.client
        answer = client.post(f"/forecasts/{path}overrides", json=body)
        return self.shop.ok(answer, 201) if status == 201 else problem(answer, status)

    def one(self, **body):
        return self.state(f"{self.skus[0]}/{self.stores[0]}/", **body)

    def forecast(self, sku=0, at=0, **query):
        path = f"/forecasts/{self.skus[sku]}/{self.stores[at]}"
        return self.shop.ok(self.shop.client.get(path, params=query))

    def means(self, sku=0, at=0):
        return [day["mean"] for day in self.forecast(sku, at)["days"]]

    def finished(self, job):
        """The job at its end, which is a good one."""
        deadline = time.monotonic() + 30
        while (found := self.shop.ok(self.shop.client.get(f"/jobs/{job['id']}")))["state"] in (
            "queued", "running",
        ):  # fmt: skip
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert found["state"] == "succeeded", found
        return found

    def policy(self):
        path = f"/policies/{self.skus[0]}/{self.stores[0]}"
        return self.shop.ok(self.shop.client.get(path))

    def atp(self):
        return self.shop.atp(self.skus[0], location=self.stores[0])["atp"]


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return answer.json()


@pytest.fixture
def plan(shop, http_database_url):
    return Plan(shop, http_database_url)


def test_a_factor_shows_beside_the_statistical_mean(plan):
    before = plan.forecast()
    assert before["overrides"] == []
    told = plan.one(factor=2.5, note="two for one")
    assert told["scope"] == {"sku": plan.skus[0], "location": plan.stores[0]}
    assert (told["active"], told["note"], told["factor"]) == (True, "two for one", 2.5)
    assert told["expected"] == {"statistical": 42, "final": 105}
    after = plan.forecast(window=7)
    assert after["overrides"] == [told["id"]]
    assert [d["mean"] for d in after["days"]] == [15] * 7 + [6] * 7
    assert [d["statistical_mean"] for d in after["days"]] == [6] * 14
    assert after["window"]["mean"] == 105
    assert after["days"][0]["q95"] > before["days"][0]["q95"]
    assert after["days"][7:] == before["days"][7:]
    assert after["run"] == before["run"]
    # A forecast of counts stays one: 15 a day by chance, 0.95 of days at 21 or less.
    assert after["days"][0]["q95"] == pytest.approx(poisson.ppf(0.95, 15), abs=1)


def test_buffer_policy_and_promise_follow_at_once_and_a_new_run_keeps_them(plan):
    plain = plan.one(factor=1)
    assert plain["replanned"]["state"] == "done"
    assert plain["replanned"]["policies_changed"] >= 1
    atp, policy = plan.atp(), plan.policy()
    up = plan.one(factor=3)
    assert up["replanned"]["buffers_changed"] >= 1
    assert plan.atp() < atp
    assert plan.policy()["reorder_point"] > policy["reorder_point"]
    assert plan.policy()["safety_stock"] > policy["safety_stock"]
    plan.run("later", mean=7)
    assert plan.means()[:8] == [21] * 7 + [7]
    gone = plan.shop.client.delete(f"/forecasts/overrides/{up['id']}", params={"reason": "off"})
    assert plan.shop.ok(gone, 200)["withdrawn"]["reason"] == "off"
    assert plan.means()[:8] == [7] * 8
    # The run since moved the forecast from 6 to 7 a day.
    assert plan.policy()["reorder_point"] == pytest.approx(policy["reorder_point"] + 3, abs=1.5)


def test_buffer_and_policy_go_back_once_it_expires(plan):
    plan.one(factor=1)
    atp, policy = plan.atp(), plan.policy()
    expires = datetime.now(UTC) + timedelta(minutes=5)
    plan.one(factor=3, expires_at=expires.isoformat())
    assert plan.atp() < atp

    def look(moment):
        settings = Settings(database_url=plan.database_url)
        app._replan_expired(SimpleNamespace(settings=settings, clock=lambda: moment))

    look(expires - timedelta(seconds=1))
    assert plan.atp() < atp
    with database.connect(plan.database_url) as db, planning.turn(db):
        look(expires)
    assert plan.atp() < atp, "who plans goes first"
    look(expires)
    assert plan.atp() == atp
    assert plan.policy()["reorder_point"] == policy["reorder_point"]
    with database.connect(plan.database_url) as db:
        assert store.read_expired(db, now=expires) == [], "once is enough"


def test_a_category_reconciles_with_its_items(plan):
    plan.one(quantity=210)
    told = plan.state(category=plan.category, quantity=700)
    assert told["series"] == 6
    assert told["expected"]["final"] == pytest.approx(700)
    assert sum(plan.means(0, 0)[:7]) == pytest.approx(210, abs=0.01)
    for sku, at in [(0, 1), (1, 0), (1, 1), (2, 0), (2, 1)]:
        assert sum(plan.means(sku, at)[:7]) == pytest.approx(490 / 5, abs=0.01)


def test_a_quantity_per_day(plan):
    plan.one(quantity=12.5, quantity_basis="per_day", to=day(1))
    assert plan.means()[:3] == [12.5, 12.5, 6]


def test_a_wide_scope_is_planned_by_a_job(plan, monkeypatch, http_database_url):
    """Six series of this test, and as many others as it takes."""
    many = [(plan.shop.sku(f"X{n}", category=plan.category), plan.stores[0]) for n in range(100)]
    with database.connect(http_database_url) as db:
        run = forecast_of(many, 2, run_id=f"many-{plan.shop.mark}")
        forecasts.store_run(db, run, now=NOW)
    plan.one(factor=1)
    atp = plan.atp()
    key = {"Idempotency-Key": f"wide-{plan.shop.mark}"}
    body = {"category": plan.category, "factor": 3, "reason": "event", "from": day(0), "to": day(6)}
    first = plan.shop.client.post("/forecasts/overrides", json=body, headers=key)
    told = plan.shop.ok(first, 201)
    assert told["series"] == 106
    job = told["replanned"]
    assert job["state"] == "queued"
    assert plan.means()[0] == 18, "the forecast does not wait for it"
    again = plan.shop.client.post("/forecasts/overrides", json=body, headers=key)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json() == told
    found = plan.finished(job)
    assert found["result"]["buffers_changed"] >= 1
    assert plan.atp() < atp


def test_while_others_plan_it_is_planned_by_a_job(plan, http_database_url):
    """The daily job has read the layer, and writes policies later: they would not know of it."""
    plan.one(factor=1)
    before = plan.policy()
    with database.connect(http_database_url) as db, planning.turn(db):
        told = plan.one(factor=3)
        assert told["replanned"]["state"] == "queued"
        assert plan.means()[0] == 18, "the forecast does not wait for it"
        assert plan.policy() == before
    plan.finished(told["replanned"])
    assert plan.policy() != before
    assert plan.one(factor=2)["replanned"]["state"] == "done"


def test_a_repeat_states_nothing_twice(plan):
    key = {"Idempotency-Key": f"once-{plan.shop.mark}"}
    body = {"from": day(0), "to": day(2), "factor": 2, "reason": "event"}
    path = f"/forecasts/{plan.skus[0]}/{plan.stores[0]}/overrides"
    told = [plan.shop.client.post(path, json=body, headers=key).json() for _ in range(2)]
    assert told[0] == told[1]
    assert plan.means()[0] == 12
    other = plan.shop.client.post(path, json=body | {"factor": 3}, headers=key)
    assert problem(other, 409)["type"].endswith("/idempotency-conflict")


def test_what_cannot_be_planned_is_not_stated_either(plan, http_database_url, monkeypatch):
    """Else who tries again, as told, has stated a factor twice."""

    def failing(*_, **__):
        raise RuntimeError("no space left on device")

    monkeypatch.setattr(overrides, "replan", failing)
    pool = SimpleNamespace(connection=lambda _: database.connect(http_database_url))
    call = Call(
        SimpleNamespace(pool=pool, settings=None), Principal("k1", "planner"), datetime.now(UTC)
    )
    body = SeriesOverride(**{"from": day(0), "to": day(2), "factor": 2, "reason": "event"})
    with pytest.raises(RuntimeError):
        overrides.state_one(plan.skus[0], plan.stores[0], body, call)
    assert plan.forecast()["overrides"] == []


def test_it_expires(plan):
    soon = datetime.now(UTC) + timedelta(seconds=1.5)
    told = plan.one(factor=2, expires_at=soon.isoformat())
    assert plan.means()[0] == 12
    time.sleep(max(0, (soon - datetime.now(UTC)).total_seconds()) + 0.1)
    assert plan.means()[0] == 6
    found = plan.shop.ok(plan.shop.client.get(f"/forecasts/overrides/{told['id']}"))
    assert found["active"] is False


def test_lists_by_scope_and_page(plan, client_of):
    ids = [plan.one(factor=1 + n / 10)["id"] for n in range(3)]
    plan.state(sku=plan.skus[1], factor=2)
    viewer = client_of("viewer")

    def listed(**query):
        query = {"sku": plan.skus[0]} | query
        return plan.shop.ok(viewer.get("/forecasts/overrides", params=query))

    assert [row["id"] for row in listed()["overrides"]] == ids[::-1]
    page = listed(limit=2)
    assert [row["id"] for row in page["overrides"]] == ids[:0:-1]
    rest = listed(limit=2, cursor=page["next_cursor"])
    assert ([row["id"] for row in rest["overrides"]], rest["next_cursor"]) == (ids[:1], None)
    withdrawn = plan.shop.client.delete(
        f"/forecasts/overrides/{ids[1]}", params={"reason": "a slip"}
    )
    assert withdrawn.json()["withdrawn"]["by"].startswith("admin:")
    assert [row["id"] for row in listed(active=True)["overrides"]] == [ids[2], ids[0]]
    assert [row["id"] for row in listed(active=False)["overrides"]] == [ids[1]]
    bad = viewer.get("/forecasts/overrides", params={"cursor": "nonsense"})
    assert problem(bad, 422)["field"] == "cursor"


def test_it_is_on_record_who_stated_and_who_withdrew(plan, client_of):
    told = plan.one(factor=2, client=client_of("planner"), note="fair")
    plan.state(category=plan.category, quantity=9, quantity_basis="per_day", reason="weather")
    path = f"/forecasts/overrides/{told['id']}"
    plan.shop.client.delete(path, params={"reason": "the fair is off"})

    def records(**query):
        answer = plan.shop.ok(plan.shop.client.get("/audit", params=query))
        return [row for row in answer["records"] if row["record"] == "override"]

    gone, wide, stated = records(sku=plan.skus[0])
    assert (gone["act"], gone["reason"]) == ("withdraw", "the fair is off")
    assert gone["actor"].startswith("admin:")
    assert stated["actor"].startswith("planner:")
    assert (stated["act"], stated["reason"], stated["sku"]) == ("state", "promotion", plan.skus[0])
    assert stated["detail"]["factor"] == 2
    assert stated["detail"]["note"] == "fair"
    assert (wide["sku"], wide["detail"]["category"]) == (None, plan.category)
    assert [row["act"] for row in records(sku=plan.skus[1])] == ["state"]
    assert records(sku=plan.shop.sku("OTHER")) == []
    paged, query = [], {"sku": plan.skus[0], "limit": 1}
    while True:
        page = plan.shop.ok(plan.shop.client.get("/audit", params=query))
        paged += [row for row in page["records"] if row["record"] == "override"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert paged == [gone, wide, stated]


def test_who_may(plan, client_of):
    for role in ("viewer", "oms", "buyer", "scientist"):
        plan.one(factor=2, client=client_of(role), status=403)
    told = plan.one(factor=2, client=client_of("planner"))
    assert told["created_by"].startswith("planner:")
    path = f"/forecasts/overrides/{told['id']}"
    assert client_of("viewer").delete(path, params={"reason": "no"}).status_code == 403


def test_what_is_refused_names_its_field(plan):
    for body, field in [
        ({}, "quantity"),
        ({"factor": 2, "quantity": 5}, "factor"),
        ({"factor": -1}, "factor"),
        ({"factor": 40}, "factor"),
        ({"quantity": -3}, "quantity"),
        ({"factor": 2, "from": day(3), "to": day(2)}, "to"),
        ({"factor": 2, "from": day(-9), "to": day(-3)}, "to"),
        ({"factor": 2, "from": "2199-12-30", "to": "2199-12-31"}, "to"),
        ({"factor": 2, "from": "9999-12-31", "to": "9999-12-31"}, "from"),
        ({"factor": 2, "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"factor": 2, "reason": ""}, "reason"),
        ({"factor": 2, "from": 7}, "from"),
        ({"factor": 2, "quanttiy": 7}, "quanttiy"),
        ({"factor": True}, "factor"),
    ]:
        assert plan.one(status=422, **body)["field"] == field, body
    for body, field in [
        ({"factor": 2}, "total"),
        ({"factor": 2, "total": True, "sku": plan.skus[0]}, "total"),
        ({"factor": 2, "sku": "no-such"}, "sku"),
        ({"factor": 2, "location": "no-such"}, "location"),
        ({"factor": 2, "category": "no-such"}, "category"),
        ({"factor": 2, "vendor": "no-such"}, "vendor"),
        ({"factor": 2, "group": "no-such"}, "group"),
    ]:
        assert plan.state(status=422, **body)["field"] == field, body
    assert plan.one(factor=40, confirm=True)["factor"] == 40


def test_no_forecast_to_override(plan):
    sku = plan.shop.sku("NEW")
    assert plan.state(f"{sku}/{plan.stores[0]}/", factor=2, status=404)["kind"] == "forecast"
    assert plan.state(sku=sku, factor=2, status=404)["kind"] == "forecast"
    # An unknown SKU is a missing page in a path, and a wrong field in a body.
    plan.state(f"no-such/{plan.stores[0]}/", factor=2, status=404)


def test_a_withdrawal_sent_again_is_the_same_only_with_the_same_reason(plan):
    path = f"/forecasts/overrides/{plan.one(factor=2)['id']}"
    sent = {"headers": {"Idempotency-Key": f"gone-{plan.shop.mark}"}}
    first = plan.shop.client.delete(path, params={"reason": "the fair is off"}, **sent)
    again = plan.shop.client.delete(path, params={"reason": "the fair is off"}, **sent)
    assert (again.status_code, again.json()) == (200, first.json())
    other = plan.shop.client.delete(path, params={"reason": "a slip"}, **sent)
    assert problem(other, 409)["type"].endswith("/idempotency-conflict")


def test_withdrawn_once(plan):
    path = f"/forecasts/overrides/{plan.one(factor=2)['id']}"
    assert problem(plan.shop.client.delete(path), 422)["field"] == "reason"
    blank = plan.shop.client.delete(path, params={"reason": " "})
    assert problem(blank, 422)["field"] == "reason"
    assert plan.shop.client.delete(path, params={"reason": "no"}).status_code == 200
    again = plan.shop.client.delete(path, params={"reason": "no"})
    assert problem(again, 409)["type"].endswith("/state-conflict")
    long = plan.shop.client.delete(path, params={"reason": "x" * 1001})
    assert problem(long, 422)["field"] == "reason"
    unknown = plan.shop.client.delete("/forecasts/overrides/99999999", params={"reason": "no"})
    assert problem(unknown, 404)["kind"] == "override"
