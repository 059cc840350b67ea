"""A centre that buys from two vendors: what tests of purchase orders start from."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import polars as pl

from inventory.errors import VouchError
from inventory.store import database
from inventory.store.order_proposals import PLAN_COLUMNS, propose
from inventory.store.purchase_orders import act, list_orders

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
DUE = date(2026, 3, 9)


def open_centre(db):
    """DC buys TEA and CUP from ACME, NUT from BOLT."""
    db.execute("insert into locations (location, name, type) values ('DC', 'Centre', 'warehouse')")
    db.execute("insert into vendors (vendor, name) values ('ACME', 'Acme'), ('BOLT', 'Bolt')")
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost) values ('TEA', 'Tea', 'ACME', 4), "
        "('CUP', 'Cup', 'ACME', 2), ('NUT', 'Nut', 'BOLT', 1)"
    )
    return db


def plan_of(*lines, location="DC", unit_cost=4.0, expected_on=DUE, currency=None):
    """(vendor, sku, quantity) rows of a plan for one location."""
    rows = [
        (vendor, location, sku, quantity, unit_cost,
         json.dumps({"terms": [{"term": "need", "quantity": quantity, "source": "test"}]}),
         "run-1", expected_on, currency)
        for vendor, sku, quantity in lines
    ]  # fmt: skip
    kinds = dict.fromkeys(PLAN_COLUMNS, pl.String) | {
        "quantity": pl.Int64, "unit_cost": pl.Float64, "expected_on": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=kinds, orient="row")


def proposed(db, *lines):
    """The id of one proposed order, by default 40 CUP (line 1) and 100 TEA (line 2)."""
    propose(db, plan_of(*(lines or (("ACME", "TEA", 100), ("ACME", "CUP", 40)))), now=NOW)
    return list_orders(db)["orders"][0]["id"]


def do(db, order, *acts, role="admin", now=NOW, actor="ann", **more):
    """Acts one after the other; the order afterwards."""
    for name in acts:
        found = act(db, order, name, actor=actor, role=role, now=now, **more)
    return found


def sent(db, *lines):
    """The id of an order that the vendor has."""
    order = proposed(db, *lines)
    do(db, order, "accept", "approve", "send")
    return order


def inbound_of(db):
    return db.execute(
        "select sku, quantity, state, expected_at::date from inbound order by sku, inbound_id"
    ).fetchall()


def on_hand(db, status="available"):
    return dict(
        db.execute(
            "select sku, units from balances where status = %s and units <> 0", [status]
        ).fetchall()
    )


def race(database_url, *calls):
    """What each call came to, made at once on connections of their own."""

    def made(call):
        with database.connect(database_url) as db:
            try:
                return call(db)["state"]
            except VouchError as refused:
                return type(refused).__name__

    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(made, calls))
