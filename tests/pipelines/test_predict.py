"""`vouch predict` on plain files: what comes out, what is refused, what one bad series may do."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from inventory.errors import InputRejected
from pipelines.panel_file import period_of, read_panel
from pipelines.predict import forecast_panel, predict_file

START = date(2024, 1, 1)
COLUMNS = ["sku", "location", "date", "units", "promotion"]


def history(*, series=3, periods=40, step=1, seed=0):
    rng = np.random.default_rng(seed)
    rows = [
        (f"s{i}", "x", START + timedelta(days=step * t), float(rng.poisson(6)), float(t % 5 == 0))
        for i in range(series)
        for t in range(periods)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def future(*, series=3, periods=40, horizon=7):
    rows = [
        (f"s{i}", "x", START + timedelta(days=periods + h), float(h == 2))
        for i in range(series)
        for h in range(horizon)
    ]
    return pl.DataFrame(rows, schema=[c for c in COLUMNS if c != "units"], orient="row")


@pytest.fixture
def files(tmp_path):
    def write(past, ahead=None):
        past.write_parquet(tmp_path / "h.parquet")
        if ahead is None:
            return tmp_path / "h.parquet", None
        ahead.write_parquet(tmp_path / "f.parquet")
        return tmp_path / "h.parquet", tmp_path / "f.parquet"

    return write


@pytest.fixture
def predicted(files, tmp_path):
    def run(past, ahead=None, *, horizon=7, levels=(0.05, 0.5, 0.95), **more):
        report = predict_file(
            *files(past, ahead), horizon=horizon, levels=levels, out_path=tmp_path / "o.parquet",
            **more,
        )  # fmt: skip
        return report, pl.read_parquet(report.out_path)

    return run


def test_what_is_written(predicted):
    report, out = predicted(history(), future(), window=5)
    assert out.columns == ["sku", "location", "date", "mean", "q0.05", "q0.5", "q0.95"]
    assert out.schema["date"] == pl.Date
    assert len(out) == 3 * 7
    assert out["date"].min() == START + timedelta(days=40)
    assert (out["q0.05"] <= out["q0.5"]).all()
    assert (out["q0.5"] <= out["q0.95"]).all()
    assert (out["q0.05"] >= 0).all()
    window = pl.read_parquet(report.window_paths[0])
    assert report.window_paths[0].name == "5.parquet"
    assert window.columns == ["sku", "location", "mean", "q0.05", "q0.5", "q0.95"]
    five = out.group_by("sku").agg(pl.col("mean", "q0.95").head(5).sum()).sort("sku")
    assert window.sort("sku")["mean"].to_list() == pytest.approx(five["mean"].to_list())
    assert (window.sort("sku")["q0.95"] < five["q0.95"]).all(), "sums are narrower than added up"
    assert (report.rows_read, report.series, len(report.rejected)) == (120, 3, 0)


def test_several_windows_are_written_in_one_run(predicted):
    report, out = predicted(history(), window=(9, 4))
    assert [path.name for path in report.window_paths] == ["4.parquet", "9.parquet"]
    four, nine = (pl.read_parquet(path).sort("sku") for path in report.window_paths)
    first = out.group_by("sku").agg(pl.col("mean").head(4).sum()).sort("sku")
    assert four["mean"].to_list() == pytest.approx(first["mean"].to_list())
    assert (nine["q0.95"] > four["q0.95"]).all()


def test_same_seed_same_file(predicted):
    _, first = predicted(history(), future(), seed=3)
    _, second = predicted(history(), future(), seed=3)
    assert first.equals(second)


def test_weekly_rows_are_forecast_weekly(predicted):
    report, out = predicted(history(step=7), horizon=4)
    assert report.period_days == 7
    first = out.filter(pl.col("sku") == "s0")["date"].to_list()
    assert first == [START + timedelta(days=7 * (40 + h)) for h in range(4)]


def test_csv_is_read_like_parquet(predicted, tmp_path):
    _, from_parquet = predicted(history())
    history().with_columns(pl.col("promotion").cast(pl.Int8)).write_csv(tmp_path / "h.csv")
    report = predict_file(tmp_path / "h.csv", horizon=7, levels=[0.05, 0.5, 0.95],
                          out_path=tmp_path / "o2.parquet")  # fmt: skip
    assert pl.read_parquet(report.out_path).equals(from_parquet)


BERLIN = pl.Datetime("us", "Europe/Berlin")
LOCAL_MIDNIGHT = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("Europe/Berlin")


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        ("sku", pl.Int64, pl.col("sku").str.slice(1).cast(pl.Int64)),
        ("sku", pl.Categorical, pl.col("sku").cast(pl.Categorical)),
        ("location", pl.Int16, pl.lit(7, dtype=pl.Int16)),
        ("date", pl.Datetime("ns"), pl.col("date").cast(pl.Datetime("ns"))),
        ("date", pl.String, pl.col("date").cast(pl.String)),
        ("date", BERLIN, LOCAL_MIDNIGHT),
    ],
)  # fmt: skip
def test_keys_come_back_in_the_types_they_came_in(predicted, column, kind, value):
    past = history()
    report, out = predicted(past.with_columns(value.alias(column)), window=3)
    assert out.schema[column] == kind
    # The rows that follow the history, had it gone on in the same way.
    later = past.with_columns(pl.col("date") + timedelta(days=40)).with_columns(value.alias(column))
    assert len(out.join(later, on=["sku", "location", "date"], how="semi")) == 3 * 7
    window = pl.read_parquet(report.window_paths[0])
    assert column == "date" or window.schema[column] == kind


def test_ids_in_text_files_keep_their_zeros(predicted, tmp_path):
    named = history().with_columns(
        sku=pl.lit("00") + pl.col("sku").str.slice(1), location=pl.lit(7)
    )
    named.write_csv(tmp_path / "h.csv", separator=";")
    predict_file(tmp_path / "h.csv", horizon=7, levels=[0.5], out_path=tmp_path / "o.parquet")
    out = pl.read_parquet(tmp_path / "o.parquet")
    assert out["sku"].unique().sort().to_list() == ["000", "001", "002"]
    assert out["location"].unique().to_list() == [7]


def test_a_window_may_reach_beyond_the_horizon(predicted):
    report, out = predicted(history(), horizon=3, window=9)
    assert out.group_by("sku").len()["len"].to_list() == [3, 3, 3]
    window = pl.read_parquet(report.window_paths[0]).sort("sku")
    three = out.group_by("sku").agg(pl.col("mean").sum()).sort("sku")
    assert (window["mean"] > 2 * three["mean"]).all()


def test_a_future_that_is_over_is_told(predicted):
    report, _ = predicted(history(periods=60), future(periods=40))
    assert any("no row of f.parquet is after 2024-02-29" in note for note in report.notes)


def test_a_future_that_covers_a_part_is_told_and_forecast(predicted):
    report, _ = predicted(history(), future())
    assert not any("says nothing" in note for note in report.notes)
    report, out = predicted(history(), future(horizon=4), window=10)
    (note,) = (note for note in report.notes if "says nothing" in note)
    assert "'promotion' of f.parquet says nothing of 18 of 30 periods ahead" in note
    assert f"the first of them s0 at x on {START + timedelta(days=44)}: unknown there" in note
    assert out["mean"].is_finite().all()


def test_levels_that_differ_late_have_columns_of_their_own(predicted):
    _, out = predicted(history(), levels=(0.9999991, 0.9999992))
    assert out.columns[-2:] == ["q0.9999991", "q0.9999992"]


def test_broken_rows_are_named_and_the_rest_goes_in(predicted):
    past = history().with_columns(pl.col("units").cast(pl.String), pl.col("date").cast(pl.String))
    at = pl.int_range(pl.len())
    broken = past.with_columns(
        units=pl.when(at == 1).then(pl.lit("-2")).when(at == 2).then(pl.lit("many"))
        .when(at == 3).then(pl.lit("NaN")).otherwise("units"),
        date=pl.when(at == 4).then(pl.lit("31.12.")).otherwise("date"),
        sku=pl.when(at == 5).then(None).otherwise("sku"),
    )  # fmt: skip
    repeated = pl.concat([broken, broken.slice(10, 1)])
    report, out = predicted(repeated)
    reasons = dict(report.rejected.iter_rows())
    assert set(reasons) == {2, 3, 4, 5, 6, 121}
    assert "negative" in reasons[2]
    assert "not a number" in reasons[3]
    assert "not a number" in reasons[4]
    assert "2024-05-31" in reasons[5]
    assert "sku is empty" in reasons[6]
    assert "came before" in reasons[121]
    assert len(out) == 21
    assert any("5 missing periods" in note for note in report.notes)


@pytest.mark.parametrize("column", ["sku", "location", "date", "units"])
def test_a_missing_column_is_named(predicted, column):
    with pytest.raises(InputRejected, match=f"no column '{column}'") as refused:
        predicted(history().drop(column))
    assert refused.value.field == column


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02binary", b"PAR1 but not really"])
def test_an_unreadable_file_is_refused_with_a_remedy(tmp_path, content):
    (tmp_path / "h.parquet").write_bytes(content)
    with pytest.raises(InputRejected, match=r"write (it as|a header line)"):
        read_panel(tmp_path / "h.parquet")


@pytest.mark.parametrize(("line", "fields"), [("a,x,2026-01-02,3,9", 5), ('"a,x,2026-01-02,3', 1)])
def test_a_line_that_breaks_the_file_is_named(tmp_path, line, fields):
    path = tmp_path / "history.csv"
    path.write_text(f"sku,location,date,units\na,x,2026-01-01,3\n{line}\n")
    with pytest.raises(InputRejected, match=f"has {fields} fields, the header 4") as told:
        read_panel(path)
    assert told.value.row == 2


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputRejected, match="there is no file"):
        read_panel(tmp_path / "none.parquet")


def test_no_usable_row_is_refused(files):
    path, _ = files(history().with_columns(units=-1.0))
    with pytest.raises(InputRejected, match="no usable row") as refused:
        read_panel(path)
    assert refused.value.row == 1


def test_a_date_gap_is_unrecorded_where_the_file_writes_zeros(files):
    past = history().with_columns(
        units=pl.when(pl.int_range(pl.len()) == 0).then(0.0).otherwise("units")
    )
    path, _ = files(past.filter(pl.int_range(pl.len()) != 20))
    panel, report = read_panel(path)
    filled = panel.history.filter(pl.col("sku") == "s0")
    assert len(filled) == 40
    assert filled["units"][20] is None
    assert report.notes == ["1 missing periods taken as unrecorded"]


def test_a_date_gap_is_no_sale_where_the_file_never_writes_zero(files):
    past = history().with_columns(pl.col("units") + 1)
    path, _ = files(past.filter(pl.int_range(pl.len()) != 20))
    panel, report = read_panel(path)
    assert panel.history.filter(pl.col("sku") == "s0")["units"][20] == 0
    assert "taken as no sales" in report.notes[0]


def test_a_row_from_the_far_future_does_not_move_the_origin(files):
    stray = history(series=1, periods=1).with_columns(date=pl.lit(date(2099, 1, 1)))
    path, _ = files(pl.concat([history(series=5), stray]))
    panel, report = read_panel(path)
    assert panel.origin == START + timedelta(days=39)
    assert "more than a year after" in report.rejected["reason"][0]


def test_rows_after_today_are_rejected(files):
    path, _ = files(history())
    panel, report = read_panel(path, today=START + timedelta(days=37))
    assert panel.origin == START + timedelta(days=37)
    assert report.rejected["row"].to_list() == [39, 40, 79, 80, 119, 120]


def test_a_bad_series_does_not_spoil_the_others(predicted):
    alone = predicted(history(series=8))[1]
    odd = [("zero", 0.0), ("flat", 4.0), ("huge", 1e6)]
    extra = [
        history(series=1).with_columns(sku=pl.lit(name), units=pl.lit(units)) for name, units in odd
    ]
    young = history(series=1).with_columns(sku=pl.lit("young")).tail(3)
    _, out = predicted(pl.concat([history(series=8), *extra, young]))
    assert out.select(pl.col("mean", "q0.95").is_finite().all()).row(0) == (True, True)
    mean = dict(out.group_by("sku").agg(pl.col("mean").mean()).iter_rows())
    assert mean["zero"] < 0.1
    assert mean["flat"] == pytest.approx(4, rel=0.2)
    assert mean["huge"] == pytest.approx(1e6, rel=0.2)
    assert mean["young"] == pytest.approx(young["units"].mean(), rel=0.5)
    for sku in (f"s{i}" for i in range(8)):
        before = alone.filter(pl.col("sku") == sku)["mean"].mean()
        assert mean[sku] == pytest.approx(before, rel=0.25)


def test_a_covariate_missing_from_the_future_is_used_for_the_past_only(predicted):
    report, out = predicted(history(), future().drop("promotion"))
    assert "used for the past only: promotion" in report.notes[-1]
    assert out["mean"].is_finite().all()


def test_a_covariate_of_another_kind_in_the_future_is_refused(predicted):
    with pytest.raises(InputRejected, match="write both alike") as refused:
        predicted(history(), future().with_columns(promotion=pl.lit("yes")))
    assert refused.value.field == "promotion"


def test_a_category_never_seen_is_forecast_without_it(predicted):
    past = history().with_columns(kind=pl.when(pl.col("promotion") == 1).then(pl.lit("a"))
                                  .otherwise(pl.lit("b")))  # fmt: skip
    _, out = predicted(past, future().with_columns(kind=pl.lit("never seen")))
    assert out["mean"].is_finite().all()


@pytest.mark.parametrize(
    ("field", "arguments"),
    [("horizon", {"horizon": 0}), ("levels", {"levels": [0.5, 1.0]}), ("levels", {"levels": []}),
     ("window", {"window": 0}), ("window", {"window": (7, 400)}), ("horizon", {"horizon": 400})],
)  # fmt: skip
def test_arguments_out_of_range_are_named(predicted, field, arguments):
    with pytest.raises(InputRejected) as refused:
        predicted(history(), **arguments)
    assert refused.value.field == field


@pytest.mark.parametrize("place", ["absent/o.parquet", "."])
def test_a_place_that_cannot_be_written_is_said_before_anything_is_read(tmp_path, place):
    with pytest.raises(InputRejected) as refused:
        predict_file(tmp_path / "none", horizon=3, levels=[0.5], out_path=tmp_path / place)
    assert refused.value.field == "out"


def test_monthly_rows_are_refused(files):
    days = [date(2020 + m // 12, m % 12 + 1, 1) for m in range(30)]
    path, _ = files(history(series=1, periods=30).with_columns(date=pl.Series(days)))
    with pytest.raises(InputRejected, match="month apart"):
        read_panel(path)


def test_period_is_told_from_the_steps():
    assert period_of(history()) == 1
    assert period_of(history(step=7)) == 7
    assert period_of(history(periods=1)) == 1


def test_a_known_promotion_raises_the_forecast(files):
    rng = np.random.default_rng(1)
    past = history(series=25, periods=80)
    past = past.with_columns(
        units=pl.Series(rng.poisson(5 + 8 * past["promotion"].to_numpy()).astype(float))
    )
    panel, _ = read_panel(*files(past, future(series=25, periods=80)))
    forecast = forecast_panel(panel, horizon=7)
    promoted, usual = forecast.mean_units[:, 2].mean(), forecast.mean_units[:, [1, 3]].mean()
    assert promoted > 1.5 * usual
    upper = forecast.day_quantiles_units(0.95)
    assert upper[:, 2].mean() > 1.3 * upper[:, [1, 3]].mean()
