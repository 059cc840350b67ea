"""Rows of the catalogue that came wrong are on the planners' list until they come right."""

from datetime import UTC, datetime, timedelta

import pytest

from inventory.store.planning_exceptions import FOUND_SCHEMA, list_exceptions, replace_exceptions
from pipelines import rejected_rows
from pipelines.ingest import import_file

NOW = datetime(2026, 6, 10, 6, tzinfo=UTC)


@pytest.fixture
def bring(db, tmp_path):
    def bring(kind, text, name="file.csv", now=NOW):
        path = tmp_path / name
        path.write_text(text)
        return import_file(db, kind=kind, path=path, now=now, rejected_dir=tmp_path / "rejected")

    bring("vendors", "vendor,lead_time_days\nACME,4\n")
    bring("skus", "sku,vendor,unit_cost\nTEA,ACME,4\nCUP,ACME,2\n")
    return bring


def told(db, **more):
    return {(e["sku"], e["vendor"], e["subject"]): e for e in list_exceptions(db, **more)}


def cost_of(db, sku):
    return db.execute("select unit_cost from skus where sku = %s", [sku]).fetchone()[0]


def test_a_negative_cost_is_told_and_the_old_one_stays(db, bring):
    bring("skus", "sku,unit_cost,pack_size\nTEA,-3,0\nCUP,3,1\nNEW,-1,1\n", "prices.csv")
    assert (cost_of(db, "TEA"), cost_of(db, "CUP")) == (4, 3)
    found = told(db)
    assert set(found) == {("TEA", None, "skus prices.csv row 1"),
                          ("NEW", None, "skus prices.csv row 3")}  # fmt: skip
    tea, new = (found[sku, None, f"skus prices.csv row {n}"] for n, sku in ((1, "TEA"), (3, "NEW")))
    assert tea["kind"] == "rejected_row"
    assert tea["message"] == (
        "row 1 of prices.csv was left out: unit_cost is negative ('-3'); pack_size is below 1 "
        "('0'); TEA stays as it was"
    )
    assert tea["remedy"].startswith("write 0 or more; write 1 or more, and bring it again")
    assert (tea["blocks"], new["blocks"]) == (False, True)
    assert new["message"].endswith("NEW is not in the catalogue")


def test_a_good_row_settles_it_and_a_bad_one_renews_it(db, bring):
    bring("skus", "sku,unit_cost\nTEA,-3\nCUP,-2\n")
    bring("skus", "sku,unit_cost\nTEA,5\nCUP,-1\n", now=NOW + timedelta(hours=1))
    (cup,) = told(db).values()
    assert (cup["sku"], cup["first_seen_at"]) == ("CUP", NOW)
    assert "'-1'" in cup["message"]
    later = NOW + timedelta(hours=2)
    bring("skus", "sku,unit_cost\nCUP,-1\n", "other.csv", now=later)
    (moved,) = told(db).values()
    assert (moved["subject"], moved["first_seen_at"]) == ("skus other.csv row 1", later)
    # What is the same as before settles it too.
    bring("skus", "sku,unit_cost\nCUP,2\n", now=later)
    assert told(db) == {}


def test_vendors_and_price_tables_are_told_of_apart(db, bring):
    bring("vendors", "vendor,email\nACME,nobody\n")
    bring("price-tables", "sku,from_units,unit_cost\nTEA,0,4\nTEA,100,dear\n")
    assert set(told(db)) == {(None, "ACME", "vendors file.csv row 1"),
                             ("TEA", None, "price-tables file.csv row 2")}  # fmt: skip
    bring("skus", "sku,unit_cost\nTEA,4\n")
    bring("price-tables", "sku,from_units,unit_cost\nTEA,0,4\nTEA,100,3\n")
    assert set(told(db)) == {(None, "ACME", "vendors file.csv row 1")}
    bring("vendors", "vendor,email\nACME,orders@example.com\n")
    assert told(db) == {}


def test_planning_leaves_them_to_imports(db, bring):
    import polars as pl

    bring("skus", "sku,unit_cost\nTEA,-3\n")
    for skus in (None, ["TEA"]):
        replace_exceptions(db, pl.DataFrame(schema=FOUND_SCHEMA), now=NOW, skus=skus)
    assert len(told(db)) == 1


def test_a_row_without_a_name_is_settled_by_its_file(db, bring):
    bring("skus", "sku,unit_cost\n,3\n")
    assert set(told(db)) == {(None, None, "skus file.csv row 1")}
    bring("skus", "sku,unit_cost\nTEA,3\n", "other.csv")
    assert len(told(db)) == 1
    bring("skus", "sku,unit_cost\nTEA,3\n")
    assert told(db) == {}


def test_a_file_of_bad_rows_is_no_storm(db, bring, monkeypatch):
    monkeypatch.setattr(rejected_rows, "ROWS_MAX", 2)
    bring("skus", "sku,unit_cost\n" + "".join(f"N{n},-1\n" for n in range(5)))
    found = told(db)
    assert len(found) == 3
    assert found[None, None, "skus file.csv other rows"]["message"].startswith("3 more rows")
