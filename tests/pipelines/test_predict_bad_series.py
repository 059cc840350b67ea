"""One bad series in a file: handled or refused with its row named, and the others stay as good."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from inventory.errors import InputRejected
from models.baseline import MovingAverage, SeasonalNaive
from models.boosting import BoostingForecaster, Effort
from pipelines.predict import predict_file

START = date(2024, 1, 1)
DAYS = 70
HORIZON = 7
LEVELS = [0.1, 0.5, 0.95]
GOOD = [f"good{i}" for i in range(12)]
WEEK = np.array([1, 0.8, 0.9, 1, 1.3, 1.6, 1.2])


def sold(sku, units, *, first=0, kind="a"):
    days = [START + timedelta(days=first + t) for t in range(len(units))]
    return pl.DataFrame({"sku": sku, "location": "x", "date": days,
                         "units": np.asarray(units, float), "kind": kind})  # fmt: skip


def week_of(level, seed, days=DAYS):
    return np.random.default_rng(seed).poisson(level * WEEK[np.arange(days) % 7])


def good():
    """Series that sell 5 to 16 units a day; some days say zero, so a missing day is a gap."""
    return pl.concat([sold(sku, week_of(5 + i, i), kind="ab"[i % 2])
                      for i, sku in enumerate(GOOD)])  # fmt: skip


def ahead():
    days = [START + timedelta(days=DAYS + h) for h in range(HORIZON)]
    return good().select("sku", "location", "kind").unique(maintain_order=True).join(
        pl.DataFrame({"date": days}), how="cross"
    )  # fmt: skip


def predict(folder, history, future=None, **more):
    history.write_parquet(folder / "h.parquet")
    if future is not None:
        future.write_parquet(folder / "f.parquet")
    report = predict_file(
        folder / "h.parquet", None if future is None else folder / "f.parquet",
        horizon=HORIZON, levels=LEVELS, out_path=folder / "o.parquet", **more,
    )  # fmt: skip
    return report, pl.read_parquet(report.out_path)


def quick_members(_preset, *, seed, threads, country):
    """Those of `fast`, the booster with a tenth of its rounds: what spoils shows all the same."""
    effort = Effort(examples_max=4000, rounds=30, scout_rounds=20)
    booster = BoostingForecaster(seed=seed, threads=threads, country=country, effort=effort)
    return [booster, SeasonalNaive(), MovingAverage()]


@pytest.fixture(autouse=True, scope="module")
def _quick():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pipelines.predict.members_of", quick_members)
        yield


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """What the good series get when they are alone."""
    return predict(tmp_path_factory.mktemp("usual"), good())[1]


BASE = week_of(10, 99)
AT_40 = np.arange(DAYS) == 40

BAD = {
    "constant": np.full(DAYS, 7.0),
    "zero": np.zeros(DAYS),
    "three_days": [9, 11, 10],
    "gappy": BASE,
    "duplicated": BASE,
    "negative": np.where(AT_40, -4, BASE),
    "nan": np.where(AT_40, np.nan, BASE),
    "future": BASE,
    "outlier": np.where(AT_40, 100 * BASE, BASE),
    "outliers": np.where(np.arange(DAYS) % 9 == 4, 100.0 * BASE, BASE),
    "all_negative": -1.0 - BASE,
}
FIRST_DAY = {"three_days": DAYS - 3, "future": 45}
NEAR = {
    "constant": 7, "zero": 0, "three_days": 10, "gappy": 11, "duplicated": 11, "negative": 11,
    "nan": 11, "future": 11, "outlier": 11,
}  # fmt: skip
"""Mean demand of what is left of the bad series: 10 times the mean of the week, 1.11."""

NAMED = {
    "duplicated": (DAYS, "came before"),
    "negative": (40, "negative"),
    "nan": (40, "not a number"),
    "future": (DAYS - 45, "after 2024-03-10, where the other series end"),
    "outlier": (40, "units, where the series usually sells"),
    "all_negative": (0, "negative"),
}
"""The row of the series that is named first, counted from its first, and why."""


def bad_rows(name):
    rows = sold(name, BAD[name], first=FIRST_DAY.get(name, 0))
    if name == "gappy":
        return rows.filter(pl.int_range(pl.len()) % 3 == 0)
    if name == "duplicated":
        return pl.concat([rows, rows.with_columns(pl.col("units") + 5)])
    return rows


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """What everybody gets with all bad series in one file, and at which row each begins."""
    parts = {"good": good()} | {name: bad_rows(name) for name in BAD}
    length = np.cumsum([1, *(len(part) for part in parts.values())])
    report, out = predict(tmp_path_factory.mktemp("spoiled"), pl.concat(parts.values()))
    return report, out, dict(zip(parts, length.tolist(), strict=False))


def test_bad_series_spoil_no_other(spoiled, usual):
    _, out, _ = spoiled
    assert out.select(pl.col("mean", "q0.1", "q0.95").is_finite().all()).row(0) == (True,) * 3
    assert out["date"].unique().sort().equals(usual["date"].unique().sort())
    for sku in GOOD:
        before = usual.filter(sku=sku)["mean"].mean()
        assert out.filter(sku=sku)["mean"].mean() == pytest.approx(before, rel=0.2)


@pytest.mark.parametrize("name", NEAR)
def test_a_bad_series_gets_what_its_sound_rows_say(spoiled, name):
    mean = spoiled[1].filter(sku=name)["mean"].mean()
    assert mean == pytest.approx(NEAR[name], rel=0.4, abs=0.2)


@pytest.mark.parametrize("name", NAMED)
def test_the_row_is_named(spoiled, name):
    report, _, first = spoiled
    row, reason = NAMED[name]
    assert reason in dict(report.rejected.iter_rows())[first[name] + row]


def test_a_series_refused_whole_is_told(spoiled):
    report, out, _ = spoiled
    assert "no usable row, so no forecast: all_negative at x" in report.notes
    assert set(out["sku"]) == {*GOOD, *BAD} - {"all_negative"}


def test_a_value_never_seen_is_told_and_forecast_without(tmp_path, usual):
    changing = good().with_columns(
        kind=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("b")).otherwise(pl.lit("a"))
    )
    new = pl.when(pl.col("sku") == "good1").then(pl.lit("surprise")).otherwise(pl.lit("a"))
    report, out = predict(tmp_path, changing, ahead().with_columns(kind=new))
    assert any("'kind' of f.parquet has 'surprise'" in note for note in report.notes)
    assert out["mean"].is_finite().all()
    assert out["mean"].mean() == pytest.approx(usual["mean"].mean(), rel=0.1)


def test_what_the_future_file_lacks_is_told(tmp_path):
    some = ahead().filter(pl.col("sku") != "good3").with_columns(
        kind=pl.when(pl.col("sku") == "good2").then(None).otherwise("kind")
    )  # fmt: skip
    report, out = predict(tmp_path, good(), some)
    assert "1 series have no row in f.parquet: forecast without it" in report.notes
    first = ahead().filter(pl.col("sku") == "good2")["date"].min()
    asked = len(ahead())
    assert (
        f"column 'kind' of f.parquet says nothing of 14 of {asked} periods ahead, the first of "
        f"them good2 at x on {first}: unknown there"
    ) in report.notes
    assert out["mean"].is_finite().all()


def test_a_country_is_an_iso_code(tmp_path):
    with pytest.raises(InputRejected, match="like DE or US") as refused:
        predict(tmp_path, good(), country="Germany")
    assert refused.value.field == "country"


def test_members_are_told_the_country(tmp_path, monkeypatch):
    told = []

    def listening(_preset, *, country, **_):
        told.append(country)
        return [SeasonalNaive(), MovingAverage()]

    monkeypatch.setattr("pipelines.predict.members_of", listening)
    predict(tmp_path, good(), country="fr")
    assert told == ["FR"]
