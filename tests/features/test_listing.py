"""The page of features names every one of them, in words that the catalogue itself gives."""

import json
import re

from features.catalog import GROUPS
from features.listing import example_recipe, html, markdown, rows_of, summary
from serving.cli import run

ALL = example_recipe().features


def test_every_feature_is_on_the_page_in_its_group():
    page = markdown(ALL, title="Features")
    for group, text in zip(GROUPS, page.split("\n## ")[1:], strict=True):
        named = re.findall(r"^\| `(.+?)`", text, flags=re.MULTILINE)
        assert text.startswith(group)
        assert named == [f.name for f in ALL if f.group == group]
    shown = html(ALL, title="Features")
    assert all(f"<td>{f.name}</td>" in shown for f in ALL)


def test_the_catalogue_holds_all_five_groups_with_reasons_of_their_own():
    assert len(ALL) >= 150
    for row in rows_of(ALL):
        assert row["unit"]
        assert len(row["why"].split()) >= 4, row["name"]
    counts = {g: sum(f.group == g for f in ALL) for g in GROUPS}
    assert min(counts.values()) >= 10, counts
    assert summary(ALL).startswith(f"{len(ALL)} features")


def test_units_of_attributes_tell_numbers_from_codes():
    units = {f.name: f.unit for f in ALL}
    assert [units[name] for name in ("category", "brand")] == ["code", "code"]
    assert units["pack_size"] == "of column", "a number stays what the file says"


def test_the_command_lists_as_json_and_refuses_other_pages(capsys, tmp_path):
    assert run(["features", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in listed] == [row["name"] for row in rows_of(ALL)]
    assert run(["features", "--out", str(tmp_path / "page.pdf")]) == 2
    assert "must end in .md or .html" in capsys.readouterr().err
    assert run(["features", "--out", str(tmp_path / "page.html")]) == 0
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
