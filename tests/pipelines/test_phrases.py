"""Sentences filled from frames of any chunks, as filters of files and tables leave them."""

import polars as pl
import pytest

from inventory.store.planning_exceptions import FOUND_SCHEMA
from pipelines.phrases import phrase
from pipelines.planning_exceptions import NO_HISTORY, seen
from pipelines.row_checks import Judged

ROWS = pl.DataFrame({"row": [1, 2, 3, 4], "sku": ["A", "X", "A", "Y"], "location": ["S"] * 4})


def in_chunks(frame):
    """The frame in chunks of one row."""
    return pl.concat([frame[n] for n in range(len(frame))], rechunk=False)


def odd_rows_of_chunks():
    """Rows 2 and 4 of four chunks, the others left empty."""
    found = in_chunks(ROWS)
    found = found.filter(found["sku"].is_in(["X", "Y"]))
    assert 0 in [len(chunk) for chunk in found["sku"].get_chunks()]
    return found


def test_the_frame_is_one_that_polars_cannot_format():
    """When polars can, `phrase` may go."""
    with pytest.raises(BaseException, match="assertion failed"):
        odd_rows_of_chunks().select(pl.format("{} here", "sku"))  # noqa: TID251 - the fault itself.


def test_a_sentence_is_filled_where_chunks_are_empty():
    found = odd_rows_of_chunks().select(phrase("row {} is {}", "row", pl.col("sku").str.head(1)))
    assert found.to_series().to_list() == ["row 2 is X", "row 4 is Y"]


def test_what_is_not_known_leaves_the_sentence_unsaid():
    frame = pl.DataFrame({"sku": ["A", None]})
    assert frame.select(phrase("{}!", "sku")).to_series().to_list() == ["A!", None]


def test_bad_rows_of_many_chunks_are_named():
    frame = in_chunks(ROWS)
    judged = Judged(frame, frame)
    judged.reject_unknown("sku", {"A"}, kind="SKU", remedy="add it")
    judged.reject_repeats(("location",))
    assert judged.rejected.select("row", "field", "problem").rows() == [
        (2, "sku", "SKU 'X' is not in the catalogue"),
        (2, "location", "a row for this location came before, in row 1"),
        (3, "location", "a row for this location came before, in row 1"),
        (4, "sku", "SKU 'Y' is not in the catalogue"),
        (4, "location", "a row for this location came before, in row 1"),
    ]


def test_exceptions_of_a_table_of_many_chunks():
    found = seen(odd_rows_of_chunks(), NO_HISTORY)
    assert found.columns == list(FOUND_SCHEMA)
    assert found["sku"].to_list() == ["X", "Y"]
    assert "X" in found["message"][0]
