"""No feature changes when anything changes that was not yet known: tried for every feature."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.build import build, recipe_for
from features.catalog import KNOWN_AHEAD, Anchor, Feature, chosen, is_legal
from features.frame import Panel

PERIODS = {1: 480, 7: 140}
HORIZON = {1: 20, 7: 8}
SERIES = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]


def demand(block):
    return block.demand


def make_panel(period_days):
    rng = np.random.default_rng(5)
    T, H = PERIODS[period_days], HORIZON[period_days]
    frames = []
    for sku, location in SERIES:
        promo = rng.random(T + H) < 0.3
        frames.append(
            pl.DataFrame(
                {
                    "sku": sku,
                    "location": location,
                    "date": [date(2023, 1, 2) + timedelta(days=period_days * i)
                             for i in range(T + H)],
                    "units": rng.poisson(6 + 5 * promo).astype(float),
                    "in_stock": np.where(rng.random(T + H) < 0.1, 0.7, 1.0),
                    "promotion": promo.astype(float),
                    "price": rng.choice([3.0, 4.0, 5.0], T + H),
                    "visitors": rng.poisson(50, T + H).astype(float),
                    "brand": "brand of " + sku,
                }
            )
        )  # fmt: skip
    every = pl.concat(frames).sort("sku", "location", "date")
    origin = date(2023, 1, 2) + timedelta(days=period_days * (T - 1))
    known = ["sku", "location", "date", "promotion", "price"]
    return Panel(
        history=every.filter(pl.col("date") <= origin),
        future=every.filter(pl.col("date") > origin).select(known),
        period_days=period_days,
    )


def changed_after(panel, back):
    """The same panel with everything unknowable rewritten after the origin `back` periods ago."""
    rng = np.random.default_rng(6)
    n = len(panel.history)
    then = panel.origin - timedelta(days=back * panel.period_days)
    later = pl.col("date") > then
    history = panel.history.with_columns(
        pl.when(later).then(pl.Series(rng.poisson(90, n).astype(float))).otherwise("units")
        .alias("units"),
        pl.when(later).then(pl.Series(rng.choice([0.4, 1.0], n))).otherwise("in_stock")
        .alias("in_stock"),
        pl.when(later).then(pl.Series(rng.poisson(900, n).astype(float))).otherwise("visitors")
        .alias("visitors"),
    )  # fmt: skip
    return Panel(history=history, future=panel.future, period_days=panel.period_days)


def examples(panel, recipe, back):
    table = build(panel, recipe)
    N, H = len(table.first_row), recipe.horizon
    series, ahead = np.repeat(np.arange(N), H), np.tile(np.arange(1, H + 1), N)
    matrix, level = table.matrix(
        series=series, origin_place=table.origin_place[series] - back, ahead=ahead
    )
    scaled = [j for j, feature in enumerate(table.features) if feature.scaled]
    matrix[:, scaled] *= level[:, None]  # Back to units: the level divided by itself is always 1.
    return table.names, matrix, level


@pytest.fixture(scope="module", params=[1, 7])
def before_and_after(request):
    panel = make_panel(request.param)
    recipe = recipe_for(panel, horizon=HORIZON[request.param])
    back = 2 * HORIZON[request.param]
    names, matrix, level = examples(panel, recipe, back)
    _, again, level_again = examples(changed_after(panel, back), recipe, back)
    _, earlier, _ = examples(changed_after(panel, PERIODS[request.param] - 30), recipe, back)
    return recipe, names, (matrix, level), (again, level_again), earlier


def test_no_feature_sees_what_was_not_known(before_and_after):
    recipe, names, (matrix, level), (again, level_again), _ = before_and_after
    assert len(recipe.features) > 60 if recipe.period_days == 1 else len(recipe.features) > 45
    leaking = [
        name
        for j, name in enumerate(names)
        if not np.array_equal(matrix[:, j], again[:, j], equal_nan=True)
    ]
    assert leaking == []
    assert np.array_equal(level, level_again)


def test_every_feature_of_demand_sees_what_was_known(before_and_after):
    """Else the test above would pass for features that read nothing at all."""
    recipe, names, (matrix, _), _, earlier = before_and_after
    changed = {
        name
        for j, name in enumerate(names)
        if not np.array_equal(matrix[:, j], earlier[:, j], equal_nan=True)
    }
    reads_sales = {f.name for f in recipe.features if f.scaled}
    assert reads_sales <= changed


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
