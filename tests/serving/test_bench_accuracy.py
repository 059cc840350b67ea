"""The accuracy bench: scores against sums done by hand, windows that hide the future, and peers."""

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from inventory.errors import InputRejected
from models.baseline import MovingAverage, SeasonalNaive
from serving.bench import accuracy, accuracy_boosted, accuracy_peers, accuracy_scores
from serving.bench.accuracy_data import DATA_SETS, DataSet, data_sets, load, split
from serving.bench.accuracy_peers import PEERS, Said
from serving.bench.forecast import Report, Run

START = date(2024, 1, 1)

SMALL = DataSet(
    name="small", files=("rows.parquet",), period_days=1, horizon=7, scored=(7,), sums=(2,),
    ahead=("promotion", "weather"), static=("category",), series=10**9, windows=2,
    read=lambda folder: pl.read_parquet(folder / "rows.parquet"),
)  # fmt: skip


def rows(series=10, periods=91):
    """Sales with a weekly rhythm and a promotion that lifts them; one day in nine sells out."""
    rng = np.random.default_rng(4)
    day = np.tile(np.arange(periods), series)
    item = np.repeat(np.arange(series), periods)
    promotion = (day % 10 < 2).astype(float)
    mean = (4 + item) * (1 + 0.5 * (day % 7 >= 5)) * (1 + 0.6 * promotion)
    return pl.DataFrame(
        {
            "sku": [f"s{i:02}" for i in item],
            "location": "l",
            "date": [START + timedelta(days=int(d)) for d in day],
            "units": rng.poisson(mean).astype(float),
            "in_stock": np.where((day + item) % 9 == 0, 0.6, 1.0),
            "promotion": promotion,
            "weather": np.where(day % 3 == 0, "rain", "sun"),
            "category": [f"c{i % 3}" for i in item],
        }
    )


@pytest.fixture(scope="module")
def window():
    return split(SMALL, rows(), back=0)


# Two series, two days. The first sold 10 and 2; its history 8, 4, ..., eight days, is worth a
# naive error of |8 - 4| = 4. The second sold 0 and 5, the 5 while it was not in stock all day.
HISTORY = np.array([[4.0] * 7 + [8.0], [1.0] * 7 + [3.0]])
ACTUAL = np.array([[10.0, 2.0], [0.0, 5.0]])
IN_STOCK = np.array([[True, True], [True, False]])
QUANTILES = np.array(
    [
        [[4.0, 8.0, 12.0, 14.0, 16.0], [1.0, 2.0, 3.0, 4.0, 5.0]],
        [[0.0, 1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0]],
    ]
)


@pytest.fixture
def by_hand(window):
    return replace(
        window,
        past_units=HISTORY,
        actual_units=ACTUAL,
        in_stock=IN_STOCK,
        keys=window.keys.head(2),
    )


def said(quantiles=QUANTILES, **more):
    return Said(np.arange(2), quantiles, quantiles[..., 1], **more)


def test_losses_are_those_worked_out_by_hand(by_hand):
    found = accuracy_scores.score(by_hand, said(), periods=2)
    # Pinball at 0.1, 0.5, 0.9, 0.95, 0.99, day by day:
    first = np.mean([0.1 * 6, 0.5 * 2, 0.1 * 2, 0.05 * 4, 0.01 * 6])
    second = np.mean([0.1 * 1, 0.0, 0.1 * 1, 0.05 * 2, 0.01 * 3])
    third = np.mean([0.0, 0.5 * 1, 0.1 * 2, 0.05 * 3, 0.01 * 4])
    fourth = np.mean([0.1 * 5, 0.5 * 4, 0.9 * 3, 0.95 * 2, 0.99 * 1])
    assert found["sql"] == pytest.approx(((first + second) / 2 / 4 + (third + fourth) / 2 / 2) / 2)
    assert found["sql_in_stock"] == pytest.approx(((first + second) / 2 / 4 + third / 2) / 2)
    assert found["wape_median"] == pytest.approx((2 + 0 + 1 + 4) / 17)
    # Off by 2, 0 where the naive error is 4, and by 1, 4 where it is 2.
    assert found["mase"] == pytest.approx(((2 + 0) / 2 / 4 + (1 + 4) / 2 / 2) / 2)
    assert found["bias"] == pytest.approx((-2 + 0 + 1 - 4) / 17)
    assert (found["coverage95"], found["coverage95_in_stock"]) == (0.75, 1.0)


def test_only_the_first_periods_count_where_asked(by_hand):
    found = accuracy_scores.score(by_hand, said(), periods=1)
    assert found["wape_median"] == pytest.approx((2 + 1) / 10)


