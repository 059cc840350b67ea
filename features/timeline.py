"""History and horizon of all series side by side: what blocks of series are cut from."""

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from features.block import Block, Groups
from features.calendar import calendar_of
from features.demand import CENSORED, DEMAND, positions, with_demand
from features.frame import DATE, IN_STOCK, SERIES, Panel
from features.groups import EVERY, groups_table, member_codes, usual_demand
from features.recipe import Recipe, first_known, own_names_freed
from features.roles import Role, meaning_of
from inventory.demand import Floats


@dataclass(slots=True, eq=False)
class Timeline:
    """Columns of N series over T periods, the last `horizon` of them after the origin.

    by_row : (N, T) single precision, NaN where unknown; by_date : (T,); by_series : (N,).
    start : (N,), first period of each series.
    """

    by_row: dict[str, Floats]
    by_date: dict[str, Floats]
    by_series: dict[str, Floats]
    groups: dict[str, Groups]
    start: np.ndarray
    periods: int
    period_days: int

    def block(self, series: slice) -> Block:
        """Some series in a row, as features read them."""
        columns = {
            name: c[series].T.astype(np.float64, order="C") for name, c in self.by_row.items()
        }
        columns |= {name: c[:, None].astype(np.float64) for name, c in self.by_date.items()}
        columns |= {name: c[None, series].astype(np.float64) for name, c in self.by_series.items()}
        groups = {name: group.of(series) for name, group in self.groups.items()}
        return Block(columns, self.start[series], self.period_days, groups)


def timeline_of(panel: Panel, recipe: Recipe) -> Timeline:
    """Everything that the recipe's features read, laid side by side."""
    panel = own_names_freed(panel)
    history = with_demand(panel.history)
    periods, rows = positions(panel)
    series = panel.series
    N, T = len(series), int(periods.max()) + 1 + recipe.horizon
    start = periods[np.flatnonzero(np.diff(rows, prepend=-1))]
    attributes = [a for a in recipe.attributes if a in history.columns]
    coded = recipe.codes.apply(
        series.hstack(first_known(history, [a for a in attributes if a not in SERIES]))
    )
    by_row = {
        name: _laid(history[name].cast(pl.Float32), rows, periods, (N, T))
        for name in (DEMAND, CENSORED, IN_STOCK)
    }
    covariates = _covariates(panel, recipe, history, (periods, rows), (N, T))
    shared = {name: column[0] for name, column in covariates.items() if _agree(column)}
    by_row |= {name: column for name, column in covariates.items() if name not in shared}
    first = panel.first_recorded
    step = f"{panel.period_days}d"
    dates = pl.date_range(first, first + (T - 1) * _days(panel), step, eager=True).to_list()
    calendar = calendar_of(dates, country=recipe.country, period_days=panel.period_days)
    unknown = np.full(N, np.nan, dtype=np.float32)
    by_series = {a: _plain(coded[a]) if a in coded.columns else unknown for a in recipe.attributes}
    return Timeline(
        by_row=by_row,
        by_date=shared | {c.name: c.to_numpy() for c in calendar.iter_columns()},
        by_series=by_series,
        groups=_groups(history, series, by_row | {c: covariates[c] for c in shared}, recipe),
        start=start,
        periods=T,
        period_days=panel.period_days,
    )


def _agree(column: Floats) -> bool:
    """Whether all series say the same on every date, as of holidays: then once is enough."""
    first = column[0]
    same = (column == first) | (np.isnan(column) & np.isnan(first))
    return bool(same.all())


def _days(panel: Panel) -> timedelta:
    return timedelta(days=panel.period_days)


def _plain(values: pl.Series) -> Floats:
    """As single precision, NaN for what is unknown."""
    plain: Floats = values.cast(pl.Float32).fill_null(np.nan).to_numpy()
    return plain


def _laid(
    values: pl.Series, rows: np.ndarray, periods: np.ndarray, shape: tuple[int, int]
) -> Floats:
    """A long column as an array (N, T)."""
    laid = np.full(shape, np.nan, dtype=np.float32)
    laid[rows, periods] = _plain(values)
    return laid


def _covariates(
    panel: Panel,
    recipe: Recipe,
    history: pl.DataFrame,
    places: tuple[np.ndarray, np.ndarray],
    shape: tuple[int, int],
) -> dict[str, Floats]:
    """Each covariate of the recipe over history and horizon; all unknown where there is none."""
    periods, rows = places
    names = [c.name for c in recipe.covariates]
    past = recipe.codes.apply(history.select(c for c in names if c in history.columns))
    last = panel.days_ahead(recipe.horizon)[-1]
    known = [c for c in names if c in panel.future.columns]
    order = panel.series.with_row_index("_row")
    ahead = panel.future.filter(pl.col(DATE) <= last).join(order, on=SERIES, how="inner")
    then = ((ahead[DATE] - panel.origin).dt.total_days() // panel.period_days).to_numpy()
    then = then + shape[1] - recipe.horizon - 1
    whom = ahead["_row"].to_numpy().astype(np.int64)
    ahead = recipe.codes.apply(ahead.select(known))
    laid = {}
    for name in names:
        laid[name] = (
            _laid(past[name], rows, periods, shape)
            if name in past.columns
            else np.full(shape, np.nan, dtype=np.float32)
        )
        if name in known:
            laid[name][whom, then] = _plain(ahead[name])
    return laid


def _groups(
    history: pl.DataFrame, series: pl.DataFrame, by_row: dict[str, Floats], recipe: Recipe
) -> dict[str, Groups]:
    if not recipe.groups:
        return {}
    columns = [g for g in recipe.groups if g in history.columns and g not in SERIES]
    categories = first_known(history, columns) if columns else pl.DataFrame()
    usual = usual_demand(by_row[DEMAND], recipe.period_days)
    prices = {
        c.name: by_row[c.name]
        for c in recipe.covariates
        if meaning_of(c.name).role == Role.PRICE and not c.binary
    }
    nobody = np.full(len(series), -1, dtype=np.int64)
    return {
        group: groups_table(
            member_codes(series, categories, group)
            if group in (EVERY, *SERIES) or group in categories.columns
            else nobody,
            demand=by_row[DEMAND],
            usual=usual,
            censored=by_row[CENSORED],
            prices=prices,
            period_days=recipe.period_days,
        )
        for group in recipe.groups
    }
