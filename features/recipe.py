"""Which features a model was fitted with: read off a panel at fit, applied at every prediction."""

from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any

import polars as pl

from features.calendar import calendar_columns, calendar_features, season_columns
from features.catalog import Feature, chosen
from features.covariates import Covariate, covariate_features
from features.demand import CENSORED, DEMAND, with_demand
from features.frame import IN_STOCK, KEY, SERIES, UNITS, Panel
from features.groups import group_features, groups_of
from features.history import history_features
from features.price import price_features
from features.product import Codes, attribute_features, life_features
from features.season import season_features
from features.stock import stock_features


@dataclass(slots=True)
class Recipe:
    """What the catalogue needs to know of a panel, and the columns that were taken from it.

    periods : of history at fit. censored : some period was off sale. everything : also features
    that models leave out unless told.
    columns : names of the features, fixed at fit, so that a catalogue that grows later leaves a
        fitted model alone; None until then.
    """

    period_days: int
    horizon: int
    years: float
    periods: int = 10_000
    censored: bool = True
    everything: bool = False
    country: str | None = None
    covariates: list[Covariate] = field(default_factory=list)
    attributes: list[str] = field(default_factory=list)
    groups: tuple[str, ...] = ()
    codes: Codes = field(default_factory=Codes)
    columns: tuple[str, ...] | None = None

    @property
    def features(self) -> tuple[Feature, ...]:
        """Every feature that is legal for the horizon, in the order of the model's columns.

        Raises
        ------
        KeyError
            The model was fitted with a feature that this version does not know.
        """
        if self.columns is None:
            return self.offered
        known = {feature.name: feature for feature in self._legal()}
        lost = [name for name in self.columns if name not in known]
        if lost:
            raise KeyError(f"no feature '{lost[0]}' in this version: train the model again")
        return tuple(known[name] for name in self.columns)

    @property
    def offered(self) -> tuple[Feature, ...]:
        """What the catalogue of today offers for such a panel."""
        return tuple(
            f
            for f in self._legal()
            if f.periods_min <= self.periods and (f.default or self.everything)
        )

    def _legal(self) -> tuple[Feature, ...]:
        named: dict[str, Feature] = {}
        for feature in self._catalogue():
            named.setdefault(feature.name, feature)
        legal = tuple(named.values())
        return chosen(legal, horizon=self.horizon, period_days=self.period_days)

    def _catalogue(self) -> list[Feature]:
        step = self.period_days
        features = [*history_features(step), *season_features(step), *life_features(step)]
        features += calendar_features(years=self.years, period_days=step)
        if self.censored:
            features += stock_features(step)
        for covariate in self.covariates:
            features += covariate_features(covariate, period_days=step)
            features += price_features(covariate, groups=self.groups, period_days=step)
        features += attribute_features(self.attributes, self.codes)
        features += group_features(self.groups, period_days=step, censored=self.censored)
        return features

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
        plain["columns"] = None if plain["columns"] is None else tuple(plain["columns"])
        return cls(**plain)


def recipe_for(
    panel: Panel, *, horizon: int, country: str | None = None, everything: bool = False
) -> Recipe:
    """Read off a panel which features it supports, and fix the codes of its text columns."""
    panel = own_names_freed(panel)
    history = with_demand(panel.history)
    extra = [c for c in panel.history.columns if c not in (*KEY, UNITS, IN_STOCK)]
    # The same value throughout every series: an attribute, known for ever.
    varies = history.group_by(SERIES).agg(pl.col(extra).drop_nulls().n_unique() > 1).select(
        pl.col(extra).any()
    ).row(0, named=True) if extra else {}  # fmt: skip
    attributes = [c for c in extra if not varies[c]]
    text = [c for c in extra if history.schema[c] == pl.String]
    ranked = [c for c in attributes if c not in text and c.endswith("_id")]
    covariates = [
        Covariate(
            name=c,
            known_ahead=c in panel.known_ahead,
            binary=c not in text and set(history[c].drop_nulls().unique()) <= {0.0, 1.0},
        )
        for c in extra
        if varies[c]
    ]
    series = panel.series
    categories = [c for c in attributes if c in text]
    days = (panel.origin - panel.first_recorded).days
    recipe = Recipe(
        period_days=panel.period_days,
        horizon=horizon,
        years=days / 365.25,
        periods=days // panel.period_days + 1,
        censored=bool(history[CENSORED].any()),
        everything=everything,
        country=country,
        covariates=covariates,
        # No code for the SKU or the location itself: a model would learn them by heart. What they
        # have in common with others, their groups say.
        attributes=attributes,
        groups=groups_of(series, first_known(history, categories)),
        codes=Codes.learn(history, [*text, *ranked]),
    )
    recipe.columns = tuple(f.name for f in recipe.offered)
    return recipe


def first_known(history: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """Each series' first known value of columns that never change, in row order of the series."""
    return history.group_by(SERIES, maintain_order=True).agg(
        pl.col(c).drop_nulls().first() for c in columns
    ).select(columns)  # fmt: skip


def own_names_freed(panel: Panel) -> Panel:
    """The panel with columns renamed whose names are ours: a file may well say `weekday`."""
    ours = _own_names()
    columns = {*panel.history.columns, *panel.future.columns}
    taken = {c: f"{c}_given" for c in columns if c in ours or c.startswith("_")}
    if not taken:
        return panel  # The very same, whose series and demand are remembered.
    history, future = (frame.rename(taken, strict=False) for frame in (panel.history, panel.future))
    return Panel(history=history, future=future, period_days=panel.period_days)


@cache
def _own_names() -> frozenset[str]:
    features = (
        *history_features(1), *history_features(7), *season_features(1), *season_features(7),
        *life_features(1), *stock_features(1), *stock_features(7),
    )  # fmt: skip
    names = {f.name for f in features}
    names |= {c.name for c in (*calendar_columns(), *season_columns())}
    return frozenset(names | {DEMAND, CENSORED, "ahead", "log_level"})
