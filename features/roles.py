"""What a column of the user's file speaks of, told from its name.

A role decides the group that a column's features belong to and which further questions are worth
asking of it. A column whose name tells nothing is external: it is used all the same.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from features.catalog import Group


class Role(StrEnum):
    """What a covariate speaks of."""

    PRICE = "price"
    PROMOTION = "promotion"
    WEATHER = "weather"
    HOLIDAY = "holiday"
    COMPETITOR = "competitor"
    ECONOMY = "economy"
    CUSTOMER = "customer"
    INVENTORY = "inventory"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Meaning:
    """Words in a column's name, and what they stand for."""

    role: Role
    group: Group
    words: str
    why: str


MEANINGS = (
    Meaning(Role.COMPETITOR, "external", "competitor|competition|rival",
            "Shoppers compare: a rival's price moves ours."),
    Meaning(Role.INVENTORY, "inventory",
            "stock|on_hand|on_order|lead_time|order_freq|review_period|receipt",
            "What lies on the shelf, and how fast it comes back, bounds what sells."),
    Meaning(Role.CUSTOMER, "customer",
            "search|wish|cart|basket|review|rating|mention|click|view|visit|traffic|session",
            "Interest shows before the purchase."),
    Meaning(Role.HOLIDAY, "external", "holiday|school|vacation|break|festival|event",
            "Days off move trade."),
    Meaning(Role.PROMOTION, "product", "promo|discount|activity|campaign|coupon|markdown|sale_",
            "An offer pulls demand forward."),
    Meaning(Role.WEATHER, "external",
            "temp|precip|precpt|rain|snow|humid|wind|sun|weather|cloud",
            "Weather decides who goes out, and for what."),
    Meaning(Role.ECONOMY, "external",
            "cpi|inflation|unemploy|confidence|gdp|fuel|interest|wage|exchange",
            "Purses follow the economy, slowly."),
    Meaning(Role.PRICE, "product", "price", "Price against its own past moves demand."),
)  # fmt: skip

UNKNOWN = Meaning(Role.OTHER, "external", "", "A column that the user thought worth recording.")


def meaning_of(column: str) -> Meaning:
    """What the column's name says it speaks of; the first meaning that matches counts.

    >>> meaning_of("avg_temperature").role.value, meaning_of("competitor_price").role.value
    ('weather', 'competitor')
    """
    found = (m for m in MEANINGS if re.search(rf"(?:^|_)(?:{m.words})", column.lower()))
    return next(found, UNKNOWN)
