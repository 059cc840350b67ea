"""All features on all rows in one pass, then gathered for any origin and horizon.

Every feature is an expression over the rows of a series, so one polars pass computes them for all
origins at once; an example (series, origin, periods ahead) then only picks rows. That is why
thousands of origins for training cost hardly more than one origin for forecasting.
"""

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import polars as pl

from features.calendar import calendar_features, with_holidays
from features.catalog import Anchor, Feature, chosen, offset_periods
from features.demand import CENSORED, DEMAND, with_demand
from features.frame import DATE, IN_STOCK, KEY, SERIES, UNITS, Panel
from features.history import PERIOD, ROW_ID, history_features, level_window
from features.price import Covariate, covariate_features
from features.product import (
    GROUP_SERIES_MIN,
    GROUPS,
    Codes,
    attribute_features,
    neighbour_features,
    with_group_demand,
)
from inventory.demand import Floats

LEVEL_SHARE_MIN = 0.25
"""A series quiet of late keeps this share of its lifelong level as its unit."""
LEVEL_FLOOR_SHARE = 0.02
"""And every series at least this share of the median level, so that nothing divides by zero."""


@dataclass(slots=True)
class Recipe:
    """Which features a model was fitted with: fixed at fit, applied at every prediction."""

    period_days: int
    horizon: int
    years: float
    country: str | None = None
    covariates: list[Covariate] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    groups: tuple[str, ...] = ()
    codes: Codes = field(default_factory=Codes)

    @property
    def features(self) -> tuple[Feature, ...]:
        """Every feature that is legal for the horizon, in the order of the model's columns."""
        everything = [*history_features(self.period_days), *calendar_features(years=self.years)]
        for covariate in self.covariates:
            everything += covariate_features(covariate, period_days=self.period_days)
        everything += attribute_features(self.attributes)
        everything += neighbour_features(self.groups, period_days=self.period_days)
        named = tuple({feature.name: feature for feature in reversed(everything)}.values())
        return chosen(named[::-1], horizon=self.horizon, period_days=self.period_days)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Recipe":
        """Back from `as_dict`."""
        plain = dict(values)
        plain["covariates"] = [Covariate(**c) for c in plain["covariates"]]
        plain["groups"] = tuple(plain["groups"])
        plain["codes"] = Codes(**plain["codes"])
        return cls(**plain)


def recipe_for(panel: Panel, *, horizon: int, country: str | None = None) -> Recipe:
    """Read off a panel which features it supports, and fix the codes of its text columns."""
    panel = _own_names_freed(panel)
    history = with_demand(panel.history)
    extra = [c for c in panel.history.columns if c not in (*KEY, UNITS, IN_STOCK)]
    # The same value throughout every series: an attribute, known for ever.
    varies = history.select(
        (pl.col(c).drop_nulls().n_unique().over(SERIES) > 1).any().alias(c) for c in extra
    ).row(0, named=True) if extra else {}  # fmt: skip
    attributes = [c for c in extra if not varies[c]]
    text = [c for c in extra if history.schema[c] == pl.String]
    ranked = [c for c in attributes if c not in text and c.endswith("_id")]
    covariates = [
        Covariate(
            name=c,
            known_ahead=c in panel.future.columns and len(panel.future) > 0,
            binary=c not in text and set(history[c].drop_nulls().unique()) <= {0.0, 1.0},
        )
        for c in extra
        if varies[c]
    ]
    series = panel.series
    days = (panel.origin - min(history[DATE])).days
    return Recipe(
        period_days=panel.period_days,
        horizon=horizon,
        years=days / 365.25,
        country=country,
        covariates=covariates,
        attributes=[*attributes, *(f"{g}_code" for g in GROUPS if series[g].n_unique() > 1)],
        groups=tuple(g for g in GROUPS if series[g].n_unique() * GROUP_SERIES_MIN <= len(series)),
        codes=Codes.learn(
            history, [*text, *ranked, *(g for g in GROUPS if series[g].n_unique() > 1)]
        ),
    )


