"""Two places and a way between them: what tests of transfers start from."""

import json
from datetime import UTC, date, datetime

import polars as pl

from inventory.store import inbound, transfer_lanes
from inventory.store.transfer_proposals import PLAN_COLUMNS, propose_by_hand
from inventory.store.transfers import act
from inventory.transfers import Lane

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
POLICY = """
insert into policies (sku, location, safety_stock, reorder_point, order_quantity, order_up_to,
    lead_time_days, review_period_days, service_level, run_id, computed_at)
values ('TEA', 'DC', 2, 5, 10, 15, 3, 1, 0.95, 'r', %s)
"""
LINES = [{"sku": "TEA", "quantity": 6}]


def open_ends(db):
    """TEA: 20 at the centre, which needs 5 of them; 1 at the store, two days away."""
    db.execute(
        "insert into locations (location, name, type, methods) values "
        "('DC', 'Centre', 'warehouse', '{ship}'), ('ST', 'Store', 'store', '{bopis}')"
    )
    db.execute("insert into vendors (vendor, name) values ('ACME', 'Acme')")
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price) values "
        "('TEA', 'Tea', 'ACME', 4, 9), ('CUP', 'Cup', 'ACME', 2, 5)"
    )
    for sku, location, units in (("TEA", "DC", 20), ("TEA", "ST", 1), ("CUP", "DC", 8)):
        receive(db, sku, location, units)
    db.execute(POLICY, [NOW])
    transfer_lanes.put(db, Lane("DC", "ST", 0.5, 2, handling_per_unit=0.25))
    return db


def receive(db, sku, location, units):
    name = f"in-{sku}-{location}"
    inbound.put(db, inbound_id=name, sku=sku, location=location, quantity=units, expected_at=NOW,
                state="confirmed", now=NOW)  # fmt: skip
    inbound.receive(db, name, message_id=name, quantity=units, now=NOW)


def hand(db, lines=LINES, **more):
    told = {"origin": "DC", "destination": "ST", "actor": "pia", "role": "planner", "now": NOW}
    return propose_by_hand(db, lines=lines, **(told | more))["id"]


def do(db, transfer, *acts, role="admin", now=NOW, actor="ann", **more):
    """Acts one after the other; the transfer afterwards."""
    for name in acts:
        found = act(db, transfer, name, actor=actor, role=role, now=now, **more)
    return found


def plan_of(*lines):
    """(sku, quantity) rows of a plan from DC to ST."""
    rows = [
        ("DC", "ST", sku, quantity, 5, "stock_out_risk", 2.5 * quantity,
         json.dumps({"terms": [{"term": "sales saved", "money": 2.5 * quantity}]}),
         date(2026, 3, 4))
        for sku, quantity in lines
    ]  # fmt: skip
    kinds = dict.fromkeys(PLAN_COLUMNS, pl.String) | {
        "quantity": pl.Int64, "keep_units": pl.Int64, "saving": pl.Float64, "expected_on": pl.Date,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=kinds, orient="row")
