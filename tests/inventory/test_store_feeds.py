"""Feeds into a real ledger: outcomes per row, and what stays visible of what did not go in."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Location, Sku
from inventory.errors import InputRejected, StateConflict
from inventory.ledger import Fact
from inventory.store import catalog, database, feeds, ledger, quarantine, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)


def at(clock):
    return f"2026-07-01T{clock}:00Z"


@pytest.fixture
def stock(db):
    """Two places, three SKUs, and nothing drifts at the end."""
    catalog.put_many(db, [Location(name, name, "store") for name in ("S1", "S2")])
    catalog.put_many(db, [Sku(name, name) for name in ("A", "B", "C")])
    yield db
    assert verify.verify(db).drifts == []


def row(message_id, quantity, clock="06:00", *, sku="A", location="S1", **more):
    return {"id": message_id, "sku": sku, "location": location, "quantity": quantity,
            "effective_at": at(clock), **more}  # fmt: skip


def sync(db, *rows, mode="delta", now=NOW, **declared):
    return feeds.sync(db, mode=mode, rows=rows, now=now, source="pos", **declared)


def outcomes(result):
    return [each.outcome for each in result.results]


def units(db, sku="A", location="S1", status="available"):
    found = db.execute(
        "select units from balances where sku = %s and location = %s and status = %s",
        [sku, location, status],
    ).fetchone()
    return found and found[0]


def hard_order(db, order, quantity, *, confirmed_at, sku="A", location="S1"):
    """An order in the books, by the statements that define the tables."""
    db.execute(
        "insert into reservations (reservation_id, kind, state, channel, method, created_at, "
        "confirmed_at) values (%s, 'hard', 'confirmed', 'web', 'ship', %s, %s)",
        [order, confirmed_at, confirmed_at],
    )
    db.execute(
        "insert into reservation_lines (reservation_id, line_no, request_line, sku, method, "
        "location, promised_date, quantity, open_units, class) "
        "values (%s, 1, 1, %s, 'ship', %s, '2026-07-01', %s, %s, 'hard')",
        [order, sku, location, quantity, quantity],
    )


def ship(db, order, quantity, shipped_at, *, sku="A", location="S1"):
    with db.transaction():
        db.execute(
            "update reservation_lines set open_units = open_units - %s, "
            "shipped_units = shipped_units + %s where reservation_id = %s",
            [quantity, quantity, order],
        )
        fact = Fact(sku, location, "available", "shipment", -quantity,
                    datetime.fromisoformat(shipped_at), "orders", reservation_id=order)  # fmt: skip
        return ledger.record(db, [fact], now=NOW)[0].outcome


def test_worked_example_of_the_feeds(stock):
    """Count 90 true at 06:00; shipment 05:50 arrives late; a sale; repeats; an older count."""
    hard_order(stock, "o1", 3, confirmed_at=at("05:00"))
    count, sale, old = row("c1", 90), row("p1", -1, "06:05"), row("c0", 100, "05:00")
    assert outcomes(sync(stock, count, mode="snapshot")) == ["applied"]
    assert ship(stock, "o1", 3, at("05:50")) == "already_counted"
    assert units(stock) == 90
    assert outcomes(sync(stock, sale)) == ["applied"]
    assert units(stock) == 89
    assert outcomes(sync(stock, sale, sale)) == ["duplicate", "duplicate"]
    assert outcomes(sync(stock, count, mode="snapshot")) == ["duplicate"]
    assert outcomes(sync(stock, old, mode="snapshot")) == ["superseded"]
    assert units(stock) == 89
    recorded = [(e["kind"], e["outcome"], e["units"]) for e in ledger.entries(stock, sku="A")]
    assert recorded[0] == ("snapshot", "superseded", 0)
    assert len(recorded) == 4


def test_good_rows_go_in_and_bad_ones_are_listed(stock):
    result = sync(
        stock,
        row("m1", 5),
        row("m2", 2.5),
        row("m3", 1, sku="Z"),
        row("m4", 1, location="S9"),
        {"id": "m5", "sku": "A", "location": "S1", "quantity": 1, "effective_at": "yesterday"},
        "not a row",
        row("m6", 7, sku="B"),
    )
    assert outcomes(result) == ["applied", *["quarantined"] * 5, "applied"]
    assert result.counts == {
        "applied": 2, "already_counted": 0, "superseded": 0, "duplicate": 0, "quarantined": 5,
    }  # fmt: skip
    fields = [each.problem and each.problem.field for each in result.results]
    assert fields == [None, "quantity", "sku", "location", "effective_at", None, None]
    assert "PUT /api/v2/skus/Z" in result.results[2].problem.problem
    assert (units(stock), units(stock, "B")) == (5, 7)
    waiting = quarantine.waiting(stock)
    assert [each["message_id"] for each in waiting] == ["m2", "m3", "m4", "m5", None]
    assert waiting[0]["body"]["quantity"] == 2.5


def test_a_file_sent_again_is_not_listed_twice(stock):
    for _ in range(2):
        sync(stock, row("m1", 1, sku="Z"), row("m1", 1, sku="Z"))
    assert len(quarantine.waiting(stock)) == 1


def test_a_mended_row_goes_in_under_its_id_and_leaves_the_list(stock):
    sync(stock, row("m1", 1.5), row("m2", 1, sku="Z"))
    catalog.put(stock, Sku("Z", "Z"))
    assert outcomes(sync(stock, row("m1", 1), row("m2", 1, sku="Z"))) == ["applied", "applied"]
    assert quarantine.waiting(stock) == []


def test_anything_can_be_quarantined(stock):
    nasty = {"id": "n\x00", "sku": "\ud800", "quantity": float("inf"), "x": [10**5000, {"y": None}]}
    assert (
        outcomes(sync(stock, nasty, {"id": "n" * 9999, "z": "w" * 9999}, None))
        == ["quarantined"] * 3
    )
    assert len(quarantine.waiting(stock)) == 3
    first = quarantine.waiting(stock)[0]["quarantine_id"]
    told = {"reason": "nonsense", "actor": "ann", "now": NOW}
    assert quarantine.dismiss(stock, first, **told)["resolved_by"] == "ann"
    with pytest.raises(StateConflict):
        quarantine.dismiss(stock, first, **told)
    assert len(quarantine.waiting(stock, after_quarantine_id=0, limit=1)) == 1


def test_one_id_two_bodies(stock):
    result = sync(stock, row("m1", 5), row("m1", 5), row("m1", 6))
    assert outcomes(result) == ["applied", "duplicate", "quarantined"]
    assert result.results[2].problem.field == "id"
    assert "used before for a different row" in result.results[2].problem.problem
    assert outcomes(sync(stock, row("m1", 6), row("m1", 5))) == ["quarantined", "duplicate"]
    assert units(stock) == 5


def test_ids_of_other_feeds_are_other_ids(stock):
    sync(stock, row("1", 5), feed="till-1")
    assert outcomes(sync(stock, row("1", 6), feed="till-2")) == ["applied"]


def test_all_or_nothing(stock):
    result = sync(stock, row("m1", 5), row("m2", -0.5), atomic=True)
    assert outcomes(result) == ["quarantined", "quarantined"]
    assert "row 2 of this all-or-nothing feed" in result.results[0].problem.problem
    assert not units(stock)
    assert ledger.entries(stock) == []
    assert len(quarantine.waiting(stock)) == 2
    assert outcomes(sync(stock, row("m1", 5), row("m2", -1), atomic=True)) == ["applied"] * 2
    assert units(stock) == 4
    assert quarantine.waiting(stock) == []


def test_an_all_or_nothing_feed_refuses_a_used_id(stock):
    sync(stock, row("m1", 5))
    assert outcomes(sync(stock, row("m2", 1), row("m1", 7), atomic=True)) == ["quarantined"] * 2
    assert outcomes(sync(stock, row("m2", 1), row("m1", 5), atomic=True)) == [
        "applied", "duplicate",
    ]  # fmt: skip


def test_a_clock_ahead_of_ours_is_clamped_and_flagged(stock):
    result = sync(stock, row("m1", 5, "10:00"))
    assert outcomes(result) == ["applied"]
    assert result.results[0].problem.field == "effective_at"
    (entry,) = ledger.entries(stock)
    assert (entry["clamped"], entry["effective_at"]) == (True, NOW)


def test_statuses_are_apart(stock):
    sync(stock, row("m1", 5), row("m2", 2, status="defective"), mode="snapshot")
    assert (units(stock), units(stock, status="defective")) == (5, 2)


def test_several_counts_of_one_account_in_one_message(stock):
    sync(stock, row("d1", -1, "06:30"))
    result = sync(
        stock,
        row("c1", 10, "06:00"),
        row("c2", 20, "07:00"),
        row("c3", 30, "06:15"),
        mode="snapshot",
    )
    assert outcomes(result) == ["applied", "applied", "superseded"]
    assert units(stock) == 20


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        ({"mode": "counts"}, "mode"),
        ({"basis": "gross"}, "basis"),
        ({"scope": "half"}, "scope"),
        ({"mode": "delta", "scope": "full"}, "scope"),
        ({"mode": "delta", "basis": "net"}, "basis"),
    ],
)
def test_a_message_that_makes_no_sense(stock, declared, field):
    with pytest.raises(InputRejected) as error:
        sync(stock, row("m1", 1), **declared)
    assert error.value.field == field


def test_more_rows_than_one_message_may_have(stock):
    with pytest.raises(InputRejected, match="10001 rows"):
        sync(stock, *[row("m", 1)] * 10_001)


def test_no_rows_are_no_work(stock):
    assert sum(sync(stock).counts.values()) == 0


class TestNet:
    """The source has already taken off the orders that it knows to be open."""

    @pytest.mark.parametrize("ship_first", [True, False])
    def test_open_orders_are_added_back(self, stock, ship_first):
        """On the shelf at 06:00: 90, of which 7 are ordered and not shipped: the source says 83."""
        hard_order(stock, "open", 7, confirmed_at=at("05:00"))
        hard_order(stock, "gone", 3, confirmed_at=at("05:00"))
        hard_order(stock, "later", 5, confirmed_at=at("06:10"))
        if ship_first:
            ship(stock, "gone", 3, at("05:50"))
        sync(stock, row("c1", 83), mode="snapshot", basis="net")
        if not ship_first:
            assert units(stock) == 93  # As far as we can know: "gone" is still open here.
            assert ship(stock, "gone", 3, at("05:50")) == "applied"
        assert units(stock) == 90

    @pytest.mark.parametrize("ship_first", [True, False])
    def test_shipped_after_the_count(self, stock, ship_first):
        hard_order(stock, "o1", 7, confirmed_at=at("05:00"))
        if ship_first:
            ship(stock, "o1", 4, at("06:30"))
        sync(stock, row("c1", 83), mode="snapshot", basis="net")
        if not ship_first:
            ship(stock, "o1", 4, at("06:30"))
        assert units(stock) == 86

    @pytest.mark.parametrize(("expires", "counted"), [("06:00", 83), ("06:01", 90)])
    def test_an_order_that_had_expired_was_not_open(self, stock, expires, counted):
        """Whether or not anybody has written down that it ended."""
        hard_order(stock, "o1", 7, confirmed_at=at("05:00"))
        stock.execute(
            "update reservations set state = 'active', confirmed_at = null, expires_at = %s",
            [at(expires)],
        )
        stock.execute("update reservation_lines set expires_at = %s", [at(expires)])
        sync(stock, row("c1", 83), mode="snapshot", basis="net")
        assert units(stock) == counted

    def test_other_statuses_and_soft_holds_are_counted_as_they_are(self, stock):
        hard_order(stock, "o1", 7, confirmed_at=at("05:00"))
        stock.execute("update reservation_lines set class = 'soft'")
        stock.execute("update reservations set kind = 'soft', state = 'active'")
        sync(stock, row("c1", 83), row("c2", 4, status="frozen"), mode="snapshot", basis="net")
        assert (units(stock), units(stock, status="frozen")) == (83, 4)

    @pytest.mark.parametrize(("closed", "expected"), [("05:30", 83), ("06:30", 90)])
    def test_an_order_cancelled_before_or_after_the_count(self, stock, closed, expected):
        hard_order(stock, "o1", 7, confirmed_at=at("05:00"))
        stock.execute("update reservations set state = 'cancelled', closed_at = %s", [at(closed)])
        stock.execute("update reservation_lines set open_units = 0")
        sync(stock, row("c1", 83), mode="snapshot", basis="net")
        assert units(stock) == expected


class TestFull:
    """A FULL file says zero by leaving a SKU out, unless it was cut off."""

    @staticmethod
    def full(db, clock, *rows, **more):
        named = [row(f"{clock}-{sku}", n, clock, sku=sku, location=place) for sku, place, n in rows]
        return sync(db, *named, mode="snapshot", scope="full", **more)

    def test_absent_rows_become_zero_at_their_location_only(self, stock):
        sync(stock, row("1", 5), row("2", 6, sku="B"), row("3", 7, sku="B", location="S2"))
        result = self.full(stock, "07:00", ("A", "S1", 9))
        assert result.zeroed == 1
        assert (units(stock), units(stock, "B"), units(stock, "B", "S2")) == (9, 0, 7)

    def test_what_happened_after_the_file_stays(self, stock):
        sync(stock, row("1", 5, sku="B"), row("2", 2, "07:30", sku="B"))
        self.full(stock, "07:00", ("A", "S1", 9))
        assert units(stock, "B") == 2

    def test_a_truncated_file_zeroes_nothing_and_says_so(self, stock):
        self.full(stock, "06:00", ("A", "S1", 5), ("B", "S1", 6), ("C", "S1", 7))
        result = self.full(stock, "07:00", ("A", "S1", 4))
        assert outcomes(result) == ["applied"]
        assert result.zeroed == 0
        assert "1 rows and the last one had 3" in result.problems[0].problem
        assert [units(stock, sku) for sku in "ABC"] == [4, 6, 7]
        again = self.full(stock, "07:10", ("A", "S1", 3), full_share_min=0.3)
        assert (again.zeroed, again.problems) == (2, [])
        assert [units(stock, sku) for sku in "ABC"] == [3, 0, 0]

    @pytest.mark.parametrize("rows", [(), [row("x", -1, "07:00")]])
    def test_a_file_without_a_good_row_says_so(self, stock, rows):
        sync(stock, row("1", 5))
        result = sync(stock, *rows, mode="snapshot", scope="full", location="S1")
        assert (result.zeroed, units(stock)) == (0, 5)
        assert "'S1' has no row that could be read" in result.problems[0].problem

    def test_a_broken_row_is_not_an_absent_one(self, stock):
        sync(stock, row("1", 5), row("2", 6, sku="B"))
        bad = row("x", -1, "07:00", sku="B")
        sync(stock, row("y", 4, "07:00"), bad, mode="snapshot", scope="full")
        assert (units(stock), units(stock, "B")) == (4, 6)

    @pytest.mark.parametrize("full_first", [True, False])
    def test_an_account_that_appears_after_the_file_was_zero_at_its_moment(self, stock, full_first):
        late = row("late", 5, "06:30", sku="C")
        if full_first:
            self.full(stock, "07:00", ("A", "S1", 9))
            assert outcomes(sync(stock, late)) == ["already_counted"]
        else:
            sync(stock, late)
            self.full(stock, "07:00", ("A", "S1", 9))
        assert units(stock, "C") == 0

    def test_a_repeat_changes_nothing(self, stock):
        sync(stock, row("1", 6, sku="B"))
        self.full(stock, "07:00", ("A", "S1", 9))
        before = len(ledger.entries(stock))
        again = self.full(stock, "07:00", ("A", "S1", 9))
        assert (outcomes(again), again.zeroed) == (["duplicate"], 0)
        assert len(ledger.entries(stock)) == before

    def test_an_older_full_file_loses(self, stock):
        self.full(stock, "07:00", ("A", "S1", 9), ("B", "S1", 3))
        result = self.full(stock, "06:00", ("A", "S1", 1))
        assert outcomes(result) == ["superseded"]
        assert (units(stock), units(stock, "B")) == (9, 3)


def test_a_count_below_what_is_promised_keeps_the_promise_and_reports_a_shortage(stock):
    sync(stock, row("c1", 10), mode="snapshot")
    hard_order(stock, "o1", 8, confirmed_at=at("06:30"))
    sync(stock, row("c2", 5, "07:00"), mode="snapshot")
    events = stock.execute("select kind, sku, location from outbox").fetchall()
    assert ("shortage", "A", "S1") in events
    assert stock.execute("select open_units from reservation_lines").fetchone() == (8,)


def test_eight_senders_one_message(database_url, stock):
    """The same rows from eight connections at once, in different orders: each is taken once."""
    rows = [row(f"m{i}", 1, sku="ABC"[i % 3], location=f"S{1 + i % 2}") for i in range(60)]
    found = []

    def send(shift):
        with database.connect(database_url) as db:
            found.append(sync(db, *rows[shift:], *rows[:shift]).counts)

    threads = [threading.Thread(target=send, args=[7 * i]) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts["applied"] for counts in found) == 60
    assert sum(counts["duplicate"] for counts in found) == 7 * 60
    assert stock.execute("select sum(units) from balances").fetchone() == (60,)


def test_a_feed_inside_a_callers_transaction(stock):
    with stock.transaction(force_rollback=True):
        sync(stock, row("m1", 5))
    assert units(stock) is None
    with stock.transaction():
        sync(stock, row("m1", 5))
    assert units(stock) == 5


def test_what_a_later_clock_reads(stock):
    """The result does not depend on when the message arrives."""
    sync(stock, row("m1", 5), now=NOW + timedelta(days=30))
    (entry,) = ledger.entries(stock)
    assert entry["effective_at"] == datetime(2026, 7, 1, 6, tzinfo=UTC)
