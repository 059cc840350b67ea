"""Figures over HTTP: defined, as JSON and as CSV, for staff only."""

import csv
import io

import pytest

from inventory.analytics import FIGURES


def test_every_figure_is_defined_with_units(shop, client_of):
    told = shop.ok(client_of("viewer").get("/analytics"))["analytics"]
    assert [figure["name"] for figure in told] == list(FIGURES)
    assert all(column["meaning"] for figure in told for column in figure["columns"])


@pytest.mark.parametrize("name", FIGURES)
def test_json_and_csv_say_the_same(shop, name):
    sku, location = shop.sku(unit_cost=4, price=9), shop.location()
    shop.stock(sku, location, 10)
    told = shop.ok(shop.client.get(f"/analytics/{name}"))
    assert {"title", "source", "view", "rows"} <= set(told)
    columns = [column["name"] for column in told["columns"]]
    for way in ({"params": {"format": "csv"}}, {"headers": {"Accept": "text/csv"}}):
        answer = shop.client.get(f"/analytics/{name}", **way)
        assert answer.headers["content-type"].startswith("text/csv")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        assert next(iter(csv.reader(io.StringIO(answer.text)))) == columns
        assert len(rows) == len(told["rows"])
        for said, row in zip(rows, told["rows"], strict=True):
            assert {k: v for k, v in said.items() if v} == {
                k: str(v) for k, v in row.items() if v not in (None, "")
            }


def test_one_location_may_be_asked_for(shop):
    sku, location = shop.sku(unit_cost=4, price=9), shop.location()
    shop.stock(sku, location, 10)
    told = shop.ok(shop.client.get("/analytics/ageing", params={"of": location}))
    assert [(row["location"], row["units"], row["value"]) for row in told["rows"]] == [
        (location, 10, 40.0)
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [("luck", 404), ("turnover?from=2030-01-01", 422), ("turnover?to=soon", 422),
     ("turnover?from=2020-01-02&to=2020-01-01", 422), ("turnover?format=xml", 422)],
    ids=["unknown", "future", "no day", "backwards", "format"],
)  # fmt: skip
def test_what_cannot_be_answered_is_a_problem(shop, path, status):
    answer = shop.client.get(f"/analytics/{path}")
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/problem+json")


def test_prices_of_what_is_not_planned_are_not_found(shop):
    answer = shop.client.get("/recommendations/prices", params={"sku": shop.sku()})
    assert answer.status_code == 404
    assert shop.client.get("/recommendations/prices").status_code == 422
