"""Every further column that speaks of periods: weather, promotions, searches, stock on hand.

A covariate may be read at the target only when the future is given for it; else it speaks of the
past alone. What matters is mostly its change, so it also appears against its recent normal; and of
a flag, what it did to this series before.
"""

from dataclasses import dataclass

import numpy as np

from features.block import Block
from features.catalog import KNOWN_AHEAD, Anchor, Feature, Values
from features.demand import DEMAND
from features.history import UNITS_PER_PERIOD, carried, level_window, short_windows
from features.roles import Meaning, Role, meaning_of
from features.season import WEEK
from features.windows import lagged, ratio, rows_since, run_length
from inventory.demand import Floats

MEMORY_PERIODS = {1: 182, 7: 104}
"""How far back the effect of a promotion is learned, by days per period."""

STRONG_SD = 2.0
"""So many standard deviations from its normal make a day's weather bad, or good."""

UPLIFT_PRIOR_PERIODS = 4.0
"""Periods without effect that an uplift must outweigh: one lucky day proves little."""

OF_COLUMN = "of column"
"""The unit of a covariate: whatever the user's column is in."""

NEAR_PERIODS = 14
"""How long a flag is felt after it."""

WAITING_PERIODS = 3
"""How long before it shoppers wait; further on, the future file may not reach."""


@dataclass(frozen=True, slots=True)
class Covariate:
    """A numeric column of the file (text arrives as codes).

    known_ahead : the future file holds it.
    binary : takes the values 0 and 1 only.
    """

    name: str
    known_ahead: bool
    binary: bool


@dataclass(frozen=True, slots=True)
class _Maker:
    """Names and words that all features of one covariate share."""

    covariate: Covariate
    meaning: Meaning

    def past(
        self, name: str, values: Values, why: str, *, unit: str | None = None, default: bool = True
    ) -> Feature:
        return Feature(
            f"{self.covariate.name}_{name}", unit or OF_COLUMN, self.meaning.group,
            Anchor.ORIGIN, 0, why, values, default=default,
        )  # fmt: skip

    def ahead(
        self, name: str, values: Values, why: str, *, unit: str | None = None,
        less: str | None = None, default: bool = True,
    ) -> Feature:  # fmt: skip
        full = f"{self.covariate.name}_{name}" if name else self.covariate.name
        return Feature(
            full, unit or OF_COLUMN, self.meaning.group, Anchor.TARGET, KNOWN_AHEAD,
            why, values, less=less, default=default,
        )  # fmt: skip


def covariate_features(covariate: Covariate, *, period_days: int) -> tuple[Feature, ...]:
    """The features of one covariate."""
    make = _Maker(covariate, meaning_of(covariate.name))
    features = _past(make, period_days)
    if covariate.known_ahead:
        features += _ahead(make, period_days)
        if covariate.binary:
            features += _flag(make, period_days) + _effects(make, period_days)
        else:
            features += _level(make, period_days)
    return tuple(features)


def deviation(block: Block, name: str, window: int) -> Floats:
    """How many of its own standard deviations each row lies from the window before it, (T, n)."""
    usual = lagged(block.mean(name, window), 1)
    spread = lagged(block.spread(name, window), 1)
    return (block.column(name) - usual) / np.where(spread > 0, spread, np.nan)


def _past(make: _Maker, period_days: int) -> list[Feature]:
    name, role = make.covariate.name, make.meaning.role
    short, half, window = short_windows(period_days)
    known_ahead = make.covariate.known_ahead

    def response(block: Block) -> Floats:
        """Correlation with demand; of a number that no one else can learn from one series."""
        value = block.column(name) + 0 * block.demand
        both = block.derive(f"{name}*demand", lambda: value * block.demand)
        seen = block.derive(f"{name} seen", lambda: value)
        apart = block.mean(both, window, known_min=8) - (
            block.mean(seen, window) * block.mean(DEMAND, window)
        )
        spread = block.spread(seen, window) * block.spread(DEMAND, window)
        return np.clip(apart / np.where(spread > 0, spread, np.nan), -1.0, 1.0)

    features = [
        make.past(f"mean_{half}", lambda b: b.mean(name, half),
                  "What was usual: history was sold under it."),
        make.past("response", response, "How closely this series followed it so far.", unit="1",
                  default=False),
    ]  # fmt: skip
    if known_ahead:
        return features
    features += [
        make.past("last", lambda b: carried(b.column(name)), "The newest value known."),
        make.past(f"mean_{short}", lambda b: b.mean(name, short), make.meaning.why),
        make.past("trend", lambda b: b.mean(name, short) - b.mean(name, half),
                  "Where it is going: a change comes before the change of demand."),
        make.past("deviation", lambda b: carried(deviation(b, name, half)),
                  "The newest value against its own normal.", unit="sd"),
    ]  # fmt: skip
    if role == Role.CUSTOMER:
        features.append(
            make.past("conversion", lambda b: ratio(b.mean(DEMAND, half), b.mean(name, half)),
                      "Units sold per signal: turns interest into demand.", unit="1")
        )  # fmt: skip
    if role == Role.INVENTORY:
        features.append(
            make.past("cover", lambda b: ratio(carried(b.column(name)), b.mean(DEMAND, half)),
                      "How many periods it lasts at the usual rate.", unit="periods")
        )  # fmt: skip
    return features


