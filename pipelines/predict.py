"""Forecasting plain files: a history in, quantiles out, with no database in between.

`forecast_panel` is the same step for jobs that hold a panel already.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from features.frame import DATE, LOCATION, SKU, Panel
from inventory.demand import LEVELS, DemandForecast, Floats, quantile_function
from inventory.errors import InputRejected
from models.ensemble import Ensemble
from models.members import Preset, members_of
from pipelines.out_file import CSV, check_writable, write_whole
from pipelines.panel_checks import gaps_ahead
from pipelines.panel_file import read_panel, typed_like
from pipelines.signals import with_signals

Progress = Callable[[str], None]

HORIZON_MAX_DAYS = 366
"""Further ahead than a year there is no season left to stand on."""


SERIES_TYPES = {SKU: pl.String, LOCATION: pl.String}


@dataclass(slots=True)
class PredictReport:
    """What `predict_file` did, for the person who asked."""

    rows_read: int
    rejected: pl.DataFrame
    """Columns row (1 is the first row of data) and reason."""
    notes: list[str]
    series: int
    period_days: int
    origin: date
    seconds: float
    out_path: Path
    window_paths: tuple[Path, ...] = ()
    """Sums, one file per window."""
    weights: pl.DataFrame = field(default_factory=pl.DataFrame)
    backtest: pl.DataFrame = field(default_factory=pl.DataFrame)
    members: dict[str, DemandForecast] = field(default_factory=dict)
    """What each member said, where asked for."""


def fit_ensemble(
    panel: Panel,
    *,
    horizon: int,
    preset: Preset = "fast",
    seed: int = 0,
    threads: int = 1,
    country: str | None = None,
    progress: Progress | None = None,
) -> Ensemble:
    """The preset's ensemble, fitted on the panel. country : ISO code, for public holidays."""
    members = members_of(preset, seed=seed, threads=threads, country=country)
    return Ensemble(members, seed=seed, progress=progress).fit(panel, horizon=horizon)


def forecast_panel(
    panel: Panel,
    *,
    horizon: int,
    preset: Preset = "fast",
    seed: int = 0,
    threads: int = 1,
    progress: Progress | None = None,
) -> DemandForecast:
    """Fit and forecast in one step, at `inventory.demand.LEVELS`."""
    fitted = fit_ensemble(
        panel, horizon=horizon, preset=preset, seed=seed, threads=threads, progress=progress
    )
    return fitted.predict(panel, horizon=horizon, levels=np.array(LEVELS))


def predict_file(
    history_path: Path,
    future_path: Path | None = None,
    *,
    horizon: int,
    levels: Sequence[float],
    out_path: Path,
    window: int | Sequence[int] | None = None,
    preset: Preset = "fast",
    seed: int = 0,
    threads: int = 1,
    today: date | None = None,
    country: str | None = None,
    signals: Sequence[str] = (),
    keep_members: bool = False,
    progress: Progress | None = None,
) -> PredictReport:
    """`vouch predict`: read, fit, forecast, write OUT and, per window, W beside it.

    Parameters
    ----------
    horizon : periods of the file (days or weeks). window : periods to sum up, one or several.
    levels : quantile levels to write, in (0, 1). today : rows dated later are rejected, if given.
    country : ISO code, like DE, of the country whose public holidays are kept.
    signals : files joined as of each row, as `pipelines.signals` reads them.
    keep_members : report what each member said, too, to compare with.

    Raises
    ------
    InputRejected
        An argument is out of range, or a file cannot be used at all. Single broken rows do not
        raise, they are in the report. Nothing is written unless everything could be.
    """
    started = time.monotonic()
    windows = _windows_of(window)
    wanted = _checked(horizon=horizon, levels=levels, windows=windows, out_path=out_path)
    country = _country_of(country)
    panel, read = read_panel(history_path, future_path, today=today)
    ahead = _reach(horizon, windows, period_days=panel.period_days)
    if future_path is not None:
        read.notes += gaps_ahead(panel, horizon=ahead, name=future_path.name)
    panel, told = with_signals(panel, signals, horizon=ahead)
    fitted = fit_ensemble(panel, horizon=ahead, preset=preset, seed=seed, threads=threads,
                          country=country, progress=progress)  # fmt: skip
    forecast, said = fitted.predict_with_members(panel, horizon=ahead, levels=np.array(LEVELS))
    sums = {_sums_path(out_path, w): window_frame(forecast, levels=wanted, window=w, seed=seed)
            for w in windows}  # fmt: skip
    rows = {out_path: forecast_frame(forecast, levels=wanted, periods=horizon)}
    for path, frame in (sums | rows).items():
        write_whole(typed_like(frame, read.key_types), path)
    return PredictReport(
        rows_read=read.rows_read, rejected=read.rejected, notes=[*read.notes, *told],
        series=len(forecast.skus), period_days=panel.period_days, origin=panel.origin,
        seconds=time.monotonic() - started,
        out_path=out_path,
        window_paths=tuple(sums),
        weights=fitted.weights,
        backtest=fitted.backtest,
        members=said if keep_members else {},
    )  # fmt: skip


