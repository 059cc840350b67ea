"""No feature changes when anything changes that was not yet known: tried for every feature."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.build import build, recipe_for
from features.catalog import GROUPS, KNOWN_AHEAD, Anchor, Feature, chosen, is_legal
from features.frame import Panel
from features.signals import ExternalSignal, checked, with_signal
from features.windows import lagged

PERIODS = {1: 480, 7: 140}
LAG = 3
"""Periods after which the signals of the tests become known."""
SERIES = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
LATE = ("searches", "stock_on_hand", "competitor_price", "visitors")
"""Columns of the history that the future file does not hold."""
CLASSES = [(1, 1), (1, 7), (1, 20), (7, 1), (7, 8)]
"""Days per period, and horizon."""


def demand(block):
    return block.demand


def day(period_days, period):
    return date(2023, 1, 2) + timedelta(days=period_days * period)


def make_panel(period_days, horizon=20):
    rng = np.random.default_rng(5)
    periods = PERIODS[period_days] + horizon
    frames = []
    for sku, location in SERIES:
        promo = rng.random(periods) < 0.3
        frames.append(
            pl.DataFrame(
                {
                    "sku": sku,
                    "location": location,
                    "date": [day(period_days, i) for i in range(periods)],
                    "units": rng.poisson(6 + 5 * promo).astype(float),
                    "in_stock": np.where(rng.random(periods) < 0.1, 0.7, 1.0),
                    "promotion": promo.astype(float),
                    "price": rng.choice([3.0, 4.0, 5.0], periods),
                    "temperature": rng.normal(15, 5, periods),
                    "brand": "brand of " + sku,
                    **{name: rng.poisson(50, periods).astype(float) for name in LATE},
                }
            )
        )
    every = pl.concat(frames).sort("sku", "location", "date")
    origin = day(period_days, PERIODS[period_days] - 1)
    known = ["sku", "location", "date", "promotion", "price", "temperature"]
    return Panel(
        history=every.filter(pl.col("date") <= origin),
        future=every.filter(pl.col("date") > origin).select(known),
        period_days=period_days,
    )


def make_signals(period_days, horizon):
    """Signals per location: `mentions`, late, and `school_break`, known ahead."""
    rng = np.random.default_rng(8)
    n = PERIODS[period_days] + horizon
    return pl.concat(
        pl.DataFrame(
            {
                "location": location,
                "date": [day(period_days, i) for i in range(n)],
                "mentions": rng.poisson(20, n).astype(float),
                "school_break": (rng.random(n) < 0.2).astype(float),
            }
        )
        for location in "xy"
    )


def joined(panel, signals, horizon, lag=LAG):
    table = checked(signals, name="signals.csv")
    told = (
        ExternalSignal("mentions", lag_periods=lag),
        ExternalSignal("school_break", known_ahead=True),
    )
    return with_signal(panel, table, told, horizon=horizon)


def changed_after(panel, back):
    """The same panel with everything unknowable rewritten after the origin `back` periods ago."""
    rng = np.random.default_rng(6)
    n = len(panel.history)
    later = pl.col("date") > panel.origin - timedelta(days=back * panel.period_days)
    fresh = {name: rng.poisson(900, n).astype(float) for name in LATE}
    fresh |= {"units": rng.poisson(90, n).astype(float), "in_stock": rng.choice([0.4, 1.0], n)}
    history = panel.history.with_columns(
        pl.when(later).then(pl.Series(values)).otherwise(name).alias(name)
        for name, values in fresh.items()
    )
    return Panel(history=history, future=panel.future, period_days=panel.period_days)


def signals_changed_after(signals, panel, back):
    """Signals rewritten from the first day on that is not known `back` periods before the end."""
    known = panel.origin - timedelta(days=(back + LAG) * panel.period_days)
    fresh = pl.Series(np.random.default_rng(9).poisson(700, len(signals)).astype(float))
    return signals.with_columns(
        mentions=pl.when(pl.col("date") > known).then(fresh).otherwise("mentions")
    )


def examples(panel, recipe, back, *, more=()):
    table = build(panel, recipe)
    table.features = (*table.features, *more)
    N, H = len(table.first_row), recipe.horizon
    series, ahead = np.repeat(np.arange(N), H), np.tile(np.arange(1, H + 1), N)
    matrix, level = table.matrix(
        series=series, origin_place=table.origin_place[series] - back, ahead=ahead
    )
    scaled = [j for j, feature in enumerate(table.features) if feature.scaled]
    matrix[:, scaled] *= level[:, None]  # Back to units: the level divided by itself is always 1.
    return table.names, matrix, level


class Tried:
    """Examples as of an origin in the past, and again after changes that it could not know."""

    def __init__(self, period_days, horizon):
        plain, signals = make_panel(period_days, horizon), make_signals(period_days, horizon)
        self.back = 2 * horizon
        self.panel = joined(plain, signals, horizon)
        self.recipe = recipe_for(self.panel, horizon=horizon, everything=True)

        def changed(back):
            rewritten = signals_changed_after(signals, plain, back)
            return joined(changed_after(plain, back), rewritten, horizon)

        self.unknowable = changed(self.back)
        self.knowable = changed(self.back + int(0.8 * PERIODS[period_days]))

    def moved(self, other, *, more=()):
        """Names of the features that differ between the panel and another."""
        names, before, level = examples(self.panel, self.recipe, self.back, more=more)
        _, after, level_after = examples(other, self.recipe, self.back, more=more)
        moved = {
            name
            for j, name in enumerate(names)
            if not np.array_equal(before[:, j], after[:, j], equal_nan=True)
        }
        return moved if np.array_equal(level, level_after) else moved | {"level"}


@pytest.fixture(scope="module", params=CLASSES, ids=lambda c: f"{c[1]}x{c[0]}d")
def tried(request):
    return Tried(*request.param)


def test_no_feature_sees_what_was_not_known(tried):
    features = tried.recipe.features
    assert len(features) > (180 if tried.panel.period_days == 1 else 140)
    assert {f.group for f in features} == set(GROUPS)
    assert any(f.name.startswith("mentions") for f in features)
    assert tried.moved(tried.unknowable) == set()


def test_every_feature_of_demand_sees_what_was_known(tried):
    """Else the test above would pass for features that read nothing at all."""
    moved = tried.moved(tried.knowable)
    assert {f.name for f in tried.recipe.features if f.scaled} <= moved
    late = {f.name for f in tried.recipe.features if f.name.startswith((*LATE, "mentions"))}
    assert late <= moved


def test_a_feature_that_looks_ahead_is_caught(tried):
    leak = Feature("leak", "units", "history", Anchor.ORIGIN, 0, "", lambda b: lagged(b.demand, -1))
    assert tried.moved(tried.unknowable, more=(leak,)) == {"leak"}


def test_a_signal_that_comes_earlier_than_it_was_known_is_caught():
    plain, signals = make_panel(1, 7), make_signals(1, 7)
    early = joined(plain, signals, 7, lag=LAG - 1)
    recipe = recipe_for(early, horizon=7)
    names, before, _ = examples(early, recipe, 14)
    rewritten = joined(plain, signals_changed_after(signals, plain, 14), 7, lag=LAG - 1)
    _, after, _ = examples(rewritten, recipe, 14)
    j = names.index("mentions_last")
    assert not np.array_equal(before[:, j], after[:, j], equal_nan=True)


def test_a_feature_that_leaks_is_refused_when_chosen():
    same_day = Feature("leak", "units", "history", Anchor.TARGET, 0, "", demand)
    calendar = Feature("weekday", "day", "external", Anchor.TARGET, KNOWN_AHEAD, "", demand)
    assert chosen((same_day, calendar), horizon=1, period_days=1) == (calendar,)


def test_last_year_is_legal_only_within_a_year():
    centred = Feature("year", "units", "history", Anchor.YEAR, 3, "", demand)
    assert is_legal(centred, horizon=361, period_days=1)
    assert not is_legal(centred, horizon=362, period_days=1)


def test_a_covariate_not_known_ahead_is_never_read_at_the_target():
    panel = make_panel(1)
    recipe = recipe_for(panel, horizon=7)
    of_visitors = [f for f in recipe.features if "visitors" in f.name]
    assert of_visitors
    assert all(f.anchor == Anchor.ORIGIN for f in of_visitors)
    assert any(f.name == "price" and f.anchor == Anchor.TARGET for f in recipe.features)


def test_every_feature_says_what_it_is():
    for period_days in (1, 7):
        features = recipe_for(make_panel(period_days), horizon=7).features
        assert len({f.name for f in features}) == len(features)
        assert all(f.unit and f.why and f.group for f in features)
