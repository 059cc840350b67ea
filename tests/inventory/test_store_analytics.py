"""Figures against examples worked by hand, and against polars over the same rows."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from inventory.analytics import FIGURES
from inventory.errors import InputRejected, NotFound
from inventory.store import analytics
from inventory.store.auto_approval import report

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 10)
START = datetime(2026, 3, 1, tzinfo=UTC)
NOW = datetime(2026, 3, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def shop(db):
    """TEA costs 4 and sells at 9; CUP costs 2 and sells at 5; NUT has no cost."""
    db.execute(
        "insert into locations (location, name, type) values ('DC', 'Centre', 'warehouse'), "
        "('ST', 'Store', 'store')"
    )
    db.execute("insert into vendors (vendor, name) values ('ACME', 'Acme'), ('BOLT', 'Bolt')")
    db.execute(
        "insert into skus (sku, name, vendor, unit_cost, price) values ('TEA', 'Tea', 'ACME', 4, 9)"
        ", ('CUP', 'Cup', 'BOLT', 2, 5), ('NUT', 'Nut', 'BOLT', 0, 3)"
    )
    return db


def entry(db, sku, location, units, at, *, kind="delta"):
    """A change of sellable stock, and its balance."""
    db.execute(
        "insert into entries (sku, location, status, kind, units, stated_units, outcome, "
        "effective_at, recorded_at, source) values (%s, %s, 'available', %s, %s, %s, 'applied', "
        "%s, %s, 'test')",
        [sku, location, kind, units, units, at, at],
    )
    db.execute(
        "insert into balances (sku, location, status, units, updated_at) values (%s, %s, "
        "'available', %s, %s) on conflict (sku, location, status) do update set "
        "units = balances.units + excluded.units",
        [sku, location, units, at],
    )


def sold(db, sku, location, day, units, *, in_stock=1.0):
    db.execute(
        "insert into sales_days (sku, location, day, units, in_stock, known_at) "
        "values (%s, %s, %s, %s, %s, %s)",
        [sku, location, day, units, in_stock, START],
    )


def rows(db, name, **more):
    key = FIGURES[name].key
    found = analytics.read(db, name, first=FIRST, last=LAST, now=NOW, **more)
    return {row[key]: row for row in found}


def test_turnover_of_ten_days_worked_by_hand(shop):
    """DC holds 100 TEA, sells 40 of them at noon of day 5 (4.5 of 10 days in), so 100 x 0.45 +
    60 x 0.55 = 78 on average, worth 312. Cost of goods: 40 x 4 = 160 in 10 days, 5,840 a year:
    turned 18.717 times, and the stock lasts 19.5 days. The store holds 10 CUP for the last 4 of the
    10 days, worth 8 on average, and sells none. Together 160 over 320: 18.25, and 20 days.
    """
    entry(shop, "TEA", "DC", 100, START - DAY)
    entry(shop, "TEA", "DC", -40, START + 4.5 * DAY)
    entry(shop, "TEA", "DC", -15, START + 11 * DAY)  # After the last day: not yet.
    sold(shop, "TEA", "DC", FIRST + 4 * DAY, 40)
    sold(shop, "TEA", "DC", LAST + DAY, 15)
    entry(shop, "NUT", "ST", 1, START - DAY)
    entry(shop, "CUP", "ST", 10, START + 6 * DAY)
    sold(shop, "NUT", "ST", FIRST, 3)
    found = rows(shop, "turnover")
    dc, store, everything = found["DC"], found["ST"], found[None]
    assert (dc["average_units"], dc["average_value"]) == pytest.approx((78, 312))
    assert (dc["sold_units"], dc["cost_of_goods"], dc["closing_value"]) == (40, 160, 240)
    assert dc["turnover"] == pytest.approx(5840 / 312)
    assert dc["days_of_inventory"] == pytest.approx(19.5)
    assert (store["average_value"], store["turnover"]) == (pytest.approx(8), 0)
    assert (store["days_of_inventory"], store["positions_without_cost"]) == (None, 1)
    assert (everything["turnover"], everything["days_of_inventory"]) == pytest.approx((18.25, 20))
    assert list(rows(shop, "turnover", of="DC")) == ["DC"]


def test_what_a_hub_sends_to_stores_turns_its_stock_over(shop):
    """DC holds 100 TEA and sends 40 on day 5 at noon: 78 on average, 18.717 times a year as if they
    were sold (above). Of the house nothing left: 100 TEA on average, none sold.
    """
    entry(shop, "TEA", "DC", 100, START - DAY)
    entry(shop, "CUP", "ST", 0, START - DAY)
    entry(shop, "TEA", "DC", -40, START + 4.5 * DAY, kind="shipment")
    entry(shop, "TEA", "ST", 40, START + 4.5 * DAY, kind="receipt")
    for number, at in (("T-1", START + 4.5 * DAY), ("T-2", START + 11 * DAY)):
        shop.execute(
            "insert into transfers (transfer_id, origin, destination, state, planned, created_at, "
            "updated_at, expected_on) values (%s, 'DC', 'ST', 'received', true, %s, %s, %s)",
            [number, START, at, LAST],
        )
        shop.execute(
            "insert into transfer_lines (transfer_id, line_no, sku, quantity, shipped_units, "
            "received_units, keep_units, reason, saving, explanation) "
            "values (%s, 1, 'TEA', 50, 40, 40, 0, 'by_hand', 0, '{}')", [number],
        )  # fmt: skip
        shop.execute(
            "insert into transfer_events (transfer_id, act, from_state, to_state, at, actor) "
            "values (%s, 'ship', 'approved', 'shipped', %s, 'dock')", [number, at],
        )  # fmt: skip
    found = rows(shop, "turnover")
    assert (found["DC"]["transferred_units"], found["DC"]["cost_of_goods"]) == (40, 160)
    assert found["DC"]["turnover"] == pytest.approx(5840 / 312)
    assert (found["ST"]["transferred_units"], found["ST"]["turnover"]) == (0, 0)
    everything = found[None]
    assert everything["average_units"] == pytest.approx(100)
    assert (everything["cost_of_goods"], everything["days_of_inventory"]) == (0, None)


def test_turnover_is_of_days_whose_stock_is_known(shop):
    """The first count is of noon on day 5, so day 6 is the first whole one: 100 for two days and 90
    for three are 94 on average, worth 376. 10 sold in 5 days cost 8 a day; what sold before was of
    stock that nobody counted.
    """
    entry(shop, "TEA", "DC", 100, START + 4.5 * DAY)
    entry(shop, "TEA", "DC", -10, START + 7 * DAY)
    sold(shop, "TEA", "DC", FIRST + 2 * DAY, 40)
    sold(shop, "TEA", "DC", FIRST + 7 * DAY, 10)
    found = rows(shop, "turnover")
    for at in ("DC", None):
        assert found[at]["known_from"] == date(2026, 3, 6)
        assert found[at]["average_value"] == pytest.approx(376)
        assert (found[at]["sold_units"], found[at]["cost_of_goods"]) == (10, 40)
        assert found[at]["turnover"] == pytest.approx(365 * 8 / 376)
        assert found[at]["days_of_inventory"] == pytest.approx(47)
    early = analytics.read(shop, "turnover", first=FIRST, last=FIRST + DAY, now=NOW)
    assert early == []


@pytest.mark.parametrize("seed", range(3))
def test_turnover_and_stock_outs_agree_with_polars(shop, seed):
    """The same figures from the rows themselves: stock second by second as a step function, and
    receipts followed one by one.
    """
    rng = np.random.default_rng(seed)
    changes, sales = [], []
    for sku in ("TEA", "CUP"):
        for location in ("DC", "ST"):
            times = np.sort(rng.uniform(-3, 13, 25))
            for at in times:
                is_receipt = rng.random() < 0.3
                units = int(rng.integers(5, 40)) if is_receipt else -int(rng.integers(1, 12))
                changes.append((sku, location, units, START + float(at) * DAY, is_receipt))
            for n in range(-2, 12):
                share = float(rng.choice([1.0, 1.0, 0.5]))
                sales.append((sku, location, FIRST + n * DAY, int(rng.integers(0, 9)), share))
    for sku, location, units, at, is_receipt in changes:
        entry(shop, sku, location, units, at, kind="receipt" if is_receipt else "shipment")
    for sku, location, day, units, share in sales:
        sold(shop, sku, location, day, units, in_stock=share)
    told = pl.DataFrame(
        changes, schema=["sku", "location", "units", "at", "is_receipt"], orient="row"
    )
    cost = {"TEA": 4, "CUP": 2}
    found = rows(shop, "turnover")
    for location in ("DC", "ST"):
        value = sum(cost[sku] * mean_stock(told.filter(sku=sku, location=location)) for sku in cost)
        goods = sum(
            units * cost[sku]
            for sku, at, day, units, _ in sales
            if at == location and FIRST <= day <= LAST
        )
        assert found[location]["average_value"] == pytest.approx(value)
        assert found[location]["cost_of_goods"] == goods
        assert found[location]["turnover"] == pytest.approx(goods * 36.5 / value)
    check_stock_outs(rows(shop, "stockouts"), told, sales)


def mean_stock(changes):
    """Units on hand over the ten days, by adding up stretches between changes."""
    until = START + 10 * DAY
    steps = changes.sort("at").with_columns(pl.col("units").cum_sum().alias("after"))
    before = steps.filter(pl.col("at") < START)["after"]
    level, at, area = (before[-1] if len(before) else 0), START, 0.0
    for row in steps.filter(pl.col("at").is_between(START, until)).iter_rows(named=True):
        area += level * (row["at"] - at).total_seconds()
        level, at = row["after"], row["at"]
    return (area + level * (until - at).total_seconds()) / (until - START).total_seconds()


def check_stock_outs(found, changes, sales):
    margin = {"TEA": 5, "CUP": 3}
    until = START + 10 * DAY
    for location in ("DC", "ST"):
        prevented, units, money = 0, 0, 0
        for sku, each in margin.items():
            stock, batch = 0, None
            batches = []
            for row in changes.filter(sku=sku, location=location).sort("at").iter_rows(named=True):
                if row["at"] >= until:
                    break
                if row["is_receipt"]:
                    batch = {"at": row["at"], "before": max(stock, 0), "came": row["units"],
                             "gone": 0}  # fmt: skip
                    batches.append(batch)
                elif batch is not None:
                    batch["gone"] -= row["units"]
                stock += row["units"]
            for one in batches:
                if one["at"] >= START and one["gone"] > one["before"]:
                    saved = min(one["gone"] - one["before"], one["came"])
                    prevented, units, money = (
                        prevented + 1,
                        units + saved,
                        money + saved * each,
                    )
        told = found[location]
        assert (told["prevented"], told["prevented_units"], told["prevented_margin"]) == (
            prevented, units, money,
        )  # fmt: skip
        days = [share for _, at, day, _, share in sales if at == location and FIRST <= day <= LAST]
        assert told["position_days"] == len(days)
        assert told["stock_out_days"] == pytest.approx(sum(1 - share for share in days))


def test_a_receipt_that_came_in_time_prevented_a_stock_out(shop):
    """5 were left, 20 came, 12 left before the next receipt: 7 would not have been there.

    At a margin of 5 that is 35. The second receipt found 13 and nothing left after it.
    """
    entry(shop, "TEA", "DC", 5, START - DAY)
    entry(shop, "TEA", "DC", 20, START + DAY, kind="receipt")
    entry(shop, "TEA", "DC", -12, START + 2 * DAY, kind="shipment")
    entry(shop, "TEA", "DC", 50, START + 3 * DAY, kind="receipt")
    sold(shop, "TEA", "DC", FIRST, 3, in_stock=0.25)
    found = rows(shop, "stockouts")["DC"]
    assert (found["prevented"], found["prevented_units"], found["prevented_margin"]) == (1, 7, 35)
    assert (found["stock_out_days"], found["stock_out_share"]) == (0.75, 0.75)


def test_ages_are_of_what_is_left(shop):
    """60 came 100 days ago, 30 yesterday; 40 are left: the 30, and 10 of the old."""
    now = NOW
    entry(shop, "TEA", "DC", 60, now - 100 * DAY)
    entry(shop, "TEA", "DC", 30, now - DAY)
    entry(shop, "TEA", "DC", -50, now)
    found = analytics.read(shop, "ageing", first=FIRST, last=LAST, now=NOW, of="DC")
    assert [(row["age"], row["units"], row["value"], row["share"]) for row in found] == [
        ("0-29", 30, 120, 0.75), ("90+", 10, 40, 0.25),
    ]  # fmt: skip


def position(db, sku, location, *, rate, reorder_point, order_up_to):
    db.execute(
        "insert into policies (sku, location, safety_stock, reorder_point, order_quantity, "
        "order_up_to, lead_time_days, review_period_days, service_level, run_id, computed_at) "
        "values (%s, %s, 0, %s, 1, %s, 5, 1, 0.95, 'r', %s)",
        [sku, location, reorder_point, order_up_to, START],
    )
    db.execute(
        "insert into demand_windows (sku, location, run_id, stated, planned_on, lead_time_days, "
        "lead_time_sd_days, review_period_days, lead_time_mean, review_mean, demand_rate, "
        "quantiles) values (%s, %s, 'r', '', %s, 5, 0, 1, 0, 0, %s, '{}')",
        [sku, location, FIRST, rate],
    )


def test_health_is_the_sum_of_its_parts(shop):
    """TEA sells 2 a day at 9, has 200 and would have 50: with 30 days of demand 110, so 90 of 200
    are too much; 50 came long ago. CUP sells 1.2 a day at 5 and is out; 20 come, above its 10.

    In stock: 18 of 24 of demand. Covered: all. Lean: 1 - 360 / 800. Fresh: 1 - 200 / 800.
    """
    now = NOW
    position(shop, "TEA", "DC", rate=2, reorder_point=20, order_up_to=50)
    position(shop, "CUP", "DC", rate=1.2, reorder_point=10, order_up_to=30)
    entry(shop, "TEA", "DC", 50, now - 120 * DAY)
    entry(shop, "TEA", "DC", 150, now - DAY)
    shop.execute(
        "insert into inbound (inbound_id, sku, location, quantity, expected_at, state, updated_at) "
        "values ('i', 'CUP', 'DC', 20, now(), 'confirmed', now())"
    )
    found = analytics.read(shop, "health", first=FIRST, last=LAST, now=NOW, of="DC")
    parts = {row["part"]: row for row in found}
    assert {part: row["value"] for part, row in parts.items()} == {
        "in_stock": pytest.approx(0.75), "covered": 1, "lean": pytest.approx(0.55),
        "fresh": pytest.approx(0.75),
    }  # fmt: skip
    score = 40 * 0.75 + 25 * 1 + 20 * 0.55 + 15 * 0.75
    assert [row["score"] for row in found] == pytest.approx([score] * 4)
    assert sum(row["points"] for row in found) == pytest.approx(score)
    assert sum(row["weight"] for row in found) == 1


def test_classes_are_counted_by_value(shop):
    shop.execute(
        "insert into position_classes values ('TEA', 'DC', 'A', 'X', 900, 0.2, '2026-03-01'), "
        "('CUP', 'DC', 'C', 'Z', 100, 2, '2026-03-01'), ('NUT', 'ST', '', '', null, null, "
        "'2026-03-01')"
    )
    found = analytics.read(shop, "abc", first=FIRST, last=LAST, now=NOW, of="DC")
    assert [(r["abc"], r["xyz"], r["positions"], r["value_share"]) for r in found] == [
        ("A", "X", 1, 0.9), ("C", "Z", 1, 0.1),
    ]  # fmt: skip


def order(db, order_id, vendor, sku, *, sent, received=None, due=None, by="buyer:k", terms="[]"):
    """An order of 10 at 4 each, sent and received on days of March."""
    at = START + (sent - 1) * DAY
    db.execute(
        "insert into purchase_orders (purchase_order_id, vendor, location, state, created_at, "
        "updated_at, expected_on, sent_at) values (%s, %s, 'DC', 'sent', %s, %s, '2026-03-09', %s)",
        [order_id, vendor, at, at, at],
    )
    db.execute(
        "insert into purchase_order_lines (purchase_order_id, line_no, sku, quantity, "
        "ordered_units, unit_cost, explanation, run_id, due_on) values (%s, 1, %s, 10, 10, 4, "
        "jsonb_build_object('terms', %s::jsonb), 'r', %s)",
        [order_id, sku, terms, None if due is None else FIRST + (due - 1) * DAY],
    )
    db.execute(
        "insert into purchase_order_events (purchase_order_id, act, from_state, to_state, at, "
        "actor) values (%s, 'approve', 'accepted', 'approved', %s, %s)",
        [order_id, at, by],
    )
    if received is not None:
        came = START + (received - 1) * DAY
        db.execute(
            "insert into purchase_order_receipts (purchase_order_id, line_no, quantity, status, "
            "received_at, recorded_at, actor) values (%s, 1, 10, 'available', %s, %s, 'dock')",
            [order_id, came, came],
        )


def test_reorder_accuracy_counts_the_days_until_receipt(shop):
    """Three lines came: one through a stock-out, one late, one right. One of four was changed."""
    changed = '[{"term": "changed by hand", "quantity": 2}]'
    order(shop, "PO-1", "ACME", "TEA", sent=1, received=4, due=4)
    order(shop, "PO-2", "ACME", "CUP", sent=2, received=6, due=5, terms=changed)
    order(shop, "PO-3", "BOLT", "NUT", sent=2, received=5, due=5)
    order(shop, "PO-4", "BOLT", "TEA", sent=9)
    order(shop, "PO-5", "BOLT", "CUP", sent=15, received=18, due=20)  # Later than asked.
    sold(shop, "TEA", "DC", FIRST + DAY, 3, in_stock=0.5)  # Between sending and receipt.
    sold(shop, "CUP", "DC", FIRST + 3 * DAY, 3)
    sold(shop, "CUP", "DC", FIRST + 5 * DAY, 3, in_stock=0.5)  # On the day of receipt.
    sold(shop, "NUT", "DC", FIRST + 3 * DAY, 3)
    found = rows(shop, "reorder")
    everything = found[None]
    assert (everything["lines_sent"], everything["unchanged_lines"]) == (4, 3)
    assert (everything["lines_received"], everything["without_stock_out"]) == (3, 2)
    assert everything["reorder_accuracy"] == pytest.approx(2 / 3)
    assert everything["on_time_share"] == pytest.approx(2 / 3)
    assert (found["ACME"]["reorder_accuracy"], found["BOLT"]["reorder_accuracy"]) == (0.5, 1)


def test_a_line_without_days_on_record_is_not_judged(shop):
    order(shop, "PO-1", "ACME", "TEA", sent=1, received=4, due=4)
    order(shop, "PO-2", "ACME", "CUP", sent=2, received=6, due=5)
    sold(shop, "TEA", "DC", FIRST + DAY, 3)
    found = rows(shop, "reorder")["ACME"]
    assert (found["lines_received"], found["lines_judged"], found["without_stock_out"]) == (2, 1, 1)
    assert found["reorder_accuracy"] == 1


def test_the_share_automated_is_that_of_the_approval_report(shop):
    order(shop, "PO-1", "ACME", "TEA", sent=1, by="rule:small")
    order(shop, "PO-2", "ACME", "CUP", sent=2)
    order(shop, "PO-3", "BOLT", "NUT", sent=3)
    found = rows(shop, "automation")
    assert (found["ACME"]["automatic_share"], found["BOLT"]["automatic_share"]) == (0.5, 0)
    everything = found[None]
    assert (everything["approved"], everything["automatic"]) == (3, 1)
    told = report(shop, first=FIRST, last=LAST)
    assert everything["automatic_share"] == pytest.approx(told["share"])
    assert everything["value_share"] == pytest.approx(told["value_share"])


def reservation(db, name, *, state, kind="hard", shipped=0, left=0, backordered=False, units=10,
                confirmed=True, method="ship"):  # fmt: skip
    db.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at, "
        "confirmed_at, expires_at) values (%s, %s, %s, 'web', %s, %s, %s, %s)",
        [name, kind, state, method, START, START if confirmed else None,
         None if confirmed else START],
    )  # fmt: skip
    db.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
        "location, promised_date, quantity, open_units, shipped_units, class, backordered) values "
        "(%s, 1, 1, 'TEA', %s, 'DC', %s, %s, %s, %s, 'hard', %s)",
        [name, method, FIRST, units, left, shipped, backordered],
    )


def test_cancellations_and_backorders_worked_by_hand(shop):
    """Of four orders one is cancelled; 13 of 40 units were given up. Of two rests that were owed
    one was cancelled; of two pre-orders one was let go: two of four accepted.
    """
    reservation(shop, "a", state="shipped", shipped=10)
    reservation(shop, "b", state="cancelled", backordered=True)
    reservation(shop, "c", state="shipped", shipped=7)
    reservation(shop, "d", state="allocated", left=10, backordered=True)
    reservation(shop, "t", state="shipped", shipped=10, method="transfer")
    reservation(shop, "p", state="expired", kind="preorder", confirmed=False)
    before = rows(shop, "orders")[None]
    assert (before["orders"], before["cancelled"], before["cancellation_rate"]) == (4, 1, 0.25)
    assert (before["units"], before["cancelled_units"]) == (40, 13)
    assert (before["backorders_offered"], before["backorders_accepted"]) == (3, 1)
    reservation(shop, "q", state="confirmed", kind="preorder", left=10)
    after = rows(shop, "orders")["web"]
    assert (after["backorders_offered"], after["backorder_acceptance"]) == (4, 0.5)


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_answers_on_an_empty_database_and_as_a_view(db, name):
    found = analytics.read(db, name, first=FIRST, last=LAST, now=NOW)
    assert all(row[FIGURES[name].key] is None for row in found)
    view = db.execute(f"select * from {FIGURES[name].view}")
    assert [column.name for column in view.description] == list(FIGURES[name].columns)


def test_days_that_make_no_sense_are_refused():
    today = date(2026, 3, 10)
    assert analytics.days(None, None, today=today) == (date(2025, 12, 10), date(2026, 3, 9))
    for first, last in ((LAST, FIRST), (None, today + DAY), (date(2020, 1, 1), today)):
        with pytest.raises(InputRejected):
            analytics.days(first, last, today=today)
    with pytest.raises(NotFound, match="turnover"):
        analytics.figure("luck")
