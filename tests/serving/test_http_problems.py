"""Every error leaves as a problem document, and every class of refusal has its row."""

import inspect
from datetime import UTC, datetime

import pytest
from fastapi.testclient import TestClient

from inventory import errors
from pipelines.settings import Settings
from serving import limits, problems
from serving.app import create_app


def subclasses(base):
    return {base} | {found for child in base.__subclasses__() for found in subclasses(child)}


def test_every_error_class_has_a_status():
    named = {
        e for _, e in inspect.getmembers(errors, inspect.isclass) if e.__module__ == errors.__name__
    }
    refusals = {e for e in named if issubclass(e, errors.VouchError)} - {errors.VouchError}
    assert refusals <= set(problems.KINDS)


def test_no_two_kinds_share_a_type():
    slugs = [kind.slug for kind in problems.KINDS.values()]
    assert len(slugs) == len(set(slugs))


@pytest.mark.parametrize(
    ("error", "status", "ending"),
    [
        (errors.ReservationExpired("R"), 410, "/reservation-expired"),
        (errors.InsufficientStock([]), 409, "/insufficient-stock"),
        (errors.IdempotencyConflict("k"), 409, "/idempotency-conflict"),
        (errors.Unavailable("x"), 503, "/unavailable"),
        (problems.TooManyRequests(retry_after_seconds=1), 429, "/too-many-requests"),
    ],
)
def test_status_and_type_are_stable(error, status, ending):
    body = problems.body_of(error)
    assert body["status"] == status
    assert body["type"].endswith(ending)


def problem(answer, status, ending):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(ending)
    return answer.json()


def test_no_such_path(admin):
    problem(admin.get("/no/such/path"), 404, "/not-found")


def test_wrong_method(admin):
    answer = admin.delete("/alerts")
    problem(answer, 405, "/method-not-allowed")
    assert answer.headers["allow"] == "GET"


def test_malformed_json(admin):
    answer = admin.post(
        "/reservations", content=b"{not json", headers={"Content-Type": "application/json"}
    )
    problem(answer, 400, "/malformed-json")


def test_nul_in_text_is_refused_not_stored(admin):
    problem(admin.put("/skus/odd", json={"name": "a\x00b"}), 422, "/invalid-input")
    problem(admin.put("/skus/a%00b", json={"name": "odd"}), 422, "/invalid-input")


@pytest.mark.parametrize("announced", [True, False])
def test_too_large_a_body(admin, announced):
    body = b"[" + b" " * limits.BODY_BYTES_MAX + b"]"
    chunks = body if announced else (body[at : at + 2**20] for at in range(0, len(body), 2**20))
    answer = admin.post(
        "/inventory/sync", content=chunks, headers={"Content-Type": "application/json"}
    )
    problem(answer, 413, "/request-too-large")


def app_client(database_url, tmp_path, **options):
    settings = Settings(database_url=database_url, data_dir=tmp_path)
    app = create_app(settings, with_inference=False, **options)

    @app.get("/breaks")
    def breaks():
        raise RuntimeError("secret detail")

    return TestClient(app, raise_server_exceptions=False)


def test_a_bug_leaves_without_its_traceback(database_url, tmp_path):
    with app_client(database_url, tmp_path) as client:
        answer = client.get("/breaks")
    problem(answer, 500, "/internal-error")
    assert "secret" not in answer.text


def test_an_allowance_per_key(database_url, tmp_path, db):
    from inventory.store import keys

    key = keys.create_key(db, role="viewer", vendor=None, label="", now=datetime.now(UTC))
    allowance = limits.Allowance(per_second=0.1, burst=2)
    with app_client(database_url, tmp_path, allowance=allowance) as client:
        headers = {"Authorization": f"Bearer {key}"}
        answers = [client.get("/api/v2/alerts", headers=headers) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert problem(answers[2], 429, "/too-many-requests")["retry_after_seconds"] == 10
    assert answers[2].headers["retry-after"] == "10"


def test_an_allowance_fills_again():
    seconds = [0.0]
    allowance = limits.Allowance(per_second=2, burst=1, clock_seconds=lambda: seconds[0])
    allowance.take("k")
    with pytest.raises(problems.TooManyRequests):
        allowance.take("k")
    allowance.take("another")
    seconds[0] = 0.5
    allowance.take("k")
