"""Our forecasts against the best peer's, on a part of the public data that nothing is hidden in."""

import json

import pytest

from serving.bench import accuracy, accuracy_peers


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("data", "series"), [("freshretail", 500), ("vn2", 599)])
def test_ours_lose_five_per_cent_less_than_the_best_peer(shared_data, data, series):
    if accuracy_peers.missing():
        pytest.skip(f"not installed: {accuracy_peers.missing()}; run make bench-peers")
    plan = accuracy.Plan(data=(data,), series=series, windows=3, sample=150, hold_last=True)
    report = accuracy.measure(plan, shared_data)
    verdicts = report.verdicts()
    print(json.dumps(verdicts, indent=1))  # noqa: T201
    for verdict in verdicts:
        assert verdict["sql_percent_of_best_peer"] <= -5.0
        assert verdict["reached"]["better_than_each_member"]
