"""The reasons of a forecast over HTTP and on the command line, from a small trained ensemble."""

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import httpx
import numpy as np
import polars as pl
import pytest
from plotly.utils import PlotlyJSONEncoder

from features.catalog import GROUPS
from inventory.store import database
from inventory.store import history as sales
from models.baseline import MovingAverage
from models.boosting import BoostingForecaster, Effort
from models.ensemble import Ensemble
from pipelines.explanation import read
from pipelines.forecast import forecast
from pipelines.history import load_panel
from serving.cli import run as run_command
from serving.console.explanation_card import explanation_cards
from serving.console.wording import sentence

NOW = datetime.now(UTC)
TODAY = NOW.date()
DAYS, HORIZON = 91, 10
LITTLE = Effort(examples_max=1500, rounds=12, columns_max=20, scout_examples_max=500)


def sold(rng, kind):
    """Units a day. The fair's: its first month comes again twice as large, after 5 a day."""
    if kind != "FAIR":
        return rng.poisson(8.0, DAYS).astype(float)
    month = rng.poisson(9.0, 28) + 1.0
    return np.concatenate([month, np.full(7, 5.0), rng.poisson(9.0, DAYS - 63), 2 * month])


@pytest.fixture(scope="module")
def told(admin, http_database_url):
    """Three SKUs at two places, forecast by a trained ensemble from yesterday's sales."""
    mark, rng = uuid.uuid4().hex[:8], np.random.default_rng(4)
    vendor, places = f"V-{mark}", [f"{place}-{mark}" for place in ("N", "S")]
    names = [f"{name}-{mark}" for name in ("FAIR", "PLAIN", "QUIET")]
    made = [admin.put(f"/vendors/{vendor}", json={"lead_time_days": 2})]
    made += [admin.put(f"/locations/{p}", json={"name": p, "type": "store"}) for p in places]
    made += [admin.put(f"/skus/{sku}", json={"name": sku, "vendor": vendor}) for sku in names]
    assert all(answer.is_success for answer in made)
    days = [TODAY - timedelta(days=DAYS - t) for t in range(DAYS)]
    frames = [
        pl.DataFrame({"sku": sku, "location": place, "day": days,
                      "units": sold(rng, sku.partition("-")[0] if place == places[0] else "")})
        for sku in names
        for place in places
    ]  # fmt: skip
    with database.connect(http_database_url) as db:
        sales.upsert_sales_days(db, pl.concat(frames), now=NOW)
        panel = load_panel(db, horizon_days=HORIZON, skus=names)
        members = [BoostingForecaster(seed=1, effort=LITTLE), MovingAverage()]
        fitted = Ensemble(members, windows=2).fit(panel, horizon=HORIZON)
        run = {"model_version": f"m/{mark}", "now": NOW, "horizon": HORIZON}
        run_id = forecast(db, panel, fitted, **run)
        forecast(db, panel, fitted, **run, skus=[names[2]], explained=False)
    return SimpleNamespace(
        sku=names[0], place=places[0], unexplained=names[2], other=names[1], vendor=vendor,
        run_id=run_id, version=f"m/{mark}", path=f"/forecasts/{names[0]}/{places[0]}",
    )  # fmt: skip


def asked(client, path):
    answer = client.get(f"{path}/explanation")
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_drivers_sum_to_the_forecast_in_force(admin, told):
    found = asked(admin, told.path)
    assert (found["run"], found["model_version"]) == (told.run_id, told.version)
    assert found["origin"] == (TODAY - timedelta(days=1)).isoformat()
    week = admin.get(told.path, params={"horizon": 7}).json()["days"]
    assert found["periods"] == 7
    assert found["mean"] == pytest.approx(np.mean([day["mean"] for day in week]), abs=2e-4)
    assert sum(driver["units"] for driver in found["drivers"]) == pytest.approx(
        found["mean"], abs=1e-3
    )
    terms = [driver["term"] for driver in found["drivers"]]
    assert terms == ["level", *GROUPS, "other members", "calibration"]


