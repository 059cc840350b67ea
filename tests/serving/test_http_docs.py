"""What the server tells about itself: documents without a CDN, probes, counters."""

import re

import pytest

from serving.api.docs import as_openapi_30


@pytest.fixture(scope="module")
def document(stranger):
    return stranger.get("/openapi.json").json()


def test_the_page_loads_nothing_from_elsewhere(stranger):
    page = stranger.get("/docs")
    assert page.status_code == 200
    assert not re.search(r"(https?:)?//", page.text.replace("<!DOCTYPE html>", ""))
    assets = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(assets) == 3
    for asset in assets:
        found = stranger.get(asset)
        assert found.status_code == 200
        assert len(found.content) > 500


def test_openapi_names_every_path_of_the_contract(document):
    assert document["openapi"].startswith("3.1")
    promised = {
        ("put", "/api/v2/locations/{id}"), ("put", "/api/v2/skus/{id}"),
        ("put", "/api/v2/vendors/{id}"), ("put", "/api/v2/channels/{id}"),
        ("put", "/api/v2/groups/{id}"), ("put", "/api/v2/bundles/{sku}"),
        ("put", "/api/v2/buffer-rules/{id}"),
        ("post", "/api/v2/inventory/sync"), ("patch", "/api/v2/inventory/{sku}"),
        ("post", "/api/v2/inventory/move"), ("get", "/api/v2/inventory"),
        ("get", "/api/v2/inventory/{sku}"), ("put", "/api/v2/inbound/{id}"),
        ("post", "/api/v2/inbound/{id}/receive"), ("get", "/api/v2/ledger"),
        ("get", "/api/v2/availability/{sku}"), ("post", "/api/v2/availability/query"),
        ("post", "/api/v2/reservations"), ("get", "/api/v2/reservations/{id}"),
        ("delete", "/api/v2/reservations/{id}"), ("post", "/api/v2/reservations/{id}/confirm"),
        ("post", "/api/v2/reservations/{id}/extend"), ("post", "/api/v2/inventory/reserve"),
        ("post", "/api/v2/inventory/release"), ("get", "/api/v2/orders/{id}"),
        ("post", "/api/v2/orders/{id}/{act}"), ("get", "/api/v2/forecasts/{sku}/{location}"),
        ("post", "/api/v2/forecasts/{sku}/{location}/overrides"),
        ("get", "/api/v2/policies/{sku}/{location}"), ("get", "/api/v2/purchase-orders"),
        ("patch", "/api/v2/purchase-orders/{id}"), ("post", "/api/v2/purchase-orders/{id}/{act}"),
        ("get", "/api/v2/alerts"), ("get", "/api/v2/jobs/{id}"),
    }  # fmt: skip
    described = {(m, path) for path, methods in document["paths"].items() for m in methods}
    assert promised <= described


def test_every_operation_says_what_it_does(document):
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path}"
            assert len(operation["summary"].split()) > 1, f"{method} {path}"
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', str(document).replace("'", '"')))
    assert references <= set(document["components"]["schemas"])


def test_refusals_are_described_as_they_are_sent(document, stranger):
    for path, methods in document["paths"].items():
        if not path.startswith("/api/v2/"):
            continue
        for method, operation in methods.items():
            refused = operation["responses"]["default"]["content"]
            assert list(refused) == ["application/problem+json"], f"{method} {path}"
            assert "422" not in operation["responses"], "which would be described as plain JSON"
    told = stranger.get("/api/v2/events")
    schema = refused["application/problem+json"]["schema"]
    assert told.headers["content-type"] in refused
    assert set(schema["required"]) <= set(told.json()) <= set(schema["properties"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ("AvailabilityItem", {"quantity", "on", "horizon", "explain"}),
        ("Bundle", {"ship_together"}),
        ("BufferRule", {"lookahead_days"}),
        ("Confirmation", {"reacquire"}),
        ("Location", {"cutoff", "put_away_lag_days", "handling_days", "receipt_approval"}),
        ("OrderAct", {"rest", "on", "strategy"}),
        ("PreSale", {"available_on", "cap", "channel_caps"}),
        ("Reservation", {"on", "ttl_seconds", "allow_partial", "priority", "order_id"}),
        ("SupplyLink", {"method", "ratio", "reserve", "starts_at", "ends_at", "sku"}),
    ],
)
def test_fields_with_a_rule_behind_them_say_it(document, body, fields):
    properties = document["components"]["schemas"][body]["properties"]
    assert fields <= {name for name, told in properties.items() if told.get("description")}


def test_the_page_reads_openapi_30(stranger):
    older = stranger.get("/docs/openapi.json")
    assert older.json()["openapi"] == "3.0.3"
    assert '"type":"null"' not in older.text
    assert '"const"' not in older.text


def test_bounds_are_said_in_the_words_of_30():
    assert as_openapi_30({"exclusiveMinimum": 0}) == {
        "minimum": 0,
        "exclusiveMinimum": True,
        "openapi": "3.0.3",
    }


def test_probes(stranger):
    assert stranger.get("/healthz").json() == {"status": "ok"}
    assert stranger.get("/readyz").json() == {"status": "ready"}


def test_counters_count_by_route_not_by_id(stranger, admin):
    admin.get("/reservations/no-such-id-1")
    admin.get("/reservations/no-such-id-2")
    answer = stranger.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    counted = re.search(
        r'vouch_http_requests_total\{method="GET",'
        r'route="/api/v2/reservations/\{id\}",status="404"\} (\d+)',
        answer.text,
    )
    assert int(counted[1]) >= 2
    assert "no-such-id" not in answer.text
    assert "vouch_http_request_seconds_bucket" in answer.text
