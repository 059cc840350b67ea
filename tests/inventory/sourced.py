"""What the tests of sourcing share: customers in Berlin and stock in three German cities."""

from datetime import UTC, datetime, timedelta

from inventory.geography import Point
from inventory.ledger import Fact
from inventory.reservations import AskedLine
from inventory.sourcing import SourcingRules, Weights
from inventory.sourcing_request import SourcingTerms, Wish
from inventory.store import ledger, sourcing

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
CITIES = {
    "hamburg": (53.5511, 9.9937),
    "munich": (48.1351, 11.5820),
    "cologne": (50.9375, 6.9603),
}
BERLIN = Point(52.5200, 13.4050)
"""Hamburg is 255 km away, Cologne 477 km, Munich 504 km (see test_geography)."""


def open_shop(db):
    """One channel, warehouses in three German cities and two things, none in stock."""
    db.execute("insert into channels (channel, name) values ('web', 'Web')")
    for name, (latitude, longitude) in CITIES.items():
        db.execute(
            "insert into locations (location, name, type, latitude, longitude) "
            "values (%s, %s, 'warehouse', %s, %s)",
            [name, name, latitude, longitude],
        )
    for sku in ("A", "B"):
        db.execute("insert into skus (sku, name) values (%s, %s)", [sku, sku])
    return db


def stock(db, **units):
    """`stock(db, A_hamburg=3)`."""
    facts = []
    for key, count in units.items():
        sku, location = key.split("_")
        facts.append(
            Fact(sku, location, "available", "receipt", count, NOW - timedelta(days=1), "test")
        )
    with db.transaction():
        ledger.record(db, facts, now=NOW)


def wish(*lines, number=1, **more):
    return Wish(
        f"o{number}", tuple(AskedLine(sku, units) for sku, units in lines), BERLIN, **more
    )  # fmt: skip


def terms(strategy="proximity", **more):
    rules = SourcingRules(
        strategy, more.pop("weights", Weights()), more.pop("split_penalty", 1.0)
    )  # fmt: skip
    return SourcingTerms(rules, channel="web", **more)


def propose(db, *lines, strategy="proximity", **more):
    return sourcing.propose(db, [wish(*lines)], terms(strategy, **more), now=NOW)[0]


def parcels(proposal):
    return {
        parcel["location"]: {line["sku"]: line["quantity"] for line in parcel["lines"]}
        for parcel in proposal["parcels"]
    }
