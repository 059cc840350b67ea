"""What happens around the synthetic retailer: weather, holidays, promotions, prices."""

import json
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl

from features.calendar import holidays_between
from inventory.demand import Floats
from pipelines.demo.assortment import Assortment
from pipelines.demo.places import COUNTRY, PLACES

AHEAD_DAYS = 60
"""Weather forecasts, holidays and promotions are given this far ahead."""

PLANNED_SKUS = (9, 18, 27)
"""SKUs (by number) with a promotion planned for the coming week."""

PROMOTION_DAYS = 7
PROMOTION_EVERY_DAYS = 63


@dataclass(frozen=True, slots=True, eq=False)
class Surroundings:
    """Arrays over T days of history and `AHEAD_DAYS` to come; dates[T] is today.

    warmth : shape (places, T + ahead), degrees above normal; discount : shape (SKUs, T + ahead).
    """

    dates: list[date]
    temperature: Floats
    rain_mm: Floats
    warmth: Floats
    holiday: Floats
    discount: Floats
    promotions: pl.DataFrame

    def location_days(self) -> pl.DataFrame:
        """Covariates of each place and day, as JSON."""
        rows = []
        for p, place in enumerate(PLACES):
            for t, day in enumerate(self.dates):
                said = {
                    "temperature": round(float(self.temperature[p, t]), 1),
                    "rain_mm": round(float(self.rain_mm[p, t]), 1),
                    "public_holiday": float(self.holiday[t]),
                }
                rows.append((place.location, day, json.dumps(said)))
        return pl.DataFrame(rows, schema=["location", "day", "covariates"], orient="row")


def make_surroundings(
    rng: np.random.Generator, assortment: Assortment, *, today: date, days: int
) -> Surroundings:
    """Two years of weather, holidays and promotions, and what is known of the weeks to come."""
    dates = [today + timedelta(days=t - days) for t in range(days + AHEAD_DAYS)]
    year = 2 * np.pi * np.array([d.timetuple().tm_yday for d in dates]) / 365.25
    normal = 10.5 - 9.5 * np.cos(year - 0.35)
    warmth = _fading_noise(rng, rows=len(PLACES), length=len(dates)) * 3.2
    closed = holidays_between(dates[0], dates[-1], country=COUNTRY)
    discount, promotions = _promotions(rng, assortment, dates, today)
    return Surroundings(
        dates=dates,
        temperature=normal + warmth,
        rain_mm=np.where(
            rng.random((len(PLACES), len(dates))) < 0.35,  # noqa: PLR2004  one day in three
            rng.gamma(1.2, 3.5, (len(PLACES), len(dates))),
            0.0,
        ),
        warmth=warmth,
        holiday=np.array([float(d in closed) for d in dates]),
        discount=discount,
        promotions=promotions,
    )


def _fading_noise(rng: np.random.Generator, *, rows: int, length: int) -> Floats:
    """Weather that lasts: each day keeps four fifths of the day before; places share half."""
    shocks = np.sqrt(0.5) * (rng.normal(size=(rows, length)) + rng.normal(size=length))
    noise = np.empty((rows, length))
    noise[:, 0] = shocks[:, 0]
    for t in range(1, length):
        noise[:, t] = 0.8 * noise[:, t - 1] + 0.6 * shocks[:, t]
    return noise


def _promotions(
    rng: np.random.Generator, assortment: Assortment, dates: list[date], today: date
) -> tuple[Floats, pl.DataFrame]:
    """A week of promotion every two months per SKU; ahead of today only those of `PLANNED_SKUS`."""
    discount = np.zeros((len(assortment.skus), len(dates)))
    rows = []
    monday = today + timedelta(days=7 - today.weekday())
    for k, sku in enumerate(assortment.skus):
        starts = [
            dates[0] + timedelta(days=int(rng.integers(PROMOTION_EVERY_DAYS)) + turn)
            for turn in range(0, (today - dates[0]).days, PROMOTION_EVERY_DAYS)
        ]
        starts = [start - timedelta(days=start.weekday()) for start in starts]
        depths = rng.choice([0.1, 0.2, 0.25, 0.3, 0.4], size=len(starts) + 1)
        last_allowed = today - timedelta(days=PROMOTION_DAYS)
        starts = [start for start in starts if dates[0] <= start <= last_allowed]
        starts += [monday] if k in PLANNED_SKUS else []
        for start, depth in zip(dict.fromkeys(starts), depths, strict=False):
            end = start + timedelta(days=PROMOTION_DAYS - 1)
            rows.append((f"{sku}:{start}", sku, None, start, end, float(depth)))
            first = (start - dates[0]).days
            discount[k, first : first + PROMOTION_DAYS] = depth
    schema = {
        "promotion_id": pl.String, "sku": pl.String, "location": pl.String,
        "starts_on": pl.Date, "ends_on": pl.Date, "discount": pl.Float64,
    }  # fmt: skip
    return discount, pl.DataFrame(rows, schema=schema, orient="row")
