"""The forecasters that an ensemble is made of: one line each, and the presets they belong to.

To add a member, write its file and add its line here: `vouch predict` then trains, weighs,
calibrates, saves and loads it, and the contract suite holds it to the same promises as the others.
"""

from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from models.arima import ArimaForecaster
from models.baseline import MovingAverage, SeasonalNaive
from models.boosting import BoostingForecaster
from models.ensemble import Member
from models.intermittent import IntermittentForecaster
from models.lstm import LstmForecaster

Preset = Literal["fast", "full"]


class Maker(Protocol):
    """A member's class, or its class with options bound."""

    def __call__(self, *, seed: int, threads: int) -> Member:
        """An unfitted member."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A member that can be asked for.

    name : equals the member's own. presets : those that train it; none: available, not trained by
    default. is_local : promises that a series' forecast depends on that series alone.
    """

    name: str
    make: Maker
    presets: tuple[Preset, ...] = ()
    is_local: bool = False


MEMBERS: tuple[Listed, ...] = (
    Listed("boosting", BoostingForecaster, ("fast", "full")),
    Listed("seasonal_naive", SeasonalNaive, ("fast", "full"), is_local=True),
    Listed("moving_average", MovingAverage, ("fast", "full"), is_local=True),
    Listed("arima", ArimaForecaster, ("full",)),
    Listed("lstm", LstmForecaster, ("full",)),
    Listed("tsb", partial(IntermittentForecaster, method="tsb"), is_local=True),
    Listed("sba", partial(IntermittentForecaster, method="sba"), is_local=True),
    Listed("croston", partial(IntermittentForecaster, method="croston"), is_local=True),
)
"""Every member, in the order in which ensembles hold them."""


def members_of(preset: Preset, *, seed: int, threads: int) -> list[Member]:
    """Unfitted members of the preset."""
    return [
        listed.make(seed=seed, threads=threads) for listed in MEMBERS if preset in listed.presets
    ]
