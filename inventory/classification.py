"""Classes of items: ABC by the value that they turn over, XYZ by how much their demand varies."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inventory.demand import Floats
from inventory.errors import InputRejected

A, B, C = "A", "B", "C"
X, Y, Z = "X", "Y", "Z"

UNCLASSED = ""
"""The class of an item of which the value or the variation is not known (NaN)."""

Words = NDArray[np.str_]


@dataclass(frozen=True, slots=True)
class CutOffs:
    """Where one class ends and the next begins.

    value_shares : share of all value that A items turn over, and that A and B items do, in (0, 1].
    variations : coefficient of variation up to which an item is X, and up to which it is Y.

    Raises `InputRejected` where they do not rise.
    """

    value_shares: tuple[float, float] = (0.8, 0.95)
    variations: tuple[float, float] = (0.5, 1.0)

    def __post_init__(self) -> None:
        first, second = self.value_shares
        if not 0 < first <= second <= 1:
            raise InputRejected(
                f"{first:g} and {second:g} must rise from above 0 to at most 1",
                field="value_shares",
            )
        first, second = self.variations
        if not 0 <= first <= second:
            raise InputRejected(f"{first:g} and {second:g} must rise from 0", field="variations")


USUAL = CutOffs()


def abc_classes(value: Floats, cut_offs: CutOffs = USUAL) -> Words:
    """A, B or C of each of N items, by what it turns over; `UNCLASSED` where that is NaN.

    Items are ranked from the largest value down, equal ones in the order given. An item is A while
    those before it turn over less than the first share of all value: the one that reaches the share
    is still A, so that A items always turn over at least that share. What turns over nothing is C.

    Parameters
    ----------
    value : (N,) money per year (or any one period): units sold times their cost or price.

    Source
    ------
    Silver, Pyke & Thomas, Inventory and Production Management in Supply Chains, 4th ed., 2.3.

    >>> abc_classes(np.array([10.0, 75.0, 5.0, 10.0, np.nan])).tolist()
    ['A', 'A', 'C', 'B', '']
    """
    worth = np.nan_to_num(np.asarray(value, dtype=float), nan=0.0)
    if (worth < 0).any():
        raise InputRejected("values must not be below 0", field="value")
    ranked = np.argsort(-worth, kind="stable")
    larger = np.empty_like(worth)
    larger[ranked] = np.concatenate([[0.0], np.cumsum(worth[ranked])[:-1]])[: len(worth)]
    # Shares are compared, not amounts: a share of the least amount a float holds rounds to nothing.
    before = larger / max(worth.sum(), np.finfo(float).smallest_subnormal)
    first, second = cut_offs.value_shares
    words: Words = np.select(
        [np.isnan(value), worth <= 0, before < first, before < second],
        [UNCLASSED, C, A, B],
        default=C,
    )
    return words


def variation(mean_units: Floats, sd_units: Floats) -> Floats:
    """Coefficient of variation, sd / mean; NaN where nothing is known or the mean is 0.

    >>> variation(np.array([10.0, 0.0]), np.array([5.0, 0.0])).tolist()
    [0.5, nan]
    """
    sells = np.asarray(mean_units) > 0
    found: Floats = np.where(sells, sd_units / np.where(sells, mean_units, 1.0), np.nan)
    return found


def xyz_classes(variations: Floats, cut_offs: CutOffs = USUAL) -> Words:
    """X (steady), Y or Z (erratic) of each of N items, by its coefficient of variation.

    `UNCLASSED` where that is NaN. Take it of periods long enough that the item sells in most of
    them, weeks say: by the day all slow items are Z.

    Source
    ------
    Scholz-Reiter, Heger, Meinecke & Bergmann, "Integration of demand forecasts in ABC-XYZ
    analysis", Int. J. Productivity and Performance Management 61 (2012), 445-451. The bounds are a
    custom of the trade, not of a theory: set them by your own assortment.

    >>> xyz_classes(np.array([0.2, 0.5, 0.8, 1.7, np.nan])).tolist()
    ['X', 'X', 'Y', 'Z', '']
    """
    words: Words = np.select(
        [
            np.isnan(variations),
            variations <= cut_offs.variations[0],
            variations <= cut_offs.variations[1],
        ],
        [UNCLASSED, X, Y],
        default=Z,
    )
    return words
