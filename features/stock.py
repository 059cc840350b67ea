"""What the shelf did: how often it ran empty, for how long, and since when.

Read off the share of each period on sale. Where nothing ever ran out, or nobody recorded it, these
features are left out. Stock on hand, orders and lead times come as columns of the user's file.
"""

import numpy as np

from features.block import Block
from features.catalog import Anchor, Feature, Values, season_periods
from features.demand import CENSORED
from features.frame import IN_STOCK
from features.history import level_window, short_windows
from features.windows import lagged, run_length
from inventory.demand import Floats

TAKEN = ("on_sale_recent", "censored_share")
"""What models take by default: how sure the level is, and how often the shelf runs empty."""


def _windows(block: Block) -> tuple[int, int, int]:
    return short_windows(block.period_days)


def _run(block: Block) -> Floats:
    """Periods in a row, up to this one, that ran empty."""
    return run_length(block.censored == 1)


def _longest(block: Block) -> Floats:
    return block.highest(block.derive("stockout_run", lambda: _run(block)), _windows(block)[2])


def _episodes(block: Block) -> Floats:
    begun = block.derive(
        "stockouts_begun",
        lambda: np.where(
            np.isnan(block.censored),
            np.nan,
            (block.censored == 1) & (lagged(block.censored, 1) != 1),
        ),
    )
    return block.mean(begun, _windows(block)[2])


def _unreadable(block: Block) -> Floats:
    name = block.derive("unreadable", lambda: np.where(
        block.age >= 0, np.isnan(block.demand), np.nan))  # fmt: skip
    return block.mean(name, _windows(block)[1])


def _same_weekday(block: Block) -> Floats:
    return block.comb(CENSORED, stride=season_periods(block.period_days), count=4).mean


def _worsening(block: Block) -> Floats:
    return block.mean(CENSORED, _windows(block)[0]) - block.mean(CENSORED, _windows(block)[1])


def _lately(block: Block) -> Floats:
    return block.mean(IN_STOCK, level_window(block.period_days) // 4)


def stock_features(period_days: int) -> tuple[Feature, ...]:
    """Features of the stock-out history."""
    short, half, window = short_windows(period_days)

    def stock(
        name: str, unit: str, why: str, values: Values, *, anchor: Anchor = Anchor.ORIGIN
    ) -> Feature:
        taken = name in TAKEN
        return Feature(name, unit, "inventory", anchor, 0, why, values, default=taken)

    return (
        stock("on_sale_recent", "share",
              "A level read through empty shelves is uncertain, and returns in a jump.", _lately),
        stock("on_sale_last", "share", "Whether the last figure can be believed.",
              lambda b: b.on_sale),
        stock("censored_share", "share",
              "How often the shelf ran empty: such items sell more than recorded.",
              lambda b: b.mean(CENSORED, window)),
        stock(f"censored_share_{half}", "share", "The same over the last weeks: supply changes.",
              lambda b: b.mean(CENSORED, half)),
        stock(f"censored_share_{short}", "share", "The same just now: a shelf still empty.",
              lambda b: b.mean(CENSORED, short)),
        stock("censored_worsening", "share", "Supply getting better or worse.", _worsening),
        stock(f"off_sale_{half}", "share", "Time off the shelf: long and short stock-outs differ.",
              lambda b: 1.0 - b.mean(IN_STOCK, half)),
        stock("unreadable_share", "share", "Periods that say nothing: the level is a guess.",
              _unreadable),
        stock("periods_since_stockout", "periods", "Shoppers come back slowly.",
              lambda b: b.since(CENSORED)),
        stock("stockout_run", "periods", "How long it has been running dry.", _run),
        stock("stockout_longest", "periods", "How bad it gets.", _longest),
        stock("stockout_frequency", "per period", "How often it happens anew: order rhythm.",
              _episodes),
        stock("stockout_weekday", "share", "Weekdays that run dry before the next delivery.",
              _same_weekday, anchor=Anchor.SEASON),
    )  # fmt: skip
