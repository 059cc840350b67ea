"""The forecasters that an ensemble is made of: one line each, and the presets they belong to.

To add a member, write its file and add its line here: `vouch predict` then trains, weighs,
calibrates, saves and loads it, and the contract suite holds it to the same promises as the others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from models.arima import ArimaForecaster
from models.baseline import MovingAverage, SeasonalNaive
from models.boosting import FULL, BoostingForecaster
from models.ensemble import Member
from models.intermittent import IntermittentForecaster
from models.lstm import LstmForecaster

Preset = Literal["fast", "full"]


@dataclass(frozen=True, slots=True)
class Listed:
    """A member that can be asked for.

    name : equals the member's own. make : its class, or its class with options bound; takes `seed`
    and `threads`. presets : those that train it; none: available, not trained by
    default. is_local : promises that a series' forecast depends on that series alone.
    make_full : how `full` makes it, where it spends more there. is_national : also takes a country,
    whose public holidays it knows.
    """

    name: str
    make: Callable[..., Member]
    presets: tuple[Preset, ...] = ()
    is_local: bool = False
    make_full: Callable[..., Member] | None = None
    is_national: bool = False

    def made(self, preset: Preset, *, seed: int, threads: int, country: str | None) -> Member:
        """The unfitted member, as the preset has it."""
        make = self.make_full if preset == "full" and self.make_full is not None else self.make
        if self.is_national:
            return make(seed=seed, threads=threads, country=country)
        return make(seed=seed, threads=threads)


MEMBERS: tuple[Listed, ...] = (
    Listed(
        "boosting",
        BoostingForecaster,
        ("fast", "full"),
        make_full=partial(BoostingForecaster, effort=FULL),
        is_national=True,
    ),
    Listed("seasonal_naive", SeasonalNaive, ("fast", "full"), is_local=True),
    Listed("moving_average", MovingAverage, ("fast", "full"), is_local=True),
    Listed("arima", ArimaForecaster, ("full",)),
    Listed("lstm", LstmForecaster, ("full",)),
    Listed("tsb", partial(IntermittentForecaster, method="tsb"), is_local=True),
    Listed("sba", partial(IntermittentForecaster, method="sba"), ("full",), is_local=True),
    Listed("croston", partial(IntermittentForecaster, method="croston"), is_local=True),
)
"""Every member, in the order in which ensembles hold them."""


def members_of(
    preset: Preset, *, seed: int, threads: int, country: str | None = None
) -> list[Member]:
    """Unfitted members of the preset. country : ISO code of the one whose holidays are kept."""
    return [
        listed.made(preset, seed=seed, threads=threads, country=country)
        for listed in MEMBERS
        if preset in listed.presets
    ]