def test_sums_are_covered_as_sums(by_hand):
    sums = {2: np.array([[6.0, 9.0, 11.0, 12.0, 13.0], [0.0, 1.0, 2.0, 3.0, 5.0]])}
    found = accuracy_scores.sum_coverage(by_hand, said(sums_units=sums))
    assert found["sum2_coverage95"] == 0.5  # 12 <= 12, but 5 > 3.
    assert found["sum2_coverage99"] == 1.0
    assert found["sum2_coverage95_in_stock"] == 1.0
    assert found["sum2_series_in_stock"] == 1


def line(method, kind, sql, wape, **more):
    return {
        "data": "d", "periods": 7, "method": method, "kind": kind, "series": 100, "sql": sql,
        "wape_median": wape, "wape_mean": None, "ours_sql": 0.18, "ours_wape": 0.33,
        "sql_in_stock": 0.16, "ours_sql_in_stock": 0.152,
        "coverage95": 0.951, "coverage99": 0.985, "coverage95_in_stock": 0.925,
        "coverage99_in_stock": 0.99,
    } | more  # fmt: skip


def test_the_verdict_compares_with_the_best_on_the_same_series():
    found = accuracy_scores.verdict([
        line("vouch", "ours", 0.18, 0.33),
        line("arima", "member", 0.2, 0.34),
        line("boosted", "peer", 0.2, 0.34, wape_mean=0.32),
        # On its sample we are at 0.30, so 0.25 there beats us, whatever we do elsewhere.
        line("slow", "peer", 0.25, 0.5, ours_sql=0.30),
    ], [{"data": "d", "sum7_coverage95": sum7} for sum7 in (0.9, 0.94)])  # fmt: skip
    assert (found["best_peer"], found["sql_percent_of_best_peer"]) == ("slow", 20.0)
    assert (found["best_peer_by_wape"], found["wape_percent_of_best_peer"]) == ("boosted", 3.12)
    assert found["sql_in_stock_percent_of_best_peer"] == -5.0
    assert (found["best_member"], found["sql_percent_of_best_member"]) == ("arima", -10.0)
    assert found["reached"] == {
        "coverage95": True, "coverage95_in_stock": False, "coverage99": True,
        "coverage99_in_stock": True, "sql_5_percent_below_peers": False,
        "sum7_coverage95": False, "wape_no_worse_than_peers": False,
        "better_than_each_member": True,
    }  # fmt: skip


def test_means_are_over_windows():
    every = [
        line("vouch", "ours", sql, 0.3, bias=0.0, mase=0.9, sql_in_stock=0.1) for sql in (0.1, 0.3)
    ]
    (found,) = accuracy_scores.means(every)
    assert (found["sql"], found["windows"]) == (pytest.approx(0.2), 2)


def test_windows_follow_each_other_and_hide_what_comes_after(tmp_path):
    early, late = (split(SMALL, rows(), back=back) for back in (1, 0))
    assert late.origin == START + timedelta(days=91 - 7 - 1)
    assert early.origin == late.origin - timedelta(days=7)
    assert early.dates()[-1] == late.origin
    assert np.array_equal(early.actual_units, late.past_units[:, -7:])
    history, future = (pl.read_parquet(path) for path in early.write(tmp_path))
    assert history["date"].max() == early.origin
    assert set(future.columns) == {"sku", "location", "date", "promotion", "weather"}
    assert (future["date"].min(), future["date"].max()) == (
        early.origin + timedelta(days=1), late.origin,
    )  # fmt: skip


def test_other_units_later_change_nothing_that_anybody_sees():
    known = rows()
    last = known["date"].max() - timedelta(days=6)
    other = known.with_columns(pl.when(pl.col("date") >= last).then(99.0)
                               .otherwise("units").alias("units"))  # fmt: skip
    seen, unseen = (split(SMALL, frame, back=0) for frame in (known, other))
    assert not np.array_equal(seen.actual_units, unseen.actual_units)
    assert np.array_equal(seen.past_units, unseen.past_units)
    assert seen.history.equals(unseen.history)
    assert seen.future.equals(unseen.future)
    assert all(np.array_equal(seen.ahead[name], unseen.ahead[name]) for name in seen.ahead)


def test_inputs_of_the_boosted_peer_know_nothing_after_their_origin(window):
    later = replace(window, past_units=window.past_units.copy())
    later.past_units[:, 60:] = 1e3
    for h in (1, 7):
        before, after = (
            accuracy_boosted._row_block(accuracy_boosted._seen(each, masked=True), 59, h)
            for each in (window, later)
        )
        assert np.array_equal(before, after, equal_nan=True)


