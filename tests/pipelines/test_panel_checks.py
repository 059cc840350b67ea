"""Rows that look sound one by one: misdated, absurdly large, or all that a series has."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from pipelines.panel_checks import FileReport, note_lost_series, reject_misdated, reject_outliers

START = date(2024, 1, 1)


def rows_of(units_by_sku, *, shift=None):
    """One row per value, numbered from 1; `shift` moves a series by days."""
    rows = [
        (sku, "x", START + timedelta(days=t + (shift or {}).get(sku, 0)), float(u))
        for sku, units in sorted(units_by_sku.items())
        for t, u in enumerate(units)
    ]
    frame = pl.DataFrame(rows, schema=["sku", "location", "date", "units"], orient="row")
    return frame.with_row_index("row", offset=1).with_columns(pl.col("row").cast(pl.Int64))


def poisson(series=12, days=60, seed=0):
    rng = np.random.default_rng(seed)
    return {f"s{i:02d}": rng.poisson(6, days) for i in range(series)}


def rejected(check, frame, **given):
    report = FileReport()
    left = check(frame, report, **given)
    assert len(left) + len(report.rejected) == len(frame)
    assert left.columns == frame.columns
    return report, left


@pytest.mark.parametrize("place", [0, 30, 59])
def test_a_slip_of_the_keyboard_is_named(place):
    units = poisson()
    units["s03"] = np.where(np.arange(60) == place, 700, units["s03"])
    report, _ = rejected(reject_outliers, rows_of(units))
    assert report.rejected["row"].to_list() == [3 * 60 + place + 1]
    assert report.rejected["reason"][0].startswith("700 units, where the series usually sells ")


@pytest.mark.parametrize(
    "units",
    [
        [1, 0, 2, 1, 0, 0, 60] * 8,  # Lumpy: the large sale comes again.
        [5] * 50 + [400] * 9,  # A lasting rise.
        [0] * 50 + [300],  # Too few sales to say what is usual.
        [4, 5, 6] * 20 + [70],  # A promotion.
        [0] * 60,
    ],
)
def test_what_is_large_but_no_slip_stays(units):
    report, _ = rejected(reject_outliers, rows_of(poisson() | {"odd": units}))
    assert report.rejected.is_empty()


def test_a_series_that_goes_on_alone_is_misdated():
    frame = rows_of(poisson(), shift={"s05": 30})
    report, left = rejected(reject_misdated, frame, today=None)
    assert len(report.rejected) == 30
    assert set(report.rejected["reason"]) == {"dated after 2024-02-29, where the other series end"}
    assert left["date"].max() == date(2024, 2, 29)


def test_series_that_end_at_different_times_stay():
    ragged = {sku: units[: 60 - 2 * i] for i, (sku, units) in enumerate(poisson().items())}
    report, _ = rejected(reject_misdated, rows_of(ragged), today=None)
    assert report.rejected.is_empty()


def test_a_range_that_was_dropped_together_does_not_stop_the_rest():
    units = poisson()
    ended = {sku: u[:40] if i < 8 else u for i, (sku, u) in enumerate(units.items())}
    report, _ = rejected(reject_misdated, rows_of(ended), today=None)
    assert report.rejected.is_empty()


def test_rows_after_today_are_refused_unless_most_are_later():
    frame = rows_of(poisson())
    report, _ = rejected(reject_misdated, frame, today=START + timedelta(days=57))
    assert len(report.rejected) == 2 * 12
    report, _ = rejected(reject_misdated, frame, today=START + timedelta(days=3))
    assert report.rejected.is_empty()
    assert report.notes == ["most rows are dated after 2024-01-04, so none is refused for that"]


def test_series_without_a_sound_row_are_told():
    frame = rows_of(poisson(series=6))
    report = FileReport()
    note_lost_series(frame, frame.filter(pl.col("sku") > "s03"), report)
    assert report.notes == [
        "no usable row, so no forecast: s00 at x, s01 at x, s02 at x and 1 more"
    ]
