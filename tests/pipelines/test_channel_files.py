"""Files of supply links and pre-sales: sound rows go in, the others are named."""

from datetime import UTC, date, datetime

import pytest

from inventory.catalog import Channel, Location, PreSale, Sku, SupplyLink
from inventory.reservations import AskedLine, Basket
from inventory.store import catalog, reservations
from tests.pipelines.importing import importer

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)


@pytest.fixture
def shop(db):
    catalog.put(db, Location("L1", "x", "store"))
    catalog.put_many(db, [Channel("web"), Channel("app")])
    catalog.put_many(db, [Sku("A", "x"), Sku("B", "x")])
    return db


@pytest.fixture
def bring(shop, tmp_path):
    return importer(shop, tmp_path, now=NOW)


def problems(report):
    return [(row, field) for row, field, *_ in report.problems.iter_rows()]


def test_supply_links(shop, bring):
    report = bring(
        "supply-links",
        "link,channel,location,method,ratio,reserve,starts_at,ends_at,sku\n"
        "k1,web,L1,bopis,0.4,5,2026-06-01T00:00:00Z,2026-07-01T00:00:00Z,A\n"
        "k2,app,L1,,,,,,\n"
        "k3,app,L1,drone,,,,,\n"
        "k4,app,L1,,1.5,,,,\n"
        "k5,nobody,L1,,,,,,\n"
        "k6,app,L1,,,,2026-06-02T00:00:00Z,2026-06-01T00:00:00Z,\n",
    )
    assert problems(report) == [(3, "method"), (4, "ratio"), (5, "channel"), (6, "ends_at")]
    starts, ends = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)
    assert catalog.page(shop, SupplyLink) == [
        SupplyLink("k1", "web", "L1", "bopis", 0.4, 5, starts, ends, "A"),
        SupplyLink("k2", "app", "L1"),
    ]
    bring("supply-links", "link,channel,location,reserve\nk1,web,L1,7\n")
    assert catalog.get(shop, SupplyLink, "k1").ratio == 0.4
    assert catalog.get(shop, SupplyLink, "k1").reserve == 7


def test_pre_sales(shop, bring):
    report = bring(
        "pre-sales",
        "pre_sale,sku,location,available_on,cap,channel_caps\n"
        'p1,A,L1,2026-07-01,50,"{""web"": 20, ""app"": 9}"\n'
        "p2,B,L1,2026-07-01,50,\n"
        'p3,A,L1,2026-07-01,50,"{""nobody"": 20}"\n'
        'p4,A,L1,2026-07-01,50,"{""web"": -1}"\n'
        "p5,A,L1,soon,50,\n"
        "p6,A,L1,2026-07-01,,\n",
    )
    assert problems(report) == [
        (3, "channel_caps"), (4, "channel_caps"), (5, "available_on"), (6, "cap"),
    ]  # fmt: skip
    launch = date(2026, 7, 1)
    assert catalog.page(shop, PreSale) == [
        PreSale("p1", "A", "L1", launch, 50, {"web": 20, "app": 9}),
        PreSale("p2", "B", "L1", launch, 50),
    ]
    bring("pre-sales", "pre_sale,sku,location,available_on,cap\np1,A,L1,2026-07-02,60\n")
    moved = catalog.get(shop, PreSale, "p1")
    assert (moved.available_on, moved.cap, moved.channel_caps) == (
        date(2026, 7, 2), 60, {"web": 20, "app": 9},
    )  # fmt: skip


def test_what_is_sold_ahead_is_not_moved_by_a_file(shop, bring):
    catalog.put(shop, PreSale("p1", "A", "L1", date(2026, 7, 1), 50))
    basket = Basket("preorder", "web", "ship", (AskedLine("A", 1),), location="L1")
    reservations.place(shop, basket, reservation_id="r", now=NOW)
    head = "pre_sale,sku,location,available_on,cap\n"
    assert problems(bring("pre-sales", f"{head}p1,B,L1,2026-07-01,50\n")) == [(1, "pre_sale")]
    assert problems(bring("pre-sales", f"{head}p1,A,L1,2026-07-05,50\n")) == []


def test_a_bundle_cannot_be_sold_ahead_or_linked(shop, bring):
    shop.execute("insert into bundles (sku, component, units) values ('B', 'A', 2)")
    head = "pre_sale,sku,location,available_on,cap\n"
    assert problems(bring("pre-sales", f"{head}p1,B,L1,2026-07-01,50\n")) == [(1, "sku")]
    links = "link,channel,location,sku\nk,web,L1,B\n"
    assert problems(bring("supply-links", links)) == [(1, "sku")]
