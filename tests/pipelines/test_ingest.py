"""Files of rows: sound rows go in, each bad row is named, and nothing counts twice."""

import re
from datetime import date, timedelta

import polars as pl
import pytest

from inventory.errors import InputRejected
from pipelines.ingest import KINDS, import_file
from tests.pipelines.importing import NOW, importer, problems, put_catalogue, rows, undone


@pytest.fixture
def db(postgres_url):
    with undone(postgres_url) as connection:
        yield connection


@pytest.fixture
def bring(db, tmp_path):
    return importer(db, tmp_path)


@pytest.fixture
def catalogue(bring):
    put_catalogue(bring)


def test_good_rows_go_in_and_each_bad_row_is_named(db, bring, catalogue):
    report = bring(
        "sales",
        "sku,location,date,units,in_stock\n"
        "A,s1,2026-06-01,3,1\n"
        "A,s1,2026-06-02,-1,1\n"  # negative
        "A,s1,2026-06-03,2.5,1\n"  # a fraction
        "Z,s1,2026-06-03,2,1\n"  # nobody knows Z
        "A,s9,2026-06-03,2,1\n"  # nor s9
        "A,s1,03.06.2026,2,1\n"  # no date
        "A,s1,2026-06-04,many,1\n"  # no number
        "A,s1,2026-06-01,4,1\n"  # the day came before
        "A,s1,2026-06-05,4,1.5\n"  # a share above one
        "A,s1,2026-06-20,4,1\n"  # sold in the future
        "A,s1,2026-06-06,,1\n"  # empty, before the last day
        ",s1,2026-06-06,4,1\n"  # no SKU
        "B,w1,2026-06-06,4,1\n",
    )
    assert problems(report) == [
        (2, "units", "units is negative"),
        (3, "units", "units is a fraction"),
        (4, "sku", "SKU 'Z' is not in the catalogue"),
        (5, "location", "location 's9' is not in the catalogue"),
        (6, "date", "date is not a date"),
        (7, "units", "units is not a whole number"),
        (8, "sku", "a row for this sku, location, date came before, in row 1"),
        (9, "in_stock", "in_stock is above 1"),
        (10, "date", "sold after today, 2026-06-10"),
        (11, "units", "units is empty"),
        (12, "sku", "sku is empty"),
    ]
    assert all(report.problems.get_column("remedy").str.len_chars() > 8)
    assert (report.rows_read, report.accepted, report.rejected) == (13, 2, 11)
    assert rows(db, "select sku, location, day, units from sales_days order by sku") == [
        ("A", "s1", date(2026, 6, 1), 3.0),
        ("B", "w1", date(2026, 6, 6), 4.0),
    ]


def test_an_unknown_sku_late_in_a_long_file_is_named(db, bring, catalogue):
    """Polars filters such a file in pieces, of which the first is left empty."""
    days = pl.date_range(date(2025, 1, 1), date(2025, 2, 19), eager=True)
    skus = pl.DataFrame({"sku": [*(f"K{n}" for n in range(239)), "Z"]})
    frame = skus.join(pl.DataFrame({"date": days}), how="cross").with_columns(
        pl.lit("s1").alias("location"), pl.lit(1).alias("units")
    )
    assert len(frame) == 12_000
    bring("skus", skus.filter(pl.col("sku") != "Z").write_csv(), "known")
    report = bring("sales", frame.write_csv())
    assert (report.accepted, report.rejected) == (11_950, 50)
    assert set(report.problems["problem"]) == {"SKU 'Z' is not in the catalogue"}


def test_rejected_rows_are_written_beside_the_file_or_where_told(bring, catalogue, tmp_path):
    content = "sku,location,date,units\nA,s1,2026-06-01,-3\n"
    beside = bring("sales", content, "may").rejected_path
    assert beside == tmp_path / "may.rejected.csv"
    assert pl.read_csv(beside).row(0, named=True) == {
        "row": 1, "field": "units", "value": -3.0, "problem": "units is negative",
        "remedy": "write 0 or more",
    }  # fmt: skip
    told = bring("sales", content, "june", rejected_dir=tmp_path / "bad").rejected_path
    assert told == tmp_path / "bad" / "june.rejected.csv"


def test_a_clean_file_leaves_no_file_of_rejected_rows(bring, catalogue, tmp_path):
    report = bring("sales", "sku,location,date,units\nA,s1,2026-06-01,3\n")
    assert report.rejected_path is None
    assert not list(tmp_path.glob("*.rejected.csv"))


def test_one_percent_of_broken_rows_costs_only_those(db, bring, catalogue):
    days = [f"A,s1,{date(2025, 1, 1) + timedelta(days=i)},{i % 7}" for i in range(400)]
    for broken in (100, 200, 300, 399):
        days[broken] += ",5,6,7"
    report = bring("sales", "\n".join(["sku,location,date,units", *days]))
    assert report.rejected == 4
    assert problems(report)[0] == (101, "", "the row has 7 fields, the header 4")
    assert rows(db, "select count(*) from sales_days") == [(396,)]