def test_features_say_why_and_members_how_much_they_count(admin, told):
    found = asked(admin, told.path)
    assert 1 <= len(found["features"]) <= 5
    assert all(feature["group"] in GROUPS for feature in found["features"])
    assert all(len(feature["why"]) > 10 for feature in found["features"])
    sizes = [abs(feature["units"]) for feature in found["features"]]
    assert sizes == sorted(sizes, reverse=True)
    assert [member["member"] for member in found["members"]] == ["boosting", "moving_average"]
    assert sum(member["weight"] for member in found["members"]) == pytest.approx(1, abs=1e-3)
    # The booster's own mean is the level and what its features move it by.
    its_own = {driver["term"]: driver["units"] for driver in found["drivers"]}
    boosted = sum(its_own[term] for term in ("level", *GROUPS))
    assert boosted == pytest.approx(found["members"][0]["mean"], abs=2e-2)


def test_the_past_that_came_again_is_found_with_what_followed(admin, told):
    analogue = asked(admin, told.path)["analogue"]
    first = TODAY - timedelta(days=DAYS)
    assert analogue["location"] == told.place
    assert date.fromisoformat(analogue["from"]) == first
    assert date.fromisoformat(analogue["to"]) == first + timedelta(days=27)
    assert analogue["distance"] == pytest.approx(0, abs=1e-6)
    # Five a day followed, when it sold half of what it sells now.
    assert analogue["followed"] == {
        "from": (first + timedelta(days=28)).isoformat(),
        "to": (first + timedelta(days=34)).isoformat(),
        "units_per_day": 10,
    }


def test_an_override_is_one_more_term(admin, told):
    path = told.path.replace(told.sku, told.other)
    before = asked(admin, path)
    body = {"from": TODAY.isoformat(), "to": (TODAY + timedelta(days=6)).isoformat(),
            "factor": 1.5, "reason": "event"}  # fmt: skip
    assert admin.post(f"{path}/overrides", json=body).status_code == 201
    after = asked(admin, path)
    assert after["statistical_mean"] == before["mean"] == before["statistical_mean"]
    assert after["mean"] == pytest.approx(1.5 * before["mean"], rel=1e-3)
    assert after["drivers"][:-1] == before["drivers"]
    last = after["drivers"][-1]
    assert last["term"] == "overrides"
    assert last["units"] == pytest.approx(before["mean"] / 2, rel=1e-3)


def test_a_run_without_reasons_says_so(admin, told):
    answer = admin.get(f"/forecasts/{told.unexplained}/{told.place}/explanation")
    assert answer.status_code == 404
    assert "kept no reasons" in answer.json()["detail"]
    assert "VOUCH_EXPLAIN" in answer.json()["detail"]
    nothing = admin.get(f"/forecasts/nosuch/{told.place}/explanation")
    assert (nothing.status_code, nothing.json()["kind"]) == (404, "forecast")


def test_a_vendor_reads_the_reasons_of_its_own_skus(client_of, admin, told):
    assert asked(client_of("vendor", told.vendor), told.path)["run"] == told.run_id
    other = f"W-{told.vendor}"
    assert admin.put(f"/vendors/{other}", json={"lead_time_days": 2}).is_success
    stranger: httpx.Client = client_of("vendor", other)
    assert stranger.get(f"{told.path}/explanation").status_code == 403


def test_the_command_prints_what_the_api_says(admin, told, http_database_url, monkeypatch, capsys):
    monkeypatch.setenv("VOUCH_DATABASE_URL", http_database_url)
    asked_for = ["explain", told.sku, "--location", told.place]
    assert run_command([*asked_for, "--json"]) == 0
    api = asked(admin, told.path)
    assert json.loads(capsys.readouterr().out) == api
    assert run_command(asked_for) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"{told.sku} at {told.place}" in lines[0]
    printed = {line.split()[1]: float(line.split()[0]) for line in lines[1:9]}
    assert printed["level"] == pytest.approx(api["drivers"][0]["units"], abs=0.005)
    assert any(api["features"][0]["name"] in line for line in lines)
    assert any("what followed" in line for line in lines)


def test_the_console_shows_drivers_members_and_the_precedent(told, http_database_url):
    with database.connect(http_database_url) as db:
        found = read(db, told.sku, told.place, now=NOW)
    shown = json.dumps(explanation_cards(found), cls=PlotlyJSONEncoder)
    assert "Why this forecast" in shown
    largest = max(found.drivers, key=lambda part: abs(part.units))
    assert sentence(largest.term) in shown
    assert all(sentence(part.member) in shown for part in found.members)
    assert "10 units a day" in shown
