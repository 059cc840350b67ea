"""Standing in the past: forecasts from earlier origins, beside what then happened.

Members are fitted on what was known at the earliest origin and predict from later ones without
being fitted again, until the history has grown by a good part: then they are fitted once more. Of
many series a sample is looked back on, so that looking back costs the same for five thousand
series and for fifty thousand. Only demand that is truly known counts as an actual; a period
censored by a stock-out is left out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.calendar import YEARS_MIN_FOR_SEASON
from features.demand import CENSORED, censored_expr, dense, dense_demand
from features.frame import SERIES, Panel
from inventory.demand import LEVELS, DemandForecast, Floats
from models import metrics
from models.contract import Forecaster
from models.segments import SEGMENTS, segments

WINDOWS = 6
"""Origins to look back from. Two or three give badly calibrated intervals."""

HISTORY_SHARE_KEPT = 0.55
"""Share of the history that stays before the earliest origin, to learn from."""

SEASONED_YEARS = 1.6
"""Where the history has seen a year, this much of it stays too: a model that has not seen the
season would be judged on it. One and a half horizons are looked back on in any case."""

PERIODS_MIN = 6
"""A history shorter than this has nothing to look back on."""

SERIES_MAX = 4000
"""Series looked back on: enough for weights and calibration, whatever the size of the panel."""

GROWTH_FOR_REFIT = 1.3
"""Members are fitted anew once the history is this much longer: after 40 days a booster that saw
8 more has learned another fifth of all it knows, and its weight should say so."""

BLOCK_EDGES = {1: (7, 14, 28), 7: (4, 8, 13)}
"""Last period of each horizon block but the final one, by days per period."""


@dataclass(slots=True, eq=False)
class Window:
    """Forecasts from one origin, and the actuals: n series by h periods.

    actual_units : NaN where demand was not observed in full, or is still to come.
    sum_units : demand with partly censored periods unconstrained, for sums; NaN where unknown.
    """

    origin: date
    actual_units: Floats
    sum_units: Floats
    scale_units: Floats
    segment: np.ndarray
    forecasts: dict[str, DemandForecast]


def rolling_origins(
    panel: Panel, *, horizon: int, windows: int = WINDOWS
) -> tuple[list[date], int]:
    """Origins to look back from, oldest first, and how far ahead they can be checked.

    Where history is long, windows lie half a horizon apart. Where it is short they overlap more,
    and the newest origins stand closer to the end than they are checked: their far periods are
    still to come, but they have learned from nearly as much as the forecast itself will. No origins
    when there is too little to learn from.
    """
    first = panel.history["date"].min()
    assert isinstance(first, date)
    periods = (panel.origin - first).days // panel.period_days + 1
    if periods < PERIODS_MIN:
        return [], 0
    reach = int(periods * (1 - HISTORY_SHARE_KEPT))
    year = 365.25 / panel.period_days
    if periods > YEARS_MIN_FOR_SEASON * year:
        reach = min(reach, max(-(-3 * horizon // 2), int(periods - SEASONED_YEARS * year)))
    checked = min(horizon, max(1, reach * 2 // 3))
    half = -(-checked // 2)
    roomy = reach >= checked + (windows - 1) * half
    nearest, furthest = (checked, checked + (windows - 1) * half) if roomy else (half, reach)
    back = sorted({round(b) for b in np.linspace(nearest, furthest, windows)}, reverse=True)
    return [panel.origin - timedelta(days=b * panel.period_days) for b in back], checked


def run(
    members: Sequence[Forecaster],
    panel: Panel,
    *,
    horizon: int,
    windows: int = WINDOWS,
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[Window]:
    """Forecast from each of the rolling origins, oldest first; changes the members' fit.

    Of more than `SERIES_MAX` series, as many are drawn with the seed.
    """
    panel = sample(panel, series=SERIES_MAX, seed=seed)
    origins, checked = rolling_origins(panel, horizon=horizon, windows=windows)
    actuals = _Actuals.of(panel) if origins else None
    found: list[Window] = []
    fitted_on = 0
    for origin in origins:
        assert actuals is not None
        periods = actuals.periods_until(panel, origin)
        if periods >= GROWTH_FOR_REFIT * fitted_on:
            fitted_on = periods
            for member in members:
                _say(progress, f"fitting {member.name} as of {origin}")
                member.fit(panel.until(origin), horizon=horizon)
        _say(progress, f"looking back from {origin}")
        found.append(_window(members, panel, origin, checked, actuals))
    return found


def sample(panel: Panel, *, series: int, seed: int) -> Panel:
    """At most so many of the panel's series, drawn evenly; the panel itself where it has no more.

    A series without any history at the earliest origins teaches nothing, but is as likely drawn.
    """
    every = panel.series
    if len(every) <= series:
        return panel
    drawn = np.random.default_rng(seed).choice(len(every), series, replace=False)
    kept = every[np.sort(drawn)]
    return Panel(
        history=panel.history.join(kept, on=SERIES, how="semi", maintain_order="left"),
        future=panel.future.join(kept, on=SERIES, how="semi", maintain_order="left"),
        period_days=panel.period_days,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Actuals:
    """What happened, (N, T): unconstrained, and as far as it was observed in full."""

    demand_units: Floats
    observed_units: Floats

    @classmethod
    def of(cls, panel: Panel) -> "_Actuals":
        demand = dense_demand(panel)
        censored = dense(panel, censored_expr().alias(CENSORED))
        return cls(demand, np.where(censored == 1, np.nan, demand))

    def periods_until(self, panel: Panel, origin: date) -> int:
        """Periods of history up to and including the origin."""
        back = (panel.origin - origin).days // panel.period_days
        return int(self.demand_units.shape[1]) - back


def _window(
    members: Sequence[Forecaster], panel: Panel, origin: date, checked: int, actuals: _Actuals
) -> Window:
    then = panel.until(origin)
    split = actuals.periods_until(panel, origin)
    names = panel.series.with_row_index("at").join(
        then.series, on=then.series.columns, how="semi", maintain_order="left"
    )
    rows = names["at"].to_numpy()
    past = actuals.demand_units[rows, :split]
    levels = np.array(LEVELS)
    season = metrics.seasonality(panel.period_days, past.shape[1])
    return Window(
        origin=origin,
        actual_units=_ahead(actuals.observed_units[rows], split, checked),
        sum_units=_ahead(actuals.demand_units[rows], split, checked),
        scale_units=metrics.naive_error_units(past, season),
        segment=segments(past, period_days=panel.period_days),
        forecasts={m.name: m.predict(then, horizon=checked, levels=levels) for m in members},
    )


def _ahead(units: Floats, split: int, checked: int) -> Floats:
    """The periods after the split, (n, checked); NaN for those that are still to come."""
    found = np.full((len(units), checked), np.nan)
    known = units[:, split : split + checked]
    found[:, : known.shape[1]] = known
    return found


def blocks(horizon: int, *, period_days: int) -> np.ndarray:
    """Horizon block of each period ahead, (H,): near, middle, far.

    >>> blocks(9, period_days=1)
    array([0, 0, 0, 0, 0, 0, 0, 1, 1])
    """
    return np.searchsorted(BLOCK_EDGES[period_days], np.arange(1, horizon + 1))


def scores(windows: Sequence[Window], *, period_days: int) -> pl.DataFrame:
    """Losses per member, segment, horizon block and window.

    Columns member, segment, horizon_block, window (its origin), sql, wape, mase, bias, coverage95,
    coverage99, periods (how many were observed).
    """
    rows = [
        row
        for window in windows
        for name, forecast in window.forecasts.items()
        for row in _scores(name, window, forecast, period_days)
    ]
    return pl.DataFrame(rows, schema=SCORE_COLUMNS, orient="row")


SCORE_COLUMNS = {
    "member": pl.String, "segment": pl.String, "horizon_block": pl.Int64, "window": pl.Date,
    "sql": pl.Float64, "wape": pl.Float64, "mase": pl.Float64, "bias": pl.Float64,
    "coverage95": pl.Float64, "coverage99": pl.Float64, "periods": pl.Int64,
}  # fmt: skip


def _scores(
    name: str, window: Window, forecast: DemandForecast, period_days: int
) -> list[tuple[object, ...]]:
    horizon = window.actual_units.shape[1]
    levels = np.array(metrics.SCORED_LEVELS)
    picked = [int(np.argmin(np.abs(forecast.levels - level))) for level in levels]
    found: list[tuple[object, ...]] = []
    block_of = blocks(horizon, period_days=period_days)
    for s, segment in enumerate(SEGMENTS):
        for block in np.unique(block_of):
            cell = np.ix_(window.segment == s, block_of == block)
            actual = window.actual_units[cell]
            if np.isnan(actual).all():
                continue
            quantiles = forecast.quantiles_units[cell][..., picked]
            mean = forecast.mean_units[cell]
            scale = window.scale_units[window.segment == s]
            found.append((
                name, segment, int(block), window.origin,
                metrics.scaled_quantile_loss(actual, quantiles, levels, scale_units=scale),
                metrics.wape(actual, mean), metrics.mase(actual, mean, scale_units=scale),
                metrics.bias(actual, mean),
                metrics.coverage(actual, quantiles[..., 3]),
                metrics.coverage(actual, quantiles[..., 4]),
                int((~np.isnan(actual)).sum()),
            ))  # fmt: skip
    return found


def _say(progress: Callable[[str], None] | None, what: str) -> None:
    if progress is not None:
        progress(what)
