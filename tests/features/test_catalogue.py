"""Features against a second method: dates and plain sums, one example at a time."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from features.build import build, recipe_for
from features.calendar import calendar_of
from features.catalog import GROUPS
from features.frame import Panel
from features.recipe import Recipe
from features.roles import meaning_of

START = date(2024, 1, 1)
DAYS, HORIZON = 120, 14
SKUS, PLACES = ("a", "b", "c"), ("x", "y")


def rows(rng, sku, place, start):
    for i in range(start, DAYS + HORIZON):
        promo = float(rng.random() < 0.25)
        yield {
            "sku": sku,
            "location": place,
            "date": START + timedelta(days=i),
            "units": float(rng.poisson(3 + 4 * promo)),
            "in_stock": 1.0 if rng.random() > 0.2 else float(rng.choice([0.1, 0.6])),
            "promotion": promo,
            "price": float(rng.choice([2.0, 2.5, 3.0])) * (1 + SKUS.index(sku)),
            "temperature": float(rng.normal(12, 4)),
            "searches": float(rng.poisson(30)),
            "category": "food" if sku < "c" else "toys",
        }


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(11)
    made = [
        row
        for k, (sku, place) in enumerate((s, p) for s in SKUS for p in PLACES)
        for row in rows(rng, sku, place, start=5 * k)
    ]
    every = pl.DataFrame(made).sort("sku", "location", "date")
    origin = START + timedelta(days=DAYS - 1)
    known = ["sku", "location", "date", "promotion", "price", "temperature"]
    panel = Panel(
        history=every.filter(pl.col("date") <= origin),
        future=every.filter(pl.col("date") > origin).select(known),
    )
    return World(panel, every)


class World:
    """The table of features, and the same facts in dictionaries by series and date."""

    def __init__(self, panel, every):
        self.panel, self.every = panel, every
        self.recipe = recipe_for(panel, horizon=HORIZON, everything=True)
        self.table = build(panel, self.recipe)
        self.series = [tuple(key) for key in panel.series.rows()]
        self.facts = {(r["sku"], r["location"], r["date"]): r for r in every.to_dicts()}
        demand = self.table.demand_units
        ends = np.append(self.table.first_row[1:], len(demand))
        self.demand = {}
        for key, first, end in zip(self.series, self.table.first_row, ends, strict=True):
            begin = START + timedelta(days=DAYS + HORIZON - int(end - first))
            for i, value in enumerate(demand[first:end]):
                self.demand[(*key, begin + timedelta(days=i))] = float(value)

    def feature(self, name, *, back=0, ahead=1):
        """The value of a feature for every series, in units, and the day of the origin."""
        n = len(self.series)
        matrix, level = self.table.matrix(
            series=np.arange(n), origin_place=self.table.origin_place - back,
            ahead=np.full(n, ahead),
        )  # fmt: skip
        j = self.table.names.index(name)
        scaled = next(f for f in self.table.features if f.name == name).scaled
        values = matrix[:, j] * level if scaled else matrix[:, j]
        return values, self.panel.origin - timedelta(days=back)

    def past(self, key, day, periods, what="demand"):
        """Known values of the last periods up to a day, oldest first."""
        days = [day - timedelta(days=k) for k in reversed(range(periods))]
        if what == "demand":
            values = [self.demand.get((*key, d), np.nan) for d in days]
        else:
            values = [self.facts[*key, d][what] if (*key, d) in self.facts else np.nan
                      for d in days]  # fmt: skip
        return np.array(values)

    def censored(self, key, day, periods):
        whole = self.past(key, day, periods, "in_stock")
        return np.where(np.isnan(whole), np.nan, whole < 0.999)


def mean(values):
    known = values[~np.isnan(values)]
    return known.mean() if len(known) else np.nan


def expect(world, name, oracle, **example):
    """Compare a feature of every series with what the oracle says of (world, key, origin day)."""
    got, day = world.feature(name, **example)
    expected = [oracle(key, day) for key in world.series]
    np.testing.assert_allclose(got, expected, rtol=2e-4, atol=1e-5)
    assert np.isfinite(expected).any()


@pytest.mark.parametrize("back", [0, 17])
def test_trends(world, back):
    def step(key, day):
        week = timedelta(days=7)
        return mean(world.past(key, day, 7)) - mean(world.past(key, day - week, 7))

    expect(world, "demand_step", step, back=back)

    def against(key, day):
        return mean(world.past(key, day, 7)) / mean(world.past(key, day, 28))

    expect(world, "demand_ratio_7_28", against, back=back)
    expect(world, "demand_acceleration",
           lambda k, d: step(k, d) - step(k, d - timedelta(days=7)), back=back)  # fmt: skip


def test_spread_of_one_weekday(world):
    ahead, back = 3, 5

    def same(key, day):
        target = day + timedelta(days=ahead)
        last = target - timedelta(days=7 * -(-ahead // 7))
        days = [last - timedelta(days=7 * k) for k in range(8)]
        return np.array([world.demand.get((*key, d), np.nan) for d in days])

    expect(world, "season_sd_8", lambda k, d: np.nanstd(same(k, d), ddof=1), back=back, ahead=ahead)
    expect(world, "season_max_8", lambda k, d: np.nanmax(same(k, d)), back=back, ahead=ahead)
    expect(world, "season_drift", lambda k, d: mean(same(k, d)[:3]) - mean(same(k, d)[3:]),
           back=back, ahead=ahead)  # fmt: skip


def test_lumps(world):
    def sizes(key, day):
        seen = world.past(key, day, 112)
        return seen[seen > 0]

    def interval(key, day):
        seen = world.past(key, day, 112)
        return (~np.isnan(seen)).sum() / len(sizes(key, day))

    expect(world, "demand_interval", interval)
    expect(world, "size_cv2", lambda k, d: (sizes(k, d).std(ddof=1) / sizes(k, d).mean()) ** 2)
    expect(world, "sale_size_last", lambda k, d: sizes(k, d)[-1])
    expect(world, "share_selling_28", lambda k, d: mean(
        np.where(np.isnan(world.past(k, d, 28)), np.nan, world.past(k, d, 28) > 0)))  # fmt: skip


def test_stockouts(world):
    def run(key, day):
        flags = world.censored(key, day, DAYS)[::-1]
        return next((i for i, flag in enumerate(flags) if flag != 1), len(flags))

    def since(key, day):
        return next(i for i, flag in enumerate(world.censored(key, day, DAYS)[::-1]) if flag == 1)

    for back in range(4):
        expect(world, "stockout_run", run, back=back)
        expect(world, "periods_since_stockout", since, back=back)
    expect(world, "censored_share_28", lambda k, d: mean(world.censored(k, d, 28)))
    expect(world, "off_sale_28", lambda k, d: 1 - mean(world.past(k, d, 28, "in_stock")))

    def longest(key, day):
        ends = [day - timedelta(days=k) for k in range(56)]
        return max(run(key, end) for end in ends if (*key, end) in world.facts)

    expect(world, "stockout_longest", longest)


@pytest.mark.parametrize("ahead", [1, 9, 14])
def test_promotions_known_ahead(world, ahead):
    def flags(key, day, days):
        target = day + timedelta(days=ahead)
        return [world.facts.get((*key, target + timedelta(days=k)), {}).get("promotion")
                for k in days]  # fmt: skip

    def run(key, day):
        return next(i for i, f in enumerate(flags(key, day, range(0, -99, -1))) if f != 1)

    def until(key, day):
        return next((i for i, f in enumerate(flags(key, day, range(3))) if f == 1), 3)

    expect(world, "promotion_run", run, ahead=ahead)
    expect(world, "promotion_until", until, ahead=ahead)

    def uplift(key, day):
        sold, on = world.past(key, day, 182), world.past(key, day, 182, "promotion")
        off = mean(sold[on == 0])
        under = sold[(on == 1) & ~np.isnan(sold)]
        return (under.sum() + 4 * off) / (len(under) + 4) / off

    expect(world, "promotion_uplift", uplift, ahead=ahead)

    def given(key, day):
        sold, on = world.past(key, day, 182), world.past(key, day, 182, "promotion")
        return mean(sold[on == flags(key, day, [0])[0]])

    expect(world, "demand_given_promotion", given, ahead=ahead)


@pytest.mark.parametrize("ahead", [1, 14])
def test_price_against_its_past_and_its_neighbours(world, ahead):
    def price(key, day):
        return world.facts[*key, day + timedelta(days=ahead)]["price"]

    def neighbours(day, chosen):
        there = day + timedelta(days=ahead)
        return np.mean([world.facts[*k, there]["price"] for k in world.series if chosen(k)])

    expect(world, "price_depth", lambda k, d: price(k, d) / np.nanmax(
        world.past(k, d + timedelta(days=ahead), 56, "price")), ahead=ahead)  # fmt: skip

    def beside_sku(key, day):
        return price(key, day) / neighbours(day, lambda other: other[0] == key[0])

    def beside_every(key, day):
        return price(key, day) / neighbours(day, lambda _: True)

    expect(world, "price_against_sku", beside_sku, ahead=ahead)
    expect(world, "price_against_every", beside_every, ahead=ahead)


def test_elasticity_is_ridge_regression_of_scikit_learn(world):
    from sklearn.linear_model import Ridge

    def slope(key, day):
        sold, price = world.past(key, day, 182), world.past(key, day, 182, "price")
        seen = ~np.isnan(sold) & ~np.isnan(price)
        x, y = np.log(price[seen])[:, None], np.log1p(sold[seen])
        return Ridge(alpha=0.05).fit(x, y).coef_[0]

    expect(world, "price_elasticity", slope)


@pytest.mark.parametrize("ahead", [1, 14])
def test_weather_against_its_own_normal(world, ahead):
    def deviation(key, day):
        target = day + timedelta(days=ahead)
        before = world.past(key, target - timedelta(days=1), 28, "temperature")
        return (world.facts[*key, target]["temperature"] - np.nanmean(before)) / np.nanstd(
            before, ddof=1
        )

    expect(world, "temperature_deviation", deviation, ahead=ahead)
    expect(world, "temperature_extreme", lambda k, d: float(abs(deviation(k, d)) > 2), ahead=ahead)
    expect(world, "temperature_change", lambda k, d: world.facts[
        *k, d + timedelta(days=ahead)]["temperature"] - mean(world.past(k, d, 28, "temperature")),
        ahead=ahead)  # fmt: skip


def test_signals_of_customers(world):
    def conversion(key, day):
        return mean(world.past(key, day, 28)) / mean(world.past(key, day, 28, "searches"))

    expect(world, "searches_conversion", conversion)
    expect(world, "searches_last", lambda k, d: world.past(k, d, 1, "searches")[0], back=3)


def test_the_group_is_held_against_its_members_usual(world):
    def ratio(day, members):
        sold = [
            (world.demand.get((*k, day), np.nan), mean(world.past(k, day, 56))) for k in members
        ]
        known = [(s, u) for s, u in sold if not np.isnan(s) and u > 0]
        return sum(s for s, _ in known) / sum(u for _, u in known) if known else np.nan

    def trend(key, day):
        members = [k for k in world.series if k[1] == key[1]]
        return mean(np.array([ratio(day - timedelta(days=k), members) for k in range(7)]))

    expect(world, "location_trend", trend)
    expect(world, "location_trend", trend, back=9)
    expect(world, "every_last", lambda _, d: ratio(d, world.series), back=2)
    food = [k for k in world.series if k[0] < "c"]
    got, day = world.feature("category_last")
    assert got[0] == pytest.approx(ratio(day, food), rel=1e-4)


def test_calendar_of_a_german_may():
    days = [date(2024, 4, 27) + timedelta(days=i) for i in range(10)]
    told = calendar_of(days, country="DE", period_days=1)
    column = dict(zip(days, told.to_dicts(), strict=True))
    assert column[date(2024, 5, 1)]["holiday"] == 1, "Labour Day"
    assert column[date(2024, 4, 30)]["eve_of_holiday"] == 1
    assert column[date(2024, 5, 2)]["after_holiday"] == 1
    assert column[date(2024, 5, 2)]["days_off_around"] == 3, "Wednesday, Saturday, Sunday"
    assert column[date(2024, 4, 30)]["days_to_payday"] == 1
    assert column[date(2024, 4, 30)]["days_to_month_end"] == 0
    # Ascension Day, Thursday 9 May 2024: the Friday after is taken off.
    may = calendar_of([date(2024, 5, d) for d in range(8, 13)], country="DE", period_days=1)
    assert may["bridge_day"].to_list() == [0, 0, 1, 0, 0]


def test_a_recipe_that_was_saved_keeps_its_columns(world):
    saved = world.recipe.as_dict()
    saved["columns"] = saved["columns"][5:9]
    assert [f.name for f in Recipe.from_dict(saved).features] == list(saved["columns"])


def test_what_a_generic_file_gets(world):
    """Units, stock-outs, price, promotion, weather, searches and a category: all five groups."""
    features = world.recipe.features
    assert {f.group for f in features} == set(GROUPS)
    assert len(features) >= 150
    taken = recipe_for(world.panel, horizon=HORIZON).features
    assert [f.name for f in taken] == [f.name for f in features if f.default]


def test_missing_groups_degrade_the_recipe_and_never_the_run(world):
    plain = world.panel.history.select("sku", "location", "date", "units", in_stock=pl.lit(1.0))
    panel = Panel(history=plain, future=plain.head(0).select("sku", "location", "date"))
    features = recipe_for(panel, horizon=HORIZON).features
    assert {f.group for f in features} == {"history", "external", "product"}
    lacking = build(panel, world.recipe)
    matrix, _ = lacking.matrix(
        series=np.arange(6), origin_place=lacking.origin_place, ahead=np.ones(6, dtype=int)
    )
    assert np.isnan(matrix[:, lacking.names.index("searches_last")]).all()
    assert np.isfinite(matrix[:, lacking.names.index("demand_mean_28")]).all()


@pytest.mark.parametrize(
    ("column", "role"),
    [("price", "price"), ("competitor_price", "competitor"), ("in_store_visits", "customer"),
     ("precpt", "weather"), ("holiday_flag", "holiday"), ("discount", "promotion"),
     ("lead_time", "inventory"), ("fuel_cost", "economy"), ("x7", "other")],
)  # fmt: skip
def test_a_column_says_by_its_name_what_it_speaks_of(column, role):
    assert meaning_of(column).role == role
