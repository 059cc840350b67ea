"""Lists of orders: which ones are in them, in which order, page by page."""

from datetime import date

import pytest

from inventory.errors import InputRejected
from inventory.store.purchase_orders import list_orders
from tests.inventory.ordering import NOW, open_centre

ORDERS = [
    # id, state, urgency, runs out on, money saved
    ("PO-1", "approved", "critical", date(2026, 3, 4), 10.0),
    ("PO-2", "approved", "critical", date(2026, 3, 3), 5.0),
    ("PO-3", "sent", "critical", date(2026, 3, 4), 900.0),
    ("PO-4", "accepted", "high", date(2026, 3, 6), 5000.0),
    ("PO-5", "approved", "critical", None, 7000.0),
    ("PO-6", "approved", None, None, None),
    ("PO-7", "closed", "critical", date(2026, 3, 2), 1.0),
    ("PO-8", "rejected", "low", date(2026, 3, 20), 1.0),
    ("PO-9", "closed", "low", date(2026, 3, 20), 1.0),
]
BY_URGENCY = ["PO-2", "PO-3", "PO-1", "PO-5", "PO-4", "PO-6"]
"""By class, then by the day on which stock runs out, then by money saved; read off the table."""


@pytest.fixture
def orders(db):
    open_centre(db)
    db.cursor().executemany(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, urgency, "
        "stock_out_on, revenue_protected, created_at, updated_at, expected_on) "
        "values (%s, 'ACME', 'DC', %s, %s, %s, %s, %s, %s, %s)",
        [(*row, NOW, NOW, NOW.date()) for row in ORDERS],
    )
    return db


def ids(page):
    return [order["id"] for order in page["orders"]]


def test_the_most_urgent_are_those_that_run_out_first_and_then_save_most(orders):
    assert ids(list_orders(orders, sort="urgency")) == BY_URGENCY
    critical = list_orders(orders, sort="urgency", urgency="critical")
    assert ids(critical) == ["PO-2", "PO-3", "PO-1", "PO-5"]


@pytest.mark.parametrize("sort", ["newest", "urgency", "value"])
@pytest.mark.parametrize("limit", [1, 2, 4])
def test_pages_join_to_the_whole_list(orders, sort, limit):
    whole, cursor, found = ids(list_orders(orders, sort=sort)), None, []
    while True:
        page = list_orders(orders, sort=sort, limit=limit, cursor=cursor)
        found += ids(page)
        if (cursor := page["next_cursor"]) is None:
            break
    assert found == whole


def test_orders_that_are_over_are_listed_where_their_state_is_asked_for(orders):
    assert ids(list_orders(orders, sort="urgency", state="closed")) == ["PO-7", "PO-9"]
    assert ids(list_orders(orders, sort="urgency", state="rejected")) == ["PO-8"]
    closed_and_low = list_orders(orders, sort="urgency", urgency="low", state="closed")
    assert ids(closed_and_low) == ["PO-9"]


def test_a_cursor_of_another_sort_is_refused(orders):
    page = list_orders(orders, sort="urgency", limit=1)
    with pytest.raises(InputRejected, match="cursor of the page before"):
        list_orders(orders, sort="newest", cursor=page["next_cursor"])
