"""Channel supply from the command line: files go in, and the answer tells what they did."""

import os
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from serving.cli import cli

LAUNCH = (datetime.now(UTC) + timedelta(days=9)).date().isoformat()
FILES = {
    "locations": "location,type\nS1,store\n",
    "skus": "sku\nA\n",
    "channels": "channel\nweb\napp\n",
    "stock": "sku,location,quantity\nA,S1,100\n",
    "supply-links": "link,channel,location,ratio\nk,web,S1,0.4\n",
    "pre-sales": f"pre_sale,sku,location,available_on,cap\nlaunch,A,S1,{LAUNCH},25\n",
}


@pytest.fixture
def vouch(database_url, tmp_path, monkeypatch):
    monkeypatch.setenv("VOUCH_DATABASE_URL", database_url)
    monkeypatch.setenv("VOUCH_DATA_DIR", os.fspath(tmp_path))
    runner = CliRunner()

    def run(*arguments):
        done = runner.invoke(cli, list(arguments))
        assert done.exit_code == 0, done.output
        return done.stdout.splitlines()

    for kind, text in FILES.items():
        file = tmp_path / f"{kind}.csv"
        file.write_text(text)
        run("import", kind, os.fspath(file))
    return run


def test_a_share_and_a_pre_sale_are_told(vouch):
    assert vouch("availability", "A", "--location", "S1", "--channel", "web") == [
        "40 units of A may be promised at S1 to web",
        f"25 more may be sold ahead for {LAUNCH} at S1 (pre-sale launch)",
    ]
    other = vouch("availability", "A", "--location", "S1", "--channel", "wbe")
    assert other[0].startswith("100 ")
    assert other[-1] == "no channel 'wbe' is registered: it has the terms of any channel"
