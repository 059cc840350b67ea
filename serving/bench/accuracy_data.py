"""Public data cut into rolling windows: what was known, what was known ahead, what then happened.

A window is written as the plain files that `vouch predict` reads, and held as arrays for the peers.
Both come from the same rows, and neither sees a row of the actuals.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from features.frame import DATE, IN_STOCK, KEY, LOCATION, SERIES, SKU, UNITS
from inventory.demand import Floats
from inventory.errors import InputRejected
from models import metrics

EVERY_SERIES = 10**9

IN_STOCK_MIN = 0.999
"""Share of a period on sale from which its sales count as all of its demand."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One public data set: where it lies, how far ahead it is forecast, and what is known ahead.

    horizon : periods ahead. scored, sums : how many of them losses, and sums, are taken over.
    ahead : columns whose future is known.
    static : text columns that never change within a series.
    """

    name: str
    files: tuple[str, ...]
    period_days: int
    horizon: int
    scored: tuple[int, ...]
    sums: tuple[int, ...]
    ahead: tuple[str, ...]
    static: tuple[str, ...]
    series: int
    windows: int
    read: Callable[[Path], pl.DataFrame]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """One window of N series: T periods of history (shorter ones start with NaN), H ahead.

    back : windows before the last one; 0 is the last, which nothing was tuned on.
    past_units, past_usable : (N, T); NaN where unrecorded; whether sales were all of the demand.
    ahead : by column, (N, T + H), NaN where unknown; text as codes.
    static : by column, category codes (N,).
    actual_units, in_stock : (N, H).
    scale_units : (N,), in-sample seasonal naive error; NaN where a series never varied.
    """

    data: DataSet
    back: int
    origin: date
    keys: pl.DataFrame
    past_units: Floats
    past_usable: np.ndarray
    ahead: dict[str, Floats]
    static: dict[str, np.ndarray]
    actual_units: Floats
    in_stock: np.ndarray
    history: pl.DataFrame = field(repr=False)
    future: pl.DataFrame = field(repr=False)

    @property
    def horizon(self) -> int:
        """Periods ahead, H."""
        return self.data.horizon

    @property
    def season(self) -> int:
        """Periods in the season of the naive error that losses are divided by."""
        return metrics.seasonality(self.data.period_days, self.past_units.shape[1])

    @property
    def scale_units(self) -> Floats:
        return metrics.naive_error_units(self.past_units, self.season)

    def dates(self) -> list[date]:
        """First day of each of the T + H periods."""
        total = self.past_units.shape[1] + self.horizon
        last = self.origin + timedelta(days=self.horizon * self.data.period_days)
        return [last - timedelta(days=k * self.data.period_days) for k in reversed(range(total))]

    def write(self, folder: Path) -> tuple[Path, Path | None]:
        """History and, where anything is known ahead, future, as `vouch predict` takes them."""
        history, future = folder / "history.parquet", folder / "future.parquet"
        self.history.write_parquet(history)
        if not self.data.ahead:
            return history, None
        self.future.write_parquet(future)
        return history, future


def data_folder(folder: Path | None) -> Path:
    """The folder of the public data; raises `InputRejected` where none was named."""
    if folder is None:
        raise InputRejected(
            "say where the public data lie: --data-dir FOLDER or VOUCH_BENCH_DATA=FOLDER, "
            "with freshretail/daily.parquet, rossmann/daily.parquet and vn2/weekly.parquet in it",
            field="data-dir",
        )
    return folder


def load(data: DataSet, folder: Path, *, series: int | None, seed: int) -> pl.DataFrame:
    """Rows of `series` series (None: as many as the data set's own default), sorted."""
    for name in data.files:
        if not (folder / name).is_file():
            raise InputRejected(
                f"{folder} has no {name}; name the folder that holds it, "
                "or leave this data set out with --data",
                field="data-dir",
            )
    rows = data.read(folder)
    wanted = data.series if series is None else series
    keys = rows.select(SERIES).unique(maintain_order=True)
    if wanted < len(keys):
        rows = rows.join(keys.sample(wanted, seed=seed), on=SERIES, how="semi")
    return rows.sort(KEY)


def split(data: DataSet, rows: pl.DataFrame, *, back: int) -> Split:
    """The window that ends `back` windows before the end of the data."""
    step = timedelta(days=data.period_days)
    newest, oldest = rows[DATE].max(), rows[DATE].min()
    assert isinstance(newest, date)
    assert isinstance(oldest, date)
    last = newest - back * data.horizon * step
    origin = last - data.horizon * step
    if origin - oldest < data.horizon * step:
        raise InputRejected(
            f"{data.name} holds no {back + 1} windows of {data.horizon}; ask for fewer",
            field="windows",
        )
    history = rows.filter(pl.col(DATE) <= origin)
    keys = history.select(SERIES).unique(maintain_order=True)
    later = rows.filter(pl.col(DATE) > origin, pl.col(DATE) <= last).join(
        keys, on=SERIES, how="semi"
    )
    known = pl.concat([history.select(*KEY, *data.ahead), later.select(*KEY, *data.ahead)])
    dates = pl.date_range(oldest, last, interval=step, eager=True).alias(DATE).to_frame()
    T = len(dates) - data.horizon
    past = _dense(history, keys, dates[:T])
    then = _dense(later, keys, dates[T:])
    ahead = _dense(known, keys, dates)
    units = past(UNITS)
    usable = ~np.isnan(units)
    if IN_STOCK in rows.columns:
        usable &= past(IN_STOCK) >= IN_STOCK_MIN
    statics = history.unique(SERIES, keep="last", maintain_order=True)
    return Split(
        data=data, back=back, origin=origin, keys=keys,
        past_units=units, past_usable=usable,
        ahead={column: ahead(column) for column in data.ahead},
        static={column: _codes(statics[column]) for column in (*SERIES, *data.static)},
        actual_units=then(UNITS),
        in_stock=(then(IN_STOCK) >= IN_STOCK_MIN if IN_STOCK in rows.columns
                  else np.ones(then(UNITS).shape, dtype=bool)),
        history=history,
        future=later.select(*KEY, *data.ahead),
    )  # fmt: skip


def _dense(frame: pl.DataFrame, keys: pl.DataFrame, dates: pl.DataFrame) -> Callable[[str], Floats]:
    """Columns of `frame` as arrays (series, dates); NaN where there is no row."""
    grid = keys.join(dates, how="cross").join(frame, on=KEY, how="left", maintain_order="left")

    def column(name: str) -> Floats:
        told = grid[name]
        if told.dtype == pl.String:  # Codes of text, which trees can split.
            told = told.rank("dense")
        values: Floats = told.cast(pl.Float64).to_numpy().reshape(len(keys), len(dates))
        return values

    return column


def _codes(values: pl.Series) -> np.ndarray:
    return values.cast(pl.String).fill_null("").rank("dense").to_numpy().astype(np.int32)


def freshretail(folder: Path) -> pl.DataFrame:
    """FreshRetailNet-50K: 50,000 store-products of perishables, 76 days, with stock-outs.

    Sales are scaled; nearly all lie on a grid of 0.1, which is taken as the unit.
    """
    text = ("city_id", "management_group_id", "first_category_id", "second_category_id",
            "third_category_id")  # fmt: skip
    return pl.read_parquet(folder / "freshretail" / "daily.parquet").select(
        pl.col("product_id").cast(pl.String).alias(SKU),
        pl.col("store_id").cast(pl.String).alias(LOCATION),
        pl.col("dt").cast(pl.Date).alias(DATE),
        (10 * pl.col("sale_amount")).round().alias(UNITS),
        (1 - pl.col("stockout_hours_6_22") / 16).alias(IN_STOCK),
        *FRESHRETAIL.ahead,
        *(pl.col(column).cast(pl.String) for column in text),
    )


def rossmann(folder: Path) -> pl.DataFrame:
    """Rossmann store sales: 1,115 stores, 2.5 years of days, promotions and closed days known."""
    stores = pl.read_parquet(folder / "rossmann" / "stores.parquet")
    rows = pl.read_parquet(folder / "rossmann" / "daily.parquet")
    return rows.join(stores, on="Store", how="left").select(
        pl.lit("sales").alias(SKU),
        pl.col("Store").cast(pl.String).alias(LOCATION),
        pl.col("Date").cast(pl.Date).alias(DATE),
        pl.col("Sales").cast(pl.Float64).alias(UNITS),
        pl.col("Open").cast(pl.Float64).alias("open"),
        pl.col("Promo").cast(pl.Float64).alias("promotion"),
        pl.col("StateHoliday").cast(pl.String).alias("state_holiday"),
        pl.col("SchoolHoliday").cast(pl.Float64).alias("school_holiday"),
        pl.col("StoreType").cast(pl.String).alias("store_type"),
        pl.col("Assortment").cast(pl.String).alias("assortment"),
        pl.col("CompetitionDistance").cast(pl.Float64).alias("competition_distance"),
    )


def vn2(folder: Path) -> pl.DataFrame:
    """VN2 inventory planning challenge: 599 store-products, 157 weeks, with stock-outs."""
    master = pl.read_parquet(folder / "vn2" / "master.parquet")
    rows = pl.read_parquet(folder / "vn2" / "weekly.parquet")
    groups = [column for column in master.columns if column not in ("Store", "Product")]
    return rows.join(master, on=["Store", "Product"], how="left").select(
        pl.col("Product").cast(pl.String).alias(SKU),
        pl.col("Store").cast(pl.String).alias(LOCATION),
        pl.col("week").cast(pl.Date).alias(DATE),
        pl.col("sales").cast(pl.Float64).alias(UNITS),
        pl.col("in_stock").cast(pl.Float64).alias(IN_STOCK),
        *(pl.col(column).cast(pl.String) for column in groups),
    )


FRESHRETAIL = DataSet(
    name="freshretail",
    files=("freshretail/daily.parquet",),
    period_days=1, horizon=14, scored=(7, 14), sums=(7, 14),
    ahead=("discount", "holiday_flag", "activity_flag", "precpt", "avg_temperature",
           "avg_humidity", "avg_wind_level"),
    static=("city_id", "management_group_id", "first_category_id", "second_category_id",
            "third_category_id"),
    series=3_000, windows=3, read=freshretail,
)  # fmt: skip
ROSSMANN = DataSet(
    name="rossmann",
    files=("rossmann/daily.parquet", "rossmann/stores.parquet"),
    period_days=1, horizon=42, scored=(42,), sums=(7, 14),
    ahead=("open", "promotion", "state_holiday", "school_holiday"),
    static=("store_type", "assortment"),
    series=EVERY_SERIES, windows=3, read=rossmann,
)  # fmt: skip
VN2 = DataSet(
    name="vn2",
    files=("vn2/weekly.parquet", "vn2/master.parquet"),
    period_days=7, horizon=8, scored=(8,), sums=(4, 8),
    ahead=(),
    static=("ProductGroup", "Division", "Department", "DepartmentGroup", "StoreFormat", "Format"),
    series=EVERY_SERIES, windows=4, read=vn2,
)  # fmt: skip

DATA_SETS: dict[str, DataSet] = {data.name: data for data in (FRESHRETAIL, ROSSMANN, VN2)}


def data_sets(names: Sequence[str]) -> list[DataSet]:
    """By name; raises `InputRejected` for a name that is none."""
    for name in names:
        if name not in DATA_SETS:
            raise InputRejected(f"'{name}' is none of {', '.join(DATA_SETS)}", field="data")
    return [DATA_SETS[name] for name in names]
