"""Quarantined rows sent again: as they were meant, once, and only when they are right."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.catalog import Location, Sku
from inventory.errors import InputRejected, NotFound, StateConflict
from inventory.store import catalog, feeds, ledger, quarantine, replays, verify

NOW = datetime(2026, 7, 1, 8, tzinfo=UTC)
LATER = NOW + timedelta(hours=2)


@pytest.fixture
def stock(db):
    catalog.put(db, Location("S1", "S1", "store"))
    catalog.put(db, Sku("A", "A"))
    yield db
    assert verify.verify(db).drifts == []


def row(message_id, quantity, clock="06:00", *, sku="A", **more):
    return {"id": message_id, "sku": sku, "location": "S1", "quantity": quantity,
            "effective_at": f"2026-07-01T{clock}:00Z", **more}  # fmt: skip


def sync(db, *rows, mode="delta", **declared):
    return feeds.sync(db, mode=mode, rows=rows, now=NOW, source="pos", actor="till", **declared)


def replay(db, **more):
    return replays.replay(db, now=LATER, actor="ann", **more)


def outcomes(report):
    return [each.result.outcome for each in report.results]


def units(db, sku):
    found = db.execute("select units from balances where sku = %s", [sku]).fetchone()
    return found and found[0]


def test_a_row_goes_in_as_it_was_meant_once_its_sku_is_known(stock):
    sync(stock, row("m1", -2, sku="Z", reason="sale"), feed="till-1")
    sync(stock, row("c1", 9, "05:00", sku="Z"), mode="snapshot", feed="wms")
    assert outcomes(replay(stock)) == ["quarantined", "quarantined"]
    catalog.put(stock, Sku("Z", "Z"))
    report = replay(stock)
    assert (outcomes(report), report.waiting) == (["applied", "applied"], 0)
    assert units(stock, "Z") == 7
    told = {e["message_id"]: e for e in ledger.entries(stock, sku="Z")}
    assert (told["m1"]["kind"], told["m1"]["reason"]) == ("delta", "sale")
    assert told["m1"]["effective_at"] == datetime(2026, 7, 1, 6, tzinfo=UTC)
    assert (told["m1"]["source"], told["m1"]["actor"]) == ("pos", "ann")
    assert told["c1"]["kind"] == "snapshot"
    assert outcomes(replay(stock)) == []
    done = quarantine.get(stock, 1)
    assert (done["resolution"], done["resolved_by"], done["resolved_at"]) == (
        "went_in",
        "ann",
        LATER,
    )
    assert feeds.sync(
        stock, mode="delta", rows=[row("m1", -2, sku="Z", reason="sale")], now=LATER,
        source="pos", feed="till-1",
    ).results[0].outcome == "duplicate"  # fmt: skip


def test_what_is_true_before_a_later_count_is_counted_already(stock):
    sync(stock, row("m1", -2, sku="Z"))
    catalog.put(stock, Sku("Z", "Z"))
    sync(stock, row("c1", 9, "07:00", sku="Z"), mode="snapshot", feed="wms")
    assert outcomes(replay(stock)) == ["already_counted"]
    assert units(stock, "Z") == 9


def test_a_row_that_is_still_wrong_stays_with_its_newest_problem(stock):
    sync(stock, row("m1", 1, sku="Z", location="S9"))
    assert "'Z'" in quarantine.waiting(stock)[0]["problem"]
    catalog.put(stock, Sku("Z", "Z"))
    report = replay(stock)
    assert (outcomes(report), report.waiting) == (["quarantined"], 1)
    (waiting,) = quarantine.waiting(stock)
    assert "'S9'" in waiting["problem"]
    assert waiting["replays"] == 1
    assert waiting["quarantine_id"] == report.results[0].quarantine_id


def test_a_net_count_is_replayed_as_a_net_count(stock):
    sync(stock, row("c1", 5, sku="Z"), mode="snapshot", basis="net")
    catalog.put(stock, Sku("Z", "Z"))
    replay(stock)
    found = stock.execute("select snapshot_basis, units from balances where sku = 'Z'").fetchone()
    assert found == ("net", 5)


def test_the_location_of_the_message_is_remembered(stock):
    bare = row("m1", 3, sku="Z")
    del bare["location"]
    sync(stock, bare, location="S1")
    catalog.put(stock, Sku("Z", "Z"))
    assert outcomes(replay(stock)) == ["applied"]


def test_rows_of_an_all_or_nothing_message_go_together(stock):
    sync(stock, row("m1", 5), row("m2", 1, sku="Z"), atomic=True)
    sync(stock, row("m3", 1, sku="Y"))
    first, _, third = (each["quarantine_id"] for each in quarantine.waiting(stock))
    assert outcomes(replay(stock, quarantine_ids=[first])) == ["quarantined", "quarantined"]
    assert not units(stock, "A")
    catalog.put(stock, Sku("Z", "Z"))
    assert outcomes(replay(stock, quarantine_ids=[first])) == ["applied", "applied"]
    assert (units(stock, "A"), units(stock, "Z")) == (5, 1)
    assert [each["quarantine_id"] for each in quarantine.waiting(stock)] == [third]


def test_only_one_feed(stock):
    sync(stock, row("m1", 1, sku="Z"), feed="a")
    sync(stock, row("m1", 2, sku="Z"), feed="b")
    catalog.put(stock, Sku("Z", "Z"))
    assert outcomes(replay(stock, feed="b")) == ["applied"]
    assert units(stock, "Z") == 2
    assert [each["feed"] for each in quarantine.waiting(stock)] == ["a"]


def test_a_row_of_which_a_part_was_kept_is_not_sent_again(stock):
    sync(stock, row("m1\x00", 1), row("m2", 1, sku="Z", note="x" * 5000))
    catalog.put(stock, Sku("Z", "Z"))
    report = replay(stock)
    assert outcomes(report) == ["quarantined", "quarantined"]
    assert "only part of this row" in report.results[0].result.problem.problem
    assert [each["can_be_replayed"] for each in quarantine.waiting(stock)] == [False, False]


def test_a_row_that_went_in_by_another_road_leaves_the_list(stock):
    """It was written down late, by a server that had not seen the mended catalogue."""
    sync(stock, row("m1", 1, sku="Z"))
    catalog.put(stock, Sku("Z", "Z"))
    sync(stock, row("m1", 1, sku="Z"))
    stock.execute("update quarantine set resolved_at = null, resolution = null")
    assert outcomes(replay(stock)) == ["duplicate"]
    assert quarantine.waiting(stock) == []
    assert units(stock, "Z") == 1


def test_who_dismissed_a_row_and_why(stock):
    sync(stock, row("m1", 1.5))
    (waiting,) = quarantine.waiting(stock)
    number = waiting["quarantine_id"]
    with pytest.raises(InputRejected):
        quarantine.dismiss(stock, number, reason=" ", actor="ann", now=NOW)
    quarantine.dismiss(stock, number, reason="counted by hand", actor="ann", now=NOW)
    done = quarantine.get(stock, number)
    assert (done["resolution"], done["resolved_by"]) == ("dismissed", "ann")
    assert done["resolved_why"] == "counted by hand"
    assert quarantine.waiting(stock) == []
    for row_id, error in ((number, StateConflict), (99, NotFound)):
        with pytest.raises(error):
            quarantine.dismiss(stock, row_id, reason="x", actor="ann", now=NOW)
    with pytest.raises(NotFound):
        replay(stock, quarantine_ids=[number])