def _own_names_freed(panel: Panel) -> Panel:
    """The panel with columns renamed whose names are ours: a file may well say `weekday`."""
    features = (*history_features(1), *history_features(7), *calendar_features(years=9))
    ours = {f.name for f in features} | {DEMAND, CENSORED, "ahead", "log_level"}
    ours |= {f"{group}_code" for group in GROUPS}

    def freed(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.rename(
            {c: f"{c}_given" for c in frame.columns if c in ours or c.startswith("_")}
        )

    return Panel(
        history=freed(panel.history), future=freed(panel.future), period_days=panel.period_days
    )


@dataclass(slots=True, eq=False)
class FeatureTable:
    """Feature values on every row of every series, history and horizon, series after series.

    columns : one array per name, over all rows; scaled features still in units.
    first_row, origin_place : of each series, its first row, and how many rows on the origin lies.
    """

    features: tuple[Feature, ...]
    columns: dict[str, Floats]
    demand_units: Floats
    level_units: Floats
    first_row: np.ndarray
    origin_place: np.ndarray
    period_days: int

    @property
    def names(self) -> list[str]:
        """Names of the matrix's columns."""
        return [*(f.name for f in self.features), "ahead", "log_level"]

    def matrix(
        self, *, series: np.ndarray, origin_place: np.ndarray, ahead: np.ndarray
    ) -> tuple[Floats, Floats]:
        """Examples (n, F) as float32, and the level (n,) that their demand is divided by.

        Rows are read as of each example's own origin; NaN where a row lies before the series.
        """
        rows = {anchor: self._rows(series, origin_place, ahead, anchor) for anchor in Anchor}
        level = self.level_units[rows[Anchor.ORIGIN]]
        matrix = np.empty((len(series), len(self.features) + 2), dtype=np.float32)
        for j, feature in enumerate(self.features):
            matrix[:, j] = self._value(feature, rows)
            if feature.scaled:
                matrix[:, j] /= level
        matrix[:, -2] = ahead
        matrix[:, -1] = np.log1p(level)
        return matrix, level

    def _value(self, feature: Feature, rows: dict[Anchor, np.ndarray]) -> Floats:
        value = _at(self.columns[feature.name], rows[feature.anchor])
        if feature.given is not None:
            state = _at(self.columns[feature.given], rows[Anchor.TARGET])
            other = _at(self.columns[f"{feature.name}|otherwise"], rows[feature.anchor])
            value = np.where(np.isnan(state), np.nan, np.where(state == 1, value, other))
        if feature.less is not None:
            value = value - _at(self.columns[feature.less], rows[Anchor.ORIGIN])
        return value

    def _rows(
        self, series: np.ndarray, origin_place: np.ndarray, ahead: np.ndarray, anchor: Anchor
    ) -> np.ndarray:
        """Row numbers that the anchor reads; -1 where that is before the series began."""
        place = origin_place + offset_periods(anchor, ahead, period_days=self.period_days)
        return np.where(place >= 0, self.first_row[series] + place, -1)


def _at(column: Floats, rows: np.ndarray) -> Floats:
    """The column at those rows, NaN at row -1."""
    taken: Floats = np.where(rows >= 0, column[rows], np.float32(np.nan))
    return taken


def build(panel: Panel, recipe: Recipe) -> FeatureTable:
    """Every feature of the recipe on every row of the panel and its horizon."""
    timeline = timeline_of(panel, recipe)
    features = recipe.features
    made = [f.expr.cast(pl.Float32).alias(f.name) for f in features]
    made += [
        f.otherwise.cast(pl.Float32).alias(f"{f.name}|otherwise")
        for f in features
        if f.otherwise is not None
    ]
    extra = [f.given for f in features if f.given and f.given not in {g.name for g in features}]
    made += [pl.col(name).cast(pl.Float32) for name in dict.fromkeys(extra)]
    values = timeline.select(made)
    length = timeline.group_by(ROW_ID, maintain_order=True).len().get_column("len").to_numpy()
    first_row = np.concatenate([[0], np.cumsum(length)[:-1]]).astype(np.int64)
    return FeatureTable(
        features=features,
        columns={name: values[name].fill_null(np.nan).to_numpy() for name in values.columns},
        demand_units=timeline[DEMAND].cast(pl.Float32).fill_null(np.nan).to_numpy(),
        level_units=_levels(timeline),
        first_row=first_row,
        origin_place=length.astype(np.int64) - recipe.horizon - 1,
        period_days=panel.period_days,
    )


def _levels(timeline: pl.DataFrame) -> Floats:
    """What demand is divided by, on each row: the recent mean, kept away from zero."""
    usual = timeline["_usual"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    ever = timeline["_ever"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    selling = ever[ever > 0]  # The median: one giant among them must not lift everyone's floor.
    typical = float(np.median(selling)) if len(selling) else 1.0
    level = np.fmax(np.nan_to_num(usual, nan=0.0), LEVEL_SHARE_MIN * ever)
    level = np.where(np.isnan(level), typical, level)
    floored: Floats = np.maximum(level, LEVEL_FLOOR_SHARE * typical).astype(np.float32)
    return floored


def timeline_of(panel: Panel, recipe: Recipe) -> pl.DataFrame:
    """History and horizon in one table with what the expressions need: demand, codes, holidays."""
    panel = _own_names_freed(panel)
    history = with_demand(panel.history)
    series = history.select(SERIES).unique(maintain_order=True).with_row_index(ROW_ID)
    ahead = pl.DataFrame({DATE: panel.days_ahead(recipe.horizon)})
    future = series.select(SERIES).join(ahead, how="cross")
    known = [c.name for c in recipe.covariates if c.name in panel.future.columns]
    future = future.join(panel.future.select(*KEY, *known), on=KEY, how="left")
    wanted = [*KEY, DEMAND, CENSORED, IN_STOCK]
    wanted += [c.name for c in recipe.covariates if c.name in history.columns]
    own = [a for a in recipe.attributes if a in history.columns]
    frame = pl.concat([history.select(*wanted, *own), future], how="diagonal")
    frame = frame.join(series, on=SERIES, how="left", maintain_order="left").sort(ROW_ID, DATE)
    frame = frame.with_columns(pl.col(a).forward_fill().over(ROW_ID) for a in own)
    frame = recipe.codes.apply(frame)
    lacking = [c.name for c in recipe.covariates] + recipe.attributes
    frame = frame.with_columns(
        pl.lit(None, dtype=pl.Float32).alias(c) for c in lacking if c not in frame.columns
    )
    window = level_window(recipe.period_days)
    demand = pl.col(DEMAND)
    frame = frame.with_columns(
        pl.int_range(pl.len()).over(ROW_ID).alias(PERIOD),
        demand.rolling_mean(window, min_samples=1).over(ROW_ID).alias("_usual"),
        (demand.fill_null(0.0).cum_sum() / demand.is_not_null().cum_sum())
        .over(ROW_ID).fill_nan(None).alias("_ever"),
    )  # fmt: skip
    frame = with_group_demand(frame, groups=recipe.groups)
    return with_holidays(frame, country=recipe.country, period_days=recipe.period_days)
