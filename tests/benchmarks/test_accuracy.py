"""Our forecasts beside the best peer's, on a part of the public data that nothing is hidden in.

The aim is to lose 5 % less than whoever comes closest; the verdicts say where it is reached. What
the tests hold is less: on FreshRetail and VN2 the closest peer was tuned on these very data, and
most of what remains is chance. A few hundred series on two windows are good to 1 or 2 %.
"""

import json

import pytest

from serving.bench import accuracy, accuracy_peers

PEERS = [
    "auto_ets", "auto_theta", "sba", "mlforecast_lightgbm", "lightgbm", "lightgbm_masked",
    "lightgbm_tuned", "lightgbm_tuned_masked",
]  # fmt: skip

LIMITS = {
    # Per cent above (below: negative) the closest peer, the closest untuned peer, the best member.
    "freshretail": (2.0, 0.0, 0.0),
    "vn2": (2.0, -1.0, 1.0),
    "rossmann": (-5.0, -5.0, 3.0),
}


@pytest.mark.data
@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("data", "series"), [("freshretail", 500), ("vn2", 599), ("rossmann", 200)]
)
def test_ours_stand_against_peers_and_their_own_members(shared_data, data, series):
    if accuracy_peers.missing():
        pytest.skip(f"not installed: {accuracy_peers.missing()}; run make bench-peers")
    plan = accuracy.Plan(
        data=(data,), series=series, windows=3, sample=150, peers=PEERS, hold_last=True
    )
    report = accuracy.measure(plan, shared_data)
    verdicts = report.verdicts()
    print(json.dumps(verdicts, indent=1))  # noqa: T201
    closest, untuned, member = LIMITS[data]
    for verdict in verdicts:
        assert verdict["sql_percent_of_best_peer"] <= closest
        assert verdict["wape_percent_of_best_peer"] <= 1.0
        assert verdict["sql_percent_of_best_member"] <= member
    for row in report.means:
        if row["method"] in PEERS and "tuned" not in row["method"]:
            assert 100 * (row["ours_sql"] / row["sql"] - 1) <= untuned, row["method"]
