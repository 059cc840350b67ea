"""Files kind by kind: what each row becomes, and what a second file does to the first."""

from datetime import date

import pytest

from inventory.errors import InputRejected
from inventory.store import inbound
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


def test_catalogue_files_upsert(db, bring, catalogue):
    bring("skus", "sku,name,vendor\nA,Anchor,v1\nC,,v1\n", "more")
    assert rows(db, "select sku, name, unit_cost, price from skus order by sku") == [
        ("A", "Anchor", 2.0, 3.0),
        ("B", "B", 4.0, 6.0),
        ("C", "C", 0.0, 0.0),
    ]
    assert rows(db, "select location, methods from locations order by 1") == [
        ("s1", ["bopis", "sfs"]),
        ("w1", ["ship"]),
    ]


def test_names_survive_a_file_without_names(db, bring, catalogue):
    bring("skus", "sku,name\nA,Anchor\n", "names")
    bring("skus", "sku,price\nA,7\nD,8\n", "prices")
    assert rows(db, "select sku, name, price from skus where sku in ('A', 'D') order by sku") == [
        ("A", "Anchor", 7.0),
        ("D", "D", 8.0),
    ]


def test_groups_and_bundles_replace_their_members(db, bring, catalogue):
    bring("groups", "group,location,name\nhome,s1,To your home\nhome,w1,\n", "groups")
    bring("groups", "group,location\nhome,w1\n", "fewer")
    assert rows(db, "select * from group_members where group_id = 'home'") == [("home", "w1")]
    assert rows(db, "select name from groups where group_id = 'home'") == [("To your home",)]
    report = bring("groups", "group,location\n*,w1\ntier:store,w1\n", "built-in")
    assert problems(report) == [(n, "group", "this group is built in") for n in (1, 2)]
    bring("bundles", "sku,component,units\nA,B,2\n", "bundles")
    report = bring("bundles", "sku,component,units\nA,A,2\n", "self")
    assert problems(report) == [(1, "component", "a bundle cannot hold itself")]
    bring("skus", "sku\nC\nE\n", "more")
    report = bring("bundles", "sku,component,units\nC,A,1\nB,E,1\nE,C,1\n", "nested")
    inner = "this component is a bundle itself"
    outer = "this SKU is a component of another bundle"
    assert sorted(problems(report)) == [
        (1, "component", inner), (2, "component", inner), (2, "sku", outer),
        (3, "component", inner),
    ]  # fmt: skip
    assert rows(db, "select sku, component, units from bundles") == [("A", "B", 2)]


def test_buffer_rules_need_one_measure_and_sound_json(db, bring, catalogue):
    report = bring(
        "buffer-rules",
        "rule,sku,method,quantity,forecast\n"
        "r1,A,bopis,2,\n"
        'r2,,sfs,,"{""level"": 0.9}"\n'
        'r3,,sfs,1,"{""level"": 0.9}"\n'
        "r4,,sfs,,level 0.9\n"
        'r5,,sfs,,"{""level"": 0.9, ""floor"": ""some""}"\n'
        'r6,,sfs,,"{""exposure_days"": 1}"\n'
        'r7,,sfs,,"{""level"": 0.9, ""floor"": 1.5}"\n',
    )
    unfit = "forecast is not a measure that a job can follow"
    assert problems(report) == [
        (3, "rule", "a rule needs exactly one measure"),
        (4, "forecast", unfit),
        (5, "forecast", unfit),
        (6, "forecast", unfit),
        (7, "forecast", unfit),
    ]
    assert rows(db, "select rule_id, quantity, forecast from buffer_rules order by 1") == [
        ("r1", 2, None),
        ("r2", None, {"level": 0.9}),
    ]


