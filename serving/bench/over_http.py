"""What a caller of the API waits for: open-loop loads on a real server over the loaded stock."""

import json
from collections.abc import Callable

from inventory.store import bench_data
from serving.bench.bed import Bed, Row, method_at
from serving.bench.load import Measured, Request, run
from serving.bench.servers import Running, cpu_seconds, serving

WARM_UP_SECONDS = 2.0
ASK_ONE_PER_SECOND = 300.0
ASK_ONE_P50_MS_MAX, ASK_ONE_P99_MS_MAX = 4.0, 20.0
MANY = 1_000
ASK_MANY_PER_SECOND = 4.0
ASK_MANY_P95_MS_MAX = 60.0
RESERVE_PER_SECOND = 100.0
RESERVE_P95_MS_MAX = 15.0

Make = Callable[[], Request]


def ask_one(bed: Bed) -> Row:
    """One availability by GET."""
    rng = bed.rng()

    def make() -> Request:
        ((sku, place),) = bed.pairs(rng, 1)
        view = f"location={place}&channel={bench_data.CHANNEL}&method={method_at(place)}"
        return Request("GET", f"/api/v2/availability/{sku}?{view}")

    measured, figures = _measured(bed, make, rate_per_second=ASK_ONE_PER_SECOND)
    p50, p99 = measured.percentile(50), measured.percentile(99)
    return Row(
        "HTTP: one availability",
        f"p50 <= {ASK_ONE_P50_MS_MAX:g} ms, p99 <= {ASK_ONE_P99_MS_MAX:g} ms "
        f"at {ASK_ONE_PER_SECOND:.0f} requests/s",
        figures,
        measured.all_answered("200") and p50 <= ASK_ONE_P50_MS_MAX and p99 <= ASK_ONE_P99_MS_MAX,
        cost_ms=p50,
    )


def ask_many(bed: Bed) -> Row:
    """A thousand availabilities in one query."""
    rng = bed.rng()

    def make() -> Request:
        items = [
            {
                "sku": sku,
                "location": place,
                "channel": bench_data.CHANNEL,
                "method": method_at(place),
            }
            for sku, place in bed.pairs(rng, MANY)
        ]
        body = json.dumps({"items": items}).encode()
        return Request("POST", "/api/v2/availability/query", body)

    measured, figures = _measured(bed, make, rate_per_second=ASK_MANY_PER_SECOND)
    p95 = measured.percentile(95)
    return Row(
        f"HTTP: {MANY:,} items in one query",
        f"p95 <= {ASK_MANY_P95_MS_MAX:g} ms",
        figures,
        measured.all_answered("200") and p95 <= ASK_MANY_P95_MS_MAX,
        cost_ms=measured.percentile(50),
    )


def reserve(bed: Bed) -> Row:
    """A reservation of one line."""
    rng = bed.rng()

    def make() -> Request:
        ((sku, place),) = bed.pairs(rng, 1)
        body = {
            "kind": "soft",
            "channel": bench_data.CHANNEL,
            "method": method_at(place),
            "location": place,
            "lines": [{"sku": sku, "quantity": 1}],
        }
        return Request("POST", "/api/v2/reservations", json.dumps(body).encode())

    measured, figures = _measured(bed, make, rate_per_second=RESERVE_PER_SECOND)
    p95 = measured.percentile(95)
    return Row(
        "HTTP: reserve one line",
        f"p95 <= {RESERVE_P95_MS_MAX:g} ms at {RESERVE_PER_SECOND:.0f}/s",
        figures,
        measured.all_answered("201") and p95 <= RESERVE_P95_MS_MAX,
        cost_ms=measured.percentile(50),
    )


def _measured(
    bed: Bed, make: Make, *, rate_per_second: float
) -> tuple[Measured, dict[str, object]]:
    with serving(bed.folder, bed.url, workers=bed.workers, now=bed.clock()) as running:
        _send(running, make, rate_per_second, min(bed.seconds, WARM_UP_SECONDS))
        before = cpu_seconds(running.process_group)
        measured = _send(running, make, rate_per_second, bed.seconds)
        spent = cpu_seconds(running.process_group) - before
    per_request = round(spent * 1000 / len(measured.milliseconds), 2)
    return measured, measured.as_dict() | {"server_cpu_ms": per_request}


def _send(running: Running, make: Make, rate_per_second: float, seconds: float) -> Measured:
    requests = [make() for _ in range(max(1, int(rate_per_second * seconds)))]
    return run(
        requests,
        rate_per_second=rate_per_second,
        host="127.0.0.1",
        port=running.port,
        key=running.key,
    )
