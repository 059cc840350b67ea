"""Other forecasters on the same split: what a retailer would use instead, in the same command.

Each peer gets the same history and, where it can use them, the same covariates known ahead. All
answer with quantiles at `SCORED_LEVELS`; those that cost seconds a series see a sample of series.
"""

import importlib.util
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inventory.demand import Floats
from inventory.errors import InputRejected
from models.metrics import SCORED_LEVELS
from serving.bench import accuracy_boosted
from serving.bench.accuracy_data import Split

INTERVALS = (80, 90, 98)
"""Central intervals whose ends are the scored levels: 0.1 and 0.9, 0.95, 0.99."""

PERIODS_MAX = {1: 400, 7: 157}
"""History that statistical peers and mlforecast see: more costs minutes and changes little."""

SHORT_SEASON = {1: 7, 7: 1}
LONG_SEASON = {1: 7, 7: 52}
"""Exponential smoothing takes no season of 52 weeks, and ARIMA would take hours for it."""
TAKE_LONG_SEASON = ("SeasonalNaive", "AutoTheta")

LAGS = {1: [1, 2, 3, 7, 14, 21, 28], 7: [1, 2, 3, 4, 8, 13, 52]}
ROLLING = {1: (7, 28), 7: (4, 13)}

TREES: dict[str, Any] = {
    "objective": "tweedie", "tweedie_variance_power": 1.2, "n_estimators": 300,
    "learning_rate": 0.05, "num_leaves": 31, "min_child_samples": 60, "subsample": 0.8,
    "subsample_freq": 1, "colsample_bytree": 0.8, "deterministic": True, "force_row_wise": True,
    "verbosity": -1,
}  # fmt: skip

PACKAGES = ("statsforecast", "mlforecast", "lightgbm")


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What one method said of n series of a split.

    rows : (n,), which series.
    quantiles_units : (n, H, Q) at `SCORED_LEVELS`.
    mean_units : (n, H); None where the method gives no mean.
    sums_units : by periods summed up, quantiles (n, Q); only where the method gives sums.
    """

    rows: np.ndarray
    quantiles_units: Floats
    mean_units: Floats | None
    seconds: float = 0.0
    sums_units: dict[int, Floats] = field(default_factory=dict)


Ask = Callable[[Split, np.ndarray, int, int], Said]
"""Split, the series asked about, seed, threads."""


@dataclass(frozen=True, slots=True)
class Peer:
    """How a peer is asked.

    share : of the sample, where every series would take too long; zero: all series.
    """

    name: str
    how: str
    ask: Ask
    share: float = 0.0
    stock_outs: bool = False
    """Only makes sense where stock-outs are known."""

    def rows(self, split: Split, *, sample: int, seed: int) -> np.ndarray:
        """The series it is asked about: all, or a sample that smaller samples are part of."""
        N = len(split.past_units)
        if not self.share:
            return np.arange(N)
        drawn = np.random.default_rng(seed).permutation(N)
        return np.sort(drawn[: max(1, round(self.share * sample))])


def missing() -> list[str]:
    """Packages of the peers that are not installed."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def peers(names: Sequence[str] | None) -> list[Peer]:
    """The peers of those names (None: all); raises `InputRejected` for what is none or absent."""
    for name in names or ():
        if name not in PEERS:
            raise InputRejected(f"'{name}' is none of {', '.join(PEERS)}", field="peers")
    absent = missing()
    if absent and (names is None or names):
        raise InputRejected(
            f"the peers are not installed ({', '.join(absent)}); run `make bench-peers` or "
            "pip install 'vouch[bench]', or compare with none: --peers none",
            field="peers",
        )
    return [PEERS[name] for name in (PEERS if names is None else names)]


def ask(peer: Peer, split: Split, *, sample: int, seed: int, threads: int) -> Said:
    """What a peer says, and how long it took."""
    rows = peer.rows(split, sample=sample, seed=seed)
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        said = peer.ask(split, rows, seed, threads)
    answer = Said(said.rows, np.sort(np.maximum(said.quantiles_units, 0.0), axis=2),
                  None if said.mean_units is None else np.maximum(said.mean_units, 0.0),
                  time.monotonic() - started)  # fmt: skip
    return without_closed(split, answer)


