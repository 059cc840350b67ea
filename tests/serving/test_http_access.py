"""Nobody gets in without a key, and nobody does what their role may not: on every route."""

import stat
from datetime import UTC, datetime, timedelta

import pytest

from pipelines.settings import Settings
from serving import auth
from serving.app import AREAS, OPEN_PATHS, create_app

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def guarded_routes():
    for area in AREAS:
        for route in area.router.routes:
            for method in sorted(route.methods):
                yield method, route.path, roles_of(route)


def roles_of(route):
    found = [
        dependency.call.roles
        for dependency in route.dependant.dependencies
        if hasattr(dependency.call, "roles")
    ]
    assert len(found) == 1, f"{route.path} must say once who may call it"
    return found[0]


ROUTES = list(guarded_routes())


def test_only_the_named_paths_are_open():
    app = create_app(Settings(data_dir="/nonexistent"))
    paths = set(app.openapi()["paths"]) | {getattr(route, "path", None) for route in app.routes}
    unguarded = paths - {path for _, path, _ in ROUTES} - set(OPEN_PATHS)
    # Both check their callers themselves: inference by key, the console by session.
    assert unguarded <= {"/inference/{rest:path}", "/console", None}
    assert len(ROUTES) > 30


def filled(path):
    return path.replace("{act}", "cancel").replace("{", "").replace("}", "")


@pytest.mark.parametrize(("method", "path", "roles"), ROUTES)
def test_no_key_no_answer(stranger, method, path, roles):
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic YTpi"}):
        answer = stranger.request(method, filled(path), headers=headers)
        assert answer.status_code == 401
        assert answer.json()["type"].endswith("/unauthenticated")
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "roles"), ROUTES)
def test_other_roles_may_not(stranger, key_of, method, path, roles):
    admin = {"Authorization": f"Bearer {key_of('admin')}"}
    vendor = stranger.put("/api/v2/vendors/V-roles", json={"lead_time_days": 3}, headers=admin)
    assert vendor.is_success
    assert "admin" in roles
    for role in set(auth.ROLES) - set(roles):
        key = key_of(role, "V-roles" if role == "vendor" else None)
        headers = {"Authorization": f"Bearer {key}"}
        answer = stranger.request(method, filled(path), headers=headers)
        assert answer.status_code == 403


def test_inference_checks_its_callers(stranger, key_of):
    assert stranger.post("/inference/forecast", json={}).status_code == 401
    viewer = {"Authorization": f"Bearer {key_of('viewer')}"}
    assert stranger.post("/inference/forecast", json={}, headers=viewer).status_code == 403


def test_a_vendor_sees_its_own_skus_only(client_of, admin, shop):
    mine, theirs = f"V1-{shop.mark}", f"V2-{shop.mark}"
    for vendor in (mine, theirs):
        shop.ok(admin.put(f"/vendors/{vendor}", json={"lead_time_days": 3}))
    dc = shop.location()
    own, other = shop.sku("own", vendor=mine), shop.sku("other", vendor=theirs)
    for sku in (own, other):
        shop.stock(sku, dc, 5)
    vendor = client_of("vendor", mine)
    assert vendor.get(f"/inventory/{own}").status_code == 200
    assert vendor.get(f"/inventory/{other}").status_code == 403
    assert vendor.get(f"/availability/{own}", params={"location": dc}).status_code == 200
    assert vendor.get(f"/availability/{other}", params={"location": dc}).status_code == 403
    listed = vendor.get("/inventory", params={"location": dc}).json()
    assert {item["sku"] for item in listed["items"]} == {own}
    items = [{"sku": own, "location": dc}, {"sku": other, "location": dc}]
    assert vendor.post("/availability/query", json={"items": items}).status_code == 403


def test_a_session_is_signed_and_ends():
    secret = b"s" * 32
    who = auth.Principal("k1", "planner")
    cookie = auth.issue_cookie(who, secret=secret, now=NOW)
    assert auth.principal_of_cookie(cookie, secret=secret, now=NOW) == who
    later = NOW + auth.SESSION_LIFETIME
    assert auth.principal_of_cookie(cookie, secret=secret, now=later - timedelta(seconds=1)) == who
    assert auth.principal_of_cookie(cookie, secret=secret, now=later) is None
    assert auth.principal_of_cookie(cookie, secret=b"t" * 32, now=NOW) is None
    payload, signature = cookie.split(".")
    for forged in (None, "", "x", f"{payload}x.{signature}", f"{payload}.{'0' * 64}", "é.é"):
        assert auth.principal_of_cookie(forged, secret=secret, now=NOW) is None


def test_the_secret_is_made_once_and_kept_private(tmp_path):
    secret = auth.cookie_secret(tmp_path)
    assert auth.cookie_secret(tmp_path) == secret
    assert len(secret) == 32
    assert stat.S_IMODE((tmp_path / "session.secret").stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["session.secret"]
