"""Cost against size: what grows is called growing."""

from serving.bench.availability import Growth, Report
from serving.bench.bed import Row


def report(positions, **costs_ms):
    rows = [Row(name, "", {}, passed=True, cost_ms=cost) for name, cost in costs_ms.items()]
    return Report({}, {}, positions, 1.0, 7, rows, ["0 of 1 balances drift"], 0)


def test_costs_of_the_largest_size_are_compared_with_the_smallest():
    growth = Growth(
        [
            report(1_000, read=1.0, scan=1.0),
            report(10_000, read=9.0, scan=2.0),
            report(100_000, read=1.5, scan=10.0),
        ]
    )
    costs = growth.costs()
    assert (costs["read"]["times"], costs["read"]["flat"]) == (1.5, True)
    assert (costs["scan"]["times"], costs["scan"]["flat"]) == (10.0, False)
    read, scan = growth.lines()
    assert read == (
        "flat  read: 1.0 ms at 1,000 positions, 9.0 ms at 10,000 positions, "
        "1.5 ms at 100,000 positions (1.5x)"
    )
    assert scan.startswith("GROWS  scan: 1.0 ms at 1,000 positions, ")
