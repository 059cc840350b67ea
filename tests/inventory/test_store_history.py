"""Sales in the database: merging of files, and days summed from the ledger."""

from datetime import UTC, date, datetime

import polars as pl
import pytest

from inventory.errors import UnknownLocation, UnknownSku
from inventory.store import database, feeds, history
from inventory.store.sales_rollup import roll_up_ledger_sales

NOW = datetime(2026, 6, 3, 6, tzinfo=UTC)
DAY = date(2026, 6, 2)


@pytest.fixture
def db(postgres_url):
    with database.connect(postgres_url) as connection, connection.transaction(force_rollback=True):
        connection.execute("insert into skus (sku, name) values ('A', 'A'), ('B', 'B')")
        connection.execute(
            "insert into locations (location, name, type, timezone) values "
            "('s1', 's1', 'store', 'UTC'), ('ny', 'ny', 'store', 'America/New_York')"
        )
        yield connection


def sales(**columns):
    one = {"sku": ["A"], "location": ["s1"], "day": [DAY]}
    return pl.DataFrame(one | {name: [value] for name, value in columns.items()})


def stored(db):
    return db.execute(
        "select sku, location, day, units, in_stock, price, known_at from sales_days "
        "order by sku, location, day"
    ).fetchall()


def test_reads_back_what_was_written_within_limits(db):
    two = pl.concat([sales(units=3.0), sales(units=4.0).with_columns(day=date(2026, 6, 1))])
    history.upsert_sales_days(db, two, now=NOW)
    assert history.read_sales_days(db)["units"].to_list() == [4.0, 3.0]
    assert history.read_sales_days(db, first=DAY)["units"].to_list() == [3.0]
    assert history.read_sales_days(db, last=date(2026, 5, 31)).schema == history.SALES_SCHEMA
    assert history.read_sales_days(db, skus=["B"]).is_empty()
    assert history.last_sales_day(db) == DAY
    assert history.last_sales_day(db, skus=["B"]) is None
    assert history.last_sales_day(db, locations=["elsewhere"]) is None


def test_text_with_commas_quotes_and_nothing_survives(db):
    odd = 'a "b", c'
    db.execute("insert into skus (sku, name) values (%s, '')", [odd])
    frame = sales(units=1.0, covariates='{"x": "1,\\"2"}').with_columns(sku=pl.lit(odd))
    history.upsert_sales_days(db, frame, now=NOW)
    read = history.read_sales_days(db).row(0, named=True)
    assert (read["sku"], read["price"], read["covariates"]) == (odd, None, '{"x": "1,\\"2"}')


def test_the_same_again_is_not_written_and_keeps_its_moment(db):
    assert history.upsert_sales_days(db, sales(units=3.0, price=2.5), now=NOW) == 1
    later = datetime(2026, 6, 4, 6, tzinfo=UTC)
    assert history.upsert_sales_days(db, sales(units=3.0, price=2.5), now=later) == 0
    assert history.upsert_sales_days(db, sales(units=4.0), now=later) == 1
    assert stored(db) == [("A", "s1", DAY, 4.0, 1.0, 2.5, later)]


def test_unknown_names_are_refused_as_a_set(db):
    with pytest.raises(UnknownSku):
        history.upsert_sales_days(db, sales(units=1.0).with_columns(sku=pl.lit("Z")), now=NOW)
    with pytest.raises(UnknownLocation):
        history.upsert_sales_days(db, sales(units=1.0).with_columns(location=pl.lit("Z")), now=NOW)


def feed(db, mode, *rows):
    named = [
        {"id": f"{mode}-{i}", "sku": s, "location": p, "quantity": q, "effective_at": at,
         "status": "available", "reason": why}
        for i, (s, p, q, at, why) in enumerate(rows)
    ]  # fmt: skip
    result = feeds.sync(db, mode=mode, rows=named, now=NOW, source="till")
    assert result.counts["quarantined"] == 0


def test_till_sales_become_the_demand_of_their_day(db):
    feed(db, "snapshot", ("A", "s1", 20, "2026-06-01T05:00:00Z", None),
         ("B", "s1", 5, "2026-06-01T05:00:00Z", None))  # fmt: skip
    feed(db, "delta", ("A", "s1", -3, "2026-06-02T09:00:00Z", "sale"),
         ("A", "s1", -2, "2026-06-02T17:00:00Z", "sale"),
         ("A", "s1", -4, "2026-06-02T18:00:00Z", "theft"))  # fmt: skip
    assert roll_up_ledger_sales(db, through=DAY, now=NOW) == 2
    # Theft is no demand; B lay there all day, its location traded, so it sold none.
    assert stored(db) == [
        ("A", "s1", DAY, 5.0, 1.0, None, NOW),
        ("B", "s1", DAY, 0.0, 1.0, None, NOW),
    ]
    assert roll_up_ledger_sales(db, through=DAY, now=NOW) == 0


def test_an_empty_shelf_shortens_the_day(db):
    feed(db, "snapshot", ("A", "s1", 3, "2026-06-01T05:00:00Z", None))
    # Open from 6 to 22 h. Sold out from 10 to 18 h: half of the 16 hours.
    feed(db, "delta", ("A", "s1", -3, "2026-06-02T10:00:00Z", "sale"),
         ("A", "s1", 6, "2026-06-02T18:00:00Z", "restock"),
         ("A", "s1", -1, "2026-06-02T19:00:00Z", "sale"))  # fmt: skip
    roll_up_ledger_sales(db, through=DAY, now=NOW)
    assert stored(db) == [("A", "s1", DAY, 4.0, 0.5, None, NOW)]


def test_a_sale_belongs_to_the_local_day(db):
    feed(db, "snapshot", ("A", "ny", 9, "2026-05-30T05:00:00Z", None))
    # 01:30 UTC on the third is still the evening of the second in New York.
    feed(db, "delta", ("A", "ny", -2, "2026-06-03T01:30:00Z", "sale"))
    roll_up_ledger_sales(db, through=DAY, now=NOW)
    assert [(row[2], row[3]) for row in stored(db)] == [(DAY, 2.0)]


def test_a_late_till_is_counted_the_next_time_but_a_file_has_the_last_word(db):
    feed(db, "snapshot", ("A", "s1", 20, "2026-06-01T05:00:00Z", None))
    feed(db, "delta", ("A", "s1", -3, "2026-06-02T09:00:00Z", "sale"))
    roll_up_ledger_sales(db, through=DAY, now=NOW)
    late = {"id": "late", "sku": "A", "location": "s1", "quantity": -2, "reason": "sale",
            "effective_at": "2026-06-02T11:00:00Z"}  # fmt: skip
    feeds.sync(db, mode="delta", rows=[late], now=NOW, source="till")
    roll_up_ledger_sales(db, through=DAY, now=NOW)
    assert [row[3] for row in stored(db)] == [5.0]
    history.upsert_sales_days(db, sales(units=7.0), now=NOW)
    roll_up_ledger_sales(db, through=DAY, now=NOW)
    assert [row[3] for row in stored(db)] == [7.0]