def _ahead(make: _Maker, period_days: int) -> list[Feature]:
    name = make.covariate.name
    half = level_window(period_days) // 2
    return [
        make.ahead("", lambda b: b.column(name), "Drives demand of its own period. "
                   + make.meaning.why),
        make.ahead("change", lambda b: b.column(name), "A change moves demand more than a level.",
                   less=f"{name}_mean_{half}"),
        make.ahead("before", lambda b: b.lag(name, 1), "Start of a promotion or change."),
        make.ahead("after", lambda b: b.lag(name, -1), "End of a promotion; pull-forward."),
    ]  # fmt: skip


def _level(make: _Maker, period_days: int) -> list[Feature]:
    """Of a number known ahead: its step, its spell and how unusual it is."""
    name, half = make.covariate.name, level_window(period_days) // 2

    def unusual(block: Block) -> Floats:
        return block.once(("deviation", name), lambda: deviation(block, name, half))

    def extreme(block: Block) -> Floats:
        away = np.abs(unusual(block))
        return np.where(np.isnan(away), np.nan, away > STRONG_SD)

    why = "Two standard deviations from its normal: people change their plans."
    features = [
        make.ahead("step", lambda b: b.column(name) - b.lag(name, 1),
                   "A sudden change is felt more than a slow one."),
        make.ahead("deviation", unusual, "Against its own recent normal, in its own spread.",
                   unit="sd"),
        make.ahead("spell", lambda b: b.mean(name, 3), "Three periods of it weigh more than one.",
                   default=False),
    ]  # fmt: skip
    if make.meaning.role == Role.WEATHER:
        features.append(make.ahead("extreme", extreme, why, unit="flag"))
    return features


def _on(block: Block, name: str, *, state: int) -> str:
    """Name of the column of demand in periods under that state of the flag."""
    return block.derive(
        f"{name}={state}",
        lambda: (
            np.where((block.column(name) == 1) == bool(state), block.demand, np.nan)
            + 0 * block.column(name)
        ),
    )


def _flag(make: _Maker, period_days: int) -> list[Feature]:
    """Of a flag known ahead: how long it has held, and how far the next one is."""
    name, memory = make.covariate.name, MEMORY_PERIODS[period_days]

    def run(block: Block) -> Floats:
        """Periods in a row up to this one."""
        return np.minimum(run_length(block.column(name) == 1), NEAR_PERIODS)

    def until(block: Block) -> Floats:
        on = np.flip(block.column(name) == 1, axis=0)
        ahead = np.nan_to_num(np.flip(rows_since(on), axis=0), nan=WAITING_PERIODS)
        return np.minimum(ahead, WAITING_PERIODS)

    def since(block: Block) -> Floats:
        return np.minimum(np.nan_to_num(block.since(name), nan=NEAR_PERIODS), NEAR_PERIODS)

    def uplift(block: Block) -> Floats:
        """Demand under the flag against demand without, shrunk towards no effect."""
        on, off = _on(block, name, state=1), _on(block, name, state=0)
        usual = block.mean(off, memory)
        seen = block.known(on, memory)
        mean = (block.total(on, memory) + UPLIFT_PRIOR_PERIODS * usual) / (
            seen + UPLIFT_PRIOR_PERIODS
        )
        return ratio(mean, usual)

    return [
        make.past("uplift", uplift, "How much this series gained from it before.", unit="1"),
        make.ahead("run", run, "Offers wear off: the first day sells most.", unit="periods"),
        make.ahead("since", since, "Cupboards are full after one.", unit="periods"),
        make.ahead("until", until, "Shoppers wait for the next one.", unit="periods"),
    ]  # fmt: skip


def _effects(make: _Maker, period_days: int) -> list[Feature]:
    """Mean past demand of the series under the state that the target will have."""
    name, memory = make.covariate.name, MEMORY_PERIODS[period_days]

    def mean(state: int) -> Values:
        return lambda b: b.mean(_on(b, name, state=state), memory)

    def same_weekday(state: int) -> Values:
        return lambda b: b.comb(_on(b, name, state=state), stride=WEEK, count=10).mean

    overall = Feature(
        f"demand_given_{name}", UNITS_PER_PERIOD, "product", Anchor.ORIGIN, 0,
        "What this series sold when the promotion (or flag) stood as it will.",
        mean(1), scaled=True, given=name, otherwise=mean(0),
    )  # fmt: skip
    if period_days != 1:
        return [overall]
    same = Feature(
        f"season_given_{name}", UNITS_PER_PERIOD, "product", Anchor.SEASON, 0,
        "The same, on the same weekday.",
        same_weekday(1), scaled=True, given=name, otherwise=same_weekday(0),
    )  # fmt: skip
    return [overall, same]