def without_closed(split: Split, said: Said) -> Said:
    """Nothing sells behind a door known to be closed: everybody may use that."""
    if "open" not in split.ahead:
        return said
    closed = split.ahead["open"][said.rows, -split.horizon :] == 0
    mean = None if said.mean_units is None else np.where(closed, 0.0, said.mean_units)
    quantiles = np.where(closed[..., None], 0.0, said.quantiles_units)
    return replace(said, quantiles_units=quantiles, mean_units=mean)


def _statistical(model: str) -> Ask:
    """A model of statsforecast with its own prediction intervals."""

    def run(split: Split, rows: np.ndarray, _seed: int, threads: int) -> Said:
        from statsforecast import StatsForecast, models

        season = SHORT_SEASON[split.data.period_days]
        if model in TAKE_LONG_SEASON:
            season = min(LONG_SEASON[split.data.period_days], split.past_units.shape[1] // 2)
        forecaster = StatsForecast(
            models=[getattr(models, model)(season_length=season, alias="peer")],
            freq=1, n_jobs=min(threads, len(rows)),
            fallback_model=models.SeasonalNaive(season_length=season, alias="peer"),
        )  # fmt: skip
        said = forecaster.forecast(
            df=_long(split, rows, gaps="cut"), h=split.horizon, level=list(INTERVALS)
        )
        quantiles, mean = _answer(said, len(rows), split.horizon)
        return Said(rows, quantiles, mean)

    return run


def _croston(split: Split, rows: np.ndarray, _seed: int, _threads: int) -> Said:
    """Syntetos-Boylan; its quantiles are those of its own one-step errors, added to the mean."""
    from statsforecast import StatsForecast, models

    forecaster = StatsForecast(models=[models.CrostonSBA(alias="peer")], freq=1, n_jobs=1)
    history = _long(split, rows, gaps="cut")
    said = forecaster.forecast(df=history, h=split.horizon, fitted=True)
    mean = said["peer"].to_numpy(dtype=np.float64).reshape(len(rows), split.horizon)
    fitted = forecaster.forecast_fitted_values()
    errors = (fitted["y"] - fitted["peer"]).groupby(fitted["unique_id"], sort=True)
    spread = np.stack([np.nanquantile(each, SCORED_LEVELS) for _, each in errors])
    return Said(rows, mean[..., None] + spread[:, None, :], mean)


def _mlforecast(split: Split, rows: np.ndarray, seed: int, threads: int) -> Said:
    """Recursive LightGBM, tweedie loss; conformal intervals from two windows."""
    import lightgbm
    from mlforecast import MLForecast
    from mlforecast.lag_transforms import RollingMean
    from mlforecast.utils import PredictionIntervals

    days = split.data.period_days
    forecaster = MLForecast(
        models={"peer": lightgbm.LGBMRegressor(random_state=seed, n_jobs=threads, **TREES)},
        freq=1, lags=LAGS[days],
        lag_transforms={1: [RollingMean(n, min_samples=1) for n in ROLLING[days]]},
        num_threads=1,
    )  # fmt: skip
    history = _long(split, rows, gaps="zero", covariates=True)
    later = _later(split, rows)
    forecaster.fit(
        history, static_features=[c for c in history if c.startswith("static_")], dropna=False,
        prediction_intervals=PredictionIntervals(n_windows=2, h=split.horizon),
    )  # fmt: skip
    said = forecaster.predict(split.horizon, X_df=later, level=list(INTERVALS))
    quantiles, mean = _answer(said, len(rows), split.horizon)
    return Said(rows, quantiles, mean)


def _direct(*, masked: bool, tuned: bool = False) -> Ask:
    def run(split: Split, rows: np.ndarray, seed: int, threads: int) -> Said:
        quantiles = accuracy_boosted.forecast(
            split, masked=masked, tuned=tuned, seed=seed, threads=threads
        )
        return Said(rows, quantiles[rows], None)

    return run


def _answer(said: Any, n: int, horizon: int) -> tuple[Floats, Floats]:  # noqa: ANN401 - pandas.
    """Quantiles (n, H, Q) and means (n, H) of a long answer, sorted by series and period."""
    said = said.sort_values(["unique_id", "ds"])
    columns = ("peer-lo-80", "peer", "peer-hi-80", "peer-hi-90", "peer-hi-98")
    quantiles = said[list(columns)].to_numpy(dtype=np.float64).reshape(n, horizon, -1)
    # A series that never varied has no spread to tell: its intervals are the point.
    quantiles = np.where(np.isfinite(quantiles), quantiles, quantiles[..., 1:2])
    return quantiles, quantiles[..., 1].copy()


def _long(split: Split, rows: np.ndarray, *, gaps: str, covariates: bool = False) -> Any:  # noqa: ANN401 - pandas.
    """History as unique_id, ds (number of the period), y, sorted.

    gaps : "cut" starts a series after its last unrecorded period, "zero" takes those as no sales.
    """
    import pandas as pd

    T = split.past_units.shape[1]
    periods = np.arange(T)
    units = split.past_units[rows]
    known = np.isfinite(units)
    begun = np.where(known.any(axis=1), known.argmax(axis=1), T)
    if gaps == "cut":
        last_gap = np.where(known.all(axis=1), -1, T - 1 - (~known)[:, ::-1].argmax(axis=1))
        begun = np.maximum(begun, last_gap + 1)
    first = np.maximum(begun, T - PERIODS_MAX[split.data.period_days])
    kept = periods >= np.minimum(first, T - 1)[:, None]
    at, ds = np.nonzero(kept)
    frame = pd.DataFrame({"unique_id": at, "ds": ds, "y": np.nan_to_num(units[at, ds])})
    return _with_covariates(frame, split, rows, static=True) if covariates else frame


def _later(split: Split, rows: np.ndarray) -> Any:  # noqa: ANN401 - pandas.
    import pandas as pd

    T, H = split.past_units.shape[1], split.horizon
    frame = pd.DataFrame(
        {"unique_id": np.repeat(np.arange(len(rows)), H),
         "ds": np.tile(np.arange(T, T + H), len(rows))}
    )  # fmt: skip
    return _with_covariates(frame, split, rows, static=False)


def _with_covariates(
    frame: Any,  # noqa: ANN401 - pandas.
    split: Split,
    rows: np.ndarray,
    *,
    static: bool,
) -> Any:  # noqa: ANN401 - pandas.
    """Add what is known of each row's period: covariates, the calendar, and what never changes."""
    dates = np.array(split.dates(), dtype="datetime64[D]")
    at, ds = rows[frame["unique_id"].to_numpy()], frame["ds"].to_numpy()
    for name, values in split.ahead.items():
        frame[name] = np.nan_to_num(values[at, ds])
    if split.data.period_days == 1:
        frame["weekday"] = ((dates.astype(np.int64) + 3) % 7)[ds]
        frame["day_of_month"] = ((dates - dates.astype("datetime64[M]")).astype(int) + 1)[ds]
    frame["day_of_year"] = ((dates - dates.astype("datetime64[Y]")).astype(int) + 1)[ds]
    if static:
        for name, codes in split.static.items():
            frame[f"static_{name}"] = codes[at]
    return frame


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer("seasonal_naive", "statsforecast, normal intervals", _statistical("SeasonalNaive")),
        Peer("sba", "statsforecast CrostonSBA, quantiles of its one-step errors", _croston),
        Peer("auto_theta", "statsforecast AutoTheta", _statistical("AutoTheta"), share=1.0),
        Peer("auto_ets", "statsforecast AutoETS", _statistical("AutoETS"), share=1.0),
        Peer("auto_arima", "statsforecast AutoARIMA", _statistical("AutoARIMA"), share=1 / 3),
        Peer("mlforecast_lightgbm", "tweedie, recursive, two-window conformal", _mlforecast),
        Peer("lightgbm", "direct, a model per level, LightGBM's defaults", _direct(masked=False)),
        Peer("lightgbm_masked", "the same, trained on in-stock periods only",
             _direct(masked=True), stock_outs=True),
        Peer("lightgbm_tuned", "the same on all periods, scaled, weighted and searched",
             _direct(masked=False, tuned=True)),
        Peer("lightgbm_tuned_masked", "and trained on in-stock periods only",
             _direct(masked=True, tuned=True), stock_outs=True),
    )
}  # fmt: skip
"""In the order in which they are asked."""
