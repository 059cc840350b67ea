"""The record of who did what, where nobody was asked: clocks, files and jobs."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Location, Sku, Vendor
from inventory.reservations import AskedLine, Basket
from inventory.store import audit, catalog, reservations
from inventory.store.audit import AuditFilter, Position
from serving.cli import run

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


def records(db, **wanted):
    found, _ = audit.page(db, AuditFilter(**wanted), before=Position(), limit=1000)
    return found


@pytest.fixture
def shop(db):
    catalog.put(db, Vendor("acme"))
    catalog.put(db, Location("S1", "S1", "store"))
    catalog.put(db, Sku("A", "A", vendor="acme"))
    return db


def test_a_file_is_brought_by_the_person_who_typed(shop, database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("VOUCH_DATABASE_URL", database_url)
    monkeypatch.setenv("VOUCH_DATA_DIR", str(tmp_path))
    file = tmp_path / "stock.csv"
    file.write_text("sku,location,quantity\nA,S1,5\n")
    assert run(["import", "stock", str(file)]) == 0
    (entry,) = records(shop, sku="A")
    assert entry["actor"].startswith("cli:")
    assert (entry["source"], entry["reason"]) == ("file", "snapshot stated by file")


def test_what_expires_is_the_doing_of_the_clock(shop):
    shop.execute(
        "insert into balances (sku, location, status, units, updated_at) "
        "values ('A', 'S1', 'available', 5, %s)", [NOW]
    )  # fmt: skip
    basket = Basket("soft", "web", "ship", (AskedLine("A", 1),), location="S1", ttl_seconds=60)
    reservations.place(shop, basket, reservation_id="r1", now=NOW, actor="oms:k1")
    reservations.sweep(shop, now=NOW + timedelta(minutes=2))
    expired, placed = records(shop, sku="A")
    assert (expired["act"], expired["actor"]) == ("expire", "clock")
    assert expired["reason"] == "it reached its expiry"
    assert (placed["act"], placed["actor"], placed["source"]) == ("place", "oms:k1", "channel web")
    assert placed["detail"] == [["A", 1, "S1"]]


def test_transitions_of_purchase_orders_are_part_of_it(shop):
    shop.execute(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
        "updated_at, expected_on) values ('p1', 'acme', 'S1', 'proposed', %(now)s, %(now)s, "
        "%(now)s)", {"now": NOW}
    )  # fmt: skip
    shop.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, unit_cost, "
        "explanation, run_id) values ('p1', 1, 'A', 5, 1, '{}', 'run')"
    )
    shop.execute(
        "insert into purchase_order_events (purchase_order_id, act, to_state, at, actor) "
        "values ('p1', 'propose', 'proposed', %s, 'planning')", [NOW]
    )  # fmt: skip
    (proposed,) = records(shop, sku="A")
    assert (proposed["record"], proposed["purchase_order_id"]) == ("purchase_order", "p1")
    assert (proposed["actor"], proposed["source"]) == ("planning", "vendor acme")
    assert records(shop, sku="A", location="S2") == []
    assert records(shop, actor="planning") == [proposed]