def forecast_frame(
    forecast: DemandForecast, *, levels: Floats, periods: int | None = None
) -> pl.DataFrame:
    """One row per series and period: sku, location, date, mean, then a column per level."""
    H = forecast.horizon if periods is None else periods
    series = pl.DataFrame({SKU: forecast.skus, LOCATION: forecast.locations}, schema=SERIES_TYPES)
    days = pl.DataFrame({DATE: forecast.days[:H]}, schema={DATE: pl.Date})
    values = quantile_function(forecast.quantiles_units[:, :H], forecast.levels, levels)
    columns = {"mean": forecast.mean_units[:, :H].reshape(-1)} | {
        level_name(level): values[..., i].reshape(-1) for i, level in enumerate(levels)
    }
    rows = series.join(days, how="cross", maintain_order="left_right")
    return rows.with_columns(pl.Series(name, column) for name, column in columns.items())


def window_frame(
    forecast: DemandForecast, *, levels: Floats, window: int, seed: int
) -> pl.DataFrame:
    """One row per series: mean and quantiles of the sum over the first `window` periods."""
    sums = forecast.window_quantiles_units(levels, periods=window, seed=seed)
    return pl.DataFrame(
        {
            SKU: list(forecast.skus),
            LOCATION: list(forecast.locations),
            "mean": forecast.window_mean_units(periods=window),
        }
        | {level_name(level): sums[:, i] for i, level in enumerate(levels)}
    )


def level_name(level: float) -> str:
    """Column of a quantile level.

    >>> level_name(0.95), level_name(0.5)
    ('q0.95', 'q0.5')
    """
    return f"q{level:.12g}"


def _windows_of(window: int | Sequence[int] | None) -> tuple[int, ...]:
    """Each window once, shortest first.

    >>> _windows_of(7), _windows_of([14, 7, 7]), _windows_of(None)
    ((7,), (7, 14), ())
    """
    if window is None:
        return ()
    return tuple(sorted({window} if isinstance(window, int) else set(window)))


def _reach(horizon: int, windows: Sequence[int], *, period_days: int) -> int:
    """Periods to forecast for the horizon and all sums; refuses what ends too far ahead."""
    ahead = max((horizon, *windows))
    if ahead * period_days > HORIZON_MAX_DAYS:
        field_ = "horizon" if ahead == horizon else "window"
        raise InputRejected(f"must be at most {HORIZON_MAX_DAYS} days ahead", field=field_)
    return ahead


def _country_of(code: str | None) -> str | None:
    """The ISO code in capitals; refuses countries whose holidays nobody knows."""
    if code is None:
        return None
    import holidays

    if code.upper() not in holidays.list_supported_countries():
        raise InputRejected(
            f"no public holidays are known for '{code}'; give an ISO code like DE or US",
            field="country",
        )
    return code.upper()


def _sums_path(out_path: Path, periods: int) -> Path:
    return out_path.with_name(f"{periods}{CSV if out_path.suffix.lower() == CSV else '.parquet'}")


def _checked(
    *, horizon: int, levels: Sequence[float], windows: Sequence[int], out_path: Path
) -> Floats:
    """The levels, sorted; refuses arguments that make no sense before hours are spent."""
    if horizon < 1:
        raise InputRejected("must be at least 1 period", field="horizon")
    if not levels or not all(0 < level < 1 for level in levels):
        raise InputRejected("must lie between 0 and 1, like 0.05,0.5,0.95", field="levels")
    if any(window < 1 for window in windows):
        raise InputRejected("must be at least 1 period", field="window")
    if out_path in {_sums_path(out_path, window) for window in windows}:
        raise InputRejected(f"{out_path.name} is the name of the window's file", field="out")
    check_writable(out_path)
    return np.array(sorted(set(levels)))
