"""Files that commands write: by their name as Parquet or CSV, whole or not at all."""

import json

import polars as pl
import pytest

from inventory.errors import InputRejected
from pipelines.out_file import check_writable, write_whole

FRAME = pl.DataFrame({"sku": ["A", "B"], "units": [1.5, None], "terms": [[{"t": 1}], []]})


def test_the_name_says_the_kind_of_file(tmp_path):
    write_whole(FRAME, tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.parquet").equals(FRAME)
    write_whole(FRAME, tmp_path / "out.CSV")
    read = pl.read_csv(tmp_path / "out.CSV")
    assert read.select("sku", "units").equals(FRAME.select("sku", "units"))
    assert [json.loads(text) for text in read["terms"]] == FRAME["terms"].to_list()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.CSV", "out.parquet"]


@pytest.mark.parametrize("name", ["none/out.csv", "."])
def test_what_cannot_be_written_is_refused_before_work_is_done(tmp_path, name):
    with pytest.raises(InputRejected) as refused:
        check_writable(tmp_path / name)
    assert refused.value.field == "out"
