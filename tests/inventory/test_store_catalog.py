"""The catalogue: what makes sense goes in whole and comes out the same."""

from datetime import time

import pytest

from inventory.catalog import BufferRule, Bundle, Channel, Group, Location, Sku, Vendor
from inventory.errors import InputRejected, NotFound, UnknownSku
from inventory.store import catalog

PLACE = Location(
    "S1", "Mitte", "store", latitude=52.5, longitude=13.4, timezone="Europe/Berlin",
    methods=("bopis", "sfs"), daily_capacity=80, cutoff=time(16, 30), put_away_lag_days=1,
)  # fmt: skip
ACME = Vendor("acme", "Acme", lead_time_days=5.0, email="orders@acme.example", min_order_value=50.0)
APPLE = Sku("A", "Apple", category="fruit", vendor="acme", unit_cost=1.5, price=3.0, pack_size=6)


@pytest.fixture
def shop(db):
    catalog.put(db, ACME)
    catalog.put_many(db, [PLACE, Location("S2", "Ost", "warehouse")])
    catalog.put_many(db, [APPLE, Sku("B", "Bag")])
    return db


@pytest.mark.parametrize(
    "item",
    [
        PLACE,
        ACME,
        APPLE,
        Channel("web", "Web shop", soft_ttl_seconds=600, oversell_units=2),
        Group("all", ("S1", "S2"), "Everywhere"),
        Bundle("B", {"A": 2}),
        BufferRule("r1", sku="A", method="bopis", quantity=3),
        BufferRule("r2", category="fruit", days_of_cover=1.5, lookahead_days=7),
        BufferRule("r3", location="S1", forecast={"margin": 2.0, "cancellation_cost": 8}),
    ],
    ids=lambda item: type(item).__name__,
)
def test_what_goes_in_comes_out(shop, item):
    catalog.put(shop, item)
    assert catalog.get(shop, type(item), item.id) == item
    assert not catalog.put(shop, item)
    assert item in catalog.page(shop, type(item))


def test_an_item_is_replaced_whole(shop):
    assert catalog.put(shop, Group("all", ("S1", "S2")))
    assert not catalog.put(shop, Group("all", ("S2",)))
    assert catalog.get(shop, Group, "all").locations == ("S2",)
    catalog.put(shop, Bundle("B", {"A": 2}))
    catalog.put(shop, Bundle("B", {"A": 3}))
    assert catalog.get(shop, Bundle, "B").components == {"A": 3}


def test_a_nameless_item_is_called_by_its_id(shop):
    catalog.put(shop, Channel("web"))
    assert catalog.get(shop, Channel, "web").name == "web"


def test_pages_go_on_after_the_last_id(shop):
    catalog.put_many(shop, [Sku(f"s{i}", "x") for i in range(5)])
    first = catalog.page(shop, Sku, limit=4)
    rest = catalog.page(shop, Sku, after=first[-1].id, limit=4)
    assert [sku.id for sku in first + rest] == ["A", "B", "s0", "s1", "s2", "s3", "s4"]


@pytest.mark.parametrize(
    ("item", "field", "value"),
    [
        (Sku("N", "New", vendor="nobody"), "vendor", "nobody"),
        (Group("g", ("S1", "S9")), "locations", "S9"),
        (Bundle("B", {"Z": 1}), "components", "Z"),
        (Bundle("Z", {"A": 1}), "sku", "Z"),
        (BufferRule("r", sku="Z", quantity=1), "sku", "Z"),
    ],
)
def test_what_does_not_exist_cannot_be_referred_to(shop, item, field, value):
    with pytest.raises(InputRejected, match=f"'{value}' is not in the catalogue; add it") as error:
        catalog.put(shop, item)
    assert error.value.field == field


def test_one_bad_item_and_none_goes_in(shop):
    with pytest.raises(InputRejected):
        catalog.put_many(shop, [Sku("N", "New"), Sku("M", "More", vendor="nobody")])
    with pytest.raises(NotFound, match="no SKU 'N'"):
        catalog.get(shop, Sku, "N")


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: Location("", "x", "store"), "id"),
        (lambda: Location("a\nb", "x", "store"), "id"),
        (lambda: Location("L", "x", "shed"), "type"),
        (lambda: Location("L", "x", "store", latitude=91.0), "latitude"),
        (lambda: Location("L", "x", "store", longitude=float("nan")), "longitude"),
        (lambda: Location("L", "x", "store", timezone="Mars/Base"), "timezone"),
        (lambda: Location("L", "x", "store", timezone="../etc/passwd"), "timezone"),
        (lambda: Location("L", "x", "store", methods=("drone",)), "methods"),
        (lambda: Location("L", "x", "store", daily_capacity=-1), "daily_capacity"),
        (lambda: Vendor("v", lead_time_days=-1.0), "lead_time_days"),
        (lambda: Vendor("v", min_order_value=float("inf")), "min_order_value"),
        (lambda: Sku("s", "x", pack_size=0), "pack_size"),
        (lambda: Sku("s", "x", price=-0.01), "price"),
        (lambda: Channel("c", soft_ttl_seconds=0), "soft_ttl_seconds"),
        (lambda: Group("g", ()), "locations"),
        (lambda: Bundle("b", {}), "components"),
        (lambda: Bundle("b", {"b": 1}), "components"),
        (lambda: Bundle("b", {"a": 0}), "components"),
        (lambda: Bundle("b", {"a": 1.5}), "components"),
        (lambda: BufferRule("r"), "quantity"),
        (lambda: BufferRule("r", quantity=1, days_of_cover=2.0), "quantity"),
        (lambda: BufferRule("r", quantity=-1), "quantity"),
        (lambda: BufferRule("r", quantity=1, method="drone"), "method"),
    ],
)
def test_what_makes_no_sense_names_its_field(make, field):
    with pytest.raises(InputRejected) as error:
        make()
    assert error.value.field == field


def test_small_questions(shop):
    assert catalog.vendor_of(shop, "A") == "acme"
    assert catalog.vendor_of(shop, "B") is None
    with pytest.raises(UnknownSku):
        catalog.vendor_of(shop, "Z")
    assert catalog.unknown(shop, skus=["A", "Z"], locations=["S9", "S1"]) == ({"Z"}, {"S9"})
    catalog.put(shop, BufferRule("r", quantity=1))
    catalog.remove(shop, BufferRule, "r")
    with pytest.raises(NotFound):
        catalog.remove(shop, BufferRule, "r")


@pytest.mark.parametrize("odd", ["", " ", "A ", "\tA", "A\x00", "A/B", "x" * 201])
def test_an_id_that_no_path_could_hold_is_refused(odd):
    with pytest.raises(InputRejected) as error:
        Sku(odd, "x")
    assert error.value.field == "id"