def test_importing_twice_changes_nothing_and_keeps_when_we_learned_it(db, bring, catalogue):
    content = "sku,location,date,units,price\nA,s1,2026-06-01,3,9.5\nB,s1,2026-06-01,0,\n"
    bring("sales", content)
    before = rows(db, "select *, xmin::text from sales_days order by sku")
    report = bring("sales", content)
    assert report.accepted == 2
    assert rows(db, "select *, xmin::text from sales_days order by sku") == before


def test_a_correction_replaces_and_a_poorer_file_erases_nothing(db, bring, catalogue):
    bring("sales", "sku,location,date,units,price,queue\nA,s1,2026-06-01,3,9.5,4\n")
    bring("sales", "sku,location,date,units,rain\nA,s1,2026-06-01,5,1.5\n", "corrected")
    assert rows(db, "select units, price, covariates from sales_days") == [
        (5.0, 9.5, {"queue": 4.0, "rain": 1.5})
    ]


def test_covariates_keep_their_type_and_may_be_known_ahead(db, bring, catalogue):
    bring(
        "sales",
        "sku,location,date,units,event,visitors\n"
        'A,s1,2026-06-01,3,"fair, ""big""",120\n'
        "A,s1,2026-06-12,,,130\n",
    )
    assert rows(db, "select day, units, covariates from sales_days order by day") == [
        (date(2026, 6, 1), 3.0, {"event": 'fair, "big"', "visitors": 120.0}),
        (date(2026, 6, 12), None, {"visitors": 130.0}),
    ]


def test_create_missing_brings_what_a_daily_job_needs(db, bring):
    content = "sku,location,date,units,category\nnew,here,2026-06-01,3,tea\n"
    assert bring("sales", content).accepted == 0
    report = bring("sales", content, create_missing=True)
    assert report.accepted == 1
    assert report.created == {
        "vendors": 1, "channels": 2, "skus": 1, "locations": 1, "buffer rules": 3,
    }  # fmt: skip
    assert rows(db, "select category, vendor from skus") == [("tea", "default-vendor")]
    assert bring("sales", content, create_missing=True).created == {}


@pytest.mark.parametrize("kind", ["sales", "stock", "skus", "promotions", "bundles"])
def test_a_missing_column_is_named_with_what_it_should_hold(bring, kind):
    with pytest.raises(InputRejected) as refused:
        bring(kind, "colour,shape\nred,round\n")
    assert refused.value.field in {"sku", "units", "quantity"}
    assert "it has colour, shape" in str(refused.value)


def test_a_column_of_the_wrong_type_is_named(bring, catalogue):
    frame = pl.DataFrame({"sku": ["A"], "location": ["s1"], "date": [20260601], "units": [1]})
    with pytest.raises(InputRejected, match=r"'date': should hold a date like 2026-05-31, not Int"):
        bring("sales", frame)


def test_unreadable_files_say_what_to_do(db, tmp_path):
    def refused(path):
        with pytest.raises(InputRejected) as error:
            import_file(db, kind="sales", path=path, now=NOW)
        return str(error.value)

    assert "check the path" in refused(tmp_path / "absent.csv")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and then nothing sensible")
    assert "cannot be read as Parquet or CSV" in refused(broken)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("sku,location,date,units\nMüsli,s1,2026-06-01,1\n".encode("latin-1"))
    assert "UTF-8" in refused(latin)
    empty = tmp_path / "empty.csv"
    empty.write_bytes(b"")
    assert "is empty; write a header line" in refused(empty)
    assert "line 2 holds byte 0xfc" in refused(latin)
    twice = tmp_path / "twice.csv"
    twice.write_text("sku,sku,location,date,units\nA,A,s1,2026-06-01,1\n")
    assert "column 'sku' is in the header twice" in refused(twice)


def test_what_no_table_could_take_is_a_bad_row_like_any_other(db, bring, catalogue):
    report = bring("stock", "sku,location,quantity\nA,s1,1e30\nA\0,s1,1\nB,s1,2\n")
    assert problems(report)[:2] == [
        (1, "quantity", "quantity is above 1000000000"),
        (2, "sku", "sku holds a character that cannot be printed"),
    ]
    assert report.accepted == 1
    long, cut = "A" * 201 + ",s1,2026-06-01,1,", "A,s1,2026-06-01,1,x\0y"
    sales = f"sku,location,date,units,note\n{long}\n{cut}\n"
    report = bring("sales", sales, create_missing=True)
    assert problems(report) == [(1, "sku", "sku is longer than 200 characters")]
    assert max(len(line) for line in report.lines()) < 300
    assert rows(db, "select covariates ->> 'note' from sales_days") == [("xy",)]
    report = bring("locations", "location,type,timezone\ns9,store,Mars/X\n")
    assert problems(report) == [(1, "timezone", "no such time zone")]
    report = bring(
        "vendors", "vendor,email,currency\nv8,not an address,\nv9,,euro\nv7,a@b.nl,EUR\n"
    )
    assert problems(report) == [
        (1, "email", "not a mail address"), (2, "currency", "no code of a currency"),
    ]  # fmt: skip