def test_promotions_are_dated_and_named_after_what_they_are(db, bring, catalogue):
    content = (
        "sku,location,starts_on,ends_on,discount\n"
        "A,,2026-06-15,2026-06-21,0.3\n"
        "A,s1,2026-06-25,2026-06-21,0.3\n"
        "B,s1,2026-06-15,2026-06-21,30\n"
    )
    for _ in range(2):
        report = bring("promotions", content)
        assert problems(report) == [
            (2, "ends_on", "ends before it starts"),
            (3, "discount", "discount is above 1"),
        ]
    assert rows(db, "select sku, location, starts_on, ends_on from promotions") == [
        ("A", None, date(2026, 6, 15), date(2026, 6, 21))
    ]


def test_location_days_hold_weather_of_any_day(db, bring, catalogue):
    bring("location-days", "location,date,rain\ns1,2026-06-01,2\ns1,2026-06-12,0.5\n")
    assert rows(db, "select day, covariates from location_days order by day") == [
        (date(2026, 6, 1), {"rain": 2.0}),
        (date(2026, 6, 12), {"rain": 0.5}),
    ]


def test_a_stock_count_and_its_changes_count_once(db, bring, catalogue):
    count = "sku,location,quantity,effective_at\nA,s1,90,2026-06-09T06:00:00Z\n"
    delta = "id,sku,location,delta,effective_at,reason\nt1,A,s1,-1,2026-06-09T06:05:00Z,sale\n"
    assert bring("stock", count, "count").outcomes == {"applied": 1}
    assert bring("stock", delta, "tills").outcomes == {"applied": 1}
    assert bring("stock", delta, "tills").outcomes == {"duplicate": 1}
    assert bring("stock", count, "count").outcomes == {"duplicate": 1}
    assert rows(db, "select units from balances where status = 'available'") == [(89,)]


def test_a_count_without_a_moment_is_true_now_and_a_change_must_have_one(db, bring, catalogue):
    for _ in range(2):
        assert bring("stock", "sku,location,quantity\nA,s1,7\n").rejected == 0
    assert rows(db, "select units, snapshot_at from balances") == [(7, NOW)]
    with pytest.raises(InputRejected) as refused:
        bring("stock", "sku,location,delta\nA,s1,7\n")
    assert refused.value.field == "effective_at"


def test_an_id_that_meant_something_else_before_is_rejected(bring, catalogue):
    row = "id,sku,location,delta,effective_at\nt1,A,s1,{},2026-06-09T06:05:00Z\n"
    bring("stock", row.format(-1), "one")
    report = bring("stock", row.format(-2), "two")
    assert (report.accepted, report.problems["field"].to_list()) == (0, ["id"])


def test_stock_files_count_or_tell_changes(bring, catalogue):
    with pytest.raises(InputRejected, match="either a column 'quantity'"):
        bring("stock", "sku,location,quantity,delta\nA,s1,1,1\n")
    report = bring("stock", "sku,location,quantity,status\nA,s1,-4,available\nA,s1,1,lost\n")
    assert problems(report) == [
        (1, "quantity", "quantity is negative"),
        (2, "status", "no such status"),
    ]


def test_inbound_supply_is_dated(db, bring, catalogue):
    bring("inbound", "id,sku,location,quantity,expected_at\npo1,A,w1,40,2026-06-14T08:00:00Z\n")
    assert rows(db, "select inbound_id, quantity, state from inbound") == [("po1", 40, "confirmed")]


def test_inbound_that_arrived_in_part_does_not_come_back(db, bring, catalogue):
    content = "id,sku,location,quantity,expected_at\npo1,A,w1,{},2026-06-14T08:00:00Z\n"
    bring("inbound", content.format(40))
    inbound.receive(db, "po1", message_id="truck", quantity=30, now=NOW)
    bring("inbound", content.format(40))
    assert rows(db, "select quantity, received_units from inbound") == [(10, 30)]
    report = bring("inbound", content.format(20), "less")
    assert (report.accepted, report.rejected) == (0, 1)
    assert "30 units were received already" in report.problems["problem"][0]
