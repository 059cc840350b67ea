"""Lost sales over HTTP and by command, on days whose loss is plain."""

import json
import shlex
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from inventory.errors import InputRejected
from inventory.store import database, history
from pipelines.lost_sales import Filter, of_database
from serving.cli import run

LAST = date(2026, 3, 1)
DAYS = 60


def sales(sku, location, *, empty_last):
    """Ten units every day; the last `empty_last` days without stock."""
    on_sale = [n < DAYS - empty_last for n in range(DAYS)]
    return pl.DataFrame(
        {
            "sku": sku, "location": location,
            "day": [LAST - timedelta(days=DAYS - 1 - n) for n in range(DAYS)],
            "units": [10.0 if s else 0.0 for s in on_sale],
            "in_stock": [1.0 if s else 0.0 for s in on_sale],
            "price": 2.5,
        }
    )  # fmt: skip


@pytest.fixture
def sold_out(shop, http_database_url):
    """One SKU that sells 10 a day at two places; at the first its shelf is empty for 4 days."""
    sku, first, second = shop.sku(category="C"), shop.location("A"), shop.location("B")
    rows = pl.concat([sales(sku, first, empty_last=4), sales(sku, second, empty_last=0)])
    with database.connect(http_database_url) as db:
        history.upsert_sales_days(db, rows, now=datetime.now(UTC))
    return shop, sku, first, second


def test_lost_sales_of_a_sku(sold_out):
    shop, sku, _, _ = sold_out
    answer = shop.ok(shop.client.get("/forecasts/lost-sales", params={"sku": sku}))
    assert (answer["from"], answer["to"], answer["by"]) == ("2026-02-02", "2026-03-01", "total")
    total = answer["total"]
    # 28 days at two places, four of them empty: 520 sold; four days of ten lost, at 2.50 each.
    assert (total["sold_units"], total["periods"]) == (520, 56)
    assert total["lost_units"] == pytest.approx(40, rel=0.05)
    assert total["lost_low_units"] < 40 < total["lost_high_units"]
    assert total["lost_value"] == pytest.approx(2.5 * total["lost_units"], abs=0.01)
    assert total["censored_share"] == pytest.approx(4 / 56, abs=1e-4)
    assert answer["rows"] == []


def test_lost_sales_by_series_and_between_days(sold_out):
    shop, sku, first, second = sold_out
    query = {"category": "C", "sku": sku, "from": "2026-02-25", "to": "2026-02-27", "by": "series"}
    answer = shop.ok(shop.client.get("/forecasts/lost-sales", params=query))
    lost = {row["location"]: row["lost_units"] for row in answer["rows"]}
    assert answer["rows_in_all"] == 2
    assert lost[second] == 0
    assert lost[first] == pytest.approx(20, rel=0.05)  # The 26th and 27th.
    alone = shop.ok(
        shop.client.get("/forecasts/lost-sales", params={"location": first, "by": "day"})
    )
    by_day = {row["date"]: row["lost_units"] for row in alone["rows"]}
    assert len(by_day) == 28
    assert by_day["2026-02-20"] == 0
    assert by_day["2026-03-01"] == pytest.approx(10, rel=0.05)


def test_everything_at_once_and_nothing_known_are_refused(shop):
    everything = shop.client.get("/forecasts/lost-sales")
    assert (everything.status_code, everything.json()["field"]) == (422, "sku")
    unknown = shop.client.get("/forecasts/lost-sales", params={"sku": shop.sku()})
    assert unknown.status_code == 422
    assert "no sales are on record" in unknown.json()["detail"]
    backwards = {"location": "L", "from": "2026-02-02", "to": "2026-02-01"}
    assert shop.client.get("/forecasts/lost-sales", params=backwards).status_code == 422


def test_a_day_that_never_was_is_refused(sold_out, http_database_url):
    shop, sku, _, _ = sold_out
    for name in ("from", "to"):
        answer = shop.client.get("/forecasts/lost-sales", params={"sku": sku, name: "0001-01-01"})
        assert (answer.status_code, answer.json()["field"]) == (422, name)
    with (
        database.connect(http_database_url) as db,
        pytest.raises(InputRejected, match="before 1970") as told,
    ):
        of_database(db, Filter(sku=sku, first=date.min))
    assert told.value.field == "from"


def test_a_viewer_may_look(sold_out, client_of):
    _, sku, _, _ = sold_out
    assert client_of("viewer").get("/forecasts/lost-sales", params={"sku": sku}).status_code == 200


def test_the_command_reads_a_file(tmp_path, capsys):
    rows = pl.concat([sales("a", "x", empty_last=4), sales("b", "x", empty_last=0)])
    path = tmp_path / "history.parquet"
    rows.rename({"day": "date"}).write_parquet(path)
    assert run(shlex.split(f"lost-sales --history {path} --from 2026-02-02 --by sku --json")) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["sku"] for row in told["rows"]] == ["a", "b"]
    assert told["rows"][0]["lost_units"] == pytest.approx(40, rel=0.05)
    assert run(shlex.split(f"lost-sales --history {path} --sku a")) == 0
    assert "560 units sold, 40 lost" in capsys.readouterr().out
    assert run(shlex.split(f"lost-sales --history {path} --by category")) == 2
    assert "no column 'category'" in capsys.readouterr().err