def test_a_day_with_a_time_zone_is_the_day_there(db, bring, catalogue):
    midnight = pl.Series([date(2026, 6, 1)]).cast(pl.Datetime("us", "Europe/Berlin"))
    midnight = midnight.dt.replace_time_zone(None).dt.truncate("1d")
    midnight = midnight.dt.replace_time_zone("Europe/Berlin")
    bring("sales", pl.DataFrame({"sku": ["A"], "location": ["s1"], "date": midnight, "units": [1]}))
    assert rows(db, "select day from sales_days") == [(date(2026, 6, 1),)]


def test_two_rows_without_a_date_are_not_the_same_row(bring, catalogue):
    report = bring("sales", "sku,location,date,units\nA,s1,01.06.2026,1\nA,s1,02.06.2026,1\n")
    assert problems(report) == [
        (1, "date", "date is not a date"),
        (2, "date", "date is not a date"),
    ]


def test_weekly_rows_are_sent_to_predict(bring, catalogue):
    weekly = "".join(f"A,s1,{date(2026, 1, 5) + timedelta(weeks=i)},5\n" for i in range(9))
    with pytest.raises(InputRejected, match="vouch predict"):
        bring("sales", "sku,location,date,units\n" + weekly)


def test_unknown_kind_and_profile_list_the_choices(db, tmp_path):
    path = tmp_path / "any.csv"
    with pytest.raises(InputRejected, match="locations"):
        import_file(db, kind="shops", path=path, now=NOW)
    with pytest.raises(InputRejected, match="freshretail"):
        import_file(db, kind="sales", path=path, now=NOW, profile="other")


def test_a_date_gap_is_told_with_its_row_and_what_it_means(bring, catalogue):
    days = "A,s1,2026-06-01,3\nA,s1,2026-06-02,{}\nA,s1,2026-06-06,2\nB,s1,2026-06-01,1\n"
    noted = bring("sales", "sku,location,date,units\n" + days.format(0)).notes
    assert noted == [
        (
            "row 3, date: 3 days are missing before 2026-06-06 (A at s1), 3 in all; "
            "they count as not recorded; send them if they are known"
        )
    ]
    noted = bring("sales", "sku,location,date,units\n" + days.format(4)).notes
    assert "count as no sales" in noted[0]


def test_semicolons_and_a_byte_order_mark_are_understood(db, bring, catalogue):
    bring("sales", "\ufeffsku;location;date;units\nA;s1;2026-06-01;3\n")
    assert rows(db, "select sku, units from sales_days") == [("A", 3.0)]


def test_every_import_is_on_record(db, bring, catalogue):
    bring("sales", "sku,location,date,units\nA,s1,2026-06-01,3\nA,s1,2026-06-02,-3\n", "june")
    assert rows(
        db, "select name, rows_read, accepted, rejected from imports where kind='sales'"
    ) == [("june.csv", 2, 1, 1)]


def test_the_report_reads_well(bring, catalogue):
    report = bring("sales", "sku,location,date,units\nA,s1,2026-06-01,-3\nB,s1,2026-06-02,3\n")
    lines = report.lines()
    assert lines[0].startswith("1 of 2 rows in")
    assert "  row 1, units: units is negative ('-3'); write 0 or more" in lines
    assert report.as_dict()["rejected"] == 1


def test_every_kind_is_offered_once():
    assert len(set(KINDS)) == len(KINDS) == 19


def test_a_column_that_looks_misspelt_is_refused_and_any_other_is_left_alone(db, bring):
    with pytest.raises(InputRejected, match="if 'holding_cost' is meant, name it so"):
        bring("skus", "sku,holding_cots\nA,2\n")
    assert rows(db, "select count(*) from skus") == [(0,)]
    assert bring("skus", "sku,Shade,holding_cost,holding_costs\nA,red,2,3\n").accepted == 1


def test_any_further_column_of_sales_means_something(bring, catalogue):
    report = bring("sales", "sku,location,date,units,prices\nA,s1,2026-06-01,3,9\n")
    assert report.accepted == 1


def test_help_names_every_kind():
    from serving.cli.store import import_

    assert set(KINDS) == set(re.findall(r"[a-z-]+", import_.__doc__)) & set(KINDS)