def test_one_run_from_files_to_verdicts(tmp_path, monkeypatch):
    monkeypatch.setitem(DATA_SETS, "small", SMALL)
    monkeypatch.setattr(
        "pipelines.predict.members_of", lambda *_, **__: [SeasonalNaive(), MovingAverage()]
    )
    rows().write_parquet(tmp_path / "rows.parquet")
    report = accuracy.measure(accuracy.Plan(data=("small",), peers=(), threads=1), tmp_path)
    told = json.loads(json.dumps(report.as_dict(), default=str, allow_nan=False))
    assert [row["untouched"] for row in told["windows"]] == 3 * [False] + 3 * [True]
    (all_windows,), (last,) = told["verdicts"], told["verdicts_untouched"]
    each = [row["sql"] for row in told["windows"] if row["kind"] == "ours"]
    assert all_windows["sql"] == pytest.approx(sum(each) / 2)
    assert last["sql"] == each[-1]
    members = {row["method"]: row["sql"] for row in told["means"] if row["kind"] == "member"}
    assert set(members) == {"seasonal_naive", "moving_average"}
    assert all_windows["sql_percent_of_best_member"] == pytest.approx(
        100 * (all_windows["sql"] / min(members.values()) - 1), abs=0.01
    )
    held = accuracy.measure(replace(report.plan, hold_last=True), tmp_path)
    assert held.rows == [row | {"seconds": held.rows[at]["seconds"]}
                         for at, row in enumerate(report.rows[:3])]  # fmt: skip
    assert held.verdicts(untouched=True) == []
    with pytest.raises(InputRejected) as refused:
        accuracy.measure(replace(held.plan, windows=1), tmp_path)
    assert refused.value.field == "windows"


def test_a_sample_of_series_is_the_same_every_time(tmp_path):
    rows().write_parquet(tmp_path / "rows.parquet")
    drawn = [load(SMALL, tmp_path, series=4, seed=seed)["sku"].unique(maintain_order=True)
             for seed in (1, 1, 2)]  # fmt: skip
    assert len(drawn[0]) == 4
    assert drawn[0].equals(drawn[1])
    assert not drawn[0].equals(drawn[2])


@pytest.mark.parametrize(
    ("field", "plan", "folder"),
    [
        ("data-dir", accuracy.Plan(peers=()), None),
        ("data-dir", accuracy.Plan(peers=()), "."),
        ("data", accuracy.Plan(data=("m5",), peers=()), "."),
        ("peers", accuracy.Plan(peers=("prophet",)), "."),
    ],
)
def test_what_cannot_be_measured_is_named(tmp_path, field, plan, folder):
    with pytest.raises(InputRejected) as refused:
        accuracy.measure(plan, folder and tmp_path / folder)
    assert refused.value.field == field


def test_absent_peers_are_said_with_the_remedy(monkeypatch):
    monkeypatch.setattr(accuracy_peers, "PACKAGES", ("no_such_package",))
    with pytest.raises(InputRejected, match=r"no_such_package.*make bench-peers"):
        accuracy_peers.peers(None)
    assert accuracy_peers.peers(()) == []


def test_more_windows_than_the_data_hold_are_refused():
    with pytest.raises(InputRejected) as refused:
        split(SMALL, rows(), back=12)
    assert refused.value.field == "windows"


def test_every_data_set_sums_and_scores_inside_its_horizon():
    for data in data_sets(list(DATA_SETS)):
        assert max(*data.scored, *data.sums) <= data.horizon


@pytest.mark.parametrize("name", PEERS)
def test_peers_answer_like_forecasters(name, window):
    if accuracy_peers.missing():
        pytest.skip(f"not installed: {accuracy_peers.missing()}; run make bench-peers")
    answer = accuracy_peers.ask(PEERS[name], window, sample=3, seed=1, threads=1)
    assert answer.quantiles_units.shape == (len(answer.rows), 7, 5)
    assert np.isfinite(answer.quantiles_units).all()
    assert (answer.quantiles_units >= 0).all()
    assert (np.diff(answer.quantiles_units, axis=2) >= 0).all()
    # Poisson demand around a rhythm that all can see: nobody may be far off.
    assert accuracy_scores.score(window, answer, periods=7)["wape_median"] < 0.6


def test_growth_is_what_a_further_series_costs():
    runs = [
        Run(1_000, 62, 300.0, 1.0),
        Run(10_000, 62, 480.0, 3.0),
        Run(50_000, 62, 1_280.0, 9.0),
    ]
    report = Report("full", runs, 70.0, {})
    assert report.further_series_seconds == [0.02, 0.02]
    assert (report.growth, report.as_dict()["linear"]) == (1.0, True)
    assert report.lines()[2] == "50,000 series of 62 days: 1280 s, 9.00 GiB, 39.1 series/s"
    # A scan of all for each: 40,000 further series cost 25 times what 9,000 did.
    dearer = replace(report, runs=[*runs[:2], replace(runs[2], seconds=4_980.0)])
    assert dearer.as_dict()["linear"] is False
    assert "GROWS" in dearer.lines()[3]
    assert replace(report, runs=runs[:2]).as_dict()["linear"] is None
